"""`claudecheck merge`: the reports of many machines, grouped by cause and by what the failing ones share."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claudecheck.cli.output import fail, terminal, warn, write

if TYPE_CHECKING:
    from claudecheck.diagnosis.population import Population

_ENDINGS = (".json", ".jsonl", ".ndjson")
_MOST_NAMED = 3


class MergeFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def merge(
    reports: Annotated[
        list[str], typer.Argument(metavar="REPORT… | FOLDER | -", help="Reports as JSON or JSON lines; - reads stdin.")
    ],
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    format_: Annotated[MergeFormat, typer.Option("--format", help="How to print the result.")] = MergeFormat.TEXT,
) -> None:
    """Group the reports of many machines by cause, and show what the failing ones share."""
    from claudecheck.diagnosis.population import Population
    from claudecheck.render import merge as rendered

    population = Population()
    passed_over: list[str] = []
    for name, line in _texts(reports):
        if not _added(population, line):
            population.unreadable += 1
            passed_over.append(name)
    merged = population.merged()
    if not merged.reports:
        fail("there is no report to merge", "name files that `claudecheck doctor --save FILE` wrote, or their folder")
    if passed_over:
        named = ", ".join(dict.fromkeys(passed_over[:_MOST_NAMED]))
        more = " and others" if len(passed_over) > _MOST_NAMED else ""
        warn(f"no report of claudecheck, and passed over: {named}{more}")
    if json_ or format_ is MergeFormat.JSON:
        write(rendered.merged_json(merged))
    elif format_ is MergeFormat.MARKDOWN:
        write(rendered.merged_markdown(merged))
    else:
        look = terminal()
        write(rendered.render_merged(merged, width=look.width, colour=look.colour, unicode=look.unicode))


def _added(population: Population, text: bytes) -> bool:
    import msgspec

    from claudecheck.diagnosis.population import decoder

    try:
        summary = decoder().decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    population.add(summary)
    return True


def _texts(names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every report with the name of its file, one after the other."""
    from claudecheck.machine import reading

    for name in names:
        if name == "-":
            yield from (("standard input", line) for line in _split(sys.stdin.buffer.read()))
            continue
        path = Path(name)
        if reading.is_folder(path):
            for file in sorted(_reports_in(path)):
                yield from ((file.name, text) for text in _split(_content(file)))
        else:
            yield from ((path.name, text) for text in _split(_content(path)))


def _reports_in(folder: Path) -> Iterator[Path]:
    """Below it as well; what this user may not search is passed over."""
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            if path.suffix in _ENDINGS and os.access(path, os.R_OK) and stat.S_ISREG(path.stat().st_mode):
                yield path


def _content(path: Path) -> bytes:
    from claudecheck.diagnosis.archive import LARGEST_REPORT
    from claudecheck.machine import reading

    content = reading.content(path, LARGEST_REPORT)
    if content is None:
        fail(f"cannot read {path}", "name files that `claudecheck doctor --save FILE` wrote, or their folder")
    return content


def _split(content: bytes) -> Iterator[bytes]:
    """One report, or one a line. A report that is printed for people has lines too, and its first is a lone brace."""
    first = content.lstrip()[:2]
    if first[:1] == b"{" and first[1:2] not in (b"\n", b"\r") and b"\n{" in content:
        yield from (line for line in content.splitlines() if line.strip())
    elif content.strip():
        yield content
