"""Reads a text of any size in constant memory and hands on the lines that can matter, with their numbers.

A small text is handed on whole. Of a large one, big pieces are searched for a few common words
(`GATES`, which `bytes.find` does at the speed of memory); only lines that hold one are looked at, and
only those that match a signature are handed on, with their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from claudecheck.explanation.lines import LONGEST_LINE, Line, Matcher
from claudecheck.explanation.signatures import Signatures

#: Up to here every line is looked at.
SMALL = 512 << 10
#: What people write about a failure has no more lines; in a log their words mean something else.
LONGEST_REPORT = 100
CHUNK = 1 << 20
BEFORE, AFTER = 8, 8

#: A line of a large text is looked at when it holds one of these. Chosen so that programs' errors do.
GATES: tuple[bytes, ...] = (
    b"error", b"exception", b"fail", b"refused", b"timed out", b"timeout", b"certificate", b" reset",
    b"resol", b"unable", b"no such", b"gateway", b"invalid", b"blocked", b"sk-ant-",
)  # fmt: skip

_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}


class NotTextError(ValueError):
    """The input cannot be read as text; the message says what to do."""


def beginning(stream: BinaryIO) -> bytes:
    """A small text whole, of a larger one the first part. `NotTextError` when it is compressed."""
    head = read(stream, SMALL + 1)
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            raise NotTextError(f"it is compressed ({name}); unpack it and give the text, for example through a pipe")
    return head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")


def scan(head: bytes, stream: BinaryIO, signatures: Signatures) -> Iterator[Line]:
    """The lines that can matter, in order: of `head`, and of the stream behind it when there is more."""
    if len(head) <= SMALL:
        text = _without_nul(head)
        report = text.count(b"\n") <= LONGEST_REPORT
        lines = _all_lines(text, Matcher(signatures, prose=report))
        yield from _unbroken(lines, Matcher(signatures)) if report else lines
    else:
        yield from _Large(stream, Matcher(signatures, prose=False)).lines(head)


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

    def __init__(self, stream: BinaryIO, matcher: Matcher) -> None:
        self._stream = stream
        self._matcher = matcher
        self._number = 1  # of the first line of the piece at hand
        self._last = -AFTER  # the line that matched last

    def lines(self, head: bytes) -> Iterator[Line]:
        rest = _without_nul(head)
        more = rest
        while more:
            end = rest.rfind(b"\n") + 1
            if end == 0 and len(rest) > CHUNK:
                end = len(rest) - LONGEST_LINE  # a line without an end is looked at in pieces
            yield from self._piece(rest[:end])
            more = _without_nul(read(self._stream, CHUNK))
            rest = rest[end:] + more
        yield from self._piece(rest)

    def _piece(self, piece: bytes) -> Iterator[Line]:
        place, here = 0, self._number  # a line's start and its number
        done, number = place, here  # the same for the first line after the last match
        for start, end in _promising(piece, piece.lower()):
            here += piece.count(b"\n", place, start)
            place = start
            raw = _bounded(piece[start:end])
            found = self._matcher.repeated(here, raw) if self._matcher.promises(raw) or b"sk-ant-" in raw else []
            if any(line.hits for line in found) or b"sk-ant-" in raw:
                yield from self._around(piece[done:start], number, BEFORE)
                yield from found
                self._last = here
                done, number = end + 1, here + 1
        yield from self._around(piece[done:], number, 0)
        self._number += piece.count(b"\n")

    def _around(self, between: bytes, number: int, before: int) -> Iterator[Line]:
        """Of the lines between two matches those that follow the one closely, or stand close before the other."""
        if not before and number > self._last + AFTER:
            return
        raws = between.split(b"\n")
        if not raws[-1]:
            raws.pop()
        for offset, raw in enumerate(raws):
            if number + offset <= self._last + AFTER or offset >= len(raws) - before:
                yield from self._matcher.lines(number + offset, _bounded(raw))


def _promising(piece: bytes, lowered: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the lines that hold a gate, in order."""
    starts: dict[int, int] = {}
    for gate in GATES:
        found = lowered.find(gate)
        while found >= 0:
            start = piece.rfind(b"\n", 0, found) + 1
            end = piece.find(b"\n", found)
            end = len(piece) if end < 0 else end
            starts[start] = end
            found = lowered.find(gate, end)
    yield from sorted(starts.items())


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
