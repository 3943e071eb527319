"""The signatures: which words point at which problem. Data from TOML files; knows no text and no judgement.

How a signature is written (`signatures/*.toml`, one file per layer)

    [[signature]]
    clue = "tcp-refused"                    # a code of the catalogue, or an open clue ([[candidates]])
    weight = 6                              # how much it decides, see below
    text = ["ECONNREFUSED", "actively refused"]
    source = "errno(3); Windows WSAECONNREFUSED"

- `text`: any of these words, whole, whatever their case. `pattern`: a regular expression that must
  hold as well, on the line in lower case; its named groups fill the holes of the catalogue's texts,
  and what stands in a group called `secret` is taken out of every echo. `unless`: one that must not.
- `weight`: 8 and 9 decide alone, 5 to 7 name the layer and the likeliest problem, 3 and 4 are worth
  naming, 1 and 2 say only that something failed.
- `flag` names a circumstance (a proxy, a loopback address, a page of HTML) instead of a clue, or
  beside it. A `[[shift]]` says what a clue becomes under a flag.
- An `[[advice]]` is a sentence that a program prints whatever happened ("check your VPN"): a signature
  inside one is not seen. A `[[wording]]` gives a problem another cause and other fixes under a flag.
- `code`: a line of a library's own source, as a traceback quotes it, that shows how far the call came.
  It can set a flag; no other signature is looked for in source lines.
- `prose`: words of people, not of programs. They are looked for, but not in gigabytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from importlib.resources import files

import msgspec

from claudecheck.report import Confidence, Layer, Owner


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    source: str
    text: tuple[str, ...]
    clue: str = ""
    weight: int = 0
    pattern: str = ""
    unless: str = ""
    flag: str = ""
    layer: Layer | None = None
    status: int | None = None
    reached_api: bool | None = None
    prose: bool = False
    code: bool = False

    @cached_property
    def further(self) -> re.Pattern[str] | None:
        return re.compile(self.pattern) if self.pattern else None

    @cached_property
    def excluded(self) -> re.Pattern[str] | None:
        return re.compile(self.unless) if self.unless else None


class Shift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"under": "with"}):
    """What `clues` become when a flag of `under` was seen near them, and none of `unless`."""

    clues: tuple[str, ...]
    under: str
    to: str
    also: str = ""  # a second flag that must have been seen
    weight: int = 0  # 0: that of the clue
    status: tuple[int, ...] = ()  # empty: any
    unless: tuple[str, ...] = ()
    near: bool = False  # only within the same error, not anywhere in the text
    layer: Layer | None = None
    reached_api: bool | None = None


class StatusRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an HTTP status alone says."""

    statuses: tuple[int, ...]
    clue: str
    weight: int


class Candidates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a clue could also be: codes of the catalogue, each with the command that decides.

    An open clue may have one that is the likeliest; without it the answer is "unknown".
    """

    clue: str
    codes: dict[str, str] = {}
    likeliest: str = ""
    layer: Layer | None = None
    at_most: Confidence = "high"  # how sure an answer may be that rests on this clue


class Advice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence that a program prints whatever happened: what it names decides nothing."""

    pattern: str
    source: str


class Wording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"under": "with"}):
    """Another cause and other fixes for a problem under a circumstance: another provider's error has its own."""

    codes: tuple[str, ...]
    under: str
    title: str = ""
    cause: str = ""
    owner: Owner | None = None
    reached_api: bool | None = None
    fixes: tuple[Way, ...]
    source: str


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fix in words, and the command for it where there is one."""

    text: str
    command: str = ""


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where values stand in a line: the names of the groups are the holes of the catalogue's texts."""

    pattern: str
    source: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signature: tuple[Signature, ...] = ()
    shift: tuple[Shift, ...] = ()
    status: tuple[StatusRule, ...] = ()
    candidates: tuple[Candidates, ...] = ()
    value: tuple[Value, ...] = ()
    advice: tuple[Advice, ...] = ()
    wording: tuple[Wording, ...] = ()


class Signatures:
    """All of them. `by_word` leads from a rare word to the texts that hold it, by the signature's number."""

    def __init__(self, parts: Iterator[_File]) -> None:
        parsed = list(parts)
        self.all = tuple(signature for part in parsed for signature in part.signature)
        self.shifts: dict[str, list[Shift]] = {}
        for shift in (shift for part in parsed for shift in part.shift):
            for clue in shift.clues:
                self.shifts.setdefault(clue, []).append(shift)
        self.by_status = {status: rule for part in parsed for rule in part.status for status in rule.statuses}
        self.candidates = {entry.clue: entry for part in parsed for entry in part.candidates}
        self.values = tuple(value for part in parsed for value in part.value)
        self.wordings = tuple(wording for part in parsed for wording in part.wording)
        self._advice = re.compile(
            "|".join(f"(?:{known.pattern})" for part in parsed for known in part.advice) or "(?!)"
        )
        self.by_word = _by_word(enumerate(self.all))
        self.by_word_of_programs = _by_word((number, known) for number, known in enumerate(self.all) if not known.prose)

    @cached_property
    def needles(self) -> tuple[bytes, ...]:
        """The words for which a large text is searched: all that point at a problem, in lower case."""
        words = {text.lower() for known in self.all if known.clue and not known.prose for text in known.text}
        quoted = {word.replace('"', '\\"') for word in words}  # as they stand inside JSON
        return tuple(word.encode() for word in sorted(words | quoted))

    def advice_in(self, lowered: str) -> list[tuple[int, int]]:
        """Where a line (in lower case) holds a sentence that is printed whatever happened."""
        return [place.span() for place in self._advice.finditer(lowered)]

    def values_in(self, text: str) -> dict[str, str]:
        """What a line says about host, address, model and the like."""
        found: dict[str, str] = {}
        for value in self.values:
            place = re.search(value.pattern, text)
            if place:
                found = {**{name: word for name, word in place.groupdict().items() if word}, **found}
        return found


@lru_cache(maxsize=1)
def load() -> Signatures:
    folder = files("claudecheck.explanation").joinpath("signatures")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return Signatures(msgspec.toml.decode(folder.joinpath(name).read_bytes(), type=_File) for name in names)


_WORD = re.compile(r"[^\W\d_]{2,}|\d+(?:\.\d+){3}")


def words_of(line: str) -> frozenset[str]:
    """The words of a line in lower case, with its addresses: other numbers differ from run to run."""
    return frozenset(_WORD.findall(line))


#: Words of ordinary log lines: a text hangs on one of them only when it has no other.
_ORDINARY = frozenset(
    (  # noqa: SIM905  # words read best as words
        "a an and api app application as at backend by cache call client code connect connected connection "
        "data for from get handled has have http https id in info is it key level line message messages "
        "method model name new no not of on ok open or path port post process query rate read request "
        "requests response route run server service session size start started state status stream system "
        "task that the thread time to token type upstream url user value version was web with worker write "
        "error errors failed warn warning debug"
    ).split()
)


def _by_word(signatures: Iterable[tuple[int, Signature]]) -> dict[str, list[tuple[int, str]]]:
    """Every text hangs on its word that the fewest texts share, so that common words call nothing up."""
    texts = [(number, text.lower()) for number, signature in signatures for text in signature.text]
    shared = Counter(word for _, text in texts for word in words_of(text))
    by_word: dict[str, list[tuple[int, str]]] = {}
    for number, text in texts:
        rarest = min(words_of(text), key=lambda word: (word in _ORDINARY, shared[word], -len(word), word))
        by_word.setdefault(rarest, []).append((number, text))
    return by_word
