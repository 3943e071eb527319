"""The streams of the user's program: passed on untouched, and what it last said on stderr kept for an explanation.

What stderr is decides, so that the program sees what it would have seen without us:

- a file: the program writes to it itself; what it wrote is read from the file afterwards.
- a terminal: the program gets a terminal of its own (a pty) of the same size and settings; whatever it changes there
  (raw mode, a full screen) is changed on the real one.
- a pipe: the program gets a pipe.
- anything else (a socket, /dev/null), or a system without these: the program writes to it itself; nothing is kept.

Where stdout is the same terminal or the same pipe, both go through the one that stands in, so that their order stays.
Where it is another, and stdin always, the program has it itself.
"""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Of the end of what the program said: a traceback and what led to it.
KEPT = 256 * 1024
_CHUNK = 64 * 1024
_OUT, _ERR = 1, 2


@dataclass
class Kept:
    """The end of a stream."""

    chunks: deque[bytes] = field(default_factory=deque)
    size: int = 0

    def add(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self.size += len(chunk)
        while self.size - len(self.chunks[0]) >= KEPT:
            self.size -= len(self.chunks.popleft())

    def text(self) -> bytes:
        return b"".join(self.chunks)[-KEPT:]


class Untouched:
    """The program writes to our stderr itself."""

    def __init__(self) -> None:
        self._start = _size_of_file(_ERR)

    def said(self) -> bytes | None:
        """What it has added to a file; None where nothing can be known."""
        return None if self._start is None else _added(self._start)


class Relay:
    """What stands in for stderr, and for stdout where that is the same: `theirs` is the program's end."""

    def __init__(self, ours: int, theirs: int, *, terminal: bool, both: bool) -> None:
        self.ours, self.theirs, self.terminal, self.both = ours, theirs, terminal, both
        self._kept = Kept()
        self._settings = _settings(ours) if terminal else None

    def pass_on(self) -> bool:
        """One chunk; False at the end, when nobody holds the other side any more or nobody reads ours."""
        try:
            chunk = os.read(self.ours, _CHUNK)
        except OSError:  # how a pty ends
            return False
        if not chunk:
            return False
        self._kept.add(chunk)
        if self.terminal:
            self._follow_settings()
        return _write(chunk)

    def resize(self) -> None:
        """The real terminal has another size now."""
        if self.terminal:
            _copy_size(_ERR, self.ours)

    def said(self) -> bytes:
        return self._kept.text()

    def close(self) -> None:
        os.close(self.ours)

    def _follow_settings(self) -> None:
        """What the program does to its terminal is meant for the real one: raw mode, no echo."""
        if sys.platform == "win32":
            raise NotImplementedError
        import termios

        now = _settings(self.ours)
        if now is None or now == self._settings:
            return
        self._settings = now
        wanted = list(now)
        real = _settings(_ERR)
        if real is not None:
            wanted[1] = real[1]  # output is processed once, by the real one
            try:
                termios.tcsetattr(_ERR, termios.TCSADRAIN, wanted)
            except (OSError, termios.error):  # the terminal has gone
                return


def open_streams() -> Relay | Untouched:
    """By what our own stderr is."""
    if sys.platform == "win32":
        return Untouched()
    try:
        err, out = os.fstat(_ERR), _status(_OUT)
    except OSError:  # stderr is closed
        return Untouched()
    both = out is not None and (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino)
    if os.isatty(_ERR):
        return _pty(both=both)
    if stat.S_ISFIFO(err.st_mode):
        ours, theirs = os.pipe()
        return Relay(ours, theirs, terminal=False, both=both)
    return Untouched()


def _pty(*, both: bool) -> Relay | Untouched:
    if sys.platform == "win32":
        raise NotImplementedError
    import termios

    settings = _settings(_ERR)
    if settings is None:
        return Untouched()
    ours, theirs = os.openpty()
    settings[1] &= ~termios.OPOST  # the real terminal turns line feeds into new lines, once
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    _copy_size(_ERR, ours)
    return Relay(ours, theirs, terminal=True, both=both)


def _settings(terminal: int) -> list[Any] | None:
    if sys.platform == "win32":
        raise NotImplementedError
    import termios

    try:
        return termios.tcgetattr(terminal)
    except (OSError, termios.error):
        return None


def _copy_size(source: int, target: int) -> None:
    if sys.platform == "win32":
        raise NotImplementedError
    import fcntl
    import termios

    try:
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * 8))
    except OSError:  # one of them has gone
        return


def _write(chunk: bytes) -> bool:
    """All of it to stderr, which a program may have switched to not waiting. False when nobody reads it any more."""
    import select

    rest = memoryview(chunk)
    while rest:
        try:
            rest = rest[os.write(_ERR, rest) :]
        except BlockingIOError:
            select.select([], [_ERR], [])
        except OSError:
            return False
    return True


def _status(descriptor: int) -> os.stat_result | None:
    try:
        return os.fstat(descriptor)
    except OSError:
        return None


def _size_of_file(descriptor: int) -> int | None:
    status = _status(descriptor)
    return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else None


def _added(start: int) -> bytes | None:
    """Through the descriptor's own name, because it may be open for writing alone."""
    try:
        with Path(f"/dev/fd/{_ERR}").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start if start <= size else 0, size - KEPT))
            return file.read(KEPT)
    except OSError:
        return None
