"""Writes the answer: what the lines show, in the catalogue's words, with what the text itself names. Judges nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import fill_command
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import HOLES, fill
from claudecheck.explanation.events import WORTH_NAMING
from claudecheck.explanation.judge import Tally
from claudecheck.explanation.model import Alternative, EvidenceLine, Explanation, OtherProblem
from claudecheck.explanation.secrets import SecretWatch
from claudecheck.explanation.settings import Settings, Verdict
from claudecheck.explanation.signatures import Candidates, Signatures
from claudecheck.explanation.signatures import Wording as Telling
from claudecheck.explanation.subject import Subject, values_of
from claudecheck.report import Command, Confidence, Fix, Layer

_DECIDE = "claudecheck doctor"
_COMPARE = "claudecheck compare --client curl"
_SAVE = Command(shell="sh", line="claudecheck doctor --save report.json")  # noqa: S604  # a text, nothing is started
#: What stands in commands where the text does not say otherwise.
_USUAL = {
    "port": "443",
    "key_variable": "ANTHROPIC_API_KEY",
    "python": "python3",
}
#: What stands in sentences where the text names nothing; commands for which it names nothing are left out.
_UNNAMED = {
    "base_url_source": "the base URL",
    "status": "no status named",
    "model": "it is not named here",
    "address": "that address",
    "alert": "an alert without a name",
    "not_after": "an earlier day",
    "not_before": "a later day",
    "schemes": "NTLM or Kerberos",
    "variable": "a variable",
    "header": "that was set",
}
#: What `fill_command` leaves where it has no value.
_EMPTY_HOLE = re.compile("<(?:" + "|".join(name.replace("_", "-") for name in HOLES) + ")>")
_HOLE_FIRST = re.compile(r"\{([a-z_]+)\}")
_IN_ORDER = {
    "title": "no client's rules object to these settings",
    "cause": "Addresses, proxies, keys and headers are written as the clients want them. Whether the route works, and "
    "whether the files exist, only the machine itself can tell.",
    "confidence": "medium",
}
_MOST_ALTERNATIVES = 5
_MOST_OTHERS = 20


class Wording:
    """One answer for one text; `about` is what the whole text names."""

    def __init__(self, signatures: Signatures, watch: SecretWatch, machine: Machine, about: Subject) -> None:
        self._signatures = signatures
        self._watch = watch
        self._machine = machine
        self._about = about

    def of(self, tallies: list[Tally]) -> Explanation:
        catalogue = _catalogue()
        named = [tally for tally in tallies if tally.name in catalogue and tally.weight >= WORTH_NAMING]
        if not named or (tallies and tallies[0].weight < WORTH_NAMING):
            return self._unknown(tallies)
        return self._known(catalogue[named[0].name], named[0], named[1:])

    def _known(self, problem: Problem, tally: Tally, others: list[Tally]) -> Explanation:
        layer = _layer(problem, tally)
        values = {name: self._watch.shown(value, 200) for name, value in self._values(tally).items()}
        finding = problem.finding(
            values, machine=self._machine, seen=[], ruled_out=[], confidence=tally.confidence, layer=layer
        )
        said = {**_UNNAMED, **values}
        known = Explanation(
            problem=problem.code,
            layer=layer,
            confidence=tally.confidence,
            reached_api=self._reached(layer, tally),
            request_id=tally.request_id,
            status=tally.status,
            title=_begun(fill(problem.title, said), problem.title),
            cause=_begun(fill(problem.cause, said), problem.cause),
            alternatives=self._alternatives(tally),
            owner=finding.owner,
            retryable=finding.retryable,
            fixes=self._whole(finding.fixes),
            evidence=self._evidence(tally),
            others=_others(others),
            secret_seen=self._watch.seen,
            verify=finding.verify,
            count=tally.total,
            first_line=tally.first_line,
            last_line=tally.last_line,
        )
        telling = self._telling(tally)
        return self._told(known, telling, values) if telling else known

    def _reached(self, layer: Layer, tally: Tally) -> bool | None:
        reached = _reached(layer, tally)
        # Where another program had an answer, "nothing gets there" is not what the text shows.
        return None if reached is False and tally.best.control else reached

    def _telling(self, tally: Tally) -> Telling | None:
        """The words that hold for this problem under the circumstances of this text."""
        return self._telling_of(tally.name, tally.flags | tally.around | self._about.flags)

    def _telling_of(self, code: str, flags: AbstractSet[str]) -> Telling | None:
        return next((one for one in self._signatures.wordings if code in one.codes and one.under in flags), None)

    def _told(self, known: Explanation, telling: Telling, values: Mapping[str, str]) -> Explanation:
        shell = self._machine.shells()[0]
        fixes = [
            Fix(
                text=fill(way.text, values),
                commands=[Command(shell=shell, line=fill_command(way.command, values, shell))] if way.command else [],
            )
            for way in telling.fixes
        ]
        return msgspec.structs.replace(
            known,
            title=fill(telling.title, {**_UNNAMED, **values}) or known.title,
            cause=fill(telling.cause, {**_UNNAMED, **values}) or known.cause,
            owner=telling.owner or known.owner,
            reached_api=known.reached_api if telling.reached_api is None else telling.reached_api,
            fixes=self._whole(fixes),
        )

    def _values(self, tally: Tally) -> dict[str, str]:
        values = dict(tally.values)
        for clue in tally.samples:
            values = {**values_of(clue.text, self._signatures), **values}
        values = {**self._about.values, **values}
        if tally.status:
            values.setdefault("status", str(tally.status))
        return {**_USUAL, **{name: value for name, value in values.items() if name in HOLES}}

    def _unknown(self, tallies: list[Tally]) -> Explanation:
        best = tallies[0] if tallies else None
        layer = self._layer_alone(best)
        return Explanation(
            problem=None,
            layer=layer,
            confidence="low",
            reached_api=True if best and best.request_id else None,
            request_id=best.request_id if best else None,
            status=best.status if best else None,
            title=f"this text points at {layer}, and does not decide" if layer else "this text does not decide",
            cause="It holds no line that tells one problem from another. The doctor looks at the route itself.",
            alternatives=self._alternatives(best) if best else [],
            fixes=[
                Fix(
                    text="run the doctor where the program runs, with the same environment",
                    commands=[_SAVE],
                )
            ],
            evidence=self._evidence(best) if best else [],
            secret_seen=self._watch.seen,
            verify=_DECIDE,
        )

    def with_settings(self, found: Explanation, settings: Settings) -> Explanation:
        """The answer, beside what the clients' rules say to the settings that the text holds."""
        objected = {one.concern.kind for one in settings.verdicts}
        alone = settings.alone and (found.confidence == "low" or found.problem in {None, *objected})
        likelier = {found.problem, *(other.code for other in found.alternatives)}
        verdicts = settings.verdicts
        fitting = next((one for one in verdicts if one.decides or (one.concern.kind in likelier and not alone)), None)
        grave = next((one for one in verdicts if one.certain), None)
        # That a provider is selected is no fault: what is wrong with its variables is.
        unsure = found.problem in {None, "provider-route"} or found.confidence == "low"
        if fitting and fitting.concern.kind == found.problem and not (unsure or fitting.certain):
            return found
        if chosen := fitting or (grave if unsure or alone else None):
            return self._of_settings(chosen, verdicts, found, alone=alone)
        found = msgspec.structs.replace(found, others=[*found.others, *map(_other, verdicts)])
        in_order = alone and found.problem is None
        return msgspec.structs.replace(found, **_IN_ORDER) if in_order else found

    def _of_settings(
        self, verdict: Verdict, verdicts: list[Verdict], found: Explanation, *, alone: bool
    ) -> Explanation:
        concern, place = verdict.concern, verdict.place
        values = {
            "variable": place.name,
            "detail": concern.explained,
            "client": verdict.client.in_words,
            **concern.values,
        }
        if place.name.endswith("BASE_URL"):
            values["base_url_source"] = place.name
        told = {name: self._watch.shown(value, 200) for name, value in values.items() if name in HOLES}
        sure: Confidence = "high" if alone or concern.stops_client else "medium"
        finding = _catalogue()[concern.kind].finding(told, machine=self._machine, seen=[], ruled_out=[])
        shown = self._watch.shown(place.text.strip(), 200)
        said = self._watch.shown(concern.explained, 300)
        kept = [] if alone else [one for one in found.evidence if one.line != place.line]
        answer = Explanation(
            problem=finding.code,
            layer=finding.layer,
            confidence=sure,
            reached_api=found.reached_api,
            request_id=found.request_id,
            status=found.status,
            title=finding.title,
            cause=finding.cause,
            alternatives=[] if alone else self._further(found, finding.code),
            owner=finding.owner,
            retryable=finding.retryable,
            fixes=self._whole(finding.fixes),
            evidence=[EvidenceLine(line=place.line, text=f"{shown} ({said})"), *kept],
            others=[_other(one) for one in verdicts if one is not verdict],
            secret_seen=self._watch.seen or found.secret_seen,
            verify="claudecheck routes",
            count=1,
            first_line=place.line,
            last_line=place.line,
        )
        telling = self._telling_of(finding.code, place.flags)
        return self._told(answer, telling, told) if telling else answer

    def _whole(self, fixes: Iterable[Fix]) -> list[Fix]:
        """The fixes without commands that cannot be run, or that are about another variable than the text is."""
        kept = []
        for fix in fixes:
            commands = [
                one for one in fix.commands if not _EMPTY_HOLE.search(one.line) and not self._about.foreign(one.line)
            ]
            if commands or not any(self._about.foreign(one.line) for one in fix.commands):
                kept.append(msgspec.structs.replace(fix, commands=commands))
        return kept

    def _further(self, found: Explanation, code: str) -> list[Alternative]:
        own = [Alternative(code=found.problem, decide_by=_DECIDE)] if found.problem else []
        return [one for one in [*own, *found.alternatives] if one.code != code][:_MOST_ALTERNATIVES]

    def _layer_alone(self, best: Tally | None) -> Layer | None:
        """What a text is about, where it names a layer and no problem."""
        if best is None or best.weight < WORTH_NAMING:
            return None
        entry = self._signatures.candidates.get(best.name)
        return entry.layer if entry else None

    def _evidence(self, tally: Tally) -> list[EvidenceLine]:
        """The lines that decided; of those that differ in numbers only the first."""
        shown: dict[str, EvidenceLine] = {}
        for clue in sorted(tally.samples, key=lambda clue: clue.line):
            text = self._watch.shown(clue.text.strip(), 300)
            shown.setdefault(re.sub(r"\d+", "", text), EvidenceLine(line=clue.line, text=text))
        return list(shown.values())

    def _alternatives(self, tally: Tally) -> list[Alternative]:
        compared = {"sdk-differs": _COMPARE} if "control-answered" in self._about.flags else {}
        codes = compared | dict.fromkeys(sorted(tally.rivals & set(_catalogue())), _DECIDE)
        for name in (tally.open_name, tally.best.name, tally.name):
            codes |= self._signatures.candidates.get(name, Candidates(clue=name)).codes
        codes.pop(tally.name, None)
        return [Alternative(code=code, decide_by=command) for code, command in list(codes.items())[:_MOST_ALTERNATIVES]]


def _catalogue() -> Mapping[str, Problem]:
    from claudecheck.diagnosis.problems import CATALOGUE

    return CATALOGUE


def _layer(problem: Problem, tally: Tally) -> Layer:
    layer: Layer = tally.best.layer or problem.layer  # type: ignore[assignment]  # checked when the signatures are read
    if layer in ("models", "messages"):
        return "models" if "models-path" in tally.flags else "messages"
    return layer


def _reached(layer: Layer, tally: Tally) -> bool | None:
    if layer in ("models", "messages"):
        return True if tally.request_id else tally.best.reached_api
    if tally.request_id:
        return True
    if layer in ("environment", "client") or tally.name == "connection-reset":
        return None  # a text does not show whether a request was made, or how far the answer came
    return False


def _others(tallies: list[Tally]) -> list[OtherProblem]:
    return [
        OtherProblem(code=tally.name, count=tally.total, first_line=tally.first_line, last_line=tally.last_line)
        for tally in tallies[:_MOST_OTHERS]
    ]


def _begun(text: str, template: str) -> str:
    """A sentence that begins with what stands for an unnamed value begins with a capital all the same."""
    hole = _HOLE_FIRST.match(template)
    usual = {**HOLES, **_UNNAMED}.get(hole[1], "") if hole else ""
    return text[:1].upper() + text[1:] if usual and text.startswith(usual) else text


def _other(verdict: Verdict) -> OtherProblem:
    line = verdict.place.line
    return OtherProblem(code=verdict.concern.kind, count=1, first_line=line, last_line=line)
