"""The report: the contract of `doctor --json`. Plain values; fields are added, never renamed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Literal

import msgspec

from claudecheck.failures import LeftOut
from claudecheck.observations import AnyObservation, Cut, RouteView

SCHEMA_VERSION: Literal[1] = 1

Status = Literal["healthy", "degraded", "failing", "incomplete"]
StageName = Literal["environment", "dns", "tcp", "tls", "proxy", "models", "messages"]
#: A stage of the route, or the user's own policy when the route is fine.
FailingLayer = Literal["environment", "dns", "tcp", "tls", "proxy", "models", "messages", "policy"]
StageStatus = Literal["pass", "warn", "fail", "skip"]
Layer = Literal["environment", "dns", "tcp", "tls", "proxy", "models", "messages", "client", "policy"]
Severity = Literal["error", "warning", "info"]
Confidence = Literal["high", "medium", "low"]
Owner = Literal["you", "network", "gateway", "anthropic"]
AnsweredBy = Literal["api", "edge", "gateway", "proxy", "portal", "unknown"]
Shell = Literal["sh", "fish", "powershell", "cmd", "dockerfile", "yaml", "python", "typescript"]
#: `mend` changes something on this machine, `look` shows something, `ask` is for somebody else's hands.
FixKind = Literal["mend", "look", "ask"]


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
    POLICY = 17
    INCOMPLETE = 20
    BUG = 70
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


#: By what cut the run short from outside. The deadline is not among them: a failure that it left proved keeps its code.
EXIT_OF_CUT: Mapping[Cut, ExitCode] = {
    "interrupted": ExitCode.INTERRUPTED,
    "terminated": ExitCode.TERMINATED,
    "hung-up": ExitCode.HANGUP,
}
#: Of a culprit; the message is sent by the client, so that what is wrong with the client fails there.
EXIT_OF_LAYER: Mapping[Layer, ExitCode] = {
    "environment": ExitCode.ENVIRONMENT,
    "dns": ExitCode.DNS,
    "tcp": ExitCode.TCP,
    "tls": ExitCode.TLS,
    "proxy": ExitCode.PROXY,
    "models": ExitCode.MODELS,
    "messages": ExitCode.MESSAGES,
    "client": ExitCode.MESSAGES,
    "policy": ExitCode.POLICY,
}


class Command(msgspec.Struct, frozen=True, kw_only=True):
    shell: Shell
    line: str


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a fix when it was tried in the same run.

    `stage` is the last stage that the changed route passed when `reached`, else the one that stopped it; `by` is the
    id of the question that stands for the fix where it needs rights, or "walk" when the change itself was walked.
    """

    reached: bool
    stage: StageName
    by: str = "walk"


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in a sentence, and the commands that do it here.

    `tried` is null when it was not, or could not be, tried. `needs` names what must be filled in before a command
    can run. `place` is where the change belongs: "shell", or the file or system in which the value is set. `lasting`
    are commands that make it last, to be run after the others.
    """

    text: str
    commands: list[Command] = []
    kind: FixKind = "mend"
    tried: Trial | None = None
    needs: list[str] = []
    place: str = ""
    lasting: list[Command] = []


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
    rejected: list[Fix] = []  # tried in this run, and the client still did not get through
    verify: str = ""


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    name: StageName
    status: StageStatus
    summary: str
    start_ms: float = 0.0
    duration_ms: float = 0.0
    skipped_because: LeftOut | None = None
    brief: str = ""  # the summary without its aside, where it has one


class VariationRow(msgspec.Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    changed: str
    before: str
    after: str
    outcome: str
    reached: bool
    decided: bool = False  # this change alone got through, and names the cause


class Billed(msgspec.Struct, frozen=True, kw_only=True):
    messages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Cure(msgspec.Struct, frozen=True, kw_only=True):
    """The commands of the first fix, for the shell of the run. `proved`: it was tried, and the client got through.

    `lasting` are those that make it last; empty where it lasts as it is.
    """

    commands: list[Command]
    proved: bool
    lasting: list[Command] = []


class BrokenRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the user's policy that does not hold: `rule` as it is written, `seen` in words."""

    rule: str
    seen: str


class PolicyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    passed: bool
    broken: list[BrokenRule] = []


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
    first_failing_layer: FailingLayer | None
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
    cure: Cure | None = None
    label: str = ""  # given to the run, so that many reports can be told apart
    policy: PolicyOutcome | None = None
    schema_version: Literal[1] = SCHEMA_VERSION
