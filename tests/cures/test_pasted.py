"""What a report says it has tried gets the smallest program through, pasted as it stands into a real shell."""

from __future__ import annotations

import pytest

from claudecheck.lab import FAULTS, Fault, find
from tests.cures.demo_faults import cured
from tests.cures.paste import has_hole, installed

#: Every shell with every fault: an hour.
pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

#: A value that is given, and one that the shell edits; the others are left to the slow tests.
FEW = (("no-proxy-invalid", "zsh"), ("key-malformed-quotes", "fish"))
BROKEN = [fault for fault in FAULTS if fault.exit_code]


def check(fault: Fault, shell: str) -> int:
    """How many mends were pasted."""
    if reason := fault.unavailable_because():
        pytest.skip(reason)
    if shell not in installed():
        pytest.skip(f"{shell} is not installed")
    (outcome,) = cured(fault, [shell])
    tried = [one for one in outcome.pasted if one.mend.proved]
    assert [one for one in tried if not one.healed] == []
    fixes = outcome.report.findings[0].fixes if outcome.report.findings else []
    assert [fix.text for fix in fixes if fix.tried is not None and not fix.tried.reached] == []
    lines = [command.line for fix in fixes if fix.kind == "mend" and not fix.needs for command in fix.commands]
    assert [line for line in lines if has_hole(line)] == []
    return len(tried)


@pytest.mark.parametrize(("name", "shell"), FEW)
def test_the_first_fix_was_tried_and_mends_the_shell(name: str, shell: str) -> None:
    assert check(find(name), shell) > 0


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: fault.name)
def test_no_fault_is_given_a_tried_cure_that_does_not_cure(fault: Fault, shell: str) -> None:
    check(fault, shell)
