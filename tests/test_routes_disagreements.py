"""The disagreements between clients that people meet most often, as `routes` tells them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from claudecheck.clients import rows
from claudecheck.clients.rows import Routes
from claudecheck.machine import environment
from tests import sdk_files
from tests.client_plans import API_KEY_ONLY, KEY, PYTHON, TOKEN, snapshot_of
from tests.doctor import PYTHON as OWN
from tests.doctor import invoke

A, B = "http://a.corp:1", "http://b.corp:2"
SWITCHED_ON = {"NODE_USE_ENV_PROXY": "1"}


def ways(made: Routes) -> dict[str, str]:
    return {row.client: row.proxy for row in made.rows}


@pytest.mark.parametrize(
    ("variables", "python", "typescript", "claude_code", "curl"),
    [
        ({"HTTP_PROXY": A}, "direct", "direct", A, "direct"),
        ({"http_proxy": A}, "direct", "direct", A, "direct"),
        ({"HTTP_PROXY": A, **SWITCHED_ON}, "direct", A, A, "direct"),
        ({"ALL_PROXY": A}, A, "direct", A, A),
        ({"all_proxy": A, **SWITCHED_ON}, A, "direct", A, A),
        ({"https_proxy": A, "HTTPS_PROXY": B, **SWITCHED_ON}, A, A, A, A),
        ({"https_proxy": "", "HTTPS_PROXY": B, **SWITCHED_ON}, "direct", "direct", B, B),
        ({"https_proxy": "", "HTTP_PROXY": B, **SWITCHED_ON}, "direct", B, B, "direct"),
        ({"Https_Proxy": A, **SWITCHED_ON}, A, "direct", "direct", "direct"),
        ({"HTTPS_PROXY": "a.corp:1", **SWITCHED_ON}, A, "unusable", A, A),
        ({"HTTPS_PROXY": A, "NO_PROXY": "b.corp anthropic.com", **SWITCHED_ON}, A, "direct", "direct", "direct"),
        ({"HTTPS_PROXY": A, "NO_PROXY": ".anthropic.com"}, "direct", "direct", "direct", "direct"),
        ({"HTTPS_PROXY": A, "NO_PROXY": "*.anthropic.com", **SWITCHED_ON}, A, "direct", "direct", A),
        ({"HTTPS_PROXY": A, "NO_PROXY": "hropic.com", **SWITCHED_ON}, A, A, A, A),
    ],
)
def test_each_client_goes_its_own_way_and_those_that_differ_are_told(
    variables: Mapping[str, str], python: str, typescript: str, claude_code: str, curl: str
) -> None:
    made = rows.routes(snapshot_of({**API_KEY_ONLY, **variables}), PYTHON)
    went = {"python": python, "typescript": typescript, "node": typescript, "claude-code": claude_code, "curl": curl}
    assert ways(made) == went
    told = [one for one in made.disagreements if " go" in one]
    assert len(told) == (1 if len(set(went.values())) > 1 else 0)
    for row in made.rows if told else ():
        assert row.title in told[0]


def test_of_http_proxy_alone_it_is_said_who_takes_it_and_why_the_others_do_not() -> None:
    (told,) = rows.routes(snapshot_of({**API_KEY_ONLY, "HTTP_PROXY": A}), PYTHON).disagreements
    assert "Claude Code goes through http://a.corp:1 (HTTP_PROXY)" in told
    assert "Python SDK goes direct: only HTTP_PROXY is set, and the SDK uses it for http:// targets only" in told
    assert "curl goes direct: only HTTP_PROXY is set" in told
    assert "fetch reads no proxy variable without NODE_USE_ENV_PROXY=1" in told


@pytest.mark.parametrize(
    ("variable", "readers"),
    [
        ("SSL_CERT_FILE", {"Python SDK", "Claude Code", "curl"}),
        ("NODE_EXTRA_CA_CERTS", {"TypeScript SDK", "Node fetch", "Claude Code"}),
        ("CURL_CA_BUNDLE", {"curl"}),
        ("REQUESTS_CA_BUNDLE", set()),
    ],
)
def test_one_variable_for_authorities_is_read_by_some_clients_only(
    variable: str, readers: set[str], tmp_path: Path
) -> None:
    sdk_files.lay(tmp_path)
    named = {"HOME": "/nowhere", **API_KEY_ONLY, variable: str(tmp_path / "private.pem")}
    made = rows.routes(replace(environment.read(named), programs=snapshot_of({}).programs), PYTHON)
    assert {row.title for row in made.rows if variable in row.trust} == readers
    unread = {row.title for row in made.rows if variable in [one.variable for one in row.ignored]}
    assert unread == {row.title for row in made.rows} - readers
    told = [one for one in made.disagreements if "trust" in one]
    assert len(told) == bool(readers)
    assert all(variable in one and all(row.title in one for row in made.rows) for one in told)


def test_the_settings_of_claude_code_send_it_elsewhere_than_the_shell_sends_the_others(tmp_path: Path) -> None:
    block = {"ANTHROPIC_BASE_URL": "https://gw.corp", "HTTPS_PROXY": A, "ANTHROPIC_AUTH_TOKEN": TOKEN}
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text(json.dumps({"env": block}))
    shell = {"HOME": str(tmp_path), "PATH": "", **API_KEY_ONLY, "HTTPS_PROXY": B}
    done = invoke("routes", "--json", "--python", OWN, variables=shell)
    told = json.loads(done.out)
    assert done.exit_code == 0
    assert KEY not in done.out
    assert TOKEN not in done.out
    row = {row["client"]: row for row in told["rows"]}
    assert [row[name]["endpoint"] for name in ("python", "curl")] == ["https://api.anthropic.com"] * 2
    assert (row["claude-code"]["endpoint"], row["claude-code"]["proxy"]) == ("https://gw.corp", A)
    assert row["python"]["proxy"] == row["curl"]["proxy"] == B
    address, proxy, credential = told["disagreements"]
    place = f"in {tmp_path}/.claude/settings.json"
    assert f"Claude Code calls https://gw.corp (ANTHROPIC_BASE_URL {place})" in address
    assert f"Claude Code goes through {A} (HTTPS_PROXY {place})" in proxy
    assert f"Claude Code sends ANTHROPIC_AUTH_TOKEN {place}" in credential
    assert all(sentence.startswith("Python SDK") for sentence in told["disagreements"])


def test_of_a_key_and_a_token_it_is_said_who_sends_which() -> None:
    both = {**API_KEY_ONLY, "ANTHROPIC_AUTH_TOKEN": TOKEN}
    (told,) = rows.routes(snapshot_of(both), PYTHON).disagreements
    assert told == "Python SDK and TypeScript SDK send ANTHROPIC_API_KEY; Claude Code sends ANTHROPIC_AUTH_TOKEN."
