"""`claudecheck compare`: the ladder over several routes side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from claudecheck.cli.arguments import (
    BaseUrlsOption,
    CaFilesOption,
    ClientsOption,
    KeyNamesOption,
    LocalOption,
    MessageOption,
    ModelOption,
    ProxiesOption,
    PythonsOption,
)
from claudecheck.cli.doctor import interpreter_at
from claudecheck.cli.output import fail, terminal, write
from claudecheck.observations import Cut

if TYPE_CHECKING:
    from claudecheck.observations import Journal
    from claudecheck.run.compare import Asked, Planned
    from claudecheck.run.options import Options

#: Seconds for all routes; a --timeout comes on top, so that a step may take that long.
WHOLE_RUN_S = 30.0


def compare(
    direct: Annotated[bool, typer.Option("--direct", help="A route without the proxy that is set.")] = False,
    proxy: ProxiesOption = None,
    base_url: BaseUrlsOption = None,
    key_env: KeyNamesOption = None,
    ipv4: Annotated[bool, typer.Option("--ipv4", help="A route over IPv4 only.")] = False,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="A route over IPv6 only.")] = False,
    client: ClientsOption = None,
    python: PythonsOption = None,
    ca_file: CaFilesOption = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", help="A route whose steps may take this long.", min=1.0, max=600.0
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    no_message: MessageOption = False,
    model: ModelOption = None,
    local_only: LocalOption = False,
) -> None:
    """Walk several routes side by side, each one change away from the environment as it is.

    Each route sends a message of one output token and its stream, unless --no-message leaves them out.
    """
    from claudecheck.run import interruption
    from claudecheck.run.compare import Asked
    from claudecheck.run.options import Options

    interruption.at_most(WHOLE_RUN_S + (timeout or 0.0))
    asked = Asked(
        direct=direct,
        proxies=tuple(proxy or ()),
        base_urls=tuple(base_url or ()),
        key_names=tuple(key_env or ()),
        families=(*(("ipv4",) if ipv4 else ()), *(("ipv6",) if ipv6 else ())),
        clients=tuple(client or ()),
        pythons=tuple(filter(None, map(interpreter_at, python or ()))),
        ca_files=tuple(ca_file or ()),
        patience_s=timeout,
    )
    _finish(
        asked,
        Options(
            timeout_s=WHOLE_RUN_S + (timeout or 0.0),
            message=not no_message,
            model=model,
            local_only=local_only,
            command="compare",
            cures=False,  # which change decides is the question here
        ),
        json_=json_,
    )


def _finish(asked: Asked, options: Options, *, json_: bool) -> NoReturn:
    """Walk, diagnose each, compare, print, exit."""
    import os

    from claudecheck.diagnosis import comparison
    from claudecheck.diagnosis.verdict import diagnose
    from claudecheck.machine import environment
    from claudecheck.render.compare import comparison_json, render_comparison
    from claudecheck.report import EXIT_OF_CUT
    from claudecheck.run.compare import UnusableError, plan

    try:
        planned = plan(asked, options, environment.read(os.environ))
    except UnusableError as error:
        fail(str(error), error.fix)
    journals, cut = _walked(planned, options.timeout_s)
    columns = [
        comparison.Column(label=one.label, change=one.change, keyless=one.keyless, report=diagnose(journal))
        for one, journal in zip(planned, journals, strict=True)
    ]
    made = comparison.compare(columns)
    exit_code = EXIT_OF_CUT.get(cut, columns[0].report.exit_code)
    if json_:
        write(comparison_json(columns, made, exit_code))
    else:
        look = terminal()
        write(render_comparison(columns, made, exit_code, width=look.width, colour=look.colour, unicode=look.unicode))
    raise typer.Exit(exit_code)


def _walked(planned: Sequence[Planned], seconds: float) -> tuple[list[Journal], Cut]:
    """While a progress line tells the terminal what is under way."""
    from claudecheck.cli.progress import Progress
    from claudecheck.journal.deadline import Deadline
    from claudecheck.run.compare import Steps, walk

    with Progress(sys.stderr, Deadline(seconds), environ=planned[0].snapshot.variables) as progress:
        return walk(planned, seconds, Steps(progress.stage))
