"""Where a report goes and in which form: `--output FORMAT[:FILE]`, `--format`, `--json`, `--save`, `-v` and `-q`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from claudecheck.cli import saving
from claudecheck.cli.arguments import Format
from claudecheck.cli.github_step import fill, is_step
from claudecheck.cli.output import fail, terminal, warn, write
from claudecheck.cli.terminal import Look
from claudecheck.report import ExitCode

if TYPE_CHECKING:
    from claudecheck.report import Report

#: A line a run: it is added to the file, which is never replaced.
_ADDED = (Format.JSONL,)
#: What a log shows, and a runner would search for commands to obey.
_PROSE = (Format.TEXT, Format.SHORT, Format.MARKDOWN)
#: A text in a file: as wide as prose is read, and without colours that an editor would show as escapes.
_FILE = Look(width=100, colour=False, unicode=True)


@dataclass(frozen=True)
class Outputs:
    """`shown` goes to stdout, unless `quiet` and the client gets through; each of `files` to its file."""

    shown: Format = Format.TEXT
    files: tuple[tuple[Format, Path], ...] = ()
    verbose: bool = False
    quiet: bool = False
    packet: Path | None = None  # the evidence for whoever has to act
    ask: bool = False  # print nothing but the message for them
    private: bool = False  # with pseudonyms in both


def outputs_of(
    output: Sequence[str] | None = None,
    format_: Format = Format.TEXT,
    *,
    json_: bool = False,
    save: Path | None = None,
    verbose: bool = False,
    quiet: bool = False,
) -> Outputs:
    """What the options say together; ends with exit code 2 when they contradict each other or a file is none."""
    shown: list[Format] = [Format.JSON] if json_ else [format_] if format_ is not Format.TEXT else []
    files = [(Format.JSON, save)] if save is not None else []
    for written in output or ():
        name, colon, place = written.partition(":")
        form = _form(name, written)
        if not colon or place == "-":
            shown.append(form)
        elif place:
            files.append((form, Path(place)))
        else:
            fail(f"--output {written} names no file", f"--output {name} prints it; --output {name}:FILE writes it")
    if len(set(shown)) > 1:
        fail(f"stdout takes one form of the report, not {' and '.join(shown)}", f"--output {shown[-1]}:FILE")
    import os

    places = [os.path.realpath(path) for form, path in files if form not in _ADDED]
    if len(set(places)) < len(places):
        fail("two forms of the report would be written to the same file", "give each --output its own FILE")
    for _, path in files:
        can_save(path)
    return Outputs(shown[0] if shown else Format.TEXT, tuple(files), verbose, quiet)


def with_evidence(outputs: Outputs, packet: Path | None, *, ask: bool, private: bool) -> Outputs:
    """With the evidence packet and the message for whoever has to act."""
    from claudecheck.cli import packet as evidence

    if packet is not None:
        evidence.check(packet)
    if private and packet is None and not ask:
        fail("--private has nothing to make private", "it goes with --packet FILE or --ask")
    return replace(outputs, packet=packet, ask=ask, private=private)


def _form(name: str, written: str) -> Format:
    if name not in list(Format):
        near = get_close_matches(name, list(Format), n=1, cutoff=0.5)
        fail(
            f"--output {written}: there is no format {name!r}",
            f"did you mean {near[0]}?" if near else f"one of: {' '.join(Format)}",
        )
    return Format(name)


def can_save(path: Path, example: str = "--save ~/report.json") -> None:
    """Said before the run, not after it."""
    if why := saving.fault_of(path):
        fail(f"cannot write {path}: {why}", f"name a file in a folder of yours: {example}")


def deliver(report: Report, outputs: Outputs) -> None:
    """Write and print the report: files first, since who reads stdout may be gone. A file that cannot be written is
    said; the exit code stays the report's.
    """
    import os

    for form, path in outputs.files:
        put = saving.add if form in _ADDED else saving.save
        if why := put(path, rendered(report, form, _FILE, verbose=outputs.verbose)):
            warn(f"cannot write {path}: {why}")
    if outputs.packet is not None or outputs.ask:
        from claudecheck.cli import packet as evidence

        evidence.hand_over(report, outputs.packet, ask=outputs.ask, private=outputs.private)
    in_step = is_step(os.environ)
    if not outputs.ask and not (outputs.quiet and report.exit_code == ExitCode.HEALTHY):
        shown = rendered(report, outputs.shown, terminal(), verbose=outputs.verbose)
        write(_guarded(shown) if in_step and outputs.shown in _PROSE else shown)
    if in_step:
        fill(report, os.environ, annotate=outputs.shown is not Format.GITHUB)


def _guarded(text: str) -> str:
    from claudecheck.render.github import guarded

    return guarded(text)


def rendered(report: Report, form: Format, look: Look, *, verbose: bool = False) -> str:
    """`look` and `verbose` are for the text alone."""
    match form:
        case Format.JSON | Format.JSONL:
            from claudecheck.render import machine

            return machine.to_json(report) if form is Format.JSON else machine.to_json_line(report)
        case Format.MARKDOWN:
            from claudecheck.render.markdown import to_markdown

            return to_markdown(report)
        case Format.SHORT:
            from claudecheck.render.markdown import short

            return short(report)
        case Format.JUNIT:
            from claudecheck.render.junit import to_junit

            return to_junit(report)
        case Format.PROMETHEUS:
            from claudecheck.render.prometheus import to_prometheus

            return to_prometheus(report)
        case Format.GITHUB:
            from claudecheck.render.github import guarded, workflow_commands

            return guarded(rendered(report, Format.TEXT, look, verbose=verbose)) + workflow_commands(report)
        case Format.TEXT:
            from claudecheck.render.terminal import render_text

            return render_text(report, width=look.width, colour=look.colour, unicode=look.unicode, verbose=verbose)
