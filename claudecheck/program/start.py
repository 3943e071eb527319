"""Start the user's program, stand aside while it runs, and end as it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from claudecheck.program.streams import Relay, Untouched, open_streams

#: A terminal sends these to the program as well: it decides, and we wait for what it does. Without one, or in the
#: background of one, they come to us alone, and are passed on.
_ITS_OWN = ("SIGINT", "SIGQUIT")
#: These come to us alone when somebody means the program: a CI runner, a container's end, `kill`.
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
#: Ends that somebody wished for: the reader has seen enough, or Ctrl-C.
_WISHED = ("SIGINT", "SIGPIPE")

#: Chunks that are awaited once the program has ended; whatever is left to come is another program's.
_MOST_AFTER_THE_END = 64

Handler = Callable[[int, FrameType | None], object]


@dataclass(frozen=True)
class Ended:
    """`code` is negative for a signal, as in `subprocess`; `said` is the end of its stderr, None where unknown."""

    code: int
    said: bytes | None

    @property
    def failed(self) -> bool:
        wished = {-int(getattr(signal, name)) for name in _WISHED if hasattr(signal, name)}
        return self.code not in (0, 130, *wished)


def run(words: Sequence[str]) -> Ended:
    """Raises OSError when there is no such program. Its descriptors, group and environment are ours."""
    streams = open_streams()
    if isinstance(streams, Untouched):
        with _signals(lambda: None) as started:
            process = started(subprocess.Popen(words, close_fds=False))
            return Ended(process.wait(), streams.said())
    with _signals(streams.resize) as started:
        try:
            out = streams.theirs if streams.both else None
            process = started(subprocess.Popen(words, stdout=out, stderr=streams.theirs, close_fds=False))
        finally:
            os.close(streams.theirs)
        code = _passed_on(process, streams)
    return Ended(code, streams.said())


def end_as(code: int) -> int:
    """The exit code for a shell. A program that a signal ended is followed by the same signal, so that the shell
    sees what it would have seen; no second core is dumped.
    """
    if code >= 0 or sys.platform == "win32":
        return code
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if -code not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-code, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.kill(os.getpid(), -code)
    return 128 - code


def _passed_on(process: subprocess.Popen[bytes], relay: Relay) -> int:
    """Until the program has ended and what it said has been passed on. Another that it left behind may say more."""
    if sys.platform == "win32":
        raise NotImplementedError
    import select

    poll = select.poll()
    poll.register(relay.ours, select.POLLIN)
    left = _MOST_AFTER_THE_END
    while True:
        ready = poll.poll(50)
        if ready and not relay.pass_on():
            relay.close()  # at its end, or nobody reads us any more: the program shall see that too
            return process.wait()
        if process.poll() is not None:
            left -= 1
            if not ready or not left:
                _leave_to_another(relay)
                return process.returncode


def _leave_to_another(relay: Relay) -> None:
    """What the program left running in the background holds its stderr still: a child of ours passes that on."""
    if sys.platform == "win32":
        raise NotImplementedError
    if os.fork() == 0:
        os.setsid()
        for other in (0, 1):  # a reader of stdout must not wait for us
            os.close(other)
        while relay.pass_on():
            pass
        os._exit(0)
    relay.close()


def _in_the_foreground() -> bool:
    """Of the terminal that controls us, if one does: a Ctrl-C there reaches the program without us."""
    if sys.platform == "win32":
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


Process = subprocess.Popen[bytes]


@contextmanager
def _signals(resize: Callable[[], None]) -> Iterator[Callable[[Process], Process]]:
    """What comes while the program is being started is sent to it as soon as it has been: `started` names it.

    What was ignored when we were started stays so: the program has inherited that.
    """
    running: list[Process] = []
    early: list[int] = []

    def send(number: int) -> None:
        if running:
            running[0].send_signal(number)
        else:
            early.append(number)

    def started(process: Process) -> Process:
        running.append(process)
        for number in early:
            process.send_signal(number)
        return process

    def resized(number: int, _: FrameType | None) -> None:
        resize()
        send(number)  # again, now that it can see the new size

    def from_outside(number: int, _: FrameType | None) -> None:
        if not _in_the_foreground():
            send(number)

    handlers: dict[str, Handler] = dict.fromkeys(_ITS_OWN, from_outside)
    handlers |= {name: lambda number, _: send(number) for name in _PASSED_ON}
    handlers["SIGWINCH"] = resized
    before = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield started
    finally:
        for number, old in before.items():
            signal.signal(number, old)
