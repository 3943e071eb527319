"""Metrics of a watched route over HTTP, as Prometheus scrapes them: few series, whatever happens on the route.

The gauges are those of one run (`--output prometheus`), of the last walk; what many walks come to is counted beside
them. `prometheus-client` keeps and spells them. `/metrics` and `/healthz` are all that is served.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Histogram, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from claudecheck.render.prometheus import STAGE_DURATION, gauges, walked
from claudecheck.report import Report

#: Seconds: a cached name takes under a millisecond, a stage gives up after five to fifteen.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics(Collector):
    """The registry of one watch. `patience_s`: a watch that has ended no walk for longer is stuck."""

    def __init__(self, patience_s: float) -> None:
        self.registry = CollectorRegistry()
        self._patience_s = patience_s
        self._progress = time.monotonic()  # when the last walk ended
        self._last: Report | None = None
        self._took = Histogram(
            "claudecheck_stage_duration_seconds", STAGE_DURATION, ["stage"], registry=self.registry, buckets=BUCKETS
        )
        self._walks = Counter("claudecheck_walks", "Walks by status.", ["status"], registry=self.registry)
        self._failures = Counter(
            "claudecheck_failures", "Walks that did not get through.", ["layer", "problem"], registry=self.registry
        )
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Whole or not at all: a scrape never meets half of a walk."""
        if self._last is not None:
            yield from gauges(self._last)

    def add(self, report: Report) -> None:
        self._walks.labels(report.status).inc()
        if report.status not in ("healthy", "degraded"):
            self._failures.labels(report.first_failing_layer or "", report.problem or report.status).inc()
        for row in walked(report):
            self._took.labels(row.name).observe(row.duration_ms / 1000)
        self._last, self._progress = report, time.monotonic()

    @property
    def stuck(self) -> bool:
        return time.monotonic() - self._progress > self._patience_s


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
                status, said = ("503 Service Unavailable", b"stuck\n") if metrics.stuck else ("200 OK", b"ok\n")
                start(status, [("Content-Type", "text/plain; charset=utf-8")])
                return [said]
            case _:
                start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"/metrics and /healthz are here\n"]

    server = make_server(host, port, application, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
