"""`claudecheck run -- COMMAND`: the program sees what it would see without us, and is explained only when it fails."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from claudecheck.lab import Lab
from claudecheck.program.kind import Kind, kind_of
from claudecheck.program.streams import KEPT, Kept
from tests import doctor

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes and terminals of POSIX")

#: The part of `claudecheck run` that stands beside the program, without half a second of imports.
BESIDE = "import sys; from claudecheck.program import start; sys.exit(start.end_as(start.run(sys.argv[1:]).code))"
RUN = (sys.executable, "-c", BESIDE)
PYTHON = (sys.executable, "-S", "-c")
FAILS = """
import anthropic, sys
print("half of the answer")
anthropic.Anthropic(max_retries=0).models.list()
"""


def beside(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *words], text=True, check=False, cwd=doctor.ROOT, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


class Terminal:
    """A command in a terminal of its own, as a user has it."""

    pid: int
    screen: int
    shown = ""

    def __init__(self, words: Sequence[str], *, size: tuple[int, int] = (40, 100)) -> None:
        if sys.platform == "win32":
            raise NotImplementedError
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(doctor.ROOT)
            os.environ["CLAUDECHECK_TEST"] = "1"
            os.execv(words[0], list(words))
        self.resize(size)

    def resize(self, size: tuple[int, int]) -> None:
        if sys.platform == "win32":
            raise NotImplementedError
        import termios

        termios.tcsetwinsize(self.screen, size)

    def type(self, keys: bytes) -> None:
        os.write(self.screen, keys)

    def until(self, text: str, patience: float = 30) -> str:
        end = time.monotonic() + patience
        while text not in self.shown and time.monotonic() < end:
            if select.select([self.screen], [], [], 0.2)[0] and not self._more():
                break
        assert text in self.shown, self.shown
        return self.shown

    def ended(self) -> int:
        """As `os.waitstatus_to_exitcode` says it; everything is shown by then."""
        while self._more():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _more(self) -> bool:
        try:
            chunk = os.read(self.screen, 65536)
        except OSError:
            return False
        self.shown += chunk.decode()
        return bool(chunk)


# -- pipes and files ------------------------------------------------------------------------------


def test_each_stream_goes_where_it_went_and_the_code_is_the_programs() -> None:
    script = "import sys; print(sys.stdin.read()); print('e', file=sys.stderr); sys.exit(7)"
    ran = beside(*PYTHON, script, capture_output=True, input="typed")
    assert (ran.returncode, ran.stdout, ran.stderr) == (7, "typed\n", "e\n")


def test_two_streams_in_one_pipe_keep_their_order() -> None:
    script = "import os\nfor n in range(2000): os.write(1 + n % 2, b'%d\\n' % n)"
    ran = beside(*PYTHON, script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert ran.stdout.split() == [str(number) for number in range(2000)]


def test_a_file_is_written_by_the_program_itself_and_read_afterwards(tmp_path: Path) -> None:
    place = tmp_path / "errors.log"
    place.write_text("before\n")
    probe = "import os, sys; sys.stderr.write('%d:%d' % (os.fstat(2).st_dev, os.fstat(2).st_ino))"
    said = "import sys; from claudecheck.program import start; print(start.run(sys.argv[1:]).said)"
    with place.open("a") as file:
        ran = subprocess.run(
            [sys.executable, "-c", said, *PYTHON, probe], stdout=subprocess.PIPE, stderr=file, text=True, check=True,
            cwd=doctor.ROOT,
        )  # fmt: skip
    same = f"{place.stat().st_dev}:{place.stat().st_ino}"
    assert place.read_text() == f"before\n{same}"
    assert ran.stdout.strip() == repr(same.encode())


def test_descriptors_that_a_shell_handed_over_arrive() -> None:
    ran = subprocess.run(
        ["bash", "-c", '"$@" 7< <(echo handed)', "-", *RUN, "cat", "/dev/fd/7"],
        capture_output=True, text=True, check=False, cwd=doctor.ROOT,
    )  # fmt: skip
    assert ran.stdout == "handed\n"


def test_a_reader_that_has_seen_enough_ends_the_program_as_it_would_have() -> None:
    script = "import os\nwhile True: os.write(2, b'x' * 1000)"
    done = subprocess.run(
        ["bash", "-c", '{ "$@" 2>&1 >/dev/null; echo $? >&3; } 3>&2 | head -c 10', "-", *RUN, *PYTHON, script],
        capture_output=True, text=True, check=False, cwd=doctor.ROOT, timeout=60,
    )  # fmt: skip
    assert done.stdout == "x" * 10
    assert done.stderr.strip().splitlines()[-1] in ("1", "141")


def test_what_a_program_leaves_running_may_still_speak() -> None:
    ran = beside("bash", "-c", "(sleep 0.6; echo late >&2) & echo early >&2", stderr=subprocess.PIPE)
    assert (ran.returncode, ran.stderr) == (0, "early\nlate\n")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGSEGV"])
def test_a_program_that_a_signal_ended_is_followed(name: str) -> None:
    ran = beside("bash", "-c", f"kill -{name[3:]} $$", capture_output=True)
    assert ran.returncode == -getattr(signal, name)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_that_was_sent_to_us_reaches_the_program(name: str) -> None:
    script = (
        "import signal, sys, time; [signal.signal(one, lambda *_: sys.exit(33)) for one in (2, 15)]; "
        "print('up', flush=True); time.sleep(60)"
    )
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip("ignored where the tests were started, and so by what they start")
    process = subprocess.Popen(
        [*RUN, *PYTHON, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=doctor.ROOT,
        start_new_session=True,  # no terminal there
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=30)
    assert process.returncode == 33


def test_only_the_end_of_a_long_stream_is_kept() -> None:
    kept = Kept()
    for number in range(1000):
        kept.add(b"%06d " % number * 200)
    assert len(kept.text()) == KEPT
    assert kept.text().endswith(b"000999 ")
    assert kept.size < 2 * KEPT


# -- a terminal -----------------------------------------------------------------------------------


def test_in_a_terminal_the_program_has_a_terminal_of_its_size_and_the_order_stays() -> None:
    script = (
        "import os, sys, time\n"
        "print([os.isatty(n) for n in range(3)], [tuple(os.get_terminal_size(n)) for n in (1, 2)])\n"
        "sys.stdout.flush()\nfor n in range(300): os.write(1 + n % 2, b'%d\\n' % n)"
    )
    # The size is set once the terminal is open: the program starts after that.
    screen = Terminal(["/bin/sh", "-c", 'read x; exec "$@"', "-", *RUN, *PYTHON, script], size=(31, 97))
    screen.type(b"\n")
    assert screen.ended() == 0
    assert "[True, True, True] [(97, 31), (97, 31)]" in screen.shown
    assert [int(one) for one in re.findall(r"^(\d+)\r$", screen.shown, re.MULTILINE)] == list(range(300))


def test_a_terminal_that_changes_its_size_tells_the_program() -> None:
    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size(2), flush=True))\n"
        "print('ready', flush=True)\nfor _ in range(40): time.sleep(0.1)"
    )
    screen = Terminal([*RUN, *PYTHON, script])
    screen.until("ready")
    screen.resize((50, 123))
    assert "columns=123, lines=50" in screen.until("columns=123")
    screen.type(b"\x03")
    assert screen.ended() != 0


def test_ctrl_c_is_the_programs() -> None:
    script = (
        "import time\ntry:\n print('up', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n print('mine'); raise SystemExit(5)"
    )
    screen = Terminal([*RUN, *PYTHON, script])
    screen.until("up")
    screen.type(b"\x03")
    assert screen.ended() == 5
    assert "mine" in screen.shown
    assert "Traceback" not in screen.shown


def test_a_program_that_ctrl_c_ends_is_followed_by_us() -> None:
    screen = Terminal([*RUN, "/bin/sh", "-c", "echo up; sleep 60"])
    screen.until("up")
    screen.type(b"\x03")
    assert screen.ended() == -signal.SIGINT


def test_what_the_program_does_to_its_terminal_is_done_to_the_real_one() -> None:
    script = (
        "import os, sys, termios, tty\ntty.setcbreak(1)\nos.write(1, b'ready\\n')\n"
        "print('key', os.read(0, 1), flush=True)\nprint('echo' if termios.tcgetattr(0)[3] & termios.ECHO else 'silent')"
    )
    screen = Terminal([*RUN, *PYTHON, script])
    screen.until("ready")
    screen.type(b"k")  # without a line feed
    assert screen.ended() == 0
    assert "key b'k'" in screen.shown
    assert "silent" in screen.shown


# -- what is said ---------------------------------------------------------------------------------


def test_a_program_that_succeeds_is_not_spoken_of() -> None:
    ran = doctor.run("run", "--", *PYTHON, "print('ConnectionRefusedError: [Errno 111]')")
    assert (ran.exit_code, ran.out, ran.err) == (0, "ConnectionRefusedError: [Errno 111]\n", "")


def test_a_program_that_fails_for_its_own_reasons_is_left_alone() -> None:
    ran = doctor.run("run", "--", *PYTHON, "raise ValueError('no such colour')")
    assert ran.exit_code == 1
    assert ran.err.rstrip().endswith("ValueError: no such colour")


def test_a_program_that_cannot_reach_the_api_is_explained_and_its_route_is_walked() -> None:
    with Lab("tcp-refused") as lab:
        words = ["run", "--no-message", "--local-only", "--", sys.executable, "-c", FAILS]
        ran = doctor.run(*words, variables=lab.variables)
    assert ran.exit_code == 1
    assert ran.out == "half of the answer\n"
    _, traceback, page = ran.err.partition("anthropic.APIConnectionError: Connection error.")
    assert traceback
    assert "did not reach the API" in page
    assert "claudecheck doctor" in page
    assert "✗ tcp" in page
    assert "base-url-loopback" in page  # the lab stands on this machine
    assert page.rstrip().endswith("exit 10")


@pytest.mark.slow
def test_the_api_that_answered_is_explained_and_not_asked_again() -> None:
    with Lab("key-invalid") as lab:
        words = ["run", "--", sys.executable, "-c", FAILS]
        ran = doctor.run(*words, variables=lab.variables)
        asked = len(lab.requests)
    assert ran.exit_code == 1
    assert "key-invalid" in ran.err
    assert asked == 1


def test_a_report_is_written_in_any_case_when_ci_wants_one(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    with Lab("healthy") as lab:
        words = ["run", "--always-report", str(place), "--no-message", "--local-only", "--", *PYTHON, "print(1)"]
        ran = doctor.run(*words, variables={**lab.variables, "VIRTUAL_ENV": sys.prefix})
    assert (ran.exit_code, ran.out, ran.err) == (0, "1\n", "")
    assert json.loads(place.read_text(encoding="utf-8"))["status"] == "healthy"


@pytest.mark.parametrize(("word", "code"), [("no-such-program", 127), ("/etc/hostname", 126)])
def test_a_program_that_cannot_be_started_is_said_as_a_shell_would(word: str, code: int) -> None:
    ran = doctor.invoke("run", "--", word)
    assert ran.exit_code == code
    assert word in ran.err


def test_its_interpreter_is_found_by_name_or_by_its_first_line(tmp_path: Path) -> None:
    def script(first: str) -> str:
        place = tmp_path / f"tool{len(list(tmp_path.iterdir()))}"
        place.write_text(f"{first}\nprint()\n")
        place.chmod(0o755)
        return str(place)

    assert kind_of([sys.executable, "main.py"]) == Kind(python=sys.executable)
    assert kind_of([script(f"#!{sys.executable} -u")]) == Kind(python=sys.executable)
    assert kind_of([script("#!/usr/bin/env -S python3 -X dev")]).python is not None
    assert kind_of([script("#!/usr/bin/env node")]).client == "typescript"
    assert kind_of([script("#!/bin/sh"), "x"]) == Kind()
    assert kind_of(["curl", "-v"]).client == "curl"
    assert kind_of(["no-such-program"]) == Kind()
