"""The same, tried twice: it failed, and then got through with nothing changed in between.

Where the second attempt of the walk works, that is a warning: the stages after it stand on it. Where that fails too,
it is the cause all the same, since no change can be told from chance.
"""

from __future__ import annotations

from collections.abc import Iterable

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.questions import Question
from claudecheck.failures import Stage
from claudecheck.observations import HttpExchange, Observation, TcpConnect, TlsHandshake
from claudecheck.report import Finding

_KINDS: tuple[tuple[Question, Stage, type[Observation]], ...] = (
    (questions.CONNECTED_AGAIN, Stage.TCP, TcpConnect),
    (questions.SHAKEN_AGAIN, Stage.TLS, TlsHandshake),
    (questions.AGAIN, Stage.MODELS, HttpExchange),
)


def find(evidence: Evidence) -> Iterable[Finding]:
    for question, stage, kind in _KINDS:
        again = evidence.tried(question)
        tries = [one for one in evidence.journal.all(kind) if _of_the_route(one)]
        if again is None or not again.reached or not tries or tries[0].ok:
            continue
        works = stage is Stage.MODELS or tries[-1].ok
        yield evidence.finding(
            question.means,
            values={"count": "1" if works else "2", "total": "2" if works else "3"},
            seen=[*_told(tries[0]), f"the same again: {again.text}"],
            ruled_out=evidence.cleared(Stage.MODELS if works else stage),
            layer=stage.value,
            severity="warning" if works else "error",
        )


def _of_the_route(seen: Observation) -> bool:
    step = seen.step if isinstance(seen, HttpExchange) else "models"
    return getattr(seen, "purpose", "api") == "api" and step == "models"


def _told(seen: Observation) -> list[str]:
    first = f"the first attempt: {seen.error or seen.failure}"
    return [f"{seen.method} {seen.url}", first] if isinstance(seen, HttpExchange) else [first]
