"""A program on Node that calls `fetch` itself, with the headers of the API's own examples. Pure."""

from __future__ import annotations

from claudecheck.clients import node, trust, typescript_sdk, variables
from claudecheck.clients.client import Client, Command
from claudecheck.clients.snapshot import Snapshot
from claudecheck.observations import Interpreter
from claudecheck.route import Plan

#: Asked of Node in one go: what it is, and whom it trusts without being told.
_FACTS = "console.log(process.version); console.log(require('tls').rootCertificates.join('\\n'))"


def plan(snapshot: Snapshot, interpreter: Interpreter | None = None) -> Plan:  # noqa: ARG001  # one form for all clients
    return typescript_sdk.plan_fetch(snapshot)


def _unread(snapshot: Snapshot) -> dict[str, str]:
    own = (*variables.HEADERS, *variables.KEYS[1:], *variables.OAUTH)
    return typescript_sdk.unread(snapshot) | variables.each(own, "read it in your own code")


CLIENT = Client(
    name="node",
    title="Node fetch",
    plan=plan,
    found_by=Command("node", ("-e", _FACTS)),
    ca=node.CA,
    unread=_unread,
    files=trust.files,
    sends_own_credential=False,
    runtime="Node",
    sender="claudecheck.probes.senders.node_program:find",
)
