"""Walks a route again and again. Knows neither screens nor files: what came of each walk is handed to the caller.

Walks begin at even distances on the clock that does not jump (`time.monotonic`); one that takes longer than the
distance puts the next one off, and none is made up for. A suspended machine wakes into the next walk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from claudecheck.clients.snapshot import Snapshot
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.report import Report
from claudecheck.run.examine import examine
from claudecheck.run.options import Options

#: Between two walks the wall clock and the monotonic one may differ by this much; more is a jump, or a machine asleep.
JUMP_S = 5.0


@dataclass(frozen=True)
class Walked:
    """One walk: its report, when it ended (UTC, ISO 8601), and by how many seconds the wall clock jumped before it."""

    report: Report
    at: str
    jumped_s: float = 0.0


@dataclass(frozen=True)
class Pace:
    """`every_s` between the beginnings of two walks; the last begins before `for_s` is over."""

    every_s: float
    for_s: float = float("inf")


def walks(options: Options, read: Callable[[], Snapshot], pace: Pace, stop: threading.Event) -> Iterator[Walked]:
    """Until the time is over or `stop` is set. `read` gives the environment anew for every walk: files may change.

    A Ctrl-C during a walk ends it as in the doctor, with what is known, and is the last one.
    """
    begun = time.monotonic()
    wall, steady = time.time(), begun
    number = 0
    while not stop.is_set():
        report = diagnose(examine(options, read()))
        jumped = (time.time() - wall) - (time.monotonic() - steady)
        wall, steady = time.time(), time.monotonic()
        yield Walked(report, now(), round(jumped, 1) if abs(jumped) > JUMP_S else 0.0)
        number = max(number + 1, int((time.monotonic() - begun) / pace.every_s))
        due = begun + number * pace.every_s
        if due - begun >= pace.for_s:
            return
        stop.wait(max(0.0, due - time.monotonic()))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
