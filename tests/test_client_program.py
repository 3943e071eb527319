"""curl and Node, sending a request as the clients do: what they see, where they stop, and what stays with them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from claudecheck.clients.node import Node
from claudecheck.clients.registry import named
from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.lab import Lab
from claudecheck.lab.lab import KEY
from claudecheck.machine import child, environment
from claudecheck.observations import Clock, HttpExchange
from claudecheck.probes.api import bodies, http
from claudecheck.probes.senders import curl_program, node_program, sender
from claudecheck.probes.walk import Walk
from claudecheck.route import ClientName, Credential, Endpoint, Route, Secret
from tests import doctor, probe_peers
from tests.installed_clients import NODES, NPM_SDKS, version_of

CURL, NODE = shutil.which("curl"), shutil.which("node")
NEEDED: Mapping[str, str | None] = {"curl": CURL, "node": NODE, "typescript": NODE, "claude-code": NODE}
MODELS = http.Request(stage="models", step="models", path="/v1/models?limit=100")
POSIX = pytest.mark.skipif(os.name == "nt", reason="a shell script is run")
LONG_S = 15.0  # only a hang reaches it
OTHER_KEY = "sk-ant-api03-" + "in-the-route-and-in-no-variable-" * 2 + "AA"


def needs(*clients: str) -> pytest.MarkDecorator:
    missing = [client for client in clients if NEEDED[client] is None]
    return pytest.mark.skipif(bool(missing), reason=f"nothing installed for {', '.join(missing)}")


def each(*clients: str, slow: str = "") -> pytest.MarkDecorator:
    """A test for every client; for `slow` only where time is no matter."""
    chosen = [pytest.param(client, marks=needs(client)) for client in clients]
    rest = [pytest.param(slow, marks=[needs(slow), pytest.mark.slow])] if slow else []
    return pytest.mark.parametrize("client", chosen + rest)


@pytest.fixture(scope="module")
def installed() -> Snapshot:
    """Of this machine only its programs."""
    return environment.with_programs(environment.read({"PATH": os.environ.get("PATH", "")}))


def trusting(lab: Lab, **more: str) -> dict[str, str]:
    """The lab's variables, with its root where curl and where Node look."""
    told = {"PATH": os.environ.get("PATH", ""), "HOME": "/nowhere", **lab.variables}
    if "SSL_CERT_FILE" in told:
        told["NODE_EXTRA_CA_CERTS"] = told["SSL_CERT_FILE"]
    return {**told, **more}


def surveyed(installed: Snapshot, variables: Mapping[str, str], **programs: Program) -> Snapshot:
    found = environment.read(variables)
    return replace(found, programs={**installed.programs, **programs}, bundled_roots=installed.bundled_roots)


def send(
    client: ClientName,
    snapshot: Snapshot,
    request: http.Request = MODELS,
    *,
    limit_s: float = LONG_S,
    route: Route | None = None,
) -> tuple[HttpExchange, Walk]:
    planned = route or named(client).plan(snapshot, None).route
    program = sender.find(client, snapshot)
    assert planned is not None
    assert program is not None
    walk = Walk(planned, JournalWriter(Deadline(60), environment.secrets(snapshot)))
    return program.exchange(walk, request, limit_s), walk


def said_to_api(lab: Lab) -> list[Mapping[str, str]]:
    return [request.headers for request in lab.requests if request.server == "api"]


#: Does what the real one does with the options that it is given, in a few lines.
FAKE_SDK = """
module.exports = class {
  constructor({ fetch, maxRetries }) { Object.assign(this, { fetch, maxRetries, models: { list: () => this.ask() } }) }
  async ask() {
    const authorization = `Bearer ${process.env.ANTHROPIC_API_KEY}`
    const headers = { authorization, "anthropic-version": "2026-10-21", "x-sdk": String(this.maxRetries) }
    const response = await this.fetch(`${process.env.ANTHROPIC_BASE_URL}/v1/models?limit=100`, { headers })
    const text = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${text}`)
    return JSON.parse(text)
  }
}
"""


@pytest.fixture
def sdk(tmp_path: Path) -> Program:
    (tmp_path / "index.js").write_text(FAKE_SDK)
    return Program(str(tmp_path), "1.12.0")


# -- answers -----------------------------------------------------------------------------------------


@each("curl", "node", "claude-code")
def test_a_healthy_answer_is_told_whole(client: ClientName, installed: Snapshot) -> None:
    with Lab("healthy") as lab:
        seen, walk = send(client, surveyed(installed, trusting(lab)))
    assert (seen.failure, seen.status, seen.shape, seen.phase) == (None, 200, "model-list", "")
    assert seen.authenticated
    assert seen.request_id.startswith("req_")
    assert {"dns+tcp", "tls", "wait"} <= set(seen.phases)
    assert said_to_api(lab)[0].get("x-api-key") == KEY
    assert walk.writer.journal().first(Clock) is not None
    assert seen in walk.writer.journal().observations


@each("curl", "claude-code", slow="node")
def test_a_message_goes_the_same_way(client: ClientName, installed: Snapshot) -> None:
    with Lab("healthy") as lab:
        request = bodies.message_request("claude-haiku-5-5", stream=False)
        seen, _ = send(client, surveyed(installed, trusting(lab)), request)
    assert (seen.failure, seen.shape, seen.output_tokens) == (None, "message", 1)
    assert seen.sent_bytes == len(request.body)


@each("curl", "node", "claude-code")
def test_no_redirect_is_followed(client: ClientName, installed: Snapshot) -> None:
    with Lab("captive-portal") as lab:
        seen, _ = send(client, surveyed(installed, trusting(lab)))
    assert (seen.status, seen.failure) == (302, Failure.STATUS)
    assert seen.location
    assert len(lab.requests) == 1


def says_much(connection: socket.socket) -> None:
    probe_peers.read_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * (3 * http.LONGEST_ANSWER))


@each("curl", "claude-code", slow="node")
def test_an_answer_without_end_is_cut_at_its_greatest_length(client: ClientName, installed: Snapshot) -> None:
    with probe_peers.peer(says_much) as port:
        variables = {"PATH": os.environ.get("PATH", ""), "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}"}
        seen, _ = send(client, surveyed(installed, variables))
    assert (seen.status, seen.failure) == (200, Failure.MALFORMED)
    assert 0.9 * http.LONGEST_ANSWER < seen.body_bytes < 1.2 * http.LONGEST_ANSWER


# -- failures ----------------------------------------------------------------------------------------

#: Of the lab: what is seen, and in which phase it stopped.
FAULTS: Mapping[str, tuple[Failure, str]] = {
    "tcp-refused": (Failure.REFUSED, "dns+tcp"),
    "tls-untrusted-issuer": (Failure.UNTRUSTED_ISSUER, "tls"),
    "tls-self-signed": (Failure.SELF_SIGNED, "tls"),
    "tls-expired": (Failure.EXPIRED, "tls"),
    "tls-not-yet-valid": (Failure.NOT_YET_VALID, "tls"),
    "tls-hostname-mismatch": (Failure.HOSTNAME_MISMATCH, "tls"),
    "tls-reset": (Failure.RESET, "tls"),
    "tls-reset-close": (Failure.CLOSED, "tls"),
    "tls-not-tls": (Failure.NOT_TLS, "tls"),
    "tls-version-unsupported-alert": (Failure.VERSION_UNSUPPORTED, "tls"),
    "tls-handshake-refused": (Failure.ALERT, "tls"),
    "tls-handshake-refused-name": (Failure.ALERT, "tls"),
    "response-cut-early": (Failure.CLOSED, "wait"),
    "response-cut": (Failure.CUT, "body"),
    "response-cut-reset": (Failure.CUT, "body"),
    "captive-portal-page": (Failure.MALFORMED, ""),
    "response-malformed-json": (Failure.MALFORMED, ""),
    "block-page": (Failure.STATUS, ""),
}
PROXY_FAULTS: Mapping[str, tuple[Failure | None, str]] = {
    "healthy-proxy": (None, ""),
    "healthy-proxy-auth": (None, ""),
    "tls-intercepted-proxy": (Failure.UNTRUSTED_ISSUER, "tls"),
    "proxy-name-not-found": (Failure.NAME_NOT_FOUND, "dns+tcp"),
    "proxy-refused": (Failure.REFUSED, "dns+tcp"),
    "proxy-not-a-proxy": (Failure.CLOSED, "proxy"),
    "proxy-not-a-proxy-ssh": (Failure.NOT_A_PROXY, "proxy"),
    "proxy-auth-required": (Failure.PROXY_AUTH_REQUIRED, "proxy"),
    "proxy-denied": (Failure.PROXY_DENIED, "proxy"),
    "proxy-upstream-failed": (Failure.PROXY_UPSTREAM_FAILED, "proxy"),
    "proxy-tls-failed": (Failure.NOT_TLS, "proxy"),
}
#: Node takes five times as long as curl to start: of its cases a few are tried every day.
DAILY = {"tcp-refused", "tls-expired", "response-cut-early", "healthy-proxy-auth", "proxy-auth-required"}


def cases() -> Iterator[Any]:
    """(client, fault, failure, phase). No fetch of Node before 22.21 takes a proxy from the environment."""
    for client in ("curl", "node", "claude-code"):
        for fault, (failure, phase) in (FAULTS if client == "node" else {**FAULTS, **PROXY_FAULTS}).items():
            daily = client == "curl" or fault in DAILY
            marks = [needs(client)] if daily else [needs(client), pytest.mark.slow]
            yield pytest.param(client, fault, failure, phase, marks=marks, id=f"{client}-{fault}")


@pytest.mark.parametrize(("client", "fault", "failure", "phase"), list(cases()))
def test_a_program_tells_why_and_where_it_stopped(
    client: ClientName, fault: str, failure: Failure | None, phase: str, installed: Snapshot
) -> None:
    with Lab(fault) as lab:
        seen, _ = send(client, surveyed(installed, trusting(lab)))
    assert (seen.failure, seen.phase) == (failure, phase), seen
    assert seen.error or failure in (None, Failure.STATUS, Failure.MALFORMED)
    assert KEY not in msgspec.json.encode(seen).decode()


@each("curl", "claude-code", slow="node")
def test_a_silent_peer_costs_the_limit_and_no_more(client: ClientName, installed: Snapshot) -> None:
    with Lab("tls-timeout") as lab:
        snapshot = surveyed(installed, trusting(lab))
        started = time.monotonic()
        seen, _ = send(client, snapshot, limit_s=1.2)
        took = time.monotonic() - started
    assert seen.failure is Failure.TIMED_OUT
    assert took < 10  # the machine may be loaded; a silence has no end


@POSIX
@pytest.mark.parametrize("client", ["curl", "node"])
def test_a_program_that_hangs_is_ended(client: ClientName, installed: Snapshot, tmp_path: Path) -> None:
    hanging = Program(str(script(tmp_path / client, "exec sleep 60\n")), "1.0.0")
    seen, _ = send(client, surveyed(installed, {"PATH": os.environ["PATH"]}, **{client: hanging}), limit_s=0.3)
    assert seen.failure is Failure.TIMED_OUT


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_program_that_is_gone_did_not_send_anything(installed: Snapshot) -> None:
    for client in ("curl", "node"):
        seen, _ = send(client, surveyed(installed, {}, **{client: Program("/gone", "1.0.0")}))
        assert seen.failure is Failure.CLIENT_REFUSED
        assert "/gone" in seen.error


@needs("node")
def test_a_node_that_does_not_start_says_why(installed: Snapshot) -> None:
    with Lab("healthy") as lab:
        variables = trusting(lab, NODE_OPTIONS="--no-such-option")
        seen, _ = send("node", surveyed(installed, variables))
        as_claude_code, _ = send("claude-code", surveyed(installed, variables))
    assert (seen.failure, seen.phase) == (Failure.CLIENT_REFUSED, "construct")
    assert "NODE_OPTIONS" in seen.error
    assert as_claude_code.ok  # which brings its own runtime


@needs("node")
def test_what_a_preloaded_module_prints_is_not_taken_for_the_answer(installed: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "noise.js").write_text("console.log('{\"event\": \"noise\"}'); console.log('hello')\n")
    with Lab("healthy") as lab:
        variables = trusting(lab, NODE_OPTIONS=f"--require {tmp_path / 'noise.js'}")
        seen, _ = send("node", surveyed(installed, variables))
    assert seen.ok


# -- secrets -----------------------------------------------------------------------------------------


@POSIX
@each("curl", "node", "claude-code")
def test_a_key_stands_neither_in_the_arguments_nor_in_the_environment(
    client: ClientName, installed: Snapshot, tmp_path: Path
) -> None:
    program = "curl" if client == "curl" else "node"
    told = tmp_path / "told"
    spy = script(tmp_path / program, f'{{ echo "$@"; env; }} > {told}\nexec {NEEDED[client]} "$@"\n')
    with Lab("healthy") as lab:
        known = installed.programs[program]
        snapshot = surveyed(installed, trusting(lab), **{program: Program(str(spy), known.version)})
        planned = named(client).plan(snapshot, None).route
        assert planned is not None
        secret = Credential("api-key", "a test", Secret(OTHER_KEY), header="x-api-key")
        send(client, snapshot, route=replace(planned, credential=secret))
    assert said_to_api(lab)[0].get("x-api-key") == OTHER_KEY
    assert OTHER_KEY not in told.read_text()
    assert KEY not in told.read_text()


@each("curl", "claude-code")
def test_a_proxys_password_is_not_told(client: ClientName, installed: Snapshot) -> None:
    with Lab("proxy-auth-required-wrong") as lab:
        password = lab.variables["HTTPS_PROXY"].partition("@")[0].rpartition(":")[2]
        seen, walk = send(client, surveyed(installed, trusting(lab)))
    assert seen.failure is Failure.PROXY_AUTH_REQUIRED
    assert password
    assert password not in msgspec.json.encode(list(walk.writer.journal().observations)).decode()


@each("typescript", "claude-code")
def test_no_credential_leaves_where_verification_is_switched_off(
    client: ClientName, installed: Snapshot, sdk: Program
) -> None:
    headers = f"x-team: {KEY}"
    with Lab("tls-untrusted-issuer") as lab:
        off = trusting(lab, NODE_TLS_REJECT_UNAUTHORIZED="0", ANTHROPIC_CUSTOM_HEADERS=headers)
        seen, _ = send(client, surveyed(installed, off, typescript=sdk))
    assert seen.status == 401
    assert not seen.authenticated
    assert not {"x-api-key", "authorization", "x-team"} & set(said_to_api(lab)[0])


@needs("curl")
def test_a_curlrc_does_not_switch_verification_off(installed: Snapshot, tmp_path: Path) -> None:
    (tmp_path / ".curlrc").write_text("insecure\n")
    with Lab("tls-untrusted-issuer") as lab:
        seen, _ = send("curl", surveyed(installed, trusting(lab, HOME=str(tmp_path))))
    assert seen.failure is Failure.UNTRUSTED_ISSUER
    assert not lab.requests


@needs("curl")
def test_a_header_with_a_line_break_is_not_sent(installed: Snapshot) -> None:
    with Lab("healthy") as lab:
        seen, _ = send("curl", surveyed(installed, trusting(lab, ANTHROPIC_API_KEY=f"{KEY}\nx: y")))
    assert (seen.failure, lab.requests) == (Failure.CLIENT_REFUSED, [])


@each("curl", "typescript", "claude-code")
def test_a_trial_carries_no_credential(client: ClientName, installed: Snapshot, sdk: Program) -> None:
    trial = http.Request(stage="models", step="trial", path="/v1/models", authenticated=False)
    with Lab("healthy") as lab:
        variables = trusting(lab, ANTHROPIC_CUSTOM_HEADERS=f"x-team: {KEY}")
        seen, _ = send(client, surveyed(installed, variables, typescript=sdk), trial)
    assert (seen.status, seen.authenticated) == (401, False)
    assert not {"x-api-key", "authorization", "x-team"} & set(said_to_api(lab)[0])


# -- rules of the clients ----------------------------------------------------------------------------


@each("curl", "claude-code", slow="node")
def test_a_route_of_one_family_is_kept(client: ClientName, installed: Snapshot) -> None:
    with probe_peers.peer(probe_peers.says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as port:
        snapshot = surveyed(installed, {"PATH": os.environ["PATH"]})
        route = Route(client=client, endpoint=Endpoint("http", "localhost", port))
        four, _ = send(client, snapshot, route=replace(route, family="ipv4"))
        six, _ = send(client, snapshot, route=replace(route, family="ipv6"))
    assert four.status == 200
    # Where localhost has no IPv6 address, Node finds none, and curl takes ::1 all the same.
    assert six.failure in (Failure.REFUSED, Failure.NAME_NOT_FOUND, Failure.NO_ADDRESS, Failure.UNREACHABLE)


@needs("claude-code")
def test_claude_codes_settings_files_come_before_the_shell(installed: Snapshot, tmp_path: Path) -> None:
    with Lab("healthy-proxy") as lab:
        given = trusting(lab, HOME=str(tmp_path))
        moved = {name: given.pop(name) for name in ("HTTPS_PROXY", "NODE_EXTRA_CA_CERTS")}
        (tmp_path / ".claude").mkdir()
        (tmp_path / ".claude" / "settings.json").write_text(json.dumps({"env": moved}))
        given["https_proxy"] = ""
        seen, _ = send("claude-code", surveyed(installed, given))
    assert seen.ok, seen
    assert [request.method for request in lab.requests if request.server == "proxy"] == ["CONNECT"]


@needs("claude-code")
@pytest.mark.parametrize(
    ("stores", "failure"), [("", None), ("system", None), ("bundled", Failure.UNTRUSTED_ISSUER)], ids=str
)
def test_claude_code_trusts_the_stores_that_it_is_told_to(
    stores: str, failure: Failure | None, installed: Snapshot
) -> None:
    with Lab("healthy") as lab:
        given = trusting(lab, CLAUDE_CODE_CERT_STORE=stores)
        root = given.pop("NODE_EXTRA_CA_CERTS")
        seen, _ = send("claude-code", replace(surveyed(installed, given), system_store=root))
    assert seen.failure is failure


@needs("typescript")
@pytest.mark.parametrize(
    ("fault", "status", "failure"),
    [
        ("healthy", 200, None),
        ("captive-portal", 302, Failure.STATUS),
        ("tls-expired", 0, Failure.EXPIRED),
        pytest.param("key-invalid", 401, Failure.STATUS, marks=pytest.mark.slow),
        pytest.param("response-malformed-json", 200, Failure.MALFORMED, marks=pytest.mark.slow),
    ],
)
def test_an_installed_sdk_sends_the_request_itself(
    fault: str, status: int, failure: Failure | None, installed: Snapshot, sdk: Program
) -> None:
    with Lab(fault) as lab:
        seen, _ = send("typescript", surveyed(installed, trusting(lab), typescript=sdk))
    assert (seen.status, seen.failure) == (status, failure)
    assert seen.client.startswith("TypeScript SDK 1.12.0 on Node ")
    assert [headers.get("x-sdk") for headers in said_to_api(lab)] == (["0"] if status else [])


@pytest.mark.parametrize(
    ("changed", "authenticated", "way"),
    [
        ({}, True, "sdk"),
        ({}, False, "fetch"),
        ({"endpoint": Endpoint(host="gateway.example.test")}, True, "fetch"),
        ({"endpoint": Endpoint("http", "gateway.example.test", 80)}, True, "fetch"),
        ({"credential": Credential("api-key", "a test", Secret(OTHER_KEY))}, True, "fetch"),
        ({"credential": Credential()}, True, "fetch"),
    ],
)
def test_the_sdk_is_asked_only_for_the_route_that_it_would_take_itself(
    changed: dict[str, Any], authenticated: bool, way: str
) -> None:
    programs = {"node": Program("node", "22.1.0"), "typescript": Program("sdk", "1.12.0")}
    snapshot = Snapshot(variables={"ANTHROPIC_API_KEY": KEY}, programs=programs)
    route = named("typescript").plan(snapshot, None).route
    program = sender.find("typescript", snapshot)
    assert isinstance(program, node_program.NodeProgram)
    assert route is not None
    walk = Walk(replace(route, **changed), JournalWriter(Deadline(1)))
    assert program._way(walk, replace(MODELS, authenticated=authenticated)) == way


@pytest.mark.slow
@needs("typescript")
@pytest.mark.parametrize("place", NPM_SDKS.values(), ids=list(NPM_SDKS))
@pytest.mark.parametrize("fault", ["healthy", "captive-portal", "key-invalid", "tls-expired", "response-cut"])
def test_the_npm_sdk_sees_what_its_stand_in_sees(fault: str, place: str, installed: Snapshot) -> None:
    folder = Path(place, "node_modules", "@anthropic-ai", "sdk")
    version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
    with Lab(fault) as lab:
        seen, _ = send("typescript", surveyed(installed, trusting(lab), typescript=Program(str(folder), version)))
    expected = {"healthy": None, "tls-expired": Failure.EXPIRED, "response-cut": Failure.CUT}
    assert seen.failure is expected.get(fault, Failure.STATUS)
    assert all(headers["user-agent"] == f"Anthropic/JS {version}" for headers in said_to_api(lab))


@pytest.mark.slow
@pytest.mark.parametrize("node", NODES.values(), ids=list(NODES))
@pytest.mark.parametrize("fault", [*FAULTS, *PROXY_FAULTS])
def test_every_line_of_node_says_the_same(fault: str, node: str, installed: Snapshot) -> None:
    known = Program(node, version_of(node))
    failure, phase = {**FAULTS, **PROXY_FAULTS}[fault]
    with Lab(fault) as lab:
        snapshot = surveyed(installed, trusting(lab, NODE_USE_ENV_PROXY="1"), node=known)
        here = Node.of(snapshot)
        if fault in PROXY_FAULTS and not here.reads_env_proxy:
            failure, phase = Failure.NAME_NOT_FOUND, "dns+tcp"  # it goes to the host directly
        elif fault == "proxy-not-a-proxy" and here.version < (26,):
            failure = Failure.TIMED_OUT  # fetch dials a proxy that hangs up again and again
        elif fault == "proxy-tls-failed" and here.version >= (26,):
            failure, phase = Failure.CLIENT_REFUSED, "construct"  # no https proxy by its address
        # Where the limit ends it, Node must have come to the proxy by then, also on a loaded machine.
        seen, _ = send("node", snapshot, limit_s=10.0)
    assert (seen.failure, seen.phase) == (failure, phase), seen


def test_a_client_that_is_not_installed_has_no_program() -> None:
    for client in ("python", "curl", "node", "typescript", "claude-code"):
        assert sender.find(client, Snapshot()) is None


# -- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "failure"),
    [
        (3, "URL using bad/illegal format or missing URL", Failure.CLIENT_REFUSED),
        (5, "Could not resolve proxy: proxy.corp", Failure.NAME_NOT_FOUND),
        (6, "Could not resolve host: a.b (Timeout while contacting DNS servers)", Failure.TRY_AGAIN),
        (7, "Failed to connect to 10.0.0.1 port 443: No route to host", Failure.UNREACHABLE),
        (7, "Failed to connect to a.b port 443 after 3 ms: Couldn't connect to server", Failure.UNKNOWN),
        (35, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to a.b:443", Failure.CLOSED),
        (35, "error:0A000126:SSL routines::unexpected eof while reading", Failure.CLOSED),
        (35, "error:0A000152:SSL routines::unsafe legacy renegotiation disabled", Failure.UNKNOWN),
        (51, "SSL: certificate subject name 'b' does not match target host name 'a'", Failure.HOSTNAME_MISMATCH),
        (56, "Received HTTP code 407 from proxy after CONNECT", Failure.PROXY_AUTH_REQUIRED),
        (56, "tlsv13 alert certificate required, errno 0", Failure.CLIENT_CERTIFICATE_REQUIRED),
        (60, "SSL certificate problem: self signed certificate in certificate chain", Failure.UNTRUSTED_ISSUER),
        (77, "error setting certificate file: /gone", Failure.TRUST_UNUSABLE),
        (97, "Can't complete SOCKS5 connection to a.b. (2)", Failure.PROXY_DENIED),
        (97, "Can't complete SOCKS5 connection to a.b. (5)", Failure.PROXY_UPSTREAM_FAILED),
        (97, "User was rejected by the SOCKS5 server (1 1).", Failure.PROXY_AUTH_REQUIRED),
        (4711, "", Failure.UNKNOWN),
    ],
)
def test_an_exit_code_of_curl_is_read_with_its_words(code: int, message: str, failure: Failure) -> None:
    assert curl_program.failure_of(code, message) is failure


def link(code: str = "", message: str = "", kind: str = "Error", errno: int = 0) -> dict[str, Any]:
    return {"code": code, "message": message, "type": kind, "errno": errno, "link": ""}


@pytest.mark.parametrize(
    ("links", "failure"),
    [
        ([link(kind="TypeError", message="fetch failed"), link("EAI_AGAIN")], Failure.TRY_AGAIN),
        ([link("ETIMEDOUT", kind="AggregateError"), link("ETIMEDOUT", errno=110)], Failure.TIMED_OUT),
        ([link("ENETUNREACH", errno=101), link("ECONNREFUSED", errno=111)], Failure.REFUSED),
        ([link("ENETUNREACH", errno=101)], Failure.UNREACHABLE),
        ([link("ECONNRESET", "read ECONNRESET", errno=104)], Failure.RESET),
        ([link("ECONNRESET", "socket hang up")], Failure.CLOSED),
        ([link("UND_ERR_ABORTED", "Proxy response (502) !== 200 when HTTP Tunneling")], Failure.PROXY_UPSTREAM_FAILED),
        ([link("UND_ERR_HEADERS_TIMEOUT")], Failure.TIMED_OUT),
        ([link("HPE_INVALID_CONSTANT")], Failure.MALFORMED),
        ([link("CERT_NOT_YET_VALID", "certificate is not yet valid")], Failure.NOT_YET_VALID),
        ([link("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate")], Failure.SELF_SIGNED),
        ([link("ERR_INVALID_URL", "Invalid URL")], Failure.CLIENT_REFUSED),
        ([link(message="never seen before")], Failure.UNKNOWN),
    ],
)
def test_a_chain_of_node_is_read_by_its_codes(links: list[dict[str, Any]], failure: Failure) -> None:
    assert node_program.failure_of(links, "wait") is failure


def test_what_node_refuses_before_a_socket_is_the_clients_own_refusal() -> None:
    refused = [link(kind="TypeError", message="Cannot convert argument to a ByteString")]
    assert node_program.failure_of(refused, "construct") is Failure.CLIENT_REFUSED


# -- processes ---------------------------------------------------------------------------------------


def run(code: str, deadline: Deadline, limit_s: float = LONG_S, longest: int = 1000) -> child.Ended:
    return child.run(
        ["/bin/sh", "-c", code],
        b"",
        variables=os.environ,
        folder="",
        deadline=deadline,
        limit_s=limit_s,
        longest=longest,
    )


TELL_AND_HANG = "echo $$; exec sleep 60"


@POSIX
def test_nothing_is_left_of_a_child_that_was_too_slow() -> None:
    ended = run(TELL_AND_HANG, Deadline(60), limit_s=0.5)
    assert ended.status is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended.out), 0)


@POSIX
def test_a_cancelled_run_waits_for_no_child() -> None:
    deadline = Deadline(60)
    deadline.cancel()
    started = time.monotonic()
    assert run(TELL_AND_HANG, deadline).status is None
    assert time.monotonic() - started < 30  # of 60


@POSIX
def test_a_child_that_says_too_much_is_ended() -> None:
    ended = run("exec yes", Deadline(60))
    assert (len(ended.out), ended.status) == (1000, None)


@POSIX
def test_a_childs_status_and_words_are_kept() -> None:
    ended = run("echo out; echo err >&2; exit 3", Deadline(60))
    assert (ended.out.split(), ended.err.split(), ended.status) == ([b"out"], ["err"], 3)


@pytest.mark.slow
@pytest.mark.skipif(not (NODE and "1" in NPM_SDKS), reason="`make clients` installs the npm SDK")
def test_the_npm_sdk_is_asked_with_a_credential_that_only_it_can_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(NPM_SDKS["1"])
    with Lab("healthy-federation") as lab:
        variables = {**lab.variables, "NODE_EXTRA_CA_CERTS": lab.variables["SSL_CERT_FILE"]}
        options = ("--client", "typescript", "--local-only", "--json")
        report = doctor.invoke("doctor", *options, variables=variables).report
    assert (report["exit_code"], report["reached_api"]) == (0, True)
    assert report["billed"]["messages"] == 1
    sent = [seen["client"] for seen in report["observations"] if seen.get("step") == "message"]
    assert sent
    assert all(client.startswith("TypeScript SDK 1.") for client in sent)


@needs("curl")
def test_the_model_that_a_client_asked_for_is_named_although_no_answer_names_it() -> None:
    options = ("--client", "curl", "--model", "claude-none", "--local-only", "--json")
    with Lab("healthy") as lab:
        report = doctor.invoke("doctor", *options, variables=lab.variables).report
    assert report["problem"] == "model-not-available"
    assert report["findings"][0]["title"].endswith("claude-none")
    other = next(tried for tried in report["variations"] if tried["changed"] == "model")
    assert (other["from"], other["reached"]) == ("claude-none", True)
