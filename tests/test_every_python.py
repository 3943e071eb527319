"""What runs in the user's own interpreter, which may be older than ours: on every Python that is here.

It has to tell its facts before anything of the SDK is imported, whatever is installed there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from claudecheck.journal.deadline import Deadline
from claudecheck.probes.senders import worker

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def interpreter(version: str) -> str:
    """Its path; empty where none of this version starts. A launcher of pyenv may be there for one that does not."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    beside = [str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python"))]
    for path in filter(None, [*beside, shutil.which(f"python{version}")]):
        if subprocess.run([path, "-c", ""], capture_output=True, check=False, timeout=20).returncode == 0:
            return path
    return ""


@pytest.mark.parametrize("version", [VERSIONS[0], *(pytest.param(one, marks=pytest.mark.slow) for one in VERSIONS[1:])])
def test_the_script_tells_its_facts_in_every_python(version: str) -> None:
    path = interpreter(version)
    if not path:
        pytest.skip(f"no Python {version} is here")
    started, facts = worker.start(dict(os.environ), path, Deadline(30))
    try:
        assert facts.ok, facts.error
        assert facts.python.startswith(f"{version}.")
        assert facts.cafile or facts.capath or facts.openssl
    finally:
        if started is not None:
            started.end()
