"""A client that is a program of its own, curl or Node, sending one request under its own rules."""

from __future__ import annotations

from typing import Protocol

from claudecheck.clients.snapshot import Snapshot
from claudecheck.observations import HttpExchange
from claudecheck.probes.api.http import Request
from claudecheck.probes.senders.curl_program import CurlProgram
from claudecheck.probes.senders.node_program import NodeProgram
from claudecheck.probes.walk import Walk
from claudecheck.route import ClientName


class ClientProgram(Protocol):
    """`name` says what it is, with its version: "curl 7.88.1". `finds_credentials`: also in a profile, say."""

    name: str
    finds_credentials: bool

    def exchange(self, walk: Walk, request: Request, limit_s: float) -> HttpExchange:
        """Send it and record what happened, within `limit_s` seconds."""


def find(client: ClientName, snapshot: Snapshot) -> ClientProgram | None:
    """The program of this client on this machine; None where it is not installed.

    Claude Code is never started: Node does as it would.
    """
    programs = snapshot.programs
    if client == "curl":
        return CurlProgram(programs["curl"], snapshot) if "curl" in programs else None
    if client == "python" or "node" not in programs:
        return None
    sdk = programs.get("typescript") if client == "typescript" else None
    return NodeProgram(client, programs["node"], snapshot, sdk)
