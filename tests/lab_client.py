"""The clients of a lab in the tests: plain ones that read no variable by themselves, and the process as a client."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import dns.message
import dns.query
import httpx

from claudecheck.lab import Lab
from claudecheck.lab.lab import KEY
from claudecheck.lab.parts import API_NAME

CLIENT_VARIABLE = re.compile(r"(?i)(ANTHROPIC_|CLAUDE_|SSL_|AWS_|NODE_|REQUESTS_|CURL_).*|.*_PROXY")
LONG_S = 5.0  # for what should take milliseconds: only a hang reaches it
SHORT_S = 0.3  # for what never comes


def clean(lab: Lab) -> dict[str, str]:
    """The lab's variables over an environment that decides nothing about a client's route."""
    return {name: value for name, value in os.environ.items() if not CLIENT_VARIABLE.fullmatch(name)} | lab.variables


def port_of(lab: Lab) -> int:
    return urlsplit(lab.variables["ANTHROPIC_BASE_URL"]).port or 0


def proxy_port_of(lab: Lab) -> int:
    return urlsplit(lab.variables["HTTPS_PROXY"]).port or 0


def trust_of(lab: Lab, *, strict: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=lab.variables["SSL_CERT_FILE"])
    context.set_alpn_protocols(["http/1.1"])
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def http(lab: Lab, **headers: str) -> httpx.Client:
    """A client on the lab's route, with its trust, its proxy and its key."""
    proxy = lab.variables.get("HTTPS_PROXY")
    through = httpx.Proxy(proxy, ssl_context=trust_of(lab) if proxy.startswith("https") else None) if proxy else None
    return httpx.Client(
        base_url=lab.variables["ANTHROPIC_BASE_URL"],
        verify=trust_of(lab),
        proxy=through,
        trust_env=False,
        timeout=LONG_S,
        headers={"authorization": f"Bearer {KEY}", "anthropic-version": "2026-10-21"} | headers,
    )


@contextmanager
def handshake(lab: Lab, name: str = "localhost", *, strict: bool = False) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port_of(lab)), LONG_S) as plain,
        trust_of(lab, strict=strict).wrap_socket(plain, server_hostname=name) as secure,
    ):
        yield secure


def patience(error: type[Exception]) -> httpx.Timeout:
    """Short only where the error that is waited for is that very limit."""
    return httpx.Timeout(
        LONG_S,
        connect=SHORT_S if error is httpx.ConnectTimeout else LONG_S,
        read=SHORT_S if error is httpx.ReadTimeout else LONG_S,
    )


def ask(
    lab: Lab, name: str = API_NAME, kind: str = "A", *, tcp: bool = False, limit_s: float = LONG_S
) -> dns.message.Message:
    address, port = lab.resolver.split(":")
    query = dns.message.make_query(name, kind)
    how = dns.query.tcp if tcp else dns.query.udp
    return how(query, address, timeout=limit_s, port=int(port))


def addresses(message: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in message.answer for item in rrset]


def message_body(**more: Any) -> dict[str, Any]:
    return {"model": "claude-haiku-5-5", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]} | more
