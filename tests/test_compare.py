"""`compare` against labs: which variable decides, which credential goes where, and what the command says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import certifi
import pytest

from claudecheck.diagnosis.comparison import Column, Comparison, compare
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.lab import Lab
from claudecheck.lab.faults import find
from claudecheck.lab.lab import KEY, TOKEN
from claudecheck.machine import environment
from claudecheck.run.compare import Asked, Planned, Steps, UnusableError, plan, walk
from claudecheck.run.options import Options
from tests import doctor

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

QUIET = Steps(lambda *_: None)


def snapshot_of(variables: Mapping[str, str]) -> environment.Snapshot:
    return environment.read(doctor.clean_environment(variables))


def walked(asked: Asked, variables: Mapping[str, str], options: Options) -> tuple[list[Column], Comparison]:
    planned = plan(asked, options, snapshot_of(variables))
    journals, interrupted = walk(planned, options.timeout_s, QUIET)
    assert not interrupted
    columns = [
        Column(label=one.label, change=one.change, keyless=one.keyless, report=diagnose(journal))
        for one, journal in zip(planned, journals, strict=True)
    ]
    return columns, compare(columns)


def options(lab: Lab | None = None, **more: object) -> Options:
    """Without a message; names are asked of the lab's own nameserver."""
    made = Options(message=False, local_only=True, python=doctor.PYTHON, resolver=(lab and lab.resolver) or "system")
    return replace(made, **more)  # type: ignore[arg-type]  # fields of Options


def address(lab: Lab) -> str:
    return lab.variables["ANTHROPIC_BASE_URL"]


@contextmanager
def two(first: str, second: str, folder: Path) -> Iterator[tuple[Lab, Lab, dict[str, str]]]:
    """Two labs, and the first one's environment with the authorities of both and the second one's key in OTHER_KEY."""
    with ExitStack() as stack:
        one, other = stack.enter_context(Lab(first)), stack.enter_context(Lab(second))
        both = folder / "both.pem"
        both.write_bytes(b"".join(Path(lab.variables["SSL_CERT_FILE"]).read_bytes() for lab in (one, other)))
        yield one, other, {**one.variables, "SSL_CERT_FILE": str(both), "OTHER_KEY": KEY, "OTHER_TOKEN": TOKEN}


# -- which variable decides --------------------------------------------------------------------------


def test_the_gateway_fails_and_the_official_endpoint_works(tmp_path: Path) -> None:
    with two("tls-expired", "healthy", tmp_path) as (gateway, official, variables):
        asked = Asked(base_urls=(address(official),), key_names=("OTHER_KEY",), clients=("curl",))
        columns, made = walked(asked, variables, options(message=True))
    assert made.outcomes == ["fails", "through", "fails"]
    assert made.sentence == (
        f"The base URL decides: with {address(gateway)} it fails (tls-expired at tls), "
        f"with {address(official)} it gets through, and no other change helps"
    )
    assert [column.report.billed.messages > 0 for column in columns] == [False, True, False]


def test_the_proxy_fails_and_the_direct_way_works() -> None:
    with Lab("proxy-unneeded") as lab:
        _, made = walked(Asked(direct=True), lab.variables, options(lab))
    assert (made.variable, made.outcomes) == ("proxy", ["fails", "through"])
    assert made.fix is not None
    assert [command.line for command in made.fix.commands] == ["unset HTTPS_PROXY"]


def test_the_direct_way_works_and_the_proxy_breaks_it(tmp_path: Path) -> None:
    with two("healthy", "proxy-refused", tmp_path) as (_, other, variables):
        _, made = walked(Asked(proxies=(other.variables["HTTPS_PROXY"],)), variables, options())
    assert (made.variable, made.outcomes) == ("proxy", ["through", "fails"])
    assert made.sentence.endswith("without a proxy it gets through")


def test_the_proxy_works_and_there_is_no_direct_way() -> None:
    with Lab("healthy-proxy") as lab:
        _, made = walked(Asked(direct=True), lab.variables, options(lab))
    assert made.outcomes == ["through", "fails"]
    assert "without a proxy it fails" in made.sentence


@pytest.mark.skipif(bool(find("ipv6-broken").unavailable_because()), reason="this machine cannot drop what goes to ::1")
def test_ipv6_is_dead_and_ipv4_works() -> None:
    with Lab("ipv6-broken") as lab:
        _, made = walked(Asked(families=("ipv4", "ipv6")), lab.variables, options(lab, timeout_s=6.0, demo=True))
    assert made.outcomes == ["through", "through", "fails"]
    assert made.sentence == (
        "The address family decides: with IPv6 alone it fails (tcp-timeout at tcp), "
        "with both and with IPv4 alone it gets through"
    )


def test_curl_works_and_python_does_not_because_each_reads_its_own_variable() -> None:
    with Lab("healthy") as lab:
        named = {"SSL_CERT_FILE": certifi.where(), "CURL_CA_BUNDLE": lab.variables["SSL_CERT_FILE"]}
        _, made = walked(Asked(clients=("curl",)), {**lab.variables, **named}, options(lab))
    assert (made.variable, made.outcomes) == ("client", ["fails", "through"])
    assert made.sentence.startswith("The client decides: with the Python SDK it fails (")
    assert made.sentence.endswith("at tls), with curl it gets through")


def test_the_file_with_the_right_root_decides() -> None:
    with Lab("healthy") as lab:
        right = lab.variables["SSL_CERT_FILE"]
        _, made = walked(Asked(ca_files=(right,)), {**lab.variables, "SSL_CERT_FILE": certifi.where()}, options(lab))
    assert (made.variable, made.outcomes) == ("CA file", ["fails", "through"])
    assert made.fix is not None
    assert made.fix.commands[0].line == f"export SSL_CERT_FILE={right}"


def test_the_interpreter_decides_where_one_lacks_the_sdk() -> None:
    with Lab("sdk-missing") as lab:
        _, made = walked(Asked(pythons=(doctor.PYTHON,)), lab.variables, options(lab, python=None, message=True))
    assert (made.variable, made.outcomes) == ("interpreter", ["fails", "through"])
    assert "sdk-missing at environment" in made.sentence


def test_columns_that_wait_do_not_wait_for_one_another() -> None:
    with Lab("tls-timeout") as lab:
        started = time.monotonic()
        columns, made = walked(Asked(families=("ipv4",), clients=("curl",)), lab.variables, options(lab, timeout_s=4.0))
        took = time.monotonic() - started
    assert made.outcomes == ["fails"] * 3
    assert 1000 * took < sum(column.report.duration_ms for column in columns)


def test_a_longer_timeout_is_what_every_step_of_its_column_may_take() -> None:
    with Lab("healthy") as lab:
        first, patient = plan(Asked(patience_s=60.0), options(lab), snapshot_of(lab.variables))
    assert (first.options.step_s, patient.options.step_s) == (5.0, 60.0)
    assert (first.options.limit_s(15.0), patient.options.limit_s(15.0)) == (15.0, 60.0)


# -- which credential goes where ---------------------------------------------------------------------

SECRETS = {
    "ANTHROPIC_AUTH_TOKEN": "token-of-the-first-host-0123456789",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Team-Secret: header-of-the-first-host-0123456789",
}


def received(lab: Lab) -> str:
    """Everything that the servers of a lab were told, in one text."""
    return "\n".join(f"{one.method} {one.target} {dict(one.headers)} {one.body!r}" for one in lab.requests)


def test_no_credential_of_the_environment_reaches_another_host(tmp_path: Path) -> None:
    with two("healthy", "healthy", tmp_path) as (first, other, variables):
        columns, made = walked(Asked(base_urls=(address(other),)), {**variables, **SECRETS}, options(message=True))
        told = received(other)
        assert "token-of-the-first-host" in received(first) or KEY in received(first)
    assert "/v1/models" in told
    for secret in (KEY, "token-of-the-first-host", "header-of-the-first-host", "x-team-secret"):
        assert secret not in told
    assert not any(one.has_credential for one in other.requests)
    assert columns[1].keyless
    assert columns[1].report.reached_api is True
    assert made.outcomes == ["through", "through"]
    assert "--key-env NAME" in made.notes[0]


def test_no_profile_of_the_environment_is_used_for_another_host(tmp_path: Path) -> None:
    with two("healthy", "healthy", tmp_path) as (first, other, variables):
        folder = tmp_path / ".config" / "anthropic"
        for name, text in (
            (
                "configs/default.json",
                json.dumps({"authentication": {"type": "user_oauth"}, "base_url": address(first)}),
            ),
            ("credentials/default.json", json.dumps({"access_token": TOKEN, "expires_at": 4102444800})),
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        own = {**variables, "HOME": str(tmp_path), "ANTHROPIC_CONFIG_DIR": str(folder)}
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
            own.pop(name)
        columns, _ = walked(Asked(base_urls=(address(other),)), own, options(message=True))
        assert TOKEN in received(first)
        assert TOKEN not in received(other)
    assert columns[0].report.route.credential == "profile"
    assert columns[1].report.route.credential == "none"
    assert not any(one.has_credential for one in other.requests)


def test_another_host_gets_the_key_that_was_named_for_it_and_no_other(tmp_path: Path) -> None:
    with two("tls-expired", "healthy-gateway", tmp_path) as (_, other, variables):
        own = {**variables, **SECRETS, "ANTHROPIC_API_KEY": KEY.replace("demo", "mine")}
        asked = Asked(base_urls=(address(other),), key_names=("OTHER_TOKEN",))
        columns, made = walked(asked, own, options(message=True))
        told = received(other)
    assert made.outcomes == ["fails", "through"]
    assert TOKEN in told
    assert "first-host" not in told
    assert own["ANTHROPIC_API_KEY"] not in told
    assert columns[1].report.status in ("healthy", "degraded")


def test_another_path_on_the_same_host_keeps_the_credential() -> None:
    with Lab("base-url-path") as lab:
        corrected = address(lab).removesuffix("/v1")
        columns, made = walked(Asked(base_urls=(corrected,)), lab.variables, options(lab))
    assert not columns[1].keyless
    assert made.outcomes == ["fails", "through"]


@pytest.mark.parametrize("changed", ["http://localhost:8443", "https://localhost:9443", "https://127.0.0.1:8443"])
def test_another_port_scheme_or_name_is_another_host(changed: str) -> None:
    variables = {"ANTHROPIC_BASE_URL": "https://localhost:8443", "ANTHROPIC_API_KEY": KEY, **SECRETS}
    column = plan(Asked(base_urls=(changed,)), options(), snapshot_of(variables))[1]
    assert column.keyless
    assert not [name for name in column.snapshot.variables if name.startswith("ANTHROPIC") and name[10:] != "BASE_URL"]
    assert KEY not in column.snapshot.variables.values()


def test_where_a_provider_is_selected_the_api_is_another_host() -> None:
    variables = {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": "eu-central-1", "ANTHROPIC_API_KEY": KEY}
    asked = Asked(base_urls=("https://api.anthropic.com",), clients=("python",))
    _, official, python = plan(asked, options(), snapshot_of(variables))
    assert official.keyless
    assert "CLAUDE_CODE_USE_BEDROCK" not in official.snapshot.variables
    assert python.options.client == "python"


# -- the columns -------------------------------------------------------------------------------------


def planned(asked: Asked, **variables: str) -> Planned:
    return plan(asked, options(), snapshot_of(variables))[1]


def test_direct_leaves_every_spelling_of_a_proxy_out() -> None:
    stated = {"HTTPS_PROXY": "http://a:1", "all_proxy": "http://b:2", "NO_PROXY": "x"}
    column = planned(Asked(direct=True), **stated)
    assert not [name for name in column.snapshot.variables if name.lower().endswith("_proxy")]
    assert column.change is not None
    assert sorted(column.change.unsets) == ["HTTPS_PROXY", "all_proxy"]


def test_a_proxy_replaces_all_others_and_shows_no_password() -> None:
    column = planned(Asked(proxies=("http://me:geheim@p:3128",)), all_proxy="http://b:2", NO_PROXY="*")
    assert {n: v for n, v in column.snapshot.variables.items() if n.lower().endswith("_proxy")} == {
        "HTTPS_PROXY": "http://me:geheim@p:3128"
    }
    assert "geheim" not in repr((column.label, column.change))
    assert column.change is not None
    assert column.change.sets == {"HTTPS_PROXY": "http://[redacted]@p:3128"}


def test_the_systems_proxy_is_left_out_by_a_variable() -> None:
    snapshot = replace(snapshot_of({}), system_proxies={"https": "http://s:1"})
    column = plan(Asked(direct=True), options(), snapshot)[1]
    assert column.snapshot.get("NO_PROXY") == "*"
    assert column.change is not None
    assert column.change.sets == {"NO_PROXY": "api.anthropic.com"}


def test_several_of_a_kind_give_several_columns() -> None:
    asked = Asked(clients=("curl", "claude-code"), families=("ipv4", "ipv6"), proxies=("http://a:1", "http://b:2"))
    labels = [column.label for column in plan(asked, options(), snapshot_of({}))]
    assert labels == ["as it is", "proxy a:1", "proxy b:2", "IPv4", "IPv6", "curl", "Claude Code"]


BAD: list[tuple[Asked, dict[str, str], str]] = [
    (Asked(), {}, "nothing to compare with"),
    (Asked(direct=True), {}, "direct already"),
    (Asked(proxies=("no proxy://",)), {}, "--proxy"),
    (Asked(proxies=("http://a:1",)), {"HTTPS_PROXY": "http://a:1"}, "through http://a:1 already"),
    (Asked(proxies=("http://a:1", "http://a:1")), {}, "named twice"),
    (Asked(base_urls=("gateway.example",)), {}, "--base-url gateway.example"),
    (Asked(base_urls=("https://api.anthropic.com",)), {}, "already"),
    (Asked(key_names=("GATEWAY_KEY",)), {}, "no --base-url"),
    (Asked(base_urls=("https://g",), key_names=("GATEWAY_KEY",)), {}, "not set"),
    (Asked(base_urls=("https://g",), key_names=("GATEWAY_KEY",)), {"GATEWAY_KEY": ""}, "empty"),
    (Asked(base_urls=("https://g",), key_names=(KEY,)), {}, "not a key"),
    (Asked(clients=("python",)), {}, "already"),
    (Asked(ca_files=("/there/is/no/file.pem",)), {}, "/there/is/no/file.pem"),
    (Asked(ca_files=(certifi.where(),)), {"SSL_CERT_FILE": certifi.where()}, "already"),
]


@pytest.mark.parametrize(("asked", "variables", "says"), BAD)
def test_what_cannot_be_compared_gets_a_sentence(asked: Asked, variables: dict[str, str], says: str) -> None:
    with pytest.raises(UnusableError) as refused:
        plan(asked, options(), snapshot_of(variables))
    assert says in str(refused.value)
    assert refused.value.fix
    assert KEY not in str(refused.value)


def test_the_progress_names_the_step_of_each_column_that_is_under_way() -> None:
    lines: list[str] = []
    steps = Steps(lambda _, detail: lines.append(detail))
    steps.at("as it is", "tls", "localhost")
    steps.at("direct", "dns")
    steps.ended("as it is")
    assert lines == ["tls (as it is)", "tls (as it is), dns (direct)", "dns (direct)"]


# -- the command -------------------------------------------------------------------------------------


def ran(lab: Lab, *arguments: str, **variables: str) -> doctor.Ran:
    common = ("compare", "--local-only", "--no-message", *arguments)
    return doctor.run(
        *common, variables={**lab.variables, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | variables
    )


def test_the_exit_code_is_that_of_the_first_route() -> None:
    with Lab("proxy-unneeded") as lab:
        failing = ran(lab, "--direct")
        working = ran(lab, "--proxy", lab.variables["HTTPS_PROXY"], HTTPS_PROXY="")
    assert failing.exit_code == 14
    assert working.exit_code == 0
    for one in (failing, working):
        assert "The proxy decides" in one.out
        assert one.err == ""


def test_the_json_validates_report_by_report() -> None:
    with Lab("tls-self-signed") as lab:
        done = ran(lab, "--client", "curl", "--json")
    told = json.loads(done.out)
    assert (done.exit_code, told["exit_code"], told["schema_version"]) == (13, 13, 1)
    for column in told["columns"]:
        doctor.validator().validate(column["report"])
    assert told["deciding"]["variable"] is None
    assert told["deciding"]["sentence"].startswith("The client does not decide: both fail at tls with ")
    assert KEY not in done.out


@pytest.mark.parametrize("columns", ["50", pytest.param("120", marks=pytest.mark.slow)])
def test_a_terminal_of_any_width_gets_the_verdict(columns: str) -> None:
    with Lab("tls-expired") as lab:
        done = ran(lab, "--ipv4", "--client", "curl", COLUMNS=columns)
    assert done.exit_code == 13
    prose = [line for line in done.out.splitlines() if not re.match(r"\s{4}\S|.*/", line)]
    assert max(map(len, prose)) <= int(columns)
    assert "all fail at tls with tls-expired" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing to compare with"),
        (["--client", "java"], "java"),
        (["--python", "/there/is/no/python"], "/there/is/no/python"),
        (["--timeout", "0"], "--timeout"),
        (["--direct"], "direct already"),
    ],
)
def test_bad_input_gets_exit_code_two(arguments: list[str], says: str) -> None:
    done = doctor.run("compare", *arguments)
    assert (done.exit_code, done.out) == (2, "")
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing on Windows")
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_prints_what_is_there_and_exits_with_130() -> None:
    with Lab("response-timeout") as lab:
        process = subprocess.Popen(
            [sys.executable, "-m", "claudecheck", "compare", "--client", "curl", "--json", "--local-only"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=doctor.clean_environment({**lab.variables, "VIRTUAL_ENV": sys.prefix}),
        )
        patience = time.monotonic() + 30
        while len(lab.requests) < 2 and time.monotonic() < patience:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    told = json.loads(out)
    assert (process.returncode, told["exit_code"], err) == (130, 130, "")
    assert [column["outcome"] for column in told["columns"]] == ["cut", "cut"]
    for column in told["columns"]:
        assert column["report"]["observations"][-1]["cut"] == "interrupted"


@pytest.mark.slow
def test_many_comparisons_at_once_end_well() -> None:
    """Threads that meet a type of observation for the first time, all at once, once ended the process."""
    with Lab("healthy") as lab:
        variables = {**lab.variables, "VIRTUAL_ENV": sys.prefix}
        options = ("--client", "curl", "--client", "node", "--ipv4", "--local-only", "--no-message")
        with ThreadPoolExecutor(4) as pool:
            ended = list(pool.map(lambda _: doctor.run("compare", *options, variables=variables).exit_code, range(24)))
    assert set(ended) == {0}
