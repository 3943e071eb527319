"""Runs the helper that prints Claude Code's key, as Claude Code does. Shows nothing of what it prints."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from claudecheck.clients import claude_code, credentials
from claudecheck.clients.claude_code import KeyHelper
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Snapshot
from claudecheck.journal.deadline import Deadline
from claudecheck.machine import child
from claudecheck.observations import Concern
from claudecheck.route import Plan, place

#: Seconds after which Claude Code warns of a slow helper.
LIMIT_S = 10.0
#: Bytes of either stream; a key has a few hundred.
LONGEST_OUTPUT = 64 * 1024
LONGEST_ERROR = 300
#: The command reaches the shell in a variable, because arguments can be read by every user of the machine.
_VARIABLE = "CLAUDECHECK_KEY_HELPER"
_LONG_WORD = re.compile(r"[^\s\"'`/|;&()<>$=,]{16,}")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}(:\d+)?:?")
SHORTEST_SECRET = 8

Hide = Callable[[Iterable[str]], None]


@dataclass(frozen=True)
class _Ran:
    """How it ended. `broken` says why it did not end by itself, or did not start."""

    status: int = 0
    broken: str = ""
    printed: str = field(default="", repr=False)
    error: str = field(default="", repr=False)
    cut: bool = False  # by the end of the run: nothing is known of the helper


def resolve(plan: Plan, snapshot: Snapshot, deadline: Deadline, hide: Hide) -> Plan:
    """The plan with the helper's key in its route, or with the concern that there is none.

    `hide` makes values known to the redactor, and is called before anything of them can be recorded. A helper
    in a project's settings is not run: whoever wrote the project would run a command here.
    """
    helper = claude_code.key_helper(snapshot)
    if plan.route is None or helper is None or not claude_code.wants_helper(plan.route):
        return plan
    alone = plan.route.credential.sort == "key-helper"
    source = place(claude_code.KEY_HELPER, helper.file)
    if not helper.own and not alone:
        return plan
    if not helper.own:
        told = f"{source}, not run: a project's file may be anybody's"
        return replace(plan, route=replace(plan.route, credential=replace(plan.route.credential, source=told, file="")))
    hide(_maybe_secret(helper.command))
    ran = _run(helper, snapshot.cwd, deadline)
    key = ran.printed.strip()
    fault = _fault(ran, key) or _flaw(key, official=plan.route.endpoint.official)
    # A word such as "null" in place of a key is no secret, and would be taken out of the whole report.
    hide([*([key] if not fault or len(key) >= SHORTEST_SECRET else []), *_maybe_secret(ran.printed + " " + ran.error)])
    if ran.cut:
        return plan
    if fault:
        concern = Concern(
            kind="key-helper-failed",
            subject=source,
            detail=fault,
            values={"file": helper.file},
            stops_client=alone and helper.alone,
        )
        return replace(plan, concerns=(*plan.concerns, concern))
    return replace(plan, route=claude_code.with_key(plan.route, key))


def _maybe_secret(text: str) -> list[str]:
    """Words that could be a key without a known prefix, and are no name of a host."""
    return [word for word in _LONG_WORD.findall(text) if re.search(r"\d", word) and not _HOST.fullmatch(word)]


def _flaw(key: str, *, official: bool) -> str:
    """What is wrong with the form of what it printed: "null", or the beginning of a key."""
    flaw = credentials.malformed(key, bearer=True, official=official, sdk=Sdk())
    return f"what it printed {flaw.detail}" if flaw else ""


def _fault(ran: _Ran, key: str) -> str:
    """Why there is no key; empty when there is one."""
    last = " ".join(ran.error.split())[-LONGEST_ERROR:]
    said = f"; its last words: {last}" if last else ""
    if ran.broken:
        return f"it {ran.broken}{said}"
    if ran.status:
        how = f"was ended by signal {-ran.status}" if ran.status < 0 else f"ended with status {ran.status}"
        return f"it {how}{said}"
    if not key:
        return f"it ended without an error and printed nothing{said}"
    if re.search(r"\s", key):
        return f"it printed {len(key.splitlines())} lines or several words, and a key is one word"
    return ""


# -- the process -------------------------------------------------------------------------------------


def _run(helper: KeyHelper, cwd: str, deadline: Deadline) -> _Ran:
    """What a helper that has ended left running is meant to stay: an agent that keeps a login, say."""
    windows = os.name == "nt"
    shell = ["cmd.exe", "/d", "/s", "/c", f"%{_VARIABLE}%"] if windows else ["/bin/sh", "-c", f'eval "${_VARIABLE}"']
    ended = child.run(
        shell,
        variables={**helper.variables, _VARIABLE: helper.command},
        folder=cwd,
        deadline=deadline,
        limit_s=LIMIT_S,
        longest=LONGEST_OUTPUT,
        spare_others=True,
    )
    printed = ended.out.decode("utf-8", "replace")
    if not ended.started:
        return _Ran(broken="could not be started", error=ended.err)
    if ended.full:
        return _Ran(broken="printed far more than a key")
    if ended.status is None:
        late = f"was still running after {LIMIT_S:g} s"
        return _Ran(broken=late, printed=printed, error=ended.err, cut=ended.cut)
    return _Ran(ended.status, printed=printed, error=ended.err)
