"""The shape of a fault, and whether this machine can show it. Opens nothing but a probe of `::1`."""

from __future__ import annotations

import platform
import socket
import ssl
from dataclasses import dataclass, field
from typing import Literal

from claudecheck.failures import Stage
from claudecheck.lab.loopback import has_ipv6
from claudecheck.lab.parts import Setup
from claudecheck.report import EXIT_OF_LAYER, ExitCode

#: "localhost-ipv6": this machine's own files give `localhost` an IPv6 address as well.
Need = Literal["", "ipv6", "localhost-ipv6", "strict-x509"]


@dataclass(frozen=True)
class Fault:
    """One way to be wrong, and the verdict that it must end in.

    `problem` is the culprit's code when `exit_code` is not 0, else the code of a warning or an
    information that must be among the findings, or None. `systems` is empty when it works
    everywhere. `by_variation`: one walk of the route shows only a look-alike; a variation tells.
    """

    name: str
    layer: Stage
    problem: str | None
    exit_code: int
    summary: str
    setup: Setup = field(default_factory=Setup, repr=False)
    systems: tuple[str, ...] = ()
    needs: Need = ""
    by_variation: bool = False

    def available(self) -> bool:
        return not self.unavailable_because()

    def unavailable_because(self) -> str:
        """Why this machine cannot show it, in words; empty when it can."""
        if self.systems and platform.system() not in self.systems:
            return f"needs {' or '.join(self.systems)}"
        if self.needs == "localhost-ipv6" and not _localhost_has_ipv6():
            return "needs an IPv6 address for localhost in the hosts file"
        if self.needs in ("ipv6", "localhost-ipv6") and not has_ipv6():
            return "needs IPv6 on loopback"
        if self.needs == "strict-x509" and not strict_by_default():
            return "needs Python 3.13 or later, which checks certificates more strictly"
        return ""


def _localhost_has_ipv6() -> bool:
    try:
        return bool(socket.getaddrinfo("localhost", 443, socket.AF_INET6, socket.SOCK_STREAM))
    except OSError:
        return False


def strict_by_default() -> bool:
    """Whether this Python's default TLS context makes the strict X.509 checks (it does since 3.13)."""
    return bool(ssl.create_default_context().verify_flags & ssl.VERIFY_X509_STRICT)


def stops(
    name: str,
    layer: Stage,
    summary: str,
    setup: Setup,
    *,
    problem: str = "",
    systems: tuple[str, ...] = (),
    needs: Need = "",
    by_variation: bool = False,
) -> Fault:
    """A fault that the client does not get past. Its problem is its name, unless it is a variant of one."""
    return Fault(
        name=name,
        layer=layer,
        problem=problem or name,
        exit_code=EXIT_OF_LAYER[layer.value],
        summary=summary,
        setup=setup,
        systems=systems,
        needs=needs,
        by_variation=by_variation,
    )


def tells(
    name: str,
    layer: Stage,
    summary: str,
    setup: Setup,
    *,
    problem: str = "",
    systems: tuple[str, ...] = (),
    needs: Need = "",
) -> Fault:
    """One that the client gets past: a warning or an information, and exit code 0."""
    return Fault(
        name=name,
        layer=layer,
        problem=problem or name,
        exit_code=ExitCode.HEALTHY,
        summary=summary,
        setup=setup,
        systems=systems,
        needs=needs,
    )
