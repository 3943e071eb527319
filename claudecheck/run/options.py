"""What the user asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from claudecheck.diagnosis.third_parties import NO_THIRD_PARTIES, ThirdParties
from claudecheck.failures import Stage
from claudecheck.observations import Family, Policy
from claudecheck.route import ClientName


def _silent(_stage: str, _detail: str) -> None:
    """Nobody is watching the progress."""


@dataclass(frozen=True)
class Options:
    """`timeout_s` bounds the whole run; `python` is a path; `announce` hears which step is under way."""

    timeout_s: float = 30.0
    message: bool = True
    client: ClientName | None = None  # None: the Python SDK, and with it the provider that the environment selects
    family: Family = "any"  # other than "any": addresses of one family only, for the message too
    python: str | None = None
    model: str | None = None
    patience_s: float | None = None  # what each step and request may take; None: what the client gives it
    last: Stage | None = None  # no stage after it is walked
    before: Stage | None = None  # neither this stage nor one after it is walked
    local_only: bool = False
    strict: bool = False
    demo: bool = False
    resolver: str = "system"  # the demo's nameserver instead of the system's
    command: str = "doctor"
    label: str = ""
    cures: bool = True  # the changes that the findings propose are walked as well
    eager: bool = True  # the SDK is imported before it is known whether it is needed
    policy: Policy | None = None  # of the project: recorded, and judged with the rest
    third_parties: ThirdParties = field(default_factory=ThirdParties)
    announce: Callable[[str, str], None] = _silent

    @property
    def others(self) -> ThirdParties:
        """Those that this run may talk to."""
        if self.local_only:
            return NO_THIRD_PARTIES
        allowed = self.policy.third_parties if self.policy else None
        return self.third_parties if allowed is None else self.third_parties.within(allowed)

    @property
    def step_s(self) -> float:
        """What a connect or a handshake may take: the SDK's own 5 s, less when the whole run is short."""
        return self.limit_s(min(5.0, self.timeout_s / 4))

    def limit_s(self, usual: float) -> float:
        """What a step may take that usually gets `usual` seconds."""
        return usual if self.patience_s is None else self.patience_s
