"""Logging: an exception of the Claude SDK is logged with what it shows.

Add `ExplainFilter` to a handler that writes fields (JSON), and give `ExplainFormatter` to one that writes
text. After that `log.exception("no answer")` in an `except anthropic.APIError:` block says why.
"""

import logging
from types import TracebackType
from typing import Any

import anthropic

import claudecheck

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class ExplainFilter(logging.Filter):
    """Gives a record of an SDK's exception the field `claude`."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, anthropic.APIError):
            record.claude = fields(error)
        return True


class ExplainFormatter(logging.Formatter):
    """Adds the short form below the traceback."""

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  # the name that logging calls
        traceback = super().formatException(ei)
        if not isinstance(ei[1], anthropic.APIError):
            return traceback
        return f"{traceback}\n{claudecheck.explain(ei[1])}"


def fields(error: BaseException) -> dict[str, Any]:
    """A record of your own takes them as `extra={"claude": ...}`."""
    found = claudecheck.explain(error)
    names = ("problem", "layer", "confidence", "reached_api", "request_id", "retryable")
    return {name: getattr(found, name) for name in names}
