"""Reads HTTP/1.1 requests and writes answers, whole or broken off. Knows no endpoint."""

from __future__ import annotations

import http.client
import io
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from claudecheck.lab.loopback import Connection
from claudecheck.lab.parts import Answer

CREDENTIAL_HEADERS = ("authorization", "x-api-key", "proxy-authorization")
LONGEST_BODY = 64 * 1024 * 1024
ORGANIZATION_ID = "5c0ffee5-1ab0-4000-8000-00000000c1ad"


@dataclass(frozen=True)
class Request:
    """One request as a server of the lab saw it. Header names are lower-case."""

    server: str  # "api", "proxy" or "control"
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    server_name: str = ""  # of the TLS handshake
    tls: bool = False
    through_proxy: bool = False
    peer_port: int = 0  # tells connections apart

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def body_bytes(self) -> int:
        return len(self.body)

    @property
    def has_credential(self) -> bool:
        return any(name in self.headers for name in CREDENTIAL_HEADERS)


def read_request(connection: Connection, server: str, *, through_proxy: bool = False) -> Request | None:
    """The next request; None when the other side has no more. Raises ConnectionEndedError on anything else."""
    head = connection.read_until(b"\r\n\r\n")
    if not head:
        return None
    first, _, rest = head.partition(b"\r\n")
    words = first.decode("latin-1").split(" ")
    if len(words) != 3:
        return None
    parsed = http.client.parse_headers(io.BytesIO(rest))
    headers = {name.lower(): value for name, value in parsed.items()}
    length = headers.get("content-length", "0")
    body = connection.read_exactly(min(int(length), LONGEST_BODY)) if length.isdigit() else b""
    return Request(
        server=server,
        method=words[0],
        target=words[1],
        headers=headers,
        body=body,
        server_name=connection.server_name,
        tls=connection.tls,
        through_proxy=through_proxy,
        peer_port=connection.peer_port,
    )


class Clock:
    """What the lab's servers believe the time is."""

    def __init__(self, ahead_days: int = 0) -> None:
        self._ahead_s = ahead_days * 86400

    def http_date(self) -> str:
        return formatdate(time.time() + self._ahead_s, usegmt=True)


def send_answer(connection: Connection, answer: Answer, clock: Clock, *, head: bool = False) -> bool:
    """Whether the connection can serve another request."""
    if answer.ending == "silence":
        connection.hold()
        return False
    if answer.ending == "none":
        connection.finish()
        return False
    request_id = "req_011C" + secrets.token_hex(10)
    headers = [("date", clock.http_date()), *_speakers_headers(answer, request_id), *answer.headers]
    body = answer.body.replace("{request_id}", request_id).encode()
    if answer.content_type and (body or answer.events):
        headers.append(("content-type", answer.content_type))
    headers.append(("transfer-encoding", "chunked") if answer.events else ("content-length", str(len(body))))
    reason = http.client.responses.get(answer.status, "Unknown")
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    parts = (
        []
        if head
        else [_chunk(event.encode()) for event in answer.events] + ([b"0\r\n\r\n"] if answer.events else [body])
    )
    connection.send("\r\n".join(lines).encode("latin-1"))
    return _send_body(connection, answer, parts)


def _send_body(connection: Connection, answer: Answer, parts: list[bytes]) -> bool:
    data = b"".join(parts)
    if answer.ending == "complete":
        connection.send(data)
        return True
    connection.send(data[: len(data) // 2])
    if answer.ending == "cut":
        connection.finish()
    else:
        connection.reset()
    return False


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _speakers_headers(answer: Answer, request_id: str) -> list[tuple[str, str]]:
    if answer.speaker == "other":
        return []
    edge = [("server", "cloudflare"), ("cf-ray", secrets.token_hex(8) + "-LAB"), ("cf-cache-status", "DYNAMIC")]
    if answer.speaker == "edge":
        return edge
    return [("request-id", request_id), ("anthropic-organization-id", ORGANIZATION_ID), *edge]


def serve_http(
    connection: Connection,
    respond: Callable[[Request], Answer],
    note: Callable[[Request], None],
    clock: Clock,
    *,
    server: str,
    wait: Callable[[float], object],
    through_proxy: bool = False,
) -> None:
    """Requests one after the other, as long as the connection and its client last."""
    while (request := read_request(connection, server, through_proxy=through_proxy)) is not None:
        note(request)
        answer = respond(request)
        if answer.delay_s:
            wait(answer.delay_s)
        if not send_answer(connection, answer, clock, head=request.method == "HEAD"):
            return
