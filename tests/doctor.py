"""Runs the real command line in a process of its own, against the embedded lab, as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from typer.testing import CliRunner

from claudecheck.cli.app import app
from claudecheck.machine.environment import without_clients

ROOT = Path(__file__).parent.parent
#: The interpreter of the tests has the SDK: it stands in for the user's virtual environment.
PYTHON = sys.executable


@cache
def validator() -> Any:
    schema = json.loads((ROOT / "claudecheck" / "render" / "report.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


@dataclass(frozen=True)
class Ran:
    """A finished run: its exit code and both streams."""

    exit_code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report, checked against the shipped schema."""
        report: dict[str, Any] = json.loads(self.out)
        validator().validate(report)
        return report


def clean_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without anything that decides a client's route."""
    kept = {
        name: value
        for name, value in without_clients(os.environ).items()
        if name not in ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE") and not name.startswith("GITHUB_")
    }
    return {**kept, "NO_COLOR": "1", **(variables or {})}


def run(
    *arguments: str, variables: Mapping[str, str] | None = None, timeout: float = 60, cwd: Path | None = None
) -> Ran:
    """`claudecheck ARGUMENTS` with `variables` over a clean environment."""
    done = subprocess.run(
        [sys.executable, "-m", "claudecheck", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=clean_environment(variables),
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def demo(fault: str, *arguments: str) -> Ran:
    return run("demo", fault, "--json", "--python", PYTHON, *arguments)


def invoke(*arguments: str, variables: Mapping[str, str] | None = None) -> Ran:
    """The same command line within this process: without half a second of imports, for tests by the hundred."""
    wanted = clean_environment(variables)
    change: dict[str, str | None] = {name: None for name in os.environ if name not in wanted}
    done = CliRunner().invoke(app, arguments, env=change | wanted)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)
