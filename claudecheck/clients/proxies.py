"""Which proxy a Python client takes: `urllib.request.getproxies()` and the mounts of httpx. Pure.

The theory. The SDK reads the proxies once, when the client is built, and turns them into patterns:
"https://" for HTTPS_PROXY, "http://" for HTTP_PROXY, "all://" for ALL_PROXY, and one pattern without
a proxy for every entry of NO_PROXY. A request goes to the most specific pattern that matches its
URL. So everything that is set is parsed, used or not, and one bad entry keeps the client from being
built, even when the host would never have met it.

Sources: Python's urllib/request.py; `_utils/_httpx.py` of anthropic 0.75 to 2.12; `URLPattern` of
httpx 0.28.1 and httpx2 2.0 to 2.16.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from claudecheck.clients import urls
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Setting, Snapshot
from claudecheck.clients.urls import Url, UrlError, shown
from claudecheck.clients.whole_number import whole_number
from claudecheck.route import Endpoint, Proxy, Secret, proxy_scheme

SCHEMES = ("http", "https", "all")
SYSTEM = "the system's settings"
#: What httpcore connects to when the URL names no port.
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

Settings = Mapping[str, Setting]


def from_variables(variables: Mapping[str, str]) -> dict[str, Setting]:
    """The variables by scheme, as Python reads them.

    Lower case wins, also when it is empty: then there is no proxy at all. HTTP_PROXY in capitals is
    dropped where REQUEST_METHOD says that this is a CGI script (CVE-2016-1000110).
    """
    found: dict[str, Setting] = {}
    for name, value in variables.items():
        if value and name.lower().endswith("_proxy"):
            found[name.lower()[:-6]] = Setting(value, name)
    if "REQUEST_METHOD" in variables:
        found.pop("http", None)
    for name, value in variables.items():
        if name.endswith("_proxy"):
            found.pop(name.lower()[:-6], None)
            if value:
                found[name.lower()[:-6]] = Setting(value, name)
    return found


def read(snapshot: Snapshot) -> dict[str, Setting]:
    """Variables; where none at all is set (NO_PROXY counts), the settings of macOS or Windows."""
    found = from_variables(snapshot.variables)
    return found or {scheme: Setting(value, SYSTEM) for scheme, value in snapshot.system_proxies.items() if value}


# -- one proxy ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A value that keeps the client from being built, or that cannot mean what was meant."""

    code: str  # of the catalogue
    setting: Setting
    detail: str
    suggestion: str = ""


def parse(setting: Setting, sdk: Sdk, *, socks: bool) -> Proxy | Fault:
    text = setting.value if "://" in setting.value else f"http://{setting.value}"
    try:
        url = urls.parse(text)
    except UrlError as error:
        return Fault("proxy-url-invalid", setting, *_unreadable(setting.value, str(error)))
    scheme = proxy_scheme(url.scheme)
    if scheme not in _PORTS:
        return _unknown_scheme(setting, url.scheme)
    if url.scheme.startswith("socks5") and not socks:
        package = "httpx2[socks]" if sdk.generation else "httpx[socks]"
        return Fault(
            "proxy-scheme-unsupported",
            setting,
            f"is a SOCKS proxy, and the package socksio is not installed: pip install '{package}'",
        )
    if why := _misread(url):
        return Fault("proxy-url-invalid", setting, *_unreadable(setting.value, why))
    return Proxy(
        scheme=scheme,
        host=url.host,
        port=url.port or _PORTS[scheme],
        username=url.username,
        password=Secret(url.password),
        source=setting.source,
    )


def _unknown_scheme(setting: Setting, scheme: str) -> Fault:
    if not scheme or not re.fullmatch(r"[a-z]+\d?[a-z]?", scheme):
        return Fault("proxy-url-invalid", setting, *_unreadable(setting.value, "does not start with a scheme"))
    suggestion = ""
    if scheme.startswith("socks"):
        suggestion = "socks5h://" + shown(setting.value).partition("://")[2]
    return Fault("proxy-scheme-unsupported", setting, f"has the scheme {scheme}://, which this SDK refuses", suggestion)


def _misread(url: Url) -> str:
    """What the parser accepts and nobody can have meant."""
    if "@" in url.target or "@" in url.fragment:
        return "has a / ? or # before the @, so that the part before it is taken for the host"
    if url.host and (url.target.startswith("//") or url.host in ("http", "https")):
        return f"has a mistyped scheme: {url.host} is taken for the host"
    if not url.host:
        return "names no host"
    if re.search(r"[^\w.:-]", url.host):
        return "has characters in the host that no name can have"
    if url.port is not None and not 0 <= url.port <= 65535:
        return f"has the port {url.port}, which does not exist"
    return ""


def _unreadable(value: str, why: str) -> tuple[str, str]:
    """(detail, suggestion): the userinfo is never repeated, only how to write it."""
    cleaned = re.sub(r"[\s\"'`\u2018-\u201d\u200b-\u200d\ufeff]", "", value)
    before, at, host = cleaned.rpartition("@")
    host = re.sub(r"^[a-z0-9]+(?::/{0,2}|//)", "", host) if not at else host
    scheme = before.partition("://")[0] if "://" in before else cleaned.partition("://")[0] if "://" in cleaned else ""
    if not re.fullmatch(r"https?|socks5h?", scheme):
        scheme = "http"
    told = re.fullmatch(r"(?:\[[0-9a-f:]+\]|[\w.-]+)(?::([0-9]{1,5}))?/?", host)
    if told is None or int(told[1] or 0) > 65535:
        return why, ""
    if not at:
        return why, f"{scheme}://{host}"
    marks = [mark for mark in "/?#" if mark in before.partition("://")[2]]
    hint = "; write " + ", ".join(f"{mark} as %{ord(mark):02X}" for mark in marks) if marks else ""
    return why + hint, f"{scheme}://USER:PASSWORD@{host}"


# -- patterns ----------------------------------------------------------------------------------------


class Pattern:
    """One mount's key. Raises `UrlError` where the client raises."""

    def __init__(self, text: str, sdk: Sdk) -> None:
        url = urls.parse(text)
        if sdk.decodes_patterns and "xn--" in url.host and "*" in url.host:
            raise UrlError("has an encoded name behind a star")
        self.scheme = "" if url.scheme == "all" else url.scheme
        self.host = "" if url.host == "*" else url.shown_host
        self.port = url.port
        self.network = _network(url, text) if sdk.matches_networks else None

    def matches(self, url: Url) -> bool:
        if self.scheme not in ("", url.scheme) or self.port not in (None, url.port):
            return False
        if self.network is not None:
            try:
                return ipaddress.ip_address(url.host) in self.network
            except ValueError:
                return False
        host = url.shown_host
        if self.host.startswith("*."):
            return len(host) >= len(self.host) and host.endswith(self.host[1:])
        if self.host.startswith("*"):
            return host == self.host[1:] or host.endswith("." + self.host[1:])
        return self.host in ("", host)

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """Smaller is more specific: with a port, a host, a small network, a long host, a scheme."""
        kind = 1 if self.network is not None else 0 if self.host else 2
        size = self.network.num_addresses if self.network is not None else 0
        length = 0 if self.network is not None else len(self.host)
        return (int(self.port is None), kind, size, -length, -len(self.scheme))


def _network(url: Url, text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address with a path of digits is a network, with any other path an error."""
    prefix = url.path.removeprefix("/")
    if not prefix or not is_address(url.host):
        return None
    host = f"[{url.host}]" if ":" in url.host else url.host
    if "@" in text or "%" in text or whole_number(prefix, most=128) is None or not text.endswith(f"{host}/{prefix}"):
        raise UrlError("is not a network")
    try:
        return ipaddress.ip_network(f"{url.host}/{prefix}", strict=False)
    except ValueError as error:
        raise UrlError("is not a network") from error


def is_address(text: str) -> bool:
    """The SDK's test: what stands before the first slash is an address."""
    try:
        ipaddress.ip_address(text.split("/", maxsplit=1)[0])
    except ValueError:
        return False
    return True


def entries(no_proxy: str) -> list[str]:
    return [entry.strip() for entry in no_proxy.split(",") if entry.strip()]


def pattern_of(entry: str) -> str:
    """The mount that the SDK makes of an entry of NO_PROXY."""
    if "://" in entry:
        return entry
    if is_address(entry):
        return f"all://[{entry}]" if ":" in entry.partition("/")[0] else f"all://{entry}"
    return f"all://{entry}" if entry.lower() == "localhost" else f"all://*{entry}"


def unreadable_entry(entry: str, sdk: Sdk) -> bool:
    """Does the client raise for this entry when it is built?"""
    try:
        Pattern(pattern_of(entry), sdk)
    except UrlError:
        return True
    return False


# -- the choice --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """What the client does for one URL. `setting` is the proxy's that the matching pattern names."""

    setting: Setting | None = None
    bypassed_by: str = ""  # the NO_PROXY entry that matched
    bypassed: Setting | None = None  # what would have been used without it
    settings: Settings = field(default_factory=dict)


def choose(settings: Settings, endpoint: Endpoint, sdk: Sdk) -> Choice:
    url = urls.parse(endpoint.url)
    proxied = {f"{scheme}://": settings[scheme] for scheme in SCHEMES if scheme in settings}
    listed = entries(settings["no"].value) if "no" in settings else []
    without = _most_specific({pattern: (setting, "") for pattern, setting in proxied.items()}, url, sdk)
    if "*" in listed:
        return Choice(None, "*", without[0], settings)
    mounts: dict[str, tuple[Setting | None, str]] = {pattern: (setting, "") for pattern, setting in proxied.items()}
    for entry in listed:
        mounts[pattern_of(entry)] = (None, entry)
    setting, entry = _most_specific(mounts, url, sdk)
    return Choice(setting, entry, without[0] if entry else None, settings)


def _most_specific(mounts: Mapping[str, tuple[Setting | None, str]], url: Url, sdk: Sdk) -> tuple[Setting | None, str]:
    ranked: list[tuple[Pattern, tuple[Setting | None, str]]] = []
    for text, target in mounts.items():
        try:
            ranked.append((Pattern(text, sdk), target))
        except UrlError:
            continue  # the client is never built: a concern of its own
    ranked.sort(key=lambda mount: mount[0].rank)
    return next((target for pattern, target in ranked if pattern.matches(url)), (None, ""))
