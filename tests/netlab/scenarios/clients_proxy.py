"""The same network behind a proxy for clients that read different variables.

Only the company's proxy gets out. A table for each client: how the proxy is named, and whether this client
reads it there. Then the same variables where they are of no use and nobody needs them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.netlab.addresses import OFFICE_VACANT
from tests.netlab.changes import only_the_office_gets_out, proxy_url
from tests.netlab.network import Network
from tests.netlab.proxies import Squid
from tests.netlab.scenario import Expected, failing, gets_through, scenario
from tests.netlab.scenarios.clients import TITLES

SETTINGS = ".claude/settings.json"


def nodes_own_roots(net: Network) -> None:
    """Node's roots are compiled in: the lab's public authority comes to them by the variable that adds."""
    if net.client.program not in ("python", "curl"):
        net.client.files["public.pem"] = net.authorities.public.root_pem
        net.client.env["NODE_EXTRA_CA_CERTS"] = "~/public.pem"


def settings(**env: str) -> dict[str, str]:
    """Claude Code's settings with these variables."""
    return {SETTINGS: json.dumps({"env": env})}


@dataclass(frozen=True)
class Row:
    """`how` is how the sentence tells `env`, whose values may hold PROXY."""

    client: str
    how: str
    env: dict[str, str]
    expect: Expected
    settings: dict[str, str] | None = None
    node: str = ""

    def set_up(self, net: Network, url: str) -> None:
        net.client.program = self.client
        net.client.env |= {name: value.replace("PROXY", url) for name, value in self.env.items()}
        if self.settings is not None:
            net.client.files |= settings(**{k: v.replace("PROXY", url) for k, v in self.settings.items()})
        if self.node:
            net.client.links["bin"] = self.node
        nodes_own_roots(net)

    @property
    def title(self) -> str:
        return TITLES[self.client] + self.node.replace("node/", " ")

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.node,) if self.node else ()


READS_IT = gets_through()


def direct(finding: str = "", fix: str = "") -> Expected:
    """The client goes direct, where nothing gets out."""
    return failing("proxy", "proxy-required", "you", "network", finding=finding, fix=fix)


_OFF_BY_DOMAIN = {"HTTPS_PROXY": "PROXY", "NO_PROXY": ".anthropic.com"}
_OFF_BY_STAR = {"HTTPS_PROXY": "PROXY", "NO_PROXY": "*.anthropic.com"}


def _alone(client: str, names: Sequence[str], expect: Expected, *, node: str = "") -> list[Row]:
    """A row for each variable that names the proxy by itself."""
    told = {name: f"{name} in small letters" if name.islower() else name for name in names}
    return [Row(client, told[name], {name: "PROXY"}, expect, node=node) for name in names]


def _switched_on(name: str, expect: Expected) -> Row:
    env = {name: "PROXY", "NODE_USE_ENV_PROXY": "1"}
    return Row("node", f"{name}, and NODE_USE_ENV_PROXY=1", env, expect, node="node/24")


ROWS = [
    *_alone("curl", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"], READS_IT),
    *_alone("curl", ["HTTP_PROXY", "http_proxy"], direct("proxy-variables-conflict", "https_proxy=")),
    Row("curl", "HTTPS_PROXY, and NO_PROXY has the domain", _OFF_BY_DOMAIN, direct(fix="NO_PROXY")),
    Row("curl", "HTTPS_PROXY, and NO_PROXY has the domain with a star", _OFF_BY_STAR, READS_IT),
    *_alone("claude-code", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"], READS_IT),
    *_alone("claude-code", ["ALL_PROXY", "all_proxy"], READS_IT),
    Row("claude-code", "its settings alone", {}, READS_IT, settings={"HTTPS_PROXY": "PROXY"}),
    Row("claude-code", "HTTPS_PROXY, and NO_PROXY has the domain", _OFF_BY_DOMAIN, direct(fix="NO_PROXY")),
    *_alone("node", ["HTTPS_PROXY"], direct("proxy-ignored", "NODE_USE_ENV_PROXY")),
    *_alone("node", ["HTTPS_PROXY"], direct("proxy-ignored", "NODE_USE_ENV_PROXY"), node="node/24"),
    _switched_on("HTTPS_PROXY", READS_IT),
    _switched_on("HTTP_PROXY", READS_IT),
    _switched_on("ALL_PROXY", direct("proxy-ignored", "HTTPS_PROXY")),
]


def _proxy_only(row: Row) -> Callable[[Network], None]:
    def change(net: Network) -> None:
        net.office.components.append(Squid())
        only_the_office_gets_out(net, "reject with icmpx type admin-prohibited")
        row.set_up(net, proxy_url())

    return change


for _row in ROWS:
    scenario(
        f"Only the proxy gets out, and it is named by {_row.how}: {_row.title}",
        component="squid, nftables reject",
        expect=_row.expect,
        needs=_row.needs,
        cannot_be_mended="this Node reads no proxy variable" if _row.title == "fetch in Node" else "",
    )(_proxy_only(_row))


# -- a dead proxy that this client never asks ---------------------------------------------------------

_EMPTIED = {"HTTPS_PROXY": ""}
NOT_ASKED = [
    *_alone("curl", ["HTTP_PROXY"], gets_through("proxy-variables-conflict")),
    *_alone("node", ["HTTPS_PROXY"], gets_through("proxy-ignored")),
    Row("claude-code", "HTTPS_PROXY, which its settings empty", {"HTTPS_PROXY": "PROXY"}, READS_IT, settings=_EMPTIED),
]


def _dead_proxy(row: Row) -> Callable[[Network], None]:
    return lambda net: row.set_up(net, proxy_url(host=OFFICE_VACANT))


for _row in NOT_ASKED:
    scenario(
        f"A proxy that is gone is named by {_row.how}, and the way is open: {_row.title}",
        component="no daemon: no answer to ARP",
        expect=_row.expect,
        needs=_row.needs,
    )(_dead_proxy(_row))


# -- hosts beside the API -----------------------------------------------------------------------------


@scenario(
    "The proxy forbids the host that Claude Code's updates come from",
    component="squid, dstdomain",
    expect=gets_through("updates-blocked"),
)
def updates_forbidden(net: Network) -> None:
    net.office.components.append(Squid(rules=["acl unwanted dstdomain .claude.ai", "http_access deny unwanted"]))
    only_the_office_gets_out(net, "reject with icmpx type admin-prohibited")
    Row("claude-code", "", {"HTTPS_PROXY": "PROXY"}, READS_IT).set_up(net, proxy_url())
