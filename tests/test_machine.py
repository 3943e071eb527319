"""The JSON report: it can be read again, and its schema accepts it and nothing that breaks a promise."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

import claudecheck
from claudecheck.diagnosis.archive import journal_of
from claudecheck.failures import LeftOut
from claudecheck.observations import Skipped
from claudecheck.render.machine import from_json, schema, schema_text, to_json
from claudecheck.report import Report
from tests.network_reports import HEALTHY, IPV6_BROKEN, TLS_INTERCEPTED
from tests.reports import KEY_MISSING, REPORTS

Golden = Callable[[str | Path, str], None]
VALIDATOR = Draft202012Validator(schema())

ORDER = [
    "schema_version",
    "tool",
    "started_at",
    "duration_ms",
    "status",
    "reached_api",
    "first_failing_layer",
    "problem",
    "exit_code",
    "request_id",
    "answered_by",
    "billed",
    "route",
    "stages",
    "findings",
    "variations",
    "cure",
    "label",
    "policy",
    "observations",
]


def built(report: Report) -> dict[str, Any]:
    return dict(json.loads(to_json(report)))


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_fits_the_schema_and_comes_back_as_it_was(name: str) -> None:
    VALIDATOR.validate(built(REPORTS[name]))
    assert from_json(to_json(REPORTS[name])) == REPORTS[name]


def test_the_shipped_schema_is_the_one_of_the_types(golden: Golden) -> None:
    golden(Path(claudecheck.__file__).parent / "render" / "report.schema.json", schema_text())


def test_the_schema_is_a_valid_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert json.loads(schema_text()) == schema()


def test_the_keys_stand_in_the_documented_order() -> None:
    assert list(built(TLS_INTERCEPTED)) == ORDER
    assert schema()["required"] == list(schema()["properties"]) == ORDER
    assert list(built(TLS_INTERCEPTED)["variations"][0]) == ["changed", "from", "to", "outcome", "reached", "decided"]


def test_every_field_of_the_top_level_is_described() -> None:
    assert all(field["description"] for field in schema()["properties"].values())


@pytest.mark.parametrize(
    ("report", "change"),
    [
        (TLS_INTERCEPTED, {"problem": None}),
        (TLS_INTERCEPTED, {"first_failing_layer": None}),
        (TLS_INTERCEPTED, {"findings": []}),
        (TLS_INTERCEPTED, {"exit_code": 12}),
        (TLS_INTERCEPTED, {"exit_code": 0}),
        (TLS_INTERCEPTED, {"status": "broken"}),
        (TLS_INTERCEPTED, {"answered_by": "nobody"}),
        (TLS_INTERCEPTED, {"duration_ms": -1}),
        (TLS_INTERCEPTED, {"schema_version": 2}),
        (TLS_INTERCEPTED, {"request_id": "req_1"}),
        (HEALTHY, {"problem": "tls-intercepted"}),
        (HEALTHY, {"exit_code": 1}),
        (HEALTHY, {"started_at": "today"}),
        (HEALTHY, {"findings": built(IPV6_BROKEN)["findings"]}),
        (IPV6_BROKEN, {"findings": []}),
        (IPV6_BROKEN, {"findings": built(KEY_MISSING)["findings"]}),
        (REPORTS["incomplete"], {"exit_code": 11}),
    ],
)
def test_a_report_that_breaks_a_promise_does_not_fit_the_schema(report: Report, change: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(built(report) | change)


def test_a_row_says_why_it_was_skipped_and_only_then() -> None:
    rows = TLS_INTERCEPTED.stages
    assert not VALIDATOR.is_valid(built(replace(TLS_INTERCEPTED, stages=[replace(rows[5], skipped_because=None)])))
    assert not VALIDATOR.is_valid(
        built(replace(TLS_INTERCEPTED, stages=[replace(rows[0], skipped_because=LeftOut.DNS)]))
    )


def test_a_host_that_an_older_version_recorded_as_a_stage_is_read() -> None:
    report = built(HEALTHY)
    report["observations"] += [
        {"op": "skipped", "stage": "client:host:updates:downloads.claude.ai", "because": "DISABLE_UPDATES"}
    ]
    [skipped] = journal_of(json.dumps(report)).all(Skipped)
    assert (skipped.stage, skipped.host, skipped.variable) == ("environment", "downloads.claude.ai", "DISABLE_UPDATES")


def test_fields_that_a_later_version_added_are_left_out() -> None:
    later = built(TLS_INTERCEPTED)
    later["mood"] = "fine"
    later["findings"][0]["weight"] = 3
    later["observations"][0]["moon"] = "full"
    VALIDATOR.validate(later)
    assert from_json(json.dumps(later)) == TLS_INTERCEPTED


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("\ud800", "not JSON"),
        ("[]", "not a claudecheck report"),
        ('{"a": 1}', "not a claudecheck report"),
        ('{"schema_version": 2, "anything": []}', "schema_version 2"),
        ('{"schema_version": 1}', "missing required field `tool`"),
        ('{"schema_version": "1"}', "can read"),
        (to_json(HEALTHY).replace('"status": "healthy"', '"status": "sick"', 1), "'sick'"),
        (to_json(HEALTHY).replace('"op": "tls-handshake"', '"op": "quic"'), "'quic'"),
    ],
)
def test_what_is_not_a_report_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refusal:
        from_json(text)
    assert type(refusal.value) is ValueError
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


@given(text=st.text(max_size=200))
def test_any_text_survives_and_none_can_move_a_cursor(text: str) -> None:
    report = replace(
        TLS_INTERCEPTED, findings=[replace(TLS_INTERCEPTED.findings[0], seen=[text, text + "\x9b\u202e\\"])]
    )
    written = to_json(report)
    assert from_json(written) == report
    assert not any(character in written for character in "\x1b\x9b\u202e\u200f")


def test_the_machine_formats_are_ready_without_rich() -> None:
    code = "import sys, claudecheck.render.machine; sys.exit(bool({'rich', 'httpx', 'jsonschema'} & set(sys.modules)))"
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=30, check=False).returncode == 0
