"""Writes an exception object as the lines that its traceback would show. Imports no SDK: it reads attributes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from claudecheck.explanation.events import CAUSE, CONTEXT

_DEEPEST = 40
_LONGEST_BODY = 4000
_MOST_FRAMES = 60
_LIBRARIES = frozenset(
    {"httpcore", "httpcore2", "httpx", "httpx2", "ssl", "aiohttp", "urllib3", "requests", "anthropic"}
)
#: Headers that tell who answered, and why.
_TELLING = (
    "request-id", "server", "via", "content-type", "cf-mitigated", "cf-ray", "proxy-authenticate", "x-deny-reason",
    "x-squid-error", "retry-after", "location", "anthropic-organization-id",
)  # fmt: skip


def lines_of(error: BaseException) -> list[str]:
    """The root of the chain first, as Python prints it."""
    return list(_chain(error, set()))


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    if id(error) in seen or len(seen) >= _DEEPEST:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _chain(before, seen)
        yield CAUSE if error.__cause__ is not None else CONTEXT
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from ("  | " + line for line in _chain(part, seen))
    yield from _own(error)


def _own(error: BaseException) -> Iterator[str]:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception:  # an exception's own __str__ may raise; its type is still evidence
        message = ""
    first, *rest = message.splitlines() or [""]
    yield f"{name}: {first}" if first else name
    yield from ("  " + line for line in rest)
    yield from ("  " + line for line in _readable(_facts(error)) if line not in message)
    yield from _frames(error)


def _frames(error: BaseException) -> Iterator[str]:
    """Where in the HTTP and TLS libraries it was raised: by that a proxy's refusal differs from the API's."""
    trace, left = error.__traceback__, _MOST_FRAMES
    while trace is not None and left:
        code = trace.tb_frame.f_code
        if any(part in _LIBRARIES for part in PurePath(code.co_filename).with_suffix("").parts):
            yield f'  File "{PurePath(code.co_filename).name}", in {code.co_name}'
            left -= 1
        trace = trace.tb_next


def _readable(facts: Iterator[str]) -> Iterator[str]:
    """Up to the first that cannot be written down: a header or URL may be an object of anybody's."""
    with contextlib.suppress(Exception):
        yield from facts


def _facts(error: BaseException) -> Iterator[str]:
    """What the exceptions of the SDKs, httpx, requests and aiohttp carry beside their text."""
    response = _attribute(error, "response")
    status = _attribute(error, "status_code") or _attribute(error, "status") or _attribute(response, "status_code")
    if isinstance(status, int) and status >= 300:
        yield f"status code: {status}"
    request_id = _attribute(error, "request_id")
    if isinstance(request_id, str):
        yield f"request-id: {request_id}"
    url = _attribute(_attribute(error, "request") or _attribute(response, "request"), "url")
    if url is not None:
        yield f"request URL {url}"
    headers = _attribute(response, "headers")
    if isinstance(headers, Mapping):
        for name in _TELLING:
            value = headers.get(name)
            if value:
                yield f"{name}: {value}"
    body = _attribute(error, "body")
    if isinstance(body, (dict, list)):
        with contextlib.suppress(TypeError, ValueError):
            yield json.dumps(body)[:_LONGEST_BODY]
    elif isinstance(body, str):
        yield from body[:_LONGEST_BODY].splitlines()


def _attribute(value: Any, name: str) -> Any:
    """An attribute that may be a property which raises, as httpx's `request` does when it is not set."""
    try:
        return getattr(value, name, None)
    except Exception:
        return None
