"""What a report knows of who answered: requests, their ids, the edge, the status page. In words, for people."""

from __future__ import annotations

from datetime import datetime, timedelta

from claudecheck.diagnosis import origin, questions
from claudecheck.observations import HttpExchange, Observation
from claudecheck.report import Report


def exchanges(report: Report) -> list[HttpExchange]:
    """The requests of the walk itself, in order."""
    return [seen for seen in report.observations if isinstance(seen, HttpExchange) and not seen.variation]


def edge(report: Report) -> str:
    """The location of Anthropic's edge that answered, as it says itself."""
    for seen in exchanges(report):
        if location := origin.edge_location(seen.headers):
            return f"answered from {location} ({seen.headers['cf-ray']})"
    return "did not answer"


def request_ids(report: Report) -> str:
    told = [f"{seen.step} {seen.request_id}" for seen in exchanges(report) if seen.request_id]
    return ", ".join(told) or "none: the API did not answer"


def status_page(report: Report) -> str:
    """What the API's status page said and when, beside the failure: one fact, and no proof. It is written by people."""
    for seen in report.observations:
        if isinstance(seen, HttpExchange) and seen.variation == questions.STATUS_PAGE.id:
            when = moment(report, seen)
            if not seen.ok:
                return f"asked at {when}, no answer ({failure(seen)})"
            said = "; ".join(dict.fromkeys([*seen.components, *seen.incidents]))
            return f"at {when}: {said or 'it names no component of the API'} ({seen.url})"
    return "not asked"


def failure(seen: Observation) -> str:
    """Its failure in words, with the status where there was one."""
    if isinstance(seen, HttpExchange) and seen.status:
        return f"status {seen.status}"
    return str(seen.failure).replace("-", " ")


def moment(report: Report, seen: Observation) -> str:
    """When it began, to the second; the run's own time where that cannot be read."""
    try:
        began = datetime.fromisoformat(report.started_at) + timedelta(milliseconds=seen.at_ms)
    except (ValueError, OverflowError):  # a saved report may say anything
        return report.started_at
    return began.isoformat(timespec="seconds").replace("+00:00", "Z")
