"""The sentences that the terminal and Markdown share. Text only: knows no colour, no width, no markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from claudecheck.clients import registry
from claudecheck.diagnosis import circumstances
from claudecheck.observations import (
    Cut,
    End,
    Interpreter,
    LocalNetwork,
    Observation,
    RouteView,
    Run,
    Surroundings,
)
from claudecheck.render.moves import MOVES
from claudecheck.report import AnsweredBy, Billed, Finding, Fix, Report, StageRow, StageStatus, VariationRow

_ANSWERERS: Mapping[AnsweredBy, str] = {
    "edge": "its edge answered",
    "gateway": "the gateway answered",
    "proxy": "a proxy answered",
    "portal": "a sign-in page answered",
    "unknown": "something else answered",
}

_CUT = "incomplete"
#: What ended a run early. The deadline is said with its length.
_CUT_BY: Mapping[Cut, str] = {
    "interrupted": "interrupted",
    "terminated": "terminated",
    "hung-up": "the terminal hung up",
    "limits": "a limit of this machine was reached",
}

Kind = TypeVar("Kind", bound=Observation)


def milliseconds(value: float) -> str:
    """As people read it: "<1 ms", "9 ms", "1.2 s", "30 s". Empty for a time that was not taken."""
    if value <= 0:
        return ""
    if value < 0.5:
        return "<1 ms"
    if round(value) < 1000:
        return f"{round(value)} ms"
    return f"{value / 1000:.1f} s" if value < 9950 else f"{value / 1000:.0f} s"


def culprit(report: Report) -> Finding | None:
    """The finding that the verdict is about; None when the client gets through."""
    if report.status == "incomplete":
        return next((finding for finding in report.findings if finding.code == _CUT), None)
    return report.findings[0] if report.status == "failing" and report.findings else None


def others(report: Report) -> list[Finding]:
    """The rest, without the note that the run was cut, which `cut` words."""
    found = culprit(report)
    return [finding for finding in report.findings if finding is not found and finding.code != _CUT]


def command(report: Report) -> str:
    """What was run: "doctor", "demo" …"""
    run = observed(report, Run)
    return run.command if run else "doctor"


def client(route: RouteView) -> str:
    return f"{registry.title(route.client)} {route.client_version}".strip()


def surroundings(report: Report) -> list[str]:
    """What decides the route, a phrase each: endpoint, client, credential, proxy, trust, interpreter."""
    route = report.route
    source = "" if route.base_url_source == "default" else route.base_url_source
    phrases = [*([_noted(route.url, source)] if route.url else []), client(route)]
    phrases.append(credential(route))
    if route.provider:
        phrases.append(f"provider {route.provider}")
    if route.proxy:
        credentials = "with credentials" if route.proxy_has_credentials else ""
        phrases.append(_noted(f"proxy {route.proxy}", route.proxy_source, credentials))
    elif route.proxy_bypassed_by:
        phrases.append(f'no proxy (NO_PROXY entry "{route.proxy_bypassed_by}")')
    if route.trust in ("file", "directory"):
        phrases.append(_noted(f"trust {route.cafile or route.capath}", route.trust_source))
    interpreter = observed(report, Interpreter)
    if interpreter and route.client == "python":
        chosen = "claudecheck's own" if interpreter.chosen_by == "own" else interpreter.chosen_by
        phrases.append(_noted(interpreter.path, chosen))
    return phrases


def around(report: Report) -> list[str]:
    """What else has a hand in this machine's traffic: beside the verdict, and no cause without a variation."""
    vpn = circumstances.vpn_interfaces(observed(report, LocalNetwork))
    seen = observed(report, Surroundings)
    return [
        *([f"VPN interface {', '.join(vpn)}"] if vpn else []),
        *([f"installed: {', '.join(seen.agents)}"] if seen is not None and seen.agents else []),
    ]


def headline(report: Report) -> str:
    """The state in a few words, for those who read nothing else."""
    found = culprit(report)
    if found:
        return found.title
    warnings = sum(finding.severity == "warning" for finding in report.findings)
    if report.status == "degraded":
        return f"works, with {count(warnings, 'warning')}"
    return str(report.status)


def bottom_line(report: Report) -> list[str]:
    """The last line in phrases: the state, whether the API was reached, whose move it is, the exit code."""
    phrases = [_reached(report)]
    if report.status != "failing":
        phrases.insert(0, "incomplete" if report.status == "incomplete" else headline(report))
    found = culprit(report)
    if found and found.retryable:
        phrases.append("a retry may help")
    if found and found.owner:
        phrases.append(MOVES[found.owner])
        if report.cure is not None and report.cure.proved:
            phrases[-1] += ", one change mends it"
    return [*phrases, f"exit {report.exit_code}"]


def trial(fix: Fix) -> str:
    """What became of a fix when it was tried, to stand behind its text; empty for what is not there to be tried."""
    if fix.tried is None:
        return ". Not tried." if fix.kind == "mend" and fix.commands else ""
    if fix.tried.by == "walk":
        through = fix.tried.stage in ("models", "messages")
        return f". Tried just now: it gets {'through' if through else f'past {fix.tried.stage}'}."
    return ". Tried just now in an equivalent way: it gets through."


def cost(billed: Billed) -> str:
    """As in "1 message, 8 input and 1 output token"; empty when nothing was billed."""
    if not billed.messages:
        return ""
    output = count(billed.output_tokens, "output token")
    return f"{count(billed.messages, 'message')}, {billed.input_tokens} input and {output}"


def cut(report: Report) -> str:
    """What ended the run early, and what it was waiting for; empty when nothing did or the culprit says it."""
    end = observed(report, End)
    if end is None or not end.cut or report.status == "incomplete":
        return ""
    run = observed(report, Run)
    limit = f" of {run.timeout_s:g} s" if run else ""
    reason = _CUT_BY.get(end.cut, f"the deadline{limit} came first")
    return f"{reason}, while waiting for {end.waiting_for}" if end.waiting_for else reason


def variation_status(row: VariationRow) -> StageStatus:
    """What gets the client through is good news; another thing that answered is only evidence."""
    return "pass" if row.decided else "warn" if row.reached else "skip"


def walked(stages: list[StageRow]) -> str:
    """The stages that were walked, in a line: "dns ok, tcp ok, tls failed"."""
    words = {"pass": "ok", "warn": "ok with a warning", "fail": "failed"}
    return ", ".join(f"{stage.name} {words[stage.status]}" for stage in stages if stage.status != "skip")


def observed(report: Report, kind: type[Kind]) -> Kind | None:
    return next((seen for seen in report.observations if isinstance(seen, kind)), None)


def credential(route: RouteView) -> str:
    if route.credential == "none":
        return "no credential"
    word = {"api-key": "key", "auth-token": "token"}.get(route.credential, route.credential)
    return _noted(f"{word} {route.credential_kind}".strip(), route.credential_source, route.credential_fingerprint)


def _noted(phrase: str, *notes: str) -> str:
    """The phrase with what is known about it in brackets."""
    known = ", ".join(filter(None, notes))
    return f"{phrase} ({known})" if known else phrase


def _reached(report: Report) -> str:
    if report.reached_api is None:
        return "the API was not asked"
    if not report.reached_api:
        answerer = _ANSWERERS.get(report.answered_by) if report.answered_by else None
        return f"did not reach the API: {answerer}" if answerer else "did not reach the API"
    way = " through the gateway" if report.answered_by == "gateway" else ""
    request_id = f" ({report.request_id})" if report.request_id else ""
    return f"reached the API{way}{request_id}"


def count(number: int, noun: str, plural: str = "") -> str:
    """As in "1 message" and "2 messages"."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
