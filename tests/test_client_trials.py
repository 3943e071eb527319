"""What a client that was run itself does to the verdict on its route."""

import msgspec
import pytest

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure, LeftOut, Stage
from claudecheck.observations import (
    AnyObservation,
    End,
    HttpExchange,
    Journal,
    NameLookup,
    RouteChosen,
    RouteView,
    Run,
    Skipped,
    TcpConnect,
    TlsHandshake,
    VariationTried,
)
from claudecheck.report import Report
from tests.doctor import validator

HOST = "api.anthropic.com"
ADDRESS = "160.79.104.10"
URL = f"https://{HOST}/v1/models"


def report_of(*seen: AnyObservation) -> Report:
    ground = (
        Run(version="0", started_at="2026-11-21T10:00:00Z"),
        RouteChosen(route=RouteView(client="curl", url=f"https://{HOST}", host=HOST, credential="api-key")),
        NameLookup(name=HOST, addresses=[ADDRESS]),
        TcpConnect(address=ADDRESS, port=443),
    )
    report = diagnose(Journal((*ground, *seen, End(at_ms=900.0))))
    validator().validate(msgspec.to_builtins(report))
    return report


def untrusted(failure: Failure | None = Failure.UNTRUSTED_ISSUER) -> tuple[AnyObservation, ...]:
    skipped = [Skipped(stage=stage, because=LeftOut.TLS) for stage in (Stage.MODELS, Stage.MESSAGES)]
    return (TlsHandshake(address=ADDRESS, server_name=HOST, failure=failure, verify_code=20), *skipped)


def trial(**facts: object) -> tuple[AnyObservation, ...]:
    tried = VariationTried(
        id=questions.TRIAL.id, stage=Stage.MODELS, changed="client", before="its rules", after="curl 8"
    )
    answer = {
        "stage": "models",
        "step": "trial",
        "url": URL,
        "client": "curl 8",
        "variation": questions.TRIAL.id,
        **facts,
    }
    return tried, msgspec.convert(answer, HttpExchange)


def test_a_client_that_has_an_answer_where_its_route_failed_is_believed() -> None:
    refused = {"status": 401, "request_id": "req_1", "shape": "api-error", "error_type": "authentication_error"}
    report = report_of(*untrusted(), *trial(failure="status", **refused))
    assert (report.status, report.exit_code, report.problem, report.reached_api) == ("degraded", 0, None, True)
    told = next(finding for finding in report.findings if finding.code == "prediction-contradicted")
    assert told.seen == ["predicted: curl fails at tls", f"curl 8 was run without a key: 401 from {URL}"]
    assert {row.name: row.status for row in report.stages}["tls"] == "warn"


@pytest.mark.parametrize("failure", ["untrusted-issuer", "timed-out"])
def test_a_client_that_fails_as_its_route_did_changes_nothing(failure: str) -> None:
    report = report_of(*untrusted(), *trial(failure=failure, error="curl: (60) SSL certificate problem"))
    assert (report.status, report.first_failing_layer, report.exit_code) == ("failing", "tls", 13)
    assert "prediction-contradicted" not in {finding.code for finding in report.findings}


def test_a_client_that_fails_where_a_plain_client_gets_through_differs_by_itself() -> None:
    verified = TlsHandshake(address=ADDRESS, server_name=HOST, version="TLSv1.3", verified=True)
    own = HttpExchange(
        stage="models", url=URL, client="curl 8", failure=Failure.UNTRUSTED_ISSUER, error="curl: (60)", phase="tls"
    )
    tried = VariationTried(
        id=questions.PLAIN_MODELS.id, stage=Stage.MODELS, changed="client", before="curl 8", after="plain HTTP"
    )
    plain = HttpExchange(
        stage="models", url=URL, client="httpx", status=200, shape="model-list", variation=questions.PLAIN_MODELS.id
    )
    report = report_of(verified, own, tried, plain)
    assert (report.problem, report.first_failing_layer, report.exit_code) == ("sdk-differs", "models", 15)
    assert report.findings[0].title == "A plain HTTP client gets through, and curl does not"
    assert "it stopped in the phase tls" in report.findings[0].seen
