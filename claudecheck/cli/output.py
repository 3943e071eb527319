"""The one place from which the commands write: to stdout what was asked for, to stderr what was wrong with it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from claudecheck.cli.terminal import Look

#: Characters of a line on stderr.
LONGEST_LINE = 1000


def fail(sentence: str, fix: str) -> NoReturn:
    """Bad input: one sentence, one fix, exit code 2."""
    import typer

    from claudecheck.report import ExitCode

    refuse(f"claudecheck: {_one_line(sentence)}\n  {_one_line(fix)}\n")
    raise typer.Exit(ExitCode.USAGE)


def refuse(text: str) -> None:
    """To stderr what was wrong with the input: it repeats what was typed, which may be a key or an escape sequence."""
    from claudecheck.clients.secrets import secrets_in
    from claudecheck.journal.redact import Redactor

    redactor = Redactor(secrets_in(os.environ))
    aside("\n".join(redactor.clean(line, LONGEST_LINE) for line in text.split("\n")))


def write(text: str) -> None:
    """To stdout, in whatever encoding it has; a mark that it lacks becomes a question mark, not a crash.

    A reader who has seen enough (`| head`) is no fault; a full disk is said. The exit code stays that of the answer.
    """
    try:
        _put(sys.stdout, text if text.endswith("\n") else text + "\n")
    except BrokenPipeError:
        return
    except (OSError, ValueError) as error:
        warn(f"cannot write to standard output: {getattr(error, 'strerror', None) or error}")


def paged(text: str) -> None:
    """The same, in the user's pager where stdout is a terminal that is shorter than the text."""
    import shutil

    from claudecheck.cli.terminal import is_terminal

    if not is_terminal(sys.stdout, os.environ) or text.count("\n") < shutil.get_terminal_size().lines:
        write(text)
        return
    import click

    os.environ.setdefault("LESS", "-RF")  # colours as they are, and no wait where it fits
    click.echo_via_pager(text, color=True)


def terminal() -> Look:
    """What stdout can show."""
    return look_of(sys.stdout)


def look_of(stream: TextIO) -> Look:
    """What a stream can show."""
    from claudecheck.cli.terminal import terminal_of

    return terminal_of(stream, os.environ)


def warn(sentence: str) -> None:
    """Something beside the answer went wrong: said, and the exit code stays that of the answer."""
    refuse(f"claudecheck: {_one_line(sentence)}\n")


def aside(text: str) -> None:
    """To stderr as it is: what a machine reads there. Where nobody can read it, nothing happens."""
    with contextlib.suppress(OSError, ValueError):
        _put(sys.stderr, text)


def _put(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "\\t")
