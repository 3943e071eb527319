"""What the reports of the tests are made of: a route, what was seen on it, and rows."""

from __future__ import annotations

from msgspec.structs import replace

from claudecheck.failures import LeftOut
from claudecheck.observations import (
    AnyObservation,
    End,
    HttpExchange,
    Interpreter,
    ModelView,
    NameLookup,
    RouteChosen,
    RouteView,
    Run,
    TcpConnect,
    TlsHandshake,
)
from claudecheck.report import Command, StageRow

REQUEST_ID = "req_011CSHoEeqs5C35K2UUqR7Fy"
STARTED = "2026-11-21T09:30:00Z"
PYTHON = "/home/ana/app/.venv/bin/python"

ROUTE = RouteView(
    client="python",
    client_version="2.11.0",
    url="https://api.anthropic.com",
    host="api.anthropic.com",
    credential="api-key",
    credential_kind="sk-ant-api03",
    credential_source="ANTHROPIC_API_KEY",
    credential_fingerprint="3f2a9c01",
    auth_header="authorization",
    api_version="2026-10-21",
)
PROXIED = replace(
    ROUTE,
    proxy="http://proxy.corp.example:8080",
    proxy_scheme="http",
    proxy_host="proxy.corp.example",
    proxy_port=8080,
    proxy_source="HTTPS_PROXY",
)

RUN = Run(version="0.1.0", started_at=STARTED, os="Linux", os_release="6.8", shell="sh")
INTERPRETER = Interpreter(
    path=PYTHON,
    chosen_by="VIRTUAL_ENV",
    python="3.12.4",
    openssl="OpenSSL 3.0.13",
    sdk="2.11.0",
    http_stack="httpx2 2.16.2",
    generation=2,
    cafile="/etc/ssl/certs/ca-certificates.crt",
)
LOOKUP = NameLookup(at_ms=4, duration_ms=9, name="api.anthropic.com", addresses=["160.79.104.10", "2607:6bc0::10"])
CONNECT = TcpConnect(at_ms=13, duration_ms=14, address="160.79.104.10", port=443)
HANDSHAKE = TlsHandshake(
    at_ms=27,
    duration_ms=40,
    address="160.79.104.10",
    server_name="api.anthropic.com",
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    verified=True,
)
MODELS = HttpExchange(
    stage="models",
    at_ms=67,
    duration_ms=118,
    url="https://api.anthropic.com/v1/models",
    authenticated=True,
    auth_header="authorization",
    status=200,
    shape="model-list",
    request_id="req_011CSHoE1",
    phases={"wait": 96.5},
    models=[ModelView(id="claude-haiku-5-5", line="haiku", lifecycle="active")],
)
MESSAGE = HttpExchange(
    stage="messages",
    step="message",
    method="POST",
    at_ms=185,
    duration_ms=641,
    client="anthropic 2.11.0",
    authenticated=True,
    status=200,
    shape="message",
    request_id=REQUEST_ID,
    model="claude-haiku-5-5",
    stop_reason="max_tokens",
    input_tokens=8,
    output_tokens=1,
)


def observed(
    *seen: AnyObservation, run: Run = RUN, route: RouteView = ROUTE, end: End | None = None
) -> list[AnyObservation]:
    return [run, INTERPRETER, RouteChosen(route=route), *seen, end or End()]


def passed(name: str, summary: str, start: float = 0, took: float = 0) -> StageRow:
    return StageRow(name=name, status="pass", summary=summary, start_ms=start, duration_ms=took)  # type: ignore[arg-type]  # a stage's name


def failed(name: str, summary: str, start: float = 0, took: float = 0) -> StageRow:
    return replace(passed(name, summary, start, took), status="fail")


def warned(name: str, summary: str, start: float = 0, took: float = 0) -> StageRow:
    return replace(passed(name, summary, start, took), status="warn")


def skipped(name: str, because: str, summary: str = "", brief: str = "") -> StageRow:
    return replace(
        passed(name, summary or f"not reached: {because} failed"),
        status="skip",
        skipped_because=LeftOut(because),
        brief=brief,
    )


ENVIRONMENT = passed("environment", "key from ANTHROPIC_API_KEY, no proxy, the system's certificates", 0, 3)
DNS = passed("dns", "160.79.104.10, 2607:6bc0::10", 4, 9)
TCP = passed("tcp", "160.79.104.10:443 first, IPv6 also works", 13, 14)
TLS = passed("tls", "TLS 1.3, api.anthropic.com, issued by Google Trust Services, valid until 2027-01-14", 27, 40)
NO_PROXY_ROW = passed("proxy", "none configured")
MODELS_ROW = passed("models", "200, 11 models, answered by the API", 67, 118)
MESSAGES_ROW = passed("messages", "claude-haiku-5-5 answered", 185, 641)


def sh(*lines: str) -> list[Command]:
    return [Command(shell="sh", line=line) for line in lines]
