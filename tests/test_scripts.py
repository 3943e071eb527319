"""docs/scripts.md, claim by claim, and the doors of the command line and of the library."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
import time
from pathlib import Path

import pytest

import claudecheck
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.lab import Lab
from claudecheck.render.machine import from_json
from claudecheck.render.printed import printed
from tests import doctor
from tests.network_reports import TLS_INTERCEPTED

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

PAGE = (doctor.ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
HERE = {"VIRTUAL_ENV": sys.prefix}


def rows(report: dict[str, object]) -> dict[str, str]:
    return {row["name"]: row["skipped_because"] or row["status"] for row in report["stages"]}  # type: ignore[attr-defined]


# -- the page -------------------------------------------------------------------------------------


def test_every_command_of_the_page_runs_without_a_terminal_and_prints_one_thing(tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = block.splitlines()
    assert len(commands) == 5
    with Lab("healthy") as lab:
        for command in commands:
            ran = doctor.run(*shlex.split(command)[1:], variables={**lab.variables, **HERE}, cwd=tmp_path)
            assert (ran.exit_code, ran.err) == (0, ""), command
            if "--json" in command or "schema" in command:
                assert isinstance(json.loads(ran.out), dict)
    (line,) = (tmp_path / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["exit_code"] == 0


def test_the_exit_code_in_the_json_is_that_of_the_process() -> None:
    with Lab("key-invalid") as lab:
        ran = doctor.run("doctor", "--json", "--no-message", "--timeout", "20", variables={**lab.variables, **HERE})
    assert ran.exit_code == ran.report["exit_code"] == 15
    assert ran.report["billed"]["messages"] == 0
    for code in re.findall(r"`(\d+)`", PAGE):
        assert f"| {code} |" in (doctor.ROOT / "README.md").read_text(encoding="utf-8") or 10 < int(code) < 17


def test_the_fields_that_the_page_names_are_in_the_schema() -> None:
    schema = json.loads(doctor.invoke("schema").out)
    assert {"exit_code", "billed", "route", "cure", "findings", "schema_version"} <= set(schema["properties"])
    parts = schema["$defs"]
    assert {"commands", "proved"} == set(parts["Cure"]["properties"])
    assert {"fixes", "owner"} <= set(parts["Finding"]["properties"])
    assert "credential_fingerprint" in parts["RouteView"]["properties"]


# -- --only and --skip ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "walked", "requests"),
    [
        (["--only", "environment"], ["environment", "proxy"], 0),
        (["--only", "dns"], ["environment", "dns", "proxy"], 0),
        (["--only", "tls"], ["environment", "dns", "tcp", "tls", "proxy"], 0),
        (["--skip", "models"], ["environment", "dns", "tcp", "tls", "proxy"], 0),
        (["--skip", "messages"], ["environment", "dns", "tcp", "tls", "proxy", "models"], 1),
        (["--only", "models"], ["environment", "dns", "tcp", "tls", "proxy", "models"], 1),
    ],
)
def test_what_is_left_out_is_not_sent_and_is_no_pass(words: list[str], walked: list[str], requests: int) -> None:
    with Lab("healthy") as lab:
        ran = doctor.invoke("doctor", *words, "--json", "--local-only", variables={**lab.variables, **HERE})
        asked = len(lab.requests)
    assert ran.exit_code == 0
    assert asked == requests
    left = {name: because for name, because in rows(ran.report).items() if name not in walked}
    assert set(left.values()) <= {"option", "route"}  # the lab's name may be an address
    assert rows(ran.report)["messages"] == "option"


# -- doctor URL -----------------------------------------------------------------------------------


def test_a_url_is_walked_to_and_gets_no_key_but_the_one_that_is_named() -> None:
    with Lab("healthy") as lab:
        url = lab.variables["ANTHROPIC_BASE_URL"]
        elsewhere = {name: value for name, value in lab.variables.items() if name != "ANTHROPIC_BASE_URL"}
        words = ["--json", "--no-message", "--local-only"]
        for given in ([url], ["--base-url", url]):
            bare = doctor.invoke("doctor", *given, *words, variables={**elsewhere, **HERE})
            assert bare.report["route"]["url"] == url
            assert bare.report["route"]["credential"] == "none"
        named = doctor.invoke("doctor", url, *words, "--key-env", "ANTHROPIC_API_KEY", variables={**elsewhere, **HERE})
        assert named.report["route"]["credential"] == "api-key"
        same = doctor.invoke("doctor", url, *words, variables={**lab.variables, **HERE})
        assert same.report["route"]["credential"] == "api-key"


@pytest.mark.parametrize("url", ["ftp://x", "", "https://", "https://api.anthropic.com:99999"])
def test_what_is_no_url_is_refused(url: str) -> None:
    ran = doctor.invoke("doctor", url)
    assert (ran.exit_code, ran.out) == (2, "")
    assert "--base-url" in ran.err


# -- help, version, list --------------------------------------------------------------------------


def test_help_is_where_people_look_for_it() -> None:
    assert doctor.invoke("-V").out == doctor.invoke("--version").out == f"claudecheck {claudecheck.__version__}\n"
    assert doctor.invoke("help").out == doctor.invoke("--help").out
    assert (
        doctor.invoke("help", "doctor").out.split("Options:")[1]
        == doctor.invoke("doctor", "-h").out.split("Options:")[1]
    )
    wrong = doctor.invoke("help", "docter")
    assert (wrong.exit_code, wrong.out) == (2, "")
    assert "did you mean doctor?" in wrong.err


def test_every_problem_is_listed_with_its_layer() -> None:
    lines = doctor.invoke("explain", "--list").out.splitlines()
    assert [line.split()[1] for line in lines] == list(CATALOGUE)
    assert [line.split()[0] for line in lines] == [problem.layer for problem in CATALOGUE.values()]


# -- the library ----------------------------------------------------------------------------------


def test_a_report_is_readable_and_comes_back_from_its_json() -> None:
    report = printed(TLS_INTERCEPTED)
    assert isinstance(report, claudecheck.Report)
    assert "tls-intercepted" in str(report)
    assert len(str(report).splitlines()) == 1
    assert from_json(report.to_json()) == TLS_INTERCEPTED


def test_an_explanation_is_readable_and_has_its_json() -> None:
    found = claudecheck.explain("ConnectionRefusedError: [Errno 111] Connection refused")
    assert isinstance(found, claudecheck.Explanation)
    assert json.loads(found.to_json())["problem"] == found.problem
    assert str(found).startswith(str(found.problem))


def test_what_is_not_there_is_said_as_python_says_it() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Repport'"):
        _ = claudecheck.Repport


def test_beside_an_event_loop_it_does_not_hold_the_loop() -> None:
    async def both() -> tuple[claudecheck.Report, int]:
        ticks = 0
        with Lab("healthy") as lab:
            environ = doctor.clean_environment({**lab.variables, **HERE})
            url = environ.pop("ANTHROPIC_BASE_URL")
            walk = asyncio.create_task(
                claudecheck.adiagnose(
                    base_url=url, key_env="ANTHROPIC_API_KEY", message=False, local_only=True, environ=environ
                )
            )
            while not walk.done():
                await asyncio.sleep(0.01)
                ticks += 1
            return await walk, ticks

    report, ticks = asyncio.run(both())
    assert (report.status, report.route.credential) == ("healthy", "api-key")
    assert ticks > 5


def test_beside_an_event_loop_a_wrong_option_is_raised_and_a_walk_can_be_given_up() -> None:
    with pytest.raises(ValueError, match="no such option"):
        asyncio.run(claudecheck.adiagnose(timeout=0))

    async def given_up() -> float:
        with Lab("response-timeout") as lab:
            environ = doctor.clean_environment({**lab.variables, **HERE})
            begin = time.monotonic()
            walk = claudecheck.adiagnose(message=False, local_only=True, environ=environ, timeout=30)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(walk, 0.5)
            return time.monotonic() - begin

    assert asyncio.run(given_up()) < 10
