"""`claudecheck doctor`, and what every command that examines shares with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from claudecheck.cli.arguments import (
    AskOption,
    BaseUrlOption,
    ClientOption,
    ControlOption,
    Format,
    FormatOption,
    JsonOption,
    KeyNameOption,
    LabelOption,
    LocalOption,
    MessageOption,
    ModelOption,
    NoPolicyOption,
    OnlyOption,
    OutputOption,
    PacketOption,
    PolicyOption,
    PrivateOption,
    PythonOption,
    QuietOption,
    ReplayOption,
    ResolverOption,
    SaveOption,
    SkipOption,
    StrictOption,
    TimeoutOption,
    UrlArgument,
    VerboseOption,
)
from claudecheck.cli.output import fail
from claudecheck.cli.outputs import Outputs, deliver, outputs_of, with_evidence
from claudecheck.cli.policy import judged_by, policy_of
from claudecheck.failures import Stage

if TYPE_CHECKING:
    from claudecheck.clients.snapshot import Snapshot
    from claudecheck.observations import Journal
    from claudecheck.run.options import Options


def doctor(
    url: UrlArgument = None,
    base_url: BaseUrlOption = None,
    key_env: KeyNameOption = None,
    json_: JsonOption = False,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_message: MessageOption = False,
    only: OnlyOption = None,
    skip: SkipOption = None,
    client: ClientOption = None,
    python: PythonOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = 30.0,
    strict: StrictOption = False,
    label: LabelOption = "",
    packet: PacketOption = None,
    ask: AskOption = False,
    private: PrivateOption = False,
    local_only: LocalOption = False,
    save: SaveOption = None,
    replay: ReplayOption = None,
    policy: PolicyOption = None,
    no_policy: NoPolicyOption = False,
    control: ControlOption = None,
    public_resolver: ResolverOption = None,
) -> None:
    """Say where the route to the API stops, why, and what to do."""
    import os

    python = interpreter_at(python)
    towards = url if url is not None else base_url
    if replay is None and towards is None and client in (None, "python"):
        from claudecheck.probes.senders import worker

        worker.begin(os.environ, python)  # it starts while the rest of us is imported
    from claudecheck.diagnosis.third_parties import ThirdParties
    from claudecheck.machine import environment
    from claudecheck.run import interruption
    from claudecheck.run.options import Options

    interruption.at_most(timeout)
    outputs = outputs_of(output, format_, json_=json_, save=save, verbose=verbose, quiet=quiet)
    outputs = with_evidence(outputs, packet, ask=ask, private=private)
    if replay is not None:
        journal = replayed(replay)
        finish(judged_by(journal, policy_of(policy, without=no_policy)) if policy or no_policy else journal, outputs)
    usual = ThirdParties()
    options = Options(
        timeout_s=timeout,
        message=not no_message and only in (None, Stage.MESSAGES) and skip is None,
        last=only,
        before=skip,
        client=client,
        python=python,
        model=model,
        local_only=local_only,
        strict=strict,
        label=label,
        policy=policy_of(policy, without=no_policy),
        third_parties=ThirdParties(
            controls=tuple(control) if control else usual.controls,
            resolvers=tuple(public_resolver) if public_resolver else usual.resolvers,
            resolvers_named=bool(public_resolver),
        ),
    )
    finish(examined(options, _towards(environment.read(os.environ), towards, key_env)), outputs)


def _towards(snapshot: Snapshot, url: str | None, key_name: str | None) -> Snapshot:
    if url is None:
        return snapshot
    from claudecheck.run.compare import UnusableError, towards

    try:
        return towards(snapshot, url, key_name or "")
    except UnusableError as error:
        fail(str(error), error.fix)


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

    from claudecheck.diagnosis.archive import LARGEST_REPORT, UnreadableReportError, journal_of
    from claudecheck.journal.deadline import Deadline
    from claudecheck.journal.journal import JournalWriter
    from claudecheck.machine import environment, reading

    try:
        with reading.opened(path) as file:
            content = file.read(LARGEST_REPORT) or b""
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        fail(f"cannot read {path}: {why}", "name a file that `claudecheck doctor --save FILE` wrote")
    try:
        writer = JournalWriter(Deadline(0), environment.secrets(environment.read(os.environ)))
        for seen in journal_of(content).observations:
            writer.write(seen)
        return writer.journal()
    except UnreadableReportError as error:
        fail(f"cannot replay {path}: {error}", "name a file that `claudecheck doctor --save FILE` wrote")


def interpreter_at(named: str | None) -> str | None:
    import os
    import shutil

    from claudecheck.machine import reading

    if named is None:
        return None
    place = os.path.expanduser(named)  # noqa: PTH111  # Path's own raises for a user who is not there
    path = Path(place)
    for candidate in (path / "bin" / "python3", path / "bin" / "python", path / "Scripts" / "python.exe"):
        if reading.is_file(candidate):
            return str(candidate)
    # As it was typed: `Path` drops the dot of `./python3`, which would then be looked for in PATH.
    found = reading.patiently(lambda: shutil.which(place), None)
    if found is None:
        fail(
            f"there is no Python at {named}", "name an interpreter or a virtual environment: --python .venv/bin/python"
        )
    return found


def finish(journal: Journal, outputs: Outputs) -> NoReturn:
    """Diagnose, print, write, exit."""
    from claudecheck.diagnosis.verdict import diagnose

    report = diagnose(journal)
    deliver(report, outputs)
    raise typer.Exit(report.exit_code)
