"""What `explain` makes of chains, logs, encodings, large files, secrets and saved reports."""

from __future__ import annotations

import json
import logging
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from claudecheck.explanation import NotTextError, explain, explain_stream, explain_text
from claudecheck.render.explanation import render_text, to_json
from claudecheck.render.machine import to_json as report_json
from tests.reports import REPORTS

KEY = "sk-ant-api03-Ab3dEf7hIj1lMn5pQr9tUv3xYz7BcDeFgHiJk-AbCdEfGh"
CAUSE = "\n\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
TRACE = 'Traceback (most recent call last):\n  File "/app/x.py", line 3, in f\n    raise\n'
REFUSED = f"{TRACE}httpcore2.ConnectError: [Errno 111] Connection refused"
WRAPPED = f"{TRACE}anthropic.APIConnectionError: Connection error."
RATE = (
    "ERROR anthropic.RateLimitError: Error code: 429 - {'type': 'error', 'error': {'type': 'rate_limit_error', "
    "'message': 'slow down'}, 'request_id': 'req_011CUYbKGmNrTcYvJNaBcdef'}"
)
INVALID = (
    'API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},'
    '"request_id":"req_011CUYbKGmNrTcYvJNaBcdeg"}'
)


# -- chains ----------------------------------------------------------------------------------------


def test_the_root_of_a_python_chain_wins_over_its_wrappers() -> None:
    found = explain_text(f"{REFUSED}{CAUSE}{WRAPPED}")
    assert (found.problem, found.layer, found.reached_api) == ("tcp-refused", "tcp", False)
    assert [line.line for line in found.evidence] == [4]


def test_what_failed_while_an_error_was_handled_is_the_failure_when_it_says_something() -> None:
    found = explain_text(f"{REFUSED}{CONTEXT}{TRACE}anthropic.AuthenticationError: Error code: {INVALID}")
    assert found.problem == "key-invalid"
    assert [other.code for other in found.others] == ["tcp-refused"]


def test_what_wraps_an_error_while_it_is_handled_does_not_hide_it() -> None:
    found = explain_text(f"{REFUSED}{CONTEXT}{TRACE}fastapi.exceptions.HTTPException: 500: internal error")
    assert found.problem == "tcp-refused"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("TypeError: fetch failed {\n  [cause]: Error: getaddrinfo EAI_AGAIN api.anthropic.com\n}", "dns-timeout"),
        (
            "java.io.IOException: failed\n\tat x.Y.z(Y.java:1)\nCaused by: java.net.UnknownHostException: a.b",
            "dns-name-not-found",
        ),
        ('Post "https://a.b/v1": dial tcp: lookup a.b: no such host', "dns-name-not-found"),
        (
            "  | ExceptionGroup: unhandled (1 sub-exception)\n  +-+--- 1 ---\n    | httpx.ConnectTimeout: timed out",
            "tcp-timeout",
        ),
    ],
)
def test_chains_of_other_languages_lead_to_their_root(text: str, code: str) -> None:
    assert explain_text(text).problem == code


def test_a_traceback_inside_a_json_log_line_is_unfolded() -> None:
    line = json.dumps({"level": "error", "exc": f"{REFUSED}{CAUSE}{WRAPPED}"})
    found = explain_text(f'{{"level":"info"}}\n{line}\n')
    assert found.problem == "tcp-refused"
    assert found.evidence[0].line == 2
    assert found.evidence[0].text.startswith("httpcore2.ConnectError")


def test_a_log_that_stamps_every_line_does_not_tear_a_chain_apart() -> None:
    chain = f"{REFUSED.replace('111', '110').replace('Connection refused', 'Connection timed out')}{CAUSE}{WRAPPED}"
    found = explain_text("".join(f"2026-11-20T10:00:00.1234567Z {line}\n" for line in chain.split("\n")))
    assert (found.problem, found.count) == ("tcp-timeout", 1)


def test_a_sentence_that_a_terminal_broke_in_two_is_read() -> None:
    assert explain_text("  SSL error: unable to get local issuer\n  certificate").problem == "tls-intercepted"


# -- several problems ------------------------------------------------------------------------------


def test_the_final_failure_wins_over_what_was_retried() -> None:
    retried = "".join(f"Unable to connect to API (ECONNRESET) Retrying (attempt {n}/10)\n" for n in range(1, 5))
    found = explain_text(retried + INVALID)
    assert (found.problem, found.status, found.request_id) == ("key-invalid", 401, "req_011CUYbKGmNrTcYvJNaBcdeg")
    assert [(other.code, other.count, other.first_line, other.last_line) for other in found.others] == [
        ("connection-reset", 4, 1, 4)
    ]


def test_retries_that_are_all_there_is_are_the_failure() -> None:
    found = explain_text("Unable to connect to API (ECONNRESET)\n  Retrying in 2 seconds (attempt 2/10)\n")
    assert found.problem == "connection-reset"


def test_the_problems_of_a_log_are_counted_and_the_frequent_one_comes_first() -> None:
    log = [f"2026-11-20 10:00:{n:02d} {RATE}" for n in range(40)]
    log += ["2026-11-20 11:00:00 ERROR httpx.ConnectError: [Errno -3] Temporary failure in name resolution"] * 3
    found = explain_text("\n".join([*log, "2026-11-20 12:00:00 INFO fine"]))
    assert (found.problem, found.count, found.first_line, found.last_line) == ("rate-limited", 40, 1, 40)
    assert [(other.code, other.count) for other in found.others] == [("dns-timeout", 3)]


def test_of_two_that_are_equal_the_last_is_what_people_came_with() -> None:
    lines = ["httpx.ConnectError: [Errno 111] Connection refused", "work", "httpx.ConnectTimeout: timed out"]
    assert explain_text("\n".join(lines)).problem == "tcp-timeout"
    assert explain_text("\n".join(reversed(lines))).problem == "tcp-refused"


# -- circumstances ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("connect ECONNREFUSED 160.79.104.10:443", "tcp-refused"),
        ("connect ECONNREFUSED 127.0.0.1:7890", "proxy-refused"),
        ("connect ECONNREFUSED 127.0.0.1:8045", "base-url-loopback"),
        ("connect ECONNREFUSED 0.0.0.0:443", "dns-sinkholed"),
        ("proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused", "proxy-refused"),
        ("psycopg2.OperationalError: connection to server at localhost, port 5432 failed: Connection refused", None),
    ],
)
def test_who_refused_is_read_from_what_stands_beside_it(text: str, code: str | None) -> None:
    assert explain_text(text).problem == code


def test_a_wrapper_alone_is_unknown_with_the_nearest_candidates_and_the_command_that_decides() -> None:
    found = explain_text("anthropic.APIConnectionError: Connection error.")
    assert (found.problem, found.layer, found.confidence, found.reached_api) == (None, None, "low", None)
    assert "tcp-refused" in [alternative.code for alternative in found.alternatives]
    assert all(alternative.decide_by.startswith("claudecheck ") for alternative in found.alternatives)


def test_a_request_id_proves_that_the_api_was_reached() -> None:
    assert explain_text(INVALID).reached_api is True
    assert explain_text("API Error: 403 <html><title>Just a moment...</title>").reached_api is False


def test_the_models_path_makes_it_the_models_layer() -> None:
    assert explain_text("GET https://gw.example/v1/models failed: 502 Bad Gateway").layer == "models"


def test_the_fix_is_filled_from_the_text() -> None:
    found = explain_text("Error: getaddrinfo ENOTFOUND gateway.corp.example")
    assert "gateway.corp.example" in found.title


# -- encodings and sizes ---------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_any_encoding_line_end_and_colour_is_read(encoding: str) -> None:
    text = "é\r\n\x1b[31merror\x1b[0m: curl: (6) Could not \x1b[1mresolve\x1b[22m host: api.anthropic.com\r\n"
    found = explain_text(text.encode(encoding))
    assert found.problem == "dns-name-not-found"
    assert found.evidence[0].line == 2


def test_a_compressed_file_is_refused_with_what_to_do() -> None:
    with pytest.raises(NotTextError, match=r"gzip.*unpack"):
        explain_text(b"\x1f\x8b\x08\x00rest")


def test_typographic_quotes_of_a_chat_program_do_not_matter() -> None:
    assert (
        explain_text("AttributeError: \u2018str\u2019 object has no attribute \u2018content\u2019").problem
        == "not-the-api"
    )


def test_a_large_log_is_read_in_constant_memory_and_its_lines_are_numbered(tmp_path: Path) -> None:
    noise = b"2026-11-20T10:00:00Z INFO app.worker[77] GET /v1/messages 200 OK in 312 ms, id=5f3a cache=hit\n"
    chain = f"{REFUSED}{CAUSE}{WRAPPED}\n".encode()
    log = tmp_path / "app.log"
    times = 30_000
    with log.open("wb") as file:
        for _ in range(20):
            file.write(noise * times)
            file.write(chain)
    tracemalloc.start()
    try:
        with log.open("rb") as file:
            found = explain_stream(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert log.stat().st_size > 55_000_000
    assert peak < 16_000_000
    assert (found.problem, found.count) == ("tcp-refused", 20)
    assert found.evidence[0].line == times + 4
    assert found.last_line == 20 * times + 19 * chain.count(b"\n") + 4


def test_a_line_of_many_megabytes_is_read_around_what_matters(tmp_path: Path) -> None:
    text = b"x" * 3_000_000 + b" Error: getaddrinfo ENOTFOUND api.anthropic.com " + b"y" * 3_000_000
    found = explain_text(b"first\n" + text)
    assert found.problem == "dns-name-not-found"
    assert found.evidence[0].line == 2
    assert len(found.evidence[0].text) <= 300


def test_an_error_at_every_line_of_a_large_log_is_counted() -> None:
    line = "2026-11-20T10:00:{:02d}Z ERROR id={:08x} httpx.ConnectError: [Errno 111] Connection refused\n"
    found = explain_text("".join(line.format(n % 60, n) for n in range(20_000)))
    assert (found.problem, found.count) == ("tcp-refused", 20_000)


# -- secrets ---------------------------------------------------------------------------------------


def everything(text: str | bytes) -> str:
    found = explain_text(text)
    page = render_text(found, width=100, colour=False, unicode=True)
    return "\n".join((str(found), page, to_json(found)))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"httpx2.LocalProtocolError: Illegal header value b'Bearer {KEY}\\n'", KEY),
        (f"curl: (6) Could not resolve host: a.b  -H 'x-api-key: {KEY}'", KEY),
        ("requests.exceptions.ProxyError: http://joe:hunter2x@proxy.corp:3128 Cannot connect to proxy.", "hunter2x"),
        ("httpx.InvalidURL: Invalid port: 'hunter2x'", "hunter2x"),
        ("ValueError: Port could not be cast to integer value as 'pa'", "'pa'"),
        (
            "InvalidHeader: Invalid return character(s) in header value: 'gateway-9f8e7d6c5b4a\\n'",
            "gateway-9f8e7d6c5b4a",
        ),
    ],
)
def test_a_secret_in_the_text_is_never_echoed_and_is_to_be_rotated(text: str, secret: str) -> None:
    shown = everything(text)
    assert secret not in shown
    assert "rotate" in shown
    assert explain_text(text).secret_seen


@pytest.mark.parametrize(
    "text",
    [
        "401 authentication_error: x-api-key header is required",
        "API key sk-ant-api03-... was rejected: invalid x-api-key",
        "Illegal header value b'Bearer '",
        "httpx.InvalidURL: Invalid port: ':1]'",
        "export ANTHROPIC_API_KEY=your-api-key",
    ],
)
def test_a_word_about_a_secret_is_none(text: str) -> None:
    assert not explain_text(text).secret_seen


def test_a_secret_far_from_the_error_in_a_large_log_is_seen() -> None:
    noise = "2026-11-20 INFO fine\n" * 40_000
    assert explain_text(f"{noise}request with {KEY}\n{noise}curl: (7) Failed to connect to a.b: refused\n").secret_seen


def test_values_that_the_caller_knows_are_taken_out() -> None:
    found = explain_text("curl: (6) Could not resolve host: correct-horse.example", secrets=["correct-horse"])
    assert "correct-horse" not in str(found) + to_json(found)


def test_control_characters_and_markup_of_a_hostile_text_are_harmless() -> None:
    page = everything("curl: (6) Could not resolve host: \x07[bold]evil[/bold]\x1b]0;title\x07.example")
    assert "\x07" not in page
    assert "\x1b" not in page
    assert "[bold]evil[/bold]" in page


# -- saved reports ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_saved_report_is_answered_from_its_own_verdict(name: str) -> None:
    report = REPORTS[name]
    found = explain_text(report_json(report))
    assert found.problem == report.problem
    assert found.reached_api == report.reached_api
    assert str(found).startswith(f"{report.problem or 'no problem'}: ")
    if report.problem:
        assert found.title == report.findings[0].title
        assert found.fixes == report.findings[0].fixes


def test_a_log_that_begins_like_a_report_is_a_log() -> None:
    text = '{"schema_version": 1, "first_failing_layer": "dns"}\ncurl: (6) Could not resolve host: a.b'
    assert explain_text(text).problem == "dns-name-not-found"


# -- what is shown ---------------------------------------------------------------------------------


def test_the_json_holds_every_field_of_the_contract() -> None:
    told = msgspec.json.decode(to_json(explain_text(INVALID)))
    assert {
        *("problem", "layer", "confidence", "reached_api", "request_id", "status", "title", "cause", "alternatives"),
        *("owner", "retryable", "fixes", "evidence", "others", "secret_seen"),
    } <= set(told)
    assert set(told["evidence"][0]) == {"line", "text"}
    assert set(told["alternatives"][0]) == {"code", "decide_by"}


@pytest.mark.parametrize(("width", "unicode"), [(80, True), (40, False)])
def test_the_page_fits_the_terminal_and_its_alphabet(width: int, unicode: bool) -> None:
    found = explain_text(f"{REFUSED}{CAUSE}{WRAPPED}\n{RATE}\nkey {KEY}")
    page = render_text(found, width=width, colour=False, unicode=unicode)
    commands = {line for fix in found.fixes for command in fix.commands for line in command.line.split("\n")}
    for line in page.split("\n"):
        assert len(line) <= width or line.strip() in commands, line
    assert unicode or page.isascii()
    assert "\x1b" not in page
    assert "\x1b[" in render_text(found, width=width, colour=True, unicode=unicode)


def test_the_page_of_an_explanation(golden: Callable[[str | Path, str], None]) -> None:
    log = "\n".join([*(f"2026-11-20 10:00:{n:02d} {RATE}" for n in range(12)), f"{REFUSED}{CAUSE}{WRAPPED}"])
    page = render_text(explain_text(log), width=80, colour=False, unicode=True)
    golden(Path(__file__).parent / "explain_cases" / "log.txt", page)
    golden(Path(__file__).parent / "explain_cases" / "short.txt", f"{explain_text(INVALID)}\n")
    unknown = render_text(explain_text("fetch failed"), width=80, colour=False, unicode=True)
    golden(Path(__file__).parent / "explain_cases" / "unknown.txt", unknown)


# -- examples for users ----------------------------------------------------------------------------


def test_a_failing_test_can_say_what_its_connection_error_means() -> None:
    """As in a test suite: `pytest.fail(str(explain(error)))` in place of a bare "Connection error."."""
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except ConnectionRefusedError as error:
        message = str(explain(error))
    assert message.startswith("tcp-refused: ")
    assert "claudecheck explain tcp-refused" in message


def test_a_log_record_can_carry_the_code_and_the_layer(caplog: pytest.LogCaptureFixture) -> None:
    """As in a service: the fields of the explanation go into the record, the short form into its text."""
    logger = logging.getLogger("service")
    try:
        raise TimeoutError("_ssl.c:989: The handshake operation timed out")
    except TimeoutError as error:
        found = explain(error)
        logger.warning("%s", found, extra={"problem": found.problem, "layer": found.layer})
    record = caplog.records[-1]
    assert (record.__dict__["problem"], record.__dict__["layer"]) == ("tls-timeout", "tls")
