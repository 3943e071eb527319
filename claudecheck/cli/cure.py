"""`claudecheck cure`: the proved commands for the shell that asks, and nothing else, on stdout."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from claudecheck.cli.arguments import (
    ClientOption,
    LocalOption,
    MessageOption,
    ModelOption,
    PythonOption,
    ReplayOption,
    TimeoutOption,
)
from claudecheck.cli.doctor import examined, interpreter_at, replayed
from claudecheck.cli.output import aside, write
from claudecheck.report import ExitCode

PersistOption = Annotated[
    bool,
    typer.Option("--persist", help="Also print what makes it last: a line in the shell's start-up file, or a secret."),
]


def cure(
    persist: PersistOption = False,
    no_message: MessageOption = False,
    client: ClientOption = None,
    python: PythonOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = 30.0,
    local_only: LocalOption = False,
    replay: ReplayOption = None,
) -> None:
    """Print the commands that fix this shell: eval "$(claudecheck cure)". The report goes to stderr."""
    import os

    from claudecheck.cli.arguments import Format
    from claudecheck.cli.outputs import rendered
    from claudecheck.cli.terminal import terminal_of
    from claudecheck.diagnosis.verdict import diagnose
    from claudecheck.machine import environment
    from claudecheck.render.cure import script
    from claudecheck.run import interruption
    from claudecheck.run.options import Options

    interruption.at_most(timeout)
    options = Options(
        timeout_s=timeout,
        message=not no_message,
        client=client,
        python=interpreter_at(python),
        model=model,
        local_only=local_only,
        command="cure",
    )
    journal = examined(options, environment.read(os.environ)) if replay is None else replayed(replay)
    report = diagnose(journal)
    aside(rendered(report, Format.TEXT, terminal_of(sys.stderr, os.environ)))
    lines = script(report, keep=persist)
    if not lines:
        raise typer.Exit(report.exit_code)
    write(lines)
    raise typer.Exit(ExitCode.HEALTHY)
