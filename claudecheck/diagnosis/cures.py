"""What would mend it: the changes that the findings propose, and what became of each when it was tried. Pure.

A run proposes after its first verdict, walks the environment with each change, and diagnoses again: then the fixes
that got the client through come first, and those that did not are not advised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from claudecheck.diagnosis import addresses, origin
from claudecheck.diagnosis.change import LARGER_ANSWERS, Change
from claudecheck.diagnosis.questions import ANSWERED_ADDRESS, covers
from claudecheck.diagnosis.variations import Outcome
from claudecheck.failures import Failure
from claudecheck.observations import (
    ChangeTried,
    Clock,
    HttpExchange,
    Journal,
    LocalNetwork,
    NameLookup,
    Observation,
    TcpConnect,
    TlsHandshake,
    Tunnel,
)
from claudecheck.report import Cure, Finding, Fix, Layer, Shell, StageName, Trial

#: In the order in which a route passes them. A proxy's steps come before or after the name's own: they end alike.
_ORDER: tuple[StageName, ...] = ("environment", "dns", "tcp", "proxy", "tls", "models", "messages")
#: Problems of the environment that only the API's own answer to the credential or the path can show to be mended.
_SHOWN_BY_ANSWER = frozenset(
    {"key-malformed", "key-missing", "key-wrong-kind", "credential-conflict", "profile-invalid", "base-url-path",
     "custom-headers-invalid", "login-failed"}
)  # fmt: skip
#: A change walked to here got the client through; before, it only got past the fault.
THROUGH: tuple[StageName, ...] = ("models", "messages")
MOST_TRIALS = 8
MOST_ADDRESSES = 2
#: Those in which a command can be pasted; the rest are files.
SHELLS: tuple[Shell, ...] = ("sh", "fish", "powershell", "cmd")


@dataclass(frozen=True)
class Proposal:
    """A change that a finding's fix would make. `layer` is where the client is stopped now."""

    code: str
    layer: Layer
    change: Change

    @property
    def id(self) -> str:
        return name_of(self.change)


def name_of(change: Change) -> str:
    """The same for the same change, in every run and on every machine: the id of its trial in the journal."""
    return "cure:" + hashlib.sha256(msgspec.json.encode(change)).hexdigest()[:12]


def chosen(findings: Sequence[Finding], proposals: Iterable[Proposal]) -> list[Proposal]:
    """Those of the errors, in their order, each change once."""
    errors = {finding.code: place for place, finding in enumerate(findings) if finding.severity == "error"}
    of_errors = sorted((one for one in proposals if one.code in errors), key=lambda one: errors[one.code])
    return list({one.id: one for one in reversed(of_errors)}.values())[::-1][:MOST_TRIALS]


# -- what became of a trial ----------------------------------------------------------------------------


def trial(journal: Journal, change: Change, code: str, layer: Layer) -> Trial | None:
    """None when it was not tried, or was cut before it had an end."""
    name = name_of(change)
    tried = next((one for one in journal.all(ChangeTried, variation=None) if one.id == name), None)
    if tried is None:
        return None
    if tried.stops:
        return Trial(reached=False, stage="environment")
    steps = [seen for seen in journal.observations if seen.variation == name and seen is not tried]
    official = tried.route is None or tried.route.official
    outcome = _judged(steps, code, layer, official=official)
    withheld = not tried.credential and layer == "models" and outcome is not None and not outcome.reached
    # Where the user's credential must not go, an answer of the API is all that could be had.
    answered = [seen for seen in steps if isinstance(seen, HttpExchange) and origin.reached(seen, official=official)]
    if withheld and answered and code not in _SHOWN_BY_ANSWER:
        return Trial(reached=True, stage="tls")
    return outcome


def _judged(steps: Sequence[Observation], code: str, layer: Layer, *, official: bool) -> Trial | None:
    answers = [seen for seen in steps if isinstance(seen, HttpExchange) and seen.stage in THROUGH]
    if any(seen.failure is Failure.CANCELLED for seen in steps):
        return None
    if not answers:
        return _below(steps, layer)
    last = answers[-1]
    stage: StageName = "messages" if last.stage == "messages" else "models"
    if last.ok:
        return Trial(reached=_ORDER.index(stage) >= _needed(code, layer), stage=stage)
    past = _needed(code, layer) <= _ORDER.index("tls")
    if past and origin.reached(last, official=official):
        # The API has answered, so the way is mended. A key that it does not take is another problem; where none was
        # sent, nothing else could come.
        return Trial(reached=True, stage="models" if last.status == 401 and not last.authenticated else "tls")
    return Trial(reached=False, stage=stage)


def _below(steps: Sequence[Observation], layer: Layer) -> Trial | None:
    """It did not come to a request: the last step decides."""
    walked = (NameLookup, TcpConnect, Tunnel, TlsHandshake)
    ends = [seen for seen in steps if isinstance(seen, walked) and getattr(seen, "purpose", "api") != "control"]
    if not ends:
        return None
    good = [seen for seen in ends if seen.ok]
    last = next((seen for seen in reversed(good) if type(seen) is type(ends[-1])), ends[-1])
    stage = _stage(last)
    enough = _ORDER.index(stage) >= max(_ORDER.index("tls"), _needed("", layer))
    return Trial(reached=last.ok and enough, stage=stage)


def _stage(step: Observation) -> StageName:
    if isinstance(step, Tunnel) or getattr(step, "purpose", "") == "proxy":
        return "proxy"
    if isinstance(step, TlsHandshake):
        return "tls"
    return "dns" if isinstance(step, NameLookup) else "tcp"


def _needed(code: str, layer: Layer) -> int:
    """The stage that has to be passed."""
    if code in _SHOWN_BY_ANSWER:
        return _ORDER.index("models")
    return _ORDER.index(layer) if layer in _ORDER else _ORDER.index("messages")


def by_question(journal: Journal, outcomes: Mapping[str, Outcome], question: str, layer: Layer) -> Trial | None:
    """What needs rights is shown to work by what stands for it; None when that was not seen."""
    shown = JUDGED.get(question)
    reached = shown(journal) if shown is not None else _asked(outcomes, question)
    if question.startswith("dns:") and reached:
        connected = [one for name, one in outcomes.items() if ANSWERED_ADDRESS.covers(name)]
        reached = any(_verified(one) for one in connected) if any(one.finished for one in connected) else None
    stage = next((one for one in _ORDER if one == layer), None)
    return None if reached is None or stage is None else Trial(reached=reached, stage=stage, by=question)


def _asked(outcomes: Mapping[str, Outcome], question: str) -> bool | None:
    asked = [one for name, one in outcomes.items() if covers(question, name)]
    ended = [one for one in asked if one.finished]
    return any(one.reached for one in ended) if ended else None


def _verified(outcome: Outcome) -> bool:
    return any(isinstance(seen, TlsHandshake) and seen.ok for seen in outcome.observations)


def _joined_store(journal: Journal) -> bool | None:
    """A store of this machine holds the root: joined with it, the client's store does too."""
    handshake = _failed_handshake(journal)
    held = handshake is not None and any(store.trusted for store in handshake.stores)
    return True if held else None


def _certifi(journal: Journal) -> bool | None:
    """The public roots, with which a file is joined, hold the one that is missing."""
    handshake = _failed_handshake(journal)
    judged = [store for store in handshake.stores if store.store == "certifi"] if handshake is not None else []
    return any(store.trusted for store in judged) if judged else None


def _true_time(journal: Journal) -> bool | None:
    """By the other clock, every certificate of the chain holds."""
    handshake, clocks = _failed_handshake(journal), journal.all(Clock, variation=None)
    if handshake is None or not handshake.chain or not clocks:
        return None
    network = journal.first(LocalNetwork)
    if network is None or not network.clock:
        return None
    offset = min((clock.offset_s for clock in clocks), key=abs)
    now = datetime.fromisoformat(network.clock) - timedelta(seconds=offset)
    dates = [(datetime.fromisoformat(c.not_before), datetime.fromisoformat(c.not_after)) for c in handshake.chain]
    return all(first <= now <= last for first, last in dates)


def _failed_handshake(journal: Journal) -> TlsHandshake | None:
    return next((seen for seen in reversed(journal.all(TlsHandshake)) if not seen.ok), None)


def _another_nameserver(journal: Journal) -> bool | None:
    """One that this machine names answers, where another does not."""
    asked = [seen for seen in journal.all(NameLookup) if seen.transport and seen.configured and seen.purpose == "api"]
    return any(seen.ok and seen.addresses for seen in asked) if asked else None


def _over_ipv4(journal: Journal) -> bool | None:
    connects = [seen for seen in journal.all(TcpConnect) if seen.purpose == "api" and ":" not in seen.address]
    return any(seen.ok for seen in connects) if connects else None


def _larger_answers(journal: Journal) -> bool | None:
    """One program of this machine was given larger answers."""
    seen = trial(journal, LARGER_ANSWERS, "dns-tcp-blocked", "dns")
    return seen.reached if seen is not None else None


#: What stands for a cure without being a question of its own: it is read off what the route has shown.
JUDGED: Mapping[str, Callable[[Journal], bool | None]] = {
    "tls:joined-store": _joined_store,
    "tls:certifi": _certifi,
    "tls:true-time": _true_time,
    "dns:nameserver": _another_nameserver,
    "tcp:ipv4": _over_ipv4,
    "dns:larger-answers": _larger_answers,
}


def answered_addresses(journal: Journal, host: str) -> tuple[str, ...]:
    """What anybody but the system's own lookup gave for the name: where a cure of the names would lead."""
    lookups = [
        seen
        for seen in journal.all(NameLookup, variation=None)
        if seen.ok and (seen.transport or seen.variation) and seen.name.rstrip(".") == host.rstrip(".")
    ]
    found = dict.fromkeys(text for seen in lookups for text in seen.addresses)
    return tuple(text for text in found if not addresses.is_nowhere(text))[:MOST_ADDRESSES]


# -- what is advised -----------------------------------------------------------------------------------


def settled(finding: Finding) -> Finding:
    """Proved fixes first, then those that could not be tried, then looks, then asks; what failed is not advised."""
    failed = [fix for fix in finding.fixes if fix.tried is not None and not fix.tried.reached]
    if finding.severity != "error":
        return finding
    kept = sorted((fix for fix in finding.fixes if fix not in failed), key=_rank)
    return msgspec.structs.replace(finding, fixes=kept, rejected=[*finding.rejected, *failed])


def _rank(fix: Fix) -> tuple[int, int]:
    kinds = ("mend", "look", "ask")
    through = 0 if fix.tried is None else 2 if fix.tried.stage in THROUGH and fix.tried.by == "walk" else 1
    return -through, kinds.index(fix.kind)


def cure(culprit: Finding | None) -> Cure | None:
    """The commands of the culprit's first fix; None where they cannot run as they stand."""
    first = culprit.fixes[0] if culprit is not None and culprit.fixes else None
    if first is None or first.kind != "mend" or first.needs:
        return None
    commands = [command for command in first.commands if command.shell in SHELLS]
    return Cure(commands=commands, proved=proved(first), lasting=first.lasting) if commands else None


def proved(fix: Fix) -> bool:
    """It was tried in this run, and the client got through; or, where it needs rights, what stands for it did."""
    return fix.tried is not None and fix.tried.reached and (fix.tried.by != "walk" or fix.tried.stage in THROUGH)
