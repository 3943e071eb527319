"""What a remedy is on one machine: a fix whose commands can be pasted there, and the change that a run can try. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from claudecheck.diagnosis.change import (
    REDACTED,
    Asked,
    Change,
    Copied,
    Edited,
    Encoded,
    Listed,
    Stripped,
    Unheaded,
    Value,
)
from claudecheck.diagnosis.problems.changing import SHELLS, in_settings, quote, written
from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.diagnosis.problems.lasting import lasting
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.remedy import HOLE, HOLES, OURS, PROGRAM, SUDO, Remedy, bare, fill
from claudecheck.observations import SetVariable
from claudecheck.report import Command, Fix, FixKind, Shell, Trial

#: Not commands for a shell: they are shown whatever shell is there.
EXCERPTS: tuple[Shell, ...] = ("dockerfile", "yaml", "python", "typescript")
#: Variables that a library or a program reads by itself: a walk with them shows nothing.
_READ_BY_OTHERS = (
    "OPENSSL_CONF",
    "NODE_OPTIONS",
    "ANTHROPIC_LOG",
    "DISABLE_AUTOUPDATER",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
)
_ORDER: tuple[FixKind, ...] = ("mend", "look", "ask")


#: What became of a remedy in this run, and of its change where that is known as a whole.
Tried = Callable[[Remedy, Change | None], Trial | None]


def untried(_remedy: Remedy, _change: Change | None) -> Trial | None:
    return None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One remedy as it is offered here. `change` is filled; None where no variable is changed."""

    remedy: Remedy
    fix: Fix
    change: Change | None = None


def offers(
    remedies: tuple[Remedy, ...], values: Mapping[str, str], machine: Machine, tried: Tried = untried
) -> list[Offer]:
    """Those that hold here: what mends first, then what shows something, then what others must do."""
    made = [offer(remedy, values, machine, tried) for remedy in remedies]
    return sorted((one for one in made if one is not None), key=lambda one: _ORDER.index(one.fix.kind))


def offer(remedy: Remedy, values: Mapping[str, str], machine: Machine, tried: Tried = untried) -> Offer | None:
    """The remedy on this machine; None where it does not hold, or would change nothing here."""
    known = {name: value for name, value in values.items() if value and REDACTED not in value}
    known.setdefault("python", machine.python)
    known.setdefault("proxy_scheme", "http")
    told: set[Fact] = {"suggested"} if "suggestion" in known else set()
    if "cafile" not in known:
        told.add("store-unknown")
    if not machine.with_facts(told).takes(remedy):
        return None
    change = _change(remedy.change, known, machine) if remedy.change else None
    if remedy.change is not None and change is None:
        return None
    places = _places(change, machine)
    walked = change if change is not None and _can_be_walked(remedy, change, places) else None
    trial = tried(remedy, walked)
    if remedy.guess and trial is None and (walked is not None or remedy.proved_by or tried is untried):
        return None
    barred = remedy.needs_root and not machine.may_become_root
    needs = [*remedy.needs, *_open(remedy, known), *(change.needs if change else [])]
    commands = [] if barred or not machine.runs(remedy) else _commands(remedy, change, known, machine, places)
    text = fill(remedy.text, values) + _aside(fill(remedy.caution, values), *map(_told, places))
    if barred:
        text += " (this needs the rights of root: ask whoever administers this machine)"
    fix = Fix(
        text=text,
        commands=commands,
        kind="ask" if barred else remedy.kind,
        tried=trial,
        needs=list(dict.fromkeys(needs)),
        place=fill(remedy.place, values) or _place(commands, places),
        lasting=_lasting(change, commands, machine, places) if remedy.kind == "mend" else [],
    )
    return Offer(remedy=remedy, fix=fix, change=change)


def _can_be_walked(remedy: Remedy, change: Change, places: list[SetVariable]) -> bool:
    """Not where a command has to write a file first, nor what our own walk does not read, nor what a settings file
    sets whatever the environment says.
    """
    if any(place.kind == "settings" for place in places):
        return False
    before = [one for one in remedy.commands if one.shell not in EXCERPTS]
    return change.complete and not before and not any(name in _READ_BY_OTHERS for name in change.names())


def _aside(*texts: str) -> str:
    said = "; ".join(filter(None, texts))
    return f" ({said})" if said else ""


# -- the change --------------------------------------------------------------------------------------


def _change(change: Change, values: Mapping[str, str], machine: Machine) -> Change | None:
    """The change with its holes filled, without what is not set here anyway; None where nothing is left of it."""
    named = {name: fill(name, values) for name in change.names()}
    if any(re.fullmatch(r"[A-Za-z_]\w*", name) is None for name in named.values()):
        return None  # what is named is no variable: a proxy of the system's settings, say
    sets = tuple((named[name], _value(value, values)) for name, value in change.sets)
    unsets = tuple(dict.fromkeys(named[name] for name in change.unsets if machine.is_set(named[name])))
    filled = Change(sets=sets, unsets=unsets, place=change.place)
    return filled if filled.names() and all(map(machine.is_set, filled.taken_from)) else None


def _value(value: Value, values: Mapping[str, str]) -> Value:
    """A text that is not wholly known is asked for."""
    match value:
        case str():
            missing = [hole for hole in HOLE.findall(value) if hole not in values]
            if REDACTED in value:
                return Asked("the whole value, with what is secret in it", secret=True)
            return Asked(HOLES[missing[0]]) if missing else fill(value, values)
        case Listed(variable=name, items=items, mark=mark):
            return Listed(fill(name, values), tuple(fill(item, values) for item in items), mark)
        case Unheaded(variable=name, header=header):
            return Unheaded(fill(name, values), fill(header, values))
        case Copied() | Edited() | Stripped() | Encoded():
            return msgspec.structs.replace(value, variable=fill(value.variable, values))
        case _:
            return value


def _places(change: Change | None, machine: Machine) -> list[SetVariable]:
    """The files that set what is changed, and would set it again."""
    if change is None:
        return []
    found = [machine.places(name)[-1] for name in change.names() if machine.places(name)]
    return list({(place.file, place.line): place for place in found if place.file}.values())


def _place(commands: list[Command], places: list[SetVariable]) -> str:
    """Where it is done: in the file that sets the variable, in the program, in an image, or in this shell."""
    if places:
        return _named(places[-1])
    shells = {command.shell for command in commands}
    if not shells:
        return ""
    if shells <= {"python", "typescript"}:
        return PROGRAM
    return "the Dockerfile" if shells == {"dockerfile"} else "shell"


def _lasting(
    change: Change | None, commands: list[Command], machine: Machine, places: list[SetVariable]
) -> list[Command]:
    """Of a change that is made in a shell, and that no other file makes undone."""
    shell = next((one.shell for one in commands if one.shell in SHELLS), None)
    if change is None or shell is None or any(place.kind != "profile" for place in places):
        return []
    return lasting(change, shell, machine)


def _named(place: SetVariable) -> str:
    return f"{place.file}, line {place.line}" if place.line else place.file


def _told(place: SetVariable) -> str:
    if place.kind == "settings":
        return f"{place.name} is set in {place.file}, which stands over the shell"
    return f"{_named(place)} sets {place.name}: change it there too, or it comes back"


# -- commands ----------------------------------------------------------------------------------------


def _commands(
    remedy: Remedy, change: Change | None, values: Mapping[str, str], machine: Machine, places: list[SetVariable]
) -> list[Command]:
    """In the first shell of this machine that all of it can be said in; excerpts of files and programs beside it."""
    excerpts = [_filled(one, values, machine) for one in remedy.commands if one.shell in EXCERPTS]
    settings = next((place.file for place in places if place.kind == "settings"), "")
    for shell in machine.shells():
        own = [_filled(one, values, machine) for one in _spoken(remedy, shell)]
        if any(one.shell not in EXCERPTS for one in remedy.commands) and not own:
            continue
        if change is None:
            return _kept([*own, *excerpts])
        if not all(own):
            return []
        if settings:
            line = in_settings(change, settings, shell=shell, python=machine.python)
        else:
            line = written(change, shell, before=" &&\n  ".join(one.line for one in own if one))
            line = fill_command(line, {"python": machine.python}, shell)
        if line:
            return _kept([Command(shell=shell, line=line), *excerpts])
    return _kept(excerpts)


def _spoken(remedy: Remedy, shell: Shell) -> list[Command]:
    """Its hand-written commands in one shell; fish understands those of sh where it has none of its own."""
    own = [one for one in remedy.commands if one.shell == shell]
    return own or ([one for one in remedy.commands if one.shell == "sh"] if shell == "fish" else [])


def _kept(commands: list[Command | None]) -> list[Command]:
    """All of them, or none where something of one is not known: half of a way leads nowhere."""
    return [one for one in commands if one is not None] if all(commands) else []


def _filled(command: Command, values: Mapping[str, str], machine: Machine) -> Command | None:
    """The line for this machine; None where a hole of it is not known."""
    line = command.line.replace(SUDO, "" if machine.root else "sudo ").replace(OURS, _ours(machine, command.shell))
    if any(hole not in values for hole in HOLE.findall(line)):
        return None
    return Command(shell=command.shell, line=fill_command(line, values, command.shell))


def _ours(machine: Machine, shell: Shell) -> str:
    """How this program can be called here: it need not be on PATH."""
    if not machine.run_by:
        return "claudecheck"
    return f"{'& ' if shell == 'powershell' else ''}{quote(machine.run_by, shell)} -m claudecheck"


def _open(remedy: Remedy, values: Mapping[str, str]) -> list[str]:
    """What its commands need and nobody knows."""
    holes = [hole for one in remedy.commands for hole in HOLE.findall(bare(one.line))]
    return [HOLES[hole] for hole in holes if hole not in values]


def fill_command(line: str, values: Mapping[str, str], shell: Shell) -> str:
    """A command line with its holes filled: what was read from the network or a file is quoted for the shell."""

    def quoted(hole: re.Match[str]) -> str:
        value = values.get(hole[1])
        return quote(value, shell) if value else "<" + hole[1].replace("_", "-") + ">"

    return HOLE.sub(quoted, line.replace(SUDO, "sudo ").replace(OURS, "claudecheck"))


def written_open(remedy: Remedy) -> list[Command]:
    """Its commands in every shell, with their holes: for a page that is for every machine."""
    if remedy.change is None:
        return list(remedy.commands)
    excerpts = [one for one in remedy.commands if one.shell in EXCERPTS]
    made: list[Command] = []
    for shell in SHELLS:
        own = [one for one in remedy.commands if one.shell == shell]
        if not own and any(one.shell not in EXCERPTS for one in remedy.commands):
            continue
        line = written(remedy.change, shell, before=" &&\n  ".join(one.line for one in own), open_holes=True)
        made += [Command(shell=shell, line=line)] if line else []
    return [*made, *excerpts]
