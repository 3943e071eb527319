"""What `explain` says about exceptions that the real SDK raises against peers on loopback."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from claudecheck.explanation import Explanation, explain, explain_text
from tests import doctor
from tests.probe_peers import Script, closed_port, closes, issue, peer, resets, says, silent, speaks_tls

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

MESSAGE: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
REQUEST_ID = "req_011CUYbKGmNrTcYvJNaBcdef"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("SSL_CERT", "ANTHROPIC_", "REQUESTS_CA")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def answer(status: str, body: str, *headers: str, kind: str = "application/json") -> Script:
    head = [
        f"HTTP/1.1 {status}",
        f"content-type: {kind}",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    ]
    return says(("\r\n".join(head) + "\r\n\r\n" + body).encode())


def sdk(**arguments: Any) -> Any:
    """A client of the real SDK, whose import takes as long as collecting all other tests: only here, then."""
    import anthropic

    return anthropic.Anthropic(**arguments)


def call(url: str, *, key: str = "sk-ant-api03-x", timeout: float = 5.0) -> Any:
    with sdk(api_key=key, base_url=url, max_retries=0, timeout=timeout) as client:
        return client.messages.create(**MESSAGE)


def explained(action: Callable[[], Any]) -> Explanation:
    """What is said about the exception that this raises."""
    with pytest.raises(Exception) as caught:  # whatever it is: its reading is the test
        action()
    return explain(caught.value)


@contextmanager
def served(script: Script, scheme: str = "http") -> Iterator[str]:
    with peer(script) as port:
        yield f"{scheme}://127.0.0.1:{port}"


def error_body(kind: str, message: str) -> str:
    return f'{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"{REQUEST_ID}"}}'


@pytest.mark.parametrize(
    ("script", "code", "layer", "reached"),
    [
        (closes, "response-cut", "messages", None),
        (resets, "response-cut", "messages", None),
        (
            answer(
                "401 Unauthorized", error_body("authentication_error", "invalid x-api-key"), f"request-id: {REQUEST_ID}"
            ),
            *("key-invalid", "messages", True),
        ),
        (answer("529 Overloaded", error_body("overloaded_error", "Overloaded")), "api-overloaded", "messages", True),
        (answer("404 Not Found", error_body("not_found_error", "model: m")), "model-not-available", "messages", True),
        (
            answer(
                "403 Forbidden",
                "<!DOCTYPE html><title>Just a moment...</title>",
                "cf-mitigated: challenge",
                kind="text/html",
            ),
            *("edge-challenge", "messages", False),
        ),
        (
            answer("502 Bad Gateway", "<html><title>502 Bad Gateway</title></html>", "server: nginx", kind="text/html"),
            *("gateway-error", "messages", False),
        ),
        (answer("404 Not Found", "<html>nothing here</html>", kind="text/html"), "not-the-api", "messages", False),
    ],
)
def test_an_answer_or_its_absence_is_read_from_the_exception(
    script: Script, code: str, layer: str, reached: bool | None
) -> None:
    with served(script) as url:
        found = explained(lambda: call(url))
    assert (found.problem, found.layer, found.reached_api) == (code, layer, reached)
    if reached:
        assert found.request_id == REQUEST_ID


def test_a_refusal_of_this_machine_is_the_base_urls() -> None:
    port = closed_port()
    found = explained(lambda: call(f"http://127.0.0.1:{port}"))
    assert (found.problem, found.layer) == ("base-url-loopback", "environment")


def test_a_refusal_by_a_dead_proxy_is_told_from_one_by_the_api_by_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
    found = explained(lambda: call("https://api.anthropic.com"))
    assert (found.problem, found.layer) == ("proxy-refused", "proxy")


@pytest.mark.parametrize(
    ("said", "code", "sure"),
    [
        # Which scheme it wants is not printed: it may be one that the client cannot speak.
        ("407 Proxy Authentication Required", "proxy-auth-required", "medium"),
        ("403 Forbidden", "proxy-denied", "high"),
        ("503 Service Unavailable", "proxy-upstream-failed", "high"),
    ],
)
def test_what_a_proxy_says_to_connect_is_the_proxys(
    monkeypatch: pytest.MonkeyPatch, said: str, code: str, sure: str
) -> None:
    with served(answer(said, "")) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = explained(lambda: call("https://api.anthropic.com"))
    assert (found.problem, found.layer, found.confidence) == (code, "proxy", sure)
    assert found.status == int(said[:3])


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:1", "proxy-scheme-unsupported"),
        ("HTTPS_PROXY", "http://joe:hunter#2@127.0.0.1:3128", "proxy-url-invalid"),
        ("NO_PROXY", "localhost,fe80::/10", "no-proxy-invalid"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "ca-file-missing"),
    ],
)
def test_what_stops_the_client_from_being_built_is_the_environments(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, code: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.delattr("anthropic._base_client.SyncHttpxClientWrapper.__del__")  # it fails on a half-built client
    found = explained(lambda: call("https://api.anthropic.com"))
    gc.collect()
    assert (found.problem, found.layer) == (code, "environment")
    assert "hunter" not in str(found)


def test_a_key_that_cannot_be_sent_is_found_and_never_shown() -> None:
    key = "sk-ant-api03-Ab3dEf7hIj1lMn5pQr9tUv3xYz"
    with served(silent) as url:
        found = explained(lambda: call(url, key=key + "\n"))
    assert (found.problem, found.secret_seen) == ("key-malformed", True)
    assert key not in str(found)


def test_a_client_without_a_key_says_so() -> None:
    found = explained(lambda: sdk(base_url="http://127.0.0.1:1").messages.create(**MESSAGE))
    assert (found.problem, found.layer) == ("key-missing", "environment")


def test_a_base_url_without_a_scheme_is_named() -> None:
    assert explained(lambda: call("api.anthropic.com")).problem == "base-url-invalid"


def test_a_certificate_of_an_unknown_authority_is_a_matter_of_trust(tmp_path: Path) -> None:
    root = issue("Corp Root", ca=True)
    context = issue("127.0.0.1", by=root).server_context(tmp_path)
    with served(speaks_tls(context), "https") as url:
        found = explained(lambda: call(url))
    assert (found.layer, found.reached_api) == ("tls", False)
    assert found.problem in ("tls-untrusted-issuer", "tls-intercepted")


def test_a_port_that_speaks_no_tls_is_named() -> None:
    with served(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https") as url:
        assert explained(lambda: call(url)).problem == "tls-not-tls"


def test_silence_is_told_by_the_phase_in_which_it_fell() -> None:
    with peer(silent) as port:
        plain = explained(lambda: call(f"http://127.0.0.1:{port}", timeout=0.3))
        inside = explained(lambda: call(f"https://127.0.0.1:{port}", timeout=0.3))
    assert (plain.problem, inside.problem) == ("response-timeout", "tls-timeout")


def test_a_page_that_was_taken_for_an_answer_was_not_the_apis() -> None:
    with served(answer("200 OK", "<html>sign in</html>", kind="text/html")) as url:
        found = explained(lambda: call(url).content)
    assert (found.problem, found.layer) == ("not-the-api", "messages")
    assert "captive-portal" in [alternative.code for alternative in found.alternatives]


def test_a_stream_that_is_cut_raises_what_no_sdk_class_covers() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

    def cut(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head + b"40\r\nevent: ping\ndata: ")

    def read() -> None:
        with (
            sdk(api_key="k", base_url=url, max_retries=0) as client,
            client.messages.stream(**MESSAGE) as stream,
        ):
            for _ in stream:
                pass

    with served(cut) as url:
        found = explained(read)
    assert (found.problem, found.layer) == ("client-stream-error", "client")


def test_a_closed_client_is_named() -> None:
    client = sdk(api_key="k", base_url="http://127.0.0.1:1", max_retries=0)
    client.close()
    assert explained(lambda: client.messages.create(**MESSAGE)).problem == "client-closed"


TWO_LOOPS = """
import asyncio, sys, anthropic

client = anthropic.AsyncAnthropic(api_key="k", base_url=sys.argv[1], max_retries=0)
async def ask():
    await client.messages.create(model="m", max_tokens=1, messages=[])
asyncio.run(ask())
asyncio.run(ask())
"""


def test_the_traceback_of_a_closed_event_loop_is_told_from_a_network_failure() -> None:
    def keeps_alive(connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")

    with served(keeps_alive) as url:
        done = subprocess.run([sys.executable, "-c", TWO_LOOPS, url], capture_output=True, timeout=120, check=False)
    assert b"APIConnectionError: Connection error." in done.stderr
    found = explain_text(done.stderr)
    assert (found.problem, found.layer) == ("client-event-loop", "client")


def test_an_exception_whose_own_text_raises_is_read_by_its_type() -> None:
    class ConnectTimeout(Exception):  # noqa: N818  # named as the HTTP libraries name theirs
        def __str__(self) -> str:
            raise RuntimeError

    assert explain(ConnectTimeout()).problem == "tcp-timeout"


def test_an_exception_group_is_read_part_by_part() -> None:
    group = ExceptionGroup(
        "all attempts", [OSError(101, "Network is unreachable"), OSError(101, "Network is unreachable")]
    )
    assert explain(group).problem == "tcp-unreachable"


def test_a_chain_that_leads_back_to_itself_ends() -> None:
    first, second = ConnectionResetError(104, "Connection reset by peer"), RuntimeError("again")
    first.__cause__, second.__cause__ = second, first
    assert explain(first).problem == "connection-reset"


def test_reading_exceptions_imports_no_sdk_and_no_network_library() -> None:
    program = (
        "import sys\nfrom claudecheck.explanation import explain\n"
        "print(explain(ConnectionRefusedError(111, 'Connection refused')).problem)\n"
        "print({'anthropic', 'httpx', 'httpx2', 'dns', 'rich', 'typer', 'socket', 'ssl'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split("\n")[:2] == ["tcp-refused", "set()"]


def test_the_traceback_of_an_async_program_is_not_about_its_event_loop() -> None:
    code = (
        "import asyncio, anthropic\n"
        f"client = anthropic.AsyncAnthropic(api_key='k', base_url='http://127.0.0.1:{closed_port()}', max_retries=0)\n"
        "async def main():\n    await client.models.list()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "asyncio" in done.stderr
    found = explain_text(done.stderr)
    assert (found.problem, found.layer) in {("base-url-loopback", "environment"), ("tcp-refused", "tcp")}


def test_what_is_mostly_zeros_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "sparse").write_bytes(b"")
    os.truncate(tmp_path / "sparse", 1 << 33)
    ran = doctor.invoke("explain", str(tmp_path / "sparse"))
    assert (ran.exit_code, "it is no text" in ran.err) == (2, True)
