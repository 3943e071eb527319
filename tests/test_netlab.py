"""The network lab's scenarios: their form on every machine, their verdicts where namespaces can be made."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest

from claudecheck.diagnosis.problems import CATALOGUE
from tests.netlab.outcome import Answer
from tests.netlab.scenario import Question, Scenario, all_scenarios

SCENARIOS = all_scenarios()
REQUIRED = bool(os.environ.get("CI") or os.environ.get("CLAUDECHECK_REQUIRE_NETLAB"))

#: Codes of network layers that no network of namespaces can bring about, and why.
NOT_FROM_A_NETWORK: dict[str, str] = {}


def test_every_scenario_has_its_own_sentence() -> None:
    counted = Counter(scenario.slug for scenario in SCENARIOS)
    assert [slug for slug, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.slug)
def test_a_scenario_expects_what_the_catalogue_knows(scenario: Scenario) -> None:
    expected = scenario.expected
    for code in filter(None, (expected.problem, expected.finding)):
        assert code in CATALOGUE
    if expected.failing:
        assert expected.owners


def test_every_problem_of_the_network_layers_has_a_scenario() -> None:
    produced = {scenario.expected.problem for scenario in SCENARIOS} | {s.expected.finding for s in SCENARIOS}
    network = {code for code, problem in CATALOGUE.items() if problem.layer in ("dns", "tcp", "tls", "proxy")}
    assert network - produced - set(NOT_FROM_A_NETWORK) == set()


def test_the_five_questions_are_asked() -> None:
    asked = [(scenario.name, question) for scenario in SCENARIOS for question in scenario.questions]
    questions = (
        "curl works, Python does not",
        "Python works, Claude Code does not",
        "It worked before the SDK's upgrade",
        "It works in the browser, not in the container",
        "The gateway fails, the official endpoint works",
    )
    for start in questions:
        assert sum(name.startswith(start) for name, _ in asked) >= 2, start
    assert {question.asks.split()[0] for _, question in asked} == {"compare", "trust", "routes"}


def test_an_answer_with_another_sentence_variable_fix_or_exit_code_is_wrong() -> None:
    question = Question(
        "compare --direct", r"^The proxy decides", variable="proxy", fix="unset HTTPS_PROXY", exit_code=14
    )
    right = Answer(question, ("The proxy decides: …",), "proxy", "Leave it out\nunset HTTPS_PROXY", 14)
    assert right.wrong == []
    for field in ({"sentences": ("No difference",)}, {"variable": ""}, {"fix": ""}, {"exit_code": 0}, {"crashed": "x"}):
        assert len(replace(right, **field).wrong) == 1
