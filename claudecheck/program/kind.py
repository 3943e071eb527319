"""What the user's program is: by which client it would reach the API, and in which Python it runs. Reads its file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from claudecheck.route import ClientName

_PYTHON = re.compile(r"(python|pypy)[0-9.]*(\.exe)?", re.IGNORECASE)
_CLIENTS: Mapping[str, ClientName] = {
    "node": "typescript",
    "npx": "typescript",
    "npm": "typescript",
    "tsx": "typescript",
    "claude": "claude-code",
    "curl": "curl",
}
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Kind:
    """None where the program does not tell: then what `doctor` chooses by itself."""

    client: ClientName | None = None
    python: str | None = None


def kind_of(words: Sequence[str]) -> Kind:
    """By the program's name, else by the interpreter that its first line names."""
    found = shutil.which(words[0])
    if found is None:
        return Kind()
    named = Path(words[0]).name
    if _PYTHON.fullmatch(named):
        return Kind(python=found)
    if named.removesuffix(".exe") in _CLIENTS:
        return Kind(client=_CLIENTS[named.removesuffix(".exe")])
    return _of_interpreter(_first_line(Path(found)))


def _of_interpreter(line: str) -> Kind:
    """As in `#!/usr/bin/env -S python3 -u`, or `#!/home/ana/app/.venv/bin/python`."""
    if not line.startswith("#!"):
        return Kind()
    words = [word for word in line[2:].split() if not word.startswith("-")]
    if words and Path(words[0]).name == "env":
        words = words[1:]
    if not words:
        return Kind()
    name = Path(words[0]).name
    if _PYTHON.fullmatch(name):
        return Kind(python=shutil.which(words[0]))
    return Kind(client=_CLIENTS.get(name))


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.readline(_LONGEST_LINE).decode("utf-8", "replace")
    except OSError:  # may be run, and not read
        return ""
