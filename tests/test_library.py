"""The library: typed, silent, without import time; the documented examples run, and nothing leaks a key."""

from __future__ import annotations

import inspect
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest

import claudecheck
from claudecheck.explanation import Explanation, NotTextError
from claudecheck.lab import Lab
from claudecheck.run.options import Options
from tests import doctor
from tests.probe_peers import closes, peer

DOCS = doctor.ROOT / "docs"
EXAMPLES = DOCS / "examples"
KEY = "sk-ant-api03-Ab3dEf7hIj1lMn5pQr9tUv3xYz7BcDeFgHiJk-AbCdEfGh"
#: What a run of `Options` has and a caller of the library has not.
OF_THE_PROGRAM = {
    "strict",
    "demo",
    "resolver",
    "command",
    "third_parties",
    "announce",
    "patience_s",
    "last",
    "before",
    "policy",
    "cures",
    "eager",
}


def python(*arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The interpreter of the tests with the environment of a user who has nothing set."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=doctor.ROOT,
        env=doctor.clean_environment(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@contextmanager
def refusing() -> Iterator[dict[str, str]]:
    """The environment of a client whose API refuses connections, with a key of its own."""
    with Lab("tcp-refused") as lab:
        yield {**lab.variables, "ANTHROPIC_API_KEY": KEY, "VIRTUAL_ENV": sys.prefix}


def raised(variables: Mapping[str, str], key: str = KEY) -> Exception:
    """What the SDK raises in this environment."""
    import anthropic

    client = anthropic.Anthropic(api_key=key, base_url=variables["ANTHROPIC_BASE_URL"], max_retries=0)
    with client, pytest.raises(anthropic.APIConnectionError) as caught:
        client.models.list()
    return caught.value


# -- importing -------------------------------------------------------------------------------------


def test_importing_it_loads_nothing() -> None:
    def loaded(code: str) -> set[str]:
        lines = python("-X", "importtime", "-c", code).stderr.splitlines()
        return {line.rpartition("|")[2].strip() for line in lines}

    assert loaded("import claudecheck") - loaded("pass") == {"claudecheck", "__future__"}


def test_explaining_loads_no_sdk_and_no_network_library() -> None:
    code = "import sys, claudecheck; claudecheck.explain(OSError(111, 'Connection refused')); print(*sys.modules)"
    loaded = set(python("-c", code).stdout.split())
    assert loaded & {"httpx", "rich", "dns", "anthropic", "typer", "hyperscan"} == set()


# -- options and types -----------------------------------------------------------------------------


def test_diagnose_has_every_option_that_a_run_has_with_the_same_default() -> None:
    own = {
        name.removesuffix("_s"): value.default
        for name, value in inspect.signature(claudecheck.diagnose).parameters.items()
    }
    runs = {
        option.name.removesuffix("_s"): option.default
        for option in fields(Options)
        if option.name not in OF_THE_PROGRAM
    }
    assert (own.pop("environ"), own.pop("base_url"), own.pop("key_env")) == (None, None, None)
    assert own == runs


def test_every_option_is_documented() -> None:
    table = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "library.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(inspect.signature(claudecheck.diagnose).parameters) <= table


@pytest.mark.parametrize("option", [{"client": "cobol"}, {"family": "ipv5"}, {"timeout": 0}])
def test_a_value_that_an_option_does_not_have_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        claudecheck.diagnose(**option)


def test_a_compressed_file_is_no_text() -> None:
    with pytest.raises(NotTextError):
        claudecheck.explain(b"\x1f\x8b\x08\x00")


def test_a_source_of_another_type_is_refused() -> None:
    for source in (None, 111, ["Connection refused"]):
        with pytest.raises(TypeError, match="an exception, a str or bytes"):
            claudecheck.explain(source)  # type: ignore[arg-type]  # what a checker would have said


# -- exceptions ------------------------------------------------------------------------------------


def test_a_chained_error_of_the_sdk_is_walked_to_its_root() -> None:
    with refusing() as variables:
        error = raised(variables)
    found = claudecheck.explain(error)
    assert isinstance(found, Explanation)
    assert (found.problem, found.layer, found.owner) == ("base-url-loopback", "environment", "you")
    assert str(error) == "Connection error."


def test_an_error_that_a_program_wrapped_is_walked_too() -> None:
    with refusing() as variables:
        error = raised(variables)
    wrapped = RuntimeError("no answer")
    wrapped.__cause__ = error
    assert claudecheck.explain(wrapped).problem == "base-url-loopback"


def test_the_parts_of_a_group_are_walked() -> None:
    with refusing() as variables:
        error = raised(variables)
    group = BaseExceptionGroup(
        "unhandled errors in a TaskGroup", [KeyboardInterrupt(), ExceptionGroup("inner", [error])]
    )
    assert claudecheck.explain(group).problem == "base-url-loopback"


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = OSError(111, "Connection refused"), ValueError("x")
    first.__cause__, second.__cause__ = second, first
    assert claudecheck.explain(first).problem == "tcp-refused"


class HostileError(Exception):
    """An exception whose every reading fails."""

    def __str__(self) -> str:
        raise RuntimeError(KEY)

    __repr__ = __str__

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(KEY)


def test_an_error_that_cannot_be_written_down_hides_nothing_and_breaks_nothing() -> None:
    error = HostileError()
    error.__cause__ = OSError(111, "Connection refused")
    assert claudecheck.explain(error).problem == "tcp-refused"
    assert KEY not in str(claudecheck.explain(error))
    assert claudecheck.explain(HostileError()).problem is None


@pytest.mark.parametrize("place", ["request", "response"])
def test_what_an_error_carries_may_be_unreadable(place: str) -> None:
    class Unreadable(dict[str, str]):
        def __str__(self) -> str:
            raise RuntimeError(KEY)

        def get(self, *_arguments: object) -> Any:
            raise RuntimeError(KEY)

    error = OSError(111, "Connection refused")
    vars(error)[place] = SimpleNamespace(url=Unreadable(), headers=Unreadable())
    assert claudecheck.explain(error).problem == "tcp-refused"


def test_no_form_of_the_answer_holds_a_key() -> None:
    with peer(closes) as port:
        error = raised({"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}"}, f"{KEY}\n")
    found = claudecheck.explain(error)
    assert found.problem
    assert found.secret_seen
    assert KEY in str(error.__cause__)
    for form in (str(found), repr(found), f"{found}", f"{found!r:>10}"):
        assert KEY not in form
        assert KEY[20:40] not in form


# -- silence ---------------------------------------------------------------------------------------


def test_both_calls_print_nothing() -> None:
    code = (
        "import claudecheck\n"
        "report = claudecheck.diagnose(message=False, local_only=True)\n"
        "assert report.problem == 'base-url-loopback', report.problem\n"
        "claudecheck.explain(OSError(111, 'Connection refused'))\n"
    )
    with refusing() as variables:
        done = python("-c", code, variables=variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# -- pytest ----------------------------------------------------------------------------------------

TESTS = """
import anthropic

def test_with_the_fixture(claude_api):
    assert anthropic.Anthropic(max_retries=0).models.list().data

def test_without_it():
    anthropic.Anthropic(max_retries=0).models.list()

def test_of_something_else():
    assert 1 == 2
"""


def pytest_run(folder: Path, variables: Mapping[str, str]) -> str:
    (folder / "conftest.py").write_text((EXAMPLES / "conftest_claude.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_it.py").write_text(TESTS, encoding="utf-8")
    options = ("-rs", "-p", "no:cacheprovider", "-c", str(folder / "none.ini"), "--rootdir", str(folder))
    (folder / "none.ini").write_text("[pytest]\n", encoding="utf-8")
    return python("-m", "pytest", *options, str(folder), variables=variables).stdout


@pytest.mark.slow
def test_the_pytest_example_skips_with_the_reason_and_explains_what_fails(tmp_path: Path) -> None:
    with refusing() as variables:
        shown = pytest_run(tmp_path, variables)
    assert re.search(r"SKIPPED.*out of reach: base-url-loopback", shown)
    assert "2 failed, 1 skipped" in shown
    assert shown.count("- claudecheck -") == 1  # the test of something else has none
    assert shown.count("more: claudecheck explain base-url-loopback") == 1
    assert KEY not in shown


@pytest.mark.slow
def test_the_pytest_example_lets_tests_run_where_the_api_answers(tmp_path: Path) -> None:
    with Lab("healthy") as lab:
        shown = pytest_run(tmp_path, {**lab.variables, "VIRTUAL_ENV": sys.prefix})
    assert "1 failed, 2 passed" in shown
    assert "claudecheck explain" not in shown


# -- logging ---------------------------------------------------------------------------------------

LOGS = """
import json, logging, anthropic
from logging_claude import ExplainFilter, ExplainFormatter

class Lines(logging.Handler):
    def emit(self, record):
        print(json.dumps({"message": record.getMessage(), "claude": getattr(record, "claude", None)}))

lines, words = Lines(), logging.StreamHandler()
lines.addFilter(ExplainFilter())
words.setFormatter(ExplainFormatter("%(levelname)s %(message)s"))
log = logging.getLogger("app")
log.addHandler(lines)
log.addHandler(words)
try:
    anthropic.Anthropic(max_retries=0).models.list()
except anthropic.APIError:
    log.exception("no answer")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("of something else")
log.warning("without an exception")
"""


@pytest.mark.slow
def test_the_logging_example_adds_fields_and_words() -> None:
    with refusing() as variables:
        done = python("-c", LOGS, variables={**variables, "PYTHONPATH": str(EXAMPLES)})
    assert done.returncode == 0
    first, *others = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["message"] == "no answer"
    assert first["claude"]["problem"] == "base-url-loopback"
    assert first["claude"]["layer"] == "environment"
    assert [line["claude"] for line in others] == [None, None]
    assert done.stderr.startswith("ERROR no answer\nTraceback")
    assert done.stderr.count("more: claudecheck explain base-url-loopback\n") == 1
    assert KEY not in done.stdout + done.stderr


# -- the page --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_examples_of_the_page_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "library.md").read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(block for block in blocks if "def test" not in block)
    with refusing() as variables:
        done = python("-c", code.replace("Anthropic()", "Anthropic(max_retries=0)"), variables=variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("base-url-loopback: ")
    assert "environment base-url-loopback" in done.stdout or "tcp base-url-loopback" in done.stdout
    assert done.stdout.count("more: claudecheck explain base-url-loopback") == 2
    assert done.stderr == ""


def test_the_short_form_of_the_page_is_the_real_one() -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", (DOCS / "library.md").read_text(encoding="utf-8"), re.DOTALL)
    found = claudecheck.explain("anthropic.APIConnectionError: Connection error.\nENOTFOUND api.anthropic.com")
    assert found.problem == "dns-name-not-found"
    assert re.sub(r"\s+", " ", shown).strip() == re.sub(r"\s+", " ", str(found)).strip()


@pytest.mark.slow
def test_the_types_are_there_for_a_checker() -> None:
    assert (doctor.ROOT / "claudecheck" / "py.typed").exists()
    hints = get_type_hints(claudecheck.explain, {"Explanation": Explanation})
    assert hints["return"] is Explanation
    assert logging.getLogger("claudecheck").handlers == []
