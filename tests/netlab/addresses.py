"""Who lives where in the lab: the API's published addresses, the third parties, the office. Values only."""

from __future__ import annotations

API_HOST = "api.anthropic.com"
API4 = "160.79.104.10"
API6 = "2607:6bc0::10"
API4_RANGE = "160.79.104.0/23"
API6_RANGE = "2607:6bc0::/48"

#: A second front of the API, for answers with several addresses. Nothing points there by default.
API4_SECOND = "160.79.104.11"
#: Addresses that the API once had; nobody answers there in the lab.
API4_RETIRED = "34.162.46.92"

PUBLIC_RESOLVERS = ("1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "2001:4860:4860::8888")

#: The third parties that the README names, under their real names.
THIRD_PARTIES: dict[str, tuple[str, ...]] = {
    "cloudflare-dns.com": ("104.16.248.249", "2606:4700::6810:f8f9"),
    "one.one.one.one": ("1.1.1.1",),
    "dns.google": ("8.8.8.8",),
    "www.cloudflare.com": ("104.16.123.96", "2606:4700::6810:7b60"),
    "www.google.com": ("142.250.185.68", "2a00:1450:4001:81c::2004"),
    "connectivitycheck.gstatic.com": ("142.250.185.99", "2a00:1450:4001:81c::2003"),
    "captive.apple.com": ("17.253.55.202",),
    "status.claude.com": ("99.84.91.17",),
    "example.com": ("93.184.215.14",),
    "platform.claude.com": ("45.33.91.10",),
    "claude.ai": ("45.33.91.11",),
    "claude.com": ("45.33.91.12",),
    "downloads.claude.ai": ("45.33.91.13",),
}

#: Public hosts that some scenarios send clients to: a relay, a parking page, a filter's block page.
RELAY_HOST = "relay.lab-gateway.net"
RELAY4 = "45.33.90.20"
PARKING4 = "45.33.90.66"
#: Where Cisco Umbrella (OpenDNS) sends names that it blocks.
UMBRELLA_BLOCK4 = "146.112.61.104"

CLIENT4, CLIENT6 = "10.20.0.50", "2a02:8071:20::50"
ROUTER_LAN4, ROUTER_LAN6 = "10.20.0.1", "2a02:8071:20::1"

OFFICE_RESOLVER = "10.30.0.53"
OFFICE_RESOLVER6 = "2a02:8071:30::53"
OFFICE_RESOLVER_2 = "10.30.0.54"
OFFICE_PROXY = "10.30.0.80"
OFFICE_GATEWAY = "10.30.0.90"
OFFICE_BLOCK_PAGE = "10.30.0.99"
#: In the office's subnet, with nobody behind it.
OFFICE_VACANT = "10.30.0.200"

PROXY_HOST = "proxy.corp.example"
GATEWAY_HOST = "llm.corp.example"

VALID_KEY = "sk-ant-api03-" + "L" * 86 + "-netlabAA"


def default_names() -> dict[str, tuple[str, ...]]:
    """What an honest resolver of the lab knows."""
    return {
        API_HOST: (API4, API6),
        **THIRD_PARTIES,
        RELAY_HOST: (RELAY4,),
        PROXY_HOST: (OFFICE_PROXY,),
        GATEWAY_HOST: (OFFICE_GATEWAY,),
    }
