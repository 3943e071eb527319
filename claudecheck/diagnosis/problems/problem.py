"""The shape of a catalogue entry, and how its texts are filled. Knows no journal and no rule."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from claudecheck.diagnosis.change import Change
from claudecheck.report import (
    Command,
    Confidence,
    ExitCode,
    Finding,
    Fix,
    FixKind,
    Layer,
    Owner,
    Severity,
    Shell,
    Trial,
)

System = Literal["Linux", "Darwin", "Windows"]

#: Every hole that a text of the catalogue may have: what fills it, and what stands there when the
#: run could not tell. A rule may give a better value; a hole outside this table fails a test.
HOLES: Mapping[str, str] = {
    "host": "the API's host",
    "port": "443",
    "url": "the base URL",
    "base_url_source": "ANTHROPIC_BASE_URL",
    "client": "this client",
    "sdk": "the SDK",
    "python": "python3",
    "key_variable": "ANTHROPIC_API_KEY",
    "variable": "the variable",
    "value": "the value",
    "suggestion": "a corrected value",
    "file": "the file",
    "cafile": "the CA file",
    "proxy": "the proxy",
    "proxy_host": "the proxy's host",
    "proxy_port": "the proxy's port",
    "proxy_variable": "HTTPS_PROXY",
    "address": "the address",
    "addresses": "the addresses",
    "resolver": "the resolver",
    "issuer": "an unknown authority",
    "product": "an inspection product",
    "subject": "the certificate's subject",
    "names": "other names",
    "not_before": "its first day",
    "not_after": "its last day",
    "offset": "some time",
    "version": "an old version",
    "alert": "an alert",
    "status": "the status",
    "message": "its own words",
    "schemes": "the schemes it offers",
    "model": "the model",
    "location": "another address",
    "retry_after": "a while",
    "limit": "the limit",
    "request_id": "the request-id",
    "provider": "another provider",
    "header": "the header",
    "size": "the size",
    "seconds": "some seconds",
    "detail": "no detail",
    "search_domain": "the search domain",
    "count": "some",
    "total": "all",
}

_HOLE = re.compile(r"\{([a-z_]+)\}")


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """One fix. `systems` and `clients` are empty when it holds everywhere; `caution` names its side effect.

    `change` is what it changes, when that is variables: its commands are generated from it, and a run can try it.
    `proved_by` is the id of the question whose success shows that a fix which needs rights would work.
    """

    text: str
    commands: tuple[Command, ...] = ()
    systems: tuple[System, ...] = ()
    clients: tuple[str, ...] = ()  # "python", "typescript", "node", "claude-code", "curl"
    only_in: Literal["", "container", "wsl", "ci", "ssh"] = ""
    caution: str = ""
    kind: FixKind = "mend"
    change: Change | None = None
    proved_by: str = ""


#: "an error": any other error in the same run; "the network": a failure at a stage of the route.
Yields = Literal["an error", "the network"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Everything claudecheck can say about one thing that is wrong.

    `looks_like` maps a client ("Python 0.x", "Python 1.x / 2.x", "TypeScript", "Claude Code",
    "curl") to the text that it prints; `told_apart` says which one variable separates it from its
    look-alikes.

    Beside others. `confirmed_by` are statuses of an answer that show it to be the cause, without which it stops
    nothing. `names_failure`: it is what the route's own failure means, and comes before that. `yields_to`: it is
    not told beside an error, or told after what failed in the network. `overrules`: what stopped the walk does not
    stop the client, so that other errors are warnings. `exit_code` is its own, where its layer has none.
    """

    code: str
    layer: Layer
    title: str
    cause: str
    owner: Owner | None
    fixes: tuple[Remedy, ...]
    verify: str = "claudecheck doctor"
    severity: Severity = "error"
    retryable: bool = False
    billed: bool = False
    looks_like: Mapping[str, str] = {}
    told_apart: str = ""
    confirmed_by: tuple[int, ...] = ()
    names_failure: bool = False
    yields_to: tuple[Yields, ...] = ()
    overrules: bool = False
    exit_code: ExitCode | None = None

    def holes(self) -> set[str]:
        """The names of all holes in its texts and commands."""
        texts = [self.title, self.cause, self.verify]
        for remedy in self.fixes:
            texts += [remedy.text, remedy.caution, *(command.line for command in remedy.commands)]
        return {name for text in texts for name in _HOLE.findall(text)}

    def finding(
        self,
        values: Mapping[str, str],
        *,
        machine: Machine,
        seen: list[str],
        ruled_out: list[str],
        confidence: Confidence = "high",
        severity: Severity | None = None,
        layer: Layer | None = None,
        owner: Owner | None = None,
        tried: Callable[[Remedy, Change | None], Trial | None] = lambda _remedy, _change: None,
    ) -> Finding:
        """The problem as found here: holes filled, fixes and commands chosen for this machine.

        `tried` says what became of a remedy, or of its change with all holes filled, in this run.
        """
        return Finding(
            code=self.code,
            layer=layer or self.layer,
            severity=severity or self.severity,
            title=fill(self.title, values),
            cause=fill(self.cause, values),
            seen=seen,
            ruled_out=ruled_out,
            confidence=confidence,
            owner=owner or self.owner,
            retryable=self.retryable,
            fixes=[_fix(remedy, values, machine, tried) for remedy in self.fixes if machine.takes(remedy)],
            verify=fill(self.verify, values),
        )


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What decides which fixes and commands are shown."""

    os: str = "Linux"
    shell: str = "sh"
    container: bool = False
    wsl: bool = False
    ci: bool = False
    ssh: bool = False
    client: str = "python"

    def takes(self, remedy: Remedy) -> bool:
        if remedy.systems and self.os not in remedy.systems:
            return False
        if remedy.clients and self.client not in remedy.clients:
            return False
        return remedy.only_in == "" or bool(getattr(self, remedy.only_in))

    def shells(self) -> tuple[Shell, ...]:
        """In the order of preference; the first that a remedy speaks is shown."""
        if self.shell == "fish":
            return ("fish", "sh")
        if self.shell == "powershell":
            return ("powershell", "cmd")
        if self.shell == "cmd":
            return ("cmd", "powershell")
        return ("sh",)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every hole filled: by `values`, else by what `HOLES` says."""
    return _HOLE.sub(lambda hole: values.get(hole[1]) or HOLES[hole[1]], text)


def fill_command(line: str, values: Mapping[str, str], shell: Shell) -> str:
    """The same for a command line: what was read from the network or a file is quoted for the shell."""

    def quoted(hole: re.Match[str]) -> str:
        value = values.get(hole[1])
        if value is None or value == "":
            return "<" + hole[1].replace("_", "-") + ">"
        return _quote(value, shell)

    return _HOLE.sub(quoted, line)


def _quote(value: str, shell: Shell) -> str:
    if shell == "powershell":
        return value if re.fullmatch(r"[\w@%+=:,./\\-]+", value) else "'" + value.replace("'", "''") + "'"
    if shell == "cmd":
        return value if re.fullmatch(r"[\w@+=:,./\\-]+", value) else '"' + re.sub(r'["%!^&|<>]', "", value) + '"'
    return shlex.quote(value)


def _fix(
    remedy: Remedy,
    values: Mapping[str, str],
    machine: Machine,
    tried: Callable[[Remedy, Change | None], Trial | None],
) -> Fix:
    text = fill(remedy.text, values)
    if remedy.caution:
        text += f" ({fill(remedy.caution, values)})"
    spoken = machine.shells()
    chosen = next((shell for shell in spoken if any(c.shell == shell for c in remedy.commands)), None)
    commands = [
        Command(shell=command.shell, line=fill_command(command.line, values, command.shell))
        for command in remedy.commands
        if command.shell == chosen or command.shell in ("dockerfile", "yaml", "python", "typescript")
    ]
    change = None if remedy.change is None else _filled(remedy.change, values)
    return Fix(text=text, commands=commands, kind=remedy.kind, tried=tried(remedy, change))


def _filled(change: Change, values: Mapping[str, str]) -> Change | None:
    """The change with its holes filled; None where one stays open, or what fills it may not be shown."""

    def known(text: str) -> str:
        return _HOLE.sub(lambda hole: values.get(hole[1]) or "[redacted]", text)

    filled = Change(
        sets=tuple((known(name), known(value)) for name, value in change.sets),
        unsets=tuple(map(known, change.unsets)),
        place=change.place,
    )
    return None if any("[redacted]" in text for text in (*map("=".join, filled.sets), *filled.unsets)) else filled
