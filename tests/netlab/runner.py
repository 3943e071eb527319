"""The lab's command, `python -m tests.netlab.runner`: runs scenarios, and exits with 1 when a verdict is wrong."""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import re
import signal
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from tests import replay
from tests.netlab import cures
from tests.netlab.lab import Lab, doctor_exists, missing_requirements
from tests.netlab.outcome import Outcome
from tests.netlab.scenario import Scenario, all_scenarios


def chosen(pattern: str) -> list[Scenario]:
    """Those whose name, group or expected code matches."""
    wanted = re.compile(pattern, re.IGNORECASE)
    return [
        scenario
        for scenario in all_scenarios()
        if wanted.search(f"{scenario.group}/{scenario.slug} {scenario.expected.problem} {scenario.expected.finding}")
    ]


def examine_all(lab: Lab, scenarios: list[Scenario], *, jobs: int, doctor: bool, record: bool) -> Generator[Outcome]:
    """Outcomes as they come. On Ctrl-C: what runs is ended and torn down, what waits is left out."""
    pool = ThreadPoolExecutor(jobs)
    waiting: list[Future[Outcome]] = [
        pool.submit(lab.examine, scenario, doctor=doctor, record=record) for scenario in scenarios
    ]
    try:
        for done in as_completed(waiting):
            yield done.result()
    except BaseException:
        for future in waiting:
            future.cancel()
        lab.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def line(outcome: Outcome) -> str:
    verdict = outcome.verdict
    mark = "WRONG" if outcome.wrong else "ok" if verdict else "-"
    found = (verdict.problem or verdict.status) if verdict else f"left out: {outcome.left_out}" * bool(outcome.left_out)
    seconds = f"{verdict.seconds:5.1f} s" if verdict else f"{outcome.up_seconds:5.2f} up"
    expected = outcome.scenario.expected
    wanted = expected.problem or (f"({expected.finding})" if expected.finding else "gets through")
    return f"{mark:5}  {seconds}  {outcome.scenario.group:9} {wanted:28} {found or '':28} {outcome.scenario.name}"


def recorded(outcome: Outcome) -> Iterator[str]:
    for name, said in (("curl", outcome.curl), ("SDK", outcome.sdk)):
        if said is not None:
            text = " ".join((said.stdout + " " + said.stderr).split())
            yield f"         {name:4} {said.seconds:5.1f} s  {text[:230]}"


def answered(outcome: Outcome) -> Iterator[str]:
    for answer in outcome.answers:
        yield f"         {answer.seconds:5.1f} s  {answer.question.asks}: {answer.first[:230]}"


def pasted(outcome: Outcome) -> Iterator[str]:
    for one in outcome.pasted:
        mark = "healed" if one.healed else "NOT HEALED"
        yield f"         {mark} by {'the first' if one.first else 'a further'} mend in {one.shell}: {one.lines!r}"
        if not one.healed:
            yield f"             {one.said[-300:]!r}"


def show(outcome: Outcome, reports: Path | None) -> None:
    print(line(outcome), *answered(outcome), *recorded(outcome), *pasted(outcome), sep="\n", flush=True)
    for text in outcome.wrong:
        print(f"         ! {text}", flush=True)
    if reports and outcome.report:
        reports.mkdir(parents=True, exist_ok=True)
        (reports / f"{outcome.scenario.slug}.json").write_text(json.dumps(outcome.report, indent=1))


def again(lab: Lab, outcome: Outcome, asked: argparse.Namespace) -> Outcome:
    """A verdict that is wrong is tried again, alone: beside three others a limit may be the machine's. A run that its
    deadline cut gets a third try, since it has named no cause.
    """
    for _ in range(2):
        if not outcome.wrong:
            break
        cut = outcome.verdict is not None and outcome.verdict.status == "incomplete"
        print("once more, alone:", flush=True)
        outcome = lab.examine(outcome.scenario, doctor=not asked.no_doctor and doctor_exists(), record=asked.record)
        show(outcome, asked.reports)
        if not cut and (outcome.verdict is None or outcome.verdict.status != "incomplete"):
            break
    return outcome


def summary(outcomes: list[Outcome], seconds: float) -> str:
    graded = [outcome for outcome in outcomes if outcome.verdict]
    failing = [outcome for outcome in graded if outcome.scenario.expected.failing]
    alarms = [o for o in graded if not o.scenario.expected.failing and o.verdict and o.verdict.problem]
    layers = sum(outcome.layer_right for outcome in failing)
    codes = sum(outcome.code_right for outcome in failing)
    return (
        f"{len(outcomes)} scenarios in {seconds:.0f} s; graded {len(graded)}: layers {layers}/{len(failing)}, "
        f"codes {codes}/{len(failing)}, false alarms {len(alarms)}/{len(graded) - len(failing)}, "
        f"left out {sum(bool(outcome.left_out) for outcome in outcomes)}, "
        f"lab failures {sum(bool(outcome.lab_error) for outcome in outcomes)}"
    )


def cure_summary(outcomes: list[Outcome]) -> str:
    told = cures.counted([outcome.as_json() for outcome in outcomes])
    return ", ".join(f"{name}: {number}" for name, number in told.items())


def write_json(path: Path, outcomes: list[Outcome], seconds: float) -> None:
    order = {scenario.name: number for number, scenario in enumerate(all_scenarios())}
    document = {
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "seconds": round(seconds),
        "scenarios": [o.as_json() for o in sorted(outcomes, key=lambda o: order[o.scenario.name])],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def write_journals(outcomes: list[Outcome]) -> None:
    """What a busy machine made wrong is not kept."""
    right = [outcome for outcome in outcomes if outcome.report and not outcome.wrong]
    for group in {outcome.scenario.group for outcome in right}:
        known = {scenario.slug for scenario in all_scenarios() if scenario.group == group}
        replay.write(group, {one.scenario.slug: one.report for one in right if one.scenario.group == group}, known)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.netlab.runner", description=__doc__)
    parser.add_argument("--only", default="", metavar="PATTERN", help="a regular expression on group/name and code")
    parser.add_argument("--jobs", type=int, default=4, help="at once; most of the time is waiting")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write everything that was seen")
    parser.add_argument("--reports", type=Path, metavar="FOLDER", help="keep the doctor's reports there")
    parser.add_argument(
        "--journals",
        action="store_true",
        help="keep the journal of every right verdict in tests/journals, for the replay",
    )
    parser.add_argument("--record", action="store_true", help="also ask curl and the plain SDK")
    parser.add_argument("--no-doctor", action="store_true", help="only prove the faults: implies --record")
    parser.add_argument("--paste", default="", metavar="SHELLS", help="paste the advised cures: sh,bash,zsh,fish")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    scenarios = chosen(asked.only)
    if asked.list:
        for scenario in scenarios:
            print(f"{scenario.group:9} {scenario.expected.problem or 'gets through':28} {scenario.name}")
        return 0
    if missing := missing_requirements():
        print("The lab cannot run here: " + "; ".join(missing), file=sys.stderr)
        return 2
    doctor = not asked.no_doctor and doctor_exists()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have had SIGINT ignored for a background job
        signal.signal(number, signal.default_int_handler)
    started = time.monotonic()
    outcomes = []
    try:
        with (
            Lab(list(filter(None, asked.paste.split(",")))) as lab,
            contextlib.closing(
                examine_all(lab, scenarios, jobs=asked.jobs, doctor=doctor, record=asked.record or not doctor)
            ) as coming,
        ):
            for outcome in coming:
                outcomes.append(outcome)
                show(outcome, asked.reports)
            outcomes = [again(lab, outcome, asked) for outcome in outcomes]
    except KeyboardInterrupt:
        print("interrupted; everything is torn down", file=sys.stderr)
        return 130
    seconds = time.monotonic() - started
    print(summary(outcomes, seconds))
    if asked.paste:
        print(cure_summary(outcomes))
    if asked.journals:
        write_journals(outcomes)
    if asked.json:
        write_json(asked.json, outcomes, seconds)
    return 1 if any(outcome.wrong for outcome in outcomes) or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
