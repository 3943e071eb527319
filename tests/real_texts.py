"""What real clients print on the faults of the lab, and what `explain` makes of it.

    python -m tests.real_texts [--client NAME …] [--only PATTERN] [-v]

Every client runs in a network namespace that ends at this machine (which takes root), with a made-up key and an
empty home. Prints the share of faults that are named first, and with the alternatives; `-v` what was not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from claudecheck.explanation import explain_text
from claudecheck.lab import FAULTS, Fault, Lab
from claudecheck.lab.faults import find
from tests.doctor import ROOT
from tests.installed_clients import CLAUDE_CODE, NODES, NPM_SDKS, PYTHON_SDKS

ALONE = ("unshare", "--net")
INSIDE = ("sh", "-c", 'ip link set lo up && exec "$@"', "sh")
#: Seconds: a client gives up after these, and is stopped when it does not.
GIVES_UP_S, LIMIT_S = 4, 60
MODEL = "claude-haiku-5-5"
ASK = {"model": MODEL, "max_tokens": 8, "messages": [{"role": "user", "content": "Hi"}]}
PYTHON = f"""
import anthropic
client = anthropic.Anthropic(max_retries=0, timeout={GIVES_UP_S}.0)
print("OK", client.messages.create(**{ASK!r}).content[0].text)
"""
NODE = f"""
const {{ Anthropic }} = require("@anthropic-ai/sdk");
new Anthropic({{ maxRetries: 0, timeout: {GIVES_UP_S * 1000} }}).messages.create({json.dumps(ASK)})
  .then((message) => console.log("OK", message.content[0].text), (error) => console.error(error));
"""


class Printed(NamedTuple):
    client: str
    fault: str
    text: str  # empty when it was stopped

    @property
    def answered(self) -> bool:
        return self.text.startswith(("OK", "Hi"))


class Program(NamedTuple):
    command: Sequence[str]
    folder: str = ""
    added: Callable[[Mapping[str, str]], dict[str, str]] = lambda _: {}


def _of_node(variables: Mapping[str, str]) -> dict[str, str]:
    """The lab's trust and its proxy, by the names that Node reads."""
    return {"NODE_EXTRA_CA_CERTS": variables.get("SSL_CERT_FILE", ""), "NODE_USE_ENV_PROXY": "1"}


def _of_claude_code(variables: Mapping[str, str]) -> dict[str, str]:
    patience = {"API_TIMEOUT_MS": str(GIVES_UP_S * 1000), "CLAUDE_CODE_MAX_RETRIES": "0"}
    return {"NODE_EXTRA_CA_CERTS": variables.get("SSL_CERT_FILE", ""), **patience}


def programs() -> dict[str, Program]:
    """Those that are installed here."""
    found = {f"python-{name}": Program([python, "-c", PYTHON]) for name, python in PYTHON_SDKS.items()}
    if sdk := NPM_SDKS.get("1"):
        found |= {f"node-{line}": Program([node, "-e", NODE], sdk, _of_node) for line, node in NODES.items()}
    if CLAUDE_CODE:
        found["claude-code"] = Program([CLAUDE_CODE, "-p", "Hi", "--model", MODEL], "", _of_claude_code)
    return found


def printed(client: str, fault: Fault) -> Printed:
    """Inside the namespace: what this client prints when this is wrong."""
    program = programs()[client]
    with Lab(fault) as lab, tempfile.TemporaryDirectory() as home:
        variables = {**lab.variables, **program.added(lab.variables)}
        try:
            done = subprocess.run(
                program.command, env={"PATH": "/usr/bin:/bin", "HOME": home, **variables}, cwd=program.folder or home,
                capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Printed(client, fault.name, "")
    return Printed(client, fault.name, done.stdout + done.stderr)


def in_a_namespace(client: str, faults: Sequence[str]) -> list[Printed]:
    """The same from outside, one after the other."""
    command = [*ALONE, *INSIDE, sys.executable, "-m", "tests.real_texts", "--inside", client, *faults]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ, check=True)
    return [Printed(*json.loads(line)) for line in done.stdout.splitlines()]


def _summary(client: str, texts: Sequence[Printed], *, verbose: bool) -> str:
    lines, first, among = [], 0, 0
    failed = [one for one in texts if one.text and not one.answered]
    for one in failed:
        found, wanted = explain_text(one.text), find(one.fault).problem
        others = [other.code for other in found.alternatives]
        first += found.problem == wanted
        among += wanted in (found.problem, *others)
        if verbose and found.problem != wanted:
            last = next((line.strip() for line in reversed(one.text.splitlines()) if line.strip(" }")), "")
            lines.append(
                f"  {one.fault}: {found.problem} ({found.confidence}; {', '.join(others)})\n    {last[:150]}\n"
            )
    return f"{client:<16}{first:4d} first, {among:4d} with the alternatives, of {len(failed)}\n" + "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.real_texts", description=__doc__)
    parser.add_argument("--client", action="append", help="one that is installed; all of them without it")
    parser.add_argument("--only", default="", metavar="PATTERN", help="a regular expression on the fault's name")
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("-v", dest="verbose", action="store_true", help="show what was not named first")
    asked = parser.parse_args()
    if asked.inside:
        client, *names = asked.inside
        with ThreadPoolExecutor(2) as pool:
            for one in pool.map(lambda name: printed(client, find(name)), names):
                sys.stdout.write(json.dumps(one) + "\n")
        return
    names = [fault.name for fault in FAULTS if fault.available() and re.search(asked.only, fault.name)]
    for client in asked.client or programs():
        sys.stdout.write(_summary(client, in_a_namespace(client, names), verbose=asked.verbose))


if __name__ == "__main__":
    main()
