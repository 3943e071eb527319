"""JUnit, Prometheus and GitHub's commands: as reviewed, as other readers read them, and whatever a text holds."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from lxml import etree
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from claudecheck.observations import Certificate
from claudecheck.render import github
from claudecheck.render.junit import to_junit
from claudecheck.render.prometheus import to_prometheus
from claudecheck.render.untrusted import harmless
from claudecheck.report import BrokenRule, PolicyOutcome, Report
from tests import ci_readers, doctor
from tests.network_reports import HEALTHY, IPV6_BROKEN, TLS_INTERCEPTED
from tests.report_parts import HANDSHAKE
from tests.reports import HOSTILE, REPORTS
from tests.test_render import UNTRUSTED, saying

Golden = Callable[[str | Path, str], None]
GOLDEN = ("healthy", "tls-intercepted", "ipv6-broken", "incomplete", "claudecheck-bug")
JUNIT_SCHEMA = doctor.ROOT / ".clients" / "checkers" / "junit-10.xsd"

CHAINED = replace(
    HEALTHY,
    observations=[
        replace(
            HANDSHAKE,
            chain=[
                Certificate(subject="CN=a", issuer="CN=b", not_before="2026-01-01T00:00:00Z", not_after=when)
                for when in ("2027-01-14T08:00:00Z", "2026-12-24T00:00:00Z", "whenever")
            ],
        )
    ],
)
POLICED = replace(
    HEALTHY,
    status="failing",
    first_failing_layer="policy",
    problem="policy-broken",
    exit_code=17,
    policy=PolicyOutcome(passed=False, broken=[BrokenRule(rule="messages < 0.5 s", seen="641 ms")]),
)


def cases(report: Report) -> dict[str, TestCase]:
    (suite,) = JUnitXml.fromstring(to_junit(report).encode())
    assert isinstance(suite, TestSuite)
    return {case.name: case for case in suite}


def gauges(report: Report) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(to_prometheus(report))
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


# -- as reviewed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_they_look_as_reviewed(name: str, golden: Golden) -> None:
    golden(f"ci/{name}.xml", to_junit(REPORTS[name]))
    golden(f"ci/{name}.prom", to_prometheus(REPORTS[name]))
    golden(f"ci/{name}.github", github.workflow_commands(REPORTS[name]))


# -- JUnit ----------------------------------------------------------------------------------------


def test_junitparser_reads_a_case_a_stage_and_the_cause_at_the_stage_that_failed() -> None:
    found = cases(TLS_INTERCEPTED)
    assert list(found) == [row.name for row in TLS_INTERCEPTED.stages]
    (failure,) = found["tls"].result
    assert isinstance(failure, Failure)
    assert (failure.type, failure.message) == ("tls-intercepted", TLS_INTERCEPTED.findings[0].title)
    assert 'export SSL_CERT_FILE="$HOME/claude-ca.pem"' in failure.text
    (skipped,) = found["models"].result
    assert isinstance(skipped, Skipped)
    assert (skipped.type, found["tcp"].time) == ("tls", 0.014)


def test_a_warning_is_a_passing_case_that_says_so() -> None:
    tcp = cases(IPV6_BROKEN)["tcp"]
    assert tcp.is_passed
    assert "IPv6 is advertised here and leads nowhere" in (tcp.system_out or "")


def test_a_cut_run_and_a_bug_are_errors_and_neither_is_a_success() -> None:
    for name, case in (("incomplete", "verdict"), ("claudecheck-bug", "tls")):
        (error,) = cases(REPORTS[name])[case].result
        assert isinstance(error, Error)
        assert error.type == name


def test_a_broken_policy_is_a_case_of_its_own() -> None:
    (failure,) = cases(POLICED)["policy"].result
    assert failure.message == "messages < 0.5 s: 641 ms"
    assert cases(replace(HEALTHY, policy=PolicyOutcome(passed=True)))["policy"].is_passed


@pytest.mark.parametrize("name", REPORTS)
def test_the_counts_are_those_of_the_cases(name: str) -> None:
    suites = JUnitXml.fromstring(to_junit(REPORTS[name]).encode())
    before = (suites.tests, suites.failures, suites.errors)
    suites.update_statistics()  # type: ignore[no-untyped-call]
    assert (suites.tests, suites.failures, suites.errors) == before
    assert (suites.failures + suites.errors > 0) == (REPORTS[name].exit_code != 0)


def test_gitlab_shows_the_text_of_the_element_and_nothing_else() -> None:
    shown = {case.name: case for case in ci_readers.gitlab_cases(to_junit(TLS_INTERCEPTED))}
    assert shown["tls"].status == "failed"
    for text in (TLS_INTERCEPTED.findings[0].title, "fix: Ask your network team", "claudecheck explain"):
        assert text in (shown["tls"].details or "")
    assert (shown["models"].status, shown["models"].details) == ("skipped", "not reached: tls failed")
    assert {case.status for case in ci_readers.gitlab_cases(to_junit(IPV6_BROKEN))} == {"ok"}


@pytest.mark.skipif(not JUNIT_SCHEMA.exists(), reason="make checkers installs the schema that Jenkins uses")
@pytest.mark.parametrize("report", [*REPORTS.values(), POLICED])
def test_jenkins_schema_accepts_it(report: Report) -> None:
    schema = etree.XMLSchema(etree.parse(str(JUNIT_SCHEMA)))
    schema.assertValid(etree.fromstring(to_junit(report).encode()))


@given(text=st.one_of(UNTRUSTED, st.text(alphabet=st.characters(codec=None, categories=["Cc", "Cs", "Cn", "Co"]))))
def test_any_text_makes_xml_that_is_allowed(text: str) -> None:
    xml = to_junit(saying(text))
    assert all(sign == "\n" or sign.isprintable() for sign in xml)
    assert len(etree.fromstring(xml.encode()).findall(".//testcase")) == len(TLS_INTERCEPTED.stages)


# -- Prometheus -----------------------------------------------------------------------------------


def test_the_gauges_say_what_the_report_says() -> None:
    found = gauges(TLS_INTERCEPTED)
    assert found["claudecheck_up",] == 0
    assert found["claudecheck_reached_api",] == 0
    assert found["claudecheck_exit_code",] == 13
    assert found["claudecheck_stage_up", "tls"] == 0
    assert found["claudecheck_stage_up", "tcp"] == 1
    assert ("claudecheck_stage_up", "models") not in found
    assert found["claudecheck_finding_info", "tls-intercepted", "tls", "error"] == 1
    assert gauges(HEALTHY)["claudecheck_up",] == 1
    assert found["claudecheck_build_info", "0.1.0"] == 1


def test_the_first_certificate_to_expire_is_the_one_that_counts() -> None:
    assert gauges(CHAINED)["claudecheck_certificate_expiry_timestamp_seconds",] == 1798070400
    assert ("claudecheck_certificate_expiry_timestamp_seconds",) not in gauges(HEALTHY)


def test_a_policy_is_a_gauge() -> None:
    assert gauges(POLICED)["claudecheck_policy_passed",] == 0
    assert ("claudecheck_policy_passed",) not in gauges(HEALTHY)


@given(text=UNTRUSTED)
def test_no_text_breaks_a_metric(text: str) -> None:
    assert gauges(saying(text))["claudecheck_up",] == 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="make checkers installs promtool")
@pytest.mark.parametrize("report", [*REPORTS.values(), CHAINED, POLICED])
def test_promtool_finds_nothing_to_say(report: Report) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=to_prometheus(report), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# -- GitHub ---------------------------------------------------------------------------------------


def test_the_runner_reads_an_error_with_cause_fix_and_code() -> None:
    (command,) = ci_readers.runner_commands(github.workflow_commands(TLS_INTERCEPTED))
    assert (command.name, command.properties) == ("error", {"title": "tls-intercepted"})
    title, cause, fix, *_ = command.data.split("\n")
    finding = TLS_INTERCEPTED.findings[0]
    assert (title, cause) == (finding.title, finding.cause)
    assert fix.startswith(f"fix: {finding.fixes[0].text}")
    assert command.data.endswith("exit 13")


def test_warnings_are_warnings_and_information_is_not_said() -> None:
    found = ci_readers.runner_commands(github.workflow_commands(IPV6_BROKEN))
    assert [(one.name, one.properties["title"]) for one in found] == [
        ("warning", "ipv6-broken"),
        ("warning", "ca-variable-ignored"),
    ]
    assert github.workflow_commands(HEALTHY) == ""


def test_of_more_than_ten_the_last_one_counts_the_rest() -> None:
    warnings = [replace(IPV6_BROKEN.findings[0], code=f"odd-{number}") for number in range(14)]
    found = ci_readers.runner_commands(github.workflow_commands(replace(IPV6_BROKEN, findings=warnings)))
    assert len(found) == 10
    assert found[-1].data == "and 5 more: odd-9, odd-10, odd-11, odd-12, odd-13"


@given(text=st.one_of(UNTRUSTED, st.sampled_from(["a::b", "%0A::set-output name=x::1", "50%", "%250A", "a,b=c"])))
def test_no_text_makes_a_command_of_its_own(text: str) -> None:
    found = ci_readers.runner_commands(github.workflow_commands(saying(text)))
    assert [command.name for command in found] == ["error", "warning"]
    assert {command.properties.get("title", "").strip() for command in found} == {harmless(text, 200).strip()}


@pytest.mark.parametrize("line", ["::error::x", "   ::set-output name=a::b", "seen: ##[add-mask]s", "\u2003::debug::y"])
def test_the_log_holds_no_command_that_a_peer_wrote(line: str) -> None:
    log = f"first\n{line}\nlast ::1 and 2001:db8::error::x\n"
    assert ci_readers.runner_commands(log)
    shown = github.guarded(log)
    assert ci_readers.runner_commands(shown) == []
    assert shown.replace("\u200b", "") == log


def test_a_summary_that_would_not_be_shown_is_shorter() -> None:
    page = github.summary(TLS_INTERCEPTED)
    assert page.startswith("### ✗ tls-intercepted")
    assert "tls-intercepted" in github.summary(TLS_INTERCEPTED, 900)
    assert len(github.summary(HOSTILE, 900).encode()) <= 900
    assert github.summary(TLS_INTERCEPTED, 10) == ""


def test_the_outputs_are_those_of_the_report() -> None:
    assert github.step_outputs(TLS_INTERCEPTED) == {
        "status": "failing", "layer": "tls", "problem": "tls-intercepted", "reached_api": "false", "exit_code": "13",
    }  # fmt: skip
    assert github.step_outputs(REPORTS["incomplete"])["reached_api"] == ""
    assert all("\n" not in value for value in github.step_outputs(replace(HOSTILE, problem="a\nb=c")).values())


def test_a_step_gets_log_annotation_summary_and_outputs(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    step = {"GITHUB_ACTIONS": "true", **{name: str(path) for name, path in places.items()}}
    ran = doctor.run("demo", "tcp-refused", "--no-message", variables=step)
    assert ran.exit_code == 12
    assert "fix" in ran.out
    (said,) = [one for one in ci_readers.runner_commands(ran.err) if one.name == "error"]
    assert said.properties == {"title": "tcp-refused"}
    assert ci_readers.runner_commands(ran.out) == []
    assert "tcp-refused" in places["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    assert "exit_code=12\n" in places["GITHUB_OUTPUT"].read_text(encoding="utf-8")
