"""`claudecheck routes`: what each client would do here. Nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from claudecheck.cli.arguments import PythonOption
from claudecheck.cli.doctor import interpreter_at
from claudecheck.cli.output import fail, terminal, write

if TYPE_CHECKING:
    from claudecheck.clients.rows import Routes
    from claudecheck.clients.snapshot import Snapshot

#: Seconds for an interpreter to tell which SDK it has.
_FACTS_S = 10


def routes(
    json_: Annotated[bool, typer.Option("--json", help="Print the routes as JSON.")] = False,
    python: PythonOption = None,
    env_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file of settings (.env, compose, settings.json, CI or Kubernetes YAML) over the environment.",
        ),
    ] = None,
) -> None:
    """Show what each client on this machine would do. Nothing is sent."""
    import msgspec

    from claudecheck.clients.rows import objections
    from claudecheck.clients.rows import routes as routes_of
    from claudecheck.journal.deadline import Deadline
    from claudecheck.machine import environment
    from claudecheck.probes.senders import worker
    from claudecheck.render.routes import render_routes, routes_json
    from claudecheck.run import interruption

    interruption.at_most(_FACTS_S)
    lines = _assigned(env_file) if env_file else {}
    variables = {**os.environ, **{name: value for name, (value, _) in lines.items()}}
    snapshot = environment.with_programs(environment.read(variables))
    interpreter = worker.facts(snapshot.variables, interpreter_at(python), Deadline(_FACTS_S))
    snapshot = environment.with_store_of(snapshot, interpreter)
    made = routes_of(snapshot, interpreter)
    if env_file:
        told = objections(snapshot, interpreter, str(env_file), {name: line for name, (_, line) in lines.items()})
        made = msgspec.structs.replace(made, objections=told)
    made = _without_secrets(made, snapshot)
    look = terminal()
    page = render_routes(made, width=look.width, colour=look.colour, unicode=look.unicode)
    write(routes_json(made) if json_ else page)


def _without_secrets(made: Routes, snapshot: Snapshot) -> Routes:
    """A key may be in a variable that is no credential's, and is then a path or a host to the routes."""
    import msgspec

    from claudecheck.clients.rows import Routes
    from claudecheck.clients.secrets import secrets
    from claudecheck.journal.redact import Redactor

    redactor = Redactor(secrets(snapshot))

    def clean(value: Any) -> Any:
        match value:
            case str():
                return redactor.clean(value)
            case dict():
                return {name: clean(inner) for name, inner in value.items()}
            case list():
                return [clean(inner) for inner in value]
            case _:
                return value

    return msgspec.convert(clean(msgspec.to_builtins(made)), Routes)


def _assigned(file: Path) -> dict[str, tuple[str, int]]:
    """The variables of a file, each with its line; of one that stands there twice the later."""
    from claudecheck.explanation.settings import assignments

    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", "name a file of settings that you may read")
    return {one.name: (one.value, one.line) for one in assignments(list(enumerate(text.splitlines(), 1)))}
