"""From bytes to lines that can be judged: decoded, without colours, unescaped, matched. Knows no file."""

from __future__ import annotations

import re
from typing import NamedTuple

from claudecheck.explanation.signatures import Signature, Signatures, words_of
from claudecheck.explanation.status import status_in

#: What one line may hold; of a longer one only the surroundings of its interesting words are read.
LONGEST_LINE = 8192

_COLOUR = re.compile(r"(?:\x1b|\\u001b|\\x1b|\\033|\\e|\^\[)(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_QUOTES = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "`": "'", "\xa0": " ", "\x00": None}
)
_ENTITIES = (
    *(('\\"', '"'), ("\\/", "/"), ("\\u003c", "<"), ("\\u003e", ">")),  # JSON
    *(("&quot;", '"'), ("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")),  # HTML
)
_ESCAPED_BREAK = re.compile(r"(?:\\r)?\\n")
_BREAK = re.compile(r"[\r\x0b\x0c\x85]+")
#: What a log writes in front of a line: the service, the time, the stream.
PREFIX = re.compile(
    r"^(?:[\w.-]+\s*\|\s)?"  # docker compose
    r"(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[\d:.,]+(?:Z|\s?[+-]\d\d:?\d\d)?\]?\s?|"
    r"[A-Z][a-z]{2}\s+\d+ [\d:]{8} \S+ \S+?:\s|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?\s)?"
    r"(?:(?:stdout|stderr) [FP] )?"  # containerd
)
#: What differs between two lines that say the same: times, ids, durations. Short numbers are codes.
_VARIABLE = re.compile(
    rb"\d{4}-\d\d-\d\d[T ][\d:.,]+|\b[0-9a-fA-F]{8}[0-9a-fA-F-]*|\b(?!1[01]0\d\d\b)\d{4,}\b"
    rb"|(?<![\d.])\d+\.\d+(?![\d.])|\d+(?= ?m?s\b)"
)
_LONGEST_KNOWN, _MOST_KNOWN = 1000, 2048
_SPACES = re.compile(r"(?<=\S)\s+")
_FOLDED = re.compile(r"^\s*\{|Traceback \(most recent|\\n\s+at |\\n\s+File |\\nCaused by|\\n\\n")


class Hit(NamedTuple):
    """A signature found in a line, from `start` to `end`, and the values that it read there."""

    signature: Signature
    start: int
    end: int
    values: dict[str, str]


class Line(NamedTuple):
    number: int
    text: str
    hits: tuple[Hit, ...] = ()
    status: int | None = None  # the HTTP status that it names
    command: bool = False  # typed at a prompt
    control: bool = False  # what another program than the client printed
    more: int = 0  # how many lines that were not handed on it stands for, beside itself; -1: another stands for it


def unfold(raw: bytes) -> list[str]:
    """The lines that one physical line holds: a traceback inside a JSON log has escaped line breaks."""
    text = _COLOUR.sub("", raw.decode("utf-8", "replace")).translate(_QUOTES)
    if "\\" in text and _FOLDED.search(text):
        text = text.replace("\\\\n", "\\n").replace('\\\\"', '"')
        pieces = _ESCAPED_BREAK.split(text)
    else:
        pieces = [text]
    if "\\" in text or "&" in text:
        for escaped, plain in _ENTITIES:
            pieces = [piece.replace(escaped, plain) for piece in pieces]
    return [_SPACES.sub(" ", part.rstrip()) for piece in pieces for part in _BREAK.split(piece)]


class Matcher:
    """Finds the signatures of a line, with or without those that are words of people."""

    def __init__(self, signatures: Signatures, *, prose: bool = True) -> None:
        self._all = signatures.all
        self._advice_in = signatures.advice_in
        self._by_word = signatures.by_word if prose else signatures.by_word_of_programs
        self._prose = prose
        self._known: dict[bytes, list[Line]] = {}

    def lines(self, number: int, raw: bytes) -> list[Line]:
        """The judged lines of one physical line."""
        return [Line(number, text, self.hits(text), status_in(text, prose=self._prose)) for text in unfold(raw)]

    def repeated(self, number: int, raw: bytes) -> list[Line]:
        """The same for a text that says one thing a million times: judged once, whatever its numbers are.

        The text of such a line is that of the first of its kind.
        """
        if len(raw) > _LONGEST_KNOWN or b"req_" in raw:  # every request-id is worth reading
            return self.lines(number, raw)
        shape = _VARIABLE.sub(b"#", raw)
        known = self._known.get(shape)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[shape] = self.lines(number, raw)
        return [line._replace(number=number) for line in known]

    def hits(self, text: str) -> tuple[Hit, ...]:
        lowered = _lower(text)
        words = self._by_word.keys() & words_of(lowered)
        if not words:
            return ()
        for start, end in self._advice_in(lowered):
            lowered = f"{lowered[:start]}{' ' * (end - start)}{lowered[end:]}"
        found: dict[int, tuple[int, int]] = {}
        for word in words:
            for number, wanted in self._by_word[word]:
                if number not in found and (place := _whole(wanted, lowered)) >= 0:
                    found[number] = (place, place + len(wanted))
        hits = (self._hit(number, found[number], lowered, text) for number in sorted(found))
        return tuple(hit for hit in hits if hit is not None)

    def across(self, before: str, after: str) -> tuple[Hit, ...]:
        """What only shows when a terminal's line break between two lines is undone."""
        head, tail = before.rstrip(" │|")[-200:], after.lstrip(" │|")[:200]
        return tuple(hit for hit in self.hits(f"{head} {tail}") if hit.start < len(head) < hit.end)

    def _hit(self, number: int, place: tuple[int, int], lowered: str, text: str) -> Hit | None:
        signature = self._all[number]
        if signature.excluded is not None and signature.excluded.search(lowered):
            return None
        if signature.further is None:
            return Hit(signature, *place, {})
        further = signature.further.search(lowered)
        if further is None:
            return None
        # The values are read from the line as it stands: names of models and files have capitals.
        values = {name: text[slice(*further.span(name))] for name, value in further.groupdict().items() if value}
        return Hit(signature, min(place[0], further.start()), max(place[1], further.end()), values)


def _lower(text: str) -> str:
    """In lower case, character by character, so that places in it are places in the text."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(char.lower()[0] for char in text)


def _whole(wanted: str, lowered: str) -> int:
    """Where the text stands as whole words, or -1."""
    place = lowered.find(wanted)
    while place >= 0:
        end = place + len(wanted)
        before, after = lowered[place - 1 : place], lowered[end : end + 1]
        if not (_joined(before, wanted[0]) or _joined(wanted[-1], after)):
            return place
        place = lowered.find(wanted, place + 1)
    return -1


def _joined(left: str, right: str) -> bool:
    """Whether the two belong to one word; a code may begin inside a name (ERR_SSL_…), it never ends inside one."""
    return (left.isalpha() and (right.isalpha() or right == "_")) or (left.isdigit() and right.isdigit())
