"""Real clients on faults of the lab: through which proxies they get, and that `explain` names what they print."""

import os
import shutil

import pytest

from claudecheck.explanation import explain_text
from claudecheck.lab.faults import find
from tests.real_texts import in_a_namespace, programs

pytestmark = pytest.mark.slow
CAN_RUN = os.name == "posix" and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") is not None
INSTALLED = programs()
#: Where each gets through; the lab's https:// proxy is named by an address, which Node 26 refuses.
THROUGH = {
    "healthy-proxy-tls": {"node-24", "claude-code", "python-own"},
    "healthy-proxy-auth": {"node-24", "node-26", "claude-code", "python-own"},
    "proxy-auth-unsupported": set(),
}
DECIDE = ("key-invalid", "credit-exhausted", "api-overloaded", "tls-expired", "spend-limit-reached", "ca-file-missing")


@pytest.mark.skipif(not CAN_RUN, reason="they may only run where no packet can leave, which takes root")
@pytest.mark.parametrize("client", ["node-24", "node-26", "claude-code", "python-own"])
def test_a_real_client_on_faults_of_the_lab(client: str) -> None:
    if client not in INSTALLED:
        pytest.skip("make clients has not been run")
    texts = {one.fault: one for one in in_a_namespace(client, [*THROUGH, *DECIDE])}
    assert {name for name in THROUGH if texts[name].answered} == {
        name for name, clients in THROUGH.items() if client in clients
    }
    failed = {name: texts[name].text for name in DECIDE if not texts[name].answered}
    assert len(failed) >= len(DECIDE) - 1  # Claude Code works on without a CA file that is not there
    assert {name: explain_text(text).problem for name, text in failed.items()} == {
        name: find(name).problem for name in failed
    }
