"""The subprocess in which the user's interpreter runs the real SDK: chosen, started, asked, ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from claudecheck.clients.secrets import withheld
from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.machine import child, limits, reading
from claudecheck.observations import ChosenBy, Family, Interpreter
from claudecheck.probes import system_errors

SCRIPT = Path(__file__).parent / "sdk_script.py"
#: Seconds for an interpreter to tell its facts: it starts and imports `ssl`, nothing else.
FACTS_LIMIT_S = 10.0
#: What tells the worker to ask for addresses of one family only.
FAMILY_VARIABLE = "CLAUDECHECK_ADDRESS_FAMILY"
MOST_CANDIDATES = 8
#: Bytes of one event: the longest body that the script tells, each of its characters escaped, and the headers.
LONGEST_LINE = 1 << 20
LONGEST_LAST_WORDS = 2000
EVENTS = ("facts", "ready", "answer", "raised", "broken")

Event = dict[str, Any]


class Worker:
    """One interpreter with the worker script in it. Events are read on a daemon thread."""

    def __init__(self, path: str, chosen_by: ChosenBy, variables: Mapping[str, str]) -> None:
        self.path = path
        self.chosen_by = chosen_by
        self.events: queue.Queue[Event | None] = queue.Queue()
        self._loading = False
        self.ready = False  # its SDK is imported, and its client built
        # What the user's own start-up code prints goes to the same pipe, and may be JSON too.
        mark = secrets.token_hex(8)
        self._secret = withheld(variables)
        said = {name: value for name, value in variables.items() if name not in self._secret}
        self._child = child.Child([path, str(SCRIPT), mark], variables=said)
        self._said = child.Tail(self._child.stderr, LONGEST_LAST_WORDS)
        self._reader = threading.Thread(target=self._read_events, args=(mark.encode(),), daemon=True)
        self._reader.start()

    def _read_events(self, mark: bytes) -> None:
        with self._child.stdout as stream, contextlib.suppress(OSError, ValueError):
            whole = True  # what comes next begins a line
            while line := stream.readline(LONGEST_LINE):
                if whole and (event := event_of(line, mark)) is not None:
                    self.events.put(event)
                whole = line.endswith(b"\n")
        self.events.put(None)

    def wait(self, limit_s: float) -> Event | None:
        """The next event; None when it did not come in time. The process's end is an event of its own."""
        try:
            event = self.events.get(timeout=max(limit_s, 0.001))
        except queue.Empty:
            return None
        self.ready = self.ready or (event is not None and event["event"] == "ready")
        if event is None:
            self.events.put(None)  # for whoever asks next
            status = self._child.status(1.0)
            self._said.join(timeout=0.5)
            return {"event": "ended", "status": status, "stderr": self._said.bytes.decode("utf-8", "replace")}
        return event

    def load(self) -> None:
        """Import the SDK and build a client, side by side with whatever comes next."""
        if not self._loading:
            self._loading = True
            self.ask(do="load", variables=self._secret)

    def ask(self, **command: Any) -> None:
        try:
            self._child.stdin.write(json.dumps(command).encode() + b"\n")
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # it has ended; `wait` says so
        except OSError as error:  # of this machine: nobody will answer what was not asked
            self.events.put({"event": "unasked", "error": str(error)})

    def end(self) -> None:
        """Ended at once, whatever it is doing; nothing of it is left behind."""
        self._child.end()
        # The reading threads see the end of their streams, unless something that has left the session holds them open.
        for thread in (self._reader, self._said):
            thread.join(timeout=0.2)
        with contextlib.suppress(OSError):
            self._child.stdin.close()


#: Those that were begun before it was known that they are needed: for the first that asks for just that one.
_begun: list[tuple[str, ChosenBy, Mapping[str, str], Worker]] = []


def begin(variables: Mapping[str, str], named: str | None) -> None:
    """Start the interpreter that will most likely be asked first, before anything else of ours is imported."""
    path, chosen_by = next(_candidates(variables, named), (sys.executable, "own"))
    with contextlib.suppress(OSError, ValueError, RuntimeError, MemoryError):  # who asks for it will see for himself
        _begun.append((path, chosen_by, dict(variables), Worker(path, chosen_by, variables)))


def _begun_or_new(path: str, chosen_by: ChosenBy, variables: Mapping[str, str]) -> Worker:
    if _begun:
        *asked, worker = _begun.pop()
        if asked == [path, chosen_by, dict(variables)]:
            return worker
        worker.end()
    return Worker(path, chosen_by, variables)


def event_of(line: bytes, mark: bytes) -> Event | None:
    """The event in a line of the worker's; None when something else has written it, or only a part of it."""
    if not line.startswith(mark):
        return None
    try:
        event = json.loads(line[len(mark) :])
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.get("event") in EVENTS else None


def _candidates(variables: Mapping[str, str], named: str | None) -> Iterator[tuple[str, ChosenBy]]:
    if named:
        yield named, "--python"
        return
    scripts, python = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python3")
    if folder := variables.get("VIRTUAL_ENV"):
        for name in (python, "python.exe" if os.name == "nt" else "python"):
            if reading.is_file(inside := Path(folder) / scripts / name):
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
    variables: Mapping[str, str],
    named: str | None,
    deadline: Deadline,
    family: Family = "any",
    *,
    load: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[Worker | None, Interpreter]:
    """The first interpreter that serves, its worker running, and its facts.

    Named ones are taken as they are; one found on PATH only when it has the SDK; else our own. With a
    `family` it connects to addresses of that family only. With `load` it goes on with importing the SDK. What there
    is to do `meanwhile` is done while the first one starts.
    """
    if family != "any":
        variables = {**variables, FAMILY_VARIABLE: family}
    for path, chosen_by in _candidates(variables, named):
        chosen = chosen_by != "PATH"
        worker, facts = _try(path, chosen_by, variables, deadline, load=load and chosen, meanwhile=meanwhile)
        if chosen or (facts.ok and facts.sdk):
            if worker is not None and load:
                worker.load()
            return worker, facts
        if worker is not None:
            worker.end()
    return _try(sys.executable, "own", variables, deadline, load=load, meanwhile=meanwhile)


def facts(variables: Mapping[str, str], named: str | None, deadline: Deadline) -> Interpreter:
    """The facts of the interpreter that `start` would choose; nothing stays running."""
    worker, interpreter = start(variables, named, deadline)
    if worker is not None:
        worker.end()
    return interpreter


def _try(
    path: str,
    chosen_by: ChosenBy,
    variables: Mapping[str, str],
    deadline: Deadline,
    *,
    load: bool,
    meanwhile: Callable[[], None],
) -> tuple[Worker | None, Interpreter]:
    try:
        worker = _begun_or_new(path, chosen_by, variables)
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        # Popen names the file where that is what cannot be run; else this machine gave no pipe, process or memory.
        at_fault = isinstance(error, OSError) and error.filename is None
        failure = Failure.LOCAL_LIMIT if at_fault or system_errors.is_local_limit(error) else Failure.SDK_BROKEN
        return None, Interpreter(path=path, chosen_by=chosen_by, failure=failure, error=str(error) or repr(error))
    if load:  # it need not be told again once its facts are there
        worker.load()
    meanwhile()
    event = worker.wait(deadline.share(FACTS_LIMIT_S))
    if event is None or event["event"] != "facts":
        told = _why_broken(event)
        worker.end()
        # An interpreter that is whole does not start with a handful of files, or in a few MB.
        limit = limits.tight()
        failure, told = (Failure.LOCAL_LIMIT, f"{limit}: {told}") if limit else (Failure.SDK_BROKEN, told)
        return None, Interpreter(path=path, chosen_by=chosen_by, failure=failure, error=told)
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
        ssl_context=event["ssl_context"],
        system_cafile=event["system_cafile"],
        system_capath=event["system_capath"],
        socks=event["socks"],
    )


def _why_broken(event: Event | None) -> str:
    if event is None:
        return "it did not answer in time"
    if event["event"] == "broken":
        return "; ".join(f"{link['type']}: {link['message']}" for link in event["chain"])
    return f"it ended with status {event.get('status')}: {str(event.get('stderr', '')).strip()}"
