"""A cure is a change that was walked: what got through comes first, what did not is not advised."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from claudecheck.clients.snapshot import Snapshot
from claudecheck.diagnosis import cures
from claudecheck.diagnosis.change import Change
from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.observations import (
    ChangeTried,
    HttpExchange,
    Journal,
    NameLookup,
    Observation,
    RouteView,
    TcpConnect,
    TlsHandshake,
    Tunnel,
)
from claudecheck.report import Command, Finding, Fix, Layer, Trial
from claudecheck.route import Credential, Endpoint, Plan, Proxy, Route, Secret
from claudecheck.run.options import Options
from claudecheck.run.trials import Ground, within_promises

UNSET = Change(unsets=("HTTPS_PROXY",))
NAME = cures.name_of(UNSET)
FOUND = NameLookup(name="api.anthropic.com", variation=NAME, addresses=["160.79.104.10"])
CONNECTED = TcpConnect(address="160.79.104.10", port=443, variation=NAME)
SECURED = TlsHandshake(address="160.79.104.10", variation=NAME, verified=True)
LISTED = HttpExchange(stage="models", variation=NAME, status=200, authenticated=True, request_id="req_1")
REFUSED = HttpExchange(
    stage="models", variation=NAME, status=401, authenticated=True, request_id="req_1", failure=Failure.STATUS
)
SENT = HttpExchange(stage="messages", variation=NAME, status=200, authenticated=True, request_id="req_1")


def judged(
    *steps: Observation, layer: Layer = "proxy", code: str = "proxy-unneeded", stops: list[str] | None = None
) -> Trial | None:
    declared = ChangeTried(id=NAME, changed="HTTPS_PROXY unset", stops=stops or [], route=RouteView(client="python"))
    return cures.trial(Journal((msgspec.structs.replace(declared, variation=NAME), *steps)), UNSET, code, layer)  # type: ignore[arg-type]


def test_what_nobody_tried_has_no_outcome() -> None:
    assert cures.trial(Journal(), UNSET, "proxy-unneeded", "proxy") is None


def test_a_client_that_is_still_stopped_has_gained_nothing() -> None:
    assert judged(stops=["proxy-url-invalid"]) == Trial(reached=False, stage="environment")


def test_a_walk_to_the_list_of_models_got_through() -> None:
    assert judged(FOUND, CONNECTED, SECURED, LISTED) == Trial(reached=True, stage="models")


def test_an_answer_to_a_key_that_is_refused_shows_that_the_way_is_mended_and_no_more() -> None:
    assert judged(FOUND, CONNECTED, SECURED, REFUSED) == Trial(reached=True, stage="tls")


def test_a_key_is_mended_only_when_the_api_takes_it() -> None:
    assert judged(REFUSED, layer="environment", code="key-malformed") == Trial(reached=False, stage="models")
    assert judged(LISTED, layer="environment", code="key-malformed") == Trial(reached=True, stage="models")


def test_an_answer_without_a_key_shows_all_that_can_be_shown_without_one() -> None:
    keyless = HttpExchange(stage="models", variation=NAME, status=401, request_id="req_1", failure=Failure.STATUS)
    assert judged(SECURED, keyless) == Trial(reached=True, stage="models")


def test_where_the_message_failed_only_a_message_shows_that_it_is_mended() -> None:
    assert judged(SECURED, LISTED, layer="messages") == Trial(reached=False, stage="models")
    assert judged(SECURED, LISTED, SENT, layer="messages") == Trial(reached=True, stage="messages")


@pytest.mark.parametrize(
    ("last", "stage"),
    [
        (NameLookup(name="x", variation=NAME, failure=Failure.NAME_NOT_FOUND), "dns"),
        (TcpConnect(address="192.0.2.1", port=443, variation=NAME, failure=Failure.REFUSED), "tcp"),
        (Tunnel(proxy="http://p:1", target="x:443", variation=NAME, failure=Failure.STATUS), "proxy"),
        (TlsHandshake(address="192.0.2.1", variation=NAME, failure=Failure.UNTRUSTED_ISSUER), "tls"),
    ],
)
def test_the_step_that_stops_a_trial_is_named(last: Observation, stage: str) -> None:
    outcome = judged(FOUND, last)
    assert outcome is not None
    assert (outcome.reached, outcome.stage) == (False, stage)


def test_one_address_of_several_that_answers_is_enough() -> None:
    dead = TcpConnect(address="192.0.2.1", port=443, variation=NAME, failure=Failure.REFUSED)
    assert judged(FOUND, dead, CONNECTED, SECURED) == Trial(reached=True, stage="tls")


def test_a_trial_that_the_deadline_cut_says_nothing() -> None:
    assert judged(FOUND, CONNECTED, msgspec.structs.replace(SECURED, failure=Failure.CANCELLED)) is None


# -- what is advised -----------------------------------------------------------------------------------


def finding(*fixes: Fix) -> Finding:
    return Finding(code="proxy-unneeded", layer="proxy", severity="error", title="", cause="", fixes=list(fixes))


UNTRIED = Fix(text="untried", commands=[Command(shell="sh", line="true")])
PROVED = Fix(text="proved", commands=[Command(shell="sh", line="true")], tried=Trial(reached=True, stage="models"))
PAST = Fix(text="past", tried=Trial(reached=True, stage="tls"))
FAILED = Fix(text="failed", tried=Trial(reached=False, stage="tcp"))
LOOK, ASK = Fix(text="look", kind="look"), Fix(text="ask", kind="ask")


def test_proved_comes_before_untried_before_looks_before_asks_and_what_failed_is_not_advised() -> None:
    settled = cures.settled(finding(ASK, FAILED, LOOK, UNTRIED, PAST, PROVED))
    assert settled.fixes == [PROVED, PAST, UNTRIED, LOOK, ASK]
    assert settled.rejected == [FAILED]


def test_the_cure_is_the_first_fix_and_says_whether_it_is_proved() -> None:
    for fix, expected in ((PROVED, True), (UNTRIED, False)):
        told = cures.cure(finding(fix))
        assert told is not None
        assert (told.commands, told.proved) == (fix.commands, expected)


@pytest.mark.parametrize(
    "fix", [LOOK, ASK, PAST, msgspec.structs.replace(PROVED, needs=["the password"])], ids=lambda fix: fix.text
)
def test_what_cannot_be_pasted_is_no_cure(fix: Fix) -> None:
    assert cures.cure(finding(fix)) is None


def test_the_same_change_has_the_same_name_in_every_run() -> None:
    assert "cure:" + NAME[5:] == NAME
    assert cures.name_of(Change(unsets=("HTTPS_PROXY",))) == NAME != cures.name_of(Change(unsets=("https_proxy",)))


# -- what a trial may send -----------------------------------------------------------------------------

KEY = Credential(sort="api-key", secret=Secret("sk-ant-api03-made-up"), source="ANTHROPIC_API_KEY")
GATEWAY = Route(endpoint=Endpoint(host="gw.example.com"), credential=KEY)
PLAIN = replace(GATEWAY, endpoint=Endpoint(scheme="http", host="10.0.0.7", port=80))
PROXY = Proxy("http", "proxy.example.com", 3128)


def sends(own: Route | None, changed: Route) -> bool:
    ground = Ground(Snapshot(), Plan(own), None, Options(), JournalWriter(Deadline(1)))
    return bool(within_promises(ground, changed).credential.secret)


def test_a_credential_goes_to_the_user_s_own_host_and_to_no_other() -> None:
    assert sends(GATEWAY, replace(GATEWAY, proxy=PROXY))
    assert not sends(GATEWAY, replace(GATEWAY, endpoint=Endpoint()))
    assert not sends(GATEWAY, replace(GATEWAY, endpoint=Endpoint(host="gw.example.com", port=8443)))
    assert not sends(None, GATEWAY)


def test_over_plain_http_no_proxy_gets_to_see_it_that_did_not_before() -> None:
    assert sends(PLAIN, PLAIN)
    assert not sends(PLAIN, replace(PLAIN, proxy=PROXY))
