"""The questions that long threads are about: one works, the other does not. Asked of the commands, on the lab."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from claudecheck.lab import Lab
from tests import doctor
from tests.installed_clients import CURL, NODES, PYTHON_SDKS

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

needs_curl = pytest.mark.skipif(CURL is None, reason="curl is not installed")


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("healthy") as opened:
        yield opened


def trusting(lab: Lab, variable: str) -> dict[str, str]:
    """The lab's environment, with its root in another variable than SSL_CERT_FILE."""
    return {name if name != "SSL_CERT_FILE" else variable: value for name, value in lab.variables.items()}


def compared(variables: Mapping[str, str], *options: str) -> dict[str, Any]:
    own = str(Path(doctor.PYTHON).parent.parent)
    asked = ("compare", "--json", "--local-only", "--no-message", *options)
    told: dict[str, Any] = json.loads(doctor.invoke(*asked, variables={"VIRTUAL_ENV": own, **variables}).out)
    for column in told["columns"]:
        doctor.validator().validate(column["report"])
    return told


def trust_page(variables: Mapping[str, str], *options: str) -> str:
    return doctor.invoke("trust", "--python", doctor.PYTHON, *options, variables={"COLUMNS": "200", **variables}).out


@needs_curl
def test_curl_works_and_python_does_not(lab: Lab) -> None:
    variables = trusting(lab, "CURL_CA_BUNDLE")
    told = compared(variables, "--client", "curl")
    assert told["exit_code"] == 13
    assert told["deciding"]["variable"] == "client"
    assert told["deciding"]["sentence"] == (
        "The client decides: with the Python SDK it fails (tls-untrusted-issuer at tls), with curl it gets through"
    )
    page = trust_page(variables).splitlines()
    assert page[2].startswith("! curl ")
    assert " works; Python SDK " in page[2]
    assert any("held by CURL_CA_BUNDLE" in line for line in page)


def test_python_works_and_claude_code_does_not(lab: Lab) -> None:
    own_roots = {**lab.variables, "CLAUDE_CODE_CERT_STORE": "bundled"}  # it then reads no SSL_CERT_FILE
    told = compared(own_roots, "--client", "claude-code")
    assert told["exit_code"] == 0
    assert told["deciding"]["sentence"] == (
        "The client decides: with Claude Code it fails (tls-untrusted-issuer at tls), "
        "with the Python SDK it gets through"
    )
    fixes = json.dumps(told["columns"][1]["report"]["findings"][0]["fixes"])
    assert "NODE_EXTRA_CA_CERTS" in fixes
    if NODES:
        tried = next(row for row in told["columns"][1]["report"]["variations"] if row["changed"] == "client")
        assert not tried["reached"]


@pytest.mark.slow
@pytest.mark.skipif("0.125" not in PYTHON_SDKS, reason="no SDK 0.125 is here: `make clients` installs it")
def test_it_worked_before_the_upgrade_of_the_sdk() -> None:
    """A gateway that reads only x-api-key: what 0.x sent, and 2.x does not."""
    with Lab("header-scheme") as gateway:
        told = compared(gateway.variables, "--python", PYTHON_SDKS["0.125"])
    assert told["columns"][0]["report"]["problem"] == "header-scheme"
    assert told["deciding"]["sentence"].startswith("The interpreter decides: with ")
    assert told["deciding"]["pass"] == [told["columns"][1]["label"]]


def test_it_works_in_the_browser_and_not_in_the_container(lab: Lab) -> None:
    """The host's store holds a root that nothing in the container knows."""
    variables = {name: value for name, value in lab.variables.items() if name != "SSL_CERT_FILE"}
    page = trust_page({**variables, "container": "docker"})
    assert page.splitlines()[2:5] == [
        "✗ No client that was found here trusts this certificate.",
        '  "claudecheck lab root" is in no store of this machine.',
        "  A browser outside this container has its host's store: what works there says nothing about this one.",
    ]


def test_the_gateway_fails_and_the_official_endpoint_works(lab: Lab, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    with Lab("gateway-error") as gateway:
        both.write_text("".join(Path(one.variables["SSL_CERT_FILE"]).read_text() for one in (lab, gateway)))
        variables = {
            **gateway.variables,
            "SSL_CERT_FILE": str(both),
            "OFFICIAL_KEY": lab.variables["ANTHROPIC_API_KEY"],
        }
        official = lab.variables["ANTHROPIC_BASE_URL"]
        told = compared(variables, "--base-url", official, "--key-env", "OFFICIAL_KEY")
    assert told["columns"][0]["report"]["problem"] == "gateway-error"
    assert told["deciding"]["variable"] == "base URL"
    assert told["deciding"]["sentence"].startswith("The base URL decides: with ")
    assert told["columns"][1]["report"]["reached_api"] is True
