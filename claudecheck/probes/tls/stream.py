"""What bytes travel over: a socket, a tunnel, TLS, or TLS inside a tunnel. Knows no protocol above it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

CHUNK = 65536


class Stream(Protocol):
    """The part of a socket that the probes use. `socket.socket` is one."""

    def sendall(self, data: bytes, /) -> None: ...

    def recv(self, size: int, /) -> bytes: ...

    def settimeout(self, seconds: float | None, /) -> None: ...

    def close(self) -> None: ...


def socket_of(stream: Stream) -> socket.socket | None:
    """The socket below all layers, for what only it can tell."""
    below: object = stream
    while below is not None and not isinstance(below, socket.socket):
        below = getattr(below, "below", None)
    return below


class Replayed:
    """A stream whose first bytes were read ahead: they are given out again before anything else."""

    def __init__(self, stream: Stream, ahead: bytes) -> None:
        self.below = stream
        self._ahead = ahead

    def sendall(self, data: bytes, /) -> None:
        self.below.sendall(data)

    def recv(self, size: int, /) -> bytes:
        if not self._ahead:
            return self.below.recv(size)
        given, self._ahead = self._ahead[:size], self._ahead[size:]
        return given

    def settimeout(self, seconds: float | None, /) -> None:
        self.below.settimeout(seconds)

    def close(self) -> None:
        self.below.close()


class TlsStream:
    """TLS through memory buffers over any stream, so that every byte is counted and the first ones are kept.

    The standard library's own socket wrapper shows neither, and does not go inside another TLS stream.
    """

    def __init__(self, stream: Stream, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self.below = stream
        self._timeout: float | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self.first_flight = 0  # bytes of the ClientHello with its record headers
        self.sent = 0
        self.received = 0
        self.first_bytes = b""  # of what came back
        self.ended = False  # the peer closed the transport

    def handshake(self) -> None:
        self._drive(self.tls.do_handshake)
        self.flush()

    def sendall(self, data: bytes, /) -> None:
        self._drive(lambda: self.tls.write(data))
        self.flush()

    def recv(self, size: int, /) -> bytes:
        try:
            return self._drive(lambda: self.tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def settimeout(self, seconds: float | None, /) -> None:
        self._timeout = seconds

    def close(self) -> None:
        self.below.close()

    def flush(self) -> None:
        """Send what TLS has ready: the last flight, or the alert with which it gave up."""
        data = self._outgoing.read()
        if not data:
            return
        self.first_flight = self.first_flight or len(data)
        self.below.sendall(data)
        self.sent += len(data)

    def _drive(self, step: Callable[[], T]) -> T:
        """Repeat the step, carrying bytes to and fro, until it is done or the timeout is over."""
        end = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._exchange(end)

    def _exchange(self, end: float | None) -> None:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("timed out")
        self.below.settimeout(left)
        broken: OSError | None = None
        try:
            self.flush()
        except TimeoutError:
            raise
        except OSError as error:
            broken = error  # the peer is gone, but may have said why: read before giving up
        try:
            data = self.below.recv(CHUNK)
        except OSError as error:
            raise broken or error from None
        if not data:
            if broken is not None:
                raise broken
            self.ended = True
            self._incoming.write_eof()
            return
        self.received += len(data)
        if len(self.first_bytes) < CHUNK:
            self.first_bytes += data[: CHUNK - len(self.first_bytes)]
        self._incoming.write(data)
