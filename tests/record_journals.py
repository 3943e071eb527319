"""`make journals`: every fault of the embedded lab, diagnosed as a user would, and its journal kept for the replay."""

from __future__ import annotations

import argparse
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from claudecheck.lab import FAULTS, Fault
from tests import doctor, replay


def recorded(fault: Fault) -> dict[str, Any] | None:
    """The report of a run that ended as the fault says it must; what a busy machine made otherwise is not kept."""
    named = () if fault.name.startswith("sdk-") else ("--python", doctor.PYTHON)
    report = doctor.run("demo", fault.name, "--json", *named).report
    codes = [finding["code"] for finding in report["findings"]]
    right = report["exit_code"] == fault.exit_code and (
        report["problem"] == fault.problem if fault.exit_code else fault.problem is None or fault.problem in codes
    )
    print(f"{'ok' if right else 'WRONG':6}{fault.name}", *([] if right else codes), flush=True)
    return report if right else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.record_journals", description=__doc__)
    parser.add_argument("--only", default="", metavar="PATTERN", help="a regular expression on the fault's name")
    parser.add_argument("--jobs", type=int, default=3, help="at once; most of the time is waiting")
    asked = parser.parse_args()
    chosen = [fault for fault in FAULTS if fault.available() and re.search(asked.only, fault.name)]
    with ThreadPoolExecutor(asked.jobs) as pool:
        reports = dict(zip((fault.name for fault in chosen), pool.map(recorded, chosen), strict=True))
    right = {name: report for name, report in reports.items() if report is not None}
    replay.write("demo", right, {fault.name for fault in FAULTS})
    return 1 if None in reports.values() else 0


if __name__ == "__main__":
    sys.exit(main())
