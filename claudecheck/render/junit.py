"""The report as JUnit XML: a case a stage, as Jenkins, GitLab, Azure and CircleCI read it. Pure text.

A stage that stopped the client is a failure, and its body holds the whole account: GitLab shows the element's
text and nothing else. A stage with a warning passes, and its `system-out` holds the account.
"""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from claudecheck.render import account, verdict
from claudecheck.render.untrusted import harmless
from claudecheck.report import ExitCode, Finding, Report, StageRow

_SUITE = "claudecheck"


def to_junit(report: Report) -> str:
    """One suite. All of its text is printable, and so allowed in XML 1.0."""
    cases = [_case(report, row) for row in report.stages]
    if report.policy is not None:
        cases.append(_policy(report))
    if stray := _stray(report):
        cases.append(_new_case("verdict"))
        _add(cases[-1], "error", stray.code, harmless(stray.title), "\n".join(account.whole(stray)))
    found = Counter(child.tag for case in cases for child in case)
    counts = {"tests": len(cases), "failures": found["failure"], "errors": found["error"]}
    times = {"time": _seconds(report.duration_ms)}
    totals = {name: str(count) for name, count in counts.items()} | times
    suites = ET.Element("testsuites", {"name": _SUITE} | totals)
    skipped = {"skipped": str(found["skipped"]), "timestamp": harmless(report.started_at)}
    suite = ET.SubElement(suites, "testsuite", {"name": _SUITE} | totals | skipped)
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(report).items():
        ET.SubElement(properties, "property", {"name": name, "value": harmless(value)})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = account.bottom_line(report)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _facts(report: Report) -> dict[str, str]:
    """What tells one run from another."""
    facts = {
        "version": report.tool.version,
        "status": report.status,
        "problem": report.problem or "",
        "url": report.route.url,
        "client": verdict.client(report.route),
        "request_id": report.request_id or "",
        "label": report.label,
    }
    return {name: value for name, value in facts.items() if value}


def _new_case(name: str, duration_ms: float = 0.0) -> ET.Element:
    return ET.Element("testcase", {"name": name, "classname": _SUITE, "time": _seconds(duration_ms)})


def _case(report: Report, row: StageRow) -> ET.Element:
    case = _new_case(row.name, row.duration_ms)
    found = _of_stage(report, row)
    errors = [finding for finding in found if finding.severity == "error"]
    body = "\n".join(line for finding in errors or found for line in account.whole(finding))
    if row.status == "fail" or errors:
        kind = "error" if report.exit_code == ExitCode.BUG else "failure"
        code = errors[0].code if errors else row.name
        title = errors[0].title if errors else row.summary
        _add(case, kind, code, title, f"{harmless(row.summary)}\n{body}".rstrip())
    elif row.status == "skip":
        _add(case, "skipped", row.skipped_because or "", row.summary, harmless(row.summary))
    else:
        ET.SubElement(case, "system-out").text = f"{harmless(row.summary)}\n{body}".rstrip()
    return case


def _of_stage(report: Report, row: StageRow) -> list[Finding]:
    """What client and SDK do wrong shows at the last stage, as in the exit code."""
    layers = (row.name, "client") if row.name == "messages" else (row.name,)
    return [finding for finding in report.findings if finding.layer in layers and finding.severity != "info"]


def _policy(report: Report) -> ET.Element:
    case = _new_case("policy")
    broken = report.policy.broken if report.policy else []
    if broken:
        lines = [f"{harmless(rule.rule)}: {harmless(rule.seen)}" for rule in broken]
        _add(case, "failure", "policy-broken", lines[0], "\n".join(lines))
    return case


def _stray(report: Report) -> Finding | None:
    """The note that the run was cut: no stage has failed, and the run is no success."""
    return verdict.culprit(report) if report.status == "incomplete" else None


def _add(case: ET.Element, kind: str, code: str, message: str, body: str) -> None:
    ET.SubElement(case, kind, {"type": harmless(code), "message": harmless(message)}).text = body


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"
