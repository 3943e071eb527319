"""Whatever happens to an operation has a problem: no failure at any stage is healthy by accident, or without words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.failures import Failure, Stage
from claudecheck.observations import AnyObservation, Tunnel
from tests.seen import HOST, connect, exchange, handshake, lookup, message, report, route

#: No failure of the network: the run was cut, or claudecheck itself was at fault.
OURS = (Failure.CANCELLED, Failure.CRASHED)
URL = "http://proxy.test:3128"
PROXY = {"proxy": URL, "proxy_scheme": "http", "proxy_host": "proxy.test", "proxy_port": 3128}


def seen(stage: Stage, failure: Failure) -> Iterator[AnyObservation]:
    """A walk that fails at this stage."""
    if stage is Stage.DNS:
        yield lookup(addresses=[], failure=failure, error="x")
        return
    yield lookup()
    if stage is Stage.TCP:
        yield connect(failure=failure, error="x")
        return
    yield connect()
    if stage is Stage.PROXY:
        yield route(**PROXY)
        yield connect(purpose="proxy", port=3128)
        yield Tunnel(proxy=URL, target=f"{HOST}:443", failure=failure, error="x")
        return
    if stage is Stage.TLS:
        yield handshake(failure, error="x")
        return
    yield handshake()
    if stage is Stage.MODELS:
        yield exchange(0, failure=failure, error="x")
        return
    yield exchange()
    yield message(0, failure=failure, error="x")


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.ENVIRONMENT])
def test_every_failure_at_every_stage_has_a_problem(stage: Stage) -> None:
    for failure in Failure:
        if failure in OURS:
            continue
        found = report(*seen(stage, failure))
        assert found.status == "failing", (stage, failure, found.status)
        assert found.problem in CATALOGUE, (stage, failure)
        assert "{" not in found.findings[0].title + found.findings[0].cause, (stage, failure)
