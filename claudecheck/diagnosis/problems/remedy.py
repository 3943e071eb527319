"""One fix of the catalogue as data: what it says, what it changes, and where it holds. Knows no machine and no rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from claudecheck.diagnosis.change import Change
from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.report import Command, FixKind, Shell

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
    "issuer": "an unknown CA",
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
    "exit": "an address that the answer does not name",
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
    "others": "",
    "interface": "the interface",
    "namespace": "default",
    "true_address": "the API's address",
    "working_resolver": "a resolver that answers",
    "proxy_scheme": "http",
    "base_url_variable": "ANTHROPIC_BASE_URL",
    "no_proxy_variable": "NO_PROXY",
}

HOLE = re.compile(r"\{([a-z_]+)\}")
#: Before what needs the rights of root: it becomes `sudo`, or nothing for root.
SUDO = "{sudo} "
#: How this program is called here.
OURS = "{claudecheck}"


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """One fix, and where it holds: what does not apply on a machine is not shown there.

    `systems` and `clients` are empty when it holds everywhere. Every fact of `when` must hold, and none of `unless`.
    `tools` are the programs that its commands need beside those of every system. `caution` names its side effect.

    `change` is what it changes, when that is variables: its commands are written from it, after `commands` where
    there are some, and a run can try it. `proved_by` is the id of the question whose success shows that a fix which
    needs rights would work. `place` says where it is done when that is not this machine's shell; `needs` is
    what the commands ask for. `key` is the name by which a rule asks for it. A `guess` is worth a try and no advice:
    it is shown only where a run has tried it.
    """

    text: str
    commands: tuple[Command, ...] = ()
    change: Change | None = None
    systems: tuple[System, ...] = ()
    clients: tuple[str, ...] = ()  # "python", "typescript", "node", "claude-code", "curl"
    when: tuple[Fact, ...] = ()
    unless: tuple[Fact, ...] = ()
    tools: tuple[str, ...] = ()
    caution: str = ""
    kind: FixKind = "mend"
    place: str = ""
    needs: tuple[str, ...] = ()
    proved_by: str = ""
    key: str = ""
    guess: bool = False

    @property
    def needs_root(self) -> bool:
        return any(SUDO in command.line for command in self.commands)

    def texts(self) -> list[str]:
        """Everything in which a hole may be."""
        named = self.change.names() if self.change else []
        values = [value for _, value in self.change.sets if isinstance(value, str)] if self.change else []
        return [self.text, self.caution, self.place, *(one.line for one in self.commands), *named, *values]


def bare(line: str) -> str:
    """A command line without the marks that are no holes."""
    return line.replace(SUDO, "").replace(OURS, "claudecheck")


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every hole filled: by `values`, else by what `HOLES` says."""
    return HOLE.sub(lambda hole: values.get(hole[1]) or HOLES[hole[1]], text)


PROGRAM = "your program"


def ask(
    text: str,
    commands: tuple[Command, ...] = (),
    *,
    tools: tuple[str, ...] = (),
    when: tuple[Fact, ...] = (),
    unless: tuple[Fact, ...] = (),
    clients: tuple[str, ...] = (),
) -> Remedy:
    """What is done by others, or at another place than this machine; `commands` show what to tell them."""
    return Remedy(text=text, commands=commands, tools=tools, kind="ask", when=when, unless=unless, clients=clients)


def look(
    text: str,
    commands: tuple[Command, ...] = (),
    *,
    tools: tuple[str, ...] = (),
    systems: tuple[System, ...] = (),
    clients: tuple[str, ...] = (),
    when: tuple[Fact, ...] = (),
    unless: tuple[Fact, ...] = (),
    caution: str = "",
    key: str = "",
) -> Remedy:
    """What shows something, and changes nothing."""
    return Remedy(
        key=key,
        text=text,
        commands=commands,
        kind="look",
        tools=tools,
        systems=systems,
        clients=clients,
        when=when,
        unless=unless,
        caution=caution,
    )


def in_program(
    text: str,
    *,
    python: str = "",
    typescript: str = "",
    clients: tuple[str, ...] = (),
    when: tuple[Fact, ...] = (),
    unless: tuple[Fact, ...] = (),
    caution: str = "",
) -> Remedy:
    """A change of the user's own program, as an excerpt."""
    lines: tuple[tuple[Shell, str], ...] = (("python", python), ("typescript", typescript))
    return Remedy(
        text=text,
        commands=tuple(Command(shell=language, line=line) for language, line in lines if line),
        clients=clients,
        when=when,
        unless=unless,
        caution=caution,
        place=PROGRAM,
    )
