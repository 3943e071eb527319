"""Puts the man pages into the wheel, where `make man` has made them: a build from a bare checkout has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):  # type: ignore[type-arg]  # of the builder's own configuration
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        pages = sorted((Path(self.root) / "man").glob("*.1"))
        build_data.setdefault("shared_data", {}).update({str(page): f"share/man/man1/{page.name}" for page in pages})
