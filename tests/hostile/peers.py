"""Peers on loopback that misbehave in one way, whatever they are asked for."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from tests import probe_peers
from tests.hostile.test_bodies import bomb

Script = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
NUMBER = b"9" * 5000
ESCAPES = b"\x1b[31mred\x1b]0;title\x07\xe2\x80\xae[bold]x[/]"


def says(data: bytes) -> Script:
    """After it has been asked, and then closes."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)

    return script


def greets(data: bytes) -> Script:
    """Before it has been asked, and stays a moment."""

    def script(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.recv(65536)
        time.sleep(0.2)

    return script


def drips(start: bytes) -> Script:
    """A byte a second."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        for _ in range(60):
            connection.sendall(b"y")
            time.sleep(1)

    return script


def floods(start: bytes, piece: bytes) -> Script:
    """Without an end."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return script


def explodes(connection: socket.socket) -> None:
    says(bomb(300))(connection)  # packed only here: that takes a second


def half_closes(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.shutdown(socket.SHUT_WR)
    time.sleep(3)


#: Misbehaviour that any stage may meet.
ANYWHERE: dict[str, Script] = {
    "silent": probe_peers.silent,
    "closes": probe_peers.closes,
    "resets": probe_peers.resets,
    "half-closes": half_closes,
    "drips": drips(b"HTTP/1.1 200 OK\r\nx: "),
    "floods": floods(b"", b"x" * 65536),
    "garbage": says(b"\xfa" + os.urandom(4000)),
    "ssh": greets(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "smtp": greets(b"220 mail.example.com ESMTP\r\n"),
    "redis": says(b"-ERR unknown command 'GET'\r\n"),
    "huge head": floods(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 5000),
    "interim answers": floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "huge length": says(OK + b"content-length: " + NUMBER + b"\r\n\r\n{}"),
    "huge status": says(b"HTTP/1.1 " + NUMBER + b" OK\r\n\r\n"),
    "escapes": says(
        b"HTTP/1.1 302 \x1b[31mFound\r\nlocation: http://" + ESCAPES + b"/\r\nserver: " + ESCAPES + b"\r\n\r\n"
    ),
    "HTTP/2": says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18),
    "bomb": explodes,
}
#: Where HTTP is spoken.
IN_HTTP: dict[str, Script] = {
    "drips its body": drips(OK + b"\r\n{"),
    "endless body": floods(OK + b"\r\n", b" " * 65536),
    "endless stream": floods(OK.replace(b"application/json", b"text/event-stream") + b"\r\n", b"data: {}\n\n" * 5000),
    "huge year": says(OK + b"date: Mon, 01 Jan 99999999999999 00:00:00 GMT\r\ncontent-length: 2\r\n\r\n{}"),
    "huge count": says(OK + b'\r\n{"type":"message","content":[],"usage":{"input_tokens":' + NUMBER + b"}}"),
    "huge chunk": says(OK + b"transfer-encoding: chunked\r\n\r\n" + b"F" * 5000 + b"\r\n"),
    "deep": says(OK + b"\r\n" + b"[" * 500_000),
    "HTTP/0.9": says(b"<html>hello</html>"),
    "no UTF-8": says(OK + b'\r\n{"data":[{"type":"model","id":"claude-haiku-\xff"}],"has_more":false}'),
    "escapes in an error": says(
        b"HTTP/1.1 403 No\r\ncontent-type: application/json\r\n\r\n"
        b'{"type":"error","error":{"type":"permission_error","message":"\\u001b[31m' + ESCAPES + b'"}}'
    ),
}  # fmt: skip
