"""What decides which fixes and commands are shown: the machine, the user's rights, the variables, the facts. Pure data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.diagnosis.problems.remedy import Remedy
from claudecheck.observations import SetVariable
from claudecheck.report import Shell


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report is read. What nobody looked at (`tools`, `variables`: None) keeps nothing from being shown.

    `variables` are those that are set, by name, each with every place that sets it; the one that counts comes last.
    """

    os: str = "Linux"
    shell: str = "sh"
    container: bool = False
    wsl: bool = False
    ci: bool = False
    client: str = "python"
    python: str = "python3"
    run_by: str = ""  # the Python that runs claudecheck, where it is not on PATH
    root: bool = False
    tools: frozenset[str] | None = None
    variables: Mapping[str, list[SetVariable]] | None = None
    facts: frozenset[Fact] = frozenset()

    def known(self) -> frozenset[Fact]:
        """Every fact that holds here."""
        flags: Mapping[Fact, bool] = {"container": self.container, "wsl": self.wsl, "ci": self.ci}
        return self.facts | {fact for fact, holds in flags.items() if holds}

    def with_facts(self, more: Iterable[Fact]) -> Machine:
        return msgspec.structs.replace(self, facts=self.facts | frozenset(more))

    def takes(self, remedy: Remedy) -> bool:
        """It holds here, and its commands can run here; asking somebody needs no program."""
        if remedy.systems and self.os not in remedy.systems:
            return False
        if remedy.clients and self.client not in remedy.clients:
            return False
        if remedy.kind != "ask" and not self.runs(remedy):
            return False
        known = self.known()
        return all(fact in known for fact in remedy.when) and not any(fact in known for fact in remedy.unless)

    def runs(self, remedy: Remedy) -> bool:
        """Every program that its commands need is here."""
        return all(map(self.has, remedy.tools))

    def has(self, tool: str) -> bool:
        return self.tools is None or tool in self.tools

    @property
    def may_become_root(self) -> bool:
        return self.root or self.has("sudo")

    def shells(self) -> tuple[Shell, ...]:
        """In the order of preference; the first that a remedy speaks is shown."""
        if self.shell == "fish":
            return ("fish", "sh")
        if self.shell == "powershell":
            return ("powershell", "cmd")
        if self.shell == "cmd":
            return ("cmd", "powershell")
        return ("sh",)

    def is_set(self, name: str) -> bool:
        """Also where nobody looked. Windows does not tell the case of variables apart."""
        return self.variables is None or bool(self.places(name))

    def places(self, name: str) -> list[SetVariable]:
        """Every place that sets the variable, the one that counts last."""
        if self.variables is None:
            return []
        if self.os == "Windows":
            return [
                place for known, places in self.variables.items() if known.upper() == name.upper() for place in places
            ]
        return self.variables.get(name, [])
