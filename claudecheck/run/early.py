"""The first steps of a direct route, while the interpreter still tells its facts: the name, and the connections.

Where to is known at once. Only if the facts lead elsewhere was it in vain: then it is dropped, and nothing of it
enters the report.
"""

from __future__ import annotations

import threading
import time

from claudecheck.clients import python_sdk
from claudecheck.clients.client import Client
from claudecheck.clients.snapshot import Snapshot
from claudecheck.journal.journal import JournalWriter
from claudecheck.observations import AnyObservation, Interpreter
from claudecheck.probes import connect, side_by_side
from claudecheck.probes.names import resolve
from claudecheck.probes.names.resolve import Address
from claudecheck.probes.walk import Walk
from claudecheck.route import Plan, Route

#: Where a route leads depends on the interpreter in rare cases only: an SDK from before profiles, say.
_ANY = Interpreter(path="python3", chosen_by="own")


def plan(client: Client | None, snapshot: Snapshot, interpreter: Interpreter = _ANY) -> Plan:
    """The plan of the client in Python that was named; of the one that the environment selects where none was."""
    if client is None:
        return python_sdk.plan_of_selected(snapshot, interpreter)
    return client.plan(snapshot, interpreter)


class Early:
    """The lookup, and then every address side by side. `lookup` and `connects` are for the ladder to go on with."""

    def __init__(self, route: Route, writer: JournalWriter, step_s: float) -> None:
        self._route = route
        self._step_s = step_s
        self._held = _Held(writer)
        self._lock = threading.Lock()
        self._wanted = True
        self._addresses: list[Address] = []
        self._connects: side_by_side.Started[connect.Attempt] | None = None
        self._began = time.monotonic()
        self.lookup = side_by_side.Started([self._begin])

    @property
    def waited_s(self) -> float:
        """How long the lookup is under way, or was."""
        return time.monotonic() - self._began

    def _begin(self) -> list[Address]:
        walk, endpoint = Walk(route=self._route, writer=self._held), self._route.endpoint
        found = resolve.lookup(walk, endpoint.host, endpoint.port)
        with self._lock:
            if found and self._wanted:
                self._addresses = found
                self._connects = connect.start_all(walk, found, endpoint.port, name=endpoint.host, limit_s=self._step_s)
        return found

    def serves(self, route: Route) -> bool:
        """It has begun what this route needs."""
        return _way(route) == _way(self._route)

    def adopt(self) -> None:
        """From now on it is part of the walk, and so is what it has seen."""
        self._held.release()

    def drop(self) -> None:
        """In vain: nothing of it is told, and what it opened is closed."""
        self._held.drop()
        self.connects([])

    def connects(self, found: list[Address]) -> side_by_side.Started[connect.Attempt] | None:
        """The connections to just these addresses, to be had once; any others are closed, and none are begun."""
        with self._lock:
            self._wanted = False
            begun, self._connects = self._connects, None
        if begun is not None and found != self._addresses:
            connect.close_all(begun, self._step_s)
            return None
        return begun


def _way(route: Route) -> tuple[object, ...]:
    endpoint = route.endpoint
    return endpoint.host, endpoint.port, route.proxy, route.resolver, route.family, route.max_segment


class _Held(JournalWriter):
    """Keeps what is written, until it is released into the journal or dropped."""

    def __init__(self, journal: JournalWriter) -> None:
        super().__init__(journal.deadline)
        self._behind = journal
        self._gate = threading.Lock()
        self._kept: list[AnyObservation] = []
        self._state = "holds"

    def write(self, observation: AnyObservation) -> AnyObservation:
        with self._gate:
            if self._state == "passes":
                return self._behind.write(observation)
            if self._state == "holds":
                self._kept.append(observation)
            return observation

    def release(self) -> None:
        with self._gate:
            self._state = "passes"
            for observation in self._kept:
                self._behind.write(observation)
            self._kept = []

    def drop(self) -> None:
        with self._gate:
            self._state, self._kept = "drops", []
