"""The progress line: one line on a terminal that names the step under way. Writes only there, and erases itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

from claudecheck.cli.terminal import is_terminal, terminal_of
from claudecheck.journal.deadline import Deadline
from claudecheck.observations import (
    AnyObservation,
    HttpExchange,
    NameLookup,
    RouteChosen,
    RouteView,
    TcpConnect,
    TlsHandshake,
    Tunnel,
    VariationTried,
)
from claudecheck.render.untrusted import ascii_only, harmless

_SLOW_MS = 2000
_REDRAW_S = 0.25


class Steps:
    """Which step is under way, told by what has ended: an observation is written when its operation is over."""

    def __init__(self) -> None:
        self.stage = "environment"
        self.doing = "reading"
        self._route = RouteView(client="")
        self._addresses: list[str] = []

    def wait(self, stage: str, what: str) -> None:
        self.stage, self.doing = stage, f"waiting for {what}" if what else "waiting"

    def ended(self, seen: AnyObservation) -> None:
        """Take in an observation. Of what happens beside the client's route, only the start of a variation counts."""
        if isinstance(seen, VariationTried):
            self.stage, self.doing = seen.stage, f"varying the {seen.changed}"
        elif seen.variation == "":
            self._ended_on_route(seen)

    def _ended_on_route(self, seen: AnyObservation) -> None:
        hop = "proxy" if self._route.proxy else "api"  # who is resolved and connected to on this route
        match seen:
            case RouteChosen(route=route):
                self._route = route
                self.wait("proxy" if route.proxy else "dns", route.proxy or route.host)
            case NameLookup(via="system", family="any", failure=None) if seen.purpose == hop:
                self._addresses = list(seen.addresses)
                self.wait("proxy" if self._route.proxy else "tcp", next(iter(seen.addresses), ""))
            case TcpConnect() if seen.purpose == hop:
                self._connected(seen)
            case Tunnel(purpose="api", failure=None):
                self.wait("tls", self._route.host)
            case TlsHandshake(purpose="api", failure=None):
                self.wait("models", self._route.host)
            case HttpExchange(stage="models", step="models"):
                self.wait("messages", self._route.host)
            case _:
                pass

    def _connected(self, seen: TcpConnect) -> None:
        """The addresses are tried side by side: the stage is over when the last one has answered."""
        if seen.address in self._addresses:
            self._addresses.remove(seen.address)
        if self._addresses:
            self.wait("proxy" if self._route.proxy else "tcp", self._addresses[0])
        elif self._route.proxy:
            self.wait("proxy", f"the tunnel through {self._route.proxy}")
        elif seen.ok:
            self.wait("tls" if self._route.scheme == "https" else "models", seen.address)


class Progress:
    """Shows the step under way on `stream` from `start()` to `stop()`, when that is a terminal.

    `listen` and `stage` may be called from any thread and never wait for the terminal: one daemon
    thread does all the writing, so a paused terminal does not spoil what is measured.
    """

    def __init__(self, stream: TextIO, deadline: Deadline, *, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._deadline = deadline
        self._environ = environ
        self._lock = threading.Lock()
        self._steps = Steps()
        self._since_ms = 0.0
        self._changed = threading.Event()
        self._stopped = False
        self._shown = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None and is_terminal(self._stream, self._environ):
            self._thread = threading.Thread(target=self._draw_until_stopped, name="progress", daemon=True)
            self._thread.start()

    def listen(self, seen: AnyObservation) -> None:
        """For the journal's writer: every observation as it is written."""
        with self._changing():
            self._steps.ended(seen)

    def stage(self, name: str, detail: str = "") -> None:
        """Name the step under way and what it waits for, where no observation tells."""
        with self._changing():
            self._steps.wait(name, detail)

    def stop(self) -> None:
        """Erase the line. Nothing is written after this returns, unless the terminal itself is stuck."""
        self._stopped = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(timeout=1)
            self._thread = None

    def line(self) -> str:
        """What stands there now: the stage, and from two seconds on what it waits for."""
        with self._lock:
            stage, doing = self._steps.stage, self._steps.doing
            waited_ms = self._deadline.elapsed_ms() - self._since_ms
        if waited_ms < _SLOW_MS:
            return f"{stage} ..."
        return f"{stage}: {doing}, {int(waited_ms / 1000)} s ({self._deadline.remaining():.0f} s left)"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A step that is named again goes on: only another one starts the clock anew."""
        with self._lock:
            before = (self._steps.stage, self._steps.doing)
            yield
            if before != (self._steps.stage, self._steps.doing):
                self._since_ms = self._deadline.elapsed_ms()
                self._changed.set()

    def _draw_until_stopped(self) -> None:
        try:
            while not self._stopped:
                self._replace(self.line())
                self._changed.wait(_REDRAW_S)
                self._changed.clear()
            self._replace("")
        except (OSError, ValueError):  # the terminal is gone, or the stream was closed
            return

    def _replace(self, text: str) -> None:
        """Write over the line. Blanks rather than an escape sequence: they work on every terminal."""
        room = terminal_of(self._stream, self._environ).width - 1
        text = ascii_only(harmless(text))[:room]
        if text != self._shown:
            self._stream.write("\r" + text.ljust(len(self._shown)) + ("" if text else "\r"))
            self._stream.flush()
            self._shown = text
