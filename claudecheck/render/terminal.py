"""The report as a page for a terminal: one screen (`screen.py`), or here the long page with everything that was found.

Pure: it opens no stream and asks no terminal for its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from claudecheck.render import screen, table, verdict
from claudecheck.render.paper import (
    ACCENT,
    BAD,
    GOOD,
    ODD,
    QUIET,
    SEVERITY_MARKS,
    STRONG,
    Paper,
    colour_of,
    printed,
    sheet,
)
from claudecheck.report import Finding, Fix, Report, Shell, StageStatus, Status

_GAP = 3
_LABEL = 10  # "confidence"
_REJECTED = "(tried just now: it does not get through)"
_VERDICTS: dict[Status, str] = {"healthy": GOOD, "degraded": ODD, "incomplete": ODD, "failing": BAD}
_PLACES: dict[Shell, str] = {
    "powershell": "in PowerShell:",
    "cmd": "in cmd.exe:",
    "dockerfile": "in the Dockerfile:",
    "yaml": "in the YAML file:",
    "python": "in Python:",
    "typescript": "in TypeScript:",
}


def render_text(report: Report, *, width: int, colour: bool, unicode: bool, verbose: bool = False) -> str:
    """One screen, or with `verbose` the long page, as a string that ends in a newline.

    With `colour` it holds ANSI colours, else it is plain text.
    """
    paper = sheet(width, unicode=unicode)
    return printed(_page(report, paper) if verbose else screen.page(report, paper), paper, colour=colour)


def _page(report: Report, paper: Paper) -> Iterator[RenderableType]:
    yield from _header(report, paper)
    yield Text()
    yield table.stages(report.stages, paper)
    yield Text()
    culprit = verdict.culprit(report)
    if culprit:
        mark: StageStatus = "warn" if report.status == "incomplete" else "fail"
        yield from _title(culprit, mark, paper, STRONG)
        yield from _evidence(culprit, paper)
        yield Text()
        if report.variations:
            yield from table.variations(report.variations, paper)
            yield Text()
    others = verdict.others(report)
    for finding in others:
        yield from _in_short(finding, paper)
        if finding.severity != "info" or finding is others[-1]:
            yield Text()
    yield from _ending(report, paper)


def _header(report: Report, paper: Paper) -> Iterator[RenderableType]:
    """The command, then what decides the route."""
    command = paper.text(f"claudecheck {verdict.command(report)}", STRONG)
    phrases = [paper.text(phrase) for phrase in (*verdict.surroundings(report), *verdict.around(report))]
    return _flow([command, *phrases], " " * _GAP, 2, paper)


def _flow(phrases: Sequence[Text], gap: str, indent: int, paper: Paper) -> Iterator[RenderableType]:
    """Phrases side by side; where the line is full, the next one begins a line below."""
    line, used, margin = phrases[0], phrases[0].cell_len, 0
    for phrase in phrases[1:]:
        if used + len(gap) + phrase.cell_len > paper.width:
            yield Padding(line, (0, 0, 0, margin))
            line, used, margin = phrase, indent + phrase.cell_len, indent
        else:
            line = Text.assemble(line, gap, phrase, overflow="fold")
            used += len(gap) + phrase.cell_len
    yield Padding(line, (0, 0, 0, margin))


def _evidence(finding: Finding, paper: Paper) -> Iterator[RenderableType]:
    """What is below the culprit: cause, what was seen, what it is not, the fixes, how to check."""
    yield from _field("why", [finding.cause], paper)
    yield from _field("seen", finding.seen, paper, QUIET)
    yield from _field("not it", ["; ".join(finding.ruled_out)], paper, QUIET)
    if finding.confidence != "high":
        yield from _field("confidence", [finding.confidence], paper)
    for place, fix in enumerate(finding.fixes):
        yield from _fix("or" if place else "fix", fix, paper)
    for fix in finding.rejected:
        yield from _field("no help", [f"{fix.text} {_REJECTED}"], paper, QUIET)
    if finding.verify:
        yield from _named_command("verify", finding.verify, paper)
    yield from _named_command("more", f"claudecheck explain {finding.code}", paper)


def _in_short(finding: Finding, paper: Paper) -> Iterator[RenderableType]:
    """A finding that is not the verdict: what it is, and for more than information the first way out."""
    yield from _title(finding, SEVERITY_MARKS[finding.severity], paper)
    if finding.severity != "info":
        for fix in finding.fixes[:1]:
            yield from _fix("fix", fix, paper)


def _title(finding: Finding, mark: StageStatus, paper: Paper, style: str = "") -> Iterator[RenderableType]:
    """Mark, code and title on one line where they fit, else the title below its code."""
    code_style = STRONG if mark == "skip" else f"{STRONG} {colour_of(mark)}"
    head = Text.assemble(paper.mark(mark), " ", paper.text(finding.code, code_style))
    title = paper.text(finding.title, style)
    if head.cell_len + _GAP + title.cell_len <= paper.width:
        yield Text.assemble(head, " " * _GAP, title)
    else:
        yield head
        yield Padding(title, (0, 0, 0, 2))


def _field(
    label: str, values: list[str], paper: Paper, style: str = "", label_style: str = QUIET
) -> Iterator[RenderableType]:
    """A label and its values, one below the other; nothing when there are none."""
    values = [value for value in values if value]
    if not values:
        return
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for value in values:
        grid.add_row(_label(label, paper, label_style), paper.text(value, style))
        label = ""
    yield grid


def _named_command(label: str, line: str, paper: Paper) -> Iterator[RenderableType]:
    """A command beside its label where it fits, else below it."""
    lead = _label(label, paper)
    if lead.cell_len + len(line) > paper.width:
        yield lead
        lead = _indent()
    yield from paper.command(line, lead)


def _indent() -> Text:
    return Text(" " * 4)


def _label(label: str, paper: Paper, style: str = QUIET) -> Text:
    return Text("  " + label.ljust(_LABEL) + " " * (1 if paper.narrow else 2), style)


def _fix(label: str, fix: Fix, paper: Paper) -> Iterator[RenderableType]:
    style = f"{STRONG} {ACCENT}" if label == "fix" else QUIET
    yield from _field(label, [f"{fix.text}{verdict.trial(fix)}"], paper, label_style=style)
    place = ""
    for command in fix.commands:
        if _PLACES.get(command.shell, "") != place:
            place = _PLACES.get(command.shell, "")
            yield Text(f"  {place}", QUIET)
        yield from paper.command(command.line, _indent())


def _ending(report: Report, paper: Paper) -> Iterator[RenderableType]:
    """What was cut, what it cost, and the last line."""
    for note in (verdict.cut(report), verdict.cost(report.billed)):
        if note:
            yield paper.text(note, QUIET)
    # That the API was reached is good news even in a failing run.
    style = "" if report.status == "failing" and report.reached_api else _VERDICTS[report.status]
    first, *rest = verdict.bottom_line(report)
    phrases = [paper.text(first, f"{STRONG} {style}".strip()), *map(paper.text, rest)]
    yield from _flow(phrases, " · " if paper.unicode else " - ", 2, paper)
