"""The SOCKS5 dialogue (RFC 1928, RFC 1929) over an open stream, as the SDK's HTTP stack speaks it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from claudecheck.failures import Failure
from claudecheck.probes.tls.stream import Stream
from claudecheck.route import Proxy

_VERSION = 5
_NO_AUTHENTICATION = 0
_PASSWORD = 2
_NO_ACCEPTABLE_METHOD = 0xFF
_METHODS = {0: "no authentication", 1: "GSSAPI", 2: "a password"}

# Reply field of RFC 1928, section 6.
_REPLIES = {
    1: ("general SOCKS server failure", Failure.PROXY_UPSTREAM_FAILED),
    2: ("connection not allowed by ruleset", Failure.PROXY_DENIED),
    3: ("network unreachable", Failure.PROXY_UPSTREAM_FAILED),
    4: ("host unreachable", Failure.PROXY_UPSTREAM_FAILED),
    5: ("connection refused", Failure.PROXY_UPSTREAM_FAILED),
    6: ("TTL expired", Failure.PROXY_UPSTREAM_FAILED),
    7: ("command not supported", Failure.NOT_A_PROXY),
    8: ("address type not supported", Failure.NOT_A_PROXY),
}
_BOUND_ADDRESS_BYTES = {1: 4, 4: 16}


@dataclass(frozen=True)
class Answer:
    """How the dialogue ended. `failure` is None when the stream now leads to the target."""

    failure: Failure | None = None
    error: str = ""


class Reader:
    """Reads exactly so many bytes, counts them, and keeps the first ones."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.received = b""

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._stream.recv(count - len(data))
            if not piece:
                raise EOFError
            self.received += piece
            data += piece
        return data


def negotiate(stream: Stream, reader: Reader, proxy: Proxy, host: str, port: int) -> Answer:
    """Ask the proxy for a connection. Raises OSError and EOFError like the stream itself.

    The host goes as a name: httpcore never resolves it for SOCKS, whether the scheme is socks5 or socks5h.
    """
    offered = _PASSWORD if proxy.has_credentials else _NO_AUTHENTICATION
    stream.sendall(bytes([_VERSION, 1, offered]))
    version, method = reader.exactly(2)
    if version != _VERSION:
        return Answer(Failure.NOT_A_PROXY, "the answer is not SOCKS5")
    if method != offered:
        wanted = _METHODS.get(method, f"method {method}")
        if method == _NO_ACCEPTABLE_METHOD:
            wanted = "another way to authenticate" if proxy.has_credentials else "authentication"
        return Answer(Failure.PROXY_AUTH_REQUIRED, f"the proxy wants {wanted}")
    if offered == _PASSWORD:
        user, password = (
            text.encode("utf-8", "surrogateescape")[:255] for text in (proxy.username, proxy.password.reveal())
        )
        stream.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if reader.exactly(2)[1] != 0:
            return Answer(Failure.PROXY_AUTH_REQUIRED, "the proxy refuses this username and password")
    stream.sendall(bytes([_VERSION, 1, 0]) + _address(host) + port.to_bytes(2, "big"))
    version, reply, _reserved, kind = reader.exactly(4)
    if version != _VERSION:
        return Answer(Failure.NOT_A_PROXY, "the answer is not SOCKS5")
    if reply != 0:
        words, failure = _REPLIES.get(reply, ("an unknown reply", Failure.PROXY_UPSTREAM_FAILED))
        return Answer(failure, f"{words} (SOCKS reply {reply})")
    length = _BOUND_ADDRESS_BYTES.get(kind) or reader.exactly(1)[0]
    reader.exactly(length + 2)
    return Answer()


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii", "ignore")[:255]
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 4]) + address.packed
