"""Where requests go: ANTHROPIC_BASE_URL as the Python SDK reads it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from claudecheck.clients import urls
from claudecheck.clients.snapshot import Snapshot
from claudecheck.clients.urls import Url, UrlError, shown
from claudecheck.observations import Concern
from claudecheck.route import OFFICIAL_HOST, Endpoint, names_this_machine

VARIABLE = "ANTHROPIC_BASE_URL"
DEFAULT = f"https://{OFFICIAL_HOST}"

_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?|[0-9a-f:.]+")
#: What clings to a copied URL: quotes of all kinds and characters without width.
_ORNAMENT = re.compile(r"[\"'`\u2018-\u201d\u200b-\u200d\ufeff]")
_SCHEME = re.compile(r"(?i)(?:(https?)(?::/*|/+))?")
#: Paths that the SDK appends itself, as people copy them from examples.
_ENDPOINT_PATH = re.compile(
    r"/v1(?:/(?:messages(?:/count_tokens|/batches)?|models|complete|chat/completions))?/*$|/chat/completions/*$"
)


@dataclass(frozen=True)
class BaseUrl:
    """`endpoint` is what the client uses, or the evident meaning of a URL that it cannot use.

    An empty text means nothing: no host is then examined, least of all with a key.
    """

    endpoint: Endpoint | None
    text: str = DEFAULT
    source: str = "default"
    fault: str = ""  # why the client cannot use it
    suggestion: str = ""
    username: str = ""
    password: str = ""
    file: str = ""  # of settings, which sets the variable `source`


def read(snapshot: Snapshot, profile_url: str = "", profile_source: str = "") -> BaseUrl:
    """The SDK's order: the variable, also when it is empty; the profile's; the default."""
    if VARIABLE in snapshot.variables:
        return parse(snapshot.variables[VARIABLE], VARIABLE)
    if profile_url:
        return parse(profile_url, profile_source)
    return BaseUrl(Endpoint())


def is_plain(snapshot: Snapshot) -> bool:
    """The variable asks for http://."""
    return snapshot.get(VARIABLE).strip().lower().startswith("http://")


def parse(text: str, source: str) -> BaseUrl:
    if not text.strip():
        why = "is set to an empty text, which is not the same as unset"
        return BaseUrl(None, text, source, why, DEFAULT)
    try:
        url = urls.parse(text)
        fault = _fault(url)
    except UrlError as error:
        return _unusable(text, source, str(error))
    if fault:
        return _unusable(text, source, fault)
    endpoint = Endpoint(
        scheme=url.scheme,
        host=url.host,
        port=url.port or (443 if url.scheme == "https" else 80),
        base_path=url.target.removesuffix("/"),
        source=source,
    )
    return BaseUrl(endpoint, text, source, username=url.username, password=url.password)


def _fault(url: Url) -> str:
    """What the parser accepts, and no request can be sent to."""
    if url.scheme not in ("http", "https"):
        read_as = f" (read as the scheme {url.scheme!r})" if url.scheme else ""
        return f"has no http:// or https:// in front{read_as}"
    if not url.host:
        return "has no host after the scheme"
    if not _HOST.fullmatch(url.host):
        return "has characters in the host that no name can have"
    if url.port is not None and not 0 <= url.port <= 65535:
        return f"has the port {url.port}, which does not exist"
    return ""


def _unusable(text: str, source: str, fault: str) -> BaseUrl:
    corrected = _corrected(text)
    meant = parse(corrected, source).endpoint if corrected else None
    return BaseUrl(meant, text, source, fault, corrected)


def _corrected(text: str) -> str:
    """What was evidently meant, without userinfo; empty when that cannot be told."""
    words = _ORNAMENT.sub("", text).split()
    told = _SCHEME.match(words[0]) if words else None
    if told is None:
        return ""
    scheme, rest = (told[1] or "https").lower(), told.string[told.end() :].rpartition("@")[2]
    try:
        url = urls.parse(f"{scheme}://{rest}")
    except UrlError:
        return ""
    if _fault(url):
        return ""
    if not told[1] and Endpoint(host=url.host).private:
        scheme = "http"
    return f"{scheme}://{rest}"


# -- what can be wrong with it -----------------------------------------------------------------------


def concerns(base: BaseUrl) -> Iterable[Concern]:
    if base.fault:
        yield _invalid(base)
        return
    if base.endpoint is None or base.source == "default":
        return
    if (path := _path(base, base.endpoint)) is not None:
        yield path
    if (insecure := _insecure(base, base.endpoint)) is not None:
        yield insecure


def _invalid(base: BaseUrl) -> Concern:
    return Concern(
        kind="base-url-invalid",
        subject=base.source,
        detail=base.fault,
        values={"variable": base.source, "value": shown(base.text), "suggestion": shown(base.suggestion)},
        stops_client=True,
    )


def _path(base: BaseUrl, endpoint: Endpoint) -> Concern | None:
    """A gateway may have a path of its own; the official host has none."""
    path = endpoint.base_path.partition("?")[0]
    told = _ENDPOINT_PATH.search(path)
    if not told and not (endpoint.official and path):
        return None
    kept = "" if endpoint.official or told is None else path[: told.start()]
    corrected = f"{endpoint.scheme}://{endpoint.authority}{kept}"
    return Concern(
        kind="base-url-path",
        subject=base.source,
        detail=f"ends in {path}; the SDK appends /v1/messages itself and would ask for {path}/v1/messages",
        values={"variable": base.source, "value": shown(base.text), "suggestion": corrected},
    )


def _insecure(base: BaseUrl, endpoint: Endpoint) -> Concern | None:
    """Nothing for this machine itself; only an address that is public for certain stops the client.

    A name may stand for a private address: the rules know it once it is resolved.
    """
    if endpoint.scheme != "http" or names_this_machine(endpoint.host):
        return None
    return Concern(
        kind="base-url-insecure",
        subject=base.source,
        detail=f"{endpoint.host} is asked over plain http: everybody on the way can read the key",
        values={
            "variable": base.source,
            "value": shown(base.text),
            "suggestion": endpoint.shown.replace("http://", "https://", 1).removesuffix(":80"),
        },
        stops_client=_is_public(endpoint),
    )


def _is_public(endpoint: Endpoint) -> bool:
    if endpoint.official:
        return True
    try:
        ipaddress.ip_address(endpoint.host)
    except ValueError:
        return False
    return not endpoint.private
