"""The pure core on journals of real runs: every fault of the embedded lab, every network of the network lab.

No socket, no root: what a rule says of what was seen. `pytest tests/test_replay.py --update-golden` writes
`tests/journals/*.txt` anew; its diff is what changed for users.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from claudecheck.lab import FAULTS
from tests import replay
from tests.netlab.scenario import all_scenarios


@pytest.mark.parametrize("group", replay.groups())
def test_a_journal_comes_to_the_same_verdict_as_before(group: str, request: pytest.FixtureRequest) -> None:
    expected, told = Path(replay.FOLDER / f"{group}.txt"), replay.told(group)
    if request.config.getoption("--update-golden"):
        expected.write_text(told, encoding="utf-8")
    wanted = expected.read_text(encoding="utf-8").split("\n\n")
    for before, now in zip(wanted, told.split("\n\n"), strict=True):
        assert now == before


def test_every_fault_and_every_network_has_its_journal() -> None:
    """What needs a client or an interpreter that few machines have may be missing; nothing may be left over."""
    kept = {(group, name) for group in replay.groups() for name in replay.read(group)}
    faults = {("demo", fault.name) for fault in FAULTS}
    networks = {(scenario.group, scenario.slug) for scenario in all_scenarios()}
    optional = {("demo", fault.name) for fault in FAULTS if fault.needs or fault.systems}
    optional |= {(scenario.group, scenario.slug) for scenario in all_scenarios() if scenario.needs}
    assert kept <= faults | networks
    assert (faults | networks) - optional <= kept


def test_no_journal_names_a_folder_of_the_machine_that_it_was_recorded_on() -> None:
    for group in replay.groups():
        text = "\n".join(replay.texts(group))
        for word in ("/root/", "/work/", "claudecheck-lab-"):
            assert word not in text
