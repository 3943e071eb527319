"""The name as the client asks for it, and what this machine is told to ask. Facts, in a client's order.

`getaddrinfo` has no limit and cannot be cancelled, so it runs on a daemon thread and is abandoned
when it overruns.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from claudecheck.clients.whole_number import whole_number
from claudecheck.failures import Failure
from claudecheck.machine import platform_facts, reading
from claudecheck.observations import Family, NameLookup, Purpose, ResolverConfig
from claudecheck.probes import side_by_side, system_errors
from claudecheck.probes.walk import Walk

#: glibc asks one silent nameserver twice for 5 s each. The synchronous client waits for that: its
#: connect timeout does not cover names.
LOOKUP_LIMIT_S = 11.0
#: When a family asked apart has its answer and the client's own call has not, a nameserver drops the
#: other family: glibc then comes back after 15 s (20 s behind a dead first nameserver), with success.
PATIENCE_S = 11.0

RESOLV_CONF = Path("/etc/resolv.conf")
_FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


class Address(NamedTuple):
    """One address to connect to. `text` is numeric, with the zone of a link-local one."""

    family: socket.AddressFamily
    text: str


def literal(host: str) -> Address | None:
    """The address that the host is written as, or None when it is a name."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    return Address(socket.AF_INET if version == 4 else socket.AF_INET6, host)


# -- the client's own call -------------------------------------------------------------------------


def lookup(
    walk: Walk, host: str, port: int, *, purpose: Purpose = "api", limit_s: float = LOOKUP_LIMIT_S
) -> list[Address]:
    """The addresses of a name in the order in which a synchronous client tries them; none when it failed.

    Records the client's own call (family "any"), and for the API also both families asked apart. A
    host written as an address is no lookup, and nothing is recorded for it.
    """
    known = literal(host)
    if known is not None:
        return [known]
    if walk.route.resolver != "system":
        return _by_nameserver(walk, host, purpose, limit_s)
    chosen = walk.route.family
    families: list[Family] = ["any", "ipv4", "ipv6"] if chosen == "any" and purpose == "api" else [chosen]
    started = walk.start()
    found: dict[str, list[Address]] = {}
    # The canonical name costs no question of its own, but the client does not ask for it.
    flags = [0 if family == chosen else socket.AI_CANONNAME for family in families]
    asked = side_by_side.Started([partial(_system, host, port, *pair) for pair in zip(families, flags, strict=True)])

    def collect(limit_s: float) -> None:
        for place, (seen, addresses) in asked.finished(walk.deadline.share(limit_s)):
            walk.record(msgspec.structs.replace(seen, purpose=purpose), started)
            found[families[place]] = addresses

    collect(limit_s)
    if chosen not in found and any(found.values()):
        collect(PATIENCE_S)
    waited_s = (walk.start() - started) / 1000
    for family in families:
        if family not in found:
            unanswered = NameLookup(
                name=host,
                family=family,
                purpose=purpose,
                failure=Failure.TIMED_OUT,
                error=f"no answer within {waited_s:.1f} s",
            )
            walk.record(unanswered, started)
    return found.get(chosen, [])


def _system(host: str, port: int, family: Family, flags: int) -> tuple[NameLookup, list[Address]]:
    seen = NameLookup(name=host, family=family)
    try:
        answers = socket.getaddrinfo(host, port, _FAMILIES[family], socket.SOCK_STREAM, 0, flags)
    except OSError as error:
        return msgspec.structs.replace(seen, failure=system_errors.failure_of(error), error=str(error)), []
    except (
        ValueError,
        OverflowError,
    ) as error:  # an empty label, say: no nameserver is asked
        return msgspec.structs.replace(seen, failure=Failure.NAME_NOT_FOUND, error=str(error)), []
    addresses = list(dict.fromkeys(Address(kind, _numeric(sockaddr)) for kind, _, _, _, sockaddr in answers))
    canonical = next((name for _, _, _, name, _ in answers if name), "")
    texts = [address.text for address in addresses]
    failure = None if texts else Failure.NO_ADDRESS
    return msgspec.structs.replace(seen, addresses=texts, canonical=canonical, failure=failure), addresses


def _numeric(sockaddr: Sequence[Any]) -> str:
    """The address of a sockaddr, which is (host, port) or (host, port, flow, zone)."""
    text, zone = str(sockaddr[0]), sockaddr[3] if len(sockaddr) == 4 else 0
    return f"{text}%{zone}" if zone and "%" not in text else text


# -- one nameserver instead of the system ----------------------------------------------------------


def _by_nameserver(walk: Walk, host: str, purpose: Purpose, limit_s: float) -> list[Address]:
    """The same question for one nameserver: both families over UDP, and over TCP where the answer was cut."""
    from claudecheck.probes.names import nameservers

    server = walk.route.resolver
    chosen = walk.route.family
    families: list[Family] = ["ipv4", "ipv6"] if chosen == "any" else [chosen]
    started = walk.start()

    step_s = min(limit_s / 2, nameservers.NAMESERVER_LIMIT_S)

    def ask(family: Family) -> NameLookup:
        first = nameservers.ask(walk, server, host, family, purpose=purpose, limit_s=step_s)
        if not first.truncated:
            return first
        return nameservers.ask(walk, server, host, family, transport="tcp", purpose=purpose, limit_s=step_s)

    jobs = [partial(ask, family) for family in families]
    answers = [seen for seen in side_by_side.run(jobs, walk.deadline.share(2 * step_s) + 1.0) if seen is not None]
    found = [address for seen in answers for text in seen.addresses if (address := literal(text)) is not None]
    ordered = _sorted(found)
    failed = None if ordered or not answers else answers[0]
    whole = NameLookup(
        name=host,
        via=server,
        family=chosen,
        purpose=purpose,
        addresses=[address.text for address in ordered],
        canonical=next((seen.canonical for seen in answers if seen.canonical), ""),
        failure=failed.failure if failed else None,
        rcode=failed.rcode if failed else "",
        error=failed.error if failed else "",
    )
    walk.record(whole, started)
    return ordered


def _sorted(addresses: Iterable[Address]) -> list[Address]:
    """As the C library would (RFC 6724, in short): what this machine has a route to first, IPv6 before IPv4."""
    return sorted(addresses, key=lambda address: (not _has_route(address), address.family != socket.AF_INET6))


def _has_route(address: Address) -> bool:
    """Asked by connecting a UDP socket, which sends nothing."""
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
            sock.connect((address.text, 443))
    except OSError:
        return False
    return True


# -- what this machine is told to ask --------------------------------------------------------------


def read_config(walk: Walk, host: str) -> ResolverConfig:
    """The nameservers and search domains of this machine, and what its hosts file says of the name."""
    started = walk.start()
    nameservers, search, ndots, source, error = _configured(host)
    seen = ResolverConfig(
        nameservers=nameservers,
        search=search,
        ndots=ndots,
        source=source,
        hosts_entries=_hosts_entries(host),
        failure=None if nameservers else Failure.NO_RESOLVER,
        error=error if not nameservers else "",
    )
    return walk.record(seen, started)


#: What the C library takes as the most (resolv.conf(5)). A hosts file that blocks advertisements holds megabytes.
_MOST_NDOTS, _LARGEST_HOSTS = 15, 16 * 1024 * 1024
Config = tuple[list[str], list[str], int, str, str]


def _resolv_conf(path: Path) -> Config:
    """resolv.conf(5) as the C library reads it: the last `domain` or `search` wins.

    Read here and not by dnspython, whose import takes longer than all of a healthy lookup.
    """
    nameservers: list[str] = []
    search: list[str] = []
    ndots = 1
    content = reading.content(path, reading.LARGEST_TEXT)
    if content is None:
        return [], [], ndots, str(path), f"{path} cannot be read"
    for line in content.decode("utf-8", "replace").splitlines():
        words = line.split("#")[0].split(";")[0].split()
        match words:
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["domain" | "search", *domains]:
                search = [domain for domain in domains if domain != "."]
            case ["options", *options]:
                for option in options:
                    name, _, value = option.partition(":")
                    if name == "ndots":
                        ndots = min(whole_number(value) or 0, _MOST_NDOTS) if value else ndots
            case _:
                pass
    return nameservers, search, ndots, str(path), f"{path} names no nameserver"


def _configured(host: str) -> Config:
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        nameservers, search = platform_facts.name_servers_on_macos(host)
        if nameservers:
            return nameservers, search, 1, "scutil --dns", ""
    return _resolv_conf(RESOLV_CONF)


def _windows() -> Config:
    """Windows keeps them in the registry, which dnspython can read."""
    import dns.exception
    import dns.resolver

    source = "the registry"
    try:
        found = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError) as error:
        return [], [], 1, source, str(error)
    search = [name.to_text(omit_final_dot=True) for name in found.search]
    return [str(server) for server in found.nameservers], search, 1, source, f"{source} names no nameserver"


def _hosts_file() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "drivers" / "etc" / "hosts"
    return Path("/etc/hosts")


def _hosts_entries(host: str) -> list[str]:
    wanted = host.rstrip(".").lower()
    entries: list[str] = []
    for line in reading.text(_hosts_file(), _LARGEST_HOSTS).splitlines():
        words = line.split("#")[0].split()
        if wanted in (word.rstrip(".").lower() for word in words[1:]):
            entries.append(words[0])
    return entries
