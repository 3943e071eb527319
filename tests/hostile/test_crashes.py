"""A bug of ours, or an exception that nobody foresaw, in one operation: it ends that operation, and not the run."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.lab import Lab
from claudecheck.machine import environment
from claudecheck.observations import Crash, HttpExchange, NameLookup
from claudecheck.probes import connect, reach
from claudecheck.probes.api import http
from claudecheck.probes.names import nameservers, resolve
from claudecheck.report import Report
from claudecheck.run.examine import examine
from claudecheck.run.options import Options
from tests import doctor, probe_peers


class UnforeseenError(Exception):
    """Of a library: no kind that anybody has on a list."""


def raises(*_: Any, **__: Any) -> Any:
    raise UnforeseenError("a peer has found a hole")


def report_of(fault: str) -> Report:
    with Lab(fault) as lab:
        options = Options(message=False, local_only=True, timeout_s=60, python=doctor.PYTHON)
        return diagnose(examine(options, environment.read(doctor.clean_environment(lab.variables)), Deadline(60)))


@pytest.mark.slow
def test_the_crash_of_a_variation_is_its_own_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "shake", raises)
    report = report_of("tls-self-signed")
    assert (report.first_failing_layer, report.exit_code) == ("tls", 13)
    assert "claudecheck-bug" not in [finding.code for finding in report.findings]
    crashes = [one for one in report.observations if isinstance(one, Crash)]
    assert crashes
    assert all(one.variation and "a peer has found a hole" in one.trace for one in crashes)


def test_what_a_library_raises_over_an_answer_is_that_requests_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_transport", raises)
    walk = probe_peers.walk()
    seen = http.exchange(walk, http.Request(stage="models", step="models"), 5.0)
    assert (seen.failure, walk.writer.journal().all(HttpExchange)) == (Failure.UNKNOWN, [seen])
    assert "a peer has found a hole" in seen.error


def test_what_a_library_raises_over_a_nameserver_is_that_nameservers_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nameservers, "_udp", raises)
    assert nameservers.ask(probe_peers.walk(), "127.0.0.1", "a.example", "ipv4").failure is Failure.MALFORMED


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "a\0b", "\ud800", "xn--\u00b2", "a b"])
@pytest.mark.parametrize("port", [443, 99999, -1])
def test_a_name_or_a_port_that_is_none_is_not_found(host: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Callable[..., Any] = socket.getaddrinfo

    def without_a_packet(*given: Any) -> Any:
        return asked(*given[:5], given[5] | socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", without_a_packet)
    walk = probe_peers.walk()
    assert resolve.lookup(walk, host, port, limit_s=5.0) == []
    assert all(seen.failure is not None for seen in walk.writer.journal().all(NameLookup))


def test_a_port_that_is_none_is_a_connection_that_failed() -> None:
    seen, sock = connect.connect(probe_peers.walk(), "127.0.0.1", 99999)
    assert (seen.ok, sock) == (False, None)
    assert "port" in seen.error
