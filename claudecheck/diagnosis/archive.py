"""A saved report back to its journal, so that it can be diagnosed again on another machine. Pure."""

from __future__ import annotations

import msgspec

from claudecheck.observations import AnyObservation, Journal
from claudecheck.report import SCHEMA_VERSION

#: Bytes; a run writes a hundred thousand or two.
LARGEST_REPORT = 64 * 1024 * 1024


class _Saved(msgspec.Struct):
    """The part of a saved report that a diagnosis reads: what was seen."""

    schema_version: int
    observations: list[AnyObservation]


class UnreadableReportError(ValueError):
    """The text is not a saved report of this or an older version. The message is one sentence."""


def journal_of(text: str | bytes) -> Journal:
    """The journal in a report that `--save` or `--json` wrote."""
    try:
        saved = msgspec.json.decode(text, type=_Saved)
    except msgspec.ValidationError as error:
        raise UnreadableReportError(f"this is JSON, but not a report of claudecheck: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableReportError("this is not JSON: a saved report was expected") from error
    except RecursionError as error:
        raise UnreadableReportError("this is JSON, nested deeper than a report of claudecheck") from error
    if saved.schema_version > SCHEMA_VERSION:
        raise UnreadableReportError(
            f"this report has schema version {saved.schema_version}; this claudecheck reads up to {SCHEMA_VERSION}"
        )
    return Journal(tuple(saved.observations))
