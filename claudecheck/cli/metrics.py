"""Metrics of a watched route over HTTP, as Prometheus scrapes them: few series, whatever happens on the route.

`prometheus-client` keeps and spells them. `/metrics` and `/healthz` are all that is served.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

from claudecheck.render.prometheus import expiry, timestamp
from claudecheck.report import Report

#: Seconds: a cached name takes under a millisecond, a stage gives up after five to fifteen.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_INTERCEPTED = ("tls-intercepted", "tls-intercepted-trusted")


class Metrics:
    """The registry of one watch."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self._up = self._gauge("up", "1 when the client got through at the last walk.")
        self._reached = self._gauge("reached_api", "1 when the API itself answered at the last walk.")
        self._stage_up = self._gauge("stage_up", "1 when the stage passed at the last walk.", "stage")
        self._intercepted = self._gauge("intercepted", "1 when something re-signs the API's certificate.")
        self._expiry = self._gauge("certificate_expiry_timestamp_seconds", "When the first certificate expires.")
        self._last = self._gauge("last_walk_timestamp_seconds", "When the last walk began.")
        self._took = Histogram(
            "claudecheck_stage_duration_seconds", "How long the stage took.", ["stage"],
            registry=self.registry, buckets=BUCKETS,
        )  # fmt: skip
        self._walks = Counter("claudecheck_walks", "Walks by status.", ["status"], registry=self.registry)
        self._failures = Counter(
            "claudecheck_failures", "Walks that did not get through.", ["layer", "problem"], registry=self.registry
        )
        self._gauge("build_info", "The claudecheck that watches.", "version").labels(version).set(1)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"claudecheck_{name}", about, labels, registry=self.registry)

    def add(self, report: Report) -> None:
        through = report.status in ("healthy", "degraded")
        self._walks.labels(report.status).inc()
        if not through:
            self._failures.labels(report.first_failing_layer or "", report.problem or report.status).inc()
        for row in report.stages:
            if row.status == "skip":
                continue
            self._stage_up.labels(row.name).set(row.status != "fail")
            self._took.labels(row.name).observe(row.duration_ms / 1000)
        self._intercepted.set(any(finding.code in _INTERCEPTED for finding in report.findings))
        if (began := timestamp(report.started_at)) is not None:
            self._last.set(began)
        if (ends := expiry(report)) is not None:
            self._expiry.set(ends)
        self._reached.set(bool(report.reached_api))
        self._up.set(through)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10.0  # of a scraper that says nothing

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is the base class's
        """A scrape is no news."""


def serve(metrics: Metrics, host: str, port: int) -> WSGIServer:
    """Serve from a daemon thread until the server is closed. `OSError`: the address cannot be listened on."""
    scraped = make_wsgi_app(metrics.registry)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                page: Iterable[bytes] = scraped(environ, start)
                return page
            case "/healthz":
                start("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"ok\n"]
            case _:
                start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"/metrics and /healthz are here\n"]

    server = make_server(host, port, application, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
