"""Reads an HTTP answer into facts: what shape its body has, and the headers that tell who sent it."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from claudecheck.observations import Exit, ModelView, Shape

#: Headers that identify the speaker or steer a retry. Everything else is left out.
_KEPT = {
    "server", "via", "date", "location", "content-type", "content-length", "content-encoding", "transfer-encoding",
    "request-id", "retry-after", "retry-after-ms", "www-authenticate", "x-amzn-requestid", "x-deny-reason",
    "x-iinfo", "x-cache", "x-served-by", "x-powered-by", "x-request-id", "connection", "upgrade", "x-should-retry",
}  # fmt: skip
_KEPT_PREFIXES = (
    "cf-", "anthropic-", "proxy-", "x-zscaler", "x-envoy", "x-akamai", "x-apigee", "x-squid", "x-litellm",
    "x-bluecoat", "x-forti", "x-sucuri", "x-azure", "x-kong", "x-portkey",
)  # fmt: skip
EXCERPT = 1500
#: A count above this is none; JSON numbers have no bound, those of a report have 64 bits.
MOST_TOKENS = 10**12
#: Of a status page, what is kept.
MOST_COMPONENTS = 5
LONGEST_DATE = 100


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower-case names; repeated ones joined with a comma."""
    kept: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered in _KEPT or lowered.startswith(_KEPT_PREFIXES):
            kept[lowered] = f"{kept[lowered]}, {value}" if lowered in kept else value
    return kept


def text_of(body: bytes | bytearray) -> str:
    r"""Bytes that are no UTF-8 stand as `\xff`: seen in the report, and no valid JSON, as for the clients."""
    return body.decode("utf-8", "backslashreplace")


def facts_of(
    status: int, headers: Iterable[tuple[str, str]], body: str, body_bytes: int | None = None
) -> dict[str, Any]:
    """The fields of an `HttpExchange` that an answer fills."""
    kept = kept_headers(headers)
    content_type = kept.get("content-type", "").split(";")[0].strip().lower()
    document = _json(body)
    facts: dict[str, Any] = {
        "status": status,
        "headers": kept,
        "content_type": content_type,
        "shape": shape_of(body, content_type, document),
        "body": body[:EXCERPT],
        "body_bytes": len(body.encode("utf-8", "replace")) if body_bytes is None else body_bytes,
        "request_id": kept.get("request-id", ""),
        "location": kept.get("location", ""),
    }
    if facts["shape"] == "edge-trace":
        facts["leaves"] = exit_of(body)
    if facts["shape"] == "event-stream":
        facts |= _streamed_usage(body)
    if isinstance(document, dict):
        facts |= _error_facts(document, facts["request_id"])
        facts |= _content_facts(document, facts["shape"])
        facts |= _status_facts(document)
    return facts


def shape_of(body: str, content_type: str, document: Any) -> Shape:
    """model-list, message, api-error, token-count, json, broken-json, html, event-stream, text or empty.

    A list of models counts only when it has the members that the API always sends
    (`data` with objects of `type` "model"): `{}` with status 200 is not an answer.
    """
    if not body.strip():
        return "empty"
    if isinstance(document, dict):
        return _json_shape(document)
    if isinstance(document, list):
        return "other-model-list" if _names_models(document) else "json"
    if body.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return "broken-json"
    if exit_of(body) is not None:
        return "edge-trace"
    start = body.lstrip("\ufeff \t\r\n")[:512].lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body", "<script", "<meta")) or "html" in content_type:
        return "html"
    if start.startswith(("event:", "data:", ":")) or content_type == "text/event-stream":
        return "event-stream"
    return "text"


def exit_of(body: str) -> Exit | None:
    """What `/cdn-cgi/trace` of Cloudflare's edge says; None when it is another page, or its lines are odd."""
    told = dict(line.split("=", 1) for line in body[:EXCERPT].splitlines() if "=" in line)
    if not {"fl", "ip", "colo"} <= told.keys():
        return None
    try:
        address = ipaddress.ip_address(told["ip"].strip())
    except ValueError:
        return None
    country, centre = told.get("loc", "").strip(), told["colo"].strip()
    return Exit(
        address=str(address),
        country=country if re.fullmatch(r"[A-Z][A-Z0-9]", country) else "",
        centre=centre if re.fullmatch(r"[A-Z]{3}", centre) else "",
    )


def _json_shape(document: dict[str, Any]) -> Shape:
    data = document.get("data")
    if isinstance(data, list) and all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in data):
        ours = [item for item in data if item.get("type") == "model"]
        if ours or (not data and "has_more" in document):
            return "model-list"
        return "json" if not data else "other-model-list"
    if _names_models(document.get("models")) or _names_models(data):
        return "other-model-list"
    if document.get("type") == "message" and isinstance(document.get("content"), list):
        return "message"
    if isinstance(document.get("input_tokens"), int) and "type" not in document:
        return "token-count"
    error = document.get("error")
    if document.get("type") == "error" and isinstance(error, dict) and isinstance(error.get("type"), str):
        return "api-error"
    return "json"


def _names_models(listed: Any) -> bool:
    """Other forms of a list: names alone, or things with a name or a model's id."""
    if not isinstance(listed, list) or not listed:
        return False
    known = ("id", "name", "model", "model_name")
    return all(isinstance(one, str) or (isinstance(one, dict) and any(name in one for name in known)) for one in listed)


def _json(body: str) -> Any:
    if not body.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _error_facts(document: dict[str, Any], request_id: str) -> dict[str, Any]:
    error = document.get("error")
    facts: dict[str, Any] = {}
    if isinstance(error, dict):
        details = error.get("details")
        code = details.get("error_code") if isinstance(details, dict) else error.get("code")
        facts = {
            "error_type": str(error.get("type") or ""),
            "error_message": str(error.get("message") or ""),
            "error_code": str(code or ""),
        }
    elif isinstance(error, str):
        facts = {"error_message": error}
    elif isinstance(message := document.get("message") or document.get("detail"), str):
        facts = {"error_message": message}
    body_id = document.get("request_id")
    if not request_id and isinstance(body_id, str) and document.get("type") == "error":
        facts["request_id"] = body_id
    return facts


def _content_facts(document: dict[str, Any], shape: str) -> dict[str, Any]:
    if shape in ("model-list", "other-model-list"):
        models = [
            ModelView(
                id=str(item["id"]),
                line=str(item.get("line") or ""),
                lifecycle=str(item.get("lifecycle") or ""),
            )
            for item in document.get("data", ())[:100]
            if isinstance(item, dict) and isinstance(item.get("id"), str)
        ]
        return {"models": models}
    usage = document.get("usage")
    if shape == "message" and isinstance(usage, dict):
        return {
            "model": str(document.get("model") or ""),
            "stop_reason": str(document.get("stop_reason") or ""),
            "input_tokens": _count(usage.get("input_tokens")),
            "output_tokens": _count(usage.get("output_tokens")),
        }
    return {}


def _streamed_usage(body: str) -> dict[str, Any]:
    """What a streamed message was billed: the first event counts what went in, a later one what came out."""
    counted = {
        name: max((_count(int(number)) for number in re.findall(rf'"{name}"\s*:\s*([0-9]{{1,15}})\b', body)), default=0)
        for name in ("input_tokens", "output_tokens")
    }
    return counted if '"message_start"' in body else {}


def _status_facts(document: dict[str, Any]) -> dict[str, list[str]]:
    """What a status page (Atlassian's shape) says of the API; components, not the page's colour: one degraded
    component of another product changes that.
    """
    states = [
        (f"{item.get('name')}: {item.get('status')}", item.get("status") == "operational")
        for item in _items(document, "components")
        if "api" in str(item.get("name")).lower() and item.get("status")
    ][:MOST_COMPONENTS]
    told = [state for state, well in states if not well]
    if told:
        told += [f"incident: {item.get('name')}" for item in _items(document, "incidents")]
    return {"components": [state for state, _ in states], "incidents": told[:MOST_COMPONENTS]}


def _items(document: dict[str, Any], member: str) -> list[dict[str, Any]]:
    found = document.get(member)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else 0


def clock_offset_s(headers: dict[str, str], now: datetime | None = None) -> float | None:
    """Local time minus the answer's `Date`, in seconds; None when there is no usable date."""
    try:
        remote = parsedate_to_datetime(headers["date"][:LONGEST_DATE])
    except Exception:  # the library's parser raises what it likes over a date that is none
        return None
    if remote.tzinfo is None:
        remote = remote.replace(tzinfo=UTC)
    return ((now or datetime.now(UTC)) - remote).total_seconds()
