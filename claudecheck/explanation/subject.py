"""What a text is about: the host, proxy, variable and file that it names. Knows no judgement.

The same words mean two things: a refusal at the address that HTTPS_PROXY names is the proxy's, and a
certificate whose names are the proxy's own was shown by the proxy. So what the whole text names is read
first, and what follows from comparing it stands beside every error as a circumstance (`flags`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from claudecheck.explanation.lines import Line
from claudecheck.explanation.signatures import Signatures
from claudecheck.route import OFFICIAL_HOST

#: A text is read so far for what it names; a log of gigabytes names something else every second.
MOST_LINES = 1000

_PROXY_URL = re.compile(
    r"(?i)(?:(?:https?|all|socks)_proxy[\"']?\s*[=:]\s*[\"']?|--proxy[= ]|(?:^|\s)-x |via (?:the )?proxy "
    r"|proxy(?:[_ ]?(?:url|server))?[\"']?\s*[=:]\s*[\"']?|proxyconnect tcp: dial tcp (?:lookup )?)"
    r"(?:[a-z][a-z0-9+.-]*://)?(?:[^\s/@\"']*@)?(?P<host>\[[0-9a-fA-F:]+\]|[\w-]+(?:\.[\w-]+)*)"
    r"(?::(?P<port>\d{1,5}))?(?![\w.(-])"
)
#: Pages that an error message recommends are no host that it is about.
_READING = re.compile(
    r"(?i)https?://(?:docs?\.|code\.claude\.com/docs|(?:www\.)?github\.com|curl\.se|status\.|support\.|help\.|aka\.ms|bun\.sh"
    r"|errors\.pydantic|(?:[\w-]+\.)*stackoverflow|developer\.mozilla|(?:www\.)?(?:anthropic|claude)\.com/(?:supported|pricing|legal)"
    r"|(?:console|platform)\.(?:anthropic|claude)\.com|docs\.)\S*"
)
_NAMES = re.compile(
    r"(?i)(?:cert(?:ificate)?'s altnames: |certificate is valid for |altnames: |subjectaltname[^:]*: )"
    r"(?P<names>[\w.*:, -]{3,300})"
)
_PORTAL = re.compile(r"(?i)portal|wi-?fi|hotspot|guest|captive|login\.|\bwlan\b|signin|hotel|inflight|onboard")
#: Every circumstance that comparing can find.
FLAGS = frozenset({"at-proxy", "names-of-proxy", "names-of-portal"})
_WHERE = ("host", "address", "proxy_host")


@dataclass(frozen=True)
class Subject:
    """`values` fill the holes of the catalogue's texts; `flags` are circumstances."""

    values: dict[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()


def subject(lines: Iterable[Line], signatures: Signatures) -> Subject:
    values: dict[str, str] = {}
    proxies: set[str] = set()
    names: list[str] = []
    places: set[str] = set()
    official = False
    for number, line in enumerate(lines):
        if number >= MOST_LINES:
            break
        text = _READING.sub(" ", line.text)
        official = official or OFFICIAL_HOST in text.lower()
        proxies |= {found["host"].strip("[]").lower() for found in _PROXY_URL.finditer(text)}
        names += [name for found in _NAMES.finditer(text) for name in _split(found["names"])]
        told = signatures.values_in(text)
        places |= {told[name].lower() for name in _WHERE if name in told}
        values = {**told, **values}
    flags = set(_compared(proxies, names, places))
    if official and values.get("host", OFFICIAL_HOST).lower() == OFFICIAL_HOST:
        values["host"] = OFFICIAL_HOST
    return Subject(values, frozenset(flags))


def _split(names: str) -> list[str]:
    return [name.strip().removeprefix("DNS:").rstrip(".").lower() for name in names.split(",")]


def _compared(proxies: set[str], names: list[str], places: set[str]) -> Iterable[str]:
    if places & (proxies - {"localhost", "127.0.0.1", "::1"}):  # other things listen on this machine, too
        yield "at-proxy"
    if any(fnmatchcase(proxy, name) for proxy in proxies for name in names):
        yield "names-of-proxy"
    elif any(_PORTAL.search(name) for name in names):
        yield "names-of-portal"
