"""`claudecheck explain`: a problem by its code, or the problem that a text shows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, BinaryIO, NoReturn

import typer

from claudecheck.cli.output import fail, terminal, write


def _codes(incomplete: str) -> list[tuple[str, str]]:
    from claudecheck.diagnosis.problems import CATALOGUE
    from claudecheck.diagnosis.problems.problem import fill

    return [(code, fill(problem.title, {})) for code, problem in CATALOGUE.items() if code.startswith(incomplete)]


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
        write(_page_of(target, json_=json_))
        return
    if target is None and sys.stdin.isatty():
        fail("nothing to explain", "claudecheck explain CODE, or paste a text into: claudecheck explain -")
    if target in (None, "-"):
        write(_explained(sys.stdin.buffer, "standard input", json_=json_))
        return
    path = Path(target)
    try:
        with path.open("rb") as stream:
            text = _explained(stream, target, json_=json_)
    except FileNotFoundError:
        _fail_unknown(target, list(CATALOGUE))
    except OSError as error:
        fail(f"cannot read {target}: {error.strerror}", "name a problem's code, or a file that you may read")
    write(text)


def _fail_unknown(target: str, codes: list[str]) -> NoReturn:
    from difflib import get_close_matches

    near = get_close_matches(target, codes, n=1, cutoff=0.5)
    fix = (
        f"did you mean {near[0]}?"
        if near
        else "all codes stand in docs/problems.md; a text goes to: claudecheck explain -"
    )
    fail(f"there is neither a problem nor a file called {target!r}", fix)


def _page_of(code: str, *, json_: bool) -> str:
    from claudecheck.diagnosis.problems import CATALOGUE

    if json_:
        import msgspec

        return msgspec.json.format(msgspec.json.encode(CATALOGUE[code]), indent=2).decode()
    from claudecheck.render.page import page_text

    look = terminal()
    return page_text(CATALOGUE[code], width=look.width, colour=look.colour, unicode=look.unicode)


def _explained(stream: BinaryIO, name: str, *, json_: bool) -> str:
    import os

    from claudecheck.explanation import NotTextError, explain_stream
    from claudecheck.machine import environment
    from claudecheck.render import explanation as rendered

    try:
        found = explain_stream(stream, secrets=environment.secrets(environment.read(os.environ)))
    except NotTextError as error:
        fail(f"cannot explain {name}: {error}", "unpack it first: zcat FILE | claudecheck explain -")
    if json_:
        return rendered.to_json(found)
    look = terminal()
    return rendered.render_text(found, width=look.width, colour=look.colour, unicode=look.unicode)
