"""The message: what the SDK met, and where it differs from the plain client on the same route."""

from __future__ import annotations

from collections.abc import Iterable

from claudecheck.diagnosis import origin, questions, variations
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.rules.environment import login_failed
from claudecheck.diagnosis.rules.http import explained, judge, values_of
from claudecheck.diagnosis.rules.transport import waited_out
from claudecheck.failures import Failure, Stage
from claudecheck.observations import HttpExchange
from claudecheck.report import Finding

_VANISHED = (Failure.TIMED_OUT, Failure.RESET, Failure.CLOSED)
_CLIENT = (Failure.SDK_MISSING, Failure.SDK_BROKEN, Failure.CLIENT_REFUSED)


#: An answer of one token comes within a second or two.
SLOW_ANSWER_MS = 3000.0


def find(evidence: Evidence) -> Iterable[Finding]:
    seen = evidence.message
    if seen is None or seen.failure is Failure.CANCELLED:
        return
    if seen.failure in _CLIENT or login_failed(seen) or explained(evidence, seen):
        return  # the environment's rule tells it
    if seen.ok:
        yield from _sizes(evidence)
        yield from _streams(evidence)
        yield from _slow(evidence, seen)
        return
    if waited_out(evidence):
        return  # the addresses are told by the transport's rule
    if _same_as_models(evidence, seen):
        return  # one cause, told once, at the stage that met it first
    streamed = evidence.tried(questions.STREAMED)
    plain = evidence.tried(questions.PLAIN_CLIENT)
    unanswered = seen.failure in (Failure.TIMED_OUT, Failure.CLOSED, Failure.RESET, Failure.CUT)
    if unanswered and (sized := _by_size(evidence, seen)) is not None:
        yield sized
        return
    if unanswered and streamed is not None and streamed.reached and not (plain and plain.reached):
        yield _varied(evidence, seen, "idle-cut")
        return
    if not origin.reached(seen, official=evidence.official):
        if plain is not None and plain.reached:
            yield _varied(evidence, seen, "sdk-differs")
            return
        if _agent_decides(evidence):
            yield _varied(evidence, seen, "user-agent-filtered")
            return
    yield judge(evidence, seen, "messages")


def _by_size(evidence: Evidence, seen: HttpExchange) -> Finding | None:
    """The message vanished, and so do bodies from a size on, while something smaller gets through."""
    sizes = evidence.tried_all(questions.COUNT_TOKENS)
    vanished = _by_bytes(outcome for outcome in sizes if outcome.failure in _VANISHED)
    small = [*(o for o in sizes if o not in vanished), *evidence.tried_all(questions.PLAIN_CLIENT)]
    if not vanished or not any(outcome.reached for outcome in small):
        return None
    return evidence.finding(
        "large-request-dropped",
        values={"size": vanished[0].tried.after},
        seen=[
            f"the message by {seen.sender}: {seen.error or seen.failure}",
            *(f"{outcome.tried.changed} {outcome.tried.after}: {outcome.text}" for outcome in [*small, *vanished]),
        ],
        ruled_out=evidence.cleared(Stage.MESSAGES),
        layer="messages",
    )


def _agent_decides(evidence: Evidence) -> bool:
    agent = evidence.tried(questions.NEUTRAL_AGENT)
    return agent is not None and agent.reached


def _same_as_models(evidence: Evidence, seen: HttpExchange) -> bool:
    models = evidence.models
    return (
        models is not None
        and not models.ok
        and models.authenticated == seen.authenticated
        and judge(evidence, models, "models").code == judge(evidence, seen, "messages").code
    )


def _varied(evidence: Evidence, seen: HttpExchange, code: str) -> Finding:
    tried = [*evidence.tried_all(questions.PLAIN_CLIENT), *evidence.tried_all(questions.STREAMED)]
    tried += evidence.tried_all(questions.NEUTRAL_AGENT)
    told = [f"{seen.sender}: {seen.error or seen.status}"]
    told += [f"{outcome.tried.changed} {outcome.tried.after}: {outcome.text}" for outcome in tried]
    return evidence.finding(
        code,
        values=values_of(seen),
        seen=told,
        ruled_out=evidence.cleared(Stage.MESSAGES),
        layer="messages",
    )


def _slow(evidence: Evidence, seen: HttpExchange) -> Iterable[Finding]:
    if seen.call_ms < SLOW_ANSWER_MS:
        return
    yield evidence.finding(
        "response-slow",
        values={"seconds": f"{seen.call_ms / 1000:.1f} s"},
        seen=[f"one token from {seen.model} took {seen.call_ms / 1000:.1f} s by {seen.sender}"],
        owner="anthropic" if evidence.official else "gateway",
    )


def _sizes(evidence: Evidence) -> Iterable[Finding]:
    """Small requests get through; from a size on they do not."""
    sizes = evidence.tried_all(questions.COUNT_TOKENS)
    failed = _by_bytes(outcome for outcome in sizes if outcome.failure in _VANISHED)
    if not failed:
        return
    yield evidence.finding(
        "large-request-dropped",
        values={"size": failed[0].tried.after},
        seen=[f"{outcome.tried.after}: {outcome.text}" for outcome in _by_bytes(sizes)],
        layer="messages",
    )


def _by_bytes(sizes: Iterable[variations.Outcome]) -> list[variations.Outcome]:
    """The smallest body first: from there on they do not get through."""
    return sorted(sizes, key=lambda outcome: questions.size_of(outcome.tried.id))


#: It has not left this machine, and says nothing of what stands on the way.
_OF_THIS_MACHINE = (Failure.LOCAL_LIMIT, Failure.PROHIBITED, Failure.CANCELLED)


def _streams(evidence: Evidence) -> Iterable[Finding]:
    streamed = evidence.tried(questions.STREAMED)
    if streamed is None or streamed.reached or _api_refused(streamed) or streamed.failure in _OF_THIS_MACHINE:
        return
    yield evidence.finding(
        "stream-blocked",
        seen=[f"the plain answer works; streamed: {streamed.text}"],
        layer="messages",
    )


def _api_refused(outcome: variations.Outcome) -> bool:
    """The API said no to the streamed request: that is about its limits, not about streams."""
    return any(
        isinstance(step, HttpExchange) and step.shape == "api-error" and step.status != 400
        for step in outcome.observations
    )
