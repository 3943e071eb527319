"""docs/clients.md: every row says how it is known, and what is said to be run is run for every proxy variable."""

import re

from claudecheck.clients import claude_code
from tests.claude_code_cases import cases
from tests.doctor import ROOT

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| environment")]


def test_every_row_says_how_it_is_known() -> None:
    marks = [row.strip(" |").rpartition(" | ")[2] for row in ROWS if not row.startswith("| in the interpreter")]
    assert set(marks) == {"run", "documented"}
    assert marks.count("run") > marks.count("documented")


def test_every_proxy_variable_of_the_plan_is_on_the_page_and_run_with_the_real_program() -> None:
    names = (*claude_code.PROXY_NAMES, *claude_code.LAST_PROXY_NAMES, "NO_PROXY", "no_proxy")
    run = {name for case in cases() for name in case.variables}
    for name in names:
        assert re.search(rf"`{name}\b", PAGE), name
        assert name in run


def test_the_page_counts_the_environments_rightly() -> None:
    told = re.search(r"(\d+) environments in\s+`tests/claude_code_cases.py`", PAGE)
    assert told is not None
    assert int(told[1]) == len(list(cases()))
