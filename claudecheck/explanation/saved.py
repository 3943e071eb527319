"""Answers from a report that `claudecheck doctor --save` wrote. Knows no signature."""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from claudecheck.explanation.model import EvidenceLine, Explanation, OtherProblem
from claudecheck.explanation.scan import SMALL, read
from claudecheck.report import Finding, Report

#: No report is larger; what is, is a log that begins like one.
_LARGEST = 16 << 20
_NO_CULPRIT = ("Nothing in it stopped the client.", "The run was cut before a failure was certain.")


def looks_like_a_report(head: bytes) -> bool:
    return head[:100].lstrip().startswith(b"{") and b'"schema_version"' in head and b'"first_failing_layer"' in head


def rest_of(head: bytes, stream: BinaryIO) -> bytes:
    """The whole report, or as much of the text as a report can have."""
    return head if len(head) <= SMALL else head + read(stream, _LARGEST)


def explain_report(raw: bytes) -> Explanation | None:
    """None when the text is no report after all."""
    try:
        report = msgspec.json.decode(raw, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _of(report)


def _of(report: Report) -> Explanation:
    culprit = next((finding for finding in report.findings if finding.code == report.problem), None)
    rest = [finding for finding in report.findings if finding is not culprit]
    if culprit is None:
        return Explanation(
            problem=None,
            layer=None,
            confidence="high",
            reached_api=report.reached_api,
            request_id=report.request_id,
            status=None,
            title=f"the saved report is {report.status}",
            cause=_NO_CULPRIT[report.status == "incomplete"],
            others=_others(rest),
        )
    return Explanation(
        problem=culprit.code,
        layer=culprit.layer,
        confidence=culprit.confidence,
        reached_api=report.reached_api,
        request_id=report.request_id,
        status=None,
        title=culprit.title,
        cause=culprit.cause,
        owner=culprit.owner,
        retryable=culprit.retryable,
        fixes=culprit.fixes,
        evidence=[EvidenceLine(line=0, text=text) for text in culprit.seen],
        others=_others(rest),
        verify=culprit.verify,
    )


def _others(findings: list[Finding]) -> list[OtherProblem]:
    return [OtherProblem(code=finding.code, count=1, first_line=0, last_line=0) for finding in findings]
