"""The name: resolvers that are silent, refuse, lie or fail."""

from __future__ import annotations

from tests.netlab.addresses import (
    API4,
    API4_RETIRED,
    API6,
    API_HOST,
    OFFICE_BLOCK_PAGE,
    OFFICE_RESOLVER_2,
    OFFICE_VACANT,
    PARKING4,
    THIRD_PARTIES,
    UMBRELLA_BLOCK4,
    default_names,
)
from tests.netlab.changes import another_name
from tests.netlab.network import Network
from tests.netlab.resolvers import Bind, Dnsmasq, Unbound
from tests.netlab.scenario import failing, scenario
from tests.netlab.web import Nginx, Site

BLOCK_PAGE = (
    'return 200 "<html><head><title>Blocked</title></head><body>This site is blocked by policy.</body></html>";'
)


def answering(addresses: tuple[str, ...], name: str = API_HOST) -> dict[str, tuple[str, ...]]:
    return default_names() | {name: addresses}


# -- the name does not exist, or has no address ------------------------------------------------------


@scenario(
    "The company's resolver says that the API's name does not exist",
    component="unbound, always_nxdomain",
    expect=failing("dns", "dns-name-not-found", "network"),
)
def name_not_found(net: Network) -> None:
    net.resolver = Unbound(server=[f'local-zone: "{API_HOST}." always_nxdomain'], forget=[API_HOST])


@scenario(
    "A response policy zone answers NXDOMAIN for the whole domain",
    component="BIND, response policy zone",
    expect=failing("dns", "dns-name-not-found", "network"),
)
def policy_zone_nxdomain(net: Network) -> None:
    net.resolver = Bind(policy=["anthropic.com CNAME .", "*.anthropic.com CNAME ."])


@scenario(
    "A closed network resolves internal names only, and lets no other DNS out",
    component="dnsmasq, nftables",
    expect=failing("dns", "dns-name-not-found", "network"),
)
def internal_names_only(net: Network) -> None:
    net.resolver = Dnsmasq(names={"intranet.corp.example": ("10.30.0.90",)})
    net.router.forward += ['iifname "lan0" oifname "wan0" drop']


@scenario(
    "The base URL names a host that exists nowhere",
    component="unbound",
    expect=failing("dns", "dns-name-not-found", "you"),
)
def gateway_name_mistyped(net: Network) -> None:
    net.client.env["ANTHROPIC_BASE_URL"] = "https://lllm.corp.example"


@scenario(
    "The API's name exists and has no address",
    component="unbound, always_nodata",
    expect=failing("dns", "dns-no-address", "network"),
)
def no_data(net: Network) -> None:
    net.resolver = Unbound(server=[f'local-zone: "{API_HOST}." always_nodata'], forget=[API_HOST])


@scenario(
    "A response policy zone answers NODATA",
    component="BIND, response policy zone",
    expect=failing("dns", "dns-no-address", "network"),
)
def policy_zone_nodata(net: Network) -> None:
    net.resolver = Bind(policy=[f"{API_HOST} CNAME *."])


@scenario(
    "Only IPv6 addresses are answered, on a machine without IPv6",
    component="dnsmasq, filter of A records",
    expect=failing("dns", "dns-no-address", "network"),
)
def only_ipv6_answered(net: Network) -> None:
    net.resolver = Dnsmasq(names=answering((API6,)))
    net.client.ipv6 = False
    net.client.sysctls["net.ipv6.conf.all.disable_ipv6"] = "1"


# -- the resolver fails ------------------------------------------------------------------------------


@scenario(
    "The resolver answers SERVFAIL because its zone cannot be loaded",
    component="BIND, missing zone file",
    expect=failing("dns", "dns-server-failure", "network"),
)
def server_failure(net: Network) -> None:
    net.resolver = Bind(broken=["anthropic.com"])


@scenario(
    "The resolver answers SERVFAIL because it cannot reach the zone's own servers",
    component="BIND, a delegation to a server that is down",
    expect=failing("dns", "dns-server-failure", "network"),
)
def zone_servers_down(net: Network) -> None:
    net.resolver = Bind(delegated={"anthropic.com": OFFICE_RESOLVER_2}, options=["resolver-query-timeout 1500;"])


@scenario(
    "DNSSEC validation fails for everything, because the resolver's trust anchor is wrong",
    component="unbound, validator",
    expect=failing("dns", "dns-server-failure", "network"),
)
def bogus_dnssec(net: Network) -> None:
    forward = 'forward-zone:\n name: "."\n forward-addr: 1.1.1.1\n'
    anchor = 'trust-anchor: ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"'
    net.resolver = Unbound(
        names={}, closed=False, server=['module-config: "validator iterator"', anchor], clauses=forward
    )


@scenario(
    "The resolver refuses this machine by its access list",
    component="unbound, access-control",
    expect=failing("dns", "dns-refused", "network"),
)
def refused_by_unbound(net: Network) -> None:
    net.resolver = Unbound(server=["access-control: 10.20.0.0/24 refuse"])


@scenario(
    "The resolver refuses queries from outside its own network",
    component="BIND, allow-query",
    expect=failing("dns", "dns-refused", "network"),
)
def refused_by_bind(net: Network) -> None:
    net.resolver = Bind(options=["allow-query { 127.0.0.1; };"])


@scenario(
    "The resolver has no upstream and refuses every name that it does not hold",
    component="dnsmasq without servers",
    expect=failing("dns", "dns-refused", "network"),
)
def refused_by_dnsmasq(net: Network) -> None:
    net.resolver = Dnsmasq(names={"router.lan": ("10.20.0.1",)}, closed=False)


# -- nobody answers ----------------------------------------------------------------------------------


@scenario(
    "A firewall drops DNS to the configured resolver",
    component="nftables drop",
    expect=failing("dns", "dns-timeout", "network"),
)
def dns_dropped(net: Network) -> None:
    net.router.forward += ["udp dport 53 drop", "tcp dport 53 drop"]


@scenario(
    "Nothing listens on port 53 of the configured resolver",
    component="no daemon: ICMP port unreachable",
    expect=failing("dns", "dns-timeout", "network"),
)
def dns_port_closed(net: Network) -> None:
    net.resolver = None


@scenario(
    "The configured resolver's address is vacant",
    component="the kernel: nobody answers ARP",
    expect=failing("dns", "dns-timeout", "network"),
)
def resolver_vacant(net: Network) -> None:
    net.client.nameservers = (OFFICE_VACANT,)


@scenario(
    "The resolver forwards to a server that never answers",
    component="dnsmasq, nftables drop",
    expect=failing("dns", "dns-timeout", "network"),
)
def forwarder_silent(net: Network) -> None:
    net.resolver = Dnsmasq(names={}, closed=False, arguments=["server=8.8.8.8"])
    net.router.forward.append('iifname "office0" udp dport 53 drop')


@scenario(
    "The local stub resolver of this machine is not running",
    component="no daemon on 127.0.0.53",
    expect=failing("dns", "dns-timeout", "network", "you"),
)
def stub_down(net: Network) -> None:
    net.client.nameservers = ("127.0.0.53",)


@scenario(
    "No nameserver is configured",
    component="an empty resolv.conf",
    expect=failing("dns", "dns-no-resolver", "you"),
)
def no_resolver(net: Network) -> None:
    net.client.nameservers = ()


LONG_CHAIN = [f"{letter * 60}.{letter * 60}.edge.example" for letter in "abcd"]


def truncating(net: Network) -> None:
    """An answer over 512 bytes: the C library, which offers no more, asks again over TCP."""
    names = [API_HOST, *LONG_CHAIN]
    aliases = [f"cname={','.join(names[at : at + 2])}" for at in range(len(LONG_CHAIN))]
    host = {LONG_CHAIN[-1]: (API4, API6)}
    net.resolver = Dnsmasq(names={**THIRD_PARTIES, **host}, arguments=[*aliases, "edns-packet-max=512"])


@scenario(
    "The answer is too long for UDP, and TCP to port 53 is dropped",
    component="dnsmasq, nftables drop",
    expect=failing("dns", "dns-tcp-blocked", "network"),
)
def tcp_dropped(net: Network) -> None:
    truncating(net)
    net.router.forward.append("tcp dport 53 drop")


@scenario(
    "The answer is too long for UDP, and TCP to port 53 is rejected",
    component="dnsmasq, nftables reject",
    expect=failing("dns", "dns-tcp-blocked", "network"),
)
def tcp_rejected(net: Network) -> None:
    truncating(net)
    net.router.forward.append("tcp dport 53 reject with tcp reset")


# -- the answer is false -----------------------------------------------------------------------------


@scenario(
    "A filter on the resolver answers 0.0.0.0",
    component="dnsmasq, address=",
    expect=failing("dns", "dns-sinkholed", "network"),
)
def sinkhole_zero(net: Network) -> None:
    net.resolver = Dnsmasq(arguments=[f"address=/{API_HOST}/0.0.0.0", f"address=/{API_HOST}/::"], forget=[API_HOST])


@scenario(
    "A filter on the resolver answers 127.0.0.1",
    component="unbound, redirect zone",
    expect=failing("dns", "dns-sinkholed", "network"),
)
def sinkhole_loopback(net: Network) -> None:
    zone = ['local-zone: "anthropic.com." redirect', 'local-data: "anthropic.com. A 127.0.0.1"']
    net.resolver = Unbound(server=zone, forget=[API_HOST])


@scenario(
    "A response policy zone sends the name to the company's block page",
    component="BIND, response policy zone, nginx",
    expect=failing("dns", "dns-sinkholed", "network"),
)
def sinkhole_block_page(net: Network) -> None:
    net.resolver = Bind(policy=[f"{API_HOST} A {OFFICE_BLOCK_PAGE}"])
    page = net.authorities.corporate.issue("blockpage.corp.example")
    net.office.components.append(Nginx([Site(BLOCK_PAGE, certificate=page), Site(BLOCK_PAGE, port=80)]))


@scenario(
    "A DNS filter in the cloud sends the name to its own block page",
    component="unbound, Umbrella's address, nginx",
    expect=failing("dns", "dns-sinkholed", "network"),
)
def sinkhole_umbrella(net: Network) -> None:
    net.resolver = Unbound(names=answering((UMBRELLA_BLOCK4,)))
    page = net.authorities.corporate.issue("block.opendns.com")
    net.sites = [
        Site(BLOCK_PAGE, names=(API_HOST,), addresses=(UMBRELLA_BLOCK4,), certificate=page),
        Site(BLOCK_PAGE, names=(API_HOST,), addresses=(UMBRELLA_BLOCK4,), port=80),
    ]


@scenario(
    "The router answers all DNS itself, also that to public resolvers, with 0.0.0.0",
    component="nftables redirect, dnsmasq",
    expect=failing("dns", "dns-sinkholed", "network"),
)
def all_dns_captured(net: Network) -> None:
    liar = Dnsmasq(
        addresses=("0.0.0.0", "::"),
        arguments=[f"address=/{API_HOST}/0.0.0.0", f"address=/{API_HOST}/::"],
        forget=[API_HOST],
    )
    net.router.components.append(liar)
    net.router.prerouting += ['iifname "lan0" udp dport 53 redirect', 'iifname "lan0" tcp dport 53 redirect']


@scenario(
    "The hosts file sends the name to this machine",
    component="/etc/hosts",
    expect=failing("dns", "dns-hosts-override", "you"),
)
def hosts_loopback(net: Network) -> None:
    net.client.hosts.append(f"127.0.0.1 {API_HOST}")


@scenario(
    "The hosts file holds an address that the API gave up",
    component="/etc/hosts",
    expect=failing("dns", "dns-hosts-override", "you"),
)
def hosts_retired(net: Network) -> None:
    net.client.hosts.append(f"{API4_RETIRED} {API_HOST}")


@scenario(
    "The resolver answers with a parking server's public address",
    component="unbound, nginx",
    expect=failing("dns", "dns-unexpected-address", "network"),
)
def rewritten_to_parking(net: Network) -> None:
    net.resolver = Unbound(names=answering((PARKING4,)))
    parked = 'return 200 "<html><body>This domain may be for sale.</body></html>";'
    net.sites = [Site(parked, names=(API_HOST,), addresses=(PARKING4,), certificate=another_name(net))]


@scenario(
    "A wildcard in the search domain answers for the API's name",
    component="unbound, redirect zone, resolv.conf with ndots",
    expect=failing("dns", "dns-search-domain", "you", "network"),
)
def search_domain(net: Network) -> None:
    zone = ['local-zone: "corp.example." redirect', f'local-data: "corp.example. A {OFFICE_BLOCK_PAGE}"']
    names = {name: found for name, found in default_names().items() if not name.endswith("corp.example")}
    net.resolver = Unbound(names=names, server=zone)
    net.client.resolver_lines += ["search corp.example", "options ndots:5"]
