"""Looks for the clients of the registry that are installed beside Python. Judges nothing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from claudecheck.clients.client import Command, InPython, Launcher, NodePackage
from claudecheck.clients.json_text import parsed
from claudecheck.clients.registry import clients
from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.machine import child, reading

#: Seconds for a program to tell its version; Node takes about 40 ms.
LIMIT_S = 3.0
#: Bytes of what it tells: Node's own roots are 220 kB.
LONGEST_OUTPUT = 4 << 20
_VERSION = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}")
_BEGIN = "-----BEGIN"
_NATIVE = re.compile(r"[/\\]versions[/\\](\d+\.\d+\.\d+)")  # ~/.local/share/claude/versions/2.1.329


def installed(snapshot: Snapshot) -> tuple[dict[str, Program], str]:
    """By the client's name, only those that were found. And the roots that one of them printed, as PEM: Node's own."""
    found: dict[str, Program | None] = {}
    roots = ""
    for client in clients():
        match client.found_by:
            case Command(name, arguments):
                found[client.name], printed = _asked(name, snapshot.variables, *arguments)
                roots = roots or (printed[printed.find(_BEGIN) :] if _BEGIN in printed else "")
            case Launcher(name):
                found[client.name] = _launcher(name, snapshot.variables)
            case NodePackage(name):
                found[client.name] = _package(name, Path(snapshot.cwd))
            case InPython():
                pass  # the interpreter tells it
    return {name: program for name, program in found.items() if program is not None}, roots


def _asked(name: str, variables: Mapping[str, str], *arguments: str) -> tuple[Program | None, str]:
    """Its own word. NODE_OPTIONS stays out: an option that it does not know keeps Node from starting."""
    path = shutil.which(name, path=variables.get("PATH"))
    if path is None:
        return None, ""
    ended = child.run([path, *arguments], variables=child.for_tools(variables), limit_s=LIMIT_S, longest=LONGEST_OUTPUT)
    text = ended.out.decode("utf-8", "replace") if ended.status is not None else ""
    told = _VERSION.search(text[:200])
    return Program(path, told[0] if told else ""), text


def _launcher(name: str, variables: Mapping[str, str]) -> Program | None:
    """It is not started: its launch goes to the network. Where it is installed tells the version."""
    path = shutil.which(name, path=variables.get("PATH"))
    if path is None:
        return None
    real = os.path.realpath(path)
    if told := _NATIVE.search(real):
        return Program(path, told[1])
    manifest = next((one / "package.json" for one in Path(real).parents if reading.is_file(one / "package.json")), None)
    return Program(path, _version(manifest) if manifest else "")


def _package(name: str, start: Path) -> Program | None:
    """As Node finds it: in the nearest `node_modules`, upwards from the working folder."""
    for folder in (start, *start.parents):
        manifest = folder / "node_modules" / name / "package.json"
        if reading.is_file(manifest):
            return Program(str(manifest.parent), _version(manifest))
    return None


def _version(manifest: Path) -> str:
    told = parsed(reading.text(manifest))
    return str(told.get("version", "")) if isinstance(told, dict) else ""
