"""Writes docs/accuracy.md from the JSON of one run or several.

`python -m tests.netlab.report RUN.json [AGAIN.json …] docs/accuracy.md`: the tables are of the first run, and of
several it is told how often a verdict was another one.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.netlab.cures import counted

Row = dict[str, Any]

LAYERS = ("environment", "dns", "tcp", "tls", "proxy", "models", "messages")
THROUGH = "gets through"
LONGEST_CELL = 110
LONGEST_SENTENCE = 260


def graded(run: dict[str, Any]) -> list[Row]:
    return [row for row in run["scenarios"] if row["verdict"]]


def failing(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["expected"]["layer"]]


def document(runs: Sequence[dict[str, Any]]) -> str:
    run = runs[0]
    rows = graded(run)
    parts = [
        "# How often the verdict is right",
        "",
        "Every row is a network of Linux namespaces with real components, broken in one way (`tests/netlab`).",
        "`make lab` runs them again. None of them is on the internet.",
        "",
        f"Run of {run['recorded_at']} on {run['system']}: {len(rows)} scenarios in {run['seconds']} s.",
        "",
        *totals(rows),
        "",
        "## Layers",
        "",
        "Rows: where the fault is. Columns: what the doctor said.",
        "",
        *confusion_of_layers(rows),
        "",
        "## Codes",
        "",
        *codes(rows),
        "",
        "## One works, the other does not",
        "",
        "What the other commands answered at first sight, on the same networks. An answer is right when its first",
        "sentence, the variable that decides, the fix and the exit code are.",
        "",
        *answers(rows),
        "",
        *cures_chapter(rows),
        *stability(runs),
        "## Time to the verdict",
        "",
        *times(rows),
        "",
        "## Side by side",
        "",
        "The same fault as the doctor, curl and a plain SDK program tell it. The SDK is given no retries, 5 s to",
        "connect and 6 s to answer: with its defaults it takes three times as long to say the same.",
        "",
        *side_by_side(rows),
        "",
    ]
    return "\n".join(parts)


def stability(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The same networks several times: which of them came to another verdict."""
    if len(runs) < 2:
        return
    said: dict[str, list[str]] = {}
    for run in runs:
        for row in graded(run):
            verdict = row["verdict"]
            said.setdefault(row["name"], []).append(verdict["problem"] or verdict["status"] or "no report")
    changed = {name: each for name, each in said.items() if len(set(each)) > 1}
    yield from ("## The same networks again", "")
    yield f"In {len(runs)} runs {len(said) - len(changed)} of {len(said)} networks came to one verdict every time."
    yield ""
    if changed:
        yield from table(("network", "verdicts"), ((name, ", ".join(each)) for name, each in changed.items()))
        yield ""


def totals(rows: Sequence[Row]) -> Iterator[str]:
    broken = failing(rows)
    healthy = [row for row in rows if not row["expected"]["layer"]]
    alarms = [row for row in healthy if row["verdict"]["problem"] or row["verdict"]["status"] == "failing"]
    yield from table(
        ("", "right", "of", "share"),
        [
            ("the layer of a fault", *share(sum(row["layer_right"] for row in broken), len(broken))),
            ("the code of a fault", *share(sum(row["code_right"] for row in broken), len(broken))),
            ("healthy but odd networks without a false alarm", *share(len(healthy) - len(alarms), len(healthy))),
            (
                "everything: status, layer, code, owner, exit code, and what the other commands answer",
                *share(sum(not r["wrong"] for r in rows), len(rows)),
            ),
        ],
    )


def share(right: int, total: int) -> tuple[str, str, str]:
    return str(right), str(total), f"{100 * right / total:.1f} %" if total else "-"


def confusion_of_layers(rows: Sequence[Row]) -> Iterator[str]:
    counted = Counter((row["expected"]["layer"] or THROUGH, found_layer(row)) for row in rows)
    columns = [name for name in (*LAYERS, THROUGH, "no verdict") if any(found == name for _, found in counted)]
    yield from table(
        ("", *columns),
        [
            (name, *(str(counted[name, found] or "") for found in columns))
            for name in (*LAYERS, THROUGH)
            if any(expected == name for expected, _ in counted)
        ],
    )


def found_layer(row: Row) -> str:
    verdict = row["verdict"]
    if verdict["status"] in ("healthy", "degraded"):
        return THROUGH
    return verdict["layer"] or "no verdict"


def codes(rows: Sequence[Row]) -> Iterator[str]:
    by_code: dict[str, list[Row]] = {}
    for row in rows:
        if code := row["expected"]["problem"] or row["expected"]["finding"]:
            by_code.setdefault(code, []).append(row)
    lines = []
    for code, those in sorted(by_code.items()):
        taken_for = Counter(said(row) for row in those if not row["code_right"])
        others = ", ".join(f"{name} ({count})" for name, count in taken_for.most_common())
        lines.append((f"`{code}`", f"{sum(row['code_right'] for row in those)}/{len(those)}", others))
    yield from table(("code", "right", "taken for"), lines)


def said(row: Row) -> str:
    verdict = row["verdict"]
    return f"`{verdict['problem']}`" if verdict["problem"] else verdict["status"] or "no verdict"


def answers(rows: Sequence[Row]) -> Iterator[str]:
    lines = []
    for row in rows:
        for place, one in enumerate(row["answers"]):
            first = named(one["sentences"][0] if one["sentences"] else one["crashed"])
            name = "" if place else row["name"]
            wrong = " (wrong)" if one["wrong"] else ""
            lines.append((name, f"`{one['question']['asks']}`", f"{one['seconds']:.1f} s{wrong}", first))
    yield from table(("network", "asked", "took", "first sentence"), lines, longest=LONGEST_SENTENCE)


def cures_chapter(rows: Sequence[Row]) -> Iterator[str]:
    """Of a run whose cures were pasted."""
    used = {one["shell"] for row in rows for one in row.get("pasted", [])}
    if not used:
        return
    shells = ", ".join(f"`{shell}`" for shell in sorted(used))
    yield from (
        "## Cures",
        "",
        f"Every mend that needs nothing filled in was pasted into a shell of the failing machine ({shells}), in a",
        "network that was new; then the smallest program of the SDK ran in that shell.",
        "",
    )
    yield from table(("", "faults or mends"), [(name, str(number)) for name, number in counted(rows).items()])
    told = [row for row in failing(rows) if row["verdict"]["owner"] == "you"]
    if lost := [row for row in told if row.get("cannot_be_mended")]:
        yield from ("", "The user's own move, and nothing on that machine can make it:", "")
        yield from table(("network", "why"), [(row["name"], row["cannot_be_mended"]) for row in lost])
    wrong = [(row, one) for row in failing(rows) for one in row.get("pasted", []) if not one["healed"]]
    if wrong:
        yield from ("", "Pasted, and the SDK did not get through:", "")
        yield from table(
            ("network", "shell", "pasted"), [(row["name"], one["shell"], f"`{one['lines']}`") for row, one in wrong]
        )
    yield ""


def named(text: str) -> str:
    """Without where this machine keeps its interpreters and the client's home."""
    return re.sub(r"/[\w./-]+/(bin/python\d?|\.claude/)", r"…/\1", text)


def times(rows: Sequence[Row]) -> Iterator[str]:
    lines = []
    for layer in (*LAYERS, THROUGH):
        those = sorted(row["verdict"]["seconds"] for row in rows if (row["expected"]["layer"] or THROUGH) == layer)
        if those:
            ninth = those[min(len(those) - 1, round(0.9 * (len(those) - 1)))]
            lines.append(
                (layer, str(len(those)), *(f"{value:.1f} s" for value in (statistics.median(those), ninth, those[-1])))
            )
    yield from table(("fault in", "scenarios", "median", "90th percentile", "longest"), lines)


def side_by_side(rows: Sequence[Row]) -> Iterator[str]:
    for group in dict.fromkeys(row["group"] for row in rows):
        yield from (f"### {group}", "")
        yield from table(
            ("network", "made with", "claudecheck", "curl", "SDK"),
            [
                (
                    row["name"],
                    row["component"],
                    f"{row['verdict']['seconds']:.1f} s: {said(row)}{' (wrong)' if row['wrong'] else ''}",
                    curl_said(row["curl"]),
                    sdk_said(row["sdk"]),
                )
                for row in rows
                if row["group"] == group
            ],
        )
        yield ""


def curl_said(seen: Row | None) -> str:
    if seen is None:
        return ""
    text = seen["stderr"] or seen["stdout"]
    found = re.search(r"curl: \((\d+)\) ([^\n]*)", text)
    answer = f"({found[1]}) {found[2]}" if found else seen["stdout"].partition(" from")[0]
    return f"{seen['seconds']:.1f} s: {answer}"


def sdk_said(seen: Row | None) -> str:
    if seen is None:
        return ""
    try:
        told = json.loads(seen["stdout"])
    except ValueError:
        return f"no answer in {seen['seconds']:.0f} s"
    text = told["chain"][0] if told["chain"] else ("a message" if told["ok"] else "success, with nothing in it")
    return f"{seen['seconds']:.1f} s: {text.removeprefix('anthropic.')}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], longest: int = LONGEST_CELL) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell(text, longest) for text in row) + " |"


def cell(text: str, longest: int = LONGEST_CELL) -> str:
    """One line, without what Markdown or HTML would read as its own; of a page only its words."""
    flat = " ".join(re.sub(r"<[^>]*>", " ", text).split()).replace("|", "/").replace("<", "&lt;")
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    *runs, written = map(Path, sys.argv[1:])
    written.write_text(document([json.loads(run.read_text()) for run in runs]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
