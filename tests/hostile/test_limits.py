"""A machine that has too little left: a verdict may become incomplete, and is never another cause, or a bug of ours."""

import errno
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.lab import Lab
from claudecheck.machine import child, environment
from claudecheck.probes import connect, system_errors
from claudecheck.report import Report
from claudecheck.run.examine import examine
from claudecheck.run.options import Options
from tests import doctor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no ulimit")
TIGHT = ["-n 6", "-n 8", "-n 10", "-n 14", "-n 20", "-n 32"]
TIGHT += [f"-v {kilobytes}" for kilobytes in (60_000, 90_000, 110_000, 130_000, 160_000, 200_000, 250_000, 300_000)]
QUICK = ("-n 8", "-v 130000")


def healthy_under(limit: str) -> None:
    """A healthy network, walked by a process that may have little: no traceback, no cause, nothing to install again."""
    with Lab("healthy") as lab:
        options = "doctor --json --local-only --no-message --timeout 60"
        told = doctor.clean_environment(lab.variables)
        script = f'ulimit {limit} || exit 99; exec "$0" -m claudecheck {options} --python "$0"'
        done = subprocess.run(
            ["/bin/sh", "-c", script, sys.executable],
            capture_output=True, text=True, env=told, timeout=120, check=False, cwd=doctor.ROOT,
        )  # fmt: skip
    if done.returncode == 99:
        pytest.skip(f"this system does not know ulimit {limit}")
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode == -signal.SIGABRT:  # a library in Rust, which ends the process where it gets no memory
        assert "memory allocation" in done.stderr
        return
    assert done.returncode in (0, 20, 12), (limit, done.returncode, done.stdout[-2000:], done.stderr)
    assert "sdk-broken" not in done.stdout
    assert done.returncode != 12 or '"tcp-local-limit"' in done.stdout


@pytest.mark.parametrize("limit", QUICK)
def test_a_tight_limit_is_not_called_a_broken_sdk(limit: str) -> None:
    healthy_under(limit)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [limit for limit in TIGHT if limit not in QUICK])
def test_no_tight_limit_is_called_anything_else(limit: str) -> None:
    healthy_under(limit)


# -- a run that its deadline does not end --------------------------------------------------------------

STUCK = """
import re, sys, threading
from claudecheck.run import interruption
from claudecheck.run import examine
interruption._GRACE_S = interruption._LAST_S = 0.2

def waits_for_good(*_):
    threading.Event().wait()

def hears_nothing(*_):
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass

def stays_in_native_code(*_):
    pow(7, 10**8)

examine.examine = globals()[sys.argv.pop(1)]
from claudecheck.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("stuck", "timeout", "ends"),
    [
        ("waits_for_good", "1", 20),
        pytest.param("hears_nothing", "1", 20, marks=pytest.mark.slow),
        # It must be there when the deadline comes, also where the machine is loaded.
        pytest.param("stays_in_native_code", "6", 1, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_does_not_notice_its_deadline_is_ended_all_the_same(stuck: str, timeout: str, ends: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK, stuck, "doctor", "--timeout", timeout],
        capture_output=True, text=True, timeout=60, check=False, cwd=doctor.ROOT,
        env=doctor.clean_environment({"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}),
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (ends, False), done.stderr
    assert stuck != "waits_for_good" or "did not end by its deadline" in done.stderr


# -- one system call after the other fails -----------------------------------------------------------


def report() -> Report:
    with Lab("healthy") as lab:
        options = Options(message=False, local_only=True, timeout_s=60, python=doctor.PYTHON)
        return diagnose(examine(options, environment.read(doctor.clean_environment(lab.variables)), Deadline(60)))


def fails(error: BaseException) -> Any:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


NOTHING_LEFT = [OSError(number, os.strerror(number)) for number in (errno.ENFILE, errno.ENOMEM, errno.EAGAIN)]
NOTHING_LEFT += [MemoryError(), RuntimeError("can't start new thread")]  # type: ignore[list-item]  # each is raised


@pytest.mark.parametrize("error", NOTHING_LEFT, ids=repr)
def test_without_the_means_for_a_child_the_run_is_incomplete(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child.Child, "__init__", fails(error))
    told = report()
    assert (told.status, told.exit_code, told.problem) in (("incomplete", 20, None), ("healthy", 0, None))
    assert "sdk-broken" not in [finding.code for finding in told.findings]


@pytest.mark.parametrize("error", NOTHING_LEFT, ids=repr)
def test_without_the_means_in_the_middle_the_run_is_incomplete(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "connect", fails(error))
    told = report()
    assert (told.status, told.exit_code, told.problem) == ("incomplete", 20, None)


@pytest.mark.parametrize(
    ("error", "ours"),
    [*((one, True) for one in NOTHING_LEFT), (ValueError("x"), False), (ConnectionRefusedError(111, "refused"), False)],
    ids=repr,
)
def test_what_is_a_limit_of_this_machine_is_told_by_the_error(error: BaseException, ours: bool) -> None:
    assert system_errors.is_local_limit(error) is ours


@pytest.mark.parametrize("number", [errno.ENFILE, errno.EMFILE, errno.ENOMEM, errno.ENOBUFS])
def test_a_socket_that_cannot_be_had_is_a_limit_of_this_machine(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses = {"socket": fails(OSError(number, os.strerror(number)))}
    monkeypatch.setattr(connect, "socket", SimpleNamespace(**{**vars(socket), **refuses}))
    told = report()
    assert told.problem in ("tcp-local-limit", None)
    assert told.status in ("failing", "incomplete")
    found = [seen for seen in told.observations if seen.failure is Failure.LOCAL_LIMIT]
    assert found or told.status == "incomplete"


@pytest.mark.slow
@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0, 3e9], ids=["a day on", "a day back", "a century on"])
@pytest.mark.parametrize("after", [1, 5, 20])
def test_a_clock_that_jumps_in_the_middle_is_no_cause(
    jump_s: float, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waits are measured by the clock that only goes on."""
    read, asked = time.time, itertools.count()
    monkeypatch.setattr(time, "time", lambda: read() + (jump_s if next(asked) >= after else 0.0))
    assert report().status in ("healthy", "degraded", "incomplete")


# -- who runs it, and where ----------------------------------------------------------------------------

ROOT_ONLY = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become others")


def within(*around: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """A healthy network, walked in these surroundings."""
    with Lab("healthy") as lab:
        options = ["doctor", "--json", "--local-only", "--no-message", "--timeout", "60"]
        options += ["--python", python] if python else []
        told = doctor.clean_environment(lab.variables)
        return subprocess.run(
            [*around, sys.executable, "-m", "claudecheck", *options],
            capture_output=True, text=True, env=told, timeout=120, check=False, cwd=doctor.ROOT,
        )  # fmt: skip


@ROOT_ONLY
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces")
@pytest.mark.parametrize(
    "prepared",
    ["umount -l /proc", "mount -o remount,bind,ro /", "mount -t tmpfs none /sys"],
)
def test_a_system_without_its_usual_places_is_walked_all_the_same(prepared: str) -> None:
    shell = f'mount --make-rprivate / && mount --bind / / && {prepared} && exec "$@"'
    done = within("unshare", "--mount", "sh", "-c", shell, "sh")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:]


@ROOT_ONLY
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes count for a user")
def test_a_user_who_may_start_nothing_more_gets_an_incomplete_run() -> None:
    """`ulimit -u` does not hold for root. The other user may read everything: this interpreter may be root's own."""
    reads = "+dac_read_search"
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = within(*other, f"--inh-caps={reads}", f"--ambient-caps={reads}", "prlimit", "--nproc=1", python="")
    assert done.returncode in (0, 20), (done.returncode, done.stdout[-2000:], done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_two_runs_at_once_do_not_disturb_each_other() -> None:
    with ThreadPoolExecutor(3) as three:
        ended = list(three.map(lambda _: within(), range(3)))
    assert [(done.returncode, done.stderr) for done in ended] == [(0, "")] * 3
