"""How the engines that run jobs read what a job writes, in a few lines each, by their sources and documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

#: Those that GitHub's runner knows; `set-output` and the like still count, and a peer must not reach them.
RUNNER_COMMANDS = frozenset(
    """error warning notice debug group endgroup echo stop-commands add-mask add-path add-matcher remove-matcher
    set-output set-env save-state internal-set-repo-path""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class RunnerCommand:
    name: str
    properties: dict[str, str]
    data: str


def runner_commands(log: str) -> list[RunnerCommand]:
    """What GitHub's runner would obey: a line that begins with `::`, and the older `##[`, anywhere in a line."""
    found = []
    for line in log.splitlines():
        new = re.match(r"\s*::(.*?)::(.*)$", line)
        old = re.search(r"##\[(.*?)\](.*)$", line)
        for match, separator in ((new, ","), (old, ";")):
            if match is None:
                continue
            name, _, written = match[1].partition(" ")
            if name in RUNNER_COMMANDS:
                pairs = (pair.partition("=") for pair in written.strip().split(separator) if "=" in pair)
                found.append(RunnerCommand(name, {key: _read(value) for key, _, value in pairs}, _read(match[2])))
                break
    return found


def _read(escaped: str) -> str:
    for sign, code in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
        escaped = escaped.replace(code, sign)
    return escaped


@dataclass(frozen=True)
class GitlabCase:
    name: str
    status: str
    details: str | None


def gitlab_cases(xml: str) -> list[GitlabCase]:
    """GitLab: the status is that of the first of these children, the details are its text; all else is ignored."""
    cases = []
    for case in etree.fromstring(xml.encode()).iter("testcase"):
        kinds = ("failure", "error", "skipped")
        child = next((found for kind in kinds if (found := case.find(kind)) is not None), None)
        status = {"failure": "failed", "error": "error", "skipped": "skipped"}[child.tag] if child is not None else "ok"
        cases.append(GitlabCase(case.get("name", ""), status, child.text if child is not None else None))
    return cases
