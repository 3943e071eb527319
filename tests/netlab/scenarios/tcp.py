"""The connection: rejected, dropped, unroutable, lossy; and families and addresses that are dead."""

from __future__ import annotations

from tests.netlab.addresses import (
    API4,
    API4_RANGE,
    API6_RANGE,
    API_HOST,
    OFFICE_VACANT,
    default_names,
)
from tests.netlab.changes import to_the_api
from tests.netlab.network import Link, Network
from tests.netlab.resolvers import Unbound
from tests.netlab.scenario import failing, gets_through, scenario
from tests.netlab.web import Middlebox

#: Nobody has this address of the API's range in the lab.
API4_DEAD = "160.79.104.200"

# -- refused ------------------------------------------------------------------------------------------


@scenario(
    "A firewall answers connections to the API with a reset",
    component="nftables, reject with tcp reset",
    expect=failing("tcp", "tcp-refused", "network"),
)
def reset_by_firewall(net: Network) -> None:
    net.router.forward += to_the_api("reject with tcp reset")


@scenario(
    "A firewall rejects connections to the API as iptables does by default",
    component="iptables, ICMP port unreachable",
    expect=failing("tcp", "tcp-refused", "network"),
)
def port_unreachable(net: Network) -> None:
    net.router.iptables.append(f"-A FORWARD -d {API4_RANGE} -p tcp --dport 443 -j REJECT")
    net.router.ip6tables.append(f"-A FORWARD -d {API6_RANGE} -p tcp --dport 443 -j REJECT")


@scenario(
    "Nothing listens on the API's port",
    component="nftables in front of the server",
    expect=failing("tcp", "tcp-refused", "network", "anthropic"),
)
def port_closed(net: Network) -> None:
    net.internet.input += to_the_api("reject with tcp reset")


@scenario(
    "All HTTPS is answered with a reset, wherever it goes",
    component="nftables, reject with tcp reset",
    expect=failing("tcp", "tcp-refused", "network"),
)
def all_https_reset(net: Network) -> None:
    net.router.forward.append('iifname "lan0" oifname "wan0" tcp dport 443 reject with tcp reset')


@scenario(
    "The gateway is down: its machine answers with a reset",
    component="no daemon on the gateway",
    expect=failing("tcp", "tcp-refused", "gateway", "network"),
)
def gateway_down(net: Network) -> None:
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example"


@scenario(
    "The first connection to each address of the API is refused, and the next ones are not",
    component="nftables, quota and reject with tcp reset",
    expect=gets_through("intermittent"),
)
def refused_once(net: Network) -> None:
    net.router.forward += to_the_api("tcp flags syn quota 100 bytes reject with tcp reset")


# -- silence ------------------------------------------------------------------------------------------


@scenario(
    "A firewall drops connections to the API and lets the rest pass",
    component="nftables drop",
    expect=failing("tcp", "tcp-timeout", "network"),
)
def dropped(net: Network) -> None:
    net.router.forward += to_the_api("drop")


@scenario(
    "A default-deny firewall drops everything that leaves the office",
    component="nftables drop",
    expect=failing("tcp", "tcp-timeout", "network"),
)
def all_dropped(net: Network) -> None:
    net.router.forward += ['iifname "lan0" oifname "office0" accept', 'iifname "lan0" drop']


@scenario(
    "Answers of the API are lost on the way back",
    component="a blackhole route at the provider",
    expect=failing("tcp", "tcp-timeout", "network"),
)
def answers_lost(net: Network) -> None:
    net.internet.output += [f"ip saddr {API4_RANGE} drop", f"ip6 saddr {API6_RANGE} drop"]


@scenario(
    "The gateway's address is vacant",
    component="the kernel: nobody answers ARP",
    expect=failing("tcp", "tcp-unreachable", "gateway", "network", "you"),
)
def gateway_vacant(net: Network) -> None:
    net.client.env["ANTHROPIC_BASE_URL"] = f"https://{OFFICE_VACANT}"


# -- no route, and prohibited -------------------------------------------------------------------------


@scenario(
    "The router has no route to the API",
    component="kernel routing: ICMP network unreachable",
    expect=failing("tcp", "tcp-unreachable", "network"),
)
def no_route_upstream(net: Network) -> None:
    net.router.commands += ["route del default", "route del ::/0"]


@scenario(
    "A router on the way reports the API's host as unreachable",
    component="nftables, ICMP host unreachable",
    expect=failing("tcp", "tcp-unreachable", "network"),
)
def host_unreachable(net: Network) -> None:
    net.isp.forward += [
        f"ip daddr {API4_RANGE} reject with icmp type host-unreachable",
        f"ip6 daddr {API6_RANGE} reject with icmpv6 type addr-unreachable",
    ]


@scenario(
    "This machine has no default route",
    component="the client's routing table",
    expect=failing("tcp", "tcp-unreachable", "you", "network"),
)
def no_default_route(net: Network) -> None:
    net.client.default_route = False


@scenario(
    "This machine has no network at all",
    component="the client's interface is down",
    expect=failing("environment", "no-network", "you"),
    cannot_be_mended="somebody has to connect it",
)
def no_network(net: Network) -> None:
    net.client.commands.append("link set eth0 down")


@scenario(
    "A firewall prohibits the API and says so",
    component="nftables, ICMP administratively prohibited",
    expect=failing("tcp", "tcp-prohibited", "network"),
)
def prohibited(net: Network) -> None:
    net.router.forward += [
        f"ip daddr {API4_RANGE} reject with icmp type admin-prohibited",
        f"ip6 daddr {API6_RANGE} reject with icmpv6 type admin-prohibited",
    ]


@scenario(
    "A firewall prohibits the API and says so, on a network with IPv4 only",
    component="iptables, ICMP administratively prohibited",
    expect=failing("tcp", "tcp-prohibited", "network"),
)
def prohibited_ipv4(net: Network) -> None:
    """The C library reports "no route to host" for this; the kernel's error queue knows better."""
    net.client.ipv6 = False
    net.router.iptables.append(f"-A FORWARD -d {API4_RANGE} -j REJECT --reject-with icmp-admin-prohibited")


@scenario(
    "This machine's own firewall prohibits the API",
    component="nftables in the client, ICMP administratively prohibited",
    expect=failing("tcp", "tcp-prohibited", "you"),
    cannot_be_mended="who set the rule has to lift it",
)
def own_firewall(net: Network) -> None:
    net.client.output += [
        f"ip daddr {API4_RANGE} reject with icmp type admin-prohibited",
        f"ip6 daddr {API6_RANGE} reject with icmpv6 type admin-prohibited",
    ]


@scenario(
    "A route on this machine prohibits the API",
    component="ip route prohibit",
    expect=failing("tcp", "tcp-prohibited", "you"),
    cannot_be_mended="who set the route has to lift it",
)
def own_route(net: Network) -> None:
    net.client.commands += [f"route add prohibit {API4_RANGE}", f"route add prohibit {API6_RANGE}"]


@scenario(
    "This machine has no free port for another connection",
    component="ip_local_port_range, a listener",
    expect=failing("tcp", "tcp-local-limit", "you"),
    cannot_be_mended="the programs that hold the ports have to end",
)
def no_ports(net: Network) -> None:
    net.client.sysctls["net.ipv4.ip_local_port_range"] = '"40000 40000"'
    net.client.components.append(Middlebox("silent", port=40000))


# -- one family, one address --------------------------------------------------------------------------


@scenario(
    "IPv6 is announced and its packets vanish",
    component="nftables drop",
    expect=gets_through("ipv6-broken"),
)
def ipv6_dropped(net: Network) -> None:
    net.router.forward.append('meta nfproto ipv6 iifname "lan0" oifname "wan0" drop')


@scenario(
    "IPv6 is announced and its connections are reset",
    component="nftables, reject with tcp reset",
    expect=gets_through("ipv6-broken"),
)
def ipv6_reset(net: Network) -> None:
    net.router.forward.append('meta nfproto ipv6 iifname "lan0" oifname "wan0" meta l4proto tcp reject with tcp reset')


@scenario(
    "IPv6 is announced, and the router has no way out for it",
    component="kernel routing: ICMPv6 no route",
    expect=gets_through("ipv6-broken"),
)
def ipv6_no_route(net: Network) -> None:
    net.router.commands.append("route del ::/0")


@scenario(
    "IPv4 is dropped and IPv6 works",
    component="nftables drop",
    expect=gets_through("ipv4-broken"),
)
def ipv4_dropped(net: Network) -> None:
    net.router.forward.append('meta nfproto ipv4 iifname "lan0" oifname "wan0" drop')


@scenario(
    "The first of two IPv4 addresses does not answer",
    component="unbound, a vacant address",
    expect=gets_through("address-dead"),
)
def first_address_dead(net: Network) -> None:
    net.client.ipv6 = False
    net.resolver = Unbound(names=default_names() | {API_HOST: (API4_DEAD, API4)}, server=["rrset-roundrobin: no"])


@scenario(
    "One of three addresses refuses",
    component="unbound, nftables reject",
    expect=gets_through("address-dead"),
)
def one_address_refuses(net: Network) -> None:
    net.client.ipv6 = False
    net.resolver = Unbound(names=default_names() | {API_HOST: (API4, "160.79.104.11", API4_DEAD)})
    net.isp.forward.append(f"ip daddr {API4_DEAD} tcp dport 443 reject with tcp reset")


@scenario(
    "IPv6 has no way out, and IPv4 to the API is dropped",
    component="kernel routing, nftables drop",
    expect=failing("tcp", "tcp-timeout", "network"),
)
def no_ipv6_and_dropped(net: Network) -> None:
    ipv6_no_route(net)
    net.router.forward.append(f"ip daddr {API4_RANGE} drop")


# -- a bad line ---------------------------------------------------------------------------------------


@scenario(
    "A line with 700 ms round trip",
    component="TUN pair",
    expect=gets_through("network-slow"),
)
def satellite(net: Network) -> None:
    net.wan.link = Link(delay_ms=350)


@scenario(
    "A line that loses one packet in six",
    component="TUN pair",
    expect=gets_through("network-lossy"),
)
def lossy(net: Network) -> None:
    net.wan.link = Link(delay_ms=10, loss=0.16, seed=3)
