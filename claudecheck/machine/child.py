"""Child processes within bounds: what one is told, what it says, how it ends. Knows nothing of what it does.

Each child leads a session of its own, so that Ctrl-C is ours to answer and everything that it starts can
be ended with it. What it says is bounded while it is read. When this process ends, however that happens,
nothing of a child stays behind: here by `atexit`, and after a SIGKILL by the guard.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from claudecheck.journal.deadline import Deadline

#: How soon a cancelled run is noticed.
_SLICE_S = 0.1
_LONGEST_STDERR = 1 << 16
_MOST_BELOW = 1000
#: What a tool that tells something of this machine needs to find its files and its desktop: no credential.
_OF_TOOLS = {
    "PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "XDG_CURRENT_DESKTOP",
}  # fmt: skip


def for_tools(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that are handed to a program which needs no credential."""
    return {name: value for name, value in variables.items() if name.upper() in _OF_TOOLS}


# -- one child ---------------------------------------------------------------------------------------


class Child:
    """A running child and its three streams. Raises OSError or ValueError when it cannot be started."""

    def __init__(self, command: Sequence[str], *, variables: Mapping[str, str], folder: str = "") -> None:
        with _guard.starting() as watched:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(variables),
                cwd=folder or None,
                start_new_session=True,
            )
            self.pid = self._process.pid
            watched(self)
        self.stdin = cast("IO[bytes]", self._process.stdin)
        self.stdout = cast("IO[bytes]", self._process.stdout)
        self.stderr = cast("IO[bytes]", self._process.stderr)

    def status(self, wait_s: float) -> int | None:
        """Its exit status; None when it has not ended within `wait_s` seconds."""
        try:
            return self._process.wait(timeout=max(wait_s, 0.0))
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """With everything that it has started, also what has left its session (`setsid`) and still has its parent."""
        if sys.platform != "win32":
            started = _below(self.pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            for pid in started:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        self._process.kill()  # nothing happens to one that has ended

    def end(self, *, spare_others: bool = False) -> None:
        """Nothing of it is left; with `spare_others`, what it had started and left running when it ended stays."""
        if not spare_others or self._process.poll() is None:
            self.kill()
        self._process.wait()
        _guard.release(self)


def _below(pid: int) -> list[int]:
    """The processes that this one has started, and those that they have; none where the system does not tell."""
    found: list[int] = []
    due = [pid]
    while due and len(found) < _MOST_BELOW:
        tasks = Path(f"/proc/{due.pop()}/task")
        with contextlib.suppress(OSError, ValueError):
            for thread in tasks.iterdir():
                below = [int(number) for number in (thread / "children").read_text(encoding="ascii").split()]
                due += below
                found += below
    return found


class _Guard:
    """A small shell that outlives this process by an instant: at the end of its input it ends what still runs.

    It knows every group of processes by its number, and nothing of the environment. A parent-death signal
    would end a child with the thread that started it, and would spare what the child has started.
    """

    _SCRIPT = """
    groups=
    while read -r sign group; do
      kept=
      for one in $groups; do [ "$one" = "$group" ] || kept="$kept $one"; done
      groups=$kept
      [ "$sign" = + ] && groups="$groups $group"
    done
    for one in $groups; do kill -KILL "-$one"; done
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Child] = set()
        self._shell: subprocess.Popen[bytes] | None = None
        self._over = False
        atexit.register(self.end_all)

    @contextlib.contextmanager
    def starting(self) -> Iterator[Callable[[Child], None]]:
        """What starts a child calls what it is given as soon as it has one: nothing ends us in between.

        That holds for all but SIGKILL, for which a few microseconds remain.
        """
        with self._lock:
            if self._shell is None:
                self._shell = self._started()
            try:
                yield self._watch
            finally:
                self._end_unused()

    def _watch(self, child: Child) -> None:
        self._running.add(child)
        self._note("+", child)

    def release(self, child: Child) -> None:
        if self._over:
            return
        with self._lock:
            self._running.discard(child)
            self._note("-", child)
            self._end_unused()

    def _end_unused(self) -> None:
        if not self._running and self._shell is not None:
            shell, self._shell = self._shell, None
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                cast("IO[bytes]", shell.stdin).close()
                shell.wait(timeout=1.0)

    def end_all(self) -> None:
        """For good: the lock is not given back, so that a thread which is left starts no other."""
        self._over = True
        self._lock.acquire(timeout=1.0)
        for child in tuple(self._running):
            child.kill()

    def _started(self) -> subprocess.Popen[bytes] | None:
        if sys.platform == "win32":
            return None
        quiet = subprocess.DEVNULL
        try:
            return subprocess.Popen(
                ["/bin/sh", "-c", self._SCRIPT],
                stdin=subprocess.PIPE,
                stdout=quiet,
                stderr=quiet,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError:  # no shell here, or no process more: the children are ended by us alone
            return None

    def _note(self, sign: str, child: Child) -> None:
        if self._shell is None:
            return
        with contextlib.suppress(OSError, ValueError):
            stream = cast("IO[bytes]", self._shell.stdin)
            stream.write(f"{sign} {child.pid}\n".encode())
            stream.flush()


_guard = _Guard()


# -- what it says ------------------------------------------------------------------------------------


class Kept(threading.Thread):
    """Reads a stream to its end, and keeps the first `longest` bytes; more than that calls `full`, once."""

    def __init__(self, stream: IO[bytes], longest: int, full: Callable[[], None] = lambda: None) -> None:
        super().__init__(daemon=True)
        self.bytes = bytearray()
        self._stream, self._longest, self._full = stream, longest, full
        self.start()

    def run(self) -> None:
        with self._stream, contextlib.suppress(OSError, ValueError):
            while piece := self._stream.read1(65536):  # type: ignore[attr-defined]  # a pipe of Popen is buffered
                before = len(self.bytes)
                self.bytes += piece[: self._longest - before]
                if before < self._longest <= before + len(piece):
                    self._full()


class Tail(threading.Thread):
    """Reads a stream to its end, and keeps the last `longest` bytes."""

    def __init__(self, stream: IO[bytes], longest: int) -> None:
        super().__init__(daemon=True)
        self.bytes = b""
        self._stream, self._longest = stream, longest
        self.start()

    def run(self) -> None:
        with self._stream, contextlib.suppress(OSError, ValueError):
            while piece := self._stream.read1(65536):  # type: ignore[attr-defined]  # a pipe of Popen is buffered
                self.bytes = (self.bytes + piece)[-self._longest :]


# -- one that is told everything at once --------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """`status` is None when it did not end by itself: it was too slow, said too much, or never started."""

    out: bytes = b""
    err: str = ""
    status: int | None = None
    started: bool = True
    full: bool = False  # it said more than anybody would read
    cut: bool = False  # by the end of the run


def run(
    command: Sequence[str],
    said: bytes = b"",
    *,
    variables: Mapping[str, str],
    folder: str = "",
    deadline: Deadline | None = None,
    limit_s: float,
    longest: int,
    spare_others: bool = False,
) -> Ended:
    """Start it, write `said` to its stdin, and wait; it is ended at the limit, and when the run is cancelled.

    What it has started ends with it, unless `spare_others` and it has ended by itself.
    """
    deadline = deadline or Deadline(limit_s)
    try:
        child = Child(command, variables=variables, folder=folder)
    except (OSError, ValueError, RuntimeError, MemoryError, subprocess.SubprocessError) as error:
        return Ended(err=str(error), started=False)
    status = None
    try:
        threading.Thread(target=_say, args=(child.stdin, said), daemon=True).start()
        out, err = Kept(child.stdout, longest, child.kill), Kept(child.stderr, _LONGEST_STDERR)
        status = _wait(child, out, deadline, time.monotonic() + limit_s)
    except RuntimeError as error:  # no thread more
        return Ended(err=str(error), started=False)
    finally:
        child.end(spare_others=spare_others and status is not None)
    for pipe in (out, err):
        pipe.join(timeout=0.5)  # what the child has left running may hold it open
    full = len(out.bytes) >= longest
    text = bytes(err.bytes).decode("utf-8", "replace")
    return Ended(bytes(out.bytes), text, None if full else status, full=full, cut=status is None and deadline.over)


def _say(stream: IO[bytes], said: bytes) -> None:
    # OSError: it has ended before it had read everything; its status says so.
    with contextlib.suppress(OSError, ValueError), stream:
        stream.write(said)


def _wait(child: Child, out: Kept, deadline: Deadline, ends: float) -> int | None:
    """Its status; None when it was too slow. It ends when it closes its stdout, which is noticed at once."""
    while out.is_alive():
        left = min(ends - time.monotonic(), deadline.remaining())
        if left <= 0:
            return None
        out.join(timeout=min(left, _SLICE_S))
    return child.status(1.0)
