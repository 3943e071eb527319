"""`claudecheck cure`: stdout holds the proved commands alone; evaluated, they mend the shell and are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from claudecheck.clients import claude_settings
from claudecheck.diagnosis import cures
from claudecheck.diagnosis.change import Change, Copied, Edited, Stripped
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import offer
from claudecheck.diagnosis.problems.remedy import Remedy
from claudecheck.observations import SetVariable
from claudecheck.render.cure import script
from claudecheck.report import Command, Report, Trial
from tests import doctor
from tests.cures.paste import installed, spoken
from tests.network_reports import HEALTHY, TLS_INTERCEPTED

PROFILES = {"sh": ".profile", "bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
GIVEN = Change(sets=(("GREETING", "it's \\1 fine"),), unsets=("HTTPS_PROXY",))
KEY = Change(sets=(("ANTHROPIC_API_KEY", Stripped("ANTHROPIC_API_KEY")),))
MOVED = Change(sets=(("ANTHROPIC_AUTH_TOKEN", Copied("ANTHROPIC_API_KEY")),), unsets=("ANTHROPIC_API_KEY",))
BEFORE = {"HTTPS_PROXY": "http://proxy:1", "ANTHROPIC_API_KEY": '"sk-ant-test"', "LANG": "C.UTF-8"}
SET = {name: [SetVariable(name=name)] for name in BEFORE}


def cured(change: Change, machine: Machine, *, proved: bool = True, before: str = "") -> Report:
    """The report of a run whose first fix makes that change, after a command where there is one."""
    first = (Command(shell="sh", line=before),) if before else ()
    made = offer(
        Remedy(text="Do it", change=change, commands=first), {}, msgspec.structs.replace(machine, variables=SET)
    )
    assert made is not None
    fix = msgspec.structs.replace(made.fix, tried=Trial(reached=proved, stage="models"))
    found = msgspec.structs.replace(TLS_INTERCEPTED.findings[0], fixes=[fix])
    return msgspec.structs.replace(TLS_INTERCEPTED, findings=[found], cure=cures.cure(found))


def evaluated(shell: str, lines: str, home: Path, then: str, variables: Mapping[str, str] = BEFORE) -> list[str]:
    """What `then` prints in a shell with that home which has read the lines."""
    file = home / "lines"
    file.write_text(lines)
    said = subprocess.run(
        [shell, "-c", f"{'source' if shell == 'fish' else '.'} {file}\n{then}"],
        env={"HOME": str(home), "PATH": f"{home}:/usr/bin:/bin", **variables},
        cwd=home, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    file.unlink()
    assert said.stderr == ""
    return said.stdout.splitlines()


# -- a start-up file -----------------------------------------------------------------------------------

TELL = 'printenv GREETING; printenv HTTPS_PROXY || echo "no proxy"'


@pytest.mark.parametrize("shell", installed())
def test_the_shell_that_evaluates_the_cure_is_mended_and_so_is_the_next_one_once(shell: str, tmp_path: Path) -> None:
    lines = script(cured(GIVEN, Machine(shell=spoken(shell))), keep=True)
    for _ in range(2):
        assert evaluated(shell, lines, tmp_path, TELL) == ["it's \\1 fine", "no proxy"]
    profile = (tmp_path / PROFILES[shell]).read_text()
    assert profile.count("# claudecheck cure ") == 1
    assert evaluated(shell, profile, tmp_path, TELL) == ["it's \\1 fine", "no proxy"]


@pytest.mark.parametrize("shell", installed())
def test_a_key_is_repaired_by_every_later_shell_and_never_written_down(shell: str, tmp_path: Path) -> None:
    lines = script(cured(KEY, Machine(shell=spoken(shell))), keep=True)
    tell = "printenv ANTHROPIC_API_KEY"
    assert evaluated(shell, lines, tmp_path, tell) == ["sk-ant-test"]
    profile = (tmp_path / PROFILES[shell]).read_text()
    assert "sk-ant" not in lines + profile
    assert evaluated(shell, profile, tmp_path, tell) == ["sk-ant-test"]


@pytest.mark.parametrize("shell", installed())
def test_a_later_shell_leaves_what_it_has_not(shell: str, tmp_path: Path) -> None:
    """A shell that is started by one which was mended has the token, and not the key that it was made of."""
    evaluated(shell, script(cured(MOVED, Machine(shell=spoken(shell))), keep=True), tmp_path, "true")
    profile = (tmp_path / PROFILES[shell]).read_text()
    tell = "printenv ANTHROPIC_AUTH_TOKEN; printenv ANTHROPIC_API_KEY || echo none"
    assert evaluated(shell, profile, tmp_path, tell) == ['"sk-ant-test"', "none"]
    assert evaluated(shell, profile, tmp_path, tell, {"ANTHROPIC_AUTH_TOKEN": "made"}) == ["made", "none"]


def test_two_cures_are_both_kept_and_the_later_one_counts(tmp_path: Path) -> None:
    for value in ("old", "new"):
        lines = script(cured(Change(sets=(("GREETING", value),)), Machine()), keep=True)
        evaluated("bash", lines, tmp_path, "true")
    assert evaluated("bash", (tmp_path / ".bashrc").read_text(), tmp_path, "printenv GREETING") == ["new"]


def test_what_is_made_first_is_made_once_and_not_by_every_shell(tmp_path: Path) -> None:
    lines = script(cured(GIVEN, Machine(), before="touch made"), keep=True)
    evaluated("sh", lines, tmp_path, "true")
    assert (tmp_path / "made").exists()
    assert "touch" not in (tmp_path / ".profile").read_text()


def test_a_variable_that_a_file_sets_again_is_not_kept_beside_that_file() -> None:
    places = [
        SetVariable(name="HTTPS_PROXY"),
        SetVariable(name="HTTPS_PROXY", kind="compose", file="compose.yaml", line=4),
    ]
    remedy = Remedy(text="Do it", change=Change(unsets=("HTTPS_PROXY",)))
    made = offer(remedy, {}, Machine(variables={"HTTPS_PROXY": places}))
    assert made is not None
    assert made.fix.lasting == []


# -- Claude Code's settings ----------------------------------------------------------------------------

CLAUDE_CODE = Machine(client="claude-code", python=sys.executable)


@pytest.mark.parametrize("shell", installed())
@pytest.mark.parametrize("moved", [False, True], ids=["at home", "CLAUDE_CONFIG_DIR"])
def test_claude_code_reads_the_change_from_its_settings_and_keeps_the_rest(
    shell: str, tmp_path: Path, *, moved: bool
) -> None:
    folder = tmp_path / ("elsewhere" if moved else ".claude")
    variables = {**BEFORE, **({"CLAUDE_CONFIG_DIR": str(folder)} if moved else {})}
    lines = script(cured(GIVEN, replace_shell(CLAUDE_CODE, shell)), keep=True)
    assert evaluated(shell, lines, tmp_path, TELL, variables) == ["it's \\1 fine", "no proxy"]
    file = folder / "settings.json"
    expected = {"GREETING": "it's \\1 fine", "HTTPS_PROXY": ""}
    assert json.loads(file.read_text()) == {"env": expected}
    assert not (folder / "settings.json.bak").exists()
    before = {"model": "ö", "env": {"OTHER": "1", "HTTPS_PROXY": "http://old:1"}, "hooks": {"Stop": []}}
    file.write_text(json.dumps(before))
    evaluated(shell, lines, tmp_path, "true", variables)
    after = json.loads(file.read_text())
    assert after == {**before, "env": {"OTHER": "1", **expected}}
    assert claude_settings.told_variables(after) == {"OTHER": "1", **expected}
    assert json.loads((folder / "settings.json.bak").read_text()) == before


def replace_shell(machine: Machine, shell: str) -> Machine:
    return msgspec.structs.replace(machine, shell=spoken(shell))


@pytest.mark.parametrize("text", ["{ broken", "[1]", '{"env": 7}'])
def test_settings_that_are_no_settings_stay_as_they_are(text: str, tmp_path: Path) -> None:
    file = tmp_path / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(text)
    lines = script(cured(GIVEN, CLAUDE_CODE), keep=True)
    ran = subprocess.run(
        ["sh", "-c", lines], env={**BEFORE, "HOME": str(tmp_path), "PATH": os.defpath}, check=False, timeout=30,
        capture_output=True,
    )  # fmt: skip
    assert ran.returncode != 0
    assert file.read_text() == text


@pytest.mark.parametrize(
    "change", [KEY, MOVED, Change(sets=(("HTTPS_PROXY", Edited("HTTPS_PROXY", "^https:", "http:")),))],
    ids=["a key", "a token", "a proxy with its password"],
)  # fmt: skip
def test_no_secret_is_written_into_the_settings(change: Change) -> None:
    lines = script(cured(change, CLAUDE_CODE), keep=True)
    assert "settings.json" not in lines
    assert ".profile" in lines


# -- a job of GitHub -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_in_a_job_of_github_the_repaired_key_is_kept_as_the_repository_s_secret(shell: str, tmp_path: Path) -> None:
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$*: $(cat)"\n')
    gh.chmod(0o755)
    job = Machine(ci=True, facts=frozenset({"github-actions"}))
    lines = script(cured(KEY, job), keep=True)
    assert evaluated(shell, lines, tmp_path, "true") == ["secret set ANTHROPIC_API_KEY: sk-ant-test"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["gh"]


def test_in_a_job_of_github_the_steps_that_follow_have_the_change(tmp_path: Path) -> None:
    told = tmp_path / "github-env"
    job = Machine(ci=True, facts=frozenset({"github-actions"}))
    evaluated("bash", script(cured(GIVEN, job), keep=True), tmp_path, "true", {**BEFORE, "GITHUB_ENV": str(told)})
    assert told.read_text() == "GREETING=it's \\1 fine\nHTTPS_PROXY=\n"


def test_where_gh_is_missing_it_is_not_called() -> None:
    job = Machine(ci=True, facts=frozenset({"github-actions"}), tools=frozenset({"curl"}))
    assert "gh" not in script(cured(KEY, job), keep=True).split()


# -- the command ---------------------------------------------------------------------------------------


def test_without_persist_nothing_is_written_but_the_commands() -> None:
    assert script(cured(GIVEN, Machine())) == ("export GREETING='it'\"'\"'s \\1 fine' &&\n  unset HTTPS_PROXY\n")


@pytest.mark.parametrize("report", [cured(GIVEN, Machine(), proved=False), HEALTHY], ids=["unproved", "healthy"])
def test_what_is_not_proved_is_not_printed(report: Report) -> None:
    assert script(report, keep=True) == ""


def test_the_report_goes_to_stderr_and_the_exit_code_is_the_verdict_s_where_nothing_was_proved(tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    broken = doctor.invoke("demo", "dns-name-not-found", "--no-message", "--json", "--python", doctor.PYTHON)
    saved.write_text(broken.out)
    ran = doctor.invoke("cure", "--replay", str(saved))
    assert (ran.out, ran.exit_code) == ("", 11)
    assert "dns-name-not-found" in ran.err
