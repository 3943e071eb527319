"""Claude Code's settings files: where they are, which value wins, and what their `env` does to the shell's. Pure.

The theory. Five places may hold settings, and the higher one wins key by key. Below them all is the `env` block
of `~/.claude.json`. Their `env` blocks are merged
in the same way, and the result is laid over the variables of the shell: a value in a file wins over an
`export`, and an empty one cancels it.

Source: the documentation's pages "settings" and "managed-settings", copy of 2026-08-22. Settings that a
server or the operating system's management delivers are not read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from claudecheck.clients.json_text import parsed
from claudecheck.clients.snapshot import Snapshot, Wanted

_MANAGED = {
    "Linux": "/etc/claude-code",
    "Darwin": "/Library/Application Support/ClaudeCode",
    "Windows": "C:/Program Files/ClaudeCode",
}
CONFIG_DIR = "CLAUDE_CONFIG_DIR"
DROP_INS = "managed-settings.d"
#: What no variable can hold.
_NO_VARIABLE = frozenset("\0")


@dataclass(frozen=True)
class Settings:
    """What the files say together. `sources` tells for each variable which file it comes from."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)
    key_helper: str = ""  # the file that names an apiKeyHelper
    unreadable: tuple[str, ...] = ()  # files that are there and are not a JSON object


def user_folder(variables: Mapping[str, str], home: str) -> str:
    return variables.get(CONFIG_DIR, "").rstrip("/") or f"{home}/.claude"


def managed_folder(os: str) -> str:
    return _MANAGED[os]


def paths(variables: Mapping[str, str], os: str, home: str, cwd: str) -> list[str]:
    """The files with a fixed name, the weakest first."""
    return [
        f"{user_folder(variables, home)}/settings.json",
        f"{cwd}/.claude/settings.json",
        f"{cwd}/.claude/settings.local.json",
        f"{managed_folder(os)}/managed-settings.json",
    ]


def files(snapshot: Snapshot) -> Iterator[Wanted]:
    """The settings with their texts. Of a stored login only that it is there: its tokens are not read."""
    managed = managed_folder(snapshot.os)
    drop_ins = f"{managed}/{DROP_INS}"
    yield Wanted(drop_ins, listing=".json", machine_wide=True)
    fixed = paths(snapshot.variables, snapshot.os, snapshot.home, snapshot.cwd)
    for path in [*fixed, *(f"{drop_ins}/{name}" for name in snapshot.file(drop_ins).entries)]:
        yield Wanted(path, text=True, machine_wide=path.startswith(managed))
    yield Wanted(state_file(snapshot.variables, snapshot.home), text=True)
    yield Wanted(login_file(snapshot.variables, snapshot.home))


def state_file(variables: Mapping[str, str], home: str) -> str:
    """What it remembers between runs; its `env` block counts too, as the weakest of all."""
    return f"{variables.get(CONFIG_DIR, '').rstrip('/') or home}/.claude.json"


def login_file(variables: Mapping[str, str], home: str) -> str:
    """Where a login is kept on Linux and Windows; macOS has it in the keychain."""
    return f"{user_folder(variables, home)}/.credentials.json"


def read(snapshot: Snapshot) -> Settings:
    env: dict[str, str] = {}
    sources: dict[str, str] = {}
    unreadable: list[str] = []
    helper = ""
    state = state_file(snapshot.variables, snapshot.home)
    for name, value in told_variables(parse(snapshot.file(state).text) or {}).items():
        env[name], sources[name] = value, state
    for path in _in_order(snapshot):
        told = parse(snapshot.file(path).text)
        if told is None:
            unreadable.append(path)
            continue
        for name, value in told_variables(told).items():
            env[name], sources[name] = value, path
        if isinstance(told.get("apiKeyHelper"), str):
            helper = path if told["apiKeyHelper"] else ""
    return Settings(env, sources, helper, tuple(unreadable))


def _in_order(snapshot: Snapshot) -> Iterator[str]:
    """The files that are there, the weakest first; the administrator's drop-ins go over their main file."""
    fixed = paths(snapshot.variables, snapshot.os, snapshot.home, snapshot.cwd)
    folder = f"{managed_folder(snapshot.os)}/{DROP_INS}/"
    drop_ins = sorted(path for path in snapshot.files if path.startswith(folder))
    yield from (path for path in dict.fromkeys([*fixed, *drop_ins]) if snapshot.file(path).kind == "file")


def parse(text: str | None) -> dict[str, Any] | None:
    told = parsed(text or "")
    return told if isinstance(told, dict) else None


def told_variables(settings: Mapping[str, Any]) -> dict[str, str]:
    """The `env` block; a number stands for its text."""
    env = settings.get("env")
    if not isinstance(env, dict):
        return {}
    told = {name: str(value) for name, value in env.items() if isinstance(value, str | int | float)}
    return {name: _storable(value) for name, value in told.items() if name and not _NO_VARIABLE & {*name, *value}}


def _storable(value: str) -> str:
    """Half of a surrogate pair stands for no character: Node puts a mark in its place."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
