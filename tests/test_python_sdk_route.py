"""What `python_sdk.plan` predicts, against what the installed SDK does in the same environments.

The everyday tests ask the SDK of this interpreter; `make slow` asks every generation that `make clients` installed.
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from claudecheck.clients import python_sdk
from claudecheck.machine import environment
from claudecheck.observations import Interpreter
from claudecheck.route import Plan
from tests import sdk_cases, sdk_files
from tests.client_predictions import interpreter_of
from tests.installed_clients import PYTHON_SDKS
from tests.sdk_cases import KEY, Case

HERE = Path(__file__).parent
OTHERS = {name: python for name, python in PYTHON_SDKS.items() if python != sys.executable}
Told = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sdk")
    sdk_files.lay(place)
    return place


def variables_of(case: Case, folder: Path) -> dict[str, str]:
    """A small store, so that a client is built in milliseconds; a home without profiles; a good key."""
    base = {"HOME": "/nowhere", "SSL_CERT_FILE": "{folder}/one.pem"}
    if not case.without_key:
        base["ANTHROPIC_API_KEY"] = KEY
    return {name: value.replace("{folder}", str(folder)) for name, value in {**base, **case.variables}.items()}


def ask_sdk(python: str, environments: Iterable[Mapping[str, str]]) -> list[Told]:
    done = subprocess.run(
        [python, str(HERE / "ask_sdk.py")],
        input=json.dumps(list(environments)),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        env={},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


ENTRIES = (
    "anthropic.com",
    ".anthropic.com",
    "*.anthropic.com",
    "API.anthropic.com",
    "api.anthropic.com:443",
    "api.anthropic.com:8443",
    "10.0.0.0/8",
    "10.1.2.3",
    "10.1.2.3/",
    "10.0.0.0/99",
    "10.1.2.3:8443",
    "::1",
    "[::1]",
    "2001:db8::/32",
    "2001:db8::1",
    "localhost",
    "all://*",
    "https://*.com",
    "http://",
    "com",
    "a b",
    "gw",
    "müller.de",
    "xn--mller-kva.de",
)
HOSTS = (
    "https://api.anthropic.com",
    "https://api.anthropic.com:8443",
    "https://10.1.2.3",
    "https://10.1.2.3:8443",
    "https://[2001:db8::1]",
    "http://localhost:4000",
    "http://gw:80",
    "https://müller.de",
)


def generated(folder: Path) -> list[dict[str, str]]:
    """Every entry alone and after another one, for every host; ALL_PROXY stands beside HTTPS_PROXY."""
    values = [*ENTRIES, *(",".join(pair) for pair in itertools.pairwise(ENTRIES))]
    base = variables_of(Case("", {"ALL_PROXY": "http://all.corp:1", "HTTPS_PROXY": "http://secure.corp:2"}), folder)
    return [{**base, "NO_PROXY": value, "ANTHROPIC_BASE_URL": host} for value in values for host in HOSTS]


def plan_of(variables: Mapping[str, str], interpreter: Interpreter) -> Plan:
    snapshot = environment.with_store_of(environment.read(variables), interpreter)
    return python_sdk.plan(snapshot, interpreter)


@dataclass(frozen=True)
class Asked:
    """What the real client of one interpreter did: in each case of the table, and with each NO_PROXY."""

    interpreter: Interpreter
    cases: dict[str, Told]
    bypasses: list[tuple[dict[str, str], Told]]


def ask(python: str, folder: Path, share: int = 1) -> Asked:
    """Of every case, and of each `share`-th NO_PROXY."""
    names = [case.name for case in sdk_cases.ALL]
    assert len(set(names)) == len(names)
    listed = generated(folder)[::share]
    told = ask_sdk(python, [*(variables_of(case, folder) for case in sdk_cases.ALL), *listed])
    cases = dict(zip(names, told, strict=False))
    return Asked(interpreter_of(python), cases, list(zip(listed, told[len(names) :], strict=True)))


@pytest.fixture(scope="module")
def asked(folder: Path) -> Asked:
    return ask(sys.executable, folder)


@pytest.mark.slow
@pytest.mark.parametrize("case", sdk_cases.ALL, ids=lambda case: case.name)
def test_the_plan_is_what_the_real_client_does(case: Case, asked: Asked, folder: Path) -> None:
    assert tuple(one.kind for one in does_as_planned(case, asked, folder).concerns) == case.concerns


def does_as_planned(case: Case, asked: Asked, folder: Path) -> Plan:
    told = asked.cases[case.name]
    plan = plan_of(variables_of(case, folder), asked.interpreter)
    sent = told["built"] and told["sent"]
    if not case.silent:
        refused = [one for one in plan.concerns if one.stops_client or one.kind == "key-missing"]
        assert sent != bool(refused), (case.name, told)
    if sent and plan.route is not None and plan.route.credential.sort != "federation":
        agrees(plan, told, silent=case.silent)
    return plan


def agrees(plan: Plan, told: Told, *, silent: bool) -> None:
    """Address, proxy, trust and headers of the route are those of the client's own request."""
    route = plan.route
    assert route is not None
    if not silent:
        assert (route.proxy.shown if route.proxy else "") == told["proxy"]
        assert (
            bool(route.proxy and route.proxy.has_credentials and "socks" not in route.proxy.scheme)
            == told["proxy_authorization"]
        )
    assert route.trust.strict == told["strict"]
    if told["exchanges"]:
        assert route.credential.sort == "profile"
        return
    if not any(one.kind == "base-url-invalid" for one in plan.concerns):
        assert f"{route.endpoint.url}/v1/models" == told["url"]
    real = told["headers"]
    assert real["user-agent"] == route.user_agent
    assert real["anthropic-version"] == route.api_version
    if route.credential.sort == "profile":
        assert real["authorization"].startswith("Bearer ")
        return
    mine = {**route.credential.headers(), **{name.lower(): value.reveal() for name, value in route.headers}}
    assert mine == {name: value for name, value in real.items() if name in {*mine, "authorization", "x-api-key"}}


@pytest.mark.slow
def test_every_entry_of_no_proxy_takes_the_same_hosts_off_the_proxy(asked: Asked, folder: Path) -> None:
    assert len(asked.bypasses) == len(generated(folder))
    bypasses_as_planned(asked)


def test_a_part_of_the_cases_and_every_entry_of_no_proxy_do_what_the_plan_says(folder: Path) -> None:
    """Of the tests above, what one process and three seconds show: each entry once, each host, some of the cases."""
    asked = ask(sys.executable, folder, share=9)
    for case in sdk_cases.ALL[::12]:
        does_as_planned(case, asked, folder)
    bypasses_as_planned(asked)


@pytest.mark.slow  # of other generations, which `make clients` installs
@pytest.mark.parametrize("generation", OTHERS)
def test_every_other_generation_does_what_its_plan_says(generation: str, folder: Path) -> None:
    asked = ask(OTHERS[generation], folder, share=5)
    for case in sdk_cases.ALL:
        does_as_planned(case, asked, folder)
    bypasses_as_planned(asked)


def bypasses_as_planned(asked: Asked) -> None:
    snapshot = environment.read({})
    for variables, told in asked.bypasses:
        plan = python_sdk.plan(replace(snapshot, variables=variables), asked.interpreter)
        crashes = any(one.kind == "no-proxy-invalid" and one.stops_client for one in plan.concerns)
        assert told["built"] != crashes, (variables["NO_PROXY"], told)
        if told["built"]:
            assert plan.route is not None
            assert (plan.route.proxy.shown if plan.route.proxy else "") == told["proxy"], variables
            assert bool(plan.route.bypassed_by) == (told["proxy"] == "")


@pytest.mark.parametrize(
    ("written", "url", "suggestion"),
    [
        ("", "", "https://api.anthropic.com"),
        ("api.anthropic.com", "https://api.anthropic.com", "https://api.anthropic.com"),
        ("https:/api.anthropic.com", "https://api.anthropic.com", "https://api.anthropic.com"),
        ('"https://gw.corp/llm"', "https://gw.corp/llm", "https://gw.corp/llm"),
        ("localhost:4000", "http://localhost:4000", "http://localhost:4000"),
        ("10.0.0.5:4000", "http://10.0.0.5:4000", "http://10.0.0.5:4000"),
        ("https://joe:pw@gw.corp:x", "", ""),
        ("https://${GATEWAY}", "", ""),
    ],
)
def test_the_evident_meaning_of_a_base_url_is_examined_and_offered(written: str, url: str, suggestion: str) -> None:
    snapshot = replace(environment.read({}), variables={"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": written})
    told = python_sdk.plan(snapshot, Interpreter(path="p", chosen_by="own", sdk="2.12.0", generation=2, cafile="/c"))
    assert (told.route.endpoint.url if told.route else "") == url
    assert [(one.kind, one.stops_client, one.values["suggestion"]) for one in told.concerns] == [
        ("base-url-invalid", True, suggestion)
    ]
