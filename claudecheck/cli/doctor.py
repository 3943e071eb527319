"""`claudecheck doctor`, and what every command that examines shares with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from claudecheck.cli.arguments import (
    ClientOption,
    ControlOption,
    Format,
    FormatOption,
    JsonOption,
    LocalOption,
    MessageOption,
    ModelOption,
    PythonOption,
    ReplayOption,
    ResolverOption,
    SaveOption,
    StrictOption,
    TimeoutOption,
)
from claudecheck.cli.output import fail, terminal, warn, write

if TYPE_CHECKING:
    from claudecheck.clients.snapshot import Snapshot
    from claudecheck.observations import Journal
    from claudecheck.report import Report
    from claudecheck.run.options import Options


def doctor(
    json_: JsonOption = False,
    format_: FormatOption = Format.TEXT,
    no_message: MessageOption = False,
    client: ClientOption = None,
    python: PythonOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = 30.0,
    strict: StrictOption = False,
    local_only: LocalOption = False,
    save: SaveOption = None,
    replay: ReplayOption = None,
    control: ControlOption = None,
    public_resolver: ResolverOption = None,
) -> None:
    """Say where the route to the API stops, why, and what to do."""
    import os

    from claudecheck.machine import environment
    from claudecheck.run.options import Options, ThirdParties

    shape = Format.JSON if json_ else format_
    if save is not None:
        can_save(save)
    if replay is not None:
        finish(replayed(replay), shape, save)
    usual = ThirdParties()
    options = Options(
        timeout_s=timeout,
        message=not no_message,
        client=client.value if client else None,
        python=interpreter_at(python),
        model=model,
        local_only=local_only,
        strict=strict,
        third_parties=ThirdParties(
            controls=tuple(control) if control else usual.controls,
            resolvers=tuple(public_resolver) if public_resolver else usual.resolvers,
        ),
    )
    finish(examined(options, environment.read(os.environ)), shape, save)


def examined(options: Options, snapshot: Snapshot) -> Journal:
    """Walk the route while a progress line tells the terminal what is under way."""
    from dataclasses import replace

    from claudecheck.cli.progress import Progress
    from claudecheck.journal.deadline import Deadline
    from claudecheck.run.examine import examine

    deadline = Deadline(options.timeout_s)
    with Progress(sys.stderr, deadline, environ=snapshot.variables) as progress:
        return examine(replace(options, announce=progress.stage), snapshot, deadline, progress.listen)


def replayed(path: Path) -> Journal:
    """The journal of a saved report, through the same door as a new one: it may be somebody else's."""
    import os

    from claudecheck.diagnosis.archive import UnreadableReportError, journal_of
    from claudecheck.journal.deadline import Deadline
    from claudecheck.journal.journal import JournalWriter
    from claudecheck.machine import environment

    try:
        writer = JournalWriter(Deadline(0), environment.secrets(environment.read(os.environ)))
        for seen in journal_of(path.read_bytes()).observations:
            writer.write(seen)
        return writer.journal()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}", "name a file that `claudecheck doctor --save FILE` wrote")
    except UnreadableReportError as error:
        fail(f"cannot replay {path}: {error}", "name a file that `claudecheck doctor --save FILE` wrote")


def interpreter_at(named: str | None) -> str | None:
    import shutil

    if named is None:
        return None
    path = Path(named).expanduser()
    for candidate in (path / "bin" / "python3", path / "bin" / "python", path / "Scripts" / "python.exe"):
        if path.is_dir() and candidate.is_file():
            return str(candidate)
    found = shutil.which(str(path))
    if found is None:
        fail(
            f"there is no Python at {named}", "name an interpreter or a virtual environment: --python .venv/bin/python"
        )
    return found


def can_save(path: Path) -> None:
    """Said before the run, not after it."""
    import os

    folder = path.parent
    if path.is_dir():
        fail(f"{path} is a folder", "name a file: --save report.json")
    if not folder.is_dir():
        fail(f"the folder {folder} does not exist", f"mkdir -p {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        fail(f"{path} cannot be written", "name a file in a folder of yours: --save ~/report.json")


def finish(journal: Journal, shape: Format, save: Path | None) -> NoReturn:
    """Diagnose, print, save, exit."""
    from claudecheck.diagnosis.verdict import diagnose

    report = diagnose(journal)
    write(rendered(report, shape))
    if save is not None:
        from claudecheck.render.machine import to_json

        try:
            save.write_text(to_json(report), encoding="utf-8")
        except OSError as error:
            warn(f"cannot write {save}: {error.strerror}")
    raise typer.Exit(report.exit_code)


def rendered(report: Report, shape: Format) -> str:
    match shape:
        case Format.JSON:
            from claudecheck.render.machine import to_json

            return to_json(report)
        case Format.MARKDOWN:
            from claudecheck.render.markdown import to_markdown

            return to_markdown(report)
        case Format.SHORT:
            from claudecheck.render.markdown import short

            return short(report)
        case Format.TEXT:
            from claudecheck.render.terminal import render_text

            look = terminal()
            return render_text(report, width=look.width, colour=look.colour, unicode=look.unicode)
