"""One run of the lab: what all scenarios share, and the way to examine one. Cleans up behind itself."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from tests.netlab import cures
from tests.netlab.addresses import API_HOST, VALID_KEY
from tests.netlab.api_server import ApiServer
from tests.netlab.authority import Authorities
from tests.netlab.client import Machine, Said, Workplace, interpreter
from tests.netlab.installed import place
from tests.netlab.namespace import PREFIX, LabError, remove_leftovers
from tests.netlab.network import Network
from tests.netlab.outcome import Outcome, answer_of, verdict_of
from tests.netlab.scenario import Question, Scenario
from tests.netlab.topology import Topology

DOCTOR_TIMEOUT_S = 20
HARD_LIMIT_S = DOCTOR_TIMEOUT_S + 10  # a doctor that runs longer than this has broken its promise
RECORD_LIMIT_S = 6

SDK_SCRIPT = Path(__file__).with_name("sdk_script.py")


def missing_for(scenario: Scenario) -> list[str]:
    """What this scenario alone asks for and this machine lacks."""
    return [need for need in scenario.needs if not place(need).exists()]


def missing_requirements() -> list[str]:
    """Why the lab cannot run on this machine at all; empty when it can."""
    missing: list[str] = []
    if sys.platform != "linux":
        return ["Linux is needed for network namespaces"]
    if os.geteuid() != 0:
        missing.append("root is needed for network namespaces")
    missing += [f"{name} is not installed" for name in ("ip", "nft", "nginx", "unbound") if not shutil.which(name)]
    return missing


class Lab:
    """A context manager. `examine` may be called from several threads. In `shells` the advised cures are pasted."""

    def __init__(self, shells: Sequence[str] = ()) -> None:
        self.shells = tuple(shells)

    def __enter__(self) -> Self:
        remove_leftovers()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.folder.chmod(0o755)  # proxies give up root and still read their files
        self.authorities = Authorities()
        (self.folder / "machine").mkdir()
        self.machine = Machine(self.folder / "machine", self.authorities)
        self.machine.prepare()
        self.api = ApiServer(self.folder / "api.sock")
        self.live: dict[str, Topology] = {}
        self.stopping = threading.Event()
        self._number = 0
        self._lock = threading.Lock()
        return self

    def __exit__(self, *_: object) -> None:
        self.api.__exit__()
        for topology in list(self.live.values()):
            topology.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """End whatever runs now: the threads that wait for it then tear their networks down."""
        self.stopping.set()
        for topology in list(self.live.values()):
            for namespace in topology.namespaces.values():
                namespace.stop()

    def examine(self, scenario: Scenario, *, doctor: bool = True, record: bool = False) -> Outcome:
        outcome = Outcome(scenario, left_out=", ".join(missing_for(scenario)))
        if outcome.left_out:
            return outcome
        try:
            self._examine(scenario, outcome, doctor=doctor, record=record)
        except (LabError, OSError) as error:
            outcome.lab_error = str(error)
        return outcome

    def _examine(self, scenario: Scenario, outcome: Outcome, *, doctor: bool, record: bool) -> None:
        started, tag = time.monotonic(), self.tag()
        with self.network(scenario, tag) as workplace:
            outcome.up_seconds = round(time.monotonic() - started, 2)
            if doctor and not self.stopping.is_set():
                outcome.verdict, outcome.report = verdict_of(run_doctor(workplace, self.shell_for(tag)))
            for question in scenario.questions if doctor else ():
                if not self.stopping.is_set():
                    outcome.answers.append(answer_of(question, run_question(workplace, question)))
            if record and not self.stopping.is_set():
                outcome.curl, outcome.sdk = record_others(workplace)
        if self.shells and outcome.report and scenario.expected.failing and not self.stopping.is_set():
            self._paste(scenario, outcome, tag)

    def _paste(self, scenario: Scenario, outcome: Outcome, tag: str) -> None:
        """Each mend in a network that is new: the one before may have changed a file or an interface."""
        shell = self.shell_for(tag)
        for mend in cures.mends(outcome.report):
            outcome.shown_mends += 1
            if self.stopping.is_set() or not cures.can_be_pasted(mend, outcome.report["route"]["client"]):
                continue
            with self.network(scenario, tag) as workplace:
                outcome.pasted.append(cures.paste(workplace, mend, shell))

    def shell_for(self, tag: str) -> str:
        """They take turns, so that each sees every kind of mend."""
        return self.shells[int(tag.rpartition("-")[2]) % len(self.shells)] if self.shells else "sh"

    @contextlib.contextmanager
    def network(self, scenario: Scenario, tag: str) -> Iterator[Workplace]:
        """The scenario's network while it is up; all of it is gone afterwards."""
        network = Network(self.authorities)
        scenario.change(network)
        folder = self.folder / tag
        folder.mkdir()
        topology = Topology(network, tag, folder, self.folder / "api.sock")
        self.live[tag] = topology
        try:
            with topology:
                yield Workplace(topology, self.machine, folder / "home")
        finally:
            del self.live[tag]
            shutil.rmtree(folder, ignore_errors=True)

    def tag(self) -> str:
        with self._lock:
            self._number += 1
            return f"{os.getpid()}-{self._number}"


def doctor_exists() -> bool:
    return importlib.util.find_spec("claudecheck.__main__") is not None


def run_doctor(workplace: Workplace, shell: str = "sh") -> Said:
    client = workplace.topology.network.client
    chosen = ["--python", str(interpreter(client.python))] if client.python else []
    chosen += ["--client", client.program] if client.program != "python" else []
    argv = [sys.executable, "-m", "claudecheck", "doctor", "--json", "--timeout", str(DOCTOR_TIMEOUT_S)]
    return workplace.run(cures.under(shell, [*argv, *chosen, *client.arguments], workplace.home), HARD_LIMIT_S)


def run_question(workplace: Workplace, question: Question) -> Said:
    argv = [sys.executable, "-m", "claudecheck", *question.asks.split(), "--json"]
    return workplace.run(argv, HARD_LIMIT_S)


def record_others(workplace: Workplace) -> tuple[Said, Said | None]:
    """What curl and the plain SDK say on the same fault, side by side; both are given a few seconds.

    Where a client on Node is looked at, the SDK is the one of npm, or fetch. Claude Code is never started.
    """
    base = workplace.environment.get("ANTHROPIC_BASE_URL") or f"https://{API_HOST}"
    curl = workplace.start(
        ["curl", "-sS", "--max-time", str(RECORD_LIMIT_S), "-o", "/dev/null",
         "-H", f"authorization: Bearer {VALID_KEY}",
         "-w", "%{time_total} HTTP %{http_code} from %{remote_ip}", f"{base}/v1/models"],
    )  # fmt: skip
    program = workplace.topology.network.client.program
    on_node = program in ("typescript", "node")
    script = ["node", str(SDK_SCRIPT.with_suffix(".cjs"))] if on_node else [str(workplace.python), str(SDK_SCRIPT)]
    asked = None if program == "claude-code" else [*script, str(RECORD_LIMIT_S)]
    sdk = workplace.run(asked, RECORD_LIMIT_S * 2) if asked else None
    stdout, stderr = curl.communicate()
    seconds, _, stdout = stdout.partition(" ")
    return Said(curl.returncode, stdout, stderr, round(float(seconds), 2)), sdk
