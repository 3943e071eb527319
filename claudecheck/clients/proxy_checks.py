"""What can be wrong with the proxies of a Python client, found without a packet. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from claudecheck.clients import proxies
from claudecheck.clients.proxies import Choice, Fault
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Setting, Snapshot
from claudecheck.clients.urls import shown
from claudecheck.observations import Concern
from claudecheck.route import Endpoint, Proxy


@dataclass(frozen=True)
class Scene:
    """Everything that the checks look at. `endpoint` is where requests go."""

    snapshot: Snapshot
    sdk: Sdk
    socks: bool
    endpoint: Endpoint
    choice: Choice

    @property
    def proxies_off(self) -> bool:
        """NO_PROXY=* : the client looks at nothing else, so nothing else can be wrong."""
        return self.choice.bypassed_by == "*"

    def parse(self, setting: Setting) -> Proxy | Fault:
        return proxies.parse(setting, self.sdk, socks=self.socks)


def concerns(scene: Scene) -> Iterator[Concern]:
    for check in CHECKS:
        yield from check(scene)


def unusable_proxy(scene: Scene) -> Iterable[Concern]:
    """Every proxy that is set is parsed when the client is built, used or not."""
    if scene.proxies_off:
        return
    for scheme in proxies.SCHEMES:
        setting = scene.choice.settings.get(scheme)
        fault = scene.parse(setting) if setting else None
        if isinstance(fault, Fault):
            yield Concern(
                kind=fault.code,
                subject=fault.setting.source,
                detail=fault.detail,
                values={
                    "variable": fault.setting.source,
                    "proxy_variable": fault.setting.source,
                    "value": shown(fault.setting.value),
                    "suggestion": fault.suggestion,
                },
                stops_client=True,
            )


def unreadable_bypass(scene: Scene) -> Iterable[Concern]:
    """An entry that cannot be parsed stops the client even where no proxy is set."""
    listed = scene.choice.settings.get("no")
    if listed is None or scene.proxies_off:
        return
    bad = [entry for entry in proxies.entries(listed.value) if proxies.unreadable_entry(entry, scene.sdk)]
    if bad:
        kept = [entry for entry in proxies.entries(listed.value) if entry not in bad]
        rewritten = [entry.strip("[]") for entry in bad if proxies.is_address(entry.strip("[]")) and "/" not in entry]
        yield Concern(
            kind="no-proxy-invalid",
            subject=listed.source,
            detail=f"the SDK raises InvalidURL for {', '.join(bad)} when the client is built",
            values={
                "variable": listed.source,
                "value": ", ".join(bad),
                "suggestion": ",".join(dict.fromkeys(kept + rewritten)),
            },
            stops_client=True,
        )


def ineffective_bypass(scene: Scene) -> Iterable[Concern]:
    """Entries parted by blanks become one entry that matches nothing; so does *.name for its own names."""
    listed = scene.choice.settings.get("no")
    if listed is None or scene.proxies_off or not _proxied(scene):
        return
    merged = [entry for entry in proxies.entries(listed.value) if re.search(r"[\s;]", entry)]
    host = scene.endpoint.host
    starred = [e for e in proxies.entries(listed.value) if e.startswith("*.") and host.endswith(e[1:])]
    if not merged and (not starred or scene.choice.setting is None):
        return
    fixed = [part.removeprefix("*") for part in re.split(r"[\s;,]+", listed.value) if part]
    why = "its entries are parted by something else than commas" if merged else f"{starred[0]} is taken literally"
    yield Concern(
        kind="no-proxy-invalid",
        subject=listed.source,
        detail=f"{why}: no host matches, and the proxy is used",
        values={"variable": listed.source, "value": listed.value, "suggestion": ",".join(fixed)},
    )


def differing_spellings(scene: Scene) -> Iterable[Concern]:
    """Upper and lower case differ: Python takes the lower one, other clients may not."""
    variables = scene.snapshot.variables
    for scheme in (scene.endpoint.scheme, "all"):
        lower, upper = f"{scheme}_proxy", f"{scheme}_proxy".upper()
        if lower not in variables or not variables.get(upper) or _same(scene, variables[lower], variables[upper]):
            continue
        taken = f"takes {lower}" if variables[lower] else f"takes {lower}, which is empty: no proxy"
        yield Concern(
            kind="proxy-variables-conflict",
            subject=upper,
            detail=f"{upper} is {shown(variables[upper])}, {lower} is {shown(variables[lower]) or 'empty'}; "
            f"the SDK {taken}",
            values={"variable": upper, "proxy_variable": lower, "value": shown(variables[upper])},
        )


def differing_bypasses(scene: Scene) -> Iterable[Concern]:
    """NO_PROXY and no_proxy differ, and for this host it matters which one counts."""
    variables = scene.snapshot.variables
    if "no_proxy" not in variables or not variables.get("NO_PROXY"):
        return
    other = {**scene.choice.settings, "no": Setting(variables["NO_PROXY"], "NO_PROXY")}
    if proxies.choose(other, scene.endpoint, scene.sdk).setting == scene.choice.setting:
        return
    yield Concern(
        kind="proxy-variables-conflict",
        subject="NO_PROXY",
        detail=f"NO_PROXY and no_proxy differ, and they decide differently for {scene.endpoint.host}; "
        "the SDK takes no_proxy",
        values={"variable": "NO_PROXY", "proxy_variable": "no_proxy", "value": variables["NO_PROXY"]},
    )


def plain_http_only(scene: Scene) -> Iterable[Concern]:
    """HTTP_PROXY is for http:// targets; Claude Code and others use it for https as well."""
    setting = scene.choice.settings.get("http")
    if setting is None or setting.source == proxies.SYSTEM or scene.endpoint.scheme != "https" or scene.proxies_off:
        return
    if scene.choice.setting is not None or scene.choice.bypassed is not None:
        return
    meant = {**scene.choice.settings, "https": setting}
    if proxies.choose(meant, scene.endpoint, scene.sdk).setting is None:
        return  # NO_PROXY would take the host off it anyway
    name = "https_proxy" if setting.source.islower() else "HTTPS_PROXY"
    yield Concern(
        kind="proxy-variables-conflict",
        subject=setting.source,
        detail=f"only {setting.source} is set, and the SDK uses it for http:// targets only",
        outcome="it connects directly",
        values={
            "variable": setting.source,
            "proxy_variable": name,
            "value": shown(setting.value),
            "suggestion": _without_login(setting.value),
        },
    )


def ignored_proxy(scene: Scene) -> Iterable[Concern]:
    """The system has a proxy, and any variable, even NO_PROXY alone, keeps Python from looking there."""
    system = scene.snapshot.system_proxies
    value = system.get(scene.endpoint.scheme) or system.get("all")
    if scene.choice.setting is not None or scene.choice.bypassed_by:
        return
    if value and not _from_system(scene):
        names = ", ".join(sorted(name for name in scene.snapshot.variables if name.lower().endswith("_proxy")))
        yield Concern(
            kind="proxy-ignored",
            subject=proxies.SYSTEM,
            detail=f"the system's proxy {shown(value)} is not used, because {names} is set",
            values={"variable": names, "value": shown(value), "suggestion": _without_login(value)},
        )
    socks = next((name for name in ("SOCKS_PROXY", "socks_proxy") if scene.snapshot.get(name)), "")
    if socks:
        yield Concern(
            kind="proxy-ignored",
            subject=socks,
            detail=f"{socks} is set, and the SDK reads HTTPS_PROXY and ALL_PROXY only",
            outcome="it connects directly",
            values={
                "variable": socks,
                "proxy_variable": "ALL_PROXY",
                "value": shown(scene.snapshot.get(socks)),
                "suggestion": _without_login(scene.snapshot.get(socks)),
            },
        )


def unused_script(scene: Scene) -> Iterable[Concern]:
    if scene.snapshot.pac and scene.choice.setting is None and not scene.choice.bypassed_by:
        yield Concern(
            kind="proxy-pac-unused",
            subject=proxies.SYSTEM,
            detail=f"the system finds its proxies with {shown(scene.snapshot.pac)}; the SDK connects directly",
            values={"value": shown(scene.snapshot.pac)},
        )


def _without_login(value: str) -> str:
    """A value that can be pasted; with userinfo it cannot be shown, and without it would not work."""
    return "" if "@" in value else value


def _proxied(scene: Scene) -> bool:
    return any(scheme in scene.choice.settings for scheme in (scene.endpoint.scheme, "all"))


def _from_system(scene: Scene) -> bool:
    return any(setting.source == proxies.SYSTEM for setting in scene.choice.settings.values())


def _same(scene: Scene, one: str, other: str) -> bool:
    """Do two values lead to the same proxy, however they are written?"""
    if one == other:
        return True
    first, second = (scene.parse(Setting(value, "")) for value in (one, other))
    return isinstance(first, Proxy) and first == second


Check = Callable[[Scene], Iterable[Concern]]

#: In the order in which the client meets them.
CHECKS: tuple[Check, ...] = (
    unusable_proxy,
    unreadable_bypass,
    ineffective_bypass,
    differing_spellings,
    differing_bypasses,
    plain_http_only,
    ignored_proxy,
    unused_script,
)
