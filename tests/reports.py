"""Reports as `doctor` would make them, by name: the renderers and the machine formats are tried on all of them."""

from __future__ import annotations

from msgspec.structs import replace

from claudecheck.failures import Failure, Stage
from claudecheck.observations import Crash, End
from claudecheck.report import Billed, Finding, Fix, VariationRow
from tests.network_reports import (
    DNS_NAME_NOT_FOUND,
    HEALTHY,
    HEALTHY_VIA_PROXY,
    INTERCEPTED_FINDING,
    IPV6_BROKEN,
    PROXY_AUTH_REQUIRED,
    TLS_INTERCEPTED,
)
from tests.report_parts import (
    CONNECT,
    DNS,
    ENVIRONMENT,
    HANDSHAKE,
    LOOKUP,
    MESSAGE,
    MODELS,
    NO_PROXY_ROW,
    ROUTE,
    RUN,
    TCP,
    TLS,
    failed,
    observed,
    passed,
    sh,
    skipped,
)

KEY_MISSING = replace(
    HEALTHY,
    status="failing",
    reached_api=True,
    first_failing_layer="environment",
    problem="key-missing",
    exit_code=10,
    billed=Billed(),
    duration_ms=212.0,
    route=replace(
        ROUTE, credential="none", credential_kind="", credential_source="", credential_fingerprint="", auth_header=""
    ),
    stages=[
        failed("environment", "no credential found", 0, 3),
        DNS,
        TCP,
        TLS,
        NO_PROXY_ROW,
        passed("models", "401 with a request-id: the route is fine", 67, 118),
        skipped("messages", "environment"),
    ],
    findings=[
        Finding(
            code="key-missing",
            layer="environment",
            severity="error",
            title="This client finds no credential",
            cause="None of the five places where the SDK looks for a key holds one.",
            seen=["ANTHROPIC_API_KEY: not set", "ANTHROPIC_AUTH_TOKEN: set, but empty", "no profile"],
            ruled_out=["the network: the API answered 401 with a request-id"],
            owner="you",
            fixes=[
                Fix(
                    text="Create a key in the Console, then set it in this shell",
                    commands=sh("read -rs ANTHROPIC_API_KEY && export ANTHROPIC_API_KEY"),
                )
            ],
            verify="claudecheck doctor",
        ),
        Finding(
            code="provider-route",
            layer="environment",
            severity="info",
            title="AWS credentials are present and not used by this client",
            cause="",
        ),
    ],
    observations=observed(LOOKUP, CONNECT, HANDSHAKE, replace(MODELS, status=401, failure=Failure.STATUS)),
)

RATE_LIMITED = replace(
    HEALTHY,
    status="failing",
    first_failing_layer="messages",
    problem="rate-limited",
    exit_code=16,
    billed=Billed(),
    stages=[*HEALTHY.stages[:6], failed("messages", "429 rate_limit_error by the API", 185, 97)],
    duration_ms=291.0,
    route=replace(
        ROUTE,
        url="https://llm.corp.example/anthropic",
        host="llm.corp.example",
        official=False,
        base_path="/anthropic",
        base_url_source="ANTHROPIC_BASE_URL",
    ),
    answered_by="gateway",
    findings=[
        Finding(
            code="rate-limited",
            layer="messages",
            severity="error",
            title="Too many requests for this key: come back in 14 s",
            cause="The organization has used up its limit for this minute. The network is fine.",
            seen=["429 rate_limit_error", "retry-after: 14", "requests: 0 of 50 left"],
            ruled_out=["DNS", "TLS", "the key"],
            owner="you",
            retryable=True,
            fixes=[Fix(text="Wait 14 s, then send fewer requests at once")],
            verify="claudecheck doctor",
        )
    ],
    observations=observed(
        LOOKUP,
        CONNECT,
        HANDSHAKE,
        MODELS,
        replace(MESSAGE, status=429, failure=Failure.STATUS, error_type="rate_limit_error"),
    ),
)

INCOMPLETE = replace(
    HEALTHY,
    status="incomplete",
    reached_api=None,
    exit_code=20,
    request_id=None,
    answered_by=None,
    billed=Billed(),
    duration_ms=10004.0,
    stages=[
        ENVIRONMENT,
        DNS,
        TCP,
        skipped("tls", "incomplete", "not finished: the run was cut"),
        NO_PROXY_ROW,
        skipped("models", "incomplete", "not finished: the run was cut"),
        skipped("messages", "incomplete", "not finished: the run was cut"),
    ],
    findings=[
        Finding(
            code="incomplete",
            layer="tls",
            severity="info",
            title="The run was cut before the cause was certain",
            cause="The time given with --timeout was over before every stage had answered.",
            seen=["cut by the deadline of 10 s while waiting for tls: api.anthropic.com"],
            confidence="low",
            retryable=True,
            fixes=[Fix(text="Give it more time", commands=sh("claudecheck doctor --timeout 60"))],
        )
    ],
    observations=observed(
        LOOKUP, CONNECT, run=replace(RUN, timeout_s=10), end=End(cut="deadline", waiting_for="tls: api.anthropic.com")
    ),
)

CLAUDECHECK_BUG = replace(
    TLS_INTERCEPTED,
    first_failing_layer="tls",
    problem="claudecheck-bug",
    exit_code=70,
    reached_api=None,
    stages=[
        ENVIRONMENT,
        DNS,
        TCP,
        failed("tls", "the probe crashed: this is a bug in claudecheck", 27, 2),
        NO_PROXY_ROW,
        skipped("models", "tls"),
        skipped("messages", "tls"),
    ],
    findings=[
        Finding(
            code="claudecheck-bug",
            layer="tls",
            severity="error",
            title="claudecheck itself failed, and nothing is said about your network",
            cause="The probe of the tls stage raised an exception that it should have recorded.",
            seen=["KeyError: 'subject' in handshake.py, line 88"],
            owner=None,
            fixes=[
                Fix(
                    text="Report it with the saved file, which holds no secret",
                    commands=sh("claudecheck doctor --no-message --save claudecheck.json"),
                )
            ],
        )
    ],
    variations=[],
    observations=observed(LOOKUP, CONNECT, Crash(stage=Stage.TLS, probe="handshake", trace="Traceback …")),
)

NASTY = (
    "\x1b[31mred\x1b[0m \x9b2J [bold red]markup[/] :warning: <b onclick=x>&amp;</b> | `code` @team #1 "
    "https://evil.example \u202eRTL\u200f"
)

HOSTILE = replace(
    TLS_INTERCEPTED,
    route=replace(
        ROUTE, url=f"https://{NASTY}", client_version=NASTY, proxy=NASTY, proxy_source=NASTY, credential_source=NASTY
    ),
    request_id=NASTY,
    reached_api=True,
    stages=[*(replace(row, summary=NASTY + "x" * 3000) for row in TLS_INTERCEPTED.stages)],
    findings=[
        replace(
            INTERCEPTED_FINDING,
            title=NASTY,
            cause=f"{NASTY}\n# heading\n- item\n```\n<script>alert(1)</script>",
            seen=[NASTY, "y" * 3000, "字" * 500, "\u05d0\u05d1\u05d2 \u0627\u0644", "e" + "\u0301" * 40, *"abcdefghij"],
            ruled_out=[NASTY, "| a | b |"],
            fixes=[Fix(text=NASTY, commands=sh(f"echo {NASTY}", "echo ```; echo " + "z" * 400, "\x07\t\n"))],
            verify=NASTY,
        ),
        replace(INTERCEPTED_FINDING, severity="warning", title=NASTY * 20),
        replace(INTERCEPTED_FINDING, severity="info", title=NASTY),
    ],
    variations=[VariationRow(changed=NASTY, before=NASTY, after="w" * 3000, outcome=NASTY, reached=True)] * 8,
    observations=observed(end=End(cut="deadline", waiting_for=NASTY)),
)

REPORTS = {
    "healthy": HEALTHY,
    "healthy-via-proxy": HEALTHY_VIA_PROXY,
    "tls-intercepted": TLS_INTERCEPTED,
    "dns-name-not-found": DNS_NAME_NOT_FOUND,
    "key-missing": KEY_MISSING,
    "proxy-auth-required": PROXY_AUTH_REQUIRED,
    "ipv6-broken": IPV6_BROKEN,
    "rate-limited": RATE_LIMITED,
    "incomplete": INCOMPLETE,
    "claudecheck-bug": CLAUDECHECK_BUG,
    "hostile": HOSTILE,
}
