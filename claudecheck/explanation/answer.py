"""From a text, a file or an exception to the problem that it shows. Offline; knows no network and no terminal."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from claudecheck.diagnosis.problems.problem import HOLES, Machine, Problem
from claudecheck.explanation.events import WORTH_NAMING, events
from claudecheck.explanation.judge import Judgement, Tally
from claudecheck.explanation.lines import Line
from claudecheck.explanation.model import Alternative, EvidenceLine, Explanation, OtherProblem
from claudecheck.explanation.raised import lines_of
from claudecheck.explanation.saved import explain_report, looks_like_a_report, rest_of
from claudecheck.explanation.scan import SMALL, beginning, scan
from claudecheck.explanation.secrets import SecretWatch
from claudecheck.explanation.signatures import Candidates, Signatures, load
from claudecheck.explanation.speakers import attributed
from claudecheck.explanation.subject import Subject, subject
from claudecheck.report import Command, Fix, Layer

_DECIDE = "claudecheck doctor"
_SAVE = Command(shell="sh", line="claudecheck doctor --save report.json")  # noqa: S604  # a text, nothing is started
#: What stands in commands where the text does not say otherwise.
_USUAL = {
    "port": "443",
    "key_variable": "ANTHROPIC_API_KEY",
    "python": "python3",
    "base_url_source": "ANTHROPIC_BASE_URL",
}
_MOST_ALTERNATIVES = 5
_MOST_OTHERS = 20


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
    layers = {code: problem.layer for code, problem in _catalogue().items()}
    lines: Iterable[Line] = attributed(_watched(scan(head, stream, signatures), watch))
    about = Subject()
    if len(head) <= SMALL:
        lines = list(lines)
        about = subject(lines, signatures)
    tallies = Judgement(signatures, layers, about.flags).add_all(events(lines))
    return _Answer(signatures, watch, machine or _this_machine(), about.values).of(tallies)


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
    def __init__(self, signatures: Signatures, watch: SecretWatch, machine: Machine, about: Mapping[str, str]) -> None:
        """`about` is what the whole text names."""
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
        values = {**self._about, **values}
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
        codes = dict.fromkeys(sorted(tally.rivals & set(_catalogue())), _DECIDE)
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
