"""The report: the contract of `doctor --json`. Plain values; fields are added, never renamed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

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
    shell: Annotated[Shell, Meta(description="What the line is written for.")]
    line: Annotated[str, Meta(description="To be pasted as it is; words in angle brackets are to be replaced.")]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a fix when it was tried in the same run.

    `stage` is the last stage that the changed route passed when `reached`, else the one that stopped it; `by` is the
    id of the question that stands for the fix where it needs rights, or "walk" when the change itself was walked.
    """

    reached: Annotated[
        bool, Meta(description="The client gets past the fault: to the end where `stage` is models or messages.")
    ]
    stage: StageName
    by: Annotated[
        str,
        Meta(
            description="walk: the change itself was walked. Else the question that stands for a change that needs "
            "rights."
        ),
    ] = "walk"


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in a sentence, and the commands that do it here.

    `tried` is null when it was not, or could not be, tried. `needs` names what must be filled in before a command
    can run. `place` is where the change belongs: "shell", or the file or system in which the value is set. `lasting`
    are commands that make it last, to be run after the others.
    """

    text: str
    commands: list[Command] = []
    kind: Annotated[
        FixKind,
        Meta(
            description="mend changes something on this machine, look shows something, ask is for somebody else's "
            "hands."
        ),
    ] = "mend"
    tried: Annotated[
        Trial | None,
        Meta(description="What became of the change in this run; null when it was not, or could not be, tried."),
    ] = None
    needs: list[str] = []
    place: str = ""
    lasting: list[Command] = []


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    code: Annotated[str, Meta(description="Permanent: `claudecheck explain CODE` has its page.")]
    layer: Layer
    severity: Severity
    title: str
    cause: str
    seen: Annotated[list[str], Meta(description="The evidence.")] = []
    ruled_out: Annotated[list[str], Meta(description="What it is not.")] = []
    confidence: Confidence = "high"
    owner: Annotated[Owner | None, Meta(description="Whose move it is; null when nobody can tell.")] = None
    retryable: Annotated[bool, Meta(description="The same request may succeed later without a change.")] = False
    fixes: Annotated[list[Fix], Meta(description="Ways out, the best first.")] = []
    rejected: list[Fix] = []  # tried in this run, and the client still did not get through
    verify: Annotated[str, Meta(description="How to check that the fix works.")] = ""


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    name: StageName
    status: StageStatus
    summary: Annotated[str, Meta(description="What was seen, or why the stage was not walked.")]
    start_ms: Annotated[float, Meta(description="Since the start of the run.")] = 0.0
    duration_ms: float = 0.0
    skipped_because: Annotated[
        LeftOut | None,
        Meta(
            description="The stage that stopped this one, or `option`, `deadline` and the like; null unless `status` "
            "is skip."
        ),
    ] = None
    brief: str = ""  # the summary without its aside, where it has one


class VariationRow(msgspec.Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    changed: Annotated[str, Meta(description="The one field that was replaced.")]
    before: str
    after: str
    outcome: Annotated[str, Meta(description="What came of it.")]
    reached: Annotated[bool, Meta(description="The change turned the failure into success.")]
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
    proved: Annotated[bool, Meta(description="It was tried in this run, and the client got through.")]
    lasting: list[Command] = []


class BrokenRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the user's policy that does not hold: `rule` as it is written, `seen` in words."""

    rule: Annotated[str, Meta(description="As the policy has it.")]
    seen: Annotated[str, Meta(description="What is there instead.")]


class PolicyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    passed: bool
    broken: list[BrokenRule] = []


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    name: str = "claudecheck"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `doctor` found. `first_failing_layer` and `problem` are null unless `status` is "failing"."""

    schema_version: Annotated[
        Literal[1],
        Meta(description="Raised only when a reader would break. Within a version fields are added, never renamed."),
    ] = SCHEMA_VERSION
    tool: Annotated[Tool, Meta(description="What wrote the report.")]
    started_at: Annotated[str, Meta(description="When the run started, in UTC.")]
    duration_ms: Annotated[float, Meta(description="How long the run took.")]
    status: Annotated[
        Status,
        Meta(
            description="healthy: the client gets through and nothing is odd. degraded: it gets through, and a "
            "finding of severity `warning` stands. failing: it does not get through. incomplete: cut "
            "before a failure was certain."
        ),
    ]
    reached_api: Annotated[
        bool | None,
        Meta(
            description="true when an answer on this route carried the API's request-id (a 401 too) or was a "
            "gateway's valid API answer; false when the route was tried and none did; null when no HTTP "
            "request was made."
        ),
    ]
    first_failing_layer: Annotated[
        FailingLayer | None,
        Meta(description="The stage under which the culprit stands; null unless `status` is failing."),
    ]
    problem: Annotated[
        str | None,
        Meta(
            description="The culprit's code; null unless `status` is failing. Codes are permanent: `claudecheck "
            "explain CODE`."
        ),
    ]
    exit_code: Annotated[int, Meta(description="What the process exits with.")]
    request_id: Annotated[
        str | None,
        Meta(
            description="The API's request-id of the last answer that carried one: what Anthropic's support asks for."
        ),
    ]
    answered_by: Annotated[
        AnsweredBy | None, Meta(description="Who sent the last HTTP answer on this route; null when there was none.")
    ]
    billed: Annotated[Billed, Meta(description="What the run has cost in messages and tokens.")]
    route: Annotated[RouteView, Meta(description="How the client reaches the API from here. Holds no secret.")]
    stages: Annotated[
        list[StageRow], Meta(description="A row a stage, in the order in which the packets of this route need them.")
    ]
    findings: Annotated[
        list[Finding],
        Meta(description="What is wrong: the culprit first, then errors by stage, warnings, information."),
    ]
    variations: Annotated[
        list[VariationRow], Meta(description="The failing route walked again, each time with one field changed.")
    ]
    cure: Annotated[
        Cure | None,
        Meta(
            description="The commands of the culprit's first fix, where they run as they stand; null where there are "
            "none."
        ),
    ] = None
    label: Annotated[
        str, Meta(description="What the run was called, so that many reports can be told apart; empty when it was not.")
    ] = ""
    policy: Annotated[
        PolicyOutcome | None,
        Meta(description="Whether the project's own rules hold, and which do not; null when the run had none."),
    ] = None
    observations: Annotated[
        list[AnyObservation],
        Meta(description="What was seen, in order: enough for `claudecheck doctor --replay FILE`."),
    ]
