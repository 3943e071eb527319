"""The one way in which files of this machine are read: nothing raises but MemoryError, and nothing waits for long.

What is read is chosen by variables and files of others, so it may be anything: a path longer than a path may be, a
folder that may not be searched, a pipe without a writer, a file of the kernel's, a home on a server that is gone.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

T = TypeVar("T")

LARGEST_TEXT = 64 * 1024
#: Seconds for one look at the file system. Where one is stuck, the others are too, as a rule: they get less.
LIMIT_S, _LIMIT_BESIDE_STUCK_S = 1.0, 0.05
#: A folder that holds more than that holds no configuration.
_MOST_NAMES = 10_000
_PIECE = 64 * 1024
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)
#: What says nothing of the file: this process may have no more.
_NOTHING_LEFT = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)
#: Opening a pipe waits for its other end, and reading some files of the kernel waits for news.
_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_stuck: set[threading.Thread] = set()


def patiently(read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns; `otherwise` when it raises or does not come back in time. It is left to itself then.

    `MemoryError`: this process has too little left to look, so that nothing is known of the file.
    """
    found: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            found.append(read())
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="reading", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the user may start no more threads
        run()
    else:
        for other in [one for one in _stuck if not one.is_alive()]:
            _stuck.discard(other)
        thread.join(_LIMIT_BESIDE_STUCK_S if _stuck else LIMIT_S)
        if thread.is_alive():
            _stuck.add(thread)
            return otherwise
    if found:
        return found[0]
    # A thread that ended before it came to our first line had no memory for that.
    if not failed or nothing_left(failed[0]):
        raise MemoryError
    return otherwise


def nothing_left(error: Exception) -> bool:
    """The memory or the descriptors of this process have run out."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _NOTHING_LEFT)


def fault_of(error: Exception) -> str:
    """Why a path could not be looked at; empty when there simply is nothing."""
    if isinstance(error, OSError) and error.errno not in _NOT_THERE:
        return error.strerror or type(error).__name__
    return ""  # ValueError: a NUL in the name, which no file has


def content(path: str | Path, most: int) -> bytes | None:
    """At most so many bytes of a regular file; None when they cannot be had."""
    return patiently(lambda: _content(path, most), None)


def opened(path: str | Path) -> BinaryIO:
    """A file or a pipe to read to its end, as a stream. `OSError`: it cannot be had, or has no end.

    A pipe that nobody writes to is empty; one whose writer is slow is waited for, as `cat` does.
    """
    descriptor = os.open(path, _AT_ONCE)
    kind = os.fstat(descriptor).st_mode
    if sys.platform != "win32" and stat.S_ISFIFO(kind):
        os.set_blocking(descriptor, True)
    elif not stat.S_ISREG(kind) and not (stat.S_ISCHR(kind) and os.isatty(descriptor)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file" if not stat.S_ISDIR(kind) else os.strerror(errno.EISDIR))
    return os.fdopen(descriptor, "rb")


def text(path: str | Path, most: int = LARGEST_TEXT) -> str:
    """A small text, with a mark for what is not UTF-8; empty when it cannot be had."""
    return (content(path, most) or b"").decode("utf-8", "replace")


def is_file(path: str | Path) -> bool:
    """A file that this user can see."""
    return patiently(lambda: os.path.isfile(path), False)  # noqa: PTH113  # Path's own raises where it may not search


def is_folder(path: str | Path) -> bool:
    return patiently(lambda: os.path.isdir(path), False)  # noqa: PTH112


def exists(path: str | Path) -> bool:
    return patiently(lambda: os.path.exists(path), False)  # noqa: PTH110


def names_in(folder: str | Path, suffix: str = "") -> list[str]:
    """The names in a folder, in order; none when it cannot be listed."""
    return patiently(lambda: _names_in(folder, suffix), [])


def _content(path: str | Path, most: int) -> bytes | None:
    descriptor = os.open(path, _AT_ONCE)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        found = bytearray()
        # In pieces: a read of `most` bytes takes as much memory, however small the file, where little may be left.
        while piece := file.read(min(_PIECE, most - len(found))):
            found += piece
        return bytes(found)


def _names_in(folder: str | Path, suffix: str) -> list[str]:
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                names.append(entry.name)
            if len(names) >= _MOST_NAMES:
                break
    return sorted(names)
