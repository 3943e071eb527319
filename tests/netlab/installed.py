"""Clients that not every machine has: where they lie, by the names that scenarios call them.

"3.13" is an interpreter of .ci/install-netlab. What .ci/install-clients makes is called by its folder:
"python/0.125" a virtual environment with that SDK, "typescript/1" the npm package, "node/24" a Node.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.installed_clients import FOLDER

#: Interpreters of other versions, made by .ci/install-netlab: <version>/bin/python.
INTERPRETERS = Path(os.environ.get("CLAUDECHECK_NETLAB_PYTHONS", "/var/cache/claudecheck-netlab"))


def place(name: str) -> Path:
    """What a link in the client's home has to name; it need not exist."""
    kind, _, version = name.partition("/")
    if kind == "typescript":
        return FOLDER / name / "node_modules"
    if kind == "node":
        return next(
            (node.parent for node in (FOLDER / name).glob("node_modules/node-*/bin/node")), FOLDER / name / "bin"
        )
    return FOLDER / name if version else INTERPRETERS / name
