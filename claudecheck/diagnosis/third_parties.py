"""The hosts that a run may talk to beside its route: is the rest of the network fine? Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from claudecheck.clients.whole_number import whole_number


@dataclass(frozen=True)
class ThirdParties:
    """Named in the README; left out with `--local-only`; no credential is ever sent to one."""

    controls: tuple[str, ...] = ("www.cloudflare.com", "www.google.com")
    resolvers: tuple[str, ...] = ("1.1.1.1", "8.8.8.8")
    resolvers_named: bool = False  # by the user, who may mean them to know private names
    dns_over_https: str = "https://cloudflare-dns.com/dns-query"
    status_page: str = "https://status.claude.com/api/v2/summary.json"
    #: Pages whose answer is known: status, and what the body begins with.
    portals: tuple[tuple[str, int, str], ...] = (
        ("http://connectivitycheck.gstatic.com/generate_204", 204, ""),
        ("http://captive.apple.com/hotspot-detect.html", 200, "success"),
    )
    #: What stands in for the hosts that Claude Code needs beside the API, as "NAME=HOST:PORT"; one that is not
    #: among them is left out. None: they themselves.
    claude_code_hosts: tuple[str, ...] | None = None

    def within(self, hosts: Collection[str]) -> ThirdParties:
        """Those whose host is among `hosts`; the hosts that Claude Code itself needs are no third parties."""
        return replace(
            self,
            controls=tuple(control for control in self.controls if host_and_port(control)[0] in hosts),
            resolvers=tuple(resolver for resolver in self.resolvers if resolver in hosts),
            dns_over_https=self.dns_over_https if urlsplit(self.dns_over_https).hostname in hosts else "",
            status_page=self.status_page if urlsplit(self.status_page).hostname in hosts else "",
            portals=tuple(portal for portal in self.portals if urlsplit(portal[0]).hostname in hosts),
        )


NO_THIRD_PARTIES = ThirdParties(
    controls=(), resolvers=(), dns_over_https="", status_page="", portals=(), claude_code_hosts=()
)


def host_and_port(written: str) -> tuple[str, int]:
    """A control as it is written: "HOST" or "HOST:PORT"; 443 when it names no port."""
    host, _, port = written.rpartition(":")
    number = whole_number(port, least=1, most=65535)
    return (host, number) if host and ":" not in host and number is not None else (written, 443)
