"""The connection that the ladder opened, kept for the requests that follow: TCP, TLS and CONNECT are paid for once.

httpcore speaks HTTP/1.1 over it, as under httpx. Every request is one after the other; who comes while another is
under way opens a connection of its own.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

from claudecheck.probes import tcp_info
from claudecheck.probes.api.library import httpx
from claudecheck.probes.tls.stream import Stream, socket_of
from claudecheck.route import Endpoint

LONGEST_EXCERPT = 200


#: Bytes of a body that is paced, and seconds in which they must have arrived: 128 kbit/s.
_FIRST_PIECE, _FIRST_PIECE_S = 16_000, 1.0
#: Bytes that a request's head may have.
_HEAD = 2_000
#: Bytes from which a body is paced.
LARGE_BODY = 100_000


class SlowLineError(Exception):
    """The line is too slow for a large body."""


class KeptConnection:
    """A verified stream to the endpoint, or a plain one where the endpoint is `http://`."""

    def __init__(self, stream: Stream, endpoint: Endpoint) -> None:
        origin = httpcore.Origin(endpoint.scheme.encode(), endpoint.host.encode("ascii", "replace"), endpoint.port)
        self._socket = socket_of(stream)
        self._network = _NetworkStream(stream, self._socket)
        self._connection = httpcore.HTTP11Connection(origin, self._network)
        self._lock = threading.Lock()
        self.requests = 0

    @property
    def reused(self) -> bool:
        """It has carried a request before: the peer may have closed it in the meantime, which is no fault."""
        return self.requests > 1

    def take(self) -> httpx.BaseTransport | None:
        """What sends the next request over it; None while it is in use, or when it was closed."""
        with self._lock:
            if self.requests and not self._connection.is_available():
                return None
            self.requests += 1
            self._network.first_bytes = b""
            return _Transport(self._connection)

    @property
    def first_bytes(self) -> bytes:
        """What came back on the last request, as it came: HTTP or not."""
        return self._network.first_bytes

    def paced(self, body: bytes) -> Iterator[bytes]:
        """A large body in pieces: the rest follows when the first has arrived. Raises `SlowLineError` when it does
        not in time: on a slow line a large body would hold up everything else that this machine sends.
        """
        before = self.acknowledged()
        yield body[:_FIRST_PIECE]
        if before is not None:
            ends = time.monotonic() + _FIRST_PIECE_S
            while (arrived := (self.acknowledged() or 0) - before) < _FIRST_PIECE and time.monotonic() < ends:
                time.sleep(0.005)
            # Where no more than the head arrives, the line is not slow: something keeps what is larger.
            if _HEAD < arrived < _FIRST_PIECE:
                raise SlowLineError(f"{_FIRST_PIECE // 1000} kB took more than {_FIRST_PIECE_S:g} s to arrive")
        yield body[_FIRST_PIECE:]

    def acknowledged(self) -> int | None:
        """Bytes that the peer's system has received from us so far; None where this system does not tell."""
        return tcp_info.acknowledged(self._socket) if self._socket is not None else None

    def close(self) -> None:
        self._connection.close()


class _Transport(httpx.BaseTransport):
    """One request over the connection. Its exceptions are httpcore's, with the same names as httpx's."""

    def __init__(self, connection: httpcore.HTTP11Connection) -> None:
        self._connection = connection

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answered = self._connection.handle_request(sent)
        return httpx.Response(
            status_code=answered.status,
            headers=answered.headers,
            stream=_Body(answered),
            extensions=answered.extensions,
        )


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


#: Seconds for an answer to a request that could not be sent whole: httpcore waits for one, since a server may refuse
#: a request before it has read it.
_REFUSAL_S = 1.0


class _NetworkStream(httpcore.NetworkStream):
    """Our stream as httpcore wants one."""

    def __init__(self, stream: Stream, sock: socket.socket | None) -> None:
        self._stream = stream
        self._socket = sock
        self._unsent: OSError | None = None
        self.first_bytes = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent is not None:
            timeout = min(timeout or _REFUSAL_S, _REFUSAL_S)
        self._stream.settimeout(timeout)
        try:
            data = self._stream.recv(max_bytes)
        except TimeoutError as error:
            if self._unsent is not None:
                raise httpcore.WriteError(str(self._unsent)) from self._unsent
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        self.first_bytes = self.first_bytes or data[:LONGEST_EXCERPT]
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.settimeout(timeout)
        try:
            self._stream.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            self._unsent = error
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "socket":
            return self._socket
        if info == "is_readable" and self._socket is not None:
            return _readable(self._socket)
        return None


def _readable(sock: socket.socket) -> bool:
    """Bytes, or the end of the connection, are waiting: between two requests that means that the peer has closed."""
    import select

    try:
        ready: Iterable[object] = select.select([sock], [], [], 0)[0]
    except (OSError, ValueError):  # closed, or a descriptor beyond what select can take
        return True
    return bool(ready)
