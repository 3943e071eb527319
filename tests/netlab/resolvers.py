"""Name servers of the lab: unbound, dnsmasq and BIND, honest or not."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.netlab.addresses import OFFICE_RESOLVER, default_names
from tests.netlab.component import Component, Place, write
from tests.netlab.namespace import Listen

Names = Mapping[str, Sequence[str]]

DNS = {Listen(53, "tcp"), Listen(53, "udp")}


def record_type(address: str) -> str:
    return "AAAA" if ipaddress.ip_address(address).version == 6 else "A"


@dataclass
class Unbound(Component):
    """Authoritative for `names`; any other name does not exist. `server` are further lines of its server clause."""

    names: Names = field(default_factory=default_names)
    addresses: Sequence[str] = (OFFICE_RESOLVER,)
    server: Sequence[str] = ()
    clauses: str = ""
    forget: Sequence[str] = ()  # names that get no record here, because `server` says something else of them
    closed: bool = True  # every name but those given does not exist
    https_port: int = 0  # DNS over HTTPS without TLS, for a web server in front

    program = "unbound"

    @property
    def listens(self) -> set[Listen]:
        return DNS | ({Listen(self.https_port)} if self.https_port else set())

    def prepare(self, place: Place) -> list[str]:
        lines = [f"interface: {address}@53" for address in self.addresses]
        if self.https_port:
            lines += [f"interface: 127.0.0.1@{self.https_port}", f"https-port: {self.https_port}",
                      "http-notls-downstream: yes"]  # fmt: skip
        lines += ['local-zone: "." static'] if self.closed else []
        for name, addresses in self.names.items():
            if name not in self.forget:
                lines += [f'local-data: "{name}. 60 {record_type(address)} {address}"' for address in addresses]
        lines += self.server
        config = f"""
            server:
                username: ""
                chroot: ""
                directory: "{place.folder}"
                pidfile: ""
                use-syslog: no
                logfile: ""
                num-threads: 1
                msg-cache-size: 1m
                rrset-cache-size: 1m
                module-config: "iterator"
                do-not-query-localhost: no
                access-control: 0.0.0.0/0 allow
                access-control: ::/0 allow
                {_indented(lines)}
            remote-control:
                control-enable: no
            {self.clauses}
            """
        return ["unbound", "-d", "-c", write(place.folder / "unbound.conf", config)]


def _indented(lines: Sequence[str]) -> str:
    return ("\n" + " " * 16).join(lines)


@dataclass
class Dnsmasq(Component):
    """A small router's resolver. `arguments` are its own options, without the dashes."""

    names: Names = field(default_factory=default_names)
    addresses: Sequence[str] = (OFFICE_RESOLVER,)
    arguments: Sequence[str] = ()
    forget: Sequence[str] = ()
    closed: bool = True

    program = "dnsmasq"

    @property
    def listens(self) -> set[Listen]:
        return DNS

    def prepare(self, place: Place) -> list[str]:
        hosts = [
            f"{address} {name}"
            for name, addresses in self.names.items()
            if name not in self.forget
            for address in addresses
        ]
        arguments = [f"listen-address={address}" for address in self.addresses]
        arguments += ["address=/#/"] if self.closed else []
        return [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--no-resolv",
            "--no-hosts", "--bind-interfaces", "--log-facility=-",
            f"--addn-hosts={write(place.folder / 'names', _lines(hosts))}",
            *(f"--{argument}" for argument in [*arguments, *self.arguments]),
        ]  # fmt: skip


def _lines(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines)


@dataclass
class Bind(Component):
    """BIND. `policy` are records of a response policy zone, the way in which large networks filter names."""

    names: Names = field(default_factory=default_names)
    addresses: Sequence[str] = (OFFICE_RESOLVER,)
    policy: Sequence[str] = ()
    options: Sequence[str] = ()
    broken: Sequence[str] = ()  # zones whose file is missing: BIND answers SERVFAIL for them
    delegated: Mapping[str, str] = field(default_factory=dict)  # zone: address of its name server

    program = "named"
    says_ready = "all zones loaded"

    @property
    def listens(self) -> set[Listen]:
        return DNS

    def prepare(self, place: Place) -> list[str]:
        head = "$TTL 60\n@ SOA ns.invalid. admin.invalid. 1 3600 600 86400 60\n@ NS ns.invalid.\n"
        glue = "ns.invalid. A 192.0.2.53\n"
        records = [
            f"{name}. {record_type(address)} {address}"
            for name, addresses in self.names.items()
            for address in addresses
        ]
        for zone, address in self.delegated.items():
            records += [f"{zone}. NS ns.{zone}.", f"ns.{zone}. A {address}"]
        write(place.folder / "root.zone", head + glue + _lines(records))
        write(place.folder / "policy.zone", head + _lines(self.policy))
        listen4 = "".join(f"{address}; " for address in self.addresses if ":" not in address)
        listen6 = "".join(f"{address}; " for address in self.addresses if ":" in address)
        zones = [f'zone "{name}" {{ type primary; file "{place.folder}/missing.zone"; }};' for name in self.broken]
        if self.policy:
            zones.append(f'zone "policy" {{ type primary; file "{place.folder}/policy.zone"; }};')
        # A policy zone acts on recursive answers only unless it is told otherwise.
        policy = 'response-policy { zone "policy"; } qname-wait-recurse no;' if self.policy else ""
        config = f"""
            options {{
                directory "{place.folder}";
                pid-file none;
                session-keyfile none;
                listen-on {{ {listen4} }};
                listen-on-v6 {{ {listen6 or "none;"} }};
                recursion yes;
                allow-recursion {{ any; }};
                dnssec-validation no;
                {policy}
                {_indented(self.options)}
            }};
            controls {{ }};
            zone "." {{ type primary; file "{place.folder}/root.zone"; }};
            {_indented(zones)}
            """
        return ["named", "-g", "-n", "1", "-c", write(place.folder / "named.conf", config)]
