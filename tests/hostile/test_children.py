"""Child processes that print what nobody asked for, start others, or do not end: nothing of them is left."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.journal.deadline import Deadline
from claudecheck.machine import child, programs
from claudecheck.observations import Interpreter
from claudecheck.probes.senders import worker
from tests import doctor

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the children are shell scripts")
PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
KEY = "sk-ant-api03-" + "planted" * 5


def gone(pid: int) -> bool:
    """Within five seconds; a zombie that nobody has waited for is gone too."""
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def numbers_in(path: Path) -> list[int]:
    """The process numbers that a script has noted, once it has noted two."""
    for _ in range(500):
        found = path.read_text().split() if path.exists() else []
        if len(found) >= 2:
            return [int(number) for number in found]
        time.sleep(0.01)
    raise AssertionError("the script did not get that far")


def run(code: str, limit_s: float = 20.0, *, spare_others: bool = False) -> child.Ended:
    shell = ["/bin/sh", "-c", code]
    return child.run(shell, variables=os.environ, limit_s=limit_s, longest=1000, spare_others=spare_others)


# -- an interpreter whose own start-up code talks -----------------------------------------------------


def facts_of(folder: Path, start_up: str) -> Interpreter:
    (folder / "sitecustomize.py").write_text(start_up)
    variables = {**doctor.clean_environment(), "PYTHONPATH": str(folder)}
    return worker.facts(variables, doctor.PYTHON, Deadline(60))


TALK = {
    "json": 'print(\'{"event": "facts"}\'); print("[]"); print("7"); print(\'{"event": "ended"}\')',
    "half a line": 'import sys; sys.stdout.write("loading"); sys.stdout.flush()',
    "half a line of json": 'import os; os.write(1, b\'{"event": "facts", \')',
    "bytes": "import os; os.write(1, bytes(range(256)) * 100)",
    "a flood": 'import os; [os.write(1, b"x" * 65536) for _ in range(400)]; os.write(2, b"y" * 3_000_000)',
    "a line of nothing": 'import os; os.write(1, b"\\n" * 100_000)',
}


@pytest.mark.parametrize("start_up", TALK.values(), ids=TALK.keys())
def test_what_start_up_code_prints_is_neither_taken_for_facts_nor_kept(start_up: str, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        seen = facts_of(tmp_path, start_up)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen.ok, seen.error
    assert seen.python == ".".join(map(str, sys.version_info[:3]))
    assert peak < 8 << 20


def test_start_up_code_that_fails_is_quoted_with_its_last_words(tmp_path: Path) -> None:
    seen = facts_of(tmp_path, 'import os; os.write(2, b"y" * 300_000 + b"the end of it"); os._exit(3)')
    assert seen.error.startswith("it ended with status 3")
    assert seen.error.endswith("the end of it")
    assert len(seen.error) < 3000


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_line_is_an_event_or_none(line: bytes) -> None:
    assert worker.event_of(line, b"0123") is None
    event = worker.event_of(b"0123" + line, b"0123")
    assert event is None or event["event"] in worker.EVENTS


# -- whatever they start ------------------------------------------------------------------------------

STARTS_ANOTHER = "sleep 300 & echo $! $$ > {mark}; {then}"


@PROC
@pytest.mark.parametrize("then", ["exec sleep 300", "exit 0", "exec yes"], ids=["too slow", "ended", "too much"])
def test_what_a_child_has_started_ends_with_it(then: str, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    run(STARTS_ANOTHER.format(mark=mark, then=f"exec 3>&1 >/dev/null; {then} >&3"), limit_s=1.0)
    assert all(map(gone, numbers_in(mark)))


@PROC
def test_what_has_left_the_session_of_a_child_ends_with_it(tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    run(f"setsid sleep 300 & echo $! $$ > {mark}; exec sleep 300", limit_s=1.0)
    assert all(map(gone, numbers_in(mark)))


@PROC
def test_what_a_helper_has_left_running_stays_when_it_was_meant_to(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("not on Windows")
    mark = tmp_path / "pids"
    ended = run(f"sleep 300 >/dev/null 2>&1 & echo $! $$ > {mark}; echo key", spare_others=True)
    assert (ended.out, ended.status) == (b"key\n", 0)
    agent = numbers_in(mark)[0]
    os.kill(agent, signal.SIGKILL)  # it was still there


def test_a_child_that_does_not_read_what_it_is_told_holds_nobody() -> None:
    started = time.monotonic()
    ended = child.run(["/bin/sleep", "300"], b"x" * 1_000_000, variables=os.environ, limit_s=0.3, longest=1000)
    assert ended.status is None
    assert time.monotonic() - started < 60  # of 300


@PROC
@pytest.mark.parametrize("sign", ["SIGKILL", "SIGTERM"], ids=["KILL", "TERM"])
def test_when_we_are_killed_every_child_and_what_it_has_started_is(sign: str, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    code = f"""
import os
from claudecheck.machine import child
from claudecheck.probes.senders import worker
one = worker.Worker({doctor.PYTHON!r}, "own", os.environ)
one.wait(30)
command = ["/bin/sh", "-c", {STARTS_ANOTHER.format(mark=mark, then="exec sleep 300")!r}]
other = child.Child(command, variables=os.environ)
print(one._child.pid, flush=True)
other.status(300)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=doctor.ROOT) as ours:
        assert ours.stdout is not None
        pids = [int(ours.stdout.readline()), *numbers_in(mark)]
        ours.send_signal(signal.Signals[sign])
        ours.wait(timeout=20)
        assert all(map(gone, pids))


# -- what they are handed -----------------------------------------------------------------------------


def test_a_program_that_only_tells_its_version_is_not_handed_the_key(tmp_path: Path) -> None:
    for name in ("node", "curl"):
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n/usr/bin/env > {tmp_path}/{name}.env\necho v1.2.3\n")
        tool.chmod(0o755)
    variables = {"PATH": str(tmp_path), "ANTHROPIC_API_KEY": KEY, "AWS_SECRET_ACCESS_KEY": KEY, "HOME": str(tmp_path)}
    program, _ = programs._asked("node", variables, "--version")
    assert program is not None
    assert program.version == "1.2.3"
    assert KEY not in (tmp_path / "node.env").read_text()


@PROC
def test_the_guard_knows_nothing_of_the_environment() -> None:
    one = child.Child(["/bin/sleep", "300"], variables={"ANTHROPIC_API_KEY": KEY})
    try:
        shell = child._guard._shell
        assert shell is not None
        assert KEY.encode() not in Path(f"/proc/{shell.pid}/environ").read_bytes()
        assert KEY.encode() not in Path(f"/proc/{shell.pid}/cmdline").read_bytes()
    finally:
        one.end()
        for stream in (one.stdin, one.stdout, one.stderr):
            stream.close()


@pytest.mark.parametrize("tool", ["a NUL in a variable", "no such program"])
def test_a_child_that_cannot_be_started_says_why(tool: str) -> None:
    variables = {"A": "b\0c"} if "NUL" in tool else {}
    ended = child.run(["/nonexistent/tool"], variables=variables, limit_s=5, longest=1000)
    assert (ended.started, ended.status) == (False, None)
    assert ended.err
