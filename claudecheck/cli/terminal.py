"""What a stream can show: its width, whether colours, which marks. Writes nothing; imports nothing heavy."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from claudecheck.clients.whole_number import whole_number

_DEFAULT_WIDTH, _WIDEST = 80, 10_000
#: The marks of the report, and one character from beyond the first plane: what can encode these can encode any text.
_SAMPLE = "✓✗·━→…\U0001f512"
#: On Windows these tell that escape sequences are understood; an old console window prints them as they are.
_WINDOWS_TERMINALS = ("WT_SESSION", "TERM_PROGRAM", "ANSICON", "ConEmuANSI", "TERM")


@dataclass(frozen=True)
class Look:
    width: int
    colour: bool
    unicode: bool


def terminal_of(stream: TextIO, environ: Mapping[str, str]) -> Look:
    """How to write to `stream`: colours only on a terminal, unless FORCE_COLOR or NO_COLOR says otherwise."""
    return Look(width=_width(stream, environ), colour=_colour(stream, environ), unicode=_unicode(stream, environ))


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """A terminal that can move its cursor."""
    try:
        return stream.isatty() and environ.get("TERM") != "dumb"
    except ValueError:  # the stream is closed
        return False


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    if columns := whole_number(environ.get("COLUMNS", ""), least=1, most=_WIDEST):
        return columns
    try:
        return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_WIDTH
    except (OSError, ValueError):  # a pipe, a file, or no descriptor at all
        return _DEFAULT_WIDTH


def _colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    if sys.platform == "win32" and not any(environ.get(name) for name in _WINDOWS_TERMINALS):
        return False
    return is_terminal(stream, environ)


def _unicode(stream: TextIO, environ: Mapping[str, str]) -> bool:
    if environ.get("TERM") == "linux":  # the console of the kernel has no glyphs for the marks
        return False
    try:
        _SAMPLE.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
