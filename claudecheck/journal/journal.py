"""The journal's writer: the one door through which an observation enters, redacted and bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from claudecheck.journal.deadline import Deadline
from claudecheck.journal.redact import LONGEST_TEXT, Redactor
from claudecheck.observations import AnyObservation, Journal

#: Certificates are kept whole (the fix may need them); everything else that a server chose is cut.
_LONG_FIELDS = {"pem": 20_000, "trace": 6_000}
_LONGEST_LIST = 200
#: msgspec learns a type when it first converts to it. Two threads at that at once end in a segmentation fault (0.22).
_CONVERTING = threading.Lock()


class JournalWriter:
    """Collects observations from all threads of a run.

    `listen` is called with every observation as it stands in the journal (the progress line).
    """

    def __init__(
        self,
        deadline: Deadline,
        secrets: Iterable[str] = (),
        listen: Callable[[AnyObservation], None] | None = None,
    ) -> None:
        self.deadline = deadline
        self._secrets = tuple(secrets)
        self._redactor = Redactor(self._secrets)
        self._listen = listen
        self._lock = threading.Lock()
        self._observations: list[AnyObservation] = []

    def hide(self, secrets: Iterable[str]) -> None:
        """Values that became known during the run: they are taken out of everything that is written from now on."""
        with self._lock:
            self._secrets = (*self._secrets, *secrets)
            self._redactor = Redactor(self._secrets)

    def write(self, observation: AnyObservation) -> AnyObservation:
        """Store it, and return it as stored."""
        harmless = self._harmless(msgspec.to_builtins(observation))
        with _CONVERTING:
            kept: AnyObservation = msgspec.convert(harmless, type(observation))
        with self._lock:
            self._observations.append(kept)
        if self._listen is not None:
            self._listen(kept)
        return kept

    def journal(self) -> Journal:
        """What was seen so far; abandoned threads that report later change nothing in it."""
        with self._lock:
            return Journal(tuple(self._observations))

    def _harmless(self, value: Any, field: str = "") -> Any:
        if isinstance(value, str):
            cleaned = self._redactor.clean(value, _LONG_FIELDS.get(field, LONGEST_TEXT))
            # A certificate with something taken out of it is none: it is withheld as a whole.
            return "" if field == "pem" and cleaned != value else cleaned
        if isinstance(value, dict):
            pairs = list(value.items())[:_LONGEST_LIST]
            return {self._redactor.clean(str(key), 200): self._harmless(item, str(key)) for key, item in pairs}
        if isinstance(value, list):
            return [self._harmless(item, field) for item in value[:_LONGEST_LIST]]
        return value
