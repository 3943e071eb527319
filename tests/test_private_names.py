"""The name of a private gateway on the wire: which resolvers hear it, watched by one that is listened to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import pytest

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.questions import Facts
from claudecheck.diagnosis.third_parties import ThirdParties
from claudecheck.failures import Failure, Stage
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.observations import NameLookup
from claudecheck.probes.walk import Walk
from claudecheck.route import Endpoint, Route
from claudecheck.run.vary import Walker


class Heard:
    """A nameserver and a DNS-over-HTTPS server at one port, which answer nothing useful and remember everything."""

    def __init__(self, datagrams: socket.socket, connections: socket.socket) -> None:
        self.names: set[str] = set()
        self.connections = 0
        self.at = f"127.0.0.1:{datagrams.getsockname()[1]}"
        self.over_https = f"https://127.0.0.1:{connections.getsockname()[1]}/dns-query"
        threading.Thread(target=self._listen, args=(datagrams,), daemon=True).start()
        threading.Thread(target=self._accept, args=(connections,), daemon=True).start()

    def _listen(self, datagrams: socket.socket) -> None:
        while True:
            try:
                asked, sender = datagrams.recvfrom(4096)
                query = dns.message.from_wire(asked)
                self.names.add(query.question[0].name.to_text(omit_final_dot=True))
                datagrams.sendto(dns.message.make_response(query).to_wire(), sender)
            except OSError:
                return

    def _accept(self, connections: socket.socket) -> None:
        while True:
            try:
                connections.accept()[0].close()
            except OSError:
                return
            self.connections += 1


@contextmanager
def listening() -> Iterator[Heard]:
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as connections:
        datagrams.bind(("127.0.0.1", 0))
        connections.bind(("127.0.0.1", 0))
        connections.listen()
        yield Heard(datagrams, connections)


def ask(host: str, heard: Heard, *, named: bool = False) -> None:
    """All that a lookup which failed calls for, with the listener in the place of the public resolvers."""
    route = Route(endpoint=Endpoint(host=host))
    others = ThirdParties(
        controls=(), resolvers=(heard.at,), resolvers_named=named, dns_over_https=heard.over_https, portals=()
    )
    lost = NameLookup(name=host, failure=Failure.NAME_NOT_FOUND)
    walk = Walk(route=route, writer=JournalWriter(Deadline(10)))
    Walker(walk, 2.0).walk_all(questions.asks(Facts(stage=Stage.DNS, route=route, others=others, seen=lost)))


@pytest.mark.parametrize("host", ["llm.corp.internal", "gateway.example.com", "api.anthropic.com.corp.example"])
def test_no_resolver_but_this_machines_own_hears_the_name_of_a_private_gateway(host: str) -> None:
    with listening() as heard:
        ask(host, heard)
        assert (heard.names, heard.connections) == (set(), 0)


def test_the_official_name_is_asked_of_all_of_them() -> None:
    with listening() as heard:
        ask("api.anthropic.com", heard)
        assert heard.names == {"api.anthropic.com"}
        assert heard.connections > 0


def test_a_resolver_that_the_user_named_hears_it_and_dns_over_https_does_not() -> None:
    with listening() as heard:
        ask("llm.corp.internal", heard, named=True)
        assert (heard.names, heard.connections) == ({"llm.corp.internal"}, 0)
