"""What the parts of the terminal's page share: its width, its marks, and text that is safe to print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.text import Text

from claudecheck.render.untrusted import LONGEST_VALUE, ascii_only, command_lines, harmless
from claudecheck.report import Severity, StageStatus

NARROWEST, WIDEST = 40, 120  # prose is hard to read on longer lines
#: Only the sixteen colours that a terminal's theme defines, so that they fit dark and light backgrounds.
GOOD, BAD, ODD, QUIET, STRONG = "green", "red", "yellow", "dim", "bold"
#: The word that people look for: `fix`.
ACCENT = "magenta"

_STAGE_MARKS: Mapping[StageStatus, tuple[str, str, str]] = {
    "pass": ("✓", "ok", GOOD),
    "warn": ("!", "!!", ODD),
    "fail": ("✗", "XX", BAD),
    "skip": ("·", "--", QUIET),
}
SEVERITY_MARKS: Mapping[Severity, StageStatus] = {"error": "fail", "warning": "warn", "info": "skip"}


@dataclass(frozen=True)
class Paper:
    """`width` counts columns; without `unicode` everything on it is ASCII."""

    width: int
    unicode: bool

    @property
    def narrow(self) -> bool:
        return self.width < 64

    def text(self, value: str, style: str = "", limit: int = LONGEST_VALUE) -> Text:
        """Text from the report: never markup, without control characters, folded where it is too long."""
        return Text(self._shown(harmless(value, limit)), style=style, overflow="fold")

    def command(self, line: str, lead: Text) -> list[Text]:
        """A command line by line. The terminal may wrap such a line, this page never does: it is copied whole."""
        return [
            Text.assemble(lead, (self._shown(part), "cyan"), no_wrap=True, overflow="ignore")
            for part in command_lines(line)
        ]

    def mark(self, status: StageStatus) -> Text:
        shape, twin, style = _STAGE_MARKS[status]
        return Text(shape if self.unicode else twin, style=f"{STRONG} {style}" if style != QUIET else style)

    @property
    def bar(self) -> str:
        return "━" if self.unicode else "="

    def _shown(self, text: str) -> str:
        return text if self.unicode else ascii_only(text)


def sheet(width: int, *, unicode: bool) -> Paper:
    """Paper for a terminal of this width."""
    return Paper(max(NARROWEST, min(width, WIDEST)), unicode)


def printed(parts: Iterable[RenderableType], paper: Paper, *, colour: bool) -> str:
    """The parts as a string that ends in a newline; with `colour` it holds ANSI colours, else plain text."""
    page = StringIO()
    console = Console(
        file=page,
        width=paper.width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        _environ={},  # the caller has looked at the environment; this must give the same anywhere
    )
    console.print(Group(*parts), crop=False)  # commands may be longer than a line
    return "\n".join(line.rstrip(" ") for line in page.getvalue().split("\n"))


def colour_of(status: StageStatus) -> str:
    return _STAGE_MARKS[status][2]
