"""Names: the client's own call, the system's codes, and what the machine is told to ask."""

from __future__ import annotations

import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from claudecheck.failures import Failure
from claudecheck.observations import NameLookup
from claudecheck.probes import system_errors
from claudecheck.probes.names import anew, resolve
from claudecheck.probes.names.resolve import Address
from claudecheck.route import Endpoint, Route
from tests.probe_peers import seen, walk

V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))
V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 443, 0, 0))


def lookups(going: Any) -> dict[str, NameLookup]:
    return {told.family: told for told in seen(going) if isinstance(told, NameLookup)}


def answer(monkeypatch: pytest.MonkeyPatch, answers: dict[int, Any]) -> list[tuple[Any, ...]]:
    """`getaddrinfo` by family: a list of answers, or an exception. Gives the calls that were made."""
    calls: list[tuple[Any, ...]] = []

    def getaddrinfo(*arguments: Any) -> Any:
        calls.append(arguments)
        given = answers[arguments[2]]
        if isinstance(given, Exception):
            raise given
        return given

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return calls


def test_the_clients_own_call_decides_the_order_and_both_families_are_asked_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = answer(monkeypatch, {0: [V6, V4, V4], socket.AF_INET: [V4], socket.AF_INET6: [V6]})
    going = walk()
    found = resolve.lookup(going, "api.anthropic.com", 443)
    assert found == [Address(socket.AF_INET6, "2001:db8::1"), Address(socket.AF_INET, "192.0.2.1")]
    told = lookups(going)
    assert told["any"].addresses == ["2001:db8::1", "192.0.2.1"]
    assert told["ipv4"].addresses == ["192.0.2.1"]
    assert told["ipv6"].addresses == ["2001:db8::1"]
    assert {entry.via for entry in told.values()} == {"system"}
    own = next(call for call in calls if call[2] == socket.AF_UNSPEC)
    assert own == ("api.anthropic.com", 443, socket.AF_UNSPEC, socket.SOCK_STREAM, 0, 0)


def test_a_route_of_one_family_asks_only_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answer(monkeypatch, {socket.AF_INET6: [V6]})
    going = walk(Route(family="ipv6"))
    assert [address.text for address in resolve.lookup(going, "api.anthropic.com", 443)] == ["2001:db8::1"]
    assert list(lookups(going)) == ["ipv6"]
    assert len(calls) == 1


def test_a_proxys_name_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, {0: [V4]})
    going = walk()
    resolve.lookup(going, "proxy.corp", 8080, purpose="proxy")
    [told] = seen(going)
    assert isinstance(told, NameLookup)
    assert (told.purpose, told.family) == ("proxy", "any")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::1"])
def test_an_address_needs_no_lookup(host: str) -> None:
    going = walk()
    [found] = resolve.lookup(going, host, 443)
    assert found.text == host
    assert seen(going) == []


def test_a_link_local_address_keeps_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    scoped = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 443, 0, 3))
    answer(monkeypatch, {0: [scoped]})
    assert resolve.lookup(walk(), "router.local", 443, purpose="proxy") == [Address(socket.AF_INET6, "fe80::1%3")]


@pytest.mark.parametrize(
    ("codes", "failure"),
    [
        ((-2, 8, 11001), Failure.NAME_NOT_FOUND),
        ((-5, 7, 11004, -9, 1), Failure.NO_ADDRESS),
        ((-3, 2, 11002), Failure.TRY_AGAIN),
        ((-4, 4, 11003), Failure.SERVER_FAILURE),
        ((-10, 6), Failure.LOCAL_LIMIT),
        ((-99,), Failure.UNKNOWN),
    ],
)
def test_the_codes_of_linux_macos_and_windows_are_told_apart(codes: tuple[int, ...], failure: Failure) -> None:
    for code in codes:
        assert system_errors.failure_of(socket.gaierror(code, "words of the system")) is failure


def test_the_systems_words_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    nodata = socket.gaierror(-5, "No address associated with hostname")
    out_of_files = OSError(24, "Too many open files")
    answer(monkeypatch, {0: unknown, socket.AF_INET: nodata, socket.AF_INET6: out_of_files})
    going = walk()
    assert resolve.lookup(going, "api.anthropic.com", 443) == []
    told = lookups(going)
    assert told["any"].failure is Failure.NAME_NOT_FOUND
    assert "Name or service not known" in told["any"].error
    assert told["ipv4"].failure is Failure.NO_ADDRESS
    assert told["ipv6"].failure is Failure.LOCAL_LIMIT


def test_a_name_that_cannot_be_a_name_is_not_found() -> None:
    going = walk()
    assert resolve.lookup(going, "api..anthropic.com", 443) == []
    assert {told.failure for told in lookups(going).values()} == {Failure.NAME_NOT_FOUND}


def test_a_silent_resolver_is_abandoned_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: release.wait(10) and [])
    going = walk()
    assert resolve.lookup(going, "api.anthropic.com", 443, limit_s=0.2) == []
    release.set()
    assert {told.failure for told in lookups(going).values()} == {Failure.TIMED_OUT}


def test_a_family_that_answers_apart_earns_the_clients_own_call_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A nameserver that drops AAAA: glibc comes back after 15 s, and the client gets through."""
    release = threading.Event()

    def getaddrinfo(_host: str, _port: int, family: int, *_: Any) -> Any:
        if family == socket.AF_INET:
            return [V4]
        release.wait(10)
        if family == socket.AF_INET6:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [V4]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    going = walk()
    timer = threading.Timer(0.4, release.set)
    timer.start()
    found = resolve.lookup(going, "api.anthropic.com", 443, limit_s=0.1)
    timer.join()
    assert [address.text for address in found] == ["192.0.2.1"]
    told = lookups(going)
    assert told["ipv4"].duration_ms < told["any"].duration_ms
    assert told["ipv6"].failure is Failure.TRY_AGAIN


# -- what the machine is told to ask ---------------------------------------------------------------


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's own resolv.conf and hosts file."""
    monkeypatch.setattr(resolve, "RESOLV_CONF", tmp_path / "resolv.conf")
    monkeypatch.setattr(resolve, "_hosts_file", lambda: tmp_path / "hosts")
    return tmp_path


@pytest.mark.skipif("sys.platform == 'win32'")
def test_resolv_conf_is_read_as_the_c_library_reads_it(etc: Path) -> None:
    (etc / "resolv.conf").write_text(
        "# made by hand\nnameserver 10.0.0.2\nnameserver fe80::1%eth0 ; a comment\ndomain old.example\n"
        "search corp.example a.example\noptions ndots:5 timeout:1 rotate\n\nnonsense\n"
    )
    told = resolve.read_config(walk(), "api.anthropic.com")
    assert told.nameservers == ["10.0.0.2", "fe80::1%eth0"]
    assert told.search == ["corp.example", "a.example"]
    assert told.ndots == 5
    assert told.source.endswith("resolv.conf")
    assert told.failure is None
    assert told.hosts_entries == []


@pytest.mark.skipif("sys.platform == 'win32'")
def test_no_nameserver_and_no_file_are_both_told(etc: Path) -> None:
    assert resolve.read_config(walk(), "x").failure is Failure.NO_RESOLVER
    (etc / "resolv.conf").write_text("search corp.example\n")
    told = resolve.read_config(walk(), "x")
    assert told.failure is Failure.NO_RESOLVER
    assert "names no nameserver" in told.error


def test_the_hosts_file_is_searched_for_the_name_and_its_aliases(etc: Path) -> None:
    (etc / "resolv.conf").write_text("nameserver 10.0.0.2\n")
    (etc / "hosts").write_text(
        "127.0.0.1 localhost\n0.0.0.0 ads.example API.Anthropic.com # blocked\n::1 api.anthropic.com.\n"
        "10.0.0.9 notapi.anthropic.com\n"
    )
    assert resolve.read_config(walk(), "api.anthropic.com").hosts_entries == ["0.0.0.0", "::1"]


def test_addresses_with_a_route_come_first_and_ipv6_before_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    routed = {"192.0.2.1", "2001:db8::2"}
    monkeypatch.setattr(resolve, "_has_route", lambda address: address.text in routed)
    given = [
        Address(socket.AF_INET, "192.0.2.1"),
        Address(socket.AF_INET6, "2001:db8::1"),
        Address(socket.AF_INET6, "2001:db8::2"),
    ]
    assert [address.text for address in resolve._sorted(given)] == ["2001:db8::2", "192.0.2.1", "2001:db8::1"]


def test_one_nameserver_is_asked_instead_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any) -> Any:
        raise AssertionError("the system was asked")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{unused.getsockname()[1]}"
    going = walk(replace(Route(), resolver=server))
    assert resolve.lookup(going, "api.anthropic.com", 443, limit_s=2) == []
    told = [entry for entry in seen(going) if isinstance(entry, NameLookup)]
    assert {(entry.family, entry.transport, entry.via, entry.failure) for entry in told} == {
        ("ipv4", "udp", server, Failure.REFUSED),
        ("ipv6", "udp", server, Failure.REFUSED),
        ("any", "", server, Failure.REFUSED),
    }


# -- as a program that starts now ----------------------------------------------------------------------


def test_a_child_looks_the_name_up_with_the_options_that_it_is_given(tmp_path: Path) -> None:
    told = tmp_path / "python"
    told.write_text(f'#!/bin/sh\ntest "$RES_OPTIONS" = edns0 && exec {sys.executable} "$@"\n')
    told.chmod(0o755)
    going = walk(Route(endpoint=Endpoint(host="localhost")))
    with_it = anew.lookup(going, {"RES_OPTIONS": "edns0", "KEY": "secret"}, str(told), 10.0)
    without = anew.lookup(going, {}, str(told), 10.0)
    assert {address.text for address in with_it} & {"127.0.0.1", "::1"}
    assert without == []
    assert [one.failure for one in seen(going)] == [None, Failure.CANCELLED]


def test_an_interpreter_that_is_not_there_says_nothing_of_the_name(tmp_path: Path) -> None:
    going = walk()
    assert anew.lookup(going, {}, str(tmp_path / "missing"), 10.0) == []
    assert [one.failure for one in seen(going)] == [Failure.CANCELLED]
