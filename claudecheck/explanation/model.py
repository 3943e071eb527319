"""What `explain` answers: plain values, the contract of `explain --json`. Knows no signature and no file."""

from __future__ import annotations

import msgspec

from claudecheck.report import Confidence, Fix, Layer, Owner

SCHEMA_VERSION = 1


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """What else it could be, and the command that decides."""

    code: str
    decide_by: str


class EvidenceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that decided: redacted, with control characters escaped. `line` counts from 1."""

    line: int
    text: str


class OtherProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Another problem that the same text shows, and where."""

    code: str
    count: int
    first_line: int
    last_line: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a text shows. `problem` is null when nothing in it decides, and `layer` unless it is about one.

    `reached_api` is true when the API itself answered, false when the text shows that nothing of the
    API did, null when it cannot be told. `secret_seen` says that the text held a key or a password.
    """

    problem: str | None
    layer: Layer | None
    confidence: Confidence
    reached_api: bool | None
    request_id: str | None
    status: int | None
    title: str
    cause: str
    alternatives: list[Alternative] = []
    owner: Owner | None = None
    retryable: bool = False
    fixes: list[Fix] = []
    evidence: list[EvidenceLine] = []
    others: list[OtherProblem] = []
    secret_seen: bool = False
    verify: str = ""
    count: int = 0  # how often the text shows this problem, from `first_line` to `last_line`
    first_line: int = 0
    last_line: int = 0

    @property
    def name(self) -> str:
        """The code; where there is none, whether that is for want of evidence or of a problem."""
        return self.problem or ("unknown" if self.confidence == "low" else "no problem")

    def to_json(self) -> str:
        """What `claudecheck explain --json` prints."""
        told = {"schema_version": SCHEMA_VERSION, **msgspec.to_builtins(self)}
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"

    def __str__(self) -> str:
        """The short form: what `print(claudecheck.explain(error))` shows."""
        name = self.name
        where = f" · layer {self.layer}" if self.layer else ""
        lines = [f"{name}: {self.title}", f"  {self.cause}"]
        if self.fixes:
            lines.append(f"  fix: {self.fixes[0].text}")
            lines += [f"       {command.line}" for command in self.fixes[0].commands]
        if self.secret_seen:
            lines.append("  The text holds a secret: rotate it before you share the text.")
        lines.append(f"  {reach(self)}{where} · confidence {self.confidence}")
        if self.problem:
            lines.append(f"  more: claudecheck explain {self.problem}")
        return "\n".join(lines)


def reach(explanation: Explanation) -> str:
    """Whether the API was reached, in words."""
    if explanation.reached_api:
        known = f" ({explanation.request_id})" if explanation.request_id else ""
        return f"reached the API{known}"
    if explanation.reached_api is False:
        return "did not reach the API"
    return "the text does not show whether the API was reached"
