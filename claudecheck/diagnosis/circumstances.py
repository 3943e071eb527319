"""The facts of one run that decide which fixes hold, from its journal. Pure; what nobody looked at is no fact."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from claudecheck.clients.whole_number import whole_number
from claudecheck.diagnosis import addresses, questions
from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.trust_matrix import holders, public_file
from claudecheck.diagnosis.variations import Outcome
from claudecheck.failures import Failure
from claudecheck.observations import (
    Interpreter,
    Journal,
    LocalNetwork,
    NameLookup,
    ProxyDetection,
    ResolverConfig,
    RouteView,
    Run,
    SetVariable,
    Surroundings,
    TcpConnect,
    TlsHandshake,
)

_TAILSCALE = ("100.100.100.100", "fd7a:115c:a1e0::53")
_WARP = ("127.0.2.2", "127.0.2.3", "fd01:db8:1111::2", "fd01:db8:1111::3")
_STUB = ("127.0.0.53", "127.0.0.54")
#: From this version on OpenSSL offers a post-quantum key, which makes a ClientHello longer than a packet.
_LARGE_KEY_SHARES = (3, 5, 0)
#: Of Linux and Windows; macOS has `utun` interfaces without any VPN.
_VPN_INTERFACES = ("tun", "tap", "wg", "ppp", "tailscale", "cloudflarewarp", "nordlynx", "proton", "zt", "ipsec")
_PRIVATE_NAMES = (".internal", ".corp", ".lan", ".local", ".intranet", ".private", ".home.arpa", ".svc")
_CONTAINERS: Mapping[str, Fact] = {
    "docker": "docker",
    "podman": "docker",
    "containerd": "docker",
    "kubernetes": "kubernetes",
    "codespaces": "codespaces",
}
_CLOUDS: Mapping[str, Fact] = {
    "bedrock": "aws",
    "mantle": "aws",
    "aws": "aws",
    "vertex": "gcloud",
    "google-cloud": "gcloud",
    "foundry": "azure",
}
#: Variables that a provider's host is made of.
_NAMES_OF_HOSTS = ("AWS_REGION", "AWS_DEFAULT_REGION", "CLOUD_ML_REGION", "ANTHROPIC_FOUNDRY_RESOURCE")


def machine(journal: Journal, route: RouteView, outcomes: Mapping[str, Outcome]) -> Machine:
    """Where the report of this journal is read."""
    run = journal.first(Run) or Run(version="", started_at="")
    around = journal.first(Surroundings)
    interpreter = journal.first(Interpreter)
    return Machine(
        os=run.os or "Linux",
        shell=run.shell or "sh",
        container=bool(run.container),
        wsl=run.wsl,
        ci=bool(run.ci),
        client=route.client,
        python=interpreter.path if interpreter else "python3",
        run_by=around.run_by if around else "",
        root=around.root if around else False,
        tools=frozenset(around.tools) if around else None,
        variables=_variables(around.variables, route.client) if around else None,
        facts=frozenset(_facts(journal, route, outcomes)),
    )


def _variables(known: list[SetVariable], client: str) -> dict[str, list[SetVariable]]:
    """By name. Only Claude Code reads its settings files."""
    found: dict[str, list[SetVariable]] = {}
    for one in known:
        if one.kind != "settings" or client == "claude-code":
            found.setdefault(one.name, []).append(one)
    return found


def _facts(journal: Journal, route: RouteView, outcomes: Mapping[str, Outcome]) -> Iterator[Fact]:
    yield from _place(journal)
    yield from _resolvers(journal)
    yield from _host(journal, route)
    yield from _proxy(journal, route, outcomes)
    yield from _client(journal, route, outcomes)
    yield from _stores(journal)


def _place(journal: Journal) -> Iterator[Fact]:
    run, around = journal.first(Run), journal.first(Surroundings)
    if run is not None:
        if run.container in _CONTAINERS:
            yield _CONTAINERS[run.container]
        if run.ci == "github":
            yield "github-actions"
    if around is None:
        return
    if around.mesh:
        yield "mesh"
    if not around.desktop:
        yield "no-desktop"
    if not around.network_rights:
        yield "no-network-rights"
    if "ANTHROPIC_API_KEY" in around.in_dotenv:
        yield "key-in-dotenv"
    if "/etc/hosts" in around.mounted:
        yield "hosts-mounted"


def vpn_interfaces(network: LocalNetwork | None) -> list[str]:
    """Those that are up and have the name that a VPN gives them."""
    names = network.interfaces if network else []
    return [name for name in names if name.lower().startswith(_VPN_INTERFACES)]


def _resolvers(journal: Journal) -> Iterator[Fact]:
    resolver, network = journal.first(ResolverConfig), journal.first(LocalNetwork)
    vpn = bool(vpn_interfaces(network))
    if vpn:
        yield "vpn"
    servers = resolver.nameservers if resolver else []
    if any(server in _STUB for server in servers):
        yield "systemd-resolved"
    if any(server in _TAILSCALE for server in servers):
        yield "tailscale"
    elif any(server in _WARP for server in servers):
        yield "warp"
    elif vpn and any(addresses.is_private(server) for server in servers):
        yield "vpn-resolver"
    if working_resolver(journal):
        yield "another-resolver-works"
    if true_address(journal):
        yield "address-known"


def _good_answers(journal: Journal) -> list[NameLookup]:
    """Answers of single resolvers that the client's own lookup did not give: configured ones first."""
    own = {address for seen in journal.all(NameLookup) if not seen.transport for address in seen.addresses}
    asked = [seen for seen in journal.all(NameLookup, variation=None) if seen.transport and seen.purpose == "api"]
    good = [seen for seen in asked if seen.ok and seen.addresses and not set(seen.addresses) & own]
    real = [seen for seen in good if not any(map(addresses.is_nowhere, seen.addresses))]
    return sorted(real, key=lambda seen: not seen.configured)


def working_resolver(journal: Journal) -> str:
    """The address of a resolver that answers over UDP where the client's own lookup did not; empty without one."""
    asked = [seen for seen in _good_answers(journal) if seen.transport == "udp" and addresses.parse(seen.via)]
    return asked[0].via if asked else ""


def true_address(journal: Journal) -> str:
    """What another resolver gives as the host's address; an IPv4 one where there is one."""
    found = [address for seen in _good_answers(journal) for address in seen.addresses]
    return next(iter(sorted(found, key=addresses.is_ipv6)), "")


def _host(journal: Journal, route: RouteView) -> Iterator[Fact]:
    if route.official:
        yield "official"
        return
    if route.base_url_source != "default" and not route.provider:
        yield "own-base-url"
    if route.provider and route.base_url_variable in _NAMES_OF_HOSTS:
        yield "host-of-a-region"
    host = route.host.lower().rstrip(".")
    found = [address for lookup in journal.all(NameLookup) if lookup.purpose == "api" for address in lookup.addresses]
    private = bool(found) and all(addresses.is_private(address) for address in found)
    if addresses.parse(host) is None and ("." not in host or host.endswith((".svc", ".cluster.local"))):
        yield "host-of-a-cluster"
    if private or host.endswith(_PRIVATE_NAMES) or "." not in host:
        yield "host-of-a-company"
    if private:
        yield "private-host"


def _proxy(journal: Journal, route: RouteView, outcomes: Mapping[str, Outcome]) -> Iterator[Fact]:
    detection = journal.first(ProxyDetection)
    if route.proxy_bypassed_by:
        yield "bypassed"
    if not route.proxy:
        if detection is not None and not detection.system and not detection.pac:
            yield "no-proxy-known"
        return
    yield "proxied"
    around = journal.first(Surroundings)
    if around is not None and not any(one.name.lower().endswith("_proxy") for one in around.variables):
        yield "proxy-from-system"
    parsed = addresses.parse(route.proxy_host)
    yield (
        "local-proxy"
        if route.proxy_host == "localhost" or (parsed is not None and parsed.is_loopback)
        else "remote-proxy"
    )
    if route.proxy_has_credentials:
        yield "proxy-has-credentials"
    handshakes = [seen for seen in journal.all(TlsHandshake) if seen.purpose == "proxy"]
    if any(seen.failure in (Failure.UNTRUSTED_ISSUER, Failure.SELF_SIGNED) for seen in handshakes):
        yield "proxy-untrusted"
    if _reached(outcomes, questions.PLAIN_PROXY.id):
        yield "proxy-plain"
    if _reached(outcomes, questions.TLS_PROXY.id):
        yield "proxy-wants-tls"
    if _reached(outcomes, questions.DIRECT.id):
        yield "direct-works"
    elif _reached(outcomes, questions.DIRECT.id) is False or _cannot_go_directly(journal):
        yield "direct-fails"


def _reached(outcomes: Mapping[str, Outcome], name: str) -> bool | None:
    """None: it was not tried, or not to its end."""
    tried = [one for key, one in outcomes.items() if questions.covers(name, key)]
    told = [one.reached for one in tried if one.finished]
    return any(told) if told else None


def _cannot_go_directly(journal: Journal) -> bool:
    """Beside a route through a proxy, the name or every address failed directly."""
    connects = [seen for seen in journal.all(TcpConnect) if seen.purpose == "api"]
    if connects:
        return not any(seen.ok for seen in connects)
    lookups = [seen for seen in journal.all(NameLookup) if seen.purpose == "api" and not seen.transport]
    return bool(lookups) and not any(seen.ok for seen in lookups)


def _client(journal: Journal, route: RouteView, outcomes: Mapping[str, Outcome]) -> Iterator[Fact]:
    interpreter = journal.first(Interpreter)
    if interpreter is not None and interpreter.sdk and not interpreter.socks:
        yield "socks-missing"
    if interpreter is not None and interpreter.sdk:
        yield "sdk-0" if interpreter.generation == 0 else "sdk-1"
    if interpreter is not None and _openssl(interpreter.openssl) >= _LARGE_KEY_SHARES:
        yield "large-key-share"
    if route.credential_kind.startswith("sk-ant-oat"):
        yield "oauth-token"
    elif route.credential_kind == "other":
        yield "gateway-key"
    if _reached(outcomes, questions.OTHER_HEADER.id):
        yield "wants-x-api-key" if route.auth_header == "authorization" else "wants-authorization"
    if len(route.custom_headers) > 1:
        yield "other-headers"
    if route.provider in _CLOUDS:
        yield _CLOUDS[route.provider]


def _openssl(named: str) -> tuple[int, ...]:
    """(3, 5, 0) of "OpenSSL 3.5.0 8 Apr 2025"; empty for another library."""
    found = re.match(r"OpenSSL (\d+)\.(\d+)\.(\d+)", named)
    return tuple(whole_number(part) or 0 for part in found.groups()) if found else ()


def _stores(journal: Journal) -> Iterator[Fact]:
    """Whether a store of this machine holds the CA certificate that the client's own lacks."""
    seen = [one for one in journal.all(TlsHandshake) if one.purpose == "api" and one.stores]
    if not seen or seen[-1].ok:
        return
    if holders(seen[-1]):
        yield "root-held"
    public = public_file(seen[-1])
    if any(store.path == public for store in holders(seen[-1]) if public):
        yield "public-issuer"
