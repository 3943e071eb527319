"""The report for a step of GitHub Actions: annotations, the step's summary, the step's outputs. Pure text.

What the runner takes for a command, and how it is escaped: actions/runner, `ActionCommand.cs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from claudecheck.render import account, verdict
from claudecheck.render.markdown import short, to_markdown
from claudecheck.render.untrusted import harmless
from claudecheck.report import Finding, Report

#: Of each kind; GitHub drops what comes after.
MOST_ANNOTATIONS = 10
#: A summary that is larger is not shown at all.
LARGEST_SUMMARY = 1024 * 1024
_LONGEST_TITLE, _LONGEST_MESSAGE = 200, 4000

#: A line that the runner would obey: `::name ...::` after blanks, and `##[name ...]` anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:)|##(?=\[)", re.MULTILINE)


def workflow_commands(report: Report) -> str:
    """A line each for the errors and warnings, the culprit first; empty when there is nothing to say."""
    lines = [line for severity in ("error", "warning") for line in _of_severity(report, severity)]
    return "".join(f"{line}\n" for line in lines)


def guarded(text: str) -> str:
    """The text for the log, in which no line is a command to the runner: a peer may have chosen parts of it."""
    return _COMMAND.sub(lambda found: f"{found[1]}:\u200b" if found[1] is not None else "##\u200b", text)


def summary(report: Report, room: int = LARGEST_SUMMARY) -> str:
    """Markdown of at most `room` bytes: the whole page, else the short form, else nothing."""
    pages = (to_markdown(report), f"```text\n{short(report).replace('`', chr(39))}```\n", "")
    return next(page for page in pages if len(page.encode()) <= room)


def step_outputs(report: Report) -> dict[str, str]:
    """What later steps can ask for; empty where the report has null."""
    reached = {True: "true", False: "false", None: ""}[report.reached_api]
    values = {
        "status": report.status,
        "layer": report.first_failing_layer or "",
        "problem": report.problem or "",
        "reached_api": reached,
        "exit_code": str(report.exit_code),
    }
    return {name: harmless(value) for name, value in values.items()}


def _of_severity(report: Report, severity: str) -> Iterator[str]:
    """Ten at most; when there are more, the last one counts those that are left out."""
    found = [finding for finding in report.findings if _kind(report, finding) == severity]
    kept = found if len(found) <= MOST_ANNOTATIONS else found[: MOST_ANNOTATIONS - 1]
    for finding in kept:
        lines = list(account.brief(finding))
        if finding is verdict.culprit(report):
            lines.append(account.bottom_line(report))
        yield _command(severity, finding.code, "\n".join(lines))
    if len(kept) < len(found):
        codes = ", ".join(finding.code for finding in found[len(kept) :])
        yield _command(severity, "claudecheck", f"and {len(found) - len(kept)} more: {codes}")


def _kind(report: Report, finding: Finding) -> str:
    """A run that was cut is no success: its note is an error here."""
    return "error" if finding is verdict.culprit(report) else finding.severity


def _command(name: str, title: str, message: str) -> str:
    """Each line of the message is printable already, so only what separates commands is escaped."""
    shown = harmless(title, _LONGEST_TITLE).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    data = message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"
    return f"::{name} title={shown}::{data.replace('%', '%25').replace(chr(10), '%0A')}"
