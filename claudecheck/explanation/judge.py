"""Weighs the errors of a text against each other and settles on one problem, or on none. Reads nothing.

- Within an error the heaviest clue decides; of equal ones one that names a problem, then the one
  nearest to the root of the chain.
- A circumstance (`flag`) can turn a clue into another: a refusal beside a proxy is the proxy's.
- Among several errors weight and number count together; what was retried and then failed in another
  way gives way to the other, and of equals the last is the failure that people came with.
- A clue that is not a code of the catalogue is open: it names candidates and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from claudecheck.explanation.events import WORTH_NAMING, Clue, Event
from claudecheck.explanation.signatures import Shift, Signatures
from claudecheck.report import Confidence

_DECIDES = 8
_CERTAIN = 9  # whatever else the error mentions
_POINTS = 5
_SURE: tuple[Confidence, ...] = ("low", "medium", "high")
_MOST_TURNS = 3
#: What coming last is worth, in weight: of two that are nearly equal it decides.
_FINAL = 1.4
_MOST_CONTROLS = 32
_FAILED_GATEWAYS = (500, 502, 503, 504)
_ON_THE_WAY = ("dns", "tcp", "tls")
#: Where these stand, this machine's own connection failed, whatever status a wrapper made of it.
_LOCAL = {"proxy-frame", "local-frame"}
#: A circumstance holds for what stands within so many lines of it.
_NEAR = 200


@dataclass
class Tally:
    """All errors of a text that show the same problem."""

    name: str
    weight: int
    best: Clue
    count: int = 0
    lines: int = 0  # how many lines showed it, and
    more: int = 0  # how many others they stand for
    retried: int = 0
    first_line: int = 0
    last_line: int = 0
    samples: list[Clue] = field(default_factory=list)
    status: int | None = None
    request_id: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    rivals: set[str] = field(default_factory=set)  # what the same errors also point at, in another layer
    doubtful: int = 0  # how many of them do
    flags: set[str] = field(default_factory=set)
    around: frozenset[str] = frozenset()  # circumstances of the text near it
    open_name: str = ""  # the clue before it became its likeliest meaning
    at_most: Confidence = "high"  # how sure the answer may be, whatever its weight

    @property
    def total(self) -> int:
        """How often the text shows it: of a large text not every line is read, and an error may have several."""
        return max(1, self.count + round(self.count * self.more / self.lines)) if self.lines else self.count

    @property
    def confidence(self) -> Confidence:
        sure: Confidence = "high" if self.sureness >= _DECIDES else "medium" if self.sureness >= _POINTS else "low"
        return min(sure, self.at_most, key=_SURE.index)

    @property
    def sureness(self) -> int:
        """The weight, less where most of its errors point elsewhere as well."""
        return self.weight - 3 if 2 * self.doubtful >= self.count and self.doubtful else self.weight


class Judgement:
    """Collects the errors of one text, then ranks what they show."""

    def __init__(self, signatures: Signatures, layers: Mapping[str, str], circumstances: frozenset[str]) -> None:
        """`layers` gives the layer of every code of the catalogue, `circumstances` what holds for the whole text."""
        self._signatures = signatures
        self._layers = layers
        self._everywhere = circumstances
        self._tallies: dict[str, Tally] = {}
        self._flags: dict[str, list[int]] = {}
        self._statuses: list[tuple[int, int | None, str | None]] = []
        self._last: tuple[str, int] = ("", 0)
        self._controls: list[Event] = []
        self.control_answered = False  # another program than the client had an answer

    def add_all(self, events: Iterable[Event]) -> list[Tally]:
        """The problems of the text, the one to answer first."""
        before: Event | None = None
        for event in events:
            if before is not None:
                self._add(self._merged(before, event))
            before = event
        if before is not None:
            self._add(before)
        self._hear_controls()
        return self._ranked()

    def _merged(self, before: Event, event: Event) -> Event:
        """What failed first and what failed while it was being handled: one error, or an attempt and the next."""
        if event.after_handling:
            heaviest = max((clue.weight for clue in event.clues), default=0)
            if heaviest >= _POINTS:
                before.retried = True
            else:
                event.clues += before.clues
                event.flags |= before.flags
                before.clues = []
        return before

    def _hear_controls(self) -> None:
        """What other programs got is the failure where the client said nothing, or less than what decides."""
        own = max((tally.weight for tally in self._tallies.values()), default=0)
        self.control_answered = any(event.status is not None for event in self._controls) and own >= WORTH_NAMING
        for event in self._controls:
            said = max((clue.weight for clue in self._clues(event)), default=0)
            if own < WORTH_NAMING or (own < _DECIDES <= said):
                event.control = False
                self._add(event)

    def _add(self, event: Event) -> None:
        if event.control:
            self._controls = [*self._controls[-(_MOST_CONTROLS - 1) :], event]
            return
        event.flags |= self._everywhere
        for flag in event.flags:
            self._flags.setdefault(flag, [event.first_line, event.last_line])[1] = event.last_line
        status = event.status.status if event.status else None
        if status or event.request_id:
            self._statuses = [*self._statuses[-63:], (event.last_line, status, event.request_id)]
        clues = self._clues(event)
        if not clues:
            return
        best = max(clues, key=lambda clue: (clue.weight, self._names(clue), not clue.wrapper, clue.depth))
        tally = self._tallies.get(best.name)
        if tally is None:
            tally = self._tallies[best.name] = Tally(best.name, best.weight, best, first_line=best.line)
        self._count(tally, best, event)
        rivals = self._rivals(best, clues)
        tally.rivals |= rivals
        tally.doubtful += bool(rivals)

    def _names(self, clue: Clue) -> bool:
        """Whether the clue leads to a problem of the catalogue, not only to a layer."""
        entry = self._signatures.candidates.get(clue.name)
        return clue.name in self._layers or bool(entry and entry.likeliest)

    def _rivals(self, best: Clue, clues: list[Clue]) -> set[str]:
        """What an error points at nearly as clearly, in another layer."""
        if best.weight >= _CERTAIN:
            return set()
        close, here = max(best.weight - 1, _POINTS), self._layer(best)
        return {clue.name for clue in clues if clue.weight >= close and not clue.wrapper and self._layer(clue) != here}

    def _layer(self, clue: Clue) -> str:
        entry = self._signatures.candidates.get(clue.name)
        layer = clue.layer or self._layers.get(clue.name) or (entry and entry.layer) or clue.name
        return "messages" if layer == "models" else layer  # the two differ in the path only

    def _count(self, tally: Tally, best: Clue, event: Event) -> None:
        name, line = self._last
        at_once = event.first_line - line <= 3 and not (tally.retried or event.stamped)
        again = name == tally.name and (event.after_handling or at_once)
        self._last = (tally.name, event.last_line)
        tally.count += 0 if again and tally.count else 1
        lines = {clue.line: clue.more for clue in event.clues}
        tally.lines += len(lines)
        tally.more += sum(lines.values())
        tally.retried += event.retried
        tally.last_line = max(tally.last_line, best.line)
        if best.weight > tally.weight:
            tally.weight, tally.best = best.weight, best
        if len(tally.samples) < 3 or best is tally.best:
            tally.samples = [*tally.samples, best][-3:]
        tally.status = (event.status.status if event.status else None) or tally.status
        tally.request_id = event.request_id or tally.request_id
        tally.flags |= event.flags
        tally.values = {**event.values, **tally.values, **best.values}

    def _clues(self, event: Event) -> list[Clue]:
        clues = list(event.clues)
        status = event.status.status if event.status else None
        rule = self._signatures.by_status.get(status or 0)
        if rule is not None and event.status is not None:
            clues.append(Clue(rule.clue, rule.weight, event.status.number, event.status.text, {}))
        clues = [self._shifted(self._answered(clue, event), event.flags, status, near=True) for clue in clues]
        if event.status is None and not event.flags & {"trouble", "subject"}:
            clues = [clue for clue in clues if not clue.prose]
        if "foreign" in event.flags:  # another service's failure is no evidence about this one
            clues = [clue._replace(weight=min(clue.weight, 2)) for clue in clues]
        return clues

    def _answered(self, clue: Clue, event: Event) -> Clue:
        """A failure to connect that stands inside an answer with 5xx is the gateway's own, on its way to the API."""
        answer = event.status
        if answer is None or answer.status not in _FAILED_GATEWAYS or answer.number != clue.line:
            return clue
        if self._layer(clue) not in _ON_THE_WAY or clue.weight < _POINTS or _LOCAL & event.flags:
            return clue
        return clue._replace(name="gateway-error", weight=max(clue.weight, 7), layer="messages", reached_api=False)

    def _shifted(self, clue: Clue, flags: set[str], status: int | None, *, near: bool) -> Clue:
        """What the circumstances make of a clue; what it became can be turned again."""
        for _ in range(_MOST_TURNS):
            shift = next(
                (
                    known
                    for known in self._signatures.shifts.get(clue.name, ())
                    if (near or not known.near) and _applies(known, flags, status)
                ),
                None,
            )
            if shift is None:
                break
            weight = shift.weight or clue.weight
            clue = clue._replace(name=shift.to, weight=weight, layer=shift.layer, reached_api=shift.reached_api)
        return clue

    def _ranked(self) -> list[Tally]:
        """After the circumstances of the whole text, the heaviest and most frequent first."""
        shifted: dict[str, Tally] = {}
        for tally in self._tallies.values():
            tally.around = frozenset(self._flags_near(tally))
            clue = self._shifted(tally.best, set(tally.around), tally.status, near=False)
            best, tally.at_most = self._settled(clue), self._at_most(clue)
            tally.name, tally.weight, tally.best, tally.open_name = best.name, best.weight, best, clue.name
            known = shifted.get(best.name)
            shifted[best.name] = _together(known, tally) if known else tally
        ranked = sorted(shifted.values(), key=self._rank, reverse=True)
        if ranked:
            self._complete(ranked[0])
        return ranked

    def _settled(self, clue: Clue) -> Clue:
        """An open clue becomes the code that is its likeliest meaning, where one is."""
        entry = self._signatures.candidates.get(clue.name)
        if entry is None or not entry.likeliest:
            return clue
        return clue._replace(name=entry.likeliest, layer=entry.layer)

    def _at_most(self, clue: Clue) -> Confidence:
        entry = self._signatures.candidates.get(clue.name)
        return entry.at_most if entry else "high"

    def _flags_near(self, tally: Tally) -> set[str]:
        return {
            flag
            for flag, (first, last) in self._flags.items()
            if first - _NEAR <= tally.last_line and tally.first_line <= last + _NEAR
        }

    def _rank(self, tally: Tally) -> tuple[bool, float, int]:
        others = [other for other in self._tallies.values() if other is not tally and other.weight >= _POINTS]
        given_up = tally.retried >= tally.count and any(other.last_line > tally.last_line for other in others)
        frequency = min(3.0, 1.5 * math.log10(max(1, tally.total)))
        final = _FINAL if all(other.last_line < tally.last_line for other in others) else 0.0
        return (tally.weight >= WORTH_NAMING and not given_up, tally.weight + frequency + final, tally.last_line)

    def _complete(self, tally: Tally) -> None:
        """The status and the request-id that stand nearest, where the error itself names none."""
        for line, status, request_id in self._statuses:
            if tally.first_line - 30 <= line <= tally.last_line + 30:
                tally.status = tally.status or status
                tally.request_id = tally.request_id or request_id


def _applies(shift: Shift, flags: set[str], status: int | None) -> bool:
    if shift.under not in flags or (shift.also and shift.also not in flags) or not flags.isdisjoint(shift.unless):
        return False
    return not shift.status or status in shift.status


def _together(one: Tally, other: Tally) -> Tally:
    heavier, lighter = (one, other) if one.weight >= other.weight else (other, one)
    heavier.count += lighter.count
    heavier.lines += lighter.lines
    heavier.more += lighter.more
    heavier.retried += lighter.retried
    heavier.first_line = min(one.first_line, other.first_line)
    heavier.last_line = max(one.last_line, other.last_line)
    heavier.samples = [*heavier.samples, *lighter.samples][:3]
    heavier.rivals = (heavier.rivals | lighter.rivals) - {heavier.name}
    heavier.doubtful += lighter.doubtful if heavier.rivals else 0
    return heavier
