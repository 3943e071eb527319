"""The real Claude Code against its plan, in the environments of `claude_code_cases`: way, address, credential, trust.

It runs in a network namespace that ends at this machine, from an empty home and with a made-up key.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.claude_code_cases import Case, cases
from tests.doctor import ROOT
from tests.installed_clients import CLAUDE_CODE, FOLDER

pytestmark = pytest.mark.slow  # three seconds for each of two hundred environments
ALONE = ("unshare", "--net", "--mount")
CAN_RUN = os.name == "posix" and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") is not None
#: Seconds that a run without a message may take: it is over long before, or tries again for minutes.
LIMIT_S = 15.0
AT_ONCE = 3


@pytest.mark.skipif(not FOLDER.exists(), reason="make clients has not been run")
def test_the_program_is_installed_for_the_tests() -> None:
    assert CLAUDE_CODE


@pytest.mark.skipif(not CAN_RUN, reason="it may only run where no packet can leave, which takes root")
@pytest.mark.skipif(not CLAUDE_CODE, reason="make clients has not been run")
def test_claude_code_does_what_its_plan_says() -> None:
    table = list(cases())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(_tried, [table[start::AT_ONCE] for start in range(AT_ONCE)]))
    tried = [one for part in parts for one in part]
    assert len(tried) == len(table)
    wrong = [f"{case.name}: {why}" for case, told in tried if (why := _differs(told))]
    assert not wrong, "\n".join(wrong)


def _tried(table: list[Case]) -> list[tuple[Case, dict[str, Any]]]:
    lines = [{"variables": dict(one.variables), "files": dict(one.files), "limit_s": LIMIT_S} for one in table]
    done = subprocess.run(
        [*ALONE, sys.executable, "-m", "tests.claude_code_inside", CLAUDE_CODE],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True, text=True, cwd=ROOT, timeout=30 * len(lines), check=False,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return list(zip(table, map(json.loads, done.stdout.splitlines()), strict=True))


def _differs(told: Mapping[str, Any]) -> str:
    """What the program did otherwise than its plan says; empty when nothing."""
    planned, seen = told["planned"], told["message"]
    if planned["stops"] or seen is None:
        stopped = bool(planned["stops"])
        return "" if stopped == (seen is None) else f"sent: {seen is not None}, and the plan says {planned['stops']}"
    headers = seen["headers"]
    wanted = {name: planned[name] for name in ("via", "userinfo", "tls", "host", "path")}
    target = seen["target"].partition("?")[0].removeprefix(f"http://{headers['host']}")
    # With the scheme's own port it is the same host (RFC 9110, 4.2.3): this program writes it where it was typed.
    host = headers["host"].removesuffix(":443" if seen["tls"] else ":80")
    real = {name: seen[name] for name in ("via", "userinfo", "tls")} | {"host": host, "path": target}
    named = {*planned["headers"], "x-api-key", "authorization"}
    sent = {name: value for name, value in headers.items() if name in named}
    if planned["login"]:  # its token is not read
        sent.pop("authorization")
    if (real, sent) == (wanted, planned["headers"]):
        return ""
    return f"did {real} {sent}, and the plan says {wanted} {planned['headers']}"
