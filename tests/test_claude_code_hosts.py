"""The hosts that Claude Code needs beside the API: which are walked, how, and what is said when one is blocked."""

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from claudecheck.clients import claude_code, claude_code_hosts
from claudecheck.clients.claude_code_hosts import HOSTS, Chosen
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.third_parties import NO_THIRD_PARTIES
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure, Stage
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.lab import Lab
from claudecheck.machine import environment
from claudecheck.observations import (
    HttpExchange,
    Journal,
    Observation,
    Skipped,
    TcpConnect,
    TlsHandshake,
    Tunnel,
    VariationTried,
)
from claudecheck.probes.walk import Walk
from claudecheck.report import Finding, Report
from claudecheck.route import Route
from claudecheck.run import hosts
from claudecheck.run.examine import examine
from claudecheck.run.options import Options
from tests.client_plans import API_KEY_ONLY, PROXY, TOKEN, snapshot_of
from tests.doctor import clean_environment
from tests.probe_peers import closes, peer

LOGIN = ["platform.claude.com", "claude.ai", "claude.com"]
UPDATES = ["downloads.claude.ai"]


def chosen(variables: Mapping[str, str], stand_ins: tuple[str, ...] | None = None) -> Chosen:
    snapshot = snapshot_of(variables)
    route = claude_code.plan(snapshot).route
    assert route is not None
    return claude_code_hosts.choose(snapshot, route, stand_ins)


def names(found: Chosen) -> list[str]:
    return [target.host.name for target in found.targets]


# -- which are walked --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, LOGIN + UPDATES),
        (API_KEY_ONLY, UPDATES),
        ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}, UPDATES),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, UPDATES),
        ({"DISABLE_AUTOUPDATER": "1"}, LOGIN),
        ({"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "0", **API_KEY_ONLY}, []),
        ({"CLAUDE_CODE_USE_VERTEX": "1", "DISABLE_UPDATES": "1"}, []),
    ],
)
def test_a_key_needs_no_login_and_updates_that_are_switched_off_need_no_host(
    variables: Mapping[str, str], expected: list[str]
) -> None:
    assert names(chosen(variables)) == expected


def test_what_is_switched_off_is_named_with_the_variable_that_does_it() -> None:
    left_out = chosen({"DISABLE_AUTOUPDATER": "1"}).left_out
    assert [(host.name, why) for host, why in left_out] == [("downloads.claude.ai", "DISABLE_AUTOUPDATER")]


def test_every_host_has_its_own_way_and_takes_no_credential_along() -> None:
    found = chosen({"HTTPS_PROXY": PROXY, "NO_PROXY": "claude.ai", "ANTHROPIC_CUSTOM_HEADERS": "X-Team: a"})
    proxied = {target.host.name: target.route.proxy is not None for target in found.targets}
    assert proxied == {**dict.fromkeys(LOGIN + UPDATES, True), "claude.ai": False}
    assert not any(target.route.credential.secret or target.route.headers for target in found.targets)


def test_with_stand_ins_no_other_host_is_walked_and_with_none_there_are_none() -> None:
    found = chosen({}, ("claude.ai=localhost:4711",))
    assert [(target.host.name, target.address, target.port) for target in found.targets] == [
        ("claude.ai", "localhost", 4711)
    ]
    assert chosen({}, NO_THIRD_PARTIES.claude_code_hosts) == Chosen()


def test_the_text_for_the_network_team_names_every_host() -> None:
    for code in ("login-failed", "updates-blocked"):
        texts = [remedy.text for remedy in CATALOGUE[code].fixes if "network team" in remedy.text]
        assert all(host.name in texts[0] for host in (*HOSTS, replace(HOSTS[0], name="api.anthropic.com")))


# -- walked ------------------------------------------------------------------------------------------


@pytest.fixture
def refused() -> str:
    """A place of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def walked(lab: Lab, stand_ins: tuple[str, ...], variables: Mapping[str, str | None], home: Path) -> Report:
    """The whole examination as Claude Code, whose own roots do not hold the lab's."""
    told: dict[str, str | None] = {**lab.variables, "NODE_EXTRA_CA_CERTS": lab.variables["SSL_CERT_FILE"]}
    told |= {"SSL_CERT_FILE": None, "HOME": str(home), **variables}
    snapshot = environment.read(clean_environment({name: value for name, value in told.items() if value is not None}))
    options = Options(
        client="claude-code",
        message=False,
        third_parties=replace(NO_THIRD_PARTIES, claude_code_hosts=stand_ins),
    )
    return diagnose(examine(options, snapshot, Deadline(30)))


def test_a_blocked_login_host_is_a_warning_that_names_it_and_its_purpose(tmp_path: Path, refused: str) -> None:
    login = tmp_path / ".claude" / ".credentials.json"
    login.parent.mkdir()
    login.write_text("{}")
    with Lab("healthy") as lab:
        good = f"localhost:{lab.variables['ANTHROPIC_BASE_URL'].rpartition(':')[2]}"
        stand_ins = (f"platform.claude.com={refused}", f"claude.ai={good}", f"downloads.claude.ai={good}")
        report = walked(lab, stand_ins, {"ANTHROPIC_API_KEY": None}, tmp_path)
        asked = [request.path for request in lab.requests if request.server == "api"]
    finding = next(one for one in report.findings if one.code == "login-failed")
    assert (finding.severity, finding.owner) == ("warning", "network")
    assert finding.title == "platform.claude.com, which a login needs, cannot be reached"
    assert finding.seen == [
        "platform.claude.com (sign-in, and the renewal of every login): tcp, refused",
        "claude.ai answers",
    ]
    assert report.status == "degraded"
    assert all(path.startswith("/v1/models") for path in asked)
    assert "updates-blocked" not in {one.code for one in report.findings}


def test_blocked_updates_are_a_warning_for_those_who_have_a_key(tmp_path: Path) -> None:
    with Lab("healthy") as lab, peer(closes) as port:
        report = walked(lab, (f"downloads.claude.ai=127.0.0.1:{port}",), {}, tmp_path)
    finding = next(one for one in report.findings if one.code == "updates-blocked")
    assert (report.status, report.reached_api, finding.severity) == ("degraded", True, "warning")
    assert finding.seen[0].startswith("downloads.claude.ai (updates, plugins and the installer): tls, ")
    assert {row.name for row in report.stages if row.status == "fail"} == set()


def test_a_certificate_that_claude_code_does_not_trust_blocks_a_host_as_well(tmp_path: Path) -> None:
    with Lab("tls-self-signed") as other, Lab("healthy") as lab:
        port = other.variables["ANTHROPIC_BASE_URL"].rpartition(":")[2]
        report = walked(lab, (f"downloads.claude.ai=localhost:{port}",), {}, tmp_path)
    assert "self signed" in next(one for one in report.findings if one.code == "updates-blocked").seen[0]


def test_when_no_host_answers_the_network_is_down_and_nothing_more_is_said(tmp_path: Path, refused: str) -> None:
    with Lab("tls-expired") as lab:
        report = walked(lab, (f"downloads.claude.ai={refused}",), {}, tmp_path)
    assert report.problem == "tls-expired"
    assert "updates-blocked" not in {one.code for one in report.findings}


def test_hosts_are_left_alone_when_only_the_route_may_be_walked(tmp_path: Path) -> None:
    with Lab("healthy") as lab:
        report = walked(lab, (), {}, tmp_path)
    assert not [one for one in report.observations if isinstance(one, VariationTried)]


def test_the_walk_to_a_host_stands_apart_from_the_stages_of_the_route(refused: str) -> None:
    walk = Walk(Route(client="claude-code"), JournalWriter(Deadline(10)))
    found = chosen({"DISABLE_AUTOUPDATER": "1"}, (f"claude.ai={refused}", f"downloads.claude.ai={refused}"))
    hosts.check(walk, found, 2.0)
    journal = walk.writer.journal()
    assert [(one.host, one.variable) for one in journal.all(Skipped)] == [
        ("downloads.claude.ai", "DISABLE_AUTOUPDATER")
    ]
    assert journal.all(TcpConnect) == []
    assert {one.variation for one in journal.all(TcpConnect, variation=None)} == {"client:host:login:claude.ai"}
    assert not journal.all(HttpExchange, variation=None)


# -- judged ------------------------------------------------------------------------------------------

API = TlsHandshake(address="160.79.104.10", version="TLSv1.3", verified=True)


def judged(api: Observation, *steps: Observation) -> list[Finding]:
    name = "client:host:updates:downloads.claude.ai"
    tried = VariationTried(id=name, stage=Stage.ENVIRONMENT, changed="host", after="downloads.claude.ai (updates)")
    beside = [changed(step, variation=name) for step in steps]
    found = diagnose(Journal((api, tried, *beside))).findings  # type: ignore[arg-type]  # each is one of AnyObservation
    return [one for one in found if one.code == "updates-blocked"]


def test_an_https_proxy_that_refuses_the_tunnel_blocks_the_host_though_its_own_handshake_works() -> None:
    proxy = TlsHandshake(address="10.0.0.1", purpose="proxy", version="TLSv1.3", verified=True)
    refusal = Tunnel(
        proxy="https://proxy.corp:443", target="x:443", purpose="control", status=403, failure=Failure.PROXY_DENIED
    )
    found = judged(API, proxy, refusal)
    assert [one.seen for one in found] == [["downloads.claude.ai (updates): proxy, proxy denied (403)"]]


def test_a_walk_that_was_cut_blocks_nothing() -> None:
    dead = TcpConnect(address="192.0.2.1", port=443, purpose="control", failure=Failure.TIMED_OUT)
    good = TcpConnect(address="192.0.2.2", port=443, purpose="control")
    assert judged(API, dead, good) == []
    assert judged(API, changed(dead, failure=Failure.CANCELLED)) == []
    assert judged(API, dead)
