"""`claudecheck` and `python -m claudecheck`: the last handler stands here."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import sys
import threading
from typing import Any, NoReturn

from claudecheck.run import interruption

#: Frames of a traceback, and characters, that are enough to find a bug.
_FRAMES, _LONGEST = 12, 8000
_FAREWELL = "This is a bug in claudecheck. `claudecheck explain claudecheck-bug` says how to report it.\n"
INCOMPLETE, BUG, INTERRUPTED = 20, 70, 130
#: What the system has too few of: files, memory, processes, room for a socket.
_SHORT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS)
#: What writing the parser's own help to a stream may end in; the commands' own output never gets here.
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG)


def main() -> NoReturn:
    """Run the command line, and leave at once: threads that were abandoned inside a native call (a lookup, a
    handshake) must neither hold the process nor meet an interpreter that is being taken down around them.
    """
    code = INTERRUPTED  # nothing else gets past the handlers below
    try:
        _open_streams()
        threading.excepthook = _in_a_thread
        sys.unraisablehook = lambda _: None  # what it would print is not redacted, and changes nothing
        code = _run()
        atexit._run_exitfuncs()  # noqa: SLF001  # there is no public one; a child that still runs is ended here
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, KeyboardInterrupt):  # the reader has gone, the disk is full
                stream.flush()
        os._exit(code)


def _open_streams() -> None:
    """A stream that was closed (`2>&-`) leads nowhere. Left closed, its number would be given to the next socket."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  # until the end


def _run() -> int:
    """The exit code. A bug is said as one, redacted, with exit code 70; Ctrl-C is 130, TERM 143, HUP 129."""
    try:
        interruption.listen()
        code = _command_line()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        return 0  # The reader of a help page has seen enough (`| head`), and it is no fault.
    except BaseException as error:  # the handler of last resort: no traceback may show a secret
        if isinstance(error, OSError) and error.errno in _CANNOT_WRITE and error.filename is None:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"claudecheck: cannot write to standard output: {error.strerror}\n")
            return 0
        if limit := _lacked(error):
            with contextlib.suppress(BaseException):
                sys.stderr.write(f"claudecheck: a limit of this machine ended the run: {limit}\n")
            return INCOMPLETE
        _say_bug(error)
        return BUG
    if code != INTERRUPTED:
        return code
    if interruption.exit_code() == INCOMPLETE:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write("claudecheck: the run did not end by its deadline, and was ended\n")
    return interruption.exit_code() or INTERRUPTED  # Typer makes 130 of every interruption that reached it


def _command_line() -> int:
    if len(sys.argv) == 2 and sys.argv[1] in ("--version", "-V"):  # alone: no parser is needed to understand it
        from claudecheck import __version__
        from claudecheck.cli.output import write

        write(f"claudecheck {__version__}")
        return 0
    from claudecheck.cli.app import app

    try:
        left = app(prog_name="claudecheck", standalone_mode=False)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except Exception as error:
        if not hasattr(error, "show") or not hasattr(error, "exit_code"):
            raise
        return _refused(error)
    return left if isinstance(left, int) else 0


def _refused(error: Any) -> int:
    """What the parser of the command line objects to, in its own words: they repeat what was typed."""
    import io

    from claudecheck.cli.output import refuse

    said = io.StringIO()
    error.show(file=said)
    refuse(said.getvalue())
    return int(error.exit_code)


def _lacked(error: BaseException) -> str:
    """What there was too little of; where a limit is tight, whatever was raised is most likely its doing."""
    with contextlib.suppress(BaseException):
        from claudecheck.machine import limits

        if limit := limits.tight():
            return limit
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "threads"
    if isinstance(error, OSError) and (error.errno in _SHORT_OF or _while_importing(error)):
        return error.strerror or type(error).__name__
    return ""


def _while_importing(error: BaseException) -> bool:
    """A file of a library could not be read."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1:]
    return bool(last) and last[0].filename.startswith("<frozen importlib")


def _in_a_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None and not _lacked(raised.exc_value):
        _say_bug(raised.exc_value)


def _say_bug(error: BaseException) -> None:
    """It needs nothing but the exception: whatever else is read here may be what raised it."""
    with contextlib.suppress(BaseException):
        import traceback

        from claudecheck.journal.redact import Redactor

        parts = traceback.format_exception(type(error), error, error.__traceback__, limit=-_FRAMES, chain=False)
        parts[-1] = parts[-1][:_LONGEST]
        sys.stderr.write(Redactor().clean("".join(parts), _LONGEST) + "\n")
    with contextlib.suppress(BaseException):
        sys.stderr.write(_FAREWELL)
        sys.stderr.flush()


if __name__ == "__main__":
    main()
