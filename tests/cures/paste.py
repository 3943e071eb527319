"""Pastes a fix into a real shell, and then runs the smallest program of a user in that shell."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from claudecheck.report import Fix, Report

SHELLS = ("sh", "bash", "zsh", "fish")
PROGRAM = Path(__file__).with_name("smallest_program.py")
LIMIT_S = 60.0
#: What a person would have to fill in, or what stands where a secret was.
_HOLE = re.compile(r"<[a-z][a-z-]*>|\[redacted|PROXY:PORT|USER:PASSWORD|/PATH/TO/|IMAGE\b|HOST\b")


@dataclass(frozen=True)
class Mend:
    """One fix that changes something, as it would be pasted."""

    lines: str
    text: str
    proved: bool
    first: bool


@dataclass(frozen=True)
class Pasted:
    """What came of it: the program's exit status, and what shell and program said."""

    shell: str
    mend: Mend
    healed: bool
    said: str


def installed() -> tuple[str, ...]:
    return tuple(shell for shell in SHELLS if shutil.which(shell))


def spoken(shell: str) -> str:
    """How a report names the shell."""
    return "fish" if shell == "fish" else "sh"


def has_hole(line: str) -> bool:
    return _HOLE.search(line) is not None


def mends(report: Report) -> Iterator[Mend]:
    """Those of the culprit that run as they stand, in the order in which they are shown."""
    if report.problem is None:
        return
    for place, fix in enumerate(report.findings[0].fixes):
        lines = "\n".join(command.line for command in fix.commands if command.shell == spoken(report_shell(report)))
        if fix.kind == "mend" and lines and not fix.needs and not has_hole(lines):
            yield Mend(lines, fix.text, proved=proved(fix), first=place == 0)


def report_shell(report: Report) -> str:
    return next((str(getattr(seen, "shell", "sh")) for seen in report.observations[:1]), "sh")


def proved(fix: Fix) -> bool:
    return fix.tried is not None and fix.tried.reached


def paste(mend: Mend, shell: str, python: str, variables: Mapping[str, str], prefix: Sequence[str] = ()) -> Pasted:
    """In a new shell of the failing machine: the lines, then the program. Nothing is typed."""
    script = f"{mend.lines}\nexec {python} {PROGRAM}\n"
    with tempfile.TemporaryDirectory(prefix="claudecheck-paste-") as folder:
        done = subprocess.run(
            [*prefix, shell, "-c", script],
            env=dict(variables), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=LIMIT_S, check=False,
        )  # fmt: skip
    said = (done.stdout + done.stderr).strip()
    return Pasted(shell, mend, healed=done.returncode == 0 and "got through" in done.stdout, said=said[-600:])
