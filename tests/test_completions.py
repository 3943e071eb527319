"""Completions: the shipped scripts are fresh, and the real shells complete options, faults and codes with them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer import completion

from tests import doctor

FOLDER = doctor.ROOT / "completions"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shipped_script_is_the_one_that_is_generated(shell: str) -> None:
    fresh = completion.get_completion_script(  # type: ignore[attr-defined]  # documented, not in __all__
        prog_name="claudecheck", complete_var="_CLAUDECHECK_COMPLETE", shell=shell
    )
    assert (FOLDER / f"claudecheck.{shell}").read_text(encoding="utf-8") == fresh + "\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A PATH on which `claudecheck` is the one of this checkout."""
    program = tmp_path / "claudecheck"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m claudecheck "$@"\n')
    program.chmod(0o755)
    found = doctor.clean_environment({"HOME": str(tmp_path), "TERM": "dumb"})
    return {**found, "PATH": f"{tmp_path}{os.pathsep}{found['PATH']}", "PYTHONPATH": str(doctor.ROOT)}


WANTED = [
    (["doctor", "--no-m"], "--no-message"),
    (["demo", "tls-inter"], "tls-intercepted"),
    (["explain", "proxy-auth-r"], "proxy-auth-required"),
]
#: What may come after a word is the program's answer, which bash has shown: a further shell shows its own script.
ONE_A_DAY = [WANTED[0], *(pytest.param(*one, marks=pytest.mark.slow) for one in WANTED[1:])]


@pytest.mark.parametrize(("words", "completed"), WANTED)
def test_bash_completes(words: list[str], completed: str, environment: dict[str, str]) -> None:
    line = " ".join(["claudecheck", *words])
    script = f"""
        source {FOLDER}/claudecheck.bash
        COMP_WORDS=({line}); COMP_CWORD={len(words)}; COMP_LINE='{line}'; COMP_POINT={len(line)}
        _claudecheck_completion claudecheck
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert completed in done.stdout.split()


@pytest.mark.parametrize(("words", "completed"), ONE_A_DAY)
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_completes(words: list[str], completed: str, environment: dict[str, str]) -> None:
    line = " ".join(["claudecheck", *words])
    script = f"source {FOLDER}/claudecheck.fish; complete -C '{line}'"
    done = subprocess.run(["fish", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert completed in done.stdout


@pytest.mark.parametrize(("words", "completed"), ONE_A_DAY)
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here")
def test_zsh_completes(words: list[str], completed: str, environment: dict[str, str]) -> None:
    # What the script evaluates is shown instead of handed to the line editor, which needs a terminal.
    script = f"""
        compdef() {{ : }}
        source {FOLDER}/claudecheck.zsh
        _arguments() {{ print -rl -- "$@" }}; _describe() {{ print -rl -- "$@" }}; _files() {{ : }}
        words=(claudecheck {" ".join(words)}); CURRENT={len(words) + 1}
        eval() {{ print -rl -- "$@" }}
        _claudecheck_completion
    """
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert completed in done.stdout, done.stderr
