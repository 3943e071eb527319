"""One in twenty of our own system calls fails: the run may be incomplete, and never comes to another cause."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from claudecheck.lab import Lab
from tests import doctor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="calls are replaced by a preloaded library"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here"),
]

SOURCE = Path(__file__).parent / "faulty_calls.c"
CALLS = {
    "sockets": "socket,connect,setsockopt,getsockopt,getpeername,getsockname",
    "traffic": "send,recv,sendto,recvfrom,poll",
    "files": "open,read",
    "pipes": "pipe,pipe2,fork,write",
}
ERRORS = ("ENFILE", "ENOMEM", "EINTR", "EACCES", "ECONNABORTED")
SEEDS = 1
#: Everything is imported first: an interpreter that cannot read its modules has not come to us yet.
RUN = """
import ctypes, sys
import claudecheck.cli.app, claudecheck.cli.doctor, claudecheck.run.examine, claudecheck.run.ladder
import claudecheck.run.trials
import claudecheck.probes.senders.python_sdk, claudecheck.diagnosis.verdict, claudecheck.render.machine, httpx, ssl
from claudecheck.__main__ import main
ctypes.CDLL(None).faulty_start()
sys.argv[1:] = ["doctor", "--json", "--local-only", "--timeout", "20", "--python", sys.executable]
main()
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("chaos") / "faulty_calls.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(built), str(SOURCE), "-ldl"], check=True)
    return built


def under(library: Path, calls: str, error: str, seed: int) -> str:
    """What was wrong with the run; empty when nothing was."""
    with Lab("healthy") as lab:
        chaos = {"LD_PRELOAD": str(library), "FAULTY_CALLS": calls, "FAULTY_ERRNO": str(getattr(errno, error))}
        variables = {**doctor.clean_environment(lab.variables), **chaos}
        done = subprocess.run(
            [sys.executable, "-c", RUN], env={**variables, "FAULTY_ONE_IN": "20", "FAULTY_SEED": str(seed)},
            capture_output=True, text=True, timeout=90, check=False, cwd=doctor.ROOT,
        )  # fmt: skip
    if "Traceback" in done.stderr or "bug" in done.stderr:
        return done.stderr
    try:
        report = json.loads(done.stdout)
    except ValueError:  # the report itself could not be written, which costs the exit code nothing
        return "" if done.returncode in (0, 20) else f"exit {done.returncode}: {done.stderr}"
    told = json.dumps([finding["seen"] for finding in report["findings"]])
    honest = report["problem"] in (None, "unknown", "tcp-local-limit") and (
        report["status"] != "failing" or os.strerror(getattr(errno, error)) in told
    )
    return "" if honest else f"{report['status']} {report['problem']}: {told}"


def all_runs(library: Path, calls: str) -> Iterator[tuple[str, str]]:
    names = [(error, seed) for error in ERRORS for seed in range(SEEDS)]
    with ThreadPoolExecutor(2) as two:
        results = two.map(lambda name: under(library, calls, *name), names)
        yield from ((f"{error}, seed {seed}", wrong) for (error, seed), wrong in zip(names, results, strict=True))


@pytest.mark.parametrize("kind", CALLS)
def test_failing_calls_of_ours_are_no_cause(kind: str, library: Path) -> None:
    """An operation takes several calls, so that one in twenty also fails when it is tried again: once, by chance."""
    wrong = {name: said for name, said in all_runs(library, CALLS[kind]) if said}
    assert not any("Traceback" in said or "bug" in said for said in wrong.values()), wrong
    assert len(wrong) <= 1, wrong


def test_the_library_that_fails_calls_does_fail_them(library: Path) -> None:
    code = "import ctypes, socket; ctypes.CDLL(None).faulty_start(); [socket.socket() for _ in range(500)]"
    chaos = {"FAULTY_CALLS": "socket", "FAULTY_ERRNO": str(errno.ENFILE), "FAULTY_ONE_IN": "20", "FAULTY_SEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "LD_PRELOAD": str(library), **chaos},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Too many open files in system" in done.stderr
