"""One network namespace, and the processes in it. Knows nothing of what they are for."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

#: The marker of everything that the lab creates on a machine.
PREFIX = "cc-"
READY_LIMIT_S = 15.0

#: What daemons get: nothing of the shell that started the lab.
DAEMON_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True)
class Listen:
    """A port on which a daemon is ready, once something listens there."""

    port: int
    protocol: Protocol = "tcp"


class LabError(Exception):
    """The lab itself did not come up: never a verdict about the doctor."""


def run(argv: Sequence[str], *, stdin: str | None = None) -> str:
    """Run a tool of the host to its end; a failure carries what it said."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()}\n{stdin or ''}")
    return done.stdout


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    name: str
    log: Path
    says_ready: str = ""

    @property
    def ready(self) -> bool:
        return not self.says_ready or self.says_ready in self.log.read_text(errors="replace")

    def why(self) -> str:
        text = self.log.read_text(errors="replace").strip() if self.log.exists() else ""
        return f"{self.name} (status {self.process.poll()}): {text[-1500:] or 'it said nothing'}"


@dataclass
class Namespace:
    name: str
    running: list[Running] = field(default_factory=list)

    @property
    def etc(self) -> Path:
        """Files here stand in for those of /etc, for every process that `ip netns exec` starts."""
        return Path("/etc/netns") / self.name

    def inside(self, *argv: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *argv]

    def ip(self, commands: Iterable[str]) -> None:
        if text := "\n".join(commands):
            run(["ip", "-n", self.name, "-batch", "-"], stdin=text + "\n")

    def sysctl(self, values: dict[str, str]) -> None:
        if values:
            lines = [f"echo {value} > /proc/sys/{key.replace('.', '/')}" for key, value in values.items()]
            run(self.inside("sh", "-e"), stdin="\n".join(lines))

    def nft(self, ruleset: str) -> None:
        if ruleset:
            run(self.inside("nft", "-f", "-"), stdin=ruleset)

    def start(self, name: str, argv: Sequence[str], folder: Path, says_ready: str = "") -> Running:
        """Start a daemon in the foreground, in a process group of its own."""
        log = folder / f"{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                self.inside(*argv),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=DAEMON_ENVIRONMENT,
                cwd=folder,
                start_new_session=True,
            )
        running = Running(process, name, log, says_ready)
        self.running.append(running)
        return running

    def listening(self) -> set[Listen]:
        """The ports on which sockets listen, as the kernel tells it: no packet is sent."""
        table = run(self.inside("sh", "-c", "cd /proc/net && head -n -0 tcp tcp6 udp udp6"))
        found: set[Listen] = set()
        protocol: Protocol = "tcp"
        for line in table.splitlines():
            if line.startswith("==>"):
                protocol = "udp" if "udp" in line else "tcp"
                continue
            fields = line.split()
            # 0A is LISTEN; an unconnected UDP socket is in state 07.
            if len(fields) > 3 and fields[3] == ("0A" if protocol == "tcp" else "07"):
                found.add(Listen(int(fields[1].rsplit(":", 1)[1], 16), protocol))
        return found

    def wait_for(self, wanted: set[Listen]) -> None:
        """Until every port is there and every log says so; an error tells what the daemons said."""
        limit = time.monotonic() + READY_LIMIT_S
        while (missing := wanted - self.listening()) or not all(running.ready for running in self.running):
            if dead := [running for running in self.running if running.process.poll() is not None]:
                raise LabError("ended at once: " + "; ".join(running.why() for running in dead))
            if time.monotonic() > limit:
                raise LabError(f"not ready on {missing}: " + "; ".join(running.why() for running in self.running))
            time.sleep(0.01)

    def stop(self) -> None:
        """End what was started here, then whatever else still lives in the namespace."""
        if sys.platform == "win32":
            raise NotImplementedError
        for running in self.running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(running.process.pid, signal.SIGKILL)
        for running in self.running:
            running.process.wait()
        self.running.clear()
        listed = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        for pid in listed.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def delete(self) -> None:
        self.stop()
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, check=False)
        shutil.rmtree(self.etc, ignore_errors=True)


def remove_leftovers() -> None:
    """What runs left behind that were killed: `cc-<pid>-…` whose process is gone. Living runs are left alone."""
    for name in _of_dead_runs(Path("/run/netns")):
        Namespace(name).delete()
    for name in _of_dead_runs(Path(tempfile.gettempdir())):
        shutil.rmtree(Path(tempfile.gettempdir()) / name, ignore_errors=True)


def _of_dead_runs(folder: Path) -> list[str]:
    names = [entry.name for entry in folder.glob(f"{PREFIX}*")] if folder.is_dir() else []
    return [name for name in names if (pid := name.split("-")[1]).isdigit() and not Path(f"/proc/{pid}").exists()]
