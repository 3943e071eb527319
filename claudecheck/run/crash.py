"""A bug of ours as an observation: where it is, and its traceback, redacted like everything that is recorded."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from claudecheck.failures import Failure, Stage
from claudecheck.observations import Crash
from claudecheck.probes.walk import Walk


def seen(stage: Stage, error: BaseException) -> Crash:
    return Crash(
        stage=stage,
        probe=_where(error),
        trace="".join(traceback.format_exception(error)),
        failure=Failure.CRASHED,
        error=repr(error),
    )


def contained(job: Callable[[], object], walk: Walk, stage: Stage) -> Callable[[], object]:
    """The job, whose crash is the failure of its own walk, a variation or a trial, and not the end of the run."""

    def run() -> object:
        try:
            return job()
        except Exception as error:  # whatever it is, the route's own verdict stands without this walk
            walk.record(seen(stage, error), walk.start())
            return None

    return run


def _where(error: BaseException) -> str:
    """The innermost place of ours in a traceback: function and line."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "unknown"
