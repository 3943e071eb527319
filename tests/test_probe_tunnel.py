"""Proxies: what each of them can say to CONNECT or to a SOCKS request, and what the tunnel then carries."""

from __future__ import annotations

import base64
import contextlib
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from claudecheck.failures import Failure
from claudecheck.observations import NameLookup, ProxyScheme, TcpConnect, TlsHandshake, Tunnel
from claudecheck.probes.proxy import tunnel
from claudecheck.probes.tls import handshake
from claudecheck.probes.tls.stream import Stream
from claudecheck.route import Endpoint, Proxy, Route, Secret
from tests.probe_peers import (
    HOST,
    Issued,
    Script,
    closed_port,
    closes,
    issue,
    peer,
    read_head,
    relay,
    resets,
    says,
    seen,
    silent,
    speaks_tls,
    walk,
)


def through(port: int, scheme: ProxyScheme = "http", *, password: str = "", **changes: Any) -> Route:
    username = "user" if password else ""
    proxy = Proxy(scheme, "127.0.0.1", port, username, Secret(password))
    return replace(Route(endpoint=Endpoint(host=HOST), proxy=proxy), **changes)


def opened(
    script: Script, scheme: ProxyScheme = "http", *, limit_s: float = 3.0, **options: Any
) -> tuple[Tunnel, bool]:
    """What was recorded of the tunnel, and whether there is one."""
    with peer(script) as port:
        going = walk(through(port, scheme, **options))
        stream = tunnel.open_tunnel(going, HOST, 443, limit_s=limit_s)
        if stream is not None:
            stream.close()
        [told] = [entry for entry in seen(going) if isinstance(entry, Tunnel)]
        return told, stream is not None


# -- CONNECT ---------------------------------------------------------------------------------------


def test_connect_is_asked_for_with_the_bytes_of_httpcore() -> None:
    heads: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        silent(connection)

    told, stands = opened(proxy, password="pa:ss wörd")
    assert stands
    assert (told.status, told.failure, told.with_credentials, told.scheme) == (200, None, True, "http")
    assert told.target == f"{HOST}:443"
    assert told.proxy.startswith("http://127.0.0.1:")
    userinfo = base64.b64encode("user:pa:ss wörd".encode()).decode()
    assert heads[0].decode() == (
        f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\nAccept: */*\r\n"
        f"Proxy-Authorization: Basic {userinfo}\r\n\r\n"
    )


def test_credentials_can_be_left_out() -> None:
    heads: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with peer(proxy) as port:
        going = walk(through(port, password="secret"))
        stream = tunnel.open_tunnel(going, HOST, 443, with_credentials=False)
        assert stream is not None
        stream.close()
    assert b"Authorization" not in heads[0]


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("407 Proxy Authentication Required", Failure.PROXY_AUTH_REQUIRED),
        ("403 Forbidden", Failure.PROXY_DENIED),
        ("451 Unavailable For Legal Reasons", Failure.PROXY_DENIED),
        ("429 Too Many Requests", Failure.PROXY_DENIED),
        ("511 Network Authentication Required", Failure.PROXY_DENIED),
        ("500 Unable to connect", Failure.PROXY_UPSTREAM_FAILED),
        ("502 Bad Gateway", Failure.PROXY_UPSTREAM_FAILED),
        ("503 Service Unavailable", Failure.PROXY_UPSTREAM_FAILED),
        ("504 Gateway Timeout", Failure.PROXY_UPSTREAM_FAILED),
        ("400 Bad Request", Failure.NOT_A_PROXY),
        ("404 Not Found", Failure.NOT_A_PROXY),
        ("405 Method Not Allowed", Failure.NOT_A_PROXY),
        ("501 Not Implemented", Failure.NOT_A_PROXY),
        ("302 Found", Failure.NOT_A_PROXY),
    ],
)
def test_every_status_is_a_failure_of_its_own(status: str, failure: Failure) -> None:
    page = b"<html>the proxy's own words</html>"
    head = f"HTTP/1.1 {status}\r\nServer: squid\r\nX-Squid-Error: ERR 0\r\nContent-Length: {len(page)}\r\n\r\n"
    told, stands = opened(says(head.encode() + page))
    assert not stands
    assert (told.failure, f"{told.status} {told.reason}") == (failure, status)
    assert told.headers == {"server": "squid", "x-squid-error": "ERR 0"}
    assert told.body == page.decode()
    assert told.first_bytes == ""


def test_the_schemes_that_a_proxy_offers_are_listed() -> None:
    head = (
        b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n"
        b'Proxy-Authenticate: Basic realm="corp, west", Digest realm="x", nonce="a,b"\r\nContent-Length: 0\r\n\r\n'
    )
    told, _ = opened(says(head))
    assert told.schemes == ["Negotiate", "NTLM", "Basic", "Digest"]


@pytest.mark.parametrize(
    ("script", "failure"), [(closes, Failure.CLOSED), (resets, Failure.RESET), (silent, Failure.TIMED_OUT)]
)
def test_no_answer_has_three_shapes(script: Script, failure: Failure) -> None:
    told, stands = opened(script, limit_s=0.3)
    assert not stands
    assert (told.failure, told.status, told.bytes_received) == (failure, 0, 0)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"\x05\xff"])
def test_what_is_not_http_is_not_a_proxy_and_is_shown(answer: bytes) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    told, stands = opened(script)
    assert not stands
    assert told.failure is Failure.NOT_A_PROXY
    assert told.first_bytes
    assert told.bytes_received == len(answer)


def test_a_page_behind_a_200_reaches_whoever_speaks_through_the_tunnel() -> None:
    with peer(says(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>sign in</html>")) as port:
        going = walk(through(port))
        stream = tunnel.open_tunnel(going, HOST, 443)
        assert stream is not None
        told, secured = handshake.shake(going, stream, address="", port=443, server_name=HOST, tunnelled=True)
    assert secured is None
    assert told.failure is Failure.NOT_TLS
    assert told.first_bytes == "<html>sign in</html>"


def test_a_dead_proxy_is_a_connection_that_failed_and_no_tunnel() -> None:
    going = walk(through(closed_port()))
    assert tunnel.open_tunnel(going, HOST, 443) is None
    [told] = seen(going)
    assert isinstance(told, TcpConnect)
    assert (told.purpose, told.failure) == ("proxy", Failure.REFUSED)


def test_a_proxy_whose_name_is_unknown_is_a_lookup_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    going = walk(replace(Route(), proxy=Proxy("http", "proxy.corp", 8080)))
    assert tunnel.open_tunnel(going, HOST, 443) is None
    [told] = seen(going)
    assert isinstance(told, NameLookup)
    assert (told.name, told.purpose, told.failure) == ("proxy.corp", "proxy", Failure.NAME_NOT_FOUND)


def test_a_plain_endpoint_is_not_tunnelled_by_an_http_proxy() -> None:
    with peer(silent) as port:
        going = walk(through(port, endpoint=Endpoint(scheme="http", host="gateway.corp", port=80)))
        stream = tunnel.open_tunnel(going, "gateway.corp", 80)
        assert stream is not None
        stream.close()
    assert [type(told) for told in seen(going)] == [TcpConnect]


def test_no_password_stands_in_what_was_recorded() -> None:
    def echoes(connection: socket.socket) -> None:
        head = read_head(connection)
        connection.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 2000\r\n\r\n" + head)

    told, _ = opened(echoes, password="hunter2hunter2")
    assert "CONNECT" in told.body
    encoded = base64.b64encode(b"user:hunter2hunter2").decode()
    assert "hunter2" not in str(told)
    assert encoded not in str(told)


# -- TLS to the proxy ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Test Root", ca=True)


def answers_connect(onward: Callable[[], socket.socket] | None = None) -> Callable[[Any], None]:
    """A proxy's side of CONNECT; with `onward` it relays to what that opens."""

    def script(connection: Any) -> None:
        read_head(connection)
        if onward is None:
            connection.sendall(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
            return
        with onward() as target:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            relay(connection, target)

    return script


def test_tls_to_the_api_goes_through_tls_to_the_proxy(root: Issued, tmp_path: Path) -> None:
    api = speaks_tls(issue(by=root).server_context(tmp_path), lambda inside: inside.sendall(inside.recv(99).upper()))
    proxy_context = issue("127.0.0.1", by=root).server_context(tmp_path)
    with peer(api) as api_port:
        to_api = answers_connect(lambda: socket.create_connection(("127.0.0.1", api_port)))
        with peer(speaks_tls(proxy_context, to_api)) as port:
            going = walk(through(port, "https", trust=root.trust(tmp_path)))
            stream = tunnel.open_tunnel(going, HOST, 443)
            assert stream is not None
            told, inside = handshake.shake(going, stream, address="", port=443, server_name=HOST, tunnelled=True)
            assert inside is not None, told.error
            with contextlib.closing(inside):
                inside.settimeout(3)
                inside.sendall(b"hello")
                assert inside.recv(99) == b"HELLO"
    assert [(type(entry).__name__, entry.failure) for entry in seen(going)] == [
        ("TcpConnect", None), ("TlsHandshake", None), ("Tunnel", None), ("TlsHandshake", None),
    ]  # fmt: skip
    outer = next(entry for entry in seen(going) if isinstance(entry, TlsHandshake))
    assert (outer.purpose, outer.hello, outer.verified) == ("proxy", "normal", True)


def test_a_refusal_inside_tls_to_the_proxy_is_read(root: Issued, tmp_path: Path) -> None:
    context = issue("127.0.0.1", by=root).server_context(tmp_path)
    told, stands = opened(speaks_tls(context, answers_connect()), "https", trust=root.trust(tmp_path))
    assert not stands
    assert (told.failure, told.scheme) == (Failure.PROXY_AUTH_REQUIRED, "https")


def test_an_https_proxy_url_for_a_plain_proxy_fails_in_tls(root: Issued, tmp_path: Path) -> None:
    with peer(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        going = walk(through(port, "https", trust=root.trust(tmp_path)))
        assert tunnel.open_tunnel(going, HOST, 443) is None
    last = seen(going)[-1]
    assert isinstance(last, TlsHandshake)
    assert (last.purpose, last.failure) == ("proxy", Failure.NOT_TLS)


def test_an_http_proxy_url_for_a_tls_port_shows_the_alert(root: Issued, tmp_path: Path) -> None:
    context = issue("127.0.0.1", by=root).server_context(tmp_path)

    def refuses(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    told, _ = opened(refuses)
    assert told.failure in (Failure.NOT_A_PROXY, Failure.RESET, Failure.CLOSED)


# -- SOCKS -----------------------------------------------------------------------------------------


def socks_server(method: int = 0, accepts: bool = True, reply: bytes | None = None) -> Script:
    """A SOCKS5 server that chooses this method and gives this reply; without one it relays to itself."""

    def script(connection: socket.socket) -> None:
        _, count = connection.recv(2)
        connection.recv(count)
        connection.sendall(bytes([5, method]))
        if method == 2:
            connection.recv(513)
            connection.sendall(bytes([1, 0 if accepts else 1]))
        head = connection.recv(4)
        if not head:
            return
        target = connection.recv(connection.recv(1)[0] + 2) if head[3] == 3 else connection.recv(6)
        connection.sendall(reply or b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        connection.sendall(bytes([head[3]]) + target)
        silent(connection)

    return script


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("password", ["", "secret"])
def test_a_socks_proxy_is_given_the_name_of_the_host(scheme: ProxyScheme, password: str) -> None:
    with peer(socks_server(2 if password else 0)) as port:
        going = walk(through(port, scheme, password=password))
        stream: Stream | None = tunnel.open_tunnel(going, HOST, 443)
        assert stream is not None
        with contextlib.closing(stream):
            assert stream.recv(100) == b"\x03" + HOST.encode() + (443).to_bytes(2, "big")
    told = seen(going)[-1]
    assert isinstance(told, Tunnel)
    assert (told.scheme, told.failure, told.with_credentials) == ("socks5", None, bool(password))


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (1, Failure.PROXY_UPSTREAM_FAILED),
        (2, Failure.PROXY_DENIED),
        (3, Failure.PROXY_UPSTREAM_FAILED),
        (4, Failure.PROXY_UPSTREAM_FAILED),
        (5, Failure.PROXY_UPSTREAM_FAILED),
        (6, Failure.PROXY_UPSTREAM_FAILED),
        (7, Failure.NOT_A_PROXY),
        (8, Failure.NOT_A_PROXY),
        (99, Failure.PROXY_UPSTREAM_FAILED),
    ],
)
def test_every_socks_reply_is_a_failure_of_its_own(code: int, failure: Failure) -> None:
    told, stands = opened(socks_server(reply=bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])), "socks5")
    assert not stands
    assert told.failure is failure
    assert f"SOCKS reply {code}" in told.error


@pytest.mark.parametrize(
    ("server", "password"),
    [
        (socks_server(method=0xFF), ""),
        (socks_server(method=0xFF), "secret"),
        (socks_server(method=2), ""),
        (socks_server(method=2, accepts=False), "secret"),
    ],
)
def test_a_socks_proxy_that_wants_other_credentials_says_so(server: Script, password: str) -> None:
    told, stands = opened(server, "socks5", password=password)
    assert not stands
    assert told.failure is Failure.PROXY_AUTH_REQUIRED


def test_an_http_proxy_behind_a_socks_url_is_shown() -> None:
    told, _ = opened(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "socks5")
    assert told.failure is Failure.NOT_A_PROXY
    assert told.first_bytes == "HT"


@pytest.mark.parametrize(
    ("script", "failure"), [(closes, Failure.CLOSED), (resets, Failure.RESET), (silent, Failure.TIMED_OUT)]
)
def test_a_socks_dialogue_can_end_in_three_ways(script: Script, failure: Failure) -> None:
    told, _ = opened(script, "socks5", limit_s=0.3)
    assert told.failure is failure


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_whatever_a_proxy_says_one_tunnel_is_recorded_and_nothing_is_raised(scheme: ProxyScheme) -> None:
    chance = random.Random(20261121)
    starts = [
        b"",
        b"HTTP/1.1 ",
        b"HTTP/1.1 200",
        b"HTTP/1.1 407 X\r\n",
        b"\r\n\r\n",
        b"\x05\x00",
        b"\x05\x00\x05\x00\x00\x03",
    ]
    for _ in range(60):
        answer = chance.choice(starts) + chance.randbytes(chance.randrange(0, 200))
        answer += chance.choice([b"", b"\r\n\r\n"])
        told, stands = opened(says(answer), scheme, limit_s=0.05)
        assert stands == (told.failure is None)
