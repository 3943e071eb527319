"""Variations: the failing route with exactly one field replaced, walked by the same probes.

All that a failure calls for run side by side within one attempt's time. No variation sends a
credential over a connection that did not verify, or to a host that is not on the user's route.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from claudecheck.clients.route import Credential, Plan, Route
from claudecheck.diagnosis import variations as ids
from claudecheck.diagnosis.failures import Failure, Stage
from claudecheck.diagnosis.observations import (
    HttpExchange,
    ResolverConfig,
    TlsHandshake,
    VariationTried,
)
from claudecheck.options import Options, host_and_port
from claudecheck.probes import bodies, connect, http, reach, resolve, side_by_side, tunnel
from claudecheck.probes.client_program import ClientProgram
from claudecheck.probes.resolve import Address
from claudecheck.probes.walk import Walk

#: A server name that the API does not have; it exists, so that a filter has no reason to stop it.
NEUTRAL_NAME = "www.example.com"
#: Small enough for every path that IPv6 allows (1280), less the headers.
SMALL_SEGMENT = 536
NEUTRAL_AGENT = "Mozilla/5.0"
#: Bodies for count_tokens, in bytes: one packet, then sizes that need many.
BODY_SIZES = (1_000, 16_000, 64_000, 256_000)
#: A body is only sent when the measured rate says that it takes less than this.
LONGEST_UPLOAD_S = 4.0
SLOW_FIRST_S = 0.6


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

    # -- clients

    def client(self, program: ClientProgram) -> None:
        """The client itself instead of the walk by its rules: it asks without a credential."""
        request = http.Request(stage="models", step="trial", path="/v1/models", authenticated=False)
        trial = Variation(
            ids.TRIAL, "client", "its rules", program.name,
            partial(program.exchange, request=request, limit_s=self.step_s),
        )  # fmt: skip
        self.run(Stage.MODELS, [trial])

    # -- models and messages

    def models(self, seen: HttpExchange) -> None:
        """The same request with one header or the path changed."""
        again = http.Request(stage="models", step="models", path="/v1/models?limit=100")
        chosen: list[Variation] = []
        credential = self.route.credential
        if not self.route.endpoint.official and credential.secret and seen.status in (400, 401, 403, 407, 500):
            other = "x-api-key" if credential.header == "authorization" else "authorization"
            varied = replace(self.route, credential=replace(credential, header=other))
            chosen.append(
                Variation(ids.OTHER_HEADER, "header", credential.header, other, partial(_send, request=again), varied)
            )
        if seen.status in (404, 405) and self.route.endpoint.base_path:
            endpoint = self.route.endpoint
            corrected = replace(endpoint, base_path=endpoint.base_path.rpartition("/v1")[0])
            varied = replace(self.route, endpoint=corrected)
            chosen.append(
                Variation(ids.BASE_PATH, "base URL", endpoint.url, corrected.url, partial(_send, request=again), varied)
            )
        if self.route.headers:
            varied = replace(self.route, headers=())
            chosen.append(
                Variation(
                    ids.NO_CUSTOM_HEADERS, "custom headers", "sent", "not sent", partial(_send, request=again), varied
                )
            )
        if seen.status in (403, 406, 429) and not seen.request_id:
            neutral = replace(self.route, user_agent=NEUTRAL_AGENT)
            chosen.append(
                Variation(ids.NEUTRAL_AGENT, "User-Agent", self.route.user_agent, NEUTRAL_AGENT,
                          partial(_send, request=again), neutral)
            )  # fmt: skip
        if not seen.status and seen.failure is not Failure.TIMED_OUT:
            chosen.append(
                Variation(ids.AGAIN, "attempt", "first", "second", partial(_send, request=again))
                if seen.client == "httpx"
                else Variation(ids.PLAIN_MODELS, "client", seen.client, "plain HTTP", partial(_send, request=again))
            )
        self.run(Stage.MODELS, [*chosen, *self._status_page(seen)])

    def _status_page(self, seen: HttpExchange) -> list[Variation]:
        """The API answered that it is unwell: does its status page say so too?"""
        if not seen.request_id or seen.status < 500 or not self.options.others.status_page:
            return []
        url = self.options.others.status_page
        return [
            Variation(
                ids.STATUS_PAGE,
                "page",
                self.route.endpoint.url,
                url,
                partial(_read_status, url=url, limit_s=self.step_s),
            )
        ]

    def messages(self, seen: HttpExchange, others: Sequence[str] = ()) -> None:
        """The message by a plain client, and streamed: at most three more messages of one token each.

        `others` are models that the list names beside the one that was asked.
        """
        if seen.failure in (Failure.SDK_MISSING, Failure.SDK_BROKEN, Failure.CLIENT_REFUSED):
            return
        if seen.request_id and seen.shape == "api-error":
            # The API has said what is wrong: only another model, or its own state, can say more.
            self.run(Stage.MESSAGES, [*self._status_page(seen), *self._other_model(seen, others)])
            return
        plain = bodies.message_request(seen.model, stream=False)
        chosen = [
            Variation(ids.PLAIN_CLIENT, "client", "the SDK", "plain HTTP", partial(_send, request=plain, limit_s=10.0)),
            Variation(ids.STREAMED, "answer", "at once", "streamed",
                      partial(_send, request=bodies.message_request(seen.model, stream=True), limit_s=10.0)),
        ]  # fmt: skip
        if seen.status in (403, 406, 429) and not seen.request_id:
            neutral = replace(self.route, user_agent=NEUTRAL_AGENT)
            chosen.append(
                Variation(ids.NEUTRAL_AGENT, "User-Agent", self.route.user_agent, NEUTRAL_AGENT,
                          partial(_send, request=plain), neutral)
            )  # fmt: skip
        self.run(Stage.MESSAGES, chosen, limit_s=11.0)

    def _other_model(self, seen: HttpExchange, others: Sequence[str]) -> list[Variation]:
        """Refused for this model, or for all? Where the answer is about access, another one tells."""
        if seen.status not in (403, 404) or not others:
            return []
        plain = bodies.message_request(others[0], stream=False)
        send = partial(_send, request=plain, limit_s=10.0)
        return [Variation(ids.OTHER_MODEL, "model", seen.model, others[0], send)]

    def stream(self, seen: HttpExchange) -> None:
        """Something stands between that could hold a stream back: send one more message, streamed."""
        request = bodies.message_request(seen.model, stream=True)
        streamed = Variation(
            ids.STREAMED, "answer", "at once", "streamed", partial(_send, request=request, limit_s=10.0)
        )
        self.run(Stage.MESSAGES, [streamed], limit_s=11.0)

    def sizes(self, model: str) -> object:
        """Bodies of growing size to count_tokens, which is free; ends at the first that does not get through.

        A body is sent only when the rate of the one before says that it is quick, so that a slow line
        is not called a fault.
        """
        predicted = 0.0
        for size in BODY_SIZES:
            if predicted > LONGEST_UPLOAD_S:
                return None
            request = bodies.count_request(model, size)
            varied = Variation(
                f"{ids.COUNT_TOKENS}:{size}", "request size", "small", f"{size // 1000} kB",
                partial(_send, request=request, limit_s=2 * self.step_s),
            )  # fmt: skip
            started = self.walk.start()
            self.run(Stage.MESSAGES, [varied], limit_s=2 * self.step_s + 1.0)
            took = (self.walk.start() - started) / 1000
            seen = self._last(varied.id)
            if seen is None or not seen.status:
                return None
            # The first is one packet: its time is the way's, not the rate's, unless the line is very slow.
            predicted = took * 4 if size > BODY_SIZES[0] else took * 16 if took > SLOW_FIRST_S else 0.0
        return None

    def _last(self, variation: str) -> HttpExchange | None:
        seen = self.walk.writer.journal().all(HttpExchange, variation=variation)
        return seen[-1] if seen else None


# -- the walks of single variations ----------------------------------------------------------------


def _ask(walk: Walk, *, server: str, host: str, transport: str, configured: bool) -> object:
    from claudecheck.probes import nameservers  # dnspython: only where it is needed

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


def _read_status(walk: Walk, *, url: str, limit_s: float) -> object:
    request = http.Request(stage="messages", step="status", url=url, authenticated=False, expected="json")
    return http.exchange(walk, request, limit_s)


def _send(walk: Walk, *, request: http.Request, limit_s: float = 8.0) -> object:
    return http.exchange(walk, request, limit_s)
