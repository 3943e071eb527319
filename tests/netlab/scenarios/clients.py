"""The same inspected network for clients that look for authorities in different places.

A table for each client: where the company's root lies, and whether this client finds it there. A client
that does is never called broken; one that does not is told the variable that it reads itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.netlab.authority import hashed_name
from tests.netlab.changes import divert
from tests.netlab.network import Network
from tests.netlab.proxies import Squid
from tests.netlab.scenario import Expected, failing, gets_through, scenario

TITLES = {"python": "the Python SDK", "curl": "curl", "typescript": "the TypeScript SDK", "node": "fetch in Node",
          "claude-code": "Claude Code"}  # fmt: skip


def inspected(net: Network) -> str:
    """HTTPS to every host is inspected on the way; the PEM of the root that a client needs for it."""
    roots = net.authorities.public.root_pem
    box = Squid(
        bump=net.authorities.zscaler, upstream_roots=roots, transparent=True, settings=["host_verify_strict off"]
    )
    divert(net, box, 3129)
    return net.authorities.zscaler.root_pem


# -- the places ---------------------------------------------------------------------------------------

Place = Callable[[Network, str], None]


def in_no_store(net: Network, root: str) -> None:
    """The plain network."""


def in_the_systems_store(net: Network, root: str) -> None:
    net.client.trusts(root)


def in_certifi(net: Network, root: str) -> None:
    net.client.certifi_roots.append(root)


def in_file_of(variable: str) -> Place:
    """The company's root and nothing else, as most guides have it."""

    def put(net: Network, root: str) -> None:
        net.client.files["corp-root.pem"] = root
        net.client.env[variable] = "~/corp-root.pem"

    return put


def in_the_directory(net: Network, root: str) -> None:
    net.client.files[f"authorities/{hashed_name(root)}"] = root
    net.client.env["SSL_CERT_DIR"] = "~/authorities"


PLACES: dict[str, Place] = {
    "in no store": in_no_store,
    "in the system's store": in_the_systems_store,
    "in certifi": in_certifi,
    "in a directory of SSL_CERT_DIR": in_the_directory,
    **{
        f"in a file of {variable}": in_file_of(variable)
        for variable in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
    },
}


@dataclass(frozen=True)
class Row:
    """One client with the root in one place. `env` is what else is set, and `told` how the sentence tells it."""

    client: str
    place: str
    expect: Expected
    env: tuple[tuple[str, str], ...] = ()
    told: str = ""
    links: tuple[tuple[str, str], ...] = ()
    python: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        return (*(installed for _, installed in self.links), *filter(None, [self.python]))

    @property
    def name(self) -> str:
        return f"HTTPS is inspected, the root is {self.place}: {TITLES[self.client]}{self.told}"

    def change(self, net: Network) -> None:
        PLACES[self.place](net, inspected(net))
        net.client.program = self.client
        net.client.links |= dict(self.links)
        net.client.env |= dict(self.env)
        net.client.python = self.python


#: What each client is told to set or run: what it reads itself.
REMEDIES = {
    "python": "SSL_CERT_FILE",
    "curl": "CURL_CA_BUNDLE|update-ca-certificates",
    "typescript": "NODE_EXTRA_CA_CERTS",
    "node": "NODE_EXTRA_CA_CERTS",
    "claude-code": "NODE_EXTRA_CA_CERTS",
}

_FINDS: dict[str, tuple[str, ...]] = {
    "python": (),
    "curl": (
        "in the system's store",
        "in a file of SSL_CERT_FILE",
        "in a directory of SSL_CERT_DIR",
        "in a file of CURL_CA_BUNDLE",
    ),
    "typescript": ("in a file of NODE_EXTRA_CA_CERTS",),
    "claude-code": (
        "in the system's store",
        "in a file of NODE_EXTRA_CA_CERTS",
        "in a file of SSL_CERT_FILE",
        "in a directory of SSL_CERT_DIR",
    ),
}
_LACKS: dict[str, tuple[str, ...]] = {
    "python": ("in certifi", "in a file of NODE_EXTRA_CA_CERTS", "in a file of REQUESTS_CA_BUNDLE"),
    "curl": ("in no store", "in a file of NODE_EXTRA_CA_CERTS", "in a file of REQUESTS_CA_BUNDLE"),
    "typescript": (
        "in no store",
        "in the system's store",
        "in a file of SSL_CERT_FILE",
        "in a file of CURL_CA_BUNDLE",
    ),
    "claude-code": ("in no store", "in a file of REQUESTS_CA_BUNDLE"),
}
_OLD_SDK = "python/0.125"
_NODE_24 = (("bin", "node/24"),)


def refused(client: str) -> Expected:
    return failing("tls", "tls-intercepted", "network", "you", fix=REMEDIES[client])


def _rows() -> Iterator[Row]:
    for client, places in _FINDS.items():
        yield from (Row(client, place, gets_through(), links=_links(client)) for place in places)
    for client, places in _LACKS.items():
        yield from (Row(client, place, refused(client), links=_links(client)) for place in places)
    old = ", release 0.125"
    yield Row("python", "in certifi", gets_through(), python=_OLD_SDK, told=old)
    yield Row("python", "in the system's store", refused("python"), python=_OLD_SDK, told=old)
    hooked = ", release 0.125 with pip-system-certs"
    yield Row("python", "in the system's store", gets_through(), python="python/0.125-system-certs", told=hooked)
    with_option = ((("NODE_OPTIONS", "--use-openssl-ca"),), " with --use-openssl-ca")
    yield Row("node", "in the system's store", gets_through(), *with_option)
    with_switch = ((("NODE_USE_SYSTEM_CA", "1"),), " 24 with NODE_USE_SYSTEM_CA=1", _NODE_24)
    yield Row("node", "in the system's store", gets_through(), *with_switch)
    own_only = ((("CLAUDE_CODE_CERT_STORE", "bundled"),), " with CLAUDE_CODE_CERT_STORE=bundled")
    yield Row("claude-code", "in the system's store", refused("claude-code"), *own_only)


def _links(client: str) -> tuple[tuple[str, str], ...]:
    return (("node_modules", "typescript/1"),) if client == "typescript" else ()


for _row in _rows():
    scenario(
        _row.name,
        component="squid, ssl-bump intercept",
        expect=_row.expect,
        needs=_row.needs,
    )(_row.change)
