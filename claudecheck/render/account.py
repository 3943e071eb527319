"""A finding in plain lines, for the formats that hold text and no layout: JUnit, annotations. Pure text."""

from __future__ import annotations

from collections.abc import Iterator

from claudecheck.render import verdict
from claudecheck.render.untrusted import command_lines, harmless
from claudecheck.report import Finding, Fix, Report


def whole(finding: Finding) -> Iterator[str]:
    """Everything about it: what it is, why, what was seen, what it is not, every fix, how to verify."""
    yield harmless(finding.title)
    if finding.cause:
        yield harmless(finding.cause)
    yield from (f"seen: {harmless(seen)}" for seen in finding.seen)
    if finding.ruled_out:
        yield f"not it: {harmless('; '.join(finding.ruled_out))}"
    if finding.confidence != "high":
        yield f"confidence: {finding.confidence}"
    for fix in finding.fixes:
        yield from _fix(fix)
    yield from _ending(finding)


def brief(finding: Finding) -> Iterator[str]:
    """What it is, why, and the first fix."""
    yield harmless(finding.title)
    if finding.cause:
        yield harmless(finding.cause)
    for fix in finding.fixes[:1]:
        yield from _fix(fix)
    yield from _ending(finding)


def bottom_line(report: Report) -> str:
    """Whether the API was reached, whose move it is, the exit code."""
    return harmless(" · ".join(verdict.bottom_line(report)))


def _fix(fix: Fix) -> Iterator[str]:
    yield f"fix: {harmless(fix.text + verdict.trial(fix))}"
    for command in fix.commands:
        yield from (f"    {line}" for line in command_lines(command.line))


def _ending(finding: Finding) -> Iterator[str]:
    if finding.verify:
        yield f"verify: {harmless(finding.verify)}"
    yield f"more: claudecheck explain {harmless(finding.code)}"
