"""What many reports say together, for a terminal, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from claudecheck.diagnosis.population import Cause, Merged, Shared
from claudecheck.render.paper import ACCENT, QUIET, STRONG, Paper, colour_of, printed, sheet
from claudecheck.render.untrusted import harmless
from claudecheck.render.verdict import count
from claudecheck.report import StageStatus


def merged_json(merged: Merged) -> str:
    return msgspec.json.format(msgspec.json.encode(merged), indent=2).decode() + "\n"


def merged_markdown(merged: Merged) -> str:
    """GitHub-flavoured Markdown: a section a cause."""
    from claudecheck.render.markdown import prose

    lines = [f"### {headline(merged)}", ""]
    for cause in merged.causes:
        lines += [f"**{prose(cause.problem)}** ({count(cause.reports, 'report')}): {prose(cause.title)}", ""]
        if cause.shared:
            lines += ["| what they share | | failing | others |", "|---|---|---:|---:|"]
            lines += [
                f"| {prose(one.trait)} | {prose(one.value)} | {one.failing} of {cause.reports} |"
                f" {one.healthy} of {cause.others} |"
                for one in cause.shared
            ]
            lines.append("")
        if cause.labels:
            lines += [f"on {prose(', '.join(cause.labels))}", ""]
    return "\n".join(lines).rstrip() + "\n"


def headline(merged: Merged) -> str:
    """As in "50 reports: 40 healthy, 10 failing"."""
    parts = (
        (merged.healthy, "healthy"),
        (merged.degraded, "with warnings"),
        (merged.failing, "failing"),
        (merged.incomplete, "incomplete"),
    )
    said = ", ".join(f"{number} {word}" for number, word in parts if number)
    note = f"; {count(merged.unreadable, 'file')} passed over, being no report" if merged.unreadable else ""
    return f"{count(merged.reports, 'report')}: {said or 'none'}{note}"


def render_merged(merged: Merged, *, width: int, colour: bool, unicode: bool) -> str:
    """The page as a string that ends in a newline; with `colour` it holds ANSI colours, else plain text."""
    paper = sheet(width, unicode=unicode)
    return printed(_page(merged, paper), paper, colour=colour)


def _page(merged: Merged, paper: Paper) -> Iterator[RenderableType]:
    yield Text.assemble(("claudecheck merge", STRONG), "   ", paper.text(headline(merged)))
    for cause in merged.causes:
        yield Text()
        yield from _cause(cause, paper)


def _cause(cause: Cause, paper: Paper) -> Iterator[RenderableType]:
    mark: StageStatus = "fail" if cause.status == "failing" else "warn"
    head = paper.text(f"{cause.problem}: ", f"{STRONG} {colour_of(mark)}")
    yield Text.assemble(paper.mark(mark), " ", head, paper.text(cause.title))
    span = f"{cause.first} to {cause.last}" if cause.first != cause.last else cause.first
    yield Padding(paper.text(f"{count(cause.reports, 'report')}, {span}".rstrip(", "), QUIET), (0, 0, 0, 2))
    if cause.labels:
        yield Padding(paper.text(f"on {', '.join(cause.labels)}", QUIET), (0, 0, 0, 2))
    if not cause.shared:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=QUIET)
    for name in ("what they share", "", "these", "the healthy" if cause.others else ""):
        table.add_column(name, overflow="fold")
    for place, shared in enumerate(cause.shared):
        table.add_row(*_row(shared, cause, paper, f"{STRONG} {ACCENT}" if not place else ""))
    yield Padding(table, (0, 0, 0, 2))


def _row(shared: Shared, cause: Cause, paper: Paper, style: str) -> list[Text]:
    compared = f"{shared.healthy} of {cause.others}" if cause.others else ""
    return [
        paper.text(shared.trait, style),
        paper.text(harmless(shared.value), style),
        paper.text(f"{shared.failing} of {cause.reports}"),
        paper.text(compared, QUIET),
    ]
