"""The advised cures of a network, pasted there: then the smallest program of a user runs in the same shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cures.paste import has_hole
from tests.netlab.addresses import API_HOST
from tests.netlab.client import Workplace
from tests.netlab.outcome import Pasted

LIMIT_S = 40
_PROGRAM = Path(__file__).with_name("sdk_script.py")
#: Seconds that the smallest program waits for an answer.
_PATIENCE_S = "8"
#: What somebody types who uses the API with curl.
_KEY = '"authorization: Bearer $ANTHROPIC_API_KEY"'
_URL = f"https://{API_HOST}/v1/models"


@dataclass(frozen=True)
class Mend:
    lines: str
    first: bool
    tried: bool
    text: str


def mends(report: dict[str, Any]) -> Iterator[Mend]:
    """Those of the culprit with commands that run as they stand, in the order in which they are shown."""
    fixes = report["findings"][0]["fixes"] if report.get("problem") and report["findings"] else []
    for place, fix in enumerate(fixes):
        lines = "\n".join(one["line"] for one in fix["commands"] if one["shell"] in ("sh", "fish"))
        if fix["kind"] == "mend" and lines and not fix["needs"] and not has_hole(lines):
            yield Mend(lines, place == 0, bool(fix["tried"] and fix["tried"]["reached"]), fix["text"])


def can_be_pasted(mend: Mend, program: str) -> bool:
    """Claude Code is never started; and nothing is fetched from the internet."""
    lines = mend.lines.replace("-m pip install certifi", "")  # where certifi is not here already
    fetches = any(word in lines for word in ("pip install", "apt-get", "apk ", "npm ", "ssh "))
    return not fetches and program != "claude-code"


def under(shell: str, argv: Sequence[str], folder: Path) -> list[str]:
    """The command as a child of that shell, which it then takes for the user's: `-c` would only pass it on."""
    script = folder / "asked"
    script.write_text(f"{' '.join(map(shlex.quote, argv))}\nexit {'$status' if shell == 'fish' else '$?'}\n")
    return ["env", f"SHELL=/bin/{shell}", shell, str(script)]


def paste(workplace: Workplace, mend: Mend, shell: str) -> Pasted:
    program = workplace.topology.network.client.program
    if program in ("typescript", "node"):
        run = f"node {_PROGRAM.with_suffix('.cjs')} {_PATIENCE_S}"
    elif program == "curl":
        run = f"curl -sS --max-time {_PATIENCE_S} -H {_KEY} {_URL} >/dev/null && echo '{{\"ok\": true}}'"
    else:
        run = f"{workplace.python} {_PROGRAM} {_PATIENCE_S}"
    said = workplace.run(["env", f"SHELL=/bin/{shell}", shell, "-c", f"{mend.lines}\n{run}\n"], LIMIT_S)
    return Pasted(
        shell=shell,
        lines=mend.lines,
        first=mend.first,
        tried=mend.tried,
        healed=_ok(said.stdout),
        said=(said.stdout[-300:] + said.stderr[-300:]).strip(),
    )


def _ok(stdout: str) -> bool:
    """The last line is what the program prints; the commands may have said something before."""
    try:
        return bool(json.loads(stdout.strip().rpartition("\n")[2])["ok"])
    except (ValueError, KeyError, TypeError):
        return False


def counted(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """The table's numbers, from the rows of a run's JSON."""
    failing = [row for row in rows if row["verdict"] and row["expected"]["layer"]]
    own = [row for row in failing if row["verdict"]["owner"] == "you"]
    mendable = [
        row
        for row in own
        if not row.get("cannot_be_mended")
        and not row["name"].startswith("Claude Code")
        and ": Claude Code" not in row["name"]
    ]
    pasted = [one for row in failing for one in row.get("pasted", [])]
    return {
        "faults": len(failing),
        "the user's own move": len(own),
        "of them to be mended from that machine": len(mendable),
        "healed by the first fix": sum(
            any(p["healed"] and p["first"] for p in row.get("pasted", [])) for row in mendable
        ),
        "healed by any": sum(any(p["healed"] for p in row.get("pasted", [])) for row in mendable),
        "mends shown": sum(row["shown_mends"] for row in failing),
        "mends pasted": len(pasted),
        "mends that let the SDK through": sum(one["healed"] for one in pasted),
        "mends said to be tried that did not": sum(one["tried"] and not one["healed"] for one in pasted),
    }
