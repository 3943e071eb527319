"""The report for a ticket, a pull request or a CI summary, and in one line for a chat. Pure text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from claudecheck.render import verdict
from claudecheck.render.untrusted import command_lines, harmless
from claudecheck.report import Finding, Fix, Report, StageStatus

_MARKS: dict[StageStatus, str] = {"pass": "✓", "warn": "!", "fail": "✗", "skip": "·"}
_STATUS_MARKS = {"healthy": "✓", "degraded": "!", "failing": "✗", "incomplete": "!"}
_LONGEST_CELL = 240
_LONGEST_LINE = 1000

#: What Markdown or HTML would take for its own, and what a forge would turn into a link or a mention.
_SPECIAL = re.compile(r"[\\`*_{}\[\]|~]|[<>&$@#]|://|www\.|^[-+=]|^\d+[.)](?=\s|$)", re.IGNORECASE)
_SPELLED = {
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "$": "&#36;",
    "@": "@&#8203;",
    "#": "#&#8203;",
    "://": "&#58;//",
    "www.": "www&#46;",
}


def to_markdown(report: Report) -> str:
    """GitHub-flavoured Markdown: the verdict, the stages, the culprit with its fix, the rest."""
    return "\n".join(_page(report)).rstrip() + "\n"


def short(report: Report) -> str:
    """One line of plain text for a chat or a log: what it is, the fix, whose move it is, the exit code."""
    found = verdict.culprit(report)
    warnings = ", ".join(finding.code for finding in report.findings if finding.severity == "warning")
    said = f"{found.code}: {found.title}" if found else verdict.headline(report) + (f": {warnings}" if warnings else "")
    parts = [f"claudecheck: {said}", *_fix_in_short(found), *_below_title(report)]
    return harmless(" · ".join(parts), _LONGEST_LINE) + "\n"


def _fix_in_short(found: Finding | None) -> list[str]:
    """The first fix with its command, where that is one line: half a command is a wrong command."""
    if found is None or not found.fixes:
        return []
    fix = found.fixes[0]
    lines = [line for command in fix.commands[:1] for line in command_lines(command.line)]
    return [f"fix: {fix.text}: {lines[0]}" if len(lines) == 1 and len(lines[0]) < _LONGEST_CELL else f"fix: {fix.text}"]


def _page(report: Report) -> Iterator[str]:
    found = verdict.culprit(report)
    title = f"{found.code}: {found.title}" if found else f"claudecheck: {verdict.headline(report)}"
    yield f"### {_STATUS_MARKS[report.status]} {prose(title)}"
    yield ""
    yield " · ".join(map(prose, _below_title(report)))
    yield ""
    yield from stage_table(report)
    if found:
        yield from _in_full(found)
        yield from variation_table(report)
    for finding in verdict.others(report):
        yield from _in_short(finding)
    notes = [*verdict.surroundings(report), *verdict.around(report), verdict.cut(report), verdict.cost(report.billed)]
    made = f"claudecheck {report.tool.version}, {report.started_at}"
    yield " · ".join(prose(note) for note in (*notes, made) if note)


def _below_title(report: Report) -> list[str]:
    """The last line of the terminal's page, without what the title says already."""
    phrases = verdict.bottom_line(report)
    return phrases if report.status == "failing" else phrases[1:]


def stage_table(report: Report) -> Iterator[str]:
    yield "| | stage | what was seen | time |"
    yield "|---|---|---|---:|"
    for row in report.stages:
        cells = (_MARKS[row.status], row.name, prose(row.summary, _LONGEST_CELL), verdict.milliseconds(row.duration_ms))
        yield f"| {' | '.join(cells).replace('<1', '&lt;1')} |"
    yield ""


def _in_full(finding: Finding) -> Iterator[str]:
    yield from _paragraph("Why", finding.cause)
    if finding.seen:
        yield "**Seen**"
        yield ""
        yield from (f"- {prose(seen)}" for seen in finding.seen)
        yield ""
    yield from _paragraph("Not it", "; ".join(finding.ruled_out))
    if finding.confidence != "high":
        yield from _paragraph("Confidence", finding.confidence)
    for place, fix in enumerate(finding.fixes):
        yield from _fix("Or" if place else "Fix", fix)
    yield from _paragraph("Verify", f"`{finding.verify}`" if finding.verify else "")
    yield from _paragraph("More", f"`claudecheck explain {finding.code}`")


def _in_short(finding: Finding) -> Iterator[str]:
    mark = {"error": "✗", "warning": "!", "info": "·"}[finding.severity]
    yield f"{mark} **{prose(finding.code)}**: {prose(finding.title)}"
    yield ""
    if finding.severity != "info":
        for fix in finding.fixes[:1]:
            yield from _fix("Fix", fix)


def variation_table(report: Report) -> Iterator[str]:
    if not report.variations:
        return
    yield "| | what was varied | from | to | outcome |"
    yield "|---|---|---|---|---|"
    for row in report.variations:
        fields = (row.changed, row.before, row.after, row.outcome)
        cells = (
            _MARKS[verdict.variation_status(row)],
            *(prose(field, _LONGEST_CELL) for field in fields),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _paragraph(label: str, text: str) -> Iterator[str]:
    if text:
        yield f"**{label}**: {prose(text)}"
        yield ""


def _fix(label: str, fix: Fix) -> Iterator[str]:
    yield from _paragraph(label, f"{fix.text}{verdict.trial(fix)}")
    for shell, commands in groupby(fix.commands, key=lambda command: command.shell):
        yield from fenced(shell, [line for command in commands for line in command_lines(command.line)])


def fenced(language: str, lines: list[str]) -> Iterator[str]:
    """A fence that is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max(len(run) for line in lines for run in re.findall("`*", line)))
    yield f"{fence}{language}"
    yield from lines
    yield fence
    yield ""


def prose(text: str, limit: int = 600) -> str:
    """Escaped, but for code between backticks, which the catalogue writes too."""
    parts = re.split(r"`([^`]+)`", harmless(text, limit).strip())
    return "".join(_code_span(part) if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _code_span(text: str) -> str:
    """A bar would end the cell of a table even here."""
    return _escaped(f"`{text}`") if "|" in text else f"`{text}`"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _SPELLED.get(found[0].lower()) or f"{found[0][:-1]}\\{found[0][-1]}", text)
