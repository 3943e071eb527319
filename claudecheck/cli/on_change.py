"""`watch --on-change COMMAND`: the user's command, run beside the walks when the state has changed."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping

from claudecheck.cli.output import aside, warn
from claudecheck.report import Report

#: Seconds for one command, and after the last walk for one that still runs; bytes of what it may say.
LIMIT_S, LAST_S, LONGEST = 60.0, 5.0, 65_536


class OnChange:
    """One command after the other, in the order of the changes: none of them holds up a walk, or the end for long."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._due: queue.Queue[Mapping[str, str] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run_all, name="on-change", daemon=True)
        self._thread.start()

    def take(self, report: Report) -> None:
        """It is told by variables what has changed, and gets none of this environment's credentials."""
        from claudecheck.machine.environment import without_clients

        told = {
            "CLAUDECHECK_STATUS": report.status,
            "CLAUDECHECK_LAYER": report.first_failing_layer or "",
            "CLAUDECHECK_PROBLEM": report.problem or "",
            "CLAUDECHECK_EXIT_CODE": str(report.exit_code),
        }
        self._due.put({**without_clients(os.environ), **told})

    def end(self) -> None:
        """What still runs then is ended with this process."""
        self._due.put(None)
        self._thread.join(timeout=LAST_S)
        if self._thread.is_alive():
            warn("--on-change: the last command was still running, and is ended")

    def _run_all(self) -> None:
        while (variables := self._due.get()) is not None:
            self._run(variables)

    def _run(self, variables: Mapping[str, str]) -> None:
        from claudecheck.machine import child

        shell = ["cmd.exe", "/d", "/s", "/c"] if os.name == "nt" else ["/bin/sh", "-c"]
        ended = child.run(
            [*shell, self._command], variables=variables, limit_s=LIMIT_S, longest=LONGEST, spare_others=True
        )
        if said := (ended.out.decode("utf-8", "replace") + ended.err):
            aside(said)
        if ended.status is None:
            warn(f"--on-change: ended after {LIMIT_S:g} s" if ended.started else f"--on-change: {ended.err}")
