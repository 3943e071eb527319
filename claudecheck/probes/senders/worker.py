"""The subprocess in which the user's interpreter runs the real SDK: chosen, started, asked, ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.observations import Interpreter
from claudecheck.route import Family

SCRIPT = Path(__file__).parent / "sdk_script.py"
#: Seconds for an interpreter to tell its facts: it starts and imports `ssl`, nothing else.
FACTS_LIMIT_S = 10.0
#: What tells the worker to ask for addresses of one family only.
FAMILY_VARIABLE = "CLAUDECHECK_ADDRESS_FAMILY"
MOST_CANDIDATES = 8

Event = dict[str, Any]


class Worker:
    """One interpreter with the worker script in it. Events are read on a daemon thread."""

    def __init__(self, path: str, chosen_by: str, variables: Mapping[str, str]) -> None:
        self.path = path
        self.chosen_by = chosen_by
        self.events: queue.Queue[Event | None] = queue.Queue()
        self._stderr_tail = ""
        self._loading = False
        self._process = subprocess.Popen(
            [path, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(variables),
            # Ctrl-C is ours to answer: the worker is ended by us, not by the terminal.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read_events, daemon=True)
        self._reader.start()
        self._listener = threading.Thread(target=self._read_stderr, daemon=True)
        self._listener.start()

    def _read_events(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        for line in stream:
            try:
                self.events.put(json.loads(line))
            except ValueError:
                continue  # not ours: something in the user's start-up wrote to this stream
        self.events.put(None)

    def _read_stderr(self) -> None:
        stream = self._process.stderr
        if stream is None:
            return
        for line in stream:
            self._stderr_tail = (self._stderr_tail + line.decode("utf-8", "replace"))[-2000:]

    def wait(self, limit_s: float) -> Event | None:
        """The next event; None when it did not come in time. The process's end is an event of its own."""
        try:
            event = self.events.get(timeout=max(limit_s, 0.001))
        except queue.Empty:
            return None
        if event is None:
            self.events.put(None)  # for whoever asks next
            self._listener.join(timeout=0.5)
            status = self._process.wait(timeout=1) if self._process.poll() is None else self._process.returncode
            return {"event": "ended", "status": status, "stderr": self._stderr_tail}
        return event

    def load(self) -> None:
        """Import the SDK and build a client, side by side with whatever comes next."""
        if not self._loading:
            self._loading = True
            self.ask(do="load")

    def ask(self, **command: Any) -> None:
        stream = self._process.stdin
        if stream is None:
            return
        try:
            stream.write(json.dumps(command).encode() + b"\n")
            stream.flush()
        except OSError:
            return  # it has ended; `wait` says so

    def end(self) -> None:
        """Ended at once, whatever it is doing; nothing of it is left behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        # The reading threads see the end of their streams, unless a child of the worker holds them open.
        for thread in (self._reader, self._listener):
            thread.join(timeout=0.2)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None and not (self._reader.is_alive() or self._listener.is_alive()):
                with contextlib.suppress(OSError):
                    stream.close()


def _candidates(variables: Mapping[str, str], named: str | None) -> Iterator[tuple[str, str]]:
    if named:
        yield named, "--python"
        return
    scripts, python = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python3")
    if folder := variables.get("VIRTUAL_ENV"):
        for name in (python, "python.exe" if os.name == "nt" else "python"):
            if (inside := Path(folder) / scripts / name).is_file():
                yield str(inside), "VIRTUAL_ENV"
                return
    found = 0
    for folder in dict.fromkeys(variables.get("PATH", "").split(os.pathsep)):
        path = shutil.which("python3", path=folder) or (
            shutil.which("python", path=folder) if os.name == "nt" else None
        )
        if folder and path and found < MOST_CANDIDATES:
            found += 1
            yield path, "PATH"


def start(
    variables: Mapping[str, str], named: str | None, deadline: Deadline, family: Family = "any"
) -> tuple[Worker | None, Interpreter]:
    """The first interpreter that serves (design, decision 13), its worker running, and its facts.

    Named ones are taken as they are; one found on PATH only when it has the SDK; else our own. With a
    `family` it connects to addresses of that family only.
    """
    if family != "any":
        variables = {**variables, FAMILY_VARIABLE: family}
    for path, chosen_by in _candidates(variables, named):
        worker, facts = _try(path, chosen_by, variables, deadline)
        if chosen_by != "PATH" or (facts.ok and facts.sdk):
            return worker, facts
        if worker is not None:
            worker.end()
    return _try(sys.executable, "own", variables, deadline)


def facts(variables: Mapping[str, str], named: str | None, deadline: Deadline) -> Interpreter:
    """The facts of the interpreter that `start` would choose; nothing stays running."""
    worker, interpreter = start(variables, named, deadline)
    if worker is not None:
        worker.end()
    return interpreter


def _try(
    path: str, chosen_by: str, variables: Mapping[str, str], deadline: Deadline
) -> tuple[Worker | None, Interpreter]:
    try:
        worker = Worker(path, chosen_by, variables)
    except OSError as error:
        return None, Interpreter(path=path, chosen_by=chosen_by, failure=Failure.SDK_BROKEN, error=str(error))
    event = worker.wait(deadline.share(FACTS_LIMIT_S))
    if event is None or event["event"] != "facts":
        told = _why_broken(event)
        worker.end()
        return None, Interpreter(path=path, chosen_by=chosen_by, failure=Failure.SDK_BROKEN, error=told)
    return worker, Interpreter(
        path=path,
        chosen_by=chosen_by,
        python=event["python"],
        openssl=event["openssl"],
        sdk=event["sdk"],
        http_stack=event["http_stack"],
        generation=event["generation"] if event["sdk"] else 0,
        strict_x509=event["strict_x509"],
        cafile=event["cafile"],
        capath=event["capath"],
        socks=event["socks"],
    )


def _why_broken(event: Event | None) -> str:
    if event is None:
        return "it did not answer in time"
    if event["event"] == "broken":
        return "; ".join(f"{link['type']}: {link['message']}" for link in event["chain"])
    return f"it ended with status {event.get('status')}: {str(event.get('stderr', '')).strip()}"
