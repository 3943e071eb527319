"""What `explain` found, as JSON and as a page for a terminal. Pure: it opens no stream and asks for no size."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from claudecheck.explanation.model import Explanation, reach
from claudecheck.render.moves import MOVES
from claudecheck.render.paper import BAD, ODD, QUIET, STRONG, Paper, printed, sheet
from claudecheck.report import Fix

_LABEL = 8  # "others"
_MOST_OTHERS = 8
_ROTATE = "The text holds a key or a password. Whoever saw the text may use it: revoke it and make a new one."


def to_json(explanation: Explanation) -> str:
    """The contract of `explain --json`, readable, with a newline at the end."""
    return explanation.to_json()


def render_text(explanation: Explanation, *, width: int, colour: bool, unicode: bool) -> str:
    """The page as a string that ends in a newline; with `colour` it holds ANSI colours, else plain text."""
    paper = sheet(width, unicode=unicode)
    return printed(_page(explanation, paper), paper, colour=colour)


def _page(explanation: Explanation, paper: Paper) -> Iterator[RenderableType]:
    yield from _title(explanation, paper)
    yield from _field("why", [explanation.cause], paper)
    yield from _field("seen", list(_seen(explanation)), paper)
    yield from _field("sure", [_certainty(explanation)], paper)
    for place, fix in enumerate(explanation.fixes):
        yield from _fix("or" if place else "fix", fix, paper)
    yield from _field(
        "maybe", [f"{other.code}: `{other.decide_by}` decides" for other in explanation.alternatives], paper
    )
    yield from _field("others", list(_others(explanation)), paper)
    if explanation.problem:
        yield from _field("verify", [explanation.verify], paper)
        yield from _field("more", [f"claudecheck explain {explanation.problem}"], paper)
    if explanation.secret_seen:
        yield Text()
        yield Text.assemble(paper.mark("warn"), " ", paper.text(_ROTATE, f"{STRONG} {ODD}"))
    yield Text()
    yield _ending(explanation, paper)


def _title(explanation: Explanation, paper: Paper) -> Iterator[RenderableType]:
    known = explanation.problem is not None
    mark = paper.mark("fail" if known else "skip")
    code = paper.text(explanation.name, f"{STRONG} {BAD}" if known else STRONG)
    title = paper.text(explanation.title, STRONG)
    if code.cell_len + title.cell_len + 5 <= paper.width:
        yield Text.assemble(mark, " ", code, "   ", title)
    else:
        yield Text.assemble(mark, " ", code)
        yield Text.assemble("  ", title)


def _field(label: str, values: list[str], paper: Paper) -> Iterator[RenderableType]:
    """A label and its values, one below the other; nothing when there are none."""
    values = [value for value in values if value]
    if not values:
        return
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for value in values:
        grid.add_row(Text("  " + label.ljust(_LABEL), QUIET), paper.text(value))
        label = ""
    yield grid


def _fix(label: str, fix: Fix, paper: Paper) -> Iterator[RenderableType]:
    yield from _field(label, [fix.text], paper)
    for command in fix.commands:
        yield from paper.command(command.line, Text("    "))


def _seen(explanation: Explanation) -> Iterator[str]:
    for line in explanation.evidence:
        yield f"line {line.line}: {line.text}" if line.line else line.text
    if explanation.count > 1:
        yield f"{explanation.count} times, line {explanation.first_line} to {explanation.last_line}"


def _certainty(explanation: Explanation) -> str:
    if explanation.confidence == "high" or explanation.problem is None:
        return ""
    return {"medium": "not fully: other causes print the same", "low": "not very: the text only hints at it"}[
        explanation.confidence
    ]


def _others(explanation: Explanation) -> Iterator[str]:
    for other in explanation.others[:_MOST_OTHERS]:
        times = "once" if other.count == 1 else f"{other.count} times"
        where = ""
        if other.first_line:
            where = f", line {other.first_line}"
            where += f" to {other.last_line}" if other.last_line != other.first_line else ""
        yield f"{other.code}, {times}{where}"
    if len(explanation.others) > _MOST_OTHERS:
        yield f"and {len(explanation.others) - _MOST_OTHERS} more with --json"


def _ending(explanation: Explanation, paper: Paper) -> Text:
    phrases = [reach(explanation)]
    if explanation.layer:
        phrases.append(f"layer {explanation.layer}")
    if explanation.status:
        phrases.append(f"status {explanation.status}")
    if explanation.owner:
        phrases.append(MOVES[explanation.owner])
    if explanation.retryable:
        phrases.append("a retry may help")
    return paper.text((" · " if paper.unicode else " - ").join(phrases))
