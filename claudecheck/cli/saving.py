"""Writes a file so that nothing is lost: the old one stays until the new one is whole. Waits for nobody."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

#: A pipe that nobody reads would hold us for good.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_USUAL_MODE = 0o666


def fault_of(path: Path) -> str:
    """Why no report can be written there; empty when it can, as far as can be told before it is tried."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return _fault_of_folder(path.parent)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return _words(error)
    if stat.S_ISDIR(seen.st_mode):
        return "it is a folder"
    return "" if os.access(path, os.W_OK) else "this user may not write it"


def _fault_of_folder(folder: Path) -> str:
    try:
        seen = folder.stat()
    except FileNotFoundError:
        return f"the folder {folder} does not exist"
    except (OSError, ValueError) as error:
        return _words(error)
    if not stat.S_ISDIR(seen.st_mode):
        return f"{folder} is not a folder"
    return "" if os.access(folder, os.W_OK) else f"this user may not write in {folder}"


def save(path: Path, text: str) -> str:
    """The text in place of what the file holds. Returns why it could not be written, and then the file is as it was."""
    return _tried(path, text.encode("utf-8", "backslashreplace"), added=False)


def save_bytes(path: Path, content: bytes) -> str:
    """The same of what is no text."""
    return _tried(path, content, added=False)


def add(path: Path, text: str) -> str:
    """The same behind what the file holds."""
    return _tried(path, text.encode("utf-8", "backslashreplace"), added=True)


def _tried(path: Path, content: bytes, *, added: bool) -> str:
    try:
        if added or _is_special(path):
            _write_in_place(path, content, os.O_APPEND)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except (OSError, ValueError) as error:
        return _words(error)
    return ""


def _words(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _is_special(path: Path) -> bool:
    """/dev/null, a pipe, /dev/stdout: something that is written to and not replaced."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _replace(path: Path, content: bytes) -> None:
    """Beside it first, under another name: a full disk, or our end, leaves the old one."""
    try:
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except PermissionError:
        if not path.exists():
            raise
        _write_in_place(path, content, os.O_TRUNC)  # a file that is ours in a folder that is not
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(_mode_of(path))
        try:
            Path(beside).replace(path)
        except OSError:  # a single file that is mounted into a container cannot be replaced
            if not path.exists():
                raise
            _write_in_place(path, content, os.O_TRUNC)
    finally:
        with contextlib.suppress(OSError):
            Path(beside).unlink()


def _mode_of(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mask = os.umask(0o077)
        os.umask(mask)
        return _USUAL_MODE & ~mask


def _write_in_place(path: Path, content: bytes, how: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how | _AT_ONCE, _USUAL_MODE)
    try:
        before = os.fstat(descriptor)
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(descriptor, left) :]
        except OSError:
            if how == os.O_APPEND and stat.S_ISREG(before.st_mode):
                os.ftruncate(descriptor, before.st_size)  # half a line is none
            raise
    finally:
        os.close(descriptor)
