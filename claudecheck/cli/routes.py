"""`claudecheck routes`: what each client would do here. Nothing is sent."""

from __future__ import annotations

from typing import Annotated

import typer

from claudecheck.cli.arguments import PythonOption
from claudecheck.cli.doctor import interpreter_at
from claudecheck.cli.output import terminal, write


def routes(
    json_: Annotated[bool, typer.Option("--json", help="Print the routes as JSON.")] = False,
    python: PythonOption = None,
) -> None:
    """Show what each client on this machine would do. Nothing is sent."""
    import os

    from claudecheck.clients.rows import routes as routes_of
    from claudecheck.journal.deadline import Deadline
    from claudecheck.machine import environment
    from claudecheck.probes.senders import worker
    from claudecheck.render.routes import render_routes, routes_json

    snapshot = environment.with_programs(environment.read(os.environ))
    interpreter = worker.facts(snapshot.variables, interpreter_at(python), Deadline(10))
    made = routes_of(environment.with_store_of(snapshot, interpreter), interpreter)
    look = terminal()
    page = render_routes(made, width=look.width, colour=look.colour, unicode=look.unicode)
    write(routes_json(made) if json_ else page)
