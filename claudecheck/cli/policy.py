"""`--policy FILE`, or the policy of the project that the command is run in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from claudecheck.cli.output import fail

if TYPE_CHECKING:
    from claudecheck.observations import Journal, Policy


def policy_of(named: Path | None, *, without: bool) -> Policy | None:
    """A policy that cannot be read ends the command: in part it would pass what it should refuse."""
    from claudecheck.diagnosis.policy import ANY, GROUPS
    from claudecheck.diagnosis.problems import CATALOGUE
    from claudecheck.machine import policy

    if without:
        return None
    codes = (ANY, *GROUPS, *CATALOGUE)
    try:
        return policy.read(named, codes) if named is not None else policy.nearest(_here(), codes)
    except policy.PolicyError as error:
        fail(f"{error} (policy-invalid)", error.fix)
    except OSError as error:
        fail(f"cannot read the policy {error.filename}: {error.strerror}", "--no-policy judges the route without one")


def judged_by(journal: Journal, policy: Policy | None) -> Journal:
    """The journal of a saved report under another policy than the one that it was made with, or under none."""
    from claudecheck.observations import Journal, Policy

    others = [seen for seen in journal.observations if not isinstance(seen, Policy)]
    return Journal((*others[:1], *([policy] if policy else []), *others[1:]))


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder was deleted under the shell
        return Path("/")
