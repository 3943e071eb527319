"""The proved cure as a script for the shell that asked, and what keeps it. Pure; holds no secret."""

from __future__ import annotations

import re
import shlex

from claudecheck.observations import Run
from claudecheck.render.verdict import culprit, observed
from claudecheck.report import Report, Shell

#: Credentials that a job of GitHub takes from the repository's secrets.
_SECRET = re.compile(r"\b(ANTHROPIC_API_KEY|ANTHROPIC_AUTH_TOKEN|CLAUDE_CODE_OAUTH_TOKEN)\b")


def script(report: Report, *, keep: bool = False) -> str:
    """Lines to be evaluated; empty where no cure was proved. With `keep`, also those that make it last."""
    found, cure = culprit(report), report.cure
    if found is None or cure is None or not cure.proved:
        return ""
    lines = [command.line for command in cure.commands]
    if keep:
        run = observed(report, Run)
        lines.append(_kept("\n".join(lines), found.code, cure.commands[0].shell, run.ci if run else ""))
    return "\n".join(line for line in lines if line) + "\n"


def _kept(lines: str, code: str, shell: Shell, ci: str) -> str:
    """The lines at the end of the shell's start-up file, once; in a job of GitHub, the repository's secret."""
    if ci == "github":
        return "\n".join(f"printenv {name} | gh secret set {name}" for name in sorted(set(_SECRET.findall(lines))))
    mark = f"# claudecheck cure: {code}"
    match shell:
        case "sh":
            return (
                'case "${ZSH_VERSION:+zsh}${BASH_VERSION:+bash}" in\n'
                "  zsh) claudecheck_keep=$HOME/.zshrc ;;\n"
                "  bash) claudecheck_keep=$HOME/.bashrc ;;\n"
                "  *) claudecheck_keep=$HOME/.profile ;;\n"
                "esac\n"
                f'grep -qxF {shlex.quote(mark)} "$claudecheck_keep" 2>/dev/null ||\n'
                f"  printf '\\n%s\\n' {shlex.quote(f'{mark}{chr(10)}{lines}')} >> \"$claudecheck_keep\"\n"
                "unset claudecheck_keep"
            )
        case "fish":
            return (
                "mkdir -p ~/.config/fish\n"
                f"grep -qxF {_fish(mark)} ~/.config/fish/config.fish 2>/dev/null ||\\\n"
                f"  printf '\\n%s\\n' {_fish(f'{mark}{chr(10)}{lines}')} >> ~/.config/fish/config.fish"
            )
        case "powershell":
            return f"Add-Content -Path $PROFILE -Value @'\n{mark}\n{lines}\n'@"
        case _:
            return ""


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
