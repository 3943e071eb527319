"""Nameservers asked directly: a responder on loopback that answers in one way, over UDP, TCP and HTTPS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from claudecheck.failures import Failure
from claudecheck.observations import NameLookup
from claudecheck.probes.names import nameservers, resolve
from claudecheck.route import Route
from tests.probe_peers import closed_port, issue, peer, read_head, seen, speaks_tls, walk

NAME = "api.anthropic.com"
Respond = Callable[[dns.message.Message], bytes | None]


@contextlib.contextmanager
def nameserver(udp: Respond, tcp: Respond | None = None) -> Iterator[str]:
    """A nameserver on one port of loopback; without `tcp` nothing listens there. None is silence."""

    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, asker = sock.recvfrom(4096)
                if not data:
                    return  # shut down
                answer = udp(dns.message.from_wire(data))
                if answer is not None:
                    sock.sendto(answer, asker)

    def over_tcp(connection: socket.socket) -> None:
        (length,) = struct.unpack("!H", connection.recv(2))
        answer = (tcp or udp)(dns.message.from_wire(connection.recv(length)))
        if answer is not None:
            connection.sendall(struct.pack("!H", len(answer)) + answer)

    with contextlib.ExitStack() as stack:
        port = stack.enter_context(peer(over_tcp)) if tcp else 0
        sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind(("127.0.0.1", port))
        thread = threading.Thread(target=serve, args=(sock,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{sock.getsockname()[1]}"
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def reply(query: dns.message.Message, *records: str, rcode: int = 0, flags: int = 0) -> bytes:
    """An answer with these records, each "name type value"."""
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.Rcode(rcode))
    answer.flags |= flags
    for record in records:
        name, kind, value = record.split(" ")
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, value))
    return answer.to_wire()


def good(query: dns.message.Message) -> bytes:
    alias = f"{NAME}. CNAME edge.example."
    if query.question[0].rdtype == dns.rdatatype.A:
        return reply(query, alias, "edge.example. A 192.0.2.1", "other.example. A 192.0.2.9")
    return reply(query, alias, "edge.example. AAAA 2001:db8::1")


def test_an_answer_gives_the_addresses_behind_the_aliases_and_nothing_else() -> None:
    with nameserver(good) as server:
        told = nameservers.ask(walk(), server, NAME, "ipv4")
    assert told.failure is None
    assert told.addresses == ["192.0.2.1"]
    assert told.canonical == "edge.example"
    assert (told.via, told.transport, told.rcode, told.truncated) == (server, "udp", "NOERROR", False)


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        (dns.rcode.NXDOMAIN, Failure.NAME_NOT_FOUND),
        (dns.rcode.SERVFAIL, Failure.SERVER_FAILURE),
        (dns.rcode.NOTIMP, Failure.SERVER_FAILURE),
        (dns.rcode.REFUSED, Failure.QUERY_REFUSED),
        (dns.rcode.NOERROR, Failure.NO_ADDRESS),
        (dns.rcode.YXDOMAIN, Failure.UNKNOWN),
    ],
)
def test_every_answer_code_is_a_failure_of_its_own(rcode: int, failure: Failure) -> None:
    with nameserver(lambda query: reply(query, rcode=rcode)) as server:
        told = nameservers.ask(walk(), server, NAME, "ipv4")
    assert told.failure is failure
    assert told.rcode == dns.rcode.to_text(dns.rcode.Rcode(rcode))
    assert told.error


def test_silence_and_nobody_there_are_told_apart() -> None:
    with nameserver(lambda _: None) as server:
        assert nameservers.ask(walk(), server, NAME, "ipv4", limit_s=0.3).failure is Failure.TIMED_OUT
    assert nameservers.ask(walk(), server, NAME, "ipv4").failure is Failure.REFUSED
    nowhere = f"127.0.0.1:{closed_port()}"
    assert nameservers.ask(walk(), nowhere, NAME, "ipv4", transport="tcp").failure is Failure.REFUSED


def test_one_lost_packet_is_no_silence() -> None:
    lost: list[int] = []

    def loses_the_first(query: dns.message.Message) -> bytes | None:
        lost.append(query.id)
        return good(query) if len(lost) > 1 else None

    with nameserver(loses_the_first) as server:
        told = nameservers.ask(walk(), server, NAME, "ipv4", limit_s=0.6)
    assert told.failure is None
    assert len(set(lost)) == 1 < len(lost)


def test_an_answer_to_another_question_is_not_taken() -> None:
    def forged(query: dns.message.Message) -> bytes:
        query.id ^= 1
        return good(query)

    with nameserver(forged) as server:
        assert nameservers.ask(walk(), server, NAME, "ipv4", limit_s=0.3).failure is Failure.TIMED_OUT


def test_a_truncated_answer_stays_one_and_tcp_is_a_question_of_its_own() -> None:
    def cut(query: dns.message.Message) -> bytes:
        return reply(query, flags=dns.flags.TC)

    with nameserver(cut, tcp=good) as server:
        told = nameservers.ask(walk(), server, NAME, "ipv4")
        assert (told.truncated, told.failure) == (True, Failure.NO_ADDRESS)
        assert nameservers.ask(walk(), server, NAME, "ipv4", transport="tcp").addresses == ["192.0.2.1"]


def test_a_tcp_connection_that_ends_without_an_answer_is_closed() -> None:
    with nameserver(good, tcp=lambda _: None) as server:
        assert nameservers.ask(walk(), server, NAME, "ipv4", transport="tcp").failure is Failure.CLOSED


def test_a_tcp_answer_that_is_garbage_is_malformed() -> None:
    with nameserver(good, tcp=lambda _: b"\x00" * 5) as server:
        assert nameservers.ask(walk(), server, NAME, "ipv4", transport="tcp").failure is Failure.MALFORMED


def test_all_nameservers_and_families_are_asked_side_by_side() -> None:
    everyone = threading.Barrier(3)

    def once_all_are_asked(query: dns.message.Message) -> bytes:
        everyone.wait(20)
        return good(query)

    with contextlib.ExitStack() as stack:
        first, second, third = (stack.enter_context(nameserver(once_all_are_asked)) for _ in range(3))
        told = nameservers.ask_all(walk(), NAME, [first, second, third], limit_s=30)
    assert [(entry.via, entry.family, entry.ok) for entry in told] == [
        (server, family, True) for server in (first, second, third) for family in ("ipv4", "ipv6")
    ]


def test_a_silent_nameserver_takes_no_longer_than_its_limit_and_holds_no_other() -> None:
    with nameserver(good) as answers, nameserver(lambda _: None) as silent:
        told = nameservers.ask_all(walk(), NAME, [silent, answers], families=("ipv4",), limit_s=2)
    assert [(entry.via, entry.failure) for entry in told] == [(silent, Failure.TIMED_OUT), (answers, None)]
    assert told[1].duration_ms < told[0].duration_ms


def test_the_routes_nameserver_is_asked_again_over_tcp_where_its_answer_was_cut() -> None:
    def cut(query: dns.message.Message) -> bytes:
        return reply(query, flags=dns.flags.TC)

    with nameserver(cut, tcp=good) as server:
        going = walk(replace(Route(), resolver=server))
        found = resolve.lookup(going, NAME, 443)
    assert {address.text for address in found} == {"192.0.2.1", "2001:db8::1"}
    whole = [told for told in seen(going) if isinstance(told, NameLookup) and told.family == "any"]
    assert [(told.via, told.transport, told.failure) for told in whole] == [(server, "", None)]
    assert whole[0].canonical == "edge.example"


@pytest.mark.parametrize(
    ("server", "address", "port"),
    [
        ("10.0.0.2", "10.0.0.2", 53),
        ("10.0.0.2:5353", "10.0.0.2", 5353),
        ("::1", "::1", 53),
        ("[::1]:5353", "::1", 5353),
        ("fe80::1%eth0", "fe80::1%eth0", 53),
    ],
)
def test_a_nameserver_is_written_with_or_without_a_port(server: str, address: str, port: int) -> None:
    assert nameservers.split(server) == (address, port)


# -- over HTTPS ------------------------------------------------------------------------------------


def doh(answer: Callable[[bytes], bytes]) -> Callable[[ssl.SSLSocket], None]:
    def serve(inside: ssl.SSLSocket) -> None:
        head, _, body = read_head(inside).partition(b"\r\n\r\n")
        assert b"content-type: application/dns-message" in head.lower()
        while len(body) < 2 or not body.endswith(b"\x00\x01"):
            body += inside.recv(4096)
        inside.sendall(answer(body))

    return serve


def http(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/dns-message\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_dns_over_https_gives_the_same_facts_and_its_own_failures(tmp_path: Path) -> None:
    root = issue("Test Root", ca=True)
    context = issue("127.0.0.1", by=root).server_context(tmp_path)
    going = walk(replace(Route(), trust=root.trust(tmp_path)))
    answers: list[tuple[Callable[[bytes], bytes], Failure | None]] = [
        (lambda body: http(good(dns.message.from_wire(body))), None),
        (lambda body: http(reply(dns.message.from_wire(body), rcode=3)), Failure.NAME_NOT_FOUND),
        (lambda _: http(b"no", "403 Forbidden"), Failure.MALFORMED),
        (lambda _: http(b"<html>"), Failure.MALFORMED),
    ]
    for answer, failure in answers:
        with peer(speaks_tls(context, doh(answer))) as port:
            url = f"https://127.0.0.1:{port}/dns-query"
            told = nameservers.ask(going, url, NAME, "ipv4", transport="https", configured=False)
        assert told.failure is failure, told.error
        assert (told.via, told.transport, told.configured) == (url, "https", False)
    nowhere = f"https://127.0.0.1:{closed_port()}/dns-query"
    assert nameservers.ask(going, nowhere, NAME, "ipv4", transport="https").failure is Failure.REFUSED
