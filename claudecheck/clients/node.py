"""What every program on Node shares: which proxy `fetch` takes and which authorities Node believes. Pure.

The theory. `fetch` reads no proxy variable, unless NODE_USE_ENV_PROXY=1 or --use-env-proxy says so. Then
it reads them as its library undici does: lower case before upper, HTTP_PROXY for https too where no
HTTPS_PROXY is set, ALL_PROXY never. Everything that is set is parsed when Node starts, and a value that
cannot be a proxy keeps it from starting.

Node trusts the roots that it brings along, plus NODE_EXTRA_CA_CERTS. SSL_CERT_FILE and SSL_CERT_DIR
count only with --use-openssl-ca, which then drops its own roots, and with --use-system-ca.

Sources: lib/internal/process/pre_execution.js and undici's EnvHttpProxyAgent and ProxyAgent in Node
20.20, 22.23, 24.21 and 26.10; "Command-line API" of Node's documentation for the first versions.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from claudecheck.clients import trust
from claudecheck.clients.ca_files import HASHED_FOLDER
from claudecheck.clients.client import CaVariable
from claudecheck.clients.proxies import is_address
from claudecheck.clients.snapshot import FileFact, Setting, Snapshot
from claudecheck.clients.urls import shown
from claudecheck.clients.versions import release
from claudecheck.clients.whole_number import whole_number
from claudecheck.observations import Concern
from claudecheck.route import Endpoint, Proxy, Secret, Trust

EXTRA = "NODE_EXTRA_CA_CERTS"
CA = CaVariable(EXTRA, adds=True)
ENV_PROXY = "NODE_USE_ENV_PROXY"
OPTIONS = "NODE_OPTIONS"
BUNDLED = "Node's own roots"
SYSTEM = "the system's store"
_NAMES = {"https": ("https_proxy", "HTTPS_PROXY"), "http": ("http_proxy", "HTTP_PROXY")}
#: Without an installed Node, the one that is current.
_CURRENT = (24, 0, 0)


@dataclass(frozen=True)
class Node:
    """The installed one, by its version. The thresholds are those of Node's documentation."""

    version: tuple[int, ...] = _CURRENT

    @classmethod
    def of(cls, snapshot: Snapshot) -> Node:
        program = snapshot.programs.get("node")
        version = release(program.version) if program else ()
        return cls(version) if len(version) > 2 else cls()

    @property
    def reads_env_proxy(self) -> bool:
        return self._since((22, 21), (24, 0))

    @property
    def knows_env_proxy_option(self) -> bool:
        return self._since((22, 21), (24, 5))

    @property
    def knows_system_ca_option(self) -> bool:
        return self._since((22, 15), (23, 8))

    @property
    def reads_system_ca_variable(self) -> bool:
        return self._since((22, 19), (24, 6))

    @property
    def speaks_socks(self) -> bool:
        """Seen in 24.21 and 26.10, not in 22.23; the first version with it was not looked for."""
        return self.version >= (24, 21)

    @property
    def bare_names_cover_subdomains(self) -> bool:
        """In NO_PROXY. With undici 6, in Node 22, only a leading dot or star does that."""
        return self.version >= (24,)

    @property
    def understands_ipv6_entries(self) -> bool:
        """Seen in 26.10 and not in 24.21: `::1` and `[::1]` in NO_PROXY."""
        return self.version >= (26,)

    @property
    def takes_a_star_among_others(self) -> bool:
        """In NO_PROXY, as in "localhost,*". Seen in 26.12 and not in 26.10; 24.22 does not."""
        return self.version >= (26, 11)

    @property
    def logs_in_without_password(self) -> bool:
        """Seen in 26.10 and not in 24.21: a user alone is sent to the proxy. Before, none was."""
        return self.version >= (26,)

    @property
    def names_its_proxy(self) -> bool:
        """Seen in 26.10 and not in 24.21: TLS to an https:// proxy that is written as an address is refused."""
        return self.version >= (26,)

    def _since(self, backported: tuple[int, int], first: tuple[int, int]) -> bool:
        """From a release of line 22 on there, and from `first` on everywhere."""
        return self.version >= first or (self.version[0] == 22 and self.version >= backported)


def options(snapshot: Snapshot) -> set[str]:
    try:
        return set(shlex.split(snapshot.get(OPTIONS)))
    except ValueError:
        return set(snapshot.get(OPTIONS).split())


# -- proxies -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """`fault` is what keeps Node from starting; `why` says in a few words why the connection is direct."""

    proxy: Proxy | None = None
    bypassed_by: str = ""
    unused: Setting | None = None  # a proxy that is set and does not count, or that NO_PROXY switches off
    why: str = ""
    fault: Concern | None = None


def choose(snapshot: Snapshot, endpoint: Endpoint, node: Node) -> Choice:
    stated = _stated(snapshot)
    first = next(iter(stated.values()), None)
    if fault := _unknown_option(snapshot, node):
        return Choice(unused=first, why="Node does not start", fault=fault)
    if not enabled(snapshot, node):
        return Choice(unused=first or all_proxy(snapshot), why=_switch(node) if first or all_proxy(snapshot) else _NONE)
    for setting in dict.fromkeys(stated.values()):
        if isinstance(faulty := parse(setting, node), Concern):
            return Choice(unused=setting, why="Node does not start", fault=faulty)
    wanted = stated.get("http") if endpoint.scheme == "http" else stated.get("https") or stated.get("http")
    if wanted is None:
        why = "Node does not read ALL_PROXY" if all_proxy(snapshot) else _NONE
        return Choice(unused=first or all_proxy(snapshot), why=why)
    if entry := bypass(snapshot, endpoint, node):
        return Choice(bypassed_by=entry, unused=wanted)
    proxy = parse(wanted, node)
    if isinstance(proxy, Proxy) and proxy.scheme == "https" and is_address(proxy.host) and node.names_its_proxy:
        detail = (
            f"is an https:// proxy without a name: Node {node.version[0]} asks for its certificate by name and fails"
        )
        return Choice(unused=wanted, why="fetch fails", fault=_concern("proxy-url-invalid", wanted, detail))
    if not isinstance(proxy, Proxy):
        return Choice()
    whole = bool(proxy.username and proxy.password) or node.logs_in_without_password
    return Choice(proxy=proxy if whole else proxy.without_credentials())


_NONE = "no proxy variable is set"


def _switch(node: Node) -> str:
    if node.reads_env_proxy:
        return f"fetch reads no proxy variable without {ENV_PROXY}=1"
    return f"fetch of Node {node.version[0]} reads no proxy variable"


def needed(node: Node) -> str:
    """What makes `fetch` read the proxy variables."""
    return f"{ENV_PROXY}=1" + ("" if node.reads_env_proxy else " and Node 22.21, 24 or later")


def enabled(snapshot: Snapshot, node: Node) -> bool:
    if "--use-env-proxy" in options(snapshot) and node.knows_env_proxy_option:
        return True
    return snapshot.get(ENV_PROXY) == "1" and node.reads_env_proxy


def _unknown_option(snapshot: Snapshot, node: Node) -> Concern | None:
    asked = options(snapshot)
    for option, known, kind in (
        ("--use-env-proxy", node.knows_env_proxy_option, "proxy-ignored"),
        ("--use-system-ca", node.knows_system_ca_option, "ca-variable-ignored"),
    ):
        if option in asked and not known:
            version = ".".join(map(str, node.version))
            detail = f"Node {version} does not know {option} and does not start with it"
            return Concern(
                kind=kind,
                subject=OPTIONS,
                detail=detail,
                values={"variable": OPTIONS, "value": option},
                stops_client=True,
            )
    return None


def _stated(snapshot: Snapshot) -> dict[str, Setting]:
    """By scheme. Lower case wins where it is set, also when it is empty: then there is none."""
    found = {}
    for scheme, names in _NAMES.items():
        name = next((name for name in names if name in snapshot.variables), "")
        if snapshot.get(name):
            found[scheme] = Setting(snapshot.get(name), name)
    return found


def all_proxy(snapshot: Snapshot) -> Setting | None:
    return next((Setting(snapshot.get(n), n) for n in ("all_proxy", "ALL_PROXY") if snapshot.get(n)), None)


_URL = re.compile(r"(?i)([a-z][a-z0-9+.-]*):[/\\]*(?:([^/\\?#]*)@)?(\[[^\]]+\]|[^:/\\?#@]*)(?::(\d*))?([/\\?#].*)?")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks": 1080}


def parse(setting: Setting, node: Node) -> Proxy | Concern:
    """As `new URL()` reads it: a scheme is needed, slashes are not."""
    told = _URL.fullmatch(re.sub(r"[\t\r\n]", "", setting.value).strip())
    if told is None or (
        told[1].lower() in _PORTS and (not told[3] or whole_number(told[4] or "0", most=65535) is None)
    ):
        return _refused("proxy-url-invalid", setting, "is not a URL with a scheme and a host")
    scheme = told[1].lower()
    if scheme not in _PORTS:
        detail = f"is read as the scheme {scheme}:, and Node takes only http:// and https://"
        schemeless = "://" not in setting.value
        kind = "proxy-url-invalid" if schemeless else "proxy-scheme-unsupported"
        return _refused(kind, setting, detail, f"http://{setting.value}" if schemeless else "")
    if not scheme.startswith("socks") and told[5] not in (None, "/"):
        return _refused("proxy-url-invalid", setting, "has a path after the port, which Node refuses")
    if scheme.startswith("socks") and not node.speaks_socks:
        return _refused("proxy-scheme-unsupported", setting, f"has the scheme {scheme}://, which this Node refuses")
    user, _, password = (told[2] or "").partition(":")
    return Proxy(
        scheme="socks5h" if scheme.startswith("socks") else "https" if scheme == "https" else "http",
        host=told[3].strip("[]").lower(),
        port=int(told[4]) if told[4] else _PORTS[scheme],
        username=unquote(user),
        password=Secret(unquote(password)),
        source=setting.source,
        file=setting.file,
    )


def _refused(kind: str, setting: Setting, detail: str, suggestion: str = "") -> Concern:
    return _concern(kind, setting, f"{detail}: Node does not start", suggestion)


def _concern(kind: str, setting: Setting, detail: str, suggestion: str = "") -> Concern:
    values = {
        "variable": setting.source,
        "proxy_variable": setting.source,
        "value": shown(setting.value),
        "suggestion": "" if "@" in suggestion else suggestion,
    }
    return Concern(kind=kind, subject=setting.source, detail=detail, values=values, stops_client=True)


def bypass(snapshot: Snapshot, endpoint: Endpoint, node: Node) -> str:
    """The entry of NO_PROXY that takes the host off the proxy, as it is written."""
    variables = snapshot.variables
    listed = variables["no_proxy"] if "no_proxy" in variables else variables.get("NO_PROXY", "")
    if listed == "*":
        return "*"
    host = endpoint.host.lower()
    if node.understands_ipv6_entries:
        host = host.removesuffix(".")
    elif ":" in host:
        host = f"[{host}]"
    for entry in listed.replace(",", " ").split():
        if entry == "*" and node.takes_a_star_among_others:
            return entry
        name, port = _entry(entry, node)
        if port in (0, endpoint.port) and _covers(name, host, node):
            return entry
    return ""


def _entry(entry: str, node: Node) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[(.+)\](?::([0-9]{1,15}))?", entry) if node.understands_ipv6_entries else None
    if bracketed:
        return bracketed[1].lower(), int(bracketed[2] or 0)
    with_port = re.fullmatch(r"(.+):([0-9]{1,15})", entry)
    if with_port and not (node.understands_ipv6_entries and entry.count(":") > 1):
        return with_port[1].lower(), int(with_port[2])
    return entry.lower(), 0


def _covers(name: str, host: str, node: Node) -> bool:
    if not node.bare_names_cover_subdomains:
        return host.endswith(name.removeprefix("*")) if name[:1] in (".", "*") else host == name
    bare = re.sub(r"^\*?\.", "", name)
    if node.understands_ipv6_entries:
        bare = re.sub(r"^(.+)\.$", r"\1", bare)
    return host == bare or host.endswith("." + bare)


# -- authorities -------------------------------------------------------------------------------------


def trusted(snapshot: Snapshot, node: Node) -> Trust:
    """What Node believes. `source` names all of it; the authorities of NODE_EXTRA_CA_CERTS come on top."""
    asked = options(snapshot)
    named = [name for name in (trust.FILE, trust.DIRECTORY) if snapshot.get(name)]
    extra = [EXTRA] if loads_extra(snapshot) else []
    if "--use-openssl-ca" in asked:
        return replace(_openssl_trust(snapshot, together([*(named or [SYSTEM]), *extra])), extra=_extra(snapshot))
    if "--use-system-ca" in asked or (snapshot.get("NODE_USE_SYSTEM_CA") == "1" and node.reads_system_ca_variable):
        source = together([BUNDLED, SYSTEM, *named, *extra])
        system = _openssl_trust(snapshot, source) if snapshot.os == "Linux" else system_trust(snapshot, source)
        return with_own_roots(snapshot, system)
    return with_own_roots(snapshot, Trust("bundled", source=together([BUNDLED, *extra])))


def _openssl_trust(snapshot: Snapshot, source: str) -> Trust:
    """A variable takes the place of its own half only: without SSL_CERT_DIR the system's folder stays beside a file.

    Seen in Node 20, 22 and 26, whose OpenSSL looks in /etc/ssl. `--use-system-ca` differs in two ways that are
    left out: it takes all files of the folder, whatever their names, and does not part SSL_CERT_DIR.
    """
    file, folder = snapshot.get(trust.FILE), snapshot.get(trust.DIRECTORY)
    return Trust("os", cafile=file or snapshot.system_store, capath=folder or system_folder(snapshot), source=source)


def system_folder(snapshot: Snapshot) -> str:
    """The folder of hashed names beside the system's file, where the distribution keeps one."""
    return HASHED_FOLDER if snapshot.system_store.startswith(f"{HASHED_FOLDER}/") else ""


def with_own_roots(snapshot: Snapshot, store: Trust) -> Trust:
    """`store` with the roots of Node, and with the file that NODE_EXTRA_CA_CERTS names."""
    return replace(store, with_bundled=True, bundled=snapshot.bundled_roots, extra=_extra(snapshot))


def _extra(snapshot: Snapshot) -> str:
    return snapshot.get(EXTRA) if loads_extra(snapshot) else ""


def together(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def system_trust(snapshot: Snapshot, source: str) -> Trust:
    if snapshot.os != "Linux":
        return Trust("native", source=source)
    return Trust("os" if snapshot.system_store else "empty", cafile=snapshot.system_store, source=source)


def loads_extra(snapshot: Snapshot) -> bool:
    fact = snapshot.file(snapshot.get(EXTRA))
    return bool(fact.authorities and fact.authorities.form == "pem")


def trust_concerns(snapshot: Snapshot, client: str) -> Iterable[Concern]:
    yield from _broken_extra(snapshot)
    if snapshot.get("NODE_TLS_REJECT_UNAUTHORIZED") == "0":
        yield Concern(
            kind="verification-disabled",
            subject="NODE_TLS_REJECT_UNAUTHORIZED",
            detail=f"NODE_TLS_REJECT_UNAUTHORIZED=0 switches verification off for {client}",
            values={"variable": "NODE_TLS_REJECT_UNAUTHORIZED", "value": "0"},
        )


def _broken_extra(snapshot: Snapshot) -> Iterable[Concern]:
    path = snapshot.get(EXTRA)
    fact = snapshot.file(path)
    if not path or loads_extra(snapshot):
        return
    missing = not fact.exists
    told = "names a file that does not exist" if missing else "names no file with PEM certificates"
    yield Concern(
        kind="ca-file-missing" if missing else "ca-file-invalid",
        subject=EXTRA,
        detail=f"{told}: {path}; Node warns and goes on without it",
        values={"variable": EXTRA, "value": path, "file": path, "cafile": path},
        facts=trust.form_of(fact),
    )


#: Where the system's public store lies; a file there is not a private authority.
_PUBLIC = tuple(f"/{folder}/" for folder in ("etc/ssl", "etc/pki", "etc/ca-certificates", "var/lib/ca-certificates"))


def ignored_authorities(snapshot: Snapshot, read: Iterable[str], client: str, own: str) -> Iterable[Concern]:
    """A variable that this client does not read names authorities that its store lacks. `own` is the one it reads."""
    read = set(read)
    if not snapshot.public_roots:
        return  # nothing to compare with
    known = snapshot.public_roots.union(*(_held(snapshot.file(snapshot.get(name))) for name in read))
    told: set[str] = set()
    for variable in (trust.FILE, *trust.FOREIGN):
        fact = snapshot.file(snapshot.get(variable))
        extra = _held(fact) - known
        if variable in read or not extra or fact.real_path in told or fact.real_path.startswith(_PUBLIC):
            continue
        told.add(fact.real_path)
        count = f"{len(extra)} certificate" + ("s" if len(extra) > 1 else "")
        detail = f"names {fact.path} with {count} that {client} lacks; it reads {own}"
        values = {"variable": variable, "value": fact.path, "file": fact.path, "count": str(len(extra))}
        yield Concern(kind="ca-variable-ignored", subject=variable, detail=detail, values=values)


def _held(fact: FileFact) -> frozenset[str]:
    return fact.authorities.fingerprints if fact.authorities else frozenset()
