"""The two tables of the terminal's page: the stages, and what was varied. Lays out; words nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from claudecheck.render.paper import QUIET, Paper, colour_of
from claudecheck.render.verdict import milliseconds, variation_status
from claudecheck.report import StageRow, VariationRow

_WIDE = 100  # from here on there is room for the waterfall
_WATERFALL = 24
_MANY_VARIATIONS = 6
_LONGEST_SUMMARY = 240


def stages(rows: Sequence[StageRow], paper: Paper, *, one_line: bool = False) -> Padding:
    """A row a stage: mark, name, what was seen, time; where it is wide enough also when it ran.

    `one_line`: no header, and a summary that is too long ends in an ellipsis.
    """
    table = _table(paper)
    table.show_header = not one_line
    table.expand = one_line
    table.add_column(_over_marks("stage", paper), no_wrap=True)
    table.add_column(
        "what was seen", overflow="ellipsis" if one_line else "fold", no_wrap=one_line, ratio=1 if one_line else None
    )
    table.add_column("time", justify="right", no_wrap=True)
    end = max((row.start_ms + row.duration_ms for row in rows), default=0.0)
    waterfall = paper.width >= _WIDE and end > 0
    if waterfall:
        table.add_column(_scale(end), width=_WATERFALL, no_wrap=True)
    for row in rows:
        style = QUIET if row.status == "skip" else ""
        cells: list[RenderableType] = [
            _marked(paper.mark(row.status), paper.text(row.name, style)),
            _summary(row, style, paper, one_line=one_line),
            Text(milliseconds(row.duration_ms), style),
        ]
        table.add_row(*cells, *([_span(row, end, paper)] if waterfall else []))
    return _indented(table, paper)


def _summary(row: StageRow, style: str, paper: Paper, *, one_line: bool) -> Text:
    text = paper.text(row.summary, style, _LONGEST_SUMMARY)
    text.overflow = ("ellipsis" if paper.unicode else "crop") if one_line else "fold"
    return text


def variations(rows: Sequence[VariationRow], paper: Paper) -> Iterator[RenderableType]:
    """What was changed, one field a row, and what came of it. Rows that say nothing new are counted."""
    shown = telling(rows)
    table = _table(paper)
    table.add_column(_over_marks("what was varied", paper), overflow="fold")
    if not paper.narrow:
        table.add_column("from", overflow="fold")
        table.add_column("to", overflow="fold")
    table.add_column("outcome", overflow="fold")
    arrow = "→" if paper.unicode else "->"
    for row in shown:
        style = "" if row.reached else QUIET
        fields = [row.changed, row.before, row.after, row.outcome]
        if paper.narrow:
            fields = [f"{row.changed}: {row.before} {arrow} {row.after}", row.outcome]
        first, *rest = (paper.text(field, style, _LONGEST_SUMMARY) for field in fields)
        table.add_row(_marked(paper.mark(variation_status(row)), first), *rest)
    yield _indented(table, paper)
    if len(shown) < len(rows):
        yield _indented(paper.text(f"and {len(rows) - len(shown)} more that ended like one of these", QUIET), paper)


def telling(rows: Sequence[VariationRow]) -> list[VariationRow]:
    """All rows when they are few; else those that got through and one of each other outcome."""
    if len(rows) <= _MANY_VARIATIONS:
        return list(rows)
    told: Counter[str] = Counter()
    shown = []
    for row in rows:
        told[row.outcome] += 1
        if row.reached or told[row.outcome] == 1:
            shown.append(row)
    return shown


def _indented(renderable: RenderableType, paper: Paper) -> Padding:
    return Padding(renderable, (0, 0, 0, 0 if paper.narrow else 2))


def _table(paper: Paper) -> Table:
    return Table(
        box=None,
        padding=(0, 1 if paper.narrow else 2, 0, 0),
        pad_edge=False,
        header_style=QUIET,
        expand=False,
    )


def _over_marks(name: str, paper: Paper) -> str:
    """The header of a column whose cells begin with a mark."""
    return " " * (paper.mark("pass").cell_len + 1) + name


def _marked(mark: Text, text: Text) -> Table:
    """A cell whose text, when it is folded, stays clear of its mark."""
    cell = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    cell.add_row(mark, text)
    return cell


def _scale(end: float) -> Text:
    """The header of the waterfall: where it starts and ends."""
    return Text("0" + milliseconds(end).rjust(_WATERFALL - 1))


def _span(row: StageRow, end: float, paper: Paper) -> Text:
    """When the stage ran, to scale; at least one cell long, so that no stage is lost."""
    if row.status == "skip" or row.duration_ms <= 0:
        return Text()
    first = min(int(row.start_ms / end * _WATERFALL), _WATERFALL - 1)
    last = max(round((row.start_ms + row.duration_ms) / end * _WATERFALL), first + 1)
    return Text(" " * first + paper.bar * (last - first), colour_of(row.status))
