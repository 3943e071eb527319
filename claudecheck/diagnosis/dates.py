"""What a certificate's dates say, at the time that it really is. Pure: the clock of this machine may be the fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from claudecheck.diagnosis.evidence import Evidence
from claudecheck.observations import Certificate

#: Another clock that differs by more than this is believed over ours (certificates allow no grace).
CLOCK_WRONG_S = 300.0
#: Renewal should have been done by now, unless the certificate is one of those that live for days.
EXPIRES_SOON_DAYS = 14
SHARE_LEFT = 1 / 3


@dataclass(frozen=True)
class Moment:
    """`ours` is what this machine says, `true` what another machine's clock makes of it. None where unreadable."""

    ours: datetime | None
    offset_s: float | None

    @property
    def wrong(self) -> bool:
        return self.offset_s is not None and abs(self.offset_s) > CLOCK_WRONG_S

    @property
    def true(self) -> datetime | None:
        if self.ours is None or self.offset_s is None or not self.wrong:
            return self.ours
        try:
            return self.ours - timedelta(seconds=self.offset_s)
        except OverflowError:
            return None


def moment(evidence: Evidence) -> Moment:
    return Moment(parsed(evidence.run.started_at), evidence.clock_offset_s)


def parsed(text: str) -> datetime | None:
    """A time of an observation: ISO 8601, UTC where it names no zone."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def invalid_at(chain: Iterable[Certificate], now: datetime | None) -> str:
    """The problem of the first certificate that is not valid then; empty when all are, or when nobody can tell."""
    for one in chain:
        begins, ends = parsed(one.not_before), parsed(one.not_after)
        if now is None or begins is None or ends is None:
            continue
        if now > ends:
            return "tls-expired"
        if now < begins:
            return "tls-not-yet-valid"
    return ""


def days_left(certificate: Certificate, now: datetime | None) -> float | None:
    """Days until it ends, where that is soon enough to be worth a word; None otherwise."""
    begins, ends = parsed(certificate.not_before), parsed(certificate.not_after)
    if now is None or begins is None or ends is None or now > ends:
        return None
    left = ends - now
    if left > timedelta(days=EXPIRES_SOON_DAYS) or left > (ends - begins) * SHARE_LEFT:
        return None
    return left / timedelta(days=1)


def span(seconds: float) -> str:
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 172800 else f"{seconds / 86400:.0f} days"
