"""The README: every command in it works, its first screen is a real run, and its tables are the program's."""

import re
import shlex
import subprocess
import sys

import pytest

from claudecheck.diagnosis.third_parties import ThirdParties
from claudecheck.lab import Lab
from claudecheck.report import ExitCode
from tests import doctor

README = (doctor.ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.partition("#")[0].strip()
    for language, block in BLOCKS
    if language == "sh"
    for line in block.splitlines()
    if line.strip()
]


def test_it_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) < 150


@pytest.mark.parametrize("command", [c for c in COMMANDS if "claudecheck" in c])
def test_every_claudecheck_command_in_it_runs(command: str) -> None:
    words = shlex.split(command)
    arguments = words[words.index("claudecheck") + 1 :]
    with Lab("healthy") as lab:
        variables = (
            {**lab.variables, "VIRTUAL_ENV": sys.prefix} if arguments[0] == "doctor" else {"VIRTUAL_ENV": sys.prefix}
        )
        ran = doctor.run(*arguments, variables=variables)
    assert ran.exit_code == (13 if "tls-intercepted" in arguments else 0)
    assert ran.out
    assert ran.err == ""


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make")])
def test_every_make_target_in_it_exists(command: str) -> None:
    target = shlex.split(command)[1]
    done = subprocess.run(["make", "-n", target], cwd=doctor.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0


@pytest.mark.slow
def test_every_command_of_its_table_exists() -> None:
    for command in re.findall(r"^\| `claudecheck (\w+)", README, re.MULTILINE):
        assert doctor.run(command, "--help").exit_code == 0


def test_every_option_that_it_names_exists() -> None:
    shown = "".join(doctor.run(command, "--help").out for command in ("doctor", "compare", "cure"))
    for option in set(re.findall(r"`(--[a-z-]+)", README)):
        assert option in shown


def test_it_names_every_exit_code() -> None:
    named = {
        int(code) for cell in re.findall(r"\| ([\d, ]+) (?=\|)", README) for code in cell.split(", ") if code.strip()
    }
    assert named == {int(code) for code in ExitCode}


def test_it_names_every_third_party() -> None:
    parties = ThirdParties()
    for text in (*parties.controls, *parties.resolvers, parties.dns_over_https, parties.status_page):
        assert text.removeprefix("https://").split("/")[0] in README
    for url, _, _ in parties.portals:
        assert url.split("/")[2] in README


@pytest.mark.slow
def test_the_library_example_runs() -> None:
    (example,) = [block for language, block in BLOCKS if language == "python"]
    with Lab("tcp-refused") as lab:
        variables = {**lab.variables, "VIRTUAL_ENV": sys.prefix, "ANTHROPIC_LOG": ""}
        done = subprocess.run(
            [sys.executable, "-c", example.replace("Anthropic()", "Anthropic(max_retries=0)")],
            capture_output=True, text=True, env=doctor.clean_environment(variables), check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("base-url-loopback") >= 2  # what explain and diagnose both say of a closed local port
    assert done.stderr == ""
