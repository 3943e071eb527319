"""What the TypeScript SDK on Node would do in this environment, and what a plain `fetch` would. Pure.

The theory. `new Anthropic()` reads its variables trimmed, and an empty one counts as unset. Everything
below its own headers is Node's `fetch`: URL, proxy, authorities (see `node`). A program that calls
`fetch` itself takes the same way with the headers that its author wrote; the API's own examples are
assumed for it.

Source: `client.mjs`, `internal/utils/env.mjs` and `lib/credentials/` of @anthropic-ai/sdk 0.137 and 1.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from claudecheck.clients import base_url, credentials, custom_headers, node, profiles, proxies, trust, urls, variables
from claudecheck.clients.base_url import BaseUrl
from claudecheck.clients.client import Client, NodePackage
from claudecheck.clients.credentials import API_KEY, AUTH_TOKEN
from claudecheck.clients.node import Choice, Node
from claudecheck.clients.profiles import Found
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Setting, Snapshot, Wanted
from claudecheck.clients.versions import release
from claudecheck.observations import AuthHeader, Concern, Interpreter, ProxyDetection
from claudecheck.route import ClientName, Credential, Endpoint, Plan, Proxy, Route, Secret

#: The rules of forms and profiles are shared with the Python SDK of the same time.
_RULES = Sdk()
_OWN = (API_KEY, AUTH_TOKEN, base_url.VARIABLE, custom_headers.VARIABLE)


@dataclass(frozen=True)
class Scene:
    """`snapshot` holds the SDK's own variables as it reads them: trimmed, and absent when empty."""

    client: ClientName
    snapshot: Snapshot
    node: Node
    old: bool  # 0.x: the key as x-api-key, beside a token
    api_key: str
    auth_token: str
    found: Found | None
    base: BaseUrl
    headers: dict[str, str]
    choice: Choice

    @property
    def official(self) -> bool:
        return self.base.endpoint is None or self.base.endpoint.official

    @property
    def key_header(self) -> AuthHeader:
        return "x-api-key" if self.old or self.client == "node" else "authorization"


def plan(snapshot: Snapshot, interpreter: Interpreter | None = None) -> Plan:  # noqa: ARG001  # one form for all clients
    return _planned(_read(snapshot, "typescript"))


def plan_fetch(snapshot: Snapshot) -> Plan:
    """A program that calls `fetch` by itself."""
    return _planned(_read(snapshot, "node"))


def _read(snapshot: Snapshot, client: ClientName) -> Scene:
    kept = {name: value for name, value in snapshot.variables.items() if name not in _OWN}
    own = {name: snapshot.get(name).strip() for name in _OWN if snapshot.get(name).strip()}
    read = replace(snapshot, variables=kept | own)
    program = snapshot.programs.get("typescript")
    old = client == "typescript" and bool(program and release(program.version)[:1] == (0,))
    key, token = own.get(API_KEY, ""), own.get(AUTH_TOKEN, "")
    found = profiles.find(read, _RULES) if client == "typescript" and not key and not token else None
    base = read_base(read, found)
    here = Node.of(snapshot)
    return Scene(
        client=client,
        snapshot=read,
        node=here,
        old=old,
        api_key=key,
        auth_token=token if client == "typescript" else "",
        found=found,
        base=base,
        headers=custom_headers.read(own.get(custom_headers.VARIABLE, "")) if client == "typescript" else {},
        choice=node.choose(snapshot, base.endpoint or Endpoint(), here),
    )


def read_base(snapshot: Snapshot, found: Found | None, *, refuses_user: bool = True) -> BaseUrl:
    """`new URL()` drops tabs and line breaks and forgives missing slashes; `fetch` refuses a user in a URL."""
    named = snapshot.get(base_url.VARIABLE)
    if not named and not (found and found.base_url):
        return BaseUrl(Endpoint())
    text = re.sub(r"[\t\r\n]", "", (named or (found.base_url if found else "")).strip())
    source = base_url.VARIABLE if named else (found.source if found else "")
    base = base_url.parse(re.sub(r"(?i)^(https?):[/\\]*", r"\1://", text), source)
    if refuses_user and (base.username or base.password):
        return replace(base, fault="holds a user or a password, which fetch refuses in a URL", suggestion="")
    return base


def _planned(scene: Scene) -> Plan:
    concerns = [concern for check in CHECKS for concern in check(scene)]
    choice, unused = scene.choice, known_proxy(scene.choice.unused)
    return Plan(
        route=_route(scene, unused) if scene.base.endpoint else None,
        concerns=tuple(concerns),
        detection=ProxyDetection(
            used=choice.proxy.shown if choice.proxy else "",
            source=choice.proxy.source if choice.proxy else "",
            system=unused.shown if unused else "",
            system_source=unused.source if unused else "",
            pac=urls.shown(scene.snapshot.pac),
        ),
    )


def _route(scene: Scene, unused: Proxy | None) -> Route:
    program = scene.snapshot.programs.get("typescript" if scene.client == "typescript" else "node")
    version = program.version if program else ""
    return Route(
        client=scene.client,
        client_version=version,
        endpoint=scene.base.endpoint or Endpoint(),
        credential=_credential(scene),
        api_version="2023-06-01" if scene.old else "2026-10-21",
        user_agent=f"Anthropic/JS {version}".rstrip() if scene.client == "typescript" else "node",
        headers=_headers(scene),
        proxy=scene.choice.proxy,
        bypassed_by=scene.choice.bypassed_by,
        known_proxy=unused,
        trust=node.trusted(scene.snapshot, scene.node),
        connect_timeout_s=10.0,  # undici's own limit
    )


def known_proxy(setting: Setting | None) -> Proxy | None:
    """A proxy that this machine names and this client does not use, as other clients read it."""
    parsed = proxies.parse(setting, _RULES, socks=True) if setting else None
    return parsed if isinstance(parsed, Proxy) else None


def _headers(scene: Scene) -> tuple[tuple[str, Secret], ...]:
    headers = scene.headers
    if scene.old and scene.api_key and scene.auth_token:
        headers = {"Authorization": f"Bearer {scene.auth_token}", **headers}
    return tuple((name, Secret(value)) for name, value in headers.items())


def _credential(scene: Scene) -> Credential:
    if scene.api_key:
        return static("api-key", API_KEY, scene.api_key, scene.key_header)
    if scene.auth_token:
        return static("auth-token", AUTH_TOKEN, scene.auth_token, "authorization")
    if scene.found:
        return Credential(sort=scene.found.sort, source=scene.found.source)
    return from_headers(scene.headers) or Credential(header=scene.key_header)


def static(sort: str, source: str, value: str, header: AuthHeader) -> Credential:
    return Credential(
        sort="api-key" if sort == "api-key" else "auth-token",
        source=source,
        secret=Secret(value),
        kind=credentials.kind_of(value),
        header=header,
    )


def from_headers(headers: dict[str, str]) -> Credential | None:
    """A credential that only ANTHROPIC_CUSTOM_HEADERS carries."""
    if key := custom_headers.lookup(headers, "x-api-key"):
        return static("api-key", custom_headers.VARIABLE, key, "x-api-key")
    scheme, _, token = custom_headers.lookup(headers, "authorization").partition(" ")
    if scheme.lower() == "bearer" and token:
        return static("auth-token", custom_headers.VARIABLE, token, "authorization")
    return None


# -- what can be wrong -------------------------------------------------------------------------------


def base_address(scene: Scene) -> Iterable[Concern]:
    return base_url.concerns(scene.base)


def proxy_settings(scene: Scene) -> Iterator[Concern]:
    choice = scene.choice
    if choice.fault:
        yield choice.fault
    elif choice.unused and not choice.bypassed_by and choice.proxy is None:
        setting = choice.unused
        yield Concern(
            kind="proxy-ignored",
            subject=setting.source,
            detail=f"{setting.source} is set, and {choice.why}",
            outcome="it connects directly",
            values={
                "variable": setting.source,
                "proxy_variable": setting.source,
                "value": urls.shown(setting.value),
                "suggestion": "" if "@" in setting.value else setting.value,
            },
        )


def missing_credential(scene: Scene) -> Iterator[Concern]:
    if _credential(scene).sort != "none" or custom_headers.lookup(scene.headers, "authorization"):
        return
    names = API_KEY if scene.client == "node" else f"neither {API_KEY} nor {AUTH_TOKEN}"
    told = f"{names} is {'not ' if scene.client == 'node' else ''}set"
    told += "" if scene.client == "node" else ", and there is no profile and no federation"
    yield Concern(kind="key-missing", subject=API_KEY, detail=told, values={"key_variable": API_KEY})


def faulty_credential(scene: Scene) -> Iterator[Concern]:
    key, token = (API_KEY, scene.api_key), (AUTH_TOKEN, scene.auth_token)
    sent = [one for one in ((key, token) if scene.old else (key if scene.api_key else token,)) if one[1]]
    for name, value in sent:
        yield from credential_concerns(name, value, official=scene.official)


def credential_concerns(name: str, value: str, *, official: bool) -> Iterator[Concern]:
    values = {"variable": name, "key_variable": name, "value": credentials.masked(value)}
    flaw = credentials.malformed(value, bearer=True, official=official, sdk=_RULES)
    if flaw:
        # `Headers` takes one byte a character, and no line break.
        stops = re.search(r"[^\x00-\xff]|[\x00\r\n]", value) is not None
        facts = ["stray-marks"] if flaw.stray_marks else []
        yield Concern(
            kind="key-malformed", subject=name, detail=flaw.detail, values=values, facts=facts, stops_client=stops
        )
    if told := credentials.wrong_kind(value, name, official=official, gateway=not official, sdk=_RULES):
        yield Concern(kind="key-wrong-kind", subject=name, detail=told, values=values)


def conflicting_credentials(scene: Scene) -> Iterator[Concern]:
    if scene.api_key and scene.auth_token and scene.api_key != scene.auth_token:
        sent = "sends both" if scene.old else f"sends {API_KEY}"
        told = f"{API_KEY} and {AUTH_TOKEN} are both set; this SDK {sent}, Claude Code the token"
        yield Concern(kind="credential-conflict", subject=AUTH_TOKEN, detail=told, values={"variable": AUTH_TOKEN})
    for name, value in ((API_KEY, scene.api_key), (AUTH_TOKEN, scene.auth_token)):
        header = scene.key_header if name == API_KEY else "authorization"
        custom = custom_headers.lookup(scene.headers, header)
        if value and custom and custom != (f"Bearer {value}" if header == "authorization" else value):
            told = f"its {header} header replaces the one of {name}"
            subject = custom_headers.VARIABLE
            yield Concern(kind="credential-conflict", subject=subject, detail=told, values={"variable": subject})


def unusable_profile(scene: Scene) -> Iterator[Concern]:
    if scene.found and scene.found.fault:
        values = {"variable": scene.found.source, "file": scene.found.file}
        yield Concern(
            kind="profile-invalid",
            subject=scene.found.source,
            detail=scene.found.fault,
            values=values,
            facts=scene.found.facts,
            stops_client=scene.found.stops,
        )


def unusable_headers(scene: Scene) -> Iterable[Concern]:
    if scene.client == "node":
        return ()
    return custom_headers.concerns(scene.snapshot.get(custom_headers.VARIABLE), _RULES)


def authorities(scene: Scene) -> Iterator[Concern]:
    yield from node.trust_concerns(scene.snapshot, "Node")
    reads_file = bool({"--use-openssl-ca", "--use-system-ca"} & node.options(scene.snapshot))
    read = [node.EXTRA, trust.FILE] if reads_file else [node.EXTRA]
    yield from node.ignored_authorities(scene.snapshot, read, "Node", node.EXTRA)


#: In the order in which Node and the SDK meet them.
CHECKS = (
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


def unread(snapshot: Snapshot) -> dict[str, str]:
    here = node.Node.of(snapshot)
    proxies_ = (*variables.HTTPS, *variables.HTTP, *variables.NO)
    found = variables.each((*variables.REQUESTS, *variables.CURL), f"name the file in {node.EXTRA}")
    found |= variables.each(variables.OAUTH, f"set it as {AUTH_TOKEN}")
    if not {"--use-openssl-ca", "--use-system-ca"} & node.options(snapshot):
        found |= variables.each(variables.SYSTEM_CA, f"NODE_OPTIONS=--use-openssl-ca, or name the file in {node.EXTRA}")
    if not node.enabled(snapshot, here):
        found |= variables.each(proxies_, node.needed(here))
    return found | variables.each(variables.ALL, f"name it in HTTPS_PROXY, and {node.needed(here)}")


def _files(snapshot: Snapshot) -> Iterator[Wanted]:
    yield from profiles.files(snapshot)
    yield from trust.files(snapshot)


CLIENT = Client(
    name="typescript",
    title="TypeScript SDK",
    called="the TypeScript SDK",
    plan=plan,
    found_by=NodePackage("@anthropic-ai/sdk"),
    ca=node.CA,
    unread=unread,
    files=_files,
    runtime="Node",
    sender="claudecheck.probes.senders.node_program:find",
)
