"""Makes text that a server, a certificate or a file chose fit to be shown. Knows no output format."""

from __future__ import annotations

#: A value longer than this says nothing more to a reader; the JSON report holds it whole.
LONGEST_VALUE = 600

_SPACES = str.maketrans({"\n": " ", "\t": " "})
_ASCII_TWINS = str.maketrans(
    {"…": "...", "→": "->", "·": "-", "\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'"}
    | dict.fromkeys("“”", '"')
)


def harmless(text: str, limit: int = LONGEST_VALUE) -> str:
    """One line of printable text of at most `limit` characters.

    The journal has escaped control characters already; a saved report that somebody else wrote has
    not been through the journal, so nothing is taken on trust here.
    """
    shown = _escaped(text[: limit + 1].translate(_SPACES))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def command_lines(line: str) -> list[str]:
    """The lines of a command, each printable and never shortened: half a command is a wrong command."""
    return [_escaped(part.expandtabs(4)) for part in line.strip("\n").split("\n")]


def ascii_only(text: str) -> str:
    """The same for a stream that can show nothing else."""
    return text.translate(_ASCII_TWINS).encode("ascii", "backslashreplace").decode()


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
