"""A gateway whose list of models has another form: with a message it is proved, without one it is not called wrong."""

from dataclasses import replace

import pytest

from claudecheck.lab import Lab
from claudecheck.lab.answers import OTHER_MODELS
from claudecheck.lab.faults import find
from claudecheck.lab.parts import Api, Setup
from claudecheck.probes.api.answer import facts_of
from tests.doctor import PYTHON, run


def test_another_form_of_the_list_is_a_warning_that_says_what_was_not_proved() -> None:
    fault = replace(find("healthy"), setup=Setup(api=Api(gateway=True, models=OTHER_MODELS)))
    with Lab(fault) as lab:
        arguments = ("--json", "--local-only", "--no-message", "--python", PYTHON)
        report = run("doctor", *arguments, variables=lab.variables).report
    assert (report["status"], report["exit_code"]) == ("degraded", 0)
    found = next(one for one in report["findings"] if one["code"] == "models-not-served")
    assert found["severity"] == "warning"
    assert any(line.startswith("not proved") for line in found["seen"])


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ('{"object": "list", "data": [{"id": "m", "object": "model"}]}', "other-model-list"),
        ('{"models": [{"name": "m:latest", "model": "m:latest"}]}', "other-model-list"),
        ('{"data": [{"model_name": "m", "litellm_params": {}}]}', "other-model-list"),
        ('["m", "n"]', "other-model-list"),
        ('{"status": "ok"}', "json"),
        ('{"models": []}', "json"),
        ('[{"a": 1}]', "json"),
        ('{"data": [], "has_more": false}', "model-list"),
    ],
)
def test_lists_of_models_are_told_from_other_json(body: str, shape: str) -> None:
    assert facts_of(200, [("content-type", "application/json")], body)["shape"] == shape
