"""`claudecheck merge`: the reports of many machines, grouped by cause and by what the failing ones share."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from claudecheck.cli.output import fail, terminal, warn, write

if TYPE_CHECKING:
    from claudecheck.diagnosis.population import Population

_ENDINGS = (".json", ".jsonl", ".ndjson")
_MOST_NAMED = 3
_NAME_FILES = "name files that `claudecheck doctor --save FILE` wrote, or their folder"


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
        fail("there is no report to merge", _NAME_FILES)
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


_BETWEEN = re.compile(rb"(?<=\n})\s+(?={)")


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
            yield from (("standard input", text) for text in _reports(sys.stdin.buffer))
        elif reading.is_folder(Path(name)):
            for file in _files_below(name):
                yield from ((file.name, text) for text in _of_file(file, named=False))
        else:
            yield from ((Path(name).name, text) for text in _of_file(Path(name), named=True))


def _files_below(folder: str) -> Iterator[Path]:
    """Like `find -xdev`: no link and no other file system is followed, so that /proc below / is not read."""
    device = Path(folder).stat().st_dev
    for place, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if _device(Path(place, name)) == device)
        yield from (Path(place, name) for name in sorted(names) if name.endswith(_ENDINGS))


def _device(folder: Path) -> int:
    try:
        return folder.lstat().st_dev
    except OSError:
        return -1


def _of_file(path: Path, *, named: bool) -> Iterator[bytes]:
    """The reports in one file; one that was not `named` but found may be one that this user cannot read."""
    from claudecheck.machine import reading

    try:
        with reading.opened(path) as stream:
            yield from _reports(stream)
    except OSError as error:
        if named:
            fail(f"cannot read {path}: {error.strerror}", _NAME_FILES)


def _reports(stream: BinaryIO) -> Iterator[bytes]:
    """One report a line, or reports as they are printed for people, whose first line is a lone brace."""
    from claudecheck.diagnosis.archive import LARGEST_REPORT

    first = b"\n"
    while first and not first.strip():
        first = stream.readline(LARGEST_REPORT)
    if first.lstrip().startswith(b"{") and not first.rstrip().endswith(b"}"):
        yield from _printed(first, stream, LARGEST_REPORT)
        return
    while first:
        if first.strip():
            yield first
        first = stream.readline(LARGEST_REPORT)


def _printed(held: bytes, stream: BinaryIO, largest: int) -> Iterator[bytes]:
    """Of several, as `cat *.json` puts them together, each ends in a brace at the beginning of a line."""
    while more := stream.read(largest):
        *whole, held = _BETWEEN.split(held + more)
        yield from whole
        if len(held) > largest:
            break  # no report is as large
    if held.strip():
        yield held
