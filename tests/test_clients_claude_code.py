"""Which route Claude Code takes: its settings files, its credentials, its providers, its proxy."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from claudecheck.clients import claude_code, rows
from claudecheck.clients.snapshot import Snapshot
from claudecheck.lab.authority import Authority
from claudecheck.machine import environment
from tests.client_plans import API_KEY_ONLY, KEY, PROXY, PYTHON, SHOWN, TOKEN, credential, snapshot_of, told, way


@pytest.fixture(autouse=True)
def _in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


@pytest.mark.parametrize(
    ("variables", "through", "concerns"),
    [
        ({}, "direct", ()),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, SHOWN, ()),
        ({"HTTPS_PROXY": PROXY, "http_proxy": "http://other:1"}, SHOWN, ()),
        ({"HTTP_PROXY": PROXY}, SHOWN, ()),
        ({"https_proxy": "", "HTTP_PROXY": PROXY}, SHOWN, ()),
        ({"ALL_PROXY": PROXY}, SHOWN, ()),
        ({"ALL_PROXY": PROXY, "HTTP_PROXY": "http://other:1"}, "http://other:1", ()),
        ({"ALL_PROXY": "socks5h://proxy.corp:1"}, "direct", ("proxy-ignored",)),
        ({"ALL_PROXY": "proxy.corp"}, "direct", ("proxy-url-invalid",)),
        ({"HTTPS_PROXY": "proxy.corp:8080"}, SHOWN, ()),
        ({"HTTPS_PROXY": f"{SHOWN}/path"}, SHOWN, ()),
        ({"HTTPS_PROXY": "proxy.corp"}, "direct", ("proxy-url-invalid",)),
        ({"HTTPS_PROXY": "joe:pw@proxy.corp:8080"}, "direct", ("proxy-url-invalid",)),
        ({"HTTPS_PROXY": "http://proxy.corp :8080"}, "direct", ("proxy-url-invalid",)),
        ({"HTTPS_PROXY": "socks5h://proxy.corp"}, "direct", ("proxy-scheme-unsupported",)),
        ({"HTTPS_PROXY": "htp://proxy.corp:8080"}, "direct", ("proxy-scheme-unsupported",)),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "localhost .anthropic.com"}, "direct", ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "a.corp", "no_proxy": "api.anthropic.com"}, "direct", ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "api.anthropic.com", "no_proxy": "a.corp"}, SHOWN, ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "com"}, "direct", ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": ".anthropic.com:443"}, "direct", ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "api.anthropic.com:1"}, SHOWN, ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "hropic.com"}, SHOWN, ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, "direct", ()),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "example.com"}, SHOWN, ()),
    ],
)
def test_claude_code_takes_the_first_proxy_variable(
    variables: Mapping[str, str], through: str, concerns: tuple[str, ...]
) -> None:
    plan = claude_code.plan(snapshot_of({**API_KEY_ONLY, **variables}))
    assert (way(plan), told(plan)) == (through, concerns)


@pytest.mark.parametrize(
    ("variables", "host", "provider"),
    [
        (
            {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": "eu-west-1"},
            "bedrock-runtime.eu-west-1.amazonaws.com",
            "bedrock",
        ),
        ({"CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_BEDROCK_BASE_URL": "https://b.corp"}, "b.corp", "bedrock"),
        ({"CLAUDE_CODE_USE_VERTEX": "true", "CLOUD_ML_REGION": "global"}, "aiplatform.googleapis.com", "vertex"),
        ({"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "eu"}, "aiplatform.eu.rep.googleapis.com", "vertex"),
        (
            {"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "us-east5"},
            "us-east5-aiplatform.googleapis.com",
            "vertex",
        ),
        ({"CLAUDE_CODE_USE_FOUNDRY": "1", "ANTHROPIC_FOUNDRY_RESOURCE": "r"}, "r.services.ai.azure.com", "foundry"),
        ({"CLAUDE_CODE_USE_MANTLE": "1", "AWS_REGION": "us-east-1"}, "bedrock-mantle.us-east-1.api.aws", "mantle"),
        ({"CLAUDE_CODE_USE_ANTHROPIC_AWS": "1", "AWS_DEFAULT_REGION": "x"}, "aws-external-anthropic.x.api.aws", "aws"),
        ({"CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": "1"}, "claude.googleapis.com", "google-cloud"),
        ({"CLAUDE_CODE_USE_BEDROCK": "0"}, "api.anthropic.com", ""),
    ],
)
def test_a_provider_switch_sends_claude_code_to_the_providers_host(
    variables: Mapping[str, str], host: str, provider: str
) -> None:
    plan = claude_code.plan(snapshot_of({**API_KEY_ONLY, **variables}))
    assert plan.route is not None
    assert (plan.route.endpoint.host, plan.route.provider) == (host, provider)
    assert bool(plan.route.credential.secret) == (not provider)  # no key of Anthropic's goes to another's host
    assert ("provider-route" in told(plan)) == bool(provider)


def test_a_provider_without_an_address_has_no_route_rather_than_a_wrong_one() -> None:
    plan = claude_code.plan(snapshot_of({**API_KEY_ONLY, "CLAUDE_CODE_USE_FOUNDRY": "1"}))
    assert plan.route is None
    assert "provider-address-unknown" in told(plan)


def lay(folder: Path, **files: object) -> Snapshot:
    """A home and a project with these settings: user, shared, local, managed, drop_in, login."""
    places = {
        "user": folder / "home/.claude/settings.json",
        "shared": folder / "project/.claude/settings.json",
        "local": folder / "project/.claude/settings.local.json",
        "managed": folder / "etc/claude-code/managed-settings.json",
        "drop_in": folder / "etc/claude-code/managed-settings.d/10-proxy.json",
        "login": folder / "home/.claude/.credentials.json",
    }
    for name, content in files.items():
        places[name].parent.mkdir(parents=True, exist_ok=True)
        places[name].write_text(content if isinstance(content, str) else json.dumps(content))
    return environment.read({"HOME": str(folder / "home"), **API_KEY_ONLY}, root=str(folder))


def env(value: str) -> dict[str, object]:
    return {"env": {"ANTHROPIC_BASE_URL": f"https://{value}.corp"}}


ORDER = ("user", "shared", "local", "managed", "drop_in")


@pytest.mark.parametrize("strongest", range(len(ORDER)))
def test_settings_win_over_the_shell_and_over_each_other_in_the_documented_order(
    strongest: int, tmp_path: Path
) -> None:
    snapshot = lay(tmp_path, **{name: env(name.replace("_", "-")) for name in ORDER[: strongest + 1]})
    shell = {**snapshot.variables, "ANTHROPIC_BASE_URL": "https://shell.corp"}
    route = claude_code.plan(replace(snapshot, variables=shell)).route
    assert route is not None
    assert route.endpoint.host == f"{ORDER[strongest].replace('_', '-')}.corp"
    assert route.endpoint.source == "ANTHROPIC_BASE_URL"
    assert route.endpoint.file
    python = rows.routes(replace(snapshot, variables=shell), PYTHON).rows[0]
    assert python.endpoint == "https://shell.corp"


def test_an_empty_value_in_the_settings_cancels_an_export(tmp_path: Path) -> None:
    plan = claude_code.plan(lay(tmp_path, user={"env": {"ANTHROPIC_API_KEY": ""}}))
    assert (credential(plan), told(plan)) == ("none", ("key-missing",))


def test_settings_that_cannot_be_read_change_nothing_and_are_named(tmp_path: Path) -> None:
    snapshot = lay(tmp_path, user="{not json")
    assert credential(claude_code.plan(snapshot)) == "ANTHROPIC_API_KEY x-api-key"
    row = next(row for row in rows.routes(snapshot, PYTHON).rows if row.client == "claude-code")
    assert [one.variable for one in row.ignored] == [f"{snapshot.home}/.claude/settings.json"]


def test_commands_for_a_value_in_a_settings_file_have_the_variables_bare_name(tmp_path: Path) -> None:
    block = {"HTTPS_PROXY": "proxy.corp", "ANTHROPIC_BASE_URL": "gw.corp", "ANTHROPIC_AUTH_TOKEN": TOKEN}
    concerns = claude_code.plan(lay(tmp_path, user={"env": block})).concerns
    assert {one.values["variable"] for one in concerns} == set(block)
    assert all(" in " in one.subject for one in concerns)


@pytest.mark.parametrize(
    ("variables", "files", "source", "concerns"),
    [
        ({"ANTHROPIC_AUTH_TOKEN": TOKEN, **API_KEY_ONLY}, {}, "ANTHROPIC_AUTH_TOKEN", ("credential-conflict",)),
        (API_KEY_ONLY, {"user": {"apiKeyHelper": "pass"}}, "ANTHROPIC_API_KEY", ("credential-conflict",)),
        ({}, {"user": {"apiKeyHelper": "pass"}}, "apiKeyHelper", ()),
        ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}, {"user": {"apiKeyHelper": "p"}}, "apiKeyHelper", ("credential-conflict",)),
        ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}, {}, "CLAUDE_CODE_OAUTH_TOKEN", ()),
        ({}, {"login": {"claudeAiOauth": {"accessToken": TOKEN}}}, "the login", ()),
        (API_KEY_ONLY, {"login": {}}, "ANTHROPIC_API_KEY", ("credential-conflict",)),
        ({}, {}, "", ("key-missing",)),
    ],
)
def test_claude_code_takes_its_credential_in_the_documented_order(
    variables: Mapping[str, str],
    files: Mapping[str, object],
    source: str,
    concerns: tuple[str, ...],
    tmp_path: Path,
) -> None:
    laid = lay(tmp_path, **files)
    plan = claude_code.plan(replace(laid, variables={"HOME": laid.home, **variables}))
    assert plan.route is not None
    assert plan.route.credential.source.startswith(source)
    assert bool(plan.route.credential.source) == bool(source)
    assert told(plan) == concerns


def test_a_secret_in_a_settings_file_is_known_to_the_redactor(tmp_path: Path) -> None:
    block = {"ANTHROPIC_AUTH_TOKEN": "gw-7788", "HTTPS_PROXY": PROXY, "ANTHROPIC_CUSTOM_HEADERS": "X-A: abc123"}
    laid = lay(tmp_path, user={"env": {"ANTHROPIC_AUTH_TOKEN": "hidden-1"}}, managed={"env": block})
    assert {"hidden-1", "gw-7788", "hunter22", "abc123", KEY} <= set(environment.secrets(laid))


@pytest.mark.parametrize(
    ("variables", "files", "headers"),
    [
        (
            {"ANTHROPIC_AUTH_TOKEN": "gw-1", "ANTHROPIC_API_KEY": KEY},
            {},
            {"authorization": "Bearer gw-1", "x-api-key": KEY},
        ),
        (
            API_KEY_ONLY,
            {"user": {"env": {"ANTHROPIC_AUTH_TOKEN": "gw-1"}}},
            {"authorization": "Bearer gw-1", "x-api-key": KEY},
        ),
        ({"ANTHROPIC_API_KEY": f" {KEY}\n"}, {}, {"x-api-key": KEY}),
        (
            {**API_KEY_ONLY, "ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer x"},
            {},
            {"x-api-key": KEY, "authorization": "Bearer x"},
        ),
        (
            {"ANTHROPIC_AUTH_TOKEN": "gw-1", "ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer x"},
            {},
            {"authorization": "Bearer gw-1"},
        ),
        (
            {**API_KEY_ONLY, "ANTHROPIC_BASE_URL": "https://joe:secret@gw.corp"},
            {},
            {"x-api-key": KEY, "authorization": "Basic am9lOnNlY3JldA=="},
        ),
    ],
)
def test_both_headers_go_out_where_two_credentials_are_set(
    variables: Mapping[str, str], files: Mapping[str, object], headers: Mapping[str, str], tmp_path: Path
) -> None:
    laid = lay(tmp_path, **files)
    route = claude_code.plan(replace(laid, variables={"HOME": laid.home, **variables})).route
    assert route is not None
    beside = {name.lower(): value.reveal() for name, value in route.headers}
    assert {**route.credential.headers(), **beside} == headers


@pytest.mark.parametrize(
    ("url", "address", "concerns"),
    [
        ("localhost:4000", "http://localhost:4000", ()),
        ("", "https://api.anthropic.com", ()),
        (" ", "https://api.anthropic.com", ()),
        ("https://joe:secret@gw.corp", "https://gw.corp", ()),
        ("https://gw.corp?x=1", "https://gw.corp/?x=1", ("base-url-invalid",)),
        ("gw.corp", "https://gw.corp", ("base-url-invalid",)),
    ],
)
def test_the_base_url_is_read_as_the_program_reads_it(url: str, address: str, concerns: tuple[str, ...]) -> None:
    plan = claude_code.plan(snapshot_of({**API_KEY_ONLY, "ANTHROPIC_BASE_URL": url}))
    assert plan.route is not None
    assert (plan.route.endpoint.url, told(plan)) == (address, concerns)


def test_the_env_block_of_its_state_file_counts_as_the_weakest(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".claude.json").write_text(
        json.dumps({"env": {"ANTHROPIC_BASE_URL": "https://state.corp", "HTTPS_PROXY": PROXY}})
    )
    laid = lay(tmp_path, user={"env": {"ANTHROPIC_BASE_URL": "https://user.corp"}})
    plan = claude_code.plan(laid)
    assert plan.route is not None
    assert plan.route.endpoint.host == "user.corp"
    assert way(plan) == SHOWN
    assert "hunter22" in environment.secrets(laid)


def test_the_shells_ca_file_is_added_to_its_store_and_a_settings_file_cannot_set_it(tmp_path: Path) -> None:
    cafile = tmp_path / "ca.pem"
    cafile.write_bytes(Authority("a root").pem)
    named = {**API_KEY_ONLY, "HOME": str(tmp_path / "home"), "SSL_CERT_FILE": str(cafile)}
    route = claude_code.plan(environment.read(named)).route
    assert route is not None
    assert (route.trust.further, route.trust.with_bundled) == ((str(cafile),), True)
    bundled = claude_code.plan(environment.read({**named, "CLAUDE_CODE_CERT_STORE": "bundled"})).route
    assert bundled is not None
    assert bundled.trust.further == ()
    in_settings = claude_code.plan(lay(tmp_path, user={"env": {"SSL_CERT_FILE": str(cafile)}})).route
    assert in_settings is not None
    assert in_settings.trust.further == ()
