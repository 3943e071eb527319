"""docs/guides.md and docs/fleets.md: every command on them runs, against a small API on this machine."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest

from claudecheck.cli.metrics import Metrics
from claudecheck.lab import Lab
from claudecheck.render.machine import to_json
from claudecheck.render.prometheus import to_prometheus
from tests import doctor, network_reports, shell

PAGES = [doctor.ROOT / "docs" / name for name in ("guides.md", "fleets.md")]
COMMANDS = {
    page.name: [
        line
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for line in block.splitlines()
    ]
    for page in PAGES
}
#: One a page in the everyday run; the rest is left to CI.
QUICK = ("claudecheck explain tls-intercepted", "kubectl apply -f deploy/kubernetes/daemonset.yaml")
_CASES = [
    pytest.param(command, id=command, marks=() if command in QUICK else (pytest.mark.slow,))
    for command in dict.fromkeys(command for commands in COMMANDS.values() for command in commands)
]


@pytest.mark.parametrize("command", _CASES)
def test_a_command_of_the_guides_runs(command: str, tmp_path: Path) -> None:
    if command.startswith("promtool") and shutil.which("promtool") is None:
        pytest.skip("make checkers installs promtool")
    place = tmp_path / "home"
    place.mkdir()
    (place / "deploy").symlink_to(doctor.ROOT / "deploy")
    prepared(command, place)
    fault = "tcp-refused" if "--until failure" in command else "healthy"
    with Lab(fault) as lab:
        environment = {**shell.machine(tmp_path / "bin"), **lab.variables, "HOME": str(place)}
        ran = shell.run(ended(command), environment, place)
    assert ran.returncode == (0 if fault == "healthy" else 10), ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    for name in re.findall(r"(?:--packet|--log|>>) (\S+?)'?$|prometheus:(\S+)", command):
        assert (place / "".join(name)).stat().st_size


def ended(command: str) -> str:
    """A watch ends after its first walk here; it may listen where it can."""
    if "claudecheck watch" not in command or "--until" in command:
        return command
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return re.sub(r"--listen \d+", f"--listen {port}", command) + " --for 1s"


def prepared(command: str, place: Path) -> None:
    """What an earlier command of the page has left there."""
    if "reports" in command and not command.startswith("mkdir"):
        (place / "reports").mkdir()
        for number, report in enumerate((network_reports.HEALTHY, network_reports.TLS_INTERCEPTED)):
            (place / "reports" / f"{number}.json").write_text(to_json(report), encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_guide_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line[3:].lower()).replace(" ", "-") for line in text.splitlines() if line[:3] == "## "
    }
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        assert link[1:] in headings if link.startswith("#") else (page.parent / link).exists(), link


def test_the_table_of_metrics_is_that_of_a_watch_and_of_a_run() -> None:
    metrics = Metrics(60)
    for report in (network_reports.HEALTHY, network_reports.TLS_INTERCEPTED):
        metrics.add(report)
    families = {family.name for family in metrics.registry.collect()}
    counted = {"claudecheck_walks", "claudecheck_failures"}
    there = {f"{name}_total" if name in counted else name for name in families}
    there |= set(re.findall(r"^# TYPE (\w+)", to_prometheus(network_reports.TLS_INTERCEPTED), re.MULTILINE))
    there |= {"claudecheck_certificate_expiry_timestamp_seconds"}  # these reports have no chain
    table = (doctor.ROOT / "docs" / "fleets.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(claudecheck_\w+)`", table)) == there
