"""Advice fits the client that it is given to, and the place where its variable is set."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from claudecheck.clients import python_sdk
from claudecheck.clients.snapshot import Snapshot
from claudecheck.diagnosis.comparison import Change, Column, compare
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.rules.proxy import proxy_required
from claudecheck.failures import Failure, Stage
from claudecheck.observations import (
    Concern,
    Interpreter,
    Journal,
    RouteChosen,
    RouteView,
    SetVariable,
    Surroundings,
    TcpConnect,
    VariationTried,
)
from claudecheck.report import Finding, Report
from tests.network_reports import HEALTHY, HEALTHY_VIA_PROXY, PROXY_AUTH_REQUIRED, TLS_INTERCEPTED

PROXY = "http://proxy.corp.example:3128"


def lines(found: Finding | None) -> list[str]:
    assert found is not None
    return [command.line for command in found.fixes[0].commands if command.shell == "sh"]


def required(*more: Concern, client: str = "python", bypass: str = "") -> Finding | None:
    """The direct way fails, and the proxy that this machine knows opens it."""
    tried = VariationTried(id="tcp:known-proxy", stage=Stage.TCP, changed="proxy", before="none", after=PROXY)
    opened = TcpConnect(address="10.0.0.8", port=3128, variation="tcp:known-proxy")
    route = RouteView(client=client, host="api.anthropic.com", proxy_bypassed_by=bypass)
    return proxy_required(Evidence(Journal((RouteChosen(route=route), tried, opened, *more))), [])


@pytest.mark.parametrize("client", ["python", "curl", "claude-code"])
def test_a_proxy_that_is_needed_is_named_in_the_variable_that_the_client_reads(client: str) -> None:
    assert lines(required(client=client)) == [f"export HTTPS_PROXY={PROXY}"]


@pytest.mark.parametrize("client", ["typescript", "node"])
def test_node_has_to_be_told_to_read_the_proxy_variables(client: str) -> None:
    assert lines(required(client=client)) == [f"export HTTPS_PROXY={PROXY} &&\n  export NODE_USE_ENV_PROXY=1"]


def test_where_no_proxy_keeps_the_client_off_a_proxy_that_is_set_it_comes_first() -> None:
    assert lines(required(bypass=".anthropic.com")) == ["unset NO_PROXY no_proxy"]


def test_an_empty_variable_in_small_letters_is_filled_since_it_hides_the_one_in_capitals() -> None:
    values = {"variable": "HTTPS_PROXY", "proxy_variable": "https_proxy", "value": PROXY}
    hidden = Concern(kind="proxy-variables-conflict", subject="HTTPS_PROXY", detail="", values=values)
    assert lines(required(hidden)) == [f"export https_proxy={PROXY}"]


def test_the_python_sdk_knows_the_proxy_behind_an_empty_variable() -> None:
    variables = {"ANTHROPIC_API_KEY": "k", "HTTPS_PROXY": PROXY, "https_proxy": ""}
    sdk = Interpreter(path="python3", chosen_by="own", sdk="2.12.0", generation=2)
    route = python_sdk.plan(Snapshot(variables=variables), sdk).route
    assert route is not None
    assert route.proxy is None
    assert route.known_proxy is not None
    assert (route.known_proxy.shown, route.known_proxy.source) == (PROXY, "HTTPS_PROXY")


@pytest.mark.parametrize("client", ["typescript", "node"])
def test_node_is_given_no_advice_for_python_about_a_proxy_that_it_ignores(client: str) -> None:
    machine = Machine(client=client)
    found = CATALOGUE["proxy-ignored"].finding({"suggestion": PROXY}, machine=machine, seen=[], ruled_out=[])
    assert [fix.place for fix in found.fixes] == ["shell", "your program"]
    assert lines(found) == [f"export HTTPS_PROXY={PROXY} &&\n  export NODE_USE_ENV_PROXY=1"]


def test_a_variable_of_a_settings_file_is_changed_there_and_not_in_the_shell() -> None:
    file = "/home/ana/.claude/settings.json"
    route = RouteView(client="claude-code", host="llm.corp.example", base_url_source=f"ANTHROPIC_BASE_URL in {file}")
    refused = TcpConnect(address="10.0.0.9", port=443, failure=Failure.REFUSED)
    around = Surroundings(variables=[SetVariable(name="ANTHROPIC_BASE_URL", kind="settings", file=file)])
    found = Evidence(Journal((RouteChosen(route=route), around, refused))).finding("tcp-refused")
    (told,) = [fix for fix in found.fixes if f"ANTHROPIC_BASE_URL is set in {file}" in fix.text]
    assert told.place == file
    (command,) = told.commands
    assert command.line.startswith("python3 -c")
    assert command.line.endswith(f"{file} {file}.bak ANTHROPIC_BASE_URL")


# -- what `compare` advises --------------------------------------------------------------------------


def test_a_first_route_that_works_through_the_proxy_needs_no_advice_for_the_direct_way() -> None:
    direct = Column(label="direct", report=TLS_INTERCEPTED, change=Change(variable="proxy", after="none"))
    made = compare([Column(label="as it is", report=HEALTHY_VIA_PROXY), direct])
    assert made.variable == "proxy"
    assert made.fix is None


def test_a_client_with_a_dead_proxy_of_its_own_is_told_to_leave_that_out() -> None:
    culprit = replace(PROXY_AUTH_REQUIRED.findings[0], code="proxy-unneeded")
    dead = replace(PROXY_AUTH_REQUIRED, problem="proxy-unneeded", findings=[culprit])
    change = Change(variable="client", after="Claude Code")
    made = compare([Column(label="as it is", report=HEALTHY), Column(label="Claude Code", report=dead, change=change)])
    assert made.fix == culprit.fixes[0]


def test_interpreters_with_different_sdks_are_told_apart_by_them() -> None:
    def with_sdk(version: str) -> Report:
        seen = HEALTHY.observations
        return replace(
            HEALTHY, observations=[replace(one, sdk=version) if isinstance(one, Interpreter) else one for one in seen]
        )

    change = Change(variable="interpreter", after="old/bin/python")
    old = Column(label="old/bin/python", report=with_sdk("0.75.0"), change=change)
    made = compare([Column(label="as it is", report=with_sdk("2.12.0")), old])
    assert made.notes == ["not the same SDK everywhere: 2.12.0 as it is; 0.75.0 old/bin/python"]
