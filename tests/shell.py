"""A shell that runs the commands of our documentation: `claudecheck` is this checkout's, and nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import doctor

#: What talks to a cluster, a daemon or the system is not run: the files that it is given must be there.
_ONLY_FILES = f"""
for word in "$@"; do
  case $word in
    deploy/*) [ -e "{doctor.ROOT}/$word" ] || {{ echo "there is no $word" >&2; exit 1; }} ;;
  esac
done
"""


def machine(folder: Path) -> dict[str, str]:
    """The environment of a shell whose PATH begins with stand-ins in `folder`."""
    folder.mkdir()
    programs = {
        "claudecheck": f'exec {sys.executable} -m claudecheck "$@"',
        "python3": f'[ "$1 $2" = "-m pip" ] && exit 0\nexec {sys.executable} "$@"',
        "make": f'exec "$REAL_MAKE" -n -C {doctor.ROOT} "$@"',
        **dict.fromkeys(("docker", "kubectl", "systemctl", "install"), _ONLY_FILES),
    }
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    found = doctor.clean_environment({"CLAUDECHECK": "claudecheck.whl", "VIRTUAL_ENV": sys.prefix})
    path = found["PATH"]
    return {
        **found,
        "PATH": f"{folder}{os.pathsep}{path}",
        "REAL_MAKE": shutil.which("make") or "make",
        "PYTHONPATH": str(doctor.ROOT),
    }


def run(script: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        env=environment, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
