"""What macOS's `scutil` prints, read: `--proxy` and `--dns`. Pure; nobody of us has run it, see tests/recordings/.

/etc/resolv.conf is written there as a courtesy and tells one resolver; a VPN registers others, for some domains or for
all, and only `scutil --dns` shows them (the client's own lookup goes by them).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SCOPED = "DNS configuration (for scoped queries)"
_LAST = 1_000_000_000


def proxy_script(told: str) -> str:
    """The URL of the system's PAC file, from `scutil --proxy`; empty when it is off or not set."""
    found = re.search(r"ProxyAutoConfigURLString\s*:\s*(\S+)", told)
    return found[1] if found and re.search(r"ProxyAutoConfigEnable\s*:\s*1\b", told) else ""


class Resolver(NamedTuple):
    """One block. `domain` is empty for all names; the lowest `order` is asked first."""

    domain: str
    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    order: int
    multicast: bool


def resolvers(told: str) -> list[Resolver]:
    """The resolvers of `scutil --dns` that a lookup without a given interface may use."""
    blocks = re.split(r"^resolver #\d+$", told.partition(_SCOPED)[0], flags=re.MULTILINE)[1:]
    return [_resolver(block) for block in blocks]


def _resolver(block: str) -> Resolver:
    values: dict[str, list[str]] = {}
    for name, value in re.findall(r"^\s+([a-z_ ]+?)(?:\[\d+\])?\s*: (.*?)\s*$", block, flags=re.MULTILINE):
        values.setdefault(name, []).append(value)
    order = values.get("order", [""])[0]
    return Resolver(
        domain=values.get("domain", [""])[0].lower().rstrip("."),
        nameservers=tuple(value.partition("%")[0] for value in values.get("nameserver", [])),
        search=tuple(values.get("search domain", [])),
        order=int(order) if order.isascii() and order.isdigit() and len(order) < 10 else _LAST,
        multicast="mdns" in values.get("options", []),
    )


def asked_for(host: str, told: str) -> tuple[list[str], list[str]]:
    """(nameservers, search domains) for a host: the longest domain that it lies in wins, then the lowest order."""
    name = host.lower().rstrip(".")
    fitting = [one for one in resolvers(told) if one.nameservers and not one.multicast and _lies_in(name, one.domain)]
    if not fitting:
        return [], []
    longest = max(len(one.domain) for one in fitting)
    chosen = min((one for one in fitting if len(one.domain) == longest), key=lambda one: one.order)
    search = next((one.search for one in resolvers(told) if one.search), ())
    return list(chosen.nameservers), list(search)


def _lies_in(name: str, domain: str) -> bool:
    return not domain or name == domain or name.endswith(f".{domain}")
