"""Where commands are run: on this machine against the embedded lab, or as the client of a network of the lab."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.netlab.client import Workplace
from tests.netlab.lab import Lab
from tests.netlab.scenario import Change, Scenario, gets_through

#: Seconds that a command may take. Behind a silent proxy the SDK waits ten minutes, three times over: what is
#: compared is then this much of it.
LIMIT_S = 60.0
#: The shell tells the time, so that entering the namespace is not measured with the command.
_TIMED = 'from=$EPOCHREALTIME; timeout "$0" "$@" >/dev/null 2>&1 </dev/null; code=$?; echo "$from $EPOCHREALTIME $code"'


class Place(Protocol):
    """Runs a command to its end. `succeeds` is what it has to do here: what else it did was not measured."""

    def seconds(self, command: Sequence[str], *, succeeds: bool = True) -> float: ...


@dataclass(frozen=True)
class Here:
    """This machine, with these variables and no others."""

    variables: Mapping[str, str]

    def seconds(self, command: Sequence[str], *, succeeds: bool = True) -> float:
        started = time.perf_counter()
        done = subprocess.run(
            command,
            env=dict(self.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,  # grep stops at the first match when nobody reads what it finds
            check=False,
        )
        taken = time.perf_counter() - started
        _check(command, done.returncode, succeeds=succeeds, said=done.stderr.decode())
        return taken

    def peak_mib(self, command: Sequence[str]) -> float:
        """The most memory that the command's own process held, without its children: Linux keeps the mark."""
        process = subprocess.Popen(
            command,
            env=dict(self.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peak = 0
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
            except OSError:
                break
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.004)
        process.wait()
        return peak / 1024


@dataclass(frozen=True)
class There:
    """The client of a network that is up."""

    workplace: Workplace

    def seconds(self, command: Sequence[str], *, succeeds: bool = True) -> float:
        said = self.workplace.run(["bash", "-c", _TIMED, f"{LIMIT_S:g}", *command], 2 * LIMIT_S)
        began, ended, code = said.stdout.split()
        _check(command, int(code), succeeds=succeeds, said=said.stderr)
        return float(ended) - float(began)


def _check(command: Sequence[str], code: int, *, succeeds: bool, said: str) -> None:
    if (code == 0) is not succeeds:
        raise SystemExit(f"{' '.join(command)[:200]} ended with {code}: {said[-400:]}")


@contextmanager
def network(lab: Lab, name: str, *changes: Change) -> Iterator[There]:
    """A network with these changes, while it is up."""

    def change(net: object) -> None:
        for one in changes:
            one(net)  # type: ignore[arg-type]

    with lab.network(Scenario(name, "bench", "", gets_through(), change), lab.tag()) as workplace:
        yield There(workplace)
