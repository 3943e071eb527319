"""Runs a command as the client of a network: its environment, its files, its trust store and its clock."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.netlab.authority import Authorities, hashed_name
from tests.netlab.installed import place
from tests.netlab.namespace import LabError
from tests.netlab.network import Client
from tests.netlab.topology import Topology

REPOSITORY = Path(__file__).parents[2]
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
PATH = "/usr/local/bin:/usr/bin:/bin"

#: Bind files over those of the machine, for this process only: `ip netns exec` has made its mounts private.
_ENTER = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"'


@dataclass(frozen=True)
class Said:
    """What a command said. `status` is None when it had to be ended."""

    status: int | None
    stdout: str
    stderr: str
    seconds: float


def interpreter(version: str) -> Path:
    return place(version) / "bin" / "python" if version else Path(sys.executable)


@cache
def bundle_of(python: Path) -> Path | None:
    """Where that interpreter's certifi keeps its authorities."""
    asked = subprocess.run(
        [str(python), "-c", "import certifi; print(certifi.where())"],
        capture_output=True, text=True, timeout=30, check=False, env={"PATH": PATH},
    )  # fmt: skip
    return Path(asked.stdout.strip()) if asked.returncode == 0 else None


@dataclass
class Machine:
    """The files that every client of a run shares: made once."""

    folder: Path
    authorities: Authorities

    def prepare(self) -> None:
        """The machine's own public authorities, and the lab's."""
        store = self.folder / "ssl"
        shutil.copytree("/etc/ssl", store, symlinks=True, ignore=shutil.ignore_patterns("private"))
        _add_root(store, self.authorities.public.root_pem)
        empty = self.folder / "ssl-empty"
        (empty / "certs").mkdir(parents=True)
        shutil.copy("/etc/ssl/openssl.cnf", empty)

    def store_for(self, client: Client, folder: Path) -> Path:
        """A directory that stands in for /etc/ssl."""
        if client.empty_store:
            return self.folder / "ssl-empty"
        if not client.roots:
            return self.folder / "ssl"
        store = folder / "ssl"
        shutil.copytree(self.folder / "ssl", store, symlinks=True)
        for pem in client.roots:
            _add_root(store, pem)
        return store

    def bundle_for(self, bundle: Path) -> Path:
        """certifi's file with the lab's public root: the lab's authority is public in every store."""
        name = str(bundle).strip("/").replace("/", "_")
        copy = self.folder / name
        if not copy.exists():
            written = self.folder / f"{name}.{os.getpid()}.{time.monotonic_ns()}"
            written.write_text(bundle.read_text() + "\n" + self.authorities.public.root_pem)
            written.rename(copy)
        return copy


def _add_root(store: Path, pem: str) -> None:
    """Into the bundle and into the hashed directory, as update-ca-certificates does."""
    bundle = store / "certs" / "ca-certificates.crt"
    text = bundle.read_text() if bundle.exists() else ""
    bundle.unlink(missing_ok=True)
    bundle.write_text(text + "\n" + pem)
    (store / "certs" / hashed_name(pem)).write_text(pem)


@dataclass
class Workplace:
    """The client of one network that is up."""

    topology: Topology
    machine: Machine
    home: Path

    def __post_init__(self) -> None:
        client = self.topology.network.client
        self.home.mkdir(exist_ok=True)
        for name, text in client.files.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        for name, installed in client.links.items():
            (self.home / name).symlink_to(place(installed))
        if client.claude_code:
            (self.home / ".local/bin").mkdir(parents=True)
            (self.home / ".local/bin/claude").touch(mode=0o755)
        self.python = interpreter(client.python)
        self.mounts = [(self.machine.store_for(client, self.home.parent), Path("/etc/ssl"))]
        linked = {found for one in client.links.values() if (found := place(one) / "bin" / "python").exists()}
        for python in {self.python, Path(sys.executable), *linked}:
            if bundle := bundle_of(python):
                self.mounts.append((self._certifi(bundle), bundle))

    def _certifi(self, bundle: Path) -> Path:
        """That interpreter's authorities, with those that this client's user added."""
        shared, roots = self.machine.bundle_for(bundle), self.topology.network.client.certifi_roots
        if not roots:
            return shared
        own = self.home.parent / shared.name
        own.write_text("\n".join([shared.read_text(), *roots]))
        return own

    @property
    def environment(self) -> dict[str, str]:
        client = self.topology.network.client
        variables = {
            "PATH": f"{self.home}/bin:{self.home}/.local/bin:{self.python.parent}:{PATH}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            **{name: value.replace("~", str(self.home)) for name, value in client.env.items()},
        }
        if client.clock:
            if FAKETIME is None:
                raise LabError("libfaketime is not installed; .ci/install-netlab does that")
            # Only what the date is: timeouts go on as they should, also those of locks between threads.
            variables |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME": client.clock}
            variables |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
        return variables

    def command(self, argv: list[str]) -> list[str]:
        mounts = [str(part) for mount in self.mounts for part in mount]
        return self.topology.namespaces["client"].inside("sh", "-c", _ENTER, "sh", *mounts, "--", *argv)

    def start(self, argv: list[str]) -> subprocess.Popen[str]:
        # The loader must not preload a clock into `ip` and `sh`, which mount files first.
        environment = self.environment
        hidden = {name: environment.pop(name) for name in ("LD_PRELOAD",) if name in environment}
        argv = ["env", *(f"{name}={value}" for name, value in hidden.items()), *argv] if hidden else argv
        return subprocess.Popen(
            self.command(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            cwd=self.home,
            start_new_session=True,
        )

    def run(self, argv: list[str], limit_s: float) -> Said:
        started = time.monotonic()
        process = self.start(argv)
        try:
            stdout, stderr = process.communicate(timeout=limit_s)
            status: int | None = process.returncode
        except subprocess.TimeoutExpired:
            with _group_ended(process):
                stdout, stderr = process.communicate()
            status = None
        return Said(status, stdout, stderr, round(time.monotonic() - started, 2))


@contextlib.contextmanager
def _group_ended(process: subprocess.Popen[str]) -> Iterator[None]:
    if sys.platform == "win32":
        raise NotImplementedError
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    yield
