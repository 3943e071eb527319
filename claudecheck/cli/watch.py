"""`claudecheck watch`: walk again and again; live in a terminal, a line a change elsewhere, metrics for Prometheus."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from claudecheck.cli import saving
from claudecheck.cli.arguments import ClientOption, LabelOption, LocalOption, PythonOption, TimeoutOption
from claudecheck.cli.doctor import interpreter_at
from claudecheck.cli.output import fail, terminal, warn, write
from claudecheck.clients.whole_number import whole_number

if TYPE_CHECKING:
    from rich.live import Live

    from claudecheck.cli.metrics import Metrics
    from claudecheck.cli.on_change import OnChange
    from claudecheck.diagnosis.series import Series
    from claudecheck.report import Report
    from claudecheck.run.watch import Walked

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|h|d|)")
SHORTEST_S = 1.0


class Until(StrEnum):
    FAILURE = "failure"
    HEALTHY = "healthy"


def watch(
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="Time between two walks: 30s, 5m, 1h.")] = "60s",
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="Stop after this time: 8h, 7d.")] = "",
    until: Annotated[Until | None, typer.Option("--until", help="Stop at the first walk with this result.")] = None,
    message: Annotated[
        bool,
        typer.Option("--message", help="At every walk also a message and its stream: a token each."),
    ] = False,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Append a line of JSON to FILE for every walk.")
    ] = None,
    on_change: Annotated[
        str | None, typer.Option("--on-change", metavar="COMMAND", help="Run this in a shell when the state changes.")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="[HOST:]PORT", help="Serve /metrics and /healthz, on loopback by default."),
    ] = None,
    client: ClientOption = None,
    python: PythonOption = None,
    timeout: TimeoutOption = 30.0,
    local_only: LocalOption = False,
    label: LabelOption = "",
) -> None:
    """Walk the route again and again: what is intermittent, since when, and at which layer.

    Exits with the code of the first failure, or 0; with --until healthy, 0 once a walk gets through.
    """
    import os

    from claudecheck.diagnosis.series import Series
    from claudecheck.machine import environment
    from claudecheck.report import EXIT_OF_CUT, ExitCode
    from claudecheck.run.options import Options
    from claudecheck.run.watch import Pace, walks

    pace = Pace(_seconds(every, "--every"), _seconds(for_, "--for") if for_ else float("inf"))
    options = Options(
        timeout_s=timeout, message=message, client=client, python=interpreter_at(python), local_only=local_only,
        label=label, command="watch",
    )  # fmt: skip
    series, stop = Series(), threading.Event()
    waited_for, cut = False, ExitCode.INTERRUPTED
    with ExitStack() as opened:
        command = opened.enter_context(_commands(on_change))
        sinks = opened.enter_context(_sinks(log, listen, command, patience_s=2 * (pace.every_s + timeout)))
        show = opened.enter_context(_screen(series, pace.every_s))
        try:
            for walked in walks(options, lambda: environment.read(os.environ), pace, stop):
                if walked.report.exit_code in EXIT_OF_CUT.values():
                    cut = ExitCode(walked.report.exit_code)  # by a signal; half a walk is no failure of the route
                    break
                changed = series.add(walked.report, walked.at)
                sinks.take(walked, changed=changed)
                show(walked, changed)
                waited_for = _is(until, walked.report)
                if waited_for:
                    break
        except KeyboardInterrupt:
            pass  # what was seen so far is told
    if not series.walks:
        raise typer.Exit(cut)
    _finish(series, recovered=waited_for and until is Until.HEALTHY)


def _finish(series: Series, *, recovered: bool) -> NoReturn:
    from claudecheck.render.watch import summary_text
    from claudecheck.report import ExitCode

    look = terminal()
    write(summary_text(series, width=look.width, colour=look.colour, unicode=look.unicode))
    first = series.first_failure
    raise typer.Exit(ExitCode.HEALTHY if first is None or recovered else first.exit_code)


def _is(until: Until | None, report: Report) -> bool:
    through = report.status in ("healthy", "degraded")
    return through if until is Until.HEALTHY else until is Until.FAILURE and not through


def _seconds(text: str, option: str) -> float:
    found = _SPAN.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found and found[1].isascii() else 0.0
    if seconds < SHORTEST_S:
        fail(f"{option} {text!r} is not a time of at least one second", "for example 30s, 5m, 8h or 7d")
    return seconds


# -- where the walks go ------------------------------------------------------------------------------


class _Sinks:
    """The log, the metrics and the command: each takes every walk, and none of them ends the watch."""

    def __init__(self, log: Path | None, metrics: Metrics | None, command: OnChange | None) -> None:
        self._log = log
        self._metrics = metrics
        self._command = command

    def take(self, walked: Walked, *, changed: bool) -> None:
        if self._log is not None:
            self._append(walked, changed=changed)
        if self._metrics is not None:
            self._metrics.add(walked.report)
        if self._command is not None and changed:
            self._command.take(walked.report)

    def _append(self, walked: Walked, *, changed: bool) -> None:
        """One line, flushed; with the whole report when the state has changed."""
        import json

        from claudecheck.render.machine import to_json

        report = walked.report
        line = {
            "at": walked.at,
            "status": report.status,
            "layer": report.first_failing_layer,
            "problem": report.problem,
            "reached_api": report.reached_api,
            "duration_ms": report.duration_ms,
            "stages_ms": {row.name: row.duration_ms for row in report.stages if row.status != "skip"},
            "jumped_s": walked.jumped_s,
            "report": json.loads(to_json(report)) if changed else None,
        }
        assert self._log is not None  # noqa: S101  # asked by `take`
        if why := saving.add(self._log, json.dumps(line, ensure_ascii=False) + "\n"):
            warn(f"cannot write to {self._log}: {why}")


@contextmanager
def _commands(command: str | None) -> Iterator[OnChange | None]:
    if command is None:
        yield None
        return
    from claudecheck.cli.on_change import OnChange

    running = OnChange(command)
    try:
        yield running
    finally:
        running.end()


@contextmanager
def _sinks(log: Path | None, listen: str | None, command: OnChange | None, *, patience_s: float) -> Iterator[_Sinks]:
    if log is not None and (why := saving.add(log, "")):
        fail(f"cannot write to {log}: {why}", "name a file in a folder of yours: --log ~/watch.jsonl")
    if listen is None:
        yield _Sinks(log, None, command)
        return
    from claudecheck.cli import metrics

    host, port = _address(listen)
    kept = metrics.Metrics(patience_s)
    try:
        server = metrics.serve(kept, host, port)
    except OSError as error:
        fail(f"cannot listen on {host} port {port}: {error.strerror}", "name a port that is free: --listen 9464")
    try:
        yield _Sinks(log, kept, command)
    finally:
        server.shutdown()
        server.server_close()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    number = whole_number(port, least=1, most=65535)
    if number is None:
        fail(f"--listen {listen!r} names no port", "for example --listen 9464, or --listen 0.0.0.0:9464")
    return host.strip("[]") or "127.0.0.1", number


# -- the screen --------------------------------------------------------------------------------------


class _Show:
    def __init__(self, series: Series, every_s: float, live: Live | None, *, unicode: bool) -> None:
        self._series = series
        self._unicode = unicode
        self._note = f"every {every_s:g} s; Ctrl-C ends it and shows what the failures share"
        self._live = live

    def __call__(self, walked: Walked, changed: bool) -> None:
        from claudecheck.render import watch as rendered

        if self._live is None:
            if changed or walked.jumped_s:
                write(rendered.change(self._series.episodes[-1], walked.jumped_s))
            return
        width = self._live.console.width
        self._live.update(
            rendered.live(self._series, walked.report, width=width, unicode=self._unicode, note=self._note),
            refresh=True,
        )


@contextmanager
def _screen(series: Series, every_s: float) -> Iterator[_Show]:
    import os

    from claudecheck.cli.terminal import is_terminal

    unicode = terminal().unicode  # asked before the live view takes the place of stdout
    if not is_terminal(sys.stdout, os.environ):
        yield _Show(series, every_s, None, unicode=unicode)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(), auto_refresh=False, transient=True) as live:
        yield _Show(series, every_s, live, unicode=unicode)
