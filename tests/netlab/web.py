"""Web servers of the lab: nginx as the API's front, as a gateway, a portal or a filter; haproxy and stunnel."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.netlab.authority import Issued
from tests.netlab.component import HERE, Component, Place, write
from tests.netlab.namespace import Listen

#: What stands for the socket of the API's own logic in a configuration.
API_SOCKET = "@API_SOCKET@"


def to_api(behaviour: str = "") -> str:
    """An nginx location body that hands the request to the API; `behaviour` is a word of `api_server`."""
    return f"""
            proxy_pass http://unix:{API_SOCKET};
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Lab "{behaviour}";
            proxy_pass_header Server;
            proxy_pass_header Date;"""


@dataclass
class Site:
    """One nginx server. `certificate` makes it speak TLS; `location` is the body of `location /`."""

    location: str
    names: Sequence[str] = ("_",)
    addresses: Sequence[str] = ("0.0.0.0", "::")
    port: int = 443
    certificate: Issued | None = None
    settings: Sequence[str] = ()  # further lines of the server block
    default: bool = False
    files: dict[str, str] = field(default_factory=dict)  # written beside the configuration

    def block(self, place: Place, number: int) -> str:
        tls = " ssl http2" if self.certificate else ""
        listens = [
            f"listen {f'[{address}]' if ':' in address else address}:{self.port}{tls}"
            f"{' default_server' if self.default else ''};"
            for address in self.addresses
        ]
        lines = [*listens, f"server_name {' '.join(self.names)};", *self.settings]
        if self.certificate:
            path = self.certificate.save(place.folder, f"site{number}")
            lines += [f"ssl_certificate {path};", f"ssl_certificate_key {path};"]
        for name, text in self.files.items():
            write(place.folder / name, text)
        body = self.location.replace(API_SOCKET, str(place.api_socket))
        return "server {\n" + "\n".join(lines) + f"\nlocation / {{ {body}\n}}\n}}\n"


def nobody_here(addresses: Sequence[str] = ("0.0.0.0", "::")) -> str:
    """A server block that refuses names which no site has, as the edge in front of the API does."""
    listens = "".join(
        f"listen {f'[{address}]' if ':' in address else address}:443 ssl http2 default_server;\n"
        for address in addresses
    )
    return f"server {{ {listens} server_name _; ssl_reject_handshake on; }}\n"


@dataclass
class Nginx(Component):
    sites: list[Site] = field(default_factory=list)
    http: str = ""  # further text of the http block

    program = "nginx"

    @property
    def listens(self) -> set[Listen]:
        return {Listen(site.port) for site in self.sites}

    def prepare(self, place: Place) -> list[str]:
        config = f"""
            daemon off;
            user root;
            worker_processes 1;
            pid {place.folder}/nginx.pid;
            error_log stderr error;
            events {{ worker_connections 512; }}
            http {{
                access_log off;
                server_tokens on;
                default_type text/html;
                client_body_temp_path {place.folder}/body;
                proxy_temp_path {place.folder}/proxy;
                fastcgi_temp_path {place.folder}/fastcgi;
                uwsgi_temp_path {place.folder}/uwsgi;
                scgi_temp_path {place.folder}/scgi;
                map_hash_bucket_size 128;
                server_names_hash_bucket_size 128;
                client_max_body_size 40m;
                ssl_session_cache off;
                ssl_protocols TLSv1.2 TLSv1.3;
                {self.http}
                {"".join(site.block(place, number) for number, site in enumerate(self.sites))}
            }}
            """
        # The compiled-in log would be opened before the configuration is read.
        return ["nginx", "-e", "stderr", "-c", write(place.folder / "nginx.conf", config)]


@dataclass
class Haproxy(Component):
    """`sections` are its frontends and backends; `{folder}` and the API's socket are filled in."""

    sections: str
    ports: Sequence[int]
    certificates: dict[str, Issued] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    program = "haproxy"

    @property
    def listens(self) -> set[Listen]:
        return {Listen(port) for port in self.ports}

    def prepare(self, place: Place) -> list[str]:
        for name, issued in self.certificates.items():
            issued.save(place.folder, name)
        for name, text in self.files.items():
            write(place.folder / name, text)
        sections = self.sections.replace("@FOLDER@", str(place.folder)).replace(API_SOCKET, str(place.api_socket))
        config = f"""
global
    maxconn 500
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode tcp
    timeout connect 3s
    timeout client 60s
    timeout server 60s
{sections}
"""
        return ["haproxy", "-db", "-q", "-f", write(place.folder / "haproxy.cfg", config)]


@dataclass
class Stunnel(Component):
    """TLS in front of something plain. `options` are further lines of its service."""

    certificate: Issued
    connect: str  # host:port or a path of a socket
    port: int = 443
    options: Sequence[str] = ()
    files: dict[str, str] = field(default_factory=dict)

    program = "stunnel4"

    @property
    def listens(self) -> set[Listen]:
        return {Listen(self.port)}

    def prepare(self, place: Place) -> list[str]:
        path = self.certificate.save(place.folder, "stunnel")
        for name, text in self.files.items():
            write(place.folder / name, text)
        options = "\n".join(self.options)
        config = (
            f"foreground = yes\npid =\ndebug = 3\n[service]\naccept = :::{self.port}\n"
            f"connect = {self.connect.replace(API_SOCKET, str(place.api_socket))}\ncert = {path}\n{options}\n"
        )
        return ["stunnel4", write(place.folder / "stunnel.conf", config)]


@dataclass
class Middlebox(Component):
    """A small TCP listener of our own for behaviour that no product has on purpose: see `middlebox.py`."""

    behaviour: str
    port: int = 443
    banner: str = ""

    program = sys.executable

    @property
    def listens(self) -> set[Listen]:
        return {Listen(self.port)}

    def prepare(self, place: Place) -> list[str]:
        script = str(HERE / "middlebox.py")
        return [sys.executable, "-I", "-S", script, self.behaviour, str(self.port), self.banner]
