"""The report as metrics, in the text format that node_exporter's textfile collector and push gateways read. Pure.

Few and stable label values: stages, codes, versions. `prometheus-client` spells and escapes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from claudecheck.observations import TlsHandshake
from claudecheck.render.untrusted import harmless
from claudecheck.report import Report, StageRow


def to_prometheus(report: Report) -> str:
    """The gauges of one run."""
    return generate_latest(_Run(report)).decode()


class _Run(Collector):
    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        yield from gauges(self._report)
        yield _durations(self._report)


def gauges(report: Report) -> Iterator[Metric]:
    """A family each; those that the run cannot speak of are left out, never zero. Durations of stages stand apart."""
    yield _one("up", "1 when the client gets through to the API.", report.status in ("healthy", "degraded"))
    if report.reached_api is not None:
        yield _one("reached_api", "1 when the API itself answered.", report.reached_api)
    yield _one("exit_code", "What claudecheck doctor exits with for this.", report.exit_code)
    yield _stages_up(report)
    findings = _family("finding_info", "What was found wrong; the culprit is the one of severity error.", _FINDING)
    for finding in report.findings:
        if finding.severity != "info":
            findings.add_metric([harmless(finding.code), finding.layer, finding.severity], 1)
    yield findings
    intercepted = any(finding.code in _INTERCEPTED for finding in report.findings)
    if intercepted or any(_on_the_route(report)):
        yield _one("intercepted", "1 when something on the way re-signs the API's certificate.", intercepted)
    if (ends := _expiry(report)) is not None:
        yield _one("certificate_expiry_timestamp_seconds", "When the first certificate to expire does.", ends)
    if report.policy is not None:
        yield _one("policy_passed", "1 when every rule of the policy holds.", report.policy.passed)
    yield _one("run_duration_seconds", "How long the run took.", round(report.duration_ms / 1000, 4))
    if (started := _timestamp(report.started_at)) is not None:
        yield _one("run_timestamp_seconds", "When the run started.", started)
    build = _family("build_info", "The claudecheck that ran.", ["version"])
    build.add_metric([harmless(report.tool.version)], 1)
    yield build


_FINDING = ["code", "layer", "severity"]
_INTERCEPTED = ("tls-intercepted", "tls-intercepted-trusted")
STAGE_DURATION = "How long the stage took."


def walked(report: Report) -> Iterator[StageRow]:
    """Stages that were not walked have no sample: nothing is known of them."""
    return (row for row in report.stages if row.status != "skip")


def _stages_up(report: Report) -> Metric:
    up = _family("stage_up", "1 when the stage passed, also with a warning.", ["stage"])
    for row in walked(report):
        up.add_metric([row.name], float(row.status != "fail"))
    return up


def _durations(report: Report) -> Metric:
    took = _family("stage_duration_seconds", STAGE_DURATION, ["stage"])
    for row in walked(report):
        took.add_metric([row.name], round(row.duration_ms / 1000, 4))
    return took


def _expiry(report: Report) -> float | None:
    times = [_timestamp(one.not_after) for seen in _on_the_route(report) for one in seen.chain]
    return min((when for when in times if when is not None), default=None)


def _on_the_route(report: Report) -> Iterator[TlsHandshake]:
    """Handshakes that presented a chain on the route itself, not on one that a variation took."""
    handshakes = (seen for seen in report.observations if isinstance(seen, TlsHandshake))
    return (seen for seen in handshakes if seen.purpose == "api" and not seen.variation and seen.chain)


def _timestamp(written: str) -> float | None:
    try:
        when = datetime.fromisoformat(written)
    except ValueError:  # a certificate may say anything, and so may a saved report
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _one(name: str, about: str, value: float) -> Metric:
    family = _family(name, about, [])
    family.add_metric([], float(value))
    return family


def _family(name: str, about: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"claudecheck_{name}", about, labels=labels)
