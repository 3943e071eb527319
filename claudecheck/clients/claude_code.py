"""What Claude Code would do in this environment. Pure.

The theory. Its settings files are laid over the shell's variables first; everything below reads the
result. A provider's switch comes before anything else. A token goes out as Authorization, a key as
x-api-key, and where both are set both are sent. One proxy serves every request, whichever of six
variables names it. Its own roots, the system's, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE and SSL_CERT_DIR are
all trusted; the last two only when the shell sets them.

Source: the program itself, 2.1.332, run in the environments of `tests/claude_code_cases.py`; for providers,
profiles and managed settings the documentation's pages "authentication", "settings" and "network-config".
Its calls at start-up differ from the message in places (NO_PROXY without a dot, ALL_PROXY); only the message's
way is told here.
"""

from __future__ import annotations

import base64
import ipaddress
import re
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
    trust,
    urls,
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
from claudecheck.route import Credential, Endpoint, Plan, Proxy, Route, Secret, Trust, place

#: Where a credential comes from that no variable holds, in words.
KEY_HELPER, LOGIN = "apiKeyHelper", "the login"
OAUTH_TOKEN = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105  # a variable's name
CERT_STORE = "CLAUDE_CODE_CERT_STORE"
PROXY_NAMES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
#: Read after those. The launch does not check them, and one that cannot be read ends every message.
LAST_PROXY_NAMES = ("all_proxy", "ALL_PROXY")
_RULES = Sdk()
#: It brings its own runtime, whatever Node is installed.
_RUNTIME = Node()


@dataclass(frozen=True)
class Scene:
    """`snapshot` holds the variables after the settings files were laid over them, `shell` those before."""

    shell: Snapshot
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

    def file(self, name: str) -> str:
        """The settings file that a variable comes from; empty for one of the shell."""
        return self.settings.sources.get(name, "")


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
            pac=urls.shown(snapshot.pac),
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
    base = providers.base(provider, snapshot, providers.CLAUDE_CODE) if provider else _base(snapshot, found)
    if file := settings.sources.get(base.source):
        base = replace(base, file=file, endpoint=replace(base.endpoint, file=file) if base.endpoint else None)
    headers = custom_headers.read(snapshot.get(custom_headers.VARIABLE))
    setting = proxy_setting(snapshot)
    if setting:
        setting = replace(setting, file=settings.sources.get(setting.source, ""))
    scene = Scene(
        shell=shell,
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


def _base(snapshot: Snapshot, found: Found | None) -> BaseUrl:
    """As the SDK in it reads it, but for a user in the URL, which it sends, and a host with a port and no scheme."""
    variables = dict(snapshot.variables)
    text = variables.pop(base_url.VARIABLE, "").strip()
    if text:
        variables[base_url.VARIABLE] = f"http://{text}" if re.fullmatch(r"[a-zA-Z][\w.-]*:\d+(/.*)?", text) else text
    base = read_base(replace(snapshot, variables=variables), found, refuses_user=False)
    if re.search(r"[?#]", text) and not base.fault:
        whole = re.split(r"[?#]", text)[0]
        fault = "has a query or a fragment, behind which the path of every request would go"
        return replace(base, fault=fault, suggestion="" if "@" in whole else whole)
    return base


def _is_foreign(provider: Selection | None) -> bool:
    """A provider with credentials of its own; a gateway takes Anthropic's."""
    return provider is not None and provider.provider.code != providers.GATEWAY


def _credential(scene: Scene) -> Credential:
    """The one that stands first by the documentation; what is sent beside it is in `_headers`."""
    snapshot = scene.snapshot
    if token := snapshot.get(AUTH_TOKEN).strip():
        return replace(static("auth-token", AUTH_TOKEN, token, "authorization"), file=scene.file(AUTH_TOKEN))
    if key := snapshot.get(API_KEY).strip():
        return replace(static("api-key", API_KEY, key, "x-api-key"), file=scene.file(API_KEY))
    if scene.settings.key_helper:  # its output is sent in both headers; it is not run here
        return Credential(sort="key-helper", source=KEY_HELPER, file=scene.settings.key_helper)
    if token := snapshot.get(OAUTH_TOKEN).strip():
        return replace(static("auth-token", OAUTH_TOKEN, token, "authorization"), file=scene.file(OAUTH_TOKEN))
    login = claude_settings.login_file(snapshot.variables, snapshot.home)
    if snapshot.file(login).exists:
        return Credential(sort="login", source=LOGIN, file=login)
    if scene.found:
        return Credential(sort=scene.found.sort, source=scene.found.source)
    return from_headers(scene.headers) or Credential(header="x-api-key")


def _headers(scene: Scene) -> dict[str, str]:
    """The custom ones, and the second credential: a key beside a token, a user in the base URL beside a key.

    A custom x-api-key takes the place of the key, a custom Authorization goes out beside it; a token wins over it.
    """
    headers, token = dict(scene.headers), scene.snapshot.get(AUTH_TOKEN).strip()
    if token:
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        key = scene.snapshot.get(API_KEY).strip()
        return {"x-api-key": key, **headers} if key else headers
    base = scene.base
    if (base.username or base.password) and not custom_headers.lookup(headers, "authorization"):
        userinfo = base64.b64encode(f"{base.username}:{base.password}".encode()).decode()
        return {"Authorization": f"Basic {userinfo}", **headers}
    return headers


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


def wants_helper(route: Route) -> bool:
    """Its output goes out in each of the two headers that nothing else fills."""
    sent = {name.lower() for name, _ in route.headers}
    if route.credential.secret:
        sent.add(route.credential.header)
    takes = route.credential.sort in ("key-helper", "api-key", "auth-token")
    return takes and not {"x-api-key", "authorization"} <= sent


def with_key(route: Route, key: str) -> Route:
    """The route with what the helper printed, in the headers that nothing else fills."""
    if route.credential.sort != "key-helper":
        has_token = route.credential.header == "authorization"
        beside = ("x-api-key", Secret(key)) if has_token else ("Authorization", Secret(f"Bearer {key}"))
        return replace(route, headers=(beside, *route.headers))
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
        user_agent=f"claude-cli/{version} (external, cli)".replace("/ ", " "),
        headers=tuple((name, Secret(value)) for name, value in _headers(scene).items()),
        proxy=used,
        bypassed_by=scene.bypassed_by,
        known_proxy=unused,
        trust=trusted(scene.snapshot, scene.shell),
        provider=scene.provider.provider.code if scene.provider else "",
        connect_timeout_s=10.0,  # ours: it has none of its own, and waits for minutes
    )


# -- proxies and authorities -------------------------------------------------------------------------


#: Without a scheme it takes a host with a port, and nothing else.
_BARE = re.compile(r"(?:\[[0-9a-f:.]+\]|[\w.-]+):\d+/?")
#: Blanks and quotes have no place in a host.
_URL = re.compile(r"(?i)(https?):[/\\]*((?:[^/\\?#]*@)?(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d*)?)(?:[/\\?#].*)?")


def proxy_setting(snapshot: Snapshot) -> Setting | None:
    """The variable that names the proxy: the first that is set. One of all schemes is left alone for another scheme."""
    first = next((Setting(snapshot.get(name), name) for name in PROXY_NAMES if snapshot.get(name)), None)
    if first is not None:
        return first
    last = next((Setting(snapshot.get(name), name) for name in LAST_PROXY_NAMES if snapshot.get(name)), None)
    return None if last is None or re.match(r"(?i)\s*(?!https?:)[a-z][a-z0-9+.-]*://", last.value) else last


def parse_proxy(setting: Setting) -> Proxy | Concern:
    """What cannot be read as a URL stops the launch; what is no http:// proxy, every message."""
    value = re.sub(r"[\t\r\n]", "", setting.value).strip()
    if _BARE.fullmatch(value):
        value = f"http://{value}"
    if told := _URL.fullmatch(value):
        parsed = node.parse(replace(setting, value=f"{told[1]}://{told[2]}"), _RUNTIME)
        if isinstance(parsed, Proxy):
            return parsed
    scheme = value.partition("://")[0].lower() if "://" in value else ""
    if scheme.startswith("socks"):
        return _refused("proxy-scheme-unsupported", setting, "is a SOCKS proxy, which Claude Code does not support")
    if re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) and not scheme.startswith("http"):
        detail = f"has the scheme {scheme}://, which Claude Code cannot use"
        return _refused("proxy-scheme-unsupported", setting, detail)
    detail = "cannot be read as a URL, and Claude Code stops at launch"
    return _refused("proxy-url-invalid", setting, detail, "" if scheme else value)


def _refused(kind: str, setting: Setting, detail: str, schemeless: str = "") -> Concern:
    suggestion = f"http://{schemeless}" if schemeless and "@" not in schemeless else ""
    values = {
        "variable": setting.source,
        "proxy_variable": setting.source,
        "value": urls.shown(setting.value),
        "suggestion": suggestion,
    }
    return Concern(kind=kind, subject=setting.place, detail=detail, values=values, stops_client=True)


def bypass(snapshot: Snapshot, endpoint: Endpoint, *, at_start: bool = False) -> str:
    """The entry that takes the host off the proxy. The lower case counts alone where it is not empty.

    Commas and blanks separate the entries. A name covers the names below it, with or without a dot or star in
    front; a network covers the addresses in it; a port has to be the endpoint's. A URL matches nothing. For the
    calls `at_start`, and for every host but the message's, a name without a dot in front is that name alone.
    """
    host = endpoint.host.lower().removesuffix(".")
    for entry in (snapshot.get("no_proxy") or snapshot.get("NO_PROXY")).replace(",", " ").split():
        name, _, port = entry.lower().rpartition(":") if re.search(r"[^:]:\d+$", entry) else (entry.lower(), "", "")
        if at_start and name[:1] not in (".", "*") and name != host:
            continue
        name = name.removeprefix("*.").removeprefix(".").removesuffix(".")
        if entry == "*" or (port in ("", str(endpoint.port)) and _covers(name, host)):
            return entry
    return ""


def _covers(name: str, host: str) -> bool:
    if "/" not in name:
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def trusted(snapshot: Snapshot, shell: Snapshot) -> Trust:
    """CLAUDE_CODE_CERT_STORE chooses among its own roots and the system's; both by default.

    SSL_CERT_FILE and SSL_CERT_DIR add to the system's, where that is read; a settings file cannot set them.
    """
    stores = {part.strip() for part in (snapshot.get(CERT_STORE) or "bundled,system").split(",")}
    extra = [node.EXTRA] if node.loads_extra(snapshot) else []
    own = [] if stores == {"system"} else ["its own roots"]
    if stores == {"bundled"}:
        return node.with_own_roots(snapshot, Trust("bundled", source=node.together([*own, *extra])))
    added = [name for name in (trust.FILE, trust.DIRECTORY) if _holds_any(shell, name)]
    system = node.system_trust(snapshot, node.together([*own, node.SYSTEM, *added, *extra]))
    further = (shell.get(trust.FILE),) if trust.FILE in added else ()
    folders = shell.get(trust.DIRECTORY) if trust.DIRECTORY in added else ""
    together = node.with_own_roots(snapshot, replace(system, capath=folders, further=further))
    return replace(together, with_bundled=bool(own))


def _holds_any(shell: Snapshot, name: str) -> bool:
    """What is empty or missing adds nothing, and breaks nothing."""
    paths = [shell.get(name)] if name == trust.FILE else trust.folders(shell.get(name), shell.os)
    known = (shell.file(path).authorities for path in paths)
    return any(one.fingerprints for one in known if one)


# -- what can be wrong -------------------------------------------------------------------------------


def provider_route(scene: Scene) -> Iterator[Concern]:
    if scene.provider:
        unknown = providers.address_unknown(scene.provider, scene.snapshot, providers.CLAUDE_CODE)
        yield unknown or providers.route_concern(
            scene.provider, scene.base, place(scene.provider.variable, scene.file(scene.provider.variable))
        )


def base_address(scene: Scene) -> Iterator[Concern]:
    """Commands need the bare name of the variable; the reader needs the file that it stands in."""
    told = providers.base_concerns if _is_foreign(scene.provider) else base_url.concerns
    for concern in told(scene.base):
        yield msgspec.structs.replace(concern, subject=place(scene.base.source, scene.base.file))


def proxy_settings(scene: Scene) -> Iterator[Concern]:
    if isinstance(scene.proxy, Concern):
        yield scene.proxy
    setting = node.all_proxy(scene.snapshot)
    if scene.setting is None and setting:
        yield Concern(
            kind="proxy-ignored",
            subject=setting.source,
            detail=f"{setting.source} names no http:// proxy, and Claude Code takes no other",
            outcome="it connects directly",
            values={
                "variable": setting.source,
                "value": urls.shown(setting.value),
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
    name = scene.credential.source
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
        (KEY_HELPER, bool(scene.settings.key_helper)),
        (OAUTH_TOKEN, bool(scene.snapshot.get(OAUTH_TOKEN))),
        ("the stored login", scene.snapshot.file(login).exists),
    ]
    source = scene.credential.source
    hidden = [name for name, is_set in behind if is_set and name != source]
    if hidden and source in (AUTH_TOKEN, API_KEY, OAUTH_TOKEN, KEY_HELPER):
        subject = place(source, scene.credential.file)
        told = f"{subject} comes before {' and '.join(hidden)}"
        if API_KEY in hidden:
            told += f"; both are sent, {API_KEY} as x-api-key; the SDKs send {API_KEY} alone"
        yield Concern(kind="credential-conflict", subject=subject, detail=told, values={"variable": source})


def unusable_profile(scene: Scene) -> Iterator[Concern]:
    if scene.found and scene.found.fault:
        yield Concern(
            kind="profile-invalid",
            subject=scene.found.source,
            detail=scene.found.fault,
            values={"variable": scene.found.source, "file": scene.found.file},
            facts=scene.found.facts,
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
    found = variables.each(claude_settings.read(snapshot).unreadable, "write it as a JSON object")
    found |= variables.each((*variables.REQUESTS, *variables.CURL), f"name the file in {node.EXTRA}")
    if _ignores_all_proxy(snapshot):
        found |= variables.each(variables.ALL, "name an http:// proxy in HTTPS_PROXY")
    return found


def _ignores_all_proxy(snapshot: Snapshot) -> bool:
    chosen = proxy_setting(effective(snapshot))
    return chosen is None or chosen.source not in LAST_PROXY_NAMES


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
