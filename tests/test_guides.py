"""docs/guides.md: every command on it runs, against a small API on this machine."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from claudecheck.lab import Lab
from tests import doctor

PAGE = (doctor.ROOT / "docs" / "guides.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
QUICK = COMMANDS[1:4]


def test_the_page_has_commands_for_every_place() -> None:
    assert len(COMMANDS) == len(set(COMMANDS)) == 14
    assert all(command.startswith("claudecheck ") for command in COMMANDS)


@pytest.mark.parametrize(
    "command", [pytest.param(one, marks=() if one in QUICK else (pytest.mark.slow,)) for one in COMMANDS]
)
def test_a_command_of_the_guides_runs(command: str, tmp_path: Path) -> None:
    with Lab("healthy") as lab:
        variables = {**lab.variables, "VIRTUAL_ENV": sys.prefix, "HOME": str(tmp_path)}
        ran = doctor.run(*shlex.split(command)[1:], variables=variables, cwd=tmp_path)
    assert ran.exit_code == 0, ran.out + ran.err
    assert "Traceback" not in ran.err
    if "--output" in command and ":" in command:
        assert any(place.stat().st_size for place in tmp_path.iterdir() if place.is_file())
