"""How well `explain` answers texts whose truth is known: `python -m tests.explain_bench FILE.jsonl …`.

One JSON object a line: `text` (or `input`), `codes` (the true ones, the best first), `layers`, and
`sufficient`: whether the text alone decides (`full`), does not (`none`), or does in part. Prints the share
of right first codes, right codes with the alternatives, right layers, and what was wrong with high
confidence; with `-v` every text that was not answered right.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claudecheck.explanation import Explanation, explain_text


@dataclass(frozen=True)
class Grade:
    """What one answer is worth."""

    case: dict[str, Any]
    found: Explanation

    @property
    def open(self) -> bool:
        """Whether the text does not decide."""
        return str(self.case.get("sufficient", "full")) == "none"

    @property
    def first(self) -> bool:
        return (self.found.problem or "unknown") in self.case["codes"]

    @property
    def among(self) -> bool:
        return self.first or any(other.code in self.case["codes"] for other in self.found.alternatives)

    @property
    def layer(self) -> bool:
        layers = {"messages" if layer == "models" else layer for layer in self.case["layers"]}
        return ("messages" if self.found.layer == "models" else self.found.layer) in layers

    @property
    def wrong_and_sure(self) -> bool:
        return self.found.problem is not None and self.found.confidence == "high" and not self.first

    @property
    def honest(self) -> bool:
        """Of a text that does not decide: unknown, or not sure."""
        return self.found.problem is None or self.found.confidence == "low"


def graded(cases: Iterable[dict[str, Any]]) -> list[Grade]:
    """A network is no text: the doctor answers it."""
    texts = (case for case in cases if case.get("kind") != "network")
    return [Grade(case, explain_text(case.get("text") or case["input"])) for case in texts]


def _share(name: str, grades: Sequence[Grade], right: Sequence[bool]) -> str:
    percent = 100 * sum(right) / len(grades) if grades else 100.0
    return f"{name:<24}{sum(right):4d} of {len(grades):4d}  {percent:5.1f} %\n"


def summary(grades: Sequence[Grade]) -> str:
    deciding = [grade for grade in grades if not grade.open]
    doubtful = [grade for grade in grades if grade.open]
    return "".join(
        (
            _share("code first", deciding, [grade.first for grade in deciding]),
            _share("code with alternatives", deciding, [grade.among for grade in deciding]),
            _share("layer", deciding, [grade.layer for grade in deciding]),
            _share("open texts, honest", doubtful, [grade.honest for grade in doubtful]),
            _share("wrong and sure", grades, [grade.wrong_and_sure for grade in grades]),
        )
    )


def _complaint(grade: Grade) -> str:
    found = grade.found
    others = ", ".join(other.code for other in found.alternatives)
    shown = "\n".join(f"    {line.line}: {line.text[:160]}" for line in found.evidence)
    return (
        f"{grade.case['id']}: {found.problem} ({found.layer}, {found.confidence}; {others}), "
        f"true {grade.case['codes']} {grade.case['layers']} {grade.case.get('sufficient', '')}\n{shown}\n"
    )


def main(arguments: Sequence[str]) -> None:
    for name in arguments:
        if name == "-v":
            continue
        lines = Path(name).read_text(encoding="utf-8").splitlines()
        grades = graded(json.loads(line) for line in lines)
        if "-v" in arguments:
            for grade in grades:
                bad = not grade.honest if grade.open else not (grade.first and grade.layer)
                if bad or grade.wrong_and_sure:
                    sys.stdout.write(_complaint(grade))
        sys.stdout.write(f"{name}\n{summary(grades)}")


if __name__ == "__main__":
    main(sys.argv[1:])
