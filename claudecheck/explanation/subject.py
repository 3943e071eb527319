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
from itertools import islice

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
_BASE_URL = re.compile(
    r"(?i)(?:base_?url|api_?base|endpoint|[\"']?url)[\"']?\s*[=:]\s*[\"']?(?P<url>https?://(?:[^\s/@\"']*@)?"
    r"(?P<host>[\w-]+(?:\.[\w-]+)*)(?::(?P<port>\d{1,5}))?[^\s\"',)}]*)"
)
#: Pages that an error message recommends are no host that it is about.
_READING = re.compile(
    r"(?i)https?://(?:docs?\.|code\.claude\.com/docs|(?:www\.)?github\.com|curl\.se|status\.|support\.|help\.|aka\.ms|bun\.sh"
    r"|errors\.pydantic|(?:[\w-]+\.)*stackoverflow|developer\.mozilla|(?:www\.)?(?:anthropic|claude)\.com/(?:supported|pricing|legal)"
    r"|(?:console|platform)\.(?:anthropic|claude)\.com|docs\.)\S*"
)
_NAMES = re.compile(
    r"(?i)(?:cert(?:ificate)?'s altnames: |certificate is valid for |altnames: |subjectaltname[^:]*: \[?"
    r"|only valid for (?:dnsname\(\")?)(?P<names>[\w.*:, -]{3,300})"
)
_PORTAL = re.compile(r"(?i)portal|wi-?fi|hotspot|guest|captive|login\.|\bwlan\b|signin|hotel|inflight|onboard")
#: Every circumstance that is found by comparing, and by no signature.
FLAGS = frozenset(
    {
        *("at-proxy", "names-of-proxy", "names-of-portal", "own-host"),
        *("settings-file", "anthropic_foundry_resource", "provider-base-url"),  # of settings, see `Assignment.flags`
    }
)
_WHERE = ("host", "address", "proxy_host")


#: Variables of one kind, of which a text that names one means that one.
_CREDENTIALS = re.compile(
    r"(?i)\b(?:ANTHROPIC_API_KEY|ANTHROPIC_AUTH_TOKEN|CLAUDE_CODE_OAUTH_TOKEN|anthropic_api_key)\b"
)
_BASE_URLS = re.compile(r"\bANTHROPIC_(?:[A-Z]+_)?BASE_URL\b|\b[A-Z]+_(?:BASE_URL|API_BASE)\b")


@dataclass(frozen=True)
class Subject:
    """`values` fill the holes of the catalogue's texts; `flags` are circumstances; `variables` are those it names."""

    values: dict[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()

    def foreign(self, command: str) -> bool:
        """Whether a command is about a variable in whose place the text names another one."""
        for kind in (_CREDENTIALS, _BASE_URLS):
            named = {one for one in self.variables if kind.fullmatch(one)}
            spoken = set(kind.findall(command))
            if spoken and (named or (kind is _BASE_URLS and "own-host" in self.flags)) and not spoken & named:
                return True
        return False


@dataclass
class _Gathered:
    values: dict[str, str] = field(default_factory=dict)
    proxies: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    official: bool = False

    def read(self, line: str, signatures: Signatures) -> None:
        text = _READING.sub(" ", line)
        self.official = self.official or OFFICIAL_HOST in text.lower()
        for kind in (_CREDENTIALS, _BASE_URLS):
            self.variables |= {name.upper() for name in kind.findall(text)}
        for found in _PROXY_URL.finditer(text):
            self._proxy(found["host"], found["port"])
        self.names += [name for found in _NAMES.finditer(text) for name in _split(found["names"])]
        told = signatures.values_in(_PROXY_URL.sub(" ", text))
        if base := _BASE_URL.search(text):
            told = {
                "url": base["url"],
                "host": base["host"],
                **({"port": base["port"]} if base["port"] else {}),
                **told,
            }
        self.places |= {told[name].lower() for name in _WHERE if name in told}
        self.values = {**told, **self.values}

    def _proxy(self, host: str, port: str | None) -> None:
        self.proxies.add(host.strip("[]").lower())
        self.values.setdefault("proxy_host", host)
        self.values.setdefault("proxy", f"{host}:{port}" if port else host)
        if port:
            self.values.setdefault("proxy_port", port)


def subject(lines: Iterable[Line], signatures: Signatures) -> Subject:
    found = _Gathered()
    for line in islice(lines, MOST_LINES):
        found.read(line.text, signatures)
    flags = set(_compared(found.proxies, found.names, found.places))
    hosts = found.places - found.proxies
    if hosts and not found.official and not any(map(_official, hosts)):
        flags.add("own-host")
    if found.official and found.values.get("host", OFFICIAL_HOST).lower() == OFFICIAL_HOST:
        found.values["host"] = OFFICIAL_HOST
    credentials = [name for name in found.variables if _CREDENTIALS.fullmatch(name)]
    if len(credentials) == 1:
        found.values.setdefault("key_variable", credentials[0])
    return Subject(found.values, frozenset(flags), frozenset(found.variables))


def values_of(line: str, signatures: Signatures) -> dict[str, str]:
    """What a line alone names; the pages that it recommends and the proxies are no host that it is about."""
    return signatures.values_in(_PROXY_URL.sub(" ", _READING.sub(" ", line)))


def _official(host: str) -> bool:
    return host.endswith((".anthropic.com", ".claude.com")) or host.startswith(("160.79.10", "2607:6bc0"))


def _split(names: str) -> list[str]:
    return [name.strip().removeprefix("DNS:").rstrip(".").lower() for name in names.split(",")]


def _compared(proxies: set[str], names: list[str], places: set[str]) -> Iterable[str]:
    if places & (proxies - {"localhost", "127.0.0.1", "::1"}):  # other things listen on this machine, too
        yield "at-proxy"
    if any(fnmatchcase(proxy, name) for proxy in proxies for name in names):
        yield "names-of-proxy"
    elif any(_PORTAL.search(name) for name in names):
        yield "names-of-portal"
