"""What Claude Code would do in this environment. Pure.

The theory. Its settings files are laid over the shell's variables first; everything below reads the
result. A provider's switch comes before anything else. Then the credential: a token stands before a key,
the other way round than in the SDKs. One proxy serves every request, whichever of four variables names
it. Node's own roots, the system's and NODE_EXTRA_CA_CERTS are all trusted.

Source: the documentation's pages "authentication", "settings", "network-config" and "env-vars", copy of
2026-08-22. The program itself was not run against this file; what NO_PROXY matches beyond `*` and names
written out is the least certain part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from claudecheck.clients import (
    base_url,
    claude_settings,
    credentials,
    custom_headers,
    node,
    profiles,
    providers,
    proxies,
    trust,
    variables,
)
from claudecheck.clients.base_url import BaseUrl
from claudecheck.clients.claude_settings import Settings
from claudecheck.clients.client import Client, Launcher, Stored
from claudecheck.clients.credentials import API_KEY, AUTH_TOKEN
from claudecheck.clients.node import Node
from claudecheck.clients.profiles import Found
from claudecheck.clients.providers import Selection
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Setting, Snapshot, Wanted
from claudecheck.clients.typescript_sdk import credential_concerns, from_headers, known_proxy, read_base, static
from claudecheck.observations import Concern, Interpreter, ProxyDetection
from claudecheck.route import Credential, Endpoint, Plan, Proxy, Route, Secret, Trust

OAUTH_TOKEN = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105  # a variable's name
CERT_STORE = "CLAUDE_CODE_CERT_STORE"
PROXY_NAMES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
_RULES = Sdk()
#: It brings its own runtime, whatever Node is installed.
_RUNTIME = Node()


@dataclass(frozen=True)
class Scene:
    """`snapshot` holds the variables after the settings files were laid over them."""

    snapshot: Snapshot
    settings: Settings
    provider: Selection | None  # by its switch
    base: BaseUrl
    credential: Credential
    found: Found | None
    headers: dict[str, str]
    setting: Setting | None  # the proxy's variable
    proxy: Proxy | Concern | None
    bypassed_by: str

    def place(self, name: str) -> str:
        """A variable's name, with the settings file that it comes from."""
        file = self.settings.sources.get(name)
        return f"{name} in {file}" if file else name


def bare(source: str) -> str:
    """The variable's name alone, without the settings file."""
    return source.partition(" in ")[0]


def plan(snapshot: Snapshot, interpreter: Interpreter | None = None) -> Plan:  # noqa: ARG001  # one form for all clients
    scene = _read(snapshot)
    used = scene.proxy if isinstance(scene.proxy, Proxy) and not scene.bypassed_by else None
    unused = known_proxy(scene.setting or node.all_proxy(scene.snapshot)) if used is None else None
    return Plan(
        route=_route(scene, used, unused) if scene.base.endpoint else None,
        concerns=tuple(concern for check in CHECKS for concern in check(scene)),
        detection=ProxyDetection(
            used=used.shown if used else "",
            source=used.source if used else "",
            system=unused.shown if unused else "",
            system_source=unused.source if unused else "",
            pac=proxies.shown(snapshot.pac),
        ),
    )


def effective(snapshot: Snapshot) -> Snapshot:
    """The snapshot as Claude Code sees it: `env` of its settings over the shell's variables."""
    return replace(snapshot, variables={**snapshot.variables, **claude_settings.read(snapshot).env})


def _read(shell: Snapshot) -> Scene:
    settings = claude_settings.read(shell)
    snapshot = effective(shell)
    provider = providers.switched_on(snapshot)
    foreign = _is_foreign(provider)
    needs_profile = not foreign and not any(map(snapshot.get, (AUTH_TOKEN, API_KEY, OAUTH_TOKEN)))
    found = profiles.find(snapshot, _RULES) if needs_profile and not settings.key_helper else None
    base = providers.base(provider, snapshot, providers.CLAUDE_CODE) if provider else read_base(snapshot, found)
    file = settings.sources.get(base.source)
    if file:
        base = replace(base, source=f"{base.source} in {file}")
        base = replace(base, endpoint=replace(base.endpoint, source=base.source) if base.endpoint else None)
    headers = custom_headers.read(snapshot.get(custom_headers.VARIABLE))
    setting = next((Setting(snapshot.get(name), name) for name in PROXY_NAMES if snapshot.get(name)), None)
    if setting and (place := settings.sources.get(setting.source)):
        setting = Setting(setting.value, f"{setting.source} in {place}")
    scene = Scene(
        snapshot=snapshot,
        settings=settings,
        provider=provider,
        base=base,
        credential=Credential(),
        found=found,
        headers=headers,
        setting=setting,
        proxy=parse_proxy(setting) if setting else None,
        bypassed_by=bypass(snapshot, base.endpoint or Endpoint()) if setting else "",
    )
    return scene if foreign else replace(scene, credential=_credential(scene))


def _is_foreign(provider: Selection | None) -> bool:
    """A provider with credentials of its own; a gateway takes Anthropic's."""
    return provider is not None and provider.provider.code != providers.GATEWAY


def _credential(scene: Scene) -> Credential:
    snapshot = scene.snapshot
    if token := snapshot.get(AUTH_TOKEN):
        return static("auth-token", scene.place(AUTH_TOKEN), token, "authorization")
    if key := snapshot.get(API_KEY):
        return static("api-key", scene.place(API_KEY), key, "x-api-key")
    if scene.settings.key_helper:  # its output is sent in both headers; it is not run here
        return Credential(sort="key-helper", source=f"apiKeyHelper in {scene.settings.key_helper}")
    if token := snapshot.get(OAUTH_TOKEN):
        return static("auth-token", scene.place(OAUTH_TOKEN), token, "authorization")
    if scene.found:
        return Credential(sort=scene.found.sort, source=scene.found.source)
    login = claude_settings.login_file(snapshot.variables, snapshot.home)
    if snapshot.file(login).exists:
        return Credential(sort="login", source=f"the login in {login}")
    return from_headers(scene.headers) or Credential(header="x-api-key")


# -- the helper that prints a key --------------------------------------------------------------------


@dataclass(frozen=True)
class KeyHelper:
    """The command of `apiKeyHelper`. It may hold a key itself: neither it nor its variables have a text form."""

    file: str
    command: str = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)
    own: bool  # the user's or the administrator's; a project's file may be anybody's
    alone: bool  # no other credential is there for this client; on macOS a login may lie in the keychain


def key_helper(shell: Snapshot) -> KeyHelper | None:
    """What Claude Code would run for a key. Its variables leave out what a project's files would set."""
    file = claude_settings.read(shell).key_helper
    if not file:
        return None
    own = _own_files(shell)
    set_there = (claude_settings.told_variables(_settings_in(shell, one)) for one in own)
    variables = {**shell.variables, **{name: value for told in set_there for name, value in told.items()}}
    login = claude_settings.login_file(shell.variables, shell.home)
    return KeyHelper(
        file=file,
        command=str(_settings_in(shell, file).get("apiKeyHelper", "")),
        variables=variables,
        own=file in own,
        alone=not (effective(shell).get(OAUTH_TOKEN) or shell.file(login).exists or shell.os == "Darwin"),
    )


def _own_files(shell: Snapshot) -> list[str]:
    """The user's settings and the administrator's, the weakest first."""
    user, *_, managed = claude_settings.paths(shell.variables, shell.os, shell.home, shell.cwd)
    folder = f"{claude_settings.managed_folder(shell.os)}/{claude_settings.DROP_INS}/"
    return [user, managed, *sorted(path for path in shell.files if path.startswith(folder))]


def _settings_in(shell: Snapshot, file: str) -> Mapping[str, Any]:
    return claude_settings.parse(shell.file(file).text) or {}


def with_key(route: Route, key: str) -> Route:
    """The route with what the helper printed, which goes out in both headers."""
    credential = replace(route.credential, secret=Secret(key), kind=credentials.kind_of(key), header="x-api-key")
    if any(name.lower() == "authorization" for name, _ in route.headers):
        return replace(route, credential=credential)
    bearer = ("Authorization", Secret(f"Bearer {key}"))
    return replace(route, credential=credential, headers=(bearer, *route.headers))


def _route(scene: Scene, used: Proxy | None, unused: Proxy | None) -> Route:
    program = scene.snapshot.programs.get("claude-code")
    version = program.version if program else ""
    return Route(
        client="claude-code",
        client_version=version,
        endpoint=scene.base.endpoint or Endpoint(),
        credential=scene.credential,
        api_version="2023-06-01",
        user_agent=f"claude-cli/{version}".rstrip("/"),
        headers=tuple((name, Secret(value)) for name, value in scene.headers.items()),
        proxy=used,
        bypassed_by=scene.bypassed_by,
        known_proxy=unused,
        trust=trusted(scene.snapshot),
        provider=scene.provider.provider.code if scene.provider else "",
        connect_timeout_s=10.0,
    )


# -- proxies and authorities -------------------------------------------------------------------------


def parse_proxy(setting: Setting) -> Proxy | Concern:
    """A value without a scheme stops the launch; SOCKS is not supported."""
    if "://" not in setting.value:
        return _refused("proxy-url-invalid", setting, "has no scheme, and Claude Code stops at launch", setting.value)
    if setting.value.lower().startswith("socks"):
        return _refused("proxy-scheme-unsupported", setting, "is a SOCKS proxy, which Claude Code does not support")
    parsed = node.parse(setting, _RUNTIME)
    if isinstance(parsed, Proxy):
        return parsed
    detail = parsed.detail.replace(": Node does not start", "")
    return _refused(parsed.kind, setting, f"{detail}, and Claude Code cannot use it")


def _refused(kind: str, setting: Setting, detail: str, schemeless: str = "") -> Concern:
    suggestion = f"http://{schemeless}" if schemeless and "@" not in schemeless else ""
    values = {
        "variable": bare(setting.source),
        "proxy_variable": bare(setting.source),
        "value": proxies.shown(setting.value),
        "suggestion": suggestion,
    }
    return Concern(kind=kind, subject=setting.source, detail=detail, values=values, stops_client=True)


def bypass(snapshot: Snapshot, endpoint: Endpoint) -> str:
    """The entry that takes the host off the proxy. Both spellings count; commas and blanks part the entries."""
    listed = f"{snapshot.get('NO_PROXY')} {snapshot.get('no_proxy')}"
    host = endpoint.host.lower()
    for entry in listed.replace(",", " ").split():
        name = entry.lower().removeprefix("*") if entry.startswith("*.") else entry.lower()
        if entry == "*" or name in (host, f"{host}:{endpoint.port}"):
            return entry
        if name.startswith(".") and (host.endswith(name) or host == name[1:]):
            return entry
    return ""


def trusted(snapshot: Snapshot) -> Trust:
    """CLAUDE_CODE_CERT_STORE chooses among its own roots and the system's; both by default."""
    stores = {part.strip() for part in (snapshot.get(CERT_STORE) or "bundled,system").split(",")}
    extra = [node.EXTRA] if node.loads_extra(snapshot) else []
    own = [] if stores == {"system"} else ["its own roots"]
    if stores == {"bundled"}:
        return node.with_own_roots(snapshot, Trust("bundled", source=node.together([*own, *extra])))
    system = node.system_trust(snapshot, node.together([*own, node.SYSTEM, *extra]))
    together = node.with_own_roots(snapshot, system)
    return replace(together, with_bundled=bool(own))


# -- what can be wrong -------------------------------------------------------------------------------


def provider_route(scene: Scene) -> Iterator[Concern]:
    if scene.provider:
        unknown = providers.address_unknown(scene.provider, scene.snapshot, providers.CLAUDE_CODE)
        yield unknown or providers.route_concern(scene.provider, scene.base, scene.place(scene.provider.variable))


def base_address(scene: Scene) -> Iterator[Concern]:
    """Commands need the bare name of the variable; the reader needs the file that it stands in."""
    told = providers.base_concerns if _is_foreign(scene.provider) else base_url.concerns
    for concern in told(replace(scene.base, source=bare(scene.base.source))):
        yield msgspec.structs.replace(concern, subject=scene.base.source)


def proxy_settings(scene: Scene) -> Iterator[Concern]:
    if isinstance(scene.proxy, Concern):
        yield scene.proxy
    setting = node.all_proxy(scene.snapshot)
    if scene.setting is None and setting:
        yield Concern(
            kind="proxy-ignored",
            subject=setting.source,
            detail=f"{setting.source} is set, and Claude Code does not read it: it connects directly",
            values={
                "variable": setting.source,
                "value": proxies.shown(setting.value),
                "suggestion": "" if "@" in setting.value or "socks" in setting.value else setting.value,
            },
        )


def missing_credential(scene: Scene) -> Iterator[Concern]:
    # On macOS a login lies in the keychain, where nobody looks without asking.
    if _is_foreign(scene.provider) or scene.credential.sort != "none" or scene.snapshot.os == "Darwin":
        return
    if custom_headers.lookup(scene.headers, "authorization"):
        return
    told = f"neither {AUTH_TOKEN} nor {API_KEY} is set, and there is no login, key helper or profile"
    yield Concern(kind="key-missing", subject=API_KEY, detail=told, values={"key_variable": API_KEY})


def faulty_credential(scene: Scene) -> Iterator[Concern]:
    name = bare(scene.credential.source)
    if name in (API_KEY, AUTH_TOKEN, OAUTH_TOKEN):
        official = scene.base.endpoint is None or scene.base.endpoint.official
        yield from credential_concerns(name, scene.credential.secret.reveal(), official=official)


def conflicting_credentials(scene: Scene) -> Iterator[Concern]:
    """Everything that stands behind the credential that wins, where it is set as well."""
    if _is_foreign(scene.provider) or scene.credential.sort == "none":
        return
    key, token = scene.snapshot.get(API_KEY), scene.snapshot.get(AUTH_TOKEN)
    login = claude_settings.login_file(scene.snapshot.variables, scene.snapshot.home)
    behind = [
        (API_KEY, bool(key) and key != token),
        ("apiKeyHelper", bool(scene.settings.key_helper)),
        (OAUTH_TOKEN, bool(scene.snapshot.get(OAUTH_TOKEN))),
        ("the stored login", scene.snapshot.file(login).exists),
    ]
    source = scene.credential.source
    hidden = [name for name, is_set in behind if is_set and not source.startswith((name, "the login"))]
    if hidden and bare(source) in (AUTH_TOKEN, API_KEY, OAUTH_TOKEN, "apiKeyHelper"):
        told = f"{source} wins over {' and '.join(hidden)}"
        told += f"; the SDKs send {API_KEY}" if API_KEY in hidden else ""
        yield Concern(kind="credential-conflict", subject=source, detail=told, values={"variable": bare(source)})


def unusable_profile(scene: Scene) -> Iterator[Concern]:
    if scene.found and scene.found.fault:
        yield Concern(
            kind="profile-invalid",
            subject=scene.found.source,
            detail=scene.found.fault,
            values={"variable": scene.found.source, "file": scene.found.file},
            stops_client=scene.found.stops,
        )


def unusable_headers(scene: Scene) -> Iterable[Concern]:
    return custom_headers.concerns(scene.snapshot.get(custom_headers.VARIABLE), _RULES)


def authorities(scene: Scene) -> Iterator[Concern]:
    yield from node.trust_concerns(scene.snapshot, "Claude Code")
    yield from node.ignored_authorities(scene.snapshot, (node.EXTRA, trust.FILE), "Claude Code", node.EXTRA)


#: In the order in which they decide.
CHECKS = (
    provider_route,
    proxy_settings,
    base_address,
    missing_credential,
    faulty_credential,
    conflicting_credentials,
    unusable_profile,
    unusable_headers,
    authorities,
)


# -- as one of the clients ---------------------------------------------------------------------------


def _unread(snapshot: Snapshot) -> dict[str, str]:
    return (
        variables.each(claude_settings.read(snapshot).unreadable, "write it as a JSON object")
        | variables.each((*variables.REQUESTS, *variables.CURL), f"name the file in {node.EXTRA}")
        | variables.each(variables.ALL, "name an http:// proxy in HTTPS_PROXY")
    )


def _files(snapshot: Snapshot) -> Iterator[Wanted]:
    yield from claude_settings.files(snapshot)
    yield from profiles.files(snapshot)
    yield from providers.files(snapshot)
    yield from trust.files(snapshot)
    named = claude_settings.read(snapshot).env
    for path in (named[name] for name in (trust.FILE, node.EXTRA) if named.get(name)):
        yield Wanted(path, authorities=True)


def _stored(snapshot: Snapshot) -> Stored:
    """Of every settings file, also of one that another hides: an error may quote it."""
    told = (claude_settings.parse(fact.text) or {} for fact in snapshot.files.values() if fact.text)
    return Stored(variables=tuple(claude_settings.told_variables(one) for one in told))


CLIENT = Client(
    name="claude-code",
    title="Claude Code",
    plan=plan,
    found_by=Launcher("claude"),
    ca=node.CA,
    unread=_unread,
    files=_files,
    stored=_stored,
    sender="claudecheck.probes.senders.node_program:find",
    key_helper="claudecheck.probes.senders.key_helper:resolve",
    further_hosts="claudecheck.clients.claude_code_hosts:choose",
)
