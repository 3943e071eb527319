"""Whatever a journal holds, the diagnosis ends, says the same twice, and does not lie about a message that came."""

from __future__ import annotations

import json
import time

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from claudecheck.diagnosis.archive import UnreadableReportError, journal_of
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure
from claudecheck.observations import (
    Concern,
    HttpExchange,
    Journal,
    NameLookup,
    RouteChosen,
    RouteView,
    Run,
    TcpConnect,
    TlsHandshake,
    Tunnel,
)
from claudecheck.render.machine import to_json
from claudecheck.render.markdown import short, to_markdown
from claudecheck.render.terminal import render_text
from tests import doctor
from tests.hostile.journals import journals

ANY = journals()
few = settings(suppress_health_check=list(HealthCheck))


def judge(journal: Journal) -> None:
    report = diagnose(journal)
    assert report == diagnose(journal)
    doctor.validator().validate(json.loads(to_json(report)))
    for page in (render_text(report, width=80, colour=False, unicode=True), to_markdown(report), short(report)):
        assert all(char.isprintable() or char == "\n" for char in page)
    if report.status in ("healthy", "degraded"):
        assert not any(finding.severity == "error" for finding in report.findings)


@few
@given(ANY)
def test_any_journal_is_judged(journal: Journal) -> None:
    judge(journal)


def test_thirty_thousand_observations_are_judged_in_a_second() -> None:
    seen: list[msgspec.Struct] = [
        Run(version="0", started_at="2026-01-01T00:00:00.000Z", os="Linux"),
        RouteChosen(route=RouteView(client="python", url="https://h.example", host="h.example", port=443)),
    ]
    for turn in range(5000):
        variation = f"v{turn % 50}" if turn % 2 else ""
        seen += [
            NameLookup(name="h.example", via="system", addresses=["192.0.2.1"], variation=variation),
            TcpConnect(address=f"192.0.2.{turn % 250}", port=443, failure=Failure.TIMED_OUT, variation=variation),
            TlsHandshake(address="192.0.2.1", failure=Failure.UNTRUSTED_ISSUER, variation=variation),
            HttpExchange(stage="models", step="models", status=500, variation=variation),
            Concern(kind="key-wrong-kind", subject="X", detail="y", variation=variation),
            Tunnel(proxy="http://p.example:1", target="h.example:443", scheme="http", variation=variation),
        ]
    started = time.process_time()
    diagnose(Journal(tuple(seen)))  # type: ignore[arg-type]
    assert time.process_time() - started < 2  # a second, on a machine that does something else as well


DEEP = "[" * 200_000


@pytest.mark.parametrize(
    "text",
    [DEEP, f'{{"schema_version": 1, "observations": {DEEP}', "", "null", "1e999", '"\\ud800"', "{}", "\xff"],
    ids=str.__len__,
)
def test_what_is_no_report_is_said_in_one_sentence(text: str) -> None:
    with pytest.raises(UnreadableReportError) as raised:
        journal_of(text.encode("latin-1"))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


def test_a_concern_that_nobody_knows_is_said_as_a_report_of_another_version() -> None:
    run = {"op": "run", "version": "0", "started_at": "2026-01-01T00:00:00Z"}
    concern = {"op": "concern", "kind": "no-such", "subject": "", "detail": ""}
    with pytest.raises(UnreadableReportError, match="no-such"):
        journal_of(msgspec.json.encode({"schema_version": 1, "observations": [run, concern]}))
