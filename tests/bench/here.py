"""What is measured on this machine alone: loopback, memory, start-up, and what every command imports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from claudecheck.lab import Lab
from tests.bench.commands import DOCTOR, ONE_TRY, OURS, PYTHON, curl
from tests.bench.measured import Line, more, pairs, ratio
from tests.bench.places import Here
from tests.doctor import clean_environment

#: Each command in the form that does the least, and what it may need beside the standard library.
COMMANDS = {
    "--version": ["--version"],
    "--help": ["--help"],
    "explain CODE": ["explain", "tls-intercepted"],
    "demo --list": ["demo", "--list"],
    "routes": ["routes"],
    "schema": ["schema"],
    "trust": ["trust"],
    "doctor": ["doctor", "--local-only", "--no-message", "--json", "--python", PYTHON],
}
#: Packages whose import is worth telling: what they cost together is most of a start.
_HEAVY = ("anthropic", "cryptography", "dns", "h11", "httpcore", "httpx", "msgspec", "OpenSSL", "rich", "ssl", "typer")

Tell = Callable[[Line], None]


def on_loopback(number: int, tell: Tell) -> Iterator[Line]:
    with Lab("healthy") as lab:
        here = Here(clean_environment(lab.variables))
        doctor = [*DOCTOR, "--local-only"]
        taken = pairs(partial(here.seconds, doctor), partial(here.seconds, ONE_TRY), number)
        yield _told(tell, ratio("loopback: doctor : SDK script", taken, 1.05))
        if shutil.which("curl"):
            fetch = curl(
                *(lab.variables[name] for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "SSL_CERT_FILE"))
            )
            taken = pairs(partial(here.seconds, [*doctor, "--no-message"]), partial(here.seconds, fetch), number)
            yield _told(tell, more("loopback: doctor --no-message - curl", taken, 0.30))


def starting(number: int, tell: Tell) -> Iterator[Line]:
    here = Here(_plain())
    typer = partial(here.seconds, [PYTHON, "-c", "import typer"])
    for name, most in (("--version", 1.0), ("explain CODE", 2.0), ("demo --list", 3.0), ("--help", None)):
        taken = pairs(partial(here.seconds, [*OURS, *COMMANDS[name]]), typer, number)
        yield _told(tell, ratio(f"{name} : python -c 'import typer'", taken, most))


def memory(tell: Tell) -> Iterator[Line]:
    """Of the parent alone: the SDK is imported in a process of its own."""
    with Lab("healthy") as lab:
        here = Here(clean_environment(lab.variables))
        for name, command, most in (
            ("doctor", [*DOCTOR, "--local-only"], 40.0),
            ("doctor --no-message", [*DOCTOR, "--local-only", "--no-message"], 40.0),
            ("explain CODE", [*OURS, *COMMANDS["explain CODE"]], 40.0),
            ("the SDK script", ONE_TRY, None),
        ):
            peak = here.peak_mib(command)
            yield _told(tell, Line(f"most memory, {name}", peak, 0.0, peak, most, "MiB"))


def _told(tell: Tell, line: Line) -> Line:
    tell(line)
    return line


def _plain() -> Mapping[str, str]:
    return {**clean_environment({}), "PATH": os.environ["PATH"]}


# -- imports ----------------------------------------------------------------------------------------


def imports() -> Iterator[list[str]]:
    """For every command: modules, ours among them, milliseconds, and which heavy packages it loads."""
    with Lab("healthy") as lab:
        for name, arguments in COMMANDS.items():
            variables = {**clean_environment(lab.variables), "PATH": os.environ["PATH"], "PYTHONPROFILEIMPORTTIME": "1"}
            done = subprocess.run(
                [*OURS, *arguments],
                env=variables,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            loaded = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", done.stderr, re.MULTILINE)
            names = {module for _, module in loaded}
            heavy = sorted({module.partition(".")[0] for module in names} & set(_HEAVY), key=str.lower)
            ours = sum(module.startswith("claudecheck") for module in names)
            took = sum(int(microseconds) for microseconds, _ in loaded) / 1000
            yield [name, str(len(names)), str(ours), f"{took:.0f}", ", ".join(heavy)]
