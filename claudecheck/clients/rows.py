"""What every client would do here, side by side: a row each, and where they disagree. Pure; holds no secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from claudecheck.clients import node, variables
from claudecheck.clients.client import Client, InPython
from claudecheck.clients.registry import clients, named
from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.clients.urls import shown
from claudecheck.observations import Interpreter
from claudecheck.route import ClientName, Plan, Route, place

DIRECT, UNUSABLE = "direct", "unusable"
#: Concerns that say why a client takes no proxy.
_WHY_DIRECT = ("proxy-url-invalid", "proxy-scheme-unsupported", "proxy-ignored", "proxy-variables-conflict")
#: Their details are said of the subject; those of the others are sentences.
_OF_ITS_VALUE = ("proxy-url-invalid", "proxy-scheme-unsupported")


_CA_VARIABLES = (*variables.SYSTEM_CA, *variables.REQUESTS, *variables.CURL, *variables.EXTRA)


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """A variable or file that is there and that this client does not read, and what reading it would take."""

    variable: str
    needs: str


class RouteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One client's way, in words that can be shown to anybody."""

    client: str
    title: str
    version: str = ""
    installed: bool = False
    starts: bool = True  # false when something keeps it from sending anything
    endpoint: str = ""  # empty: it cannot be told
    endpoint_source: str = "default"
    provider: str = ""
    credential: str = "none"
    credential_kind: str = ""
    credential_source: str = ""
    credential_fingerprint: str = ""
    header: str = ""
    proxy: str = DIRECT  # its URL, "direct", or "unusable" where it stops the client
    proxy_why: str = ""
    trust: str = ""
    trust_is_set: bool = False  # by a variable that this client reads
    cafile: str = ""  # what a variable names
    ignored: list[Ignored] = []
    concerns: list[str] = []


class KnownProxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy that another program of this machine is told, and that no client here reads there."""

    proxy: str  # without userinfo
    source: str


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file of settings that some clients object to."""

    file: str
    line: int
    variable: str
    code: str
    clients: list[str]


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[RouteRow]
    disagreements: list[str] = []
    elsewhere: list[KnownProxy] = []
    objections: list[Objection] = []  # to the lines of `--env-file`


def objections(
    snapshot: Snapshot, interpreter: Interpreter | None, file: str, lines: Mapping[str, int]
) -> list[Objection]:
    """What the clients object to in a file; `lines` gives for each variable where it stands there."""
    found: dict[tuple[int, str, str], list[str]] = {}
    for client in clients():
        for concern in client.plan(snapshot, interpreter).concerns:
            if concern.variable in lines:
                place = lines[concern.variable], concern.variable, concern.kind
                found.setdefault(place, []).append(client.name)
    return [
        Objection(file=file, line=line, variable=variable, code=code, clients=list(dict.fromkeys(names)))
        for (line, variable, code), names in sorted(found.items())
    ]


def routes(snapshot: Snapshot, interpreter: Interpreter | None) -> Routes:
    """Plans every client of the registry, and compares them."""
    return rows(snapshot, interpreter, {client.name: client.plan(snapshot, interpreter) for client in clients()})


def rows(snapshot: Snapshot, interpreter: Interpreter | None, plans: Mapping[ClientName, Plan]) -> Routes:
    made = [_row(client, snapshot, interpreter, plans[client.name]) for client in clients() if client.name in plans]
    elsewhere = [KnownProxy(proxy=shown(one.value), source=one.source) for one in snapshot.known_proxies]
    return Routes(rows=made, disagreements=list(disagreements(made)), elsewhere=elsewhere)


def _row(client: Client, snapshot: Snapshot, interpreter: Interpreter | None, plan: Plan) -> RouteRow:
    route = plan.route or Route(client=client.name)
    program = snapshot.programs.get(client.name)
    if isinstance(client.found_by, InPython):
        program = Program(interpreter.path, interpreter.sdk) if interpreter and interpreter.sdk else None
    view = route.view()
    unread = client.unread(snapshot)
    return RouteRow(
        client=client.name,
        title=client.title,
        version=program.version if program else "",
        installed=program is not None,
        starts=not any(one.stops_client for one in plan.concerns),
        endpoint=view.url if plan.route else "",
        endpoint_source=view.base_url_source,
        provider=view.provider,
        credential=view.credential,
        credential_kind=view.credential_kind,
        credential_source=view.credential_source,
        credential_fingerprint=view.credential_fingerprint,
        header="" if view.provider else view.auth_header,
        proxy=view.proxy or (UNUSABLE if _stops_at_proxy(plan) else DIRECT),
        proxy_why=_why(route, plan),
        trust=_trust(route),
        trust_is_set=any(snapshot.get(name) and name not in unread for name in _CA_VARIABLES),
        cafile=(view.cafile or view.capath) if view.trust in ("file", "directory") else "",
        ignored=[
            Ignored(variable=name, needs=unread[name])
            for name in unread
            if snapshot.get(name) or snapshot.file(name).exists
        ],
        concerns=list(dict.fromkeys(one.kind for one in plan.concerns)),
    )


def _why(route: Route, plan: Plan) -> str:
    if route.proxy:
        return place(route.proxy.source, route.proxy.file)
    if route.bypassed_by:
        return f"NO_PROXY names {route.bypassed_by}"
    told = next((one for one in plan.concerns if one.kind in _WHY_DIRECT), None)
    if told is None:
        return "no proxy is set"
    return f"{told.subject} {told.detail}" if told.kind in _OF_ITS_VALUE else told.detail


def _stops_at_proxy(plan: Plan) -> bool:
    return any(one.stops_client and one.kind in _WHY_DIRECT for one in plan.concerns)


def _trust(route: Route) -> str:
    return "certifi's roots" if route.trust.source == "certifi" else route.trust.source


# -- where they disagree -----------------------------------------------------------------------------


def disagreements(made: Sequence[RouteRow]) -> Iterator[str]:
    yield from _stopped(made)
    yield from _told(made, _endpoint, "{} calls {}", "{} call {}")
    yield from _told(made, _proxy, "{} {}", "{} {}", verbs=True)
    credentials = [row for row in made if named(row.client).sends_own_credential and not row.provider]
    yield from _told(credentials, _credential, "{} sends {}", "{} send {}")
    if any(row.endpoint and row.endpoint_source != "default" for row in made):
        sending = [row for row in credentials if row.header]
        yield from _told(sending, lambda row: f"the header {row.header}", "{} uses {}", "{} use {}")
    if any(row.trust_is_set for row in made):
        yield from _told(made, lambda row: row.trust, "{} trusts {}", "{} trust {}")


def _stopped(made: Sequence[RouteRow]) -> Iterator[str]:
    stopped = [row.title for row in made if not row.starts]
    if stopped and len(stopped) < len(made):
        working = [row.title for row in made if row.starts]
        yield f"{node.together(stopped)} cannot send anything from here; {node.together(working)} can."


def _endpoint(row: RouteRow) -> str:
    source = "" if row.endpoint_source == "default" else f" ({row.endpoint_source})"
    return f"{row.endpoint}{source}" if row.endpoint else f"an address that is not known ({row.endpoint_source})"


def _proxy(row: RouteRow) -> str:
    return f"{row.proxy} ({row.proxy_why})"


def _credential(row: RouteRow) -> str:
    return f"{row.credential_source}" if row.credential != "none" else "no credential"


def _told(
    made: Sequence[RouteRow], value: Callable[[RouteRow], str], one: str, many: str, *, verbs: bool = False
) -> Iterator[str]:
    """One sentence when the values differ: each value with those that share it. Nothing when all agree."""
    groups: dict[str, list[RouteRow]] = {}
    for row in made:
        groups.setdefault(value(row), []).append(row)
    if len(groups) < 2 or (verbs and len({row.proxy for row in made}) < 2):
        return
    parts = []
    for common, sharing in groups.items():
        titles = node.together([row.title for row in sharing])
        form = one if len(sharing) == 1 else many
        parts.append(f"{titles} {_going(sharing)}" if verbs else form.format(titles, common))
    yield "; ".join(parts) + "."


def _going(sharing: Sequence[RouteRow]) -> str:
    first, verb = sharing[0], "goes" if len(sharing) == 1 else "go"
    if first.proxy == UNUSABLE:
        return f"{'stops' if len(sharing) == 1 else 'stop'}: {first.proxy_why}"
    if first.proxy != DIRECT:
        return f"{verb} through {first.proxy} ({first.proxy_why})"
    return f"{verb} direct: {first.proxy_why}"
