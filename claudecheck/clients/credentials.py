"""Kinds of credentials by their format, and what can be wrong with one before it is sent. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from claudecheck.clients.sdk import Sdk
from claudecheck.route import Secret

API_KEY = "ANTHROPIC_API_KEY"
AUTH_TOKEN = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105  # a variable's name

_ANTHROPIC = re.compile(r"(sk-ant-[a-z]+\d*)-")
#: Keys of other vendors: prefix or form, and whose they are.
_VENDORS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(form), kind, vendor)
    for form, kind, vendor in (
        (r"sk-proj-|sk-svcacct-|sk-admin-", "sk-proj", "OpenAI"),
        (r"sk-or-v1-", "sk-or-v1", "OpenRouter"),
        (r"sk-(?!ant-)[A-Za-z0-9]{32,}$", "sk", "OpenAI or another vendor"),
        (r"AIza", "AIza", "Google"),
        (r"ya29\.", "ya29", "Google Cloud"),
        (r"ABSK", "ABSK", "Amazon Bedrock"),
        (r"A[KS]IA[A-Z0-9]{16}$", "AKIA", "AWS"),
        (r"gsk_", "gsk", "Groq"),
        (r"xai-", "xai", "xAI"),
        (r"pplx-", "pplx", "Perplexity"),
        (r"sgp_", "sgp", "Sourcegraph"),
        (r"hf_", "hf", "Hugging Face"),
        (r"gh[pousr]_|github_pat_", "ghp", "GitHub"),
    )
)
#: A reference that nobody expanded: wrong for every host.
_REFERENCE = re.compile(r"\$\{?\w+\}?$|\$\(.*\)$|%\w+%$|\{\{.*\}\}$|<[^>]+>$|op://")
_PLACEHOLDER = re.compile(
    r"(?i)your[-_ ]?(?:anthropic[-_ ]?|claude[-_ ]?)?(?:api[-_ ]?)?(?:key|token)|(?:api|my)[-_ ]?key[-_ ]?here|"
    r"\.\.\.|\u2026|^(?:sk-ant-)?(?:api\d\d-)?([x*.0])\1{3,}$|change[-_]?me|replace[-_]?me|placeholder|"
    r"^(?:xxx|todo|none|null|undefined|api[-_]?key|sk-ant-key)$"
)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")
#: What h11 lets through as a header's value: visible bytes, with blanks only between them.
_SENDABLE = re.compile(rb"([^\x00\s]+([ \t]+[^\x00\s]+)*)?")
SHORTEST_BODY = 16  # after "sk-ant-api03-"; the real ones have 95 characters


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a value, in words that give none of it away."""

    detail: str
    stops_client: bool = False
    stray_marks: bool = False  # its visible ASCII alone, without quotes, is well formed


def kind_of(value: str) -> str:
    """By its format: "sk-ant-api03", "sk-ant-oat01", another vendor's prefix, or "other"."""
    bare = value.strip().strip(_QUOTES).strip()
    if told := _ANTHROPIC.match(bare):
        return told[1]
    return next((kind for form, kind, _ in _VENDORS if form.match(bare)), "other")


def masked(value: str) -> str:
    """Kind, length and fingerprint: enough to tell which key it is, nothing to use."""
    return f"{kind_of(value)} ({len(value)} characters, fingerprint {Secret(value).fingerprint})"


def sendable(value: str, sdk: Sdk) -> bool:
    """Would the SDK's HTTP stack put this into a header, or raise?"""
    try:
        encoded = value.encode("utf-8" if sdk.headers_are_utf8 else "ascii")
    except UnicodeEncodeError:
        return False
    return _SENDABLE.fullmatch(encoded) is not None


def malformed(value: str, *, bearer: bool, official: bool, sdk: Sdk) -> Flaw | None:
    """The first thing that is wrong with the form; a gateway's own tokens may have any form."""
    flaw = _flaw(value, bearer=bearer, official=official, sdk=sdk)
    bare = re.sub(r"[^!-~]|[\"'`]", "", value)
    stray = bool(flaw and bare) and bare != value and _flaw(bare, bearer=bearer, official=official, sdk=sdk) is None
    return replace(flaw, stray_marks=stray) if flaw else None


def _flaw(value: str, *, bearer: bool, official: bool, sdk: Sdk) -> Flaw | None:
    stops = not sendable(f"Bearer {value}" if bearer else value, sdk)
    for check in (_control, _quoted, _blank, _not_ascii, _reference):
        if detail := check(value):
            return Flaw(detail, stops)
    if official or value.startswith("sk-ant-"):
        for check in (_placeholder, _truncated):
            if detail := check(value):
                return Flaw(detail, stops)
    return Flaw("holds characters that cannot be sent in a header", stops) if stops else None


def _control(value: str) -> str:
    if value != value.rstrip("\r\n"):
        return "ends with a line break (a file read or a secret pasted with its newline)"
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        return "holds a line break or another control character"
    return ""


def _quoted(value: str) -> str:
    bare = value.strip()
    if len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES:
        return "is wrapped in quotes that belong to the shell or the file, not to the key"
    return "has a quote at one end" if bare[:1] in tuple(_QUOTES) or bare[-1:] in tuple(_QUOTES) else ""


def _blank(value: str) -> str:
    if value != value.strip():
        return "starts or ends with a blank"
    if re.match(r"(?i)(bearer|x-api-key:|authorization:)\s", value):
        return f"starts with {value.split(maxsplit=1)[0]!r}, which the SDK adds itself"
    return "has a blank in the middle" if re.search(r"\s", value) else ""


def _not_ascii(value: str) -> str:
    if _INVISIBLE.search(value):
        return "holds a character without width, as copied from a web page or a document"
    other = next((char for char in value if not char.isascii()), "")
    return f"holds a character that is not ASCII (U+{ord(other):04X})" if other else ""


def _reference(value: str) -> str:
    return "is a reference to a secret that nothing has expanded" if _REFERENCE.match(value) else ""


def _placeholder(value: str) -> str:
    return "is a placeholder from an example, not a key" if _PLACEHOLDER.search(value) else ""


def _truncated(value: str) -> str:
    told = _ANTHROPIC.match(value)
    if told is None:
        return "stops in the middle of the prefix" if "sk-ant-api03-".startswith(value) else ""
    body = len(value) - told.end()
    return f"has only {body} characters after {told[0]}: most of it is missing" if body < SHORTEST_BODY else ""


def wrong_kind(value: str, variable: str, *, official: bool, gateway: bool, sdk: Sdk) -> str:
    """Why a credential of this kind cannot work in this variable; empty when it can.

    A `gateway` on another machine may take keys of any vendor, and an API key as a token.
    """
    kind = kind_of(value)
    if kind.startswith(("sk-ant-admin", "sk-ant-api01")):
        return "is an admin key: it manages the organization and cannot send messages"
    if kind.startswith("sk-ant-ort"):
        return "is a refresh token: it can only be exchanged for an access token"
    if kind.startswith(("sk-ant-sid", "sk-ant-si")):
        return "is a session of the web application, not a credential of the API"
    if variable == API_KEY and kind.startswith("sk-ant-oat"):
        return f"is an OAuth token, which belongs into {AUTH_TOKEN}"
    if official and variable == AUTH_TOKEN and kind.startswith("sk-ant-api") and sdk.generation < 2:
        return f"is an API key, which belongs into {API_KEY}: this SDK sends it as a bearer token from here"
    if gateway:
        return ""
    bare = value.strip()
    vendor = next((vendor for form, _, vendor in _VENDORS if form.match(bare)), "")
    return f"looks like a key of {vendor}" if vendor else ""
