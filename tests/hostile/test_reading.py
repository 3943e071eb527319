"""Files that nobody should point a variable at: reading them neither raises nor waits, and says what was wrong."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claudecheck.clients import claude_settings, custom_headers, profiles, urls, versions
from claudecheck.clients.registry import clients
from claudecheck.clients.secrets import secrets
from claudecheck.clients.whole_number import whole_number
from claudecheck.journal.redact import Redactor
from claudecheck.machine import environment, files, reading
from claudecheck.probes.names import resolve
from tests import doctor

LONG = "/a" * 4000
PATHS = [
    "",
    "/",
    ".",
    LONG,
    "a" * 300,
    "\0",
    "/dev/zero/x",
    "/proc/self/mem",
    "\udcff\udce4",
    "/tmp/\n\x1b[31m",
    "~nobody/x",
]
quick = settings(suppress_health_check=list(HealthCheck))
anything = st.one_of(st.sampled_from(PATHS), st.text(max_size=30), st.binary(max_size=30).map(os.fsdecode))


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    if sys.platform == "win32":
        pytest.skip("not on Windows")
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


@quick
@given(anything)
def test_any_path_becomes_a_fact(path: str) -> None:
    fact = files.look(path, cwd="/", text=True, authorities=True, most=3, listing=".json")
    assert fact.path == path
    assert reading.text(path) is not None
    reading.names_in(path)
    assert reading.is_file(path) in (True, False)


def test_a_path_that_is_too_long_says_so() -> None:
    fact = files.look(LONG, cwd="/")
    assert (fact.kind, fact.readable, fact.error) == ("other", False, "File name too long")


def test_a_pipe_without_a_writer_is_not_waited_for(pipe: str) -> None:
    fact = files.look(pipe, cwd="/", text=True, authorities=True)
    assert (fact.kind, fact.text, fact.authorities) == ("other", None, None)
    assert reading.content(pipe, 100) is None
    assert fact.error == ""
    assert not any(waiting.is_alive() for waiting in reading._stuck)


def test_a_read_that_does_not_come_back_is_left_and_the_next_wait_is_short() -> None:
    gone = threading.Event()  # a server that has gone
    started = time.monotonic()
    assert reading.patiently(gone.wait, None) is None
    assert [reading.patiently(gone.wait, None) for _ in range(10)] == [None] * 10
    assert time.monotonic() - started < 8 * reading.LIMIT_S  # of eleven
    gone.set()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="somebody else's folder needs a second user")
def test_a_home_that_may_not_be_searched_is_a_fact(tmp_path: Path) -> None:
    """As with `docker run --user`: HOME still names root's."""
    (tmp_path / "home" / ".claude").mkdir(parents=True)
    tmp_path.chmod(0o700)
    program = (
        "import os, sys; os.setgid(65534); os.setuid(65534)\n"
        "from claudecheck.machine import environment, files\n"
        f"seen = environment.read({{'HOME': '{tmp_path}/home', 'SSL_CERT_FILE': '{tmp_path}/x/ca.pem'}})\n"
        f"fact = seen.file('{tmp_path}/x/ca.pem')\n"
        "print(fact.kind, fact.error)\n"
    )
    # What runs it has imported everything before it becomes somebody else.
    program = (
        "import certifi, claudecheck.machine.environment as e, claudecheck.clients.registry as r; r.clients()\n"
        + program
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout == "other Permission denied\n", done.stderr


# -- what stands in the files and variables ----------------------------------------------------------

JSON = [
    "[" * 30_000,
    '{"env":' * 20_000,
    '{"env": {"A": 1e999, "B\\u0000": "x", "C": "\\ud800", "": "y"}}',
    "1" * 5000,
    "\xff",
    "null",
]
texts = st.one_of(
    st.sampled_from(JSON),
    st.text(max_size=60),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=8)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["env", "authentication", "type", "identity_token", "path", "expires_at", "a"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ).map(json.dumps),
)


@quick
@given(texts)
def test_any_settings_and_profile_are_read(text: str) -> None:
    told = claude_settings.told_variables(claude_settings.parse(text) or {})
    assert all("\0" not in name + value for name, value in told.items())
    [(name + value).encode() for name, value in told.items()]
    profiles.named_files(text)
    profiles.tokens([text])


@quick
@given(texts, texts)
def test_any_home_makes_a_snapshot_and_every_client_a_route(
    tmp_path_factory: pytest.TempPathFactory, one: str, two: str
) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in (
        ".claude/settings.json",
        ".config/anthropic/configs/default.json",
        ".config/anthropic/credentials/default.json",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes((one if "configs" in name else two).encode("utf-8", "surrogatepass"))
    seen = environment.read({"HOME": str(home), "ANTHROPIC_PROFILE": "default"}, root=str(home))
    Redactor(secrets(seen))
    for client in clients():
        client.plan(seen, None)


@quick
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_BASE_URL",
                "HTTPS_PROXY",
                "NO_PROXY",
                "ANTHROPIC_CUSTOM_HEADERS",
                "DB_PASSWORD",
                "COLUMNS",
            ]
        ),
        anything,
        max_size=4,
    )
)
def test_any_variables_make_a_route_for_every_client(variables: dict[str, str]) -> None:
    seen = environment.read({"HOME": "/nonexistent", **variables})
    Redactor(secrets(seen)).clean(" ".join(variables.values()))
    for client in clients():
        client.plan(seen, None)


@quick
@given(
    st.one_of(
        st.sampled_from(["options ndots:²", "options ndots:" + "9" * 5000, "nameserver", "search . ."]),
        st.text(max_size=80),
    )
)
def test_any_resolver_configuration_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    place = tmp_path_factory.mktemp("etc") / "resolv.conf"
    place.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert 0 <= resolve._resolv_conf(place)[2] <= 15


@given(st.text(max_size=20))
def test_a_number_is_one_or_is_none(text: str) -> None:
    number = whole_number(text)
    assert number is None or str(number) == text.lstrip("0") or (number == 0 and not text.strip("0"))


@pytest.mark.parametrize("text", ["²", "9" * 5000, "", "-1", "+1", "1.0", " 1", "1_000", "٣", "65536"])
def test_what_is_no_port_is_none(text: str) -> None:
    assert whole_number(text, most=65535) is None


@quick
@given(st.text(max_size=40))
def test_any_text_is_a_url_or_is_not(text: str) -> None:
    urls.shown(text)
    custom_headers.read(text)
    with contextlib.suppress(urls.UrlError):
        urls.parse(text)
    assert isinstance(versions.release(text), tuple)


@pytest.mark.parametrize(
    "name", ["ANTHROPIC_BASE_URL", "HTTPS_PROXY", "SSL_CERT_FILE", "COLUMNS", "DB_PASSWORD", "VIRTUAL_ENV", "HOME"]
)
@pytest.mark.parametrize(
    "value", [b"gr\xfc\xdfe-geheim", b"/a" * 4000, "²".encode(), b"9" * 5000, b"\x1b[31m"], ids=repr
)
@pytest.mark.slow
def test_no_variable_ends_a_command_with_anything_but_its_exit_code(name: str, value: bytes) -> None:
    for command in (
        ["routes"],
        ["explain", "tls-intercepted"],
        ["doctor", "--local-only", "--no-message", "--timeout", "5"],
    ):
        ran = doctor.run(*command, variables={"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", name: os.fsdecode(value)})
        assert ran.exit_code in (0, 10), ran.err
        assert "Traceback" not in ran.err
        assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "x"), OSError(errno.ENOMEM, "x")], ids=repr)
def test_what_this_process_lacks_is_no_fact_of_a_file(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "open", fails)
    with pytest.raises(MemoryError):
        files.look(certifi.where(), cwd="/", text=True, authorities=True)
    monkeypatch.undo()
    assert files.look(certifi.where(), cwd="/", authorities=True).authorities is not None
