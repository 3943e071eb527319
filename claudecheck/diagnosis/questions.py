"""What a failure makes us ask, and what it means when one change alone gets through: one table. Pure.

A question is the client's route with exactly one thing changed, walked by the same probes. `asks` is a pure
function: what is known at a stage → what is asked there. `run/vary.py` walks it, and `rules/` judge what needs
two answers together. An id is `stage:change` or `stage:change:detail`, and stands in saved reports: it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from claudecheck.clients.whole_number import whole_number
from claudecheck.diagnosis import addresses
from claudecheck.diagnosis.third_parties import ThirdParties, host_and_port
from claudecheck.failures import Failure, Stage
from claudecheck.observations import AuthHeader, HttpExchange, Observation, ProxyScheme, TlsHandshake
from claudecheck.route import Credential, Route

#: A lookup that takes this long pays for a nameserver that does not answer (glibc waits 5 s).
SLOW_LOOKUP_MS = 1000.0
#: A server name that the API does not have; it exists, so that a filter has no reason to stop it.
NEUTRAL_NAME = "www.example.com"
#: Small enough for every path that IPv6 allows (1280), less the headers.
SMALL_SEGMENT = 536
BROWSER_AGENT = "Mozilla/5.0"
#: Bodies for count_tokens, in bytes: one packet, then sizes that need many.
BODY_SIZES = (1_000, 16_000, 64_000, 256_000)
#: The edge's own page on every host behind it: it needs no key, and says from where the request came.
EDGE_PAGE = "/cdn-cgi/trace"
#: More headers than a person sets by hand are not dropped one by one.
MOST_HEADERS = 6

By = Literal["nameserver", "lookup", "connect", "handshake", "tunnel", "page", "request", "client"]
Send = Literal["models", "message", "stream", "count-tokens", "exit"]


@dataclass(frozen=True)
class Target:
    """Of whom, or with what, a question is asked. Everything empty: the route's own host.

    `name` ends the id of a question that has several targets; `shown` is the target in words.
    """

    name: str = ""
    shown: str = ""
    host: str = ""
    port: int = 0
    address: str = ""  # connect there, for the same name
    server: str = ""  # a nameserver, or a URL of DNS over HTTPS
    transport: Literal["udp", "tcp", "https"] = "udp"
    configured: bool = True  # a nameserver of this machine
    url: str = ""  # a page whose answer is known
    status: int = 0
    start: str = ""  # what the page begins with
    send: Send = "models"
    model: str = ""
    size: int = 0  # bytes of the body
    route: Route | None = None  # of another host, which this client reaches in another way


@dataclass(frozen=True)
class Facts:
    """What is known when a stage may call for questions.

    `seen` is the stage's own step, failed or not; `found` are the addresses of the system's lookup, `listed` those
    of the hosts file, `answers` those of the nameservers; `client` is a program that can be run, with its version.
    """

    stage: Stage
    route: Route
    others: ThirdParties
    seen: Observation | None = None
    found: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    search: bool = False
    models: tuple[str, ...] = ()  # beside the one that was asked
    model: str = ""
    client: str = ""
    hosts: tuple[Target, ...] = ()

    @property
    def failure(self) -> Failure | None:
        return self.seen.failure if self.seen is not None else None

    @property
    def answer(self) -> HttpExchange | None:
        return self.seen if isinstance(self.seen, HttpExchange) else None


Change = Callable[[Route, Target], Route]


def same(route: Route, _target: Target) -> Route:
    """Not the route changes, but of whom, or how, it is asked."""
    return route


def the_route_itself(_facts: Facts) -> Iterable[Target]:
    yield Target()


def covers(question: str, variation: str) -> bool:
    """Whether the walk with the id `variation` was one of this question's."""
    return variation == question or variation.startswith(f"{question}:")


@dataclass(frozen=True)
class Question:
    """One row of the table.

    `at` are the stages that may call for it, `asked` says when they do. `changed`, `before` and `after` are its words:
    {holes} in them are filled by `_words`. `means` is the problem when this change alone gets through; without one, a
    rule reads the answer together with others. `never_for` "private-name": it would show the name to a third party.
    """

    id: str
    at: tuple[Stage, ...]
    changed: str
    before: str
    after: str
    by: By
    asked: Callable[[Facts], bool]
    change: Change = same
    targets: Callable[[Facts], Iterable[Target]] = the_route_itself
    means: str = ""
    never_for: Literal["", "private-name"] = ""

    def covers(self, variation: str) -> bool:
        """Whether the walk with this id was one of this question's."""
        return covers(self.id, variation)

    def target_of(self, variation: str) -> str:
        """The name of the target, which ends the id; empty where there is none."""
        return variation[len(self.id) + 1 :] if self.covers(variation) else ""


@dataclass(frozen=True)
class Ask:
    """A question, or a cure, put to one target: what is walked, and under which id it is recorded."""

    id: str
    stage: Stage
    changed: str
    before: str
    after: str
    by: By
    route: Route
    target: Target


def asks(facts: Facts) -> list[Ask]:
    """What this stage calls for, in the order of the table."""
    return [
        ask
        for question in QUESTIONS
        if facts.stage in question.at and _open(question, facts)
        for ask in put(question, facts)
    ]


def put(question: Question, facts: Facts) -> list[Ask]:
    """The question to each of its targets, whether or not this stage calls for it."""
    return [put_to(question, facts, target) for target in question.targets(facts)]


def _open(question: Question, facts: Facts) -> bool:
    if question.never_for and not facts.route.name_is_public and not _meant_for_it(question, facts):
        return False
    return question.asked(facts)


def _meant_for_it(question: Question, facts: Facts) -> bool:
    """Who names a resolver wants it to be asked."""
    return question is PUBLIC_RESOLVER and facts.others.resolvers_named


def put_to(question: Question, facts: Facts, target: Target) -> Ask:
    """One question to one target, in the words of the table."""
    words = _words(facts, target)
    return Ask(
        id=f"{question.id}:{target.name}" if target.name else question.id,
        stage=facts.stage,
        changed=question.changed.format_map(words),
        before=question.before.format_map(words),
        after=question.after.format_map(words),
        by=question.by,
        route=question.change(target.route or facts.route, target),
        target=target,
    )


def _words(facts: Facts, target: Target) -> dict[str, str]:
    route, answer = facts.route, facts.answer
    return {
        "to": target.shown,
        "host": route.endpoint.host,
        "url": route.endpoint.url,
        "sni": route.sni or "no name",
        "proxy": route.proxy.shown if route.proxy else "none",
        "scheme": route.proxy.scheme if route.proxy else "none",
        "known_proxy": route.known_proxy.shown if route.known_proxy else "none",
        "header": route.credential.header,
        "other_header": _other_header(route),
        "other_url": _without_path(route, target).endpoint.url,
        "agent": route.user_agent,
        "client": facts.client or (answer.client if answer else ""),
        "sender": answer.sender if answer else "",
        "model": answer.model if answer else "",
        "found": ", ".join(facts.found[:2]),
    }


# -- when ------------------------------------------------------------------------------------------


def _always(_facts: Facts) -> bool:
    return True


def _proxy_known(facts: Facts) -> bool:
    return facts.route.known_proxy is not None and (facts.stage is not Stage.DNS or not facts.found)


def _ended(facts: Facts) -> bool:
    """No word from the other side: silence, a reset, an end."""
    return facts.failure in (Failure.TIMED_OUT, Failure.RESET, Failure.CLOSED)


def _broke_off(facts: Facts) -> bool:
    """Chance may have done it: what is changed before the same was tried again would seem to mend it."""
    return _ended(facts) or facts.failure in (Failure.UNKNOWN, Failure.LOCAL_LIMIT, Failure.PROHIBITED)


def _refused(facts: Facts) -> bool:
    return facts.failure in (Failure.ALERT, Failure.VERSION_UNSUPPORTED)


def _dates(facts: Facts) -> bool:
    return facts.failure in (Failure.EXPIRED, Failure.NOT_YET_VALID)


def _name_matters(facts: Facts) -> bool:
    """The handshake failed, but not by its dates; or it verified by a root that no public store holds."""
    if facts.failure is None:
        return (
            isinstance(facts.seen, TlsHandshake)
            and facts.route.endpoint.official
            and facts.seen.root_is_public is False
        )
    return not _dates(facts)


def _handshake_failed(facts: Facts) -> bool:
    return facts.failure is not None


def _page_matters(facts: Facts) -> bool:
    return facts.stage is Stage.TCP or (facts.failure is not None and not _refused(facts))


def _by_system(facts: Facts) -> bool:
    """The nameserver is this machine's own, not that of a demo."""
    return facts.route.resolver == "system"


def _nothing_found(facts: Facts) -> bool:
    return not facts.found and _by_system(facts)


def _stopped(facts: Facts) -> bool:
    return _ended(facts) or _refused(facts)


def _proxy_has_credentials(facts: Facts) -> bool:
    return facts.route.proxy is not None and facts.route.proxy.has_credentials


def _proxy_plain(facts: Facts) -> bool:
    return facts.route.proxy is not None and facts.route.proxy.scheme == "http"


def _proxy_not_plain(facts: Facts) -> bool:
    return not _proxy_plain(facts)


def _headers_may_matter(facts: Facts) -> bool:
    return _failed(facts) and bool(facts.route.headers)


def _may_come_back(facts: Facts) -> bool:
    return _vanished(facts) and _by_plain_client(facts)


def _client_vanished(facts: Facts) -> bool:
    return _vanished(facts) and not _by_plain_client(facts)


def _file_decided(facts: Facts) -> bool:
    """The nameservers know the name by other addresses than the hosts file, which is read before them."""
    decided = set(facts.listed) & set(facts.found)
    return bool(decided) and facts.failure is not Failure.CANCELLED and not set(facts.answers) & set(facts.found)


def _foreign_refusal(facts: Facts) -> bool:
    """Refused by something that is not the API: a filter that looks at one header, mostly."""
    seen = facts.answer
    return seen is not None and seen.status in (403, 406, 429) and not seen.request_id


def _refused_by_edge(facts: Facts) -> bool:
    """Refused in front of whatever stands behind: for where the request comes from, mostly."""
    seen = facts.answer
    if seen is None or seen.request_id or seen.status not in (403, 451):
        return False
    return seen.headers.get("server", "").lower() == "cloudflare" or "cf-ray" in seen.headers


def _other_header_may_do(facts: Facts) -> bool:
    seen, route = facts.answer, facts.route
    sends = not route.endpoint.official and bool(route.credential.secret)
    return sends and seen is not None and seen.status in (400, 401, 403, 407, 500)


def _path_may_be_wrong(facts: Facts) -> bool:
    return facts.answer is not None and facts.answer.status in (404, 405) and bool(facts.route.endpoint.base_path)


def _failed(facts: Facts) -> bool:
    return facts.answer is not None and not facts.answer.ok


def _vanished(facts: Facts) -> bool:
    """No answer at all, and not for want of time."""
    seen = facts.answer
    return seen is not None and not seen.status and seen.failure is not Failure.TIMED_OUT


def _may_be_theirs(facts: Facts) -> bool:
    """Nothing here rules Anthropic out: does the API's status page speak of it?"""
    seen, official = facts.answer, facts.route.endpoint.official
    if seen is None:
        return official and (_ended(facts) or facts.failure is Failure.REFUSED)
    if seen.status:
        return seen.status >= 500 and (official or bool(seen.request_id))
    return official and seen.failure in (Failure.TIMED_OUT, Failure.RESET, Failure.CLOSED, Failure.CUT)


def _api_refused(seen: HttpExchange) -> bool:
    """It has said what is wrong: only another model, or its own state, can say more."""
    return bool(seen.request_id) and seen.shape == "api-error"


def _message_unexplained(facts: Facts) -> bool:
    seen = facts.answer
    if seen is None or seen.ok or seen.failure in (Failure.SDK_MISSING, Failure.SDK_BROKEN, Failure.CLIENT_REFUSED):
        return False
    return not _api_refused(seen)


def _stream_may_be_held(facts: Facts) -> bool:
    """Wherever a message is sent: a box on the way that nobody has named may hold a stream back too."""
    waiting = facts.answer is None or facts.answer.ok
    return _message_unexplained(facts) or (waiting and bool(facts.route.credential.secret))


def _model_refused(facts: Facts) -> bool:
    """Refused for this model, or for all? Where the answer is about access, another one tells."""
    seen = facts.answer
    return seen is not None and _api_refused(seen) and seen.status in (403, 404)


def _agent_may_be_filtered(facts: Facts) -> bool:
    return _foreign_refusal(facts) and (facts.stage is Stage.MODELS or _message_unexplained(facts))


def _by_plain_client(facts: Facts) -> bool:
    return facts.answer is not None and facts.answer.client == "httpx"


def odd_addresses(route: Route, found: Iterable[str]) -> bool:
    """Addresses that the official host does not have, or that lead nowhere. A gateway's private address is what
    it should have, and nobody else's resolver is asked for it.
    """
    if not route.endpoint.official:
        return not route.endpoint.private and all(map(addresses.is_nowhere, found))
    return not any(map(addresses.is_api, found))


def names_need_a_look(route: Route, found: Sequence[str], took_ms: float) -> bool:
    """The lookup failed, was slow, or came back with something odd: the nameservers are asked one by one."""
    return not found or took_ms >= SLOW_LOOKUP_MS or odd_addresses(route, found)


def file_needs_a_look(facts: Facts) -> bool:
    """The hosts file decided, and the route failed: what would the nameservers have said?"""
    return not set(facts.listed).isdisjoint(facts.found) and not facts.answers and _by_system(facts)


# -- of whom -----------------------------------------------------------------------------------------


def _nameservers(facts: Facts) -> Iterable[Target]:
    for server in facts.nameservers[:3]:
        yield Target(name=server, shown=f"{server} over TCP", server=server, transport="tcp")


def _resolvers(facts: Facts) -> Iterable[Target]:
    for server in facts.others.resolvers:
        yield Target(name=server, shown=server, server=server, configured=False)


def _dns_over_https(facts: Facts) -> Iterable[Target]:
    if url := facts.others.dns_over_https:
        yield Target(shown=url, server=url, transport="https", configured=False)


def _with_dot(facts: Facts) -> Iterable[Target]:
    host = facts.route.endpoint.host
    if facts.search and not host.endswith(".") and addresses.parse(host) is None:
        yield Target(shown=f"{host}.", host=f"{host}.", port=facts.route.endpoint.port)


def _other_names(facts: Facts) -> Iterable[Target]:
    for name, _ in map(host_and_port, facts.others.controls[:1]):
        yield Target(name=name, shown=name, host=name, port=443)


def _answered_addresses(facts: Facts) -> Iterable[Target]:
    for address in facts.answers[:2]:
        yield Target(name=address, shown=address, address=address)


def _controls(facts: Facts) -> Iterable[Target]:
    """Every control's own port, and plain HTTP at the first: port 443 may be all that is closed."""
    found = [host_and_port(control) for control in facts.others.controls]
    for name, port in [*found, *((name, 80) for name, port in found[:1] if port == 443)]:
        yield Target(name=f"{name}:{port}", shown=f"{name} port {port}", host=name, port=port)


def _tls_controls(facts: Facts) -> Iterable[Target]:
    """One for a handshake that was stopped; all for dates, which may be those of our own clock."""
    chosen = facts.others.controls if _dates(facts) else facts.others.controls[:1]
    for name, port in map(host_and_port, chosen):
        yield Target(name=name, shown=name, host=name, port=port)


def _first_control(facts: Facts) -> Iterable[Target]:
    for name, port in map(host_and_port, facts.others.controls[:1]):
        yield Target(name=name, shown=name, host=name, port=port)


def _portals(facts: Facts) -> Iterable[Target]:
    chosen = facts.others.portals[:1] if facts.stage is Stage.TLS and _ended(facts) else facts.others.portals
    for url, status, start in chosen:
        yield Target(name=url, shown=url, url=url, status=status, start=start)


def _status_page(facts: Facts) -> Iterable[Target]:
    if url := facts.others.status_page:
        yield Target(shown=url, url=url)


def _custom_headers(facts: Facts) -> Iterable[Target]:
    names = list(dict.fromkeys(name for name, _ in facts.route.headers))
    if 1 < len(names) <= MOST_HEADERS:
        for name in names:
            yield Target(name=name, shown=name)


def _message(facts: Facts) -> Iterable[Target]:
    yield Target(send="message", model=facts.answer.model if facts.answer else "")


def _same_request(facts: Facts) -> Iterable[Target]:
    if facts.stage is Stage.MODELS:
        yield Target()
    else:
        yield from _message(facts)


def _stream(facts: Facts) -> Iterable[Target]:
    yield Target(send="stream", model=facts.answer.model if facts.answer else facts.model)


def _other_models(facts: Facts) -> Iterable[Target]:
    for model in facts.models[:1]:
        yield Target(shown=model, send="message", model=model)


def _sizes(facts: Facts) -> Iterable[Target]:
    for size in BODY_SIZES:
        yield Target(name=str(size), shown=f"{size // 1000} kB", send="count-tokens", size=size, model=facts.model)


def _ways_out(facts: Facts) -> Iterable[Target]:
    """The client's own way; where it has addresses of both families, each of them: they may leave elsewhere."""
    families = {addresses.is_ipv6(address): address for address in reversed(facts.found)}
    if facts.route.proxy is not None or len(families) < 2:
        yield Target(shown=EDGE_PAGE, send="exit")
        return
    for six, name in ((False, "ipv4"), (True, "ipv6")):
        yield Target(name=name, shown=f"{EDGE_PAGE} at {families[six]}", address=families[six], send="exit")


def _hosts(facts: Facts) -> Iterable[Target]:
    return facts.hosts


# -- what changes ------------------------------------------------------------------------------------


def _named(name: str) -> Change:
    return lambda route, _target: replace(route, server_name=name)


def _small_hello(route: Route, _target: Target) -> Route:
    return replace(route, hello="small")


def _small_segments(route: Route, _target: Target) -> Route:
    return replace(route, max_segment=SMALL_SEGMENT)


def _old_tls(route: Route, _target: Target) -> Route:
    return replace(route, max_tls="1.2")


def _without_credential(route: Route, _target: Target) -> Route:
    return replace(route, credential=Credential())


def _through_known_proxy(route: Route, _target: Target) -> Route:
    return replace(route, proxy=route.known_proxy)


def _directly(route: Route, _target: Target) -> Route:
    return replace(route, proxy=None)


def _without_proxy_credentials(route: Route, _target: Target) -> Route:
    return replace(route, proxy=route.proxy.without_credentials() if route.proxy else None)


def _proxy_spoken(scheme: ProxyScheme) -> Change:
    """What the proxy's password was given for is not sent in clear where TLS was meant, nor the other way round."""

    def spoken(route: Route, _target: Target) -> Route:
        proxy = route.proxy
        if proxy is None:
            return route
        kept = proxy.without_credentials() if proxy.scheme in ("http", "https") else proxy
        return replace(route, proxy=replace(kept, scheme=scheme))

    return spoken


def _other_header(route: Route) -> AuthHeader:
    return "x-api-key" if route.credential.header == "authorization" else "authorization"


def _by_other_header(route: Route, _target: Target) -> Route:
    return replace(route, credential=replace(route.credential, header=_other_header(route)))


def _without_path(route: Route, _target: Target) -> Route:
    return replace(route, endpoint=replace(route.endpoint, base_path=route.endpoint.base_path.rpartition("/v1")[0]))


def _without_headers(route: Route, _target: Target) -> Route:
    return replace(route, headers=())


def _without_header(route: Route, target: Target) -> Route:
    return replace(route, headers=tuple(header for header in route.headers if header[0] != target.name))


def _to_the_edge(route: Route, target: Target) -> Route:
    """Nothing of the user's goes along: the page is asked for by its host alone."""
    endpoint = replace(route.endpoint, base_path="")
    return replace(
        route, endpoint=endpoint, credential=Credential(), headers=(), connect_to=target.address or route.connect_to
    )


def _neutral_agent(route: Route, _target: Target) -> Route:
    return replace(route, user_agent=BROWSER_AGENT)


# -- the table ---------------------------------------------------------------------------------------

_DNS, _TCP, _TLS, _PROXY, _MODELS, _MESSAGES = (
    (stage,) for stage in (Stage.DNS, Stage.TCP, Stage.TLS, Stage.PROXY, Stage.MODELS, Stage.MESSAGES)
)

NAMESERVER_TCP = Question(
    "dns:nameserver-tcp", _DNS, "transport", "UDP", "{to}",
    "nameserver", _by_system, targets=_nameservers,
)  # fmt: skip
PUBLIC_RESOLVER = Question(
    "dns:public", _DNS, "resolver", "the system's", "{to}",
    "nameserver", _by_system, targets=_resolvers, never_for="private-name",
)  # fmt: skip
DNS_OVER_HTTPS = Question(
    "dns:https", _DNS, "resolver", "the system's", "{to}",
    "nameserver", _by_system, targets=_dns_over_https, never_for="private-name",
)  # fmt: skip
TRAILING_DOT = Question(
    "dns:trailing-dot", _DNS, "name", "{host}", "{to}",
    "lookup", _by_system, targets=_with_dot,
)  # fmt: skip
OTHER_NAME = Question(
    "dns:other-name", _DNS, "name", "{host}", "{to}",
    "lookup", _nothing_found, targets=_other_names,
)  # fmt: skip
CONNECTED_AGAIN = Question(
    "tcp:again", _TCP, "attempt", "first", "second",
    "connect", _always, means="intermittent",
)  # fmt: skip
CONTROL_HOST = Question(
    "tcp:control", _TCP, "host", "{host}", "{to}",
    "connect", _always, targets=_controls,
)  # fmt: skip
KNOWN_PROXY = Question(
    "tcp:known-proxy", (*_DNS, *_TCP), "proxy", "none", "{known_proxy}",
    "handshake", _proxy_known, _through_known_proxy, means="proxy-required",
)  # fmt: skip
RESOLVED_ADDRESS = Question(
    "tcp:resolved-address", (*_TCP, *_TLS), "address", "{found}", "{to}",
    "handshake", _file_decided, targets=_answered_addresses, means="dns-hosts-override",
)  # fmt: skip
SHAKEN_AGAIN = Question(
    "tls:again", _TLS, "attempt", "first", "second",
    "handshake", _broke_off, means="intermittent",
)  # fmt: skip
OTHER_SERVER_NAME = Question(
    "tls:other-name", _TLS, "server name", "{sni}", NEUTRAL_NAME,
    "handshake", _name_matters, _named(NEUTRAL_NAME), means="tls-name-filtered",
)  # fmt: skip
NO_SERVER_NAME = Question(
    "tls:no-name", _TLS, "server name", "{sni}", "none",
    "handshake", _stopped, _named(""), means="tls-name-filtered",
)  # fmt: skip
SMALL_HELLO = Question(
    "tls:small-hello", _TLS, "ClientHello", "normal", "small",
    "handshake", _ended, _small_hello, means="tls-hello-dropped",
)  # fmt: skip
SMALL_SEGMENTS = Question(
    "tls:small-segments", _TLS, "segment size", "the system's", f"{SMALL_SEGMENT} bytes",
    "handshake", _ended, _small_segments, means="tls-path-mtu",
)  # fmt: skip
OLD_TLS = Question(
    "tls:version-1.2", _TLS, "TLS version", "up to 1.3", "1.2",
    "handshake", _ended, _old_tls, means="tls-version-unsupported",
)  # fmt: skip
TLS_CONTROL = Question(
    "tls:control", _TLS, "host", "{host}", "{to}",
    "handshake", _handshake_failed, _without_credential, targets=_tls_controls,
)  # fmt: skip
PORTAL_CHECK = Question(
    "tls:portal", (*_TCP, *_TLS), "page", "{url}", "{to}",
    "page", _page_matters, targets=_portals,
)  # fmt: skip
DIRECT = Question(
    "proxy:direct", _PROXY, "proxy", "{proxy}", "none",
    "handshake", _always, _directly, means="proxy-unneeded",
)  # fmt: skip
PROXY_CONTROL = Question(
    "proxy:control", _PROXY, "host", "{host}", "{to}",
    "tunnel", _always, targets=_first_control,
)  # fmt: skip
WITHOUT_CREDENTIALS = Question(
    "proxy:without-credentials", _PROXY, "proxy credentials", "sent", "not sent",
    "tunnel", _proxy_has_credentials, _without_proxy_credentials,
)  # fmt: skip
PLAIN_PROXY = Question(
    "proxy:plain-http", _PROXY, "proxy scheme", "{scheme}", "http",
    "tunnel", _proxy_not_plain, _proxy_spoken("http"), means="proxy-tls-failed",
)  # fmt: skip
TLS_PROXY = Question(
    "proxy:over-tls", _PROXY, "proxy scheme", "{scheme}", "https",
    "tunnel", _proxy_plain, _proxy_spoken("https"), means="proxy-tls-failed",
)  # fmt: skip
OTHER_HEADER = Question(
    "models:other-header", _MODELS, "header", "{header}", "{other_header}",
    "request", _other_header_may_do, _by_other_header, means="header-scheme",
)  # fmt: skip
BASE_PATH = Question(
    "models:base-path", _MODELS, "base URL", "{url}", "{other_url}",
    "request", _path_may_be_wrong, _without_path, means="base-url-path",
)  # fmt: skip
NO_CUSTOM_HEADERS = Question(
    "models:no-custom-headers", _MODELS, "custom headers", "sent", "not sent",
    "request", _headers_may_matter, _without_headers, means="custom-header-refused",
)  # fmt: skip
WITHOUT_HEADER = Question(
    "models:without-header", _MODELS, "custom header", "{to}", "not sent",
    "request", _headers_may_matter, _without_header, targets=_custom_headers, means="custom-header-refused",
)  # fmt: skip
NEUTRAL_AGENT = Question(
    "models:neutral-agent", (*_MODELS, *_MESSAGES), "User-Agent", "{agent}", BROWSER_AGENT,
    "request", _agent_may_be_filtered, _neutral_agent, targets=_same_request, means="user-agent-filtered",
)  # fmt: skip
EXIT = Question(
    "models:exit", (*_MODELS, *_MESSAGES), "page", "{url}", "{to}",
    "request", _refused_by_edge, _to_the_edge, targets=_ways_out,
)  # fmt: skip
AGAIN = Question(
    "models:again", _MODELS, "attempt", "first", "second",
    "request", _may_come_back, means="intermittent",
)  # fmt: skip
PLAIN_MODELS = Question(
    "models:plain-client", _MODELS, "client", "{client}", "plain HTTP",
    "request", _client_vanished, means="sdk-differs",
)  # fmt: skip
STATUS_PAGE = Question(
    "models:status-page", (Stage.TCP, Stage.TLS, *_MODELS, *_MESSAGES), "page", "{url}", "{to}",
    "page", _may_be_theirs, targets=_status_page,
)  # fmt: skip
OTHER_MODEL = Question(
    "messages:other-model", _MESSAGES, "model", "{model}", "{to}",
    "request", _model_refused, targets=_other_models,
)  # fmt: skip
PLAIN_CLIENT = Question(
    "messages:plain-client", _MESSAGES, "client", "{sender}", "plain HTTP",
    "request", _message_unexplained, targets=_message, means="sdk-differs",
)  # fmt: skip
STREAMED = Question(
    "messages:stream", _MESSAGES, "answer", "at once", "streamed",
    "request", _stream_may_be_held, targets=_stream, means="idle-cut",
)  # fmt: skip
#: Asked one size after the other, beside the message: `run/vary.py` says when it ends.
COUNT_TOKENS = Question(
    "messages:count-tokens", (), "request size", "small", "{to}",
    "request", _always, targets=_sizes,
)  # fmt: skip
#: The client itself instead of the walk by its rules, without a credential: where the walk failed.
TRIAL = Question(
    "client:trial", (), "client", "its rules", "{client}",
    "client", _always, means="prediction-contradicted",
)  # fmt: skip
#: A host that this client needs beside the API, as NEED:NAME.
CLIENT_HOST = Question(
    "client:host", (Stage.ENVIRONMENT,), "host", "{host}", "{to}",
    "handshake", _always, targets=_hosts,
)  # fmt: skip

#: Does an address that another resolver gave, or the name with a dot, lead to the API? What a cure of the names needs.
ANSWERED_ADDRESS = Question(
    "dns:connected", (), "address", "none", "{to}",
    "handshake", _always, targets=_answered_addresses,
)  # fmt: skip

#: In the order in which a stage asks them.
QUESTIONS: tuple[Question, ...] = tuple(one for one in list(vars().values()) if isinstance(one, Question))


def meaning(variation: str) -> str:
    """The problem that the answer to this question alone names; empty where a rule must read more than one."""
    return next((one.means for one in QUESTIONS if one.covers(variation)), "")


def size_of(variation: str) -> int:
    """The bytes of the body that `COUNT_TOKENS` was asked with, by the id under which it was recorded."""
    return whole_number(COUNT_TOKENS.target_of(variation)) or 0
