"""docs/performance.md: what was measured, on what, and where a round trip goes. Written by `make bench` as root."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.bench.measured import Line

DOCS = Path(__file__).parents[2] / "docs"
_HEAD = """# How fast it is

Written by `make bench` (as root, on Linux) on {machine}, {pairs} pairs each.
Ratios are medians of pairs that ran one after the other in one run: seconds are this machine's, ratios travel.
The lines with round trips are TUN pairs between namespaces of the network lab (`tests/netlab/link.py`); servers,
resolvers and proxies there are real programs, and nothing leaves the machine.

{bar}
"""
_BAR = "Of {goals} goals {met} are met."
_ENDING = """
## Where the round trips go

A healthy run opens two connections. The ladder's own carries TCP (1), TLS 1.3 (1) and `GET /v1/models` (1), and beside
the message one body of 256 kB to `count_tokens`, which is free and decides nothing about the end. The message goes over
the SDK's own connection, as it would in a program: TCP (1), TLS (1), the message (1). While the interpreter imports the
SDK the ladder climbs, so its three round trips cost nothing as long as they are shorter than that import.

![A healthy run](performance-healthy.svg)

Where a stage is silent, its questions are asked beside the wait (grey), and the wait is one attempt's.

![A failing run](performance-failing.svg)
"""


def page(groups: Mapping[str, Sequence[Line]], imports: Iterable[Sequence[str]], pairs: int) -> str:
    lines = [line for group in groups.values() for line in group if line.most is not None]
    bar = _BAR.format(goals=len(lines), met=sum(line.met for line in lines))
    parts = [_HEAD.format(machine=_machine(), pairs=pairs, bar=bar)]
    for title, group in groups.items():
        parts.append(f"## {title}\n")
        parts.append(_table(["", "claudecheck", "beside it", "median", "goal"], [line.cells() for line in group]))
    parts.append("## What each command imports\n")
    parts.append(_table(["command", "modules", "ours", "ms with the profile on", "of the heavy ones"], imports))
    return "\n".join(parts) + _ENDING


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    written = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in written)


def _machine() -> str:
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{system}, {os.cpu_count()} processors, Python {platform.python_version()}"
