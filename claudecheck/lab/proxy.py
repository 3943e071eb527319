"""Proxies on loopback: HTTP CONNECT and SOCKS5, willing or not. They reach the lab's own servers and nothing else."""

from __future__ import annotations

import base64
import select
import socket
import ssl
from collections.abc import Callable, Mapping

from claudecheck.lab.answers import PROXY_BAD_REQUEST, PROXY_BASIC, PROXY_CANNOT_CONNECT, PROXY_ONLY_TUNNELS
from claudecheck.lab.handshakes import greet_as_ssh
from claudecheck.lab.http1 import Clock, Request, read_request, send_answer
from claudecheck.lab.loopback import Connection
from claudecheck.lab.parts import Answer, Proxy

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SOCKS_HOST_UNREACHABLE = 4
TLS_RECORD = b"\x16"  # the first byte of a handshake, where a request was due
#: Seconds for a connection to another port of this machine.
UPSTREAM_S = 5.0

Note = Callable[[Request], None]


class ProxyEndpoint:
    """One proxy. `targets` maps "name:port", as a client asks for it, to a port on this machine.

    Those that lead to `api_port` may be refused; the others are there to tell a policy from a proxy
    that is broken. The local ports of the connections that it opens go into `upstream_ports`, so that
    the lab can tell who came through it.
    """

    def __init__(
        self,
        setup: Proxy,
        targets: Mapping[str, int],
        note: Note,
        clock: Clock,
        *,
        api_port: int,
        upstream_ports: set[int],
    ) -> None:
        self._setup = setup
        self._targets = targets
        self._note = note
        self._clock = clock
        self._api_port = api_port
        self._upstream_ports = upstream_ports

    def serve(self, connection: Connection, context: ssl.SSLContext | None) -> None:
        manner = self._setup.manner
        if manner == "ssh":
            greet_as_ssh(connection)
        elif manner == "silence":
            self._note_connect(connection)
            connection.hold()
        elif manner == "close":
            self._note_connect(connection)
            connection.finish()
        else:
            if context is not None:
                connection.start_tls(context)
            if self._setup.scheme == "socks5":
                self._socks(connection)
            elif not connection.tls and connection.peek(1) == TLS_RECORD:
                send_answer(connection, PROXY_BAD_REQUEST, self._clock)
                connection.finish()
            else:
                self._http(connection)

    def _note_connect(self, connection: Connection) -> Request | None:
        request = read_request(connection, "proxy")
        if request is not None:
            self._note(request)
        return request

    # -- HTTP --------------------------------------------------------------------------------------

    def _http(self, connection: Connection) -> None:
        while (request := self._note_connect(connection)) is not None:
            refusal = self._refusal(request)
            if refusal is None:
                self._tunnel(connection, request.target)
                return
            if not send_answer(connection, refusal, self._clock, head=request.method == "HEAD"):
                return

    def _refusal(self, request: Request) -> Answer | None:
        if not self._admits(request.headers.get("proxy-authorization", "")):
            return PROXY_BASIC
        if self._setup.answer is not None:
            return self._setup.answer
        if request.method != "CONNECT":
            return PROXY_ONLY_TUNNELS
        if request.target not in self._targets:
            return PROXY_CANNOT_CONNECT
        return self._setup.refusal if self._leads_to_api(request.target) else None

    def _leads_to_api(self, target: str) -> bool:
        return self._targets.get(target) == self._api_port

    def _admits(self, authorization: str) -> bool:
        userinfo = self._setup.userinfo
        return not userinfo or authorization == "Basic " + base64.b64encode(userinfo.encode()).decode()

    def _tunnel(self, connection: Connection, target: str) -> None:
        with self._connect(self._targets[target]) as upstream:
            connection.send(ESTABLISHED)
            _relay(connection.sock, upstream)

    def _connect(self, port: int) -> socket.socket:
        upstream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            upstream.bind(("127.0.0.1", 0))  # the number is known before the other side sees it
            self._upstream_ports.add(upstream.getsockname()[1])
            upstream.settimeout(UPSTREAM_S)
            upstream.connect(("127.0.0.1", port))
        except OSError:
            upstream.close()
            raise
        upstream.settimeout(None)
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return upstream

    # -- SOCKS (RFC 1928, RFC 1929) ------------------------------------------------------------------

    def _socks(self, connection: Connection) -> None:
        _, count = connection.read_exactly(2)
        methods = connection.read_exactly(count)
        wanted = 2 if self._setup.userinfo else 0
        if wanted not in methods:
            connection.send(b"\x05\xff")
            connection.finish()
            return
        connection.send(bytes([5, wanted]))
        if wanted and not self._socks_login(connection):
            return
        target = _socks_target(connection)
        self._note(Request(server="proxy", method="CONNECT", target=target, headers={}))
        reply = 0 if target in self._targets else SOCKS_HOST_UNREACHABLE
        if self._leads_to_api(target):
            reply = self._setup.socks_refusal
        answer = bytes([5, reply, 0, 1, 127, 0, 0, 1, 0, 0])
        if reply:
            connection.send(answer)
            connection.finish()
            return
        with self._connect(self._targets[target]) as upstream:
            connection.send(answer)
            _relay(connection.sock, upstream)

    def _socks_login(self, connection: Connection) -> bool:
        connection.read_exactly(1)
        parts = []
        for _ in range(2):
            (length,) = connection.read_exactly(1)
            parts.append(connection.read_exactly(length).decode("utf-8", "replace"))
        admitted = ":".join(parts) == self._setup.userinfo
        connection.send(b"\x01\x00" if admitted else b"\x01\x01")
        return admitted


def _socks_target(connection: Connection) -> str:
    _, _, _, kind = connection.read_exactly(4)
    if kind == 3:
        (length,) = connection.read_exactly(1)
        host = connection.read_exactly(length).decode("latin-1")
    elif kind == 4:
        host = f"[{socket.inet_ntop(socket.AF_INET6, connection.read_exactly(16))}]"
    else:
        host = socket.inet_ntop(socket.AF_INET, connection.read_exactly(4))
    return f"{host}:{int.from_bytes(connection.read_exactly(2), 'big')}"


def _relay(client: socket.socket, upstream: socket.socket) -> None:
    """Copies both ways until one side ends."""
    other = {client: upstream, upstream: client}
    while True:
        waiting = client.pending() if isinstance(client, ssl.SSLSocket) else 0
        readable = [client] if waiting else select.select([client, upstream], [], [])[0]
        for sock in readable:
            data = sock.recv(65536)
            if not data:
                return
            other[sock].sendall(data)
