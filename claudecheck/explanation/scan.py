"""Reads a text of any size in constant memory and hands on the lines that can matter, with their numbers.

A small text is handed on whole. Of a large one, big pieces are searched for the words of the
signatures (`needles.py`), and only lines that hold one are judged, with their neighbours. A large log
says the same thing a million times: lines that hold the same words are of one kind, the first of a
kind are all handed on, later only the last of each piece, with how many it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from claudecheck.explanation.lines import LONGEST_LINE, Line, Matcher
from claudecheck.explanation.needles import GATES, STRETCH, Kinds
from claudecheck.explanation.signatures import Signatures

#: Up to here every line is looked at.
SMALL = 512 << 10
#: What people write about a failure has no more lines; in a log their words mean something else.
LONGEST_REPORT = 100
CHUNK = 4 << 20
BEFORE, AFTER = 8, 8

#: So many lines of a kind are handed on one by one, and so many kinds are remembered.
EACH, _MOST_KINDS = 100, 4096

_KEY = b"sk-ant-"  # a reason to look at a line: the text then holds a secret

_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}


#: In UTF-16 every second byte may be zero.
_LOOKED_AT, _MOST_NUL = 65_536, 0.6


class NotTextError(ValueError):
    """The input cannot be read as text; the message says what to do."""


def beginning(stream: BinaryIO) -> bytes:
    """A small text whole, of a larger one the first part. `NotTextError` when it is compressed, or none."""
    head = read(stream, SMALL + 1)
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            raise NotTextError(f"it is compressed ({name}); unpack it and give the text, for example through a pipe")
    if head[:_LOOKED_AT].count(0) > len(head[:_LOOKED_AT]) * _MOST_NUL:
        raise NotTextError("it is no text: most of its bytes are zero")
    return head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")


def scan(head: bytes, stream: BinaryIO, signatures: Signatures) -> Iterator[Line]:
    """The lines that can matter, in order: of `head`, and of the stream behind it when there is more."""
    if len(head) <= SMALL:
        text = _without_nul(head)
        report = text.count(b"\n") <= LONGEST_REPORT
        lines = _all_lines(text, Matcher(signatures, prose=report))
        yield from _unbroken(lines, Matcher(signatures)) if report else lines
    else:
        yield from _Large(stream, signatures).lines(head)


def _all_lines(text: bytes, matcher: Matcher) -> Iterator[Line]:
    for number, raw in enumerate(text.split(b"\n"), 1):
        yield from matcher.lines(number, _bounded(raw))


def _unbroken(lines: Iterator[Line], matcher: Matcher) -> Iterator[Line]:
    """The same lines; what a terminal's line break had torn apart is found on the first of the two."""
    before: Line | None = None
    for line in lines:
        if before is not None:
            across = matcher.across(before.text, line.text) if before.text and line.text else ()
            yield before._replace(hits=before.hits + across) if across else before
        before = line
    if before is not None:
        yield before


class _Large:
    """The walk over a large text: one piece at a time, with the lines around every match."""

    def __init__(self, stream: BinaryIO, signatures: Signatures) -> None:
        self._stream = stream
        self._matcher = Matcher(signatures, prose=False)
        self._kinds = Kinds([*signatures.needles, _KEY])
        self._seen: dict[frozenset[int], int] = {}  # how many lines of a kind were handed on one by one
        self._number = 1  # of the first line of the piece at hand
        self._last = -AFTER  # the line that matched last

    def lines(self, head: bytes) -> Iterator[Line]:
        rest = _without_nul(head)
        while True:
            end = rest.rfind(b"\n") + 1
            if end == 0 and len(rest) > CHUNK:
                end = len(rest) - LONGEST_LINE  # a line without an end is looked at in pieces
            piece, rest = rest[:end], rest[end:]
            yield from self._piece(piece)
            del piece  # before the next is read: there is one in memory at a time
            more = read(self._stream, CHUNK)
            if not more:
                break
            rest += _without_nul(more)
            del more
        yield from self._piece(rest)

    def _piece(self, piece: bytes) -> Iterator[Line]:
        place, here = 0, self._number  # a line's start and its number
        done, number = place, here  # the same for the first line after the last match
        for within, more in self._chosen(piece):
            start, end = _line_at(piece, within)
            here += piece.count(b"\n", place, start)
            place = start
            raw = piece[start:end]
            found = self._matcher.repeated(here, raw)
            if any(line.hits for line in found) or _KEY in raw:
                yield from self._around(piece[done:start], number, BEFORE)
                yield from (line._replace(more=more) for line in found)
                self._last = here
                done, number = (end + 1, here + 1) if piece[end : end + 1] == b"\n" else (end, here)
        self._number = here + piece.count(b"\n", place)
        if number <= self._last + AFTER:
            yield from self._around(piece[done:], number, 0)

    def _chosen(self, piece: bytes) -> list[tuple[int, int]]:
        """The lines to judge, each by a place in it, with how many others it stands for."""
        chosen: list[tuple[int, int]] = []
        others: dict[frozenset[int], list[int]] = {}  # the place of the last, and how many stood before it

        def take(place: int, kind: frozenset[int]) -> None:
            seen = self._seen.get(kind, 0)
            if seen >= EACH:
                other = others.setdefault(kind, [place, -1])
                other[0] = place
                other[1] += 1
                return
            if len(self._seen) >= _MOST_KINDS:
                self._seen.clear()
            self._seen[kind] = seen + 1
            chosen.append((place, 0))

        self._kinds.each(piece, take)
        return sorted([*chosen, *((place, before) for place, before in others.values())])

    def _around(self, between: bytes, number: int, before: int) -> Iterator[Line]:
        """Of the lines between two matches those that follow the one closely, or stand close before the other."""
        start, after = 0, self._last + AFTER
        while number <= after and start < len(between):
            end = between.find(b"\n", start)
            end = len(between) if end < 0 else end
            yield from self._beside(number, between[start : min(end, start + LONGEST_LINE)])
            start, number = end + 1, number + 1
        if not before or start >= len(between):
            return
        raws = between[start:].rsplit(b"\n", before + 1)[-before - 1 : -1]  # the match's own start comes last
        first = number + between.count(b"\n", start) - len(raws)
        for offset, raw in enumerate(raws):
            yield from self._beside(first + offset, raw[:LONGEST_LINE])

    def _beside(self, number: int, raw: bytes) -> Iterator[Line]:
        """A neighbour of a match. One that shows something was counted already, with its kind."""
        for line in self._matcher.repeated(number, raw):
            yield line._replace(more=-1) if line.hits else line


def _line_at(piece: bytes, place: int) -> tuple[int, int]:
    """Start and end of the line that holds a place, of a very long one those of its surroundings."""
    end = piece.find(b"\n", place, place + LONGEST_LINE - STRETCH)
    start = piece.rfind(b"\n", max(0, place - STRETCH), place) + 1
    return start or max(0, place - STRETCH), end if end >= 0 else min(len(piece), place + LONGEST_LINE - STRETCH)


def _bounded(raw: bytes) -> bytes:
    """The line, or of a very long one the surroundings of its gates."""
    if len(raw) <= LONGEST_LINE:
        return raw
    lowered, parts, last = raw.lower(), [raw[:512]], 512
    positions = sorted(position for gate in GATES if (position := lowered.find(gate)) >= 0)
    for position in positions[:8]:
        start = max(last, position - 400)
        parts.append(raw[start : position + 600])
        last = max(last, position + 600)
    return b" ".join(parts)[:LONGEST_LINE]


def _without_nul(raw: bytes) -> bytes:
    """UTF-16 from Windows reads as text once its zero bytes are gone."""
    return raw.replace(b"\0", b"") if b"\0" in raw else raw


def read(stream: BinaryIO, size: int) -> bytes:
    """As much as was asked for, unless the stream ends: a pipe gives less at a time."""
    parts: list[bytes] = []
    while size > 0:
        part = stream.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
