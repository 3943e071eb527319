"""Looks whether the hosts that a client needs beside the API can be reached. Sends no request and no credential."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from claudecheck.clients.claude_code_hosts import Chosen, Target
from claudecheck.diagnosis.rules.hosts import CLIENT_HOST
from claudecheck.failures import Stage
from claudecheck.observations import Skipped, VariationTried
from claudecheck.probes import reach, side_by_side
from claudecheck.probes.walk import Walk


def check(walk: Walk, chosen: Chosen, limit_s: float) -> None:
    """Walks to all of them side by side, each as a variation of `walk`; `limit_s` bounds each step of one."""
    for host, why in chosen.left_out:
        walk.record(Skipped(stage=_name(host.need, host.name), because=why), walk.start())
    jobs = [partial(_reach, _declared(walk, target), target, limit_s) for target in chosen.targets]
    side_by_side.run(jobs, walk.deadline.share(3 * limit_s))


def _name(need: str, host: str) -> str:
    return f"{CLIENT_HOST}:{need}:{host}"


def _declared(walk: Walk, target: Target) -> Walk:
    host = target.host
    tried = VariationTried(
        id=_name(host.need, host.name),
        stage=Stage.ENVIRONMENT,
        changed="host",
        before=walk.route.endpoint.host,
        after=f"{host.name} ({host.purpose})",
    )
    walk.record(tried, walk.start())
    return replace(walk, route=target.route, variation=tried.id)


def _reach(walk: Walk, target: Target, limit_s: float) -> bool:
    return reach.shake(walk, target.address, target.port, limit_s=limit_s)
