"""`claudecheck watch`: real walks again and again, and where they go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from claudecheck.lab import Lab
from tests import doctor
from tests.probe_peers import closed_port

WATCH = [sys.executable, "-m", "claudecheck", "watch", "--local-only", "--python", sys.executable]


def test_until_failure_ends_at_the_first_one_with_its_exit_code(tmp_path: Path) -> None:
    log, mark = tmp_path / "walks.jsonl", tmp_path / "mark"
    with Lab("tcp-refused") as lab:
        ran = doctor.run(
            "watch", "--every", "1s", "--until", "failure", "--local-only", "--python", sys.executable,
            "--log", str(log), "--on-change", f"echo $CLAUDECHECK_PROBLEM$ANTHROPIC_API_KEY > '{mark}'",
            variables=lab.variables,
        )  # fmt: skip
    (line,) = log.read_text(encoding="utf-8").splitlines()
    walked = json.loads(line)
    assert ran.exit_code == walked["report"]["exit_code"] != 0
    assert "1 of 1 walk failed" in ran.out
    assert mark.read_text() == f"{walked['problem']}\n"  # and no key, which no command of ours is handed


def test_until_healthy_ends_at_the_first_walk_that_gets_through() -> None:
    with Lab("healthy") as lab:
        options = ("--every", "1s", "--until", "healthy", "--local-only", "--python", sys.executable)
        ran = doctor.run("watch", *options, variables=lab.variables)
    assert ran.exit_code == 0
    assert "1 walk, and every one got through" in ran.out
    assert all(request.path != "/v1/messages" for request in lab.requests)  # the free stages only


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--every", "0s"], "not a time of at least one second"),
        (["--every", "²s"], "not a time of at least one second"),
        (["--for", "soon"], "not a time of at least one second"),
        (["--listen", "127.0.0.1:http"], "names no port"),
        (["--log", "/proc/x/x.jsonl"], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_first_walk(arguments: list[str], said: str) -> None:
    ran = doctor.invoke("watch", *arguments)
    assert (ran.exit_code, ran.out) == (2, "")
    assert said in ran.err


def test_metrics_are_served_and_ctrl_c_ends_with_the_summary(tmp_path: Path) -> None:
    port = closed_port()
    with Lab("healthy") as lab:
        command = [*WATCH, "--every", "1s", "--listen", str(port), "--log", str(tmp_path / "log")]
        watching = subprocess.Popen(
            command, env=doctor.clean_environment(lab.variables), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            end = time.monotonic() + 30
            page = ""
            while "claudecheck_up 1.0" not in page and time.monotonic() < end:
                try:
                    page = _get(port, "/metrics")
                except OSError:
                    time.sleep(0.05)
            assert _get(port, "/healthz") == "ok\n"
        finally:
            watching.send_signal(signal.SIGINT)
            out, _ = watching.communicate(timeout=20)
    assert 'claudecheck_stage_up{stage="tls"} 1.0' in page
    assert 'claudecheck_walks_total{status="healthy"}' in page
    assert "got through" in out or "failed" in out


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_walk_that_a_signal_cuts_is_no_failure_of_the_route(number: int, tmp_path: Path) -> None:
    """The second walk waits for an answer when the signal comes: one walk was made, and it got through."""
    log = tmp_path / "walks.jsonl"
    with Lab("healthy-slow") as lab:
        watching = subprocess.Popen(
            [*WATCH, "--every", "1s", "--log", str(log)],
            env=doctor.clean_environment(lab.variables), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        end = time.monotonic() + 60
        while len(lab.requests) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        watching.send_signal(number)
        out, _ = watching.communicate(timeout=30)
    assert "1 walk, and every one got through" in out
    assert watching.returncode == 0
    assert len(log.read_text(encoding="utf-8").splitlines()) == 1


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as page:
        return str(page.read().decode())


def test_a_command_on_change_holds_up_neither_a_walk_nor_the_end(tmp_path: Path) -> None:
    with Lab("healthy") as lab:
        started = time.monotonic()
        ran = doctor.run(
            "watch", "--every", "1s", "--for", "2s", "--local-only", "--on-change", "sleep 300",
            variables=lab.variables,
        )  # fmt: skip
    assert ran.exit_code == 0
    assert "still running" in ran.err
    assert time.monotonic() - started < 60


def test_a_log_that_is_a_pipe_nobody_reads_is_refused_at_once(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("named pipes")
    os.mkfifo(tmp_path / "log")
    ran = doctor.invoke("watch", "--log", str(tmp_path / "log"), "--for", "1s")
    assert ran.exit_code == 2
