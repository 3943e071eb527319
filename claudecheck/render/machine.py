"""The report as JSON and back, and the JSON Schema that describes it. Imports nothing that draws."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from claudecheck.report import EXIT_OF_CUT, SCHEMA_VERSION, ExitCode, Report

#: Types whose every field is written always. Observations may gain fields that older reports lack.
_COMPLETE = ("Report", "Tool", "Billed", "RouteView", "StageRow", "Finding", "Fix", "Command", "VariationRow")

_CUTS = sorted(map(int, EXIT_OF_CUT.values()))
_LAYER_CODES: Mapping[str, ExitCode] = {
    "environment": ExitCode.ENVIRONMENT,
    "dns": ExitCode.DNS,
    "tcp": ExitCode.TCP,
    "tls": ExitCode.TLS,
    "proxy": ExitCode.PROXY,
    "models": ExitCode.MODELS,
    "messages": ExitCode.MESSAGES,
    "policy": ExitCode.POLICY,
}

_UTC = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)$"  # many validators ignore `format`
_UNSEEN = re.compile("[\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def to_json(report: Report) -> str:
    """Indented JSON that ends in a newline. Its key order is the schema's and does not change."""
    return msgspec.json.format(to_json_line(report), indent=2) + "\n"


def to_json_line(report: Report) -> str:
    """The same as one line of JSON Lines."""
    text = msgspec.json.encode(report).decode()
    # Valid in JSON, and yet able to move a terminal's cursor or to turn its text around.
    text = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.replace("##[", "#\\u0023[") + "\n"  # what GitHub's runner would obey anywhere in a log


def from_json(text: str) -> Report:
    """A saved report. Fields that this version does not know are left out.

    Raises ValueError with one sentence when it is not a report, or one that a newer claudecheck wrote.
    """
    try:
        head = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is not JSON: {error}.") from None
    if not isinstance(head, dict) or "schema_version" not in head:
        raise ValueError("This is JSON, but not a claudecheck report: it has no schema_version.")
    version = head["schema_version"]
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ValueError(
            f"This report has schema_version {version}, and this claudecheck reads up to {SCHEMA_VERSION}: upgrade it."
        )
    try:
        return msgspec.convert(head, Report)
    except msgspec.ValidationError as error:
        raise ValueError(f"This is not a report that this claudecheck can read: {error}.") from None


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report. Unknown fields are allowed: later versions add some."""
    schema = msgspec.json.schema(Report)
    parts: dict[str, dict[str, Any]] = schema["$defs"]
    for name in _COMPLETE:
        parts[name]["required"] = list(parts[name]["properties"])
    for part in parts.values():
        _bound_times(part.get("properties", {}))
    report = parts.pop("Report")
    report["properties"]["started_at"] |= {"format": "date-time", "pattern": _UTC}
    report["properties"]["exit_code"]["enum"] = [int(code) for code in ExitCode if code is not ExitCode.USAGE]
    report["required"] = list(report["properties"])
    parts["StageRow"]["allOf"] = [_skipped_rows_say_why()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **report,
        "title": "The report of claudecheck doctor",
        "allOf": _what_hangs_together(),
        "$defs": parts,
    }


def schema_text() -> str:
    """The same as it ships in `claudecheck/render/report.schema.json`."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def _bound_times(properties: dict[str, Any]) -> None:
    for name in properties.keys() & {"duration_ms", "start_ms", "at_ms"}:
        properties[name]["minimum"] = 0


def _what_hangs_together() -> list[dict[str, Any]]:
    """The promises that bind one field to another."""
    text, null = {"type": "string"}, {"type": "null"}
    culprit = {"minItems": 1, "prefixItems": [_with({"severity": {"const": "error"}})]}
    failing = {"problem": text, "first_failing_layer": text, "findings": culprit}
    warning = {"contains": _with({"severity": {"const": "warning"}})}
    return [
        {
            **_if({"status": {"const": "failing"}}, failing),
            "else": _with({"problem": null, "first_failing_layer": null}),
        },
        _if({"status": {"const": "healthy"}}, {"exit_code": {"const": 0}, "findings": _no_finding_but("info")}),
        _if(
            {"status": {"const": "degraded"}},
            {"exit_code": {"enum": [0, 1]}, "findings": {**warning, **_no_finding_but("warning", "info")}},
        ),
        _if({"status": {"const": "incomplete"}}, {"exit_code": {"enum": sorted([20, *_CUTS])}}),
        *(
            _if({"first_failing_layer": {"const": layer}}, {"exit_code": {"enum": [int(code), 70, *_CUTS]}})
            for layer, code in _LAYER_CODES.items()
        ),
        _if({"request_id": text}, {"reached_api": {"const": True}}),
    ]


def _skipped_rows_say_why() -> dict[str, Any]:
    because = {"skipped_because": {"type": "string"}}
    return {**_if({"status": {"const": "skip"}}, because), "else": _with({"skipped_because": {"type": "null"}})}


def _no_finding_but(*severities: str) -> dict[str, Any]:
    return {"items": _with({"severity": {"enum": list(severities)}})}


def _if(condition: dict[str, Any], consequence: dict[str, Any]) -> dict[str, Any]:
    return {"if": _with(condition), "then": _with(consequence)}


def _with(properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": properties}
