"""Tests that call the Claude API: skipped with the reason where it is out of reach, and explained where they fail.

Copy it into your `conftest.py`, or load it with `pytest_plugins = ["conftest_claude"]`. A test asks for
the fixture `claude_api`; every failing test whose exception shows a known problem gets a section about it.
"""

from collections.abc import Generator

import pytest

import claudecheck


@pytest.fixture(scope="session")
def claude_api() -> None:
    """Walks the route once per session, without a message, so that it costs nothing."""
    report = claudecheck.diagnose(message=False)
    if report.status == "failing" and not report.reached_api:
        found = report.findings[0].title if report.findings else "claudecheck doctor says more"
        pytest.skip(f"the Claude API is out of reach: {report.problem}: {found}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.excinfo is not None:
        explanation = claudecheck.explain(call.excinfo.value)
        if explanation.problem:
            report.sections.append(("claudecheck", str(explanation)))
    return report
