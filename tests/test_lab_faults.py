"""Each fault of the lab as its client sees it: handshakes, proxies, answers, and environments under the real SDK."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from claudecheck.failures import Stage
from claudecheck.lab import FAULTS, Lab
from claudecheck.lab.parts import API_NAME, CONTROL_NAME
from tests.lab_client import (
    LONG_S,
    SHORT_S,
    clean,
    handshake,
    http,
    message_body,
    patience,
    port_of,
    proxy_port_of,
    trust_of,
)

TLS_CODES = {
    # OpenSSL's X509_V_ERR_…, as the `verify_code` of Python's exception.
    "tls-intercepted": 20,
    "tls-intercepted-antivirus": 20,
    "tls-untrusted-issuer": 20,
    "ca-file-incomplete": 20,
    "tls-incomplete-chain": 20,
    "tls-self-signed": 18,
    "tls-expired": 10,
    "tls-not-yet-valid": 9,
    "tls-clock-wrong": 9,
    "tls-hostname-mismatch": 62,
    "tls-weak-certificate": 66,
}
FIRST_BYTES = {
    "tls-not-tls": b"HTTP/1.1 400",
    "tls-not-tls-ssh": b"SSH-2.0-OpenSSH",
    "tls-version-unsupported": b"\x16\x03\x01",
    "tls-version-unsupported-alert": b"\x15\x03\x03\x00\x02\x02\x46",
    "tls-handshake-refused": b"\x15\x03\x03\x00\x02\x02\x28",
    "tls-handshake-refused-name": b"\x15\x03\x03\x00\x02\x02\x70",
    "unknown": b"\x16\x03\x03",
    "tls-reset-close": b"",
}


def client_hello(name: str) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def reply_to(hello: bytes, port: int, limit_s: float = LONG_S) -> bytes:
    """The first bytes that come back."""
    with socket.create_connection(("127.0.0.1", port), LONG_S) as sock:
        sock.settimeout(limit_s)
        sock.sendall(hello)
        return sock.recv(4096)


# -- TLS ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "code"), TLS_CODES.items())
def test_a_certificate_is_refused_for_its_own_reason_and_no_key_is_sent(name: str, code: int) -> None:
    with Lab(name) as lab:
        with pytest.raises(ssl.SSLCertVerificationError) as refused, handshake(lab):
            pass
        with pytest.raises(httpx.ConnectError), http(lab) as client:
            client.get("/v1/models")
    assert refused.value.verify_code == code
    assert lab.requests == []


def test_a_whole_store_trusts_what_the_one_root_of_a_company_does_not() -> None:
    with Lab("ca-file-incomplete") as lab:
        context = ssl.create_default_context(capath=lab.variables["SSL_CERT_DIR"])
        with (
            socket.create_connection(("127.0.0.1", port_of(lab)), LONG_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["healthy", "tls-intercepted-trusted", "healthy-proxy-tls"])
def test_what_is_proper_passes_the_strict_checks_of_new_pythons(name: str) -> None:
    with Lab(name) as lab, handshake(lab, strict=True) as secure:
        assert secure.selected_alpn_protocol() == "http/1.1"


def test_a_sloppy_authority_is_accepted_until_somebody_is_strict() -> None:
    with Lab("tls-strict-certificate") as lab:
        context = trust_of(lab)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with (
            socket.create_connection(("127.0.0.1", port_of(lab)), LONG_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            pass
        with pytest.raises(ssl.SSLCertVerificationError), handshake(lab, strict=True):
            pass


def test_an_inspected_certificate_names_the_product_that_signed_it() -> None:
    with Lab("tls-intercepted-trusted") as lab, handshake(lab) as secure:
        certificate = secure.getpeercert() or {}
    assert (("commonName", "Zscaler Intermediate Root CA (zscaler.net) (t)"),) in certificate["issuer"]


@pytest.mark.parametrize(("name", "start"), FIRST_BYTES.items())
def test_a_hello_is_answered_with_what_the_fault_says(name: str, start: bytes) -> None:
    with Lab(name) as lab:
        reply = reply_to(client_hello("localhost"), port_of(lab))
    assert reply.startswith(start)
    assert bool(reply) == bool(start)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("tls-reset", ConnectionResetError),
        ("tls-timeout", TimeoutError),
        ("tls-name-filtered", ConnectionResetError),
        ("tls-name-filtered-silence", TimeoutError),
        ("tls-hello-dropped", TimeoutError),
    ],
)
def test_a_hello_is_not_answered(name: str, error: type[OSError]) -> None:
    with Lab(name) as lab, pytest.raises(error):
        reply_to(client_hello("localhost"), port_of(lab), SHORT_S if error is TimeoutError else LONG_S)


@pytest.mark.parametrize("name", ["tls-name-filtered", "tls-name-filtered-silence"])
def test_a_filter_lets_other_names_through_and_none_at_all(name: str) -> None:
    with Lab(name) as lab:
        for other in ("www.example.com", "127.0.0.1"):
            assert reply_to(client_hello(other), port_of(lab)).startswith(b"\x16\x03\x03")


def test_a_small_hello_gets_through_where_a_large_one_vanishes() -> None:
    with Lab("tls-hello-dropped") as lab:
        small = b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"  # too short to be understood, so it is refused
        assert reply_to(small, port_of(lab)).startswith(b"\x15")


def test_a_client_without_a_certificate_is_sent_away_by_an_alert() -> None:
    with (
        Lab("tls-client-certificate-required") as lab,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.required|handshake.failure"),
        handshake(lab) as secure,
    ):
        secure.recv(1)


def test_all_clocks_but_this_machines_agree_when_its_clock_is_wrong() -> None:
    with Lab("tls-clock-wrong") as lab, httpx.Client(trust_env=False) as client:
        ahead = client.get(f"http://{lab.control}/").headers["date"]
    with Lab("tls-not-yet-valid") as lab, httpx.Client(trust_env=False) as client:
        right = client.get(f"http://{lab.control}/").headers["date"]
    assert ahead[5:16] != right[5:16]


# -- proxies -----------------------------------------------------------------------------------------


def connect(lab: Lab, target: str, *headers: str) -> str:
    """The proxy's whole answer to CONNECT."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", proxy_port_of(lab)), LONG_S) as sock:
        sock.sendall("\r\n".join(lines).encode())
        return sock.recv(65536).decode("latin-1")


@pytest.mark.parametrize(
    ("name", "first", "control", "holds"),
    [
        ("healthy-proxy", "200", "200", ""),
        ("proxy-auth-required", "407", "407", 'proxy-authenticate: Basic realm="lab proxy"'),
        ("proxy-auth-unsupported", "407", "407", "proxy-authenticate: NTLM"),
        ("proxy-denied", "403", "200", "x-squid-error: ERR_ACCESS_DENIED"),
        ("proxy-upstream-failed", "503", "200", "ERR_CONNECT_FAIL"),
        ("proxy-upstream-failed-502", "502", "200", "ERR_CANNOT_FORWARD"),
        ("proxy-upstream-failed-504", "504", "200", "squid"),
        ("proxy-not-a-proxy-web", "405", "405", "server: nginx"),
    ],
)
def test_a_proxy_answers_connect_as_its_fault_says(name: str, first: str, control: str, holds: str) -> None:
    with Lab(name) as lab:
        answer = connect(lab, f"{API_NAME}:{port_of(lab)}")
        assert connect(lab, f"{CONTROL_NAME}:{lab.control.split(':')[1]}").split()[1] == control
    assert answer.split()[1] == first
    assert holds in answer
    assert [request.method for request in lab.requests] == ["CONNECT", "CONNECT"]


def test_a_proxy_reaches_nothing_outside_of_its_lab() -> None:
    with Lab("healthy-proxy") as lab:
        for target in ("api.anthropic.com:443", "127.0.0.1:22", f"example.com:{port_of(lab)}"):
            assert connect(lab, target).split()[1] == "503"


def test_a_proxys_password_is_checked() -> None:
    with Lab("healthy-proxy-auth") as lab:
        target = f"{API_NAME}:{port_of(lab)}"
        assert connect(lab, target).split()[1] == "407"
        assert connect(lab, target, "Proxy-Authorization: Basic bGFiOnBhc3Mtd29yZA==").split()[1] == "200"


@pytest.mark.parametrize(
    ("name", "reply"), [("healthy-socks", 0), ("proxy-denied-socks", 2), ("proxy-upstream-failed-socks", 4)]
)
def test_a_socks_proxy_replies_as_its_fault_says(name: str, reply: int) -> None:
    with Lab(name) as lab:
        for host, port, expected in (
            (API_NAME, port_of(lab), reply),
            (CONTROL_NAME, int(lab.control.split(":")[1]), 0),
            ("example.com", 443, 4),
        ):
            with socket.create_connection(("127.0.0.1", proxy_port_of(lab)), LONG_S) as sock:
                sock.sendall(b"\x05\x01\x00")
                assert sock.recv(2) == b"\x05\x00"
                sock.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big"))
                assert sock.recv(10)[1] == expected


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("proxy-refused", httpx.ConnectError),
        ("proxy-tls-failed", httpx.ConnectError),
        ("proxy-tls-failed-certificate", httpx.ConnectError),
        ("proxy-not-a-proxy", httpx.RemoteProtocolError),
        ("proxy-not-a-proxy-ssh", httpx.RemoteProtocolError),
        ("proxy-auth-required-wrong", httpx.ProxyError),
        ("tls-intercepted-proxy", httpx.ConnectError),
        ("proxy-timeout", httpx.ReadTimeout),
        ("proxy-timeout-connect", httpx.ConnectTimeout),
        ("proxy-unreachable", httpx.ConnectError),
    ],
)
def test_no_request_gets_through_a_proxy_that_is_at_fault(name: str, error: type[httpx.HTTPError]) -> None:
    fault = next(known for known in FAULTS if known.name == name)
    if not fault.available():
        pytest.skip(fault.unavailable_because())
    with Lab(name) as lab, http(lab) as client, pytest.raises(error):
        client.get("/v1/models", timeout=patience(error))
    assert [request for request in lab.requests if request.server == "api"] == []


# -- answers -----------------------------------------------------------------------------------------

ANSWERS = [
    # fault, path, status, `error.type` of the API's own shape, is there a request-id
    ("captive-portal", "models", 302, "", False),
    ("captive-portal-page", "models", 200, "", False),
    ("block-page", "models", 403, "", False),
    ("not-the-api", "messages", 404, "", False),
    ("not-the-api-vendor", "models", 200, "", False),
    ("gateway-error", "messages", 502, "", False),
    ("gateway-error-503", "models", 503, "", False),
    ("gateway-error-edge", "models", 502, "", False),
    ("request-forbidden", "models", 403, "forbidden", False),
    ("edge-challenge", "models", 403, "", False),
    ("models-not-served", "models", 404, "", False),
    ("models-not-served", "messages", 200, "", False),
    ("header-scheme", "models", 401, "auth_error", False),
    ("key-invalid", "models", 401, "authentication_error", True),
    ("permission-denied", "models", 403, "permission_error", True),
    ("organization-disabled", "messages", 400, "invalid_request_error", True),
    ("model-not-available", "messages", 404, "not_found_error", True),
    ("credit-exhausted", "messages", 400, "invalid_request_error", True),
    ("credit-exhausted-402", "messages", 402, "billing_error", True),
    ("request-too-large", "messages", 413, "", False),
    ("rate-limited", "messages", 429, "rate_limit_error", True),
    ("spend-limit-reached", "messages", 429, "rate_limit_error", True),
    ("api-error", "messages", 500, "api_error", True),
    ("api-timeout", "messages", 504, "timeout_error", True),
    ("api-unavailable", "messages", 503, "api_error", True),
    ("api-overloaded", "messages", 529, "overloaded_error", True),
    ("api-overloaded", "models", 200, "", True),
    ("response-malformed", "models", 200, "", False),
]


@pytest.mark.parametrize(("name", "path", "status", "kind", "from_api"), ANSWERS)
def test_an_answer_has_the_shape_of_who_seems_to_send_it(
    name: str, path: str, status: int, kind: str, from_api: bool
) -> None:
    with Lab(name) as lab, http(lab) as client:
        answer = client.get("/v1/models") if path == "models" else client.post("/v1/messages", json=message_body())
    assert answer.status_code == status
    assert ("request-id" in answer.headers) == from_api
    if kind:
        document = answer.json()
        assert document["error"]["type"] == kind
        assert document.get("request_id") == answer.headers.get("request-id")


def test_limits_say_when_to_come_back_or_that_it_is_no_use() -> None:
    with Lab("rate-limited") as lab, http(lab) as client:
        soon = client.post("/v1/messages", json=message_body())
    with Lab("spend-limit-reached") as lab, http(lab) as client:
        never = client.post("/v1/messages", json=message_body())
    assert soon.headers["retry-after"] == "37"
    assert "retry-after" not in never.headers
    assert never.json()["error"]["details"]["error_code"] == "enforced_spend_limit_reached"


@pytest.mark.parametrize(
    ("name", "path", "error"),
    [
        ("response-timeout", "models", httpx.ReadTimeout),
        ("response-timeout-message", "messages", httpx.ReadTimeout),
        ("response-cut", "models", httpx.RemoteProtocolError),
        ("response-cut-reset", "models", httpx.HTTPError),
        ("response-cut-early", "models", httpx.RemoteProtocolError),
        ("response-cut-message", "messages", httpx.RemoteProtocolError),
    ],
)
def test_an_answer_does_not_come_whole(name: str, path: str, error: type[Exception]) -> None:
    body = None if path == "models" else message_body()
    with Lab(name) as lab, http(lab) as client, pytest.raises(error):
        client.request("POST" if body else "GET", f"/v1/{path}", json=body, timeout=patience(error))
    assert [request.path for request in lab.requests] == [f"/v1/{path}"]


def test_one_variable_changed_gets_through_where_a_filter_is_at_fault() -> None:
    with Lab("user-agent-filtered") as lab, http(lab, **{"user-agent": "Anthropic/Python 2.11.0"}) as client:
        assert client.get("/v1/models").status_code == 403
        assert client.get("/v1/models", headers={"user-agent": "curl/8"}).status_code == 200
    with Lab("sdk-differs") as lab, http(lab) as client:
        assert client.get("/v1/models", headers={"X-Stainless-Lang": "python"}).status_code == 403
        assert client.get("/v1/models").status_code == 200
    with Lab("header-scheme") as lab, http(lab) as client:
        key = client.headers.pop("authorization").removeprefix("Bearer ")
        assert client.get("/v1/models", headers={"x-api-key": key}).status_code == 200


def test_size_and_streaming_decide_where_they_are_at_fault() -> None:
    with Lab("large-request-dropped") as lab, http(lab) as client:
        assert client.post("/v1/messages", json=message_body()).status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/messages", json=message_body(system="x" * 16384), timeout=patience(httpx.ReadTimeout))
    with Lab("stream-blocked") as lab, http(lab) as client:
        assert client.post("/v1/messages", json=message_body()).status_code == 200
        assert client.post("/v1/messages", json=message_body(stream=True)).status_code == 502
    with Lab("idle-cut") as lab, http(lab) as client:
        assert client.post("/v1/messages", json=message_body(stream=True)).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/v1/messages", json=message_body())


# -- the environment, as the real SDK takes it ---------------------------------------------------------

#: What the SDK 2.x says when it is built, or when it sends its first request.
SDK_SAYS = {
    "key-missing": "TypeError: .*Could not resolve authentication method",
    "key-malformed": "LocalProtocolError: Illegal header value",
    "key-wrong-kind": "AuthenticationError",
    "profile-invalid": "FileNotFoundError: .*configs/work.json",
    "login-failed": r"WorkloadIdentityError: Token exchange failed \(HTTP 401\)",
    "base-url-invalid": "UnsupportedProtocol",
    "base-url-invalid-empty": "UnsupportedProtocol",
    "base-url-path": "NotFoundError",
    "custom-headers-invalid": "LocalProtocolError: Illegal header name",
    "proxy-url-invalid": "InvalidURL: Invalid port: 'port'",
    "proxy-url-invalid-password": "InvalidURL: Invalid port: 'pass'",
    "proxy-scheme-unsupported": "ValueError: Unknown scheme for proxy URL",
    "no-proxy-invalid": "InvalidURL: Invalid port",
    "no-proxy-invalid-brackets": "InvalidURL: Invalid port",
    "ca-file-missing": "FileNotFoundError",
    "ca-file-invalid": "SSLError: .*NO_CERTIFICATE_OR_CRL_FOUND",
    "ca-file-invalid-empty": "SSLError: .*NO_CERTIFICATE_OR_CRL_FOUND",
    "beta-header-refused": "BadRequestError: .*anthropic-beta",
    "cors-refused": "AuthenticationError: .*CORS",
    "credential-conflict": "fine",
    "provider-route": "fine",
    "proxy-variables-conflict": "fine",
    "ca-variable-ignored": "fine",
    "verification-disabled": "fine",
}
#: Reads one environment a line; answers with what the SDK raised in it, one line each.
SDK_SCRIPT = """
import json, os, sys
import anthropic
for line in sys.stdin:
    os.environ.clear()
    os.environ.update(json.loads(line))
    said = "fine"
    try:
        with anthropic.Anthropic(max_retries=0, timeout=5) as client:
            client.models.list()
    except Exception as error:
        while error.__cause__ is not None:
            error = error.__cause__
        said = type(error).__name__ + ": " + str(error).replace("\\n", " ")
    print(said, flush=True)
"""


@pytest.mark.slow
def test_the_sdk_stumbles_over_an_environment_as_the_fault_says() -> None:
    said = {}
    command = [sys.executable, "-c", SDK_SCRIPT]
    with Lab() as lab:
        variables = clean(lab)
    with subprocess.Popen(
        command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as sdk:
        assert sdk.stdin is not None
        assert sdk.stdout is not None
        for name in SDK_SAYS:
            with Lab(name) as lab:
                sdk.stdin.write(json.dumps(clean(lab)) + "\n")
                sdk.stdin.flush()
                said[name] = sdk.stdout.readline().strip()
    assert {name: text for name, text in said.items() if not re.match(SDK_SAYS[name], text)} == {}


@pytest.mark.skipif(os.name == "nt", reason="a virtual environment without a copy of Python needs a symbolic link")
@pytest.mark.parametrize(
    ("name", "words"), [("sdk-missing", "No module named 'anthropic'"), ("sdk-broken", "cannot import name 'Omit'")]
)
def test_an_interpreter_has_no_sdk_that_works(name: str, words: str) -> None:
    with Lab(name) as lab:
        python = Path(lab.variables["VIRTUAL_ENV"], "bin", "python3")
        done = subprocess.run(
            [python, "-c", "import anthropic"], env=clean(lab), capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert words in done.stderr


def test_a_fault_of_the_environment_has_a_healthy_network_behind_it() -> None:
    for fault in FAULTS:
        if fault.layer is Stage.ENVIRONMENT and fault.available():
            assert fault.setup.handshake == "proper"
            assert fault.setup.certificate == "proper"
            assert set(fault.setup.listens.values()) == {"open"}
