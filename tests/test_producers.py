"""Every problem of the catalogue has something that produces it: a fault, a network, a text, or a test named here."""

import json
from pathlib import Path

import pytest

from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.explanation import explain
from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.lab import FAULTS, Lab
from claudecheck.machine import environment
from claudecheck.observations import (
    Cut,
    End,
    HttpExchange,
    Journal,
    NameLookup,
    RouteChosen,
    RouteView,
    Run,
    TcpConnect,
    TlsHandshake,
)
from claudecheck.run.examine import examine
from claudecheck.run.ladder import Ladder
from claudecheck.run.options import Options
from tests.doctor import PYTHON, clean_environment, validator
from tests.netlab.scenario import all_scenarios

TEXTS = Path(__file__).parent / "explain_cases" / "programs.jsonl"
#: Produced by a test of its own: here, in test_cli.py (incomplete), test_policy.py or by the SDK's cases (concerns).
BY_A_TEST = {
    "claudecheck-bug",
    "intermittent",
    "incomplete",
    "sdk-outdated",
    "proxy-pac-unused",
    "client-blocking-call",
    "prediction-contradicted",
    "provider-address-unknown",
    "updates-blocked",
    "policy-broken",
    "policy-invalid",
}
#: Not produced yet, with the reason. This list may only shrink.
NOT_YET: dict[str, str] = {}


def test_every_problem_is_produced_by_something() -> None:
    texts = [json.loads(line) for line in TEXTS.read_text(encoding="utf-8").splitlines()]
    produced = {fault.problem for fault in FAULTS} | {text.get("problem") for text in texts} | BY_A_TEST
    for scenario in all_scenarios():
        produced |= {scenario.expected.problem, scenario.expected.finding}
    missing = set(CATALOGUE) - produced
    assert missing <= set(NOT_YET)
    assert set(NOT_YET) <= missing, "shorten the list"


def test_a_synchronous_call_in_an_event_loop_is_recognised_by_what_asyncio_says() -> None:
    found = explain(
        "asyncio WARNING Executing <Task pending name='Task-3'> took 12.412 seconds\n"
        "The event loop was blocked by a synchronous call: client.messages.create in async def handler"
    )
    assert found.problem == "client-blocking-call"


def test_a_crash_of_ours_is_said_to_be_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: Ladder) -> None:
        raise RuntimeError("a bug with sk-ant-api03-" + "A" * 40)

    monkeypatch.setattr(Ladder, "climb", crash)
    with Lab("healthy") as lab:
        snapshot = environment.read(clean_environment(lab.variables))
        report = diagnose(examine(Options(python=PYTHON, message=False, local_only=True), snapshot, Deadline(20)))
    assert (report.status, report.problem, report.exit_code) == ("failing", "claudecheck-bug", 70)
    assert "A" * 40 not in str(report)


def test_what_worked_a_moment_ago_and_then_did_not_is_intermittent() -> None:
    import msgspec

    host = "api.anthropic.com"
    journal = Journal(
        (
            Run(version="0", started_at="2026-11-21T10:00:00Z"),
            RouteChosen(route=RouteView(client="python", url=f"https://{host}", host=host, credential="api-key")),
            NameLookup(name=host, addresses=["160.79.104.10"]),
            TcpConnect(address="160.79.104.10", port=443),
            TlsHandshake(address="160.79.104.10", server_name=host, version="TLSv1.3", verified=True),
            HttpExchange(
                stage="models",
                url=f"https://{host}/v1/models",
                authenticated=True,
                failure=Failure.REFUSED,
                phase="dns+tcp",
            ),
            End(at_ms=900.0),
        )
    )
    report = diagnose(journal)
    assert (report.problem, report.first_failing_layer) == ("intermittent", "models")
    validator().validate(msgspec.to_builtins(report))


@pytest.mark.parametrize("cut", ["deadline", "interrupted"])
def test_a_culprit_that_was_proved_before_the_cut_stays_the_culprit(cut: Cut) -> None:
    host = "api.anthropic.com"
    report = diagnose(
        Journal(
            (
                Run(version="0", started_at="2026-11-21T10:00:00Z"),
                RouteChosen(route=RouteView(client="python", url=f"https://{host}", host=host)),
                NameLookup(name=host, addresses=["160.79.104.10"]),
                TcpConnect(address="160.79.104.10", port=443, failure=Failure.REFUSED),
                End(at_ms=30_000.0, cut=cut),
            )
        )
    )
    assert (report.status, report.problem) == ("failing", "tcp-refused")
    assert report.exit_code == (130 if cut == "interrupted" else 12)
