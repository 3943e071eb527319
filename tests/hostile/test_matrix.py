"""Stages by misbehaviours: whatever a peer does, the whole report names its layer, in time, in bounds, and escaped."""

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import doctor, probe_peers
from tests.hostile.peers import ANYWHERE, IN_HTTP, Script

KEY = "sk-ant-api03-" + "hostile" * 12
TIMEOUT_S = 8
MOST_MB = 200
#: Exit codes: a deadline that came first is incomplete; everything else is the stage's own.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")
LAYERS = {"tls": 13, "proxy": 14, "socks": 14, "models": 15}


@dataclass(frozen=True)
class Ran:
    report: dict[str, Any]
    exit_code: int
    took_s: float
    peak_mb: int
    heard: list[bytes]


def variables(stage: str, port: int) -> dict[str, str]:
    """An environment in which this port is what stands at that stage."""
    scheme = {"proxy": "http", "socks": "socks5"}.get(stage)
    if scheme:
        return {"ANTHROPIC_BASE_URL": "https://gateway.invalid", "HTTPS_PROXY": f"{scheme}://127.0.0.1:{port}"}
    return {"ANTHROPIC_BASE_URL": f"{'https' if stage == 'tls' else 'http'}://127.0.0.1:{port}"}


def tree_mb(pid: int) -> int:
    """Resident memory of a process and of all below it."""
    total = 0
    with contextlib.suppress(OSError, ValueError):
        total = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 // 1024
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += sum(tree_mb(int(child)) for child in (thread / "children").read_text().split())
    return total


def run(stage: str, script: Script, *options: str) -> Ran:
    """`claudecheck doctor` in a process of its own, whose memory is watched."""
    heard: list[bytes] = []

    def listening(connection: Any) -> None:
        heard.append(connection.recv(65536, 2))  # MSG_PEEK
        script(connection)

    eager = {id(ANYWHERE[name]) for name in ("ssh", "smtp", "closes", "resets", "silent")}
    with probe_peers.peer(script if id(script) in eager else listening) as port:
        told = doctor.clean_environment({"ANTHROPIC_API_KEY": KEY, "HOME": "/nonexistent", **variables(stage, port)})
        command = [sys.executable, "-m", "claudecheck", "doctor", "--json", "--local-only", "--no-message"]
        command += ["--timeout", str(TIMEOUT_S), "--python", sys.executable, *options]
        return watched(command, told, heard)


def watched(command: list[str], told: Mapping[str, str], heard: list[bytes]) -> Ran:
    peak = 0
    started = time.monotonic()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=told, stdout=pipe, stderr=pipe, text=True, cwd=doctor.ROOT) as ours:
        ended = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not ended.wait(0.05):
                peak = max(peak, tree_mb(ours.pid))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        out, err = ours.communicate(timeout=120)
        ended.set()
        watcher.join()
    assert "Traceback" not in err, err
    assert "\x1b" not in out
    report = json.loads(out)
    doctor.validator().validate(report)
    return Ran(report, ours.returncode, time.monotonic() - started, peak, heard)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from (name, *strings(one))
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def holds(stage: str, name: str, script: Script) -> None:
    ran = run(stage, script)
    failing = [row["name"] for row in ran.report["stages"] if row["status"] == "fail"]
    # A proxy that answers 200 has opened the tunnel; what comes next is read as TLS.
    own = 13 if (stage, name) == ("proxy", "bomb") else LAYERS[stage]
    assert ran.exit_code in (own, 20), (stage, name, ran.exit_code, ran.report["problem"])
    assert ran.exit_code == ran.report["exit_code"]
    assert ran.took_s < 10 * TIMEOUT_S, ran.took_s  # the machine may be loaded; a hang has no end
    assert ran.report["duration_ms"] < 1000 * (TIMEOUT_S + 2)
    assert ran.peak_mb < MOST_MB, ran.peak_mb
    assert ran.report["reached_api"] is not True
    assert "claudecheck-bug" not in [finding["code"] for finding in ran.report["findings"]]
    assert not [text for text in strings(ran.report) if KEY in text or CONTROL.search(text)]
    if stage in ("tls", "proxy", "socks"):
        assert not any(KEY.encode() in data for data in ran.heard)
        assert failing in ([], ["tls"], ["proxy"]), failing


MATRIX = [
    *((stage, name, script) for stage in LAYERS for name, script in ANYWHERE.items()),
    *(("models", name, script) for name, script in IN_HTTP.items()),
]
QUICK = {("models", "ssh"), ("models", "escapes"), ("socks", "floods")}


def of(*, quick: bool) -> pytest.MarkDecorator:
    chosen = [one for one in MATRIX if ((one[0], one[1]) in QUICK) == quick]
    return pytest.mark.parametrize(("stage", "name", "script"), chosen, ids=[f"{s}-{n}" for s, n, _ in chosen])


@of(quick=True)
def test_a_peer_that_misbehaves_is_named_by_its_layer(stage: str, name: str, script: Script) -> None:
    holds(stage, name, script)


@pytest.mark.exhaustive
@pytest.mark.slow
@of(quick=False)
def test_every_peer_that_misbehaves_is_named_by_its_layer(stage: str, name: str, script: Script) -> None:
    holds(stage, name, script)


def test_what_is_no_http_is_said_and_shown() -> None:
    ran = run("models", ANYWHERE["redis"], "--timeout", "60")
    assert ran.report["problem"] == "response-malformed"
    seen = " ".join(ran.report["findings"][0]["seen"])
    assert "the answer is not HTTP" in seen
    assert "what came back" in seen
