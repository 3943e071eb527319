"""The format of a scenario: a sentence, what is broken and with what, and the verdict that is right."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.netlab.network import Network

Layer = Literal["environment", "dns", "tcp", "tls", "proxy", "models", "messages"]
Owner = Literal["you", "network", "gateway", "anthropic"]

Change = Callable[[Network], None]


@dataclass(frozen=True)
class Expected:
    """The right verdict.

    `problem` is empty for a network on which the client gets through. `owners` are those that fit:
    usually one; more where the catalogue names two and the evidence decides for neither.
    `finding` is a code that must stand among the findings beside the problem, or although nothing fails.
    `fix` is a regular expression that the first remedy has to hold: the variable of this very client.
    """

    layer: Layer | None = None
    problem: str = ""
    owners: tuple[Owner, ...] = ()
    finding: str = ""
    fix: str = ""

    @property
    def failing(self) -> bool:
        return self.layer is not None


def failing(layer: Layer, problem: str, *owners: Owner, finding: str = "", fix: str = "") -> Expected:
    """The client does not get through."""
    return Expected(layer=layer, problem=problem, owners=owners, finding=finding, fix=fix)


def gets_through(finding: str = "") -> Expected:
    """Healthy or degraded, exit 0; with `finding`, degraded by it."""
    return Expected(finding=finding)


@dataclass(frozen=True)
class Question:
    """A command that sets clients side by side, as somebody types it, and what its answer has to hold.

    `first` is a regular expression on the first sentence of the answer, `says` are some on all of it, and
    `fix` is one on what it advises. `variable` is what decides, which only `compare` tells.
    """

    asks: str
    first: str
    says: tuple[str, ...] = ()
    variable: str = ""
    fix: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class Scenario:
    """`name` is a sentence; `component` is the real program or kernel facility that makes the fault.

    `needs` are clients that not every machine has (see `installed`): without them the scenario is left out.
    `questions` are asked on the same network once the doctor has been there. `cannot_be_mended` says why nothing
    that is pasted on this machine helps, although it is the user's own move.
    """

    name: str
    group: str
    component: str
    expected: Expected
    change: Change
    needs: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    cannot_be_mended: str = ""

    @property
    def slug(self) -> str:
        return "-".join("".join(letter if letter.isalnum() else " " for letter in self.name.lower()).split())


_ALL: list[Scenario] = []


def scenario(
    name: str,
    *,
    component: str,
    expect: Expected,
    needs: tuple[str, ...] = (),
    questions: tuple[Question, ...] = (),
    cannot_be_mended: str = "",
) -> Callable[[Change], Change]:
    """Register the decorated function: it is given a healthy network and breaks it."""

    def register(change: Change) -> Change:
        group = change.__module__.rsplit(".", 1)[-1]
        _ALL.append(Scenario(name, group, component, expect, change, needs, questions, cannot_be_mended))
        return change

    return register


def all_scenarios() -> list[Scenario]:
    """Those of every file under `scenarios/`, in the order of files and lines."""
    if not _ALL:
        package = importlib.import_module("tests.netlab.scenarios")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return list(_ALL)
