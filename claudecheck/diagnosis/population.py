"""Many reports: grouped by cause, and by what the failing ones share and the healthy ones do not. Pure.

A report is reduced to its traits (which resolver, proxy, issuer, address, SDK … it met) as it comes, so that ten
thousand of them fit a small machine's memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from claudecheck.diagnosis import origin

#: The kinds of traits, in the order in which equals are told: the nearest to the machine first.
TRAITS = (
    "resolver", "proxy", "NO_PROXY", "trust", "issuer", "family", "address", "dead address", "client", "python",
    "key from", "base URL", "edge location", "answered by", "system", "container", "CI",
)  # fmt: skip
LONGEST_VALUE = 120
MOST_VALUES = 8  # of one trait in one report
MOST_SHOWN = 5  # traits of one cause
MOST_LABELS = 12


class _Route(msgspec.Struct):
    client: str = ""
    client_version: str = ""
    url: str = ""
    proxy: str = ""
    proxy_bypassed_by: str = ""
    trust: str = ""
    trust_source: str = ""
    credential_source: str = ""


class _Finding(msgspec.Struct):
    code: str = ""
    layer: str = ""
    severity: str = ""
    title: str = ""


class _Seen(msgspec.Struct):
    """The fields of observations that traits are read from; whatever else a report holds is passed over."""

    op: str = ""
    variation: str = ""
    purpose: str = ""
    failure: str | None = None
    nameservers: list[str] = []
    address: str = ""
    python: str = ""
    os: str = ""
    os_release: str = ""
    container: str = ""
    ci: str = ""
    chain: list[Any] = []
    headers: dict[str, str] = {}


class Summary(msgspec.Struct):
    """A report as a population needs it."""

    schema_version: int
    status: str
    problem: str | None = None
    first_failing_layer: str | None = None
    reached_api: bool | None = None
    answered_by: str | None = None
    started_at: str = ""
    label: str = ""
    route: _Route = msgspec.field(default_factory=_Route)
    findings: list[_Finding] = []
    observations: list[_Seen] = []

    @property
    def cause(self) -> str:
        """The code of what is wrong: the culprit's, else the first warning's; empty for a healthy report."""
        if self.problem:
            return self.problem
        if self.status == "incomplete":
            return "incomplete"
        return next((one.code for one in self.findings if one.severity == "warning"), "")


Trait = tuple[str, str]


def traits(summary: Summary) -> frozenset[Trait]:
    """What this machine met, as (kind, value) pairs."""
    return frozenset((kind, value[:LONGEST_VALUE]) for kind, value in _traits(summary) if value)


def _traits(summary: Summary) -> Iterator[Trait]:
    route = summary.route
    yield "client", f"{route.client} {route.client_version}".strip()
    yield "base URL", route.url
    yield "proxy", route.proxy or "none"
    yield "NO_PROXY", route.proxy_bypassed_by
    yield "trust", route.trust_source or route.trust
    yield "key from", route.credential_source
    yield "answered by", summary.answered_by or ""
    for seen in summary.observations:
        if not seen.variation:
            yield from _met(seen)


def _met(seen: _Seen) -> Iterator[Trait]:
    match seen.op:
        case "resolver-config":
            yield from (("resolver", server) for server in seen.nameservers[:MOST_VALUES])
        case "interpreter":
            yield "python", seen.python
        case "run":
            yield "system", f"{seen.os} {seen.os_release}".strip()
            yield "container", seen.container
            yield "CI", seen.ci
        case "tcp-connect" if seen.purpose in ("api", "proxy"):
            yield "address", seen.address
            yield "family", "IPv6" if ":" in seen.address else "IPv4"
            yield "dead address", seen.address if seen.failure else ""
        case "tls-handshake" if seen.purpose == "api" and seen.chain:
            last = seen.chain[-1]
            yield "issuer", str(last.get("issuer", "")) if isinstance(last, Mapping) else ""
        case "http-exchange":
            yield "edge location", origin.edge_location(seen.headers)
        case _:
            return


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """One trait: how many of the failing reports of a cause have it, and how many of the healthy ones.

    `separates` is the difference of the two shares: 1 when all failing ones have it and no healthy one does.
    """

    trait: str
    value: str
    failing: int
    healthy: int
    separates: float


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The reports with one problem, and what they share."""

    problem: str
    layer: str
    title: str
    status: str
    reports: int
    first: str  # when the first of them ran, as it says itself
    last: str
    labels: list[str]
    shared: list[Shared]
    others: int  # reports that get through, and are not of this cause


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What many reports say together. `unreadable` counts what was no report."""

    reports: int
    healthy: int
    degraded: int
    failing: int
    incomplete: int
    causes: list[Cause]
    unreadable: int = 0
    schema_version: int = 1


class _Group:
    def __init__(self, summary: Summary) -> None:
        finding = next((one for one in summary.findings if one.code == summary.cause), _Finding())
        self.problem, self.title, self.status = summary.cause, finding.title, summary.status
        self.layer = summary.first_failing_layer or finding.layer
        self.count = 0
        self.times: list[str] = []
        self.labels: list[str] = []
        self.traits: Counter[Trait] = Counter()

    def add(self, summary: Summary, met: frozenset[Trait]) -> None:
        self.count += 1
        self.times = sorted(filter(None, {*self.times, summary.started_at}))
        self.times = [self.times[0], self.times[-1]] if len(self.times) > 2 else self.times
        if summary.label and len(self.labels) < MOST_LABELS and summary.label not in self.labels:
            self.labels.append(summary.label)
        self.traits.update(met)


class Population:
    """Reports, folded in one by one."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._statuses: Counter[str] = Counter()
        self._groups: dict[str, _Group] = {}
        self._healthy: Counter[Trait] = Counter()

    def add(self, summary: Summary) -> None:
        self._statuses[summary.status] += 1
        met = traits(summary)
        if summary.status in ("healthy", "degraded"):
            self._healthy.update(met)
        if cause := summary.cause:
            self._groups.setdefault(cause, _Group(summary)).add(summary, met)

    def merged(self) -> Merged:
        """The causes that stop the client first, the most frequent before the rarer."""
        through = self._statuses["healthy"] + self._statuses["degraded"]
        causes = [self._cause(group, through) for group in self._groups.values()]
        order = ("failing", "incomplete", "degraded", "healthy")
        causes.sort(key=lambda cause: (order.index(cause.status), -cause.reports, cause.problem))
        return Merged(
            reports=self._statuses.total(),
            healthy=self._statuses["healthy"],
            degraded=self._statuses["degraded"],
            failing=self._statuses["failing"],
            incomplete=self._statuses["incomplete"],
            causes=causes,
            unreadable=self.unreadable,
        )

    def _cause(self, group: _Group, through: int) -> Cause:
        return Cause(
            problem=group.problem,
            layer=group.layer,
            title=group.title,
            status=group.status,
            reports=group.count,
            first=group.times[0] if group.times else "",
            last=group.times[-1] if group.times else "",
            labels=group.labels,
            shared=self._shared(group, through),
            others=through - (group.count if group.status == "degraded" else 0),
        )

    def _shared(self, group: _Group, through: int) -> list[Shared]:
        """Reports that only warn are among those that get through, and must not count against themselves."""
        if group.status != "degraded":
            return separating(group.traits, group.count, self._healthy, through)
        return separating(group.traits, group.count, self._healthy - group.traits, through - group.count)


def separating(
    failing: Counter[Trait], failing_count: int, healthy: Counter[Trait], healthy_count: int
) -> list[Shared]:
    """The traits that separate best. One that the healthy ones have as often says nothing, nor one of a minority."""
    found = []
    for (kind, value), count in failing.items():
        others = healthy[kind, value]
        separates = count / failing_count - (others / healthy_count if healthy_count else 0.0)
        if separates > 0 and count * 2 > failing_count:
            found.append(Shared(trait=kind, value=value, failing=count, healthy=others, separates=round(separates, 3)))
    found.sort(key=lambda one: (-one.separates, -one.failing, TRAITS.index(one.trait), one.value))
    return found[:MOST_SHOWN]


@cache
def decoder() -> msgspec.json.Decoder[Summary]:
    """Reads one report, and of it no more than a population needs."""
    return msgspec.json.Decoder(Summary)
