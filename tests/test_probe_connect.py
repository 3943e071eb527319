"""TCP: what the kernel says of a connection attempt, and which socket a client would end on."""

from __future__ import annotations

import errno
import os
import socket
import sys
from dataclasses import replace

import pytest

from claudecheck.failures import Failure
from claudecheck.probes import connect, system_errors
from claudecheck.probes.names.resolve import Address
from claudecheck.route import Route
from tests.probe_peers import closed_port, full_backlog, peer, seen, silent, walk

LOOPBACK = Address(socket.AF_INET, "127.0.0.1")


def test_an_open_port_gives_a_socket_with_the_options_of_the_sdk() -> None:
    going = walk()
    with peer(silent) as port:
        told, sock = connect.connect(going, "127.0.0.1", port, name="localhost", order=2)
        assert sock is not None
        with sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if sys.platform == "linux":
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
                assert sock.getsockopt(socket.IPPROTO_IP, connect._IP_RECVERR) == 0
    assert told.failure is None
    assert (told.address, told.port, told.order, told.name) == ("127.0.0.1", port, 2, "localhost")
    assert told.local_address == "127.0.0.1"
    assert seen(going) == [told]


def test_a_closed_port_refuses() -> None:
    told, sock = connect.connect(walk(), "127.0.0.1", closed_port())
    assert sock is None
    assert (told.failure, told.errno_name) == (Failure.REFUSED, "ECONNREFUSED")
    assert "efused" in told.error
    assert told.duration_ms < 5000


@pytest.mark.skipif("sys.platform != 'linux'", reason="other systems refuse when the backlog is full")
def test_silence_is_a_timeout_with_its_retransmissions() -> None:
    with full_backlog() as port:
        told, sock = connect.connect(walk(), "127.0.0.1", port, limit_s=1.3)
    assert sock is None
    assert (told.failure, told.errno_name) == (Failure.TIMED_OUT, "ETIMEDOUT")
    assert told.retransmits >= 1  # a SYN is sent again after a second
    assert told.duration_ms >= 1250


@pytest.mark.skipif("sys.platform != 'linux'", reason="other systems refuse when the backlog is full")
def test_a_wait_that_the_deadline_of_the_run_cuts_short_is_no_failure_of_the_network() -> None:
    with full_backlog() as port:
        told, _ = connect.connect(walk(seconds=0.2), "127.0.0.1", port)
    assert told.failure is Failure.CANCELLED


def test_a_machine_without_file_descriptors_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socket", exhausted)
    told, sock = connect.connect(walk(), "127.0.0.1", 443)
    assert sock is None
    assert (told.failure, told.errno_name) == (Failure.LOCAL_LIMIT, "EMFILE")


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (errno.EHOSTUNREACH, Failure.UNREACHABLE),
        (errno.ENETUNREACH, Failure.UNREACHABLE),
        (errno.EACCES, Failure.PROHIBITED),
        (errno.EPERM, Failure.PROHIBITED),
        (errno.ENFILE, Failure.LOCAL_LIMIT),
        (errno.ECONNRESET, Failure.RESET),
        (errno.ETIMEDOUT, Failure.TIMED_OUT),
        (errno.ENOTTY, Failure.UNKNOWN),
    ],
)
def test_an_error_number_is_a_failure(number: int, failure: Failure) -> None:
    assert system_errors.failure_of(OSError(number, "words")) is failure


def test_windows_own_names_mean_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(errno.errorcode, 10061, "WSAECONNREFUSED")
    refused = OSError(10061, "No connection could be made")
    assert system_errors.name_of(refused) == "ECONNREFUSED"
    assert system_errors.failure_of(refused) is Failure.REFUSED


def test_no_address_to_send_from_is_a_shortage_of_ports_on_ipv4_and_no_ipv6_on_ipv6() -> None:
    error = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    assert system_errors.failure_of(error, socket.AF_INET) is Failure.LOCAL_LIMIT
    assert system_errors.failure_of(error, socket.AF_INET6) is Failure.UNREACHABLE


@pytest.mark.skipif("sys.platform != 'linux'", reason="not every system lets a program choose")
def test_small_segments_are_asked_for_before_the_connection_is_made() -> None:
    with peer(silent) as port:
        told, sock = connect.connect(walk(), "127.0.0.1", port, max_segment=536)
        assert sock is not None
        with sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 536
    assert told.max_segment == 536


def test_a_system_without_small_segments_says_so_instead_of_trying_with_large_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(socket, "TCP_MAXSEG")
    with peer(silent) as port:
        told, sock = connect.connect(walk(), "127.0.0.1", port, max_segment=536)
    assert sock is None
    assert told.failure is Failure.UNKNOWN
    assert "segment size" in told.error


def test_of_all_addresses_the_first_in_order_that_connects_is_kept() -> None:
    going = walk(replace(Route(), max_segment=0))
    refused = Address(socket.AF_INET, "127.0.0.2")
    with peer(silent) as port:
        told, sock = connect.connect_all(going, [refused, LOOPBACK, LOOPBACK], port, name="localhost")
        assert sock is not None
        with sock:
            assert sock.getpeername() == ("127.0.0.1", port)
    assert [(entry.address, entry.order, entry.ok) for entry in told] == [
        ("127.0.0.2", 0, False), ("127.0.0.1", 1, True), ("127.0.0.1", 2, True),
    ]  # fmt: skip
    assert len(seen(going)) == 3


@pytest.mark.skipif("sys.platform != 'linux'", reason="other systems refuse when the backlog is full")
def test_addresses_are_tried_at_the_same_time() -> None:
    going = walk()
    with full_backlog() as port:
        told, sock = connect.connect_all(going, [LOOPBACK] * 8, port, limit_s=0.4)
    assert sock is None
    assert [entry.failure for entry in told] == [Failure.TIMED_OUT] * 8
    assert going.deadline.elapsed_ms() < sum(entry.duration_ms for entry in told) / 2


def test_nothing_is_kept_when_nothing_is_wanted() -> None:
    with peer(silent) as port:
        told, sock = connect.connect_all(walk(), [LOOPBACK], port, keep_first=False)
    assert sock is None
    assert told[0].ok


def test_no_name_makes_it_open_any_number_of_sockets() -> None:
    told, _ = connect.connect_all(walk(), [LOOPBACK] * 200, closed_port())
    assert len(told) == connect.MOST_ADDRESSES
