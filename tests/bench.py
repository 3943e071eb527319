"""`make bench`: whole commands against what they are compared with, in turn, in one run. Prints ratios.

The two of a pair run one after the other, so that a machine whose speed drifts slows both; the median
of the pairs' ratios is what counts. Everything is on loopback, against the embedded lab.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from claudecheck.lab import Lab
from tests.doctor import clean_environment

PAIRS = 9
#: The smallest program that does what the doctor's last stage does.
SMALLEST_SCRIPT = (
    "import anthropic; anthropic.Anthropic(max_retries=0).messages.create("
    "model='claude-haiku-5-5', max_tokens=1, messages=[{'role': 'user', 'content': 'Hi'}])"
)

#: What somebody would look for in a log by hand.
WORDS = (
    "[Ee]rror|ERROR|[Ee]xception|[Ff]ailed|FAILED|refused|timed out|[Tt]imeout|certificate|CERTIFICATE|ECONNRESET"
    "|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|[Cc]onnection reset|resolve|resolution|Unable|unable|No such|gateway"
    "|Gateway|[Ii]nvalid|blocked|overloaded|unauthorized|authentication_error|permission_error|rate_limit|x-api-key"
    "|Broken pipe|unreachable|handshake"
)
LOG_MEGABYTES = 200
_ORDINARY = (
    '10.0.{n}.7 - - [20/Nov/2026:10:00:00 +0000] "GET /api/orders/{n} HTTP/1.1" 200 {n} "-" "python-httpx/0.28.1"',
    '2026-11-20T10:00:00.{n}Z INFO httpx: HTTP Request: POST https://api.anthropic.com/v1/messages "HTTP/1.1 200 OK"',
    '{"ts":"2026-11-20T10:00:00.{n}Z","level":"info","msg":"request handled","error":null,"duration_ms":{n}}',
    "2026-11-20T10:00:00.{n}Z DEBUG app.cache: hit ratio 0.{n}, connection pool size={n} idle=3",
)
_ERRORS = (
    "2026-11-20T10:00:00.{n}Z ERROR Error: getaddrinfo EAI_AGAIN api.anthropic.com",
    "ERROR call failed\nTraceback (most recent call last):\nhttpcore.ConnectError: [Errno 111] Connection refused",
    "2026-11-20T10:00:00.{n}Z ERROR anthropic.RateLimitError: Error code: 429 - {'type': 'rate_limit_error'}",
    '2026-11-20T10:00:00.{n}Z ERROR psycopg2.OperationalError: server at "10.0.0.{n}" failed: Connection refused',
)


def seconds(command: Sequence[str], variables: Mapping[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        command,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,  # grep stops at the first match when nobody reads what it finds
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[:4]} ended with {done.returncode}: {done.stderr.decode()[-400:]}")
    return time.perf_counter() - started


def compare(
    name: str, ours: Sequence[str], theirs: Sequence[str], variables: Mapping[str, str], aim: str, pairs: int = PAIRS
) -> None:
    seconds(ours, variables)
    seconds(theirs, variables)
    taken = [(seconds(ours, variables), seconds(theirs, variables)) for _ in range(pairs)]
    ratio = statistics.median(a / b for a, b in taken)
    a, b = (statistics.median(side) for side in zip(*taken, strict=True))
    sys.stdout.write(f"{name:<58}{a:7.3f} s {b:7.3f} s   ratio {ratio:5.2f}   {aim}\n")


@contextmanager
def log(*, errors: float) -> Iterator[Path]:
    """A log of `LOG_MEGABYTES`, of whose lines a share are errors."""
    chance = random.Random(7)
    kinds = (chance.choice(_ERRORS if chance.random() < errors else _ORDINARY) for _ in itertools.count())
    part = "".join(next(kinds).replace("{n}", str(chance.randrange(1000))) + "\n" for _ in range(100_000)).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        with path.open("wb") as file:
            for _ in range(LOG_MEGABYTES * 1_000_000 // len(part)):
                file.write(part)
        yield path


def compare_reading(ours: Sequence[str]) -> None:
    """`explain` with its start against `grep -E`, on the same file, which both find in memory."""
    variables = {**clean_environment({}), "LC_ALL": "C", "PATH": os.environ["PATH"]}
    for name, errors in (("few errors", 0.0001), ("30 % errors", 0.3)):
        with log(errors=errors) as path:
            find = ["grep", "-cE", WORDS, str(path)]
            what = f"explain : grep -cE, {LOG_MEGABYTES} MB, {name}"
            compare(what, [*ours, "explain", str(path)], find, variables, "", pairs=3)


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
    if shutil.which("grep"):
        compare_reading(ours)


if __name__ == "__main__":
    main()
