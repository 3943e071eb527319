"""Foreign bytes of every other kind: nameservers' answers and certificates become facts, or a failure."""

import socket
from contextlib import closing

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.failures import Failure
from claudecheck.observations import NameLookup
from claudecheck.probes.names import nameservers
from claudecheck.probes.tls import chain, handshake
from claudecheck.route import Endpoint, Route
from tests import probe_peers

NAME = "api.anthropic.com"


def asked(answer: dns.message.Message | bytes) -> NameLookup:
    """What is recorded of a nameserver that answers so."""

    def exchange(_server: str, query: dns.message.Message, _limit_s: float) -> dns.message.Message:
        return dns.message.from_wire(answer) if isinstance(answer, bytes) else answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(nameservers, "_udp", exchange)
        return nameservers.ask(probe_peers.walk(), "192.0.2.1", NAME, "ipv4")


def answering(*records: str) -> dns.message.Message:
    reply = dns.message.make_response(dns.message.make_query(NAME, "A"))
    for record in records:
        name, ttl, kind, sort, data = record.split(" ", 4)
        reply.answer.append(dns.rrset.from_text(name, int(ttl), kind, sort, data))
    return reply


@pytest.mark.parametrize(
    "records",
    [
        (f"{NAME}. 1 IN CNAME {NAME}.",),
        (f"{NAME}. 1 IN CNAME b.example.", f"b.example. 1 IN CNAME {NAME}."),
        (f"{NAME}. 1 IN CNAME b.example.", "c.example. 1 IN A 192.0.2.1"),
        (f"{NAME}. 1 IN TXT text",),
        (),
    ],
    ids=["an alias of itself", "a circle of aliases", "an address of another name", "another type", "nothing"],
)
def test_an_answer_that_leads_nowhere_has_no_address(records: tuple[str, ...]) -> None:
    assert (asked(answering(*records)).failure, asked(answering(*records)).addresses) == (Failure.NO_ADDRESS, [])


WIRE = answering(f"{NAME}. 1 IN CNAME b.example.", "b.example. 1 IN A 192.0.2.1").to_wire()


@given(st.binary(max_size=600))
def test_any_bytes_of_a_nameserver_are_an_answer_or_a_failure(answer: bytes) -> None:
    seen = asked(answer)
    assert seen.ok == bool(seen.addresses)


@given(st.lists(st.tuples(st.integers(0, len(WIRE) - 1), st.integers(0, 255)), max_size=4))
def test_an_answer_with_some_bytes_changed_is_an_answer_or_a_failure(changes: list[tuple[int, int]]) -> None:
    answer = bytearray(WIRE)
    for place, value in changes:
        answer[place] = value
    seen = asked(bytes(answer))
    assert seen.ok == bool(seen.addresses)


DER = probe_peers.issue("a.example").der


@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), max_size=4) | st.binary(max_size=200))
def test_any_certificate_has_facts_and_a_verdict(changes: list[tuple[int, int]] | bytes) -> None:
    der = changes if isinstance(changes, bytes) else bytearray(DER)
    if isinstance(changes, list) and isinstance(der, bytearray):
        for place, value in changes:
            der[place] = value
    broken = bytes(der)
    assert chain.facts(broken).sha256
    chain.covers(broken, "a.example")
    chain.judge([broken, broken], ())


RECORDS = {
    "hello requests": b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 4000,
    "change cipher spec": b"\x14\x03\x03\x00\x01\x01" * 4000,
    "warnings": b"\x15\x03\x03\x00\x02\x01\x5a" * 4000,
    "a hello of 16 MB": b"\x16\x03\x03\x3f\xff\x02\xff\xff\xff" + b"a" * 16000,
    "empty records": b"\x16\x03\x03\x00\x00" * 4000,
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
def test_a_handshake_that_is_flooded_ends_in_time(record: bytes) -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        while True:
            connection.sendall(record)

    with probe_peers.peer(flood) as port:
        walk = probe_peers.walk(Route(endpoint=Endpoint(host="127.0.0.1", port=port)))
        with closing(socket.create_connection(("127.0.0.1", port))) as sock:
            seen, secured = handshake.shake(walk, sock, address="127.0.0.1", port=port, server_name="", limit_s=0.4)
    assert secured is None
    assert seen.failure in (Failure.TIMED_OUT, Failure.UNKNOWN, Failure.ALERT, Failure.CLOSED)
    assert seen.duration_ms < 5000
