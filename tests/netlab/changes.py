"""Changes that several scenarios make to a network."""

from __future__ import annotations

from tests.netlab.addresses import API4_RANGE, API6_RANGE, OFFICE_GATEWAY, OFFICE_PROXY
from tests.netlab.authority import Issued
from tests.netlab.component import Component
from tests.netlab.network import Network
from tests.netlab.web import Haproxy, Nginx, Site, to_api

#: What path MTU discovery lives on, and much else.
ICMP_ERRORS_DROPPED = [
    "icmp type { destination-unreachable, time-exceeded } drop",
    "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded } drop",
]


def to_the_api(verdict: str, *, verdict6: str = "") -> list[str]:
    """nftables rules for HTTPS to the API's published ranges, in both families."""
    return [
        f"ip daddr {API4_RANGE} tcp dport 443 {verdict}",
        f"ip6 daddr {API6_RANGE} tcp dport 443 {verdict6 or verdict}",
    ]


def only_the_office_gets_out(net: Network, how: str = "drop") -> None:
    """Clients reach the office and nothing else: whoever wants out uses the office's proxy."""
    net.router.forward += ['iifname "lan0" oifname "office0" accept', f'iifname "lan0" {how}']


def behind_proxy(net: Network, proxy: Component, url: str) -> None:
    """A company network: a proxy in the office, no direct way out, the variable set on the client."""
    net.office.components.append(proxy)
    only_the_office_gets_out(net)
    net.client.env["HTTPS_PROXY"] = url


def proxy_url(port: int = 3128, *, scheme: str = "http", userinfo: str = "", host: str = OFFICE_PROXY) -> str:
    return f"{scheme}://{userinfo + '@' if userinfo else ''}{host}:{port}"


def divert(net: Network, box: Component, port: int, *, dport: str = "443", ipv4_only: bool = False) -> None:
    """The router hands connections of clients to a box of its own, as inspection products do."""
    net.router.components.append(box)
    net.client.ipv6 = not ipv4_only
    net.router.prerouting.append(f'iifname "lan0" tcp dport {dport} redirect to :{port}')


def use_gateway(net: Network, site: Site | None = None, *, url: str = "", extra: list[Site] | None = None) -> None:
    """The client talks to the company's own gateway in the office in place of the API."""
    net.office.components.append(Nginx([site or gateway_site(net), *(extra or [])]))
    net.client.env["ANTHROPIC_BASE_URL"] = url or "https://llm.corp.example"


def gateway_site(
    net: Network,
    *,
    behaviour: str = "gateway",
    location: str = "",
    certificate: Issued | None = None,
    **settings: object,
) -> Site:
    """An nginx with a public certificate in front of the API."""
    return Site(
        location or to_api(behaviour),
        names=("llm.corp.example", OFFICE_GATEWAY),
        certificate=certificate or net.authorities.public.issue("llm.corp.example"),
        default=True,
        **settings,  # type: ignore[arg-type]  # fields of Site
    )


HAPROXY_GATEWAY = """
frontend gateway
    mode http
    bind :::443 v4v6 ssl crt @FOLDER@/gateway.pem
    default_backend api
backend api
    mode http
    server api unix@@API_SOCKET@
"""


def use_haproxy_gateway(
    net: Network,
    sections: str = HAPROXY_GATEWAY,
    *,
    certificate: Issued | None = None,
    files: dict[str, str] | None = None,
) -> None:
    """The same with haproxy, which refuses and fails in other ways than nginx."""
    certificate = certificate or net.authorities.public.issue("llm.corp.example")
    net.office.components.append(
        Haproxy(sections, ports=[443], certificates={"gateway": certificate}, files=files or {})
    )
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example"


def another_name(net: Network) -> Issued:
    """A public certificate, for somebody else."""
    return net.authorities.public.issue("www.parking-service.example", "parking-service.example")
