"""The hosts that Claude Code needs beside the API, what each is for, and which of them matter here. Pure.

Source: the documentation's page "network-config", copy of 2026-08-22. Telemetry and the pages of a browser's
extension are left out: nothing that a user waits for depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from claudecheck.clients import claude_code, providers
from claudecheck.clients.snapshot import Snapshot
from claudecheck.route import Credential, Endpoint, Proxy, Route

Need = Literal["login", "updates", "optional"]


@dataclass(frozen=True)
class Host:
    name: str
    purpose: str
    need: Need


HOSTS: tuple[Host, ...] = (
    Host("platform.claude.com", "sign-in, and the renewal of every login", "login"),
    Host("claude.ai", "the sign-in page of a subscription", "login"),
    Host("claude.com", "the sign-in page of a subscription", "login"),
    Host("downloads.claude.ai", "updates, plugins and the installer", "updates"),
    Host("mcp-proxy.anthropic.com", "connectors", "optional"),
)
#: Set to anything, also to 0, they end the search for updates, each in its own way.
NO_UPDATES = ("DISABLE_AUTOUPDATER", "DISABLE_UPDATES", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC")


@dataclass(frozen=True)
class Target:
    """One host to walk to. `address` and `port` differ from the host's own only where something stands in for it."""

    host: Host
    address: str
    port: int
    route: Route  # this client's way there, without a credential


@dataclass(frozen=True)
class Chosen:
    """`left_out` holds each host that is needed and not walked, and why."""

    targets: tuple[Target, ...] = ()
    left_out: tuple[tuple[Host, str], ...] = ()


def choose(shell: Snapshot, route: Route, stand_ins: Sequence[str] | None = None) -> Chosen:
    """Those that matter on this route: a key needs no login, and a provider's route none but the updates'.

    `shell` is the snapshot before the settings files; `stand_ins` are those of `ThirdParties`.
    """
    snapshot = claude_code.effective(shell)
    moot = next((name for name in NO_UPDATES if snapshot.get(name)), "")
    needs: list[Need] = ["login"] if _logs_in(route) else []
    needs += [] if moot else ["updates"]
    addresses = _addresses(stand_ins)
    return Chosen(
        targets=tuple(
            Target(host, *addresses[host.name], _way(snapshot, route, host.name))
            for host in HOSTS
            if host.need in needs and host.name in addresses
        ),
        left_out=tuple((host, moot) for host in HOSTS if moot and host.need == "updates" and host.name in addresses),
    )


def _logs_in(route: Route) -> bool:
    """With the stored login, and where there is nothing yet."""
    return route.provider in ("", providers.GATEWAY) and route.credential.sort in ("login", "none")


def _addresses(stand_ins: Sequence[str] | None) -> dict[str, tuple[str, int]]:
    if stand_ins is None:
        return {host.name: (host.name, 443) for host in HOSTS}
    found = {}
    for written in stand_ins:
        name, _, place = written.partition("=")
        address, _, port = place.rpartition(":")
        found[name] = (address, int(port))
    return found


def _way(snapshot: Snapshot, route: Route, name: str) -> Route:
    """The route to another host: NO_PROXY may name it and not the API's, or the other way round."""
    return replace(
        route, proxy=_proxy(snapshot, name), credential=Credential(), headers=(), server_name=None, connect_to=""
    )


def _proxy(snapshot: Snapshot, name: str) -> Proxy | None:
    value = claude_code.proxy_setting(snapshot)
    if value is None or claude_code.bypass(snapshot, Endpoint(host=name), at_start=True):
        return None
    parsed = claude_code.parse_proxy(value)
    return parsed if isinstance(parsed, Proxy) else None
