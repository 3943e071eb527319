"""The name of the API: found, not found, or found to be something else."""

from __future__ import annotations

from collections.abc import Iterable

from claudecheck.diagnosis import addresses, questions
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.rules.proxy import proxy_required
from claudecheck.failures import Failure, Stage
from claudecheck.observations import NameLookup
from claudecheck.report import Confidence, Finding, Owner
from claudecheck.route import names_this_machine


def find(evidence: Evidence) -> Iterable[Finding]:
    lookup = evidence.lookup()
    if evidence.proxied or lookup is None or lookup.failure is Failure.CANCELLED:
        return
    if not lookup.ok:
        yield _failed(evidence, lookup)
        return
    odd = _odd(evidence, lookup)
    if odd is not None:
        yield odd
    slow = _slow(evidence, lookup)
    if slow is not None:
        yield slow


# -- the client's own call failed ------------------------------------------------------------------


def _failed(evidence: Evidence, lookup: NameLookup) -> Finding:
    """The client's call decides that it failed; nameservers asked one by one only name the cause."""
    configured = [
        a for a in evidence.direct_answers() if a.configured and a.transport == "udp" and a.name == lookup.name
    ]
    seen = [f"{lookup.name}: {lookup.error or lookup.failure}", *map(_told, configured)]
    if (required := proxy_required(evidence, seen)) is not None:
        return required
    resolver = evidence.resolver
    if (forbidden := _forbidden_here(evidence)) is not None:
        values = {"address": forbidden.via, "port": "53", "detail": forbidden.error}
        return evidence.finding("tcp-prohibited", values=values, seen=[*seen, *_elsewhere(evidence)], owner="you")
    code, confidence = _cause(evidence, lookup, configured)
    if resolver is not None and not resolver.nameservers and lookup.via == "system":
        code, confidence = "dns-no-resolver", "high"
        seen.append(f"{resolver.source or 'the system'} names no nameserver")
    return evidence.finding(
        code,
        values=_values(evidence, lookup, configured),
        seen=[*seen, *_elsewhere(evidence)],
        ruled_out=evidence.cleared(Stage.DNS),
        confidence=confidence,
        owner=_owner(evidence, code),
    )


def _cause(evidence: Evidence, lookup: NameLookup, direct: list[NameLookup]) -> tuple[str, Confidence]:
    failures = [answer.failure for answer in direct]
    over_tcp = [answer for answer in evidence.lookups() if answer.transport == "tcp"]
    over_tcp += [
        step
        for outcome in evidence.tried_all(questions.NAMESERVER_TCP)
        for step in outcome.observations
        if isinstance(step, NameLookup)
    ]
    if any(a.truncated for a in direct) and over_tcp and not any(a.ok for a in over_tcp):
        return "dns-tcp-blocked", "high"
    said = {
        Failure.NAME_NOT_FOUND: "dns-name-not-found",
        Failure.NO_ADDRESS: "dns-no-address",
        Failure.SERVER_FAILURE: "dns-server-failure",
        Failure.QUERY_REFUSED: "dns-refused",
    }
    if lookup.failure is Failure.NAME_NOT_FOUND:
        # glibc says "not known" for a name without addresses too; the nameservers tell the two apart.
        if Failure.NAME_NOT_FOUND not in failures and Failure.NO_ADDRESS in failures:
            return "dns-no-address", "high"
        agreed = not direct or Failure.NAME_NOT_FOUND in failures
        return "dns-name-not-found", "high" if agreed else "medium"
    if lookup.failure is Failure.NO_ADDRESS:
        return "dns-no-address", "high"
    for failure in (Failure.SERVER_FAILURE, Failure.QUERY_REFUSED, Failure.NAME_NOT_FOUND, Failure.NO_ADDRESS):
        if failure in failures:
            silent = any(f in (Failure.TIMED_OUT, Failure.REFUSED) for f in failures)
            return said[failure], "medium" if silent else "high"
    if lookup.failure in said:
        return said[lookup.failure], "high"
    if direct and any(answer.ok for answer in direct):
        return "dns-timeout", "medium"  # the nameserver answers us and not the client's own call
    return "dns-timeout", "high" if direct else "medium"


def _forbidden_here(evidence: Evidence) -> NameLookup | None:
    """An answer of this machine itself, which lets no question out, whomever it asks: a packet filter of its own.

    Only a datagram is refused at once; a connection that is not let out is silent. What is asked of a loopback
    address leaves by another process.
    """
    asked = [a for a in evidence.direct_answers() if a.transport == "udp" and not addresses.is_loopback(a.via)]
    forbidden = [answer for answer in asked if answer.failure is Failure.PROHIBITED]
    return forbidden[0] if forbidden and len(forbidden) == len(asked) else None


def _told(answer: NameLookup) -> str:
    what = {"ipv4": "A", "ipv6": "AAAA"}.get(answer.family, "")
    asked = f"{answer.via} over {answer.transport} ({what})" if what else f"{answer.via} over {answer.transport}"
    if answer.truncated:
        return f"{asked}: truncated answer"
    if answer.ok:
        return f"{asked}: {', '.join(answer.addresses[:3])}"
    words = {
        Failure.REFUSED: "nothing listens there",
        Failure.TIMED_OUT: "silence",
        Failure.PROHIBITED: "this machine does not let the question out",
    }
    return f"{asked}: {words.get(answer.failure or Failure.UNKNOWN, answer.rcode or answer.error)}"


def _elsewhere(evidence: Evidence) -> list[str]:
    """What other resolvers and other names said: the variations."""
    told: list[str] = []
    for name in (questions.PUBLIC_RESOLVER, questions.DNS_OVER_HTTPS, questions.OTHER_NAME, questions.TRAILING_DOT):
        told += [f"{outcome.tried.after}: {outcome.text}" for outcome in evidence.tried_all(name)]
    return told


def _owner(evidence: Evidence, code: str) -> Owner | None:
    """A wrong name is the writer's; a right name that this network does not resolve is the network's."""
    if code != "dns-name-not-found":
        return None
    public = evidence.tried_all(questions.PUBLIC_RESOLVER)
    if evidence.official or any(outcome.reached for outcome in public):
        return "network"
    return "you"


def _values(evidence: Evidence, lookup: NameLookup, direct: list[NameLookup]) -> dict[str, str]:
    bad = [answer.via for answer in direct if not answer.ok]
    values = {"host": lookup.name.rstrip("."), "addresses": ", ".join(lookup.addresses)}
    if bad:
        values["resolver"] = ", ".join(dict.fromkeys(bad))
    if evidence.resolver is not None and evidence.resolver.search:
        values["search_domain"] = evidence.resolver.search[0]
    return {name: value for name, value in values.items() if value}


# -- it answered, with something that needs a look -------------------------------------------------


def got_through(evidence: Evidence) -> bool:
    """The connection stands: whatever the name resolved to, it is the host that was meant."""
    handshake = evidence.handshake()
    if handshake is not None:
        return handshake.ok
    answered = [seen for seen in (evidence.models, evidence.message) if seen is not None]
    return any(seen.status for seen in answered)


def _odd(evidence: Evidence, lookup: NameLookup) -> Finding | None:
    if evidence.meets_this_machine and lookup.via == "system":
        return None
    through = got_through(evidence) and not _answered_by_this_machine(evidence, lookup)
    walked = (*evidence.connects(), evidence.handshake(), evidence.models, evidence.message)
    failed = any(seen is not None and not seen.ok for seen in walked)
    stopped = not through and (failed or _answered_by_this_machine(evidence, lookup))
    hosts = evidence.resolver.hosts_entries if evidence.resolver else []
    usual = [address for address in lookup.addresses if addresses.is_api(address)]
    values = _values(evidence, lookup, [])
    resolved = evidence.tried_all(questions.RESOLVED_ADDRESS)
    seen = [f"{lookup.name} is {', '.join(lookup.addresses[:4])}"]
    if hosts and evidence.official and set(hosts) & set(lookup.addresses):
        return evidence.finding(
            "dns-hosts-override",
            values=values,
            seen=[
                *seen,
                f"the hosts file says {', '.join(hosts[:3])}",
                *(f"{one.tried.changed} {one.tried.after}: {one.text}" for one in resolved),
            ],
            ruled_out=evidence.cleared(Stage.DNS) if stopped else [],
            severity="error" if stopped and (not usual or any(one.reached for one in resolved)) else "warning",
        )
    if usual or not lookup.addresses:
        return None
    if (found := _search_domain(evidence, lookup, stopped=stopped)) is not None:
        return found
    sunk = [a for a in lookup.addresses if addresses.is_sinkhole(a) or addresses.is_block_page(a)]
    nowhere = not names_this_machine(evidence.route.host) and all(map(addresses.is_nowhere, lookup.addresses))
    if (len(sunk) == len(lookup.addresses) and evidence.official and stopped) or (nowhere and stopped):
        return evidence.finding(
            "dns-sinkholed",
            values=values,
            seen=[*seen, *map(_told, evidence.direct_answers()), *_elsewhere(evidence)],
            ruled_out=evidence.cleared(Stage.DNS),
        )
    if not evidence.official:
        return None
    return _unexpected(evidence, lookup, values, seen, stopped=stopped)


def _answered_by_this_machine(evidence: Evidence, lookup: NameLookup) -> bool:
    """0.0.0.0 leads to this machine, where anything may listen: only a working message counts then."""
    unspecified = [a for a in lookup.addresses if (parsed := addresses.parse(a)) is not None and parsed.is_unspecified]
    works = evidence.message is not None and evidence.message.ok
    return bool(unspecified) and not works


def _search_domain(evidence: Evidence, lookup: NameLookup, *, stopped: bool) -> Finding | None:
    """With a trailing dot the name has no address, or others: a search domain answered for it."""
    dotted = evidence.tried(questions.TRAILING_DOT)
    if dotted is None or dotted.silent or dotted.failure is Failure.TRY_AGAIN:
        return None
    answers = [step for step in dotted.observations if isinstance(step, NameLookup)]
    with_dot = {address for answer in answers for address in answer.addresses}
    if with_dot & set(lookup.addresses):
        return None
    return evidence.finding(
        "dns-search-domain",
        values=_values(evidence, lookup, []),
        seen=[
            f"{lookup.name} is {', '.join(lookup.addresses[:3])}",
            f"{lookup.name}. (with a trailing dot): {dotted.text}",
            f"canonical name {lookup.canonical}" if lookup.canonical else "",
        ],
        severity="error" if stopped else "warning",
    )


def _unexpected(
    evidence: Evidence, lookup: NameLookup, values: dict[str, str], seen: list[str], *, stopped: bool
) -> Finding:
    """Public addresses that the API is not known to use. An error only when another resolver
    gives the API's own: the published ranges may be older than the network.
    """
    elsewhere = [*evidence.tried_all(questions.PUBLIC_RESOLVER), *evidence.tried_all(questions.DNS_OVER_HTTPS)]
    true_ones = [
        outcome
        for outcome in elsewhere
        if any(
            addresses.is_api(address)
            for step in outcome.observations
            if isinstance(step, NameLookup)
            for address in step.addresses
        )
    ]
    fake = any(addresses.is_fake(address) for address in lookup.addresses)
    return evidence.finding(
        "dns-unexpected-address",
        values=values,
        seen=[
            *seen,
            "198.18.0.0/15 is what VPN clients with fake-IP resolvers hand out" if fake else "",
            *_elsewhere(evidence),
        ],
        confidence="high" if true_ones else "medium",
        severity="error" if stopped and true_ones else "warning",
    )


def _slow(evidence: Evidence, lookup: NameLookup) -> Finding | None:
    if lookup.duration_ms < questions.SLOW_LOOKUP_MS:
        return None
    direct = [a for a in evidence.direct_answers() if a.configured]
    dead = [a.via for a in direct if a.failure in (Failure.TIMED_OUT, Failure.REFUSED)]
    return evidence.finding(
        "dns-slow",
        values={"resolver": ", ".join(dict.fromkeys(dead)), "seconds": f"{lookup.duration_ms / 1000:.1f} s"},
        seen=[f"the lookup took {lookup.duration_ms / 1000:.1f} s", *map(_told, direct)],
        confidence="high" if dead else "medium",
    )
