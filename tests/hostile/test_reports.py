"""Reports that must not lie: about stages that a route does not have, and about a machine that stops itself."""

import pytest
from msgspec.structs import replace

from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure
from claudecheck.observations import Journal, NameLookup, ResolverConfig, RouteView
from claudecheck.report import StageRow
from tests.report_parts import CONNECT, HANDSHAKE, LOOKUP, MESSAGE, MODELS, PROXIED, ROUTE, observed


def plain(host: str, route: RouteView = ROUTE) -> RouteView:
    return replace(route, url=f"http://{host}", host=host, port=80, scheme="http", official=False)


ROUTES = {
    "plain http to a name": (
        plain("gateway.corp"),
        ("tls",),
    ),
    "plain http to an address": (
        plain("10.0.0.9"),
        ("dns", "tls"),
    ),
    "https to an address": (replace(ROUTE, url="https://10.0.0.9", host="10.0.0.9", official=False), ("dns",)),
    "https to an IPv6 address": (replace(ROUTE, url="https://[fd00::9]", host="fd00::9", official=False), ("dns",)),
    "plain http through a proxy": (plain("gateway.corp", PROXIED), ("tls",)),
}


@pytest.mark.parametrize(("route", "needless"), ROUTES.values(), ids=ROUTES.keys())
def test_a_stage_that_the_route_does_not_have_is_not_called_cut(route: RouteView, needless: tuple[str, ...]) -> None:
    seen = [] if "dns" in needless or route.proxy else [replace(LOOKUP, name=route.host)]
    secured = [] if "tls" in needless else [HANDSHAKE]
    connect = replace(CONNECT, purpose="proxy") if route.proxy else CONNECT
    report = diagnose(Journal(tuple(observed(*seen, connect, *secured, MODELS, MESSAGE, route=route))))
    rows: dict[str, StageRow] = {row.name: row for row in report.stages}
    assert not any("cut" in row.summary for row in report.stages)
    assert {name for name, row in rows.items() if row.skipped_because == "route"} == set(needless)
    assert all(rows[name].summary for name in needless)


def asked(via: str, failure: Failure | None, error: str = "", **other: str) -> NameLookup:
    name = {"name": "api.anthropic.com", "family": "ipv4", "transport": "udp", **other}
    return NameLookup(via=via, failure=failure, error=error, **name)  # type: ignore[arg-type]  # names of fields


def judged(*answers: NameLookup) -> tuple[str | None, str | None]:
    failed = NameLookup(name="api.anthropic.com", failure=Failure.TRY_AGAIN, error="Temporary failure")
    config = ResolverConfig(nameservers=[answer.via for answer in answers][:1])
    report = diagnose(Journal(tuple(observed(failed, config, *answers))))
    owner = report.findings[0].owner if report.findings else None
    return report.problem, owner


FORBIDDEN = (Failure.PROHIBITED, "[Errno 1] Operation not permitted")


def test_a_machine_that_lets_no_question_out_is_not_called_a_silent_resolver() -> None:
    silent = asked("10.0.0.2", Failure.TIMED_OUT, transport="tcp")
    assert judged(asked("10.0.0.2", *FORBIDDEN)) == ("tcp-prohibited", "you")
    assert judged(asked("10.0.0.2", *FORBIDDEN), asked("1.1.1.1", *FORBIDDEN), silent) == ("tcp-prohibited", "you")
    behind_a_stub = asked("127.0.0.53", Failure.SERVER_FAILURE)
    assert judged(behind_a_stub, asked("1.1.1.1", *FORBIDDEN)) == ("tcp-prohibited", "you")


def test_where_one_question_gets_out_the_machine_does_not_stop_itself() -> None:
    assert judged(asked("10.0.0.2", *FORBIDDEN), asked("10.0.0.3", Failure.TIMED_OUT))[0] == "dns-timeout"
    assert judged(asked("10.0.0.2", Failure.TIMED_OUT))[0] == "dns-timeout"
