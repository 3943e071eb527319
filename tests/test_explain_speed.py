"""Large texts: what is skipped for speed changes no answer, however the text is cut, and costs no memory."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tracemalloc

import pytest

from claudecheck.explanation import Explanation, explain_stream, explain_text, needles, scan

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

ERRORS = (
    "ERROR httpx.ConnectError: [Errno 111] Connection refused",
    "ERROR Error: getaddrinfo EAI_AGAIN api.anthropic.com",
    "WARN upstream prematurely closed connection while reading response header from upstream",
    "ERROR anthropic.RateLimitError: Error code: 429 - {'type': 'error', 'error': {'type': 'rate_limit_error'}}",
    "ERROR [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain",
)
CHAIN = """ERROR call {n} failed
Traceback (most recent call last):
  File "/app/httpcore/_sync/connection.py", line 78, in handle_request
httpcore.ConnectError: [Errno 111] Connection refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/claude.py", line 12, in ask
anthropic.APIConnectionError: Connection error."""


def quiet(number: int) -> str:
    return random.Random(number).choice(
        (
            f'10.0.{number % 256}.7 "GET /users/{number}/profile HTTP/1.1" 200 {number} "python-httpx/0.28.1"',
            'INFO HTTP Request: POST https://api.anthropic.com/v1/messages "HTTP/1.1 200 OK"',
            f'{{"level":"info","msg":"request handled","error":null,"connect":{number},"duration_ms":12}}',
            "DEBUG pool: connect to 10.0.0.9 done",
        )
    )


def log(size: int, *, every: int, errors: tuple[str, ...] = ERRORS) -> bytes:
    """About `size` bytes of lines with a time each; one in `every` is an error, all kinds in turn."""
    lines: list[str] = []
    number = written = 0
    while written < size:
        number += 1
        text = (
            errors[number // every % len(errors)].replace("{n}", str(number)) if number % every == 0 else quiet(number)
        )
        lines.append(f"2026-11-20T10:{number // 60 % 60:02d}:{number % 60:02d}Z {text}\n")
        written += len(lines[-1])
    return "".join(lines).encode()


def shown(found: Explanation) -> tuple[object, ...]:
    return (found.problem, found.count, found.first_line, found.last_line, found.others)


def as_large(monkeypatch: pytest.MonkeyPatch, *, chunk: int) -> None:
    monkeypatch.setattr(scan, "SMALL", 2000)
    monkeypatch.setattr(scan, "CHUNK", chunk)


def test_a_large_text_is_answered_like_one_that_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    text = log(400_000, every=97)
    assert len(text) < scan.SMALL
    whole = explain_text(text)
    as_large(monkeypatch, chunk=1 << 16)
    assert shown(explain_text(text)) == shown(whole)
    assert whole.count >= 8
    assert len(whole.others) == 4


@pytest.mark.parametrize("chunk", [211, 1000, 4099, 65_536, 1_000_003])
def test_where_a_text_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    text = log(150_000, every=61, errors=(*ERRORS, CHAIN))
    as_large(monkeypatch, chunk=1 << 22)
    expected = explain_text(text)
    as_large(monkeypatch, chunk=chunk)
    assert explain_text(text) == expected
    assert expected.problem


def test_a_pipe_that_gives_little_at_a_time_changes_nothing() -> None:
    class Pipe(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 4093))

    text = log(700_000, every=500)
    assert explain_stream(Pipe(text)) == explain_text(text)


def test_without_the_fast_search_the_answer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = log(700_000, every=211, errors=(*ERRORS, CHAIN))
    expected = explain_text(text)

    def missing(_expressions: object) -> needles.Needles:
        raise ImportError

    monkeypatch.setattr(needles, "_automaton", missing)
    assert shown(explain_text(text)) == shown(expected)


@pytest.mark.parametrize("errors", [ERRORS, (CHAIN,)], ids=["lines", "tracebacks"])
def test_what_is_not_read_line_by_line_is_counted(errors: tuple[str, ...]) -> None:
    text = log(3_000_000, every=3, errors=errors)
    found = explain_text(text)
    written = text.count(b"getaddrinfo") if errors is ERRORS else text.count(b"Traceback") // 2
    counted = {found.problem: found.count} | {other.code: other.count for other in found.others}
    assert counted["dns-timeout" if errors is ERRORS else "tcp-refused"] == pytest.approx(written, rel=0.05)
    last = max([found.last_line, *(other.last_line for other in found.others)])
    assert text.count(b"\n") - last < 10


def test_one_error_after_a_million_that_look_alike_is_found() -> None:
    noise = log(2_500_000, every=2, errors=("ERROR psycopg2.OperationalError: port 5432 failed: Connection refused",))
    found = explain_text(noise + b"ERROR Error: getaddrinfo ENOTFOUND api.anthropic.com\n" + noise)
    assert found.problem == "dns-name-not-found"
    assert found.first_line == found.last_line == noise.count(b"\n") + 1


def test_an_error_in_the_middle_of_an_endless_line_is_found() -> None:
    junk = random.Random(7).randbytes(3_000_000).translate(bytes((*range(10), 32, *range(11, 256))))
    found = explain_text(junk + b" getaddrinfo ENOTFOUND api.anthropic.com " + junk)
    assert (found.problem, found.first_line) == ("dns-name-not-found", 1)


def test_a_hole_in_a_file_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    as_large(monkeypatch, chunk=1 << 16)
    found = explain_text(
        log(10_000, every=10**9) + bytes(1 << 19) + b"\nERROR getaddrinfo ENOTFOUND api.anthropic.com\n"
    )
    assert found.problem == "dns-name-not-found"


def test_the_memory_does_not_grow_with_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    as_large(monkeypatch, chunk=1 << 18)
    part = log(600_000, every=3)

    class Repeated(io.RawIOBase):
        def __init__(self, times: int) -> None:
            starts = (at for _ in range(times) for at in range(0, len(part), 65_536))
            self._left = (part[at : at + 65_536] for at in starts)

        def read(self, _size: int = -1, /) -> bytes:
            return next(self._left, b"")

    def peak(times: int) -> int:
        tracemalloc.start()
        try:
            explain_stream(Repeated(times))  # type: ignore[arg-type]  # all that is used of it is `read`
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # what is made once: the signatures
    assert peak(6) < 1.1 * peak(3)


def test_a_small_text_does_not_pay_for_the_large_ones() -> None:
    check = (
        "import sys; from claudecheck.explanation import explain_text; explain_text('ECONNREFUSED'); "
        "sys.exit('hyperscan' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=30).returncode == 0
