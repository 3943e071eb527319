"""A saved report back to its journal, so that it can be diagnosed again on another machine. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.questions import CLIENT_HOST
from claudecheck.observations import AnyObservation, Concern, Journal, Run
from claudecheck.report import SCHEMA_VERSION

#: Bytes; a run writes a hundred thousand or two.
LARGEST_REPORT = 64 * 1024 * 1024


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)")


class _Saved(msgspec.Struct):
    """The part of a saved report that a diagnosis reads: what was seen."""

    schema_version: int
    observations: list[AnyObservation]


class UnreadableReportError(ValueError):
    """The text is not a saved report of this or an older version. The message is one sentence."""


def _read(text: str | bytes) -> _Saved:
    try:
        return msgspec.json.decode(text, type=_Saved)
    except msgspec.ValidationError:
        return msgspec.convert(_as_written_today(msgspec.json.decode(text)), type=_Saved)


def _as_written_today(report: Any) -> Any:
    """A host that was left out was once recorded as a stage of its own: client:host:NEED:NAME."""
    for seen in (
        report["observations"] if isinstance(report, dict) and isinstance(report.get("observations"), list) else ()
    ):
        if isinstance(seen, dict) and seen.get("op") == "skipped" and CLIENT_HOST.covers(str(seen.get("stage"))):
            host = seen["stage"].rpartition(":")[2]
            seen.update(stage="environment", because="setting", host=host, variable=seen.get("because"))
    return report


def journal_of(text: str | bytes) -> Journal:
    """The journal in a report that `--save` or `--json` wrote."""
    try:
        saved = _read(text)
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
    journal = Journal(tuple(saved.observations))
    run = journal.first(Run)
    if run is None or not _TIME.fullmatch(run.started_at):
        raise UnreadableReportError("it does not say which run it is of")
    for concern in journal.all(Concern, variation=None):
        if concern.kind not in CATALOGUE:
            raise UnreadableReportError(f"it holds a concern that this claudecheck does not know: {concern.kind[:60]}")
    return journal
