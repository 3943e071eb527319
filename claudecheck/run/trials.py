"""Trials: the environment with one change, read and planned anew, and walked. Facts, no judgement.

A trial obeys what the run promised. A credential goes only to a host of the user's own route, once its certificate
has verified; what would need more is walked up to the handshake. Only where the message is what failed is one sent,
by the first trial that gets so far.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from claudecheck.clients import claude_settings, python_sdk
from claudecheck.clients.client import InPython
from claudecheck.clients.registry import named
from claudecheck.clients.snapshot import Snapshot
from claudecheck.diagnosis import cures, questions
from claudecheck.diagnosis.change import Change
from claudecheck.diagnosis.cures import Proposal
from claudecheck.failures import Stage
from claudecheck.journal.journal import JournalWriter
from claudecheck.machine import environment
from claudecheck.observations import ChangeTried, HttpExchange, Interpreter
from claudecheck.probes import message, models, reach, side_by_side
from claudecheck.probes.names import anew
from claudecheck.probes.senders.sender import Plain, Sender, find
from claudecheck.probes.walk import Walk
from claudecheck.route import Credential, Endpoint, Plan, Route
from claudecheck.run import crash
from claudecheck.run.options import Options
from claudecheck.run.vary import Walker

#: Credentials that only the client itself can resolve: a trial walks up to the handshake.
_RESOLVED_BY_THE_CLIENT = ("profile", "federation", "key-helper", "login")
#: Of a trial's time, for a lookup that does not end: its silence is then seen before the trial is cut.
_LOOKUP_SHARE = 0.9


@dataclass(frozen=True)
class Ground:
    """What all trials of a run start from: the environment as it is, and the route that it gives."""

    snapshot: Snapshot
    plan: Plan
    interpreter: Interpreter | None
    options: Options
    writer: JournalWriter


def walk(ground: Ground, proposals: Sequence[Proposal], *, names: bool = False) -> None:
    """All side by side, within one attempt's time. With `names`, the addresses that other resolvers gave as well."""
    limit_s = ground.writer.deadline.share(ground.options.step_s)
    once = threading.Lock()
    jobs: list[Callable[[], object]] = [
        crash.contained(
            partial(_try, ground, one, limit_s, once),
            Walk(route=Route(), writer=ground.writer, variation=one.id),
            Stage.ENVIRONMENT,
        )
        for one in proposals
    ]
    if names:
        jobs.append(partial(_connect_to_answers, ground, limit_s))
    side_by_side.run(jobs, limit_s)


def _connect_to_answers(ground: Ground, limit_s: float) -> None:
    """What stands for a cure of the names, which needs rights: no credential is sent."""
    route = ground.plan.route
    if route is None or route.proxy is not None:
        return
    found = cures.answered_addresses(ground.writer.journal(), route.endpoint.host)
    walk = Walk(route=within_promises(ground, route), writer=ground.writer)
    facts = questions.Facts(stage=Stage.DNS, route=walk.route, others=ground.options.others, answers=found)
    Walker(walk, ground.options.step_s).walk_all(questions.put(questions.ANSWERED_ADDRESS, facts), limit_s)


def _try(ground: Ground, proposal: Proposal, limit_s: float, once: threading.Lock) -> None:
    snapshot = _changed(ground.snapshot, proposal.change)
    if snapshot is None:
        return  # what it would change is not set here
    ground.writer.hide(environment.secrets(snapshot))
    plan = _planned(ground, snapshot)
    stops = [concern.kind for concern in plan.concerns if concern.stops_client]
    if (
        plan.route is not None
        and _is_elsewhere(ground, plan.route)
        and (ground.options.local_only or ground.options.demo)
    ):
        return  # every packet stays with the route's own hosts
    route = None if plan.route is None else within_promises(ground, plan.route)
    if _is_of_the_resolver(proposal) and (route is None or route.proxy is not None or route.resolver != "system"):
        return  # the system's resolver is not asked on this route
    walk = Walk(route=route or Route(), writer=ground.writer, variation=proposal.id)
    walk.record(
        ChangeTried(
            id=proposal.id,
            changed=_words(proposal),
            stops=stops if route is not None else [*stops, "no-route"],
            route=None if route is None else route.view(),
            credential=route is not None and route.credential.sort != "none",
        ),
        walk.start(),
    )
    if route is None or stops:
        return
    _climb(ground, walk, snapshot, proposal, limit_s, once)


def _climb(
    ground: Ground, walk: Walk, snapshot: Snapshot, proposal: Proposal, limit_s: float, once: threading.Lock
) -> None:
    address = ""
    if _is_of_the_resolver(proposal):
        address = _looked_up_anew(ground, walk, snapshot, limit_s)
        if not address:
            return
        walk = replace(walk, route=replace(walk.route, connect_to=address))
    if walk.route.endpoint.scheme == "https" and not reach.shake(walk, address=address, limit_s=limit_s):
        return
    if walk.route.provider not in ("", "gateway") or walk.route.credential.sort in _RESOLVED_BY_THE_CLIENT:
        return
    sender = find(walk.route.client, snapshot) or Plain()
    listed = models.authenticate(walk, sender, limit_s)
    if proposal.layer in ("messages", "client") and ground.options.message and once.acquire(blocking=False):
        _send(walk, sender, listed, ground, limit_s)


def _is_of_the_resolver(proposal: Proposal) -> bool:
    return not set(anew.OF_THE_RESOLVER).isdisjoint(proposal.change.names())


def _looked_up_anew(ground: Ground, walk: Walk, snapshot: Snapshot, limit_s: float) -> str:
    """The first address that a program finds which starts with these variables; empty where it finds none."""
    python = ground.interpreter.path if ground.interpreter else ""
    found = anew.lookup(walk, snapshot.variables, python, limit_s * _LOOKUP_SHARE)
    return found[0].text if found else ""


def _send(walk: Walk, sender: Sender, listed: HttpExchange, ground: Ground, limit_s: float) -> None:
    chosen = message.choose_models(ground.options.model, listed.models)[:1]
    message.send(walk, sender, chosen, automatic=False, limit_s=limit_s)


def _changed(first: Snapshot, change: Change) -> Snapshot | None:
    """The environment and the settings files after the change, read anew; None where they are as before."""
    variables = change.applied(first.variables)
    files = {
        path: replace(fact, text=text)
        for path, fact in first.files.items()
        if (text := _in_settings(fact.text, change)) != fact.text
    }
    if variables == first.variables and not files:
        return None
    again = environment.read(variables)
    return replace(
        again,
        programs=first.programs,
        bundled_roots=first.bundled_roots,
        public_roots=again.public_roots or first.public_roots,
        now=first.now,
        files={**again.files, **files},
    )


def _in_settings(text: str | None, change: Change) -> str | None:
    """A settings file with the change made where one of its variables is set there, which is what then counts."""
    told = claude_settings.parse(text) if text else None
    block = told.get("env") if told else None
    if (
        told is None
        or not isinstance(block, dict)
        or not set(block) & {*(name for name, _ in change.sets), *change.unsets}
    ):
        return text
    return json.dumps({**told, "env": change.applied(claude_settings.told_variables(told))})


def _planned(ground: Ground, snapshot: Snapshot) -> Plan:
    client = ground.options.client
    if client is not None and not isinstance(named(client).found_by, InPython):
        return named(client).plan(snapshot, None)
    interpreter = ground.interpreter or Interpreter(path="python3", chosen_by="own")
    known = environment.with_store_of(snapshot, interpreter)
    return named(client).plan(known, interpreter) if client else python_sdk.plan_of_selected(known, interpreter)


def within_promises(ground: Ground, route: Route) -> Route:
    """The route as this run may walk it: its resolver and family, and no credential for a host that is not its own."""
    options = ground.options
    route = replace(
        route,
        resolver=options.resolver,
        family=options.family,
        connect_timeout_s=options.limit_s(route.connect_timeout_s),
    )
    own = ground.plan.route
    # Plain HTTP shows the credential to the proxy as well.
    shown = route.endpoint.scheme == "http" and (own is None or own.proxy != route.proxy)
    if shown or _is_elsewhere(ground, route):
        return replace(route, credential=Credential(), headers=())
    return route


def _is_elsewhere(ground: Ground, route: Route) -> bool:
    """The change leads to a host that is not the one of the user's own route."""
    own = ground.plan.route
    return own is None or _host(own.endpoint) != _host(route.endpoint)


def _host(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.host.lower().rstrip("."), endpoint.port


def _words(proposal: Proposal) -> str:
    change = proposal.change
    told = [f"{name} set" for name, _ in change.sets]
    return ", ".join([*told, *(f"{name} unset" for name in change.unsets)])
