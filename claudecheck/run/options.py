"""What the user asked for, and the third parties that a run may talk to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from claudecheck.route import ClientName, Family


@dataclass(frozen=True)
class ThirdParties:
    """Hosts beside the route: is the rest of the network fine? Named in the README; left out with
    `--local-only`; no credential is ever sent to one.
    """

    controls: tuple[str, ...] = ("www.cloudflare.com", "www.google.com")
    resolvers: tuple[str, ...] = ("1.1.1.1", "8.8.8.8")
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


def host_and_port(written: str) -> tuple[str, int]:
    """A control as it is written: "HOST" or "HOST:PORT"; 443 when it names no port."""
    host, colon, port = written.rpartition(":")
    return (host, int(port)) if colon and port.isdigit() and "]" not in port and ":" not in host else (written, 443)


NO_THIRD_PARTIES = ThirdParties(
    controls=(), resolvers=(), dns_over_https="", status_page="", portals=(), claude_code_hosts=()
)


def _silent(_stage: str, _detail: str) -> None:
    """Nobody is watching the progress."""


@dataclass(frozen=True)
class Options:
    """`timeout_s` bounds the whole run; `python` is a path; `announce` hears which step is under way."""

    timeout_s: float = 30.0
    message: bool = True
    client: ClientName | None = None  # None: the Python SDK, and with it the provider that the environment selects
    family: Family = "any"  # other than "any": addresses of one family only, for the message too
    python: str | None = None
    model: str | None = None
    patience_s: float | None = None  # what each step and request may take; None: what the client gives it
    local_only: bool = False
    strict: bool = False
    demo: bool = False
    resolver: str = "system"  # the demo's nameserver instead of the system's
    command: str = "doctor"
    third_parties: ThirdParties = field(default_factory=ThirdParties)
    announce: Callable[[str, str], None] = _silent

    @property
    def others(self) -> ThirdParties:
        """Those that this run may talk to."""
        return NO_THIRD_PARTIES if self.local_only else self.third_parties

    @property
    def step_s(self) -> float:
        """What a connect or a handshake may take: the SDK's own 5 s, less when the whole run is short."""
        return self.limit_s(min(5.0, self.timeout_s / 4))

    def limit_s(self, usual: float) -> float:
        """What a step may take that usually gets `usual` seconds."""
        return usual if self.patience_s is None else self.patience_s
