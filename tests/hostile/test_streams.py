"""Streams that are closed, full or left by their reader, and signals: the exit code stays the verdict's."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from claudecheck.cli import saving
from claudecheck.cli.progress import Progress
from claudecheck.journal.deadline import Deadline
from claudecheck.machine import reading
from tests import doctor

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell with >&-, and signals")

REFUSED = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_API_KEY": "sk-ant-api03-" + "x" * 40}
DOCTOR = f"doctor --local-only --no-message --timeout 5 --python {sys.executable}"
COMMANDS = {
    DOCTOR: 10, "explain tls-intercepted": 0, "schema": 0, "--help": 0, "--version": 0,
    "nonsense": 2, "doctor --nonsense": 2, "explain no-such-code.txt": 2,
}  # fmt: skip
STREAMS = [
    "2>&-", ">&-", "<&-", ">&- 2>&-", ">&- 2>&- <&-",
    ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "</dev/null >/dev/full 2>&-",
]  # fmt: skip


def shell(line: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        env=doctor.clean_environment(REFUSED),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def check(command: str, streams: str) -> None:
    code, out, err = shell(f"{sys.executable} -m claudecheck {command} {streams}")
    assert code == COMMANDS[command], err
    assert "Traceback" not in out + err
    assert "bug" not in err


@pytest.mark.parametrize("streams", [">&- 2>&- <&-", ">/dev/full 2>/dev/full"])
@pytest.mark.parametrize("command", ["schema", "doctor --nonsense"])
def test_a_closed_or_full_stream_changes_no_exit_code(command: str, streams: str) -> None:
    check(command, streams)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_closed_or_full_stream_changes_any_exit_code(command: str, streams: str) -> None:
    check(command, streams)


def test_a_reader_who_has_seen_enough_changes_no_exit_code_and_the_report_is_saved(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    code, _, err = shell(f"{sys.executable} -m claudecheck {DOCTOR} --save {place} | true; exit ${{PIPESTATUS[0]}}")
    assert (code, err) == (10, "")
    assert json.loads(place.read_text())["exit_code"] == 10


# -- saving ------------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    place.write_text("old")
    place.chmod(0o600)
    (tmp_path / "link").symlink_to(place)
    assert saving.save(tmp_path / "link", "new") == ""
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("new", 0o600)
    assert (tmp_path / "link").is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "report.json"]


def test_what_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    """The limit on a file's size stands in for a full disk: the write fails in the same place."""
    place = tmp_path / "report.json"
    place.write_text("old")
    program = (
        "import resource, signal, pathlib; from claudecheck.cli import saving\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"place, text = pathlib.Path('{place}'), 'new' * 9999\n"
        "print(saving.save(place, text), saving.add(place, text), sep='; ')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "File too large; File too large\n", done.stderr
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("report.json", "old")]


def test_what_is_no_file_is_written_to_and_not_waited_for(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("not on Windows")
    os.mkfifo(tmp_path / "pipe")
    assert saving.save(Path("/dev/null"), "text") == ""
    assert saving.save(Path("/dev/full"), "text") == "No space left on device"
    assert saving.save(tmp_path / "pipe", "text") == "No such device or address"
    assert saving.fault_of(tmp_path) == "it is a folder"
    assert saving.fault_of(tmp_path / ("a" * 300)) == "File name too long"
    assert saving.fault_of(Path("a\0b"))


# -- signals -----------------------------------------------------------------------------------------


def interrupted(number: signal.Signals, after_s: float | None) -> tuple[int, str, str]:
    """A doctor whose API answers nothing, and a signal so long after its start; None: once it has connected."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        variables = {**REFUSED, "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "claudecheck", *DOCTOR.replace("--timeout 5", "--timeout 20").split(), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=doctor.clean_environment(variables),
            start_new_session=True,
        )  # fmt: skip
        with contextlib.ExitStack() as held:
            if after_s is None:
                held.enter_context(silent.accept()[0])
            else:
                threading.Event().wait(after_s)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert not _left_of(process.pid)
        return process.returncode, out, err


def _left_of(session: int) -> list[int]:
    """Processes of the session that are still there, a moment later."""
    until = time.monotonic() + 3
    while True:
        left = []
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                left.append(int(entry.parent.name))
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)


@pytest.mark.parametrize(("name", "code", "cut"), [("SIGTERM", 143, "terminated"), ("SIGHUP", 129, "hung-up")])
def test_a_signal_ends_the_run_with_a_report_of_what_is_known(name: str, code: int, cut: str) -> None:
    returned, out, err = interrupted(signal.Signals[name], None)
    assert (returned, err) == (code, "")
    report = doctor.Ran(returned, out, err).report
    assert (report["exit_code"], report["status"]) == (code, "incomplete")
    assert report["observations"][-1]["cut"] == cut


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("moment", range(200))
def test_whenever_a_signal_comes_no_child_is_left_and_the_code_is_its_own(moment: int) -> None:
    if sys.platform == "win32":
        pytest.skip("not on Windows")
    number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[moment % 3]
    returned, _, err = interrupted(number, random.Random(moment).uniform(0, 4))
    assert returned == 128 + number or not _is_ours(err)


def _is_ours(err: str) -> bool:
    """Until Python runs our first line, the system's answer to a signal holds, or the interpreter's own traceback."""
    return "/claudecheck/" in err


def test_the_progress_line_obeys_no_escape_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    progress = Progress(shown, Deadline(60), environ={"COLUMNS": "200"})
    monkeypatch.setattr(Deadline, "elapsed_ms", lambda _: 9000.0)
    progress._steps.wait("dns", "\x1b]0;owned\x07")
    progress._replace(progress.line())
    assert "\\x1b]0;owned\\x07" in shown.getvalue()
    assert shown.getvalue().strip().isprintable()


@pytest.mark.parametrize("place", ["/dev/zero", "/", "/nonexistent.txt"])
def test_what_has_no_end_is_not_read_to_it(place: str) -> None:
    for command in (["explain", place], ["doctor", "--replay", place]):
        ran = doctor.invoke(*command)
        assert (ran.exit_code, ran.out) == (2, "")
        assert ran.err.count("\n") == 2


def test_a_pipe_without_a_writer_is_an_empty_text(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("not on Windows")
    os.mkfifo(tmp_path / "pipe")
    with reading.opened(tmp_path / "pipe") as pipe:
        assert pipe.read() == b""
