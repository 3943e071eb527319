"""The shape of a catalogue entry. Knows no journal and no rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import Tried, offers, untried
from claudecheck.diagnosis.problems.remedy import HOLE, Remedy, bare, fill
from claudecheck.report import Confidence, ExitCode, Finding, Layer, Owner, Severity

#: "an error": any other error in the same run; "the network": a failure at a stage of the route.
Yields = Literal["an error", "the network"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Everything claudecheck can say about one thing that is wrong.

    `looks_like` maps a client ("Python 0.x", "Python 1.x / 2.x", "TypeScript", "Claude Code",
    "curl") to the text that it prints; `told_apart` says which one variable separates it from its
    look-alikes.

    Beside others. `confirmed_by` are statuses of an answer that show it to be the cause, without which it stops
    nothing. `names_failure`: it is what the route's own failure means, and comes before that. `yields_to`: it is
    not told beside an error, or told after what failed in the network. `overrules`: what stopped the walk does not
    stop the client, so that other errors are warnings. `exit_code` is its own, where its layer has none.
    """

    code: str
    layer: Layer
    title: str
    cause: str
    owner: Owner | None
    fixes: tuple[Remedy, ...]
    verify: str = "claudecheck doctor"  # a command
    severity: Severity = "error"
    retryable: bool = False
    billed: bool = False
    looks_like: Mapping[str, str] = {}
    told_apart: str = ""
    confirmed_by: tuple[int, ...] = ()
    names_failure: bool = False
    yields_to: tuple[Yields, ...] = ()
    overrules: bool = False
    exit_code: ExitCode | None = None

    def holes(self) -> set[str]:
        """The names of all holes in its texts and commands."""
        texts = [self.title, self.cause, self.verify, *(text for remedy in self.fixes for text in remedy.texts())]
        return {name for text in texts for name in HOLE.findall(bare(text))}

    def finding(
        self,
        values: Mapping[str, str],
        *,
        machine: Machine,
        seen: list[str],
        ruled_out: list[str],
        confidence: Confidence = "high",
        severity: Severity | None = None,
        layer: Layer | None = None,
        owner: Owner | None = None,
        tried: Tried = untried,
    ) -> Finding:
        """The problem as found here: holes filled, fixes and commands chosen for this machine.

        `tried` says what became of a remedy, or of its change with all holes filled, in this run.
        """
        return Finding(
            code=self.code,
            layer=layer or self.layer,
            severity=severity or self.severity,
            title=fill(self.title, values),
            cause=fill(self.cause, values),
            seen=seen,
            ruled_out=ruled_out,
            confidence=confidence,
            owner=owner or self.owner,
            retryable=self.retryable,
            fixes=[offer.fix for offer in offers(self.fixes, values, machine, tried)],
            verify=fill(self.verify, values),
        )
