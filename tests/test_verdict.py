"""The verdict as tables, without a socket: which finding is the culprit, whose it is, and what the run exits with."""

from __future__ import annotations

from typing import Any

import pytest

from claudecheck.diagnosis import origin, questions
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.questions import Target
from claudecheck.failures import Failure, LeftOut, Stage
from claudecheck.observations import Concern, Crash, End, HttpExchange, LocalNetwork, NameLookup, Skipped, Tunnel
from claudecheck.report import EXIT_OF_LAYER
from tests import seen
from tests.seen import (
    HOST,
    connect,
    exchange,
    findings,
    first,
    gateway,
    handshake,
    lookup,
    message,
    refused,
    report,
    tried,
)

DENIED = refused("authentication_error", "invalid x-api-key")
DEAD = connect(failure=Failure.TIMED_OUT)
LOST = lookup(failure=Failure.NAME_NOT_FOUND, addresses=[])
UP = (lookup(), connect(), handshake())
STOPS = Concern(kind="key-malformed", subject="ANTHROPIC_API_KEY", stops_client=True)
NO_KEY = Concern(kind="key-missing", stops_client=True)
WRONG_KIND = Concern(kind="key-wrong-kind", subject="ANTHROPIC_API_KEY")
KEYLESS = seen.route(credential="none")
KEYLESS_401 = exchange(401, authenticated=False, **DENIED)

# -- the order of culprits ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journal", "codes"),
    [
        # what stops the client before its first packet comes before the network
        ([STOPS, *UP, exchange(401, **DENIED)], ["e:key-malformed"]),
        ([STOPS, lookup(), DEAD], ["e:key-malformed", "e:tcp-timeout"]),
        # a missing key is the culprit only where the network is fine
        ([KEYLESS, NO_KEY, *UP, KEYLESS_401], ["e:key-missing"]),
        ([KEYLESS, NO_KEY, lookup(), DEAD], ["e:tcp-timeout", "e:key-missing"]),
        # a refusal shows which concern it was
        ([WRONG_KIND, *UP, exchange(401, **DENIED), message(401, **DENIED)], ["e:key-wrong-kind"]),
        ([WRONG_KIND, *UP, exchange(), message()], ["w:key-wrong-kind"]),
        ([WRONG_KIND, *UP, exchange(500, **refused("api_error"))], ["e:api-error", "w:key-wrong-kind"]),
        # errors before warnings, the first stage of the route first
        ([lookup(duration_ms=2000), DEAD], ["e:tcp-timeout", "w:dns-slow"]),
        (
            [lookup(duration_ms=2000), connect(duration_ms=400), handshake(Failure.RESET)],
            ["e:tls-reset", "w:dns-slow", "w:network-slow"],
        ),
    ],
)
def test_the_culprit_is_what_stops_the_client_first(journal: list[Any], codes: list[str]) -> None:
    assert findings(*journal) == codes


def test_without_any_network_that_is_the_culprit_and_not_what_it_led_to() -> None:
    none = LocalNetwork(ipv4_route=False, ipv6_route=False)
    assert findings(none, LOST)[0] == "e:no-network"
    assert "e:no-network" not in findings(LocalNetwork(ipv4_route=True, ipv6_route=False), LOST)
    assert "e:no-network" not in findings(LocalNetwork(ipv4_route=False, ipv6_route=False, interfaces=["eth0"]), LOST)


def test_what_yields_to_an_error_is_not_told_beside_one() -> None:
    cut = exchange(0)
    again = tried(questions.AGAIN, exchange())
    assert findings(*UP, cut, again, message()) == ["w:intermittent"]
    assert findings(*UP, cut, again, message(429, **refused("rate_limit_error"))) == ["e:rate-limited"]
    assert findings(*UP, cut, tried(questions.AGAIN, exchange(0))) == ["e:response-cut"]


def test_a_client_that_gets_through_overrules_the_walk() -> None:
    trial = tried(
        questions.TRIAL, exchange(401, step="trial", client="curl 8", authenticated=False, **DENIED), target=Target()
    )
    found = report(lookup(), DEAD, *trial)
    assert {(one.code, one.severity) for one in found.findings} == {
        ("tcp-timeout", "warning"),
        ("prediction-contradicted", "warning"),
    }
    assert (found.status, found.problem, found.reached_api) == ("degraded", None, True)


# -- exit codes and the whole ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journal", "layer", "code"),
    [
        ([STOPS], "environment", 10),
        ([LOST], "dns", 11),
        ([lookup(), DEAD], "tcp", 12),
        ([lookup(), connect(), handshake(Failure.TIMED_OUT)], "tls", 13),
        ([*UP, exchange(401, **DENIED)], "models", 15),
        ([*UP, exchange(), message(429, **refused("rate_limit_error"))], "messages", 16),
        ([*UP, exchange(), message(0, failure=Failure.SDK_BROKEN, error="ImportError")], "environment", 10),
    ],
)
def test_the_exit_code_is_that_of_the_culprits_layer(journal: list[Any], layer: str, code: int) -> None:
    found = report(*journal)
    assert (found.status, found.first_failing_layer, found.exit_code) == ("failing", layer, code)


def test_every_layer_of_the_catalogue_has_an_exit_code() -> None:
    assert {problem.layer for problem in CATALOGUE.values()} <= set(EXIT_OF_LAYER)


@pytest.mark.parametrize(
    ("journal", "strict", "status", "code"),
    [
        ([*UP, exchange(), message()], False, "healthy", 0),
        ([*UP, exchange(), message()], True, "healthy", 0),
        ([lookup(duration_ms=2000), *UP[1:], exchange(), message()], False, "degraded", 0),
        ([lookup(duration_ms=2000), *UP[1:], exchange(), message()], True, "degraded", 1),
        ([*UP, exchange(), message(), End(cut="deadline")], False, "healthy", 0),
        ([*UP, exchange(), End(cut="deadline")], False, "incomplete", 20),
        ([lookup(duration_ms=2000), *UP[1:], exchange(), End(cut="deadline")], False, "degraded", 0),
        ([lookup(duration_ms=2000), *UP[1:], End(cut="deadline")], False, "incomplete", 20),
        ([*UP, exchange(), End(cut="interrupted")], False, "incomplete", 130),
        ([*UP, End(cut="deadline")], False, "incomplete", 20),
        ([lookup(), DEAD, End(cut="deadline")], False, "failing", 12),
        ([lookup(), DEAD, End(cut="interrupted")], False, "failing", 130),
        ([*UP, Crash(stage=Stage.MODELS, probe="x", error="KeyError")], False, "failing", 70),
        ([*UP, Crash(stage=Stage.MODELS, probe="x", error="KeyError"), End(cut="interrupted")], False, "failing", 130),
        ([lookup(), DEAD, Crash(stage=Stage.MODELS, probe="x", error="KeyError")], False, "failing", 12),
    ],
)
def test_the_status_of_the_whole(journal: list[Any], strict: bool, status: str, code: int) -> None:
    found = report(seen.run(strict=strict), *journal)
    assert (found.status, found.exit_code) == (status, code)


def test_without_the_message_a_list_of_models_is_the_end_of_the_route() -> None:
    left_out = Skipped(stage=Stage.MESSAGES, because=LeftOut.OPTION)
    ended = (*UP, exchange(), left_out, End(cut="deadline"))
    assert report(seen.run(message=False), *ended).status == "healthy"
    assert report(seen.run(message=False), *UP, left_out, End(cut="deadline")).status == "incomplete"


# -- who answered ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_id", "official", "by_api"),
    [("req_1", True, True), ("req_1", False, True), ("abc", True, True), ("abc", False, False), ("", True, False)],
)
def test_only_a_request_id_of_the_apis_form_is_the_apis_behind_a_gateway(
    request_id: str, official: bool, by_api: bool
) -> None:
    assert origin.from_api(exchange(request_id=request_id), official=official) is by_api


@pytest.mark.parametrize(
    ("journal", "reached"),
    [
        ([*UP, exchange()], True),
        ([*UP, exchange(401, **DENIED)], True),
        ([*UP, exchange(403, shape="html")], False),
        ([*UP, exchange(0)], False),
        ([lookup(), DEAD], False),
        ([*UP], None),
        ([gateway(), *UP, exchange(request_id="")], True),
        ([gateway(), *UP, exchange(502, shape="api-error", error_type="api_error")], False),
        ([gateway(), *UP, exchange(404, shape="html")], False),
        ([*UP, exchange(0, failure=Failure.CANCELLED)], None),
    ],
)
def test_the_api_was_reached_when_it_answered_on_this_route(journal: list[Any], reached: bool | None) -> None:
    assert report(*journal).reached_api is reached


FILTER = {"x-deny-reason": "host_not_allowed"}
# -- whose move --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journal", "code", "owner", "confidence"),
    [
        ([*UP, exchange(502, shape="html")], "gateway-error", "network", "high"),
        ([gateway(), *UP, exchange(502, shape="html")], "gateway-error", "gateway", "high"),
        ([gateway(), *UP, exchange(502, shape="api-error")], "gateway-error", "gateway", "high"),
        ([*UP, exchange(403, shape="json", headers=FILTER)], "block-page", "network", "high"),
        ([*UP, exchange(403, shape="text", headers=FILTER)], "block-page", "network", "medium"),
        ([gateway(), *UP, exchange(404, shape="html")], "not-the-api", "you", "high"),
        ([*UP, exchange(500, **refused("api_error"))], "api-error", "anthropic", "high"),
        ([gateway(), *UP, exchange(500, shape="api-error", error_type="api_error")], "api-error", "gateway", "high"),
        ([lookup(), connect(), handshake(Failure.NOT_TLS)], "tls-not-tls", "network", "high"),
        ([gateway(), lookup(), connect(), handshake(Failure.NOT_TLS)], "tls-not-tls", "gateway", "high"),
        (
            [gateway(), lookup(), connect(), handshake(Failure.HOSTNAME_MISMATCH)],
            "tls-hostname-mismatch",
            "you",
            "high",
        ),
        ([lookup(), connect(), handshake(Failure.HOSTNAME_MISMATCH)], "tls-hostname-mismatch", "network", "high"),
        ([*UP, exchange(0, phase="wait")], "response-cut", "network", "high"),
        ([*UP, exchange(0, phase="dns+tcp")], "response-cut", "network", "medium"),
        ([*UP, exchange(0, failure=Failure.TIMED_OUT, phase="wait")], "response-timeout", "network", "high"),
    ],
)
def test_whose_move_it_is_and_how_sure_that_is(journal: list[Any], code: str, owner: str, confidence: str) -> None:
    found = first(*journal)
    assert (found.code, found.owner, found.confidence) == (code, owner, confidence)


@pytest.mark.parametrize(
    ("chosen", "public", "owner"),
    [(seen.route(), False, "network"), (gateway(), True, "network"), (gateway(), False, "you")],
)
def test_a_name_that_nobody_knows_is_its_writers(chosen: Any, public: bool, owner: str) -> None:
    answer = lookup(via="9.9.9.9", transport="udp", configured=False)
    asked = tried(questions.PUBLIC_RESOLVER, answer if public else LOST)
    assert first(chosen, LOST, asked).owner == owner


def answered(failure: Failure, **more: Any) -> NameLookup:
    return NameLookup(name=HOST, via="10.0.0.2", transport="udp", family="ipv4", failure=failure, **more)


@pytest.mark.parametrize(
    ("call", "direct", "code", "confidence"),
    [
        (Failure.NAME_NOT_FOUND, [], "dns-name-not-found", "high"),
        (Failure.NAME_NOT_FOUND, [Failure.NAME_NOT_FOUND], "dns-name-not-found", "high"),
        (Failure.NAME_NOT_FOUND, [Failure.SERVER_FAILURE], "dns-name-not-found", "medium"),
        (Failure.NAME_NOT_FOUND, [Failure.NO_ADDRESS], "dns-no-address", "high"),
        (Failure.NO_ADDRESS, [], "dns-no-address", "high"),
        (Failure.TRY_AGAIN, [Failure.SERVER_FAILURE], "dns-server-failure", "high"),
        (Failure.TRY_AGAIN, [Failure.SERVER_FAILURE, Failure.TIMED_OUT], "dns-server-failure", "medium"),
        (Failure.TRY_AGAIN, [Failure.QUERY_REFUSED], "dns-refused", "high"),
        (Failure.TRY_AGAIN, [Failure.TIMED_OUT], "dns-timeout", "high"),
        (Failure.TRY_AGAIN, [], "dns-timeout", "medium"),
        (Failure.TIMED_OUT, [None], "dns-timeout", "medium"),
    ],
)
def test_the_clients_own_call_decides_and_nameservers_name_the_cause(
    call: Failure, direct: list[Failure | None], code: str, confidence: str
) -> None:
    asked = [answered(one) if one else lookup(via="10.0.0.2", transport="udp") for one in direct]
    found = first(NameLookup(name=HOST, failure=call), *asked)
    assert (found.code, found.confidence) == (code, confidence)


@pytest.mark.parametrize(
    ("addresses", "elsewhere", "severity"),
    [
        (["104.16.1.1"], "160.79.104.10", "error"),
        (["104.16.1.1"], "104.16.1.1", "warning"),
        (["104.16.1.1"], "", "warning"),
    ],
)
def test_another_address_is_an_error_only_where_a_resolver_knows_the_right_one(
    addresses: list[str], elsewhere: str, severity: str
) -> None:
    asked = tried(questions.PUBLIC_RESOLVER, lookup(elsewhere, via="9.9.9.9", transport="udp")) if elsewhere else []
    found = report(lookup(*addresses), connect(addresses[0], failure=Failure.TIMED_OUT), asked)
    assert {one.code: one.severity for one in found.findings}["dns-unexpected-address"] == severity


# -- proxies -----------------------------------------------------------------------------------------

PROXIED = seen.route(proxy="http://proxy.test:3128", proxy_source="HTTPS_PROXY")


def tunnel(failure: Failure, status: int = 0, **more: Any) -> Tunnel:
    return Tunnel(proxy="http://proxy.test:3128", target=f"{HOST}:443", failure=failure, status=status, **more)


@pytest.mark.parametrize(
    ("answer", "direct", "code"),
    [
        (tunnel(Failure.PROXY_UPSTREAM_FAILED, 502), True, "proxy-unneeded"),
        (tunnel(Failure.PROXY_UPSTREAM_FAILED, 502), False, "proxy-upstream-failed"),
        # what a proxy refuses by policy is not called unneeded: going round it may not be allowed
        (tunnel(Failure.PROXY_DENIED, 403), True, "proxy-denied"),
        (tunnel(Failure.PROXY_AUTH_REQUIRED, 407), True, "proxy-auth-required"),
        (tunnel(Failure.PROXY_AUTH_REQUIRED, 407, schemes=["Negotiate", "NTLM"]), False, "proxy-auth-unsupported"),
        (tunnel(Failure.PROXY_AUTH_REQUIRED, 407, schemes=["NTLM", "Basic realm=x"]), False, "proxy-auth-required"),
    ],
)
def test_a_broken_proxy_is_unneeded_where_the_direct_way_works(answer: Tunnel, direct: bool, code: str) -> None:
    way = tried(questions.DIRECT, connect(), handshake() if direct else handshake(Failure.TIMED_OUT), target=Target())
    assert first(PROXIED, lookup(purpose="proxy"), connect(purpose="proxy"), answer, way).code == code


@pytest.mark.parametrize(
    ("control", "code", "confidence"),
    [(None, "proxy-timeout", "medium"), (False, "proxy-timeout", "high"), (True, "proxy-upstream-failed", "medium")],
)
def test_a_silent_proxy_is_told_from_one_that_is_silent_for_this_host(
    control: bool | None, code: str, confidence: str
) -> None:
    silent = tunnel(Failure.TIMED_OUT)
    opened = Tunnel(proxy="http://proxy.test:3128", target="control.test:443", status=200)
    asked = [] if control is None else tried(questions.PROXY_CONTROL, opened if control else silent)
    found = first(PROXIED, lookup(purpose="proxy"), connect(purpose="proxy"), silent, asked)
    assert (found.code, found.confidence) == (code, confidence)


# -- plain http, hosts beside the API, streams -------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "severity"), [("10.1.2.3", "warning"), ("127.0.0.1", "warning"), ("93.184.216.34", "error")]
)
def test_plain_http_is_an_error_where_it_leaves_the_network(address: str, severity: str) -> None:
    plain = gateway(scheme="http", url="http://llm.corp.example")
    concern = Concern(kind="base-url-insecure", subject="ANTHROPIC_BASE_URL")
    found = report(plain, concern, lookup(address), connect(address), exchange(), message())
    assert {one.code: one.severity for one in found.findings}["base-url-insecure"] == severity


def test_where_no_host_answers_the_hosts_beside_the_api_are_not_told() -> None:
    target = Target(name="login:claude.ai", shown="claude.ai (sign-in)", host="claude.ai", port=443)
    lost = tried(questions.CLIENT_HOST, NameLookup(name="claude.ai", failure=Failure.NAME_NOT_FOUND), target=target)
    assert "login-failed" not in " ".join(findings(LOST, lost))
    assert "w:login-failed" in findings(*UP, exchange(), message(), lost)


def test_a_stream_that_the_api_refuses_is_not_held_back() -> None:
    target = Target(send="stream")
    held = tried(questions.STREAMED, HttpExchange(stage="messages", failure=Failure.TIMED_OUT), target=target)
    limited = tried(questions.STREAMED, message(429, **refused("rate_limit_error")), target=target)
    assert findings(*UP, exchange(), message(), held) == ["e:stream-blocked"]
    assert findings(*UP, exchange(), message(), limited) == []
