"""TCP to an address, and to every address of a name side by side. States what the kernel said; judges nothing."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys
from collections.abc import Sequence
from functools import partial

import msgspec

from claudecheck.failures import Failure
from claudecheck.observations import Purpose, TcpConnect
from claudecheck.probes import side_by_side, system_errors, tcp_info
from claudecheck.probes.names.resolve import Address
from claudecheck.probes.walk import Walk

#: The SDK's own limit for one address, in every version.
CONNECT_LIMIT_S = 5.0
#: A name can be given any number of addresses by whoever answers for it; each costs a thread and a socket.
MOST_ADDRESSES = 16

#: What was seen, and the socket where there is one.
Attempt = tuple[TcpConnect, socket.socket | None]

# <linux/in.h>, <linux/in6.h>: Python names them only from 3.14 on.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ORIGIN_ICMP = (2, 3)  # SO_EE_ORIGIN_ICMP and _ICMP6 of <linux/errqueue.h>

# "Destination unreachable" of RFC 792 (type 3) and RFC 4443 (type 1): code → words, and whether a rule said so.
_ICMP_V4 = {
    0: ("network unreachable", False),
    1: ("host unreachable", False),
    2: ("protocol unreachable", False),
    3: ("port unreachable", False),
    9: ("network administratively prohibited", True),
    10: ("host administratively prohibited", True),
    13: ("communication administratively prohibited", True),
}
_ICMP_V6 = {
    0: ("no route to destination", False),
    1: ("communication administratively prohibited", True),
    3: ("address unreachable", False),
    4: ("port unreachable", False),
    5: ("source address failed policy", True),
    6: ("reject route", True),
}


def connect(
    walk: Walk,
    address: str,
    port: int,
    *,
    purpose: Purpose = "api",
    name: str = "",
    order: int = 0,
    limit_s: float = CONNECT_LIMIT_S,
    max_segment: int = 0,
) -> Attempt:
    """One connection attempt. The socket is the caller's to close; None when the attempt failed."""
    started = walk.start()
    facts = TcpConnect(address=address, port=port, order=order, purpose=purpose, name=name, max_segment=max_segment)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock: socket.socket | None = None
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        _prepare(sock, family, max_segment)
        sock.settimeout(max(walk.deadline.share(limit_s), 0.001))
        sock.connect((address, port))
        _hear_icmp(sock, family, on=False)
        local = sock.getsockname()[0]
    except (OSError, ValueError, OverflowError) as error:  # the last two: an address or port that is none
        failed = _failed(facts, error if isinstance(error, OSError) else OSError(str(error)), sock, family)
        if sock is not None:
            sock.close()
        return walk.record(failed, started), None
    seen = msgspec.structs.replace(facts, local_address=local, retransmits=tcp_info.sent_again(sock)[0])
    return walk.record(seen, started), sock


def start_all(
    walk: Walk,
    addresses: Sequence[Address],
    port: int,
    *,
    purpose: Purpose = "api",
    name: str = "",
    limit_s: float = CONNECT_LIMIT_S,
) -> side_by_side.Started[Attempt]:
    """Every address side by side, each with its own clock."""
    return side_by_side.Started(
        [
            partial(
                connect,
                walk,
                address.text,
                port,
                purpose=purpose,
                name=name,
                order=order,
                limit_s=limit_s,
                max_segment=walk.route.max_segment,
            )
            for order, address in enumerate(addresses[:MOST_ADDRESSES])
        ]
    )


def close_all(started: side_by_side.Started[Attempt], limit_s: float) -> side_by_side.Started[object]:
    """Each attempt ends at its limit, and what it has opened is closed: beside whatever comes next."""

    def close() -> object:
        for _, (_, sock) in started.finished(limit_s + 1.0):
            if sock is not None:
                sock.close()
        return None

    return side_by_side.Started([close])


def connect_all(
    walk: Walk,
    addresses: Sequence[Address],
    port: int,
    *,
    purpose: Purpose = "api",
    name: str = "",
    keep_first: bool = True,
    limit_s: float = CONNECT_LIMIT_S,
) -> tuple[list[TcpConnect], socket.socket | None]:
    """Every address side by side, each with its own clock, to the last one's end.

    The socket is the one that a synchronous client would end on: the first, in the order of
    `addresses`, that connected. All others are closed.
    """
    started = start_all(walk, addresses, port, purpose=purpose, name=name, limit_s=limit_s)
    # Each attempt ends itself at its limit; the margin is for a thread that gets its turn late.
    ends = [end for _, end in sorted(started.finished(walk.deadline.share(limit_s) + 1.0), key=lambda end: end[0])]
    sockets = [sock for _, sock in ends if sock is not None]
    kept = sockets[0] if sockets and keep_first else None
    for sock in sockets:
        if sock is not kept:
            sock.close()
    return [seen for seen, _ in ends], kept


def _prepare(sock: socket.socket, family: int, max_segment: int) -> None:
    """The options of the SDK's transport, before the connect so that they also hold for it."""
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
        if hasattr(socket, option):
            sock.setsockopt(tcp, getattr(socket, option), value)
    if max_segment and not hasattr(socket, "TCP_MAXSEG"):
        raise OSError(errno.EOPNOTSUPP, "this system does not let a program choose the segment size")
    if max_segment:
        sock.setsockopt(tcp, socket.TCP_MAXSEG, max_segment)
    _hear_icmp(sock, family, on=True)


def _hear_icmp(sock: socket.socket, family: int, *, on: bool) -> None:
    """Linux keeps the ICMP message that ended a connect, when asked to before; an errno hides its code.

    Switched off again afterwards: on an open connection it would turn passing errors into final ones.
    """
    if sys.platform != "linux":
        return
    six = family == socket.AF_INET6
    level, option = (socket.IPPROTO_IPV6, _IPV6_RECVERR) if six else (socket.IPPROTO_IP, _IP_RECVERR)
    try:
        sock.setsockopt(level, option, int(on))
    except OSError:  # gVisor and the like
        return


def _failed(facts: TcpConnect, error: OSError, sock: socket.socket | None, family: int) -> TcpConnect:
    failure = system_errors.failure_of(error, family)
    if isinstance(error, TimeoutError):
        failure = Failure.TIMED_OUT
    text = str(error) or type(error).__name__
    retransmits, icmp_from = 0, ""
    if sock is not None:
        retransmits = tcp_info.sent_again(sock)[0]
        icmp = _icmp(sock)
        if icmp is not None:
            words, by_rule, icmp_from = icmp
            failure = Failure.PROHIBITED if by_rule else failure
            text += f" (ICMP {words}, from {icmp_from})"
    return msgspec.structs.replace(
        facts,
        local_address=_source(facts.address, family),
        failure=failure,
        error=text,
        errno_name=system_errors.name_of(error),
        retransmits=retransmits,
        icmp_from=icmp_from,
    )


def _icmp(sock: socket.socket) -> tuple[str, bool, str] | None:
    """The ICMP message in the socket's error queue: its words, whether a rule sent it, and its sender."""
    if sys.platform != "linux":
        return None
    try:
        sock.setblocking(False)
        ancillary = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE)[1]
    except OSError:
        return None
    for _level, _kind, data in ancillary:
        # struct sock_extended_err, then the sockaddr of the sender.
        _errno, origin, _type, code, _pad, _info, _data = struct.unpack_from("=IBBBBII", data)
        if origin not in _ORIGIN_ICMP:
            continue
        if origin == _ORIGIN_ICMP[0]:
            table, sender = _ICMP_V4, data[20:24]
        else:
            table, sender = _ICMP_V6, data[24:40]
        words, by_rule = table.get(code, (f"unreachable, code {code}", False))
        return words, by_rule, str(ipaddress.ip_address(sender))
    return None


def _source(address: str, family: int) -> str:
    """The address of this machine on the way there, asked by connecting a UDP socket, which sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 443))
            return str(sock.getsockname()[0])
    except OSError:
        return ""
