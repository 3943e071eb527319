"""A network as a scenario describes it: plain values that start out healthy. Nothing is started here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.netlab.addresses import (
    API_HOST,
    OFFICE_RESOLVER,
    PUBLIC_RESOLVERS,
    RELAY4,
    RELAY_HOST,
    THIRD_PARTIES,
    VALID_KEY,
)
from tests.netlab.authority import Authorities, Issued
from tests.netlab.component import Component
from tests.netlab.resolvers import Unbound
from tests.netlab.web import Nginx, Site, nobody_here, to_api


@dataclass
class Node:
    """One namespace. The lists named after netfilter's hooks hold nftables rules, in their order."""

    prerouting: list[str] = field(default_factory=list)
    input: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    postrouting: list[str] = field(default_factory=list)
    iptables: list[str] = field(default_factory=list)  # arguments of iptables, for its string match
    ip6tables: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # arguments of `ip`, run last
    sysctls: dict[str, str] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)  # lines of /etc/hosts
    nameservers: Sequence[str] = (OFFICE_RESOLVER,)
    resolver_lines: list[str] = field(default_factory=list)  # further lines of /etc/resolv.conf
    components: list[Component] = field(default_factory=list)


@dataclass
class Client(Node):
    """The machine of the person whose program fails."""

    env: dict[str, str] = field(default_factory=lambda: {"ANTHROPIC_API_KEY": VALID_KEY})
    program: str = "python"  # whose route the doctor walks: `--client`
    arguments: list[str] = field(default_factory=list)  # of `claudecheck doctor`
    links: dict[str, str] = field(default_factory=dict)  # names in the home directory: clients of `installed`
    claude_code: bool = False  # `claude` is on PATH; nobody starts it
    certifi_roots: list[str] = field(default_factory=list)  # PEM: further authorities in every certifi
    roots: list[str] = field(default_factory=list)  # PEM: further authorities in the OS store
    empty_store: bool = False
    system_environment: list[str] = field(default_factory=list)  # lines of /etc/environment
    files: dict[str, str] = field(default_factory=dict)  # in the home directory; "~" in `env` names it
    clock: str = ""  # libfaketime's offset, for example "+3y"
    python: str = ""  # another interpreter, "3.13" for example; the project's own when empty
    ipv4: bool = True
    ipv6: bool = True
    mtu: int = 1500
    default_route: bool = True

    def trusts(self, pem: str) -> None:
        self.roots.append(pem)


@dataclass
class Link:
    """What the line does to packets, each way. Loss comes from a seeded generator."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    rate_kbit: int = 0
    seed: int = 1


@dataclass
class Wan:
    """The line between router and provider. With `link`, a pair of TUN devices carries it."""

    mtu: int = 1500
    link: Link | None = None


@dataclass
class Api:
    """The API's front, as seen from the internet. `behaviour` is a word of `api_server`."""

    certificate: Issued | None = None  # the public authority's, when none is given
    behaviour: str = ""
    any_name: bool = False  # also serve handshakes for other names, and for none


@dataclass
class Network:
    """Everything between a client and the API. A scenario changes what it needs and leaves the rest."""

    authorities: Authorities
    client: Client = field(default_factory=Client)
    router: Node = field(default_factory=Node)
    isp: Node = field(default_factory=Node)
    office: Node = field(default_factory=Node)
    internet: Node = field(default_factory=Node)
    wan: Wan = field(default_factory=Wan)
    office_link: Link | None = None  # what the line to the company's servers does
    api: Api = field(default_factory=Api)
    resolver: Component | None = field(default_factory=Unbound)  # the office's, at OFFICE_RESOLVER
    public_resolver: Component | None = field(
        default_factory=lambda: Unbound(addresses=(*PUBLIC_RESOLVERS, "127.0.0.1"), https_port=8053)
    )
    incident: bool = False  # the status page reports one for the API
    sites: list[Site] = field(default_factory=list)  # further web servers on the internet

    def nodes(self) -> dict[str, Node]:
        return {
            "client": self.client,
            "router": self.router,
            "isp": self.isp,
            "office": self.office,
            "internet": self.internet,
        }

    def placed(self) -> dict[str, list[Component]]:
        """All components by node, with those that every network has."""
        placed = {name: list(node.components) for name, node in self.nodes().items()}
        placed["office"] += [self.resolver] if self.resolver else []
        placed["internet"] += [self.public_resolver] if self.public_resolver else []
        placed["internet"].append(self._internet_web())
        return placed

    def _internet_web(self) -> Nginx:
        sites = [self._api_site(), self._relay_site(), *self.sites, *self._third_parties()]
        refusing = "" if self.api.any_name else nobody_here()
        return Nginx(sites, http=refusing)

    def _api_site(self) -> Site:
        return Site(
            to_api(self.api.behaviour),
            names=(API_HOST,),
            certificate=self.api.certificate or self.authorities.public.issue(API_HOST),
            default=self.api.any_name,
        )

    def _relay_site(self) -> Site:
        """A reseller's gateway on the internet, with a public certificate."""
        return Site(to_api(), names=(RELAY_HOST, RELAY4), certificate=self.authorities.public.issue(RELAY_HOST))

    def _third_parties(self) -> list[Site]:
        certificate = self.authorities.public.issue(*THIRD_PARTIES, *PUBLIC_RESOLVERS)
        page = 'return 200 "<html><body>A web site.</body></html>";'
        status = f"default_type application/json; return 200 '{json.dumps(_status_page(incident=self.incident))}';"
        named = {
            "www.cloudflare.com": page,
            "www.google.com": page,
            "example.com": page,
            "platform.claude.com": page,
            "claude.ai": page,
            "claude.com": page,
            "downloads.claude.ai": page,
            "status.claude.com": status,
            "connectivitycheck.gstatic.com": "return 204;",
            "captive.apple.com": 'return 200 "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>";',
            "cloudflare-dns.com": "grpc_pass grpc://127.0.0.1:8053;",
        }
        secure = [Site(body, names=(name,), certificate=certificate) for name, body in named.items()]
        plain = [Site(body, names=(name,), port=80) for name, body in named.items()]
        return secure + plain


def _status_page(*, incident: bool) -> dict[str, object]:
    """`/api/v2/summary.json` and its relatives, in the shape of the status page's product."""
    component = {"id": "c1", "name": "Claude API (api.anthropic.com)", "status": "operational"}
    reported: list[dict[str, object]] = []
    if incident:
        component["status"] = "major_outage"
        reported = [{"id": "i1", "name": "Elevated errors on the API", "status": "investigating", "impact": "major",
                     "components": [component]}]  # fmt: skip
    status = {"indicator": "major", "description": "Major Service Outage"} if incident else {
        "indicator": "none", "description": "All Systems Operational"}  # fmt: skip
    return {"page": {"id": "lab", "name": "Claude"}, "status": status, "components": [component], "incidents": reported}
