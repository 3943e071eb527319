"""The commands: parse, examine, diagnose, render, exit. No logic of its own.

Everything heavy is imported inside the command that needs it, so that `--help` and `--version` are quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn

import typer

from claudecheck import __version__
from claudecheck.arguments import (
    ControlOption,
    Format,
    FormatOption,
    JsonOption,
    LocalOption,
    MessageOption,
    ModelOption,
    PythonOption,
    ReplayOption,
    ResolverOption,
    SaveOption,
    StrictOption,
    TimeoutOption,
)
from claudecheck.diagnosis.report import ExitCode

if TYPE_CHECKING:
    from claudecheck.diagnosis.observations import Journal
    from claudecheck.diagnosis.report import Report
    from claudecheck.options import Options
    from claudecheck.snapshot import Snapshot

app = typer.Typer(
    name="claudecheck",
    help="Finds out why a program cannot reach the Claude API, and says what to do.",
    epilog="Start with: claudecheck doctor",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help and plain errors: quick, and whole when pasted
    pretty_exceptions_enable=False,  # a traceback shows values, and values may be secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _fail(sentence: str, fix: str) -> NoReturn:
    """Bad input: one sentence, one fix, exit code 2."""
    sys.stderr.write(f"claudecheck: {sentence}\n  {fix}\n")
    raise typer.Exit(ExitCode.USAGE)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"claudecheck {__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Typer's place for options before the command."""


# -- doctor ----------------------------------------------------------------------------------------


@app.command()
def doctor(
    json_: JsonOption = False,
    format_: FormatOption = Format.TEXT,
    no_message: MessageOption = False,
    python: PythonOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = 30.0,
    strict: StrictOption = False,
    local_only: LocalOption = False,
    save: SaveOption = None,
    replay: ReplayOption = None,
    control: ControlOption = None,
    public_resolver: ResolverOption = None,
) -> None:
    """Say where the route to the API stops, why, and what to do."""
    import os

    from claudecheck import environment
    from claudecheck.options import Options, ThirdParties

    shape = Format.JSON if json_ else format_
    if save is not None:
        _can_save(save)
    if replay is not None:
        _finish(_replayed(replay), shape, save)
    usual = ThirdParties()
    options = Options(
        timeout_s=timeout,
        message=not no_message,
        python=_interpreter(python),
        model=model,
        local_only=local_only,
        strict=strict,
        third_parties=ThirdParties(
            controls=tuple(control) if control else usual.controls,
            resolvers=tuple(public_resolver) if public_resolver else usual.resolvers,
        ),
    )
    _finish(_examined(options, environment.read(os.environ)), shape, save)


def _examined(options: Options, snapshot: Snapshot) -> Journal:
    """Walk the route while a progress line tells the terminal what is under way."""
    from dataclasses import replace

    from claudecheck.deadline import Deadline
    from claudecheck.examine import examine
    from claudecheck.progress import Progress

    deadline = Deadline(options.timeout_s)
    with Progress(sys.stderr, deadline, environ=snapshot.variables) as progress:
        return examine(replace(options, announce=progress.stage), snapshot, deadline, progress.listen)


def _replayed(path: Path) -> Journal:
    """The journal of a saved report, through the same door as a new one: it may be somebody else's."""
    import os

    from claudecheck import environment
    from claudecheck.deadline import Deadline
    from claudecheck.diagnosis.archive import UnreadableReportError, journal_of
    from claudecheck.journal import JournalWriter

    try:
        writer = JournalWriter(Deadline(0), environment.secrets(environment.read(os.environ)))
        for seen in journal_of(path.read_bytes()).observations:
            writer.write(seen)
        return writer.journal()
    except OSError as error:
        _fail(f"cannot read {path}: {error.strerror}", "name a file that `claudecheck doctor --save FILE` wrote")
    except UnreadableReportError as error:
        _fail(f"cannot replay {path}: {error}", "name a file that `claudecheck doctor --save FILE` wrote")


def _interpreter(named: str | None) -> str | None:
    import shutil

    if named is None:
        return None
    path = Path(named).expanduser()
    for candidate in (path / "bin" / "python3", path / "bin" / "python", path / "Scripts" / "python.exe"):
        if path.is_dir() and candidate.is_file():
            return str(candidate)
    found = shutil.which(str(path))
    if found is None:
        _fail(
            f"there is no Python at {named}", "name an interpreter or a virtual environment: --python .venv/bin/python"
        )
    return found


def _can_save(path: Path) -> None:
    """Said before the run, not after it."""
    import os

    folder = path.parent
    if path.is_dir():
        _fail(f"{path} is a folder", "name a file: --save report.json")
    if not folder.is_dir():
        _fail(f"the folder {folder} does not exist", f"mkdir -p {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        _fail(f"{path} cannot be written", "name a file in a folder of yours: --save ~/report.json")


def _finish(journal: Journal, shape: Format, save: Path | None) -> NoReturn:
    """Diagnose, print, save, exit."""
    from claudecheck.diagnosis.verdict import diagnose

    report = diagnose(journal)
    _print(report, shape)
    if save is not None:
        from claudecheck.render.machine import to_json

        try:
            save.write_text(to_json(report), encoding="utf-8")
        except OSError as error:
            sys.stderr.write(f"claudecheck: cannot write {save}: {error.strerror}\n")
    raise typer.Exit(report.exit_code)


def _print(report: Report, shape: Format) -> None:
    _write(_rendered(report, shape))


def _rendered(report: Report, shape: Format) -> str:
    import os

    match shape:
        case Format.JSON:
            from claudecheck.render.machine import to_json

            return to_json(report)
        case Format.MARKDOWN:
            from claudecheck.render.markdown import to_markdown

            return to_markdown(report)
        case Format.SHORT:
            from claudecheck.render.markdown import short

            return short(report)
        case Format.TEXT:
            from claudecheck.look import terminal_of
            from claudecheck.render.terminal import render_text

            look = terminal_of(sys.stdout, os.environ)
            return render_text(report, width=look.width, colour=look.colour, unicode=look.unicode)


def _write(text: str) -> None:
    """To stdout, in whatever encoding it has; a mark that it lacks becomes a question mark, not a crash."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    if not text.endswith("\n"):
        sys.stdout.write("\n")
    sys.stdout.flush()


# -- demo ------------------------------------------------------------------------------------------


def _fault_names(incomplete: str) -> list[tuple[str, str]]:
    from claudecheck.lab import FAULTS

    return [(fault.name, fault.summary) for fault in FAULTS if fault.name.startswith(incomplete)]


@app.command()
def demo(
    fault: Annotated[
        str, typer.Argument(help="What is broken; `--list` names all.", autocompletion=_fault_names)
    ] = "healthy",
    list_: Annotated[bool, typer.Option("--list", help="Name what can be broken here, and exit.")] = False,
    json_: JsonOption = False,
    format_: FormatOption = Format.TEXT,
    no_message: MessageOption = False,
    python: PythonOption = None,
    timeout: TimeoutOption = 30.0,
    save: SaveOption = None,
) -> None:
    """Try the doctor on a small API on this machine, broken as you choose."""
    import os

    from claudecheck import environment
    from claudecheck.lab import FAULTS, Lab
    from claudecheck.options import Options, ThirdParties

    if list_:
        _list_faults()
        raise typer.Exit
    chosen = next((known for known in FAULTS if known.name == fault), None)
    if chosen is None:
        from difflib import get_close_matches

        near = get_close_matches(fault, [known.name for known in FAULTS], n=1, cutoff=0.4)
        _fail(f"there is no fault {fault!r}", f"did you mean {near[0]}?" if near else "claudecheck demo --list")
    if reason := chosen.unavailable_because():
        _fail(f"{fault} cannot be shown here: {reason}", "claudecheck demo --list names those that can")
    if save is not None:
        _can_save(save)
    with Lab(fault) as lab:
        options = Options(
            timeout_s=timeout,
            message=not no_message,
            python=_interpreter(python),
            third_parties=ThirdParties(
                controls=(lab.control,) if lab.control else (),
                resolvers=(),
                dns_over_https="",
                status_page="",
                portals=((f"http://{lab.control}/generate_204", 204, ""),) if lab.control else (),
            ),
            demo=True,
            command=f"demo {fault}",
            resolver=lab.resolver or "system",
        )
        journal = _examined(options, environment.read({**environment.without_clients(os.environ), **lab.variables}))
    _finish(journal, Format.JSON if json_ else format_, save)


def _list_faults() -> None:
    from claudecheck.lab import FAULTS

    width = max(len(fault.name) for fault in FAULTS)
    for fault in FAULTS:
        reason = fault.unavailable_because()
        note = f"  (not here: {reason})" if reason else ""
        sys.stdout.write(f"{fault.layer:<12}{fault.name:<{width + 2}}{fault.summary}{note}\n")


# -- explain and schema ----------------------------------------------------------------------------


def _codes(incomplete: str) -> list[tuple[str, str]]:
    from claudecheck.diagnosis.problems import CATALOGUE
    from claudecheck.diagnosis.problems.problem import fill

    return [(code, fill(problem.title, {})) for code, problem in CATALOGUE.items() if code.startswith(incomplete)]


@app.command()
def explain(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE | FILE | -]",
            help="A problem's code, a file with an error or a log, a saved report, or - for standard input.",
            autocompletion=_codes,
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the explanation of a text as JSON.")] = False,
) -> None:
    """Explain a problem by its code, or find it in a text. Offline."""
    from claudecheck.diagnosis.problems import CATALOGUE

    if target is not None and target in CATALOGUE:
        _write(_page_of(target, json_=json_))
        return
    if target is None and sys.stdin.isatty():
        _fail("nothing to explain", "claudecheck explain CODE, or paste a text into: claudecheck explain -")
    if target in (None, "-"):
        _write(_explained(sys.stdin.buffer, "standard input", json_=json_))
        return
    path = Path(target)
    try:
        with path.open("rb") as stream:
            text = _explained(stream, target, json_=json_)
    except FileNotFoundError:
        _fail_unknown(target, list(CATALOGUE))
    except OSError as error:
        _fail(f"cannot read {target}: {error.strerror}", "name a problem's code, or a file that you may read")
    _write(text)


def _fail_unknown(target: str, codes: list[str]) -> NoReturn:
    from difflib import get_close_matches

    near = get_close_matches(target, codes, n=1, cutoff=0.5)
    fix = (
        f"did you mean {near[0]}?"
        if near
        else "all codes stand in docs/problems.md; a text goes to: claudecheck explain -"
    )
    _fail(f"there is neither a problem nor a file called {target!r}", fix)


def _page_of(code: str, *, json_: bool) -> str:
    import os

    from claudecheck.diagnosis.problems import CATALOGUE

    if json_:
        import msgspec

        return msgspec.json.format(msgspec.json.encode(CATALOGUE[code]), indent=2).decode()
    from claudecheck.look import terminal_of
    from claudecheck.render.page import page_text

    look = terminal_of(sys.stdout, os.environ)
    return page_text(CATALOGUE[code], width=look.width, colour=look.colour, unicode=look.unicode)


def _explained(stream: BinaryIO, name: str, *, json_: bool) -> str:
    import os

    from claudecheck import environment
    from claudecheck.explanation import NotTextError, explain_stream
    from claudecheck.look import terminal_of
    from claudecheck.render import explanation as rendered

    try:
        found = explain_stream(stream, secrets=environment.secrets(environment.read(os.environ)))
    except NotTextError as error:
        _fail(f"cannot explain {name}: {error}", "unpack it first: zcat FILE | claudecheck explain -")
    if json_:
        return rendered.to_json(found)
    look = terminal_of(sys.stdout, os.environ)
    return rendered.render_text(found, width=look.width, colour=look.colour, unicode=look.unicode)


@app.command()
def routes(
    json_: Annotated[bool, typer.Option("--json", help="Print the routes as JSON.")] = False,
    python: PythonOption = None,
) -> None:
    """Show what each client on this machine would do. Nothing is sent."""
    import os

    from claudecheck import environment
    from claudecheck.clients.rows import routes as routes_of
    from claudecheck.deadline import Deadline
    from claudecheck.look import terminal_of
    from claudecheck.probes import worker
    from claudecheck.render.routes import render_routes, routes_json

    snapshot = environment.with_programs(environment.read(os.environ))
    started, interpreter = worker.start(snapshot.variables, _interpreter(python), Deadline(10))
    if started is not None:
        started.end()
    made = routes_of(environment.with_store_of(snapshot, interpreter), interpreter)
    look = terminal_of(sys.stdout, os.environ)
    page = render_routes(made, width=look.width, colour=look.colour, unicode=look.unicode)
    _write(routes_json(made) if json_ else page)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the report."""
    from claudecheck.render.machine import schema_text

    _write(schema_text())
