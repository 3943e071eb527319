"""`python -m tests.bench [--quick] [--only WORD]`: measures, prints, and as root writes docs/performance.md."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import here, networks, page, reading, waterfall
from tests.bench.commands import DOCTOR
from tests.bench.measured import Line
from tests.bench.places import network
from tests.netlab.lab import Lab, missing_requirements
from tests.netlab.scenario import Change
from tests.netlab.scenarios import tls

PAIRS, QUICK_PAIRS = 7, 3
#: Of what takes several attempts' time, and is told by far.
FEW_PAIRS = 3
LOG_MEGABYTES = 100
HEALTHY_MS = 50

Groups = dict[str, Callable[[], Iterator[Line]]]


def tell(line: Line) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def local(pairs: int) -> Groups:
    return {
        "On loopback": lambda: here.on_loopback(pairs, tell),
        "Start": lambda: here.starting(pairs, tell),
        "Memory": lambda: here.memory(tell),
        "Large logs": lambda: reading.logs(LOG_MEGABYTES, tell),
    }


def in_networks(lab: Lab, pairs: int) -> Groups:
    return {
        "Healthy, by round trip": lambda: networks.healthy(lab, pairs, tell),
        "Names that come late": lambda: networks.slow_names(lab, pairs, tell),
        "Faults that answer at once": lambda: networks.at_once(lab, pairs, tell),
        "Faults that wait, against the SDK with its retries": lambda: networks.waiting(lab, pairs, tell),
        "Many at once": lambda: networks.many(lab, FEW_PAIRS, tell),
    }


def measured(groups: Groups, only: str) -> dict[str, list[Line]]:
    lines: dict[str, list[Line]] = {}
    for title, measure in groups.items():
        if only.lower() in title.lower():
            started = time.monotonic()
            sys.stdout.write(f"\n{title}\n")
            lines[title] = list(measure())
            sys.stdout.write(f"({time.monotonic() - started:.0f} s)\n")
    return lines


def draw(lab: Lab) -> None:
    """A healthy run and a failing one, each from its own journal."""
    runs: list[tuple[str, str, Change]] = [
        ("healthy", f"claudecheck doctor, {HEALTHY_MS} ms round trip", networks.a_line(HEALTHY_MS)),
        ("failing", "claudecheck doctor, silence after the ClientHello", tls.name_dropped),
    ]
    for name, title, change in runs:
        with network(lab, name, change) as there:
            said = there.workplace.run([*DOCTOR, "--json"], 60.0)
        picture = waterfall.svg(title, json.loads(said.stdout))
        (page.DOCS / f"performance-{name}.svg").write_text(picture, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pairs, and nothing is written")
    parser.add_argument("--only", default="", metavar="WORD", help="groups whose title has this; nothing is written")
    asked = parser.parse_args()
    pairs = QUICK_PAIRS if asked.quick else PAIRS
    started = time.monotonic()
    lacking = missing_requirements()
    if lacking:
        sys.stdout.write(f"Loopback only, and nothing is written: {'; '.join(lacking)}\n")
        measured(local(pairs), asked.only)
        return
    with Lab() as lab:
        lines = measured(local(pairs) | in_networks(lab, pairs), asked.only)
        if not asked.quick and not asked.only:
            draw(lab)
            imports = list(here.imports())
            Path(page.DOCS / "performance.md").write_text(page.page(lines, imports, pairs), encoding="utf-8")
        elif not asked.only or asked.only.lower() in "imports":
            for row in here.imports():
                sys.stdout.write("  ".join(row) + "\n")
    sys.stdout.write(f"\n{time.monotonic() - started:.0f} s\n")


if __name__ == "__main__":
    main()
