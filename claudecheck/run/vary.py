"""Variations of the way: the failing route with exactly one field replaced, walked by the same probes.

All that a failure calls for run side by side within one attempt's time. No variation sends a
credential over a connection that did not verify, or to a host that is not on the user's route.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from claudecheck.diagnosis import variations as ids
from claudecheck.failures import Failure, Stage
from claudecheck.observations import (
    ResolverConfig,
    TlsHandshake,
    VariationTried,
)
from claudecheck.probes import connect, reach, side_by_side
from claudecheck.probes.api import http
from claudecheck.probes.names import resolve
from claudecheck.probes.names.resolve import Address
from claudecheck.probes.proxy import tunnel
from claudecheck.probes.walk import Walk
from claudecheck.route import Credential, Plan, Route
from claudecheck.run.options import Options, host_and_port

#: A server name that the API does not have; it exists, so that a filter has no reason to stop it.
NEUTRAL_NAME = "www.example.com"
#: Small enough for every path that IPv6 allows (1280), less the headers.
SMALL_SEGMENT = 536


@dataclass(frozen=True)
class Variation:
    """`change` does the walk; `changed`, `before` and `after` say which one field was replaced."""

    id: str
    changed: str
    before: str
    after: str
    change: Callable[[Walk], object]
    route: Route | None = None


class Variations:
    """The variations of one walk. `something_between` says that more than the network is on the route."""

    def __init__(self, walk: Walk, plan: Plan, options: Options) -> None:
        self.walk = walk
        self.route = walk.route
        self.plan = plan
        self.options = options
        self.step_s = options.step_s
        self._shake = partial(reach.shake, limit_s=options.step_s)
        self.something_between = self.route.proxy is not None or not self.route.endpoint.official

    def run(self, stage: Stage, chosen: list[Variation], limit_s: float | None = None) -> None:
        """Declare them, then walk all side by side for one attempt's time."""
        if not chosen:
            return
        jobs = []
        for variation in chosen:
            tried = VariationTried(
                id=variation.id, stage=stage, changed=variation.changed, before=variation.before, after=variation.after
            )
            self.walk.record(tried, self.walk.start())
            varied = replace(self.walk, route=variation.route or self.route, variation=variation.id)
            jobs.append(partial(variation.change, varied))
        side_by_side.run(jobs, self.walk.deadline.share(limit_s or 2 * self.step_s))

    # -- dns

    def names(self, config: ResolverConfig, found: list[Address]) -> None:
        """The name by other resolvers, as another name, and without the search domains."""
        host, port = self.route.endpoint.host, self.route.endpoint.port
        others = self.options.others
        if self.route.resolver != "system":
            self.run(Stage.DNS, [] if found else self._known_proxy())
            return
        chosen = [
            Variation(
                f"{ids.NAMESERVER_TCP}:{server}", "transport", "UDP", f"{server} over TCP",
                partial(_ask, server=server, host=host, transport="tcp", configured=True),
            )
            for server in config.nameservers[:3]
        ]  # fmt: skip
        chosen += [
            Variation(
                f"{ids.PUBLIC_RESOLVER}:{server}", "resolver", "the system's", server,
                partial(_ask, server=server, host=host, transport="udp", configured=False),
            )
            for server in others.resolvers
        ]  # fmt: skip
        if others.dns_over_https:
            chosen.append(
                Variation(
                    ids.DNS_OVER_HTTPS, "resolver", "the system's", others.dns_over_https,
                    partial(_ask, server=others.dns_over_https, host=host, transport="https", configured=False),
                )
            )  # fmt: skip
        if not host.endswith(".") and resolve.literal(host) is None and config.search:
            chosen.append(
                Variation(ids.TRAILING_DOT, "name", host, f"{host}.", partial(_lookup, host=f"{host}.", port=port))
            )
        if not found:
            chosen += [
                Variation(f"{ids.OTHER_NAME}:{name}", "name", host, name, partial(_lookup, host=name, port=443))
                for name, _ in map(host_and_port, others.controls[:1])
            ]
            chosen += self._known_proxy()
        self.run(Stage.DNS, chosen)

    # -- tcp

    def connections(self) -> None:
        """Other hosts, and the proxy that the machine knows."""
        endpoint = self.route.endpoint
        chosen = [
            Variation(
                f"{ids.CONTROL_HOST}:{name}:{port}", "host", endpoint.host, f"{name} port {port}",
                partial(_reach, host=name, port=port, limit_s=self.step_s),
            )
            for name, port in self._controls()
        ]  # fmt: skip
        self.run(Stage.TCP, [*chosen, *self._known_proxy(), *self._portals()])

    def _known_proxy(self) -> list[Variation]:
        """Through the proxy that the machine knows and this client does not use."""
        known = self.route.known_proxy
        if known is None:
            return []
        varied = replace(self.route, proxy=known)
        return [Variation(ids.KNOWN_PROXY, "proxy", "none", known.shown, self._shake, varied)]

    def _controls(self) -> list[tuple[str, int]]:
        """Every control's own port, and plain HTTP at the first: port 443 may be all that is closed."""
        found = [host_and_port(control) for control in self.options.others.controls]
        return [*found, *((name, 80) for name, port in found[:1] if port == 443)]

    # -- tls

    def handshakes(self, seen: TlsHandshake) -> None:
        """What a failed handshake calls for: silence asks for other shapes, distrust for other names."""
        if seen.failure in (Failure.TIMED_OUT, Failure.RESET, Failure.CLOSED):
            chosen = [*self._other_names(), *self._other_shapes(), *self._tls_controls()[:1], *self._portals()[:1]]
        elif seen.failure in (Failure.ALERT, Failure.VERSION_UNSUPPORTED):
            chosen = [*self._other_names(), *self._tls_controls()[:1]]
        elif seen.failure in (Failure.EXPIRED, Failure.NOT_YET_VALID):
            chosen = [*self._tls_controls(), *self._portals()]
        else:
            chosen = [*self._other_names()[:1], *self._tls_controls()[:1], *self._portals()]
        self.run(Stage.TLS, chosen)

    def trusted(self, seen: TlsHandshake) -> None:
        """A chain that verified, and ends at a root that no public store holds: is it minted on demand?"""
        public = [store for store in seen.stores if store.store == "certifi"]
        if self.route.endpoint.official and public and not any(store.trusted for store in public):
            self.something_between = True
            self.run(Stage.TLS, self._other_names()[:1])

    def _other_names(self) -> list[Variation]:
        before = self.route.sni or "no name"
        return [
            Variation(
                ids.OTHER_SERVER_NAME, "server name", before, NEUTRAL_NAME,
                self._shake, replace(self.route, server_name=NEUTRAL_NAME),
            ),
            Variation(
                ids.NO_SERVER_NAME, "server name", before, "none", self._shake, replace(self.route, server_name="")
            ),
        ]  # fmt: skip

    def _other_shapes(self) -> list[Variation]:
        return [
            Variation(
                ids.SMALL_HELLO, "ClientHello", "normal", "small", self._shake, replace(self.route, hello="small")
            ),
            Variation(
                ids.PADDED_HELLO, "ClientHello", "normal", "padded", self._shake, replace(self.route, hello="padded")
            ),
            Variation(
                ids.SMALL_SEGMENTS, "segment size", "the system's", f"{SMALL_SEGMENT} bytes",
                self._shake, replace(self.route, max_segment=SMALL_SEGMENT),
            ),
            Variation(
                ids.OLD_TLS, "TLS version", "up to 1.3", "1.2", self._shake, replace(self.route, max_tls="1.2")
            ),
        ]  # fmt: skip

    def _tls_controls(self) -> list[Variation]:
        return [
            Variation(
                f"{ids.TLS_CONTROL}:{name}", "host", self.route.endpoint.host, name,
                partial(self._shake, host=name, port=port),
                replace(self.route, credential=Credential()),
            )
            for name, port in map(host_and_port, self.options.others.controls)
        ]  # fmt: skip

    def _portals(self) -> list[Variation]:
        return [
            Variation(
                f"{ids.PORTAL_CHECK}:{url}", "page", self.route.endpoint.url, url,
                partial(_check_page, url=url, status=status, start=start, limit_s=self.step_s),
            )
            for url, status, start in self.options.others.portals
        ]  # fmt: skip

    # -- proxy

    def proxy(self) -> None:
        """Without the proxy, to another host, and in the other ways of speaking to it."""
        proxy = self.route.proxy
        if proxy is None:
            return
        chosen = [
            Variation(ids.DIRECT, "proxy", proxy.shown, "none", self._shake, replace(self.route, proxy=None)),
        ]
        chosen += [
            Variation(
                f"{ids.PROXY_CONTROL}:{name}", "host", self.route.endpoint.host, name,
                partial(self._tunnel, host=name, port=port),
            )
            for name, port in map(host_and_port, self.options.others.controls[:1])
        ]  # fmt: skip
        if proxy.has_credentials:
            bare = replace(self.route, proxy=proxy.without_credentials())
            chosen.append(
                Variation(ids.WITHOUT_CREDENTIALS, "proxy credentials", "sent", "not sent", self._tunnel, bare)
            )
        if proxy.scheme in ("http", "https"):
            other = "http" if proxy.scheme == "https" else "https"
            varied = replace(self.route, proxy=replace(proxy, scheme=other).without_credentials())
            name = ids.PLAIN_PROXY if other == "http" else ids.TLS_PROXY
            chosen.append(Variation(name, "proxy scheme", proxy.scheme, other, self._tunnel, varied))
        else:
            varied = replace(self.route, proxy=replace(proxy, scheme="http"))
            chosen.append(Variation(ids.PLAIN_PROXY, "proxy scheme", proxy.scheme, "http", self._tunnel, varied))
        self.run(Stage.PROXY, chosen)

    def _tunnel(self, walk: Walk, host: str = "", port: int = 0) -> object:
        endpoint, purpose = walk.route.endpoint, "control" if host else "api"
        target = host or endpoint.host, port or endpoint.port
        opened = tunnel.open_tunnel(walk, *target, purpose=purpose, limit_s=self.step_s)
        if opened is not None:
            opened.close()
        return None


# -- the walks of single variations ----------------------------------------------------------------


def _ask(walk: Walk, *, server: str, host: str, transport: str, configured: bool) -> object:
    from claudecheck.probes.names import nameservers

    return nameservers.ask_all(walk, host, [server], transport=transport, configured=configured, limit_s=3.0)


def _lookup(walk: Walk, *, host: str, port: int) -> object:
    return resolve.lookup(walk, host, port, purpose="control", limit_s=5.0)


def _reach(walk: Walk, *, host: str, port: int, limit_s: float) -> object:
    found = resolve.lookup(walk, host, port, purpose="control", limit_s=limit_s)
    return connect.connect_all(
        walk, found[:4], port, purpose="control", name=host, keep_first=False, limit_s=limit_s / 2
    )


def _check_page(walk: Walk, *, url: str, status: int, start: str, limit_s: float) -> object:
    request = http.Request(
        stage="models",
        step="portal",
        url=url,
        authenticated=False,
        expected="",
        expected_status=status,
        expected_start=start,
    )
    return http.exchange(walk, request, limit_s)
