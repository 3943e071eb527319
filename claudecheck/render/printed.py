"""The report as the library hands it out: it can print itself. The vocabulary below knows no renderer."""

from __future__ import annotations

from claudecheck import report
from claudecheck.render.machine import to_json
from claudecheck.render.markdown import short


class Report(report.Report, frozen=True, kw_only=True):
    """What `diagnose` found."""

    def __str__(self) -> str:
        """One line: what it is, the fix, whether the API was reached, whose move it is."""
        return short(self).rstrip("\n")

    def to_json(self) -> str:
        """What `claudecheck doctor --json` prints."""
        return to_json(self)


def printed(found: report.Report) -> Report:
    return Report(**{name: getattr(found, name) for name in found.__struct_fields__})
