"""A client is one file and one line: a toy is added to a copy of the package, and every command knows it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from claudecheck.clients import registry
from claudecheck.clients.client import Client, InPython
from claudecheck.lab import Lab
from claudecheck.lab.lab import KEY
from tests.doctor import ROOT, clean_environment, invoke

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

TOY = '''
"""A toy that reads three variables of its own."""

from claudecheck.clients import base_url
from claudecheck.clients.client import CaVariable, Client, Command
from claudecheck.clients.snapshot import Wanted
from claudecheck.route import Credential, Endpoint, Plan, Route, Secret, Trust

def plan(snapshot, interpreter=None):
    endpoint = base_url.parse(snapshot.get("TOY_URL"), "TOY_URL").endpoint or Endpoint()
    key = Credential("api-key", "TOY_KEY", Secret(snapshot.get("TOY_KEY")), "sk-ant-api03", "x-api-key")
    trust = Trust("file", cafile=snapshot.get("TOY_CA"), source="TOY_CA")
    return Plan(Route(client="toy", endpoint=endpoint, credential=key, api_version="2023-06-01", trust=trust))


CLIENT = Client(
    name="toy",
    title="Toy",
    plan=plan,
    found_by=Command("toy"),
    ca=CaVariable("TOY_CA", adds=True),
    files=lambda snapshot: [Wanted(snapshot.get("TOY_CA"), authorities=True)],
)
'''
LAST_LINE = '    "curl": "curl",\n'


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("with-a-toy")
    copied = folder / "claudecheck"
    shutil.copytree(ROOT / "claudecheck", copied, ignore=shutil.ignore_patterns("__pycache__", "lab"))
    (copied / "clients" / "toy.py").write_text(TOY)
    listed = copied / "clients" / "registry.py"
    listed.write_text(listed.read_text().replace(LAST_LINE, f'{LAST_LINE}    "toy": "toy",\n'))
    program = folder / "bin" / "toy"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho toy 1.2.3\n")
    program.chmod(0o755)
    return folder


def claudecheck(package: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment({**variables, "PYTHONPATH": str(package)})
    environment["PATH"] = f"{package / 'bin'}{os.pathsep}{environment['PATH']}"
    command = [sys.executable, "-m", "claudecheck", *arguments]
    return subprocess.run(
        command, env=environment, cwd=package, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_client_of_one_file_and_one_line_is_walked_and_told_by_its_title(package: Path) -> None:
    with Lab("healthy") as lab:
        base, cafile = lab.variables["ANTHROPIC_BASE_URL"], lab.variables["SSL_CERT_FILE"]
        own = {"TOY_URL": base, "TOY_KEY": KEY, "TOY_CA": cafile}
        walked = claudecheck(package, "doctor", "--client", "toy", "--local-only", "--json", **own)
        judged = claudecheck(package, "trust", "--json", **own, ANTHROPIC_BASE_URL=base)
    report = json.loads(walked.stdout)
    assert (report["exit_code"], report["reached_api"], report["route"]["client"]) == (0, True, "toy"), walked.stderr
    assert any(stage["summary"].startswith("Toy") for stage in report["stages"])
    verdicts = {one["title"]: one["trusted"] for one in json.loads(judged.stdout)["clients"]}
    assert verdicts["Toy 1.2.3"] is True
    assert verdicts["curl"] is False if "curl" in verdicts else True


def test_routes_and_help_list_the_new_client_too(package: Path) -> None:
    told = json.loads(claudecheck(package, "routes", "--json", TOY_KEY=KEY).stdout)
    row = next(row for row in told["rows"] if row["client"] == "toy")
    assert (row["title"], row["version"], row["installed"]) == ("Toy", "1.2.3", True)
    assert "curl|toy]" in claudecheck(package, "doctor", "--help", COLUMNS="200").stdout


@pytest.mark.parametrize("name", registry.NAMES)
def test_every_line_of_the_registry_leads_to_its_client(name: str) -> None:
    client = registry.named(name)
    assert isinstance(client, Client)
    assert client.name == name
    for entry_point in filter(None, (client.sender, client.key_helper, client.further_hosts)):
        assert callable(registry.load(entry_point))
    assert bool(client.sender) != isinstance(client.found_by, InPython)


def test_an_unknown_client_is_refused_with_the_names_that_are_known() -> None:
    told = invoke("doctor", "--client", "wget")
    assert told.exit_code == 2
    assert all(name in told.err for name in registry.NAMES)
