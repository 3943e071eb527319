"""The command line: every command by its name, and the options that stand before it."""

from __future__ import annotations

from typing import Annotated

import typer

from claudecheck import __version__
from claudecheck.cli.compare import compare
from claudecheck.cli.cure import cure
from claudecheck.cli.demo import demo
from claudecheck.cli.doctor import doctor
from claudecheck.cli.explain import explain
from claudecheck.cli.merge import merge
from claudecheck.cli.output import write
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
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Typer's place for options before the command."""


def schema() -> None:
    """Print the JSON Schema of the report."""
    from claudecheck.render.machine import schema_text

    write(schema_text())


#: What stands behind the program's name is the program's, also without `--`.
app.command(context_settings={"allow_interspersed_args": False})(run)
for command in (doctor, cure, compare, demo, explain, routes, trust, merge, watch, schema):
    app.command()(command)
