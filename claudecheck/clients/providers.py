"""Other ways to Claude than Anthropic's own API: what selects each, and the host behind it. Pure.

Source: the documentation's pages on Bedrock, Vertex, Foundry and the environment variables, and the
clients of the same names in the Python SDK 2.12. No credential of a provider is looked at here.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from claudecheck.clients import base_url
from claudecheck.clients.base_url import BaseUrl
from claudecheck.clients.snapshot import Setting, Snapshot, Wanted
from claudecheck.clients.urls import shown
from claudecheck.observations import Concern
from claudecheck.route import place as place_of

_TRUE = ("1", "true", "yes", "on")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
#: The one provider that speaks the Anthropic API and takes its credentials.
GATEWAY = "gateway"


@dataclass(frozen=True)
class Fallback:
    """What a client does where nothing, or too much, is named: the regions that it takes (empty: it raises)."""

    aws: str = ""
    vertex: str = ""
    either: bool = False  # of a resource and a base URL it takes the latter; else it raises


#: Since Claude Code 2.1.172; the SDK before 1.0 did the same for Bedrock, in silence.
CLAUDE_CODE = Fallback(aws="us-east-1", vertex="us-east5", either=True)
OLD_SDK = Fallback(aws="us-east-1")


@dataclass(frozen=True)
class Address:
    """A base URL and what it comes from. An empty URL: `variable` is what would tell it, `why` says what is wrong.

    `fault` says why no host can be made of `given`, a region's or resource's name; `meant` is the name that was meant,
    and of which `url` is then made.
    """

    url: str
    source: str = ""
    variable: str = ""
    why: str = ""
    given: str = ""
    fault: str = ""
    meant: str = ""


@dataclass(frozen=True)
class Provider:
    """`signs` are variables that only a user of this provider sets; what merely goes with one is none."""

    code: str
    name: str
    switch: str
    signs: tuple[str, ...]
    address: Callable[[Snapshot, Fallback], Address]


@dataclass(frozen=True)
class Selection:
    """A provider, and the variable that selects it."""

    provider: Provider
    variable: str


def switched_on(snapshot: Snapshot) -> Selection | None:
    """By the switch that Claude Code reads; with several, the first of the table."""
    return next(
        (Selection(one, one.switch) for one in PROVIDERS if snapshot.get(one.switch).strip().lower() in _TRUE), None
    )


def pointed_to(snapshot: Snapshot) -> Selection | None:
    """By the variables of the SDK's own classes. None when they point to several: nobody can tell which is used."""
    found = [
        Selection(one, sign) for one in PROVIDERS if (sign := next((s for s in one.signs if snapshot.get(s)), None))
    ]
    return found[0] if len(found) == 1 else None


def base(selection: Selection, snapshot: Snapshot, fallback: Fallback) -> BaseUrl:
    """Where its requests go. Without an endpoint and a fault of its URL, the address is not known."""
    address = selection.provider.address(snapshot, fallback)
    if address.fault:
        meant = base_url.parse(address.url, address.source).endpoint if address.meant else None
        return BaseUrl(meant, address.given, address.source, address.fault, address.meant)
    return base_url.parse(address.url, address.source) if address.url else BaseUrl(None, "", address.variable)


def address_unknown(selection: Selection, snapshot: Snapshot, fallback: Fallback) -> Concern | None:
    """What has to be set before anybody knows where the requests go; nothing is sent until then."""
    address = selection.provider.address(snapshot, fallback)
    if address.url or address.fault:
        return None
    return Concern(
        kind="provider-address-unknown",
        subject=selection.variable,
        detail=f"it selects {selection.provider.name}, and {address.why}",
        values={
            "variable": address.variable,
            "suggestion": _PLACEHOLDERS.get(address.variable, "https://HOST"),
            "provider": selection.provider.name,
        },
        stops_client=True,
    )


def route_concern(selection: Selection, address: BaseUrl, place: str = "") -> Concern:
    """That another host than api.anthropic.com is called. `place` is the variable with the file that it stands in."""
    provider, where = selection.provider, address.endpoint.shown if address.endpoint else ""
    named = f" ({place_of(address.source, address.file)})" if address.source != selection.variable else ""
    detail = f"it selects {provider.name}: {where}{named}" if where else f"it selects {provider.name}"
    values = {"variable": selection.variable, "provider": provider.name}
    return Concern(kind="provider-route", subject=place or selection.variable, detail=detail, values=values)


def base_concerns(address: BaseUrl) -> Iterable[Concern]:
    """What can be wrong with a provider's own address; of its path, the end that every client adds itself."""
    yield from (one for one in base_url.concerns(address) if one.kind != "base-url-path")
    endpoint = address.endpoint
    ends = _ADDED_TO_V1 if address.source in _END_IN_V1 else _ADDED
    added = ends.search(endpoint.base_path) if endpoint and not address.fault else None
    if endpoint is None or added is None:
        return
    kept = endpoint.base_path[: added.start()]
    yield Concern(
        kind="base-url-path",
        subject=address.source,
        detail=f"ends in {added[0]}, which the client adds itself",
        values={
            "variable": address.source,
            "value": shown(address.text),
            "suggestion": f"{endpoint.scheme}://{endpoint.authority}{kept}",
        },
    )


_ADDED = re.compile(r"(?:/v1)?/messages/*$|(?<=/anthropic)/v1/*$")
#: Google's addresses end in /v1 themselves.
_END_IN_V1 = ("ANTHROPIC_VERTEX_BASE_URL", "ANTHROPIC_GOOGLE_CLOUD_BASE_URL")
_ADDED_TO_V1 = re.compile(r"/messages/*$")


_PLACEHOLDERS: Mapping[str, str] = {
    "AWS_REGION": "YOUR-REGION",
    "CLOUD_ML_REGION": "YOUR-REGION",
    "ANTHROPIC_FOUNDRY_RESOURCE": "YOUR-RESOURCE",
}

# -- addresses ---------------------------------------------------------------------------------------


_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
#: An AWS availability zone: its region, and a letter.
_ZONE = re.compile(r"([a-z]{2,}(?:-[a-z]+)+-\d)[a-z]")
_REGION = re.compile(r"(?i)[a-z]{2,}(?:-[a-z]+)*-[a-z]+-?\d+|\b(?:global|us|eu)\b")
_RESOURCE = re.compile(r"(?i)(?:https?:/*)?([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.|/|$)")


def _named(form: str, setting: Setting, what: str) -> Address:
    """The address that is made of a region's or resource's name, which has to be one label of a host's name."""
    value = setting.value
    if _LABEL.fullmatch(value) and not _ZONE.fullmatch(value):
        return Address(form.format(value), setting.source)
    if zone := _ZONE.fullmatch(value):
        fault, meant = "is an availability zone; the name of its region is wanted", zone[1]
    else:
        is_url = "://" in value or "." in value or "/" in value
        fault = f"is {'an address' if is_url else 'no name'}; the name of the {what} alone is wanted"
        meant = _meant(value, what)
    return Address(form.format(meant) if meant else "", setting.source, given=value, fault=fault, meant=meant)


def _meant(value: str, what: str) -> str:
    """The name in an address or among marks; empty where it cannot be told."""
    value = re.sub(r"[\s_]+", "-", value.strip(" \t\r\n\"'`"))
    if what == "region":
        found = _REGION.search(value)
        return found[0].lower() if found else ""
    told = _RESOURCE.match(value)
    return told[1] if told else ""


def _given(snapshot: Snapshot, variable: str) -> Address | None:
    return Address(snapshot.get(variable), variable) if snapshot.get(variable) else None


def _by_region(snapshot: Snapshot, fallback: Fallback, form: str, *, profile: bool = True) -> Address:
    """AWS: two variables in this order, then, where the client asks boto3, the profile's region."""
    named = next((name for name in REGIONS if snapshot.get(name)), "")
    found = Setting(snapshot.get(named), named) if named else _of_profile(snapshot) if profile else None
    if found is not None:
        return _named(form, found, "region")
    if fallback.aws:
        return Address(form.format(fallback.aws), "no region is named")
    places = f"{' and '.join(REGIONS)} are not set"
    places += f", and {config_file(snapshot)} names no region for the profile" if profile else ""
    return Address("", variable=REGIONS[0], why=f"its region is not known: {places}")


def config_file(snapshot: Snapshot) -> str:
    """Where AWS keeps profiles."""
    return snapshot.get("AWS_CONFIG_FILE") or f"{snapshot.home}/.aws/config"


def files(snapshot: Snapshot) -> Iterator[Wanted]:
    """What names a region beside the variables."""
    yield Wanted(config_file(snapshot), text=True)


def _of_profile(snapshot: Snapshot) -> Setting | None:
    path = config_file(snapshot)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(snapshot.file(path).text or "")
    except configparser.Error:
        return None
    name = snapshot.get("AWS_PROFILE") or snapshot.get("AWS_DEFAULT_PROFILE") or "default"
    # The default profile may be written either way.
    for section in (f"profile {name}", name if name == "default" else ""):
        if region := parser.get(section, "region", fallback="").strip():
            return Setting(region, f"profile {name} in {path}")
    return None


def _bedrock(snapshot: Snapshot, fallback: Fallback) -> Address:
    return _given(snapshot, "ANTHROPIC_BEDROCK_BASE_URL") or _by_region(
        snapshot, fallback, "https://bedrock-runtime.{}.amazonaws.com"
    )


def _mantle(snapshot: Snapshot, fallback: Fallback) -> Address:
    return _given(snapshot, "ANTHROPIC_BEDROCK_MANTLE_BASE_URL") or _by_region(
        snapshot, fallback, "https://bedrock-mantle.{}.api.aws/anthropic", profile=False
    )


def _aws(snapshot: Snapshot, fallback: Fallback) -> Address:
    return _given(snapshot, "ANTHROPIC_AWS_BASE_URL") or _by_region(
        snapshot, fallback, "https://aws-external-anthropic.{}.api.aws", profile=False
    )


def _vertex_host(region: str) -> str:
    if region == "global":
        return "aiplatform.googleapis.com"
    return (
        f"aiplatform.{region}.rep.googleapis.com" if region in ("us", "eu") else f"{region}-aiplatform.googleapis.com"
    )


def _vertex(snapshot: Snapshot, fallback: Fallback) -> Address:
    if given := _given(snapshot, "ANTHROPIC_VERTEX_BASE_URL"):
        return given
    named = snapshot.get("CLOUD_ML_REGION")
    if not named and not fallback.vertex:
        return Address("", variable="CLOUD_ML_REGION", why="its region is not known: CLOUD_ML_REGION is not set")
    if not named:
        return Address(f"https://{_vertex_host(fallback.vertex)}/v1", "no region is named")
    address = _named("{}", Setting(named, "CLOUD_ML_REGION"), "region")
    return replace(address, url=f"https://{_vertex_host(address.url)}/v1" if address.url else "")


def _foundry(snapshot: Snapshot, fallback: Fallback) -> Address:
    name, url = "ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_BASE_URL"
    resource = snapshot.get(name)
    if resource and snapshot.get(url) and not fallback.either:
        return Address("", variable=name, why=f"{name} and {url} are both set, which exclude each other")
    if not resource and not snapshot.get(url):
        return Address("", variable=name, why=f"neither {name} nor {url} is set")
    return _given(snapshot, url) or _named(
        "https://{}.services.ai.azure.com/anthropic", Setting(resource, name), "resource"
    )


def _google_cloud(snapshot: Snapshot, _: Fallback) -> Address:
    """One host for all; project and workspace stand in the path, and Google's credentials may tell the project."""
    variable = "ANTHROPIC_GOOGLE_CLOUD_BASE_URL"
    return _given(snapshot, variable) or Address("https://claude.googleapis.com/v1", "its one address")


def _gateway(snapshot: Snapshot, _: Fallback) -> Address:
    variable = base_url.VARIABLE
    return _given(snapshot, variable) or Address("", variable=variable, why=f"{variable} is not set")


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        "bedrock",
        "Amazon Bedrock",
        "CLAUDE_CODE_USE_BEDROCK",
        ("ANTHROPIC_BEDROCK_BASE_URL", "AWS_BEARER_TOKEN_BEDROCK"),
        _bedrock,
    ),
    Provider(
        "vertex",
        "Google Vertex AI",
        "CLAUDE_CODE_USE_VERTEX",
        ("ANTHROPIC_VERTEX_BASE_URL", "ANTHROPIC_VERTEX_PROJECT_ID"),
        _vertex,
    ),
    Provider(
        "foundry",
        "Microsoft Foundry",
        "CLAUDE_CODE_USE_FOUNDRY",
        ("ANTHROPIC_FOUNDRY_BASE_URL", "ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_API_KEY"),
        _foundry,
    ),
    Provider(
        "mantle",
        "Amazon Bedrock (Mantle)",
        "CLAUDE_CODE_USE_MANTLE",
        ("ANTHROPIC_BEDROCK_MANTLE_BASE_URL",),
        _mantle,
    ),
    Provider(
        "aws",
        "Claude Platform on AWS",
        "CLAUDE_CODE_USE_ANTHROPIC_AWS",
        ("ANTHROPIC_AWS_BASE_URL", "ANTHROPIC_AWS_WORKSPACE_ID", "ANTHROPIC_AWS_API_KEY"),
        _aws,
    ),
    Provider(
        "google-cloud",
        "Claude on Google Cloud",
        "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
        (
            "ANTHROPIC_GOOGLE_CLOUD_BASE_URL",
            "ANTHROPIC_GOOGLE_CLOUD_PROJECT",
            "ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID",
        ),
        _google_cloud,
    ),
    Provider(GATEWAY, "a Claude apps gateway", "CLAUDE_CODE_USE_GATEWAY", (), _gateway),
)
