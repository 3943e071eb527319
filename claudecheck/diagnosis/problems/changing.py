"""A change of variables, written for every shell and file, with each one's quoting. Pure; the only place that does so.

What is written is one block that can be pasted: its steps are chained, so that nothing is set after a step that failed,
and no variable is overwritten with nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from json import dumps
from typing import assert_never

from claudecheck.diagnosis.change import (
    Asked,
    Change,
    Copied,
    Edited,
    Encoded,
    Filed,
    Listed,
    Stripped,
    Unheaded,
    Value,
)
from claudecheck.diagnosis.problems.remedy import HOLE
from claudecheck.report import Shell

_PLAIN_IN_CMD = re.compile(r'[^"%!^\r\n]*')
_LONGEST_LIST = 60  # of names after `unset`, so that the line stays within a page

#: Removes a variable from the `env` block of Claude Code's settings for each NAME, sets one for each NAME=VALUE, and
#: keeps a copy of the file. These two hold no quotes, so that every shell hands them on as they are.
_EDIT_SETTINGS = """import json, pathlib, sys
file, copy, *changes = sys.argv[1:]
text = pathlib.Path(file).read_text()
settings = json.loads(text)
env = settings.setdefault(chr(101) + chr(110) + chr(118), {})
for one in changes:
    name, mark, value = one.partition(chr(61))
    env.pop(name, None)
    env.update({name: value} if mark else {})
pathlib.Path(copy).write_text(text)
pathlib.Path(file).write_text(json.dumps(settings, indent=2))"""
#: Prints the URL in the variable that is named, with its user name and password encoded.
_ENCODE = """import os, sys, urllib.parse as u
quoted = lambda text: u.quote(u.unquote(text), str())
before, at, host = os.environ[sys.argv[1]].rpartition(chr(64))
start = before.find(chr(47) * 2) + 2 if chr(47) * 2 in before else 0
user, colon, password = before[start:].partition(chr(58))
login = quoted(user) + colon + quoted(password)
print(before[:start] + login + at + host)"""


def quote(value: str, shell: Shell) -> str:
    """A word that the shell reads as exactly this text. cmd cannot be told every text: what it would read is left out."""
    if shell == "powershell":
        return value if re.fullmatch(r"[\w%+=:./\\-]+", value) else "'" + value.replace("'", "''") + "'"
    if shell == "cmd":
        return value if re.fullmatch(r"[\w@+=:,./\\-]+", value) else '"' + re.sub(r'["%!^&|<>]', "", value) + '"'
    if shell in ("python", "typescript"):
        return dumps(value, ensure_ascii=False)
    if shell == "yaml" and value.isdigit():
        return value
    if shell in ("yaml", "dockerfile"):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped.replace("$", chr(92) + "$") if shell == "dockerfile" else escaped}"'
    return shlex.quote(value)


def written(change: Change, shell: Shell, *, before: str = "", open_holes: bool = False) -> str:
    """The commands of a change after those of `before`; empty where this shell cannot say it.

    With `open_holes`, as on a page that is for every machine, texts with holes are left as they are.
    """

    def literal(value: str) -> str:
        return value if open_holes and HOLE.search(value) else quote(value, shell)

    writer = _WRITERS.get(shell)
    steps = list(writer(change, literal)) if writer else []
    if not steps or not all(steps):
        return ""
    match shell:
        case "sh" | "fish":
            return " &&\n  ".join([*([before] if before else []), *steps])
        case "powershell" if before:
            return f"{before}\nif ($?) {{ {'; '.join(steps)} }}"
        case "cmd" if before:
            return ""
        case _:
            return "\n".join([*([before] if before else []), *steps])


def in_settings(change: Change, file: str, *, shell: Shell, python: str) -> str:
    """The same change in the `env` block of a settings file of Claude Code; empty where a value is not a plain text."""
    words = list(change.unsets)
    for name, value in change.sets:
        if not isinstance(value, str):
            return ""
        words.append(f"{name}={value}")
    if shell == "cmd":
        return ""
    call = "& " if shell == "powershell" else ""
    words = [quote(word, shell) for word in (file, f"{file}.bak", *words)]
    new_line = " `\n  " if shell == "powershell" else " \\\n  "
    return f"{call}{quote(python, shell)} -c{new_line}'{_EDIT_SETTINGS}'{new_line}{' '.join(words)}"


Literal = Callable[[str], str]


# -- sh ----------------------------------------------------------------------------------------------


def _sh(change: Change, literal: Literal) -> Iterator[str]:
    for name, value in change.sets:
        yield from _sh_set(name, value, literal)
    if change.unsets:
        yield f"unset {_listed(change.unsets)}"


def _listed(names: tuple[str, ...]) -> str:
    line = " ".join(names)
    return " \\\n  ".join(names) if len(line) > _LONGEST_LIST else line


def _sh_set(name: str, value: Value, literal: Literal) -> Iterator[str]:
    match value:
        case str():
            yield f"export {name}={literal(value)}"
        case Copied(variable=other, before=before):
            yield f'export {name}={literal(before) if before else ""}"${{{other}:?}}"'
        case Stripped(variable=other):
            yield f"export {name}=\"$(printenv {other} |\n  LC_ALL=C tr -cd '!#-&(-_a-~')\""
        case Encoded(variable=other):
            yield f"export {name}=\"$({{python}} -c \\\n  '{_ENCODE}' \\\n  {other})\""
        case Edited(variable=other, pattern=pattern, replacement=new):
            yield f'export {name}="$(printenv {other} |\n  sed -E {shlex.quote(f"s,{pattern},{new},g")})"'
        case Unheaded(variable=other, header=header):
            yield f'export {name}="$(printenv {other} |\n  grep -iv {literal(f"^{header}:")})"'
        case Listed(variable=other, items=items, mark=mark):
            yield f'export {name}={literal(mark.join(items))}\\\n"${{{other}:+{mark}${other}}}"'
        case Filed(name=file, at_home=True):
            yield f'export {name}="$HOME/{file}"'
        case Filed(name=file):
            yield f"ls {file}"
            yield f'export {name}="$PWD/{file}"'
        case Asked(what=what, secret=secret):
            yield f"printf '%s: ' {shlex.quote(what)}"
            yield "{ stty -echo; read -r answer; stty echo; }" if secret else "read -r answer"
            yield f'export {name}="${{answer:?}}"'
        case _:
            assert_never(value)


# -- fish --------------------------------------------------------------------------------------------


def _fish(change: Change, literal: Literal) -> Iterator[str]:
    for name, value in change.sets:
        yield from _fish_set(name, value, literal)
    if change.unsets:
        yield f"set -e {_listed(change.unsets)}"


def _fish_set(name: str, value: Value, literal: Literal) -> Iterator[str]:
    match value:
        case str():
            yield f"set -gx {name} {literal(value)}"
        case Copied(variable=other, before=before):
            yield f'test -n "${other}"'
            yield f"set -gx {name} {literal(before) if before else ''}${other}"
        case Stripped(variable=other):
            yield f"set -gx {name} (printenv {other} |\n  LC_ALL=C tr -cd '!#-&(-_a-~')"
        case Encoded(variable=other):
            yield f"set -gx {name} ({{python}} -c \\\n  '{_ENCODE}' \\\n  {other})"
        case Edited(variable=other, pattern=pattern, replacement=new):
            yield f"set -gx {name} (string replace -ra \\\n  {shlex.quote(pattern)} {shlex.quote(new)} \\\n  -- ${other})"
        case Unheaded(variable=other, header=header):
            yield f"set -gx {name} (printenv {other} |\n  grep -iv {literal(f'^{header}:')} | string collect)"
        case Listed(variable=other, items=items, mark=mark):
            joint = "\\n" if mark == "\n" else shlex.quote(mark)
            words = " ".join(map(literal, items))
            yield f"set -gx {name} (string join -- {joint} \\\n  {words} \\\n  ${other} | string collect)"
        case Filed(name=file, at_home=True):
            yield f'set -gx {name} "$HOME/{file}"'
        case Filed(name=file):
            yield f"ls {file}"
            yield f'set -gx {name} "$PWD/{file}"'
        case Asked(what=what, secret=secret):
            yield f"read {'-s ' if secret else ''}-P {shlex.quote(f'{what}: ')} answer"
            yield 'test -n "$answer"'
            yield f"set -gx {name} $answer"
        case _:
            assert_never(value)


# -- Windows -----------------------------------------------------------------------------------------


def _once(names: tuple[str, ...]) -> list[str]:
    """Windows does not tell the case of variables apart, so one spelling of each is enough there."""
    return [name for place, name in enumerate(names) if name.upper() not in [one.upper() for one in names[:place]]]


def _powershell(change: Change, literal: Literal) -> Iterator[str]:
    for name, value in change.sets:
        yield _powershell_set(name, value, literal)
    if change.unsets:
        yield "Remove-Item -ErrorAction Ignore " + ",\n  ".join(f"Env:{name}" for name in _once(change.unsets))


def _powershell_set(name: str, value: Value, literal: Literal) -> str:
    match value:
        case str():
            return f"Set-Item Env:{name} {literal(value)}"
        case Copied(variable=other, before=before):
            return f"Set-Item Env:{name} " + (f"`\n  ({literal(before)} + $env:{other})" if before else f"$env:{other}")
        case Stripped(variable=other):
            return f"Set-Item Env:{name} `\n  ($env:{other} -replace '[^!-~]|[\"''`]', '')"
        case Encoded(variable=other):
            return f"Set-Item Env:{name} (& {{python}} -c `\n  '{_ENCODE}' `\n  {other})"
        case Edited(variable=other, pattern=pattern, replacement=new):
            old, fresh = pattern.replace("'", "''"), new.replace("'", "''")
            return f"Set-Item Env:{name} `\n  ($env:{other} -replace '{old}',\n  '{fresh}')"
        case Unheaded(variable=other, header=header):
            left = f'($env:{other} -split "`n" -notmatch {literal(f"^{header}:")})'
            return f'Set-Item Env:{name} `\n  ({left}\n  -join "`n")'
        case Listed(variable=other, items=items, mark=mark):
            joint = "`n" if mark == "\n" else mark
            return f'Set-Item Env:{name} `\n  ("{joint.join(items)}{joint}" +\n  $env:{other}).TrimEnd("{joint}")'
        case Filed(name=file, at_home=True):
            return f'Set-Item Env:{name} "$HOME\\{file}"'
        case Filed(name=file):
            return f"Set-Item Env:{name} `\n  (Resolve-Path -ErrorAction Stop {file})"
        case Asked(what=what):
            asked = what.replace("'", "''")
            return f"if ($answer = Read-Host '{asked}') {{\n  Set-Item Env:{name} $answer }}"
        case _:
            assert_never(value)


def _cmd(change: Change, literal: Literal) -> Iterator[str]:
    for name, value in change.sets:
        yield _cmd_set(name, value, literal)
    for name in _once(change.unsets):
        yield f'set "{name}="'


def _cmd_set(name: str, value: Value, literal: Literal) -> str:
    """Empty where cmd has no words for it."""
    match value:
        case str():
            plain = literal("") == "" or _PLAIN_IN_CMD.fullmatch(value)
            return f'set "{name}={value}"' if plain else ""
        case Copied(variable=other, before=before):
            return f'set "{name}={before}%{other}%"'
        case Edited() | Stripped() | Encoded() | Unheaded() | Listed(mark="\n" | " "):
            return ""
        case Listed(variable=other, items=items, mark=mark):
            put = mark.join(items)
            return f'if defined {other} (\n  set "{name}={put}{mark}%{other}%"\n) else (\n  set "{name}={put}"\n)'
        case Filed(name=file, at_home=at_home):
            return f'set "{name}=%{"USERPROFILE" if at_home else "CD"}%\\{file}"'
        case Asked(what=what):
            return f"set /p {name}={what}: "
        case _:
            assert_never(value)


# -- files -------------------------------------------------------------------------------------------


def _dockerfile(change: Change, literal: Literal) -> Iterator[str]:
    """An image cannot unset what another one set: empty is the nearest."""
    for name, value in change.sets:
        yield f"ENV {name}={literal(value)}" if isinstance(value, str) else ""
    for name in change.unsets:
        yield f"ENV {name}="


def _yaml(change: Change, literal: Literal) -> Iterator[str]:
    """For compose: under the service."""
    yield "environment:"
    for name, value in change.sets:
        yield f"  {name}: {literal(value)}" if isinstance(value, str) else ""
    for name in change.unsets:
        yield f'  {name}: ""'


_WRITERS: dict[Shell, Callable[[Change, Literal], Iterator[str]]] = {
    "sh": _sh,
    "fish": _fish,
    "powershell": _powershell,
    "cmd": _cmd,
    "dockerfile": _dockerfile,
    "yaml": _yaml,
}
SHELLS: tuple[Shell, ...] = ("sh", "fish", "powershell", "cmd")
