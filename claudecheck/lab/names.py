"""A nameserver on loopback, over UDP and TCP, that tells the truth about every name but one."""

from __future__ import annotations

from collections.abc import Callable

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from claudecheck.lab.loopback import Connection
from claudecheck.lab.parts import API_NAME, CONTROL_NAME, Names

TTL = 5
BLOCK_PAGE = "127.10.10.10"  # of this machine, so that no packet leaves it; nothing listens there

#: What every lab's nameserver says truthfully; the API's name is answered as the fault wants.
_ZONE = dns.name.from_text("claudecheck.test.")
_CONTROL = dns.name.from_text(CONTROL_NAME)
_RCODES = {
    "name-not-found": dns.rcode.NXDOMAIN,
    "server-failure": dns.rcode.SERVFAIL,
    "refused": dns.rcode.REFUSED,
}


class NameServer:
    """Answers one question at a time. `asked` holds (name, type, transport) of each."""

    def __init__(self, setup: Names, *, host: str, wait: Callable[[float], object]) -> None:
        self._setup = setup
        self._names = {dns.name.from_text(host), dns.name.from_text(API_NAME)}
        self._wait = wait
        self.asked: list[tuple[str, str, str]] = []

    def answer_datagram(self, wire: bytes) -> bytes | None:
        response = self._answer(wire, "udp")
        return None if response is None else response.to_wire()

    def serve_stream(self, connection: Connection) -> None:
        while True:
            length = int.from_bytes(connection.read_exactly(2), "big")
            response = self._answer(connection.read_exactly(length), "tcp")
            if response is None:
                connection.hold()
                return
            data = response.to_wire()
            connection.send(len(data).to_bytes(2, "big") + data)

    def _answer(self, wire: bytes, transport: str) -> dns.message.Message | None:
        try:
            query = dns.message.from_wire(wire)
            (question,) = query.question
        except (dns.exception.DNSException, ValueError):
            return None
        self.asked.append(
            (question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype), transport)
        )
        setup = self._setup
        if setup.answer in ("silence", "refused"):  # of the whole server, not of one name
            return None if setup.answer == "silence" else _response(query, dns.rcode.REFUSED)
        if setup.delay_s:
            self._wait(setup.delay_s)
        if question.name not in self._names:
            return _truth(query, question)
        if setup.answer == "no-ipv6-answer" and question.rdtype == dns.rdatatype.AAAA:
            return _response(query, dns.rcode.SERVFAIL)
        if setup.answer in _RCODES:
            return _response(query, _RCODES[setup.answer])
        if setup.answer == "truncated":
            response = _response(query)
            response.flags |= dns.flags.TC
            return response
        return _with_addresses(query, question, self._addresses())

    def _addresses(self) -> tuple[str, ...]:
        if self._setup.answer == "no-address":
            return ()
        if self._setup.answer == "sinkhole":
            return ("0.0.0.0", "::")
        if self._setup.answer == "block-page":
            return (BLOCK_PAGE,)
        return self._setup.addresses


def _truth(query: dns.message.Message, question: dns.rrset.RRset) -> dns.message.Message:
    if question.name == _CONTROL:
        return _with_addresses(query, question, ("127.0.0.1",))
    return _response(query, dns.rcode.NXDOMAIN)


def _with_addresses(
    query: dns.message.Message, question: dns.rrset.RRset, addresses: tuple[str, ...]
) -> dns.message.Message:
    of_kind = [a for a in addresses if (":" in a) == (question.rdtype == dns.rdatatype.AAAA)]
    response = _response(query)
    if of_kind and question.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        response.authority.clear()
        response.answer.append(dns.rrset.from_text_list(question.name, TTL, "IN", question.rdtype, of_kind))
    return response


def _response(query: dns.message.Message, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
    """With the zone's SOA, from which a resolver reads how long a denial holds (RFC 2308)."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        soa = f"ns.{_ZONE} hostmaster.{_ZONE} 1 3600 600 86400 {TTL}"
        response.authority.append(dns.rrset.from_text(_ZONE, TTL, "IN", "SOA", soa))
    return response
