"""Findings → the report: rows, culprit, exit code. The one place where a culprit is chosen. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from claudecheck.diagnosis import cures, origin, policy, rows, variations
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.rules import RULES
from claudecheck.failures import Failure, Stage
from claudecheck.observations import Cut, HttpExchange, Journal
from claudecheck.report import (
    EXIT_OF_CUT,
    EXIT_OF_LAYER,
    AnsweredBy,
    Billed,
    ExitCode,
    FailingLayer,
    Finding,
    Report,
    Status,
    Tool,
)

_NETWORK = (Stage.DNS, Stage.TCP, Stage.TLS, Stage.PROXY, Stage.MODELS)


def diagnose(journal: Journal) -> Report:
    """The report of a journal. The same journal always gives the same report, here and elsewhere."""
    evidence = Evidence(journal)
    findings = _findings(evidence)
    culprit = next((finding for finding in findings if finding.severity == "error"), None)
    cut: Cut = evidence.end.cut if evidence.end else "deadline"
    status, exit_code = _status(evidence, findings, culprit, cut)
    failing = culprit if status == "failing" else None
    if status == "incomplete" or cut:
        findings = [*findings, _incomplete(evidence, cut)]
    stages = [rows.row(evidence, stage, findings) for stage in rows.order(evidence)]
    last = _telling(evidence)
    report = Report(
        tool=Tool(version=evidence.run.version),
        started_at=evidence.run.started_at,
        duration_ms=evidence.end.at_ms if evidence.end else 0.0,
        status=status,
        reached_api=_reached(evidence),
        first_failing_layer=_layer(failing),
        problem=failing.code if failing else None,
        exit_code=exit_code,
        request_id=last.request_id if last is not None and origin.from_api(last, official=evidence.official) else None,
        answered_by=_answered_by(evidence, last),
        billed=_billed(journal),
        route=evidence.route,
        stages=stages,
        findings=findings,
        label=evidence.run.label,
        variations=variations.rows(journal, failing.code if failing else None),
        observations=list(journal.observations),
        cure=cures.cure(failing),
    )
    return policy.judged(report, evidence)


# -- findings, sorted ------------------------------------------------------------------------------


def _findings(evidence: Evidence) -> list[Finding]:
    found: dict[str, Finding] = {}
    for rule in RULES:
        for finding in rule(evidence):
            known = found.get(finding.code)
            if known is None or (known.severity != "error" and finding.severity == "error"):
                found[finding.code] = finding
    told = _without_those_that_yield(list(found.values()))
    told += _unexplained(evidence, told)
    if any(CATALOGUE[code].overrules for code in found):
        told = [msgspec.structs.replace(one, severity="warning") if one.severity == "error" else one for one in told]
    told += [_bug(evidence)] if evidence.crashes else []
    stopping = {concern.kind for concern in evidence.concerns if concern.stops_client}
    failed_network = any(rows.failed(evidence, stage) for stage in _NETWORK)
    order = [stage.value for stage in rows.order(evidence)]
    severities = ("error", "warning", "info")

    def key(finding: Finding) -> tuple[int, int, int]:
        stage = order.index(finding.layer) if finding.layer in order else len(order)
        return severities.index(finding.severity), _rank(finding, stopping, failed_network=failed_network), stage

    return [cures.settled(finding) for finding in sorted(told, key=key)]


def _without_those_that_yield(found: list[Finding]) -> list[Finding]:
    """One cause, told once: what yields to an error is that error's, met again."""
    yielding = [one for one in found if "an error" in CATALOGUE[one.code].yields_to]
    stopped = any(one.severity == "error" for one in found if one not in yielding)
    return [one for one in found if not stopped or one not in yielding]


def proposed(journal: Journal) -> tuple[list[Finding], list[cures.Proposal]]:
    """What was found so far, and the changes that could mend it, for a run to try."""
    evidence = Evidence(journal)
    found = _findings(evidence)
    return found, cures.chosen(found, evidence.proposals)


def _rank(finding: Finding, stopping: set[str], *, failed_network: bool) -> int:
    """0: stops the client before its first packet; 1: on the route; 2: told, but not what stopped it first."""
    if finding.severity != "error" or finding.layer != "environment":
        return 1
    problem = CATALOGUE[finding.code]
    if problem.confirmed_by or problem.names_failure:
        return 0
    if finding.code in stopping and "the network" not in problem.yields_to:
        return 0
    return 2 if failed_network else 1


def _unexplained(evidence: Evidence, told: list[Finding]) -> list[Finding]:
    """A stage that failed and that no rule explains: said as what it is."""
    if any(finding.severity == "error" for finding in told):
        return []
    through = evidence.message is not None and evidence.message.ok
    for stage in rows.order(evidence):
        if through and stage is Stage.MODELS:
            continue
        if (
            stage is not Stage.ENVIRONMENT
            and rows.failed(evidence, stage)
            and not (stage is Stage.MODELS and (rows.proves_route(evidence) or evidence.lists_otherwise))
        ):
            failures = [step for step in rows.steps(evidence, stage) if not step.ok]
            return [
                evidence.finding(
                    "unknown",
                    layer=rows.name(stage),
                    seen=[f"{step.error or step.failure}" for step in failures[:5]],
                    confidence="low",
                )
            ]
    return []


def _bug(evidence: Evidence) -> Finding:
    crash = evidence.crashes[0]
    stage = next((stage for stage in Stage if stage == crash.stage), Stage.ENVIRONMENT)
    return evidence.finding(
        "claudecheck-bug",
        layer=rows.name(stage),
        values={"detail": crash.error},
        seen=[f"{crash.probe}: {crash.error}"],
    )


def _incomplete(evidence: Evidence, cut: Cut) -> Finding:
    words: Mapping[Cut, str] = {
        "interrupted": "Ctrl-C",
        "terminated": "TERM",
        "hung-up": "HUP",
        "limits": "a limit of this machine: memory, open files, processes or threads",
        "deadline": f"the deadline of {evidence.run.timeout_s:g} s",
    }
    waiting = evidence.end.waiting_for if evidence.end else ""
    return evidence.finding(
        "incomplete",
        values={"seconds": f"{evidence.run.timeout_s:g} s", "detail": waiting},
        seen=[f"cut by {words.get(cut, 'the end')}" + (f" while waiting for {waiting}" if waiting else "")],
        severity="info",
    )


# -- the verdict -----------------------------------------------------------------------------------


def _status(evidence: Evidence, findings: list[Finding], culprit: Finding | None, cut: Cut) -> tuple[Status, int]:
    if culprit is not None:
        own = CATALOGUE[culprit.code].exit_code or EXIT_OF_LAYER[culprit.layer]
        return "failing", EXIT_OF_CUT.get(cut, own)
    if cut in EXIT_OF_CUT:
        return "incomplete", EXIT_OF_CUT[cut]
    if cut and not _complete(evidence, findings):
        return "incomplete", ExitCode.INCOMPLETE
    if any(finding.severity == "warning" for finding in findings):
        return "degraded", ExitCode.WARNINGS if evidence.run.strict else ExitCode.HEALTHY
    return "healthy", ExitCode.HEALTHY


def _complete(evidence: Evidence, findings: list[Finding]) -> bool:
    """The route was walked to its end; what was cut stood beside it. Where names are slow, each client waits for them
    once more: the API's answer is the end, and that they are slow is what is wrong.
    """
    if evidence.message is not None and evidence.message.ok:
        return True
    slow = any(finding.code == "dns-slow" for finding in findings)
    return (slow or not evidence.run.message) and evidence.models is not None and evidence.models.ok


def _layer(culprit: Finding | None) -> FailingLayer | None:
    if culprit is None:
        return None
    return "messages" if culprit.layer == "client" else culprit.layer


def _exchanges(evidence: Evidence) -> list[HttpExchange]:
    return [seen for seen in (evidence.models, evidence.message, evidence.trial) if seen is not None]


def _reached(evidence: Evidence) -> bool | None:
    """True for an answer of the API on this route; null when no request was made."""
    tried = [seen for seen in _exchanges(evidence) if seen.failure is not Failure.CANCELLED]
    if any(origin.reached(seen, official=evidence.official) for seen in tried):
        return True
    if tried or any(rows.failed(evidence, stage) for stage in (Stage.DNS, Stage.TCP, Stage.TLS, Stage.PROXY)):
        return False
    return None


def _telling(evidence: Evidence) -> HttpExchange | None:
    """The answer that tells most: the message's, else that of the models call; one with a request-id first."""
    answered = [seen for seen in reversed(_exchanges(evidence)) if seen.status]
    with_id = [seen for seen in answered if seen.request_id]
    return next(iter(with_id or answered), None)


def _answered_by(evidence: Evidence, last: HttpExchange | None) -> AnsweredBy | None:
    return origin.answered_by(last, official=evidence.official) if last is not None else None


def _billed(journal: Journal) -> Billed:
    paid = [
        seen
        for seen in journal.all(HttpExchange, variation=None)
        if seen.shape in ("message", "event-stream") and seen.input_tokens + seen.output_tokens > 0
    ]
    return Billed(
        messages=len(paid),
        input_tokens=sum(seen.input_tokens for seen in paid),
        output_tokens=sum(seen.output_tokens for seen in paid),
    )
