"""The embedded lab: each fault is seen as its client sees it, and nothing of it stays behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import httpx
import pytest

from claudecheck.failures import Stage
from claudecheck.lab import FAULTS, Fault, Lab, find
from claudecheck.lab.lab import KEY, MINTED
from claudecheck.lab.parts import API_NAME, CONTROL_NAME
from tests.lab_client import (
    CLIENT_VARIABLE,
    LONG_S,
    SHORT_S,
    addresses,
    ask,
    clean,
    http,
    message_body,
    patience,
    port_of,
    proxy_port_of,
    trust_of,
)

IN_NAMES = [fault.name for fault in FAULTS if fault.available()]


@pytest.fixture
def as_client(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lab], None]:
    """This process, set up as the client of a lab."""

    def become(lab: Lab) -> None:
        for name in filter(CLIENT_VARIABLE.fullmatch, list(os.environ)):
            monkeypatch.delenv(name)
        for name, value in lab.variables.items():
            monkeypatch.setenv(name, value)

    return become


# -- the list ----------------------------------------------------------------------------------------


def test_every_fault_is_named_after_the_problem_that_it_ends_in() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        stem = fault.problem or "healthy"
        assert fault.name == stem or fault.name.startswith(stem + "-"), fault
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.name)
        assert fault.summary
        assert "\n" not in fault.summary


def test_every_problem_of_a_fault_is_in_the_catalogue() -> None:
    from claudecheck.diagnosis.problems import CATALOGUE

    assert {fault.problem for fault in FAULTS if fault.problem} <= set(CATALOGUE)


def test_there_are_faults_of_every_layer() -> None:
    assert FAULTS[0].name == "healthy"
    assert {fault.layer for fault in FAULTS if fault.exit_code} == set(Stage)


def test_a_fault_that_cannot_be_shown_here_says_why() -> None:
    elsewhere = Fault("x", Stage.TCP, "x", 12, "for another system", systems=("Plan 9",))
    assert elsewhere.unavailable_because() == "needs Plan 9"
    assert not elsewhere.available()


def test_a_name_that_no_fault_has_is_an_error() -> None:
    with pytest.raises(KeyError):
        Lab("no-such-fault")


def test_the_list_of_faults_loads_neither_cryptography_nor_dnspython() -> None:
    code = (
        "import claudecheck.lab, sys; print(sorted({'cryptography', 'dns', 'httpx', 'anthropic'} & set(sys.modules)))"
    )
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# -- start and stop ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IN_NAMES)
def test_a_lab_starts_at_once_and_leaves_nothing_behind(name: str) -> None:
    threads = set(threading.enumerate())
    with Lab(name) as lab:
        folder = Path(lab.variables["SSL_CERT_FILE"]).parent
        assert folder.exists()
    assert set(threading.enumerate()) == threads
    assert not folder.exists()
    assert lab.crashes == []


def test_a_lab_is_ready_in_a_small_part_of_a_second() -> None:
    def start_s() -> float:
        began = time.monotonic()
        with Lab():
            return time.monotonic() - began

    assert min(start_s() for _ in range(5)) < 0.15


@pytest.mark.parametrize("name", ["tls-timeout", "proxy-timeout", "response-timeout", "healthy-slow", "healthy-socks"])
def test_a_lab_ends_at_once_under_a_client_that_waits(name: str) -> None:
    threads = set(threading.enumerate())
    with Lab(name) as lab:
        port = proxy_port_of(lab) if "HTTPS_PROXY" in lab.variables else port_of(lab)
        waiting = socket.create_connection(("127.0.0.1", port), LONG_S)
        waiting.send(b"\x16\x03\x01\x00\x01\x00")
        began = time.monotonic()
    with waiting:
        assert time.monotonic() - began < 1
        with contextlib.suppress(ConnectionResetError):
            while waiting.recv(4096):
                continue
    assert set(threading.enumerate()) == threads
    assert lab.crashes == []


def test_a_lab_ends_also_when_its_user_presses_ctrl_c() -> None:
    threads = set(threading.enumerate())
    lab = Lab()

    def interrupted() -> None:
        with lab:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    port = port_of(lab)
    assert set(threading.enumerate()) == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), LONG_S)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts this process's descriptors")
def test_no_socket_stays_open() -> None:
    with Lab("healthy-proxy") as lab, http(lab) as client:
        client.get("/v1/models")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("healthy-proxy", "tcp-timeout", "dns-timeout", "response-cut-reset"):
        with Lab(name) as lab, http(lab) as client, contextlib.suppress(httpx.HTTPError):
            client.get("/v1/models", timeout=patience(httpx.ConnectTimeout))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# -- the healthy API ---------------------------------------------------------------------------------


def test_the_demo_key_looks_like_a_key_and_opens_nothing() -> None:
    assert re.fullmatch(r"sk-ant-api03-[\w-]{93}AA", KEY)
    assert len(KEY) == 108
    assert "demo-key-that-opens-nothing" in KEY


@pytest.mark.slow  # every day the doctor asks all of this of it, from end to end
def test_the_real_sdk_is_served(as_client: Callable[[Lab], None]) -> None:
    import anthropic

    with Lab() as lab:
        as_client(lab)
        message = message_body()
        message.pop("max_tokens")
        with anthropic.Anthropic(max_retries=0, timeout=LONG_S) as client:
            listed = client.models.list(limit=3)
            assert [model.line for model in listed.data] == ["haiku", "sonnet", "opus"]
            assert listed.has_more
            assert client.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"
            answer = client.messages.create(max_tokens=1, **message)
            assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 1)
            with client.messages.stream(max_tokens=1, **message) as stream:
                assert stream.get_final_text() == "Hi"
            assert client.messages.count_tokens(**message).input_tokens > 0
            with pytest.raises(anthropic.NotFoundError):
                client.messages.create(max_tokens=1, **message | {"model": "claude-2"})
    assert [request.path for request in lab.requests][:3] == [
        "/v1/models",
        "/v1/models/claude-haiku-4-5",
        "/v1/messages",
    ]
    assert all(request.server_name == "localhost" and request.tls for request in lab.requests)


def test_the_events_of_a_stream_come_in_the_order_of_the_api() -> None:
    with Lab() as lab, http(lab) as client:
        answer = client.post("/v1/messages", json=message_body(stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert re.findall(r"^event: (\w+)$", answer.text, re.MULTILINE) == [
        "message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind", "words"),
    [
        ({"authorization": "Bearer wrong"}, {}, 401, "authentication_error", "bearer"),
        ({"authorization": "", "x-api-key": "wrong"}, {}, 401, "authentication_error", "invalid x-api-key"),
        ({"anthropic-version": None}, {}, 400, "invalid_request_error", "anthropic-version: header is required"),
        ({}, {}, 400, "invalid_request_error", "model: Field required"),
        ({}, {"model": "m", "messages": [], "max_tokens": 1, "top_p": 1}, 400, "invalid_request_error", "top_p"),
        ({}, {"model": "m", "messages": [], "max_tokens": 1}, 404, "not_found_error", "model: m"),
    ],
)
def test_the_api_refuses_in_its_own_shape(
    headers: Mapping[str, str | None], body: object, status: int, kind: str, words: str
) -> None:
    with Lab() as lab, http(lab) as client:
        for name, value in headers.items():
            client.headers.pop(name, None)
            client.headers.update({name: value} if value else {})
        answer = client.post("/v1/messages", json=body)
    document = answer.json()
    assert (answer.status_code, document["type"], document["error"]["type"]) == (status, "error", kind)
    assert words in document["error"]["message"]
    assert document["request_id"] == answer.headers["request-id"]
    assert answer.headers["request-id"].startswith("req_")
    assert "cf-ray" in answer.headers


def test_no_credential_is_answered_as_the_api_does_and_with_a_request_id() -> None:
    with Lab() as lab, http(lab) as client:
        del client.headers["authorization"]
        answer = client.get("/v1/models")
        assert client.head("/").status_code == 404
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "x-api-key header is required"
    assert [request.has_credential for request in lab.requests] == [False, False]


def test_an_older_sdks_header_is_accepted_too() -> None:
    with Lab() as lab, http(lab, **{"x-api-key": KEY, "anthropic-version": "2023-06-01"}) as client:
        del client.headers["authorization"]
        assert client.get("/v1/models").status_code == 200


def test_an_identity_token_is_exchanged_for_one_that_the_api_accepts(as_client: Callable[[Lab], None]) -> None:
    import anthropic

    with Lab("healthy-federation") as lab:
        as_client(lab)
        with anthropic.Anthropic(max_retries=0, timeout=LONG_S) as client:
            assert client.models.list().data
    assert [request.path for request in lab.requests] == ["/v1/oauth/token", "/v1/models"]
    assert lab.requests[1].headers["authorization"] == f"Bearer {MINTED}"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not here")
def test_curl_is_served() -> None:
    with Lab() as lab:
        url = lab.variables["ANTHROPIC_BASE_URL"] + "/v1/models"
        command = ["curl", "-sS", "--max-time", "5", "--cacert", lab.variables["SSL_CERT_FILE"], url]
        command += ["-H", f"x-api-key: {KEY}", "-H", "anthropic-version: 2023-06-01"]
        done = subprocess.run(command, env=clean(lab), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["data"][0]["id"] == "claude-haiku-5-5"


@pytest.mark.parametrize("name", [name for name in IN_NAMES if name.startswith("healthy")])
def test_a_healthy_lab_lets_a_plain_client_through(name: str) -> None:
    with Lab(name) as lab:
        variables = lab.variables
        if "NO_PROXY" in variables:
            variables.pop("HTTPS_PROXY")  # as the SDK would
        with http(lab) as client:
            if "ANTHROPIC_AUTH_TOKEN" in variables:
                client.headers["authorization"] = f"Bearer {variables['ANTHROPIC_AUTH_TOKEN']}"
            assert client.get("/v1/models").json()["data"]
    behind = find(name).setup.proxy is not None and "NO_PROXY" not in variables
    assert [request.through_proxy for request in lab.requests if request.server == "api"] == [behind]


def test_the_control_is_fine_over_tls_and_in_plain_whatever_is_wrong_with_the_api() -> None:
    with Lab("tls-timeout") as lab, httpx.Client(verify=trust_of(lab), trust_env=False, timeout=LONG_S) as client:
        assert client.get(f"https://{lab.control}/").status_code == 204
        assert "date" in client.get(f"http://{lab.control}/").headers
    assert {request.server for request in lab.requests} == {"control"}


# -- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rcode", "told"),
    [
        ("healthy-ipv6-unanswered", "NXDOMAIN", []),
        ("dns-name-not-found", "NXDOMAIN", []),
        ("dns-no-address", "NOERROR", []),
        ("dns-server-failure", "SERVFAIL", []),
        ("dns-refused", "REFUSED", []),
        ("dns-sinkholed", "NOERROR", ["0.0.0.0"]),  # an answer, not a listener
        ("dns-sinkholed-block-page", "NOERROR", ["127.10.10.10"]),
    ],
)
def test_a_nameserver_answers_as_its_fault_says(name: str, rcode: str, told: list[str]) -> None:
    asked = "elsewhere.claudecheck.test" if name.startswith("healthy") else API_NAME
    with Lab(name) as lab:
        for tcp in (False, True):
            answer = ask(lab, asked, tcp=tcp)
            assert (dns.rcode.to_text(answer.rcode()), addresses(answer)) == (rcode, told)
        assert [transport for _, _, transport in lab.questions] == ["udp", "tcp"]
        if name != "dns-refused":
            assert addresses(ask(lab, CONTROL_NAME)) == ["127.0.0.1"]


def test_the_endpoints_own_name_is_answered_with_both_families() -> None:
    with Lab("healthy-ipv6-refused") as lab:
        assert addresses(ask(lab, "localhost")) == ["127.0.0.1"]
        assert addresses(ask(lab, "localhost", "AAAA")) == ["::1"]


@pytest.mark.parametrize("name", ["dns-timeout", "dns-slow"])
def test_a_nameserver_that_keeps_still_is_not_heard(name: str) -> None:
    with Lab(name) as lab, pytest.raises(dns.exception.Timeout):
        ask(lab, "localhost", limit_s=SHORT_S)


def test_an_answer_that_needs_tcp_is_refused_over_tcp() -> None:
    with Lab("dns-tcp-blocked") as lab:
        assert ask(lab).flags & dns.flags.TC
        with pytest.raises(ConnectionRefusedError):
            ask(lab, tcp=True)


# -- the transport -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error"),
    [("tcp-refused", ConnectionRefusedError), ("tcp-timeout", TimeoutError), ("tcp-unreachable", OSError)],
)
def test_a_connection_fails_as_the_fault_says(name: str, error: type[OSError]) -> None:
    if not find(name).available():
        pytest.skip(find(name).unavailable_because())
    with Lab(name) as lab:
        url = urlsplit(lab.variables["ANTHROPIC_BASE_URL"])
        with pytest.raises(error) as raised:
            socket.create_connection((url.hostname, url.port or 0), SHORT_S if name == "tcp-timeout" else LONG_S)
    assert isinstance(raised.value, TimeoutError) == (name == "tcp-timeout")


@pytest.mark.parametrize(("name", "dead"), [("ipv6-broken", "::1"), ("address-dead", "127.0.0.2")])
def test_one_address_of_two_is_dead_and_the_other_works(name: str, dead: str) -> None:
    if not find(name).available():
        pytest.skip(find(name).unavailable_because())
    with Lab(name) as lab:
        assert dead in addresses(ask(lab, "localhost", "AAAA" if ":" in dead else "A"))
        with pytest.raises(TimeoutError):
            socket.create_connection((dead, port_of(lab)), SHORT_S)
        with http(lab) as client:
            assert client.get("/v1/models").status_code == 200
