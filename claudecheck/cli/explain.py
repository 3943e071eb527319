"""`claudecheck explain`: a problem by its code, or the problem that a text shows."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn

import typer

from claudecheck.cli.arguments import ClientOption
from claudecheck.cli.output import aside, fail, paged, terminal, write

if TYPE_CHECKING:
    from claudecheck.diagnosis.problems.machine import Machine

_LONGEST_LINE = 1 << 16
#: A name with a folder or a usual ending was meant as a file, and words with a hyphen close to a code as that code.
_FILE_NAME = re.compile(r"^(?!\S*://)(?:\S*[/\\]\S*|\S+\.(?:log|txt|json|ya?ml|env|out|err|toml|md))$")
_CODE_NAME = re.compile(r"[a-z]+(?:-[a-z]+)+")


def _codes(incomplete: str) -> list[tuple[str, str]]:
    from claudecheck.diagnosis.problems import CATALOGUE
    from claudecheck.diagnosis.problems.remedy import fill

    return [(code, fill(problem.title, {})) for code, problem in CATALOGUE.items() if code.startswith(incomplete)]


def _listed() -> Iterator[str]:
    """A line a problem: its layer, its code, its title."""
    from claudecheck.diagnosis.problems import CATALOGUE

    width = max(map(len, CATALOGUE))
    for code, title in _codes(""):
        yield f"{CATALOGUE[code].layer:<12} {code:<{width}} {title}"


def explain(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE | FILE | TEXT | -]",
            help="A problem's code, a file with an error, a log, settings or a saved report, the words themselves, "
            "or - for standard input.",
            autocompletion=_codes,
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the explanation of a text as JSON.")] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="Show the page of a problem for every system, shell and client.")
    ] = False,
    client: ClientOption = None,
    list_: Annotated[bool, typer.Option("--list", help="List every problem, and exit.")] = False,
) -> None:
    """Explain a problem by its code, or find it in a text. Offline."""
    from claudecheck.diagnosis.problems import CATALOGUE

    if list_:
        write("\n".join(_listed()))
        return
    if target is not None and target in CATALOGUE:
        paged(_page_of(target, json_=json_, all_=all_, client=client))
        return
    if target is None and sys.stdin.isatty():
        fail("nothing to explain", "claudecheck explain CODE, or paste a text into: claudecheck explain -")
    if target is None or target == "-":
        write(_explained(_standard_input(), "standard input", json_=json_))
        return
    if not target.strip():
        fail("nothing to explain", "claudecheck explain CODE, or the words of an error in quotes")
    write(_of_file_or_words(target, json_=json_))


def _of_file_or_words(target: str, *, json_: bool) -> str:
    from claudecheck.machine import reading

    try:
        with reading.opened(target) as stream:
            return _explained(stream, target, json_=json_)
    except (FileNotFoundError, NotADirectoryError):
        if _FILE_NAME.search(target) or (_CODE_NAME.fullmatch(target) and _nearest(target)):
            _fail_unknown(target)
    except OSError as error:
        if not re.search(r"\s", target):
            fail(f"cannot read {target}: {error.strerror}", "name a problem's code, or a file that you may read")
    except ValueError:
        pass  # a zero byte: no name of a file
    return _explained(io.BytesIO(target.encode("utf-8", "replace")), "the text", json_=json_, typed=True)


def _standard_input() -> BinaryIO:
    """What is piped in; at a terminal what is pasted, up to the first Ctrl-D."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer
    aside("Paste the text, then press Ctrl-D (Windows: Ctrl-Z and Enter).\n")
    parts: list[bytes] = []
    # A terminal gives a line at a time: a piece without a line's end was sent off by Ctrl-D.
    while part := os.read(sys.stdin.fileno(), _LONGEST_LINE):
        parts.append(part)
        if not part.endswith((b"\n", b"\r")) and len(part) < _LONGEST_LINE - 1:
            break
    return io.BytesIO(b"".join(parts))


def _nearest(target: str) -> str | None:
    from difflib import get_close_matches

    from claudecheck.diagnosis.problems import CATALOGUE

    return next(iter(get_close_matches(target, list(CATALOGUE), n=1, cutoff=0.75)), None)


def _fail_unknown(target: str) -> NoReturn:
    near = _nearest(target)
    fix = (
        f"did you mean {near}?"
        if near
        else "claudecheck explain --list names every code; a text goes to: claudecheck explain -"
    )
    fail(f"there is neither a problem nor a file called {target!r}", fix)


def _page_of(code: str, *, json_: bool, all_: bool, client: str | None) -> str:
    from claudecheck.diagnosis.problems import CATALOGUE

    if json_:
        import msgspec

        return msgspec.json.format(msgspec.json.encode(CATALOGUE[code]), indent=2).decode()
    from claudecheck.render.page import page_text

    look = terminal()
    machine = None if all_ else _machine(client)
    return page_text(CATALOGUE[code], width=look.width, colour=look.colour, unicode=look.unicode, machine=machine)


def _machine(client: str | None) -> Machine:
    """What is known of this one without a run."""
    from claudecheck.diagnosis import circumstances
    from claudecheck.machine import environment
    from claudecheck.observations import Journal, RouteView

    run = environment.run_observation(environment.read(os.environ))
    return circumstances.machine(Journal((run,)), RouteView(client=client or "python"), {})


def _explained(stream: BinaryIO, name: str, *, json_: bool, typed: bool = False) -> str:
    from claudecheck.explanation import NotTextError, explain_stream
    from claudecheck.machine import environment
    from claudecheck.render import explanation as rendered

    try:
        found = explain_stream(stream, secrets=environment.secrets(environment.read(os.environ)), typed=typed)
    except NotTextError as error:
        fail(f"cannot explain {name}: {error}", "unpack it first: zcat FILE | claudecheck explain -")
    if json_:
        return rendered.to_json(found)
    look = terminal()
    return rendered.render_text(found, width=look.width, colour=look.colour, unicode=look.unicode)
