"""One connection: what the ladder opened carries the models call and the size check; nothing is paid for twice."""

import pytest

from claudecheck.lab import Lab
from tests import doctor

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fault", ["healthy", "healthy-proxy", "healthy-plain-http"])
def test_what_is_asked_beside_the_message_goes_over_one_connection(fault: str) -> None:
    with Lab(fault) as lab:
        ran = doctor.invoke("doctor", "--json", "--local-only", "--python", doctor.PYTHON, variables=lab.variables)
        ours = [r for r in lab.requests if r.path in ("/v1/models", "/v1/messages/count_tokens")]
    assert ran.report["status"] == "healthy"
    assert {request.path for request in ours} == {"/v1/models", "/v1/messages/count_tokens"}
    assert len({request.peer_port for request in ours}) == 1


def test_without_the_message_a_healthy_run_opens_one_connection_and_asks_once() -> None:
    with Lab("healthy") as lab:
        options = ("--json", "--no-message", "--local-only", "--python", doctor.PYTHON)
        ran = doctor.invoke("doctor", *options, variables=lab.variables)
    assert ran.report["status"] == "healthy"
    assert [request.path for request in lab.requests] == ["/v1/models"]


def test_the_size_check_is_one_large_request_where_it_gets_through() -> None:
    with Lab("healthy") as lab:
        options = ("--json", "--local-only", "--python", doctor.PYTHON)
        ran = doctor.invoke("doctor", *options, variables=lab.variables)
        (counted,) = [request for request in lab.requests if request.path == "/v1/messages/count_tokens"]
    assert len(counted.body) >= 256_000
    assert [row["to"] for row in ran.report["variations"] if row["changed"] == "request size"] == ["256 kB"]


def test_the_sizes_below_are_asked_only_where_the_large_one_does_not_get_through() -> None:
    with Lab("large-request-dropped") as lab:
        options = ("--json", "--local-only", "--python", doctor.PYTHON)
        report = doctor.invoke("doctor", *options, variables=lab.variables).report
    sizes = {row["to"]: row["reached"] for row in report["variations"] if row["changed"] == "request size"}
    assert list(sizes) == ["256 kB", "1 kB", "16 kB", "64 kB"]
    found = next(one for one in report["findings"] if one["code"] == "large-request-dropped")
    assert sizes["1 kB"]
    assert not sizes["256 kB"]
    assert found["title"]
