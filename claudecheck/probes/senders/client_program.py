"""A client that is a program of its own, curl or Node, sending one request under its own rules."""

from __future__ import annotations

from claudecheck.clients.snapshot import Snapshot
from claudecheck.probes.senders.curl_program import CurlProgram
from claudecheck.probes.senders.node_program import NodeProgram
from claudecheck.probes.senders.sender import Sender
from claudecheck.route import ClientName


def find(client: ClientName, snapshot: Snapshot) -> Sender | None:
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
