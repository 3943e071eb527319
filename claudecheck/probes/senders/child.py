"""One child process within a limit: what it is told, what it says, how it ends. Knows nothing of what it does."""

from __future__ import annotations

import atexit
import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, cast

from claudecheck.journal.deadline import Deadline

#: How soon a cancelled run is noticed.
_SLICE_S = 0.1
_LONGEST_STDERR = 1 << 16


@dataclass(frozen=True)
class Ended:
    """`status` is None when it did not end by itself: it was too slow, said too much, or never started."""

    out: bytes = b""
    err: str = ""
    status: int | None = None
    started: bool = True


class _Pipe(threading.Thread):
    """Reads a stream to its end, and keeps the first `longest` bytes; more than that calls `full`."""

    def __init__(self, stream: IO[bytes], longest: int, full: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.kept = bytearray()
        self._stream, self._longest, self._full = stream, longest, full
        self.start()

    def run(self) -> None:
        with self._stream, contextlib.suppress(OSError, ValueError):
            while piece := self._stream.read1(65536):  # type: ignore[attr-defined]  # a pipe of Popen is buffered
                self.kept += piece[: self._longest - len(self.kept)]
                if len(self.kept) >= self._longest:
                    self._full()


def run(
    command: Sequence[str],
    said: bytes,
    *,
    variables: Mapping[str, str],
    folder: str,
    deadline: Deadline,
    limit_s: float,
    longest: int,
) -> Ended:
    """Start it, write `said` to its stdin, and wait; it is killed at the limit, and when the run is cancelled."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(variables),
            cwd=folder or None,
            start_new_session=True,  # Ctrl-C is ours to answer
        )
    except (OSError, ValueError) as error:
        return Ended(err=str(error), started=False)
    # The caller's thread is a daemon: at the end of ours nobody but this ends the child.
    atexit.register(process.kill)
    try:
        out, err = _talk(process, said, longest)
        status = _wait(process, out, deadline, time.monotonic() + limit_s)
    finally:
        process.kill()  # nothing happens to one that has ended
        process.wait()
        atexit.unregister(process.kill)
    for pipe in (out, err):
        pipe.join(timeout=0.5)  # a child of the child may hold it open
    full = len(out.kept) >= longest
    return Ended(bytes(out.kept), bytes(err.kept).decode("utf-8", "replace"), None if full else status)


def _talk(process: subprocess.Popen[bytes], said: bytes, longest: int) -> tuple[_Pipe, _Pipe]:
    out = _Pipe(cast("IO[bytes]", process.stdout), longest, process.kill)
    err = _Pipe(cast("IO[bytes]", process.stderr), _LONGEST_STDERR, lambda: None)
    # OSError: it has ended before it had read everything; its status says so.
    with contextlib.suppress(OSError), cast("IO[bytes]", process.stdin) as stdin:
        stdin.write(said)
    return out, err


def _wait(process: subprocess.Popen[bytes], out: _Pipe, deadline: Deadline, ends: float) -> int | None:
    """Its status; None when it was too slow. It ends when it closes its stdout, which is noticed at once."""
    while out.is_alive():
        left = min(ends - time.monotonic(), deadline.remaining())
        if left <= 0:
            return None
        out.join(timeout=min(left, _SLICE_S))
    try:
        return process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return None
