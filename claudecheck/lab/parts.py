"""What a lab is made of, as frozen values: a fault is a `Setup` that is wrong in one place. Opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: How a port behaves before a byte is exchanged. "drops" is a listener with a full queue: Linux
#: then throws SYNs away, as a firewall would; no root is needed for it.
PortState = Literal["open", "refuses", "drops"]

Handshake = Literal[
    "proper",
    "client-certificate",  # asks for one, and ends when none comes
    "plain-http",
    "ssh",
    "silence",
    "reset",
    "first-reset",  # the first connection only
    "close",
    "alert-handshake-failure",
    "alert-unrecognized-name",
    "alert-protocol-version",
    "old-version",  # a server hello of TLS 1.0
    "nonsense",  # a server hello that no rule knows
    "name-reset",  # these three look at the ClientHello first, as a middle box does
    "name-silence",
    "large-hello-silence",
]

CertificateKind = Literal[
    "proper",
    "expired",
    "expiring",
    "not-yet-valid",
    "other-name",
    "self-signed",
    "private",  # under the root of a company that the client does not know
    "incomplete",  # the intermediate is not sent
    "zscaler",
    "avast",
    "weak-key",
    "sloppy",  # under a root that Python 3.13's strict checks refuse
]

RootName = Literal["lab", "public", "private", "company", "zscaler", "avast", "sloppy"]

#: Who seems to send an answer: decides the headers that every answer of that sender carries.
Speaker = Literal["api", "edge", "other"]

#: How an answer ends. "cut" and "reset": half of what was announced, then an orderly end or a RST.
#: "none": the end without a byte. "silence": nothing, until the client gives up.
Ending = Literal["complete", "cut", "reset", "none", "silence"]

API_NAME = "api.lab.claudecheck.test"
CONTROL_NAME = "control.lab.claudecheck.test"
PROXY_NAME = "proxy.lab.claudecheck.test"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `{request_id}` in the body is replaced by the request's own."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    speaker: Speaker = "other"
    ending: Ending = "complete"
    delay_s: float = 0.0
    events: tuple[str, ...] = ()  # sent as chunks, in place of the body


@dataclass(frozen=True)
class Api:
    """The API, or the gateway that stands for it. An `Answer` replaces what it would say by itself."""

    always: Answer | None = None
    models: Answer | None = None
    models_cut: int = 0  # so many requests for the models are ended without a byte, before the first answer
    messages: Answer | None = None
    plain_messages: Answer | None = None  # those that are not streamed
    streams: Answer | None = None
    tokens: Answer | None = None  # of the OAuth token endpoint
    gateway: bool = False  # answers without the API's and its edge's headers
    base_path: str = ""
    credential_headers: tuple[str, ...] = ("authorization", "x-api-key")
    key_revoked: bool = False
    unavailable: tuple[str, ...] = ()  # models answered with 404; "*" is every one
    text: str = "Hi"
    refused_agent: str = ""  # a part of the User-Agent that a web application firewall refuses
    refused_header: str = ""  # the start of a header's name, likewise
    refused_beta: bool = False
    delay_s: float = 0.0
    largest_body: int = 0  # bytes; a larger request is never answered; 0 for no limit


@dataclass(frozen=True)
class Proxy:
    """`answer` is what every request gets in place of a tunnel, `refusal` what a CONNECT to the API gets.

    `manner` is for what does not speak HTTP at all.
    """

    scheme: Literal["http", "https", "socks5"] = "http"
    manner: Literal["proxy", "silence", "close", "ssh"] = "proxy"
    answer: Answer | None = None
    refusal: Answer | None = None
    socks_refusal: int = 0  # the same for SOCKS: a reply of RFC 1928, section 6; 0 is success
    userinfo: str = ""  # "user:password" that it asks for
    state: PortState = "open"
    certificate: CertificateKind = "proper"
    tls: bool | None = None  # what it speaks, where that differs from what the scheme says


@dataclass(frozen=True)
class Names:
    """A nameserver. `answer` is what it says about the API's name; other names are answered well."""

    answer: Literal[
        "addresses", "name-not-found", "no-address", "server-failure", "refused", "silence", "sinkhole", "truncated",
        "block-page", "no-ipv6-answer",
    ] = "addresses"  # fmt: skip
    addresses: tuple[str, ...] = ("127.0.0.1", "::1")
    delay_s: float = 0.0
    listens: bool = True


@dataclass(frozen=True)
class Setup:
    """A whole lab. The default is healthy in every part.

    `variables` override what the lab sets by itself; None removes one. Their texts, and those of
    `files` (by path below the lab's folder), may hold {url}, {port}, {proxy}, {folder}, {key}, {token}
    and {user_base}.
    """

    variables: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    interpreter: Literal["", "without-sdk", "broken-sdk"] = ""
    scheme: Literal["http", "https"] = "https"
    host: str = "localhost"
    listens: Mapping[str, PortState] = field(default_factory=lambda: {"127.0.0.1": "open", "::1": "open"})
    handshake: Handshake = "proper"
    certificate: CertificateKind = "proper"
    trusts: tuple[RootName, ...] = ("lab",)
    other_roots: tuple[RootName, ...] = ()  # in company.pem, which a variable may name
    trust_directory: tuple[RootName, ...] = ()  # of SSL_CERT_DIR
    api: Api = field(default_factory=Api)
    proxy: Proxy | None = None
    names: Names | None = None
    all_taken: bool = False  # something takes the connections to every other host too, and ends them
    clock_ahead_days: int = 0  # of every clock but this machine's
