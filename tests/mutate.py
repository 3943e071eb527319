"""Thirty wrong edits of `diagnosis/`, one at a time: do the quick tests notice? `python -m tests.mutate`.

Each edit is made in a copy of the package, and the pure tests run on it; what survives is a rule that nothing holds.
At least 27 must be noticed. An edit whose text is no longer in the file fails the run: mend it here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: They open no socket and take seconds; the quickest first.
TESTS = ("test_rules.py", "test_verdict.py", "test_asks.py", "test_client_trials.py", "test_replay.py")
LEAST = 27


@dataclass(frozen=True)
class Edit:
    """`before` stands exactly once in the file below `diagnosis/`."""

    file: str
    before: str
    after: str


EDITS = (
    # conditions turned
    Edit("origin.py", 'return seen.request_id.startswith("req_") or official', "return True"),
    Edit(
        "rules/http.py",
        '"x-deny-reason" in seen.headers:\n        return "block-page", "high"',
        '"x-deny-reason" in seen.headers:\n        return "not-the-api", "high"',
    ),
    Edit("rules/proxy.py", "broken = code in _BROKEN", "broken = True"),
    Edit(
        "rules/tls.py",
        "and handshake.failure is Failure.TIMED_OUT:\n        # The hello",
        "and True:\n        # The hello",
    ),
    Edit("rules/tls.py", "    if base.bytes_received:\n        return outcome.reached\n", ""),
    Edit("rules/tls.py", "if product or minted:", "if product:"),
    Edit("rules/names.py", "agreed = not direct or Failure.NAME_NOT_FOUND in failures", "agreed = True"),
    Edit(
        "rules/names.py", "if evidence.official or any(outcome.reached for outcome in public):", "if evidence.official:"
    ),
    Edit("rules/transport.py", "if not dead or not has_route:", "if not dead:"),
    Edit("rules/message.py", "if waited_out(evidence):", "if False:"),
    Edit("rules/hosts.py", "if len(blocked) == len(tried) and not _api_reached(evidence):", "if False:"),
    Edit("rules/environment.py", 'return "warning" if _stays_inside(evidence) else "error"', 'return "warning"'),
    Edit("rules/again.py", "again is None or not again.reached or not tries", "again is None or not tries"),
    Edit("questions.py", "if question.never_for and not facts.route.name_is_public", "if question.never_for and False"),
    # thresholds
    Edit("dates.py", "CLOCK_WRONG_S = 300.0", "CLOCK_WRONG_S = 3_000_000.0"),
    Edit("dates.py", "EXPIRES_SOON_DAYS = 14", "EXPIRES_SOON_DAYS = 140_000"),
    Edit("questions.py", "SLOW_LOOKUP_MS = 1000.0", "SLOW_LOOKUP_MS = 10_000_000.0"),
    Edit("rules/transport.py", "NODE_ATTEMPT_MS = 250.0", "NODE_ATTEMPT_MS = 2_500_000.0"),
    Edit("rules/transport.py", "LOSSY_SHARE = 0.05", "LOSSY_SHARE = 500.0"),
    # severities, owners, confidences
    Edit("rules/names.py", 'severity="error" if stopped and true_ones else "warning"', 'severity="warning"'),
    Edit("rules/tls.py", 'return "network" if evidence.official else "gateway"', 'return "you"'),
    Edit("rules/http.py", '"gateway-error", "high", "gateway"', '"gateway-error", "high", "anthropic"'),
    Edit("rules/tls.py", 'plain, "high" if varied else "medium"', 'plain, "medium" if varied else "high"'),
    Edit("rules/tls.py", 'confidence="high" if now.offset_s is not None else "medium"', 'confidence="high"'),
    Edit(
        "rules/transport.py",
        'owner="you" if failure is Failure.PROHIBITED and _by_this_machine(decisive) else None',
        "owner=None",
    ),
    Edit("rules/proxy.py", 'seen, values, "high" if control is not None else "medium"', 'seen, values, "low"'),
    # the order of culprits, and what the verdict says of the whole
    Edit("verdict.py", "return 2 if failed_network else 1", "return 1"),
    Edit("verdict.py", "    if problem.confirmed_by or problem.names_failure:\n        return 0\n", ""),
    Edit("verdict.py", "if cut and not _complete(evidence):", "if cut:"),
    Edit("rows.py", "if models is None or models.authenticated or", "if models is None or"),
)


def noticed(edit: Edit) -> bool:
    """Whether a test fails on the package with this edit."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in ("claudecheck", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        path = copy / "claudecheck" / "diagnosis" / edit.file
        path.write_text(path.read_text(encoding="utf-8").replace(edit.before or "\0", edit.after), encoding="utf-8")
        tests = [f"tests/{name}" for name in TESTS]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *tests],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        return done.returncode == 1


def misplaced() -> list[Edit]:
    """Edits that cannot be made any more."""
    texts = {edit.file: (ROOT / "claudecheck" / "diagnosis" / edit.file).read_text(encoding="utf-8") for edit in EDITS}
    return [edit for edit in EDITS if texts[edit.file].count(edit.before) != 1 or edit.before == edit.after]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    if wrong := misplaced():
        print(*(f"not once in {edit.file}: {edit.before}" for edit in wrong), sep="\n")
        return 2
    if noticed(Edit("verdict.py", "", "")):
        print("the tests fail without any edit: pytest tests/test_replay.py first")
        return 2
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(noticed, EDITS))
    for edit, seen in zip(EDITS, found, strict=True):
        first = edit.before.strip().splitlines()[0]
        print(f"{'noticed' if seen else 'SURVIVES':9} {edit.file}: {first}  ->  {edit.after.strip()[:60]}")
    print(f"{sum(found)} of {len(EDITS)} noticed")
    return 0 if sum(found) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
