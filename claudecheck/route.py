"""A route is a value: everything that decides how a client reaches the API. Pure; opens nothing."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, field, replace
from typing import Literal, get_args
from urllib.parse import quote

from claudecheck.observations import (
    AuthHeader,
    Concern,
    CredentialSort,
    Family,
    Hello,
    ProxyDetection,
    ProxyScheme,
    RouteView,
    TrustSort,
)

OFFICIAL_HOST = "api.anthropic.com"
#: Where the providers serve the API to everybody.
PROVIDER_DOMAINS = (".amazonaws.com", ".api.aws", ".googleapis.com", ".services.ai.azure.com")

#: One of `clients.registry.NAMES`.
ClientName = str


def names_this_machine(host: str) -> bool:
    """A loopback address, or a name that means one everywhere (RFC 6761)."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def place(source: str, file: str) -> str:
    """Where a value stands, in words: a variable's name, and the settings file that sets it."""
    return f"{source} in {file}" if file else source


def variable(source: str) -> str:
    """`source` where it is a variable: nothing else that a value comes from is spelled like one."""
    return source if source.isidentifier() and source != "default" else ""


def proxy_scheme(text: str) -> ProxyScheme | None:
    """None where no client speaks it."""
    known: tuple[ProxyScheme, ...] = get_args(ProxyScheme)
    return next((scheme for scheme in known if scheme == text), None)


class Secret:
    """A value that must never be shown: it has no text form but a fingerprint."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def fingerprint(self) -> str:
        """The first eight hex digits of the SHA-256: tells two keys apart, gives none away."""
        return hashlib.sha256(self._value.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"<secret {self.fingerprint}>"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class Endpoint:
    scheme: str = "https"
    host: str = OFFICIAL_HOST
    port: int = 443
    base_path: str = ""  # without a trailing slash
    source: str = "default"
    file: str = ""  # of settings, which sets the variable `source`

    @property
    def official(self) -> bool:
        return self.host.lower().rstrip(".") == OFFICIAL_HOST

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """As it is called; a query in it may hold a key, so it is for requests and for no text."""
        return f"{self.scheme}://{self.authority}{self.base_path}"

    @property
    def shown_path(self) -> str:
        path, mark, _ = self.base_path.partition("?")
        return f"{path}?[redacted]" if mark else path

    @property
    def shown(self) -> str:
        """The URL with its query hidden."""
        return f"{self.scheme}://{self.authority}{self.shown_path}"

    @property
    def private(self) -> bool:
        """The host is written as a loopback or private address, or names this machine."""
        if names_this_machine(self.host):
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return address.is_private or address.is_loopback or address.is_link_local


@dataclass(frozen=True)
class Credential:
    """`header` is the one that the client sends it in: "authorization" or "x-api-key"."""

    sort: CredentialSort = "none"
    source: str = ""
    secret: Secret = field(default_factory=lambda: Secret(""))
    kind: str = ""  # by its format: "sk-ant-api03", "sk-ant-oat01", …, "other"
    header: AuthHeader = "authorization"
    file: str = ""  # of settings, which sets `source`

    def headers(self) -> dict[str, str]:
        """What goes on the wire; empty when the client resolves the credential itself."""
        if not self.secret:
            return {}
        value = self.secret.reveal()
        return {"authorization": f"Bearer {value}"} if self.header == "authorization" else {"x-api-key": value}


@dataclass(frozen=True)
class Proxy:
    scheme: ProxyScheme
    host: str
    port: int
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    source: str = ""
    file: str = ""  # of settings, which sets the variable `source`

    @property
    def shown(self) -> str:
        """The URL without userinfo."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def has_credentials(self) -> bool:
        return bool(self.username or self.password)

    @property
    def url(self) -> str:
        """With userinfo: for the socket's use only, never for a text."""
        if not self.has_credentials:
            return self.shown
        userinfo = quote(self.username, safe="") + ":" + quote(self.password.reveal(), safe="")
        return self.shown.replace("://", f"://{userinfo}@", 1)

    def without_credentials(self) -> Proxy:
        return replace(self, username="", password=Secret(""))


@dataclass(frozen=True)
class Trust:
    """Which authorities the client believes.

    `sort`: "os" (compiled-in or well-known paths), "native" (the platform's verifier on macOS and
    Windows), "certifi", "bundled" (the roots that Node brings along), "file" or "directory" (a
    variable), "empty" (none could be found). `with_bundled` adds Node's roots to another store, and
    `extra` is a PEM file on top of everything: NODE_EXTRA_CA_CERTS.
    """

    sort: TrustSort = "os"
    cafile: str = ""
    capath: str = ""
    with_bundled: bool = False
    bundled: str = field(default="", repr=False)  # PEM; where no Node told it, certifi stands in
    extra: str = ""
    further: tuple[str, ...] = ()  # PEM files beside all of these
    strict: bool = False
    source: str = ""


@dataclass(frozen=True)
class Route:
    """One client's way to the API. A variation is this value with exactly one field replaced."""

    client: ClientName = "python"
    client_version: str = ""
    endpoint: Endpoint = field(default_factory=Endpoint)
    credential: Credential = field(default_factory=Credential)
    api_version: str = "2026-10-21"
    user_agent: str = ""
    headers: tuple[tuple[str, Secret], ...] = ()  # ANTHROPIC_CUSTOM_HEADERS
    proxy: Proxy | None = None
    bypassed_by: str = ""  # the NO_PROXY entry that takes the host off `known_proxy`
    known_proxy: Proxy | None = None  # one that the machine knows and this client does not use
    trust: Trust = field(default_factory=Trust)
    provider: str = ""
    # what variations change
    family: Family = "any"
    server_name: str | None = None  # None: the endpoint's host; "": no server name at all
    hello: Hello = "normal"
    max_segment: int = 0
    max_tls: Literal["", "1.2"] = ""  # to refuse TLS 1.3
    resolver: str = "system"
    plain_inside: bool = False  # the host of an http:// URL has private addresses only
    connect_to: str = ""  # the address that answered: HTTP goes there instead of asking for the name again
    stream: bool = False
    connect_timeout_s: float = 5.0

    @property
    def sni(self) -> str:
        if self.server_name is not None:
            return self.server_name
        try:
            ipaddress.ip_address(self.endpoint.host)
        except ValueError:
            return self.endpoint.host
        return ""  # an address is never sent as a server name (RFC 6066, section 3)

    @property
    def name_is_public(self) -> bool:
        """Everybody may know that somebody asks for it: the API's own host and those of the providers."""
        host = self.endpoint.host.lower().rstrip(".")
        return self.endpoint.official or host.endswith(PROVIDER_DOMAINS)

    @property
    def may_send_credential(self) -> bool:
        """Over https always (once verified); over plain http only to this machine or a private address."""
        return self.endpoint.scheme == "https" or self.endpoint.private or self.plain_inside

    def view(self) -> RouteView:
        """The route in words that can be shown."""
        has_secret = bool(self.credential.secret)
        return RouteView(
            client=self.client,
            client_version=self.client_version,
            url=self.endpoint.shown,
            scheme=self.endpoint.scheme,
            host=self.endpoint.host,
            port=self.endpoint.port,
            base_path=self.endpoint.shown_path,
            base_url_source=place(self.endpoint.source, self.endpoint.file),
            base_url_variable=variable(self.endpoint.source),
            official=self.endpoint.official,
            credential=self.credential.sort,
            credential_kind=self.credential.kind,
            credential_source=place(self.credential.source, self.credential.file),
            credential_variable="" if self.credential.sort == "key-helper" else variable(self.credential.source),
            credential_fingerprint=self.credential.secret.fingerprint if has_secret else "",
            auth_header=self.credential.header if self.credential.sort != "none" else "",
            api_version=self.api_version,
            custom_headers=[name for name, _ in self.headers],
            proxy=self.proxy.shown if self.proxy else "",
            proxy_scheme=self.proxy.scheme if self.proxy else "",
            proxy_host=self.proxy.host if self.proxy else "",
            proxy_port=self.proxy.port if self.proxy else 0,
            proxy_source=place(self.proxy.source, self.proxy.file) if self.proxy else "",
            proxy_variable=variable(self.proxy.source) if self.proxy else "",
            proxy_has_credentials=bool(self.proxy and self.proxy.has_credentials),
            proxy_bypassed_by=self.bypassed_by,
            trust=self.trust.sort,
            trust_source=self.trust.source,
            cafile=self.trust.cafile,
            capath=self.trust.capath,
            strict_x509=self.trust.strict,
            provider=self.provider,
        )


@dataclass(frozen=True)
class Plan:
    """What a client would do in an environment: its route, and facts about the environment.

    `route` is None when the client could not be built at all; the concern that says why has
    `stops_client` set. Where something of a route can still be told (the endpoint, say), it is
    given, so that the network is examined as well.
    """

    route: Route | None
    concerns: tuple[Concern, ...] = ()
    detection: ProxyDetection = field(default_factory=ProxyDetection)
