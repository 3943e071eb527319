"""Builds a described network out of namespaces, and takes it away again.

    client ── router ── isp ── internet          the API, third parties, public resolvers
                 └──── office                    the company's resolver, proxies, gateways

There is no way from any of them to the machine's own network: no veth ends outside.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.netlab.addresses import (
    API4,
    API4_SECOND,
    API6,
    CLIENT4,
    CLIENT6,
    OFFICE_BLOCK_PAGE,
    OFFICE_GATEWAY,
    OFFICE_PROXY,
    OFFICE_RESOLVER,
    OFFICE_RESOLVER6,
    OFFICE_RESOLVER_2,
    PARKING4,
    PUBLIC_RESOLVERS,
    RELAY4,
    ROUTER_LAN4,
    ROUTER_LAN6,
    THIRD_PARTIES,
    UMBRELLA_BLOCK4,
)
from tests.netlab.component import Component, Place
from tests.netlab.link import start_link
from tests.netlab.namespace import PREFIX, LabError, Listen, Namespace, run
from tests.netlab.network import Client, Network, Node

#: (node, device, other node, other device)
_CABLES = (
    ("client", "eth0", "router", "lan0"),
    ("router", "office0", "office", "eth0"),
    ("router", "wan0", "isp", "cust0"),
    ("isp", "up0", "internet", "eth0"),
)

_SYSCTLS = {
    # A duplicate-address probe would keep every IPv6 address waiting for a second.
    "net.ipv6.conf.all.accept_dad": "0",
    "net.ipv6.conf.default.accept_dad": "0",
    # Rejections would come late or not at all, as on a busy router: true, and not what is looked at here.
    "net.ipv4.icmp_ratelimit": "0",
    "net.ipv6.icmp.ratelimit": "0",
    "net.ipv4.ping_group_range": '"0 2147483647"',
}
_FORWARDING = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}

_OFFICE_ADDRESSES = (
    OFFICE_RESOLVER, OFFICE_RESOLVER_2, OFFICE_PROXY, OFFICE_GATEWAY, OFFICE_BLOCK_PAGE, OFFICE_RESOLVER6,
)  # fmt: skip

_PRIORITY = {"prerouting": "-100", "input": "0", "forward": "0", "output": "0", "postrouting": "100"}


@dataclass
class Topology:
    """One network, up between `__enter__` and `__exit__`. `tag` keeps parallel ones apart."""

    network: Network
    tag: str
    folder: Path
    api_socket: Path
    namespaces: dict[str, Namespace] = field(default_factory=dict)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in self.namespaces.values():
            namespace.delete()

    def _build(self) -> None:
        nodes = self.network.nodes()
        self.namespaces = {name: Namespace(f"{PREFIX}{self.tag}-{name}") for name in nodes}
        run(["ip", "-batch", "-"], stdin="".join(f"netns add {ns.name}\n" for ns in self.namespaces.values()))
        for name, namespace in self.namespaces.items():
            forwards = name in ("router", "isp")
            namespace.sysctl(_SYSCTLS | (_FORWARDING if forwards else {}) | nodes[name].sysctls)
        self._lay_cables()
        for name, node in nodes.items():
            self._configure(name, node)
        for name, components in self.network.placed().items():
            self._start(name, components)

    def _lay_cables(self) -> None:
        lines = {"wan0": self.network.wan.link, "office0": self.network.office_link}
        cables = []
        for node, device, other, other_device in _CABLES:
            if link := lines.get(device):
                ends = (self.namespaces[node], device), (self.namespaces[other], other_device)
                start_link(*ends, link, self.folder)
            else:
                cables.append((node, device, other, other_device))
        run(
            ["ip", "-batch", "-"],
            stdin="".join(
                # One segment per packet, so that packets are on the wire what they would be on a real one.
                f"link add {device} gso_max_segs 1 netns {self.namespaces[node].name} "
                f"type veth peer name {other_device} gso_max_segs 1 netns {self.namespaces[other].name}\n"
                for node, device, other, other_device in cables
            ),
        )

    def _configure(self, name: str, node: Node) -> None:
        namespace = self.namespaces[name]
        self._write_etc(namespace, node)
        namespace.ip(["link set lo up", *self._addresses(name), *node.commands])
        namespace.nft(_ruleset(node))
        for program, rules in (("iptables", node.iptables), ("ip6tables", node.ip6tables)):
            for rule in rules:
                run(namespace.inside(program, *rule.split()))

    def _write_etc(self, namespace: Namespace, node: Node) -> None:
        etc = namespace.etc
        etc.mkdir(parents=True, exist_ok=True)
        lines = [f"nameserver {address}" for address in node.nameservers] + node.resolver_lines
        (etc / "resolv.conf").write_text("".join(f"{line}\n" for line in lines))
        hosts = ["127.0.0.1 localhost", "::1 localhost", *node.hosts]
        (etc / "hosts").write_text("".join(f"{line}\n" for line in hosts))
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")
        if isinstance(node, Client):
            (etc / "environment").write_text("".join(f"{line}\n" for line in node.system_environment))

    def _addresses(self, name: str) -> Iterable[str]:
        if name == "client":
            return _client(self.network.client)
        if name == "router":
            return [
                *_up("lan0", f"{ROUTER_LAN4}/24", f"{ROUTER_LAN6}/64"),
                *_up("office0", "10.30.0.1/24", "2a02:8071:30::1/64"),
                *_up("wan0", "100.70.0.2/30", "2a02:8071:ff::2/64", mtu=self.network.wan.mtu),
                "route add default via 100.70.0.1",
                "route add ::/0 via 2a02:8071:ff::1",
            ]
        if name == "isp":
            return [
                *_up("cust0", "100.70.0.1/30", "2a02:8071:ff::1/64", mtu=self.network.wan.mtu),
                *_up("up0", "100.70.1.2/30", "2a02:8071:fe::2/64"),
                "route add 10.0.0.0/8 via 100.70.0.2",
                "route add 2a02:8071::/32 via 2a02:8071:ff::2",
                "route add default via 100.70.1.1",
                "route add ::/0 via 2a02:8071:fe::1",
            ]
        if name == "office":
            addresses = [f"{address}/{64 if ':' in address else 24}" for address in _OFFICE_ADDRESSES]
            return [
                *_up("eth0", *addresses),
                "route add default via 10.30.0.1",
                "route add ::/0 via 2a02:8071:30::1",
            ]
        return self._internet_addresses()

    def _internet_addresses(self) -> list[str]:
        public = [API4, API6, API4_SECOND, RELAY4, PARKING4, UMBRELLA_BLOCK4, *PUBLIC_RESOLVERS]
        public += [address for addresses in THIRD_PARTIES.values() for address in addresses]
        return [
            *(
                f"address add {address}/{128 if ':' in address else 32} dev lo" + (" nodad" if ":" in address else "")
                for address in dict.fromkeys(public)
            ),
            *_up("eth0", "100.70.1.1/30", "2a02:8071:fe::1/64"),
            "route add default via 100.70.1.2",
            "route add ::/0 via 2a02:8071:fe::2",
        ]

    def _start(self, node: str, components: list[Component]) -> None:
        namespace = self.namespaces[node]
        wanted: set[Listen] = set()
        for number, component in enumerate(components):
            if shutil.which(component.program) is None:
                raise LabError(f"{component.program} is not installed; .ci/install-netlab does that")
            name = type(component).__name__.lower()
            folder = self.folder / f"{node}-{number}-{name}"
            folder.mkdir()
            argv = component.prepare(Place(folder, self.api_socket))
            namespace.start(name, argv, folder, component.says_ready)
            wanted |= component.listens
        if wanted:
            namespace.wait_for(wanted)


def _up(device: str, *addresses: str, mtu: int = 1500) -> list[str]:
    lines = [f"address add {address} dev {device}" + (" nodad" if ":" in address else "") for address in addresses]
    return [f"link set {device} mtu {mtu} up", *lines]


def _client(client: Client) -> list[str]:
    lines = [f"link set eth0 mtu {client.mtu} up"]
    if client.ipv4:
        lines.append(f"address add {CLIENT4}/24 dev eth0")
        # Without a default route the office is still reached, as a network without a way out has it.
        lines.append(f"route add {'default' if client.default_route else '10.0.0.0/8'} via {ROUTER_LAN4}")
    if client.ipv6:
        lines.append(f"address add {CLIENT6}/64 dev eth0 nodad")
        lines.append(f"route add {'::/0' if client.default_route else '2a02:8071::/32'} via {ROUTER_LAN6}")
    return lines


def _ruleset(node: Node) -> str:
    """One table for IPv4 and IPv6, with a chain for every hook that has rules."""
    chains = []
    for hook, priority in _PRIORITY.items():
        rules: list[str] = getattr(node, hook)
        kind = "nat" if hook in ("prerouting", "postrouting") else "filter"
        if rules:
            body = "\n".join([f"type {kind} hook {hook} priority {priority}", *rules])
            chains.append(f"chain {hook} {{\n{body}\n}}\n")
    return "table inet lab {\n" + "".join(chains) + "}\n" if chains else ""
