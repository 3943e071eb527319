"""Proxies that flood, drip, lie about lengths or speak something else: one tunnel is recorded, within its time."""

import socket
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.failures import Failure
from claudecheck.observations import ProxyScheme, Tunnel
from claudecheck.probes.proxy import tunnel
from claudecheck.route import Endpoint, Proxy, Route, Secret
from tests import probe_peers
from tests.probe_peers import HOST, Script

NUMBER = b"9" * 5000
SCHEMES = pytest.mark.parametrize("scheme", ["http", "socks5"])


class Recorded:
    """A stream whose other side has said all of this already."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def sendall(self, data: bytes, /) -> None: ...

    def recv(self, size: int, /) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if piece[size:]:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    def settimeout(self, seconds: float | None, /) -> None: ...

    def close(self) -> None: ...


def answered(pieces: Sequence[bytes], scheme: ProxyScheme = "http", *, user: str = "", host: str = HOST) -> Tunnel:
    """What is recorded of a proxy that answers so and closes."""
    going = probe_peers.walk()
    proxy = Proxy(scheme, "127.0.0.1", 1, user, Secret(user))
    ask = tunnel._by_socks if scheme == "socks5" else tunnel._by_connect
    stream = ask(going, Recorded(pieces), proxy, host, 443, "api", 5.0)
    [told] = [one for one in probe_peers.seen(going) if isinstance(one, Tunnel)]
    assert (stream is not None) == told.ok
    return told


def asked(script: Script, scheme: ProxyScheme, limit_s: float) -> tuple[Tunnel, float]:
    """The same of a proxy that is still there, with the seconds that it took."""
    with probe_peers.peer(script) as port:
        going = probe_peers.walk(Route(endpoint=Endpoint(host=HOST), proxy=Proxy(scheme, "127.0.0.1", port)))
        started = time.monotonic()
        stream = tunnel.open_tunnel(going, HOST, 443, limit_s=limit_s)
        took = time.monotonic() - started
        if stream is not None:
            stream.close()
        return next(one for one in probe_peers.seen(going) if isinstance(one, Tunnel)), took


# -- what is no answer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nbad header line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 407 No\r\nContent-Length: " + NUMBER + b"\r\n\r\n",
        b"HTTP/1.1 407 No\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 407 No\r\nContent-Length: \xb2\r\n\r\n",
        b"HTTP/1.1 " + NUMBER + b" OK\r\n\r\n",
        b"HTTP/" + NUMBER + b".1 200 OK\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"-ERR unknown command 'CONNECT'\r\n",
        b"<html>sign in</html>",
    ],
    ids=lambda answer: answer[:40].decode("ascii", "replace"),
)
def test_what_the_client_would_not_read_is_no_proxy_and_is_shown(answer: bytes) -> None:
    told = answered([answer])
    assert told.failure is Failure.NOT_A_PROXY
    assert told.error.startswith("the answer is not HTTP")
    assert told.first_bytes.startswith(answer[:4].decode())
    assert told.bytes_received <= len(answer)


def test_a_name_that_cannot_be_asked_for_is_refused_by_the_client() -> None:
    assert answered([], host="a b\r\nx: y").failure is Failure.CLIENT_REFUSED
    assert answered([], "socks5", host="a" * 300).failure is Failure.CLIENT_REFUSED
    assert answered([b"\x05\x02"], "socks5", user="u" * 300).failure is Failure.CLIENT_REFUSED


@pytest.mark.parametrize("kind", [0, 2, 99, 255])
def test_a_reply_with_an_address_of_no_kind_is_no_socks(kind: int) -> None:
    reply = bytes([5, 0, 0, kind, 4, 0, 0, 0, 0, 0, 0])
    assert answered([b"\x05\x00", reply], "socks5").failure is Failure.NOT_A_PROXY


# -- what does not end --------------------------------------------------------------------------------


def drips(start: bytes, byte: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(start)
        for _ in range(400):
            connection.sendall(byte)
            time.sleep(0.05)

    return script


def floods(start: bytes, piece: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return script


@pytest.mark.parametrize(
    ("scheme", "script"),
    [
        ("http", drips(b"HTTP/1.1 200 OK\r\nx: ", b"y")),
        ("http", floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500)),
        ("http", drips(b"HTTP/1.1 407 No\r\n\r\n", b"y")),
        ("socks5", drips(b"\x05\x00\x05\x00\x00\x03\xff", b"y")),
        ("http", floods(b"HTTP/1.1 407 No\r\n\r\n", b"y" * 65536)),
        ("http", floods(b"", b"y" * 65536)),
        ("socks5", floods(b"", b"\x05\x00" * 4096)),
    ],
    ids=["head drips", "interim answers", "page drips", "socks drips", "endless page", "flood", "socks flood"],
)
def test_a_proxy_that_does_not_end_is_left_in_time(scheme: ProxyScheme, script: Script) -> None:
    told, took = asked(script, scheme, limit_s=0.4)
    assert took < 10  # the machine may be loaded; these answers have no end
    assert told.ok == (told.failure is None)
    assert len(told.body) <= tunnel.LONGEST_BODY


# -- anything -----------------------------------------------------------------------------------------

PIECES = st.lists(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 407 \r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n", b"\n", b"\r\n\r\n",
            b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFF\r\n", b"Proxy-Authenticate:",
            b"\x05\x00", b"\x05\x02\x01\x00", b"\x05\x00\x00\x01", b"\x05\x00\x00\x03\x04", b"\x7f\x00\x00\x01\x00\x50",
        ]
    )
    | st.binary(max_size=60),
    max_size=8,
)  # fmt: skip


@SCHEMES
@given(pieces=PIECES, user=st.sampled_from(["", "user"]))
def test_any_answer_is_a_tunnel_or_a_failure(scheme: ProxyScheme, pieces: list[bytes], user: str) -> None:
    answered(pieces, scheme, user=user)
