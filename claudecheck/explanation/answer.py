"""From a text, a file or an exception to the problem that it shows. Offline; knows no network and no terminal."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

import msgspec

from claudecheck.diagnosis.problems.problem import HOLES, Machine, Problem
from claudecheck.explanation.events import WORTH_NAMING, events
from claudecheck.explanation.judge import Judgement, Tally
from claudecheck.explanation.leaning import Leaning, leaning
from claudecheck.explanation.lines import Line
from claudecheck.explanation.model import Alternative, EvidenceLine, Explanation, OtherProblem
from claudecheck.explanation.raised import lines_of
from claudecheck.explanation.saved import explain_report, looks_like_a_report, rest_of
from claudecheck.explanation.scan import beginning, scan
from claudecheck.explanation.secrets import SecretWatch
from claudecheck.explanation.signatures import Candidates, Signatures, load
from claudecheck.report import Command, Fix, Layer

_DECIDE = "claudecheck doctor"
_SAVE = Command(shell="sh", line="claudecheck doctor --save report.json")  # noqa: S604  # a text, nothing is started
#: What stands in commands where the text does not say otherwise.
_USUAL = {
    "host": "api.anthropic.com",
    "port": "443",
    "key_variable": "ANTHROPIC_API_KEY",
    "python": "python3",
    "base_url_source": "ANTHROPIC_BASE_URL",
}
_MOST_ALTERNATIVES = 4
_MOST_OTHERS = 20
#: Up to so many bytes a text is a report that somebody wrote, and its words are weighed (`leaning.py`).
_LONGEST_REPORT = 2048
#: What a layer counts against the words that the signatures give without a problem.
_LAYER = 2
#: How much more a program's own words count than those of people; the clear ones cannot be outvoted.
_OWN_WORDS, _CLEAR = 2, 9
#: A clue that a circumstance turned into another was weighed against the words once.
_TURNED = 2
#: What the words must reach where no signature says anything: by whether the text names
#: the subject, and trouble.
_LEAST = ((7, 4), (6, 3), (2, 1))


def explain(source: BaseException | str | bytes, *, secrets: Iterable[str] = ()) -> Explanation:
    """What an exception or a text shows; `print` shows its short form."""
    if isinstance(source, BaseException):
        return explain_error(source, secrets=secrets)
    return explain_text(source, secrets=secrets)


def explain_error(error: BaseException, *, secrets: Iterable[str] = (), machine: Machine | None = None) -> Explanation:
    """What an exception shows, of any generation of any SDK: its chain, status, body and headers."""
    return explain_text("\n".join(lines_of(error)), secrets=secrets, machine=machine)


def explain_text(text: str | bytes, *, secrets: Iterable[str] = (), machine: Machine | None = None) -> Explanation:
    """What an error message, a traceback, a log or a saved report shows."""
    raw = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
    return explain_stream(io.BytesIO(raw), secrets=secrets, machine=machine)


def explain_stream(stream: BinaryIO, *, secrets: Iterable[str] = (), machine: Machine | None = None) -> Explanation:
    """The same for a file of any size, in constant memory. `NotTextError` is raised when it is compressed."""
    head = beginning(stream)
    if looks_like_a_report(head):
        head = rest_of(head, stream)
        saved = explain_report(head)
        if saved is not None:
            return saved
    signatures = load()
    watch = SecretWatch(secrets)
    lines: Iterable[Line] = _watched(scan(head, stream, signatures), watch)
    report = list(lines) if len(head) <= _LONGEST_REPORT else []
    layers = {code: problem.layer for code, problem in _catalogue().items()}
    judgement = Judgement(signatures, layers)
    tallies = judgement.add_all(events(report or lines))
    answer = _Answer(signatures, watch, machine or _this_machine())
    found = answer.of(tallies)
    return found if judgement.foreign else answer.leaned(found, report, _LEAST[judgement.marks])


def _this_machine() -> Machine:
    windows = sys.platform == "win32"
    system = "Windows" if windows else "Darwin" if sys.platform == "darwin" else "Linux"
    return Machine(os=system, shell="powershell" if windows else "sh")


def _watched(lines: Iterable[Line], watch: SecretWatch) -> Iterator[Line]:
    for line in lines:
        watch.look(line.text)
        for hit in line.hits:
            watch.piece(hit.values.get("secret", ""))
        yield line


class _Answer:
    def __init__(self, signatures: Signatures, watch: SecretWatch, machine: Machine) -> None:
        self._signatures = signatures
        self._watch = watch
        self._machine = machine
        self.voice = _LAYER  # what the answer counts against the words

    def of(self, tallies: list[Tally]) -> Explanation:
        catalogue = _catalogue()
        named = [tally for tally in tallies if tally.name in catalogue and tally.weight >= WORTH_NAMING]
        if not named or (tallies and tallies[0].weight < WORTH_NAMING):
            return self._unknown(tallies)
        best = named[0].best
        self.voice = named[0].weight + (0 if best.prose else _OWN_WORDS) + (_TURNED if best.turned else 0)
        return self._known(catalogue[named[0].name], named[0], named[1:])

    def _known(self, problem: Problem, tally: Tally, others: list[Tally]) -> Explanation:
        layer = _layer(problem, tally)
        values = {name: self._watch.shown(value, 200) for name, value in self._values(tally).items()}
        finding = problem.finding(
            values, machine=self._machine, seen=[], ruled_out=[], confidence=tally.confidence, layer=layer
        )
        return Explanation(
            problem=problem.code,
            layer=layer,
            confidence=tally.confidence,
            reached_api=_reached(layer, tally),
            request_id=tally.request_id,
            status=tally.status,
            title=finding.title,
            cause=finding.cause,
            alternatives=self._alternatives(tally),
            owner=finding.owner,
            retryable=finding.retryable,
            fixes=finding.fixes,
            evidence=self._evidence(tally),
            others=_others(others),
            secret_seen=self._watch.seen,
            verify=finding.verify,
            count=tally.total,
            first_line=tally.first_line,
            last_line=tally.last_line,
        )

    def _values(self, tally: Tally) -> dict[str, str]:
        values = dict(tally.values)
        for clue in tally.samples:
            values = {**self._signatures.values_in(clue.text), **values}
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

    def leaned(self, found: Explanation, report: list[Line], least: tuple[int, int]) -> Explanation:
        """What the words of a short report say to an answer that is not sure; they can name a layer, no problem.

        `least` is the score and the lead that they must reach where no signature says anything.
        """
        here: Layer | None = "messages" if found.layer == "models" else found.layer
        voices: dict[Layer, int] = {here: self.voice} if here else {}
        said = leaning([line.text for line in report], self._signatures.leanings, voices)
        if self.voice >= _CLEAR or said is None or said.layer == here:
            return found
        if said.lead < 1 or (not here and (said.score < least[0] or said.lead < least[1])):
            return found
        return self._leaning(found, said, report)

    def _leaning(self, found: Explanation, said: Leaning, report: list[Line]) -> Explanation:
        nearest = self._signatures.candidates.get(f"about-{said.layer}", Candidates(clue="")).codes
        codes = {found.problem: _DECIDE} if found.problem else {}
        codes |= {other.code: other.decide_by for other in found.alternatives} | nearest
        shown = [self._watch.shown(report[at].text.strip(), 300) for at in said.lines]
        return msgspec.structs.replace(
            self._unknown([]),
            layer=said.layer,
            reached_api=found.reached_api or None,
            request_id=found.request_id,
            status=found.status,
            title=f"this text points at {said.layer}, and does not decide",
            cause=f"No line decides. Its words stand in reports of that layer: {', '.join(said.words)}.",
            alternatives=[Alternative(code=code, decide_by=command) for code, command in codes.items()][
                :_MOST_ALTERNATIVES
            ],
            evidence=[
                EvidenceLine(line=report[at].number, text=text) for at, text in zip(said.lines, shown, strict=True)
            ],
        )

    def _layer_alone(self, best: Tally | None) -> Layer | None:
        """What a text is about, where it names a layer and no problem."""
        if best is None or best.weight < WORTH_NAMING:
            return None
        self.voice = best.weight - 1 + (0 if best.best.prose else _OWN_WORDS)
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
        codes = dict.fromkeys(sorted(tally.rivals & set(_catalogue())), _DECIDE)
        for name in (tally.best.name, tally.name):
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
