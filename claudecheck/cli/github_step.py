"""What a step of GitHub Actions gets beside the log: annotations, its summary, its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claudecheck.cli import saving
from claudecheck.cli.output import aside, warn
from claudecheck.report import Report


def is_step(environ: Mapping[str, str]) -> bool:
    """GitHub's runner, or one that does as it does (Gitea, Forgejo, act)."""
    return environ.get("GITHUB_ACTIONS") == "true"


def fill(report: Report, environ: Mapping[str, str], *, annotate: bool) -> None:
    """Annotations go to stderr, which the runner reads too: stdout carries the report and nothing else."""
    from claudecheck.render import github

    if annotate:
        aside(github.workflow_commands(report))
    if place := environ.get("GITHUB_STEP_SUMMARY"):
        _add(place, github.summary(report, github.LARGEST_SUMMARY - _size(place)))
    if place := environ.get("GITHUB_OUTPUT"):
        _add(place, "".join(f"{name}={value}\n" for name, value in github.step_outputs(report).items()))


def _size(place: str) -> int:
    """Of what the step has written before."""
    try:
        return Path(place).stat().st_size
    except OSError:
        return 0


def _add(place: str, text: str) -> None:
    if why := saving.add(Path(place), text):
        warn(f"cannot write {place}: {why}")
