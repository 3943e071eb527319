"""What ends a run from outside: Ctrl-C, TERM and HUP are heard in the same way, and each has its name and exit code.

So is an alarm of our own, for a run that its deadline did not end.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claudecheck.observations import Cut

#: What an observation calls it. A system without HUP or ALRM (Windows) sends none.
_CUTS: dict[str, Cut] = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung-up", "SIGALRM": "deadline"}
_INCOMPLETE = 20
#: Seconds after the deadline in which a run still says what it knows; and then until the process is gone.
_GRACE_S, _LAST_S = 10.0, 5.0


class Interruption(KeyboardInterrupt):
    """Raised in the main thread, where Ctrl-C is raised; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_heard: list[int] = []
_listening = False  # in the program, and not where the library was called: signals are its caller's


def listen() -> None:
    """From now on TERM and HUP interrupt as INT does. What was set to be ignored (`nohup`) stays ignored."""
    global _listening  # noqa: PLW0603  # as signals are: one for the process
    _listening = True
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _heard.append(number)
    raise Interruption(number)


def at_most(seconds: float) -> None:
    """Whatever the process waits for after this time, it says what it knows and ends, with exit code 20.

    A thread that could not get its memory leaves whoever starts it waiting for good, and a native call may hold the
    interpreter: the alarm is for the first; for the second, and on Windows, the watchdog, which can say nothing and
    has an exit code of its own (1).
    """
    if not _listening:
        return
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, _overdue)
        signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_S, _LAST_S)
    nowhere = Path(os.devnull).open("w", encoding="ascii")  # noqa: SIM115  # it is written to when nothing else runs
    with contextlib.suppress(RuntimeError):  # this user may start no more threads
        faulthandler.dump_traceback_later(seconds + _GRACE_S + 2 * _LAST_S, exit=True, file=nowhere)


def _overdue(number: int, _frame: FrameType | None) -> None:
    if number in _heard:
        os._exit(_INCOMPLETE)
    _heard.append(number)
    raise Interruption(number)


def exit_code() -> int | None:
    """128 and the number of the first signal, as a shell has it; 20 for the alarm; None when there was none."""
    if not _heard:
        return None
    return _INCOMPLETE if signal.Signals(_heard[0]).name == "SIGALRM" else 128 + _heard[0]


def cut_of(error: KeyboardInterrupt) -> Cut:
    """What the run's end is called: "interrupted", "terminated", "hung-up" or "deadline"."""
    number = error.number if isinstance(error, Interruption) else signal.SIGINT
    return _CUTS.get(signal.Signals(number).name, "interrupted")
