"""`explain` on a large log, with its start, against `grep -E` for the words that somebody would look for by hand."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.bench.commands import OURS
from tests.bench.measured import Line, pairs, ratio
from tests.bench.places import Here
from tests.doctor import clean_environment

#: What somebody would look for in a log by hand.
WORDS = (
    "[Ee]rror|ERROR|[Ee]xception|[Ff]ailed|FAILED|refused|timed out|[Tt]imeout|certificate|CERTIFICATE|ECONNRESET"
    "|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|[Cc]onnection reset|resolve|resolution|Unable|unable|No such|gateway"
    "|Gateway|[Ii]nvalid|blocked|overloaded|unauthorized|authentication_error|permission_error|rate_limit|x-api-key"
    "|Broken pipe|unreachable|handshake"
)
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


@contextmanager
def log(megabytes: int, *, errors: float) -> Iterator[Path]:
    """A log of that size, of whose lines a share are errors."""
    chance = random.Random(7)
    kinds = (chance.choice(_ERRORS if chance.random() < errors else _ORDINARY) for _ in itertools.count())
    part = "".join(next(kinds).replace("{n}", str(chance.randrange(1000))) + "\n" for _ in range(100_000)).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        with path.open("wb") as file:
            for _ in range(megabytes * 1_000_000 // len(part)):
                file.write(part)
        yield path


def logs(megabytes: int, tell: Callable[[Line], None]) -> Iterator[Line]:
    """The same file for both, which both find in memory."""
    if not shutil.which("grep"):
        return
    here = Here({**clean_environment({}), "LC_ALL": "C", "PATH": os.environ["PATH"]})
    for name, errors in (("few errors", 0.0001), ("30 % errors", 0.3)):
        with log(megabytes, errors=errors) as path:
            ours, theirs = ([*OURS, "explain", str(path)], ["grep", "-cE", WORDS, str(path)])
            taken = pairs(partial(here.seconds, ours), partial(here.seconds, theirs), 3)
            line = ratio(f"explain : grep -cE, {megabytes} MB, {name}", taken)
            tell(line)
            yield line
