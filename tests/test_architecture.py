"""The invariants of ARCHITECTURE.md, each held by a test."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from claudecheck.clients.ca_files import BUNDLES, HTTPX2_BUNDLES
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.facts import WORDS
from claudecheck.diagnosis.problems.remedy import HOLES
from claudecheck.failures import Failure, Stage

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "claudecheck"
IMPURE = {"socket", "ssl", "os", "time", "subprocess", "dns", "httpx", "httpx2", "anthropic", "threading", "asyncio"}
MAY_WRITE = {"output.py", "__main__.py", "progress.py", "sdk_script.py"}
MAY_REDACT = {"journal/journal.py", "journal/redact.py", "__main__.py", "cli/output.py", "cli/packet.py"}
MAY_REDACT |= {"cli/routes.py"}


def modules() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def type_checking_only(tree: ast.Module) -> set[ast.AST]:
    """The nodes below `if TYPE_CHECKING:`: they import nothing when the program runs."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            found |= set(ast.walk(node))
    return found


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = tree_of(path)
    left_out = type_checking_only(tree)
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if node in left_out:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("folder", ["diagnosis", "render", "clients"])
def test_what_judges_and_renders_never_touches_the_world(folder: str) -> None:
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        touched = {module.split(".")[0] for module in imports(path)} & IMPURE
        assert not touched, f"{path.relative_to(ROOT)} imports {touched}"


def test_diagnosis_knows_neither_probes_nor_renderers_nor_the_environment() -> None:
    # What a client is called, and which variable hands it a CA file, is said in one place.
    vocabulary = ("route", "failures", "observations", "report", "clients.registry", "clients.whole_number")
    allowed = ("claudecheck.diagnosis", *(f"claudecheck.{word}" for word in vocabulary))
    for path in sorted((PACKAGE / "diagnosis").rglob("*.py")):
        ours = {module for module in imports(path) if module.startswith("claudecheck.")}
        foreign = {module for module in ours if not module.startswith(allowed)} - {"claudecheck.clients"}
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


def test_there_are_no_import_cycles() -> None:
    known = {name_of(path): path for path in modules()}
    graph = {
        name: {m for m in imports(path, top_level_only=True) if m in known} - {name} for name, path in known.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"cycle: {' -> '.join([*trail[trail.index(name) :], name])}"
        if name in done:
            return
        for other in sorted(graph[name]):
            visit(other, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_at_the_top_of_the_package_is_the_vocabulary_alone() -> None:
    beside = {path.stem for path in PACKAGE.glob("*.py")}
    assert beside == {"__init__", "__main__", "route", "failures", "observations", "report"}


def test_no_redirect_is_followed() -> None:
    """httpx follows none unless it is asked to, and the SDK is told not to."""
    for path in modules():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.keyword) and node.arg == "follow_redirects":
                assert ast.unparse(node.value) == "False", path.relative_to(ROOT)


def test_only_the_commands_and_the_progress_line_write_to_a_stream() -> None:
    for path in modules():
        if path.name in MAY_WRITE:
            continue
        for node in ast.walk(tree_of(path)):
            text = ast.unparse(node) if isinstance(node, ast.Call) else ""
            assert not re.match(r"print\(|sys\.std(out|err)\.", text), f"{path.relative_to(ROOT)}: {text[:60]}"


def test_only_the_doors_through_which_text_enters_call_the_redactor() -> None:
    for path in modules():
        relative = path.relative_to(PACKAGE)
        if relative.as_posix() in MAY_REDACT or relative.parts[0] == "explanation":
            continue
        assert not any(m.startswith("claudecheck.journal.redact") for m in imports(path)), relative


def test_the_script_for_the_users_interpreter_imports_nothing_of_ours_and_runs_on_old_pythons() -> None:
    for path in (PACKAGE / "probes" / "senders" / "sdk_script.py", PACKAGE / "probes" / "decoding.py"):
        assert not any(module.startswith("claudecheck") for module in imports(path))
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_the_script_for_the_users_interpreter_looks_where_the_one_list_of_ca_files_says() -> None:
    """It imports nothing of ours, so it has the places a second time."""
    assigned = (node for node in tree_of(PACKAGE / "probes" / "senders" / "sdk_script.py").body)
    named = {ast.unparse(node.targets[0]): node.value for node in assigned if isinstance(node, ast.Assign)}
    assert ast.literal_eval(named["WELL_KNOWN_BUNDLES"]) == HTTPX2_BUNDLES
    assert set(HTTPX2_BUNDLES) <= set(BUNDLES)


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert not {p.stem for p in modules()} & empty


def test_every_hole_in_a_text_of_the_catalogue_is_known() -> None:
    unknown = {(code, hole) for code, problem in CATALOGUE.items() for hole in problem.holes() - set(HOLES)}
    assert not unknown


def test_every_problem_that_a_rule_names_is_in_the_catalogue() -> None:
    named: set[str] = set()
    for path in sorted((PACKAGE / "diagnosis" / "rules").glob("*.py")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named |= (
                    {node.value}
                    if re.fullmatch(r"(dns|tcp|tls|proxy|api|key|base-url|ca|sdk)-[a-z-]+", node.value)
                    else set()
                )
    named -= {"proxy-authenticate", "proxy-connection", "proxy-agent", "api-error", "api-key"}
    assert named - set(CATALOGUE) - set(WORDS) == set()


def test_the_vocabulary_has_a_word_for_not_knowing() -> None:
    assert Failure.UNKNOWN in Failure
    assert [stage.value for stage in Stage] == ["environment", "dns", "tcp", "tls", "proxy", "models", "messages"]
