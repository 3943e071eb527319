"""Recognises settings in a text (.env, shell, compose, settings.json, CI, Kubernetes) and judges them.

The judges are the clients' own pure rules (`clients/`): the same that the doctor has. Nothing of this
machine counts: whether a file exists here says nothing about the machine that the settings are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from claudecheck.clients.client import Client
from claudecheck.clients.python_sdk import plan_of_selected
from claudecheck.clients.registry import clients
from claudecheck.clients.secrets import secrets
from claudecheck.clients.snapshot import Snapshot
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.observations import Concern, Interpreter
from claudecheck.route import Plan

#: Variables that decide a client's route.
_NAME = (
    r"(?:ANTHROPIC|CLAUDE|AWS|CLOUD_ML|VERTEX|AZURE|GOOGLE)_\w+|(?:HTTPS?|ALL|NO|https?|all|no)_(?:PROXY|proxy)"
    r"|NODE_(?:EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED|OPTIONS|USE_ENV_PROXY|USE_SYSTEM_CA)|SSL_CERT_(?:FILE|DIR)"
    r"|(?:REQUESTS|CURL)_CA_BUNDLE|PYTHONHTTPSVERIFY|API_TIMEOUT_MS|AIOHTTP_TRUST_ENV"
)
_ALONE = re.compile(
    rf"^\s*(?P<item>- )?(?:\$ |export |set |setx |ENV |ARG |\$env:|env:|Environment=)?[\"']?(?P<name>{_NAME})[\"']?"
    r"(?P<mark>\s*=\s*|:\s+|:(?=\"))(?P<value>.*)$"
)
_SEVERAL = re.compile(rf"(?:^|[\s;&])(?P<name>{_NAME})=(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&|]*)")
_PAIR = re.compile(rf"\"(?P<name>{_NAME})\"\s*:\s*(?P<value>\"[^\"]*\"|\d+)")  # JSON, any number in a line
_KUBERNETES_NAME = re.compile(rf"^\s*-?\s*[\"']?name[\"']?:\s*[\"']?(?P<name>{_NAME})[\"']?,?\s*$")
_KUBERNETES_VALUE = re.compile(r"^\s*[\"']?value[\"']?:\s*(?P<value>.*?),?\s*$")
#: What another place fills in: it has a value, and nobody knows which.
_REFERENCE = re.compile(
    r"\$\{\{.*\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*|%\w+%|<[^>]*>|\.\.\.|\u2026|\*{3,}|\[redacted\]"
)
_KEYS = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"}
_CONTAINER = re.compile(r"^\s*(?:services|apiVersion|containers|image):|^\s*(?:FROM|ENTRYPOINT) ", re.MULTILINE)
_CLAUDE_SETTINGS = re.compile(
    r"\"env\"\s*:\s*\{|\"permissions\"\s*:|\"apiKeyHelper\"|CLAUDE_CODE_|(?:^|\s)claude(?:\s|$)", re.MULTILINE
)
#: Stands for one that another place fills in.
_SOME_KEY = "sk-ant-api03-Qx7" + "pL2vN8dR4tY6uW1z" * 5 + "mK3sHg-9aBcDeQAA"
#: What only the machine itself can tell, and what a part of an environment need not hold.
_NOT_TOLD = {"ca-file-missing", "ca-file-invalid", "trust-store-empty", "sdk-missing", "sdk-outdated", "no-network"}
_LONGEST = 1 << 16
#: Lines of the formats in which settings are written: `KEY=value`, `key: value`, `- item`, brackets, comments.
_FORMAT = re.compile(
    r"""\s*(?:[#;]|//|---$|[{}\[\]],?$|- |(?:export |set |setx |ENV |ARG |\$env:)?[\w.$"'-]+\s*(?:=|:(?:\s|$|"))"""
    r"""|FROM |RUN |COPY |WORKDIR |CMD |ENTRYPOINT |EXPOSE |\[\w+\]$)"""
)
_MOSTLY = 0.9


class Assignment(NamedTuple):
    """A variable as it stands in the text. `quoted` values have lost the quotes that their format takes away."""

    name: str
    value: str
    line: int
    text: str

    @property
    def flags(self) -> set[str]:
        """The circumstances that a `[[wording]]` may wait for: the format, and a variable with words of its own."""
        found = {self.name.lower()}
        if f'"{self.name}"' in self.text:
            found.add("settings-file")
        if self.name.endswith("_BASE_URL") and self.name != "ANTHROPIC_BASE_URL":
            found.add("provider-base-url")
        return found


@dataclass(frozen=True)
class Verdict:
    """What a client's rules object to, and the line that they object to."""

    concern: Concern
    client: Client
    place: Assignment
    share: float  # of those clients that were asked: how many say so

    @property
    def decides(self) -> bool:
        """Whatever failed, it failed at another host than was meant: a provider's switch wins over a base URL."""
        return self.concern.kind == "provider-route"

    @property
    def certain(self) -> bool:
        """It stops a client, or every client that may read these settings objects to it as to an error."""
        grave = CATALOGUE[self.concern.kind].severity == "error"
        return self.concern.stops_client or (grave and self.share > 0.99)


class Settings:
    """The settings that a text holds. `alone`: it holds nothing else but their format."""

    def __init__(self, found: list[Assignment], verdicts: list[Verdict], *, alone: bool) -> None:
        self.verdicts = verdicts
        self.alone = alone
        self.secrets = secrets(Snapshot(variables={one.name: one.value for one in found}))

    @classmethod
    def of(cls, text: str) -> Settings | None:
        """None where no variable of a route is set."""
        lines = list(enumerate(text[:_LONGEST].splitlines(), 1))
        found = assignments(lines)
        if not found:
            return None
        told = [line for _, line in lines if line.strip()]
        format_lines = sum(bool(_FORMAT.match(line)) for line in told)
        return cls(found, judged(text, found), alone=format_lines >= _MOSTLY * len(told))


def assignments(lines: Sequence[tuple[int, str]]) -> list[Assignment]:
    """Every variable of a route that a text sets, in order; a later one wins as in a shell."""
    found: list[Assignment] = []
    named = ""
    for number, text in lines:
        if named and (value := _KUBERNETES_VALUE.match(text)):
            found.append(Assignment(named, _plain(value["value"]), number, text))
        kubernetes = _KUBERNETES_NAME.match(text)
        named = kubernetes["name"] if kubernetes else ""
        found += _in_line(number, text)
    return found


def _in_line(number: int, text: str) -> Iterator[Assignment]:
    if text.lstrip().startswith(("#", "//")):  # a comment
        return
    several = [*_PAIR.finditer(text), *_SEVERAL.finditer(text)]
    alone = _ALONE.match(text)
    if alone and len(several) < 2 and (alone["mark"].strip() != "=" or not _command_follows(alone["value"])):
        value = alone["value"]
        # In a list of compose and in `docker --env-file` nothing takes the quotes away.
        keeps = bool(alone["item"]) and "=" in alone["mark"]
        yield Assignment(alone["name"], value.strip() if keeps else _plain(value), number, text)
        return
    for one in several:
        yield Assignment(one["name"], _plain(one["value"]), number, text)


def _command_follows(value: str) -> bool:
    """`A=b program`: the value ends at the blank; one in quotes, or a bare value with a comment, does not."""
    return bool(re.match(r"[^\s\"'#]+\s+[^\s#]", value))


def _plain(value: str) -> str:
    value = value.strip()
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value.rstrip(",")
    return re.sub(r"\s+#.*$", "", value).rstrip(",;").strip()


def judged(text: str, found: Iterable[Assignment]) -> list[Verdict]:
    """What the clients' rules object to, the gravest first; empty when there is nothing to object to."""
    places = {one.name: one for one in found}
    snapshot = _snapshot(text, places)
    asked = _clients(text)
    verdicts: dict[tuple[str, str], Verdict] = {}
    for client in asked:
        for concern in _plan(client, snapshot).concerns:
            place = places.get(concern.variable)
            if place is None or not _can_be_told(concern, place, places):
                continue
            known = verdicts.get((concern.kind, place.name), Verdict(concern, client, place, 0))
            verdicts[concern.kind, place.name] = replace(known, share=known.share + 1 / len(asked))
    return sorted(verdicts.values(), key=lambda one: (-_gravity(one), one.place.line))


def _plan(client: Client, snapshot: Snapshot) -> Plan:
    """Settings may be for the SDK's class of another provider: whichever they select."""
    if client.name == "python":
        return plan_of_selected(snapshot, Interpreter(path="python3", chosen_by="own"))
    return client.plan(snapshot, None)


def _can_be_told(concern: Concern, place: Assignment, places: Mapping[str, Assignment]) -> bool:
    if concern.kind in _NOT_TOLD or (concern.kind == "key-missing" and place.value):
        return False
    if concern.kind == "provider-route":  # worth a word where something else was meant as well
        return "ANTHROPIC_BASE_URL" in places
    return CATALOGUE[concern.kind].severity != "info"


def _gravity(verdict: Verdict) -> int:
    severity = CATALOGUE[verdict.concern.kind].severity
    return 4 * verdict.concern.stops_client + {"error": 2, "warning": 1}.get(severity, 0)


def _snapshot(text: str, places: Mapping[str, Assignment]) -> Snapshot:
    variables = {}
    for name, place in places.items():
        if not _REFERENCE.search(place.value):
            variables[name] = place.value
        elif name in _KEYS:
            variables[name] = _SOME_KEY
    return Snapshot(
        variables=variables, container="docker" if _CONTAINER.search(text) else "", home="/home/user", cwd="/home/user"
    )


def _clients(text: str) -> list[Client]:
    """Settings of Claude Code are its own; others may be read by every SDK."""
    names = ("claude-code",) if _CLAUDE_SETTINGS.search(text[:_LONGEST]) else ("python", "typescript", "claude-code")
    return [client for client in clients() if client.name in names]
