"""The report as one screen: what is wrong, why, one fix, and whose move it is, in 24 lines of 80 columns.

Pure. Evidence, what was ruled out, what was varied and every further fix are on the long page (`terminal.py`); here
one line says that they exist. The screen is laid out at the first density at which it fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, RenderableType
from rich.text import Text

from claudecheck.diagnosis.problems.offer import EXCERPTS
from claudecheck.render import table, verdict
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
)
from claudecheck.report import Command, Finding, Fix, Report, StageRow, StageStatus, Status

HEIGHT = 24
_MARGIN = 2
_LABEL = 9  # "verify" and its gap
_MOST_TEXT = 2  # lines of a title, of the reason, of a fix
_MOST_WARNINGS = 4
_LEAST_OF_A_PHRASE = 18  # the end of a path and its source
_VERDICTS: dict[Status, str] = {"healthy": GOOD, "degraded": ODD, "incomplete": ODD, "failing": BAD}
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“])")

#: How much room the parts take: "open" has air between them, "tight" one line for the reason and no list of further
#: findings, "packed" no air, and "folded" one line for all stages that passed.
Density = Literal["open", "tight", "packed", "folded"]
_DENSITIES: tuple[Density, ...] = ("open", "tight", "packed", "folded")


@dataclass(frozen=True)
class _Block:
    """What is printed, and how many lines of the screen it takes."""

    shown: RenderableType
    lines: int = 1


def page(report: Report, paper: Paper, height: int = HEIGHT) -> list[RenderableType]:
    """The screen at the first density that fits `height` lines; a command is never cut to make it fit."""
    blocks: list[_Block] = []
    for density in _DENSITIES:
        blocks = list(_blocks(report, paper, density))
        if sum(block.lines for block in blocks) <= height:
            break
    return [block.shown for block in blocks]


def _blocks(report: Report, paper: Paper, density: Density) -> Iterator[_Block]:
    air = [_line(Text())] if density in ("open", "tight") else []
    yield from _header(report, paper)
    yield from air
    yield from _stages(report.stages, paper, folded=density == "folded")
    found = verdict.culprit(report)
    yield from air
    if found:
        yield from _culprit(report, found, paper, density)
        yield from air
    rest = [finding for finding in verdict.others(report) if finding.severity != "info" or not found]
    if shown := list(_others(rest, found, paper, brief=density != "open")):
        yield from shown
        yield from air
    yield from _ending(report, paper)


# -- the header ------------------------------------------------------------------------------------


def _header(report: Report, paper: Paper) -> Iterator[_Block]:
    """The command and what decides the route, in two lines; what does not fit is on the long page."""
    phrases = [f"claudecheck {verdict.command(report)}", *verdict.surroundings(report)]
    first: list[str] = []
    second: list[str] = []
    for phrase in phrases:
        if not second and _fits([*first, phrase], paper):
            first.append(phrase)
        elif _fits([*second, phrase], paper) or not second:
            second.append(phrase)
        elif (room := paper.width - sum(map(len, second)) - 3 * len(second)) >= _LEAST_OF_A_PHRASE:
            second.append(f"…{phrase[1 - room :]}" if paper.unicode else f"...{phrase[3 - room :]}")
    for place, phrases_of_line in enumerate((first, second)):
        shown = [paper.text(phrase, "" if place or at else STRONG) for at, phrase in enumerate(phrases_of_line)]
        if shown:
            yield _line(_cropped(Text("   ").join(shown), paper))


def _fits(phrases: Sequence[str], paper: Paper) -> bool:
    return sum(map(len, phrases)) + 3 * (len(phrases) - 1) <= paper.width


# -- the stages ------------------------------------------------------------------------------------


def _stages(rows: Sequence[StageRow], paper: Paper, *, folded: bool) -> Iterator[_Block]:
    """A row a stage, each one line. Folded: stages that passed, and those not reached, share one."""
    if not folded:
        yield _Block(table.stages(rows, paper, one_line=True), len(rows))
        return
    kept: list[StageRow] = []
    for row in rows:
        if kept and row.status in ("pass", "skip") and kept[-1].status == row.status:
            kept[-1] = StageRow(name=row.name, status=row.status, summary=f"{kept[-1].summary}, {row.name}")
        elif row.status in ("pass", "skip"):
            kept.append(StageRow(name=row.name, status=row.status, summary=row.name))
        else:
            kept.append(row)
    for row in kept:
        words = row.summary if row.status in ("pass", "skip") else f"{row.name}   {row.summary}"
        style = QUIET if row.status == "skip" else ""
        yield _line(_cropped(Text.assemble("  ", paper.mark(row.status), " ", paper.text(words, style)), paper))


# -- the culprit -----------------------------------------------------------------------------------


def _culprit(report: Report, found: Finding, paper: Paper, density: Density) -> Iterator[_Block]:
    mark: StageStatus = "warn" if report.status == "incomplete" else "fail"
    yield from _title(found, mark, paper, STRONG)
    yield from _reason(report, found, paper, 1 if density != "open" else _MOST_TEXT)
    for fix in found.fixes[:1]:
        yield from _fix(fix, paper, most=_MOST_TEXT + (density == "open"))
    yield from _labelled("verify", found.verify, paper, "cyan", most=1)
    yield from _labelled("more", _more(report, found), paper, QUIET, most=1)


def _title(finding: Finding, mark: StageStatus, paper: Paper, style: str = "") -> Iterator[_Block]:
    code = paper.text(f"{finding.code}:", f"{STRONG} {colour_of(mark)}" if mark != "skip" else STRONG)
    whole = Text.assemble(paper.mark(mark), " ", code, " ", paper.text(finding.title, style))
    yield from map(_line, _folded(whole, paper, indent=0, hanging=2, most=_MOST_TEXT))


def _reason(report: Report, finding: Finding, paper: Paper, most: int) -> Iterator[_Block]:
    """Whole sentences of the cause while they fit, after the one change that decided."""
    sentences = [*_decided(report), *_SENTENCE_ENDS.split(finding.cause)]
    text = ""
    for sentence in sentences:
        longer = f"{text} {sentence}".strip()
        if text and len(_wrapped(paper.text(longer), paper, _MARGIN)) > most:
            break
        text = longer
    if text:
        yield from map(_line, _folded(paper.text(text, QUIET), paper, indent=_MARGIN, most=most))


def _decided(report: Report) -> list[str]:
    """The variation that decided, in a sentence: only one change, and the client got through."""
    row = next((row for row in report.variations if row.decided), None)
    return [f"With {row.changed} {row.after} it gets through ({row.outcome})."] if row else []


def _fix(fix: Fix, paper: Paper, most: int = _MOST_TEXT) -> Iterator[_Block]:
    yield from _labelled("fix", f"{fix.text}{verdict.trial(fix)}", paper, label_style=f"{STRONG} {ACCENT}", most=most)
    for command in _for_the_shell(fix.commands):
        for line in paper.command(command.line, Text(" " * 4)):
            yield _Block(line, max(1, -(-line.cell_len // paper.width)))


def _for_the_shell(commands: Sequence[Command]) -> list[Command]:
    """Those of the shell; where there are none, the first. Excerpts of files and programs are on the long page."""
    typed = [command for command in commands if command.shell not in EXCERPTS]
    return typed or list(commands[:1])


def _more(report: Report, found: Finding) -> str:
    """Where the rest is, and how much of it there is."""
    counted = [
        verdict.count(len(report.variations), "variation") if report.variations else "",
        verdict.count(len(found.fixes) - 1, "more fix", "more fixes") if len(found.fixes) > 1 else "",
    ]
    known = ", ".join(filter(None, counted))
    line = f"claudecheck {verdict.command(report)} -v"
    return f"{line}  ({known})" if known else line


# -- what else was found, and the end --------------------------------------------------------------


def _others(rest: Sequence[Finding], found: Finding | None, paper: Paper, *, brief: bool) -> Iterator[_Block]:
    """A line for each; with no failure above them the first has its fix."""
    if brief and found:
        if rest:
            yield _line(paper.text(f"{verdict.count(len(rest), 'further finding')}: -v shows them", QUIET))
        return
    for place, finding in enumerate(rest[:_MOST_WARNINGS]):
        lines = list(_title(finding, SEVERITY_MARKS[finding.severity], paper))
        yield from lines[:1] if found or place else lines
        if not found and not place and finding.severity != "info" and not brief:
            for fix in finding.fixes[:1]:
                yield from _fix(fix, paper)
    if (left := len(rest) - _MOST_WARNINGS) > 0:
        yield _line(paper.text(f"{verdict.count(left, 'further finding')}: -v shows them", QUIET))


def _ending(report: Report, paper: Paper) -> Iterator[_Block]:
    """What was cut, what it cost, and the last line."""
    for note in (verdict.cut(report), verdict.cost(report.billed)):
        if note:
            yield _line(_cropped(paper.text(note, QUIET), paper))
    # That the API was reached is good news even in a failing run.
    style = "" if report.status == "failing" and report.reached_api else _VERDICTS[report.status]
    first, *rest = verdict.bottom_line(report)
    between = " · " if paper.unicode else " - "
    line = paper.text(first, f"{STRONG} {style}".strip())
    for phrase in map(paper.text, rest):
        if line.cell_len + len(between) + phrase.cell_len > paper.width:
            yield _line(_cropped(line, paper))
            line = Text.assemble("  ", phrase)
        else:
            line = Text.assemble(line, between, phrase)
    yield _line(_cropped(line, paper))


# -- lines -----------------------------------------------------------------------------------------


def _line(text: Text) -> _Block:
    return _Block(text)


def _labelled(
    label: str, value: str, paper: Paper, style: str = "", *, label_style: str = QUIET, most: int = _MOST_TEXT
) -> Iterator[_Block]:
    """A label and its value, folded beside it; nothing without a value."""
    if not value:
        return
    lead = Text.assemble(" " * _MARGIN, (label.ljust(_LABEL - _MARGIN), label_style))
    for line in _folded(paper.text(value, style), paper, indent=0, most=most, taken=_LABEL):
        yield _line(Text.assemble(lead, line, no_wrap=True))
        lead = Text(" " * _LABEL)


def _folded(text: Text, paper: Paper, *, indent: int, most: int, hanging: int = 0, taken: int = 0) -> list[Text]:
    """At most `most` lines, each single; what does not fit ends in an ellipsis."""
    lines = _wrapped(text, paper, indent + hanging + taken)
    if len(lines) > most:
        ellipsis = "…" if paper.unicode else "..."
        last = lines[most - 1]
        last.rstrip()
        last.truncate(max(1, paper.width - indent - hanging - taken - len(ellipsis)), overflow="crop")
        last.append(ellipsis)
        lines = lines[:most]
    shown = []
    for place, line in enumerate(lines):
        shown.append(Text.assemble(" " * (indent + (hanging if place else 0)), line, no_wrap=True))
    return shown


def _wrapped(text: Text, paper: Paper, taken: int) -> list[Text]:
    return list(text.wrap(Console(width=paper.width, _environ={}), max(10, paper.width - taken)))


def _cropped(text: Text, paper: Paper) -> Text:
    """One line, cut where the screen ends."""
    text.no_wrap = True
    if text.cell_len > paper.width:
        text.truncate(paper.width - (1 if paper.unicode else 3), overflow="crop")
        text.append("…" if paper.unicode else "...")
    return text
