"""The TLS of a server, proper or wrong: what is said before the first request. Knows no certificate's contents."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from claudecheck.lab.authority import Identity
from claudecheck.lab.http1 import Clock, send_answer
from claudecheck.lab.loopback import Connection, ConnectionEndedError, NamedSocket
from claudecheck.lab.parts import Answer, Handshake

RECORD_HEADER = 5
LONGEST_HELLO = 16384 + RECORD_HEADER

#: A fatal alert (RFC 8446, section 6) in a record of TLS 1.2's version number, as all servers send it.
_ALERT = b"\x15\x03\x03\x00\x02\x02"
ALERTS = {"alert-handshake-failure": 40, "alert-protocol-version": 70, "alert-unrecognized-name": 112}

#: Bytes. A client's usual ClientHello is larger (517 with OpenSSL 3.0, three times that with the
#: post-quantum groups of 3.5); one with a single group and few ciphers is smaller.
SMALL_HELLO = 400

SSH_GREETING = b"SSH-2.0-OpenSSH_9.6\r\n"
SSH_FAREWELL = b"Invalid SSH identification string.\r\n"
PLAIN_HTTP = Answer(
    status=400,
    body="<html><head><title>400 Bad Request</title></head><body><h1>Bad Request</h1></body></html>\n",
    content_type="text/html",
    headers=(("server", "nginx"), ("connection", "close")),
)


def _server_hello(version: bytes, cipher: bytes) -> bytes:
    """A server's first handshake message, in a record, without any extension (RFC 5246, 7.4.1.3)."""
    hello = version + bytes(range(32)) + b"\x00" + cipher + b"\x00"
    message = b"\x02" + len(hello).to_bytes(3, "big") + hello
    return b"\x16" + version + len(message).to_bytes(2, "big") + message


#: TLS 1.0 with a cipher of its time; and TLS 1.2 with a cipher suite that no client offers.
OLD_SERVER_HELLO = _server_hello(b"\x03\x01", b"\x00\x2f")
NONSENSE_SERVER_HELLO = _server_hello(b"\x03\x03", b"\x00\x00")


def server_context(identity: Identity, folder: Path, *, wants_certificate: bool = False) -> ssl.SSLContext:
    """A context that presents `identity`, however weak: it is for the client to refuse."""
    path = folder / "server.pem"
    path.write_bytes(identity.key + identity.chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = NamedSocket
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(path)
    path.unlink()
    context.set_alpn_protocols(["http/1.1"])
    context.sni_callback = _remember_name
    if wants_certificate:
        context.load_verify_locations(cadata=identity.chain.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _remember_name(sock: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    if isinstance(sock, NamedSocket):
        sock.server_name = name or ""


def greet(
    connection: Connection,
    manner: Handshake,
    context: ssl.SSLContext,
    *,
    name: str,
    clock: Clock,
    stopping: Event,
    order: Iterator[int],
) -> bool:
    """Whether there is a connection left to serve. `order` counts those that came."""
    if manner == "ssh":
        greet_as_ssh(connection)
        return False
    hello = _peek_hello(connection, stopping)
    proper = manner in ("proper", "client-certificate") or (manner == "first-reset" and next(order) > 0)
    if proper or not _stopped(hello, manner, name):
        connection.start_tls(context)
        return True
    _refuse(connection, manner, hello, clock)
    return False


def greet_as_ssh(connection: Connection) -> None:
    """As an SSH server does: it speaks first, and ends when what comes back is not SSH."""
    connection.send(SSH_GREETING)
    if connection.receive():
        connection.send(SSH_FAREWELL)
        connection.finish()


def _stopped(hello: bytes, manner: Handshake, name: str) -> bool:
    """Whether what this endpoint does to a ClientHello is done to this one."""
    if manner in ("name-reset", "name-silence"):
        return name.encode() in hello
    if manner == "large-hello-silence":
        return len(hello) > SMALL_HELLO
    return True


def _refuse(connection: Connection, manner: Handshake, hello: bytes, clock: Clock) -> None:
    connection.read_exactly(len(hello))  # what stays unread would turn an orderly end into a reset
    if manner in ALERTS:
        connection.send(_ALERT + bytes([ALERTS[manner]]))
        connection.finish()
    elif manner in ("old-version", "nonsense"):
        connection.send(OLD_SERVER_HELLO if manner == "old-version" else NONSENSE_SERVER_HELLO)
        connection.hold()
    elif manner == "plain-http":
        send_answer(connection, PLAIN_HTTP, clock)
        connection.finish()
    elif manner in ("reset", "first-reset", "name-reset"):
        connection.reset()
    elif manner == "close":
        connection.finish()
    else:
        connection.hold()


def _peek_hello(connection: Connection, stopping: Event) -> bytes:
    """The whole first record, left where it is for the handshake that may follow."""
    while True:
        data = connection.peek(LONGEST_HELLO)
        if not data:
            raise ConnectionEndedError
        if data[0] != 0x16:
            return data  # not TLS: nothing says how long it is
        if len(data) >= RECORD_HEADER and len(data) >= RECORD_HEADER + int.from_bytes(data[3:5], "big"):
            return data
        if stopping.wait(0.002):  # the rest is on its way
            raise ConnectionEndedError
