"""What every probe is handed: the route, where to write, and how long it may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.observations import AnyObservation, Observation
from claudecheck.route import Route

if TYPE_CHECKING:
    from claudecheck.probes.api.kept import KeptConnection

Seen = TypeVar("Seen", bound=Observation)

#: What is left of the run when a wait that its deadline cut short comes back.
NEARLY_OVER_S = 0.02


@dataclass(frozen=True)
class Walk:
    """One route being walked. `variation` is empty on the client's own route.

    `kept` is the connection that the walk has opened to the endpoint; it belongs to this very route.
    """

    route: Route
    writer: JournalWriter
    variation: str = ""
    kept: KeptConnection | None = None

    @property
    def deadline(self) -> Deadline:
        return self.writer.deadline

    def start(self) -> float:
        """The moment an operation starts, in milliseconds of the run."""
        return self.deadline.elapsed_ms()

    def record(self, seen: Seen, started: float) -> Seen:
        """Stamp an observation with its times and its variation, write it, return it as kept.

        A wait that the run's deadline cut short says nothing about the network: it counts as cancelled.
        """
        ended = self.deadline.elapsed_ms()
        if seen.failure is Failure.TIMED_OUT and self.deadline.remaining() < NEARLY_OVER_S:
            seen = msgspec.structs.replace(seen, failure=Failure.CANCELLED)
        stamped = msgspec.structs.replace(
            seen,
            at_ms=round(started, 2),
            duration_ms=round(ended - started, 2),
            variation=self.variation,
        )
        write: Callable[[AnyObservation], AnyObservation] = self.writer.write
        return write(stamped)  # type: ignore[arg-type, return-value]  # Seen is one of AnyObservation
