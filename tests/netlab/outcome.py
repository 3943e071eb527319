"""What one scenario came to, and whether the doctor's verdict on it is right. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.netlab.client import Said
from tests.netlab.scenario import Expected, Scenario

EXIT_CODES = {
    "environment": 10, "dns": 11, "tcp": 12, "tls": 13, "proxy": 14, "models": 15, "messages": 16, None: 0,
}  # fmt: skip


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
    crashed: str = ""


@dataclass
class Outcome:
    """`right` is None when the doctor was not asked, or could not be."""

    scenario: Scenario
    verdict: Verdict | None = None
    curl: Said | None = None
    sdk: Said | None = None
    up_seconds: float = 0.0
    lab_error: str = ""
    left_out: str = ""  # what the machine lacks for it
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """Every contract that the verdict breaks, in words; empty when it is right."""
        if self.lab_error:
            return [f"the lab failed: {self.lab_error}"]
        return compare(self.scenario.expected, self.verdict) if self.verdict else []

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
        ),
        report,
    )


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
    if verdict.exit_code != EXIT_CODES[expected.layer]:
        wrong.append(f"exit {verdict.exit_code}, not {EXIT_CODES[expected.layer]}")
    return wrong
