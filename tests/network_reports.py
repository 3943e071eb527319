"""Reports of networks: two that work, one that half works, three that fail."""

from __future__ import annotations

from msgspec.structs import replace

from claudecheck.failures import Failure, Stage
from claudecheck.observations import Tunnel, VariationTried
from claudecheck.report import Billed, Command, Finding, Fix, Report, Tool, VariationRow
from tests.report_parts import (
    CONNECT,
    DNS,
    ENVIRONMENT,
    HANDSHAKE,
    LOOKUP,
    MESSAGE,
    MESSAGES_ROW,
    MODELS,
    MODELS_ROW,
    NO_PROXY_ROW,
    PROXIED,
    REQUEST_ID,
    ROUTE,
    STARTED,
    TCP,
    TLS,
    failed,
    observed,
    passed,
    sh,
    skipped,
    warned,
)

HEALTHY = Report(
    tool=Tool(version="0.1.0"),
    started_at=STARTED,
    duration_ms=829.4,
    status="healthy",
    reached_api=True,
    first_failing_layer=None,
    problem=None,
    exit_code=0,
    request_id=REQUEST_ID,
    answered_by="api",
    billed=Billed(messages=1, input_tokens=8, output_tokens=1),
    route=ROUTE,
    stages=[ENVIRONMENT, DNS, TCP, TLS, NO_PROXY_ROW, MODELS_ROW, MESSAGES_ROW],
    findings=[],
    variations=[],
    observations=observed(LOOKUP, CONNECT, HANDSHAKE, MODELS, MESSAGE),
)

HEALTHY_VIA_PROXY = replace(
    HEALTHY,
    route=replace(PROXIED, proxy_has_credentials=True),
    stages=[
        passed("environment", "key from ANTHROPIC_API_KEY, proxy from HTTPS_PROXY", 0, 3),
        skipped("dns", "proxy", "the proxy resolves the name; direct: 160.79.104.10", "the proxy resolves the name"),
        skipped("tcp", "proxy", "the proxy connects; direct: no answer from 160.79.104.10:443", "the proxy connects"),
        passed("proxy", "proxy.corp.example:8080 opened the tunnel", 4, 52),
        replace(TLS, start_ms=56, duration_ms=48),
        replace(MODELS_ROW, start_ms=104),
        skipped("messages", "option", "left out (--no-message)"),
    ],
    billed=Billed(),
    duration_ms=230.1,
    request_id="req_011CSHoE1",
    observations=observed(
        Tunnel(proxy="http://proxy.corp.example:8080", target="api.anthropic.com:443", status=200),
        HANDSHAKE,
        MODELS,
        route=PROXIED,
    ),
)

INTERCEPTED_FINDING = Finding(
    code="tls-intercepted",
    layer="tls",
    severity="error",
    title="HTTPS is inspected by Zscaler, and this Python does not trust its root",
    cause="A device on your network opens encrypted connections and signs them again with its own certificate. "
    "This client does not know that certificate, so it refuses the connection, as it should.",
    seen=[
        'issuer "Zscaler Intermediate Root CA (zscalertwo.net)"',
        "chain of 3, ends at a private root",
        "trusted by none of: OS store, certifi",
    ],
    ruled_out=["DNS", "port 443", "clock (2 s off)", "key (never sent)"],
    owner="network",
    fixes=[
        Fix(
            text="Ask your network team for the Zscaler root certificate as a PEM file. Then add it to the store "
            "that this client reads, in a copy (the variable replaces the whole store)",
            commands=sh(
                'cat /etc/ssl/certs/ca-certificates.crt zscaler-root.pem > "$HOME/claude-ca.pem"',
                'export SSL_CERT_FILE="$HOME/claude-ca.pem"',
            ),
        ),
        Fix(text="Ask your network team to exempt api.anthropic.com from inspection"),
    ],
    verify="claudecheck doctor --no-message",
)

TLS_INTERCEPTED = replace(
    HEALTHY,
    status="failing",
    reached_api=False,
    first_failing_layer="tls",
    problem="tls-intercepted",
    exit_code=13,
    request_id=None,
    answered_by=None,
    billed=Billed(),
    duration_ms=161.8,
    stages=[
        ENVIRONMENT,
        DNS,
        TCP,
        failed("tls", 'chain ends at "Zscaler Root CA", not trusted', 27, 40),
        NO_PROXY_ROW,
        skipped("models", "tls"),
        skipped("messages", "tls"),
    ],
    findings=[INTERCEPTED_FINDING],
    variations=[
        VariationRow(
            changed="server name",
            before="api.anthropic.com",
            after="www.cloudflare.com",
            outcome="same issuer, not trusted",
            reached=False,
        ),
        VariationRow(
            changed="server name",
            before="api.anthropic.com",
            after="none",
            outcome="same issuer, not trusted",
            reached=False,
        ),
        VariationRow(changed="trust store", before="OS", after="certifi", outcome="not trusted", reached=False),
    ],
    observations=observed(
        LOOKUP,
        CONNECT,
        replace(
            HANDSHAKE,
            verified=False,
            verify_code=19,
            failure=Failure.UNTRUSTED_ISSUER,
            error="self-signed certificate in certificate chain",
        ),
        VariationTried(
            id="tls-other-name",
            stage=Stage.TLS,
            changed="server name",
            before="api.anthropic.com",
            after="www.cloudflare.com",
        ),
    ),
)

DNS_NAME_NOT_FOUND = replace(
    TLS_INTERCEPTED,
    first_failing_layer="dns",
    problem="dns-name-not-found",
    exit_code=11,
    reached_api=False,
    duration_ms=2410.0,
    stages=[
        ENVIRONMENT,
        failed("dns", "api.anthropic.com does not exist, says 10.0.0.53 (NXDOMAIN)", 4, 31),
        skipped("tcp", "dns"),
        skipped("tls", "dns"),
        NO_PROXY_ROW,
        skipped("models", "dns"),
        skipped("messages", "dns"),
    ],
    findings=[
        Finding(
            code="dns-name-not-found",
            layer="dns",
            severity="error",
            title="The name api.anthropic.com does not exist for this resolver",
            cause="The nameserver that this machine asks says that there is no such name. The public ones know it.",
            seen=["10.0.0.53: NXDOMAIN in 28 ms", "1.1.1.1: 160.79.104.10", "www.cloudflare.com resolves"],
            ruled_out=["no network", "a dead resolver", "a typing error in the name"],
            confidence="medium",
            owner="network",
            fixes=[Fix(text="Ask your network team to let 10.0.0.53 resolve api.anthropic.com")],
            verify="claudecheck doctor --no-message",
        )
    ],
    variations=[
        VariationRow(
            changed="resolver", before="system", after="10.0.0.53 over UDP", outcome="NXDOMAIN", reached=False
        ),
        VariationRow(
            changed="resolver", before="system", after="10.0.0.53 over TCP", outcome="NXDOMAIN", reached=False
        ),
        VariationRow(changed="resolver", before="system", after="1.1.1.1", outcome="160.79.104.10", reached=True),
        VariationRow(
            changed="resolver",
            before="system",
            after="https://cloudflare-dns.com/dns-query",
            outcome="160.79.104.10",
            reached=True,
        ),
        VariationRow(
            changed="name", before="api.anthropic.com", after="api.anthropic.com.", outcome="NXDOMAIN", reached=False
        ),
        VariationRow(changed="family", before="any", after="IPv4", outcome="NXDOMAIN", reached=False),
        VariationRow(changed="family", before="any", after="IPv6", outcome="NXDOMAIN", reached=False),
    ],
    observations=observed(
        replace(LOOKUP, addresses=[], failure=Failure.NAME_NOT_FOUND, error="[Errno -2] Name or service not known")
    ),
)

PROXY_AUTH_REQUIRED = replace(
    HEALTHY_VIA_PROXY,
    status="failing",
    reached_api=False,
    first_failing_layer="proxy",
    problem="proxy-auth-required",
    exit_code=14,
    request_id=None,
    answered_by="proxy",
    duration_ms=64.0,
    route=PROXIED,
    stages=[
        *HEALTHY_VIA_PROXY.stages[:3],
        failed("proxy", "407 to CONNECT: Basic, Negotiate", 4, 11),
        skipped("tls", "proxy"),
        skipped("models", "proxy"),
        skipped("messages", "proxy"),
    ],
    findings=[
        Finding(
            code="proxy-auth-required",
            layer="proxy",
            severity="error",
            title="The proxy wants a user name and a password, and none is configured",
            cause="The proxy answered 407 to the request for a tunnel. The key was not sent.",
            seen=["407 Proxy Authentication Required", "schemes: Basic, Negotiate", "HTTPS_PROXY without userinfo"],
            ruled_out=["a dead proxy", "the API", "the key"],
            owner="you",
            fixes=[
                Fix(
                    text="Put the user name and the password into the variable, percent-encoded",
                    commands=[
                        *sh("export HTTPS_PROXY='http://<user>:<password>@proxy.corp.example:8080'"),
                        Command(
                            shell="dockerfile",
                            line="ARG HTTPS_PROXY\nRUN --mount=type=secret,id=proxy pip install anthropic",
                        ),
                    ],
                )
            ],
            verify="claudecheck doctor --no-message",
        )
    ],
)

IPV6_BROKEN = replace(
    HEALTHY,
    status="degraded",
    duration_ms=5900.0,
    stages=[
        ENVIRONMENT,
        DNS,
        warned("tcp", "160.79.104.10:443 answers, IPv6 does not: 2607:6bc0::10 timed out", 13, 5003),
        replace(TLS, start_ms=5016),
        NO_PROXY_ROW,
        replace(MODELS_ROW, start_ms=5056),
        replace(MESSAGES_ROW, start_ms=5174),
    ],
    findings=[
        Finding(
            code="ipv6-broken",
            layer="tcp",
            severity="warning",
            title="IPv6 is advertised here and leads nowhere: a sync Python client waits 5 s for each new connection",
            cause="This machine has an IPv6 address and a route, but nothing comes back.",
            seen=["2607:6bc0::10:443: no answer in 5 s", "160.79.104.10:443: 14 ms"],
            owner="network",
            fixes=[
                Fix(
                    text="Until it is repaired, prefer IPv4 on this machine",
                    commands=sh("echo 'precedence ::ffff:0:0/96 100' | sudo tee -a /etc/gai.conf"),
                )
            ],
            verify="claudecheck compare --ipv4 --ipv6",
        ),
        Finding(
            code="ca-variable-ignored",
            layer="environment",
            severity="warning",
            title="REQUESTS_CA_BUNDLE is set, and this client does not read it",
            cause="",
            owner="you",
            fixes=[Fix(text="Use SSL_CERT_FILE when this client needs that file")],
        ),
        Finding(
            code="service-incident",
            layer="messages",
            severity="info",
            title="The status page reports degraded performance of claude.ai, not of the API",
            cause="",
        ),
    ],
)
