"""What the probe tests talk to: peers on loopback that do exactly one thing, and certificates made for one test."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.observations import Observation
from claudecheck.probes.walk import Walk
from claudecheck.route import Endpoint, Route, Trust

Script = Callable[[socket.socket], None]
HOST = "api.example.test"


def walk(route: Route | None = None, *, seconds: float = 20.0) -> Walk:
    return Walk(route or Route(endpoint=Endpoint(host=HOST)), JournalWriter(Deadline(seconds)))


def seen(walk: Walk) -> list[Observation]:
    """Everything that was recorded, in order."""
    return list(walk.writer.journal().observations)


# -- peers -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def peer(script: Script, *, host: str = "127.0.0.1") -> Iterator[int]:
    """A listener that runs the script on every connection and then closes it. Gives its port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError):
            connection.settimeout(10)
            script(connection)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                held.append(connection)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    with socket.create_server((host, 0), family=family) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for connection in held:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def silent(connection: socket.socket) -> None:
    """Reads and says nothing, until the other side goes."""
    while connection.recv(65536):
        pass


def closes(connection: socket.socket) -> None:
    connection.recv(65536)


def resets(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def says(data: bytes) -> Script:
    """Reads once, answers with these bytes, and waits for the other side to go."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)
        silent(connection)

    return script


def read_head(connection: Any) -> bytes:
    """A request up to its empty line."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            raise EOFError
        head += data
    return head


def relay(left: Any, right: Any) -> None:
    """Bytes both ways, until both sides are done. One thread: two may not use a TLS socket at once."""
    ways = [(left, right), (right, left)]
    with contextlib.suppress(OSError, ValueError):
        while ways:
            ready = select.select([source for source, _ in ways], [], [], 5)[0]
            if not ready:
                return
            for source, sink in [way for way in ways if way[0] in ready]:
                data = source.recv(65536)
                while data and isinstance(source, ssl.SSLSocket) and source.pending():
                    data += source.recv(65536)
                if data:
                    sink.sendall(data)
                    continue
                ways.remove((source, sink))
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)


def speaks_tls(context: ssl.SSLContext, then: Callable[[ssl.SSLSocket], None] | None = None) -> Script:
    """A TLS server; `then` runs inside."""

    def script(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            if then is not None:
                then(inside)
            else:
                while inside.recv(65536):
                    pass

    return script


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue of connections is full, so that the kernel drops further SYNs: silence."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(3):
            sock = waiting.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield port


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# -- certificates ----------------------------------------------------------------------------------

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server_context(self, folder: Path, *, send: tuple[x509.Certificate, ...] | None = None) -> ssl.SSLContext:
        """A server's context that shows this certificate, with `send` (its issuers below the root) behind it."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        behind = self.chain if send is None else send
        path = folder / f"{self.certificate.serial_number:x}.pem"
        path.write_bytes(key + self.pem + b"".join(c.public_bytes(serialization.Encoding.PEM) for c in behind))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(path)
        return context

    def trust(self, folder: Path, *, strict: bool = False) -> Trust:
        """Trust in this certificate alone, as SSL_CERT_FILE gives it."""
        path = folder / f"root-{self.certificate.serial_number:x}.pem"
        path.write_bytes(self.pem)
        return Trust(sort="file", cafile=str(path), strict=strict, source="SSL_CERT_FILE")


def issue(
    name: str = HOST,
    *,
    by: Issued | None = None,
    ca: bool = False,
    key: Key | None = None,
    days: tuple[float, float] = (-1, 30),
    critical_constraints: bool = True,
    key_usage: bool = True,
    identifiers: bool = True,
) -> Issued:
    """A certificate, signed by itself when `by` is None; `days` are its first and last, counted from now."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = by.key if by else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=critical_constraints)
    )
    if ca and key_usage:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, decipher_only=False, **usage),
            critical=True,
        )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if identifiers:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    certificate = builder.sign(signer, hashes.SHA256())
    behind = () if by is None or by.certificate.issuer == by.certificate.subject else (by.certificate, *by.chain)
    return Issued(certificate, key, behind)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
