"""An interpreter that trusts otherwise than its SDK says: it is asked, and believed."""

from dataclasses import replace
from pathlib import Path

import pytest

from claudecheck.clients import trust
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Snapshot
from claudecheck.lab import Lab
from claudecheck.lab.faults import find
from claudecheck.observations import Interpreter
from tests.doctor import PYTHON, Ran, run
from tests.installed_clients import SYSTEM_CERTS

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

INJECTED = "import truststore\ntruststore.inject_into_ssl()\n"
#: What a security agent's hook does: the class stays Python's own, and one method of it is another.
HOOKED = """
import os, ssl

own = ssl.SSLContext.load_verify_locations
def load(self, *places, **named):
    own(self, *places, **named)
    own(self, os.environ["COMPANY_ROOT"])
ssl.SSLContext.load_verify_locations = load
"""


def doctor(sitecustomize: str, folder: Path, *arguments: str, python: str = PYTHON, ours: bool = False) -> Ran:
    """Zscaler re-signs. Its root lies in SSL_CERT_DIR, which no SDK reads beside SSL_CERT_FILE.

    The hook runs in the user's interpreter, and in the one that runs the doctor when it is `ours` too.
    """
    inspected = find("tls-intercepted")
    setup = replace(inspected.setup, other_roots=("zscaler",), trust_directory=("zscaler",))
    (folder / "sitecustomize.py").write_text(sitecustomize)
    hooked = folder / "python"
    hooked.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{python}" "$@"\n')
    hooked.chmod(0o755)
    with Lab(replace(inspected, setup=setup)) as lab:
        variables = dict(lab.variables)
        variables["COMPANY_ROOT"] = str(Path(variables["SSL_CERT_FILE"]).parent / "company.pem")
        if ours:
            variables["PYTHONPATH"] = str(folder)
        return run("doctor", "--json", "--local-only", "--python", str(hooked), *arguments, variables=variables)


def test_without_a_hook_the_inspection_is_the_culprit(tmp_path: Path) -> None:
    ran = doctor("", tmp_path, "--no-message")
    assert (ran.exit_code, ran.report["problem"]) == (13, "tls-intercepted")
    trial = next(one for one in ran.report["observations"] if one.get("step") == "trial")
    assert (trial["client"], trial["failure"], trial["authenticated"]) == ("sdk", "untrusted-issuer", False)


@pytest.mark.slow
def test_a_context_that_truststore_has_replaced_is_walked_as_such(tmp_path: Path) -> None:
    ran = doctor(INJECTED, tmp_path)
    interpreter = next(one for one in ran.report["observations"] if one["op"] == "interpreter")
    assert "truststore" in interpreter["ssl_context"]
    assert (ran.exit_code, ran.report["reached_api"]) == (0, True), ran.report["problem"]
    message = next(one for one in ran.report["observations"] if one.get("step") == "message")
    assert (message["client"], message["status"]) == ("sdk", 200)


def test_the_doctor_itself_may_run_where_truststore_is_injected(tmp_path: Path) -> None:
    ran = doctor(INJECTED, tmp_path, "--no-message", ours=True)
    assert (ran.exit_code, ran.report["problem"]) == (0, None), ran.report["findings"]


def test_a_hook_that_nothing_shows_is_found_by_asking_the_sdk_and_believed(tmp_path: Path) -> None:
    ran = doctor(HOOKED, tmp_path)
    assert ran.exit_code == 0, ran.report["problem"]
    assert ran.report["reached_api"] is True
    found = {one["code"]: one["severity"] for one in ran.report["findings"]}
    assert found["prediction-contradicted"] == "warning"
    assert "error" not in found.values()


@pytest.mark.slow
@pytest.mark.skipif(not SYSTEM_CERTS, reason="make clients has not been run")
def test_pip_system_certs_is_walked_as_what_it_does(tmp_path: Path) -> None:
    ran = doctor("", tmp_path, python=SYSTEM_CERTS)
    assert (ran.exit_code, ran.report["reached_api"]) == (0, True), ran.report["problem"]


INTERPRETER = Interpreter(
    path="python3", chosen_by="own", sdk="0.125.0", cafile="/certifi.pem", system_cafile="/os.pem", system_capath="/os"
)


@pytest.mark.parametrize(
    ("context", "variables", "expected"),
    [
        ("", {}, ("certifi", "/certifi.pem", "", ())),
        ("truststore._api.SSLContext", {}, ("os", "/os.pem", "/os", ("/certifi.pem",))),
        ("pip._vendor.truststore._api.SSLContext", {}, ("os", "/os.pem", "/os", ("/certifi.pem",))),
        ("truststore._api.SSLContext", {"SSL_CERT_FILE": "/own.pem"}, ("os", "/own.pem", "/os", ())),
        ("truststore._api.SSLContext", {"SSL_CERT_DIR": "/own"}, ("os", "/os.pem", "/own", ())),
        ("agent.Context", {}, ("certifi", "/certifi.pem", "", ())),  # what it trusts is not known: the SDK is asked
    ],
)
def test_truststore_adds_the_systems_store_to_what_the_sdk_loads(
    context: str, variables: dict[str, str], expected: tuple[str, str, str, tuple[str, ...]]
) -> None:
    sdk = Sdk(generation=0, version=(0, 125), stack=(0, 28))
    chosen = trust.choose(Snapshot(variables=variables), sdk, replace_context(context))
    assert (chosen.sort, chosen.cafile, chosen.capath, chosen.further) == expected


def replace_context(context: str) -> Interpreter:
    import msgspec

    return msgspec.structs.replace(INTERPRETER, ssl_context=context)
