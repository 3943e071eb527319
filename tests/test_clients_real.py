"""What the plans of curl and Node predict, against where curl and Node really connect in the same environments.

CLAUDECHECK_NODES may name more Node binaries, parted like PATH, and CLAUDECHECK_NODE_SDK a folder with
@anthropic-ai/sdk in its node_modules.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from OpenSSL.crypto import X509

from claudecheck import environment, programs
from claudecheck.clients import curl, typescript_sdk
from claudecheck.clients.node import Node
from claudecheck.clients.route import Plan, Route
from claudecheck.lab import Lab
from claudecheck.snapshot import Program, Snapshot
from tests import client_cases
from tests.listeners import Listeners, Seen

pytestmark = pytest.mark.slow  # hundreds of real processes
HERE = Path(__file__).parent
CURL = shutil.which("curl")
NODES = [*filter(None, [shutil.which("node"), *os.environ.get("CLAUDECHECK_NODES", "").split(os.pathsep)])]
LOOPBACK = str(HERE / "resolve_to_loopback.js")
SDK = os.environ.get("CLAUDECHECK_NODE_SDK", "")
KEY = "sk-ant-api03-" + "A1b2C3d4-" * 10 + "AA"
TOKEN = "sk-ant-oat01-" + "Z9y8X7w6-" * 10 + "AA"
FETCH = "fetch(process.env.ANTHROPIC_BASE_URL + '/v1/models').catch(() => {})"


@pytest.fixture(scope="module")
def listeners() -> Iterator[Listeners]:
    with Listeners() as opened:
        yield opened


@pytest.fixture(scope="module")
def empty() -> Snapshot:
    return environment.read({"HOME": "/nowhere"})


@dataclass(frozen=True)
class Case:
    variables: Mapping[str, str]
    url: str


def cases(listeners: Listeners) -> list[Case]:
    return [
        Case(
            {name: value.format(**listeners.ports) for name, value in variables.items()}, url.format(**listeners.ports)
        )
        for variables, url in client_cases.generated()
    ]


def expected(plan: Plan, listeners: Listeners) -> str:
    """The listener that the plan says is connected to; empty when the client does not get that far."""
    assert plan.route is not None
    if any(one.stops_client and one.kind.startswith("proxy") for one in plan.concerns):
        return ""
    port = plan.route.proxy.port if plan.route.proxy else plan.route.endpoint.port
    return next(name for name, known in listeners.ports.items() if known == port)


def agrees(plan: Plan, seen: Seen | None, listeners: Listeners) -> None:
    assert (seen.listener if seen else "") == expected(plan, listeners)
    proxy = plan.route.proxy if plan.route else None
    if seen and proxy and not proxy.scheme.startswith("socks"):
        assert (b"proxy-authorization:" in seen.head.lower()) == proxy.has_credentials, seen.head


# -- curl --------------------------------------------------------------------------------------------


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_curl_connects_where_its_plan_says_in_every_generated_environment(
    listeners: Listeners, empty: Snapshot
) -> None:
    assert len(cases(listeners)) >= 60
    wrong = []
    for case in cases(listeners):
        host = case.url.partition("://")[2].rpartition(":")[0]
        here = [] if "[" in host else ["--resolve", f"{host}:{listeners.ports['target']}:127.0.0.1"]
        command = [CURL or "curl", "-q", "-g", "-s", "-k", "-m", "5", *here, case.url]
        seen = listeners.first_connection(command, case.variables)
        plan = curl.plan(replace(empty, variables={**case.variables, "ANTHROPIC_BASE_URL": case.url}))
        try:
            agrees(plan, seen, listeners)
        except AssertionError as error:
            wrong.append((case, str(error)[:80]))
    assert not wrong, "\n".join(map(str, wrong))


# -- Node --------------------------------------------------------------------------------------------


def version_of(node: str) -> str:
    told = subprocess.run([node, "--version"], env={}, capture_output=True, text=True, timeout=10, check=True)
    return told.stdout.strip().removeprefix("v")


@pytest.mark.skipif(not NODES, reason="Node is not installed")
@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("switch", [{}, {"NODE_USE_ENV_PROXY": "1"}, {"NODE_OPTIONS": "--use-env-proxy"}], ids=str)
def test_node_connects_where_its_plan_says_in_every_generated_environment(
    node: str, switch: Mapping[str, str], listeners: Listeners, empty: Snapshot
) -> None:
    known = replace(empty, programs={"node": Program(node, version_of(node))})
    # Where the switch counts for nothing, a handful tells as much as all.
    chosen = cases(listeners)[:: 1 if switch and Node.of(known).reads_env_proxy else 6]
    wrong = []
    for case in chosen:
        variables = {**case.variables, **switch, "ANTHROPIC_BASE_URL": case.url}
        seen = listeners.first_connection([node, "--require", LOOPBACK, "-e", FETCH], variables)
        plan = typescript_sdk.plan_fetch(replace(known, variables=variables))
        try:
            agrees(plan, seen, listeners)
        except AssertionError as error:
            wrong.append((case, str(error)[:80]))
    assert not wrong, "\n".join(map(str, wrong))


CREDENTIALS: tuple[Mapping[str, str], ...] = (
    {},
    {"ANTHROPIC_API_KEY": ""},
    {"ANTHROPIC_API_KEY": KEY},
    {"ANTHROPIC_API_KEY": f" {KEY}\n"},
    {"ANTHROPIC_API_KEY": KEY + "\u201d"},
    {"ANTHROPIC_API_KEY": KEY[:30] + "\n" + KEY[30:]},
    {"ANTHROPIC_AUTH_TOKEN": TOKEN},
    {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_AUTH_TOKEN": TOKEN},
    {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": TOKEN},
    {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nX-Cost: b: c"},
    {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_CUSTOM_HEADERS": "Authorization: Basic abc"},
    {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_CUSTOM_HEADERS": "X Team: a"},
    {"ANTHROPIC_CUSTOM_HEADERS": f"x-api-key: {KEY}"},
    {"ANTHROPIC_CUSTOM_HEADERS": f"authorization: Bearer {TOKEN}"},
)
BASES = (
    "http://127.0.0.1:{target}",
    " http://127.0.0.1:{target}/ ",
    "http:/127.0.0.1:{target}/llm",
    "http://joe:pw@127.0.0.1:{target}",
    "127.0.0.1:{target}",
    "localhost:{target}",
)
LIST_MODELS = "new (require('@anthropic-ai/sdk'))().models.list().then(() => {}, () => process.exit())"


def headers_of(head: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value for name, _, value in lines if name}


@pytest.mark.skipif(not (SDK and NODES), reason="CLAUDECHECK_NODE_SDK names no folder with the npm SDK")
def test_the_npm_sdk_sends_what_its_plan_says(listeners: Listeners, empty: Snapshot) -> None:
    installed, _ = programs.installed(replace(empty, cwd=SDK, variables={"PATH": os.environ["PATH"]}))
    known = replace(empty, programs=installed)
    environments = [{**one, "ANTHROPIC_BASE_URL": BASES[0]} for one in CREDENTIALS]
    environments += [{"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": base} for base in BASES]
    for one in environments:
        variables = {**one, "HOME": "/nowhere"}
        variables["ANTHROPIC_BASE_URL"] = one["ANTHROPIC_BASE_URL"].format(**listeners.ports)
        seen = listeners.first_connection([NODES[0], "-e", LIST_MODELS], variables, cwd=SDK)
        plan = typescript_sdk.plan(replace(known, variables=variables))
        stopped = any(one.stops_client or one.kind == "key-missing" for one in plan.concerns)
        assert (seen is None) == stopped, (variables, plan.concerns)
        if seen is not None and plan.route is not None:
            sends_what_was_planned(plan.route, seen)


def sends_what_was_planned(route: Route, seen: Seen) -> None:
    sent = headers_of(seen.head)
    planned = {**route.credential.headers(), **{name.lower(): value.reveal() for name, value in route.headers}}
    credentials = {name: value for name, value in sent.items() if name in {*planned, "authorization", "x-api-key"}}
    assert credentials == planned
    assert sent["anthropic-version"] == route.api_version
    assert sent["user-agent"] == route.user_agent
    assert seen.head.startswith(f"GET {route.endpoint.base_path}/v1/models".encode())


# -- authorities -------------------------------------------------------------------------------------

#: Each with the root of the lab, or with the public ones, or with a file that is not there.
STORES: tuple[Mapping[str, str], ...] = (
    {},
    {"SSL_CERT_FILE": "{root}"},
    {"SSL_CERT_FILE": "{public}"},
    {"SSL_CERT_DIR": "{hashed}"},
    {"SSL_CERT_FILE": "{public}", "SSL_CERT_DIR": "{hashed}"},
    {"CURL_CA_BUNDLE": "{root}"},
    {"CURL_CA_BUNDLE": "{root}", "SSL_CERT_FILE": "{public}"},
    {"CURL_CA_BUNDLE": "{public}", "SSL_CERT_FILE": "{root}"},
    {"CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "{root}"},
    {"CURL_CA_BUNDLE": "/gone"},
    {"REQUESTS_CA_BUNDLE": "{root}"},
    {"NODE_EXTRA_CA_CERTS": "{root}"},
    {"NODE_EXTRA_CA_CERTS": "{root}", "SSL_CERT_FILE": "{public}"},
    {"NODE_EXTRA_CA_CERTS": "/gone"},
    {"NODE_OPTIONS": "--use-openssl-ca"},
    {"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_FILE": "{root}"},
    {"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_DIR": "{hashed}"},
    {"NODE_OPTIONS": "--use-openssl-ca", "NODE_EXTRA_CA_CERTS": "{root}"},
    {"NODE_OPTIONS": "--use-system-ca"},
    {"NODE_OPTIONS": "--use-system-ca", "SSL_CERT_FILE": "{root}"},
    {"NODE_OPTIONS": "--use-system-ca", "SSL_CERT_DIR": "{hashed}"},
    {"NODE_OPTIONS": "--use-system-ca", "NODE_EXTRA_CA_CERTS": "{root}"},
    {"NODE_USE_SYSTEM_CA": "1", "SSL_CERT_FILE": "{root}"},
)
ASK = "fetch(process.env.ANTHROPIC_BASE_URL + '/v1/models').then(() => process.exit(), () => process.exit(1))"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("healthy") as opened:
        yield opened


def stores(lab: Lab, folder: Path) -> Iterator[dict[str, str]]:
    root = Path(lab.variables["SSL_CERT_FILE"])
    subject = X509.from_cryptography(x509.load_pem_x509_certificate(root.read_bytes())).subject_name_hash()
    (folder / f"{subject:08x}.0").write_bytes(root.read_bytes())
    places = {"root": str(root), "public": certifi.where(), "hashed": str(folder)}
    for store in STORES:
        named = {name: value.format(**places) for name, value in store.items()}
        yield {"HOME": "/nowhere", "ANTHROPIC_BASE_URL": lab.variables["ANTHROPIC_BASE_URL"], **named}


def trusts_the_lab(plan: Plan, variables: Mapping[str, str], lab: Lab, folder: Path) -> bool:
    """By the plan: a store that it names is the lab's root, or the folder with it."""
    assert plan.route is not None
    if any(one.stops_client for one in plan.concerns):
        return False
    ours = {lab.variables["SSL_CERT_FILE"], str(folder)}
    return any(variables[name] in ours for name in variables if name in plan.route.trust.source)


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_curl_trusts_what_its_plan_says(lab: Lab, tmp_path: Path) -> None:
    for variables in stores(lab, tmp_path):
        url = variables["ANTHROPIC_BASE_URL"] + "/v1/models"
        command = [CURL or "curl", "-q", "-s", "-o", os.devnull, "-m", "5", url]
        done = subprocess.run(command, env=variables, timeout=10, check=False)
        plan = curl.plan(environment.read(variables))
        assert (done.returncode == 0) == trusts_the_lab(plan, variables, lab, tmp_path), variables


@pytest.mark.skipif(not NODES, reason="Node is not installed")
@pytest.mark.parametrize("node", NODES)
def test_node_trusts_what_its_plan_says(node: str, lab: Lab, tmp_path: Path) -> None:
    known = {"node": Program(node, version_of(node))}
    for variables in stores(lab, tmp_path):
        done = subprocess.run([node, "-e", ASK], env=variables, timeout=20, check=False, capture_output=True)
        plan = typescript_sdk.plan_fetch(replace(environment.read(variables), programs=known))
        assert (done.returncode == 0) == trusts_the_lab(plan, variables, lab, tmp_path), (variables, done.stderr)
