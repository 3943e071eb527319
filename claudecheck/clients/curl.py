"""What curl would do in this environment with the request of the API's documentation. Pure.

The theory. curl reads no variable of the API: address, key and headers are what somebody types. The
documentation's example is assumed, with the address of ANTHROPIC_BASE_URL in it. What curl does read
are proxies and authorities; an empty variable counts as unset. A `.curlrc` is not looked at.

Sources: curl's lib/url.c, lib/noproxy.c and src/tool_operate.c, and curl 7.88.1 as it runs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from claudecheck.clients import base_url, node, proxies, trust, urls, variables
from claudecheck.clients.client import CaVariable, Client, Command
from claudecheck.clients.credentials import API_KEY, AUTH_TOKEN
from claudecheck.clients.snapshot import Setting, Snapshot
from claudecheck.clients.typescript_sdk import known_proxy, static
from claudecheck.clients.urls import shown
from claudecheck.clients.versions import release
from claudecheck.clients.whole_number import whole_number
from claudecheck.observations import Concern, Interpreter, ProxyDetection, ProxyScheme
from claudecheck.route import Credential, Endpoint, Plan, Proxy, Route, Secret, Trust, proxy_scheme

BUNDLE = "CURL_CA_BUNDLE"
_NAMES = {
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),  # HTTP_PROXY never: a web server may have made it
}
_PORTS: dict[ProxyScheme, int] = {
    "https": 443,
    "http": 1080,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}
#: Up to three slashes are forgiven. The user ends at the first @, and a second one has no place in a host.
_URL = re.compile(r"(?:(\w+):/{1,3})?(?:([^@/?#]*)@)?(\[[^\]]+\]|[^:/?#@]+)(?::(\d+))?(?:[/?#].*)?")


@dataclass(frozen=True)
class Choice:
    proxy: Proxy | None = None
    bypassed_by: str = ""
    unused: Setting | None = None
    fault: Concern | None = None


def plan(snapshot: Snapshot, interpreter: Interpreter | None = None) -> Plan:  # noqa: ARG001  # one form for all clients
    base = base_url.parse(snapshot.get(base_url.VARIABLE), base_url.VARIABLE) if _has_base(snapshot) else None
    endpoint = (base.endpoint if base else None) or Endpoint()
    choice = choose(snapshot, endpoint)
    unused = known_proxy(choice.unused)
    program = snapshot.programs.get("curl")
    version = program.version if program else ""
    route = Route(
        client="curl",
        client_version=version,
        endpoint=endpoint,
        credential=_credential(snapshot),
        api_version="2023-06-01",
        user_agent=f"curl/{version}".rstrip("/"),
        proxy=choice.proxy,
        bypassed_by=choice.bypassed_by,
        known_proxy=unused,
        trust=trusted(snapshot),
    )
    return Plan(
        route=route,
        concerns=tuple(_concerns(snapshot, choice, endpoint)),
        detection=ProxyDetection(
            used=choice.proxy.shown if choice.proxy else "",
            source=choice.proxy.source if choice.proxy else "",
            system=unused.shown if unused else "",
            system_source=unused.source if unused else "",
            pac=urls.shown(snapshot.pac),
        ),
    )


def _has_base(snapshot: Snapshot) -> bool:
    return bool(snapshot.get(base_url.VARIABLE).strip())


def _credential(snapshot: Snapshot) -> Credential:
    if key := snapshot.get(API_KEY):
        return static("api-key", API_KEY, key, "x-api-key")
    if token := snapshot.get(AUTH_TOKEN):
        return static("auth-token", AUTH_TOKEN, token, "authorization")
    return Credential(header="x-api-key")


# -- proxies -----------------------------------------------------------------------------------------


def choose(snapshot: Snapshot, endpoint: Endpoint) -> Choice:
    setting = _first(snapshot, _NAMES[endpoint.scheme])
    if setting is None:
        other = _first(snapshot, ("http_proxy", "HTTP_PROXY"))
        return Choice(unused=other)
    if entry := bypass(snapshot, endpoint):
        return Choice(bypassed_by=entry, unused=setting)
    proxy = parse(setting)
    return Choice(proxy=proxy) if isinstance(proxy, Proxy) else Choice(unused=setting, fault=proxy)


def _first(snapshot: Snapshot, names: tuple[str, ...]) -> Setting | None:
    return next((Setting(snapshot.get(name), name) for name in names if snapshot.get(name)), None)


def parse(setting: Setting) -> Proxy | Concern:
    told = _URL.fullmatch(setting.value)
    scheme = (told[1] or "http").lower() if told else ""
    if told is None or whole_number(told[4] or "0", most=65535) is None:
        return _refused("proxy-url-invalid", setting, "is not a URL that curl can read")
    if told[1] is None and re.match(r"\w+//|https?:?/", setting.value):
        return _refused("proxy-url-invalid", setting, f"has a mistyped scheme: {told[3]} is taken for the host")
    if scheme == "socks":
        scheme = "socks4"
    spoken = proxy_scheme(scheme)
    if spoken is None:
        return _refused("proxy-scheme-unsupported", setting, f"has the scheme {scheme}://, which curl refuses")
    user, _, password = (told[2] or "").partition(":")
    return Proxy(
        scheme=spoken,
        host=told[3].strip("[]").lower(),
        port=int(told[4]) if told[4] else _PORTS[spoken],
        username=unquote(user),
        password=Secret(unquote(password)),
        source=setting.source,
    )


def _refused(kind: str, setting: Setting, detail: str) -> Concern:
    values = {"variable": setting.source, "proxy_variable": setting.source, "value": shown(setting.value)}
    return Concern(kind=kind, subject=setting.source, detail=detail, values=values, stops_client=True)


def bypass(snapshot: Snapshot, endpoint: Endpoint) -> str:
    """The entry that takes the host off the proxy: a domain covers its subdomains, a network its addresses."""
    listed = snapshot.get("no_proxy") or snapshot.get("NO_PROXY")
    if listed == "*":
        return "*"
    host = endpoint.host.lower().removesuffix(".")
    by_number = ":" not in host or _matches_ipv6_networks(snapshot)
    return next((entry for entry in listed.replace(",", " ").split() if _covers(entry, host, by_number=by_number)), "")


def _matches_ipv6_networks(snapshot: Snapshot) -> bool:
    """7.88 takes an IPv6 address for a name, so that no network covers it; curl's pull request 19828 mends that."""
    version = _version(snapshot)
    return version is None or version >= (8, 18)


def _covers(entry: str, host: str, *, by_number: bool) -> bool:
    """`by_number`: an address is compared as an address, and may lie in a network."""
    if not (by_number and proxies.is_address(host)):
        name = entry.lower().removeprefix(".").removesuffix(".")
        return bool(name) and (host == name or host.endswith("." + name))
    if entry.startswith("["):
        return False  # Seen in 7.88: it compares with the brackets, and no address has them.
    written = re.sub(r"/0*$", "", entry)  # curl reads /0 as the one address
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(written, strict=False)
    except ValueError:
        return False


# -- authorities -------------------------------------------------------------------------------------


def trusted(snapshot: Snapshot) -> Trust:
    """CURL_CA_BUNDLE alone, else SSL_CERT_DIR, and SSL_CERT_FILE where that is not set.

    Each takes the place of its own half. Debian and Ubuntu build curl with the system's folder, which so
    stays beside any file; elsewhere there is only a file.
    """
    own = _compiled_folder(snapshot)
    if bundle := snapshot.get(BUNDLE):
        return Trust("file", cafile=bundle, capath=own, source=BUNDLE)
    file, folder = snapshot.get(trust.FILE), snapshot.get(trust.DIRECTORY)
    if folder and not (file and _reads_both(snapshot)):
        source = f"the system's store and {trust.DIRECTORY}"
        return Trust("os", cafile=snapshot.system_store, capath=folder, source=source)
    if file and folder:
        return Trust("os", cafile=file, capath=folder, source=f"{trust.FILE} and {trust.DIRECTORY}")
    if file:
        return Trust("file", cafile=file, capath=own, source=trust.FILE)
    return replace(node.system_trust(snapshot, "the system's store"), capath=own)


def _compiled_folder(snapshot: Snapshot) -> str:
    """Seen with Debian's 7.88: a root that lies in the folder is trusted whatever file is named."""
    debian = any(name in snapshot.os_release.lower() for name in ("debian", "ubuntu"))
    return node.system_folder(snapshot) if debian else ""


def _reads_both(snapshot: Snapshot) -> bool:
    """7.88 leaves SSL_CERT_FILE alone when SSL_CERT_DIR is set, the current source does not.

    The release between them that changed it was not looked for.
    """
    version = _version(snapshot)
    return version is None or version >= (8, 11)


def _version(snapshot: Snapshot) -> tuple[int, ...] | None:
    program = snapshot.programs.get("curl")
    return (release(program.version) or None) if program else None


# -- what can be wrong -------------------------------------------------------------------------------


def _concerns(snapshot: Snapshot, choice: Choice, endpoint: Endpoint) -> Iterator[Concern]:
    if choice.fault:
        yield choice.fault
    if _credential(snapshot).sort == "none":
        told = f"neither {API_KEY} nor {AUTH_TOKEN} is set, so there is nothing to send"
        yield Concern(kind="key-missing", subject=API_KEY, detail=told, values={"key_variable": API_KEY})
    if choice.unused and not choice.fault and not choice.bypassed_by:
        setting = choice.unused
        yield Concern(
            kind="proxy-variables-conflict",
            subject=setting.source,
            detail=f"only {setting.source} is set, not used by curl for {endpoint.scheme}://",
            outcome="it connects directly",
            values={"variable": setting.source, "proxy_variable": "https_proxy", "value": shown(setting.value)},
        )
    ignored = snapshot.get(trust.DIRECTORY) and not _reads_both(snapshot)
    bundle = BUNDLE if snapshot.get(BUNDLE) or ignored else trust.FILE
    fact = snapshot.file(snapshot.get(bundle))
    if snapshot.get(bundle) and endpoint.scheme == "https" and (fact.authorities is None or fact.authorities.error):
        missing = not fact.exists
        told = "names a file that does not exist" if missing else "names no file with PEM certificates"
        yield Concern(
            kind="ca-file-missing" if missing else "ca-file-invalid",
            subject=bundle,
            detail=f"{told}: {fact.path}",
            values={"variable": bundle, "value": fact.path, "file": fact.path, "cafile": fact.path},
            facts=trust.form_of(fact),
            stops_client=True,
        )
    yield from node.ignored_authorities(snapshot, (BUNDLE, trust.FILE), "curl's store", BUNDLE)


# -- as one of the clients ---------------------------------------------------------------------------


def _unread(snapshot: Snapshot) -> dict[str, str]:
    found = variables.each((*variables.EXTRA, *variables.REQUESTS), f"name the file in {BUNDLE} or --cacert")
    if snapshot.get(BUNDLE):
        found |= variables.each(variables.SYSTEM_CA, f"unset {BUNDLE}, which comes first")
    found |= variables.each(variables.HTTP[:1], "its name in lower case; in capitals curl never reads it")
    if base_url.is_plain(snapshot):
        return found | variables.each(variables.HTTPS, "http_proxy; this one counts for https:// only")
    return found | variables.each(variables.HTTP[1:], "https_proxy; this one counts for http:// only")


CLIENT = Client(
    name="curl",
    title="curl",
    plan=plan,
    found_by=Command("curl"),
    ca=CaVariable(BUNDLE),
    unread=_unread,
    files=trust.files,
    sends_own_credential=False,
    # Since 7.68 curl sets X509_V_FLAG_PARTIAL_CHAIN; Node and Python before 3.13 do not.
    partial_chains=True,
    sender="claudecheck.probes.senders.curl_program:find",
)
