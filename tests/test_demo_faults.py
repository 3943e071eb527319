"""Every fault of the embedded lab ends in its own verdict: layer, code, exit code, and nothing secret."""

import pytest

from claudecheck.lab import FAULTS, Fault
from claudecheck.lab.lab import KEY, MINTED, TOKEN
from tests import doctor

SECRETS = (KEY, KEY[13:60], TOKEN, MINTED)
#: Only the message, or the SDK that would send it, shows these.
BY_THE_SDK = ("sdk-", "login-", "profile-", "models-not-served", "custom-headers", "healthy-federation")
#: One of each stage from end to end; the verdicts of all others are replayed (test_replay.py), and walked in CI.
END_TO_END = (
    "healthy", "key-missing", "dns-name-not-found", "tcp-refused", "tls-intercepted", "proxy-auth-required",
    "custom-header-refused", "model-not-available",
)  # fmt: skip
NAMED = [
    pytest.param(fault, id=fault.name, marks=() if fault.name in END_TO_END else pytest.mark.slow) for fault in FAULTS
]


def needs_the_sdk(fault: Fault) -> bool:
    return fault.layer.value == "messages" or fault.name.startswith(BY_THE_SDK)


def check(fault: Fault, *options: str) -> None:
    if reason := fault.unavailable_because():
        pytest.skip(reason)
    # A fault of the interpreter brings its own; all others use this one.
    named = () if fault.name.startswith("sdk-") else ("--python", doctor.PYTHON)
    ran = doctor.invoke("demo", fault.name, "--json", *named, *options)
    report = ran.report
    codes = [finding["code"] for finding in report["findings"]]
    assert ran.exit_code == report["exit_code"] == fault.exit_code, codes
    if fault.exit_code:
        assert report["status"] == "failing"
        assert (report["first_failing_layer"], report["problem"]) == (fault.layer.value, fault.problem), codes
        assert codes[0] == fault.problem
    else:
        assert report["status"] in ("healthy", "degraded"), codes
        assert report["problem"] is None
        assert fault.problem is None or fault.problem in codes
        assert report["reached_api"] is (None if report["route"]["provider"] else True)
    assert ran.err == ""
    for secret in SECRETS:
        assert secret not in ran.out


def test_the_list_names_faults_of_all_layers() -> None:
    broken = [fault for fault in FAULTS if fault.exit_code and fault.available()]
    assert {fault.layer.value for fault in broken} == {
        "environment", "dns", "tcp", "tls", "proxy", "models", "messages",
    }  # fmt: skip
    listed = doctor.run("demo", "--list")
    assert listed.exit_code == 0
    for fault in FAULTS:
        assert fault.name in listed.out


@pytest.mark.parametrize("fault", NAMED)
def test_a_fault_ends_in_its_own_verdict(fault: Fault) -> None:
    """Without the message where it decides nothing: the SDK's import would take most of the time."""
    check(fault, *(() if needs_the_sdk(fault) else ("--no-message",)))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.exit_code], ids=lambda fault: fault.name)
def test_the_sdk_too_gets_through_where_something_is_only_odd(fault: Fault) -> None:
    check(fault)
