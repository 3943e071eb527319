"""`claudecheck demo`: the doctor against a small API on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from claudecheck.cli.arguments import (
    Format,
    FormatOption,
    JsonOption,
    MessageOption,
    OutputOption,
    PythonOption,
    QuietOption,
    SaveOption,
    TimeoutOption,
    VerboseOption,
)
from claudecheck.cli.doctor import examined, finish, interpreter_at
from claudecheck.cli.output import fail, write
from claudecheck.cli.outputs import outputs_of

if TYPE_CHECKING:
    from claudecheck.lab import Lab
    from claudecheck.run.options import Options


def _fault_names(incomplete: str) -> list[tuple[str, str]]:
    from claudecheck.lab import FAULTS

    return [(fault.name, fault.summary) for fault in FAULTS if fault.name.startswith(incomplete)]


def demo(
    fault: Annotated[
        str, typer.Argument(help="What to break; --list names all.", autocompletion=_fault_names)
    ] = "healthy",
    list_: Annotated[bool, typer.Option("--list", help="List what can be broken here, and exit.")] = False,
    json_: JsonOption = False,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_message: MessageOption = False,
    python: PythonOption = None,
    timeout: TimeoutOption = 30.0,
    save: SaveOption = None,
) -> None:
    """Try the doctor on a small API on this machine, broken as you choose."""
    import os
    from dataclasses import replace

    if list_:
        _list_faults()
        raise typer.Exit
    from claudecheck.lab import FAULTS, Lab
    from claudecheck.machine import environment
    from claudecheck.run import interruption

    interruption.at_most(timeout)
    chosen = next((known for known in FAULTS if known.name == fault), None)
    if chosen is None:
        from difflib import get_close_matches

        near = get_close_matches(fault, [known.name for known in FAULTS], n=1, cutoff=0.4)
        fail(f"there is no fault {fault!r}", f"did you mean {near[0]}?" if near else "claudecheck demo --list")
    if reason := chosen.unavailable_because():
        fail(f"{fault} cannot be shown here: {reason}", "claudecheck demo --list names those that can")
    outputs = outputs_of(output, format_, json_=json_, save=save, verbose=verbose, quiet=quiet)
    with Lab(fault) as lab:
        options = replace(options_in(lab), timeout_s=timeout, message=not no_message, python=interpreter_at(python))
        journal = examined(options, environment.read({**environment.without_clients(os.environ), **lab.variables}))
    finish(journal, outputs)


def options_in(lab: Lab) -> Options:
    """What the doctor is told in a lab: the lab's own third parties and nameserver, and nobody outside."""
    from claudecheck.diagnosis.third_parties import ThirdParties
    from claudecheck.run.options import Options

    return Options(
        third_parties=ThirdParties(
            controls=(lab.control,) if lab.control else (),
            resolvers=(),
            dns_over_https="",
            status_page="",
            portals=((f"http://{lab.control}/generate_204", 204, ""),) if lab.control else (),
        ),
        demo=True,
        command=f"demo {lab.fault.name}",
        resolver=lab.resolver or "system",
    )


def _list_faults() -> None:
    from claudecheck.lab import FAULTS

    width = max(len(fault.name) for fault in FAULTS)
    lines = []
    for fault in FAULTS:
        reason = fault.unavailable_because()
        note = f"  (not here: {reason})" if reason else ""
        lines.append(f"{fault.layer:<12}{fault.name:<{width + 2}}{fault.summary}{note}")
    write("\n".join(lines))
