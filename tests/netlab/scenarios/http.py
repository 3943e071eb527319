"""The answer: portals, block pages, cuts and silence on the way, and the API's own words."""

from __future__ import annotations

from tests.netlab.addresses import API4_RANGE, API_HOST
from tests.netlab.changes import (
    another_name,
    behind_proxy,
    divert,
    proxy_url,
)
from tests.netlab.network import Network
from tests.netlab.proxies import Squid
from tests.netlab.scenario import failing, scenario
from tests.netlab.web import Haproxy, Nginx, Site

SIGN_IN = 'return 302 "http://portal.hotel.example/login?next=$http_host";'
SIGN_IN_PAGE = (
    'return 200 "<html><head><title>Welcome to Hotel Example</title></head><body><form action=/login method=post>'
    'Please sign in to use the network. <input name=room><input type=submit></form></body></html>";'
)
BLOCK_PAGE = (
    'default_type text/html; return 403 "<html><head><title>Web Page Blocked</title></head><body><h1>Web Page Blocked'
    "</h1><p>Access to the web page you were trying to visit has been blocked in accordance with company policy. "
    'Category: Artificial Intelligence</p></body></html>";'
)

# -- portals and block pages --------------------------------------------------------------------------


def portal(net: Network, location: str) -> None:
    """A hotel's router: web traffic of whoever has not signed in ends at the portal, the rest is dropped."""
    box = Nginx([Site(location, port=8080), Site(location, port=8443, certificate=another_name(net))])
    divert(net, box, 8443)
    net.router.prerouting.append('iifname "lan0" tcp dport 80 redirect to :8080')
    net.router.forward.append('iifname "lan0" oifname "wan0" drop')


@scenario(
    "A hotel's portal answers for every site until somebody signs in",
    component="nginx, nftables redirect",
    expect=failing("models", "captive-portal", "you"),
    cannot_be_mended="a person has to sign in",
)
def portal_redirects(net: Network) -> None:
    portal(net, SIGN_IN)


@scenario(
    "A portal answers plain HTTP with its page, and drops HTTPS",
    component="nginx, nftables redirect and drop",
    expect=failing("models", "captive-portal", "you"),
    cannot_be_mended="a person has to sign in",
)
def portal_drops_https(net: Network) -> None:
    divert(net, Nginx([Site(SIGN_IN_PAGE, port=8080)]), 8080, dport="80")
    net.router.forward.append('iifname "lan0" oifname "wan0" drop')


@scenario(
    "A portal answers plain HTTP with a redirect, and resets HTTPS",
    component="haproxy, nftables redirect and reject",
    expect=failing("models", "captive-portal", "you"),
    cannot_be_mended="a person has to sign in",
)
def portal_resets_https(net: Network) -> None:
    sections = """
frontend portal
    mode http
    bind :::8080 v4v6
    http-request redirect location http://10.20.0.1/hotspot/login
"""
    divert(net, Haproxy(sections, ports=[8080]), 8080, dport="80")
    net.router.forward.append('iifname "lan0" oifname "wan0" tcp dport 443 reject with tcp reset')


def inspecting(net: Network, sites: list[Site]) -> None:
    """A filter that signs as the API under a root that this machine trusts."""
    for site in sites:
        site.certificate = net.authorities.zscaler.issue(API_HOST)
    net.client.trusts(net.authorities.zscaler.root_pem)
    net.client.ipv6 = False
    net.router.components.append(Nginx(sites))
    net.router.prerouting.append(f'iifname "lan0" ip daddr {API4_RANGE} tcp dport 443 redirect to :443')


@scenario(
    "A trusted inspection box answers for the API with its block page",
    component="nginx under a trusted root",
    expect=failing("models", "block-page", "network"),
)
def block_page(net: Network) -> None:
    inspecting(net, [Site(BLOCK_PAGE)])


@scenario(
    "A trusted inspection box answers with its block page and status 200",
    component="nginx under a trusted root",
    expect=failing("models", "block-page", "network"),
)
def block_page_200(net: Network) -> None:
    inspecting(net, [Site(BLOCK_PAGE.replace("return 403", "return 200"))])


@scenario(
    "The inspecting proxy denies the API's URL inside the tunnel",
    component="squid, ssl-bump and a deny rule",
    expect=failing("models", "block-page", "network"),
)
def block_page_squid(net: Network) -> None:
    # The tunnel itself is allowed: only what is asked inside is not.
    rules = ["acl unwanted dstdomain .anthropic.com", "http_access deny unwanted !CONNECT"]
    squid = Squid(rules=rules, bump=net.authorities.zscaler, upstream_roots=net.authorities.public.root_pem)
    behind_proxy(net, squid, proxy_url())
    net.client.trusts(net.authorities.zscaler.root_pem)


@scenario(
    "A trusted inspection box fails to reach the API and answers 502",
    component="nginx under a trusted root",
    expect=failing("models", "gateway-error", "network"),
)
def box_502(net: Network) -> None:
    inspecting(net, [Site("proxy_pass https://127.0.0.1:9999;")])


# -- cut and silent -----------------------------------------------------------------------------------


@scenario(
    "The API takes the request and never answers",
    component="nginx, silent upstream",
    expect=failing("models", "response-timeout", "network", "anthropic"),
)
def never_answers(net: Network) -> None:
    net.api.behaviour = "silent"


@scenario(
    "Messages are taken and never answered, while the list of models comes",
    component="nginx, silent upstream",
    expect=failing("messages", "response-timeout", "network", "anthropic"),
)
def message_never_answered(net: Network) -> None:
    net.api.behaviour = "silent-message"


@scenario(
    "Streamed answers of the API are cut on the direct route, while plain ones come whole",
    component="nginx, upstream that closes",
    expect=failing("messages", "stream-blocked", "network", "gateway"),
)
def stream_cut(net: Network) -> None:
    net.api.behaviour = "cut-stream"


@scenario(
    "The answer is cut in the middle",
    component="nginx, upstream that closes",
    expect=failing("models", "response-cut", "network"),
)
def cut(net: Network) -> None:
    net.api.behaviour = "cut"


@scenario(
    "A box on the way ends connections without traffic after two seconds, and a plain message takes five",
    component="haproxy, timeout client and server",
    expect=failing("messages", "idle-cut", "network"),
)
def idle_cut(net: Network) -> None:
    net.api.behaviour = "slow-message=5"
    sections = """
frontend relay
    bind :::8443 v4v6
    timeout client 2s
    timeout server 2s
    default_backend api
backend api
    timeout server 2s
    server api 160.79.104.10:443
"""
    divert(net, Haproxy(sections, ports=[8443]), 8443)


@scenario(
    "Packets over 680 bytes are lost on the way up: the list of models comes, and messages vanish",
    component="nftables, length match",
    expect=failing("messages", "large-request-dropped", "network"),
)
def large_requests_dropped(net: Network) -> None:
    net.router.forward.append('iifname "lan0" tcp dport 443 meta length > 680 drop')


@scenario(
    "Full-size packets are lost on the way up only: small requests pass, large ones stall",
    component="nftables, length match",
    expect=failing("messages", "large-request-dropped", "network"),
)
def full_packets_up_dropped(net: Network) -> None:
    net.router.forward.append('iifname "lan0" tcp dport 443 meta length > 1400 drop')


@scenario(
    "A box on the way resets connections that upload more than a hundred kilobytes",
    component="nftables, ct bytes",
    expect=failing("messages", "large-request-dropped", "network"),
)
def large_uploads_reset(net: Network) -> None:
    net.router.forward.append('iifname "lan0" tcp dport 443 ct original bytes > 100000 reject with tcp reset')


@scenario(
    "A box on the way resets connections after a few kilobytes",
    component="nftables, ct bytes",
    expect=failing("models", "response-cut", "network"),
)
def reset_after_bytes(net: Network) -> None:
    net.client.ipv6 = False
    # A handshake takes about 1000 bytes, the smallest request 500 more.
    net.router.forward.append('iifname "lan0" tcp dport 443 ct original bytes > 1200 reject with tcp reset')


# -- what the API itself says, over a good route ------------------------------------------------------


@scenario(
    "The key is not known to the API",
    component="nginx, the API's 401",
    expect=failing("models", "key-invalid", "you"),
    cannot_be_mended="only the user knows another key",
)
def key_invalid(net: Network) -> None:
    net.client.env["ANTHROPIC_API_KEY"] = "sk-ant-api03-" + "R" * 86 + "-revokedAA"


@scenario(
    "No key is set, and the network is fine",
    component="nginx, the API's 401",
    expect=failing("environment", "key-missing", "you"),
    cannot_be_mended="only the user knows the key",
)
def key_missing(net: Network) -> None:
    del net.client.env["ANTHROPIC_API_KEY"]


@scenario(
    "The edge in front of the API does not accept this network",
    component="nginx, 403 without request-id",
    expect=failing("models", "request-forbidden", "you", "network"),
    cannot_be_mended="only another network helps",
)
def forbidden(net: Network) -> None:
    net.api.behaviour = "error=forbidden"


@scenario(
    "The edge in front of the API wants to see a browser",
    component="nginx, challenge page",
    expect=failing("models", "edge-challenge", "network"),
)
def challenged(net: Network) -> None:
    net.api.behaviour = "error=challenge"


@scenario(
    "The API is overloaded for messages",
    component="nginx, the API's 529",
    expect=failing("messages", "api-overloaded", "anthropic"),
)
def overloaded(net: Network) -> None:
    net.api.behaviour = "message-error=overloaded"


@scenario(
    "The API has limited this organization's rate",
    component="nginx, the API's 429",
    expect=failing("messages", "rate-limited", "you"),
    cannot_be_mended="only time helps",
)
def rate_limited(net: Network) -> None:
    net.api.behaviour = "message-error=rate-limited"


@scenario(
    "The API fails, and its status page reports an incident",
    component="nginx, the API's 500 and the status page",
    expect=failing("models", "api-error", "anthropic", finding="service-incident"),
)
def incident(net: Network) -> None:
    net.api.behaviour = "error=internal"
    net.incident = True
