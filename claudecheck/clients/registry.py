"""Every client that claudecheck knows. Pure.

Adding one is one file beside this one, with its `CLIENT`, and one line in `_FILES`. Every other list of clients
is made of this one. A file is loaded when its client is asked for: help and completions need the names alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claudecheck.clients.client import Client

#: By name, in the order of every list.
_FILES: Mapping[str, str] = {
    "python": "python_sdk",
    "typescript": "typescript_sdk",
    "node": "node_fetch",
    "claude-code": "claude_code",
    "curl": "curl",
}
NAMES = tuple(_FILES)


@cache
def named(name: str) -> Client:
    """`KeyError`: there is none of this name."""
    found: Client = importlib.import_module(f"{__package__}.{_FILES[name]}").CLIENT
    return found


def clients() -> tuple[Client, ...]:
    return tuple(map(named, NAMES))


def load(entry_point: str) -> Any:
    """What "module:name" of a client stands for."""
    module, _, name = entry_point.partition(":")
    return getattr(importlib.import_module(module), name)


def title(name: str) -> str:
    """For the head of a row; the name itself for a client that another version's report is about."""
    return named(name).title if name in _FILES else name


def in_words(name: str) -> str:
    """Within a sentence: "the Python SDK"."""
    return named(name).in_words if name in _FILES else name
