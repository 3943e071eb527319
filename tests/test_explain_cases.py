"""How often `explain` is right: real reports, programs' own words, people's words, and texts about other things."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.remedy import HOLES
from claudecheck.explanation import Explanation, explain_text, scan
from claudecheck.explanation.signatures import load, words_of
from claudecheck.explanation.subject import FLAGS
from tests.explain_bench import graded

CASES = Path(__file__).parent / "explain_cases"
NOISE = "2026-11-20 10:00:00 INFO all is well, 200 OK served\n" * 30


def read(name: str) -> list[Any]:
    return [json.loads(line) for line in (CASES / name).read_text(encoding="utf-8").splitlines()]


def in_layer(found: Explanation, layers: list[str]) -> bool:
    return found.layer in layers


def layers_of(case: dict[str, Any]) -> list[str]:
    return ["models", "messages"] if case["layer"] == "messages" else [case["layer"]]


def summary(wrong: list[str], total: int) -> str:
    return f"{total - len(wrong)} of {total} right; not so:\n" + "\n".join(wrong)


@pytest.mark.parametrize("with_surroundings", [False, True])
def test_nine_of_ten_reports_that_decide_come_to_the_right_layer_and_none_is_wrong_and_sure(
    with_surroundings: bool,
) -> None:
    wrong, sure, total = [], [], 0
    for case in read("reports.jsonl"):
        found = explain_text(f"{case['text']}\n{case['where']}" if with_surroundings else case["text"])
        right = in_layer(found, case["layers"])
        line = f"{case['id']} {case['layers'][-1]}: {found.problem} ({found.layer}, {found.confidence}) {case['text']}"
        if not right and found.confidence == "high":
            sure.append(line)
        if case.get("decides", True):
            total += 1
            if not right:
                wrong.append(line)
    assert not sure, sure
    assert total > 170
    assert len(wrong) <= 0.1 * total, summary(wrong, total)


def test_reports_that_were_labelled_before_they_were_tried_come_to_the_right_layer() -> None:
    wrong, sure = [], []
    cases = read("unseen.jsonl")
    for case in cases:
        found = explain_text(case["text"])
        if not in_layer(found, case["layers"]):
            wrong.append(f"{case['layers']}: {found.problem} ({found.layer}, {found.confidence}) {case['text']}")
            sure += [wrong[-1]] if found.confidence == "high" else []
    assert not sure, sure
    assert len(wrong) <= 0.04 * len(cases), summary(wrong, len(cases))


def test_reports_in_other_peoples_words_come_to_the_right_layer_or_to_none_and_none_is_wrong_and_sure() -> None:
    """Summaries by people who did not know the signatures; some leave out what would decide: those are unknown."""
    wrong, sure, right, total = [], [], 0, 0
    for case in read("blind.jsonl"):
        found = explain_text(case["text"])
        here = in_layer(found, case["layers"])
        line = f"{case['layers']}: {found.problem} ({found.layer}, {found.confidence}) {case['text']}"
        sure += [line] if not here and found.confidence == "high" else []
        if case.get("decides", True):
            total += 1
            right += here
            wrong += [line] if not here and found.layer is not None else []
    assert not sure, sure
    assert total > 200
    assert right >= 0.9 * total
    assert len(wrong) <= 0.05 * total, summary(wrong, total)


@pytest.mark.parametrize("case", read("programs.jsonl"), ids=lambda case: case["id"])
def test_the_words_of_a_program_are_recognised(case: dict[str, Any]) -> None:
    found = explain_text(case["text"])
    assert found.layer in layers_of(case), (found.problem, found.layer)
    for field in ("problem", "status", "reached_api", "secret_seen"):
        if field in case:
            assert getattr(found, field) == case[field], field


@pytest.mark.parametrize("case", read("printed.jsonl"), ids=lambda case: case["id"])
def test_what_http_stacks_print_names_the_problem_and_what_decides_nothing_is_not_sure(case: dict[str, Any]) -> None:
    """Go, Rust, Java, .NET, Python, Node, Bun and curl at every layer, in the words of their sources."""
    (grade,) = graded([case])
    if grade.open:
        assert grade.honest, (grade.found.problem, grade.found.confidence)
        return
    assert grade.first, grade.found.problem
    assert grade.layer, grade.found.layer


def test_the_words_of_people_come_to_the_right_layer_as_well() -> None:
    cases = read("people.jsonl")
    wrong = [case["text"] for case in cases if not in_layer(explain_text(case["text"]), layers_of(case))]
    assert len(wrong) <= 0.05 * len(cases), summary(wrong, len(cases))


@pytest.mark.parametrize("text", read("strangers.jsonl"))
def test_a_text_about_something_else_or_about_nothing_is_unknown(text: str) -> None:
    found = explain_text(text)
    assert found.problem is None, found.problem
    assert found.layer is None
    assert found.confidence == "low"
    assert found.fixes[0].commands[0].line.startswith("claudecheck doctor")


@pytest.mark.slow
def test_what_programs_print_is_found_in_large_logs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "SMALL", 0)
    cases = read("programs.jsonl")
    lost = [
        case["id"] for case in cases if explain_text(f"{NOISE}{case['text']}\n{NOISE}").layer not in layers_of(case)
    ]
    assert len(lost) <= 0.1 * len(cases), summary(lost, len(cases))


def test_the_catalogues_own_examples_are_seldom_taken_for_another_layer() -> None:
    """Many problems print the same text, so the example of one is often the likelier other; never for sure."""
    for code, problem in CATALOGUE.items():
        for client, text in problem.looks_like.items():
            found = explain_text(text)
            same = found.layer == problem.layer or {found.layer, problem.layer} <= {"models", "messages"}
            assert same or found.confidence != "high", (code, client, text, found.problem)


# -- the data --------------------------------------------------------------------------------------


def test_every_clue_is_a_code_of_the_catalogue_or_open_with_candidates() -> None:
    known = load()
    clues = {signature.clue for signature in known.all if signature.clue}
    clues |= {rule.clue for rule in known.by_status.values()}
    clues |= {shift.to for shifts in known.shifts.values() for shift in shifts} | set(known.shifts)
    unknown = {clue for clue in clues if clue not in CATALOGUE and clue not in known.candidates}
    assert unknown <= {"missing-file"}  # it is worth nothing until it stands beside a trust store


def test_every_candidate_is_a_code_and_every_deciding_command_is_one_of_ours() -> None:
    for entry in load().candidates.values():
        assert set(entry.codes) <= set(CATALOGUE), entry.clue
        assert all(command.startswith("claudecheck ") for command in entry.codes.values())
        assert not entry.likeliest or entry.likeliest in CATALOGUE


def test_no_clue_has_two_lists_of_candidates() -> None:
    """The second would silently take the place of the first."""
    folder = files("claudecheck.explanation") / "signatures"
    clues = [
        entry["clue"]
        for one in folder.iterdir()
        if one.name.endswith(".toml")
        for entry in tomllib.loads(one.read_text(encoding="utf-8")).get("candidates", [])
    ]
    assert [clue for clue, times in Counter(clues).items() if times > 1] == []


def test_every_signature_says_where_its_text_comes_from_and_can_be_found() -> None:
    for signature in load().all:
        assert signature.source
        assert signature.clue or signature.flag
        assert all(words_of(text.lower()) for text in signature.text), signature.text


def test_every_flag_that_a_shift_waits_for_is_set_by_a_signature() -> None:
    known = load()
    set_flags = {signature.flag for signature in known.all if signature.flag} | FLAGS
    waited = {shift.under for shifts in known.shifts.values() for shift in shifts}
    waited |= {shift.also for shifts in known.shifts.values() for shift in shifts if shift.also}
    waited |= {wording.under for wording in known.wordings}
    waited |= {flag for shifts in known.shifts.values() for shift in shifts for flag in shift.unless}
    assert waited <= set_flags


def test_values_fill_holes_that_the_catalogue_has() -> None:
    known = load()
    patterns = [signature.pattern for signature in known.all] + [value.pattern for value in known.values]
    names = {name for pattern in patterns for name in re.compile(pattern).groupindex}
    assert names <= set(HOLES) | {"secret"}
