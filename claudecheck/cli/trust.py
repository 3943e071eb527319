"""`claudecheck trust`: which client here trusts the certificates of this network. One handshake; nothing is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from claudecheck.cli import saving
from claudecheck.cli.arguments import PythonOption, TimeoutOption
from claudecheck.cli.doctor import interpreter_at
from claudecheck.cli.output import fail, terminal, write
from claudecheck.cli.outputs import can_save
from claudecheck.report import EXIT_OF_LAYER

if TYPE_CHECKING:
    from claudecheck.diagnosis.trust_matrix import Matrix, Stopped
    from claudecheck.run.trust_walk import Judged


def trust(
    json_: Annotated[bool, typer.Option("--json", help="Print the matrix as JSON.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE",
            help="Write the missing CA certificate to FILE, from the store on this machine that has it.",
        ),
    ] = None,
    python: PythonOption = None,
    timeout: TimeoutOption = 30.0,
) -> None:
    """Show which clients trust the API's certificate, and what the others lack."""
    import os

    from claudecheck.diagnosis.trust_matrix import Stopped
    from claudecheck.journal.deadline import Deadline
    from claudecheck.machine import environment
    from claudecheck.run import interruption, trust_walk

    interruption.at_most(timeout)
    if export is not None:
        can_save(export, "--export ~/root.pem")
    seen = trust_walk.walk(environment.read(os.environ), interpreter_at(python), Deadline(timeout))
    if isinstance(seen.answer, Stopped):
        _stop(seen.answer, as_json=json_)
    if export is not None:
        _export(seen, export)
    else:
        _print(seen.answer, as_json=json_)


def _print(made: Matrix, *, as_json: bool) -> None:
    from claudecheck.render.trust import matrix_json, render_matrix

    look = terminal()
    write(
        matrix_json(made)
        if as_json
        else render_matrix(made, width=look.width, colour=look.colour, unicode=look.unicode)
    )


def _stop(stopped: Stopped, *, as_json: bool) -> NoReturn:
    from claudecheck.render.trust import matrix_json, render_stopped

    look = terminal()
    page = render_stopped(stopped, width=look.width, colour=look.colour, unicode=look.unicode)
    write(matrix_json(stopped) if as_json else page)
    raise typer.Exit(EXIT_OF_LAYER[stopped.layer])


def _export(seen: Judged, place: Path) -> None:
    from claudecheck.diagnosis.trust_matrix import common_name, store_name

    found = seen.held_authority()
    if found is None:
        fail("no store on this machine has the CA certificate of this chain", "ask your network team for its root")
    verdict, pem = found
    if why := saving.save(place, pem):
        fail(f"cannot write {place}: {why}", "name a file in a folder of yours: --export ~/root.pem")
    write(f'{place}: "{common_name(verdict.root)}", out of {verdict.file or store_name(verdict)}')
