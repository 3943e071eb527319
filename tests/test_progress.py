"""The progress line: what it names, that it never disturbs, and what a stream can show."""

from __future__ import annotations

import io
import os
import select
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO

import pytest
from msgspec.structs import replace

from claudecheck.cli.progress import Progress
from claudecheck.cli.terminal import Look, terminal_of
from claudecheck.failures import Failure, Stage
from claudecheck.journal.deadline import Deadline
from claudecheck.observations import AnyObservation, RouteChosen, Tunnel, VariationTried
from tests.report_parts import CONNECT, HANDSHAKE, LOOKUP, MODELS, PROXIED, ROUTE

DIRECT = RouteChosen(route=ROUTE)
SECOND = replace(CONNECT, address="2607:6bc0::10", order=1)


class Clock(Deadline):
    """A deadline of 30 s whose time passes when the test says so."""

    def __init__(self) -> None:
        super().__init__(30)
        self.now_ms = 0.0

    def elapsed_ms(self) -> float:
        return self.now_ms

    def remaining(self) -> float:
        return 30 - self.now_ms / 1000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def line_after(*seen: AnyObservation, seconds: float = 0) -> str:
    clock = Clock()
    progress = Progress(Terminal(), clock, environ={})
    for observation in seen:
        progress.listen(observation)
    clock.now_ms = seconds * 1000
    return progress.line()


@pytest.fixture
def terminal() -> Iterator[tuple[int, TextIO]]:
    """The two ends of a real terminal: what a person would see, and what the program writes to."""
    near, far = pytest.importorskip("pty").openpty()
    with os.fdopen(far, "w", encoding="utf-8") as stream:
        yield near, stream
    os.close(near)


def read_until(near: int, end: bytes) -> bytes:
    seen = b""
    until = time.monotonic() + 10
    while not seen.endswith(end) and time.monotonic() < until:
        if select.select([near], [], [], 0.1)[0]:
            seen += os.read(near, 4096)
    return seen


# -- what it names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        ([], "environment: reading, 3 s (27 s left)"),
        ([DIRECT], "dns: waiting for api.anthropic.com, 3 s (27 s left)"),
        ([DIRECT, LOOKUP], "tcp: waiting for 160.79.104.10, 3 s (27 s left)"),
        ([DIRECT, LOOKUP, CONNECT], "tcp: waiting for 2607:6bc0::10, 3 s (27 s left)"),
        ([DIRECT, LOOKUP, CONNECT, SECOND], "tls: waiting for 2607:6bc0::10, 3 s (27 s left)"),
        ([DIRECT, LOOKUP, CONNECT, SECOND, HANDSHAKE], "models: waiting for api.anthropic.com, 3 s (27 s left)"),
        ([DIRECT, HANDSHAKE, MODELS], "messages: waiting for api.anthropic.com, 3 s (27 s left)"),
    ],
)
def test_a_slow_step_is_named_with_what_it_waits_for(seen: list[AnyObservation], line: str) -> None:
    assert line_after(*seen, seconds=3) == line


def test_a_quick_step_is_only_named() -> None:
    assert line_after(DIRECT, LOOKUP, seconds=1.9) == "tcp ..."


def test_on_a_proxied_route_the_proxy_is_waited_for_and_what_is_beside_it_is_not() -> None:
    proxied = RouteChosen(route=PROXIED)
    lookup = replace(LOOKUP, purpose="proxy", name="proxy.corp.example", addresses=["10.0.0.8"])
    connect = replace(CONNECT, purpose="proxy", address="10.0.0.8")
    assert line_after(proxied, LOOKUP, CONNECT).startswith("proxy")
    assert line_after(proxied, lookup, seconds=2).startswith("proxy: waiting for 10.0.0.8, 2 s")
    assert "the tunnel through http://proxy.corp.example:8080" in line_after(proxied, lookup, connect, seconds=2)
    tunnel = Tunnel(proxy="http://proxy.corp.example:8080", target="api.anthropic.com:443", status=200)
    assert line_after(proxied, lookup, connect, tunnel) == "tls ..."


def test_over_plain_http_no_tls_is_waited_for() -> None:
    assert line_after(RouteChosen(route=replace(ROUTE, scheme="http")), CONNECT) == "models ..."


def test_after_a_failure_the_line_stays_on_its_stage_until_the_variations_start() -> None:
    refused = replace(CONNECT, failure=Failure.REFUSED)
    assert line_after(DIRECT, refused) == "dns ..."
    varied = VariationTried(id="v1", stage=Stage.TCP, changed="family", before="any", after="ipv4")
    assert line_after(DIRECT, refused, varied, seconds=2) == "tcp: varying the family, 2 s (28 s left)"


def test_observations_of_a_variation_do_not_move_the_line() -> None:
    assert line_after(DIRECT, replace(HANDSHAKE, variation="v1")) == "dns ..."


def test_a_step_that_is_named_again_keeps_its_time() -> None:
    clock = Clock()
    progress = Progress(Terminal(), clock, environ={})
    progress.stage("tls", "160.79.104.10")
    clock.now_ms = 2500
    progress.stage("tls", "160.79.104.10")
    assert progress.line().startswith("tls: waiting for 160.79.104.10, 2 s")
    progress.stage("models")
    assert progress.line() == "models ..."


# -- how it behaves --------------------------------------------------------------------------------


def test_on_a_terminal_the_line_appears_and_leaves_nothing_behind(terminal: tuple[int, TextIO]) -> None:
    near, stream = terminal
    with Progress(stream, Deadline(30), environ={}) as progress:
        assert read_until(near, b"environment ...") == b"\renvironment ..."
        progress.listen(DIRECT)
        assert read_until(near, b"dns ...        ") == b"\rdns ...        "
    assert read_until(near, b"       \r") == b"\r       \r"


def test_the_line_is_erased_when_the_run_is_interrupted(terminal: tuple[int, TextIO]) -> None:
    near, stream = terminal

    def interrupted_run() -> None:
        with Progress(stream, Deadline(30), environ={}):
            read_until(near, b"...")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    assert read_until(near, b"\r").endswith(b" \r")


def test_nothing_is_written_after_the_stop() -> None:
    stream = Terminal()
    progress = Progress(stream, Deadline(30), environ={})
    progress.start()
    progress.stop()
    progress.stop()
    written = stream.getvalue()
    progress.listen(DIRECT)
    assert stream.getvalue() == written
    assert not any(thread.name == "progress" for thread in threading.enumerate())


@pytest.mark.parametrize(("stream", "environ"), [(io.StringIO(), {}), (Terminal(), {"TERM": "dumb"})])
def test_pipes_and_dumb_terminals_get_no_line(stream: TextIO, environ: dict[str, str]) -> None:
    with Progress(stream, Deadline(30), environ=environ) as progress:
        progress.listen(DIRECT)
    assert stream.getvalue() == ""  # type: ignore[attr-defined]  # both are StringIO


def test_the_line_never_wraps_and_holds_no_control_character() -> None:
    stream = Terminal()
    with Progress(stream, Deadline(30), environ={"COLUMNS": "20"}) as progress:
        progress.stage("\x1b[2J" + "字" * 40)
        progress.stop()
    assert "\x1b" not in stream.getvalue()
    assert max(map(len, stream.getvalue().split("\r"))) < 20


def test_a_terminal_that_goes_away_does_not_end_the_run() -> None:
    stream = Terminal()
    stream.close()
    stream.isatty = lambda: True  # type: ignore[method-assign]  # a hung-up terminal still says so
    with Progress(stream, Deadline(30), environ={}) as progress:
        progress.listen(DIRECT)


def test_many_threads_may_report_at_once() -> None:
    stream = Terminal()
    route: list[AnyObservation] = [DIRECT, LOOKUP, CONNECT, SECOND]
    with Progress(stream, Deadline(30), environ={}) as progress, ThreadPoolExecutor(8) as pool:
        list(pool.map(progress.listen, route * 20))
        stages = {progress.line().split()[0] for _ in range(3)}
    assert stages <= {"dns", "tcp", "tls"}
    assert stream.getvalue().endswith("\r")


# -- what a stream can show ------------------------------------------------------------------------


def pipe(encoding: str = "utf-8") -> TextIO:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_a_pipe_is_eighty_columns_wide_and_plain() -> None:
    assert terminal_of(pipe(), {"TERM": "xterm-256color"}) == Look(width=80, colour=False, unicode=True)


def test_a_terminal_tells_its_width_and_takes_colours(terminal: tuple[int, TextIO]) -> None:
    termios = pytest.importorskip("termios")
    termios.tcsetwinsize(terminal[1].fileno(), (24, 132))
    assert terminal_of(terminal[1], {"TERM": "xterm"}) == Look(width=132, colour=True, unicode=True)


@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_variables_decide_on_colour(environ: dict[str, str], colour: bool) -> None:
    assert terminal_of(Terminal(), environ).colour is colour


@pytest.mark.parametrize(("value", "colour"), [("1", True), ("0", False), ("", False)])
def test_force_color_holds_for_pipes(value: str, colour: bool) -> None:
    assert terminal_of(pipe(), {"FORCE_COLOR": value}).colour is colour


@pytest.mark.parametrize(
    ("encoding", "environ", "unicode"),
    [("utf-8", {}, True), ("ascii", {}, False), ("cp1252", {}, False), ("utf-8", {"TERM": "linux"}, False)],
)
def test_marks_are_ascii_where_the_stream_needs_it(encoding: str, environ: dict[str, str], unicode: bool) -> None:
    assert terminal_of(pipe(encoding), environ).unicode is unicode


@pytest.mark.parametrize(("columns", "width"), [("100", 100), ("0", 80), ("wide", 80), ("²", 80), ("", 80)])
def test_columns_names_the_width(columns: str, width: int) -> None:
    assert terminal_of(pipe(), {"COLUMNS": columns}).width == width


def test_a_closed_stream_is_no_terminal() -> None:
    stream = pipe()
    stream.close()
    assert terminal_of(stream, {}) == Look(width=80, colour=False, unicode=True)
