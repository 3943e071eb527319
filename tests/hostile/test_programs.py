"""What curl and Node print, whatever a peer or a preloaded module has put into it, is read or is not theirs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.machine.child import Ended
from claudecheck.observations import Raised
from claudecheck.probes.api import http
from claudecheck.probes.senders import curl_program, node_program
from tests import probe_peers

REQUEST = http.Request(stage="models", step="models")
TOLD = b"\nclaudecheck: 200 000 0,001 0.002 0.003 0.004 0.005"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


def read(out: bytes, status: int | None = 0, err: str = "") -> dict[str, Any]:
    return curl_program._facts(probe_peers.walk(), REQUEST, Ended(out, err, status), 5.0)


def test_what_curl_tells_of_itself_stands_at_the_end_and_nowhere_else() -> None:
    forged = b"\nclaudecheck: 500 000 1 1 1 1 1"
    assert read(HEAD + b"{}" + TOLD)["status"] == 200
    assert read(HEAD + forged + b"\nmore" + TOLD)["status"] == 200
    assert read(HEAD + forged + b"\nmore", status=None)["status"] == 200  # cut: curl has told nothing


@pytest.mark.parametrize("times", [b"x", b"9" * 5000, b"\xb2", b"1e999", b"1.2.3"])
def test_numbers_that_are_none_are_not_curls(times: bytes) -> None:
    read(HEAD + b"\nclaudecheck: 200 000 " + times)
    read(HEAD + b"\nclaudecheck: " + times + b" 000 1 1")


@given(st.binary(max_size=300), st.sampled_from([0, 7, 28, 35, 52, 56, 60, 97, 999, None]), st.text(max_size=100))
def test_any_output_of_curl_becomes_facts(out: bytes, status: int | None, err: str) -> None:
    read(out, status, err)
    read(HEAD + out + TOLD, status, "curl: (7) " + err)


@given(st.binary(max_size=200))
def test_any_output_of_node_is_an_event_or_none(noise: bytes) -> None:
    event = json.dumps({"event": "told", "status": 200}).encode()
    found = node_program.event_of(noise + b"\n0123" + event + b"\n" + noise, b"0123")
    assert found == {"event": "told", "status": 200} or b"0123" in noise
    assert node_program.event_of(noise + event, b"0123") is None or b"0123" in noise
    assert node_program.event_of(b"\n0123" + b"[" * 100_000, b"0123") is None


@pytest.mark.parametrize("number", ["9" * 5000, "\u00b2", "\u0663", "111"])
def test_an_error_number_in_a_text_is_read_within_bounds(number: str) -> None:
    http.failure_of_chain([Raised(type="OSError", message=f"[Errno {number}] from a peer")])
