"""Tables of environments: which route each client takes, and what `routes` makes of them together."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from claudecheck.clients import curl, python_sdk, rows, typescript_sdk
from claudecheck.clients.registry import clients
from claudecheck.clients.snapshot import Program
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.machine import environment, programs
from claudecheck.render.routes import render_routes, routes_json
from tests import sdk_files
from tests.client_plans import (
    API_KEY_ONLY,
    EMPTY,
    KEY,
    OTHER,
    PROXY,
    PYTHON,
    SHOWN,
    TOKEN,
    credential,
    snapshot_of,
    told,
    way,
)

# -- the TypeScript SDK ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "sent", "concerns"),
    [
        (API_KEY_ONLY, "ANTHROPIC_API_KEY authorization", ()),
        ({"ANTHROPIC_AUTH_TOKEN": TOKEN}, "ANTHROPIC_AUTH_TOKEN authorization", ()),
        (
            {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_AUTH_TOKEN": TOKEN},
            "ANTHROPIC_API_KEY authorization",
            ("credential-conflict",),
        ),
        ({}, "none", ("key-missing",)),
        ({"ANTHROPIC_API_KEY": "  "}, "none", ("key-missing",)),
        ({"ANTHROPIC_API_KEY": KEY + "\n"}, "ANTHROPIC_API_KEY authorization", ()),
        ({"ANTHROPIC_API_KEY": KEY[:30] + "\n" + KEY[30:]}, "ANTHROPIC_API_KEY authorization", ("key-malformed",)),
        ({"ANTHROPIC_API_KEY": TOKEN}, "ANTHROPIC_API_KEY authorization", ("key-wrong-kind",)),
        ({"ANTHROPIC_CUSTOM_HEADERS": f"x-api-key: {KEY}"}, "ANTHROPIC_CUSTOM_HEADERS x-api-key", ()),
        (
            {**API_KEY_ONLY, "ANTHROPIC_CUSTOM_HEADERS": "Authorization: Basic abc"},
            "ANTHROPIC_API_KEY authorization",
            ("credential-conflict",),
        ),
        (
            {**API_KEY_ONLY, "ANTHROPIC_CUSTOM_HEADERS": "X Team: a"},
            "ANTHROPIC_API_KEY authorization",
            ("custom-headers-invalid",),
        ),
    ],
)
def test_the_typescript_sdk_sends_the_credential_that_comes_first(
    variables: Mapping[str, str], sent: str, concerns: tuple[str, ...]
) -> None:
    plan = typescript_sdk.plan(snapshot_of(variables))
    assert (credential(plan), told(plan)) == (sent, concerns)


def test_the_old_typescript_sdk_sends_key_and_token_side_by_side() -> None:
    both = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_AUTH_TOKEN": TOKEN}
    route = typescript_sdk.plan(snapshot_of(both, typescript="0.137.0")).route
    assert route is not None
    assert (route.credential.header, route.api_version) == ("x-api-key", "2023-06-01")
    assert [(name, value.reveal()) for name, value in route.headers] == [("Authorization", f"Bearer {TOKEN}")]


@pytest.mark.parametrize(
    ("written", "url", "concern"),
    [
        ("", "https://api.anthropic.com", ()),
        (" https://gw.corp/llm/ \n", "https://gw.corp/llm", ()),
        ("https:/gw.corp", "https://gw.corp", ()),
        ("HTTPS://GW.corp:8443", "https://gw.corp:8443", ()),
        ("gw.corp", "https://gw.corp", ("base-url-invalid",)),
        ("https://joe:pw@gw.corp", "https://gw.corp", ("base-url-invalid",)),
        ("https://gw.corp/v1", "https://gw.corp/v1", ("base-url-path",)),
        ("http://gw.corp", "http://gw.corp", ("base-url-insecure",)),
    ],
)
def test_the_typescript_sdk_reads_a_base_url_as_new_url_does(written: str, url: str, concern: tuple[str, ...]) -> None:
    plan = typescript_sdk.plan(snapshot_of({**API_KEY_ONLY, "ANTHROPIC_BASE_URL": written}))
    assert plan.route is not None
    assert (plan.route.endpoint.url, told(plan)) == (url, concern)


@pytest.mark.parametrize(
    ("node", "variables", "through", "concerns"),
    [
        ("20.20.2", {"HTTPS_PROXY": PROXY}, "direct", ("proxy-ignored",)),
        ("24.21.0", {"HTTPS_PROXY": PROXY}, "direct", ("proxy-ignored",)),
        ("20.20.2", {"HTTPS_PROXY": PROXY, "NODE_USE_ENV_PROXY": "1"}, "direct", ("proxy-ignored",)),
        ("22.20.0", {"HTTPS_PROXY": PROXY, "NODE_USE_ENV_PROXY": "1"}, "direct", ("proxy-ignored",)),
        ("22.21.0", {"HTTPS_PROXY": PROXY, "NODE_USE_ENV_PROXY": "1"}, SHOWN, ()),
        ("23.11.1", {"HTTPS_PROXY": PROXY, "NODE_USE_ENV_PROXY": "1"}, "direct", ("proxy-ignored",)),
        ("24.0.0", {"HTTPS_PROXY": PROXY, "NODE_USE_ENV_PROXY": "1"}, SHOWN, ()),
        ("24.21.0", {"HTTPS_PROXY": PROXY, "NODE_USE_ENV_PROXY": "true"}, "direct", ("proxy-ignored",)),
        ("24.21.0", {"HTTPS_PROXY": PROXY, "NODE_OPTIONS": "--use-env-proxy"}, SHOWN, ()),
        ("20.20.2", {"HTTPS_PROXY": PROXY, "NODE_OPTIONS": "--use-env-proxy"}, "direct", ("proxy-ignored",)),
        ("24.21.0", {"HTTP_PROXY": PROXY, "NODE_USE_ENV_PROXY": "1"}, SHOWN, ()),
        ("24.21.0", {"ALL_PROXY": PROXY, "NODE_USE_ENV_PROXY": "1"}, "direct", ("proxy-ignored",)),
        ("24.21.0", {"HTTPS_PROXY": "proxy.corp:8080", "NODE_USE_ENV_PROXY": "1"}, "direct", ("proxy-url-invalid",)),
        (
            "22.23.3",
            {"HTTPS_PROXY": "socks5://proxy.corp", "NODE_USE_ENV_PROXY": "1"},
            "direct",
            ("proxy-scheme-unsupported",),
        ),
        ("22.23.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "anthropic.com", "NODE_USE_ENV_PROXY": "1"}, SHOWN, ()),
        ("24.21.0", {"HTTPS_PROXY": PROXY, "NO_PROXY": "anthropic.com", "NODE_USE_ENV_PROXY": "1"}, "direct", ()),
    ],
)
def test_node_takes_a_proxy_only_when_it_is_told_to(
    node: str, variables: Mapping[str, str], through: str, concerns: tuple[str, ...]
) -> None:
    plan = typescript_sdk.plan(snapshot_of({**API_KEY_ONLY, **variables}, node=node))
    assert (way(plan), told(plan)) == (through, concerns)
    if through == "direct" and variables["HTTPS_PROXY" if "HTTPS_PROXY" in variables else "ALL_PROXY"] == PROXY:
        assert plan.route is not None
        assert plan.route.known_proxy is not None


# -- curl --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "source", "concerns"),
    [
        ({}, "the system's store", ()),
        ({"CURL_CA_BUNDLE": "{folder}/one.pem", "SSL_CERT_FILE": "{folder}/gone"}, "CURL_CA_BUNDLE", ()),
        ({"SSL_CERT_FILE": "{folder}/one.pem"}, "SSL_CERT_FILE", ()),
        ({"SSL_CERT_DIR": "{folder}/hashed"}, "the system's store and SSL_CERT_DIR", ()),
        ({"CURL_CA_BUNDLE": "{folder}/gone.pem"}, "CURL_CA_BUNDLE", ("ca-file-missing",)),
        ({"CURL_CA_BUNDLE": "{folder}/notes.pem"}, "CURL_CA_BUNDLE", ("ca-file-invalid",)),
    ],
)
def test_curl_trusts_what_its_variables_name(
    variables: Mapping[str, str], source: str, concerns: tuple[str, ...], tmp_path: Path
) -> None:
    sdk_files.lay(tmp_path)
    named = {name: value.replace("{folder}", str(tmp_path)) for name, value in variables.items()}
    plan = curl.plan(environment.read({"HOME": "/nowhere", "ANTHROPIC_API_KEY": KEY, **named}))
    assert plan.route is not None
    assert (plan.route.trust.source, told(plan)) == (source, concerns)


@pytest.mark.parametrize(
    ("node", "variables", "source", "concerns"),
    [
        ("24.21.0", {}, "Node's own roots", ()),
        ("24.21.0", {"NODE_EXTRA_CA_CERTS": "{folder}/one.pem"}, "Node's own roots and NODE_EXTRA_CA_CERTS", ()),
        ("24.21.0", {"NODE_EXTRA_CA_CERTS": "{folder}/gone.pem"}, "Node's own roots", ("ca-file-missing",)),
        ("24.21.0", {"NODE_EXTRA_CA_CERTS": "{folder}/notes.pem"}, "Node's own roots", ("ca-file-invalid",)),
        ("24.21.0", {"SSL_CERT_FILE": "{folder}/private.pem"}, "Node's own roots", ("ca-variable-ignored",)),
        ("24.21.0", {"REQUESTS_CA_BUNDLE": "{folder}/private.pem"}, "Node's own roots", ("ca-variable-ignored",)),
        ("24.21.0", {"SSL_CERT_FILE": "{folder}/one.pem", "NODE_OPTIONS": "--use-openssl-ca"}, "SSL_CERT_FILE", ()),
        ("24.21.0", {"NODE_OPTIONS": "--use-system-ca"}, "Node's own roots and the system's store", ()),
        ("24.21.0", {"NODE_USE_SYSTEM_CA": "1"}, "Node's own roots and the system's store", ()),
        ("20.20.2", {"NODE_USE_SYSTEM_CA": "1"}, "Node's own roots", ()),
        (
            "20.20.2",
            {"NODE_OPTIONS": "--use-system-ca"},
            "Node's own roots and the system's store",
            ("ca-variable-ignored",),
        ),
        ("24.21.0", {"NODE_TLS_REJECT_UNAUTHORIZED": "0"}, "Node's own roots", ("verification-disabled",)),
    ],
)
def test_node_trusts_what_its_variables_name(
    node: str, variables: Mapping[str, str], source: str, concerns: tuple[str, ...], tmp_path: Path
) -> None:
    sdk_files.lay(tmp_path)
    named = {name: value.replace("{folder}", str(tmp_path)) for name, value in variables.items()}
    read = environment.with_programs(environment.read({"HOME": "/nowhere", "PATH": "", **API_KEY_ONLY, **named}))
    plan = typescript_sdk.plan(replace(read, programs={"node": Program("node", node)}))
    assert plan.route is not None
    assert plan.route.trust.source == source
    assert told(plan) == concerns


@pytest.mark.parametrize(
    ("version", "written", "through", "concerns"),
    [
        ("7.88.1", "http:///proxy.corp:8080", SHOWN, ()),
        ("7.88.1", "http:////proxy.corp:8080", "direct", ("proxy-url-invalid",)),
        ("7.88.1", "htp//proxy.corp:8080", "direct", ("proxy-url-invalid",)),
        ("7.88.1", "http://joe:hunter@22@proxy.corp:8080", "direct", ("proxy-url-invalid",)),
        ("7.88.1", "http://joe:hunter#22@proxy.corp:8080", "direct", ("proxy-url-invalid",)),
    ],
)
def test_curl_forgives_slashes_in_a_proxy_and_no_second_at_sign(
    version: str, written: str, through: str, concerns: tuple[str, ...]
) -> None:
    known = replace(
        snapshot_of({"ANTHROPIC_API_KEY": KEY, "https_proxy": written}), programs={"curl": Program("curl", version)}
    )
    plan = curl.plan(known)
    assert (way(plan), told(plan)) == (through, concerns)


@pytest.mark.parametrize(
    ("version", "listed", "host", "bypassed"),
    [
        ("7.88.1", "::1", "[::1]", True),
        ("7.88.1", "::1/128", "[::1]", False),
        ("8.18.0", "::/64", "[::1]", True),
        ("8.18.0", "[::1]", "[::1]", False),
        ("7.88.1", "10.0.0.0/8", "10.1.2.3", True),
        ("7.88.1", "10.1.2.3/0", "10.1.2.3", True),
        ("7.88.1", "0.0.0.0/0", "10.1.2.3", False),
    ],
)
def test_networks_in_no_proxy_are_networks_for_curl(version: str, listed: str, host: str, bypassed: bool) -> None:
    variables = {"https_proxy": PROXY, "no_proxy": listed, "ANTHROPIC_BASE_URL": f"https://{host}"}
    plan = curl.plan(replace(snapshot_of(variables), programs={"curl": Program("curl", version)}))
    assert (way(plan) == "direct") == bypassed


@pytest.mark.parametrize(
    ("node", "written", "logs_in", "concerns"),
    [
        ("24.21.0", "http://joe:hunter22@proxy.corp:8080", True, ()),
        ("24.21.0", "http://joe@proxy.corp:8080", False, ()),
        ("26.10.0", "http://joe@proxy.corp:8080", True, ()),
        ("24.21.0", "https://joe:hunter22@10.0.0.5:8080", True, ()),
        ("26.10.0", "https://joe:hunter22@10.0.0.5:8080", False, ("proxy-url-invalid",)),
    ],
)
def test_what_a_line_of_node_makes_of_a_login_and_of_an_address(
    node: str, written: str, logs_in: bool, concerns: tuple[str, ...]
) -> None:
    variables = {**API_KEY_ONLY, "HTTPS_PROXY": written, "NODE_USE_ENV_PROXY": "1"}
    plan = typescript_sdk.plan(snapshot_of(variables, node=node))
    assert plan.route is not None
    assert bool(plan.route.proxy and plan.route.proxy.has_credentials) == logs_in
    assert told(plan) == concerns


# -- old Python SDKs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sdk", "variables", "sent"),
    [
        ("0.30.0", {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": TOKEN}, None),
        ("0.75.0", {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": TOKEN}, ["X-Api-Key"]),
        ("0.125.0", {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": TOKEN}, []),
        ("0.125.0", {"ANTHROPIC_CUSTOM_HEADERS": f"x-api-key: {KEY}"}, None),
        ("0.125.0", {"ANTHROPIC_CUSTOM_HEADERS": f"X-Api-Key: {KEY}"}, ["X-Api-Key"]),
        ("2.12.0", {"ANTHROPIC_CUSTOM_HEADERS": f"x-api-key: {KEY}"}, ["x-api-key"]),
    ],
)
def test_an_empty_key_and_the_case_of_a_header_matter_to_old_sdks(
    sdk: str, variables: Mapping[str, str], sent: list[str] | None
) -> None:
    interpreter = msgspec.structs.replace(PYTHON, sdk=sdk, generation=int(sdk.partition(".")[0]))
    plan = python_sdk.plan(snapshot_of(variables), interpreter)
    assert plan.route is not None
    assert ("key-missing" in told(plan)) == (sent is None)
    if sent is not None:
        assert [name for name, _ in plan.route.headers] == sent


# -- together ----------------------------------------------------------------------------------------


def disagreements(variables: Mapping[str, str]) -> list[str]:
    return rows.routes(snapshot_of({**API_KEY_ONLY, **variables}), PYTHON).disagreements


def test_clients_that_go_the_same_way_disagree_about_nothing() -> None:
    assert disagreements({}) == []


def test_the_proxy_that_only_some_clients_take_is_said_in_one_sentence() -> None:
    (sentence,) = disagreements({"https_proxy": "http://proxy:8080"})
    assert sentence == (
        "Python SDK, Claude Code and curl go through http://proxy:8080 (https_proxy); TypeScript SDK and Node fetch "
        "go direct: https_proxy is set, and fetch reads no proxy variable without NODE_USE_ENV_PROXY=1."
    )


def test_a_key_and_a_token_are_sent_by_different_clients() -> None:
    assert disagreements({"ANTHROPIC_AUTH_TOKEN": TOKEN}) == [
        "Python SDK and TypeScript SDK send ANTHROPIC_API_KEY; Claude Code sends ANTHROPIC_AUTH_TOKEN."
    ]


def test_a_gateway_shows_which_header_each_client_uses() -> None:
    assert disagreements({"ANTHROPIC_BASE_URL": "https://gw.corp"}) == [
        "Python SDK and TypeScript SDK use the header authorization; Claude Code uses the header x-api-key."
    ]


def test_a_client_that_cannot_start_is_named_first() -> None:
    told = disagreements({"HTTPS_PROXY": "socks5://proxy.corp"})
    assert told[0].startswith("Python SDK and Claude Code cannot send anything from here; ")
    assert "Claude Code stops: HTTPS_PROXY is a SOCKS proxy, which Claude Code does not support; curl goes" in told[1]


def test_what_is_set_in_vain_is_listed_with_what_reading_it_would_take() -> None:
    made = rows.routes(snapshot_of({**API_KEY_ONLY, "REQUESTS_CA_BUNDLE": "/x", "ALL_PROXY": "http://p:1"}), PYTHON)
    ignored = {row.client: [one.variable for one in row.ignored] for row in made.rows}
    assert ignored == {
        "python": ["REQUESTS_CA_BUNDLE"],
        "typescript": ["REQUESTS_CA_BUNDLE", "ALL_PROXY"],
        "node": ["REQUESTS_CA_BUNDLE", "ALL_PROXY"],
        "claude-code": ["REQUESTS_CA_BUNDLE"],
        "curl": ["REQUESTS_CA_BUNDLE"],
    }


FULL = {
    "ANTHROPIC_API_KEY": KEY,
    "ANTHROPIC_AUTH_TOKEN": TOKEN,
    "CLAUDE_CODE_OAUTH_TOKEN": OTHER,
    "HTTPS_PROXY": PROXY,
    "HTTP_PROXY": "joe:hunter22@proxy.corp:port",
    "ALL_PROXY": "socks5://joe:hunter22@proxy.corp",
    "ANTHROPIC_BASE_URL": "https://joe:hunter22@gw.corp",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Secret: hunter22",
    "NODE_USE_ENV_PROXY": "1",
}


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_neither_page_nor_json_shows_a_secret_or_breaks_its_width(width: int, unicode: bool) -> None:
    made = rows.routes(snapshot_of(FULL), PYTHON)
    page = render_routes(made, width=width, colour=False, unicode=unicode)
    text = page + routes_json(made)
    for secret in (KEY, TOKEN, OTHER, "hunter22"):
        assert secret not in text
        assert secret[:20] not in text
    assert max(map(len, page.splitlines())) <= width
    assert unicode or page.isascii()
    assert json.loads(routes_json(made))["rows"][0]["client"] == "python"


def test_every_concern_of_every_client_is_in_the_catalogue() -> None:
    made = rows.routes(snapshot_of(FULL), PYTHON)
    assert {code for row in made.rows for code in row.concerns} <= set(CATALOGUE)
    assert [row.client for row in made.rows] == [client.name for client in clients()]


def test_installed_programs_are_found_where_their_clients_look(tmp_path: Path) -> None:
    native = tmp_path / "share/claude/versions/2.1.329"
    node = tmp_path / "bin/node"
    package = tmp_path / "project/node_modules/@anthropic-ai/sdk/package.json"
    for file, text in ((native, ""), (node, "#!/bin/sh\necho v24.5.1\n"), (package, '{"version": "1.12.0"}')):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    (tmp_path / "bin/claude").symlink_to(native)
    (tmp_path / "project/src").mkdir()
    variables = {"PATH": str(tmp_path / "bin"), "NODE_OPTIONS": "--no-such-option"}
    found, _ = programs.installed(replace(EMPTY, variables=variables, cwd=str(tmp_path / "project/src")))
    assert {name: one.version for name, one in found.items()} == {
        "node": "24.5.1",
        "claude-code": "2.1.329",
        "typescript": "1.12.0",
    }
