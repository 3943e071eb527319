"""The faults of the embedded lab, their cures pasted: `python -m tests.cures.demo_faults`."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from claudecheck.cli.demo import options_in
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Stage
from claudecheck.lab import FAULTS, Fault, Lab
from claudecheck.machine import environment
from claudecheck.report import Report
from claudecheck.run.examine import examine
from tests.cures.paste import Mend, Pasted, installed, mends, paste, spoken
from tests.doctor import clean_environment

#: A demo has one host, and no packet of its tests leaves this machine.
_LEAVES = re.compile(r"api[.]anthropic[.]com|unset (.* )?ANTHROPIC_BASE_URL|set -e (.* )?ANTHROPIC_BASE_URL")


@dataclass
class Outcome:
    """One fault: its mends, and what came of each in each shell."""

    fault: Fault
    report: Report
    shown: list[Mend] = field(default_factory=list)
    pasted: list[Pasted] = field(default_factory=list)

    @property
    def own_move(self) -> bool:
        return bool(self.report.findings) and self.report.findings[0].owner == "you"

    @property
    def healed_by_first(self) -> bool:
        return any(one.healed and one.mend.first for one in self.pasted)

    @property
    def healed(self) -> bool:
        return any(one.healed for one in self.pasted)

    @property
    def wrong(self) -> list[Pasted]:
        return [one for one in self.pasted if not one.healed]


def examined(lab: Lab, shell: str, home: str) -> tuple[Report, dict[str, str]]:
    """The report, and the variables of the shell in which its cures are pasted."""
    bin_folder = str(Path(sys.executable).parent)
    variables = {
        **clean_environment(lab.variables), "HOME": home, "SHELL": f"/bin/{shell}",
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
    }  # fmt: skip
    named = None if "VIRTUAL_ENV" in lab.variables else sys.executable
    snapshot = replace(environment.read(variables), shell="fish" if spoken(shell) == "fish" else "sh")
    # Where the message decides nothing it is left out: the SDK's import would take most of the time.
    message = lab.fault.layer is Stage.MESSAGES or "VIRTUAL_ENV" in lab.variables
    return diagnose(examine(replace(options_in(lab), python=named, message=message), snapshot)), variables


def cured(fault: Fault, shells: Sequence[str], most: int = 9) -> Iterator[Outcome]:
    """One outcome for each language of shells: the lab is asked once, and broken anew for each mend."""
    for language in dict.fromkeys(map(spoken, shells)):
        same = [shell for shell in shells if spoken(shell) == language]
        with Lab(fault) as lab, tempfile.TemporaryDirectory(prefix="claudecheck-home-") as home:
            report, variables = examined(lab, same[0], home)
            stay = [mend for mend in mends(report) if _LEAVES.search(mend.lines) is None]
            outcome = Outcome(fault, report, shown=stay)
            venv = lab.variables.get("VIRTUAL_ENV")
            python = f"{venv}/bin/python3" if venv else sys.executable
            for mend in outcome.shown[:most]:
                outcome.pasted += [paste(mend, shell, python, variables) for shell in same]
            yield outcome


def line(outcome: Outcome) -> str:
    mark = "ok   " if outcome.healed_by_first else "healed" if outcome.healed else "-    "
    owner = outcome.report.findings[0].owner if outcome.report.findings else None
    return f"{mark} {owner!s:9} {outcome.fault.name:34} {outcome.report.problem!s:28} shown {len(outcome.shown)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a regular expression on names")
    parser.add_argument("--shells", default=",".join(installed()))
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    chosen = [fault for fault in FAULTS if fault.exit_code and fault.available() and re.search(asked.only, fault.name)]
    started, outcomes = time.monotonic(), []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for found in pool.map(lambda fault: list(cured(fault, asked.shells.split(","))), chosen):
            for outcome in found:
                outcomes.append(outcome)
                print(line(outcome), flush=True)
                for fix in outcome.report.findings[0].fixes:
                    print(f"         {fix.kind} {fix.tried.reached if fix.tried else '-'} {fix.needs} {fix.text[:90]}")
                for fix in outcome.report.findings[0].rejected:
                    print(f"         rejected {fix.tried.stage if fix.tried else '-'} {fix.text[:90]}")
                for one in outcome.wrong:
                    print(f"       ! {one.shell}: {one.mend.lines!r}\n           {one.said[-200:]!r}", flush=True)
    own = [outcome for outcome in outcomes if outcome.own_move]
    pasted = [one for outcome in outcomes for one in outcome.pasted]
    print(
        f"{len(outcomes)} faults in {time.monotonic() - started:.0f} s, own move {len(own)}; "
        f"mends pasted {len(pasted)}, healed {sum(one.healed for one in pasted)}; own move healed by the first "
        f"{sum(o.healed_by_first for o in own)}, by any {sum(o.healed for o in own)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
