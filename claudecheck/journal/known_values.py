"""Finds values that are known to be secret in a text, in whatever usual spelling they stand there. Linear in the text.

Two things make a value appear in another form: an escape (percent, JSON, HTML, Python), which is undone in
the text before it is searched, once for every layer; and an encoding of the whole (hex, base64), whose
result is searched for beside the value itself. Letters count as equal in either case.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator

Span = tuple[int, int]

#: A value shorter than this is a word, not a secret: removing it would shred the report.
SHORTEST = 4
#: From here on a match is no accident: in either case of letters, and found by its pieces.
_LONG = 8
#: A long needle is found by a piece of it, looked for at every fifth place of the text: one of the five pieces in a
#: window of eight bytes begins at such a place.
_PIECE = 4
_STEP = _LONG - _PIECE + 1
#: A text that is shorter has not been cut; a beginning that is shorter tells no more than a key's kind.
_SHORTEST_CUT, _SHORTEST_HALF = 150, 14
#: How often a text may have been escaped (a percent sign, inside JSON, inside HTML).
_LAYERS = 4

_ESCAPE = re.compile(
    rb"%([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\([0-7]{3})|\\u([0-9A-Fa-f]{4})|\\u\{([0-9A-Fa-f]{1,6})\}"
    rb"|\\U([0-9A-Fa-f]{8})|&#[xX]([0-9A-Fa-f]{1,6});|&#([0-9]{1,7});|&([a-zA-Z]{2,6});|\\(.)",
    re.DOTALL,
)
#: Its groups: the base of those that hold a number; the first three name a byte, the others a character.
_BASES = {1: 16, 2: 16, 3: 8, 4: 16, 5: 16, 6: 16, 7: 16, 8: 10}
_LAST_BYTE, _NAME, _LETTER = 3, 9, 10
_NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'", b"sol": b"/", b"plus": b"+"}
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"0": b"\0", b"b": b"\b", b"f": b"\f"}


class KnownValues:
    """The values to look for, prepared once."""

    def __init__(self, values: Iterable[str]) -> None:
        values = set(values)
        needles = {needle for value in values for needle in _needles(value)}
        self._whole = [raw for value in values for raw in _encoded(value.strip()) if len(raw) > _SHORTEST_HALF]
        self._short = [needle for needle in needles if SHORTEST <= len(needle) < _LONG]
        self._offsets: dict[bytes, set[int]] = defaultdict(set)  # a piece: its places in a window
        self._by_window: dict[bytes, list[tuple[int, bytes]]] = defaultdict(list)  # a window: its place in which needle
        for needle in {needle.lower() for needle in needles if len(needle) >= _LONG}:
            # Keys begin alike and end alike: the middle tells them apart.
            middle = (len(needle) - _LONG) // 2
            window = needle[middle : middle + _LONG]
            self._by_window[window].append((middle, needle))
            for offset in range(_STEP):
                self._offsets[window[offset : offset + _PIECE]].add(offset)

    def replace(self, text: str, by: str) -> str:
        """The text with every known value replaced."""
        if not self._short and not self._by_window:
            return text
        data = text.encode("utf-8", "surrogatepass")
        spans = list(_merged(self._spans(data)))
        if not spans:
            return text
        parts, last = [], 0
        for start, end in spans:
            parts += [data[last : _character_at(data, start)], by.encode()]
            last = _character_at(data, end, step=1)
        return b"".join([*parts, data[last:]]).decode("utf-8", "surrogatepass")

    def _spans(self, data: bytes) -> Iterator[Span]:
        """Where values stand, as places in the text as it is."""
        yield from self._found(data)
        yield from self._halved(data)
        places: array[int] | None = None
        for _ in range(_LAYERS):
            if b"%" not in data and b"\\" not in data and b"&" not in data:
                return
            plain, places = _unescaped(data, places)
            if plain == data:
                return
            data = plain
            yield from ((places[start], places[end]) for start, end in self._found(data))

    def _halved(self, data: bytes) -> Iterator[Span]:
        """The beginning of a value at the very end: somebody before us has cut the text there."""
        if len(data) < _SHORTEST_CUT:
            return
        for raw in self._whole:
            place = data.rfind(raw[:_SHORTEST_HALF], -len(raw))
            if place >= 0 and raw.startswith(data[place:]):
                yield place, len(data)

    def _found(self, data: bytes) -> Iterator[Span]:
        for needle in self._short:
            yield from ((place, place + len(needle)) for place in _places(needle, data))
        if not self._by_window or len(data) < _LONG:
            return
        data = data.lower()
        pieces = self._offsets
        for place in [at for at in range(0, len(data), _STEP) if data[at : at + _PIECE] in pieces]:
            for offset in pieces[data[place : place + _PIECE]]:
                window = max(0, place - offset)
                for before, needle in self._by_window.get(data[window : window + _LONG], ()):
                    if before <= window and data.startswith(needle, window - before):
                        yield window - before, window - before + len(needle)


def _character_at(data: bytes, place: int, *, step: int = -1) -> int:
    """The nearest place where a character begins: what another encoding made may match in the middle of one."""
    while 0 < place < len(data) and data[place] & 0xC0 == 0x80:
        place += step
    return place


def _places(needle: bytes, data: bytes) -> Iterator[int]:
    place = data.find(needle)
    while place >= 0:
        yield place
        place = data.find(needle, place + 1)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """In order, those that overlap as one."""
    start = end = -1
    for first, last in sorted(spans):
        if first >= end:
            if end >= 0:
                yield start, end
            start, end = first, last
        end = max(end, last)
    if end >= 0:
        yield start, end


def _unescaped(data: bytes, before: array[int] | None) -> tuple[bytes, array[int]]:
    """One layer of escapes undone, and for each byte, and the end, its place in the text at the beginning."""
    parts: list[bytes] = []
    places: array[int] = array("L")
    last = 0
    for found in _ESCAPE.finditer(data):
        plain = _plain(found)
        parts += [data[last : found.start()], plain]
        places.extend(range(last, found.start()))
        places.extend([found.start()] * len(plain))
        last = found.end()
    parts.append(data[last:])
    places.extend(range(last, len(data) + 1))
    if before is not None:
        places = array("L", map(before.__getitem__, places))
    return b"".join(parts), places


def _plain(found: re.Match[bytes]) -> bytes:
    """What an escape stands for; itself, when it stands for nothing."""
    group = found.lastindex or 0
    told = found[group]
    if group == _NAME:
        return _NAMED.get(told, found[0])
    if group == _LETTER:
        return _LETTERS.get(told, told)
    number = int(told, _BASES[group])
    if group <= _LAST_BYTE:
        return bytes((number & 0xFF,))
    return chr(number).encode("utf-8", "surrogatepass") if number <= 0x10FFFF else found[0]


def _needles(value: str) -> Iterator[bytes]:
    for text in {value, value.strip()}:
        for raw in _encoded(text):
            if len(raw) < SHORTEST:
                continue
            yield from (raw, raw.hex().encode(), raw.replace(b" ", b"+"), _plainest(raw))
            yield from _base64_forms(raw)


def _plainest(raw: bytes) -> bytes:
    """Without what looks like an escape in the value itself: that is undone in the text as well."""
    for _ in range(_LAYERS):
        raw = _ESCAPE.sub(_plain, raw)
    return raw


def _encoded(text: str) -> set[bytes]:
    """The bytes that a text may be: one form for ASCII; for others also what another encoding makes of it."""
    as_sent = text.encode("utf-8", "surrogateescape" if _has_only_escaped_bytes(text) else "surrogatepass")
    forms = {as_sent, text.encode("utf-8", "surrogatepass"), as_sent.decode("latin-1").encode()}
    if not text.isascii():
        forms.add(text.encode("latin-1", "replace"))
    return forms


def _has_only_escaped_bytes(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff" for char in text)


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """Base64 turns three bytes into four characters, so what stands before the value decides which of three texts it
    becomes. The characters that it shares with its neighbours are left out.
    """
    for offset, mixed in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * offset + raw)
        core = encoded[mixed : (offset + len(raw)) * 8 // 6]
        if len(core) >= SHORTEST + 2:
            yield from (core, core.replace(b"+", b"-").replace(b"/", b"_"))
