"""Where requests leave: the page of the edge that refused, asked of the route's own host and without a key."""

from __future__ import annotations

import pytest

from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure, Stage
from claudecheck.lab import Lab
from claudecheck.observations import (
    AnyObservation,
    End,
    Exit,
    HttpExchange,
    Journal,
    RouteChosen,
    RouteView,
    Run,
    VariationTried,
)
from claudecheck.probes.api.answer import exit_of, facts_of
from tests.doctor import PYTHON, run

TRACE = "fl=1ab\nh=api.anthropic.com\nip=192.0.2.77\nts=1.0\nuag=x=y\ncolo=FRA\nloc=DE\ntls=TLSv1.3\n"
LEFT = Exit(address="192.0.2.77", country="AQ", centre="LAB")


def test_the_edges_page_is_asked_once_without_a_key_also_when_only_the_own_host_may_be_asked() -> None:
    with Lab("request-forbidden") as lab:
        arguments = ("--json", "--local-only", "--no-message", "--python", PYTHON)
        report = run("doctor", *arguments, variables=lab.variables).report
        asked = [request for request in lab.requests if request.path == "/cdn-cgi/trace"]
    assert report["problem"] == "request-forbidden"
    (finding,) = [one for one in report["findings"] if one["code"] == "request-forbidden"]
    assert LEFT.in_words in finding["cause"]
    assert f"the edge sees the request come from {LEFT.in_words}" in finding["seen"]
    (request,) = asked
    assert not {"authorization", "x-api-key", "cookie"} & set(request.headers)


def test_a_healthy_run_asks_nothing_more() -> None:
    with Lab("healthy") as lab:
        assert run("doctor", "--json", "--local-only", "--python", PYTHON, variables=lab.variables).exit_code == 0
        assert not [request for request in lab.requests if request.path.startswith("/cdn-cgi")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (TRACE, Exit(address="192.0.2.77", country="DE", centre="FRA")),
        (TRACE.replace("192.0.2.77", "2001:db8::7"), Exit(address="2001:db8::7", country="DE", centre="FRA")),
        (TRACE.replace("loc=DE", "loc=<b>"), Exit(address="192.0.2.77", centre="FRA")),
        (TRACE.replace("loc=DE\n", ""), Exit(address="192.0.2.77", centre="FRA")),
        (TRACE.replace("192.0.2.77", "\x1b[31m"), None),
        (TRACE.replace("colo=FRA\n", ""), None),
        ("<html>ip=1.2.3.4</html>", None),
        ("", None),
    ],
)
def test_a_page_that_is_absent_or_odd_says_nothing(body: str, expected: Exit | None) -> None:
    assert exit_of(body) == expected
    assert facts_of(200, [("content-type", "text/plain")], body).get("leaves") == expected


def _refused(*exits: Exit) -> Journal:
    host = "api.anthropic.com"
    refused = HttpExchange(
        stage="models",
        url=f"https://{host}/v1/models",
        status=403,
        failure=Failure.STATUS,
        error_type="forbidden",
        headers={"cf-ray": "8f-FRA"},
    )
    tried: list[AnyObservation] = []
    for name, left in zip(("ipv4", "ipv6"), exits, strict=False):
        tried.append(VariationTried(id=f"models:exit:{name}", stage=Stage.MODELS, changed="page"))
        tried.append(
            HttpExchange(stage="models", step="exit", status=200, leaves=left, variation=f"models:exit:{name}")
        )
    chosen = RouteChosen(route=RouteView(client="python", url=f"https://{host}", host=host, official=True))
    return Journal((Run(version="0", started_at="2026-11-30T10:00:00Z"), chosen, refused, *tried, End(at_ms=900.0)))


def test_two_ways_out_in_two_countries_are_told() -> None:
    other = Exit(address="2001:db8::7", country="DE", centre="FRA")
    split, same = (
        next(one for one in diagnose(journal).findings if one.code == "request-forbidden")
        for journal in (_refused(LEFT, other), _refused(LEFT))
    )
    assert any("leave in different countries" in line for line in split.seen)
    assert LEFT.in_words in split.cause
    assert other.in_words in split.cause
    assert not any("different countries" in line for line in same.seen)
