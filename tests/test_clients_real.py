"""Where a client's plan says that it connects, against where the client itself connects in the same environments."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from claudecheck.clients import curl, python_sdk, typescript_sdk
from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.machine import environment
from tests import client_cases, sdk_files
from tests.client_cases import KEY
from tests.client_predictions import HERE, Driver, connects_as_planned, interpreter_of, placed
from tests.installed_clients import (
    CURL,
    FOLDER,
    GENERATIONS,
    NODE_LINES,
    NODES,
    NPM_GENERATIONS,
    NPM_SDKS,
    PYTHON_SDKS,
    version_of,
)
from tests.listeners import Listeners

pytestmark = pytest.mark.slow  # hundreds of real processes
LOOPBACK = str(HERE / "resolve_to_loopback.js")
FETCH = "fetch(process.env.ANTHROPIC_BASE_URL + '/v1/models').catch(() => {})"
LIST_MODELS = "new (require('@anthropic-ai/sdk'))({ maxRetries: 0 }).models.list().catch(() => {})"
ALL = list(client_cases.generated())


def test_no_environment_is_there_twice() -> None:
    told = [(sorted(variables.items()), url) for variables, url in ALL]
    assert all(told.count(one) == 1 for one in told)


@pytest.mark.skipif(not FOLDER.exists(), reason="make clients has not been run")
def test_every_client_that_is_installed_for_the_tests_was_found() -> None:
    assert {*GENERATIONS, "own"} <= set(PYTHON_SDKS)
    assert set(NODE_LINES) <= set(NODES)
    assert set(NPM_GENERATIONS) == set(NPM_SDKS)


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_curl_connects_where_its_plan_says(listeners: Listeners, empty: Snapshot) -> None:
    installed = environment.with_programs(replace(empty, variables={"PATH": os.environ["PATH"]})).programs
    known = replace(empty, programs=installed)
    wrong = []
    for case in ALL:
        variables = placed(case, listeners.ports)
        url = variables["ANTHROPIC_BASE_URL"]
        host = url.partition("://")[2].rpartition(":")[0]
        here = [] if "[" in host else ["--resolve", f"{host}:{listeners.ports['target']}:127.0.0.1"]
        command = [CURL or "curl", "-q", "-g", "-s", "-k", "-m", "5", *here, url]
        seen = listeners.first_connection(command, variables)
        if told := connects_as_planned(curl.plan(replace(known, variables=variables)), seen, listeners):
            wrong.append((case, told))
    assert not wrong, "\n".join(map(str, wrong))


# -- Node --------------------------------------------------------------------------------------------

SWITCHES: Mapping[str, Mapping[str, str]] = {
    "no switch": {},
    "variable": {"NODE_USE_ENV_PROXY": "1"},
    "option": {"NODE_OPTIONS": "--use-env-proxy"},
}


def shares() -> Iterator[tuple[str, str, slice]]:
    """(Node, switch, environments): half of them for Node 24, a quarter for each other line, together all.

    Where the switch is absent, or another way to say the same, a handful tells as much as all.
    """
    for name in NODES:
        yield name, "no switch", slice(0, None, 16)
        yield name, "option", slice(5, None, 16)
    quarters = {"24": (0, 2), "22": (1,), "26": (3,)} if FOLDER.exists() else {"own": (0, 1, 2, 3)}
    for name, parts in quarters.items():
        yield from ((name, "variable", slice(part, None, 4)) for part in parts if name in NODES)


@pytest.mark.parametrize(("name", "switch", "share"), list(shares()))
def test_node_connects_where_its_plan_says(
    name: str, switch: str, share: slice, listeners: Listeners, empty: Snapshot
) -> None:
    node = NODES[name]
    known = replace(empty, programs={"node": Program(node, version_of(node))})
    wrong = []
    for case in ALL[share]:
        variables = {**placed(case, listeners.ports), **SWITCHES[switch]}
        seen = listeners.first_connection([node, "--require", LOOPBACK, "-e", FETCH], variables)
        plan = typescript_sdk.plan_fetch(replace(known, variables=variables))
        if told := connects_as_planned(plan, seen, listeners):
            wrong.append((case, told))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.skipif(not NPM_SDKS, reason="make clients has not been run")
@pytest.mark.parametrize("generation", NPM_SDKS)
def test_the_npm_sdk_connects_where_its_plan_says(generation: str, listeners: Listeners, empty: Snapshot) -> None:
    node = NODES.get("24") or next(iter(NODES.values()))
    programs = {"node": Program(node, version_of(node)), "typescript": Program(NPM_SDKS[generation], generation)}
    wrong = []
    for case in ALL[::16]:
        variables = {"ANTHROPIC_API_KEY": KEY, **placed(case, listeners.ports), **SWITCHES["variable"]}
        command = [node, "--require", LOOPBACK, "-e", LIST_MODELS]
        seen = listeners.first_connection(command, variables, cwd=NPM_SDKS[generation])
        plan = typescript_sdk.plan(replace(empty, programs=programs, variables=variables))
        if told := connects_as_planned(plan, seen, listeners):
            wrong.append((case, told))
    assert not wrong, "\n".join(map(str, wrong))


# -- the Python SDK ----------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", PYTHON_SDKS)
def test_the_python_sdk_connects_where_its_plan_says(generation: str, listeners: Listeners, tmp_path: Path) -> None:
    python = PYTHON_SDKS[generation]
    sdk_files.lay(tmp_path)
    base = {"HOME": "/nowhere", "ANTHROPIC_API_KEY": KEY, "SSL_CERT_FILE": str(tmp_path / "one.pem")}
    interpreter = interpreter_of(python)
    here = environment.with_store_of(environment.read(base), interpreter)
    with Driver([python, str(HERE / "drive_sdk.py")]) as driver:
        wrong = []
        for case in ALL:
            variables = {**base, **placed(case, listeners.ports)}
            seen = listeners.during(partial(driver.ask, variables))
            plan = python_sdk.plan(replace(here, variables=variables), interpreter)
            if why := connects_as_planned(plan, seen, listeners):
                wrong.append((case, why))
    assert not wrong, "\n".join(map(str, wrong))
