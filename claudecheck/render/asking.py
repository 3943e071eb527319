"""The message for whoever has to act: lines that are ready to paste, as they are or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from claudecheck.diagnosis import addresses
from claudecheck.observations import ResolverConfig, TcpConnect
from claudecheck.render import facts, verdict
from claudecheck.render.untrusted import command_lines, harmless
from claudecheck.report import Finding, Report

_MOST = 6
_LONGEST = 1200


@dataclass(frozen=True)
class Line:
    text: str = ""
    kind: Literal["text", "item", "command"] = "text"

    @property
    def plain(self) -> str:
        """As a ticket or a chat takes it."""
        return {"text": "", "item": "- ", "command": "    "}[self.kind] + self.text


def _item(text: str) -> Line:
    return Line(harmless(text, _LONGEST), "item")


def _text(text: str) -> Line:
    return Line(harmless(text, _LONGEST))


def message(report: Report) -> Iterator[Line]:
    """For the user's own move, the fix."""
    found = verdict.culprit(report)
    if found is None:
        yield _text(f"Nothing has to be done: {verdict.headline(report)}.")
        return
    match found.owner:
        case "network":
            yield from _network(report, found)
        case "gateway":
            yield from _operator(report, found)
        case "anthropic":
            yield from _anthropic(report, found)
        case _:
            yield from _you(found)


def _you(found: Finding) -> Iterator[Line]:
    yield _text(f"{found.title}.")
    for place, fix in enumerate(found.fixes):
        yield Line()
        yield _text(f"{'Or' if place else 'Fix'}: {fix.text}{verdict.trial(fix)}")
        for number, command in enumerate(fix.commands):
            if number == 0 or command.shell != fix.commands[number - 1].shell:
                yield Line()
            yield from (Line(line, "command") for line in command_lines(command.line))


def _network(report: Report, found: Finding) -> Iterator[Line]:
    route = report.route
    yield _text(f"A program on our machine cannot reach {route.url}: {found.title} (`{found.code}`).")
    yield Line()
    yield _text("What has to get through:")
    yield Line()
    if found.layer == "dns":
        resolver = verdict.observed(report, ResolverConfig)
        asked = f" by {', '.join(resolver.nameservers)}" if resolver is not None and resolver.nameservers else ""
        yield _item(f"the name {route.host} is resolved{asked} (A and AAAA)")
    if route.proxy:
        yield _item(f"through the proxy {route.proxy}: CONNECT {route.host}:{route.port}")
    else:
        yield _item(f"TCP to {route.host}, port {route.port}")
    if route.official:
        yield _item(f"to its addresses: {', '.join(map(str, addresses.API_RANGES))} (published by Anthropic)")
    if tried := _addresses(report):
        yield _item(f"addresses that were tried: {', '.join(tried)}")
    if route.scheme == "https":
        yield _item(
            f"TLS with the server name {route.host}; not inspected, "
            "or with the root certificate of what inspects it on our machines"
        )
    yield _item(f"the answers of {route.url} as they are: no page of a filter or a sign-in in their place")
    yield Line()
    yield from _evidence(report, found)
    for row in report.variations:
        if row.decided:
            yield _item(f"with {row.changed} {row.after} it gets through: {row.outcome}")
    yield from _advice(found)


def _operator(report: Report, found: Finding) -> Iterator[Line]:
    yield _text(f"Programs cannot use the Claude API at {report.route.url}: {found.title} (`{found.code}`).")
    yield Line()
    yield _text(found.cause)
    yield Line()
    yield from _evidence(report, found)
    yield from _advice(found)


def _anthropic(report: Report, found: Finding) -> Iterator[Line]:
    yield _text(f"Requests to the Claude API fail: {found.title} (`{found.code}`).")
    yield Line()
    yield from _evidence(report, found)
    yield _item(f"client: {verdict.client(report.route)}")
    yield _item(f"edge: {facts.edge(report)}")
    yield _item(f"status page: {facts.status_page(report)}")
    yield from _advice(found)


def _evidence(report: Report, found: Finding) -> Iterator[Line]:
    yield _text(f"Seen at {report.started_at} (UTC):")
    yield Line()
    yield from map(_item, found.seen[:_MOST])


def _advice(found: Finding) -> Iterator[Line]:
    """Addressed to the user, and quoted as such: what claudecheck says that they may ask for."""
    asked = [fix for fix in found.fixes if fix.kind == "ask"]
    if asked:
        yield Line()
        yield _text(f"What claudecheck advises us (`claudecheck explain {found.code}`):")
        yield Line()
        yield from (_item(fix.text) for fix in asked)


def _addresses(report: Report) -> list[str]:
    seen = [one.address for one in report.observations if isinstance(one, TcpConnect) and one.purpose == "api"]
    return list(dict.fromkeys(seen))[:_MOST]
