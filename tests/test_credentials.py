"""Credentials by their format, and what is said of one that cannot work."""

import msgspec
import pytest

from claudecheck.clients import credentials, python_sdk
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Snapshot
from claudecheck.observations import Interpreter
from tests.sdk_cases import ADMIN, KEY, TOKEN

OLD = Sdk(generation=0, version=(0, 125), stack=(0, 28))
NEW = Sdk(generation=2, version=(2, 12), stack=(2, 16))
VENDORS_KEY = "sk-proj-" + "x1Y2" * 20


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (KEY, "sk-ant-api03"),
        (f'"{KEY}"\n', "sk-ant-api03"),
        (TOKEN, "sk-ant-oat01"),
        (ADMIN, "sk-ant-admin01"),
        ("sk-ant-sid01-abc", "sk-ant-sid01"),
        (VENDORS_KEY, "sk-proj"),
        ("sk-or-v1-abc", "sk-or-v1"),
        ("AIzaSyA", "AIza"),
        ("anything", "other"),
        ("", "other"),
    ],
)
def test_the_kind_is_told_by_the_format(value: str, kind: str) -> None:
    assert credentials.kind_of(value) == kind


def test_a_masked_key_tells_which_one_it_is_and_nothing_to_use() -> None:
    masked = credentials.masked(KEY)
    assert masked.startswith("sk-ant-api03 (105 characters, fingerprint ")
    assert KEY[13:20] not in masked


@pytest.mark.parametrize("value", ["dummy", "none", "sk-1234", "your-key", "x", KEY, "gw_Zm9v/bar=="])
def test_a_gateways_key_may_look_like_anything(value: str) -> None:
    assert credentials.malformed(value, bearer=True, official=False, sdk=NEW) is None


@pytest.mark.parametrize("value", ["key\n", '"key"', "$KEY", "${KEY}", "%KEY%", "{{ secrets.KEY }}", "Bearer key"])
def test_no_endpoint_takes_what_is_no_token_at_all(value: str) -> None:
    assert credentials.malformed(value, bearer=True, official=False, sdk=NEW) is not None


@pytest.mark.parametrize(
    "value",
    [
        *("your-api-key", "YOUR_API_KEY", "your_anthropic_api_key_here", "<your key>", "sk-ant-...", "sk-ant-xxxxxxxx"),
        *("sk-ant-api03-your-key-here", "changeme", "api-key", "sk-ant-api03-…", "xxxx"),
    ],
)
def test_placeholders_of_examples_are_known(value: str) -> None:
    assert credentials.malformed(value, bearer=True, official=True, sdk=NEW) is not None


def test_a_blank_before_the_key_stops_the_old_header_only() -> None:
    old = credentials.malformed(f" {KEY}", bearer=False, official=True, sdk=OLD)
    new = credentials.malformed(f" {KEY}", bearer=True, official=True, sdk=NEW)
    assert old is not None
    assert new is not None
    assert (old.stops_client, new.stops_client) == (True, False)


@pytest.mark.parametrize(
    ("value", "variable", "host", "sdk", "wrong"),
    [
        (KEY, "ANTHROPIC_API_KEY", "official", NEW, False),
        (TOKEN, "ANTHROPIC_AUTH_TOKEN", "official", NEW, False),
        (TOKEN, "ANTHROPIC_API_KEY", "gateway", NEW, True),
        (KEY, "ANTHROPIC_AUTH_TOKEN", "official", OLD, True),
        (KEY, "ANTHROPIC_AUTH_TOKEN", "official", NEW, False),
        (KEY, "ANTHROPIC_AUTH_TOKEN", "gateway", OLD, False),
        (ADMIN, "ANTHROPIC_API_KEY", "gateway", NEW, True),
        ("sk-ant-ort01-" + "r" * 60, "ANTHROPIC_AUTH_TOKEN", "official", NEW, True),
        (VENDORS_KEY, "ANTHROPIC_API_KEY", "official", NEW, True),
        (VENDORS_KEY, "ANTHROPIC_API_KEY", "gateway", NEW, False),
        (VENDORS_KEY, "ANTHROPIC_API_KEY", "loopback", NEW, True),
        ("gateway-token", "ANTHROPIC_API_KEY", "official", NEW, False),
    ],
)
def test_a_kind_is_wrong_only_where_it_cannot_work(value: str, variable: str, host: str, sdk: Sdk, wrong: bool) -> None:
    told = credentials.wrong_kind(value, variable, official=host == "official", gateway=host == "gateway", sdk=sdk)
    assert bool(told) == wrong


def test_an_empty_token_is_sent_by_releases_before_0_122() -> None:
    """Claude Code's shells export it empty; then the key beside it never arrives."""
    variables = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_AUTH_TOKEN": ""}
    old = Interpreter(path="p", chosen_by="own", sdk="0.105.0", http_stack="httpx 0.28.1", generation=0, cafile="/c")
    new = msgspec.structs.replace(old, sdk="0.125.0")
    snapshot = Snapshot(variables=variables)
    assert [one.kind for one in python_sdk.plan(snapshot, old).concerns if one.stops_client] == ["key-malformed"]
    assert not [one.kind for one in python_sdk.plan(snapshot, new).concerns if one.stops_client]
