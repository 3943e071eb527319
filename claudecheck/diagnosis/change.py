"""A change of the environment as a value: what is set, what is unset, and where. Pure; changes nothing itself.

A fix that changes variables *is* such a value: its commands for every shell are written from it
(`diagnosis/problems/changing.py`), and a run can walk the environment with it applied to see whether the client then
gets through.

A value that may hold a secret is never written down: it is named by the variable that holds it (`Copied`, `Edited`,
`Listed`), or asked for (`Asked`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

import msgspec

#: What the redactor puts in place of a secret: no value that holds it can be set.
REDACTED = "[redacted]"
_HOLE = re.compile(r"\{([a-z_]+)\}")


class Copied(msgspec.Struct, frozen=True, tag=True):
    """The value that `variable` has, after the text `before`."""

    variable: str
    before: str = ""


class Edited(msgspec.Struct, frozen=True, tag=True):
    """The value that `variable` has, with what matches `pattern` replaced.

    `pattern` is a regular expression that Python, sed and PowerShell read alike: no groups, no escapes but of a dot.
    """

    variable: str
    pattern: str
    replacement: str = ""


class Stripped(msgspec.Struct, frozen=True, tag=True):
    """The value that `variable` has, with its visible ASCII alone, and no quotes: without what a copy brought along."""

    variable: str


class Encoded(msgspec.Struct, frozen=True, tag=True):
    """The URL that `variable` has, with its user name and password percent-encoded."""

    variable: str


class Unheaded(msgspec.Struct, frozen=True, tag=True):
    """The headers that `variable` has, one a line, without the one of this name."""

    variable: str
    header: str


class Listed(msgspec.Struct, frozen=True, tag=True):
    """`items` before the entries that `variable` already has; `mark` stands between them."""

    variable: str
    items: tuple[str, ...]
    mark: str = ","


class Filed(msgspec.Struct, frozen=True, tag=True):
    """The path of a file in the home folder, or in the working folder when it is not `at_home`."""

    name: str
    at_home: bool = True


class Asked(msgspec.Struct, frozen=True, tag=True):
    """What only the user knows: `what` in words. A secret is typed without an echo."""

    what: str
    secret: bool = False


Value = str | Copied | Edited | Stripped | Encoded | Unheaded | Listed | Filed | Asked


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """`sets` are (variable, value) pairs, whose texts may have holes; `unsets` are names of variables.

    `place` is where the change belongs: "shell", or the file in which the variable is set.
    """

    sets: tuple[tuple[str, Value], ...] = ()
    unsets: tuple[str, ...] = ()
    place: str = "shell"

    def applied(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables after the change. Raises `ValueError` for one that cannot be made without asking."""
        changed = dict(variables)
        for name, value in self.sets:  # one after the other: a later one may take what an earlier one set
            changed[name] = _worth(value, changed)
        return {name: value for name, value in changed.items() if name not in self.unsets}

    @property
    def taken_from(self) -> list[str]:
        """The variables without whose value it makes no sense."""
        set_before: set[str] = set()
        found: list[str] = []
        for name, value in self.sets:
            if isinstance(value, Copied | Edited | Stripped | Encoded | Unheaded) and value.variable not in set_before:
                found.append(value.variable)
            set_before.add(name)
        return found

    @property
    def needs(self) -> list[str]:
        """What has to be known before it can be made, in words."""
        return [value.what for _, value in self.sets if isinstance(value, Asked)]

    @property
    def complete(self) -> bool:
        """It can be applied now: nothing has to be asked or put in place first, and no hole is left."""
        if any(isinstance(value, Filed) for _, value in self.sets):
            return False
        return not self.needs and not any(isinstance(value, str) and _HOLE.search(value) for _, value in self.sets)

    def names(self) -> list[str]:
        """Every variable that it changes."""
        return [*(name for name, _ in self.sets), *self.unsets]


#: With this the C library takes 1200 bytes of an answer over UDP. Trying it for one program shows what it would do for
#: the whole machine.
LARGER_ANSWERS = Change(sets=(("RES_OPTIONS", "edns0"),))


def bare(value: str) -> str:
    """Visible ASCII, and no quotes."""
    return re.sub(r"[^!-~]|[\"'`]", "", value)


def encoded(url: str) -> str:
    """What is encoded already stays as it is."""
    before, at, host = url.rpartition("@")
    start = before.find("//") + 2 if "//" in before else 0
    user, colon, password = before[start:].partition(":")
    login = quote(unquote(user), safe="") + colon + quote(unquote(password), safe="")
    return f"{before[:start]}{login}{at}{host}"


def _worth(value: Value, variables: Mapping[str, str]) -> str:
    match value:
        case str():
            if _HOLE.search(value):
                raise ValueError(f"{value} is not filled")
            return value
        case Copied(variable=name, before=before):
            return before + variables.get(name, "")
        case Edited(variable=name, pattern=pattern, replacement=replacement):
            return re.sub(pattern, replacement, variables.get(name, ""))
        case Stripped(variable=name):
            return bare(variables.get(name, ""))
        case Encoded(variable=name):
            return encoded(variables.get(name, ""))
        case Unheaded(variable=name, header=header):
            lines = variables.get(name, "").split("\n")
            return "\n".join(line for line in lines if line.partition(":")[0].strip().lower() != header.lower())
        case Listed(variable=name, items=items, mark=mark):
            return mark.join([*items, *filter(None, [variables.get(name, "")])])
        case Filed(name=name, at_home=at_home):
            return f"{variables.get('HOME' if at_home else 'PWD', '.')}/{name}"
        case Asked(what=what):
            raise ValueError(f"{what} has to be asked for")
