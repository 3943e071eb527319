"""Names of hosts and users that are not public, replaced by stable pseudonyms: the same in every text.

Names only: addresses, and what a company calls its products, stay.
"""

from __future__ import annotations

import hashlib
import re

from msgspec.structs import replace

from claudecheck.diagnosis import addresses
from claudecheck.observations import HttpExchange, NameLookup, ResolverConfig, TlsHandshake, Tunnel
from claudecheck.report import Report

#: Hosts whose names tell nothing of whoever sends the text.
PUBLIC = (
    "anthropic.com", "claude.com", "claude.ai", "cloudflare.com", "cloudflare-dns.com", "google.com", "gstatic.com",
    "apple.com", "example.com",
)  # fmt: skip
_USER = re.compile(r"(/home/|/Users/|\\Users\\)([^/\\\s\"'`:]+)")
_HOST_OF_URL = re.compile(r"[a-z][a-z0-9+.-]*://([^/\s:\"'<>\[\]]+)", re.IGNORECASE)


def with_pseudonyms(text: str, report: Report) -> str:
    """The text without the names of hosts and users that are not public."""
    for name in sorted(_hosts(report), key=len, reverse=True):
        text = re.sub(rf"(?i)(?<![\w.-]){re.escape(name)}(?![\w-])", _pseudonym("host", name), text)
    return _USER.sub(lambda found: found[1] + _pseudonym("user", found[2]), text)


def all_public(report: Report) -> bool:
    """Nothing in it has to be replaced: its certificates, too, may be handed on as they are."""
    return not _hosts(report)


def without_certificates(report: Report) -> Report:
    """A certificate as PEM cannot be given other names."""
    seen = [
        replace(one, chain=[replace(certificate, pem="") for certificate in one.chain])
        if isinstance(one, TlsHandshake)
        else one
        for one in report.observations
    ]
    return replace(report, observations=seen)


def _hosts(report: Report) -> set[str]:
    named = {report.route.host, report.route.proxy_host, report.label}
    for seen in report.observations:
        match seen:
            case NameLookup():
                named |= {seen.name, seen.canonical}
            case ResolverConfig():
                named |= set(seen.search)
            case Tunnel():
                named |= {seen.target.rpartition(":")[0], *_HOST_OF_URL.findall(seen.proxy)}
            case HttpExchange():
                named |= set(_HOST_OF_URL.findall(f"{seen.url} {seen.location}"))
            case TlsHandshake():
                names = [name for one in seen.chain for name in one.names]
                named |= {seen.server_name, *(name.removeprefix("*.") for name in names)}
            case _:
                pass
    known = {name.strip("[]").rstrip(".").lower() for name in named}
    return {name for name in known if _tells(name) or (name and name == report.label.lower())}


def _tells(name: str) -> bool:
    """A name of somebody's own: with a dot, no address, below no public one."""
    public = any(name == known or name.endswith(f".{known}") for known in PUBLIC)
    return "." in name and addresses.parse(name) is None and not public


def _pseudonym(kind: str, name: str) -> str:
    """Stable, and not to be turned back by whoever reads one packet."""
    return f"{kind}-{hashlib.sha256(name.lower().encode()).hexdigest()[:8]}"
