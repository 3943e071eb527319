"""The JSON Schema of every document that a command prints, by the command's name; each ships beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from claudecheck.render import machine

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_VERSION = {
    "description": "Raised only when a reader would break. Within a version fields are added, never renamed.",
    "type": "integer",
    "const": 1,
}


def _explain() -> dict[str, Any]:
    from claudecheck.explanation.model import Explanation

    return _document("What claudecheck explain found in a text", Explanation)


def _routes() -> dict[str, Any]:
    from claudecheck.clients.rows import Routes

    return _document("What each client would do: claudecheck routes", Routes)


def _trust() -> dict[str, Any]:
    from claudecheck.diagnosis.trust_matrix import Matrix, Stopped

    return _document("Who trusts the certificate: claudecheck trust", Matrix, Stopped)


def _compare() -> dict[str, Any]:
    from claudecheck.render.compare import ComparisonDocument

    return _document("Several routes side by side: claudecheck compare", ComparisonDocument)


_SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "report": machine.schema,
    "compare": _compare,
    "explain": _explain,
    "routes": _routes,
    "trust": _trust,
}
NAMES = tuple(_SCHEMAS)


def schema(name: str) -> dict[str, Any]:
    """The schema of a document. Unknown fields are allowed: later versions add some. KeyError: there is none."""
    return _SCHEMAS[name]()


def schema_text(name: str) -> str:
    """The same as it ships in `claudecheck/render/NAME.schema.json`."""
    return msgspec.json.format(msgspec.json.encode(schema(name)), indent=2).decode() + "\n"


def _document(title: str, *kinds: type[msgspec.Struct]) -> dict[str, Any]:
    """Of one kind, or of one of several: every field is there, behind the version."""
    tops, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for kind in kinds:
        properties = parts[kind.__name__]["properties"]
        parts[kind.__name__]["properties"] = {"schema_version": _VERSION, **properties}
        parts[kind.__name__]["properties"]["schema_version"] = _VERSION
    for part in parts.values():
        if "properties" in part and "anyOf" not in part:
            part["required"] = list(part["properties"])
    own = {"$ref": tops[0]["$ref"]} if len(tops) == 1 else {"anyOf": list(tops)}
    return {"$schema": _DRAFT, "title": title, **own, "$defs": parts}
