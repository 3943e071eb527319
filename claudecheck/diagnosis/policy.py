"""The user's own demands on the route, judged on the finished report. Pure.

A policy decides only where nothing else does: a client that does not get through, or a run that was cut, keeps its
verdict, and the report still says which rules do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from claudecheck.diagnosis.evidence import Evidence
from claudecheck.observations import Policy
from claudecheck.report import BrokenRule, ExitCode, PolicyOutcome, Report

#: Words for several codes; all others are codes of the catalogue.
GROUPS: Mapping[str, frozenset[str]] = {
    "intercepted": frozenset({"tls-intercepted", "tls-intercepted-trusted"}),
    "slow": frozenset({"dns-slow", "network-slow"}),
}
ANY = "any"


def judged(report: Report, evidence: Evidence) -> Report:
    """The report with the policy's verdict; the same report where the run had no policy."""
    policy = evidence.journal.first(Policy)
    if policy is None:
        return report
    broken = [rule for check in _CHECKS for rule in check(policy, report, evidence)]
    outcome = PolicyOutcome(passed=not broken, broken=broken)
    if not broken or report.status not in ("healthy", "degraded"):
        return replace(report, policy=outcome)
    found = evidence.finding(
        "policy-broken",
        values={"detail": _named(broken), "file": policy.source},
        seen=[f"{rule.rule}: {rule.seen}" for rule in broken],
    )
    return replace(
        report,
        policy=outcome,
        status="failing",
        first_failing_layer="policy",
        problem=found.code,
        exit_code=ExitCode.POLICY,
        findings=[found, *report.findings],
    )


def _named(broken: list[BrokenRule]) -> str:
    first = f"{broken[0].rule} ({broken[0].seen})"
    return first if len(broken) == 1 else f"{first} and {len(broken) - 1} more"


def _must_pass(policy: Policy, report: Report, _: Evidence) -> Iterator[BrokenRule]:
    rows = {row.name: row for row in report.stages}
    for name in policy.must_pass:
        row = next((row for known, row in rows.items() if known == name), None)
        if row is None or row.status in ("fail", "skip"):
            seen = row.summary if row is not None else "not walked"
            yield BrokenRule(rule=f"must-pass {name}", seen=seen)


def _fail_on(policy: Policy, report: Report, _: Evidence) -> Iterator[BrokenRule]:
    for word in policy.fail_on:
        for finding in report.findings:
            same = finding.code == word or finding.code in GROUPS.get(word, ())
            if same or (word == ANY and finding.severity == "warning"):
                yield BrokenRule(rule=f"fail-on {word}", seen=finding.title)


def _ceilings(policy: Policy, report: Report, _: Evidence) -> Iterator[BrokenRule]:
    for row in report.stages:
        ceiling = policy.ceilings.get(row.name)
        if ceiling is not None and row.status != "skip" and row.duration_ms > ceiling * 1000:
            yield BrokenRule(rule=f"{row.name} < {ceiling:g} s", seen=f"{row.duration_ms / 1000:.3g} s")


def _models(policy: Policy, _: Report, evidence: Evidence) -> Iterator[BrokenRule]:
    listed = [model.id for model in evidence.models.models] if evidence.models is not None else []
    for model in policy.models:
        if model not in listed:
            yield BrokenRule(rule=f"models {model}", seen=f"not among the {len(listed)} models that this key can see")


def _proxy(policy: Policy, report: Report, _: Evidence) -> Iterator[BrokenRule]:
    if policy.must_use_proxy and not report.route.proxy:
        yield BrokenRule(rule="must-use-proxy", seen="the route goes direct")


def _interception(policy: Policy, report: Report, _: Evidence) -> Iterator[BrokenRule]:
    if policy.no_interception:
        for finding in report.findings:
            if finding.code in GROUPS["intercepted"]:
                yield BrokenRule(rule="no-interception", seen=finding.title)


def _certificates(policy: Policy, _: Report, evidence: Evidence) -> Iterator[BrokenRule]:
    """Counted from the start of the run, so that a saved report is judged as it was."""
    handshake = evidence.handshake()
    started = _time(evidence.run.started_at)
    if not policy.certificate_days or handshake is None or started is None:
        return
    for certificate in handshake.chain:
        ends = _time(certificate.not_after)
        if ends is not None and (left := (ends - started).days) < policy.certificate_days:
            rule = f"certificate-days {policy.certificate_days}"
            yield BrokenRule(rule=rule, seen=f'"{certificate.subject}" expires in {left} days')


def _time(written: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(written)
    except ValueError:  # whoever wrote the certificate chose it
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


_CHECKS: tuple[Callable[[Policy, Report, Evidence], Iterator[BrokenRule]], ...] = (
    _must_pass,
    _fail_on,
    _ceilings,
    _models,
    _proxy,
    _interception,
    _certificates,
)
