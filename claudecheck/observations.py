"""What was seen: one frozen type per operation, and the journal that holds them in order.

Rules of this file
- One observation is one operation with at most one failure. It states facts; it holds no advice.
- Every field can stand in a report that is shown to strangers: the journal's writer has redacted
  and bounded it on the way in (`claudecheck.journal.journal`).
- Times are milliseconds; `at_ms` counts from the start of the run.
- `variation` is empty for the client's own route, else the id of the variation it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal, TypeVar

import msgspec

from claudecheck.failures import Failure, LeftOut, Stage

#: Whose connection it is: the route's own host, its proxy, or a host that shows whether the rest is fine.
Purpose = Literal["api", "proxy", "control"]
Family = Literal["any", "ipv4", "ipv6"]
#: Of one question to one nameserver; empty for the system's own call.
Transport = Literal["", "udp", "tcp", "https"]
#: What a request was sent for. "trial" is the client itself, run where the walk by its rules had failed.
Step = Literal["models", "message", "plain-message", "stream", "count-tokens", "portal", "status", "exit", "trial"]
#: Of an answer's body, by its content and not by its content type; empty where nothing answered.
Shape = Literal[
    "", "model-list", "other-model-list", "message", "token-count", "api-error", "json", "broken-json", "html", "text",
    "event-stream", "edge-trace", "empty",
]  # fmt: skip
#: What ended a run early; "limits" are those of the machine: memory, open files, processes.
Cut = Literal["", "deadline", "interrupted", "terminated", "hung-up", "limits"]
#: Where a request stopped. Before the first packet it is the client's own import or building, and "sdk" where the
#: SDK raised and does not tell how far it had come.
Phase = Literal["", "import", "construct", "sdk", "dns+tcp", "proxy", "tls", "send", "wait", "body"]
CredentialSort = Literal["none", "api-key", "auth-token", "profile", "federation", "key-helper", "login"]
Method = Literal["GET", "POST"]
AuthHeader = Literal["", "authorization", "x-api-key"]
ProxyScheme = Literal["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
Hello = Literal["normal", "small"]
#: How the interpreter that sends the message was found.
ChosenBy = Literal["--python", "VIRTUAL_ENV", "PATH", "own"]
#: Which CA certificates a client believes; `Trust` of the route says what each means.
TrustSort = Literal["os", "native", "certifi", "bundled", "file", "directory", "empty"]


class Observation(msgspec.Struct, frozen=True, kw_only=True, tag_field="op"):
    """What all operations share. `error` is the raw text of the failure, for people and for `unknown`."""

    at_ms: float = 0.0
    duration_ms: float = 0.0
    variation: str = ""
    failure: Failure | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.failure is None


# -- the run and its surroundings ------------------------------------------------------------------


class Run(Observation, frozen=True, kw_only=True, tag="run"):
    """The first observation: who ran, where, and what was asked for."""

    version: str
    started_at: str  # UTC, ISO 8601
    command: str = "doctor"
    client: str = "python"  # whose route was asked for
    timeout_s: float = 30.0
    message: bool = True
    local_only: bool = False
    strict: bool = False
    demo: bool = False
    os: str = ""  # "Linux", "Darwin", "Windows"
    os_release: str = ""
    shell: str = "sh"  # the one that commands are written for: sh, fish, powershell, cmd
    container: str = ""  # "docker", "kubernetes", … or empty
    wsl: bool = False
    ssh: bool = False
    ci: str = ""  # "github", "gitlab", … or empty
    editor: str = ""
    label: str = ""  # given to the run, so that many reports can be told apart


class SetVariable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable that decides a client's route, by its name alone, and one place that sets it.

    `file` is empty for the environment that claudecheck was started with. `settings` is Claude Code's own file, which
    stands over the environment; the other kinds are files from which the environment may have the very same value.
    """

    name: str
    kind: Literal["environment", "settings", "dotenv", "profile", "compose", "system"] = "environment"
    file: str = ""
    line: int = 0  # 0 where the file has no line for it alone


class Surroundings(Observation, frozen=True, kw_only=True, tag="surroundings"):
    """What decides which commands can be pasted here: rights, programs, mounts, and who started us."""

    root: bool = False
    tools: list[str] = []  # of a fixed list, those that are on PATH
    run_by: str = ""  # the Python that runs claudecheck, where it is not on PATH
    shell: str = ""  # the program that started us: bash, zsh, …; empty when it is none that we know
    terminal: bool = False
    network_rights: bool = True  # root here may change interfaces and routes
    in_dotenv: list[str] = []  # variables that only a `.env` file of the working folder sets
    desktop: bool = False  # a browser could be opened
    mounted: list[str] = []  # of the hosts file and resolv.conf: those that are mounts of their own
    namespace: str = ""  # of the Kubernetes pod
    mesh: str = ""  # "istio", "linkerd": the sidecar that takes this pod's connections
    service: str = ""  # "systemd", "launchd", "cron": what started us in place of a person
    unit: str = ""  # the systemd unit
    agents: list[str] = []  # products that take a machine's traffic, by the folders that they install
    variables: list[SetVariable] = []


class Interpreter(Observation, frozen=True, kw_only=True, tag="interpreter"):
    """The Python that sends the message: its facts, told by itself before it imports the SDK."""

    path: str
    chosen_by: ChosenBy
    python: str = ""
    openssl: str = ""
    sdk: str = ""  # version of `anthropic`, empty when it is missing
    http_stack: str = ""  # "httpx 0.28.1" or "httpx2 2.16.2"
    generation: int = 0  # 0, 1 or 2: the SDK's major version
    strict_x509: bool = False  # what ssl.create_default_context() does there
    cafile: str = ""  # the trust that its SDK would load; empty when there is none
    capath: str = ""
    socks: bool = False  # `socksio` is importable there
    ssl_context: str = ""  # the class that takes the place of Python's own SSLContext there; empty when none does
    system_cafile: str = ""  # the system's store, which such a class may use whatever the SDK loads
    system_capath: str = ""


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """The route in words that can be shown: no secret, no userinfo."""

    client: str
    client_version: str = ""
    url: str = ""
    scheme: str = "https"
    host: str = ""
    port: int = 443
    base_path: str = ""
    base_url_source: str = "default"
    base_url_variable: str = ""  # the one to change, where the URL comes from one
    official: bool = True
    credential: CredentialSort = "none"
    credential_kind: str = ""  # "sk-ant-api03", "sk-ant-oat01", "other", …
    credential_source: str = ""
    credential_variable: str = ""
    credential_fingerprint: str = ""
    auth_header: AuthHeader = ""
    api_version: str = ""
    custom_headers: list[str] = []  # names only
    proxy: str = ""  # "http://proxy.corp:8080", without userinfo
    proxy_scheme: Literal["", ProxyScheme] = ""
    proxy_host: str = ""
    proxy_port: int = 0
    proxy_source: str = ""
    proxy_variable: str = ""
    proxy_has_credentials: bool = False
    proxy_bypassed_by: str = ""  # the NO_PROXY entry that takes the host off the proxy
    trust: TrustSort = "os"
    trust_source: str = ""
    cafile: str = ""
    capath: str = ""
    strict_x509: bool = False
    provider: str = ""  # bedrock, vertex, foundry, aws, … when another route is selected


class RouteChosen(Observation, frozen=True, kw_only=True, tag="route"):
    """The route that the client takes here."""

    route: RouteView


class Concern(Observation, frozen=True, kw_only=True, tag="concern"):
    """A fact about the environment that a rule may call a problem.

    `kind` is a code of the catalogue; `subject` names the variable or file;
    `values` fill the holes of its texts. `stops_client` says that the client could not be built or
    would fail before its first packet.
    """

    kind: str
    subject: str = ""
    detail: str = ""
    values: dict[str, str] = {}
    facts: list[str] = []  # of those on which a fix depends, what only the check of this concern knows
    stops_client: bool = False
    outcome: str = ""  # what the client does then, in words

    @property
    def explained(self) -> str:
        """`detail`, and what comes of it."""
        return f"{self.detail}: {self.outcome}" if self.outcome else self.detail

    @property
    def variable(self) -> str:
        """The variable that it is about; another subject where it is about none."""
        return self.values.get("variable", self.subject)


class Policy(Observation, frozen=True, kw_only=True, tag="policy"):
    """What the user's project demands of the route, as `source` says it. Times are in seconds."""

    source: str
    must_pass: list[str] = []  # stages
    fail_on: list[str] = []  # codes of warnings, or words for several
    ceilings: dict[str, float] = {}  # by stage
    models: list[str] = []  # that the key must be able to see
    must_use_proxy: bool = False
    no_interception: bool = False
    certificate_days: int = 0  # 0: no such rule
    third_parties: list[str] | None = None  # hosts that the run may talk to beside the route; None: no such rule


class LocalNetwork(Observation, frozen=True, kw_only=True, tag="local-network"):
    """What the kernel would do, asked without sending a packet."""

    ipv4_route: bool
    ipv6_route: bool
    interfaces: list[str] = []  # names of those that are up, without loopback
    clock: str = ""  # local time in UTC, ISO 8601


# -- names -----------------------------------------------------------------------------------------


class ResolverConfig(Observation, frozen=True, kw_only=True, tag="resolver-config"):
    nameservers: list[str]
    search: list[str] = []
    ndots: int = 1
    source: str = ""
    hosts_entries: list[str] = []  # addresses that the hosts file gives for the name


class NameLookup(Observation, frozen=True, kw_only=True, tag="name-lookup"):
    """One question. `via` is "system" (getaddrinfo) or a nameserver's address or URL."""

    name: str
    via: str = "system"
    family: Family = "any"
    transport: Transport = ""
    purpose: Purpose = "api"
    configured: bool = True  # a nameserver of this machine, or a third party
    addresses: list[str] = []
    canonical: str = ""
    rcode: str = ""
    truncated: bool = False


# -- the transport ---------------------------------------------------------------------------------


class TcpConnect(Observation, frozen=True, kw_only=True, tag="tcp-connect"):
    address: str
    port: int
    order: int = 0  # place in the order in which a sync client would try
    purpose: Purpose = "api"
    name: str = ""
    local_address: str = ""
    errno_name: str = ""  # "ECONNREFUSED", …
    max_segment: int = 0  # TCP_MAXSEG asked for, 0 for the system's own
    retransmits: int = 0  # of TCP_INFO, where the system tells
    icmp_from: str = ""  # who sent the ICMP message that ended it, where one did


# -- TLS -------------------------------------------------------------------------------------------


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    issuer: str
    not_before: str  # UTC, ISO 8601
    not_after: str
    names: list[str] = []
    serial: str = ""
    sha256: str = ""
    key: str = ""  # "RSA 2048", "EC secp256r1"
    signature: str = ""  # "sha256WithRSAEncryption"
    is_ca: bool = False
    self_signed: bool = False
    missing: list[str] = []  # what strict verification asks for and this certificate lacks
    issuer_url: str = ""  # where the issuer can be fetched (authority information access)
    pem: str = ""


class StoreVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The presented chain, judged offline by OpenSSL against one store of this machine."""

    store: str  # "os", "certifi", "SSL_CERT_FILE", …
    path: str = ""
    strict: bool = False
    trusted: bool = False
    code: int = 0  # OpenSSL's X509_V_ERR_…
    message: str = ""
    depth: int = 0
    authorities: int = 0  # how many certificates the store holds
    readable: bool = True
    knows_organisation: bool = False  # it holds an authority of the missing issuer's organisation
    root: str = ""  # subject of the authority that the chain ends at, where it is trusted
    root_sha256: str = ""
    file: str = ""  # the very file that holds it


class ClientVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The presented chain, judged offline by OpenSSL against everything that one client trusts here."""

    title: str  # "Python SDK 2.12.0", "curl 7.88.1"
    clients: list[str]  # names of clients that share this trust; empty for an SDK that is not the installed one
    generation: int = -1  # of a Python SDK: its major version
    installed: bool = False
    source: str = ""  # what it trusts, in words
    paths: list[str] = []  # the files and folders of it
    file: str = ""  # the one among them that another authority can be joined with
    trusted: bool | None = None  # None: only the platform's own verifier could tell
    by: str = ""  # the part of `source` that holds the authority
    code: int = 0  # OpenSSL's X509_V_ERR_…
    message: str = ""
    strict: bool = False  # it checks strictly here
    passes_strict: bool | None = None  # None: strict checks are not used with this trust in any Python


class TlsHandshake(Observation, frozen=True, kw_only=True, tag="tls-handshake"):
    """One handshake through memory buffers. `server_name` is empty when none was sent."""

    address: str
    port: int = 443
    server_name: str = ""
    purpose: Purpose = "api"
    tunnelled: bool = False
    hello: Hello | Literal["padded"] = "normal"  # a padded one was sent once; none decided by it
    hello_bytes: int = 0
    max_segment: int = 0
    max_version: Literal["", "1.2"] = ""
    bytes_sent: int = 0
    bytes_received: int = 0
    first_bytes: str = ""  # what came back when it was not TLS, escaped
    alert: str = ""
    version: str = ""
    cipher: str = ""
    alpn: str = ""
    verified: bool = False  # by the trust that the client uses
    verify_code: int = 0
    verify_message: str = ""
    client_certificate_requested: bool = False
    chain: list[Certificate] = []
    stores: list[StoreVerdict] = []
    clients: list[ClientVerdict] = []  # where a chain is not trusted, or is trusted and not public

    @property
    def root_is_public(self) -> bool | None:
        """Whether the public set of CA certificates ends the chain; None where none was at hand to look."""
        public = [store for store in self.stores if store.store == "certifi" and not store.strict]
        return any(store.trusted for store in public) if public else None


# -- proxies ---------------------------------------------------------------------------------------


class Tunnel(Observation, frozen=True, kw_only=True, tag="tunnel"):
    """CONNECT, or the SOCKS request, and what the proxy said."""

    proxy: str
    target: str
    scheme: ProxyScheme = "http"
    purpose: Purpose = "api"
    with_credentials: bool = False
    status: int = 0
    reason: str = ""
    schemes: list[str] = []  # of Proxy-Authenticate
    headers: dict[str, str] = {}
    body: str = ""
    first_bytes: str = ""  # when the answer was not HTTP, escaped
    bytes_received: int = 0


class ProxyDetection(Observation, frozen=True, kw_only=True, tag="proxy-detection"):
    """What this machine knows of proxies, used by this client or not."""

    used: str = ""
    source: str = ""
    system: str = ""  # of the system's settings or another variable, not used by this client
    system_source: str = ""
    pac: str = ""


# -- HTTP ------------------------------------------------------------------------------------------


class HttpExchange(Observation, frozen=True, kw_only=True, tag="http-exchange"):
    """One request and its answer, or its absence. `phases` are milliseconds by name."""

    stage: Literal["models", "messages"]
    step: Step = "models"
    method: Method = "GET"
    url: str = ""
    client: str = "httpx"
    authenticated: bool = False
    auth_header: AuthHeader = ""
    sent_bytes: int = 0
    status: int = 0
    headers: dict[str, str] = {}  # those that tell who answered
    content_type: str = ""
    shape: Shape = ""
    body: str = ""  # an excerpt
    body_bytes: int = 0
    request_id: str = ""
    error_type: str = ""
    error_code: str = ""
    error_message: str = ""
    location: str = ""
    model: str = ""
    models: list[ModelView] = []
    components: list[str] = []  # of the API, on a status page, each with its state
    incidents: list[str] = []  # that a status page reports as open, with the component's state
    stop_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    event_gaps_ms: list[float] = []  # arrival times of stream events after the headers
    call_ms: float = 0.0  # what the SDK's call took, without the import before it; 0: not told
    segments: int = 0  # sent on its connection, where the system tells
    retransmits: int = 0
    phase: Phase = ""  # where it stopped
    phases: dict[str, float] = {}
    chain: list[Raised] = []  # of the SDK's exception, outermost first
    leaves: Exit | None = None  # what the edge's own page says of where the request came from

    @property
    def sender(self) -> str:
        """`client` in words."""
        return "the SDK" if self.client == "sdk" else self.client


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request left for the internet, as the edge that took it sees it."""

    address: str
    country: str = ""  # two letters; "T1" is Tor, "XX" is unknown
    centre: str = ""  # the data centre that answered, by its airport

    @property
    def in_words(self) -> str:
        where = f"{self.address} in {self.country}" if self.country else self.address
        return f"{where}, by the data centre {self.centre}" if self.centre else where


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    line: str = ""
    lifecycle: str = ""


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """One exception of a chain."""

    type: str  # "httpx2.ConnectError"
    message: str
    errno: int = 0
    link: str = ""  # how it hangs on the one before: "cause", "context", or "errors" of several attempts


# -- the loop's own --------------------------------------------------------------------------------


class Clock(Observation, frozen=True, kw_only=True, tag="clock"):
    """Another clock, read from an answer's Date header. `offset_s` is local minus remote."""

    source: str
    offset_s: float = 0.0


class VariationTried(Observation, frozen=True, kw_only=True, tag="variation"):
    """The declaration of a variation: which one field was replaced. Its observations carry `id`."""

    id: str
    stage: Stage
    changed: str
    before: str = ""
    after: str = ""


class ChangeTried(Observation, frozen=True, kw_only=True, tag="change"):
    """The declaration of a cure's trial: the environment with one change, planned anew. Its steps carry `id`.

    `stops` are the kinds of concerns that still stop the client, before its first packet. `credential` says whether
    the trial may send the user's: never to a host that the user's own route does not lead to.
    """

    id: str
    changed: str
    stops: list[str] = []
    route: RouteView | None = None
    credential: bool = False


class Crash(Observation, frozen=True, kw_only=True, tag="crash"):
    """A probe raised: our bug, never dressed as a network fault."""

    stage: Stage
    probe: str
    trace: str = ""


class Skipped(Observation, frozen=True, kw_only=True, tag="skipped"):
    """A stage that was not walked; or, with `host`, a host beside the API, which `variable` makes needless."""

    stage: Stage
    because: LeftOut
    host: str = ""
    variable: str = ""


class End(Observation, frozen=True, kw_only=True, tag="end"):
    """The last observation."""

    cut: Cut = ""
    waiting_for: str = ""


AnyObservation = (
    Run
    | Surroundings
    | Interpreter
    | RouteChosen
    | Concern
    | Policy
    | LocalNetwork
    | ResolverConfig
    | NameLookup
    | TcpConnect
    | TlsHandshake
    | Tunnel
    | ProxyDetection
    | HttpExchange
    | Clock
    | VariationTried
    | ChangeTried
    | Crash
    | Skipped
    | End
)

Kind = TypeVar("Kind", bound=Observation)


class Journal:
    """The observations of one run in the order in which they ended."""

    def __init__(self, observations: tuple[AnyObservation, ...] = ()) -> None:
        self.observations = observations
        #: By kind, and by kind and variation: the rules ask hundreds of times, and a report may hold thousands.
        self._of: dict[tuple[type, str | None], list[Any]] = defaultdict(list)
        for seen in observations:
            self._of[type(seen), None].append(seen)
            self._of[type(seen), seen.variation].append(seen)

    def all(self, kind: type[Kind], *, variation: str | None = "") -> list[Kind]:
        """Those of one kind: on the client's route, on one variation's, or (None) on every one."""
        return list(self._of.get((kind, variation), ()))

    def first(self, kind: type[Kind], *, variation: str | None = "") -> Kind | None:
        return next(iter(self.all(kind, variation=variation)), None)
