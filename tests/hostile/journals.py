"""Any journal that the types allow: a strategy for hypothesis, made from the types themselves."""

from __future__ import annotations

import enum
import types
import typing
from typing import Any

import msgspec
from hypothesis import strategies as st

from claudecheck import observations
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.observations import AnyObservation, Concern, Journal, Run

#: Words that rules look for, among words that nobody looks for.
_WORDS = [
    "", "api", "proxy", "control", "models", "message", "system", "any", "ipv4", "ipv6", "direct", "python", "node",
    "curl", "api.anthropic.com", "127.0.0.1", "::1", "https://h.example", "http", "https", "json", "html", "401", "²",
    "deadline", "interrupted", "terminated", "environment", "dns", "tls", "\x1b[31m", "9" * 5000, "\ud800", "a" * 3000,
]  # fmt: skip
_text = st.one_of(st.sampled_from(_WORDS), st.text(max_size=12))
_numbers: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.one_of(st.integers(0, 600), st.integers(-(2**62), 2**62)),
    float: st.one_of(st.floats(0, 1e5), st.sampled_from([0.0, 1e12])),
    str: _text,
}


def journals(most: int = 12) -> st.SearchStrategy[Journal]:
    kinds = [kind for kind in typing.get_args(AnyObservation) if kind is not Run]
    return st.lists(st.sampled_from(kinds).flatmap(_built), max_size=most).map(_written)


def _written(seen: list[AnyObservation]) -> Journal:
    """Through the one door, behind the observation that every run begins with."""
    writer = JournalWriter(Deadline(1))
    for one in (Run(version="0", started_at="2026-01-01T00:00:00.000Z", os="Linux"), *seen):
        writer.write(one)
    return writer.journal()


def _built(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind, vars(observations))
    needed: dict[str, st.SearchStrategy[Any]] = {}
    others: dict[str, st.SearchStrategy[Any]] = {}
    for field in msgspec.structs.fields(kind):
        known = field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        (needed if known else others)[field.name] = _any(hints[field.name])
    if kind is Concern:
        needed["kind"] = st.sampled_from(sorted(CATALOGUE))
    return st.fixed_dictionaries(needed, optional=others).map(lambda values: kind(**values))


def _any(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(_any, arguments))
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(_any(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(_any(arguments[0]), _any(arguments[1]), max_size=3)
    if hint is type(None):
        return st.none()
    if hint in _numbers:
        return _numbers[hint]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    assert isinstance(hint, type)
    assert issubclass(hint, msgspec.Struct), hint
    return st.deferred(lambda: _built(hint))
