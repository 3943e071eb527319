"""`doctor --packet FILE` and `--ask`: the evidence for whoever has to act, checked once more before it is written."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable
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
    from claudecheck.render import packet

    parts = {"packet.md": packet.packet(report, private=private)}
    if path.suffix.lower() == ".zip":
        parts |= _attached(report, private=private)
    if _holds_a_secret(parts.values()):
        warn(f"{path} was not written: it would hold a secret; claudecheck explain claudecheck-bug")
        return
    content = parts["packet.md"].encode() if path.suffix.lower() == ".md" else _zipped(parts)
    if why := saving.save_bytes(path, content):
        warn(f"cannot write {path}: {why}")


def _attached(report: Report, *, private: bool) -> dict[str, str]:
    """Certificates have the names of their hosts in them: with pseudonyms, they stay here unless all are public."""
    from claudecheck.render import packet, pseudonyms
    from claudecheck.render.machine import to_json

    if not private:
        parts = {"report.json": to_json(report), "chain.pem": packet.chain(report)}
    elif pseudonyms.all_public(report):
        parts = {
            "report.json": pseudonyms.with_pseudonyms(to_json(report), report),
            "chain.pem": packet.chain(report),
        }
    else:
        saved = to_json(pseudonyms.without_certificates(report))
        parts = {"report.json": pseudonyms.with_pseudonyms(saved, report)}
    return {name: text for name, text in parts.items() if text}


def _holds_a_secret(texts: Iterable[str]) -> bool:
    """The last look, at what is about to be written: by the values of this environment, and for keys by their shape."""
    from claudecheck.journal.redact import Redactor
    from claudecheck.machine import environment

    redactor = Redactor(environment.secrets(environment.read(os.environ)))
    return any(redactor.finds_in(text) for text in texts)


def _zipped(parts: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return held.getvalue()
