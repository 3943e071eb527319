"""Functions side by side: bounded, in order, and never in the way of the process's end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from claudecheck.probes import side_by_side


def test_results_come_in_the_order_of_the_jobs_and_none_stands_where_a_job_did_not_end() -> None:
    release = threading.Event()

    def held() -> str:
        release.wait(10)
        return "late"

    began = time.monotonic()
    results = side_by_side.run([held, lambda: "quick", lambda: "also"], 0.2)
    release.set()
    assert results == [None, "quick", "also"]
    assert time.monotonic() - began < 8  # of ten


def test_jobs_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=5)
    assert sorted(place or 0 for place in side_by_side.run([meeting.wait] * 3, 5)) == [0, 1, 2]


def test_an_exception_of_a_job_is_raised_in_the_caller() -> None:
    def fails() -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        side_by_side.bounded(fails, 5)


def test_jobs_that_were_still_running_can_be_waited_for_again() -> None:
    release = threading.Event()
    started = side_by_side.Started([lambda: "quick", lambda: str(release.wait(10))])
    assert list(started.finished(0.2)) == [(0, "quick")]
    release.set()
    assert list(started.finished(5)) == [(1, "True")]
    assert list(started.finished(5)) == []


def test_an_abandoned_getaddrinfo_does_not_hold_the_process_at_its_end() -> None:
    program = """
import socket, threading, time
from claudecheck.route import Route
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.probes.names import resolve
from claudecheck.probes.walk import Walk
socket.getaddrinfo = lambda *_: threading.Event().wait()
writer = JournalWriter(Deadline(0.3))
print(resolve.lookup(Walk(Route(), writer), "api.anthropic.com", 443))
print([seen.failure.value for seen in writer.journal().observations])
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.splitlines() == ["[]", "['cancelled', 'cancelled', 'cancelled']"]
