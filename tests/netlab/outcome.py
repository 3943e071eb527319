"""What one scenario came to, and whether the doctor's verdict on it is right. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from claudecheck.report import EXIT_OF_LAYER
from tests.netlab.client import Said
from tests.netlab.scenario import Expected, Question, Scenario

EXIT_CODES: dict[str | None, int] = {None: 0, **{layer: int(code) for layer, code in EXIT_OF_LAYER.items()}}


@dataclass(frozen=True)
class Verdict:
    """The parts of a report that are graded. `crashed` holds what came in place of a report."""

    status: str = ""
    layer: str | None = None
    problem: str | None = None
    owner: str | None = None
    findings: tuple[str, ...] = ()
    reached_api: bool | None = None
    exit_code: int | None = None
    seconds: float = 0.0
    fix: str = ""  # the culprit's first remedy, its text and its commands
    crashed: str = ""


@dataclass(frozen=True)
class Answer:
    """What another command said. `sentences` is its answer, the first of them first."""

    question: Question
    sentences: tuple[str, ...] = ()
    variable: str = ""
    fix: str = ""  # of all that it advises, the texts and the commands
    exit_code: int | None = None
    seconds: float = 0.0
    crashed: str = ""

    @property
    def wrong(self) -> list[str]:
        asked = self.question
        if self.crashed:
            return [f"`{asked.asks}` gave no answer (status {self.exit_code}): {self.crashed}"]
        told = [
            *([f"first says “{self.first}”"] if not re.search(asked.first, self.first) else []),
            *(f"does not say {one}" for one in asked.says if not re.search(one, " ".join(self.sentences))),
            *([f"variable {self.variable or 'none'}, not {asked.variable}"] if self.variable != asked.variable else []),
            *([f"fix without {asked.fix}: {self.fix[:300]}"] if not re.search(asked.fix, self.fix) else []),
            *([f"exit {self.exit_code}, not {asked.exit_code}"] if self.exit_code != asked.exit_code else []),
        ]
        return [f"`{asked.asks}`: {one}" for one in told]

    @property
    def first(self) -> str:
        return self.sentences[0] if self.sentences else ""


@dataclass(frozen=True)
class Pasted:
    """A mend of the culprit that was pasted into `shell`, and whether the smallest program then got through."""

    shell: str
    lines: str
    first: bool
    tried: bool
    healed: bool
    said: str = ""


@dataclass
class Outcome:
    """`right` is None when the doctor was not asked, or could not be."""

    scenario: Scenario
    verdict: Verdict | None = None
    curl: Said | None = None
    sdk: Said | None = None
    answers: list[Answer] = field(default_factory=list)
    up_seconds: float = 0.0
    lab_error: str = ""
    left_out: str = ""  # what the machine lacks for it
    report: dict[str, Any] = field(default_factory=dict)
    shown_mends: int = 0
    pasted: list[Pasted] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Every contract that the verdict breaks, in words; empty when it is right."""
        if self.lab_error:
            return [f"the lab failed: {self.lab_error}"]
        doctors = compare(self.scenario.expected, self.verdict) if self.verdict else []
        return [*doctors, *(one for answer in self.answers for one in answer.wrong)]

    @property
    def layer_right(self) -> bool:
        return self.verdict is not None and self.verdict.layer == self.scenario.expected.layer

    @property
    def code_right(self) -> bool:
        expected, verdict = self.scenario.expected, self.verdict
        if verdict is None or (verdict.problem or "") != expected.problem:
            return False
        return not expected.finding or expected.finding in verdict.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.scenario.name,
            "group": self.scenario.group,
            "component": self.scenario.component,
            "expected": asdict(self.scenario.expected),
            "verdict": asdict(self.verdict) if self.verdict else None,
            "curl": asdict(self.curl) if self.curl else None,
            "sdk": asdict(self.sdk) if self.sdk else None,
            "answers": [{**asdict(answer), "wrong": answer.wrong} for answer in self.answers],
            "shown_mends": self.shown_mends,
            "pasted": [asdict(one) for one in self.pasted],
            "cannot_be_mended": self.scenario.cannot_be_mended,
            "left_out": self.left_out,
            "wrong": self.wrong,
            "layer_right": self.layer_right,
            "code_right": self.code_right,
        }


def verdict_of(said: Said) -> tuple[Verdict, dict[str, Any]]:
    try:
        report: dict[str, Any] = json.loads(said.stdout)
    except ValueError:
        return Verdict(exit_code=said.status, seconds=said.seconds, crashed=_tail(said)), {}
    findings = report.get("findings", [])
    return (
        Verdict(
            status=report.get("status", ""),
            layer=report.get("first_failing_layer"),
            problem=report.get("problem"),
            owner=findings[0].get("owner") if findings else None,
            findings=tuple(finding.get("code", "") for finding in findings),
            reached_api=report.get("reached_api"),
            exit_code=said.status,
            seconds=said.seconds,
            fix=_advised((findings[0].get("fixes") or [None])[0]) if findings else "",
        ),
        report,
    )


def answer_of(question: Question, said: Said) -> Answer:
    """The parts of the JSON of `compare`, `trust` or `routes` that are graded."""
    try:
        told: dict[str, Any] = json.loads(said.stdout)
    except ValueError:
        return Answer(question, exit_code=said.status, seconds=said.seconds, crashed=_tail(said))
    deciding = told.get("deciding", {})
    advice = [deciding.get("fix"), *(mend["fix"] for mend in told.get("mends", []))]
    ignored = {f"{one['variable']}: {one['needs']}" for row in told.get("rows", []) for one in row["ignored"]}
    sentences = [deciding.get("sentence"), *told.get("answer", []), *told.get("disagreements", [])]
    return Answer(
        question,
        sentences=tuple(filter(None, [*sentences, *deciding.get("notes", [])])),
        variable=deciding.get("variable") or "",
        fix="\n".join([*filter(None, map(_advised, advice)), *sorted(ignored)]),
        exit_code=said.status,
        seconds=said.seconds,
    )


def _advised(fix: dict[str, Any] | None) -> str:
    return "\n".join([fix["text"], *(command["line"] for command in fix["commands"])]) if fix else ""


def _tail(said: Said) -> str:
    if said.status is None:
        return "did not end in time"
    return (said.stderr or said.stdout).strip()[-600:] or "no output"


def compare(expected: Expected, verdict: Verdict) -> list[str]:
    if verdict.crashed:
        return [f"no report (status {verdict.exit_code}): {verdict.crashed}"]
    wrong = []
    statuses = ("failing",) if expected.failing else ("healthy", "degraded")
    if verdict.status not in statuses:
        wrong.append(f"status {verdict.status}, not {' or '.join(statuses)}")
    if verdict.layer != expected.layer:
        wrong.append(f"layer {verdict.layer}, not {expected.layer}")
    if (verdict.problem or "") != expected.problem:
        wrong.append(f"problem {verdict.problem}, not {expected.problem or 'none'}")
    if expected.owners and verdict.owner not in expected.owners:
        wrong.append(f"owner {verdict.owner}, not {' or '.join(expected.owners)}")
    if expected.finding and expected.finding not in verdict.findings:
        wrong.append(f"findings {list(verdict.findings)} without {expected.finding}")
    if not re.search(expected.fix, verdict.fix):
        wrong.append(f"fix without {expected.fix}: {verdict.fix[:300]}")
    if verdict.exit_code != EXIT_CODES[expected.layer]:
        wrong.append(f"exit {verdict.exit_code}, not {EXIT_CODES[expected.layer]}")
    return wrong
