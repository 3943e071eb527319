"""What a client's plan says that it sends, against the request of the client itself: address, credential, headers."""

from dataclasses import replace
from functools import partial

import pytest

from claudecheck.clients import python_sdk, typescript_sdk
from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.machine import environment, programs
from tests import client_cases
from tests.client_predictions import HERE, Driver, interpreter_of, placed, sends_what_was_planned
from tests.installed_clients import NODES, NPM_SDKS, PYTHON_SDKS, version_of
from tests.listeners import Listeners

pytestmark = pytest.mark.slow  # every generation of the SDKs
ALL = list(client_cases.requests())


def test_no_environment_is_there_twice() -> None:
    told = [(sorted(variables.items()), url) for variables, url in ALL]
    assert all(told.count(one) == 1 for one in told)


@pytest.mark.skipif(not NPM_SDKS, reason="make clients has not been run")
@pytest.mark.parametrize("generation", NPM_SDKS)
def test_the_npm_sdk_sends_what_its_plan_says(generation: str, listeners: Listeners, empty: Snapshot) -> None:
    folder, node = NPM_SDKS[generation], NODES.get("24") or next(iter(NODES.values()))
    told = programs.installed(replace(empty, cwd=folder, variables={"PATH": ""}))[0]
    known = replace(empty, programs={**told, "node": Program(node, version_of(node))})
    wrong = []
    with Driver([node, str(HERE / "drive_sdk.js")], cwd=folder) as driver:
        for case in ALL:
            variables = {"HOME": "/nowhere", **placed(case, listeners.ports)}
            seen = listeners.during(partial(driver.ask, variables))
            plan = typescript_sdk.plan(replace(known, variables=variables))
            if why := sends_what_was_planned(plan, seen):
                wrong.append((case, why))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("generation", PYTHON_SDKS)
def test_the_python_sdk_sends_what_its_plan_says(generation: str, listeners: Listeners, empty: Snapshot) -> None:
    python = PYTHON_SDKS[generation]
    interpreter = interpreter_of(python)
    here = environment.with_store_of(empty, interpreter)
    wrong = []
    with Driver([python, str(HERE / "drive_sdk.py")]) as driver:
        for case in ALL:
            variables = {"HOME": "/nowhere", **placed(case, listeners.ports)}
            seen = listeners.during(partial(driver.ask, variables))
            plan = python_sdk.plan(replace(here, variables=variables), interpreter)
            if why := sends_what_was_planned(plan, seen):
                wrong.append((case, why))
    assert not wrong, "\n".join(map(str, wrong))
