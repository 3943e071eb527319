"""A secret planted in every entrance is in no exit: no stream, no saved file, no spelling, whatever the command."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from claudecheck.explanation import explain
from claudecheck.render.explanation import render_text, to_json
from tests import doctor
from tests.test_secrets import echo, spellings

KEY = "sk-ant-api03-PLANTED_" + "q7Zk-" * 16 + "AA"
PLAIN = "planted/plain+secret:of#no-shape"
SAFE = quote(PLAIN, safe="")
#: Where a secret comes in: the variables, and the files below HOME.
ENTRANCES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "key": ({"ANTHROPIC_API_KEY": KEY}, {}),
    "token": ({"ANTHROPIC_AUTH_TOKEN": PLAIN}, {}),
    "headers": ({"ANTHROPIC_CUSTOM_HEADERS": f"x-one: {PLAIN}\nx two: {PLAIN}"}, {}),
    "proxy": ({"HTTPS_PROXY": f"http://me:{SAFE}@127.0.0.1:9"}, {}),
    "broken proxy": ({"HTTPS_PROXY": f"http://me:{PLAIN}@127.0.0.1:9"}, {}),
    "proxy without a scheme": ({"ALL_PROXY": f"me:{PLAIN}@127.0.0.1:9"}, {}),
    "query": ({"ANTHROPIC_BASE_URL": f"http://127.0.0.1:9/v1?key={SAFE}"}, {}),
    "query of no URL": ({"ANTHROPIC_BASE_URL": f"127.0.0.1:9?key={SAFE}"}, {}),
    "userinfo": ({"ANTHROPIC_BASE_URL": f"http://me:{SAFE}@127.0.0.1:9"}, {}),
    "foreign": ({"DB_PASSWORD": PLAIN, "ANTHROPIC_BASE_URL": f"http://127.0.0.1:9/{PLAIN.replace('#', '%23')}"}, {}),
    "settings": ({}, {".claude/settings.json": json.dumps({"env": {"ANTHROPIC_AUTH_TOKEN": PLAIN}})}),
    "profile": (
        {"ANTHROPIC_PROFILE": "work"},
        {
            ".config/anthropic/configs/work.json": json.dumps({"authentication": {"type": "user_oauth"}}),
            ".config/anthropic/credentials/work.json": json.dumps({"access_token": PLAIN, "expires_at": 1}),
        },
    ),
}
QUICK = ["proxy", "query", "foreign", "settings"]
DOCTOR = f"doctor --local-only --timeout 10 --python {doctor.PYTHON}"
COMMANDS = ["routes", "routes --json", "trust", "trust --json"]
COMMANDS += [f"{DOCTOR} --format {form}" for form in ("text", "json", "markdown", "short")]
COMMANDS += [f"{DOCTOR} -v", f"{DOCTOR} --client claude-code --json", f"{DOCTOR} --client curl --json"]
COMMANDS += ["compare --direct --local-only --no-message --json", "compare --ipv4 --local-only --no-message"]


def check(entrance: str, command: str, home: Path) -> None:
    variables, texts = ENTRANCES[entrance]
    for name, text in texts.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
        (home / name).chmod(0o600)
    saved = home / "saved.json"
    save = ["--save", str(saved)] if command.startswith("doctor") else []
    with echo() as url:
        ran = doctor.invoke(
            *command.split(), *save, variables={"HOME": str(home), "ANTHROPIC_BASE_URL": url, **variables}
        )
    assert ran.exit_code < 70
    exits = ran.out + ran.err + (saved.read_text() if saved.exists() else "")
    for secret in (KEY, PLAIN):
        assert not [spelling for spelling in spellings(secret) if spelling in exits]


@pytest.mark.parametrize("entrance", QUICK)
def test_no_secret_leaves_where_nothing_is_sent(entrance: str, tmp_path: Path) -> None:
    check(entrance, "routes --json", tmp_path)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_no_secret_leaves_by_any_command(entrance: str, command: str, tmp_path: Path) -> None:
    check(entrance, command, tmp_path)


ARGUMENTS = ["{}", "--{}", "--python {}", "--client {}", "--save {}/x", "--output {}", "--replay {}"]


def refused(argument: str, secret: str) -> None:
    typed = argument.format(secret + "\x1b[31m").split()
    ran = doctor.run("doctor", *typed, variables={"SOME_TOKEN": PLAIN})
    assert ran.exit_code == 2, ran.err
    assert secret not in ran.out + ran.err
    assert "\x1b" not in ran.out + ran.err


def test_no_usage_error_repeats_a_secret_or_an_escape_sequence() -> None:
    refused("--{}", KEY)
    refused("--python {}", PLAIN)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("secret", [KEY, PLAIN])
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_no_usage_error_of_any_argument_repeats_a_secret(argument: str, secret: str) -> None:
    refused(argument, secret)


@pytest.mark.parametrize(
    "text",
    [
        "ANTHROPIC_API_KEY={}",
        '{{"apiKey": "{}", "error": "401 authentication_error"}}',
        "curl: (56) CONNECT tunnel failed, response 407\n$ curl --proxy-user me:{} https://api.anthropic.com",
        "httpx.InvalidURL: Invalid port: '{}@proxy:3128'",
        "anthropic.AuthenticationError: Error code: 401 - x-api-key: {}",
        "Proxy-Authorization: Basic {}",
        "httpx.ConnectError: https://me:{}@gateway.example/v1 refused",
    ],
)
@pytest.mark.parametrize("secret", [KEY, "hunter22hunter22"])
def test_what_is_explained_is_echoed_without_its_secret(text: str, secret: str) -> None:
    found = explain(text.format(secret))
    assert secret not in to_json(found) + render_text(found, width=100, colour=False, unicode=True) + str(found)


@pytest.mark.parametrize(
    "variables",
    [
        {"SSL_CERT_FILE": KEY},
        {"CURL_CA_BUNDLE": f"/x/{KEY}/ca.pem"},
        {"ANTHROPIC_BASE_URL": KEY},
        {"ANTHROPIC_BASE_URL": f"https://{KEY}.example.test"},
        {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:1/v1/{KEY}/x"},
        {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:1/v1#{KEY}"},
        {"HTTPS_PROXY": KEY},
    ],
    ids=str,
)
def test_routes_shows_no_key_that_is_in_the_wrong_variable(variables: dict[str, str]) -> None:
    for form in ([], ["--json"]):
        ran = doctor.invoke("routes", *form, variables=doctor.clean_environment(variables))
        assert KEY[:40].lower() not in "".join((ran.out + ran.err).lower().split())


def test_a_key_behind_a_hash_is_known_to_be_one() -> None:
    from claudecheck.clients.secrets import secrets_in

    told = secrets_in({"ANTHROPIC_BASE_URL": "http://a.example/v1#PLAINSECRET?other=PLAINQUERY"})
    assert {"PLAINSECRET", "PLAINQUERY"} <= set(told)
