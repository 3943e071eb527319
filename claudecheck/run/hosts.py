"""Looks whether the hosts that a client needs beside the API can be reached. Sends no request and no credential."""

from __future__ import annotations

from claudecheck.clients.claude_code_hosts import Chosen
from claudecheck.clients.claude_code_hosts import Target as Wanted
from claudecheck.diagnosis import questions
from claudecheck.diagnosis.questions import Facts, Target
from claudecheck.diagnosis.third_parties import NO_THIRD_PARTIES
from claudecheck.failures import LeftOut, Stage
from claudecheck.observations import Skipped
from claudecheck.probes.walk import Walk
from claudecheck.run.vary import Walker


def check(walk: Walk, chosen: Chosen, limit_s: float) -> None:
    """Walks to all of them side by side, each as a variation of `walk`; `limit_s` bounds each step of one."""
    for host, why in chosen.left_out:
        skipped = Skipped(stage=Stage.ENVIRONMENT, because=LeftOut.SETTING, host=host.name, variable=why)
        walk.record(skipped, walk.start())
    hosts = tuple(map(_target, chosen.targets))
    facts = Facts(stage=Stage.ENVIRONMENT, route=walk.route, others=NO_THIRD_PARTIES, hosts=hosts)
    Walker(walk, limit_s).walk_all(questions.asks(facts), 3 * limit_s)


def _target(wanted: Wanted) -> Target:
    host = wanted.host
    return Target(
        name=f"{host.need}:{host.name}",
        shown=f"{host.name} ({host.purpose})",
        host=wanted.address,
        port=wanted.port,
        route=wanted.route,
    )
