"""The evidence packet: enough to act on, fit to be sent unread, and the message for whoever has to act."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from msgspec.structs import replace

from claudecheck.cli.packet import hand_over
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure
from claudecheck.journal.redact import Redactor
from claudecheck.lab import Lab
from claudecheck.observations import Certificate, HttpExchange, NameLookup, TlsHandshake
from claudecheck.render import facts, packet, pseudonyms
from claudecheck.render.machine import to_json
from claudecheck.render.markdown import prose
from claudecheck.report import Report
from tests import doctor, replay
from tests.network_reports import DNS_NAME_NOT_FOUND, HEALTHY, PROXY_AUTH_REQUIRED, TLS_INTERCEPTED
from tests.reports import REPORTS
from tests.test_render import FRIENDLY, UNTRUSTED, saying


@pytest.mark.parametrize("name", FRIENDLY)
def test_the_packet_holds_what_is_needed_to_act(name: str) -> None:
    report = FRIENDLY[name]
    text = packet.packet(report)
    assert report.started_at in text
    assert f"exit {report.exit_code}" in text
    assert report.route.client_version in text
    for row in report.stages:
        assert f"| {row.name} |" in text
    assert "openssl s_client -connect" in text
    assert "$ANTHROPIC_API_KEY" in text
    if report.findings and report.status == "failing":
        assert report.findings[0].code in text


def test_the_network_team_is_asked_for_hosts_ports_names_and_ranges() -> None:
    asked = packet.ask(TLS_INTERCEPTED)
    for part in ("api.anthropic.com, port 443", "server name api.anthropic.com", "160.79.104.0/23", "2607:6bc0::/48"):
        assert part in asked
    assert "is resolved" in packet.ask(replace(DNS_NAME_NOT_FOUND, findings=[_owned(DNS_NAME_NOT_FOUND, "network")]))


def _owned(report: Report, owner: str) -> object:
    return replace(report.findings[0], owner=owner)


@pytest.mark.parametrize("owner", ["network", "gateway", "anthropic", "you", None])
def test_there_is_a_message_for_everybody_who_may_have_to_act(owner: str | None) -> None:
    for report in REPORTS.values():
        if report.findings:
            told = packet.ask(
                replace(report, findings=[replace(report.findings[0], owner=owner), *report.findings[1:]])
            )
            assert told.strip()


def test_a_healthy_run_asks_for_nothing() -> None:
    assert packet.ask(HEALTHY) == "Nothing has to be done: healthy.\n"


def test_pseudonyms_are_stable_and_leave_public_names() -> None:
    seen = NameLookup(name="gw.intern.corp.example", addresses=["10.1.2.3"])
    report = replace(
        PROXY_AUTH_REQUIRED,
        route=replace(PROXY_AUTH_REQUIRED.route, cafile="/home/ana/ca.pem"),
        observations=[*PROXY_AUTH_REQUIRED.observations, seen],
        findings=[replace(PROXY_AUTH_REQUIRED.findings[0], seen=["gw.intern.corp.example in /home/ana/x"])],
    )
    text, again = packet.packet(report, private=True), packet.packet(report, private=True)
    assert text == again
    assert "corp.example" not in text
    assert "/home/ana" not in text
    assert "host-" in text
    assert "user-" in text
    assert "api.anthropic.com" in text


@given(text=UNTRUSTED)
def test_no_text_becomes_markup_in_the_packet(text: str) -> None:
    page = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(packet.packet(saying(f"x{text}x")))
    assert "<script" not in page
    assert "<img" not in page


def test_the_doctor_writes_the_packet_and_prints_only_what_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "evidence of today.zip"
    with Lab("tls-intercepted") as lab:
        options = ("--no-message", "--local-only", "--python", doctor.PYTHON, "--packet", str(path), "--ask")
        ran = doctor.invoke("doctor", *options, variables=lab.variables)
    assert ran.exit_code == 13
    assert "tls-intercepted" in ran.out
    assert "  ✓ dns" not in ran.out
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"packet.md", "report.json", "chain.pem"}
        assert json.loads(archive.read("report.json"))["problem"] == "tls-intercepted"
        assert b"BEGIN CERTIFICATE" in archive.read("chain.pem")
        for name in archive.namelist():
            assert lab.variables["ANTHROPIC_API_KEY"].encode() not in archive.read(name)


@pytest.mark.parametrize("name", ["packet.md", "packet.zip"])
@pytest.mark.parametrize("secret", ["hunter2", "sk-ant-api03-" + "x" * 40])
def test_a_packet_that_would_hold_a_secret_is_not_written(
    name: str, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last look does not rely on what came before it: here nothing has redacted the report."""
    monkeypatch.setenv("HTTPS_PROXY", "http://ana:hunter2@proxy.corp.example:8080")
    finding = replace(TLS_INTERCEPTED.findings[0], seen=[f"the proxy said {secret}"])
    hand_over(replace(TLS_INTERCEPTED, findings=[finding]), tmp_path / name, ask=False, private=False)
    assert not (tmp_path / name).exists()
    said = capsys.readouterr().err
    assert "would hold a secret" in said
    assert secret not in said


@pytest.mark.parametrize(
    "group",
    [pytest.param(one, marks=() if one == "proxy" else (pytest.mark.slow,)) for one in replay.groups()],
)
def test_the_last_look_takes_nothing_for_a_secret_that_is_none(group: str) -> None:
    """Of every fault and network that was recorded: no packet is refused."""
    redactor = Redactor(["hunter2"])
    for name, journal in replay.read(group).items():
        report = diagnose(journal)
        assert not redactor.finds_in(packet.packet(report)), name
        assert not redactor.finds_in(to_json(report)), name


def test_with_pseudonyms_a_packet_has_no_certificate_of_a_private_host() -> None:
    with_names = replace(TLS_INTERCEPTED, observations=[_shaken("llm.corp.example")])
    assert not pseudonyms.all_public(with_names)
    assert "BEGIN CERTIFICATE" not in to_json(pseudonyms.without_certificates(with_names))
    assert pseudonyms.all_public(replace(TLS_INTERCEPTED, observations=[_shaken("api.anthropic.com")]))


def _shaken(name: str) -> TlsHandshake:
    one = Certificate(
        subject=f"CN={name}", issuer="CN=x", not_before="2026-01-01T00:00:00Z", not_after="2027-01-01T00:00:00Z",
        names=[name], pem="-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    )  # fmt: skip
    return TlsHandshake(address="192.0.2.1", server_name=name, chain=[one])


def test_the_status_page_stands_beside_the_failure_with_its_time() -> None:
    asked = HttpExchange(
        stage="messages", step="status", variation="models:status-page", at_ms=61_500, status=200,
        url="https://status.claude.com/api/v2/summary.json",
        components=["Claude API: partial_outage"], incidents=["Claude API: partial_outage", "incident: Errors"],
    )  # fmt: skip
    report = replace(TLS_INTERCEPTED, started_at="2026-11-21T09:30:00Z", observations=[asked])
    told = facts.status_page(report)
    assert told.startswith("at 2026-11-21T09:31:01Z: Claude API: partial_outage; incident: Errors (https://status")
    assert prose(told) in packet.packet(report)
    silent = replace(report, observations=[replace(asked, status=0, failure=Failure.TIMED_OUT)])
    assert facts.status_page(silent) == "asked at 2026-11-21T09:31:01Z, no answer (timed out)"
    assert facts.status_page(HEALTHY) == "not asked"


def test_a_warning_is_told_where_the_client_gets_through() -> None:
    text = packet.packet(REPORTS["ipv6-broken"])
    assert text.startswith("# ipv6-broken: ")
    assert "## Also found: ipv6-broken" in text
    assert "The exact error" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--packet", "evidence.pdf"), "neither .md nor .zip"),
        (("--packet", "/proc/x/x.md"), "cannot write"),
        (("--private",), "nothing to make private"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_run(arguments: tuple[str, ...], said: str) -> None:
    ran = doctor.invoke("doctor", *arguments)
    assert (ran.exit_code, ran.out) == (2, "")
    assert said in ran.err
