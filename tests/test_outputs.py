"""`--output FORMAT[:FILE]`: one report in many forms, and what contradicts itself is refused before the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claudecheck.render.machine import to_json
from tests import doctor
from tests.network_reports import HEALTHY, TLS_INTERCEPTED


@pytest.fixture
def failing(tmp_path: Path) -> str:
    path = tmp_path / "failing.json"
    path.write_text(to_json(TLS_INTERCEPTED), encoding="utf-8")
    return str(path)


@pytest.fixture
def healthy(tmp_path: Path) -> str:
    path = tmp_path / "healthy.json"
    path.write_text(to_json(HEALTHY), encoding="utf-8")
    return str(path)


def test_one_run_writes_many_forms_and_prints_the_text(failing: str, tmp_path: Path) -> None:
    files = {form: tmp_path / f"report.{form}" for form in ("json", "markdown", "short", "text")}
    wanted = [word for form, path in files.items() for word in ("--output", f"{form}:{path}")]
    ran = doctor.invoke("doctor", "--replay", failing, *wanted, variables={"FORCE_COLOR": "1", "NO_COLOR": ""})
    assert ran.exit_code == 13
    assert "\x1b" in ran.out
    assert json.loads(files["json"].read_text(encoding="utf-8"))["problem"] == "tls-untrusted-issuer"
    for path in files.values():
        assert "tls-untrusted-issuer" in path.read_text(encoding="utf-8")
        assert "\x1b" not in path.read_text(encoding="utf-8")


def test_a_form_without_a_file_takes_the_place_of_the_text(failing: str) -> None:
    asked = (["--output", "json"], ["--output", "json:-"], ["--json"], ["--format", "json"])
    printed = {doctor.invoke("doctor", "--replay", failing, *words).out for words in asked}
    assert len(printed) == 1
    assert json.loads(printed.pop())["exit_code"] == 13


def test_lines_of_json_are_added_to_their_file(failing: str, healthy: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for report in (failing, healthy, failing):
        doctor.invoke("doctor", "--replay", report, "--output", f"jsonl:{log}")
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["exit_code"] for line in lines] == [13, 0, 13]


@pytest.mark.parametrize(
    ("words", "says", "fix"),
    [
        (["--output", "jsn"], "'jsn'", "did you mean json?"),
        (["--output", "pdf:x"], "'pdf'", "one of: text json"),
        (["--output", "json:"], "names no file", "--output json:FILE"),
        (["--output", "json", "--output", "short"], "json and short", "--output short:FILE"),
        (["--json", "--output", "markdown"], "json and markdown", "--output markdown:FILE"),
        (["--output", "json:/there/is/no/folder/x"], "/there/is/no/folder", "a folder of yours"),
    ],
)
def test_what_cannot_be_is_refused_before_the_run(words: list[str], says: str, fix: str, failing: str) -> None:
    ran = doctor.invoke("doctor", "--replay", failing, *words)
    assert (ran.exit_code, ran.out) == (2, "")
    assert says in ran.err
    assert fix in ran.err


def test_quiet_prints_nothing_unless_something_is_wrong(failing: str, healthy: str) -> None:
    assert doctor.invoke("doctor", "--replay", healthy, "-q").out == ""
    assert "tls-untrusted-issuer" in doctor.invoke("doctor", "--replay", failing, "-q").out


def test_verbose_leaves_nothing_out(failing: str) -> None:
    report = json.loads(doctor.invoke("doctor", "--replay", failing, "--json").out)
    page = doctor.invoke("doctor", "--replay", failing, "-v", variables={"COLUMNS": "120"}).out
    assert all(fix["text"][:40] in page for fix in report["findings"][0]["fixes"])
    assert len(report["findings"][0]["fixes"]) > 2


def test_two_forms_are_not_written_to_one_file(tmp_path: Path) -> None:
    place = tmp_path / "report"
    ran = doctor.invoke("doctor", "--output", f"json:{place}", "--output", f"junit:{tmp_path}/./report")
    assert (ran.exit_code, place.exists()) == (2, False)
