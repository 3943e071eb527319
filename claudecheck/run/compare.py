"""Several routes side by side, each one variable away from the environment as it is. Judges nothing.

A column is the environment with one change, read anew, and the ladder walked over it. A credential of
the environment goes only where the environment sends it: a column with another host is read without
any, unless the user names the variable that holds a key for that host.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from claudecheck.clients import base_url, credentials, proxies, python_sdk, registry, trust, urls
from claudecheck.clients.proxies import Fault
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Setting, Snapshot
from claudecheck.diagnosis.comparison import FIRST, Change
from claudecheck.journal.deadline import Deadline
from claudecheck.machine import environment
from claudecheck.observations import Cut, End, Interpreter, Journal
from claudecheck.probes import side_by_side
from claudecheck.route import ClientName, Endpoint, Plan
from claudecheck.run import interruption
from claudecheck.run.examine import examine
from claudecheck.run.options import Options

#: Everything that carries a credential, names one or chooses among several. More than needed goes, never less.
_OF_THE_CLIENT = re.compile(r"(?i)(ANTHROPIC|CLAUDE)_\w+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Seconds for the columns to write their journals after their deadline has come.
_FAREWELL_S = 5.0

Variables = Mapping[str, str]


class UnusableError(ValueError):
    """What was asked for cannot be compared: one sentence, and what to do instead."""

    def __init__(self, sentence: str, fix: str) -> None:
        super().__init__(sentence)
        self.fix = fix


@dataclass(frozen=True)
class Asked:
    """The changes, as the user wrote them; `key_names` belong to `base_urls` one by one."""

    direct: bool = False
    proxies: tuple[str, ...] = ()
    base_urls: tuple[str, ...] = ()
    key_names: tuple[str, ...] = ()
    families: tuple[Literal["ipv4", "ipv6"], ...] = ()
    clients: tuple[ClientName, ...] = ()
    pythons: tuple[str, ...] = ()
    ca_files: tuple[str, ...] = ()
    patience_s: float | None = None


@dataclass(frozen=True)
class Planned:
    """A column before it is walked."""

    label: str
    options: Options
    snapshot: Snapshot
    change: Change | None = None
    keyless: bool = False


def plan(asked: Asked, options: Options, first: Snapshot) -> list[Planned]:
    """The columns, the environment as it is first. Raises `UnusableError`; reads files, sends nothing."""
    if len(asked.key_names) > len(asked.base_urls):
        raise UnusableError(
            "--key-env has no --base-url to belong to", "the first --key-env is for the first --base-url"
        )
    start = Planned(FIRST, options, first)
    made = [start]
    for column in _columns(asked, start):
        if any(column.change == other.change for other in made):
            raise UnusableError(f"{column.label} is named twice", "name each route once")
        made.append(column)
    if len(made) == 1:
        raise UnusableError("nothing to compare with", "for example: claudecheck compare --direct --client curl")
    return made


def _columns(asked: Asked, start: Planned) -> Iterator[Planned]:
    if asked.direct:
        yield _direct(start)
    for url in asked.proxies:
        yield _proxied(start, url)
    for place, url in enumerate(asked.base_urls):
        yield _elsewhere(start, url, asked.key_names[place] if place < len(asked.key_names) else "")
    for family in asked.families:
        shown = {"ipv4": "IPv4", "ipv6": "IPv6"}[family]
        change = Change(variable="address family", after=shown)
        yield replace(start, label=shown, change=change, options=replace(start.options, family=family))
    for client in asked.clients:
        yield _other_client(start, client)
    for path in asked.pythons:
        change = Change(variable="interpreter", after=path)
        yield replace(start, label=path, change=change, options=replace(start.options, python=path))
    for file in asked.ca_files:
        yield _trusting(start, file)
    if asked.patience_s is not None:
        shown = f"{asked.patience_s:g} s"
        change = Change(variable="timeout", after=shown, seconds=asked.patience_s)
        options = replace(start.options, patience_s=asked.patience_s)
        yield replace(start, label=f"timeout {shown}", change=change, options=options)


# -- proxies -----------------------------------------------------------------------------------------


def _is_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy")


def _without_proxies(variables: Variables) -> dict[str, str]:
    return {name: value for name, value in variables.items() if not _is_proxy(name)}


def _direct(start: Planned) -> Planned:
    snapshot = start.snapshot
    stated = [name for name, value in snapshot.variables.items() if _is_proxy(name) and name.lower() != "no_proxy"]
    if not any(map(snapshot.get, stated)) and not snapshot.system_proxies:
        raise UnusableError("no proxy is set, so the first route is direct already", "name one: --proxy URL")
    variables, sets = _without_proxies(snapshot.variables), {}
    if snapshot.system_proxies:  # they count as long as no variable is set
        variables["NO_PROXY"] = "*"
        sets["NO_PROXY"] = _endpoint(snapshot).host
    change = Change(variable="proxy", after="none", sets=sets, unsets=stated)
    return replace(start, label="direct", change=change, snapshot=environment.read(variables))


def _proxied(start: Planned, url: str) -> Planned:
    shown = urls.shown(url)
    parsed = proxies.parse(Setting(url, "--proxy"), Sdk(), socks=True)
    if isinstance(parsed, Fault):
        raise UnusableError(f"--proxy {shown} {parsed.detail}", "for example: --proxy http://proxy.example.com:3128")
    snapshot = start.snapshot
    endpoint = _endpoint(snapshot)
    used = proxies.choose(proxies.read(snapshot), endpoint, Sdk()).setting
    if used is not None and used.value == url:
        raise UnusableError(f"the first route goes through {shown} already", "compare it with --direct")
    name = "HTTPS_PROXY" if endpoint.scheme == "https" else "HTTP_PROXY"
    others = [other for other in snapshot.variables if _is_proxy(other) and other != name]
    return replace(
        start,
        label=f"proxy {parsed.host}:{parsed.port}",
        change=Change(variable="proxy", after=parsed.shown, sets={name: shown}, unsets=others),
        snapshot=environment.read({**_without_proxies(snapshot.variables), name: url}),
    )


# -- another host ------------------------------------------------------------------------------------


#: Where a route leads does not depend on the interpreter, as long as its SDK is not older than profiles are.
_ANY = Interpreter(path="python3", chosen_by="own")


def _first_plan(snapshot: Snapshot) -> Plan:
    """What the first route will be: with the provider, or the address of a profile, that the environment selects."""
    return python_sdk.plan_of_selected(snapshot, _ANY)


def _endpoint(snapshot: Snapshot) -> Endpoint:
    """Where the first route leads, also when its URL needs a correction."""
    route = _first_plan(snapshot).route
    return route.endpoint if route else Endpoint()


def towards(snapshot: Snapshot, url: str, key_name: str = "") -> Snapshot:
    """The environment of a client that goes to `url`. A key goes only to the host that it belongs to: elsewhere it is
    the one that the variable `key_name` holds, or none. Raises `UnusableError`.
    """
    read, own = base_url.parse(url, "--base-url"), _endpoint(snapshot)
    if not key_name and read.endpoint is not None and read.endpoint.url == own.url:
        return snapshot
    return _elsewhere(Planned(label="", options=Options(), snapshot=snapshot), url, key_name).snapshot


def _elsewhere(start: Planned, url: str, key_name: str) -> Planned:
    snapshot = start.snapshot
    read = base_url.parse(url, "--base-url")
    shown = urls.shown(url)
    if read.fault or read.endpoint is None:
        raise UnusableError(f"--base-url {shown} {read.fault}", "for example: --base-url https://api.anthropic.com")
    first = _first_plan(snapshot)
    own = first.route.endpoint if first.route and not first.route.provider else None
    stopped = any(concern.kind == "base-url-invalid" for concern in first.concerns)
    if own and not stopped and own.url == read.endpoint.url and not key_name:
        raise UnusableError(f"the first route goes to {shown} already", "name another address")
    change = Change(variable="base URL", after=read.endpoint.shown, sets={base_url.VARIABLE: shown})
    column = replace(start, label=read.endpoint.shown.partition("://")[2], change=change)
    if not key_name and own and _origin(own) == _origin(read.endpoint):
        variables = {**snapshot.variables, base_url.VARIABLE: url}
        return replace(column, snapshot=environment.read(variables))
    variables = {name: value for name, value in snapshot.variables.items() if not _OF_THE_CLIENT.fullmatch(name)}
    variables[base_url.VARIABLE] = url
    if not key_name:
        return replace(column, snapshot=_without_credential_files(environment.read(variables)), keyless=True)
    variable = credentials.AUTH_TOKEN if key_name.upper().endswith("TOKEN") else credentials.API_KEY
    variables[variable] = _key(key_name, snapshot)
    change = msgspec.structs.replace(change, key_name=key_name, key_variable=variable)
    return replace(column, change=change, snapshot=_without_credential_files(environment.read(variables)))


def _origin(endpoint: Endpoint) -> tuple[str, str, int]:
    """Another port is another service, and http:// in place of https:// another promise."""
    return endpoint.scheme, endpoint.host.lower().rstrip("."), endpoint.port


def _key(name: str, snapshot: Snapshot) -> str:
    if not _VARIABLE.fullmatch(name) or len(name) > 60:  # it may be the key itself: it is not repeated
        raise UnusableError(
            "--key-env takes the name of a variable, not a key", "export GATEWAY_KEY, then: --key-env GATEWAY_KEY"
        )
    if not snapshot.get(name):
        state = "empty" if name in snapshot.variables else "not set"
        raise UnusableError(
            f"the variable that --key-env names is {state}", "set it to the key for that host, and export it"
        )
    return snapshot.get(name)


def _without_credential_files(snapshot: Snapshot) -> Snapshot:
    """Only profiles, tokens and settings are read as text; what else is known of files stays."""
    return replace(snapshot, files={path: fact for path, fact in snapshot.files.items() if fact.text is None})


# -- clients and authorities -------------------------------------------------------------------------


def _other_client(start: Planned, client: ClientName) -> Planned:
    route = _first_plan(start.snapshot).route
    if client == "python" and not (route and route.provider):
        raise UnusableError("the first route is the Python SDK's already", "name another client: --client curl")
    change = Change(variable="client", after=registry.in_words(client))
    return replace(start, label=registry.title(client), change=change, options=replace(start.options, client=client))


def _trusting(start: Planned, file: str) -> Planned:
    path = Path(file).expanduser()
    if not path.is_file():
        raise UnusableError(f"there is no file {file}", "name a file with certificates in PEM form: --ca-file all.pem")
    whole = str(path.absolute())
    variables = start.snapshot.variables
    if variables.get(trust.FILE) in (file, whole):
        raise UnusableError(f"{trust.FILE} names {file} already", "name another file")
    return replace(
        start,
        label=path.name,
        change=Change(variable="CA file", after=whole, sets={trust.FILE: whole}),
        snapshot=environment.read({**variables, trust.FILE: whole}),
    )


# -- walking them ------------------------------------------------------------------------------------


class Steps:
    """Which step each column is at, told in one line. Called from the columns' threads."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._at: dict[str, str] = {}

    def at(self, label: str, stage: str, _detail: str = "") -> None:
        with self._lock:
            self._at[label] = stage
            self._say()

    def ended(self, label: str) -> None:
        with self._lock:
            self._at.pop(label, None)
            self._say()

    def _say(self) -> None:
        self._tell("compare", ", ".join(f"{stage} ({label})" for label, stage in self._at.items()))


def walk(columns: Sequence[Planned], seconds: float, steps: Steps) -> tuple[list[Journal], Cut]:
    """Every column at the same time, and what cut it short from outside; what was seen until then is there."""
    deadlines = [Deadline(seconds) for _ in columns]
    jobs = [partial(_walk, column, deadline, steps) for column, deadline in zip(columns, deadlines, strict=True)]
    started = side_by_side.Started(jobs)
    journals = [Journal() for _ in columns]
    cut: Cut = ""
    try:
        for place, journal in started.finished(seconds + _FAREWELL_S):
            journals[place] = journal
    except KeyboardInterrupt as error:
        cut = interruption.cut_of(error)
        for deadline in deadlines:
            deadline.cancel()
        for place, journal in started.finished(_FAREWELL_S):
            journals[place] = _interrupted(journal, cut)
    return journals, cut


def _walk(column: Planned, deadline: Deadline, steps: Steps) -> Journal:
    # Eight imports of the SDK at once would take the time of all steps: it is imported where a message is due.
    options = replace(column.options, announce=partial(steps.at, column.label), eager=False)
    try:
        return examine(options, column.snapshot, deadline)
    finally:
        steps.ended(column.label)


def _interrupted(journal: Journal, cut: Cut) -> Journal:
    """A column knows at most that its time was up, and one that ended with it not even that; why, is known here."""
    seen = (msgspec.structs.replace(one, cut=cut) if isinstance(one, End) else one for one in journal.observations)
    return Journal(tuple(seen))
