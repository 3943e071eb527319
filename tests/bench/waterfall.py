"""A run as a picture: every operation of its journal, when it began and how long it took. SVG, nothing but text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

_LEFT, _WIDTH, _RIGHT, _ROW, _TOP = 250, 560, 90, 18, 46
#: Colours that both a light and a dark page show.
_PASSED, _FAILED, _BESIDE, _TEXT, _GRID = "#2f7dd1", "#d1372f", "#8f9bb3", "#6b7280", "#6b728055"
_STYLE = f'font-family="monospace" font-size="11" fill="{_TEXT}" role="img"'
_MOST_ROWS = 44
_LONGEST_LABEL = 40

Seen = Mapping[str, Any]


def svg(title: str, report: Mapping[str, Any]) -> str:
    """The picture of a saved report."""
    taken = [seen for seen in report["observations"] if seen.get("duration_ms", 0) > 0]
    taken.sort(key=lambda seen: (seen.get("at_ms", 0), -seen["duration_ms"]))
    left_out = max(0, len(taken) - _MOST_ROWS)
    shown = taken[:_MOST_ROWS]
    end = max((seen["at_ms"] + seen["duration_ms"] for seen in taken), default=1.0)
    height = _TOP + _ROW * (len(shown) + bool(left_out)) + 10
    width = _LEFT + _WIDTH + _RIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_STYLE}>',
        f"<title>{escape(title)}</title>",
        f'<text x="8" y="16" font-size="13">{escape(title)}</text>',
        *_grid(end, height),
        *(line for number, seen in enumerate(shown) for line in _bar(number, seen, end)),
    ]
    if left_out:
        lines.append(f'<text x="8" y="{height - 14}">and {left_out} more</text>')
    return "\n".join([*lines, "</svg>", ""])


def _grid(end: float, height: int) -> Iterator[str]:
    """A line at each round number of milliseconds."""
    step = next(step for step in (50, 100, 200, 500, 1000, 2000, 5000, 10_000) if end / step <= 8 or step == 10_000)
    for at in range(0, int(end) + 1, step):
        x = _LEFT + _WIDTH * at / end
        yield f'<line x1="{x:.1f}" y1="36" x2="{x:.1f}" y2="{height - 6}" stroke="{_GRID}"/>'
        yield f'<text x="{x + 2:.1f}" y="34" font-size="9">{at} ms</text>'


def _bar(number: int, seen: Seen, end: float) -> Iterator[str]:
    y = _TOP + _ROW * number
    x, width = _LEFT + _WIDTH * seen["at_ms"] / end, max(1.5, _WIDTH * seen["duration_ms"] / end)
    beside = bool(seen.get("variation")) or seen.get("purpose", "api") not in ("api", "proxy")
    colour = _FAILED if seen.get("failure") else _BESIDE if beside else _PASSED
    yield f'<text x="8" y="{y + 10}">{escape(label(seen)[:_LONGEST_LABEL])}</text>'
    yield f'<rect x="{x:.1f}" y="{y + 1}" width="{width:.1f}" height="{_ROW - 6}" rx="2" fill="{colour}"/>'
    yield f'<text x="{x + width + 4:.1f}" y="{y + 10}" font-size="9">{seen["duration_ms"]:.0f} ms</text>'


def label(seen: Seen) -> str:
    """What was done, in a word or two, and for which question."""
    parts: Sequence[str] = {
        "interpreter": ["interpreter"],
        "name-lookup": ["lookup", seen.get("family", ""), seen.get("via", "")],
        "resolver-config": ["resolv.conf"],
        "tcp-connect": ["connect", seen.get("address", "")],
        "tls-handshake": ["handshake", seen.get("address", "")],
        "tunnel": ["tunnel"],
        "http-exchange": [seen.get("step", ""), seen.get("method", "")],
    }.get(seen["op"], [seen["op"]])
    words = " ".join(part for part in parts if part)
    return f"{words} ({seen['variation']})" if seen.get("variation") else words
