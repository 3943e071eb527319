"""The proved cure as a script for the shell that asked, and what keeps it. Pure; holds no secret."""

from __future__ import annotations

from claudecheck.report import Report


def script(report: Report, *, keep: bool = False) -> str:
    """Lines to be evaluated; empty where no cure was proved. With `keep`, also those that make it last."""
    cure = report.cure
    if cure is None or not cure.proved:
        return ""
    commands = [*cure.commands, *(cure.lasting if keep else [])]
    return "".join(f"{command.line}\n" for command in commands if command.line)
