"""The policy of a project: every rule holds or breaks on real facts, and a file that is none is refused by its line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from claudecheck.diagnosis.policy import ANY, GROUPS
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.third_parties import ThirdParties
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.lab import Lab
from claudecheck.machine import policy as policies
from claudecheck.observations import Certificate, Journal, Policy
from claudecheck.report import Report
from claudecheck.run.options import Options
from tests import doctor
from tests.network_reports import HEALTHY, HEALTHY_VIA_PROXY, TLS_INTERCEPTED
from tests.report_parts import HANDSHAKE

CODES = (ANY, *GROUPS, *CATALOGUE)


def ruled(report: Report, **rules: Any) -> Report:
    """The report of the same run under a policy."""
    run, *rest = report.observations
    return diagnose(Journal((run, Policy(source="claudecheck.toml", **rules), *rest)))


def broken(report: Report) -> list[tuple[str, str]]:
    assert report.policy is not None
    return [(rule.rule, rule.seen) for rule in report.policy.broken]


def written(tmp_path: Path, text: str, name: str = "claudecheck.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# -- the verdict ----------------------------------------------------------------------------------


def test_rules_that_hold_leave_the_verdict_and_are_said_to_hold() -> None:
    report = ruled(
        HEALTHY, must_pass=["tls", "messages"], ceilings={"messages": 2.0}, models=["claude-haiku-5-5"],
        no_interception=True, fail_on=["any"], certificate_days=14,
    )  # fmt: skip
    assert (report.status, report.exit_code) == ("healthy", 0)
    assert report.policy is not None
    assert report.policy.passed
    doctor.validator().validate(json.loads(doctor_json(report)))


@pytest.mark.parametrize(
    ("rules", "rule", "seen"),
    [
        ({"ceilings": {"messages": 0.5}}, "messages < 0.5 s", "0.641 s"),
        ({"models": ["claude-opus-9"]}, "models claude-opus-9", "not among the 1 models that this key can see"),
        ({"must_use_proxy": True}, "must-use-proxy", "the route goes direct"),
    ],
)
def test_a_rule_that_breaks_is_the_verdict_of_a_route_that_works(rules: dict[str, Any], rule: str, seen: str) -> None:
    report = ruled(HEALTHY, **rules)
    assert (report.status, report.first_failing_layer, report.problem) == ("failing", "policy", "policy-broken")
    assert (report.exit_code, report.reached_api) == (17, True)
    assert broken(report) == [(rule, seen)]
    assert report.findings[0].title.endswith(f"{rule} ({seen})")
    doctor.validator().validate(json.loads(doctor_json(report)))


def test_a_stage_that_must_pass_and_was_left_out_has_not_passed() -> None:
    assert [rule for rule, _ in broken(ruled(HEALTHY_VIA_PROXY, must_pass=["tls", "messages"]))] == [
        "must-pass messages"
    ]


def test_a_certificate_is_counted_from_the_start_of_the_run() -> None:
    leaf = Certificate(subject="CN=api", issuer="CN=ca", not_before="2026-01-01", not_after="2026-12-01T09:30:00Z")
    seen = [replace(HANDSHAKE, chain=[leaf]) if one == HANDSHAKE else one for one in HEALTHY.observations]
    report = replace(HEALTHY, observations=seen)
    assert broken(ruled(report, certificate_days=14)) == [("certificate-days 14", '"CN=api" expires in 10 days')]
    assert broken(ruled(report, certificate_days=10)) == []


def test_a_route_that_fails_keeps_its_verdict_and_names_the_rules_all_the_same() -> None:
    report = ruled(TLS_INTERCEPTED, must_use_proxy=True)
    assert report.first_failing_layer == "tls"
    assert ("must-use-proxy", "the route goes direct") in broken(report)
    assert "policy-broken" not in [finding.code for finding in report.findings]


def test_hosts_that_are_no_allowed_third_parties_are_not_asked() -> None:
    allowed = ["www.google.com", "1.1.1.1", "status.claude.com"]
    others = Options(policy=Policy(source="p", third_parties=allowed)).others
    assert (others.controls, others.resolvers) == (("www.google.com",), ("1.1.1.1",))
    assert (others.dns_over_https, others.portals) == ("", ())
    assert others.status_page == ThirdParties().status_page
    assert Options(policy=Policy(source="p")).others == ThirdParties()


# -- the file -------------------------------------------------------------------------------------


def test_every_rule_is_read_in_the_form_that_the_guide_shows(tmp_path: Path) -> None:
    text = """
[tool.claudecheck]
must-pass = ["tls", "messages"]
fail-on = ["intercepted", "slow", "ipv6-broken"]
ceilings = { messages = "< 2 s", dns = "800 ms", tls = 1 }
models = ["claude-haiku-5-5"]
must-use-proxy = true
no-interception = true
certificate-days = 14
third-parties = ["1.1.1.1"]
"""
    read = policies.read(written(tmp_path, text, "pyproject.toml"), CODES)
    assert (read.must_pass, read.ceilings) == (["tls", "messages"], {"messages": 2.0, "dns": 0.8, "tls": 1.0})
    assert (read.must_use_proxy, read.certificate_days, read.third_parties) == (True, 14, ["1.1.1.1"])
    bare = policies.read(written(tmp_path, text.replace("[tool.claudecheck]", "")), CODES)
    assert replace(bare, source="") == replace(read, source="")


@pytest.mark.parametrize(
    ("text", "line", "says", "fix"),
    [
        ('must-pas = ["tls"]', 1, "there is no rule 'must-pas'", "did you mean must-pass?"),
        ('\n# why\nmust-pass = [\n  "dns",\n  "tsl",\n]', 3, "there is no stage 'tsl'", "did you mean tls?"),
        ('models = []\nfail-on = ["ipv6-brokn"]', 2, "there is no warning 'ipv6-brokn'", "did you mean ipv6-broken?"),
        ('models = "claude"', 1, "models is a list", 'models = ["name"]'),
        ("no-interception = 1", 1, "true or false", "no-interception = true"),
        ("certificate-days = 0", 1, "whole number", "certificate-days = 14"),
        ('[ceilings]\ndns = 1\nmessages = "fast"', 3, "the ceiling of messages is no time", 'messages = "2 s"'),
        ("[ceilings]\nmesages = 2", 2, "there is no stage 'mesages'", "did you mean messages?"),
        ("ceilings = 3", 1, "ceilings is a table", "ceilings = {"),
    ],
)
def test_what_is_no_policy_is_refused_by_its_line(text: str, line: int, says: str, fix: str, tmp_path: Path) -> None:
    with pytest.raises(policies.PolicyError) as refused:
        policies.read(written(tmp_path, text), CODES)
    assert f"line {line}: " in str(refused.value)
    assert says in str(refused.value)
    assert fix in refused.value.fix


def test_the_nearest_policy_up_to_the_top_of_the_repository_counts(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "src" / "app"
    inner.mkdir(parents=True)
    written(tmp_path, "models = ['outside']")
    (tmp_path / "repository" / ".git").mkdir()
    assert policies.nearest(inner, CODES) is None
    written(tmp_path / "repository", "[tool.other]\nx = 1", "pyproject.toml")
    assert policies.nearest(inner, CODES) is None
    written(tmp_path / "repository", "[tool.claudecheck]\nmodels = ['top']", "pyproject.toml")
    assert policies.nearest(inner, CODES).models == ["top"]  # type: ignore[union-attr]
    written(tmp_path / "repository" / "src", "models = ['near']")
    assert policies.nearest(inner, CODES).models == ["near"]  # type: ignore[union-attr]


# -- as a user meets it ---------------------------------------------------------------------------


@pytest.mark.slow
def test_the_doctor_in_a_project_with_a_policy(tmp_path: Path) -> None:
    written(tmp_path, "[tool.claudecheck]\nmust-use-proxy = true", "pyproject.toml")
    with Lab("healthy") as lab:
        variables = {**lab.variables, "VIRTUAL_ENV": sys.prefix}
        ran = doctor.run("doctor", "--no-message", "--local-only", variables=variables, cwd=tmp_path)
        saved = tmp_path / "report.json"
        free = doctor.run(
            "doctor", "--no-message", "--local-only", "--no-policy", "--save", str(saved), variables=variables,
            cwd=tmp_path,
        )  # fmt: skip
    assert ran.exit_code == 17
    assert "policy-broken" in ran.out
    assert "must-use-proxy (the route goes direct)" in " ".join(ran.out.split())
    assert free.exit_code == 0
    again = doctor.invoke("doctor", "--replay", str(saved), "--policy", str(tmp_path / "pyproject.toml"), "--json")
    assert (again.exit_code, again.report["policy"]["passed"]) == (17, False)


def test_a_policy_that_cannot_be_read_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    path = written(tmp_path, "a = b")
    for place, says in ((path, "line 1, column 5"), (tmp_path / "none.toml", "No such file"), (tmp_path, "directory")):
        ran = doctor.invoke("doctor", "--policy", str(place))
        assert (ran.exit_code, ran.out) == (2, "")
        assert str(place) in ran.err
        assert says in ran.err


def doctor_json(report: Report) -> str:
    from claudecheck.render.machine import to_json

    return to_json(report)
