"""What was measured: pairs, their medians, and what they were meant to be."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["ratio", "more", "slope", "MiB"]
#: One run of a command, in seconds.
Timed = Callable[[], float]


@dataclass(frozen=True)
class Line:
    """One line of a table. `told` is what the goal speaks of: a ratio, seconds more, round trips, or MiB."""

    name: str
    ours: float
    theirs: float
    told: float
    most: float | None = None
    unit: Unit = "ratio"

    @property
    def met(self) -> bool:
        return self.most is None or self.told <= self.most

    def cells(self) -> list[str]:
        shown = {"ratio": "{:.2f}", "more": "{:+.2f} s", "slope": "{:.2f}", "MiB": "{:.0f} MiB"}[self.unit]
        plain = {"ratio": "{:.2f} s", "more": "{:.2f} s", "slope": "{:.1f} round trips", "MiB": "{:.0f} MiB"}[self.unit]
        theirs = plain.format(self.theirs) if self.theirs else ""
        goal = "" if self.most is None else f"at most {shown.format(self.most)}" + ("" if self.met else ", **missed**")
        return [self.name, plain.format(self.ours), theirs, shown.format(self.told), goal]

    def __str__(self) -> str:
        name, ours, theirs, told, goal = self.cells()
        return f"{name:<62}{ours:>18}{theirs:>18}{told:>10}   {goal.replace('*', '')}"


def ratio(name: str, pairs: Sequence[tuple[float, float]], most: float | None = None) -> Line:
    """How many times as long ours takes."""
    return _line(name, pairs, [ours / theirs for ours, theirs in pairs], most, "ratio")


def more(name: str, pairs: Sequence[tuple[float, float]], most: float | None = None) -> Line:
    """How many seconds longer ours takes."""
    return _line(name, pairs, [ours - theirs for ours, theirs in pairs], most, "more")


def _line(name: str, pairs: Sequence[tuple[float, float]], told: list[float], most: float | None, unit: Unit) -> Line:
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Line(name, ours, theirs, statistics.median(told), most, unit)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By how many round trips a command gets longer, from (round trip, seconds) at several of them."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def pairs(ours: Timed, theirs: Timed, number: int, *, warm: bool = True) -> list[tuple[float, float]]:
    """In turn, after one of each that does not count."""
    if warm:
        ours(), theirs()
    return [(ours(), theirs()) for _ in range(number)]
