"""Weighs the words of a short report: to which layer they lean. Knows no signature, no problem and no file.

People who retell a failure leave the error out and keep the circumstances: "second call", "in the pod",
"settings.json". One such word says little, several together point at a layer. What a word is worth stands
in `signatures/leanings.toml`; what the signatures made of the text counts as one more voice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from claudecheck.report import Layer

_WORD = re.compile(r"[a-z_]{2,}|(?<!\d)\d{3}(?!\d)")
#: What people ruled out: it is no evidence for the layer that it names.
_RULED_OUT = re.compile(
    r"\b(?:no|not (?:a|an|behind an?)|without (?:a |any )?) ?(?:corporate |company )?"
    r"(?:proxy|vpn|firewall|dns|certificates?)\b"
    r"|\b(?:chang|switch|disabl|flush)\w+ (?:the )?(?:\w+ )?(?:dns|proxy|vpn|firewall|antivirus|network)\w*(?: \w+)? "
    r"(?:does|did|has|makes|made) (?:not?|nothing|no)\b"
    r"|\b(?:dns|proxy|vpn|tls|ssl|ping|firewall|network|certificates?)(?: resolution| handshake)? "
    r"(?:is |are |was )?(?:fine|ok|works?|healthy|pass(?:es)?|ruled out|off)\b"
)
#: Frames of a traceback and the code that they quote: words of another kind.
_FRAME = re.compile(r"\bFile \"|^\s*at \S+ ?\(|(?:^|\|) {4,}\S")
_MOST_SHOWN = 5


@dataclass(frozen=True)
class Leaning:
    """The layer that the words favour, by how much (two units make it about three times likelier), and which did."""

    layer: Layer
    score: int
    lead: int  # over the layer that comes second
    words: tuple[str, ...]
    lines: tuple[int, ...]  # where they stand, as indexes of the lines that were weighed


def words_and_pairs(line: str) -> list[str]:
    """The words of a line and its pairs of neighbours; of the numbers only those that can be a status."""
    words = _WORD.findall(_RULED_OUT.sub(" ", line.lower()))
    return [*words, *(f"{one} {other}" for one, other in pairwise(words))]


def leaning(
    lines: Sequence[str], worth: Mapping[str, Iterable[tuple[Layer, int]]], voices: Mapping[Layer, int]
) -> Leaning | None:
    """What the words of all lines say together with `voices`, the layers that count from the start."""
    scores: dict[Layer, int] = dict(voices)
    said: dict[Layer, dict[str, tuple[int, int]]] = {}
    for number, line in enumerate(lines):
        for word in words_and_pairs(line) if not _FRAME.search(line) else ():
            for layer, weight in worth.get(word, ()):
                if word not in said.setdefault(layer, {}):
                    said[layer][word] = (weight, number)
                    scores[layer] = scores.get(layer, 0) + weight
    if not scores:
        return None
    best, *rest = sorted(scores, key=lambda layer: scores[layer], reverse=True)
    heard = sorted(said.get(best, {}).items(), key=lambda item: -item[1][0])[:_MOST_SHOWN]
    return Leaning(
        layer=best,
        score=scores[best],
        lead=scores[best] - (scores[rest[0]] if rest else 0),
        words=tuple(word for word, _ in heard),
        lines=tuple(sorted({number for _, (_, number) in heard})),
    )
