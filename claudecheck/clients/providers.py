"""Other ways to Claude than Anthropic's own API: the switch of each, and the host behind it. Pure.

Source: the documentation's pages on Bedrock, Vertex, Foundry and the environment variables, and the
clients of the same names in the Python SDK 2.11. No credential of a provider is looked at here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from claudecheck.snapshot import Snapshot

_TRUE = ("1", "true", "yes", "on")
#: What Claude Code falls back to when no region is named.
_AWS_REGION, _VERTEX_REGION = "us-east-1", "us-east5"


@dataclass(frozen=True)
class Address:
    """A base URL and what it comes from; an empty URL: it cannot be told from the environment."""

    url: str
    source: str


@dataclass(frozen=True)
class Provider:
    code: str
    name: str
    switch: str
    address: Callable[[Snapshot], Address]


def selected(snapshot: Snapshot) -> Provider | None:
    """The one whose switch is on; with several, the first of the table."""
    return next((one for one in PROVIDERS if snapshot.get(one.switch).strip().lower() in _TRUE), None)


def _aws_region(snapshot: Snapshot) -> tuple[str, str]:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if snapshot.get(name):
            return snapshot.get(name), name
    return _AWS_REGION, "no region is named"


def _vertex_host(region: str) -> str:
    if region == "global":
        return "aiplatform.googleapis.com"
    return (
        f"aiplatform.{region}.rep.googleapis.com" if region in ("us", "eu") else f"{region}-aiplatform.googleapis.com"
    )


def _bedrock(snapshot: Snapshot) -> Address:
    region, source = _aws_region(snapshot)
    return _given(snapshot, "ANTHROPIC_BEDROCK_BASE_URL", f"https://bedrock-runtime.{region}.amazonaws.com", source)


def _mantle(snapshot: Snapshot) -> Address:
    region, source = _aws_region(snapshot)
    url = f"https://bedrock-mantle.{region}.api.aws/anthropic"
    return _given(snapshot, "ANTHROPIC_BEDROCK_MANTLE_BASE_URL", url, source)


def _aws(snapshot: Snapshot) -> Address:
    region, source = _aws_region(snapshot)
    return _given(snapshot, "ANTHROPIC_AWS_BASE_URL", f"https://aws-external-anthropic.{region}.api.aws", source)


def _vertex(snapshot: Snapshot) -> Address:
    named = snapshot.get("CLOUD_ML_REGION")
    url = f"https://{_vertex_host(named or _VERTEX_REGION)}/v1"
    return _given(snapshot, "ANTHROPIC_VERTEX_BASE_URL", url, "CLOUD_ML_REGION" if named else "no region is named")


def _foundry(snapshot: Snapshot) -> Address:
    resource = snapshot.get("ANTHROPIC_FOUNDRY_RESOURCE")
    url = f"https://{resource}.services.ai.azure.com/anthropic" if resource else ""
    return _given(snapshot, "ANTHROPIC_FOUNDRY_BASE_URL", url, "ANTHROPIC_FOUNDRY_RESOURCE")


def _google_cloud(snapshot: Snapshot) -> Address:
    return _given(snapshot, "ANTHROPIC_GOOGLE_CLOUD_BASE_URL", "https://claude.googleapis.com/v1", "default")


def _gateway(snapshot: Snapshot) -> Address:
    return _given(snapshot, "ANTHROPIC_BASE_URL", "", "ANTHROPIC_BASE_URL")


def _given(snapshot: Snapshot, variable: str, url: str, source: str) -> Address:
    return Address(snapshot.get(variable), variable) if snapshot.get(variable) else Address(url, source)


PROVIDERS: tuple[Provider, ...] = (
    Provider("bedrock", "Amazon Bedrock", "CLAUDE_CODE_USE_BEDROCK", _bedrock),
    Provider("vertex", "Google Vertex AI", "CLAUDE_CODE_USE_VERTEX", _vertex),
    Provider("foundry", "Microsoft Foundry", "CLAUDE_CODE_USE_FOUNDRY", _foundry),
    Provider("mantle", "Amazon Bedrock (Mantle)", "CLAUDE_CODE_USE_MANTLE", _mantle),
    Provider("aws", "Claude Platform on AWS", "CLAUDE_CODE_USE_ANTHROPIC_AWS", _aws),
    Provider("google-cloud", "Claude on Google Cloud", "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD", _google_cloud),
    Provider("gateway", "a Claude apps gateway", "CLAUDE_CODE_USE_GATEWAY", _gateway),
)
