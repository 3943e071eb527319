"""One deadline for the whole run; every native call gets its share of what is left."""

from __future__ import annotations

import threading
import time


class Deadline:
    """Counts down from `seconds`. `cancel()` ends it at once (Ctrl-C)."""

    def __init__(self, seconds: float) -> None:
        self._start = time.monotonic()
        self._end = self._start + seconds
        self._cancelled = threading.Event()

    def elapsed_ms(self) -> float:
        return (time.monotonic() - self._start) * 1000

    def remaining(self) -> float:
        """Seconds left, never negative."""
        if self._cancelled.is_set():
            return 0.0
        return max(0.0, self._end - time.monotonic())

    def share(self, limit: float) -> float:
        """What one step may take: its own limit, or what is left when that is less."""
        return min(limit, self.remaining())

    @property
    def over(self) -> bool:
        return self.remaining() <= 0.0

    def cancel(self) -> None:
        self._cancelled.set()
