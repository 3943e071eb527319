"""`python -m tests.fuzz [NAME…] --seconds N`: atheris on each parser, beginning with its corpus.

What makes one raise is written to `corpus/NAME/` by the fuzzer, where `tests/hostile/test_fuzzed.py` reads it from then
on; the interesting inputs that it meets on its way go to a folder that is thrown away.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile

_ONE = """
import sys
import atheris
with atheris.instrument_imports(include=["claudecheck"]):
    from tests.fuzz.parsers import PARSERS
atheris.Setup([sys.argv[0], *sys.argv[2:]], PARSERS[sys.argv[1]])
atheris.Fuzz()
"""


def main() -> int:
    from tests.fuzz.parsers import CORPUS, PARSERS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PARSERS, []], metavar="NAME", help=", ".join(PARSERS))
    parser.add_argument("--seconds", type=int, default=10, help="for each parser")
    options = parser.parse_args()
    broken = []
    for name in options.names or PARSERS:
        kept = CORPUS / name
        with tempfile.TemporaryDirectory() as met:
            limits = [f"-max_total_time={options.seconds}", "-timeout=10", "-max_len=4096", "-rss_limit_mb=2048"]
            quiet = ["-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={kept}/"]
            command = [sys.executable, "-c", _ONE, name, *limits, *quiet, met, str(kept)]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
        print(f"{'ok' if done.returncode == 0 else 'BROKEN':7}{name:12}{runs:>9} inputs", flush=True)
        if done.returncode:
            broken.append(name)
            print(done.stderr[-3000:])
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
