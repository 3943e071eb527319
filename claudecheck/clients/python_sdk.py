"""What the Python SDK would do in this environment: `anthropic.Anthropic()` without an argument. Pure.

The theory. `Anthropic()` reads its environment once, when it is built: the base URL, the credential
by five sources, extra headers, proxies, authorities. This file reads the same things in the same
order from a snapshot. What the SDK would choose becomes the route; what would make it raise, fail
or surprise becomes a concern. The route is given even where the client would raise, so that the
network is examined as well.

Source: `_client.py`, `_base_client.py` and `lib/credentials/` of anthropic 0.75, 0.125, 1.17 and 2.12.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from claudecheck.clients import (
    base_url,
    credentials,
    custom_headers,
    profiles,
    providers,
    proxies,
    proxy_checks,
    trust,
    urls,
    variables,
)
from claudecheck.clients.base_url import BaseUrl
from claudecheck.clients.client import Client, InPython, Stored
from claudecheck.clients.credentials import API_KEY, AUTH_TOKEN
from claudecheck.clients.profiles import Found
from claudecheck.clients.providers import Selection
from claudecheck.clients.proxies import Choice
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import Setting, Snapshot, Wanted
from claudecheck.observations import AuthHeader, Concern, Interpreter, ProxyDetection
from claudecheck.route import Credential, Endpoint, Plan, Proxy, Route, Secret, Trust, names_this_machine

_CREDENTIAL_HEADERS = ("Authorization", "X-Api-Key")


@dataclass(frozen=True)
class Scene:
    """What was read, in the order in which the SDK reads it."""

    snapshot: Snapshot
    interpreter: Interpreter
    sdk: Sdk
    api_key: str
    auth_token: str
    found: Found | None  # a profile or federation, where neither key nor token is set
    base: BaseUrl
    headers: dict[str, str]
    selection: Selection | None = None  # the provider whose class the program is taken to use

    @property
    def official(self) -> bool:
        return self.base.endpoint is None or self.base.endpoint.official

    @property
    def gateway(self) -> bool:
        """Another machine than the API's and this one answers: it may have credentials of its own."""
        return not self.official and not (self.base.endpoint and names_this_machine(self.base.endpoint.host))


def plan(snapshot: Snapshot, interpreter: Interpreter) -> Plan:
    """`Anthropic()`, whatever else the environment selects."""
    return _plan(_read(snapshot, interpreter), CHECKS)


def plan_of_selected(snapshot: Snapshot, interpreter: Interpreter) -> Plan:
    """The SDK's class for the provider that the environment selects; `Anthropic()` where it selects none."""
    scene = _read(snapshot, interpreter)
    selection = providers.switched_on(snapshot) or (None if _is_configured(scene) else providers.pointed_to(snapshot))
    if selection is None:
        return _plan(scene, CHECKS)
    base = providers.base(selection, snapshot, _fallback(scene))
    if selection.provider.code == providers.GATEWAY:  # `Anthropic()` with its credentials, at ANTHROPIC_BASE_URL
        return _plan(replace(scene, base=base, selection=selection), GATEWAY_CHECKS)
    without = replace(scene, api_key="", auth_token="", found=None, headers={})
    return _plan(replace(without, base=base, selection=selection), PROVIDER_CHECKS)


def _is_configured(scene: Scene) -> bool:
    """A credential or an address of Anthropic's own API is set: then provider variables beside it select nothing."""
    return bool(scene.api_key or scene.auth_token or scene.found or _sent_by_header(scene)) or bool(
        scene.snapshot.get(base_url.VARIABLE)
    )


def _sent_by_header(scene: Scene) -> bool:
    names = scene.headers if scene.sdk.knows_headers_as_written else [name.title() for name in scene.headers]
    return any(custom_headers.lookup(scene.headers, name.lower()) for name in names if name in _CREDENTIAL_HEADERS)


def _fallback(scene: Scene) -> providers.Fallback:
    return providers.OLD_SDK if scene.sdk.generation == 0 else providers.Fallback()


def _plan(scene: Scene, checks: tuple[Check, ...]) -> Plan:
    snapshot, interpreter = scene.snapshot, scene.interpreter
    endpoint = scene.base.endpoint or Endpoint()
    choice = proxies.choose(proxies.read(snapshot), endpoint, scene.sdk)
    proxy_scene = proxy_checks.Scene(snapshot, scene.sdk, interpreter.socks, endpoint, choice)
    chosen_trust = trust.choose(snapshot, scene.sdk, interpreter)
    proxy = _usable(choice.setting, proxy_scene)
    known = _known_proxy(snapshot, choice, proxy, proxy_scene)
    concerns = [concern for check in checks for concern in check(scene)]
    concerns += proxy_checks.concerns(proxy_scene)
    concerns += trust.concerns(trust.Scene(snapshot, scene.sdk, interpreter, endpoint, chosen_trust))
    return Plan(
        route=_route(scene, proxy, known, choice, chosen_trust) if scene.base.endpoint else None,
        concerns=tuple(concerns),
        detection=ProxyDetection(
            used=proxy.shown if proxy else "",
            source=proxy.source if proxy else "",
            system=known.shown if known else "",
            system_source=known.source if known else "",
            pac=urls.shown(snapshot.pac),
        ),
    )


def _read(snapshot: Snapshot, interpreter: Interpreter) -> Scene:
    sdk = Sdk.of(interpreter)
    api_key, auth_token = snapshot.get(API_KEY), snapshot.get(AUTH_TOKEN)
    variables = snapshot.variables
    if variables.get(API_KEY) == "" and sdk.key_hides_token:
        auth_token = ""
    stated = not sdk.empty_is_unset and (API_KEY in variables or AUTH_TOKEN in variables)
    found = None if api_key or auth_token or stated else profiles.find(snapshot, sdk)
    base = base_url.read(snapshot, found.base_url, found.source) if found else base_url.read(snapshot)
    headers = custom_headers.read(snapshot.get(custom_headers.VARIABLE)) if sdk.has_profiles else {}
    return Scene(snapshot, interpreter, sdk, api_key, auth_token, found, base, headers)


def _route(scene: Scene, proxy: Proxy | None, known: Proxy | None, choice: Choice, chosen_trust: Trust) -> Route:
    return Route(
        client="python",
        client_version=scene.interpreter.sdk,
        endpoint=scene.base.endpoint or Endpoint(),
        credential=_credential(scene),
        api_version=scene.sdk.api_version,
        user_agent=f"Anthropic/Python {scene.interpreter.sdk}".rstrip(),
        headers=_headers(scene),
        proxy=proxy,
        bypassed_by=choice.bypassed_by if choice.bypassed else "",
        known_proxy=known,
        trust=chosen_trust,
        provider=scene.selection.provider.code if scene.selection else "",
    )


def _headers(scene: Scene) -> tuple[tuple[str, Secret], ...]:
    """The custom ones, and what the SDK sends as Authorization beside its own credential header."""
    headers = dict(scene.headers)
    if not scene.found and _userinfo(scene.base):
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["Authorization"] = "Basic " + base64.b64encode(_userinfo(scene.base).encode()).decode()
    elif scene.sdk.sends_both_credentials and scene.api_key and scene.auth_token:
        headers = {"Authorization": f"Bearer {scene.auth_token}", **headers}
    elif scene.sdk.sends_empty_key and scene.auth_token and scene.snapshot.variables.get(API_KEY) == "":
        headers = {"X-Api-Key": "", **headers}
    return tuple((name, Secret(value)) for name, value in headers.items())


def _userinfo(base: BaseUrl) -> str:
    """User and password in the base URL: httpx makes an Authorization header of them, over any other."""
    return f"{base.username}:{base.password}" if base.username or base.password else ""


def _credential(scene: Scene) -> Credential:
    """What reaches the API as the credential. Generations 0 and 1 may send both; the key is then told."""
    if scene.api_key:
        return _static("api-key", API_KEY, scene.api_key, scene.sdk.key_header)
    if scene.auth_token:
        return _static("auth-token", AUTH_TOKEN, scene.auth_token, "authorization")
    if scene.found:
        return Credential(sort=scene.found.sort, source=scene.found.source)
    if key := custom_headers.lookup(scene.headers, "x-api-key"):
        return _static("api-key", custom_headers.VARIABLE, key, "x-api-key")
    scheme, _, token = custom_headers.lookup(scene.headers, "authorization").partition(" ")
    if scheme.lower() == "bearer" and token:
        return _static("auth-token", custom_headers.VARIABLE, token, "authorization")
    if scheme:  # another scheme: the header carries it
        return Credential(sort="auth-token", source=custom_headers.VARIABLE)
    return Credential(header=scene.sdk.key_header)


def _static(sort: str, source: str, value: str, header: AuthHeader) -> Credential:
    return Credential(
        sort="api-key" if sort == "api-key" else "auth-token",
        source=source,
        secret=Secret(value),
        kind=credentials.kind_of(value),
        header=header,
    )


# -- proxies -----------------------------------------------------------------------------------------


def _usable(setting: Setting | None, scene: proxy_checks.Scene) -> Proxy | None:
    parsed = scene.parse(setting) if setting else None
    return parsed if isinstance(parsed, Proxy) else None


def _known_proxy(snapshot: Snapshot, choice: Choice, used: Proxy | None, scene: proxy_checks.Scene) -> Proxy | None:
    """The first proxy that something on this machine uses and this client does not, for this host."""
    scheme = scene.endpoint.scheme
    beside = [choice.bypassed, choice.settings.get("http"), *_emptied(snapshot, scheme)]
    beside += [
        Setting(value, proxies.SYSTEM)
        for value in (snapshot.system_proxies.get(scheme), snapshot.system_proxies.get("http"))
        if value
    ]
    beside += snapshot.known_proxies
    for setting in beside:
        proxy = _usable(setting, scene)
        if proxy and (used is None or (proxy.host, proxy.port) != (used.host, used.port)):
            return proxy
    return None


def _emptied(snapshot: Snapshot, scheme: str) -> Iterator[Setting]:
    """What stands in capitals behind an empty variable in lower case: other clients take it."""
    for name in (f"{scheme}_proxy", "all_proxy"):
        if snapshot.variables.get(name) == "" and snapshot.get(name.upper()):
            yield Setting(snapshot.get(name.upper()), name.upper())


# -- what can be wrong -------------------------------------------------------------------------------


def sdk_state(scene: Scene) -> Iterable[Concern]:
    interpreter = scene.interpreter
    values = {"python": interpreter.path, "version": interpreter.sdk}
    if not interpreter.ok:
        return  # the interpreter's own failure says it
    if not interpreter.sdk:
        told = "has no package anthropic"
        yield Concern(kind="sdk-missing", subject=interpreter.path, detail=told, values=values)
    elif interpreter.generation == 0:
        told = (
            f"anthropic {interpreter.sdk} uses httpx and certifi and sends the key as x-api-key; "
            "2.x uses the system's store and sends it as a bearer token"
        )
        yield Concern(kind="sdk-outdated", subject=interpreter.path, detail=told, values=values)


def base_address(scene: Scene) -> Iterable[Concern]:
    return base_url.concerns(scene.base)


def missing_credential(scene: Scene) -> Iterable[Concern]:
    if scene.api_key or scene.auth_token or scene.found or _sent_by_header(scene):
        return
    empty = [name for name in (API_KEY, AUTH_TOKEN) if name in scene.snapshot.variables]
    told = f"{' and '.join(empty)} is set, and empty" if empty else f"neither {API_KEY} nor {AUTH_TOKEN} is set"
    if scene.sdk.has_profiles:
        told += ", and there is no profile and no federation"
    yield Concern(kind="key-missing", subject=API_KEY, detail=told, values={"key_variable": API_KEY})


def malformed_credential(scene: Scene) -> Iterable[Concern]:
    for name, value in _stated(scene):
        bearer = name == AUTH_TOKEN or scene.sdk.key_header == "authorization"
        flaw = credentials.malformed(value, bearer=bearer, official=scene.official, sdk=scene.sdk)
        if flaw is not None:
            values = {"variable": name, "key_variable": name, "value": credentials.masked(value)}
            yield Concern(
                kind="key-malformed",
                subject=name,
                detail=flaw.detail,
                values=values,
                facts=["stray-marks"] if flaw.stray_marks else [],
                stops_client=flaw.stops_client,
            )
    if (
        scene.sdk.sends_both_credentials
        and not scene.sdk.empty_is_unset
        and scene.snapshot.variables.get(AUTH_TOKEN) == ""
    ):
        told = "is set, and empty: this SDK sends it all the same, as a header without a token"
        values = {"variable": AUTH_TOKEN, "key_variable": AUTH_TOKEN}
        yield Concern(kind="key-malformed", subject=AUTH_TOKEN, detail=told, values=values, stops_client=True)


def wrong_kind_of_credential(scene: Scene) -> Iterable[Concern]:
    for name, value in _stated(scene):
        if told := credentials.wrong_kind(value, name, official=scene.official, gateway=scene.gateway, sdk=scene.sdk):
            values = {"variable": name, "key_variable": name, "value": credentials.masked(value)}
            yield Concern(kind="key-wrong-kind", subject=name, detail=told, values=values)


def _stated(scene: Scene) -> list[tuple[str, str]]:
    """The credential variables that go on the wire."""
    both = [(API_KEY, scene.api_key), (AUTH_TOKEN, scene.auth_token)]
    stated = [(name, value) for name, value in both if value]
    return stated if scene.sdk.sends_both_credentials else stated[:1]


def conflicting_credentials(scene: Scene) -> Iterable[Concern]:
    key, token = scene.api_key, scene.auth_token
    if key and token and key != token:
        sent = "sends both" if scene.sdk.sends_both_credentials else f"sends {API_KEY}"
        yield _conflict(AUTH_TOKEN, f"{API_KEY} and {AUTH_TOKEN} are both set; this SDK {sent}, Claude Code the token")
    winner = API_KEY if key else AUTH_TOKEN
    if (key or token) and scene.sdk.has_profiles and (shadowed := profiles.is_configured(scene.snapshot)):
        yield _conflict(winner, f"{winner} is set, and stands before {shadowed}, which is configured as well")
    yield from _replaced(scene)


def _replaced(scene: Scene) -> Iterable[Concern]:
    """A custom header, or a user in the base URL, takes the credential's place on the wire."""
    for name, value in _stated(scene):
        header = scene.sdk.key_header if name == API_KEY else "authorization"
        sent = f"Bearer {value}" if header == "authorization" else value
        custom = custom_headers.lookup(scene.headers, header)
        if custom and custom != sent:
            yield _conflict(custom_headers.VARIABLE, f"its {header} header replaces the one of {name}")
        elif header == "authorization" and _userinfo(scene.base):
            yield _conflict(scene.base.source, f"its user and password replace {name} in the Authorization header")


def _conflict(subject: str, detail: str) -> Concern:
    return Concern(kind="credential-conflict", subject=subject, detail=detail, values={"variable": subject})


def unusable_profile(scene: Scene) -> Iterable[Concern]:
    found = scene.found
    if found and found.fault:
        place = f"{found.file}: " if found.file not in ("", found.source) else ""
        yield Concern(
            kind="profile-invalid",
            subject=found.source,
            detail=place + found.fault,
            values={"variable": found.source, "file": found.file},
            facts=found.facts,
            stops_client=found.stops,
        )


def unusable_headers(scene: Scene) -> Iterable[Concern]:
    if scene.sdk.has_profiles:
        yield from custom_headers.concerns(scene.snapshot.get(custom_headers.VARIABLE), scene.sdk)


def provider_switch(scene: Scene) -> Iterable[Concern]:
    if selection := providers.switched_on(scene.snapshot):
        told = f"sends Claude Code to {selection.provider.name}; the Python SDK's Anthropic() does not read it"
        values = {"variable": selection.variable, "provider": selection.provider.name}
        yield Concern(kind="provider-route", subject=selection.variable, detail=told, values=values)


def provider_route(scene: Scene) -> Iterable[Concern]:
    """What is walked in place of Anthropic's own API; or that its address is not known."""
    if scene.selection is None:
        return
    unknown = providers.address_unknown(scene.selection, scene.snapshot, _fallback(scene))
    yield unknown or providers.route_concern(scene.selection, scene.base)


def provider_address(scene: Scene) -> Iterable[Concern]:
    return providers.base_concerns(scene.base)


Check = Callable[[Scene], Iterable[Concern]]

#: In the order in which the SDK meets them; proxies and authorities follow.
CHECKS: tuple[Check, ...] = (
    sdk_state,
    base_address,
    missing_credential,
    malformed_credential,
    wrong_kind_of_credential,
    conflicting_credentials,
    unusable_profile,
    unusable_headers,
    provider_switch,
)
#: A provider has credentials of its own; a gateway takes Anthropic's.
PROVIDER_CHECKS: tuple[Check, ...] = (sdk_state, provider_route, provider_address, unusable_headers)
GATEWAY_CHECKS: tuple[Check, ...] = (*(check for check in CHECKS if check is not provider_switch), provider_route)


# -- as one of the clients ---------------------------------------------------------------------------

_MISSING = Interpreter(path="python3", chosen_by="own")


def _planned(snapshot: Snapshot, interpreter: Interpreter | None) -> Plan:
    return plan(snapshot, interpreter or _MISSING)


def _unread(snapshot: Snapshot) -> dict[str, str]:
    if base_url.is_plain(snapshot):
        others = variables.each(variables.HTTPS, "HTTP_PROXY; this one counts for https:// only")
    else:
        others = variables.each(variables.HTTP, "HTTPS_PROXY; this one counts for http:// only")
    foreign = (*variables.REQUESTS, *variables.CURL, *variables.EXTRA)
    return (
        others
        | variables.each(foreign, "name a file with all authorities in SSL_CERT_FILE")
        | variables.each(variables.OAUTH, f"set it as {AUTH_TOKEN}")
    )


def _files(snapshot: Snapshot) -> Iterator[Wanted]:
    yield from profiles.files(snapshot)
    yield from providers.files(snapshot)
    yield from trust.files(snapshot)


def _stored(snapshot: Snapshot) -> Stored:
    texts = [fact.text for fact in snapshot.files.values() if fact.text]
    token = snapshot.file(snapshot.get(profiles.TOKEN_FILE)).text or ""
    return Stored(secrets=(*profiles.tokens(texts), token.strip()))


CLIENT = Client(
    name="python",
    title="Python SDK",
    called="the Python SDK",
    plan=_planned,
    found_by=InPython(),
    unread=_unread,
    files=_files,
    stored=_stored,
)
