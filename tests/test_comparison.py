"""The sentence of `compare`, its page and its JSON, from reports that `doctor` would make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from claudecheck.diagnosis.comparison import Change, Column, Comparison, Outcome, Variable, before, compare, rows
from claudecheck.failures import Failure
from claudecheck.render.compare import comparison_json, render_comparison
from claudecheck.report import Report
from tests.network_reports import (
    DNS_NAME_NOT_FOUND,
    HEALTHY,
    HEALTHY_VIA_PROXY,
    PROXY_AUTH_REQUIRED,
    TLS_INTERCEPTED,
)
from tests.report_parts import MESSAGE, MODELS, observed
from tests.reports import INCOMPLETE, KEY_MISSING

GATEWAY = "https://gateway.corp.example"


def column(label: str, variable: Variable, report: Report, after: str = "", **more: object) -> Column:
    keyless = bool(more.pop("keyless", False))
    change = Change(variable=variable, after=after or label, **more)  # type: ignore[arg-type]  # fields of Change
    return Column(label=label, report=report, change=change, keyless=keyless)


def first(report: Report) -> Column:
    return Column(label="as it is", report=report)


DIRECT = column("direct", "proxy", HEALTHY, "none", unsets=["HTTPS_PROXY"])


def said(*columns: Column) -> Comparison:
    return compare(columns)


# -- the sentence ------------------------------------------------------------------------------------


def test_the_change_that_opens_the_way_decides() -> None:
    made = said(first(PROXY_AUTH_REQUIRED), DIRECT)
    assert made.sentence == (
        "The proxy decides: with http://proxy.corp.example:8080 it fails (proxy-auth-required at proxy), "
        "without a proxy it gets through"
    )
    assert made.variable == "proxy"
    assert made.outcomes == ["fails", "through"]
    assert made.fix is not None
    assert [command.line for command in made.fix.commands] == ["unset HTTPS_PROXY"]


def test_the_change_that_blocks_the_way_decides_as_well() -> None:
    made = said(first(HEALTHY), column("proxy p:3128", "proxy", PROXY_AUTH_REQUIRED, "http://p:3128"))
    assert made.sentence == (
        "The proxy decides: with http://p:3128 it fails (proxy-auth-required at proxy), without a proxy it gets through"
    )
    assert made.code == "proxy-auth-required"


def test_changes_that_do_not_help_are_told_beside_the_one_that_does() -> None:
    made = said(
        first(TLS_INTERCEPTED),
        column("all.pem", "CA file", HEALTHY, "/home/ana/all.pem", sets={"SSL_CERT_FILE": "/home/ana/all.pem"}),
        column("other.pem", "CA file", TLS_INTERCEPTED, "/home/ana/other.pem"),
        column("IPv4", "address family", TLS_INTERCEPTED),
    )
    assert made.sentence == (
        "The CA file decides: with the system's store it fails (tls-intercepted at tls), "
        "with /home/ana/other.pem it fails too (tls-intercepted at tls), "
        "with /home/ana/all.pem it gets through, and no other change helps"
    )
    assert made.fix is not None
    assert made.fix.commands[0].line == "export SSL_CERT_FILE=/home/ana/all.pem"


def test_several_variables_that_open_the_way_are_all_named_and_none_is_the_one() -> None:
    made = said(first(PROXY_AUTH_REQUIRED), DIRECT, column("curl", "client", HEALTHY))
    assert made.sentence == (
        "As it is, it fails (proxy-auth-required at proxy); each of these changes alone gets through: direct, curl"
    )
    assert made.variable is None


def test_several_variables_that_break_it_are_all_named() -> None:
    made = said(
        first(HEALTHY),
        column("IPv6", "address family", DNS_NAME_NOT_FOUND),
        column("curl", "client", TLS_INTERCEPTED),
    )
    assert made.sentence == (
        "As it is, it gets through; each of these changes alone breaks it: "
        "IPv6 (dns-name-not-found at dns), curl (tls-intercepted at tls)"
    )
    assert made.variable is None


def test_when_all_fail_alike_none_decides() -> None:
    made = said(
        first(DNS_NAME_NOT_FOUND),
        column("IPv4", "address family", DNS_NAME_NOT_FOUND),
        column("curl", "client", DNS_NAME_NOT_FOUND),
    )
    assert made.sentence == "None of these variables decides: all fail at dns with dns-name-not-found"
    assert made.fix is not None
    alone = said(first(DNS_NAME_NOT_FOUND), column("curl", "client", DNS_NAME_NOT_FOUND))
    assert alone.sentence == "The client does not decide: both fail at dns with dns-name-not-found"


def test_when_they_fail_differently_each_failure_is_told_once() -> None:
    made = said(
        first(PROXY_AUTH_REQUIRED),
        column("direct", "proxy", DNS_NAME_NOT_FOUND, "none"),
        column("curl", "client", PROXY_AUTH_REQUIRED),
    )
    assert made.sentence == (
        "None of these variables decides: as it is and with curl it fails with proxy-auth-required at proxy, "
        "without a proxy with dns-name-not-found at dns"
    )


def test_when_all_get_through_there_is_no_difference() -> None:
    assert said(first(HEALTHY_VIA_PROXY), DIRECT).sentence == "No difference: both get through"
    made = said(first(HEALTHY), DIRECT, column("curl", "client", HEALTHY))
    assert (made.sentence, made.fix, made.variable) == ("No difference: all get through", None, None)


def test_a_first_route_that_was_cut_leaves_the_question_open() -> None:
    made = said(first(INCOMPLETE), DIRECT)
    assert made.outcomes == ["cut", "through"]
    assert made.sentence == (
        "It cannot be told: as it is, the run was cut before its end; without a proxy it gets through"
    )


def test_another_route_that_was_cut_is_named_in_a_note() -> None:
    made = said(first(HEALTHY), column("curl", "client", INCOMPLETE))
    assert made.sentence == "It cannot be told: the first route gets through, and others were cut"
    assert made.notes == ["curl: cut before its end, so nothing is said about it"]
    failing = said(first(TLS_INTERCEPTED), column("curl", "client", INCOMPLETE))
    assert failing.sentence == (
        "It cannot be told: as it is, it fails (tls-intercepted at tls), and no change was seen to get through"
    )


# -- a host without a key ----------------------------------------------------------------------------

ASKED = replace(
    KEY_MISSING,
    observations=observed(
        replace(MODELS, status=401, failure=Failure.STATUS, authenticated=False, shape="api-error", models=[])
    ),
)
KEYLESS = column("gateway.corp.example", "base URL", ASKED, GATEWAY, keyless=True, sets={"ANTHROPIC_BASE_URL": GATEWAY})


def test_a_host_that_asks_for_a_key_has_been_reached() -> None:
    made = said(first(TLS_INTERCEPTED), KEYLESS)
    assert made.outcomes == ["fails", "through"]
    assert made.variable == "base URL"
    assert "--key-env NAME" in made.notes[0]
    assert made.fix is not None
    assert "a key of its own" in made.fix.text
    shown = {row.name: (row.status, row.summary) for row in rows(KEYLESS)}
    assert shown["environment"] == ("warn", "no key of its own: --key-env NAME")
    assert shown["messages"] == ("skip", "not sent: no key of its own")


def test_what_the_api_said_about_a_key_is_not_compared_with_a_host_that_got_none() -> None:
    refused = replace(ASKED, problem="key-invalid", first_failing_layer="models", exit_code=15)
    made = said(first(refused), KEYLESS)
    assert made.outcomes == ["fails", "untold"]
    assert made.sentence.startswith("It cannot be told: as it is, it fails (key-invalid at models)")


def test_a_key_from_a_variable_is_handed_on_by_name() -> None:
    key = {"key_name": "GATEWAY_KEY", "key_variable": "ANTHROPIC_API_KEY"}
    named = column("gw", "base URL", HEALTHY, GATEWAY, sets={"ANTHROPIC_BASE_URL": GATEWAY}, **key)
    made = said(first(TLS_INTERCEPTED), named)
    assert made.fix is not None
    assert [command.line for command in made.fix.commands] == [
        f'export ANTHROPIC_BASE_URL={GATEWAY} &&\n  export ANTHROPIC_API_KEY="${{GATEWAY_KEY:?}}"'
    ]
    assert "GATEWAY_KEY" in rows(named)[0].summary


# -- notes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("took", "notes"), [(2000.0, ["direct: tls takes 50 times as long (2.0 s)"]), (300.0, [])])
def test_only_a_stage_that_is_slower_beyond_doubt_is_worth_a_note(took: float, notes: list[str]) -> None:
    slow = replace(
        HEALTHY, stages=[replace(row, duration_ms=took) if row.name == "tls" else row for row in HEALTHY.stages]
    )
    usual = replace(
        HEALTHY, stages=[replace(row, duration_ms=40.0) if row.name == "tls" else row for row in HEALTHY.stages]
    )
    assert said(first(usual), replace(DIRECT, report=slow)).notes == notes


def test_different_models_are_said() -> None:
    one = replace(HEALTHY, observations=observed(MESSAGE))
    other = replace(HEALTHY, observations=observed(replace(MESSAGE, model="claude-haiku-4-5")))
    assert said(first(one), replace(DIRECT, report=other)).notes == [
        "not the same model everywhere (claude-haiku-5-5: as it is; claude-haiku-4-5: direct): name one with --model"
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("proxy", "http://proxy.corp.example:8080"),
        ("base URL", "https://api.anthropic.com"),
        ("address family", "any"),
        ("client", "the Python SDK"),
        ("interpreter", "/home/ana/app/.venv/bin/python"),
        ("CA file", "the system's store"),
        ("timeout", "the usual limits"),
    ],
)
def test_the_first_routes_value_of_each_variable_comes_from_its_report(variable: Variable, value: str) -> None:
    assert before(Change(variable=variable, after="x"), PROXY_AUTH_REQUIRED) == value


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (
            column("60 s", "timeout", HEALTHY, "60 s", seconds=60),
            "client = anthropic.Anthropic(timeout=anthropic.Timeout(600, connect=60))",
        ),
        (
            column("p", "proxy", HEALTHY, "http://p:1", sets={"HTTPS_PROXY": "http://p:1"}, unsets=["no_proxy"]),
            "export HTTPS_PROXY=http://p:1 &&\n  unset no_proxy",
        ),
    ],
)
def test_the_winning_change_is_made_permanent_by_a_line_to_paste(made: Column, line: str) -> None:
    fix = said(first(TLS_INTERCEPTED), made).fix
    assert fix is not None
    assert fix.commands[-1].line == line


@pytest.mark.parametrize(("problem", "moves"), [("sdk-missing", True), ("sdk-broken", True), ("header-scheme", False)])
def test_a_program_moves_to_another_interpreter_only_where_its_own_has_no_cure(problem: str, moves: bool) -> None:
    failing = replace(TLS_INTERCEPTED, problem=problem, first_failing_layer="messages", exit_code=16)
    fix = said(first(failing), column("3.13", "interpreter", HEALTHY, "/opt/my python")).fix
    line = fix.commands[-1].line if fix and fix.commands else ""
    assert (line == "'/opt/my python' your_program.py") is moves


def test_an_answer_that_takes_longer_is_no_reason_to_shorten_the_sdks_timeout() -> None:
    slow = replace(TLS_INTERCEPTED, problem="response-timeout", first_failing_layer="models", exit_code=15)
    fix = said(first(slow), column("60 s", "timeout", HEALTHY, "60 s")).fix
    assert fix is not None
    assert "a shorter timeout in your program" in fix.text
    assert fix.commands == []


def test_where_a_change_is_no_setting_the_fix_is_that_of_the_problem() -> None:
    made = said(first(TLS_INTERCEPTED), column("curl", "client", HEALTHY))
    assert made.fix == TLS_INTERCEPTED.findings[0].fixes[0]


# -- page and JSON -----------------------------------------------------------------------------------

SHOWN = (
    first(PROXY_AUTH_REQUIRED),
    DIRECT,
    column("IPv4", "address family", PROXY_AUTH_REQUIRED),
    replace(KEYLESS, label="gateway.corp.example/a/path/that/is/long"),
)


def page(width: int, *, colour: bool = False, unicode: bool = True) -> str:
    return render_comparison(SHOWN, compare(SHOWN), 14, width=width, colour=colour, unicode=unicode)


@pytest.mark.parametrize("width", [120, 100, 80, 60])
def test_the_page_looks_as_it_was_reviewed(width: int, golden: Callable[[str | Path, str], None]) -> None:
    golden(f"compare-{width}.txt", page(width))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_the_page_keeps_to_its_width(width: int) -> None:
    lines = [line for line in page(width).splitlines() if not line.startswith("    ")]
    assert max(map(len, lines)) <= width


def test_the_page_is_ascii_where_the_stream_knows_nothing_else_and_plain_without_colour() -> None:
    assert page(120, unicode=False).isascii()
    assert "\x1b" not in page(120)
    assert "\x1b[" in page(120, colour=True)


OUTCOMES: dict[Outcome, Column] = {
    "through": DIRECT,
    "fails": column("curl", "client", TLS_INTERCEPTED),
    "cut": column("IPv6", "address family", INCOMPLETE),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_has_its_words_in_columns_and_in_blocks(outcome: Outcome) -> None:
    words = {"through": "gets through", "fails": "tls-intercepted", "cut": "cut before its end"}[outcome]
    columns = (first(HEALTHY), OUTCOMES[outcome])
    for width in (120, 50):
        assert words in render_comparison(columns, compare(columns), 0, width=width, colour=False, unicode=True)


def test_the_json_holds_the_whole_report_of_each_column_and_what_decides() -> None:
    made = compare(SHOWN)
    told = json.loads(comparison_json(SHOWN, made, 14))
    assert list(told) == ["schema_version", "tool", "columns", "deciding", "exit_code"]
    assert [(one["label"], one["changed"], one["outcome"]) for one in told["columns"][:2]] == [
        ("as it is", None, "fails"),
        ("direct", "proxy", "through"),
    ]
    assert told["columns"][1]["from"] == "http://proxy.corp.example:8080"
    assert told["columns"][1]["report"]["status"] == "healthy"
    assert told["deciding"]["pass"] == ["direct", "gateway.corp.example/a/path/that/is/long"]
    assert told["deciding"]["fail"] == ["as it is", "IPv4"]
    assert told["deciding"]["sentence"] == made.sentence
    assert told["exit_code"] == 14
