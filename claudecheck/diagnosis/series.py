"""Many walks of one route: what is intermittent, since when, at which layer. Pure, and of bounded size.

A series of a hundred thousand walks takes no more memory than one of a hundred: durations are kept as sketches, states
as episodes, and of reports only the first failure.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
from ddsketch import LogCollapsingLowestDenseDDSketch

from claudecheck.diagnosis.population import Shared, Trait, decoder, separating, traits
from claudecheck.report import Report

#: A quantile is within one percent of the true one; the bins cover microseconds to hours.
ACCURACY, BINS = 0.01, 1024
#: Walks whose durations are drawn, changes that are kept, and traits that are counted.
RECENT, MOST_EPISODES, MOST_TRAITS = 60, 200, 2000
QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class State:
    """What a walk came to: through, or the layer and the problem that stopped it."""

    status: str
    layer: str = ""
    problem: str = ""

    @property
    def through(self) -> bool:
        return self.status in ("healthy", "degraded")


@dataclass
class Episode:
    """Walks in a row that came to the same. Times are UTC, ISO 8601."""

    state: State
    began: str
    ended: str
    walks: int = 1


@dataclass
class StageSeries:
    """The durations of one stage, in milliseconds; `failed` counts the walks that it stopped."""

    sketch: LogCollapsingLowestDenseDDSketch = field(
        default_factory=lambda: LogCollapsingLowestDenseDDSketch(ACCURACY, BINS)
    )
    recent: deque[float | None] = field(default_factory=lambda: deque(maxlen=RECENT))
    walked: int = 0
    failed: int = 0

    def quantile(self, share: float) -> float:
        """Zero before anything was measured."""
        value = self.sketch.get_quantile_value(share)
        return float(value) if value is not None else 0.0


class Series:
    """Walks, folded in one by one as their reports come."""

    def __init__(self) -> None:
        self.walks = 0
        self.failed = 0
        self.causes: Counter[tuple[str, str]] = Counter()  # by layer and problem
        self.stages: dict[str, StageSeries] = {}
        self.episodes: deque[Episode] = deque(maxlen=MOST_EPISODES)
        self.forgotten = 0  # episodes that no longer fit
        self.first_failure: Report | None = None
        self._failing: Counter[Trait] = Counter()
        self._healthy: Counter[Trait] = Counter()

    def add(self, report: Report, at: str) -> bool:
        """Fold one report in; `at` is when its walk ended. True when its state differs from that of the walk before."""
        state = state_of(report)
        self.walks += 1
        for row in report.stages:
            self._stage(row.name, row.duration_ms if row.status != "skip" else None, failed=row.status == "fail")
        if not state.through:
            self.failed += 1
            self.causes[state.layer, state.problem] += 1
            self.first_failure = self.first_failure or report
        self._count_traits(report, through=state.through)
        last = self.episodes[-1] if self.episodes else None
        if last is not None and last.state == state:
            last.ended = at
            last.walks += 1
            return False
        self.forgotten += len(self.episodes) == MOST_EPISODES
        self.episodes.append(Episode(state, report.started_at or at, at))
        return True

    def _stage(self, name: str, took_ms: float | None, *, failed: bool) -> None:
        series = self.stages.setdefault(name, StageSeries())
        series.recent.append(took_ms)
        if took_ms is None:
            return
        series.walked += 1
        series.failed += failed
        if took_ms > 0:
            series.sketch.add(took_ms)

    def _count_traits(self, report: Report, *, through: bool) -> None:
        counts = self._healthy if through else self._failing
        for trait in traits(decoder().decode(msgspec.json.encode(report))):
            if trait in counts or len(counts) < MOST_TRAITS:
                counts[trait] += 1

    def shared(self) -> list[Shared]:
        """What the failing walks met and the others did not, the best separating first."""
        return separating(self._failing, self.failed, self._healthy, self.walks - self.failed)

    def failures(self) -> Iterator[Episode]:
        return (episode for episode in self.episodes if not episode.state.through)

    def quantiles(self) -> Mapping[str, tuple[float, ...]]:
        """p50, p95 and p99 of every stage that was walked, in milliseconds."""
        return {
            name: tuple(round(series.quantile(share), 1) for share in QUANTILES)
            for name, series in self.stages.items()
            if series.walked
        }


def state_of(report: Report) -> State:
    if report.status in ("healthy", "degraded"):
        return State(report.status)
    return State(report.status, report.first_failing_layer or "", report.problem or "")
