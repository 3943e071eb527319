"""What ends a run from outside: Ctrl-C, TERM and HUP are heard in the same way, and each has its name and exit code."""

from __future__ import annotations

import signal
from types import FrameType

#: What an observation calls it. A system without HUP (Windows) sends none.
_CUTS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung-up"}


class Interruption(KeyboardInterrupt):
    """Raised in the main thread, where Ctrl-C is raised; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_heard: list[int] = []


def listen() -> None:
    """From now on TERM and HUP interrupt as INT does. What was set to be ignored (`nohup`) stays ignored."""
    for name in _CUTS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _heard.append(number)
    raise Interruption(number)


def exit_code() -> int | None:
    """128 and the number of the first signal, as a shell has it; None when there was none."""
    return 128 + _heard[0] if _heard else None


def cut_of(error: KeyboardInterrupt) -> str:
    """What the run's end is called: "interrupted", "terminated" or "hung-up"."""
    number = error.number if isinstance(error, Interruption) else signal.SIGINT
    return _CUTS.get(signal.Signals(number).name, "interrupted")
