"""`doctor --packet FILE` and `--ask`: the evidence for whoever has to act, checked once more before it is written."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from claudecheck.cli import saving
from claudecheck.cli.output import fail, warn, write

if TYPE_CHECKING:
    from claudecheck.report import Report

_ENDINGS = (".md", ".zip")


def check(path: Path) -> None:
    """Said before the run, not after it."""
    if path.suffix.lower() not in _ENDINGS:
        fail(f"--packet {path} is neither .md nor .zip", "--packet evidence.md, or evidence.zip with report and chain")
    if why := saving.fault_of(path):
        fail(f"cannot write {path}: {why}", "name a file in a folder of yours: --packet ~/evidence.md")


def hand_over(report: Report, path: Path | None, *, ask: bool, private: bool) -> None:
    """Write the packet, and print what is asked. A packet that holds a secret after all is not written."""
    from claudecheck.render import packet

    if path is not None:
        _write(report, path, private=private)
    if ask:
        write(packet.ask(report, private=private))


def _write(report: Report, path: Path, *, private: bool) -> None:
    from claudecheck.clients.secrets import secrets_in
    from claudecheck.render import packet
    from claudecheck.render.machine import to_json

    parts = {"packet.md": packet.packet(report, private=private)}
    if path.suffix.lower() == ".zip":
        saved = to_json(report)
        parts["report.json"] = packet.with_pseudonyms(saved, report) if private else saved
        if chain := packet.chain(report):
            parts["chain.pem"] = chain
    if any(secret in text for secret in secrets_in(os.environ) for text in parts.values() if len(secret) >= 8):
        warn(f"{path} was not written: it would hold a secret; claudecheck explain claudecheck-bug")
        return
    content = parts["packet.md"].encode() if path.suffix.lower() == ".md" else _zipped(parts)
    if why := saving.save_bytes(path, content):
        warn(f"cannot write {path}: {why}")


def _zipped(parts: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return held.getvalue()
