"""ANTHROPIC_CUSTOM_HEADERS as the Python SDK reads it, and what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from claudecheck.clients.credentials import sendable
from claudecheck.clients.sdk import Sdk
from claudecheck.observations import Concern

VARIABLE = "ANTHROPIC_CUSTOM_HEADERS"
#: RFC 9110, section 5.6.2: what a header's name may consist of.
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")


def read(text: str) -> dict[str, str]:
    """One header a line, `Name: Value`; a line without a colon is passed over."""
    lines = (line.partition(":") for line in text.split("\n"))
    return {name.strip(): value.strip() for name, colon, value in lines if colon}


def lookup(headers: dict[str, str], wanted: str) -> str:
    """Header names have no case; the last one wins."""
    return next((value for name, value in reversed(headers.items()) if name.lower() == wanted), "")


def concerns(text: str, sdk: Sdk) -> Iterable[Concern]:
    headers = read(text)
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            told = "a name with characters that no header's name may have" if name else "an empty name"
            yield _concern(f"holds {told}; it takes one `Name: Value` a line", name, stops=True)
        elif not sendable(value, sdk):
            yield _concern(f"gives {name} a value with characters that this SDK cannot send", name, stops=True)
        elif re.search(r"\\n[\w-]+\s*:", value):
            yield _concern(f"gives {name} a value with a written \\n; a real line break parts two headers", name)
    if any(line.strip() and ":" not in line for line in text.split("\n")):
        yield _concern("has a line without a colon, which the SDK passes over")


def _concern(detail: str, header: str = "", *, stops: bool = False) -> Concern:
    name = header if _TOKEN.fullmatch(header) else ""
    return Concern(
        kind="custom-headers-invalid",
        subject=VARIABLE,
        detail=detail,
        values={"variable": VARIABLE, "header": name},
        stops_client=stops,
    )
