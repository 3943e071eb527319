"""What became of each variation: a question that was asked, and its answer. Pure: reads the journal."""

from __future__ import annotations

from dataclasses import dataclass

from claudecheck.diagnosis.questions import meaning
from claudecheck.failures import Failure
from claudecheck.observations import (
    HttpExchange,
    Journal,
    NameLookup,
    Observation,
    TcpConnect,
    TlsHandshake,
    Tunnel,
    VariationTried,
)
from claudecheck.report import VariationRow


@dataclass(frozen=True)
class Outcome:
    """What became of one variation. `reached` says that the step that had failed now succeeded."""

    tried: VariationTried
    reached: bool
    failure: Failure | None
    text: str
    observations: tuple[Observation, ...]

    @property
    def silent(self) -> bool:
        return self.failure is Failure.TIMED_OUT

    @property
    def finished(self) -> bool:
        return bool(self.observations)


def outcomes(journal: Journal) -> dict[str, Outcome]:
    """All variations that were tried, by id, in the order in which they were declared."""
    found: dict[str, Outcome] = {}
    for tried in journal.all(VariationTried, variation=None):
        steps = tuple(
            seen for seen in journal.observations if seen.variation == tried.id and not isinstance(seen, VariationTried)
        )
        found[tried.id] = _outcome(tried, steps)
    return found


def _outcome(tried: VariationTried, steps: tuple[Observation, ...]) -> Outcome:
    """The last step of the walk decides: a walk stops at its first failure."""
    ranked = [
        step for step in steps if isinstance(step, NameLookup | TcpConnect | Tunnel | TlsHandshake | HttpExchange)
    ]
    if not ranked:
        return Outcome(tried, reached=False, failure=None, text="not finished", observations=steps)
    last = max(ranked, key=_rank)
    same = [step for step in ranked if _rank(step) == _rank(last)]
    good = next((step for step in same if _reached(step)), None)
    told = good or last
    return Outcome(
        tried,
        reached=good is not None,
        failure=None if good is not None else told.failure,
        text=_describe(told),
        observations=steps,
    )


def _rank(step: Observation) -> int:
    order: tuple[type[Observation], ...] = (NameLookup, TcpConnect, Tunnel, TlsHandshake, HttpExchange)
    return order.index(type(step))


def _reached(step: Observation) -> bool:
    """A handshake that only failed verification got through the network: that is what is asked here."""
    if isinstance(step, TlsHandshake):
        return step.ok or bool(step.chain)
    return step.ok


def _describe(step: Observation) -> str:
    if isinstance(step, NameLookup):
        answer = ", ".join(step.addresses[:3]) or step.rcode
        return answer if step.ok else _failed(step, step.rcode)
    if isinstance(step, TcpConnect):
        return f"connected to {step.address}" if step.ok else _failed(step, step.errno_name)
    if isinstance(step, Tunnel):
        return f"{step.status} tunnel open" if step.ok else _failed(step, str(step.status or ""))
    if isinstance(step, TlsHandshake):
        if step.ok:
            return step.version or "TLS"
        if step.chain:
            return f'certificate from "{step.chain[0].issuer}"'
        return _failed(step, f"{step.bytes_sent} bytes sent, {step.bytes_received} received")
    if isinstance(step, HttpExchange):
        if step.leaves is not None:
            return f"leaves from {step.leaves.in_words}"
        if step.status:
            return f"{step.status} {step.error_type or step.shape}".strip()
        return _failed(step, "")
    return ""


def _failed(step: Observation, detail: str) -> str:
    words = (step.failure or Failure.UNKNOWN).words
    return f"{words} ({detail})" if detail else words


def rows(journal: Journal, problem: str | None) -> list[VariationRow]:
    """The variations as the report lists them. `problem` is the culprit's code: a change that means it decided."""
    return [
        VariationRow(
            changed=outcome.tried.changed,
            before=outcome.tried.before,
            after=outcome.tried.after,
            outcome=outcome.text,
            reached=outcome.reached,
            decided=outcome.reached and problem is not None and meaning(outcome.tried.id) == problem,
        )
        for outcome in outcomes(journal).values()
    ]
