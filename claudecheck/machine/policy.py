"""The policy of a project: `claudecheck.toml`, or `[tool.claudecheck]` in `pyproject.toml`, read and validated."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, get_args

from claudecheck.observations import Policy
from claudecheck.report import StageName

OWN_FILE, PROJECT_FILE = "claudecheck.toml", "pyproject.toml"
_LARGEST = 1024 * 1024
_STAGES: tuple[str, ...] = get_args(StageName)
_DURATION = re.compile(r"(?:<\s*)?(\d+(?:\.\d+)?)\s*(ms|s)")


class PolicyError(ValueError):
    """Not a policy: one sentence that begins with the file and the line, and `fix`."""

    def __init__(self, sentence: str, fix: str) -> None:
        super().__init__(sentence)
        self.fix = fix


def nearest(folder: Path, codes: Sequence[str]) -> Policy | None:
    """The policy of this folder, or of the nearest one above it up to the top of the repository."""
    for place in (folder, *folder.parents):
        own, project = place / OWN_FILE, place / PROJECT_FILE
        if own.is_file():
            return read(own, codes)
        if project.is_file() and "tool.claudecheck" in _text(project).replace(" ", ""):
            return read(project, codes)
        if (place / ".git").exists():
            return None
    return None


def read(path: Path, codes: Sequence[str]) -> Policy:
    """`codes` are the words that `fail-on` knows.

    Raises PolicyError for what is no policy, and OSError for what cannot be read.
    """
    text = _text(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path} is not TOML: {error}", "mend that line") from None
    table = ("tool", "claudecheck") if path.name == PROJECT_FILE else ()
    rules: Any = document
    for name in table:
        rules = rules.get(name, {}) if isinstance(rules, dict) else {}
    return _Reader(path, text, table, codes).policy(rules)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LARGEST).decode("utf-8", "replace")


class _Reader:
    """One file: its rules, and where each of them stands."""

    def __init__(self, path: Path, text: str, table: tuple[str, ...], codes: Sequence[str]) -> None:
        self._path, self._text, self._table, self._codes = path, text, table, codes

    def policy(self, rules: Any) -> Policy:
        known = {
            "must-pass": lambda value, key: self._names(value, key, _STAGES, "stage"),
            "fail-on": lambda value, key: self._names(value, key, self._codes, "warning"),
            "models": lambda value, key: self._names(value, key, None, "model"),
            "third-parties": lambda value, key: self._names(value, key, None, "host"),
            "must-use-proxy": self._switch,
            "no-interception": self._switch,
            "certificate-days": self._days,
            "ceilings": lambda value, _: self._ceilings(value),
        }
        read: Mapping[str, Callable[[Any, str], Any]] = known
        if not isinstance(rules, dict):
            self._refuse((), "the policy is a table of rules", "write [tool.claudecheck] above the rules")
        for name in rules:
            if name not in known:
                self._refuse((name,), f"there is no rule {name!r}", _suggestion(name, list(known)))
        found = {name.replace("-", "_"): read[name](value, name) for name, value in rules.items()}
        return Policy(source=str(self._path), **found)

    def _names(self, value: Any, key: str, allowed: Sequence[str] | None, kind: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            self._refuse((key,), f"{key} is a list of names in quotes", f'{key} = ["{(allowed or ["name"])[0]}"]')
        for one in value:
            if allowed is not None and one not in allowed:
                self._refuse((key,), f"there is no {kind} {one!r}", _suggestion(one, allowed))
        return list(value)

    def _switch(self, value: Any, key: str) -> bool:
        if not isinstance(value, bool):
            self._refuse((key,), f"{key} is true or false", f"{key} = true")
        return value

    def _days(self, value: Any, key: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self._refuse((key,), f"{key} is a whole number of days", f"{key} = 14")
        return value

    def _ceilings(self, value: Any) -> dict[str, float]:
        if not isinstance(value, dict):
            self._refuse(("ceilings",), "ceilings is a table of stages and times", 'ceilings = { messages = "2 s" }')
        for stage in value:
            if stage not in _STAGES:
                self._refuse(("ceilings", stage), f"there is no stage {stage!r}", _suggestion(stage, _STAGES))
        return {stage: self._seconds(written, stage) for stage, written in value.items()}

    def _seconds(self, written: Any, stage: str) -> float:
        """A number is seconds; "2 s", "800 ms" and "< 2 s" say it themselves."""
        found = _DURATION.fullmatch(written.strip()) if isinstance(written, str) else None
        seconds = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else written
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 86400:
            self._refuse(("ceilings", stage), f"the ceiling of {stage} is no time", f'{stage} = "2 s"')
        return float(seconds)

    def _refuse(self, key: tuple[str, ...], sentence: str, fix: str) -> NoReturn:
        raise PolicyError(f"{self._path}, line {self._line((*self._table, *key))}: {sentence}", fix)

    def _line(self, key: tuple[str, ...]) -> int:
        """Where the key begins: after the longest beginning of the file that is whole TOML and lacks it."""
        start = 0
        for end, document in self._beginnings():
            if _holds(document, key):
                return start + 1
            start = end
        return start + 1

    def _beginnings(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The file up to each of its lines, where that is TOML by itself."""
        lines = self._text.splitlines()
        for end in range(1, len(lines) + 1):
            try:
                yield end, tomllib.loads("\n".join(lines[:end]))
            except tomllib.TOMLDecodeError:  # in the middle of a list, or of a text of several lines
                continue


def _holds(document: Any, key: tuple[str, ...]) -> bool:
    for name in key:
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True


def _suggestion(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    return f"one of: {' '.join(known)}" if len(known) < 20 else "claudecheck explain --list names them all"
