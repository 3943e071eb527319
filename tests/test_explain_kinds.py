"""What real people bring, kind by kind: code beside words, other programs' results, relays, other clouds, settings."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import claudecheck
from claudecheck.explanation import Explanation, explain_text
from claudecheck.render import schemas
from claudecheck.render.explanation import render_text, to_json
from tests import doctor
from tests.explain_bench import graded

Golden = Callable[[str | Path, str], None]
KINDS = Path(__file__).parent / "explain_cases" / "kinds.jsonl"
KEY = "sk-ant-api03-Ab3dEf7hIj1lMn5pQr9tUv3xYz7BcDeFgHiJk-AbCdEfGh"


def cases() -> list[Any]:
    return [json.loads(line) for line in KINDS.read_text(encoding="utf-8").splitlines()]


def advice(found: Explanation) -> str:
    """What is said and advised: not the lines that the text itself held."""
    fixes = [part for fix in found.fixes for part in (fix.text, *(command.line for command in fix.commands))]
    return "\n".join([found.title, found.cause, *fixes])


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_what_people_bring_is_answered(case: dict[str, Any]) -> None:
    (grade,) = graded([case])
    found, said = grade.found, advice(grade.found)
    assert grade.first, found.problem
    assert grade.layer, found.layer
    assert [word for word in case.get("says", []) if word not in said] == []
    assert [word for word in case.get("never", []) if word in said] == []
    assert set(case.get("also", [])) <= {other.code for other in found.alternatives}
    assert found.reached_api is case.get("reached", found.reached_api)
    assert found.confidence == "low" or not case.get("unsure")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_no_command_of_an_answer_has_a_hole(case: dict[str, Any]) -> None:
    found = explain_text(case["text"])
    lines = [command.line for fix in found.fixes for command in fix.commands]
    assert not [line for line in lines if "<" in line and ">" in line.partition("<")[2] and "<<" not in line], lines


def test_the_host_that_a_text_does_not_name_is_not_said() -> None:
    assert "api.anthropic.com" not in advice(explain_text("connect ECONNREFUSED"))
    assert "api.anthropic.com" in advice(explain_text("connect to api.anthropic.com port 443: Connection refused"))


# -- settings ----------------------------------------------------------------------------------------

ENV = f"""# for the bot
ANTHROPIC_API_KEY={KEY}
ANTHROPIC_BASE_URL=https://gw.example/v1   # the gateway
"""
COMPOSE = f"""services:
  bot:
    image: bot
    environment:
      - ANTHROPIC_API_KEY="{KEY}"
"""
SETTINGS = """{
  "env": {
    "HTTPS_PROXY": "socks5://127.0.0.1:1080"
  }
}"""
CI = """jobs:
  ask:
    env:
      ANTHROPIC_API_KEY: ${{ secrets.KEY }}
      NO_PROXY: "localhost,fe80::/10"
"""
KUBERNETES = """apiVersion: v1
spec:
  containers:
    - name: bot
      env:
        - name: ANTHROPIC_API_KEY
          valueFrom: {secretKeyRef: {name: claude, key: key}}
        - name: ANTHROPIC_BASE_URL
          value: gw.corp.example/anthropic
"""


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (ENV, "base-url-path", 3),
        (COMPOSE, "key-malformed", 5),
        (SETTINGS, "proxy-scheme-unsupported", 3),
        (CI, "no-proxy-invalid", 5),
        (KUBERNETES, "base-url-invalid", 9),
    ],
    ids=["env", "compose", "settings.json", "ci", "kubernetes"],
)
def test_settings_are_judged_by_the_clients_rules_with_the_line_that_is_wrong(text: str, code: str, line: int) -> None:
    found = explain_text(text)
    assert (found.problem, found.confidence, found.first_line) == (code, "high", line)
    assert found.evidence[0].line == line
    assert found.reached_api is None
    assert KEY not in str(found) + to_json(found) + render_text(found, width=100, colour=False, unicode=True)


def test_settings_that_no_client_objects_to_are_said_to_be_in_order() -> None:
    found = explain_text(f"ANTHROPIC_API_KEY={KEY}{'Qw7Zt2Lp' * 7}AA\nANTHROPIC_BASE_URL=https://gw.example\n")
    assert (found.problem, found.name) == (None, "no problem")
    assert found.secret_seen


def test_an_error_beside_the_setting_that_causes_it_leads_to_the_setting() -> None:
    error = 'API Error: 404 {"error":"not found"}'
    assert explain_text(error).problem == "not-the-api"
    found = explain_text(f"{error}\n$ env | grep ANTHROPIC\nANTHROPIC_BASE_URL=https://gw.example/v1\n")
    assert (found.problem, found.evidence[0].line) == ("base-url-path", 3)
    assert "https://gw.example" in advice(found)


@pytest.mark.slow
def test_routes_reads_a_file_of_settings_and_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "bot.env"
    path.write_text("HTTPS_PROXY=htp://proxy.example:8080\n")
    told = json.loads(doctor.run("routes", "--json", "--env-file", str(path)).out)
    Draft202012Validator(schemas.schema("routes")).validate(told)
    assert {"proxy-scheme-unsupported"} == {one["code"] for one in told["objections"] if "curl" in one["clients"]}
    assert {(one["file"], one["line"]) for one in told["objections"]} == {(str(path), 1)}
    missing = doctor.run("routes", "--env-file", str(tmp_path / "none"))
    assert (missing.exit_code, missing.out) == (2, "")


# -- what is typed -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("401", "key-invalid"),
        ("529", "api-overloaded"),
        ("ETIMEDOUT", "tcp-timeout"),
        ("Connection error.", "unknown"),
        ("certificate", "points at tls"),
        ("curl: (60) SSL certificate problem", "tls-intercepted"),
    ],
)
def test_the_words_of_an_error_can_be_typed(words: str, shown: str) -> None:
    ran = doctor.run("explain", words)
    assert ran.exit_code == 0
    assert shown in ran.out


@pytest.mark.parametrize(
    ("words", "says"),
    [("tls-intercept", "did you mean tls-intercepted?"), ("log/app.log", "log/app.log"), (" ", "nothing to explain")],
)
def test_a_misspelled_code_or_a_file_that_is_not_there_is_no_text(words: str, says: str) -> None:
    ran = doctor.run("explain", words)
    assert (ran.exit_code, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
@pytest.mark.parametrize("pasted", [b"getaddrinfo ENOTFOUND a.example\n\x04", b"getaddrinfo ENOTFOUND a.example\x04"])
def test_at_a_terminal_the_text_ends_at_the_first_end_of_file(pasted: bytes) -> None:
    if sys.platform == "win32":
        pytest.skip("not on Windows")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "claudecheck", "explain", "-"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        os.close(theirs)
        assert process.stderr is not None
        assert "Ctrl-D" in process.stderr.readline()  # it asks before it reads
        os.write(ours, pasted)
        out, _ = process.communicate(timeout=30)
        os.close(ours)
    assert "dns-name-not-found" in out


# -- schemas -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_shipped_schema_is_the_one_of_the_types(name: str, golden: Golden) -> None:
    golden(Path(claudecheck.__file__).parent / "render" / f"{name}.schema.json", schemas.schema_text(name))
    Draft202012Validator.check_schema(schemas.schema(name))


def test_an_explanation_fits_its_schema() -> None:
    validator = Draft202012Validator(schemas.schema("explain"))
    for case in cases()[::10]:
        validator.validate(msgspec.json.decode(to_json(explain_text(case["text"]))))
    told = msgspec.json.decode(to_json(explain_text("x")))
    assert next(iter(told)) == "schema_version"
    assert not validator.is_valid({**told, "schema_version": 2})


def test_a_schema_that_is_not_there_is_refused_with_those_that_are() -> None:
    ran = doctor.run("schema", "nothing")
    assert ran.exit_code == 2
    assert "explain, routes" in ran.err


def test_a_thousand_prompts_and_frames_cost_no_more_than_their_length() -> None:
    started = time.perf_counter()
    explain_text(("$ curl -s https://api.anthropic.com\n" + '  File "a.py", line 1, in f\n' * 3) * 1000)
    assert time.perf_counter() - started < 20
