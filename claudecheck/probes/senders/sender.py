"""What sends a request: the client itself where it can be asked, claudecheck's own HTTP client otherwise."""

from __future__ import annotations

from typing import Protocol

from claudecheck.clients.registry import load, named
from claudecheck.clients.snapshot import Snapshot
from claudecheck.failures import Failure
from claudecheck.observations import HttpExchange
from claudecheck.probes.api import http
from claudecheck.probes.api.http import Request
from claudecheck.probes.walk import Walk
from claudecheck.route import ClientName


class Sender(Protocol):
    """One way to send. `name` says what it is, with its version: "curl 7.88.1".

    `finds_credentials`: also those that only the client itself can resolve, in a profile, say.
    `sends_messages` is False where a message would not come from the client that the user asked about.
    `may_contradict`: it has rules of its own about what the walk failed at, and is run to see what it does.
    """

    @property
    def name(self) -> str: ...
    @property
    def finds_credentials(self) -> bool: ...
    @property
    def sends_messages(self) -> bool: ...
    def exchange(self, walk: Walk, request: Request, limit_s: float) -> HttpExchange:
        """Send it and record what happened, within `limit_s` seconds."""

    def may_contradict(self, failure: Failure | None) -> bool: ...

    def end(self) -> None:
        """Nothing of it keeps running."""


def find(name: ClientName, snapshot: Snapshot) -> Sender | None:
    """The client of this name on this machine; None where it is not installed or cannot be asked for one request."""
    client = named(name)
    found: Sender | None = load(client.sender)(client, snapshot) if client.sender else None
    return found


class Plain:
    """claudecheck's own HTTP client, on the route of a client that is not here to send by itself."""

    name = "httpx"
    finds_credentials = False

    def __init__(self, *, sends_messages: bool = True) -> None:
        self.sends_messages = sends_messages

    def exchange(self, walk: Walk, request: Request, limit_s: float) -> HttpExchange:
        return http.exchange(walk, request, limit_s)

    def may_contradict(self, failure: Failure | None) -> bool:  # noqa: ARG002  # it is the walk itself
        return False

    def end(self) -> None:
        """It holds nothing open."""
