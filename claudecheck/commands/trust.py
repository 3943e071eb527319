"""`claudecheck trust`: which client here trusts the certificates of this network. One handshake; nothing is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from claudecheck.arguments import PythonOption, TimeoutOption
from claudecheck.commands.doctor import can_save, interpreter_at
from claudecheck.commands.printing import fail, terminal, write
from claudecheck.diagnosis.report import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claudecheck.clients.route import Plan
    from claudecheck.diagnosis.observations import Interpreter, Journal, TlsHandshake
    from claudecheck.diagnosis.trust_matrix import Matrix, Stopped
    from claudecheck.journal import JournalWriter
    from claudecheck.probes.chain import Store
    from claudecheck.snapshot import Snapshot

#: Seconds for each step of the walk: what the SDK gives its connect.
STEP_S = 5.0
_EXITS = {
    "environment": ExitCode.ENVIRONMENT,
    "dns": ExitCode.DNS,
    "tcp": ExitCode.TCP,
    "proxy": ExitCode.PROXY,
    "tls": ExitCode.TLS,
}


def trust(
    json_: Annotated[bool, typer.Option("--json", help="Print the matrix as JSON.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE", help="Write the authority there, out of the store here that holds it."
        ),
    ] = None,
    python: PythonOption = None,
    timeout: TimeoutOption = 30.0,
) -> None:
    """Show which client here trusts the API's certificate, and which store lacks what."""
    import os

    from claudecheck import environment
    from claudecheck.clients import python_sdk
    from claudecheck.deadline import Deadline
    from claudecheck.journal import JournalWriter
    from claudecheck.probes import worker as workers

    if export is not None:
        can_save(export)
    deadline = Deadline(timeout)
    snapshot = environment.with_programs(environment.read(os.environ))
    started, interpreter = workers.start(snapshot.variables, interpreter_at(python), deadline)
    if started is not None:
        started.end()
    snapshot = environment.with_store_of(snapshot, interpreter)
    plan = python_sdk.plan(snapshot, interpreter)
    writer = JournalWriter(deadline, environment.secrets(snapshot))
    seen = _walked(plan, writer)
    if seen is None:
        _stop(_why_stopped(plan, writer.journal()), as_json=json_)
    stores = _stores(snapshot, interpreter)
    judged = _judged(seen, stores, snapshot, interpreter, writer)
    if export is not None:
        _export(judged, stores, export)
    else:
        _print(_matrix(judged, plan, snapshot, interpreter), as_json=json_)


def _walked(plan: Plan, writer: JournalWriter) -> TlsHandshake | None:
    """The handshake with the route's host; None when no certificate was shown."""
    from claudecheck.diagnosis.observations import TlsHandshake
    from claudecheck.probes import reach
    from claudecheck.probes.walk import Walk

    if plan.route is None or plan.route.endpoint.scheme == "http":
        return None
    reach.shake(Walk(plan.route, writer), limit_s=STEP_S)
    shaken = [one for one in writer.journal().all(TlsHandshake) if one.purpose == "api" and one.chain]
    return shaken[-1] if shaken else None


def _why_stopped(plan: Plan, journal: Journal) -> Stopped:
    from claudecheck.diagnosis.observations import NameLookup, TlsHandshake
    from claudecheck.diagnosis.trust_matrix import Stopped

    if plan.route is None:
        return Stopped(url="", layer="environment", error="the base URL cannot be read")
    url = plan.route.endpoint.url
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
    from claudecheck.examine import CA_VARIABLES
    from claudecheck.probes import chain

    named = {name: snapshot.get(name) for name in CA_VARIABLES}
    system = interpreter.generation > 0
    stores = chain.stores_here(
        named, cafile=interpreter.cafile if system else "", capath=interpreter.capath if system else ""
    )
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
    import msgspec

    from claudecheck.clients.trusts import trusts
    from claudecheck.diagnosis.observations import TlsHandshake
    from claudecheck.probes import chain
    from claudecheck.probes.trust import judge_clients

    presented = [der for certificate in seen.chain for der in chain.pem_blocks(certificate.pem.encode())]
    whole = msgspec.structs.replace(
        seen,
        stores=chain.judge(presented, stores),
        clients=judge_clients(presented, trusts(snapshot, interpreter)),
    )
    written = writer.write(whole)
    return written if isinstance(written, TlsHandshake) else whole


def _matrix(seen: TlsHandshake, plan: Plan, snapshot: Snapshot, interpreter: Interpreter) -> Matrix:
    from claudecheck.diagnosis.problems.problem import Machine
    from claudecheck.diagnosis.trust_matrix import matrix

    endpoint = plan.route.endpoint if plan.route else None
    return matrix(
        seen,
        url=endpoint.url if endpoint else "",
        machine=Machine(os=snapshot.os, shell=snapshot.shell, container=bool(snapshot.container)),
        values={
            "host": endpoint.host if endpoint else "",
            "port": str(seen.port),
            "python": interpreter.path,
        },
    )


def _print(made: Matrix, *, as_json: bool) -> None:
    from claudecheck.render.trust import matrix_json, render_matrix

    look = terminal()
    write(
        matrix_json(made)
        if as_json
        else render_matrix(made, width=look.width, colour=look.colour, unicode=look.unicode)
    )


def _stop(stopped: Stopped, *, as_json: bool) -> NoReturn:
    from claudecheck.render.trust import matrix_json, render_stopped

    look = terminal()
    page = render_stopped(stopped, width=look.width, colour=look.colour, unicode=look.unicode)
    write(matrix_json(stopped) if as_json else page)
    raise typer.Exit(_EXITS[stopped.layer])


def _export(seen: TlsHandshake, stores: Sequence[Store], place: Path) -> None:
    """Only what a store of this machine holds is ever written: the connection cannot vouch for itself."""
    from claudecheck.diagnosis.trust_matrix import common_name, holders, store_name
    from claudecheck.probes import chain

    held = next(iter(holders(seen)), None)
    ours = next((store for store in stores if held and store.name == held.store), None)
    found = (
        next((one for one in chain.authorities(ours) if _sha256(one) == held.root_sha256), b"")
        if held and ours
        else b""
    )
    if held is None or not found:
        fail("no store of this machine holds the authority of this chain", "ask your network team for its root")
    place.write_text(chain.pem_of(found), encoding="ascii")
    write(f'{place}: "{common_name(held.root)}", out of {held.file or store_name(held)}')


def _sha256(der: bytes) -> str:
    import hashlib

    return hashlib.sha256(der).hexdigest()
