"""Every fix that is shown can be pasted where it is shown: its shell reads it, its tools are there, nothing is open."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace

from claudecheck.diagnosis import cures, questions
from claudecheck.diagnosis.change import Asked, Change, Copied, Edited, Encoded, Filed, Listed, Stripped, Unheaded
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.changing import SHELLS, in_settings, written
from claudecheck.diagnosis.problems.facts import WORDS
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import offer, offers, written_open
from claudecheck.diagnosis.problems.remedy import HOLES
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.machine.surroundings import TOOLS
from claudecheck.observations import Journal, SetVariable, Surroundings
from claudecheck.report import Fix, Shell
from claudecheck.route import OFFICIAL_HOST
from tests import replay

#: A word that a report could not know, or must not show.
OPEN = re.compile(r"<[a-z][a-z-]*>|\[redacted|\{[a-z_]+\}|PROXY:PORT|/PATH/TO|\bIMAGE\b|https://GATEWAY|USER:PASSWORD")
PASTED = ("sh", "fish", "powershell", "cmd")

#: Machines that differ in what decides about a fix.
MACHINES: Mapping[str, Machine] = {
    "a desktop": Machine(tools=frozenset(TOOLS), variables={}),
    "an image with nothing, as root": Machine(root=True, container=True, tools=frozenset(), variables={}),
    "an image with nothing, not root": Machine(container=True, tools=frozenset(), variables={}),
    "a pod": Machine(
        root=True, container=True, tools=frozenset({"curl"}), variables={}, facts=frozenset({"kubernetes", "mesh"})
    ),
    "fish": Machine(shell="fish", tools=frozenset(TOOLS), variables={}),
    "PowerShell": Machine(os="Windows", shell="powershell", tools=frozenset({"curl"}), variables={}),
    "cmd": Machine(os="Windows", shell="cmd", tools=frozenset({"curl"}), variables={}),
    "a Mac": Machine(os="Darwin", tools=frozenset(TOOLS), variables={}),
    "GitHub Actions": Machine(ci=True, tools=frozenset(TOOLS), variables={}, facts=frozenset({"github-actions"})),
    "WSL": Machine(wsl=True, tools=frozenset(TOOLS), variables={}),
}
KNOWN = {
    "host": OFFICIAL_HOST,
    "port": "443",
    "python": "/opt/my python/bin/python3",
    "file": "/tmp/`id`.pem",
    "cafile": "/etc/ssl/it's; rm -rf $HOME.pem",
    "proxy": "http://proxy.example:3128",
    "proxy_host": "proxy.example",
    "proxy_port": "3128",
    "proxy_scheme": "http",
    "proxy_variable": "HTTPS_PROXY",
    "variable": "HTTP_PROXY",
    "key_variable": "ANTHROPIC_API_KEY",
    "suggestion": "http://proxy.example:3128",
    "working_resolver": "192.0.2.53",
    "true_address": "160.79.104.10",
    "header": "X-Team",
    "url": "https://api.anthropic.com",
    "value": "http://pac.example/it's.pac",
}


def shown(machine: Machine, values: Mapping[str, str]) -> Iterator[tuple[str, Fix]]:
    """Every fix of the catalogue on this machine, where the facts hold that it needs."""
    for problem in CATALOGUE.values():
        for remedy in problem.fixes:
            made = offer(remedy, values, machine.with_facts(remedy.when))
            if made is not None:
                yield problem.code, made.fix


def lines(fix: Fix) -> list[str]:
    return [command.line for command in fix.commands if command.shell in PASTED]


def lasting(fix: Fix) -> list[str]:
    return [command.line for command in fix.lasting]


def faults(fix: Fix, machine: Machine) -> list[str]:
    """What keeps its commands from being pasted here."""
    found = []
    for line in lines(fix) + lasting(fix):
        if OPEN.search(line):
            found.append(f"open: {line}")
        if (machine.root or not machine.has("sudo")) and re.search(r"\bsudo\b", line):
            found.append(f"sudo: {line}")
        if re.search(r"sed -i|mv \S+ /etc/|docker run", line):
            found.append(f"not in a container: {line}")
        tools = {tool for tool in TOOLS if re.search(rf"(^|[|&(;] ?|\n *|sudo ){re.escape(tool)} ", line)}
        found += [f"{tool} is missing: {line}" for tool in tools if not machine.has(tool)]
        if (names := re.search(r"(?:^|&&\n  )(?:unset|set -e) ([\w \\\n]+)$", line)) is not None:
            named = [name for name in names[1].split() if name != "\\"]
            found += [f"{name} is not set: {line}" for name in named if not machine.is_set(name)]
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_no_command_of_the_catalogue_is_open_or_needs_what_is_not_there(name: str) -> None:
    machine = MACHINES[name]
    for values in ({}, KNOWN):
        assert not [(code, why) for code, fix in shown(machine, values) for why in faults(fix, machine)]


@pytest.mark.parametrize("group", replay.groups())
def test_no_command_of_any_report_is_open_or_needs_what_is_not_there(group: str) -> None:
    """As if each had been recorded where nothing is set and no program is there."""
    bare = Machine(root=True, tools=frozenset(), variables={})
    around = Surroundings(root=True, run_by="/opt/python")
    for name, journal in replay.read(group).items():
        others = (seen for seen in journal.observations if not isinstance(seen, Surroundings))
        for finding in diagnose(Journal((*others, around))).findings:
            assert not [why for fix in finding.fixes for why in faults(fix, bare)], name


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
def test_every_command_on_any_machine_is_read_by_its_shell(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    language = "fish" if shell == "fish" else "sh"
    machine = Machine(shell=language, tools=frozenset(TOOLS))
    found = dict.fromkeys(line for _, fix in shown(machine, KNOWN) for line in lines(fix) + lasting(fix))
    script = "\n".join(found)
    done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert found


def test_what_a_command_runs_is_declared() -> None:
    """A program that is not part of every system stands in `tools`, or its line cannot be shown or left out rightly."""
    for problem in CATALOGUE.values():
        for remedy in problem.fixes:
            for command in written_open(remedy):
                if command.shell not in ("sh", "fish"):
                    continue
                used = {
                    tool
                    for tool in set(TOOLS) - {"sudo"}
                    if re.search(rf"(^|[|&(;] ?|\n *|{{sudo}} ){re.escape(tool)} ", command.line)
                }
                assert used <= set(remedy.tools), (problem.code, command.line)
            assert set(remedy.tools) <= set(TOOLS), problem.code


def test_what_proves_a_fix_is_a_question() -> None:
    ids = {value.id for value in vars(questions).values() if isinstance(value, questions.Question)}
    ids |= set(cures.JUDGED)
    assert {remedy.proved_by for one in CATALOGUE.values() for remedy in one.fixes} - {""} <= ids


def test_a_hole_and_a_fact_are_used_by_something() -> None:
    used = {fact for one in CATALOGUE.values() for remedy in one.fixes for fact in (*remedy.when, *remedy.unless)}
    assert set(WORDS) - used == set()
    assert {hole for one in CATALOGUE.values() for hole in one.holes()} <= set(HOLES)


# -- what is written is what is tried ------------------------------------------------------------------

BEFORE = {
    "HOME": "/nowhere",
    "HTTPS_PROXY": "https://me:p#w@proxy.example:3128",
    "NO_PROXY": "a.example,b.example",
    "ANTHROPIC_API_KEY": '"sk-ant-api03-abc\ndef "\r\n',
    "ANTHROPIC_BASE_URL": "https://gw.example/v1/messages/",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nX-Stage: b",
    "OLD": "x y",
}
CHANGES = {
    "a text with everything in it": Change(sets=(("NEW", 'it\'s "$HOME" `id` %PATH% \\ ;&|'),)),
    "two texts": Change(sets=(("ONE", "1"), ("TWO", "2"))),
    "unset": Change(unsets=("OLD", "NO_PROXY")),
    "moved": Change(sets=(("NEW", Copied("OLD")),), unsets=("OLD",)),
    "a header of a key": Change(sets=(("NEW", Copied("OLD", "x-api-key: ")),)),
    "another scheme": Change(sets=(("HTTPS_PROXY", Edited("HTTPS_PROXY", "^https:", "http:")),)),
    "a path less": Change(sets=(("ANTHROPIC_BASE_URL", Edited("ANTHROPIC_BASE_URL", "(/v1)?(/messages)?/*$")),)),
    "a password that is encoded": Change(sets=(("HTTPS_PROXY", Encoded("HTTPS_PROXY")),)),
    "a key without its marks": Change(sets=(("ANTHROPIC_API_KEY", Stripped("ANTHROPIC_API_KEY")),)),
    "one header less": Change(sets=(("ANTHROPIC_CUSTOM_HEADERS", Unheaded("ANTHROPIC_CUSTOM_HEADERS", "X-Team")),)),
    "one more entry, in both spellings": Change(
        sets=(("NO_PROXY", Listed("NO_PROXY", ("api.example",))), ("no_proxy", Copied("NO_PROXY")))
    ),
    "one more header": Change(
        sets=(("ANTHROPIC_CUSTOM_HEADERS", Listed("ANTHROPIC_CUSTOM_HEADERS", ("User-Agent: me",), "\n")),)
    ),
    "a list where there was none": Change(sets=(("NONE", Listed("NONE", ("a", "b"))),)),
    "a file at home": Change(sets=(("SSL_CERT_FILE", Filed("claude-ca.pem")),)),
}


def _environment_after(shell: str, block: str, folder: Path) -> dict[str, str]:
    dump = "python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(
        [shell, "-c", f"{block}\n{dump}"],
        env={**BEFORE, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        cwd=folder, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert not done.stderr, (block, done.stderr)
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return {name: value for name, value in found.items() if name in (*BEFORE, *_named())}


def _named() -> set[str]:
    return {name for change in CHANGES.values() for name in change.names()}


@pytest.mark.parametrize(("name", "shell"), list(product(CHANGES, ("dash", "bash", "zsh", "fish"))))
def test_a_shell_does_what_a_run_tries(name: str, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    change = CHANGES[name]
    block = written(change, "fish" if shell == "fish" else "sh").replace("{python}", "python3")
    assert _environment_after(shell, block, tmp_path) == change.applied(BEFORE)


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_nothing_is_set_when_nothing_is_typed(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    block = written(Change(sets=(("OLD", Asked("a word")),)), "fish" if shell == "fish" else "sh")
    done = subprocess.run(
        [shell, "-c", f"{block}\nprintenv OLD"], env={**BEFORE, "PATH": "/usr/bin:/bin"}, cwd=tmp_path,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.stdout.endswith("x y\n")


def test_the_settings_of_claude_code_are_changed_and_a_copy_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    before = {"model": "x", "env": {"HTTPS_PROXY": "http://old:1", "OTHER": "it's"}}
    file.write_text(json.dumps(before))
    change = Change(sets=(("ANTHROPIC_BASE_URL", "https://gw.example/a=b"),), unsets=("HTTPS_PROXY",))
    line = in_settings(change, str(file), shell="sh", python="python3")
    subprocess.run(["sh", "-c", line], check=True, timeout=20)
    after = json.loads(file.read_text())
    assert after == {"model": "x", "env": {"OTHER": "it's", "ANTHROPIC_BASE_URL": "https://gw.example/a=b"}}
    assert json.loads(Path(f"{file}.bak").read_text()) == before


@pytest.mark.parametrize("shell", SHELLS)
def test_every_change_is_said_in_every_shell_or_not_at_all(shell: Shell) -> None:
    for name, change in CHANGES.items():
        block = written(change, shell)
        assert block or shell == "cmd", name
        assert "None" not in block


# -- conditions ----------------------------------------------------------------------------------------


def first(code: str, machine: Machine, **values: str) -> Fix:
    return offers(CATALOGUE[code].fixes, {**KNOWN, **values}, machine)[0].fix


def test_no_variable_is_unset_that_is_not_set() -> None:
    machine = Machine(variables={"https_proxy": [SetVariable(name="https_proxy")]})
    fix = first("proxy-unneeded", machine)
    assert lines(fix) == ["unset https_proxy"]


def test_a_proxy_is_not_unset_where_the_direct_route_was_tried_and_failed() -> None:
    machine = Machine(variables={"HTTPS_PROXY": [SetVariable(name="HTTPS_PROXY")]}, facts=frozenset({"direct-fails"}))
    fixes = [made.fix for made in offers(CATALOGUE["proxy-refused"].fixes, KNOWN, machine)]
    assert not [line for fix in fixes for line in lines(fix) if line.startswith("unset")]


def test_root_needs_no_sudo_and_who_cannot_become_root_is_sent_to_somebody() -> None:
    wsl = Machine(facts=frozenset({"another-resolver-works"}), tools=frozenset({"sudo"}))
    assert "sudo cp" in "".join(lines(first("dns-timeout", wsl)))
    assert "sudo" not in "".join(lines(first("dns-timeout", replace(wsl, root=True))))
    fixes = [made.fix for made in offers(CATALOGUE["dns-timeout"].fixes, KNOWN, replace(wsl, tools=frozenset()))]
    barred = next(fix for fix in fixes if "rights of root" in fix.text)
    assert barred.kind == "ask"
    assert not barred.commands


def test_a_file_that_sets_the_variable_again_is_named_with_its_line() -> None:
    places = [
        SetVariable(name="HTTPS_PROXY"),
        SetVariable(name="HTTPS_PROXY", kind="profile", file="~/.bashrc", line=7),
    ]
    fix = first("proxy-unneeded", Machine(variables={"HTTPS_PROXY": places}))
    assert fix.place == "~/.bashrc, line 7"
    assert "~/.bashrc, line 7 sets HTTPS_PROXY" in fix.text
    assert lines(fix) == ["unset HTTPS_PROXY"]
