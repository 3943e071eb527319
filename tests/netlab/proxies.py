"""Proxies of the lab: squid, tinyproxy, dante and mitmproxy, as companies configure them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.netlab.addresses import OFFICE_PROXY, OFFICE_RESOLVER
from tests.netlab.authority import Authority
from tests.netlab.component import Component, Place, write
from tests.netlab.namespace import Listen

PROXY_USER, PROXY_PASSWORD = "anna", "s3cret-Pa55"

_CERTIFICATE_HELPER = "/usr/lib/squid/security_file_certgen"


@dataclass
class Squid(Component):
    """`bump` makes it inspect TLS with that authority; `transparent` takes redirected connections on 3129."""

    auth: Literal["", "basic", "ntlm", "negotiate"] = ""
    rules: Sequence[str] = ()  # access lines that stand before "allow all"
    settings: Sequence[str] = ()
    bump: Authority | None = None
    port: int = 3128
    transparent: bool = False
    upstream_roots: str = ""  # PEM: whom it believes when it inspects
    nameserver: str = OFFICE_RESOLVER

    program = "squid"

    @property
    def listens(self) -> set[Listen]:
        return {Listen(self.port)} | ({Listen(3129)} if self.transparent else set())

    def prepare(self, place: Place) -> list[str]:
        place.folder.chmod(0o777)  # squid gives up root and writes here as "proxy"
        ports = [f"http_port {self.port}{self._bump_options(place)}"]
        if self.transparent:
            ports.append(f"https_port 3129 intercept{self._bump_options(place)}")
        lines = [*ports, *self._bump_rules(place), *self._auth_lines(place), *self.rules]
        config = "\n".join(
            [
                f"visible_hostname {OFFICE_PROXY}",
                f"pid_filename {place.folder}/squid.pid",
                f"cache_log {place.folder}/cache.log",
                "access_log none",
                "cache deny all",
                "cache_mem 8 MB",
                "max_filedescriptors 1024",
                "shutdown_lifetime 0 seconds",
                "connect_timeout 3 seconds",
                "forward_timeout 4 seconds",
                "pinger_enable off",
                f"dns_nameservers {self.nameserver}",
                "acl CONNECT method CONNECT",
                *lines,
                *(self._require_login() if self.auth else ["http_access allow all"]),
                *self.settings,
                "",
            ]
        )
        return ["squid", "-N", "-f", write(place.folder / "squid.conf", config)]

    def _bump_options(self, place: Place) -> str:
        if self.bump is None:
            return ""
        path = write(place.folder / "inspection.pem", self.bump.root_with_key_pem)
        return f" ssl-bump tls-cert={path} generate-host-certificates=on dynamic_cert_mem_cache_size=4MB"

    def _bump_rules(self, place: Place) -> list[str]:
        if self.bump is None:
            return []
        database = place.folder / "certificates"
        subprocess.run(
            [_CERTIFICATE_HELPER, "-c", "-s", str(database), "-M", "4MB"], capture_output=True, check=True, timeout=20
        )
        for path in [database, *database.rglob("*")]:
            shutil.chown(path, "proxy", "proxy")
        roots = write(place.folder / "upstream.pem", self.upstream_roots)
        return [
            f"sslcrtd_program {_CERTIFICATE_HELPER} -s {database} -M 4MB",
            "sslcrtd_children 1 startup=1 idle=1",
            f"tls_outgoing_options cafile={roots}",
            "acl first at_step SslBump1",
            "ssl_bump peek first",
            "ssl_bump bump all",
        ]

    def _auth_lines(self, place: Place) -> list[str]:
        if self.auth == "basic":
            hashed = subprocess.run(
                ["openssl", "passwd", "-apr1", PROXY_PASSWORD], capture_output=True, text=True, check=True, timeout=20
            ).stdout.strip()
            users = write(place.folder / "users", f"{PROXY_USER}:{hashed}\n")
            return [
                f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {users}",
                "auth_param basic children 1 startup=1 idle=1",
                "auth_param basic realm Corp Example Proxy",
            ]
        if self.auth == "ntlm":
            return [
                "auth_param ntlm program /usr/lib/squid/ntlm_fake_auth",
                "auth_param ntlm children 1 startup=1 idle=1",
            ]
        if self.auth == "negotiate":
            # The helper has no keytab and so accepts nobody: only the offer matters here.
            return [
                "auth_param negotiate program /usr/lib/squid/negotiate_kerberos_auth -s HTTP/proxy.corp.example",
                "auth_param negotiate children 1 startup=0 idle=1",
            ]
        return []

    @staticmethod
    def _require_login() -> list[str]:
        return ["acl known proxy_auth REQUIRED", "http_access allow known", "http_access deny all"]


@dataclass
class Tinyproxy(Component):
    denied: Sequence[str] = ()  # patterns of hosts
    settings: Sequence[str] = ()
    port: int = 8888

    program = "tinyproxy"

    @property
    def listens(self) -> set[Listen]:
        return {Listen(self.port)}

    def prepare(self, place: Place) -> list[str]:
        denied = write(place.folder / "denied", "".join(f"{pattern}\n" for pattern in self.denied))
        lines = [
            f"Port {self.port}",
            "Listen 0.0.0.0",
            "Timeout 30",
            "MaxClients 50",
            "LogLevel Critical",
            *([f'Filter "{denied}"', "FilterExtended On", "FilterURLs Off"] if self.denied else []),
            *self.settings,
        ]
        return ["tinyproxy", "-d", "-c", write(place.folder / "tinyproxy.conf", "\n".join(lines) + "\n")]


@dataclass
class Dante(Component):
    """SOCKS. `rules` stand before the rule that passes everything."""

    rules: str = ""
    method: Literal["none", "username"] = "none"
    port: int = 1080

    program = "danted"

    @property
    def listens(self) -> set[Listen]:
        return {Listen(self.port)}

    def prepare(self, place: Place) -> list[str]:
        config = f"""
logoutput: stderr
internal: 0.0.0.0 port = {self.port}
external: eth0
clientmethod: none
socksmethod: {self.method}
user.privileged: root
user.unprivileged: root
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
{self.rules}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""
        return ["danted", "-f", write(place.folder / "danted.conf", config)]


@dataclass
class Mitmproxy(Component):
    """`mode` is "regular" (a configured proxy) or "transparent" (connections that the router redirects)."""

    authority: Authority
    mode: Literal["regular", "transparent"] = "transparent"
    port: int = 8080
    options: Sequence[str] = ()
    upstream_roots: str = ""

    program = "mitmdump"

    @property
    def listens(self) -> set[Listen]:
        return {Listen(self.port)}

    def prepare(self, place: Place) -> list[str]:
        write(place.folder / "mitmproxy-ca.pem", self.authority.root_with_key_pem)
        roots = write(place.folder / "upstream.pem", self.upstream_roots)
        settings = [
            f"confdir={place.folder}",
            f"ssl_verify_upstream_trusted_ca={roots}",
            "connection_strategy=lazy",
            "flow_detail=0",
            "termlog_verbosity=error",
            *self.options,
        ]
        return [
            "mitmdump", "--mode", self.mode, "--listen-port", str(self.port),
            *(part for setting in settings for part in ("--set", setting)),
        ]  # fmt: skip
