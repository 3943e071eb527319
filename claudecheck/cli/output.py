"""The one place from which the commands write: to stdout what was asked for, to stderr what was wrong with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer

from claudecheck.report import ExitCode

if TYPE_CHECKING:
    from claudecheck.cli.terminal import Look


def fail(sentence: str, fix: str) -> NoReturn:
    """Bad input: one sentence, one fix, exit code 2."""
    sys.stderr.write(f"claudecheck: {sentence}\n  {fix}\n")
    raise typer.Exit(ExitCode.USAGE)


def write(text: str) -> None:
    """To stdout, in whatever encoding it has; a mark that it lacks becomes a question mark, not a crash."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    if not text.endswith("\n"):
        sys.stdout.write("\n")
    sys.stdout.flush()


def terminal() -> Look:
    """What stdout can show."""
    return look_of(sys.stdout)


def look_of(stream: TextIO) -> Look:
    """What a stream can show."""
    import os

    from claudecheck.cli.terminal import terminal_of

    return terminal_of(stream, os.environ)


def warn(sentence: str) -> None:
    """Something beside the answer went wrong: said, and the exit code stays that of the answer."""
    sys.stderr.write(f"claudecheck: {sentence}\n")


def aside(text: str) -> None:
    """To stderr as it is: what a machine reads there, in ASCII where the stream can hold no more."""
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(text.encode(encoding, "replace").decode(encoding))
    sys.stderr.flush()
