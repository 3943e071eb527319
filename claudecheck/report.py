"""The report: the contract of `doctor --json`. Plain values; fields are added, never renamed."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

import msgspec

from claudecheck.observations import AnyObservation, RouteView

SCHEMA_VERSION: Literal[1] = 1

Status = Literal["healthy", "degraded", "failing", "incomplete"]
StageName = Literal["environment", "dns", "tcp", "tls", "proxy", "models", "messages"]
StageStatus = Literal["pass", "warn", "fail", "skip"]
Layer = Literal["environment", "dns", "tcp", "tls", "proxy", "models", "messages", "client"]
Severity = Literal["error", "warning", "info"]
Confidence = Literal["high", "medium", "low"]
Owner = Literal["you", "network", "gateway", "anthropic"]
AnsweredBy = Literal["api", "edge", "gateway", "proxy", "portal", "unknown"]
Shell = Literal["sh", "fish", "powershell", "cmd", "dockerfile", "yaml", "python", "typescript"]


class ExitCode(IntEnum):
    HEALTHY = 0
    WARNINGS = 1  # under --strict
    USAGE = 2
    ENVIRONMENT = 10
    DNS = 11
    TCP = 12
    TLS = 13
    PROXY = 14
    MODELS = 15
    MESSAGES = 16
    INCOMPLETE = 20
    BUG = 70
    INTERRUPTED = 130


class Command(msgspec.Struct, frozen=True, kw_only=True):
    shell: Shell
    line: str


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in a sentence, and the commands that do it here."""

    text: str
    commands: list[Command] = []


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    layer: Layer
    severity: Severity
    title: str
    cause: str
    seen: list[str] = []
    ruled_out: list[str] = []
    confidence: Confidence = "high"
    owner: Owner | None = None
    retryable: bool = False
    fixes: list[Fix] = []
    verify: str = ""


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    name: StageName
    status: StageStatus
    summary: str
    start_ms: float = 0.0
    duration_ms: float = 0.0
    skipped_because: str | None = None


class VariationRow(msgspec.Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    changed: str
    before: str
    after: str
    outcome: str
    reached: bool


class Billed(msgspec.Struct, frozen=True, kw_only=True):
    messages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    name: str = "claudecheck"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `doctor` found. `first_failing_layer` and `problem` are null unless `status` is "failing"."""

    tool: Tool
    started_at: str
    duration_ms: float
    status: Status
    reached_api: bool | None
    first_failing_layer: StageName | None
    problem: str | None
    exit_code: int
    request_id: str | None
    answered_by: AnsweredBy | None
    billed: Billed
    route: RouteView
    stages: list[StageRow]
    findings: list[Finding]
    variations: list[VariationRow]
    observations: list[AnyObservation]
    schema_version: Literal[1] = SCHEMA_VERSION
