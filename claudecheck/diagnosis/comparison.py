"""Several routes, each one variable away from the first: which variable decides. Pure; walks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from claudecheck.clients import registry
from claudecheck.diagnosis import change as environment
from claudecheck.diagnosis import rows as report_rows
from claudecheck.diagnosis.change import Copied, Value
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import offer
from claudecheck.diagnosis.problems.remedy import PROGRAM, Remedy, in_program
from claudecheck.diagnosis.problems.spelling import with_python
from claudecheck.failures import LeftOut
from claudecheck.observations import Interpreter, Journal, SetVariable
from claudecheck.report import Finding, Fix, Report, StageRow

Variable = Literal["proxy", "base URL", "address family", "client", "interpreter", "CA file", "timeout"]
#: through: the client gets through. cut: the run ended first. untold: a host without a key of its own
#: answered, and what fails on the first route lies behind that answer.
Outcome = Literal["through", "fails", "cut", "untold"]

FIRST = "as it is"
NO_KEY = "no key of its own: --key-env NAME"

#: A stage that takes this much longer than on the first route is worth a word; less is the network's mood.
_SLOWER, _SLOWER_MS = 5.0, 500.0
#: Not `environment` and `messages`: they start interpreters and models, which take their own time.
_TIMED = ("dns", "tcp", "tls", "proxy", "models")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One variable, and its value on this route. What stands here may be shown: no secret, no userinfo.

    `sets` and `unsets` make the change permanent, by names of environment variables; `key_name` is
    the variable that holds the key for this host, and `key_variable` the one that the client reads.
    """

    variable: Variable
    after: str
    sets: dict[str, str] = {}
    unsets: list[str] = []
    seconds: float = 0.0  # of another timeout
    key_name: str = ""
    key_variable: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One route. The first has no change; a `keyless` one goes to a host for which no key was named."""

    label: str
    report: Report
    change: Change | None = None
    keyless: bool = False


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`outcomes` in the order of the columns. `variable` is null unless exactly one decides."""

    sentence: str
    outcomes: list[Outcome] = []
    variable: Variable | None = None
    notes: list[str] = []
    fix: Fix | None = None
    code: str = ""  # of the problem that the comparison is about


def compare(columns: Sequence[Column]) -> Comparison:
    """What the reports of these routes say together; the first column is the environment as it is."""
    first = columns[0]
    outcomes = [outcome(column, first) for column in columns]
    told = list(zip(columns, outcomes, strict=True))
    judge = {"fails": _first_fails, "through": _first_works}.get(outcomes[0], _first_cut)
    made = judge(told)
    return msgspec.structs.replace(made, outcomes=outcomes, notes=list(_notes(told)))


# -- one column --------------------------------------------------------------------------------------


def outcome(column: Column, first: Column) -> Outcome:
    report = column.report
    if report.status in ("healthy", "degraded"):
        return "through"
    if report.status == "incomplete":
        return "cut"
    if not asks_for_key(column):
        return "fails"
    behind = first.report.status == "failing" and first.report.reached_api
    return "untold" if behind else "through"


def asks_for_key(column: Column) -> bool:
    """The host answered, asked without a key, that it wants one: the way there is fine."""
    if not column.keyless or column.report.status != "failing":
        return False
    models = _evidence(column.report).models
    return models is not None and models.status in (401, 403) and models.shape not in ("html", "empty", "")


def rows(column: Column) -> list[StageRow]:
    """The stages of the report, where this comparison gave the host a key, or none, in its own words."""
    change, found = column.change, column.report.stages
    if change and change.key_name:
        route = msgspec.structs.replace(column.report.route, credential_source=change.key_name)
        said = report_rows.client_and_credential(route)
        return [_said(row, said) if row.name == "environment" and row.status == "pass" else row for row in found]
    wrong = [one.code for one in column.report.findings if one.layer == "environment" and one.severity == "error"]
    if not column.keyless or wrong != ["key-missing"]:
        return found
    return [_without_key(row, answered=asks_for_key(column)) for row in found]


def _without_key(row: StageRow, *, answered: bool) -> StageRow:
    """That no key went to this host is our rule, not a fault of the environment."""
    if row.name == "environment":
        return msgspec.structs.replace(_said(row, NO_KEY), status="warn")
    if row.name == "models" and answered:
        return msgspec.structs.replace(row, status="pass")
    return _said(row, "not sent: no key of its own") if row.skipped_because is LeftOut.ENVIRONMENT else row


def _said(row: StageRow, summary: str) -> StageRow:
    return msgspec.structs.replace(row, summary=summary)


def before(change: Change, first: Report) -> str:
    """The value of the same variable on the first route."""
    route = first.route
    match change.variable:
        case "proxy":
            return route.proxy or "none"
        case "base URL":
            return route.url
        case "address family":
            return "any"
        case "client":
            return registry.in_words(route.client)
        case "interpreter":
            seen = _evidence(first).interpreter
            return seen.path if isinstance(seen, Interpreter) else ""
        case "CA file":
            return route.cafile or route.capath or "the system's store"
        case "timeout":
            return "the usual limits"


def _evidence(report: Report) -> Evidence:
    return Evidence(Journal(tuple(report.observations)))


def _where(report: Report) -> str:
    """As in "tls-intercepted at tls"."""
    return f"{report.problem} at {report.first_failing_layer}"


def _with(variable: Variable, value: str) -> str:
    match variable:
        case "proxy" if value == "none":
            return "without a proxy"
        case "address family":
            return "with both" if value == "any" else f"with {value} alone"
        case _:
            return f"with {value}" if value else FIRST


def _value(column: Column) -> str:
    return _with(column.change.variable, column.change.after) if column.change else FIRST


# -- the sentence ------------------------------------------------------------------------------------

Told = Sequence[tuple[Column, Outcome]]


def _those(told: Told, wanted: Outcome) -> list[Column]:
    return [column for column, seen in told if seen == wanted]


def _variables(columns: Iterable[Column]) -> list[Variable]:
    return list(dict.fromkeys(column.change.variable for column in columns if column.change))


def _first_fails(told: Told) -> Comparison:
    first = told[0][0]
    winners, losers = _those(told, "through"), _those(told, "fails")
    variables = _variables(winners)
    if len(variables) == 1:
        return _one_opens(first, variables[0], winners, losers)
    code, start = first.report.problem or "", f"{FIRST}, it fails ({_where(first.report)})"
    fix = _culprits_fix(first.report)
    if winners:
        labels = ", ".join(column.label for column in winners)
        text = f"{_capital(start)}; each of these changes alone gets through: {labels}"
        return Comparison(sentence=text, fix=_permanent(winners[0], first.report) or fix, code=code)
    if len(losers) < len(told):
        text = f"It cannot be told: {start}, and no change was seen to get through"
    elif len({_where(column.report) for column in losers}) == 1:
        text = f"{_nobody(losers)} fail at {first.report.first_failing_layer} with {code}"
    else:
        text = f"None of these variables decides: {_each_way(losers)}"
    return Comparison(sentence=text, fix=fix, code=code)


def _nobody(columns: Sequence[Column]) -> str:
    changed = _variables(columns)
    who = f"The {changed[0]} does not decide" if len(changed) == 1 else "None of these variables decides"
    return f"{who}: {'both' if len(columns) == 2 else 'all'}"


def _each_way(columns: Sequence[Column]) -> str:
    """As in "as it is it fails with tls-expired at tls, with curl with dns-timeout at dns"."""
    alike: dict[str, list[str]] = {}
    for column in columns:
        alike.setdefault(_where(column.report), []).append(_value(column))
    told = [(_listed(values), where) for where, values in alike.items()]
    return ", ".join(f"{who}{'' if place else ' it fails'} with {where}" for place, (who, where) in enumerate(told))


def _one_opens(first: Column, variable: Variable, winners: list[Column], losers: list[Column]) -> Comparison:
    change = winners[0].change
    start = _with(variable, before(change, first.report)) if change else FIRST
    others = [column for column in losers if column.change]
    same = [column for column in others if column.change and column.change.variable == variable]
    parts = [f"{start} it fails ({_where(first.report)})"]
    parts += [f"{_value(column)} it fails too ({_where(column.report)})" for column in same]
    parts += [f"{_listed([_value(column) for column in winners])} it gets through"]
    helpless = ", and no other change helps" if len(others) > len(same) else ""
    return Comparison(
        sentence=f"The {variable} decides: {', '.join(parts)}{helpless}",
        variable=variable,
        fix=_permanent(winners[0], first.report) or _culprits_fix(first.report),
        code=first.report.problem or "",
    )


def _first_works(told: Told) -> Comparison:
    first = told[0][0]
    losers = _those(told, "fails")
    variables = _variables(losers)
    if not losers:
        cut = _those(told, "cut")
        text = "It cannot be told: the first route gets through, and others were cut" if cut else _no_difference(told)
        return Comparison(sentence=text)
    code = losers[0].report.problem or ""
    # To leave the proxy out, or to take it, is what the first route does.
    fix = None if variables == ["proxy"] and _undone(losers[0]) else _culprits_fix(losers[0].report)
    if len(variables) > 1:
        broken = ", ".join(f"{column.label} ({_where(column.report)})" for column in losers)
        text = f"{_capital(FIRST)}, it gets through; each of these changes alone breaks it: {broken}"
        return Comparison(sentence=text, fix=fix, code=code)
    variable, change = variables[0], losers[0].change
    same = [column for column in _those(told, "through") if column.change and column.change.variable == variable]
    good = [_with(variable, before(change, first.report)) if change else FIRST, *map(_value, same)]
    parts = [f"{_value(column)} it fails ({_where(column.report)})" for column in losers]
    text = f"The {variable} decides: {', '.join(parts)}, {_listed(good)} it gets through"
    return Comparison(sentence=text, variable=variable, fix=fix, code=code)


def _undone(column: Column) -> bool:
    """What fails only because of this change, and is mended without it."""
    return column.report.problem == "proxy-unneeded" or (column.change is not None and column.change.after == "none")


def _no_difference(told: Told) -> str:
    return "No difference: both get through" if len(told) == 2 else "No difference: all get through"


def _first_cut(told: Told) -> Comparison:
    ways = {"through": "it gets through", "fails": "it fails"}
    seen = [f"{_value(column)} {ways[way]}" for column, way in told[1:] if way in ways]
    rest = f"; {', '.join(seen)}" if seen else ""
    return Comparison(sentence=f"It cannot be told: {FIRST}, the run was cut before its end{rest}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


# -- beside it ---------------------------------------------------------------------------------------


def _notes(told: Told) -> Iterator[str]:
    first = told[0][0]
    for column, seen in told[1:]:
        if column.keyless and asks_for_key(column):
            beyond = "; whether it would take the message is not known" if seen == "through" else ""
            yield f"{column.label}: it answered, and wants a key{beyond} ({NO_KEY})"
        if seen == "cut":
            yield f"{column.label}: cut before its end, so nothing is said about it"
        if seen == "through" and told[0][1] == "through":
            yield from _slower(column, first)
    yield from _models(column for column, _ in told)
    yield from _sdks(column for column, _ in told if column is first or _changes_interpreter(column))


def _slower(column: Column, first: Column) -> Iterator[str]:
    usual = {row.name: row for row in first.report.stages}
    for row in column.report.stages:
        other = usual.get(row.name)
        if row.name not in _TIMED or other is None or "skip" in (row.status, other.status):
            continue
        for slow, quick, label in ((row, other, column.label), (other, row, first.label)):
            more = slow.duration_ms - quick.duration_ms
            if more >= _SLOWER_MS and slow.duration_ms >= _SLOWER * quick.duration_ms > 0:
                times = round(slow.duration_ms / quick.duration_ms)
                yield f"{label}: {row.name} takes {times} times as long ({slow.duration_ms / 1000:.1f} s)"


def _changes_interpreter(column: Column) -> bool:
    return column.change is not None and column.change.variable == "interpreter"


def _sdks(columns: Iterable[Column]) -> Iterator[str]:
    seen = {column.label: _evidence(column.report).interpreter for column in columns}
    found = {label: one.sdk for label, one in seen.items() if one is not None and one.sdk}
    if len(set(found.values())) > 1:
        yield f"not the same SDK everywhere: {'; '.join(f'{sdk} {label}' for label, sdk in found.items())}"


def _models(columns: Iterable[Column]) -> Iterator[str]:
    asked: dict[str, list[str]] = {}
    for column in columns:
        message = _evidence(column.report).message
        if message is not None and message.model:
            asked.setdefault(message.model, []).append(column.label)
    if len(asked) > 1:
        told = "; ".join(f"{model}: {', '.join(labels)}" for model, labels in asked.items())
        yield f"not the same model everywhere ({told}): name one with --model"


# -- what to do --------------------------------------------------------------------------------------


def _culprits_fix(report: Report) -> Fix | None:
    found: Finding | None = next((one for one in report.findings if one.code == report.problem), None)
    return found.fixes[0] if found and found.fixes else None


#: Problems that another interpreter cures; every other one has a cure in the interpreter that fails.
_OF_THE_INTERPRETER = ("sdk-missing", "sdk-broken")


def _permanent(column: Column, first: Report) -> Fix | None:
    """How to keep the change; None where the fix of what fails says it better."""
    change = column.change
    if change is None or change.variable in ("address family", "client"):
        return None
    machine = _evidence(first).machine
    if change.variable == "interpreter":
        if first.problem not in _OF_THE_INTERPRETER:
            return None
        text, run = "Run your program with that interpreter", with_python("your_program.py")
        return _fix(Remedy(text=text, commands=run, place=PROGRAM), machine, python=change.after)
    if change.variable == "timeout":
        return _more_time(change.seconds, first, machine)
    text, sets = f"Make “{column.label}” permanent", [*change.sets.items()]
    copied: list[tuple[str, Value]] = []
    if column.keyless:
        text += ", and give that host a key of its own in ANTHROPIC_API_KEY"
    elif change.key_name and change.key_name != change.key_variable:
        copied.append((change.key_variable, Copied(change.key_name)))
        known = machine.variables
        if known is not None:  # it was named for this run, so it is set
            named = {**known, change.key_name: [SetVariable(name=change.key_name)]}
            machine = msgspec.structs.replace(machine, variables=named)
    made = environment.Change(sets=(*sets, *copied), unsets=tuple(change.unsets))
    return _fix(Remedy(text=text, change=made), machine) or Fix(text=text)


def _more_time(seconds: float, first: Report, machine: Machine) -> Fix | None:
    """The SDK gives a connection 5 s and an answer 600 s: only the first is too short by itself."""
    if first.first_failing_layer in ("models", "messages"):
        return Fix(text="The SDK waits 10 minutes for an answer: look for a shorter timeout in your program")
    line = f"client = anthropic.Anthropic(timeout=anthropic.Timeout(600, connect={seconds:g}))"
    return _fix(in_program("Give the connection that much time", python=line), machine)


def _fix(remedy: Remedy, machine: Machine, **values: str) -> Fix | None:
    made = offer(remedy, values, machine)
    return made.fix if made else None
