"""Writes a man page for each command into the folder given, out of the commands' own help. Run by `make man`.

click-man's own walk knows click's types alone, and typer brings its own; its page is used, the walk is ours.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import typer
from click_man.man import ManPage

from claudecheck import __version__
from claudecheck.cli.app import app


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command: Any = typer.main.get_command(app)
    context = command.make_context("claudecheck", ["--help"], resilient_parsing=True)
    _write(context, folder)
    for name, child in command.commands.items():
        _write(child.make_context(name, ["--help"], parent=context, resilient_parsing=True), folder)


def _write(context: Any, folder: Path) -> None:
    """The date is that of the sources, so that the same sources give the same pages."""
    command = context.command
    paragraphs = (command.help or "").strip()
    page = ManPage(context.command_path)
    page.version = __version__
    page.date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "0"))))
    page.short_help = paragraphs.partition("\n")[0].rstrip(".")
    page.description = paragraphs
    page.synopsis = " ".join(command.collect_usage_pieces(context))
    page.options = [record for one in command.params if (record := one.get_help_record(context)) is not None]
    page.commands = [
        (name, (child.help or "").strip().partition("\n")[0])
        for name, child in getattr(command, "commands", {}).items()
    ]
    (folder / f"{context.command_path.replace(' ', '-')}.1").write_text(str(page), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
