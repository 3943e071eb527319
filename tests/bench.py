"""`make bench`: whole commands against what they are compared with, in turn, in one run. Prints ratios.

The two of a pair run one after the other, so that a machine whose speed drifts slows both; the median
of the pairs' ratios is what counts. Everything is on loopback, against the embedded lab.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from claudecheck.lab import Lab
from tests.doctor import clean_environment

PAIRS = 9
#: The smallest program that does what the doctor's last stage does.
SMALLEST_SCRIPT = (
    "import anthropic; anthropic.Anthropic(max_retries=0).messages.create("
    "model='claude-haiku-5-5', max_tokens=1, messages=[{'role': 'user', 'content': 'Hi'}])"
)


def seconds(command: Sequence[str], variables: Mapping[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        command,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[:4]} ended with {done.returncode}: {done.stderr.decode()[-400:]}")
    return time.perf_counter() - started


def compare(name: str, ours: Sequence[str], theirs: Sequence[str], variables: Mapping[str, str], aim: str) -> None:
    seconds(ours, variables)
    seconds(theirs, variables)
    pairs = [(seconds(ours, variables), seconds(theirs, variables)) for _ in range(PAIRS)]
    ratio = statistics.median(a / b for a, b in pairs)
    a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
    sys.stdout.write(f"{name:<58}{a:7.3f} s {b:7.3f} s   ratio {ratio:5.2f}   {aim}\n")


def main() -> None:
    ours = [sys.executable, "-m", "claudecheck"]
    with Lab("healthy") as lab:
        variables = clean_environment(lab.variables)
        full = [*ours, "doctor", "--local-only", "--python", sys.executable]
        script = [sys.executable, "-c", SMALLEST_SCRIPT]
        compare("doctor : the smallest SDK script", full, script, variables, "aim: at most 1.2")
        if curl := shutil.which("curl"):
            models = lab.variables["ANTHROPIC_BASE_URL"] + "/v1/models"
            fetch = [curl, "-sS", "--cacert", lab.variables["SSL_CERT_FILE"], models]
            compare("doctor --no-message : curl of /v1/models", [*full, "--no-message"], fetch, variables, "")
        version, typer = [*ours, "--version"], [sys.executable, "-c", "import typer"]
        compare("--version : python -c 'import typer'", version, typer, variables, "")


if __name__ == "__main__":
    main()
