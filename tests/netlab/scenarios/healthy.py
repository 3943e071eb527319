"""Networks that are healthy but odd: the client gets through, and nothing may be called broken."""

from __future__ import annotations

from tests.netlab.addresses import (
    API4_RANGE,
    API6_RANGE,
    API_HOST,
    CLIENT4,
    OFFICE_GATEWAY,
    OFFICE_PROXY,
    OFFICE_RESOLVER6,
    RELAY_HOST,
)
from tests.netlab.changes import (
    ICMP_ERRORS_DROPPED,
    behind_proxy,
    divert,
    gateway_site,
    only_the_office_gets_out,
    proxy_url,
    use_gateway,
)
from tests.netlab.network import Link, Network
from tests.netlab.proxies import PROXY_PASSWORD, PROXY_USER, Dante, Mitmproxy, Squid, Tinyproxy
from tests.netlab.scenario import gets_through, scenario
from tests.netlab.web import Haproxy, Stunnel

# -- the plain network, and lines that are slow or far ------------------------------------------------


@scenario("An ordinary network with IPv4 and IPv6", component="nothing is wrong", expect=gets_through())
def ordinary(net: Network) -> None:
    """The network that all others are changed from."""


@scenario("An ordinary network with IPv4 only", component="no IPv6 address", expect=gets_through())
def ipv4_only(net: Network) -> None:
    net.client.ipv6 = False


@scenario("A network with IPv6 only", component="no IPv4 address", expect=gets_through())
def ipv6_only(net: Network) -> None:
    net.client.ipv4 = False
    net.client.nameservers = (OFFICE_RESOLVER6,)
    net.resolver.addresses = (OFFICE_RESOLVER6,)  # type: ignore[union-attr]  # the default is an Unbound


@scenario("Addresses are translated twice on the way out", component="nftables masquerade", expect=gets_through())
def double_nat(net: Network) -> None:
    net.router.postrouting.append('oifname "wan0" masquerade')
    net.isp.postrouting.append('oifname "up0" masquerade')


@scenario("A line with 200 ms round trip", component="TUN pair", expect=gets_through())
def far_away(net: Network) -> None:
    net.wan.link = Link(delay_ms=100)


@scenario("A line whose delay jumps between 20 and 120 ms and reorders", component="TUN pair", expect=gets_through())
def jittery(net: Network) -> None:
    net.wan.link = Link(delay_ms=10, jitter_ms=50)


@scenario("A line that loses one packet in fifty", component="TUN pair", expect=gets_through())
def a_little_lossy(net: Network) -> None:
    net.wan.link = Link(delay_ms=10, loss=0.02, seed=7)


@scenario("A line with 64 kbit/s", component="TUN pair", expect=gets_through())
def modem(net: Network) -> None:
    net.wan.link = Link(delay_ms=40, rate_kbit=64)


@scenario(
    "The API takes three seconds to answer", component="nginx, slow upstream", expect=gets_through("response-slow")
)
def slow_server(net: Network) -> None:
    net.api.behaviour = "slow=3"


@scenario(
    "The line's MTU is 1280, and the router says so", component="kernel, path MTU discovery", expect=gets_through()
)
def small_mtu_announced(net: Network) -> None:
    net.wan.mtu = 1280


@scenario(
    "The line's MTU is 1400, ICMP is dropped, and the router clamps the segment size",
    component="nftables maxseg",
    expect=gets_through(),
)
def mtu_clamped(net: Network) -> None:
    net.wan.mtu = 1400
    net.router.forward += ["tcp flags syn tcp option maxseg size set 1340", *ICMP_ERRORS_DROPPED]
    net.isp.forward += ICMP_ERRORS_DROPPED
    net.isp.output += ICMP_ERRORS_DROPPED


# -- strict firewalls ---------------------------------------------------------------------------------


@scenario("All ICMP is dropped on the way", component="nftables drop", expect=gets_through())
def no_icmp(net: Network) -> None:
    net.router.forward += ["meta l4proto icmp drop", "meta l4proto ipv6-icmp drop"]


@scenario(
    "Only the API's addresses may be reached: controls, public resolvers and the portal check fail",
    component="nftables, allow list with drop",
    expect=gets_through(),
)
def allow_list(net: Network) -> None:
    net.router.forward += [
        'iifname "lan0" oifname "office0" accept',
        f'iifname "lan0" ip daddr {API4_RANGE} tcp dport 443 accept',
        f'iifname "lan0" ip6 daddr {API6_RANGE} tcp dport 443 accept',
        'iifname "lan0" drop',
    ]


@scenario(
    "Only the API's addresses may be reached, and everything else is rejected at once",
    component="nftables, allow list with reject",
    expect=gets_through(),
)
def allow_list_rejecting(net: Network) -> None:
    allow_list(net)
    net.router.forward[-1] = 'iifname "lan0" reject with icmpx type admin-prohibited'


@scenario("Port 80 is blocked, and so the portal check fails", component="nftables drop", expect=gets_through())
def port_80_blocked(net: Network) -> None:
    net.router.forward.append("tcp dport 80 drop")


@scenario(
    "A transparent proxy takes plain HTTP, and leaves HTTPS alone",
    component="haproxy, nftables redirect",
    expect=gets_through(),
)
def transparent_http(net: Network) -> None:
    sections = """
frontend web
    mode http
    bind :::8080 v4v6
    http-response set-header Via "1.1 cache.corp.example"
    http-request return status 403 content-type text/html string "<html>Not a business site.</html>"
"""
    divert(net, Haproxy(sections, ports=[8080]), 8080, dport="80")


@scenario(
    "A web filter blocks the control sites by category, and lets the API pass",
    component="iptables, string match",
    expect=gets_through(),
)
def controls_blocked(net: Network) -> None:
    for name in ("www.google.com", "www.cloudflare.com"):
        rule = f"-A FORWARD -p tcp --dport 443 -m string --string {name} --algo bm -j REJECT --reject-with tcp-reset"
        net.router.iptables.append(rule)
        net.router.ip6tables.append(rule)


@scenario(
    "Every site but the API is inspected under a root that this machine does not know",
    component="mitmproxy, nftables redirect",
    expect=gets_through(),
)
def all_but_the_api_inspected(net: Network) -> None:
    net.client.ipv6 = False
    net.router.components.append(Mitmproxy(net.authorities.mitmproxy, upstream_roots=net.authorities.public.root_pem))
    net.router.prerouting.append(f'iifname "lan0" ip daddr != {API4_RANGE} tcp dport 443 redirect to :8080')


# -- proxies ------------------------------------------------------------------------------------------


@scenario("The only way out is the company's proxy", component="squid", expect=gets_through())
def proxy_only(net: Network) -> None:
    behind_proxy(net, Squid(), proxy_url())


@scenario(
    "The only way out is the company's proxy, and clients get no answer from DNS",
    component="squid, dnsmasq",
    expect=gets_through(),
)
def proxy_without_dns(net: Network) -> None:
    behind_proxy(net, Squid(), proxy_url())
    net.client.nameservers = ("10.30.0.200",)
    net.client.resolver_lines.append("options timeout:1 attempts:1")


@scenario(
    "The proxy asks for a password, and the right one is set", component="squid, basic_ncsa_auth", expect=gets_through()
)
def proxy_with_password(net: Network) -> None:
    behind_proxy(net, Squid(auth="basic"), proxy_url(userinfo=f"{PROXY_USER}:{PROXY_PASSWORD}"))


@scenario("The proxy is set in the lower-case variable", component="tinyproxy", expect=gets_through())
def proxy_lower_case(net: Network) -> None:
    behind_proxy(net, Tinyproxy(), proxy_url(8888))
    net.client.env["https_proxy"] = net.client.env.pop("HTTPS_PROXY")


@scenario("The proxy is set without a scheme", component="squid", expect=gets_through())
def proxy_without_scheme(net: Network) -> None:
    behind_proxy(net, Squid(), f"{OFFICE_PROXY}:3128")


@scenario("The only way out is a SOCKS proxy", component="dante", expect=gets_through())
def socks_only(net: Network) -> None:
    behind_proxy(net, Dante(), proxy_url(1080, scheme="socks5"))
    net.client.env["ALL_PROXY"] = net.client.env.pop("HTTPS_PROXY")


@scenario("The way to the proxy is encrypted", component="stunnel in front of squid", expect=gets_through())
def encrypted_proxy(net: Network) -> None:
    net.office.components.append(
        Stunnel(net.authorities.public.issue("proxy.corp.example"), connect="127.0.0.1:3128", port=3129)
    )
    behind_proxy(net, Squid(), proxy_url(3129, scheme="https", host="proxy.corp.example"))


@scenario("A dead proxy is set, and NO_PROXY takes the API off it", component="NO_PROXY", expect=gets_through())
def no_proxy(net: Network) -> None:
    net.client.env |= {"HTTPS_PROXY": proxy_url(), "NO_PROXY": "localhost,.anthropic.com"}


@scenario(
    "Only HTTP_PROXY is set, so the client goes direct, and that works",
    component="HTTP_PROXY, squid",
    expect=gets_through("proxy-variables-conflict"),
)
def http_proxy_only(net: Network) -> None:
    net.office.components.append(Squid())
    net.client.env["HTTP_PROXY"] = proxy_url()


@scenario(
    "The proxy lets the API pass and denies every other host",
    component="squid, allow list",
    expect=gets_through(),
)
def proxy_allow_list(net: Network) -> None:
    rules = ["acl wanted dstdomain .anthropic.com", "http_access deny !wanted"]
    behind_proxy(net, Squid(rules=rules), proxy_url())


# -- inspection that the client trusts ----------------------------------------------------------------


@scenario(
    "HTTPS is inspected, and the inspector's root is in the system's store",
    component="mitmproxy, transparent",
    expect=gets_through("tls-intercepted-trusted"),
)
def inspected_trusted(net: Network) -> None:
    authority = net.authorities.mitmproxy
    divert(net, Mitmproxy(authority, upstream_roots=net.authorities.public.root_pem), 8080, ipv4_only=True)
    net.client.trusts(authority.root_pem)


@scenario(
    "The proxy inspects HTTPS, and SSL_CERT_FILE holds its root beside the public ones",
    component="squid, ssl-bump",
    expect=gets_through("tls-intercepted-trusted"),
)
def inspected_by_variable(net: Network) -> None:
    authority = net.authorities.zscaler
    behind_proxy(net, Squid(bump=authority, upstream_roots=net.authorities.public.root_pem), proxy_url())
    net.client.files["all.pem"] = authority.root_pem + net.authorities.public.root_pem
    net.client.env["SSL_CERT_FILE"] = "~/all.pem"


# -- gateways -----------------------------------------------------------------------------------------


@scenario("The company's own gateway stands in for the API", component="nginx", expect=gets_through())
def gateway(net: Network) -> None:
    use_gateway(net)


@scenario(
    "The gateway has no list of models, and messages work",
    component="nginx",
    expect=gets_through("models-not-served"),
)
def gateway_without_models(net: Network) -> None:
    use_gateway(net, gateway_site(net, behaviour="gateway no-models"))


@scenario(
    "The gateway's certificate comes from the company's authority, which SSL_CERT_FILE names",
    component="nginx",
    expect=gets_through(),
)
def gateway_private_root(net: Network) -> None:
    use_gateway(net, gateway_site(net, certificate=net.authorities.corporate.issue("llm.corp.example")))
    net.client.files["corp.pem"] = net.authorities.corporate.root_pem
    net.client.env["SSL_CERT_FILE"] = "~/corp.pem"


@scenario(
    "The gateway is asked over plain HTTP inside the company",
    component="haproxy",
    expect=gets_through("base-url-insecure"),
)
def gateway_plain(net: Network) -> None:
    sections = """
frontend gateway
    mode http
    bind :8080
    default_backend api
backend api
    mode http
    http-request set-header X-Lab gateway
    server api unix@@API_SOCKET@
"""
    net.office.components.append(Haproxy(sections, ports=[8080]))
    net.client.env["ANTHROPIC_BASE_URL"] = f"http://{OFFICE_GATEWAY}:8080"


@scenario("The gateway is named by its address", component="nginx", expect=gets_through())
def gateway_by_address(net: Network) -> None:
    certificate = net.authorities.public.issue(OFFICE_GATEWAY)
    use_gateway(net, gateway_site(net, certificate=certificate), url=f"https://{OFFICE_GATEWAY}")


@scenario("The gateway serves the API under a path of its own", component="nginx, rewrite", expect=gets_through())
def gateway_with_path(net: Network) -> None:
    site = gateway_site(
        net, settings=["rewrite ^/llm/anthropic/(.*)$ /$1;", "if ($request_uri !~ ^/llm) { return 404; }"]
    )
    use_gateway(net, site, url="https://llm.corp.example/llm/anthropic/")


@scenario("A relay on the internet stands in for the API", component="nginx", expect=gets_through())
def relay(net: Network) -> None:
    net.client.env["ANTHROPIC_BASE_URL"] = f"https://{RELAY_HOST}"


@scenario(
    "A gateway is used, and the API itself cannot be reached",
    component="nginx, nftables drop",
    expect=gets_through(),
)
def gateway_only(net: Network) -> None:
    use_gateway(net)
    only_the_office_gets_out(net)


# -- other oddities -----------------------------------------------------------------------------------


@scenario(
    "IPv6 is local only: the machine has a private prefix and a router without a way out",
    component="a unique local address",
    expect=gets_through(),
)
def local_ipv6(net: Network) -> None:
    net.client.commands += [
        "address flush dev eth0 scope global to 2a02:8071:20::/64",
        "address add fd12::50/64 dev eth0 nodad",
        "route replace ::/0 dev eth0 via fd12::1",
    ]
    net.router.commands += ["address add fd12::1/64 dev lan0 nodad", "route del ::/0"]


@scenario(
    "Packets are 576 bytes at most on the way, and the router says so",
    component="kernel, path MTU discovery",
    expect=gets_through(),
)
def tiny_packets(net: Network) -> None:
    net.client.ipv6 = False
    net.router.commands.append("link set wan0 mtu 576")
    net.isp.commands.append("link set cust0 mtu 576")


@scenario("This machine's clock is two minutes slow", component="libfaketime", expect=gets_through())
def clock_a_little_off(net: Network) -> None:
    net.client.clock = "-2m"


@scenario("The API's front speaks TLS 1.2 only", component="haproxy", expect=gets_through())
def tls12_only(net: Network) -> None:
    sections = """
frontend api
    mode http
    bind :::443 v4v6 ssl crt @FOLDER@/api.pem ssl-max-ver TLSv1.2
    default_backend api
backend api
    mode http
    server api unix@@API_SOCKET@
"""
    divert(net, Haproxy(sections, ports=[443], certificates={"api": net.authorities.public.issue(API_HOST)}), 443)


@scenario(
    "A stateful firewall forgets connections after ten idle seconds",
    component="nftables, conntrack",
    expect=gets_through(),
)
def short_memory(net: Network) -> None:
    net.router.sysctls["net.netfilter.nf_conntrack_tcp_timeout_established"] = "10"
    net.router.forward += [
        "ct state invalid drop",
        f'iifname "lan0" ip saddr {CLIENT4} ct state new,established accept',
    ]
