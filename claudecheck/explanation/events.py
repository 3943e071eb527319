"""Groups lines into the errors that were printed: a chained traceback is one, whatever its length.

Roots and wrappers. A program prints an error several times on the way up. Python prints the root
first ("direct cause"), Node, Java and Go print it last (`[cause]`, `Caused by`, after the last colon).
"During handling … another exception occurred" is no cause: it is what failed while the first was
being handled, often the next attempt. Which clue of an error decides is settled by weight; the order
of the chain settles ties.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from claudecheck.explanation.lines import PREFIX, Hit, Line

#: Below this weight a clue says only that something failed.
WORTH_NAMING = 3
#: An error that takes up again after more lines than this without a clue is another one,
_LONGEST_GAP = 400
#: and so is what goes on for more than this: no error does, and the memory is bounded.
_LONGEST_ERROR = 1000

CAUSE = "the above exception was the direct cause of the following exception"
CONTEXT = "during handling of the above exception, another exception occurred"
_TRACEBACK = "Traceback (most recent call last)"
_CONTINUES = re.compile(
    r"[\s|+}\])^~]|at |File \"|Caused by|caused by|\[?cause\]?:|\[errors\]|code:|errno|\.{3} \d+ |Suppressed:|- "
)
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: |:?$)")
_RETRY = re.compile(
    r"\b(?:retrying|will retry|retry attempt|attempting retry|backing off|retry in|giving another try)\b"
    r"|\battempts?\s+(?P<n>\d+)\s*(?:/|of)\s*(?P<of>\d+)"
)
_RETRY_WORDS = ("retr", "attempt", "backing", "another try")
_REQUEST_ID = re.compile(r"\breq_[A-Za-z0-9_]{8,80}")


class Clue(NamedTuple):
    """One thing that points at a problem. `depth` orders those of one error: the deepest is nearest to the root."""

    name: str
    weight: int
    line: int
    text: str
    values: Mapping[str, str]
    depth: tuple[int, int, int] = (0, 0, 0)
    layer: str | None = None
    reached_api: bool | None = None
    prose: bool = False  # words of people: worth something only beside trouble or the subject
    control: bool = False  # another program than the client printed it
    more: int = 0  # how many lines its line stands for, beside itself
    wrapper: bool = False  # whatever it is turned into, it is no evidence against a root


@dataclass
class Event:
    """One error as printed."""

    first_line: int
    last_line: int
    clues: list[Clue] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    status: Line | None = None  # the last line that names one
    request_id: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    retried: bool = False
    after_handling: bool = False
    stamped: bool = False  # its first line has a time of its own
    control: bool = False  # another program's result

    def add(self, line: Line, depth: int) -> None:
        self.last_line = line.number
        for hit in line.hits:
            self._take(hit, line, depth)
        self.status = line if line.status else self.status
        found = _REQUEST_ID.search(line.text) if "req_" in line.text else None
        self.request_id = found[0] if found else self.request_id

    def _take(self, hit: Hit, line: Line, depth: int) -> None:
        known = hit.signature
        if known.flag:
            self.flags.add(known.flag)
        if known.status and self.status is None:
            self.status = line._replace(status=known.status)
        for name, value in hit.values.items():
            self.values.setdefault(name, value)
        if known.clue:
            self.clues.append(
                Clue(
                    known.clue,
                    known.weight,
                    line.number,
                    line.text,
                    hit.values,
                    depth=(depth, line.number, hit.start),
                    layer=known.layer,
                    reached_api=known.reached_api,
                    prose=known.prose,
                    more=line.more,
                    control=line.control,
                    wrapper=known.weight < WORTH_NAMING,
                )
            )


class _Grouping:
    """Decides, line by line, what belongs to the error at hand."""

    def __init__(self) -> None:
        self.event: Event | None = None
        self._depth = 0
        self._linked = False  # the line before said that another exception of the chain follows
        self._in_traceback = False

    def take(self, line: Line) -> Event | None:
        """Add a line. Returns the error before, when this line starts another."""
        stamp = PREFIX.match(line.text)
        rest = line.text[stamp.end() :] if stamp else line.text
        lowered = rest.lower()
        done: Event | None = None
        if CAUSE in lowered or CONTEXT in lowered:
            return self._link(line, context=CONTEXT in lowered)
        if not self._continues(line, rest):
            done, self.event = self.event, None
            self._depth, self._in_traceback = 0, False
        if self.event is None:
            self.event = Event(line.number, line.number, stamped=rest != line.text, control=line.control)
        if _TRACEBACK in rest:
            self._in_traceback = True
        elif rest and not rest[0].isspace() and _EXCEPTION.match(rest):
            self._in_traceback = False
        self._linked = self._linked and not rest.strip()
        self.event.add(line, self._depth)
        self._mark_retry(lowered)
        return done

    def _link(self, line: Line, *, context: bool) -> Event | None:
        self._linked = True
        done: Event | None = None
        if context:
            done, self.event = self.event, Event(line.number, line.number, after_handling=True)
        if self.event is not None:
            self.event.last_line = line.number
        self._depth -= 1  # in Python the root stands first
        return done

    def _continues(self, line: Line, rest: str) -> bool:
        if self.event is None or line.number - self.event.last_line > _LONGEST_GAP:
            return False
        if line.command or line.control != self.event.control:
            return False
        if line.number - self.event.first_line > _LONGEST_ERROR:
            return False
        if self._linked or line.number == self.event.last_line or not rest.strip():
            return True
        if rest.startswith(_TRACEBACK):
            return False
        return self._in_traceback or bool(_CONTINUES.match(rest))

    def _mark_retry(self, lowered: str) -> None:
        found = _RETRY.search(lowered) if any(word in lowered for word in _RETRY_WORDS) else None
        if found and self.event is not None:
            self.event.retried = found["n"] is None or found["n"] != found["of"]


def events(lines: Iterable[Line]) -> Iterator[Event]:
    """The errors of a text, in order; those that say nothing are left out."""
    before: Event | None = None
    for event in _grouped(lines):
        if event.clues or event.flags or event.status:
            if before is not None:
                yield before
            before = event
        elif event.retried and before is not None:
            before.retried = True  # "Retrying in 2 s" stands on a line of its own
    if before is not None:
        yield before


def _grouped(lines: Iterable[Line]) -> Iterator[Event]:
    grouping = _Grouping()
    for line in lines:
        done = grouping.take(line)
        if done is not None:
            yield done
    if grouping.event is not None:
        yield grouping.event
