"""The SOCKS5 dialogue (RFC 1928, RFC 1929) over an open stream, in the messages of the client's own library."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from socksio import ProtocolError
from socksio.socks5 import (
    SOCKS5AuthMethod,
    SOCKS5AuthMethodsRequest,
    SOCKS5Command,
    SOCKS5CommandRequest,
    SOCKS5Reply,
    SOCKS5UsernamePasswordReply,
    SOCKS5UsernamePasswordRequest,
)

from claudecheck.failures import Failure
from claudecheck.probes.tls.stream import Stream
from claudecheck.route import Proxy

_VERSION = 5
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
    signed_in: bool = False  # user name and password were sent: the proxy had asked for them


class Reader:
    """Reads exactly so many bytes before `end`, a moment of the monotonic clock, and keeps all that it has read."""

    def __init__(self, stream: Stream, end: float) -> None:
        self._stream, self._end = stream, end
        self.received = b""

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._stream.settimeout(left)
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
    offered = SOCKS5AuthMethod.USERNAME_PASSWORD if proxy.has_credentials else SOCKS5AuthMethod.NO_AUTH_REQUIRED
    user, password = (text.encode("utf-8", "surrogateescape") for text in (proxy.username, proxy.password.reveal()))
    try:
        login = SOCKS5UsernamePasswordRequest(user, password).dumps()
        target = SOCKS5CommandRequest.from_address(SOCKS5Command.CONNECT, (host, port)).dumps()
    except (ValueError, OverflowError) as error:  # a length that does not fit its byte
        return Answer(Failure.CLIENT_REFUSED, str(error))
    stream.sendall(SOCKS5AuthMethodsRequest([offered]).dumps())
    version, method = reader.exactly(2)
    if version != _VERSION:
        return Answer(Failure.NOT_A_PROXY, "the answer is not SOCKS5")
    if method != offered[0]:
        wanted = _METHODS.get(method, f"method {method}")
        if method == _NO_ACCEPTABLE_METHOD:
            wanted = "another way to authenticate" if proxy.has_credentials else "authentication"
        return Answer(Failure.PROXY_AUTH_REQUIRED, f"the proxy wants {wanted}")
    if proxy.has_credentials:
        stream.sendall(login)
        if not SOCKS5UsernamePasswordReply.loads(reader.exactly(2)).success:
            return Answer(Failure.PROXY_AUTH_REQUIRED, "the proxy refuses this username and password", signed_in=True)
    stream.sendall(target)
    return replace(_reply(reader), signed_in=proxy.has_credentials)


def _reply(reader: Reader) -> Answer:
    """The library wants a reply whole; how long one is, its first bytes say."""
    head = reader.exactly(4)
    version, reply, _reserved, kind = head
    if version != _VERSION:
        return Answer(Failure.NOT_A_PROXY, "the answer is not SOCKS5")
    if reply != 0:
        words, failure = _REPLIES.get(reply, ("an unknown reply", Failure.PROXY_UPSTREAM_FAILED))
        return Answer(failure, f"{words} (SOCKS reply {reply})")
    rest = reader.exactly(_BOUND_ADDRESS_BYTES.get(kind) or reader.exactly(1)[0])
    try:
        SOCKS5Reply.loads(head + rest + reader.exactly(2))
    except ProtocolError as error:
        return Answer(Failure.NOT_A_PROXY, f"the answer is not SOCKS5: {error}")
    return Answer()
