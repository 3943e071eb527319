"""What a client is to claudecheck: one value that says everything that the other rooms ask about it. Pure.

What touches the world for a client lives elsewhere. It is named here as a package names its entry points,
"module:name", and loaded by the run that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from claudecheck.clients.snapshot import Snapshot, Wanted
from claudecheck.observations import Interpreter
from claudecheck.route import ClientName, Plan

PlanFunction = Callable[[Snapshot, Interpreter | None], Plan]


@dataclass(frozen=True)
class InPython:
    """It is a package of the user's interpreter, which tells its version itself."""


@dataclass(frozen=True)
class Command:
    """A program on PATH that tells its version when it is started with these arguments."""

    name: str
    arguments: tuple[str, ...] = ("--version",)


@dataclass(frozen=True)
class Launcher:
    """A program on PATH that must not be started, since it goes to the network: its place tells its version."""

    name: str


@dataclass(frozen=True)
class NodePackage:
    """A package as Node finds it: in the nearest `node_modules`, upwards from the working folder."""

    name: str


FoundBy = InPython | Command | Launcher | NodePackage


@dataclass(frozen=True)
class CaVariable:
    """The variable that hands the client a file of CA certificates, and whether it adds to its own or replaces them."""

    name: str
    adds: bool = False


@dataclass(frozen=True)
class Stored:
    """What a client's files hold that must not be shown: sets of variables, and whole secrets."""

    variables: tuple[Mapping[str, str], ...] = ()
    secrets: tuple[str, ...] = ()


def _nothing_unread(_: Snapshot) -> Mapping[str, str]:
    return {}


def _no_files(_: Snapshot) -> Iterable[Wanted]:
    return ()


def _nothing_stored(_: Snapshot) -> Stored:
    return Stored()


@dataclass(frozen=True)
class Client:
    """`plan` says what it would do in an environment; everything else has a use in one place, named beside it."""

    name: ClientName  # as after `--client`
    title: str  # at the head of a row or column
    plan: PlanFunction
    found_by: FoundBy
    ca: CaVariable = CaVariable("SSL_CERT_FILE")  # what `trust` advises
    called: str = ""  # within a sentence, where the title alone does not do: "the Python SDK"
    unread: Callable[[Snapshot], Mapping[str, str]] = _nothing_unread  # by variable or file: what reading it would take
    files: Callable[[Snapshot], Iterable[Wanted]] = _no_files  # asked again with what was found, until nothing is new
    stored: Callable[[Snapshot], Stored] = _nothing_stored
    sends_own_credential: bool = True  # False: it sends what somebody types
    runtime: str = ""  # what it runs on; clients on one runtime share its trust
    partial_chains: bool = False  # a certificate of its store ends a chain even when it is no root
    sender: str = ""  # entry point: (Client, Snapshot) -> Sender | None; without one a plain client sends
    key_helper: str = ""  # entry point: (Plan, Snapshot, Deadline, hide) -> Plan, with the key that it prints
    further_hosts: str = ""  # entry point: (Snapshot, Route, stand-ins) -> Chosen, the hosts it needs beside the API

    @property
    def in_words(self) -> str:
        return self.called or self.title
