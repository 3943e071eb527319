"""What an address says by itself: whether it is one of the API's, or one that no public name has. Pure."""

from __future__ import annotations

import ipaddress

#: Where api.anthropic.com is served from (the vendor's page on IP addresses, copy of 2026-08-22).
API_RANGES = (ipaddress.ip_network("160.79.104.0/23"), ipaddress.ip_network("2607:6bc0::/48"))
#: What VPN clients with "fake IP" resolvers hand out (RFC 2544's benchmarking range).
FAKE_IP_RANGE = ipaddress.ip_network("198.18.0.0/15")
CGNAT_RANGE = ipaddress.ip_network("100.64.0.0/10")
#: NAT64's well-known prefix: an IPv6-only network reaches IPv4 hosts through it (RFC 6052).
NAT64_PREFIX = ipaddress.ip_network("64:ff9b::/96")

#: Where filters lead the names that they block: Cisco Umbrella, FortiGuard, Palo Alto Networks.
BLOCK_PAGES = (
    ipaddress.ip_network("146.112.61.104/29"),
    ipaddress.ip_network("208.91.112.52/30"),
    ipaddress.ip_network("72.5.65.111/32"),
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """The IPv4 address inside a mapped or NAT64 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64_PREFIX:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_api(text: str) -> bool:
    """In the ranges that the vendor publishes for the API."""
    address = parse(text)
    return address is not None and any(
        _plain(address) in network for network in API_RANGES if network.version == _plain(address).version
    )


def is_ipv6(text: str) -> bool:
    return isinstance(parse(text), ipaddress.IPv6Address)


def is_loopback(text: str) -> bool:
    address = parse(text)
    return address is not None and address.is_loopback


def is_fake(text: str) -> bool:
    address = parse(text)
    return address is not None and _plain(address) in FAKE_IP_RANGE


def is_nowhere(text: str) -> bool:
    """An address that leads to nobody, or back to this machine."""
    address = parse(text)
    return address is not None and (address.is_unspecified or address.is_loopback)


def is_block_page(text: str) -> bool:
    """A public address that a known filter answers with."""
    address = parse(text)
    return address is not None and any(
        address in network for network in BLOCK_PAGES if network.version == address.version
    )


def is_private(text: str) -> bool:
    """Of this machine or of a network of one's own: nothing that is sent there crosses the internet."""
    address = parse(text)
    return address is not None and (address.is_private or address.is_loopback or address.is_link_local)


def is_sinkhole(text: str) -> bool:
    """An address that a public name never has: this machine's, nobody's, or a private one.

    The fake-IP range is not counted: a VPN client that hands it out also carries it.
    """
    address = parse(text)
    if address is None or is_fake(text):
        return False
    plain = _plain(address)
    return (
        plain.is_unspecified
        or plain.is_loopback
        or plain.is_private
        or plain.is_link_local
        or (isinstance(plain, ipaddress.IPv4Address) and plain in CGNAT_RANGE)
    )
