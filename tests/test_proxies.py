"""Proxies beyond the variables: the system's, those of other programs, and what is said of a bad one."""

from collections.abc import Mapping

import msgspec
import pytest

from claudecheck.clients import python_sdk
from claudecheck.clients.snapshot import Setting, Snapshot
from claudecheck.observations import Concern, Interpreter
from claudecheck.route import Plan, Proxy

SDK = Interpreter(
    path="python3", chosen_by="own", sdk="2.12.0", http_stack="httpx2 2.16.2", generation=2, cafile="/ca.pem"
)
SYSTEM = {"http": "http://system.corp:1", "https": "http://system.corp:2"}


def plan(variables: Mapping[str, str] | None = None, **facts: object) -> Plan:
    given = {"ANTHROPIC_API_KEY": "sk-ant-api03-" + "k" * 50 + "1", **(variables or {})}
    return python_sdk.plan(Snapshot(variables=given, **facts), SDK)  # type: ignore[arg-type]


def only(told: Plan) -> Concern:
    assert len(told.concerns) == 1, told.concerns
    return told.concerns[0]


def proxy_of(told: Plan) -> Proxy | None:
    assert told.route is not None
    return told.route.proxy


def known_of(told: Plan) -> str:
    assert told.route is not None
    return told.route.known_proxy.source if told.route.known_proxy else ""


def test_a_mistyped_scheme_is_named_and_what_was_meant_is_suggested() -> None:
    for value in ("htp//proxy.corp:3128", "http:/proxy.corp:3128", "https//proxy.corp:3128"):
        told = only(plan({"HTTPS_PROXY": value}))
        assert (told.kind, told.subject) == ("proxy-url-invalid", "HTTPS_PROXY")
        assert "mistyped scheme" in told.detail
        assert told.values["suggestion"] == "http://proxy.corp:3128"


def test_the_systems_proxy_is_used_when_no_variable_is_set() -> None:
    told = plan(os="Darwin", system_proxies=SYSTEM)
    proxy = proxy_of(told)
    assert proxy is not None
    assert (proxy.shown, proxy.source) == ("http://system.corp:2", "the system's settings")
    assert told.detection.used == "http://system.corp:2"
    assert not told.concerns


def test_any_variable_even_no_proxy_alone_hides_the_systems_proxy() -> None:
    told = plan({"NO_PROXY": "localhost"}, os="Darwin", system_proxies=SYSTEM)
    assert proxy_of(told) is None
    assert only(told).kind == "proxy-ignored"
    assert known_of(told) == "the system's settings"
    assert told.detection.system == "http://system.corp:2"


def test_a_host_that_no_proxy_names_may_go_past_the_systems_proxy() -> None:
    told = plan({"NO_PROXY": "anthropic.com"}, os="Darwin", system_proxies=SYSTEM)
    assert proxy_of(told) is None
    assert not told.concerns


def test_a_script_that_finds_proxies_is_not_read() -> None:
    told = plan(os="Darwin", pac="http://wpad.corp/proxy.pac")
    assert only(told).kind == "proxy-pac-unused"
    assert told.detection.pac == "http://wpad.corp/proxy.pac"


def test_a_script_is_no_concern_where_a_proxy_is_set() -> None:
    assert not plan({"HTTPS_PROXY": "http://p:1"}, os="Darwin", pac="http://wpad.corp/proxy.pac").concerns


@pytest.mark.parametrize(
    ("variables", "known", "bypassed_by"),
    [
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "anthropic.com"}, "HTTPS_PROXY", "anthropic.com"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a,*"}, "HTTPS_PROXY", "*"),
        ({"HTTP_PROXY": "http://p:1"}, "HTTP_PROXY", ""),
        ({}, "/etc/environment", ""),
        ({"HTTPS_PROXY": "http://etc.corp:3128"}, "", ""),
        ({"HTTPS_PROXY": "http://other:1"}, "/etc/environment", ""),
    ],
)
def test_a_proxy_that_this_client_does_not_use_for_this_host_is_known(
    variables: dict[str, str], known: str, bypassed_by: str
) -> None:
    told = plan(variables, known_proxies=(Setting("http://etc.corp:3128", "/etc/environment"),))
    assert known_of(told) == known
    assert told.route is not None
    assert told.route.bypassed_by == bypassed_by


def test_a_proxy_that_only_other_programs_know_is_no_concern() -> None:
    assert not plan(known_proxies=(Setting("http://etc.corp:3128", "/etc/environment"),)).concerns


@pytest.mark.parametrize(
    ("value", "suggestion"),
    [
        ("'http://proxy.corp:3128'", "http://proxy.corp:3128"),
        ("http:/proxy.corp:3128", "http://proxy.corp:3128"),
        (" http://proxy.corp:3128", "http://proxy.corp:3128"),
        ("socks://proxy.corp:1080", "socks5h://proxy.corp:1080"),
        ("http://joe:hunter#22@proxy.corp:3128", "http://USER:PASSWORD@proxy.corp:3128"),
        ("http://joe:12#hunter@proxy.corp:3128", "http://USER:PASSWORD@proxy.corp:3128"),
        ("socks5://joe:hunter/2@proxy.corp:1080", "socks5://USER:PASSWORD@proxy.corp:1080"),
        ("http://proxy.corp:99999", ""),
        ("http://proxy.corp:port", ""),
    ],
)
def test_a_correction_is_offered_where_it_is_evident_and_never_repeats_a_password(value: str, suggestion: str) -> None:
    told = plan({"HTTPS_PROXY": value})
    concern = only(told)
    assert concern.values["suggestion"] == suggestion
    assert concern.stops_client
    assert proxy_of(told) is None
    text = msgspec.json.encode(concern).decode()
    assert "joe" not in text
    assert "hunter" not in text


@pytest.mark.parametrize(
    ("value", "suggestion"),
    [
        ("localhost,127.0.0.1,[::1]", "localhost,127.0.0.1,::1"),
        ("localhost,fe80::/10", "localhost"),
        ("fe80::/10", ""),
        ("localhost 127.0.0.1;.corp", "localhost,127.0.0.1,.corp"),
        ("*.anthropic.com", ".anthropic.com"),
    ],
)
def test_a_list_that_python_can_read_is_offered(value: str, suggestion: str) -> None:
    told = plan({"HTTPS_PROXY": "http://p:1", "NO_PROXY": value})
    assert only(told).values["suggestion"] == suggestion


def test_an_entry_with_a_star_for_other_hosts_is_no_concern() -> None:
    assert not plan({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*.corp"}).concerns


def test_a_missing_socks_package_is_named() -> None:
    told = plan({"ALL_PROXY": "socks5://p:1080"})
    concern = only(told)
    assert concern.kind == "proxy-scheme-unsupported"
    assert "httpx2[socks]" in concern.detail


def test_capitals_are_dropped_for_a_script_of_a_web_server() -> None:
    url = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "REQUEST_METHOD": "GET"}
    assert proxy_of(plan({**url, "HTTP_PROXY": "http://p:1"})) is None
    assert proxy_of(plan({**url, "http_proxy": "http://p:1"})) is not None
