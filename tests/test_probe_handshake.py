"""The handshake probe against real TLS peers on loopback, each wrong in one way."""

from __future__ import annotations

import random
import socket
import ssl
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from claudecheck.failures import Failure
from claudecheck.observations import TlsHandshake
from claudecheck.probes.tls import chain, handshake
from claudecheck.probes.tls.stream import TlsStream
from claudecheck.route import Endpoint, Route, Trust
from tests.probe_peers import (
    HOST,
    Issued,
    Script,
    closes,
    issue,
    peer,
    relay,
    resets,
    says,
    seen,
    silent,
    speaks_tls,
    walk,
)


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Test Root", ca=True)


@pytest.fixture(scope="module")
def leaf(root: Issued) -> Issued:
    return issue(by=root)


def route_to(root: Issued, folder: Path, host: str = HOST, **changes: object) -> Route:
    return replace(Route(endpoint=Endpoint(host=host), trust=root.trust(folder)), **changes)  # type: ignore[arg-type]


def shake(
    script: Script,
    route: Route,
    *,
    limit_s: float = 3.0,
    stores: tuple[chain.Store, ...] = (),
) -> TlsHandshake:
    """One handshake with a peer that runs the script; its stream, if any, is closed again."""
    with peer(script) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        told, stream = handshake.shake(
            walk(route),
            sock,
            address="127.0.0.1",
            port=port,
            server_name=route.sni,
            limit_s=limit_s,
            stores=stores,
        )
        assert (stream is None) == (told.failure is not None)
        return told


# -- it works --------------------------------------------------------------------------------------


def test_a_verified_handshake_tells_version_cipher_alpn_chain_and_sizes(
    root: Issued, leaf: Issued, tmp_path: Path
) -> None:
    context = leaf.server_context(tmp_path)
    context.set_alpn_protocols(["http/1.1"])
    told = shake(speaks_tls(context), route_to(root, tmp_path))
    assert told.failure is None
    assert told.verified
    assert told.version == "TLSv1.3"
    assert told.cipher.startswith("TLS_")
    assert told.alpn == "http/1.1"
    assert told.server_name == HOST
    assert told.hello_bytes > 200
    assert told.bytes_sent > told.hello_bytes
    assert told.bytes_received > 500
    assert told.chain[0].names == [HOST]
    assert told.chain[0].issuer == "CN=Test Root"
    assert not told.client_certificate_requested


def test_the_stream_of_a_verified_handshake_carries_data_both_ways(root: Issued, leaf: Issued, tmp_path: Path) -> None:
    def echo(inside: ssl.SSLSocket) -> None:
        inside.sendall(inside.recv(100).upper())

    with (
        peer(speaks_tls(leaf.server_context(tmp_path), echo)) as port,
        socket.create_connection(("127.0.0.1", port)) as sock,
    ):
        _, stream = handshake.shake(
            walk(route_to(root, tmp_path)), sock, address="127.0.0.1", port=port, server_name=HOST
        )
        assert stream is not None
        stream.settimeout(3)
        stream.sendall(b"hello")
        assert stream.recv(100) == b"HELLO"
        assert stream.recv(100) == b""


def test_a_chain_on_a_private_root_that_verifies_is_told_not_to_be_public(
    root: Issued, leaf: Issued, tmp_path: Path
) -> None:
    told = shake(speaks_tls(leaf.server_context(tmp_path)), route_to(root, tmp_path))
    [verdict] = told.stores
    assert (verdict.store, verdict.trusted) == ("certifi", False)
    assert verdict.authorities > 50


def test_a_host_written_as_an_address_sends_no_name_and_is_checked_by_address(root: Issued, tmp_path: Path) -> None:
    context = issue("127.0.0.1", by=root).server_context(tmp_path)
    told = shake(speaks_tls(context), route_to(root, tmp_path, "127.0.0.1"))
    assert told.failure is None
    assert told.server_name == ""
    wrong = shake(speaks_tls(context), route_to(root, tmp_path, "127.0.0.2"))
    assert (wrong.failure, wrong.verify_code) == (Failure.HOSTNAME_MISMATCH, 64)


def test_another_server_name_is_sent_and_the_certificate_is_still_checked_for_the_host(
    root: Issued, leaf: Issued, tmp_path: Path
) -> None:
    names: list[str | None] = []
    context = leaf.server_context(tmp_path)
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    for server_name, host in (("www.example.test", HOST), ("", HOST), ("www.example.test", "other.example.test")):
        told = shake(speaks_tls(context), route_to(root, tmp_path, host, server_name=server_name))
        assert told.server_name == server_name
        assert told.failure == (None if host == HOST else Failure.HOSTNAME_MISMATCH)
    assert names == ["www.example.test", None, "www.example.test"]


# -- the shape of the hello ------------------------------------------------------------------------


def test_a_small_hello_fits_one_segment(root: Issued, leaf: Issued, tmp_path: Path) -> None:
    script = speaks_tls(leaf.server_context(tmp_path))
    sizes = {}
    for shape in ("small", "normal"):
        told = shake(script, route_to(root, tmp_path, hello=shape))
        assert told.failure is None, told.error
        assert told.hello == shape
        sizes[shape] = told.hello_bytes
    assert sizes["small"] < 350 < sizes["normal"]


def test_tls_1_3_can_be_left_out(root: Issued, leaf: Issued, tmp_path: Path) -> None:
    told = shake(speaks_tls(leaf.server_context(tmp_path)), route_to(root, tmp_path, max_tls="1.2"))
    assert (told.failure, told.version, told.max_version) == (None, "TLSv1.2", "1.2")


# -- the certificate is at fault -------------------------------------------------------------------


def test_every_fault_of_a_certificate_is_told_by_its_number_with_the_chain(root: Issued, tmp_path: Path) -> None:
    other = issue("Other Root", ca=True)
    middle = issue("Middle", by=root, ca=True)
    below = issue(by=middle)
    cases = [
        (issue(by=root, days=(-30, -1)), None, Failure.EXPIRED, 10),
        (issue(by=root, days=(1, 30)), None, Failure.NOT_YET_VALID, 9),
        (issue("www.other.test", by=root), None, Failure.HOSTNAME_MISMATCH, 62),
        (issue(), None, Failure.SELF_SIGNED, 18),
        (issue(by=other), None, Failure.UNTRUSTED_ISSUER, 20),
        (issue(by=other), (other.certificate,), Failure.UNTRUSTED_ISSUER, 19),
        (below, (), Failure.UNTRUSTED_ISSUER, 20),
        (issue(by=root, key=rsa.generate_private_key(65537, 1024)), None, Failure.WEAK_CERTIFICATE, 66),
    ]
    for shown, send, failure, code in cases:
        told = shake(speaks_tls(shown.server_context(tmp_path, send=send)), route_to(root, tmp_path))
        assert (told.failure, told.verify_code) == (failure, code), told.error
        assert told.verify_message
        assert told.chain[0].sha256 == chain.facts(shown.der).sha256
        assert not told.verified
    assert len(shake(speaks_tls(below.server_context(tmp_path)), route_to(root, tmp_path)).chain) == 2


@pytest.mark.parametrize(
    ("authority", "missing"),
    [
        (issue("Old Root", ca=True, critical_constraints=False), "critical basicConstraints"),
        (issue("Old Root", ca=True, key_usage=False), "keyUsage"),
    ],
)
def test_a_malformed_authority_fails_only_with_the_strict_flag(authority: Issued, missing: str, tmp_path: Path) -> None:
    shown = issue(by=authority)
    script = speaks_tls(shown.server_context(tmp_path, send=(authority.certificate,)))
    lax = shake(script, Route(endpoint=Endpoint(host=HOST), trust=authority.trust(tmp_path, strict=False)))
    assert lax.failure is None
    strict = shake(script, Route(endpoint=Endpoint(host=HOST), trust=authority.trust(tmp_path, strict=True)))
    assert strict.failure is Failure.STRICT_CERTIFICATE
    assert strict.chain[1].missing == [missing]


def test_a_leaf_without_identifiers_fails_only_with_the_strict_flag(root: Issued, tmp_path: Path) -> None:
    script = speaks_tls(issue(by=root, identifiers=False).server_context(tmp_path))
    assert shake(script, route_to(root, tmp_path)).failure is None
    told = shake(script, route_to(root, tmp_path, trust=root.trust(tmp_path, strict=True)))
    assert (told.failure, told.verify_code) == (Failure.STRICT_CERTIFICATE, 85)
    assert told.chain[0].missing == ["authorityKeyIdentifier"]


def test_a_chain_that_failed_is_judged_against_the_stores_that_were_asked_for(
    leaf: Issued, root: Issued, tmp_path: Path
) -> None:
    other = issue("Other Root", ca=True)
    stores = (
        chain.Store("os", cafile=root.trust(tmp_path).cafile),
        chain.Store("certifi", cafile=other.trust(tmp_path).cafile),
    )
    told = shake(speaks_tls(leaf.server_context(tmp_path)), route_to(other, tmp_path), stores=stores)
    assert told.failure is Failure.UNTRUSTED_ISSUER
    assert [(v.store, v.strict, v.trusted) for v in told.stores] == [
        ("os", False, True),
        ("os", True, True),
        ("certifi", False, False),
        ("certifi", True, False),
    ]


def test_a_store_that_cannot_be_loaded_is_told_and_the_chain_is_still_seen(leaf: Issued, tmp_path: Path) -> None:
    missing = Trust(sort="file", cafile=str(tmp_path / "no-such.pem"))
    told = shake(speaks_tls(leaf.server_context(tmp_path)), Route(endpoint=Endpoint(host=HOST), trust=missing))
    assert told.failure is Failure.TRUST_UNUSABLE
    assert "no-such.pem" in told.error
    assert told.chain[0].names == [HOST]
    reset = shake(resets, Route(endpoint=Endpoint(host=HOST), trust=missing))
    assert reset.failure is Failure.RESET


def test_on_the_clients_own_route_the_systems_store_and_certifi_are_asked_and_on_a_variation_none(
    leaf: Issued, tmp_path: Path
) -> None:
    route = route_to(issue("Other Root", ca=True), tmp_path)
    own = walk(route)
    for going in (own, replace(own, variation="tls:other-name")):
        with (
            peer(speaks_tls(leaf.server_context(tmp_path))) as port,
            socket.create_connection(("127.0.0.1", port)) as sock,
        ):
            handshake.shake(going, sock, address="127.0.0.1", port=port, server_name=HOST)
    first, second = (told for told in seen(own) if isinstance(told, TlsHandshake))
    assert [verdict.store for verdict in first.stores] == ["os", "os", "certifi", "certifi"]
    assert second.stores == []


def test_the_platforms_verifier_takes_part_in_the_handshake(
    leaf: Issued, root: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Linux the library that stands for it uses OpenSSL with the default store."""
    pytest.importorskip("truststore")
    script = speaks_tls(leaf.server_context(tmp_path))
    native = Route(endpoint=Endpoint(host=HOST), trust=Trust(sort="native"))
    monkeypatch.setenv("SSL_CERT_FILE", root.trust(tmp_path).cafile)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    good = shake(script, native)
    assert (good.failure, good.version) == (None, "TLSv1.3")
    monkeypatch.setenv("SSL_CERT_FILE", issue("Other Root", ca=True).trust(tmp_path).cafile)
    assert shake(script, native).failure is Failure.UNTRUSTED_ISSUER
    refused = shake(says(struct.pack("!BHHBB", 21, 0x0303, 2, 2, 80)), native)
    assert refused.alert == "internal_error"


@pytest.mark.parametrize("code", [-67843, 0x800B0109])
def test_a_verifier_with_one_number_for_both_still_tells_a_self_signed_certificate(
    code: int, root: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(handshake._VERIFY_FAILURES, 18, handshake._VERIFY_FAILURES[code])
    told = shake(speaks_tls(issue().server_context(tmp_path)), route_to(root, tmp_path))
    assert told.failure is Failure.SELF_SIGNED


@pytest.mark.parametrize("name", [".example.test", "x" * 64 + ".test", ".".join(["x" * 60] * 6)])
def test_a_name_that_cannot_be_sent_is_told_without_a_packet(name: str, root: Issued, tmp_path: Path) -> None:
    told = shake(silent, route_to(root, tmp_path, name))
    assert told.failure is Failure.HOSTNAME_MISMATCH
    assert told.bytes_sent == 0


# -- the peer is at fault --------------------------------------------------------------------------


def test_silence_a_close_and_a_reset_are_told_apart_with_nothing_received(root: Issued, tmp_path: Path) -> None:
    route = route_to(root, tmp_path)
    for script, failure in ((silent, Failure.TIMED_OUT), (closes, Failure.CLOSED), (resets, Failure.RESET)):
        told = shake(script, route, limit_s=0.3)
        assert told.failure is failure, told.error
        assert told.hello_bytes == told.bytes_sent > 0
        assert told.bytes_received == 0
        assert told.chain == []


def test_a_wait_that_the_deadline_of_the_run_cuts_short_is_no_failure_of_the_network(
    root: Issued, tmp_path: Path
) -> None:
    with peer(silent) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        hurried = walk(route_to(root, tmp_path), seconds=0.2)
        told, _ = handshake.shake(hurried, sock, address="127.0.0.1", port=port, server_name=HOST, limit_s=5)
    assert told.failure is Failure.CANCELLED


@pytest.mark.parametrize(
    "banner", [b"HTTP/1.1 400 Bad Request\r\n\r\n<html>", b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\r\n"]
)
def test_bytes_that_are_not_tls_are_shown(banner: bytes, root: Issued, tmp_path: Path) -> None:
    told = shake(says(banner), route_to(root, tmp_path))
    assert told.failure is Failure.NOT_TLS
    assert told.first_bytes.startswith(banner.decode().split("\r")[0])
    assert told.bytes_received == len(banner)


@pytest.mark.parametrize(
    ("number", "name", "failure"),
    [
        (40, "handshake_failure", Failure.ALERT),
        (80, "internal_error", Failure.ALERT),
        (112, "unrecognized_name", Failure.ALERT),
        (49, "access_denied", Failure.ALERT),
        (70, "protocol_version", Failure.VERSION_UNSUPPORTED),
        (116, "certificate_required", Failure.CLIENT_CERTIFICATE_REQUIRED),
        (99, "99", Failure.ALERT),
    ],
)
def test_an_alert_is_told_by_name(number: int, name: str, failure: Failure, root: Issued, tmp_path: Path) -> None:
    told = shake(says(struct.pack("!BHHBB", 21, 0x0303, 2, 2, number)), route_to(root, tmp_path))
    assert (told.failure, told.alert) == (failure, name)
    assert told.bytes_received == 7


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated")
def test_a_server_that_speaks_only_tls_1_0_is_refused_by_version(root: Issued, leaf: Issued, tmp_path: Path) -> None:
    context = leaf.server_context(tmp_path)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1
    told = shake(speaks_tls(context), route_to(root, tmp_path))
    assert told.failure is Failure.VERSION_UNSUPPORTED


def test_a_server_that_answers_in_tls_1_0_is_refused_by_this_side(root: Issued, tmp_path: Path) -> None:
    body = b"\x03\x01" + bytes(32) + b"\x00" + b"\xc0\x13" + b"\x00"
    hello = b"\x02" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello
    told = shake(says(record), route_to(root, tmp_path))
    assert told.failure is Failure.VERSION_UNSUPPORTED
    assert told.bytes_sent > told.hello_bytes  # the alert with which it gave up


@pytest.mark.parametrize("version", ["1.2", ""])
def test_a_client_certificate_that_is_required_is_told_in_both_versions(
    version: str, root: Issued, leaf: Issued, tmp_path: Path
) -> None:
    context = leaf.server_context(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    told = shake(speaks_tls(context), route_to(root, tmp_path, max_tls=version))
    assert told.failure is Failure.CLIENT_CERTIFICATE_REQUIRED
    assert told.client_certificate_requested
    assert told.alert == ("handshake_failure" if version else "certificate_required")
    assert told.chain[0].names == [HOST]


def test_a_client_certificate_that_is_only_asked_for_is_a_fact_and_no_failure(
    root: Issued, leaf: Issued, tmp_path: Path
) -> None:
    context = leaf.server_context(tmp_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    told = shake(speaks_tls(context), route_to(root, tmp_path))
    assert told.failure is None
    assert told.client_certificate_requested


def test_tls_goes_inside_tls(root: Issued, leaf: Issued, tmp_path: Path) -> None:
    """The outer server relays to an inner one, as an https proxy does behind CONNECT."""
    outer = issue("proxy.example.test", by=root)
    inner_script = speaks_tls(leaf.server_context(tmp_path))
    with peer(inner_script) as inner_port:

        def relayed(inside: ssl.SSLSocket) -> None:
            with socket.create_connection(("127.0.0.1", inner_port)) as onward:
                relay(inside, onward)

        with (
            peer(speaks_tls(outer.server_context(tmp_path), relayed)) as port,
            socket.create_connection(("127.0.0.1", port)) as sock,
        ):
            going = walk(route_to(root, tmp_path))
            _, stream = handshake.shake(
                going, sock, address="127.0.0.1", port=port, server_name="proxy.example.test", purpose="proxy"
            )
            assert stream is not None
            told, inside = handshake.shake(
                going, stream, address="127.0.0.1", port=port, server_name=HOST, tunnelled=True
            )
            assert isinstance(inside, TlsStream)
            assert told.failure is None
            assert told.tunnelled
    assert [observation.failure for observation in seen(going)] == [None, None]


def test_whatever_a_peer_says_one_observation_is_recorded_and_nothing_is_raised(root: Issued, tmp_path: Path) -> None:
    chance = random.Random(20261121)
    for _ in range(60):
        start = chance.choice([b"", b"\x16\x03\x03", b"\x15\x03\x01\x00\x02", b"\x16\x03\x01\x00\x2a\x02", b"\x14\x03"])
        told = shake(says(start + chance.randbytes(chance.randrange(1, 200))), route_to(root, tmp_path), limit_s=0.05)
        assert told.failure is not None
        assert not told.verified
