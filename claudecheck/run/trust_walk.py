"""One handshake on the Python SDK's route, and its chain against every store and client of this machine.

No request is made and no credential leaves. What is made of the verdicts is `diagnosis/trust_matrix.py`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from claudecheck.clients import python_sdk
from claudecheck.clients.secrets import secrets
from claudecheck.clients.snapshot import Snapshot
from claudecheck.clients.trusts import trusts
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.trust_matrix import Matrix, Stopped, holders, matrix
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.machine import environment
from claudecheck.observations import (
    Interpreter,
    Journal,
    NameLookup,
    StoreVerdict,
    TlsHandshake,
)
from claudecheck.probes import reach
from claudecheck.probes.senders import worker as workers
from claudecheck.probes.tls import chain, own_context
from claudecheck.probes.tls.chain import Store
from claudecheck.probes.tls.stores import judge_clients, stores_of
from claudecheck.probes.walk import Walk
from claudecheck.route import Plan

#: Seconds for each step of the walk: what the SDK gives its connect.
STEP_S = 5.0


@dataclass(frozen=True)
class Judged:
    """The matrix, or where the walk stopped before a certificate was shown."""

    answer: Matrix | Stopped
    handshake: TlsHandshake | None = None
    stores: Sequence[Store] = ()

    def held_authority(self) -> tuple[StoreVerdict, str] | None:
        """The authority of this chain as a store of this machine holds it, and its PEM.

        Only such a one is ever handed on: the connection cannot vouch for itself.
        """
        held = next(iter(holders(self.handshake)), None) if self.handshake else None
        ours = next((store for store in self.stores if held and store.name == held.store), None)
        if held is None or ours is None:
            return None
        found = (der for der in chain.authorities(ours) if hashlib.sha256(der).hexdigest() == held.root_sha256)
        return next(((held, chain.pem_of(der)) for der in found), None)


def walk(snapshot: Snapshot, python: str | None, deadline: Deadline) -> Judged:
    """`python` is the interpreter whose SDK is judged; the one that the doctor would choose when None."""
    with own_context.restored():
        return _walk(snapshot, python, deadline)


def _walk(snapshot: Snapshot, python: str | None, deadline: Deadline) -> Judged:
    snapshot = environment.with_programs(snapshot)
    interpreter = workers.facts(snapshot.variables, python, deadline)
    snapshot = environment.with_store_of(snapshot, interpreter)
    plan = python_sdk.plan_of_selected(snapshot, interpreter)
    writer = JournalWriter(deadline, secrets(snapshot))
    seen = _walked(plan, writer)
    if seen is None:
        return Judged(_why_stopped(plan, writer.journal()))
    if not all(certificate.pem for certificate in seen.chain):
        url = plan.route.endpoint.shown if plan.route else ""
        return Judged(
            Stopped(url=url, layer="tls", error="a certificate holds a secret of this machine: it is withheld")
        )
    stores = _stores(snapshot, interpreter)
    judged = _judged(seen, stores, snapshot, interpreter, writer)
    return Judged(_matrix(judged, plan, snapshot, interpreter), judged, stores)


def _walked(plan: Plan, writer: JournalWriter) -> TlsHandshake | None:
    """The handshake with the route's host; None when no certificate was shown."""
    if plan.route is None or plan.route.endpoint.scheme == "http":
        return None
    reach.shake(Walk(plan.route, writer), limit_s=STEP_S)
    shaken = [one for one in writer.journal().all(TlsHandshake) if one.purpose == "api" and one.chain]
    return shaken[-1] if shaken else None


def _why_stopped(plan: Plan, journal: Journal) -> Stopped:
    if plan.route is None:
        return Stopped(url="", layer="environment", error="the base URL cannot be read")
    url = plan.route.endpoint.shown
    if plan.route.endpoint.scheme == "http":
        return Stopped(url=url, layer="environment", error="plain http:// shows no certificate")
    failed = [one for one in journal.observations if not one.ok]
    told = (failed[-1].error or str(failed[-1].failure)) if failed else "no answer in time"
    if any(one.purpose == "api" for one in journal.all(TlsHandshake)):
        return Stopped(url=url, layer="tls", error=told)
    if plan.route.proxy is not None:
        return Stopped(url=url, layer="proxy", error=told)
    return Stopped(url=url, layer="tcp" if any(one.ok for one in journal.all(NameLookup)) else "dns", error=told)


def _stores(snapshot: Snapshot, interpreter: Interpreter) -> list[Store]:
    """Every store of this machine: the system's, certifi, those that variables name, and Node's own."""
    stores = stores_of(snapshot, interpreter)
    if snapshot.bundled_roots:
        roots = tuple(chain.pem_blocks(snapshot.bundled_roots.encode()))
        stores.insert(2, chain.Store("node", certificates=roots))
    return stores


def _judged(
    seen: TlsHandshake,
    stores: Sequence[Store],
    snapshot: Snapshot,
    interpreter: Interpreter,
    writer: JournalWriter,
) -> TlsHandshake:
    presented = [der for certificate in seen.chain for der in chain.pem_blocks(certificate.pem.encode())]
    whole = msgspec.structs.replace(
        seen,
        stores=chain.judge(presented, stores),
        clients=judge_clients(presented, trusts(snapshot, interpreter)),
    )
    written = writer.write(whole)
    return written if isinstance(written, TlsHandshake) else whole


def _matrix(seen: TlsHandshake, plan: Plan, snapshot: Snapshot, interpreter: Interpreter) -> Matrix:
    endpoint = plan.route.endpoint if plan.route else None
    return matrix(
        seen,
        url=endpoint.shown if endpoint else "",
        machine=Machine(os=snapshot.os, shell=snapshot.shell, container=bool(snapshot.container)),
        values={
            "host": endpoint.host if endpoint else "",
            "port": str(seen.port),
            "python": interpreter.path,
        },
    )
