"""Runs functions side by side on daemon threads with a bound. Knows nothing of what they do.

A native call such as `getaddrinfo` cannot be cancelled, only abandoned. A daemon thread that still
sits in one does not hold the process at exit; the worker of an executor or of an event loop does.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

#: On Windows a wait cannot be interrupted by Ctrl-C, so it is made of short ones.
_SLICE_S = 0.1


@dataclass(frozen=True)
class _Returned(Generic[T]):
    place: int
    value: T


@dataclass(frozen=True)
class _Raised:
    error: BaseException


class Started(Generic[T]):
    """Jobs that are running. What does not end while somebody waits for it is abandoned."""

    def __init__(self, jobs: Sequence[Callable[[], T]]) -> None:
        self._ends: queue.SimpleQueue[_Returned[T] | _Raised] = queue.SimpleQueue()
        self._running = len(jobs)
        for place, job in enumerate(jobs):
            name = f"side-by-side-{place}"
            threading.Thread(target=self._work, args=(place, job), name=name, daemon=True).start()

    def _work(self, place: int, job: Callable[[], T]) -> None:
        try:
            self._ends.put(_Returned(place, job()))
        except BaseException as error:  # whatever it is, it belongs to the caller
            self._ends.put(_Raised(error))

    @property
    def running(self) -> bool:
        """Some job's end has not been seen by anybody who waited."""
        return self._running > 0

    def wait(self, limit_s: float) -> None:
        """Until one job has ended, for at most `limit_s` seconds."""
        next(iter(self.finished(limit_s)), None)

    def finished(self, limit_s: float) -> Iterator[tuple[int, T]]:
        """The place and the result of each job as it ends, for at most `limit_s` seconds from now.

        An exception of a job is raised here. May be called again for those that were still running.
        """
        last = time.monotonic() + limit_s
        while self._running:
            end = self._next(last)
            if end is None:
                return
            self._running -= 1
            if isinstance(end, _Raised):
                raise end.error
            yield end.place, end.value

    def _next(self, last: float) -> _Returned[T] | _Raised | None:
        while True:
            left = last - time.monotonic()
            try:
                return self._ends.get(timeout=min(max(left, 0.0), _SLICE_S))
            except queue.Empty:
                if left <= 0:
                    return None


def hedged(
    attempt: Callable[[], T], patience_s: float, beside: Callable[[], object], limit_s: float
) -> tuple[T | None, Started[object] | None]:
    """The attempt's result, or None when it did not end within `limit_s` seconds; and what was started beside it.

    Where the attempt is still silent after `patience_s`, `beside` runs while it is waited for: silence then costs
    one attempt's time, and not two.
    """
    started = Started([attempt])
    for _, result in started.finished(patience_s):
        return result, None
    running = Started([beside])
    for _, result in started.finished(limit_s - patience_s):
        return result, running
    return None, running


def run(jobs: Sequence[Callable[[], T]], limit_s: float) -> list[T | None]:
    """All results in the order of the jobs; None where a job did not end within `limit_s` seconds."""
    results: list[T | None] = [None] * len(jobs)
    for place, value in Started(jobs).finished(limit_s):
        results[place] = value
    return results


def bounded(job: Callable[[], T], limit_s: float) -> T | None:
    """The job's result, or None when it did not end within `limit_s` seconds."""
    return run([job], limit_s)[0]
