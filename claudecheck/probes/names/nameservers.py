"""One nameserver asked directly, by its own protocol: what it says, in its own answer codes. Judges nothing."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import msgspec

from claudecheck.failures import Failure
from claudecheck.observations import Family, NameLookup, Purpose, Transport
from claudecheck.probes import decoding, side_by_side, system_errors
from claudecheck.probes.tls import stores as trust
from claudecheck.probes.walk import Walk

NAMESERVER_LIMIT_S = 2.0
LONGEST_ANSWER = 65535  # of any DNS message: its length is told in two bytes

Exchange = Callable[[str, dns.message.Message, float], dns.message.Message]

_TYPES = {"ipv4": dns.rdatatype.A, "ipv6": dns.rdatatype.AAAA}
_RCODES = {
    dns.rcode.NXDOMAIN: Failure.NAME_NOT_FOUND,
    dns.rcode.SERVFAIL: Failure.SERVER_FAILURE,
    dns.rcode.FORMERR: Failure.SERVER_FAILURE,
    dns.rcode.NOTIMP: Failure.SERVER_FAILURE,
    dns.rcode.REFUSED: Failure.QUERY_REFUSED,
}


class NoDnsAnswerError(Exception):
    """Something else came back: a page, or an HTTP status."""


def ask(
    walk: Walk,
    server: str,
    host: str,
    family: Family,
    *,
    transport: Transport = "udp",
    configured: bool = True,
    purpose: Purpose = "api",
    limit_s: float = NAMESERVER_LIMIT_S,
) -> NameLookup:
    """One question to one nameserver, recorded.

    `server` is "10.0.0.2", "10.0.0.2:5353", "[::1]:53", or a URL when `transport` is "https"; `family`
    is "ipv4" or "ipv6". A truncated answer stays one: TCP is a question of its own.
    """
    started = walk.start()
    asked = NameLookup(
        name=host, via=server, family=family, transport=transport, configured=configured, purpose=purpose
    )
    return walk.record(_answer(walk, asked, walk.deadline.share(limit_s)), started)


def ask_all(
    walk: Walk,
    host: str,
    servers: Sequence[str],
    *,
    families: Sequence[Family] = ("ipv4", "ipv6"),
    transport: Transport = "udp",
    configured: bool = True,
    limit_s: float = NAMESERVER_LIMIT_S,
) -> list[NameLookup]:
    """Every nameserver and family side by side, in the order of `servers`."""
    jobs = [
        partial(ask, walk, server, host, family, transport=transport, configured=configured, limit_s=limit_s)
        for server in servers
        for family in families
    ]
    return [seen for seen in side_by_side.run(jobs, walk.deadline.share(limit_s) + 1.0) if seen is not None]


def _answer(walk: Walk, asked: NameLookup, limit_s: float) -> NameLookup:
    transports: Mapping[str, Exchange] = {"udp": _udp, "tcp": _tcp, "https": partial(_https, walk)}
    try:
        # No EDNS, like the C library: an answer that does not fit 512 bytes comes back truncated.
        query = dns.message.make_query(asked.name, _TYPES[asked.family], use_edns=False)
        reply = transports[asked.transport](asked.via, query, limit_s)
    except (TimeoutError, dns.exception.Timeout):
        return msgspec.structs.replace(asked, failure=Failure.TIMED_OUT, error=f"no answer within {limit_s:.1f} s")
    except OSError as error:
        return msgspec.structs.replace(asked, failure=system_errors.failure_of(error), error=str(error))
    except EOFError:
        return msgspec.structs.replace(asked, failure=Failure.CLOSED, error="closed without an answer")
    except Exception as error:  # whatever the libraries below raise over an answer is that nameserver's failure
        text = f"{type(error).__name__}: {error}"
        return msgspec.structs.replace(asked, failure=Failure.MALFORMED, error=text)
    return _facts(asked, reply)


def _facts(asked: NameLookup, reply: dns.message.Message) -> NameLookup:
    truncated = bool(reply.flags & dns.flags.TC)
    rcode = dns.rcode.to_text(reply.rcode())
    addresses: list[str] = []
    canonical = ""
    failure = _RCODES.get(reply.rcode())
    error = ""
    if failure is None and reply.rcode() != dns.rcode.NOERROR:
        failure = Failure.UNKNOWN
    if failure is None:
        addresses, canonical = _addresses(asked, reply)
        if not addresses:
            failure = Failure.NO_ADDRESS
            error = "the answer is truncated: it needs TCP" if truncated else "the name has no address of this family"
    return msgspec.structs.replace(
        asked,
        rcode=rcode,
        truncated=truncated,
        addresses=addresses,
        canonical=canonical,
        failure=failure,
        error=error or (f"the nameserver says {rcode}" if failure else ""),
    )


def _addresses(asked: NameLookup, reply: dns.message.Message) -> tuple[list[str], str]:
    """The addresses that the answer gives for the name, through its aliases, and the last alias."""
    name = dns.name.from_text(asked.name)
    canonical = ""
    for _ in range(len(reply.answer) + 1):
        for rrset in reply.answer:
            if rrset.name != name:
                continue
            if rrset.rdtype == _TYPES[asked.family]:
                return [str(record) for record in rrset], canonical
            if rrset.rdtype == dns.rdatatype.CNAME:
                name = rrset[0].target
                canonical = name.to_text(omit_final_dot=True)
                break
    return [], canonical


# -- the three transports --------------------------------------------------------------------------


def split(server: str) -> tuple[str, int]:
    """The address and port of "10.0.0.2", "10.0.0.2:5353", "::1" or "[::1]:5353"."""
    try:
        return str(ipaddress.ip_address(server)), 53
    except ValueError:
        parts = urlsplit(f"//{server}")
        return parts.hostname or server, parts.port or 53


def _udp(server: str, query: dns.message.Message, limit_s: float) -> dns.message.Message:
    """Asked twice, for a packet can be lost. The socket is connected, so that "nothing listens there" is heard."""
    address, port = split(server)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((address, port))
        now = time.time()  # the clock that dnspython measures its limits with
        for until in (now + limit_s / 2, now + limit_s):
            dns.query.send_udp(sock, query, None, until)
            try:
                reply: dns.message.Message = dns.query.receive_udp(
                    sock, None, until, ignore_unexpected=True, ignore_errors=True, query=query
                )[0]
            except dns.exception.Timeout:
                continue
            return reply
    raise TimeoutError


def _tcp(server: str, query: dns.message.Message, limit_s: float) -> dns.message.Message:
    address, port = split(server)
    return dns.query.tcp(query, address, limit_s, port)


def _https(walk: Walk, url: str, query: dns.message.Message, limit_s: float) -> dns.message.Message:
    """RFC 8484 by POST. Directly, for what is asked is what this network answers, not what a proxy does."""
    from claudecheck.probes.api.library import httpx

    def post() -> bytes:
        headers = {
            "content-type": "application/dns-message",
            "accept": "application/dns-message",
            "accept-encoding": decoding.OFFERED,
        }
        with (
            httpx.Client(verify=trust.context(walk.route.trust), trust_env=False, timeout=limit_s) as client,
            client.stream("POST", url, content=query.to_wire(), headers=headers) as response,
        ):
            if response.status_code != 200:
                raise NoDnsAnswerError(f"HTTP {response.status_code}")
            received = bytearray()
            for piece in decoding.decoded(response.iter_raw(), response.headers.get("content-encoding", "")):
                received += piece
                if len(received) > LONGEST_ANSWER:
                    raise NoDnsAnswerError("the answer is longer than any DNS message")
            return bytes(received)

    try:
        answer = side_by_side.bounded(post, limit_s)
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except httpx.HTTPError as error:
        raise _cause(error) from error
    if answer is None:
        raise TimeoutError
    return dns.message.from_wire(answer)


def _cause(error: Exception) -> Exception:
    """The socket's own error below httpx's, which keeps the number."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) and link.errno:
            return link
        link = link.__cause__ or link.__context__
    return NoDnsAnswerError(str(error))
