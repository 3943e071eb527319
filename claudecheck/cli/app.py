"""The command line: every command by its name, and the options that stand before it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any

import typer

from claudecheck import __version__
from claudecheck.cli.compare import compare
from claudecheck.cli.cure import cure
from claudecheck.cli.demo import demo
from claudecheck.cli.doctor import doctor
from claudecheck.cli.explain import explain
from claudecheck.cli.merge import merge
from claudecheck.cli.output import fail, write
from claudecheck.cli.routes import routes
from claudecheck.cli.run import run
from claudecheck.cli.trust import trust
from claudecheck.cli.watch import watch

app = typer.Typer(
    name="claudecheck",
    help="Finds out why a program cannot reach the Claude API, and says what to do.",
    epilog="Start with: claudecheck doctor",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help and plain errors: quick, and whole when pasted
    pretty_exceptions_enable=False,  # a traceback shows values, and values may be secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        write(f"claudecheck {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Typer's place for options before the command."""


def _schema_names(incomplete: str) -> list[str]:
    from claudecheck.render.schemas import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]


def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[report | compare | explain | routes | trust]",
            help="Whose JSON: that of doctor, compare, explain, routes or trust.",
            autocompletion=_schema_names,
        ),
    ] = "report",
) -> None:
    """Print the JSON Schema of a document."""
    from claudecheck.render.schemas import NAMES, schema_text

    if name not in NAMES:
        fail(f"there is no document called {name!r}", f"there are: {', '.join(NAMES)}")
    write(schema_text(name))


def help_(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(metavar="[COMMAND]", help="The command to be told of.")] = None,
) -> None:
    """Show what a command does and which options it has."""
    group: Any = context.find_root().command
    if command is None:
        write(context.find_root().get_help())
    elif command in group.commands:
        shown = group.commands[command]
        with shown.make_context(command, [], parent=context.find_root(), resilient_parsing=True) as its_own:
            write(shown.get_help(its_own))
    else:
        near = get_close_matches(command, list(group.commands), n=1, cutoff=0.5)
        fail(f"there is no command {command!r}", f"did you mean {near[0]}?" if near else "claudecheck help names them")


#: What stands behind the program's name is the program's, also without `--`.
app.command(context_settings={"allow_interspersed_args": False})(run)
for command in (doctor, cure, compare, demo, explain, routes, trust, merge, watch, schema):
    app.command()(command)
app.command("help")(help_)
