"""Hosts that a client needs beside the API: which of them this network keeps from it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.variations import Outcome
from claudecheck.failures import Failure
from claudecheck.observations import NameLookup, Observation, TcpConnect, TlsHandshake, Tunnel
from claudecheck.report import Finding

_STEPS: tuple[tuple[type[Observation], str], ...] = (
    (NameLookup, "dns"),
    (TcpConnect, "tcp"),
    (Tunnel, "proxy"),
    (TlsHandshake, "tls"),
)


def find(evidence: Evidence) -> Iterable[Finding]:
    """Nothing where no host answers, the API's included: then the network is down, and other rules say so."""
    tried = evidence.tried_all(questions.CLIENT_HOST)
    blocked = {name: told for name, told in ((one.tried.id, _blocked(one)) for one in tried) if told}
    if len(blocked) == len(tried) and not _api_reached(evidence):
        return
    logins = _of(blocked, "login")
    if logins:
        seen = [*logins, *_others(evidence, "login")]
        finding = evidence.finding("login-failed", seen=seen, severity="warning", owner="network")
        yield msgspec.structs.replace(finding, title=_title(_names(blocked, "login")))
    updates = _of(blocked, "updates")
    if updates:
        yield evidence.finding("updates-blocked", seen=updates)


def _title(names: list[str]) -> str:
    """The warning is about hosts: so far no login has failed."""
    if len(names) > 2:
        return f"{len(names)} hosts that a login needs cannot be reached"
    return f"{' and '.join(names)}, which a login needs, cannot be reached"


def _of(blocked: dict[str, str], need: str) -> list[str]:
    return [told for variation, told in blocked.items() if _host(variation)[0] == need]


def _names(blocked: dict[str, str], need: str) -> list[str]:
    return [name for kind, name in map(_host, blocked) if kind == need]


def _host(variation: str) -> tuple[str, str]:
    """What a host is needed for, and its name: the target of the question is NEED:NAME."""
    need, _, name = questions.CLIENT_HOST.target_of(variation).partition(":")
    return need, name


def _others(evidence: Evidence, need: str) -> list[str]:
    """What separates the hosts that are blocked from those that are not."""
    good = [one.tried.id for one in evidence.tried_all(questions.CLIENT_HOST) if _secured(one)]
    return [f"{name} answers" for kind, name in map(_host, good) if kind == need]


def _api_reached(evidence: Evidence) -> bool:
    handshake = evidence.handshake()
    answered = [seen for seen in (evidence.models, evidence.message) if seen is not None and seen.status]
    return bool(answered) or (handshake is not None and handshake.ok)


def _steps(outcome: Outcome) -> list[tuple[str, Observation]]:
    """The steps of the walk with their layers; a proxy's name, connection and handshake belong to the proxy."""
    return [
        ("proxy" if getattr(step, "purpose", "") == "proxy" else layer, step)
        for kind, layer in _STEPS
        for step in outcome.observations
        if isinstance(step, kind)
    ]


def _secured(outcome: Outcome) -> bool:
    return any(layer == "tls" and step.ok for layer, step in _steps(outcome))


def _blocked(outcome: Outcome) -> str:
    """Which host, what for, and what happened where; empty when it was reached, or when the run was cut before."""
    steps = _steps(outcome)
    failed = [(layer, step) for layer, step in steps if not step.ok]
    if _secured(outcome) or not failed:
        return ""
    layer, last = failed[-1]
    if last.failure is Failure.CANCELLED or any(step.ok for other, step in steps if other == layer == "tcp"):
        return ""
    return f"{outcome.tried.after}: {layer}, {_said(last)}"


def _said(step: Observation) -> str:
    words = (step.failure or Failure.UNKNOWN).words
    match step:
        case TlsHandshake(chain=[first, *_]):
            return f'{words}: certificate from "{first.issuer}"'
        case Tunnel(status=status) if status:
            return f"{words} ({status})"
        case _:
            return words
