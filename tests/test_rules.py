"""The rules as tables, without a socket: thresholds, confidences, owners, and which of two answers counts."""

from __future__ import annotations

from typing import Any

import pytest

from claudecheck.diagnosis import questions
from claudecheck.failures import Failure
from claudecheck.observations import Certificate, HttpExchange, LocalNetwork, StoreVerdict
from tests import seen
from tests.seen import (
    certificate,
    clock,
    connect,
    exchange,
    findings,
    first,
    gateway,
    handshake,
    lookup,
    message,
    tried,
)

EXPIRED = [certificate("2026-11-20T00:00:00Z")]
REACHED = (lookup(), connect())
SILENT = handshake(Failure.TIMED_OUT)
RESET = handshake(Failure.RESET)
CUT_LATE = handshake(Failure.RESET, bytes_received=2900)
SPOKE = handshake(Failure.HOSTNAME_MISMATCH, bytes_received=3000, chain=[certificate()])
DAY = 86_400.0

# -- the clock and the dates -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "chain", "expected"),
    [
        (0.0, EXPIRED, ["e:tls-expired"]),
        (300.0, EXPIRED, ["e:tls-expired"]),
        (-300.0, EXPIRED, ["e:tls-expired"]),
        # nine days behind the end: our clock is wrong by as much as that, or by less
        (9 * DAY, EXPIRED, ["e:tls-expired", "w:tls-clock-wrong"]),
        (10 * DAY, EXPIRED, ["e:tls-clock-wrong"]),
        (-10 * DAY, EXPIRED, ["e:tls-expired", "w:tls-clock-wrong"]),
        (301.0, [certificate("2026-11-29T11:59:00Z")], ["e:tls-clock-wrong"]),
        (400 * DAY, EXPIRED, ["e:tls-not-yet-valid", "w:tls-clock-wrong"]),
    ],
)
def test_an_expired_certificate_is_judged_at_the_time_that_it_really_is(
    offset: float, chain: list[Certificate], expected: list[str]
) -> None:
    assert findings(*REACHED, handshake(Failure.EXPIRED, chain=chain), clock(offset)) == expected


def test_without_another_clock_an_expired_certificate_is_believed_less() -> None:
    assert first(*REACHED, handshake(Failure.EXPIRED, chain=EXPIRED)).confidence == "medium"
    assert first(*REACHED, handshake(Failure.EXPIRED, chain=EXPIRED), clock(1)).confidence == "high"


def test_where_a_control_is_not_valid_now_either_it_is_the_clock() -> None:
    control = tried(questions.TLS_CONTROL, handshake(Failure.EXPIRED, chain=EXPIRED, purpose="control"))
    found = first(*REACHED, handshake(Failure.EXPIRED, chain=EXPIRED), control)
    assert (found.code, found.confidence) == ("tls-clock-wrong", "medium")


@pytest.mark.parametrize(
    ("chosen", "issuer", "owner"),
    [
        (seen.route(), "CN=E7", "anthropic"),
        (gateway(), "CN=E7", "gateway"),
        (gateway(), "CN=Zscaler Intermediate", "network"),
    ],
)
def test_who_renews_an_expired_certificate(chosen: Any, issuer: str, owner: str) -> None:
    chain = [certificate("2026-11-20T00:00:00Z", issuer=issuer)]
    assert first(chosen, *REACHED, handshake(Failure.EXPIRED, chain=chain), clock(0)).owner == owner


@pytest.mark.parametrize(
    ("ends", "begins", "told"),
    [
        ("2026-12-05T12:00:00Z", "2026-09-01T00:00:00Z", True),
        ("2026-12-13T12:00:00Z", "2026-09-01T00:00:00Z", True),
        ("2026-12-13T12:00:01Z", "2026-09-01T00:00:00Z", False),
        ("2027-02-01T00:00:00Z", "2026-09-01T00:00:00Z", False),
        # one that lives for a week and has four days left renews itself
        ("2026-12-03T12:00:00Z", "2026-11-26T12:00:00Z", False),
        ("2026-11-30T12:00:00Z", "2026-11-26T12:00:00Z", True),
    ],
)
def test_a_certificate_that_ends_within_two_weeks_is_told_of_a_gateway(ends: str, begins: str, told: bool) -> None:
    works = (handshake(chain=[certificate(ends, begins)]), exchange(), message())
    expected = ["w:certificate-expiring"] if told else []
    assert findings(gateway(), *REACHED, *works) == expected
    assert findings(*REACHED, *works) == []


# -- silence, resets, and the change that gets further -----------------------------------------------


@pytest.mark.parametrize(
    ("base", "passing", "code", "confidence"),
    [
        (SILENT, [], "tls-timeout", "high"),
        (RESET, [], "tls-reset", "high"),
        (handshake(Failure.CLOSED), [], "tls-reset", "high"),
        (SILENT, [questions.SMALL_SEGMENTS], "tls-path-mtu", "high"),
        (SILENT, [questions.SMALL_SEGMENTS, questions.OTHER_SERVER_NAME], "tls-path-mtu", "high"),
        (SILENT, [questions.SMALL_SEGMENTS, questions.SMALL_HELLO], "tls-path-mtu", "medium"),
        # what is too large is lost, and never answered with a reset
        (RESET, [questions.SMALL_SEGMENTS], "tls-reset", "high"),
        (SILENT, [questions.OTHER_SERVER_NAME, questions.NO_SERVER_NAME], "tls-name-filtered", "high"),
        (RESET, [questions.OTHER_SERVER_NAME], "tls-name-filtered", "high"),
        (RESET, [questions.NO_SERVER_NAME], "tls-name-filtered", "high"),
        (RESET, [questions.NO_SERVER_NAME, questions.SMALL_HELLO], "tls-name-filtered", "medium"),
        (SILENT, [questions.SMALL_HELLO], "tls-hello-dropped", "high"),
        (SILENT, [questions.OLD_TLS], "tls-version-unsupported", "medium"),
        (SILENT, [questions.OLD_TLS, questions.SMALL_HELLO], "tls-hello-dropped", "high"),
    ],
)
def test_the_change_that_gets_further_names_the_cause(
    base: Any, passing: list[questions.Question], code: str, confidence: str
) -> None:
    asked = [
        questions.OTHER_SERVER_NAME, questions.NO_SERVER_NAME, questions.SMALL_HELLO, questions.SMALL_SEGMENTS,
        questions.OLD_TLS,
    ]  # fmt: skip
    walked = [tried(one, SPOKE if one in passing else base) for one in asked]
    found = first(*REACHED, base, *walked)
    assert (found.code, found.confidence) == (code, confidence)


def test_a_handshake_that_stopped_and_was_not_varied_is_believed_less() -> None:
    assert first(*REACHED, SILENT).confidence == "medium"


@pytest.mark.parametrize("question", [questions.SMALL_SEGMENTS, questions.SMALL_HELLO, questions.OTHER_SERVER_NAME])
def test_a_reset_in_the_middle_is_not_explained_by_a_change_that_comes_as_far(question: questions.Question) -> None:
    as_far = handshake(Failure.CLOSED, bytes_received=2900)
    assert first(*REACHED, CUT_LATE, tried(question, as_far)).code == "tls-reset"


@pytest.mark.parametrize("how", [Failure.RESET, Failure.CLOSED])
def test_where_other_hosts_and_port_80_end_alike_something_local_takes_everything(how: Failure) -> None:
    ended = handshake(how)
    control = tried(questions.TLS_CONTROL, connect(purpose="control"), handshake(how, purpose="control"))
    page = tried(questions.PORTAL_CHECK, HttpExchange(stage="models", step="portal", failure=how))
    fine = tried(questions.PORTAL_CHECK, HttpExchange(stage="models", step="portal", status=204))
    other = tried(questions.TLS_CONTROL, connect(purpose="control"), handshake(purpose="control"))
    dead = tried(questions.TLS_CONTROL, connect(purpose="control", failure=Failure.TIMED_OUT))
    assert first(*REACHED, ended, control, page).code == "local-interception"
    for some in ((control,), (page,), (control, fine), (other, page), (dead, page)):
        assert first(*REACHED, ended, *some).code == "tls-reset"
    assert first(*REACHED, SILENT, control, page).code == "tls-timeout"
    assert first(*REACHED, handshake(how, bytes_received=1), control, page).code == "tls-reset"


@pytest.mark.parametrize(
    ("issuer", "code"),
    [
        ("CN=R11,O=Let's Encrypt,C=US", "tls-incomplete-chain"),
        ("CN=WE1,O=Google Trust Services,C=US", "tls-incomplete-chain"),
        ("CN=Corp Root,O=Corp", "tls-untrusted-issuer"),
        ("CN=Corp Issuing CA 3,O=Corp", "tls-incomplete-chain"),
    ],
)
def test_a_leaf_alone_whose_issuer_is_never_a_root_lacks_its_chain(issuer: str, code: str) -> None:
    alone = handshake(Failure.UNTRUSTED_ISSUER, chain=[certificate(issuer=issuer)], bytes_received=2000)
    assert first(gateway(), *REACHED, alone).code == code


def test_a_variable_that_replaces_the_store_is_at_fault_where_the_public_set_would_do() -> None:
    by_file = {"trust": "file", "trust_source": "SSL_CERT_FILE", "cafile": "/tmp/a.pem"}
    chain = [certificate(), certificate(subject="CN=Root", issuer="CN=Root", self_signed=True)]

    def judged(store: str, trusted: bool) -> Any:
        return handshake(Failure.UNTRUSTED_ISSUER, chain=chain, stores=[StoreVerdict(store=store, trusted=trusted)])

    assert first(seen.route(**by_file), *REACHED, judged("certifi", trusted=True)).code == "ca-file-incomplete"
    assert first(seen.route(**by_file), *REACHED, judged("certifi", trusted=False)).code == "tls-untrusted-issuer"
    assert first(seen.route(**by_file), *REACHED, judged("SSL_CERT_FILE", trusted=True)).code == "tls-untrusted-issuer"
    assert first(*REACHED, judged("certifi", trusted=True)).code == "tls-untrusted-issuer"


# -- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("took", "told"), [(999.9, []), (1000.0, ["w:dns-slow"]), (1000.1, ["w:dns-slow"])])
def test_a_lookup_is_slow_from_one_second_on(took: float, told: list[str]) -> None:
    assert findings(lookup(duration_ms=took), connect(), handshake(), exchange(), message()) == told


def test_the_hosts_file_is_the_culprit_where_the_nameservers_address_gets_through() -> None:
    from claudecheck.diagnosis.questions import Target
    from claudecheck.observations import ResolverConfig

    pinned = ResolverConfig(nameservers=["10.0.0.2"], hosts_entries=[ADDRESS_OLD])
    dead = connect(ADDRESS_OLD, failure=Failure.TIMED_OUT)
    target = Target(name="160.79.104.12", shown="160.79.104.12", address="160.79.104.12")
    good = tried(questions.RESOLVED_ADDRESS, connect("160.79.104.12"), handshake(), target=target)
    bad = tried(questions.RESOLVED_ADDRESS, connect("160.79.104.12", failure=Failure.TIMED_OUT), target=target)
    assert findings(lookup(ADDRESS_OLD), pinned, dead, good) == ["e:dns-hosts-override", "e:tcp-timeout"]
    assert findings(lookup(ADDRESS_OLD), pinned, dead, bad) == ["e:tcp-timeout", "w:dns-hosts-override"]
    works = (connect(ADDRESS_OLD), handshake(), exchange(), message())
    assert findings(lookup(ADDRESS_OLD), pinned, *works) == ["w:dns-hosts-override"]


ADDRESS_OLD = "160.79.104.11"

# -- the transport -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("took", "retransmits", "told"),
    [(250.0, 0, []), (250.1, 0, ["w:network-slow"]), (999.0, 0, ["w:network-slow"]), (1000.1, 0, []), (400.0, 1, [])],
)
def test_a_connection_is_slow_past_what_node_waits_unless_a_packet_was_lost(
    took: float, retransmits: int, told: list[str]
) -> None:
    slow = connect(duration_ms=took, retransmits=retransmits)
    assert findings(lookup(), slow, handshake(), exchange(), message()) == told


@pytest.mark.parametrize(
    ("again", "segments", "told"),
    [(2, 20, ["w:network-lossy"]), (2, 21, []), (3, 60, ["w:network-lossy"]), (3, 61, []), (1, 5, []), (0, 9, [])],
)
def test_a_line_is_lossy_from_one_packet_in_twenty_on(again: int, segments: int, told: list[str]) -> None:
    counted = exchange(segments=segments, retransmits=again)
    assert findings(lookup(), connect(), handshake(), counted, message()) == told


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([Failure.TIMED_OUT], "tcp-timeout"),
        ([Failure.REFUSED], "tcp-refused"),
        ([Failure.RESET], "tcp-refused"),
        ([Failure.UNREACHABLE], "tcp-unreachable"),
        ([Failure.TIMED_OUT, Failure.REFUSED], "tcp-refused"),
        ([Failure.UNREACHABLE, Failure.TIMED_OUT], "tcp-timeout"),
        ([Failure.PROHIBITED, Failure.REFUSED], "tcp-prohibited"),
        ([Failure.LOCAL_LIMIT, Failure.PROHIBITED], "tcp-local-limit"),
    ],
)
def test_of_several_failures_the_one_that_tells_most_decides(failures: list[Failure], code: str) -> None:
    tries = [connect(f"160.79.104.{10 + n}", failure=one, order=n) for n, one in enumerate(failures)]
    assert first(lookup(), *tries).code == code


@pytest.mark.parametrize(
    ("sender", "owner"),
    [("", "you"), ("10.0.0.5", "you"), ("10.0.0.1", "network")],
)
def test_a_prohibition_is_this_machines_unless_another_one_sent_it(sender: str, owner: str) -> None:
    denied = connect(failure=Failure.PROHIBITED, icmp_from=sender, local_address="10.0.0.5")
    assert first(lookup(), denied).owner == owner


def test_an_address_family_without_a_route_is_no_finding() -> None:
    dead = connect("2607:6bc0::10", failure=Failure.UNREACHABLE)
    rest = (lookup(ADDRESS_OLD, "2607:6bc0::10"), dead, connect(order=1), handshake(), exchange(), message())
    assert findings(LocalNetwork(ipv4_route=True, ipv6_route=False), *rest) == []
    assert findings(LocalNetwork(ipv4_route=True, ipv6_route=True), *rest) == ["w:ipv6-broken"]


@pytest.mark.parametrize(("dead", "code"), [(1, "sdk-differs"), (2, "address-dead"), (3, "address-dead")])
def test_a_message_that_waits_out_dead_addresses_is_their_fault(dead: int, code: str) -> None:
    """The synchronous client gives each five seconds, and the message is given fifteen."""
    tries = [connect(f"160.79.104.{20 + n}", failure=Failure.TIMED_OUT, order=n) for n in range(dead)]
    plain = tried(questions.PLAIN_CLIENT, message(client="httpx"))
    lost = message(0, failure=Failure.TIMED_OUT, duration_ms=15_000.0)
    found = seen.report(lookup(), *tries, connect(order=dead), handshake(), exchange(), lost, plain)
    assert found.problem == code
    assert found.first_failing_layer == ("messages" if code == "sdk-differs" else "tcp")


def test_what_fails_the_second_time_too_is_not_intermittent() -> None:
    cut = exchange(0, failure=Failure.CLOSED, error="closed")
    walk = (lookup(), connect(), handshake(), cut, *tried(questions.AGAIN, cut))
    assert [one.code for one in seen.report(*walk).findings] == ["response-cut"]
