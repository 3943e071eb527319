"""Journals of real runs, cut to what a rule reads, and the verdict of each in lines that can be compared.

`tests/journals/GROUP.jsonl.xz` holds what was seen, one run a line: `demo` has every fault of the embedded lab
(`make journals`), the other groups have the networks of the network lab (`python -m tests.netlab.runner --journals`).
`GROUP.txt` beside it is what has to come out; `pytest tests/test_replay.py --update-golden` writes it anew.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from claudecheck.diagnosis.archive import journal_of
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.observations import Journal
from claudecheck.report import Finding, Fix, Report

FOLDER = Path(__file__).parent / "journals"
REPOSITORY = Path(__file__).parents[1]

#: Certificates and traces are what no rule reads; of a body a rule reads the beginning.
_CUT = {"pem": 0, "trace": 0, "body": 600}
#: What one machine calls its folders, and what stands for it.
_PLACES = (
    (r"/[/\w.-]*/claudecheck-lab-\w+", "/tmp/lab"),
    (r"/[/\w.-]*/cc-[\w-]+", "/tmp/lab"),
    (r"/[/\w.-]*/\.clients", "/home/ana/clients"),
    (re.escape(sys.prefix), "/home/ana/app/.venv"),
    (re.escape(str(REPOSITORY)), "/home/ana/app"),
)
_LOOPBACK_PORT = re.compile(r'(?:127\.0\.0\.1|localhost|\[::1\]|"port":|port )[: ]?(\d{5})\b')


def groups() -> list[str]:
    return sorted(path.name.removesuffix(".jsonl.xz") for path in FOLDER.glob("*.jsonl.xz"))


@cache
def read(group: str) -> dict[str, Journal]:
    """The journals of a group by name."""
    return {name: journal_of(_report(seen)) for name, seen in _lines(group).items()}


def texts(group: str) -> list[str]:
    """The journals of a group as they are stored."""
    return [json.dumps(seen) for seen in _lines(group).values()]


def _lines(group: str) -> dict[str, Any]:
    packed = FOLDER / f"{group}.jsonl.xz"
    if not packed.exists():
        return {}
    lines = (json.loads(line) for line in lzma.decompress(packed.read_bytes()).splitlines())
    return {line["name"]: line["observations"] for line in lines}


def write(group: str, reports: Mapping[str, Mapping[str, Any]], known: Collection[str]) -> None:
    """Add the journals of JSON reports to a group, or renew them. Others in it stay if they are `known` still."""
    kept = _lines(group) | {
        name: _cut(report["observations"], loopback=group == "demo") for name, report in reports.items()
    }
    text = "".join(
        json.dumps({"name": name, "observations": kept[name]}, ensure_ascii=False, separators=(",", ":")) + "\n"
        for name in sorted(set(kept) & set(known))
    )
    read.cache_clear()
    (FOLDER / f"{group}.jsonl.xz").write_bytes(lzma.compress(text.encode(), preset=9))
    (FOLDER / f"{group}.txt").write_text(told(group), encoding="utf-8")


def _report(observations: Any) -> bytes:
    return msgspec.json.encode({"schema_version": 1, "observations": observations})


def _cut(observations: Any, *, loopback: bool) -> Any:
    """Without what no rule reads, and without the names that only one machine has. The verdict stays the same."""
    short = _shortened(observations)
    assert _judged(short) == _judged(observations), "a rule reads what was cut"
    text = json.dumps(short, ensure_ascii=False)
    for pattern, stands in _PLACES:
        text = re.sub(pattern, stands, text)
    if loopback:
        ports = dict.fromkeys(_LOOPBACK_PORT.findall(text))
        for number, port in enumerate(ports):
            text = re.sub(rf"\b{port}\b", str(8001 + number), text)
    return json.loads(text)


def _judged(observations: Any) -> list[str]:
    return list(verdict(diagnose(journal_of(_report(observations)))))


def _shortened(value: Any, field: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value[: _CUT[field]] if field in _CUT and isinstance(value, str) else value


# -- the verdict in lines ----------------------------------------------------------------------------


def told(group: str) -> str:
    """What every journal of a group comes to."""
    parts = ["\n".join([f"## {name}", *verdict(diagnose(journal))]) + "\n" for name, journal in read(group).items()]
    return "\n".join(parts)


def verdict(report: Report) -> Iterable[str]:
    """Everything that a reader or a script is told, but the sentences of the catalogue: tests of it hold those."""
    problem = f"{report.first_failing_layer}, {report.problem}" if report.problem else "no problem"
    yield (
        f"{report.status}: {problem}, exit {report.exit_code}, reached {_word(report.reached_api)}, "
        f"answered by {report.answered_by or 'nobody'}, billed {report.billed.messages}"
    )
    yield "stages    " + ", ".join(f"{row.name} {row.status}{_because(row.skipped_because)}" for row in report.stages)
    for row in report.variations:
        yield f"varied    {'✓' if row.reached else '✗'} {row.changed}: {row.before} → {row.after}: {row.outcome}"
    for finding in report.findings:
        yield from _finding(finding)


def _word(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[value]


def _because(stage: str | None) -> str:
    return f" ({stage})" if stage else ""


def _finding(finding: Finding) -> Iterable[str]:
    retry = ", retryable" if finding.retryable else ""
    yield (
        f"{finding.severity:9} {finding.code}: {finding.layer}, {finding.confidence}, "
        f"owner {finding.owner or 'nobody'}{retry}"
    )
    yield from (f"  seen    {text}" for text in finding.seen)
    yield from (f"  not it  {text}" for text in finding.ruled_out)
    for number, fix in enumerate(finding.fixes, 1):
        yield from _fix(f"fix {number}", fix)
    for number, fix in enumerate(finding.rejected, 1):
        yield from _fix(f"not {number}", fix)


def _fix(name: str, fix: Fix) -> Iterable[str]:
    """Its kind, its state and its commands. Of one in words only, that there is one."""
    state = msgspec.to_builtins(fix)
    left_out = ("text", "commands", "lasting")
    facts = [f"{name} {value}" for name, value in state.items() if name not in left_out and value]
    facts += ["lasting"] if fix.lasting else []
    yield f"  {name}   {', '.join(facts) or ('commands' if fix.commands else 'words')}"
    yield from (f"    {command.shell}: {line}" for command in fix.commands for line in command.line.splitlines())
