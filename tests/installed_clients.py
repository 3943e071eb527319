"""The clients that the tests run: those that `make clients` installed, and what this machine has anyway.

CLAUDECHECK_CLIENTS names another folder than .clients in the checkout. CLAUDECHECK_SDK_PYTHONS may name
further interpreters with an SDK, parted like PATH.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("CLAUDECHECK_CLIENTS") or CHECKOUT / ".clients")
#: What .ci/install-clients makes there.
GENERATIONS = ("0.30", "0.75", "0.125", "1.17")
NODE_LINES = ("22", "24", "26")
NPM_GENERATIONS = ("0", "1")

CURL = shutil.which("curl")


def _python_sdks() -> dict[str, str]:
    """Interpreters by the generation in them; the one that runs the tests has the current one."""
    found = {"own": sys.executable}
    found |= {name: str(FOLDER / "python" / name / "bin" / "python") for name in GENERATIONS}
    further = filter(None, os.environ.get("CLAUDECHECK_SDK_PYTHONS", "").split(os.pathsep))
    found |= {python: python for python in further}
    return {name: python for name, python in found.items() if Path(python).exists()}


def _nodes() -> dict[str, str]:
    found = {"own": shutil.which("node") or ""}
    for line in NODE_LINES:
        found[line] = next(map(str, (FOLDER / "node" / line).glob("node_modules/node-*/bin/node")), "")
    return {name: node for name, node in found.items() if node}


def _npm_sdks() -> dict[str, str]:
    """Folders with @anthropic-ai/sdk in their node_modules."""
    places = {name: FOLDER / "typescript" / name for name in NPM_GENERATIONS}
    return {name: str(place) for name, place in places.items() if (place / "node_modules/@anthropic-ai/sdk").exists()}


def _claude_code() -> str:
    """The program itself, out of the package for this system: nothing of it is started to find it."""
    return next(map(str, FOLDER.glob("claude-code/node_modules/@anthropic-ai/claude-code-*/claude")), "")


#: An interpreter whose SSL context `pip-system-certs` replaces at start-up.
SYSTEM_CERTS = next(map(str, FOLDER.glob("python/0.125-system-certs/bin/python")), "")
CLAUDE_CODE = _claude_code()
PYTHON_SDKS, NODES, NPM_SDKS = _python_sdks(), _nodes(), _npm_sdks()


def version_of(node: str) -> str:
    told = subprocess.run([node, "--version"], env={}, capture_output=True, text=True, timeout=10, check=True)
    return told.stdout.strip().removeprefix("v")
