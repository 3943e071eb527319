"""The pure core on journals of real runs: every fault of the embedded lab, every network of the network lab.

No socket, no root: what a rule says of what was seen. `pytest tests/test_replay.py --update-golden` writes
`tests/journals/*.txt` anew; its diff is what changed for users.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from claudecheck.diagnosis.questions import QUESTIONS
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.lab import FAULTS
from claudecheck.observations import Journal, VariationTried
from claudecheck.render.machine import to_json
from tests import replay
from tests.netlab.client import Said
from tests.netlab.outcome import compare, verdict_of
from tests.netlab.scenario import all_scenarios


@pytest.mark.parametrize("group", replay.groups())
def test_a_journal_comes_to_the_same_verdict_as_before(group: str, request: pytest.FixtureRequest) -> None:
    expected, told = Path(replay.FOLDER / f"{group}.txt"), replay.told(group)
    if request.config.getoption("--update-golden"):
        expected.write_text(told, encoding="utf-8")
    wanted = expected.read_text(encoding="utf-8").split("\n\n")
    for before, now in zip(wanted, told.split("\n\n"), strict=True):
        assert now == before


def test_what_comes_out_is_what_the_fault_expects() -> None:
    kept = replay.read("demo")
    for fault in FAULTS:
        if fault.name in kept:
            report = diagnose(kept[fault.name])
            assert report.exit_code == fault.exit_code, fault.name
            assert not fault.exit_code or report.problem == fault.problem, fault.name


def test_what_comes_out_is_what_the_network_expects() -> None:
    for scenario in all_scenarios():
        journal = replay.read(scenario.group).get(scenario.slug)
        if journal is not None:
            report = to_json(diagnose(journal))
            verdict, _ = verdict_of(Said(json.loads(report)["exit_code"], report, "", 0.0))
            assert compare(scenario.expected, verdict) == [], scenario.name


#: No fault and no network decides by these, but a test does. This list may only shrink.
DECIDED_BY_HAND = {
    "messages:other-model": "test_cli.py, with a model that is named",
    "client:trial": "test_client_trials.py",
    "models:plain-client": "test_client_trials.py",
}


def test_every_question_decides_somewhere() -> None:
    """Without its answers the findings of some journal would be others, or would rest on less evidence."""
    deciding: set[str] = set()
    for group in replay.groups():
        for journal in replay.read(group).values():
            deciding |= decided(journal) - deciding
    assert {question.id for question in QUESTIONS} - deciding == set(DECIDED_BY_HAND)


def decided(journal: Journal) -> set[str]:
    ids = {seen.id for seen in journal.all(VariationTried, variation=None)}
    whole = diagnose(journal).findings
    found = set()
    for question in QUESTIONS:
        ours = {one for one in ids if one == question.id or one.startswith(f"{question.id}:")}
        rest = [seen for seen in journal.observations if not {seen.variation, getattr(seen, "id", "")} & ours]
        if ours and diagnose(Journal(tuple(rest))).findings != whole:
            found.add(question.id)
    return found


def test_every_fault_and_every_network_has_its_journal() -> None:
    """What needs a client or an interpreter that few machines have may be missing; nothing may be left over."""
    kept = {(group, name) for group in replay.groups() for name in replay.read(group)}
    faults = {("demo", fault.name) for fault in FAULTS}
    networks = {(scenario.group, scenario.slug) for scenario in all_scenarios()}
    optional = {("demo", fault.name) for fault in FAULTS if fault.needs or fault.systems}
    optional |= {(scenario.group, scenario.slug) for scenario in all_scenarios() if scenario.needs}
    assert kept <= faults | networks
    assert (faults | networks) - optional <= kept


def test_no_journal_names_a_folder_of_the_machine_that_it_was_recorded_on() -> None:
    for group in replay.groups():
        text = "\n".join(replay.texts(group))
        for word in ("/root/", "claudecheck-lab-"):
            assert word not in text
        # Whatever the checkout was called: what stands for it and for its interpreter is below this home.
        assert not re.findall(r"(?<![\w/.-])/(?!home/ana/)[\w.-]+/(?:[\w.-]+/)*(?:\.venv|\.clients|claudecheck)/", text)
        assert "/work/" not in text
