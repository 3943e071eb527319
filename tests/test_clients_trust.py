"""Which authorities a client's plan says that it believes, against a server whose authority lies in one store only."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL.crypto import X509

from claudecheck.clients import curl, python_sdk, typescript_sdk
from claudecheck.clients.snapshot import Program
from claudecheck.lab import Lab
from claudecheck.machine import environment
from claudecheck.route import Plan
from tests import sdk_files
from tests.client_cases import KEY, STORES
from tests.client_predictions import HERE, Driver, interpreter_of, sends_nothing
from tests.installed_clients import CURL, NODES, NPM_SDKS, PYTHON_SDKS, version_of

pytestmark = pytest.mark.slow  # hundreds of real processes
SYSTEM = Path("/etc/ssl/certs")
ASK = "fetch(process.env.ANTHROPIC_BASE_URL + '/v1/models').then(() => process.exit(), () => process.exit(1))"
LIST_MODELS = (
    "new (require('@anthropic-ai/sdk'))({ maxRetries: 0 }).models.list().then(() => process.exit(), "
    "(error) => process.exit(error.status ? 0 : 1))"
)
CAN_MOUNT = os.name == "posix" and hasattr(os, "geteuid") and os.geteuid() == 0 and SYSTEM.is_dir()


@dataclass(frozen=True)
class Server:
    """Its authority stands in `root` and, under its hashed name, in `folder`; nowhere else."""

    url: str
    root: Path
    folder: Path
    other: Path  # a file with one public authority
    in_system: bool  # also in the system's store, for processes that start with `prefix`

    @property
    def prefix(self) -> Sequence[str]:
        """A mount of one's own, in which the system's folder is the one with this authority."""
        if not self.in_system:
            return ()
        return ("unshare", "--mount", "sh", "-c", f'mount --bind "$0" {SYSTEM} && exec "$@"', str(self.folder))

    def environments(self, share: int = 1, *, options: bool = False) -> Iterator[dict[str, str]]:
        """Each `share`-th; those with `options` of Node are for Node only."""
        places = {"root": self.root, "hashed": self.folder, "public": self.other}
        stores = [one for one in STORES if options or not {"NODE_OPTIONS", "NODE_USE_SYSTEM_CA"} & set(one)]
        for store in stores[::share]:
            named = {name: value.format(**places) for name, value in store.items()}
            yield {"HOME": "/nowhere", "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.url, **named}

    def is_trusted_by(self, plan: Plan) -> bool:
        """By the plan: it can send, and one of the stores that its trust names holds the authority."""
        assert plan.route is not None
        trust = plan.route.trust
        folders = trust.capath.split(":")
        return not sends_nothing(plan) and any(map(self._holds, [trust.cafile, trust.extra, *folders]))

    def _holds(self, store: str) -> bool:
        real = Path(os.path.realpath(store))
        in_system = self.in_system and (real == SYSTEM or SYSTEM in real.parents)
        return bool(store) and (real in (self.root, self.folder) or in_system)


@pytest.fixture(scope="module", params=["only what variables name", "in the system's store"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    in_system = request.param != "only what variables name"
    if in_system and not CAN_MOUNT:
        pytest.skip("only root can lay another store over the system's")
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("hashed")))
    with Lab("healthy") as lab:
        root = Path(os.path.realpath(lab.variables["SSL_CERT_FILE"]))
        subject = X509.from_cryptography(x509.load_pem_x509_certificate(root.read_bytes())).subject_name_hash()
        for name in (f"{subject:08x}.0", "ca-certificates.crt"):
            (folder / name).write_bytes(root.read_bytes())
        others = tmp_path_factory.mktemp("others")
        sdk_files.lay(others)
        yield Server(lab.variables["ANTHROPIC_BASE_URL"], root, folder, others / "one.pem", in_system)


def answers(command: Sequence[str], variables: Mapping[str, str], cwd: str = "/") -> bool:
    """Of a process: did the server's certificate satisfy it?"""
    quiet = subprocess.DEVNULL
    path = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, env={**path, **variables}, cwd=cwd, timeout=20, check=False, stdout=quiet, stderr=quiet
    )
    return done.returncode == 0


def differs(server: Server, variables: Mapping[str, str], plan: Plan, *, answered: bool) -> str:
    """What the plan says otherwise than the client showed; empty when nothing."""
    if answered == server.is_trusted_by(plan):
        return ""
    named = {name: value for name, value in variables.items() if "CA" in name or "CERT" in name or "OPTIONS" in name}
    return f"{named}: answered is {answered}, and the plan trusts {plan.route.trust if plan.route else None}\n"


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_curl_trusts_what_its_plan_says(server: Server) -> None:
    installed = environment.with_programs(environment.read({"PATH": os.environ["PATH"]})).programs
    command = [*server.prefix, CURL or "curl", "-q", "-s", "-o", os.devnull, "-m", "5", server.url + "/v1/models"]
    told = ""
    for variables in server.environments():
        plan = curl.plan(replace(environment.read(variables), programs=installed))
        told += differs(server, variables, plan, answered=answers(command, variables))
    assert not told, told


@pytest.mark.parametrize("name", NODES)
def test_node_trusts_what_its_plan_says(name: str, server: Server) -> None:
    node = NODES[name]
    programs = {"node": Program(node, version_of(node))}
    told = ""
    for variables in server.environments(1 if name == "24" else 4 if server.in_system else 2, options=True):
        plan = typescript_sdk.plan_fetch(replace(environment.read(variables), programs=programs))
        told += differs(server, variables, plan, answered=answers([*server.prefix, node, "-e", ASK], variables))
    assert not told, told


@pytest.mark.parametrize("generation", NPM_SDKS)
def test_the_npm_sdk_trusts_what_its_plan_says(generation: str, server: Server) -> None:
    node, folder = NODES.get("24") or next(iter(NODES.values())), NPM_SDKS[generation]
    programs = {"node": Program(node, version_of(node)), "typescript": Program(folder, generation)}
    command = [*server.prefix, node, "-e", LIST_MODELS]
    told = ""
    for variables in server.environments(4, options=True):
        plan = typescript_sdk.plan(replace(environment.read(variables), programs=programs))
        told += differs(server, variables, plan, answered=answers(command, variables, cwd=folder))
    assert not told, told


@pytest.mark.parametrize("certificates", ["certifi", "a stand-in for certifi"])
@pytest.mark.parametrize("generation", PYTHON_SDKS)
def test_the_python_sdk_trusts_what_its_plan_says(
    generation: str, certificates: str, server: Server, tmp_path: Path
) -> None:
    path = {}
    if certificates != "certifi":
        (tmp_path / "certifi").mkdir()
        (tmp_path / "certifi" / "__init__.py").write_text(f"def where():\n    return {str(server.root)!r}\n")
        path = {"PYTHONPATH": str(tmp_path)}
    python = PYTHON_SDKS[generation]
    interpreter = interpreter_of(python, path)
    told = ""
    command = [*server.prefix, python, str(HERE / "drive_sdk.py")]
    with Driver(command, {"PATH": os.environ["PATH"], **path}) as driver:
        for variables in server.environments(4 if path else 2 if server.in_system else 1):
            snapshot = environment.with_store_of(environment.read(variables), interpreter)
            plan = python_sdk.plan(snapshot, interpreter)
            told += differs(server, variables, plan, answered=driver.ask(variables)["answered"])
    assert not told, told
