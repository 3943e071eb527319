"""The command line as a user meets it: bad input, pipes, interruptions, saved reports, and streams."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from claudecheck.lab import Lab
from tests import doctor

ESCAPE = "\x1b"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["doctor", "--timeout", "soon"], "--timeout"),
        (["doctor", "--timeout", "0"], "--timeout"),
        (["doctor", "--python", "/there/is/no/python"], "/there/is/no/python"),
        (["doctor", "--replay", "nowhere.json"], "nowhere.json"),
        (["doctor", "--save", "/there/is/no/folder/report.json"], "/there/is/no/folder"),
        (["doctor", "--save", "/"], "folder"),
        (["doctor", "--fromat", "json"], "--fromat"),
        (["demo", "dns-name-not-fuond"], "dns-name-not-found"),
        (["doctr"], "doctr"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_two(arguments: list[str], says: str) -> None:
    ran = doctor.invoke(*arguments)
    assert ran.exit_code == 2
    assert ran.out == ""
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_a_process_of_its_own_says_the_same(tmp_path: Path) -> None:
    """The tests above run within this one: here is what only `__main__` sees of them."""
    none = tmp_path / "none.json"
    none.write_text("[1, 2")
    for arguments, says in ((("doctr",), "doctr"), (("doctor", "--replay", str(none)), str(none))):
        ran = doctor.run(*arguments)
        assert (ran.exit_code, ran.out) == (2, "")
        assert says in ran.err
        assert "Traceback" not in ran.err


def test_a_saved_report_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for text in ("not json", "{}", '{"schema_version": 99, "observations": []}', "[1, 2", "\xff\xfe"):
        path = tmp_path / "a report.json"
        path.write_text(text, encoding="latin-1")
        ran = doctor.invoke("doctor", "--replay", str(path))
        assert ran.exit_code == 2, text
        assert str(path) in ran.err
        assert "Traceback" not in ran.err


def test_help_and_version_say_what_they_should() -> None:
    assert doctor.run("--version").out.startswith("claudecheck ")
    for command in ("doctor", "demo", "explain", "schema"):
        shown = doctor.invoke(command, "--help")
        assert shown.exit_code == 0
        assert shown.err == ""
    assert "doctor" in doctor.run("--help").out


def test_the_schema_command_prints_the_shipped_file() -> None:
    shipped = (doctor.ROOT / "claudecheck" / "render" / "report.schema.json").read_text(encoding="utf-8")
    assert json.loads(doctor.invoke("schema").out) == json.loads(shipped)


def test_a_saved_report_is_diagnosed_again_offline_with_the_same_verdict(tmp_path: Path) -> None:
    path = tmp_path / "with a blank" / "report.json"
    path.parent.mkdir()
    first = doctor.demo("tls-expired", "--no-message", "--save", str(path))
    assert json.loads(path.read_text(encoding="utf-8")) == first.report
    again = doctor.invoke("doctor", "--replay", str(path), "--json")
    assert again.exit_code == first.exit_code
    for field in ("status", "problem", "first_failing_layer", "reached_api", "findings", "stages"):
        assert again.report[field] == first.report[field]


def test_a_model_that_is_refused_is_told_from_a_key_that_is_refused_by_asking_another_model() -> None:
    with Lab("healthy") as lab:
        arguments = ["--json", "--local-only", "--model", "claude-none", "--python", doctor.PYTHON]
        report = doctor.run("doctor", *arguments, variables=lab.variables).report
    assert (report["problem"], report["exit_code"]) == ("model-not-available", 16)
    other = next(tried for tried in report["variations"] if tried["changed"] == "model")
    assert (other["from"], other["reached"]) == ("claude-none", True)
    assert report["billed"]["messages"] == 1
    assert f"the model {other['to']} instead of claude-none: 200 message" in report["findings"][0]["seen"]


def test_a_pipe_gets_neither_colour_nor_progress() -> None:
    ran = doctor.run("demo", "dns-refused", "--no-message", "--python", doctor.PYTHON, variables={"NO_COLOR": ""})
    assert ESCAPE not in ran.out + ran.err
    assert ran.err == ""


def test_a_stream_that_knows_only_ascii_gets_only_ascii() -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    ran = doctor.run("demo", "dns-refused", "--no-message", "--python", doctor.PYTHON, variables=ascii_only)
    assert ran.out.isascii()
    assert "XX" in ran.out


def test_a_narrow_terminal_keeps_its_width_and_its_commands_whole() -> None:
    ran = doctor.invoke("demo", "proxy-refused", "--no-message", "--python", doctor.PYTHON, variables={"COLUMNS": "46"})
    prose = [line for line in ran.out.splitlines() if not line.startswith("    ") and "/" not in line]
    assert max(map(len, prose)) <= 46


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m claudecheck demo --list | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        env=doctor.clean_environment(),
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing on Windows")
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_prints_what_is_known_and_exits_with_130() -> None:
    with Lab("response-timeout") as lab:
        process = subprocess.Popen(
            [sys.executable, "-m", "claudecheck", "doctor", "--json", "--local-only", "--python", doctor.PYTHON],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=doctor.clean_environment(lab.variables),
        )
        patience = time.monotonic() + 30
        while not lab.requests and time.monotonic() < patience:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    ran = doctor.Ran(process.returncode, out, err)
    assert ran.exit_code == 130
    assert err == ""
    assert ran.report["status"] == "incomplete"
    assert {row["name"]: row["status"] for row in ran.report["stages"]}["tls"] == "pass"


def test_the_answer_comes_when_the_deadline_does() -> None:
    ran = doctor.demo("response-timeout", "--timeout", "2")
    assert ran.exit_code == 20
    assert ran.report["status"] == "incomplete"
    assert ran.report["duration_ms"] < 8000  # the machine may be loaded; without a deadline it is thirty seconds


def test_a_message_that_was_left_out_is_never_shown_as_a_pass() -> None:
    report = doctor.demo("healthy", "--no-message").report
    assert report["status"] == "healthy"
    last = report["stages"][-1]
    assert (last["name"], last["status"], last["skipped_because"]) == ("messages", "skip", "option")
    assert report["billed"] == {"messages": 0, "input_tokens": 0, "output_tokens": 0}


def test_without_a_key_the_route_is_proved_all_the_same() -> None:
    report = doctor.demo("key-missing").report
    rows = {row["name"]: row["status"] for row in report["stages"]}
    assert rows == {
        "environment": "fail", "dns": "pass", "tcp": "pass", "tls": "pass",
        "proxy": "pass", "models": "pass", "messages": "skip",
    }  # fmt: skip
    assert report["reached_api"] is True
    assert re.fullmatch(r"req_\w+", report["request_id"])


def test_the_markdown_and_short_forms_carry_the_verdict() -> None:
    for form in ("markdown", "short"):
        ran = doctor.invoke("demo", "tcp-refused", "--no-message", "--format", form, "--python", doctor.PYTHON)
        assert ran.exit_code == 12
        assert "tcp-refused" in ran.out


def test_an_interpreter_in_this_folder_is_that_one_and_not_one_of_path(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    with Lab("healthy") as lab:
        options = ("doctor", "--json", "--local-only", "--no-message", "--python", "./python3")
        ran = doctor.run(*options, variables=lab.variables, cwd=tmp_path)
    assert "./python3" in ran.out
    assert ran.exit_code in (0, 10)  # a bare link knows no SDK
