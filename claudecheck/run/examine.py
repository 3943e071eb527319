"""The one loop: walk the client's route, record, and on failure walk its variations.

Everything that blocks runs on daemon threads. The caller's thread only waits, so that the answer
comes when the deadline does and Ctrl-C is heard at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from claudecheck.clients import python_sdk
from claudecheck.clients.client import Client, InPython
from claudecheck.clients.registry import load, named
from claudecheck.clients.secrets import secrets
from claudecheck.clients.snapshot import Snapshot
from claudecheck.clients.trusts import ClientTrust, trusts
from claudecheck.failures import Failure, LeftOut, Stage
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.machine import environment, limits, surroundings
from claudecheck.observations import (
    AnyObservation,
    Cut,
    End,
    Interpreter,
    Journal,
    RouteChosen,
    Skipped,
    Surroundings,
)
from claudecheck.probes import side_by_side, system_errors
from claudecheck.probes.senders import worker as workers
from claudecheck.probes.tls import own_context
from claudecheck.probes.walk import Walk
from claudecheck.route import ClientName, Plan, Route
from claudecheck.run import crash, interruption
from claudecheck.run.options import Options

if TYPE_CHECKING:
    from claudecheck.probes.senders.sender import Sender
    from claudecheck.probes.tls.stores import Stores
    from claudecheck.run.early import Early

#: What remains of a run must leave this much for cures to be worth trying.
LEAST_FOR_TRIALS_S = 0.3


def examine(
    options: Options,
    snapshot: Snapshot,
    deadline: Deadline | None = None,
    listen: Callable[[AnyObservation], None] | None = None,
) -> Journal:
    """Walk the route of `snapshot` within `options.timeout_s`, and return everything that was seen."""
    with own_context.restored():
        return _examined(options, snapshot, deadline, listen)


def _examined(
    options: Options,
    snapshot: Snapshot,
    deadline: Deadline | None,
    listen: Callable[[AnyObservation], None] | None,
) -> Journal:
    deadline = deadline or Deadline(options.timeout_s)
    writer = JournalWriter(deadline, secrets(snapshot), listen)
    examination = _Examination(options, snapshot, writer)
    thread = threading.Thread(target=examination.run, name="examination", daemon=True)
    cut: Cut = ""
    try:
        thread.start()
        while thread.is_alive() and not deadline.over:
            thread.join(timeout=min(0.1, max(deadline.remaining(), 0.001)))
        if thread.is_alive() or deadline.over:  # the last probe may notice the deadline before this thread does
            cut = "deadline"
    except KeyboardInterrupt as error:
        cut = interruption.cut_of(error)
    except RuntimeError:  # no thread can be started
        cut = "limits"
    if not cut and examination.lacks_means:
        cut = "limits"
    deadline.cancel()
    examination.end_worker()
    waiting = examination.waiting_for if cut else ""
    writer.write(End(at_ms=round(deadline.elapsed_ms(), 1), cut=cut, waiting_for=waiting))
    return writer.journal()


class _Examination:
    """One run: its worker, its ladder, and which step it is at."""

    def __init__(self, options: Options, snapshot: Snapshot, writer: JournalWriter) -> None:
        self.options = options
        self.snapshot = snapshot
        self.writer = writer
        self.worker: workers.Worker | None = None
        self.interpreter: Interpreter | None = None
        self.waiting_for = ""
        #: Nothing is certain where memory, files or threads ran out: also when they did while that was recorded.
        self.lacks_means = False
        self._stage = Stage.ENVIRONMENT
        self._early: Early | None = None
        self._surroundings: Surroundings | None = None

    def run(self) -> None:
        self.lacks_means = True  # until it has come to an end
        try:
            self._run()
            interpreter = self.interpreter
            self.lacks_means = interpreter is not None and interpreter.failure is Failure.LOCAL_LIMIT
        except Exception as error:  # the loop's own broad except: a bug of ours becomes an observation
            if not (system_errors.is_local_limit(error) or limits.tight()):
                self.writer.write(crash.seen(self._stage, error))
                self.lacks_means = False
        finally:
            if self._early is not None:
                self._early.connects([])  # what nobody has taken is closed

    def _at(self, stage: Stage, detail: str = "") -> None:
        self._stage = stage
        self.waiting_for = f"{stage}: {detail}" if detail else str(stage)
        self.options.announce(stage, detail)

    def _run(self) -> None:
        self._at(Stage.ENVIRONMENT, "the interpreter")
        plan = self._plan()
        if plan.route is None or _leads_nowhere(plan):
            self._forget()
            for stage in (Stage.DNS, Stage.TCP, Stage.TLS, Stage.MODELS, Stage.MESSAGES):
                self.writer.write(Skipped(stage=stage, because=LeftOut.ENVIRONMENT))
            self._try_cures(plan)
            return
        from claudecheck.run.ladder import Ladder

        route = self._as_asked(plan.route)
        walk = Walk(route=route, writer=self.writer)
        sender = self._sender(route.client)
        beside = self._further_hosts(walk)
        early = self._adopted(route)
        Ladder(walk, plan, self.options, sender, self._stores(), self._at, early).climb()
        if beside is not None:
            self._at(Stage.ENVIRONMENT, f"the hosts of {named(route.client).title}")
            for _ in beside.finished(self.writer.deadline.remaining()):
                break
        self._try_cures(plan)

    def _try_cures(self, plan: Plan) -> None:
        """What the findings so far propose, each walked: the verdict then advises what got through."""
        if not self.options.cures:
            return
        from claudecheck.diagnosis import verdict
        from claudecheck.run import trials

        found, proposals = verdict.proposed(Journal((*self.writer.journal().observations, End())))
        names = any(one.severity == "error" and one.layer == "dns" for one in found)
        if (proposals or names) and self.writer.deadline.remaining() > LEAST_FOR_TRIALS_S:
            self._at(Stage.ENVIRONMENT, "the cures")
            ground = trials.Ground(self.snapshot, plan, self.interpreter, self.options, self.writer)
            trials.walk(ground, proposals, names=names)

    def _further_hosts(self, walk: Walk) -> side_by_side.Started[None] | None:
        """Beside the ladder: the hosts that the client needs for login and updates."""
        choose = named(walk.route.client).further_hosts
        if not choose:
            return None
        from claudecheck.run import hosts

        chosen = load(choose)(self.snapshot, walk.route, self.options.others.claude_code_hosts)
        return side_by_side.Started([partial(hosts.check, walk, chosen, self.options.step_s)])

    def _sender(self, client: ClientName) -> Sender:
        """The client itself, where it is here and can be asked; else a plain client sends by its rules."""
        from claudecheck.probes.senders import sender
        from claudecheck.probes.senders.python_sdk import PythonSdk

        if isinstance(named(client).found_by, InPython):
            return PythonSdk(self.worker) if self.worker is not None else sender.Plain(sends_messages=False)
        return sender.find(client, self.snapshot) or sender.Plain()

    def _stores(self) -> Stores:
        """What a chain that failed is judged against."""
        from claudecheck.probes.tls.stores import Stores, stores_of

        return Stores(stores_of(self.snapshot, self.interpreter), self._trusts)

    def _trusts(self) -> list[ClientTrust]:
        """Whom each client here trusts. The programs are looked for now, when a chain divides them."""
        interpreter = self.interpreter or workers.facts(
            self.snapshot.variables, self.options.python, self.writer.deadline
        )
        # A client that is a program had them looked for when its route was planned.
        known = self.snapshot if self.snapshot.programs else environment.with_programs(self.snapshot)
        return trusts(known, interpreter)

    def _plan(self) -> Plan:
        """The facts that need no packet, and the route that follows from them."""
        run = environment.run_observation(self.snapshot)
        options = self.options
        self.writer.write(
            msgspec.structs.replace(
                run,
                command=options.command,
                label=options.label,
                client=options.client or python_sdk.CLIENT.name,
                timeout_s=options.timeout_s,
                message=options.message,
                local_only=options.local_only,
                strict=options.strict,
                demo=options.demo,
            )
        )
        if options.policy is not None:
            self.writer.write(options.policy)
        asked = named(options.client or python_sdk.CLIENT.name)
        plan = self._plan_in_python(asked) if isinstance(asked.found_by, InPython) else self._plan_of(asked)
        self.writer.write(environment.local_network(self.snapshot))
        self.writer.write(self._surroundings or surroundings.read(self.snapshot))
        self.writer.write(plan.detection)
        for concern in plan.concerns:
            self.writer.write(concern)
        if plan.route is not None:
            self.writer.write(RouteChosen(route=plan.route.view()))
        return plan

    def _plan_in_python(self, client: Client) -> Plan:
        """By the interpreter's own facts; its SDK is imported while the stages run."""
        deadline = self.writer.deadline
        started = deadline.elapsed_ms()
        self.worker, interpreter = workers.start(
            self.snapshot.variables,
            self.options.python,
            deadline,
            self.options.family,
            load=self.options.message and self.options.eager,
            meanwhile=self._meanwhile,
        )
        took = deadline.elapsed_ms() - started
        interpreter = msgspec.structs.replace(interpreter, at_ms=round(started, 1), duration_ms=round(took, 1))
        self.interpreter = interpreter
        self.writer.write(interpreter)
        self.snapshot = environment.with_store_of(self.snapshot, interpreter)
        if self.options.client is None:
            return python_sdk.plan_of_selected(self.snapshot, interpreter)
        return client.plan(self.snapshot, interpreter)

    def _meanwhile(self) -> None:
        """While the interpreter starts and tells its facts: what needs none of them."""
        if self._early is None and self.options.last is None and self.options.before is None:
            self._early = self._begun()
        import claudecheck.run.ladder  # noqa: F401  # for later

        self._surroundings = self._surroundings or surroundings.read(self.snapshot)

    def _begun(self) -> Early | None:
        """The first steps of a direct route: where to is known."""
        from claudecheck.run import early

        client = named(self.options.client) if self.options.client else None
        plan = early.plan(client, self.snapshot)
        if plan.route is None or plan.route.proxy is not None or _leads_nowhere(plan):
            return None
        return early.Early(self._as_asked(plan.route), self.writer, self.options.step_s)

    def _adopted(self, route: Route) -> Early | None:
        """What was begun, where the facts have led to the same place; else it was in vain."""
        if self._early is None or not self._early.serves(route):
            self._forget()
            return None
        self._early.adopt()
        return self._early

    def _forget(self) -> None:
        if self._early is not None:
            self._early.drop()

    def _as_asked(self, route: Route) -> Route:
        options = self.options
        limit_s = options.limit_s(route.connect_timeout_s)
        return replace(route, resolver=options.resolver, family=options.family, connect_timeout_s=limit_s)

    def _plan_of(self, client: Client) -> Plan:
        """By the programs that are installed: their versions decide what they read."""
        self.snapshot = environment.with_programs(self.snapshot)
        plan = client.plan(self.snapshot, None)
        if not client.key_helper:
            return plan
        self._at(Stage.ENVIRONMENT, "the helper that prints the key")
        resolved: Plan = load(client.key_helper)(plan, self.snapshot, self.writer.deadline, self.writer.hide)
        return resolved

    def end_worker(self) -> None:
        if self.worker is not None:
            self.worker.end()


def _leads_nowhere(plan: Plan) -> bool:
    return any(concern.kind == "base-url-invalid" for concern in plan.concerns)
