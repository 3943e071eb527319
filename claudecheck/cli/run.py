"""`claudecheck run -- COMMAND`: the user's program as it is; only when it fails, why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from claudecheck.cli import saving
from claudecheck.cli.arguments import LocalOption, MessageOption, TimeoutOption
from claudecheck.cli.output import aside, fail, look_of, warn
from claudecheck.cli.outputs import can_save

if TYPE_CHECKING:
    from claudecheck.explanation import Explanation
    from claudecheck.report import Report

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as the shell and `env` say it


def run(
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="The program and its arguments, as in a shell.")
    ],
    always_report: Annotated[
        Path | None,
        typer.Option(
            "--always-report",
            metavar="FILE",
            help="Walk the route even when the program succeeds; write the report as JSON.",
        ),
    ] = None,
    no_message: MessageOption = False,
    timeout: TimeoutOption = 30.0,
    local_only: LocalOption = False,
) -> None:
    """Run a program with its own streams and its own exit code; when it fails, say why.

    What it printed is explained; where that points at the connection, its route is walked, in its environment and with
    its interpreter. All of this goes to stderr, after the program has ended.
    """
    from claudecheck.program import start

    if always_report is not None:
        can_save(always_report, "--always-report ~/report.json")
    try:
        ended = start.run(command)
    except FileNotFoundError:
        _not_started(
            f"there is no program {command[0]!r}", "name it as in a shell: claudecheck run -- python main.py", NOT_FOUND
        )
    except OSError as error:
        _not_started(f"cannot run {command[0]}: {error.strerror}", f"chmod +x {command[0]}", NOT_EXECUTABLE)
    found = _explained(ended.said) if ended.failed and ended.said else None
    if found is not None:
        _say(found)
    points_there = _points_at_the_connection(found) if ended.said is not None else True
    if always_report is not None or (ended.failed and points_there):
        report = _walked(command, message=not no_message, timeout_s=timeout, local_only=local_only)
        if ended.failed and points_there:
            _show(report)
        if always_report is not None:
            _save(report, always_report)
    raise typer.Exit(start.end_as(ended.code))


def _not_started(sentence: str, fix: str, code: int) -> NoReturn:
    try:
        fail(sentence, fix)
    except typer.Exit:
        raise typer.Exit(code) from None


def _explained(said: bytes) -> Explanation | None:
    """None when nothing in it speaks of the API or the way there."""
    import os

    from claudecheck.explanation import explain
    from claudecheck.machine import environment

    found = explain(said.decode("utf-8", "replace"), secrets=environment.secrets(environment.read(os.environ)))
    return found if found.problem is not None or found.layer is not None else None


def _points_at_the_connection(found: Explanation | None) -> bool:
    """Not where the API itself has answered, nor where the program's own code is at fault."""
    return found is not None and found.reached_api is not True and found.layer != "client"


def _say(found: Explanation) -> None:
    from claudecheck.render.explanation import render_text

    look = look_of(sys.stderr)
    aside("\n" + render_text(found, width=look.width, colour=look.colour, unicode=look.unicode))


def _walked(words: list[str], *, message: bool, timeout_s: float, local_only: bool) -> Report:
    import os

    from claudecheck.cli.doctor import examined
    from claudecheck.diagnosis.verdict import diagnose
    from claudecheck.machine import environment
    from claudecheck.program.kind import kind_of
    from claudecheck.run import interruption
    from claudecheck.run.options import Options

    interruption.at_most(timeout_s)
    kind = kind_of(words)
    options = Options(
        timeout_s=timeout_s,
        message=message,
        client=kind.client,
        python=kind.python,
        local_only=local_only,
    )
    return diagnose(examined(options, environment.read(os.environ)))


def _show(report: Report) -> None:
    import os

    from claudecheck.cli.github_step import fill, is_step
    from claudecheck.render.markdown import short
    from claudecheck.render.terminal import render_text

    look = look_of(sys.stderr)
    if report.status == "healthy":  # what failed is the program's own, or has passed
        aside(f"\n{short(report)}")
    else:
        aside("\n" + render_text(report, width=look.width, colour=look.colour, unicode=look.unicode))
    if is_step(os.environ):
        fill(report, os.environ, annotate=True)


def _save(report: Report, place: Path) -> None:
    from claudecheck.render.machine import to_json

    if why := saving.save(place, to_json(report)):
        warn(f"cannot write {place}: {why}")
