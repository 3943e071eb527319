"""Whom each client on this machine trusts, side by side, and whom the other generation of the SDK would. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from claudecheck.clients import trust
from claudecheck.clients.client import Client, InPython, NodePackage
from claudecheck.clients.node import together
from claudecheck.clients.registry import clients
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Snapshot
from claudecheck.observations import Interpreter
from claudecheck.route import ClientName, Trust

#: What each generation of the Python SDK came with last: enough to tell its trust.
_OLD = Sdk(generation=0, version=(0, 125), stack=(0, 28))
_NEW = Sdk()


@dataclass(frozen=True)
class ClientTrust:
    """`clients` are those that share this trust: none for an SDK that somebody may up- or downgrade to.

    `partial`: a certificate of the store ends a chain even when it is no root. `strict_later`: Python
    3.13 and later check strictly with this trust.
    """

    title: str
    clients: tuple[ClientName, ...]
    trust: Trust
    generation: int = -1  # of a Python SDK
    installed: bool = False
    partial: bool = False
    strict_later: bool = False


def trusts(snapshot: Snapshot, interpreter: Interpreter | None) -> list[ClientTrust]:
    """A row a client, in the order of the registry; clients that trust the same way share one."""
    return [*_python(snapshot, interpreter or Interpreter(path="python3", chosen_by="own")), *_programs(snapshot)]


def _python(snapshot: Snapshot, interpreter: Interpreter) -> Iterator[ClientTrust]:
    sdk = Sdk.of(interpreter)
    if interpreter.sdk:
        title = f"Python SDK {interpreter.sdk}"
        yield _generation(snapshot, sdk, interpreter, title, clients=("python",))
    if sdk.generation == 0 or not interpreter.sdk:
        system = msgspec.structs.replace(interpreter, cafile=snapshot.system_store, capath="")
        yield _generation(snapshot, _NEW, system, "Python SDK 1.x / 2.x")
    if sdk.generation > 0 or not interpreter.sdk:
        certifi = msgspec.structs.replace(interpreter, cafile="", capath="")
        yield _generation(snapshot, _OLD, certifi, "Python SDK 0.x")


def _generation(
    snapshot: Snapshot, sdk: Sdk, interpreter: Interpreter, title: str, clients: tuple[ClientName, ...] = ()
) -> ClientTrust:
    modern = msgspec.structs.replace(interpreter, strict_x509=True)
    return ClientTrust(
        title=title,
        clients=clients,
        trust=trust.choose(snapshot, sdk, interpreter),
        generation=sdk.generation,
        installed=bool(clients),
        strict_later=trust.choose(snapshot, sdk, modern).strict,
    )


def _programs(snapshot: Snapshot) -> Iterator[ClientTrust]:
    """Those on one runtime share its trust, and a row."""
    rows: dict[str, list[Client]] = {}
    for client in clients():
        if not isinstance(client.found_by, InPython):
            rows.setdefault(client.runtime or client.name, []).append(client)
    for sharing in rows.values():
        last = sharing[-1]
        route = last.plan(snapshot, None).route
        if route is None:  # its address cannot be read: it comes to no handshake
            continue
        program = snapshot.programs.get(last.name)
        title = f"{last.title} {program.version}".strip() if program else last.title
        if last.runtime:
            # A program that only uses the runtime is no more than the runtime.
            packages = [one.title for one in sharing if isinstance(one.found_by, NodePackage)]
            title = together([last.runtime, *packages])
        yield ClientTrust(
            title=title,
            clients=tuple(client.name for client in sharing),
            trust=route.trust,
            installed=program is not None,
            partial=last.partial_chains,
        )
