"""From a text, a file or an exception to the problem that it shows. Offline; knows no network and no terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.explanation.events import events
from claudecheck.explanation.judge import Judgement
from claudecheck.explanation.lines import Line
from claudecheck.explanation.model import Explanation
from claudecheck.explanation.raised import lines_of
from claudecheck.explanation.saved import explain_report, looks_like_a_report, rest_of
from claudecheck.explanation.scan import SMALL, beginning, scan
from claudecheck.explanation.secrets import SecretWatch
from claudecheck.explanation.settings import Settings
from claudecheck.explanation.signatures import load
from claudecheck.explanation.speakers import attributed
from claudecheck.explanation.subject import Subject, subject
from claudecheck.explanation.wording import Wording


def explain(source: BaseException | str | bytes, *, secrets: Iterable[str] = ()) -> Explanation:
    """What an exception or a text shows; `print` shows its short form."""
    if isinstance(source, BaseException):
        return explain_error(source, secrets=secrets)
    return explain_text(source, secrets=secrets)


def explain_error(error: BaseException, *, secrets: Iterable[str] = (), machine: Machine | None = None) -> Explanation:
    """What an exception shows, of any generation of any SDK: its chain, status, body and headers."""
    return explain_text("\n".join(lines_of(error)), secrets=secrets, machine=machine)


def explain_text(
    text: str | bytes, *, secrets: Iterable[str] = (), machine: Machine | None = None, typed: bool = False
) -> Explanation:
    """What an error message, a traceback, a log, settings or a saved report shows.

    `typed`: somebody typed these words as a question, so they are about this program's subject.
    """
    raw = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
    return explain_stream(io.BytesIO(raw), secrets=secrets, machine=machine, typed=typed)


def explain_stream(
    stream: BinaryIO, *, secrets: Iterable[str] = (), machine: Machine | None = None, typed: bool = False
) -> Explanation:
    """The same for a file of any size, in constant memory. `NotTextError` is raised when it is compressed."""
    head = beginning(stream)
    if looks_like_a_report(head):
        head = rest_of(head, stream)
        saved = explain_report(head)
        if saved is not None:
            return saved
    signatures = load()
    watch = SecretWatch(secrets)
    lines: Iterable[Line] = attributed(_watched(scan(head, stream, signatures), watch))
    about, settings = Subject(), None
    if len(head) <= SMALL:
        lines = list(lines)
        about, settings = subject(lines, signatures), Settings.of(head.decode("utf-8", "replace"))
        if settings is not None:
            watch.hide(settings.secrets)
    circumstances = about.flags | ({"subject"} if typed else frozenset())
    judgement = Judgement(signatures, _layers(), circumstances)
    tallies = judgement.add_all(events(lines))
    if judgement.control_answered:
        about = replace(about, flags=about.flags | {"control-answered"})
    answer = Wording(signatures, watch, machine or _this_machine(), about)
    found = answer.of(tallies)
    return answer.with_settings(found, settings) if settings else found


def _layers() -> dict[str, str]:
    from claudecheck.diagnosis.problems import CATALOGUE

    return {code: problem.layer for code, problem in CATALOGUE.items()}


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
