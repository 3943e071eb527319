"""A client that was run itself: does it do what its rules, as claudecheck knows them, let expect?"""

from __future__ import annotations

from collections.abc import Iterable

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.failures import Failure, Stage
from claudecheck.report import Finding


def find(evidence: Evidence) -> Iterable[Finding]:
    yield from _gets_through_all_the_same(evidence)
    yield from _stops_all_the_same(evidence)


def _gets_through_all_the_same(evidence: Evidence) -> Iterable[Finding]:
    """The walk failed, and the client itself had an answer."""
    trial = evidence.trial
    if trial is None or not trial.status:
        return
    yield evidence.finding(
        "prediction-contradicted",
        seen=[
            f"predicted: {evidence.values['client']} fails at {evidence.skipped.get(Stage.MODELS, Stage.MODELS)}",
            f"{trial.client} was run without a key: {trial.status} from {trial.url}",
        ],
    )


def _stops_all_the_same(evidence: Evidence) -> Iterable[Finding]:
    """The walk got through, a plain client did again, and the client itself did not."""
    models = evidence.models
    plain = evidence.tried(questions.PLAIN_MODELS)
    if models is None or models.status or plain is None or not plain.reached or models.failure is Failure.CANCELLED:
        return
    yield evidence.finding(
        "sdk-differs",
        seen=[
            f"predicted: {evidence.values['client']} gets through",
            f"{models.client}: {models.error or models.failure}",
            f"it stopped in the phase {models.phase}" if models.phase else "",
            f"plain HTTP on the same route: {plain.text}",
        ],
        ruled_out=evidence.cleared(Stage.MODELS),
        layer="models",
    )
