"""Several routes side by side, for a terminal and as JSON: a column a route, or a block where columns do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from claudecheck.diagnosis.comparison import (
    FIRST,
    Column,
    Comparison,
    Outcome,
    Variable,
    asks_for_key,
    before,
    rows,
)
from claudecheck.render import table
from claudecheck.render.machine import to_json
from claudecheck.render.paper import GOOD, NARROWEST, QUIET, STRONG, WIDEST, Paper, colour_of, printed
from claudecheck.render.verdict import cost, milliseconds, surroundings
from claudecheck.report import Billed, Fix, Report, StageName, StageRow, StageStatus, Tool

SCHEMA_VERSION = 1
_NARROWEST_COLUMN = 24  # narrower, a summary is torn into single words
_STAGES = 13  # the names of the stages and a gap
_GAP = 2
_LABEL = 6
_LONGEST_SUMMARY = 90
_MARKS: dict[Outcome, StageStatus] = {"through": "pass", "fails": "fail", "cut": "warn", "untold": "skip"}


class ComparedColumn(msgspec.Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    """One route: what was changed in the environment, and what came of it. `report` is that of `doctor --json`."""

    label: str
    changed: Variable | None
    before: str | None
    after: str | None
    keyless: bool
    outcome: Outcome
    report: Report


class Deciding(msgspec.Struct, frozen=True, kw_only=True, rename={"passing": "pass", "failing": "fail"}):
    """What the columns say together; `variable` is null unless exactly one decides."""

    variable: Variable | None
    sentence: str
    passing: list[str]
    failing: list[str]
    notes: list[str]
    fix: Fix | None


class ComparisonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The contract of `compare --json`."""

    schema_version: int
    tool: Tool
    columns: list[ComparedColumn]
    deciding: Deciding
    exit_code: int


def comparison_json(columns: Sequence[Column], made: Comparison, exit_code: int) -> str:
    """The comparison as indented JSON; `report` of each column is the document of `doctor --json`."""
    first = columns[0].report
    told = ComparisonDocument(
        schema_version=SCHEMA_VERSION,
        tool=first.tool,
        columns=[_compared(column, outcome, first) for column, outcome in zip(columns, made.outcomes, strict=True)],
        deciding=Deciding(
            variable=made.variable,
            sentence=made.sentence,
            passing=_labels(columns, made, "through"),
            failing=_labels(columns, made, "fails"),
            notes=made.notes,
            fix=made.fix,
        ),
        exit_code=exit_code,
    )
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _compared(column: Column, outcome: Outcome, first: Report) -> ComparedColumn:
    change = column.change
    return ComparedColumn(
        label=column.label,
        changed=change.variable if change else None,
        before=before(change, first) if change else None,
        after=change.after if change else None,
        keyless=column.keyless,
        outcome=outcome,
        report=msgspec.Raw(to_json(column.report).encode()),  # type: ignore[arg-type]  # in the report's own key order
    )


def _labels(columns: Sequence[Column], made: Comparison, wanted: Outcome) -> list[str]:
    return [column.label for column, outcome in zip(columns, made.outcomes, strict=True) if outcome == wanted]


def render_comparison(
    columns: Sequence[Column], made: Comparison, exit_code: int, *, width: int, colour: bool, unicode: bool
) -> str:
    """The page as a string that ends in a newline; with `colour` it holds ANSI colours, else plain text."""
    widest = max(WIDEST, _needed(len(columns)))  # the table may be wider than prose
    paper = Paper(max(NARROWEST, min(width, widest)), unicode)
    return printed(_page(columns, made, exit_code, paper), paper, colour=colour)


def _needed(count: int) -> int:
    return _STAGES + count * (_NARROWEST_COLUMN + _GAP)


def _page(columns: Sequence[Column], made: Comparison, exit_code: int, paper: Paper) -> Iterator[RenderableType]:
    yield Text.assemble(("claudecheck compare", STRONG), f"   {len(columns)} routes, each one change from the first")
    gap = " · " if paper.unicode else " - "
    yield Padding(paper.text(gap.join(surroundings(columns[0].report)), QUIET), (0, 0, 0, 2))
    yield Text()
    if paper.width >= _needed(len(columns)):
        yield _table(columns, made, paper)
        yield Text()
    else:
        for column, outcome in zip(columns, made.outcomes, strict=True):
            yield from _block(column, outcome, paper)
            yield Text()
    yield from _verdict(made, paper)
    yield Text()
    yield from _ending(columns, exit_code, paper)


# -- wide: a column a route --------------------------------------------------------------------------


def _table(columns: Sequence[Column], made: Comparison, paper: Paper) -> Table:
    sheet = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, expand=True)
    sheet.add_column(no_wrap=True, width=_STAGES - _GAP)
    for column in columns:
        sheet.add_column(_heading(column, paper), overflow="fold", ratio=1)
    stages = [{row.name: row for row in rows(column)} for column in columns]
    for name in _order(columns):
        first = stages[0].get(name)
        cells = [_cell(own.get(name), first if place else None, paper) for place, own in enumerate(stages)]
        sheet.add_row(Text(name, QUIET), *cells)
    sheet.add_row()
    verdicts = [_outcome(*one, paper) for one in zip(columns, made.outcomes, strict=True)]
    sheet.add_row(Text(), *verdicts)
    return sheet


def _order(columns: Sequence[Column]) -> list[StageName]:
    """Where a route has a proxy, its stage stands before TLS; one order serves all columns."""
    proxied = next((column for column in columns if column.report.route.proxy), columns[0])
    return [row.name for row in proxied.report.stages]


def _heading(column: Column, paper: Paper) -> RenderableType:
    return _beside(Text(" " * paper.mark("pass").cell_len), paper.text(column.label, STRONG))


def _cell(row: StageRow | None, first: StageRow | None, paper: Paper) -> RenderableType:
    """What was seen and how long it took. Where nothing differs from the first route, one word says so."""
    if row is None:
        return Text()
    same = first is not None and (row.status, row.summary) == (first.status, first.summary)
    style = QUIET if same or row.status == "skip" else ""
    summary = paper.text("the same" if same else row.brief or row.summary, style, _LONGEST_SUMMARY)
    return _beside(paper.mark(row.status), _Timed(summary, Text(milliseconds(row.duration_ms), QUIET)))


@dataclass(frozen=True)
class _Timed:
    """A text whose time stands at the right end of its last line, or below it where there is no room."""

    text: Text
    time: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        lines = self.text.wrap(console, options.max_width, overflow="fold")
        last = lines[-1] if lines else Text()
        room = options.max_width - last.cell_len - self.time.cell_len
        yield from lines[:-1]
        if room > 1:
            yield Text.assemble(last, " " * room, self.time) if self.time else last
        else:
            yield last
            yield Text.assemble(" " * (options.max_width - self.time.cell_len), self.time)


def _beside(mark: Text, text: RenderableType) -> Table:
    """Text that, when it is folded, stays clear of its mark."""
    grid = Table.grid(padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(mark, text)
    return grid


def _outcome(column: Column, outcome: Outcome, paper: Paper) -> RenderableType:
    mark = _MARKS[outcome]
    return _beside(paper.mark(mark), paper.text(_words(column, outcome), f"{STRONG} {colour_of(mark)}"))


def _words(column: Column, outcome: Outcome) -> str:
    if asks_for_key(column):
        return "answers, and wants a key"
    if outcome == "fails":
        return column.report.problem or "fails"
    if outcome == "cut":
        return "cut before its end"
    warnings = sum(finding.severity == "warning" for finding in column.report.findings)
    return "gets through" + (f", {warnings} warning{'s' if warnings > 1 else ''}" if warnings else "")


# -- narrow: a block a route -------------------------------------------------------------------------


def _block(column: Column, outcome: Outcome, paper: Paper) -> Iterator[RenderableType]:
    mark = _MARKS[outcome]
    words = paper.text(_words(column, outcome), f"{STRONG} {colour_of(mark)}")
    yield Text.assemble(paper.mark(mark), " ", paper.text(column.label, STRONG), "   ", words, overflow="fold")
    yield table.stages(rows(column), paper)


# -- the verdict -------------------------------------------------------------------------------------


def _verdict(made: Comparison, paper: Paper) -> Iterator[RenderableType]:
    mark = _MARKS[made.outcomes[0]]
    if mark == "pass" and "fails" in made.outcomes:
        mark = "warn"
    style = f"{STRONG} {GOOD}" if mark == "pass" else STRONG
    yield _beside(paper.mark(mark), paper.text(made.sentence, style))
    for note in made.notes:
        yield from _field("note", note, paper)
    if made.fix is not None:
        yield from _fix(made.fix, paper)
    if made.code:
        yield from _field("more", f"claudecheck explain {made.code}", paper, "cyan")


def _field(label: str, text: str, paper: Paper, style: str = "") -> Iterator[RenderableType]:
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text("  " + label.ljust(_LABEL + _GAP), QUIET), paper.text(text, style))
    yield grid


def _fix(fix: Fix, paper: Paper) -> Iterator[RenderableType]:
    yield from _field("fix", fix.text, paper)
    for command in fix.commands:
        yield from paper.command(command.line, Text(" " * 4))


def _ending(columns: Sequence[Column], exit_code: int, paper: Paper) -> Iterator[RenderableType]:
    """What it cost, and the exit code, which is that of the first route."""
    billed = [column.report.billed for column in columns]
    whole = Billed(
        messages=sum(one.messages for one in billed),
        input_tokens=sum(one.input_tokens for one in billed),
        output_tokens=sum(one.output_tokens for one in billed),
    )
    gap = " · " if paper.unicode else " - "
    phrases = filter(None, (cost(whole), f"exit {exit_code}, that of “{FIRST}”"))
    yield paper.text(gap.join(phrases), QUIET)
