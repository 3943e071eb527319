"""JSON that somebody else wrote, read without a way to raise. Pure."""

from __future__ import annotations

import json
from typing import Any


def parsed(text: str) -> Any:
    """What the text says; None when it is no JSON, or nested deeper than anybody reads it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_text(value: object) -> str:
    """A string of the document; empty when something else stands there."""
    return value if isinstance(value, str) else ""


def shown(value: object) -> str:
    """For a sentence: a string in quotes, of anything else its kind."""
    return repr(value[:60]) if isinstance(value, str) else f"of the kind {type(value).__name__}"
