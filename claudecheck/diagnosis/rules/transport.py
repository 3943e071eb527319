"""The TCP connection to the API: which addresses answer, and what a dead one costs."""

from __future__ import annotations

from collections.abc import Iterable

from claudecheck.diagnosis import addresses, questions
from claudecheck.diagnosis.evidence import Evidence, family_name
from claudecheck.diagnosis.rules.http import portal_from_check
from claudecheck.diagnosis.rules.proxy import proxy_required
from claudecheck.failures import Failure, Stage
from claudecheck.observations import HttpExchange, TcpConnect
from claudecheck.report import Finding
from claudecheck.route import names_this_machine

CODES = {
    Failure.REFUSED: "tcp-refused",
    Failure.TIMED_OUT: "tcp-timeout",
    Failure.UNREACHABLE: "tcp-unreachable",
    Failure.PROHIBITED: "tcp-prohibited",
    Failure.LOCAL_LIMIT: "tcp-local-limit",
    Failure.RESET: "tcp-refused",
}
#: Node gives each address 250 ms before it tries the next one.
NODE_ATTEMPT_MS = 250.0
#: A SYN that was lost is sent again after one second (RFC 6298), so a connect that took longer lost one.
SYN_RETRY_MS = 1000.0
SYNC_ATTEMPT_S = 5
#: Fewer could be chance; a share below this is what every long line has.
LEAST_RETRANSMITS = 3
LOSSY_SHARE = 0.05


def find(evidence: Evidence) -> Iterable[Finding]:
    connects = evidence.connects()
    if evidence.proxied or not connects:
        return
    tried = [connect for connect in connects if connect.failure is not Failure.CANCELLED]
    if tried and not any(connect.ok for connect in tried):
        if evidence.works_again(questions.CONNECTED_AGAIN):
            return
        yield _blocked(evidence, tried)
    elif tried:
        yield from _partly(evidence, tried)
        yield from _slow(evidence, [connect for connect in tried if connect.ok])


def _blocked(evidence: Evidence, connects: list[TcpConnect]) -> Finding:
    decisive = _decisive(evidence, connects)
    failure = decisive.failure or Failure.UNKNOWN
    seen = [f"{c.address} port {c.port}: {_told(c)}" for c in connects[:6]]
    values = {"address": decisive.address, "port": str(decisive.port), "detail": decisive.error}
    if failure is Failure.LOCAL_LIMIT:  # no packet has left: nothing is known of the other side
        return evidence.finding(
            CODES[failure],
            values=values,
            seen=seen,
            ruled_out=evidence.cleared(Stage.TCP),
            facts=("files-used-up",) if decisive.errno_name in ("EMFILE", "ENFILE") else (),
        )
    ours = addresses.is_loopback(decisive.address) and _meant_this_machine(evidence)
    if not evidence.meets_this_machine and ours and failure in CODES:
        return evidence.finding(
            "base-url-loopback",
            values={**values, "variable": evidence.route.base_url_source},
            seen=[*seen, f"inside a container ({evidence.run.container})" if evidence.run.container else ""],
        )
    if (finding := proxy_required(evidence, seen)) is not None:
        return finding
    if (finding := portal_from_check(evidence)) is not None:
        return finding
    if (only := _only_unusable_family(evidence, connects)) != "":
        return evidence.finding(
            "dns-no-address",
            values=values,
            seen=[only, *seen],
            ruled_out=evidence.cleared(Stage.TCP),
        )
    return evidence.finding(
        CODES.get(failure, "unknown"),
        values=values,
        seen=[*seen, *_controls(evidence)],
        ruled_out=[*evidence.cleared(Stage.TCP), *_controls_fine(evidence)],
        owner="you" if failure is Failure.PROHIBITED and _by_this_machine(decisive) else None,
        layer="tcp",
    )


def _only_unusable_family(evidence: Evidence, connects: list[TcpConnect]) -> str:
    """The name has addresses of one family only, and this machine has no way out for it."""
    network = evidence.network
    if network is None or evidence.lookup() is None:
        return ""
    families = {family_name(connect.address) for connect in connects}
    if families == {"IPv6"} and network.ipv4_route and not network.ipv6_route:
        return "the name has IPv6 addresses only, and this machine has no IPv6"
    if families == {"IPv4"} and network.ipv6_route and not network.ipv4_route:
        return "the name has IPv4 addresses only, and this machine has no IPv4"
    return ""


def _by_this_machine(connect: TcpConnect) -> bool:
    """No ICMP message came, or it came from this machine's own address: its firewall, route or sandbox."""
    return connect.icmp_from in ("", connect.local_address)


def _decisive(evidence: Evidence, connects: list[TcpConnect]) -> TcpConnect:
    """The failure that names the cause: one without a local route for its family says nothing."""
    network = evidence.network

    def has_route(connect: TcpConnect) -> bool:
        if network is None:
            return True
        return network.ipv6_route if addresses.is_ipv6(connect.address) else network.ipv4_route

    with_route = [connect for connect in connects if has_route(connect)] or connects
    ranked = (
        Failure.LOCAL_LIMIT,
        Failure.PROHIBITED,
        Failure.REFUSED,
        Failure.TIMED_OUT,
        Failure.RESET,
        Failure.UNREACHABLE,
    )
    return min(with_route, key=lambda c: ranked.index(c.failure) if c.failure in ranked else len(ranked))


def _meant_this_machine(evidence: Evidence) -> bool:
    """Or the machine around a container, which is what that name is for."""
    host = evidence.route.host
    return names_this_machine(host) or host.lower() == "host.docker.internal"


def _told(connect: TcpConnect) -> str:
    if connect.ok:
        return f"answers in {connect.duration_ms:.0f} ms"
    words = {
        Failure.REFUSED: "refused",
        Failure.TIMED_OUT: f"no answer in {connect.duration_ms / 1000:.1f} s",
        Failure.UNREACHABLE: "no route",
        Failure.PROHIBITED: "prohibited",
    }
    text = words.get(connect.failure or Failure.UNKNOWN, connect.error)
    return f"{text} ({connect.errno_name})" if connect.errno_name else text


def _controls(evidence: Evidence) -> list[str]:
    return [f"{outcome.tried.after}: {outcome.text}" for outcome in evidence.tried_all(questions.CONTROL_HOST)]


def _controls_fine(evidence: Evidence) -> list[str]:
    good = [outcome.tried.after for outcome in evidence.tried_all(questions.CONTROL_HOST) if outcome.reached]
    return [f"the rest of the internet ({good[0]} answers)"] if good else []


# -- some answer, some do not ----------------------------------------------------------------------


def _partly(evidence: Evidence, connects: list[TcpConnect]) -> Iterable[Finding]:
    for version, has_route in (("IPv6", _route(evidence, 6)), ("IPv4", _route(evidence, 4))):
        ours = [connect for connect in connects if family_name(connect.address) == version]
        dead = [connect for connect in ours if not connect.ok]
        if not dead or not has_route:
            continue  # without a route the family costs nothing: every client skips it at once
        if len(dead) == len(ours):
            yield _family_broken(evidence, version, dead)
        else:
            yield _address_dead(evidence, dead)


def _route(evidence: Evidence, version: int) -> bool:
    network = evidence.network
    if network is None:
        return True
    return network.ipv6_route if version == 6 else network.ipv4_route


def _cost(dead: list[TcpConnect]) -> str:
    """What the dead addresses cost each kind of client."""
    silent = [connect for connect in dead if connect.failure is Failure.TIMED_OUT]
    if not silent:
        return "each attempt fails at once, so clients lose little time"
    first = [connect for connect in silent if connect.order == 0]
    wait = len(silent) * SYNC_ATTEMPT_S
    return (
        f"a synchronous Python client waits {wait} s on every new connection"
        + ("" if first else " when it meets them first")
        + "; Node gives each address 250 ms; the asynchronous Python client loses 0.3 s"
    )


def waited_out(evidence: Evidence) -> bool:
    """The message ended for want of time, most of which went to addresses that never answer. A plain client that
    goes straight to one that does is no control for that.
    """
    message = evidence.message
    if evidence.proxied or message is None or message.failure is not Failure.TIMED_OUT:
        return False
    connects = evidence.connects()
    first = next((connect.order for connect in connects if connect.ok), None)
    silent = [c for c in connects if c.failure is Failure.TIMED_OUT and first is not None and c.order < first]
    return len(silent) * SYNC_ATTEMPT_S * 1000 * 2 >= message.duration_ms > 0


def _family_broken(evidence: Evidence, version: str, dead: list[TcpConnect]) -> Finding:
    return evidence.finding(
        "ipv6-broken" if version == "IPv6" else "ipv4-broken",
        values={"addresses": ", ".join(connect.address for connect in dead), "address": dead[0].address},
        seen=[*(f"{c.address} port {c.port}: {_told(c)}" for c in dead[:4]), _cost(dead)],
        severity="error" if waited_out(evidence) else None,
    )


def _address_dead(evidence: Evidence, dead: list[TcpConnect]) -> Finding:
    return evidence.finding(
        "address-dead",
        values={"address": dead[0].address, "addresses": ", ".join(connect.address for connect in dead)},
        seen=[*(f"{c.address} port {c.port}: {_told(c)}" for c in dead[:4]), _cost(dead)],
        severity="error" if waited_out(evidence) else None,
    )


def _slow(evidence: Evidence, good: list[TcpConnect]) -> Iterable[Finding]:
    if (lossy := _lossy(evidence, good)) is not None:
        yield lossy
        return
    fastest = min(good, key=lambda connect: connect.duration_ms)
    retried = fastest.retransmits > 0 or fastest.duration_ms > SYN_RETRY_MS
    if fastest.duration_ms > NODE_ATTEMPT_MS and not retried:
        yield evidence.finding(
            "network-slow",
            values={"seconds": f"{fastest.duration_ms:.0f} ms", "address": fastest.address},
            seen=[f"{fastest.address}: connected in {fastest.duration_ms:.0f} ms"],
        )


def _lossy(evidence: Evidence, good: list[TcpConnect]) -> Finding | None:
    """Several connects lost their first packet, or one packet in twenty had to be sent again."""
    retried = [connect for connect in good if connect.retransmits > 0]
    exchanges = [seen for seen in evidence.journal.all(HttpExchange, variation=None) if seen.segments]
    again = sum(seen.retransmits for seen in exchanges)
    segments = sum(seen.segments for seen in exchanges)
    many = again >= LEAST_RETRANSMITS and again >= segments * LOSSY_SHARE
    if len(retried) < 2 and not many and (again < 2 or again < segments * 2 * LOSSY_SHARE):
        return None
    seen = [f"{c.address}: connected in {c.duration_ms:.0f} ms, {c.retransmits} packets sent again" for c in retried]
    if segments:
        seen.append(f"{again} of {segments} packets of {len(exchanges)} requests were sent again")
    count, total = str(again + sum(c.retransmits for c in retried)), str(segments + len(good))
    return evidence.finding("network-lossy", seen=seen, values={"count": count, "total": total}, confidence="medium")
