"""Odd ways to the API's name: the client gets through, slowly perhaps."""

from __future__ import annotations

from tests.netlab.addresses import (
    API4,
    API_HOST,
    OFFICE_RESOLVER,
    OFFICE_VACANT,
    PUBLIC_RESOLVERS,
    THIRD_PARTIES,
)
from tests.netlab.network import Link, Network
from tests.netlab.resolvers import Dnsmasq, Unbound
from tests.netlab.scenario import gets_through, scenario
from tests.netlab.scenarios.dns import answering, truncating


@scenario(
    "A tunnel answers with addresses of its own and carries the connection",
    component="unbound, nftables dnat",
    expect=gets_through("dns-unexpected-address"),
)
def fake_addresses(net: Network) -> None:
    net.resolver = Unbound(names=answering(("198.18.0.42",)))
    net.router.prerouting.append(f"ip daddr 198.18.0.42 dnat ip to {API4}")


@scenario(
    "The hosts file holds the API's right address",
    component="/etc/hosts",
    expect=gets_through("dns-hosts-override"),
)
def hosts_right(net: Network) -> None:
    net.client.hosts.append(f"{API4} {API_HOST}")


@scenario(
    "The first of two nameservers is dead",
    component="resolv.conf, the kernel: nobody answers ARP",
    expect=gets_through("dns-slow"),
)
def first_resolver_dead(net: Network) -> None:
    net.client.nameservers = (OFFICE_VACANT, OFFICE_RESOLVER)
    net.client.resolver_lines.append("options timeout:2 attempts:2")


@scenario(
    "The resolver is a second and a half away",
    component="TUN pair between router and resolver",
    expect=gets_through("dns-slow"),
)
def slow_resolver(net: Network) -> None:
    net.office_link = Link(delay_ms=750)


@scenario(
    "The resolver answers for IPv4 and drops questions for IPv6",
    component="nftables, DNS payload match",
    expect=gets_through(),
)
def aaaa_dropped(net: Network) -> None:
    # The type of a question for api.anthropic.com stands 39 bytes into the datagram: headers 8 and 12, the name 19.
    net.router.forward.append('iifname "lan0" udp dport 53 @th,312,16 0x001c drop')
    net.client.resolver_lines.append("options timeout:1 attempts:2")


@scenario(
    "The answer is too long for UDP and comes over TCP",
    component="dnsmasq, long chain of aliases",
    expect=gets_through(),
)
def truncated_and_fetched(net: Network) -> None:
    truncating(net)


@scenario(
    "A cluster's resolver settings: five search domains, ndots 5",
    component="unbound, resolv.conf",
    expect=gets_through(),
)
def cluster_search(net: Network) -> None:
    domains = "default.svc.cluster.local svc.cluster.local cluster.local corp.example example.org"
    net.client.resolver_lines += [f"search {domains}", "options ndots:5"]


@scenario(
    "A caching stub on this machine asks the company's resolver",
    component="dnsmasq on 127.0.0.53",
    expect=gets_through(),
)
def local_stub(net: Network) -> None:
    net.client.nameservers = ("127.0.0.53",)
    net.client.components.append(
        Dnsmasq(names={}, closed=False, addresses=("127.0.0.53",), arguments=[f"server={OFFICE_RESOLVER}"])
    )


@scenario(
    "DNS goes over TCP, because UDP to port 53 is dropped",
    component="resolv.conf use-vc, nftables drop",
    expect=gets_through(),
)
def dns_over_tcp(net: Network) -> None:
    net.client.resolver_lines.append("options use-vc")
    net.router.forward.append("udp dport 53 drop")


@scenario(
    "Only the company's resolver may be asked: DNS to the internet is dropped, over HTTPS too",
    component="nftables drop",
    expect=gets_through(),
)
def public_dns_blocked(net: Network) -> None:
    public = ", ".join(
        address for address in (*PUBLIC_RESOLVERS, *THIRD_PARTIES["cloudflare-dns.com"]) if ":" not in address
    )
    net.router.forward += [f"ip daddr {{ {public} }} drop", 'iifname "lan0" oifname "wan0" udp dport 53 drop']


@scenario(
    "The router answers all DNS itself, honestly",
    component="unbound, nftables redirect",
    expect=gets_through(),
)
def dns_captured_honestly(net: Network) -> None:
    net.router.components.append(Unbound(addresses=("0.0.0.0", "::")))
    net.router.prerouting += ['iifname "lan0" udp dport 53 redirect', 'iifname "lan0" tcp dport 53 redirect']
