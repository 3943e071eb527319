"""The evidence packet: what a support engineer or a network team needs to act, and nothing else. Pure Markdown.

It is built from the redacted report alone, for a reader who sees nothing else.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import groupby

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.variations import outcomes
from claudecheck.observations import (
    HttpExchange,
    Interpreter,
    Journal,
    NameLookup,
    Observation,
    ResolverConfig,
    Run,
    TcpConnect,
    TlsHandshake,
    Tunnel,
)
from claudecheck.render import asking, facts, verdict
from claudecheck.render.markdown import fenced, prose, stage_table, variation_table
from claudecheck.render.pseudonyms import with_pseudonyms
from claudecheck.render.untrusted import harmless
from claudecheck.report import Finding, Report

_CHAIN_LINKS = 6
_MOST_MODELS = 12
_LONGEST = 1200


def packet(report: Report, *, private: bool = False) -> str:
    """The whole packet as Markdown that ends in a newline."""
    text = "\n".join(_packet(report)).rstrip() + "\n"
    return with_pseudonyms(text, report) if private else text


def ask(report: Report, *, private: bool = False) -> str:
    """The message for whoever has to act, ready to paste; for the user's own move, the fix."""
    text = "\n".join(line.plain for line in asking.message(report)).rstrip() + "\n"
    return with_pseudonyms(text, report) if private else text


def chain(report: Report) -> str:
    """The certificates that were presented on the route, as PEM; empty when none was seen."""
    shaken = _handshake(report)
    return "".join(one.pem.rstrip("\n") + "\n" for one in shaken.chain if one.pem) if shaken else ""


def _handshake(report: Report) -> TlsHandshake | None:
    shaken = (seen for seen in report.observations if isinstance(seen, TlsHandshake) and not seen.variation)
    return next((seen for seen in shaken if seen.purpose == "api" and seen.chain), None)


# -- the packet --------------------------------------------------------------------------------------


def _packet(report: Report) -> Iterator[str]:
    found = verdict.culprit(report)
    yield f"# {prose(_title(report, found))}"
    yield ""
    yield (
        f"What claudecheck saw on the machine of a program that uses the Claude API at {prose(report.route.url)}: "
        "the route was walked stage by stage, as the program's client takes it. No secret is in it."
    )
    yield ""
    yield " · ".join(map(prose, verdict.bottom_line(report)))
    yield ""
    yield from _facts(report)
    yield from stage_table(report)
    if found:
        yield from ("## What was found", "")
        yield from _why(found)
    yield from _beside(report)
    yield from _error(report)
    yield from _varied(report)
    yield from _certificates(report)
    if found:
        yield from ("## Who has to act, and what is asked of them", "")
        yield from _quoted(asking.message(report))
        yield ""
    yield from _reproduction(report)


def _title(report: Report, found: Finding | None) -> str:
    """Where the client gets through, what is worth a packet is the first warning."""
    warnings = (finding for finding in verdict.others(report) if finding.severity == "warning")
    named = found or next(warnings, None)
    return f"{named.code}: {named.title}" if named else verdict.headline(report)


def _quoted(lines: Iterator[asking.Line]) -> Iterator[str]:
    """As Markdown, in a quotation."""
    for kind, group in groupby(lines, key=lambda line: line.kind):
        texts = [line.text for line in group]
        if kind == "command":
            *block, _ = fenced("", texts)
            yield from (f"> {line}".rstrip() for line in block)
        else:
            mark = "- " if kind == "item" else ""
            yield from (f"> {mark}{prose(text, _LONGEST)}".rstrip() for text in texts)


def _facts(report: Report) -> Iterator[str]:
    run, interpreter = verdict.observed(report, Run), verdict.observed(report, Interpreter)
    yield from ("| | |", "|---|---|")
    yield _row("when", f"{report.started_at} (UTC), {verdict.milliseconds(report.duration_ms)}")
    yield _row("claudecheck", report.tool.version)
    yield _row("client", verdict.client(report.route))
    if interpreter is not None:
        parts = (f"Python {interpreter.python}", interpreter.http_stack, interpreter.openssl)
        yield _row("runtime", ", ".join(filter(None, parts)))
    if run is not None:
        where = (run.os, run.os_release, run.container, "WSL" if run.wsl else "", run.ci)
        yield _row("system", " ".join(filter(None, where)))
    yield _row("endpoint", report.route.url)
    yield _row("proxy", report.route.proxy or "none")
    yield _row("trust", report.route.trust_source or report.route.trust)
    resolver = verdict.observed(report, ResolverConfig)
    if resolver is not None:
        yield _row("nameservers", ", ".join(resolver.nameservers))
    yield _row("edge", facts.edge(report))
    yield _row("request-id", facts.request_ids(report))
    yield _row("status page", facts.status_page(report))
    if models := dict.fromkeys(seen.model for seen in facts.exchanges(report) if seen.model):
        yield _row("model", ", ".join(models))
    if visible := [one.id for seen in facts.exchanges(report) for one in seen.models]:
        more = f" and {len(visible) - _MOST_MODELS} more" if len(visible) > _MOST_MODELS else ""
        yield _row("models of this key", ", ".join(visible[:_MOST_MODELS]) + more)
    yield _row("credential", verdict.credential(report.route))
    if report.label:
        yield _row("label", report.label)
    yield ""


def _row(label: str, value: str) -> str:
    return f"| {label} | {prose(value or 'not known')} |"


def _why(found: Finding) -> Iterator[str]:
    yield from (prose(found.cause), "")
    for seen in found.seen:
        yield f"- {prose(seen)}"
    if found.ruled_out:
        yield f"- not it: {prose('; '.join(found.ruled_out))}"
    yield f"- confidence: {found.confidence}"
    yield ""


def _beside(report: Report) -> Iterator[str]:
    """Warnings: all there is to act on where the client gets through."""
    for finding in verdict.others(report):
        if finding.severity == "info":
            continue
        yield from (f"## Also found: {prose(f'{finding.code}: {finding.title}')}", "")
        yield from _why(finding)
        for fix in finding.fixes:
            yield from (f"- fix: {prose(fix.text)}",)
        yield ""


def _error(report: Report) -> Iterator[str]:
    """The last failure as it was: class, text, status, type; and what the client itself raised, where it was run."""
    found = verdict.culprit(report)
    if found is None:
        return
    layer = found.layer
    failed = [seen for seen in report.observations if not seen.ok and not seen.variation and _is_step(seen, layer)]
    trials = [seen for seen in report.observations if seen.variation == questions.TRIAL.id and not seen.ok]
    shown = [*failed[-1:], *trials[-1:]]
    if not shown:
        return
    yield from ("## The exact error", "")
    for seen in shown:
        lines = [f"{facts.moment(report, seen)}  {harmless(_step(seen))}", *_words(seen)]
        yield from fenced("text", lines)
    again = outcomes(Journal(tuple(report.observations)))
    for question in (questions.CONNECTED_AGAIN, questions.SHAKEN_AGAIN, questions.AGAIN):
        if question.id in again:
            yield f"The same once more: {prose(again[question.id].text)}."
        yield ""


def _is_step(seen: Observation, layer: str) -> bool:
    """Of the route; a resolver that was asked beside the system's is none, and a name may lack one of its families."""
    match seen:
        case NameLookup():
            return layer == "dns" and seen.via == "system" and seen.purpose == "api"
        case TcpConnect() | TlsHandshake() | Tunnel():
            return seen.purpose == "api"
        case _:
            return isinstance(seen, HttpExchange)


def _step(seen: Observation) -> str:
    match seen:
        case NameLookup():
            return f"lookup of {seen.name} ({seen.family}) by the system's resolver"
        case TcpConnect():
            return f"connect to {seen.address} port {seen.port}"
        case Tunnel():
            return f"tunnel to {seen.target} through {seen.proxy}"
        case TlsHandshake():
            name = seen.server_name or "no server name"
            return f"TLS handshake with {seen.address} port {seen.port}, server name {name}"
        case HttpExchange():
            return f"{seen.method} {seen.url} ({seen.sender})"
        case _:
            return seen.__class__.__name__


def _words(seen: Observation) -> Iterator[str]:
    yield harmless(f"{facts.failure(seen)} after {verdict.milliseconds(seen.duration_ms) or 'no time'}")
    match seen:
        case HttpExchange():
            if seen.error_type or seen.error_code:
                yield harmless(f"{seen.error_type} {seen.error_code}".strip())
            if seen.error_message:
                yield harmless(seen.error_message)
            yield from (harmless(f"{link.type}: {link.message}") for link in seen.chain[:_CHAIN_LINKS])
            if seen.error and not seen.chain:
                yield harmless(seen.error)
            yield from (harmless(f"{name}: {value}") for name, value in sorted(seen.headers.items()))
        case Tunnel():
            yield harmless(f"{seen.status} {seen.reason}" if seen.status else seen.error)
            yield from (harmless(f"{name}: {value}") for name, value in sorted(seen.headers.items()))
        case TlsHandshake():
            yield harmless(seen.verify_message or seen.alert or seen.error)
            yield f"{seen.bytes_sent} bytes sent, {seen.bytes_received} received"
        case _:
            yield harmless(seen.error)


def _varied(report: Report) -> Iterator[str]:
    if report.variations:
        yield from ("## What was varied, one thing at a time", "")
        yield "✓ this change alone gets through; ! something answered, which decides nothing; · the same failure."
        yield ""
        yield from variation_table(report)


def _certificates(report: Report) -> Iterator[str]:
    """The chain as it was presented, where what is at fault may be in it."""
    shaken, found = _handshake(report), [finding.layer for finding in report.findings]
    if shaken is None or "tls" not in found:
        return
    yield from ("## The certificates that were presented", "", "| subject | issuer | valid | key | SHA-256 |")
    yield "|---|---|---|---|---|"
    for one in shaken.chain:
        valid = f"{one.not_before[:10]} to {one.not_after[:10]}"
        cells = (one.subject, one.issuer, valid, one.key, one.sha256)
        yield f"| {' | '.join(map(prose, cells))} |"
    yield ""


# -- how to see it again -----------------------------------------------------------------------------


def _reproduction(report: Report) -> Iterator[str]:
    """With programs that every network team has. The key is read from a variable, and is not in the command."""
    route = report.route
    host, port = shlex.quote(harmless(route.host)), route.port
    proxy_host = f"[{route.proxy_host}]" if ":" in route.proxy_host else route.proxy_host
    at_proxy = harmless(f"{proxy_host}:{route.proxy_port}")
    proxied = route.proxy_scheme == "http"
    yield from ("## How to see it again", "")
    lines = [] if route.proxy else [f"dig +tries=1 {host} A {host} AAAA"]
    # The file may bear the user's name: it is named by the variable that names it.
    trusted = f'"${route.trust_source}"' if route.trust == "file" and route.trust_source.isidentifier() else ""
    if route.scheme == "https":
        through = f" -proxy {shlex.quote(at_proxy)}" if proxied else ""
        store = f" -CAfile {trusted}" if trusted else ""
        lines.append(
            f"openssl s_client -connect {host}:{port} -servername {host}{through}{store} -showcerts </dev/null"
        )
    # Its password is in the variable, and not in the report.
    secret = route.proxy_has_credentials and route.proxy_variable
    shown = f'"${route.proxy_variable}"' if secret else shlex.quote(harmless(route.proxy))
    proxy = f" -x {shown}" if route.proxy else ""
    store = f" --cacert {trusted}" if trusted else ""
    curl = f"curl -sS -v -m 15{proxy}{store} {_headers(report)} \\\n  "
    lines.append(f"{curl}{shlex.quote(harmless(f'{route.url}/v1/models?limit=1'))}")
    if model := next((seen.model for seen in facts.exchanges(report) if seen.stage == "messages" and seen.model), ""):
        body = f'{{"model": "{harmless(model)}", "max_tokens": 1, "messages": [{{"role": "user", "content": "hi"}}]}}'
        sent = f"{shlex.quote(harmless(f'{route.url}/v1/messages'))} -H 'content-type: application/json' \\\n  "
        lines.append(f"{curl}{sent}-d {shlex.quote(body)}")
    yield from fenced("sh", [part for line in lines for part in line.split("\n")])


def _headers(report: Report) -> str:
    """As the client sends them: a gateway may read one of the two alone."""
    route = report.route
    variable = route.credential_variable or "ANTHROPIC_API_KEY"
    key = f"authorization: Bearer ${variable}" if route.auth_header == "authorization" else f"x-api-key: ${variable}"
    return f'-H "{key}" -H "anthropic-version: 2023-06-01"'
