"""Secrets planted everywhere they can stand are in no output, whatever a server makes of them."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from _pytest.mark import ParameterSet

from claudecheck.lab import Lab
from tests import doctor

KEY = "sk-ant-api03-PLANTED_" + "q7Zk-" * 16 + "AA"
TOKEN = "planted-gateway-token-8f41c2aa90"
HEADER = "planted-header-value-77ab31"
PASSWORD = "planted#pass/word:9d1"
SECRETS = {"key": KEY, "token": TOKEN, "header": HEADER, "password": PASSWORD}


class Echo(BaseHTTPRequestHandler):
    """Answers with everything that it was sent, in several spellings: in headers, body and a redirect."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        sent = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        body = json.dumps({
            "type": "error",
            "error": {"type": "invalid_request_error", "message": f"you sent {sent}"},
            "base64": base64.b64encode(sent.encode()).decode(),
            "percent": quote(sent),
        }).encode()  # fmt: skip
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("location", f"https://elsewhere.example/?key={quote(self.headers.get('authorization') or '')}")
        self.send_header("via", f"1.1 {self.headers.get('x-planted')}")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815  # the names that http.server asks for

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def spellings(secret: str) -> set[str]:
    encoded = {base64.b64encode(b"x" * k + secret.encode()).decode()[4:-4] for k in range(3)}
    return {secret, quote(secret), quote(secret, safe=""), *encoded, repr(secret)[1:-1]}


def assert_silent(ran: doctor.Ran) -> None:
    for name, secret in SECRETS.items():
        for spelling in spellings(secret):
            assert spelling not in ran.out, name
            assert spelling not in ran.err, name


def rarely(*values: object) -> ParameterSet:
    """A further form of what is tested anyway: left to CI."""
    return pytest.param(*values, marks=pytest.mark.slow)


PLANTED = {
    "ANTHROPIC_API_KEY": KEY,
    "ANTHROPIC_AUTH_TOKEN": TOKEN,
    "ANTHROPIC_CUSTOM_HEADERS": f"x-planted: {HEADER}",
}


@pytest.mark.parametrize("form", ["text", rarely("json"), rarely("markdown"), rarely("short")])
def test_a_server_that_echoes_everything_gives_nothing_away(form: str, tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    with echo() as url:
        options = ("--format", form, "--save", str(saved), "--local-only", "--python", doctor.PYTHON)
        ran = doctor.invoke("doctor", *options, variables={**PLANTED, "ANTHROPIC_BASE_URL": url})
    assert ran.exit_code in (10, 15, 16)
    assert_silent(ran)
    report = saved.read_text(encoding="utf-8")
    assert "[redacted]" in report  # the screen has no room for what it was told
    assert_silent(doctor.Ran(ran.exit_code, report, ""))


@pytest.mark.parametrize("client", ["curl", "node", rarely("typescript"), rarely("claude-code")])
def test_no_client_that_is_run_gives_anything_away(client: str) -> None:
    with echo() as url:
        variables = {**PLANTED, "ANTHROPIC_BASE_URL": url}
        ran = doctor.invoke("doctor", "--json", "--local-only", "--client", client, variables=variables)
    assert ran.exit_code in (10, 15, 16)
    assert_silent(ran)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["routes"], ["trust"], rarely(["compare", "--client", "curl", "--direct", "--local-only"])],
    ids=" ".join,
)
def test_what_sets_clients_side_by_side_gives_nothing_away(command: list[str]) -> None:
    proxy = {"HTTPS_PROXY": f"http://me:{quote(PASSWORD, safe='')}@127.0.0.1:9"}
    with echo() as url:
        variables = {**PLANTED, **proxy, "ANTHROPIC_BASE_URL": url}
        for form in ([], ["--json"]):
            assert_silent(doctor.invoke(*command, *form, variables=variables))


@pytest.mark.parametrize(
    "variables",
    [
        {"ANTHROPIC_API_KEY": KEY + "\n"},
        rarely({"ANTHROPIC_API_KEY": f"“{KEY}”"}),
        {"HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:9"},
        rarely({"HTTPS_PROXY": f"http://me:{quote(PASSWORD, safe='')}@127.0.0.1:9"}),
        {"HTTPS_PROXY": f"socks5://me:{quote(PASSWORD, safe='')}@127.0.0.1:9"},
        {"ANTHROPIC_BASE_URL": f"https://me:{quote(PASSWORD, safe='')}@127.0.0.1:9/x"},
        {"ANTHROPIC_CUSTOM_HEADERS": f"x planted: {HEADER}"},
        rarely({"ANTHROPIC_CUSTOM_HEADERS": f"x-planted: {HEADER}\x00"}),
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_what_makes_the_client_raise_with_the_secret_in_its_text_gives_nothing_away(variables: dict[str, str]) -> None:
    if any("\x00" in value for value in variables.values()):
        variables = {name: value.replace("\x00", "\x01") for name, value in variables.items()}
    with Lab("healthy") as lab:
        ran = doctor.invoke(
            "doctor",
            "--json",
            "--local-only",
            "--python",
            doctor.PYTHON,
            variables={**lab.variables, **PLANTED, **variables},
        )
    ran.report  # noqa: B018  # it is a report, by its schema
    assert_silent(ran)


def test_no_credential_is_in_the_arguments_of_a_process() -> None:
    from claudecheck.probes.senders import worker

    started = worker.Worker(doctor.PYTHON, "own", {**doctor.clean_environment(), **PLANTED})
    try:
        event = started.wait(20)
        assert event is not None
        assert event["event"] == "facts"
        assert all(secret not in str(started._child._process.args) for secret in SECRETS.values())
    finally:
        started.end()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_no_credential_is_in_the_environment_of_the_interpreter_that_sends() -> None:
    from claudecheck.probes.senders import worker

    started = worker.Worker(doctor.PYTHON, "own", {**doctor.clean_environment(), **PLANTED})
    try:
        while not started.ready:
            event = started.wait(20)
            assert event is not None
            assert event["event"] in ("facts", "ready"), event
            started.load()
        seen = Path(f"/proc/{started._child.pid}/environ").read_bytes()
        assert [name for name, secret in SECRETS.items() if secret.encode() in seen] == []
    finally:
        started.end()


@pytest.mark.slow
def test_no_credential_is_sent_where_the_certificate_did_not_verify() -> None:
    for fault in ("tls-expired", "tls-self-signed", "tls-intercepted", "tls-hostname-mismatch"):
        with Lab(fault) as lab:
            ran = doctor.invoke("doctor", "--json", "--local-only", "--python", doctor.PYTHON, variables=lab.variables)
            assert ran.exit_code == 13
            assert not any(request.has_credential for request in lab.requests)
