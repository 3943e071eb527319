"""What reads bytes that somebody else has chosen. Each takes any bytes: what it raises is a bug, or is said here."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal

from claudecheck.clients import claude_settings, profiles
from claudecheck.diagnosis.archive import UnreadableReportError, journal_of
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.explanation import NotTextError
from claudecheck.explanation.answer import explain_text
from claudecheck.explanation.settings import assignments
from claudecheck.journal.redact import Redactor
from claudecheck.probes import decoding
from claudecheck.probes.api import answer
from claudecheck.probes.names import nameservers
from claudecheck.probes.proxy import tunnel
from claudecheck.probes.senders import curl_program, node_program, worker
from claudecheck.probes.tls import chain
from claudecheck.render.machine import to_json
from claudecheck.route import Endpoint, Proxy, Route
from tests import probe_peers

CORPUS = Path(__file__).parent / "corpus"
SECRET = "sk-ant-api03-" + "pLanted7" * 12
_REDACTOR = Redactor([SECRET, "gateway-secret-41aa90ce"])


class Given:
    """A stream that gives these bytes in pieces of seven, and then its end."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def recv(self, size: int, /) -> bytes:
        piece, self._left = self._left[: min(size, 7)], self._left[min(size, 7) :]
        return piece

    def sendall(self, data: bytes, /) -> None:
        """Nobody reads it."""

    def settimeout(self, seconds: float | None, /) -> None:
        """It never waits."""

    def close(self) -> None:
        """There is nothing to close."""


def dns_answer(data: bytes) -> None:
    import dns.message

    previous = nameservers._udp
    nameservers._udp = lambda *_: dns.message.from_wire(data)
    try:
        seen = nameservers.ask(probe_peers.walk(), "192.0.2.1", "api.anthropic.com", "ipv4")
    finally:
        nameservers._udp = previous
    assert seen.ok == bool(seen.addresses)


def certificate(data: bytes) -> None:
    assert chain.facts(data).sha256
    chain.covers(data, "a.example")
    chain.judge([data, data], ())


def packed_body(data: bytes) -> None:
    for codings in ("gzip", "deflate, gzip", "br"):
        with suppress(decoding.UndecodableError):
            assert sum(map(len, decoding.decoded([data[:9], data[9:]], codings))) < 1 << 30


def api_answer(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    head, _, body = text.partition("\n\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in head.splitlines()[:8])]
    for status in (200, 401, 529):
        answer.facts_of(status, headers, body, len(data))


def _tunnelled(data: bytes, scheme: Literal["http", "socks5"]) -> None:
    proxy = Proxy(scheme, "127.0.0.1", 1)
    walk = probe_peers.walk(Route(endpoint=Endpoint(host="api.anthropic.com"), proxy=proxy))
    opened = tunnel._by_socks if scheme == "socks5" else tunnel._by_connect
    opened(walk, Given(data), proxy, "api.anthropic.com", 443, "api", 5.0)


def settings(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    claude_settings.told_variables(claude_settings.parse(text) or {})
    profiles.named_files(text)
    profiles.tokens([text])
    assignments(list(enumerate(text.splitlines())))


def saved_report(data: bytes) -> None:
    with suppress(UnreadableReportError):
        to_json(diagnose(journal_of(data)))


def explained(data: bytes) -> None:
    with suppress(NotTextError):
        explain_text(data.decode("utf-8", "replace"))


def line_of_a_child(data: bytes) -> None:
    worker.event_of(b"0123" + data, b"0123")
    node_program.event_of(b"\n0123" + data, b"0123")
    curl_program._read(data)


def redacted(data: bytes) -> None:
    """Whatever stands around it, and however it is cut, the secret is gone."""
    text = data.decode("utf-8", "replace")
    half = len(text) // 2
    for planted in (SECRET, json.dumps(SECRET)[1:-1], SECRET.encode().hex()):
        for limit in (80, 2000):
            assert planted not in _REDACTOR.clean(text[:half] + " " + planted + " " + text[half:], limit)


PARSERS: dict[str, Callable[[bytes], None]] = {
    "dns": dns_answer,
    "certificate": certificate,
    "body": packed_body,
    "answer": api_answer,
    "connect": partial(_tunnelled, scheme="http"),
    "socks": partial(_tunnelled, scheme="socks5"),
    "settings": settings,
    "report": saved_report,
    "explain": explained,
    "child": line_of_a_child,
    "redact": redacted,
}
