"""What makes a change of variables last, where it is made: a shell's start-up file, Claude Code's settings, a job. Pure.

No secret is written down: what holds one is taken from the variable when the file is read, or handed to `gh`.
"""

from __future__ import annotations

import hashlib
import re
import shlex

from claudecheck.diagnosis.change import Asked, Change, Filed, Listed
from claudecheck.diagnosis.problems.changing import quote, written
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.report import Command, Shell

#: Credentials that a job of GitHub takes from the repository's secrets.
_CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
#: What every start-up file says of itself, before the line that is kept.
_MARK = "# claudecheck cure"
#: Takes each NAME from the environment into the `env` block of Claude Code's settings, where an empty one cancels the
#: shell's, and keeps a copy of the file. Without quotes, so that every shell hands it on as it is.
_KEEP_IN_SETTINGS = """import json, os, pathlib, sys
moved, folder, name, copy, block, *names = sys.argv[1:]
folder = pathlib.Path(os.environ.get(moved) or pathlib.Path.home() / folder)
file = folder / name
text = file.read_text() if file.exists() else str()
settings = json.loads(text) if text.strip() else {}
env = settings.setdefault(block, {})
env.update({one: os.environ.get(one, str()) for one in names})
folder.mkdir(parents=True, exist_ok=True)
if text:
    (folder / copy).write_text(text)
file.write_text(json.dumps(settings, indent=2))"""


def lasting(change: Change, shell: Shell, machine: Machine) -> list[Command]:
    """To be run after the change was made, in the same shell; nothing where it cannot be kept."""
    if any(isinstance(value, Asked) for _, value in change.sets) or shell == "cmd":
        return []
    if "github-actions" in machine.facts:
        line = _in_job(change, machine)
    elif machine.client == "claude-code" and _without_secrets(change):
        line = _in_settings(change, shell, machine)
    else:
        line = _in_start_up_file(change, shell, machine)
    return [Command(shell=shell, line=line)] if line else []


def _without_secrets(change: Change) -> bool:
    """Its values are told here, or are entries of a list of hosts: none is another variable's."""
    told = [
        isinstance(value, str | Filed) or (isinstance(value, Listed) and value.mark == ",") for _, value in change.sets
    ]
    return all(told)


def _in_job(change: Change, machine: Machine) -> str:
    """For the steps that follow; a credential for the jobs that follow."""
    lines = [
        f"printenv {name} | gh secret set {name}"
        if name in _CREDENTIALS
        else f'printf "%s=%s\\n" {name} "${name}" >> "$GITHUB_ENV"'
        for name in change.names()
        if name not in _CREDENTIALS or machine.has("gh")
    ]
    return "\n".join(lines)


def _in_settings(change: Change, shell: Shell, machine: Machine) -> str:
    call = "& " if shell == "powershell" else ""
    new_line = " `\n  " if shell == "powershell" else " \\\n  "
    words = ["CLAUDE_CONFIG_DIR", ".claude", "settings.json", "settings.json.bak", "env", *change.names()]
    return f"{call}{quote(machine.python, shell)} -c{new_line}'{_KEEP_IN_SETTINGS}'{new_line}{' '.join(words)}"


def _in_start_up_file(change: Change, shell: Shell, machine: Machine) -> str:
    """At its end, once. A later shell that has not what the change is made from leaves it."""
    lines = written(change, shell, before=_guard(change, shell)).replace("{python}", quote(machine.python, shell))
    if not lines:
        return ""
    mark = f"{_MARK} {hashlib.sha256(lines.encode()).hexdigest()[:8]}: {', '.join(change.names())}"
    block = f"{mark}\n{lines}"
    match shell:
        case "fish":
            file = "$__fish_config_dir/config.fish"
            return (
                "mkdir -p $__fish_config_dir\n"
                f"grep -qxF {_fish(mark)} {file} 2>/dev/null ||\\\n"
                f"  printf '\\n%s\\n' {_fish(block)} >> {file}"
            )
        case "powershell":
            return (
                "if (!(Test-Path $PROFILE)) { New-Item -Force $PROFILE | Out-Null }\n"
                f"Add-Content -Path $PROFILE -Value @'\n{block}\n'@"
            )
        case _:
            bash = ".bash_profile" if machine.os == "Darwin" else ".bashrc"
            return (
                'case "${ZSH_VERSION:+zsh}${BASH_VERSION:+bash}" in\n'
                '  zsh) claudecheck_keep="${ZDOTDIR:-$HOME}/.zshrc" ;;\n'
                f'  bash) claudecheck_keep="$HOME/{bash}" ;;\n'
                '  *) claudecheck_keep="$HOME/.profile" ;;\n'
                "esac\n"
                f'grep -qxF {shlex.quote(mark)} "$claudecheck_keep" 2>/dev/null ||\n'
                f"  printf '\\n%s\\n' {shlex.quote(block)} >> \"$claudecheck_keep\"\n"
                "unset claudecheck_keep"
            )


def _guard(change: Change, shell: Shell) -> str:
    names = [name for name in change.taken_from if re.fullmatch(r"\w+", name)]
    if shell == "fish":
        return " &&\n  ".join(f'test -n "${name}"' for name in names)
    if shell == "powershell":
        return ""
    return " &&\n  ".join(f'[ -n "${{{name}:-}}" ]' for name in names)


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
