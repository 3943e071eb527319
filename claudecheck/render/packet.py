"""The evidence packet: what a support engineer or a network team needs to act, and nothing else. Pure Markdown.

It is built from the redacted report alone. With pseudonyms, the names of hosts and users that are not public are
replaced by stable ones: the same name has the same stand-in in every packet.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from claudecheck.diagnosis import addresses, origin
from claudecheck.diagnosis.questions import AGAIN
from claudecheck.diagnosis.variations import outcomes
from claudecheck.observations import (
    HttpExchange,
    Interpreter,
    Journal,
    NameLookup,
    ResolverConfig,
    Run,
    TcpConnect,
    TlsHandshake,
)
from claudecheck.render import verdict
from claudecheck.render.markdown import fenced, prose, stage_table, variation_table
from claudecheck.render.untrusted import command_lines, harmless
from claudecheck.report import Finding, Report

#: Hosts whose names tell nothing of whoever sends the packet.
PUBLIC = ("anthropic.com", "claude.com", "claude.ai", "cloudflare.com", "google.com", "gstatic.com", "apple.com")
_USER = re.compile(r"(/home/|/Users/|\\Users\\)([^/\\\s\"'`:]+)")
_CHAIN_LINKS = 6


def packet(report: Report, *, private: bool = False) -> str:
    """The whole packet as Markdown that ends in a newline."""
    text = "\n".join(_packet(report)).rstrip() + "\n"
    return with_pseudonyms(text, report) if private else text


def ask(report: Report, *, private: bool = False) -> str:
    """The message for whoever has to act, ready to paste; for the user's own move, the fix."""
    found = verdict.culprit(report)
    text = "\n".join(line.plain for line in _ask(report, found)).rstrip() + "\n"
    return with_pseudonyms(text, report) if private else text


def chain(report: Report) -> str:
    """The certificates that were presented on the route, as PEM; empty when none was seen."""
    shaken = [seen for seen in report.observations if isinstance(seen, TlsHandshake) and not seen.variation]
    return next(("".join(one.pem.rstrip("\n") + "\n" for one in seen.chain if one.pem) for seen in shaken), "")


# -- the packet --------------------------------------------------------------------------------------


def _packet(report: Report) -> Iterator[str]:
    found = verdict.culprit(report)
    yield f"# {prose(f'{found.code}: {found.title}' if found else verdict.headline(report))}"
    yield ""
    yield " · ".join(map(prose, verdict.bottom_line(report)))
    yield ""
    yield from _facts(report)
    yield from stage_table(report)
    if found:
        yield from _why(found)
    yield from _error(report)
    if report.variations:
        yield from ("## What was varied, one thing at a time", "")
        yield from variation_table(report)
    if found:
        yield from ("## Who has to act, and what is asked of them", "")
        yield from (line.quoted for line in _ask(report, found))
        yield ""
    yield from _reproduction(report)


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
    yield _row("edge", _edge(report))
    yield _row("request-id", report.request_id or "none: the API did not answer")
    yield _row("credential", f"{report.route.credential} {report.route.credential_fingerprint}".strip())
    if report.label:
        yield _row("label", report.label)
    yield ""


def _row(label: str, value: str) -> str:
    return f"| {label} | {prose(value or 'not known')} |"


def _edge(report: Report) -> str:
    """The location of Anthropic's edge that answered, as it says itself."""
    for seen in _exchanges(report):
        if location := origin.edge_location(seen.headers):
            return f"answered from {location} ({seen.headers['cf-ray']})"
    return "did not answer"


def _exchanges(report: Report) -> list[HttpExchange]:
    return [seen for seen in report.observations if isinstance(seen, HttpExchange) and not seen.variation]


def _why(found: Finding) -> Iterator[str]:
    yield from ("## What was found", "", prose(found.cause), "")
    for seen in found.seen:
        yield f"- {prose(seen)}"
    if found.ruled_out:
        yield f"- not it: {prose('; '.join(found.ruled_out))}"
    yield f"- confidence: {found.confidence}"
    yield ""


def _error(report: Report) -> Iterator[str]:
    """The last answer or exception as it was: class, text, status, type."""
    failed = [seen for seen in _exchanges(report) if not seen.ok]
    if not failed:
        return
    seen = failed[-1]
    yield from ("## The exact error", "")
    lines = [f"{seen.method} {harmless(seen.url)} ({harmless(seen.sender)})"]
    if seen.status:
        lines.append(f"status {seen.status} {harmless(f'{seen.error_type} {seen.error_code}').strip()}".rstrip())
        lines += [harmless(seen.error_message)] if seen.error_message else []
    lines += [f"{harmless(link.type)}: {harmless(link.message)}" for link in seen.chain[:_CHAIN_LINKS]]
    lines += [harmless(seen.error)] if seen.error and not seen.chain else []
    yield from fenced("text", lines)
    again = outcomes(Journal(tuple(report.observations))).get(AGAIN.id)
    if again is not None:
        yield f"The same request once more: {prose(again.text)}."
        yield ""


# -- what is asked -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    text: str = ""
    kind: Literal["text", "item", "command"] = "text"

    @property
    def plain(self) -> str:
        """As a ticket or a chat takes it."""
        return {"text": "", "item": "- ", "command": "    "}[self.kind] + self.text

    @property
    def quoted(self) -> str:
        """As Markdown, in a quotation."""
        line = self.plain if self.kind == "command" else ("- " if self.kind == "item" else "") + prose(self.text)
        return f"> {line}".rstrip()


def _item(text: str) -> _Line:
    return _Line(text, "item")


def _ask(report: Report, found: Finding | None) -> Iterator[_Line]:
    if found is None:
        yield _Line(f"Nothing has to be done: {verdict.headline(report)}.")
        return
    match found.owner:
        case "network":
            yield from _ask_network(report, found)
        case "gateway":
            yield from _ask_operator(report, found)
        case "anthropic":
            yield from _ask_anthropic(report, found)
        case _:
            yield _Line(f"{harmless(found.title)}.")
            yield _Line()
            for fix in found.fixes[:1]:
                yield _Line(f"Fix: {harmless(fix.text)}{verdict.trial(fix)}")
                for command in fix.commands:
                    yield from (_Line(line, "command") for line in command_lines(command.line))


def _ask_network(report: Report, found: Finding) -> Iterator[_Line]:
    route = report.route
    ranges = ", ".join(map(str, addresses.API_RANGES))
    yield _Line(
        f"A program on our machine cannot reach {harmless(route.url)}: {harmless(found.title)} (`{found.code}`)."
    )
    yield _Line()
    yield _Line("Please allow, without TLS inspection of this host or with its CA certificate on our machines:")
    yield _Line()
    if found.layer == "dns":
        resolver = verdict.observed(report, ResolverConfig)
        asked = f" by {', '.join(resolver.nameservers)}" if resolver is not None and resolver.nameservers else ""
        yield _item(f"the name {harmless(route.host)} is resolved{harmless(asked)} (A and AAAA)")
    yield _item(f"TCP to {harmless(route.host)}, port {route.port}, TLS with the server name {harmless(route.host)}")
    if route.official:
        yield _item(f"addresses: {ranges} (published by Anthropic)")
    if tried := _addresses(report):
        yield _item(f"addresses that were tried: {', '.join(map(prose, tried))}")
    if route.proxy:
        yield _item(f"through the proxy {harmless(route.proxy)}: CONNECT {harmless(route.host)}:{route.port}")
    yield _Line()
    yield _Line(f"Seen at {harmless(report.started_at)} (UTC):")
    yield _Line()
    for seen in found.seen[:_CHAIN_LINKS]:
        yield _item(f"{harmless(seen)}")
    decided = [row for row in report.variations if row.decided]
    for row in decided:
        yield _item(f"with {harmless(row.changed)} {harmless(row.after)} it gets through: {harmless(row.outcome)}")


def _ask_operator(report: Report, found: Finding) -> Iterator[_Line]:
    yield _Line(f"Your gateway at {harmless(report.route.url)} does not pass our requests on: {harmless(found.title)}")
    yield _Line(f"(`{found.code}`), at {harmless(report.started_at)} (UTC).")
    yield _Line()
    for seen in found.seen[:_CHAIN_LINKS]:
        yield _item(f"{harmless(seen)}")
    yield _Line()
    yield _Line(harmless(found.cause))


def _ask_anthropic(report: Report, found: Finding) -> Iterator[_Line]:
    yield _Line(
        f"The API answered with {harmless(found.title)} (`{found.code}`) at {harmless(report.started_at)} (UTC)."
    )
    yield _Line()
    yield _item(f"request-id: {harmless(report.request_id or 'none')}")
    yield _item(f"edge: {harmless(_edge(report))}")
    for seen in found.seen[:_CHAIN_LINKS]:
        yield _item(f"{harmless(seen)}")


def _addresses(report: Report) -> list[str]:
    seen = [one.address for one in report.observations if isinstance(one, TcpConnect) and one.purpose == "api"]
    return list(dict.fromkeys(seen))[:_CHAIN_LINKS]


# -- how to see it again -----------------------------------------------------------------------------


def _reproduction(report: Report) -> Iterator[str]:
    """With programs that every network team has. The key is read from a variable, and is not in the command."""
    route = report.route
    host, port = shlex.quote(harmless(route.host)), route.port
    proxy_host = f"[{route.proxy_host}]" if ":" in route.proxy_host else route.proxy_host
    at_proxy = harmless(f"{proxy_host}:{route.proxy_port}")
    proxied = route.proxy_scheme == "http"
    yield from ("## How to see it again", "")
    header = "x-api-key: $ANTHROPIC_API_KEY"
    lines = [] if route.proxy else [f"dig +tries=1 {host} A {host} AAAA"]
    if route.scheme == "https":
        through = f" -proxy {shlex.quote(at_proxy)}" if proxied else ""
        lines.append(f"openssl s_client -connect {host}:{port} -servername {host}{through} -showcerts </dev/null")
    proxy = f" -x {shlex.quote(harmless(route.proxy))}" if route.proxy else ""
    lines.append(
        f'curl -sS -v -m 15{proxy} -H "{header}" -H "anthropic-version: 2023-06-01" \\\n'
        f"  {shlex.quote(harmless(f'{route.url}/v1/models?limit=1'))}"
    )
    yield from fenced("sh", [part for line in lines for part in line.split("\n")])


# -- pseudonyms --------------------------------------------------------------------------------------


def with_pseudonyms(text: str, report: Report) -> str:
    """The text without the names of hosts and users that are not public."""
    for name in sorted(_hosts(report), key=len, reverse=True):
        text = re.sub(rf"(?i)(?<![\w.-]){re.escape(name)}(?![\w-])", _stand_in("host", name), text)
    return _USER.sub(lambda found: found[1] + _stand_in("user", found[2]), text)


def _hosts(report: Report) -> set[str]:
    route = report.route
    named = {route.host, route.proxy_host}
    for seen in report.observations:
        if isinstance(seen, NameLookup):
            named |= {seen.name, seen.canonical}
        elif isinstance(seen, ResolverConfig):
            named |= set(seen.search)
        elif isinstance(seen, TlsHandshake):
            named |= {name.removeprefix("*.") for one in seen.chain for name in one.names}
    known = {name.strip("[]").rstrip(".").lower() for name in named if name}
    return {name for name in known if "." in name and addresses.parse(name) is None and not _public(name)}


def _public(name: str) -> bool:
    return any(name == known or name.endswith(f".{known}") for known in PUBLIC)


def _stand_in(kind: str, name: str) -> str:
    """Stable, and not to be turned back by whoever reads one packet."""
    return f"{kind}-{hashlib.sha256(name.lower().encode()).hexdigest()[:8]}"
