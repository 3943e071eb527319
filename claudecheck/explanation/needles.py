"""Tells of every line of a big piece which words of the signatures it holds. Knows no number and no judgement.

Hyperscan (the extra `claudecheck[logs]`) looks for all words at once, at the speed of memory. Without it
the words are looked for one after the other, which is slower and finds the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

#: Programs' errors hold one of these. They are no reason to look at a line, they tell lines apart:
#: "connecting to …" and "error connecting to …" are two kinds.
GATES: tuple[bytes, ...] = (
    b"error", b"exception", b"fail", b"refused", b"timed out", b"timeout", b"certificate", b" reset",
    b"resol", b"unable", b"no such", b"gateway", b"invalid", b"blocked", b"sk-ant-",
)  # fmt: skip
#: As a key of JSON the word tells nothing: `"error": null` stands in every line of many logs.
_TELLING = {b"error": rb"error(?:[\"']?[\s,}\])>|-]|:\s)"}
#: A very long line counts as several, each of so many bytes.
STRETCH = 2048

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_DIGITS = frozenset(b"0123456789")
_NOTHING: frozenset[int] = frozenset()
#: Everything but lower-case ASCII letters, or but digits, becomes a space.
_WORDS = bytes(code if 97 <= code <= 122 else 32 for code in range(256))
_NUMBERS = bytes(code if 48 <= code <= 57 else 32 for code in range(256))

#: Told of every occurrence: the word's number, and where it ends (the third value), as Hyperscan does it.
Found = Callable[[int, int, int, int, object], None]


class Needles(Protocol):
    def scan(self, piece: bytes, *, match_event_handler: Found) -> None:
        """Calls the handler for every word that the piece holds, whatever its case, in the order of their ends."""


class Kinds:
    """Lines that hold the same words are of one kind."""

    def __init__(self, words: Sequence[bytes], needles: Callable[[Sequence[bytes]], Needles] | None = None) -> None:
        self._needles = (needles or needles_for)(words)
        self._reasons = len(words)
        self._never_before = [_never_before(word) for word in words]

    def each(self, piece: bytes, take: Callable[[int, frozenset[int]], None]) -> None:
        """Calls `take` for every line that holds one of the words: with a place in it, and its kind."""
        never_before, reasons, size = self._never_before, self._reasons, len(piece)
        place, line_end = -1, -1
        numbers: list[int] = []

        def found(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            nonlocal place, line_end, numbers
            reason = number < reasons
            if reason and end < size and piece[end] in never_before[number]:
                return
            if end > line_end:
                if place >= 0:
                    take(place, frozenset(numbers))
                    place = -1
                numbers = []
                line_end = piece.find(b"\n", end, end + STRETCH)
                if line_end < 0:
                    line_end = end + STRETCH
            numbers.append(number)
            if reason:
                place = end - 1

        self._needles.scan(piece, match_event_handler=found)
        if place >= 0:
            take(place, frozenset(numbers))


def needles_for(words: Sequence[bytes]) -> Needles:
    """What finds `words` (in lower case) and, with the numbers behind theirs, the gates."""
    try:
        return _automaton([*map(re.escape, words), *(_TELLING.get(gate) or re.escape(gate) for gate in GATES)])
    except Exception:  # not installed, or not for this processor
        return Search(words)


def _automaton(expressions: Sequence[bytes]) -> Needles:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=list(expressions),
        ids=list(range(len(expressions))),
        flags=[hyperscan.HS_FLAG_CASELESS] * len(expressions),
    )
    return database


class Search:
    """The same without Hyperscan: a text can only stand where all its words do, so most are not looked for at all."""

    def __init__(self, words: Sequence[bytes]) -> None:
        self._gates = len(words)
        self._words = [(word, _parts(word)) for word in words]

    def scan(self, piece: bytes, *, match_event_handler: Found) -> None:
        lowered = piece.lower()
        here = _parts(lowered)
        places = [(end, number) for number, gate in enumerate(GATES, self._gates) for end in _ends(gate, lowered)]
        for number, (word, parts) in enumerate(self._words):
            if parts <= here:
                places += ((end, number) for end in _ends(word, lowered))
        for end, number in sorted(places):
            match_event_handler(number, 0, end, 0, None)


def _parts(text: bytes) -> frozenset[bytes]:
    return frozenset(text.translate(_WORDS).split()).union(text.translate(_NUMBERS).split())


def _ends(word: bytes, text: bytes) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place + len(word)
        place = text.find(word, place + 1)


def _never_before(word: bytes) -> frozenset[int]:
    """What cannot follow a whole word: "connect" does not stand in "connection"."""
    return _DIGITS if word[-1] in _DIGITS else _LETTERS if word[-1:].isalpha() else _NOTHING
