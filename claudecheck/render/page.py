"""The page of a problem, for a terminal and as Markdown, and all pages as one document.

Pure. Where a machine is given, a page shows what is for its system, shell and client; without one it shows every
fix, headed by the systems and shells that it is for. A hole is open as `<hole>` in a command, and in a sentence as
plain words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from claudecheck.diagnosis.problems.facts import SURROUNDINGS, WORDS
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import EXCERPTS, fill_command, written_open
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, fill
from claudecheck.render.paper import QUIET, STRONG, Paper, printed, sheet
from claudecheck.report import Layer, Owner, Severity, Shell

#: In the order of the catalogue. Two layers share a chapter: the same answer can come at both.
CHAPTERS: Mapping[Layer, str] = {
    "environment": "environment",
    "dns": "dns",
    "tcp": "tcp",
    "tls": "tls",
    "proxy": "proxy",
    "models": "models and messages",
    "messages": "models and messages",
    "client": "client code",
    "policy": "policy",
}
#: They take the layer that failed, so they belong to none.
ANY_LAYER = ("intermittent", "unknown", "incomplete", "claudecheck-bug")

_SEVERITIES: Mapping[Severity, str] = {
    "error": "an error",
    "warning": "a warning while the client gets through, else an error",
    "info": "information",
}
_OWNERS: Mapping[Owner, str] = {
    "you": "you",
    "network": "your network or IT team",
    "gateway": "whoever runs the gateway or server",
    "anthropic": "Anthropic",
}
_SHELLS: Mapping[Shell, str] = {
    "sh": "sh",
    "fish": "fish",
    "powershell": "PowerShell",
    "cmd": "cmd.exe",
    "dockerfile": "Dockerfile",
    "yaml": "YAML",
    "python": "Python",
    "typescript": "TypeScript",
}
_PLACES = {"Darwin": "macOS"}
#: Under which names `looks_like` keeps what a client prints.
_PRINTED_BY: Mapping[str, tuple[str, ...]] = {
    "python": ("Python 0.x", "Python 1.x / 2.x"),
    "typescript": ("TypeScript",),
    "node": ("TypeScript",),
    "claude-code": ("Claude Code",),
    "curl": ("curl",),
}


@dataclass(frozen=True)
class Way:
    """One way out as a page shows it: where it holds, what to do, and the commands by their shells."""

    place: str
    text: str
    commands: tuple[tuple[str, Shell, str], ...]  # the shells that share the lines, one of them, the lines

    @property
    def headed(self) -> str:
        return f"({self.place}) {self.text}" if self.place else self.text


def ways(problem: Problem, machine: Machine | None = None) -> list[Way]:
    """Every fix, or those that may hold on this machine."""
    held = [one for one in problem.fixes if machine is None or _may_hold(one, machine)]
    # A problem of other systems is explained with their fixes.
    return [_way(remedy, machine) for remedy in held] or [_way(remedy, None) for remedy in problem.fixes]


def _may_hold(remedy: Remedy, machine: Machine) -> bool:
    """By what is known without a run: the system, the client and the surroundings."""
    known = machine.known()
    return (
        (not remedy.systems or machine.os in remedy.systems)
        and (not remedy.clients or machine.client in remedy.clients)
        and all(fact in known for fact in remedy.when if fact in SURROUNDINGS)
        and not any(fact in known for fact in remedy.unless if fact in SURROUNDINGS)
    )


def _way(remedy: Remedy, machine: Machine | None) -> Way:
    here = machine is not None  # what holds here needs no heading
    systems = () if here else remedy.systems
    when = [fact for fact in remedy.when if not here or fact not in SURROUNDINGS]
    places = [*(_PLACES.get(place, place) for place in systems), *(WORDS[fact] for fact in when)]
    text = _sentence(remedy.text) + (f" ({fill(remedy.caution, {})})" if remedy.caution else "")
    return Way(", ".join(places), text, tuple(_by_lines(remedy, machine)))


def _by_lines(remedy: Remedy, machine: Machine | None) -> Iterator[tuple[str, Shell, str]]:
    """Shells that run the same lines are named together; for a machine the first of its shells that it speaks."""
    lines: dict[Shell, str] = {}
    commands = written_open(remedy)
    if machine is not None:
        spoken = [shell for shell in machine.shells() if any(one.shell == shell for one in commands)][:1]
        commands = [one for one in commands if one.shell in (*spoken, *EXCERPTS)]
    for command in commands:
        line = fill_command(command.line, {}, command.shell)
        lines[command.shell] = f"{lines[command.shell]}\n{line}" if command.shell in lines else line
    alike: dict[str, list[Shell]] = {}
    for shell, line in lines.items():
        alike.setdefault(line, []).append(shell)
    for line, shells in alike.items():
        yield ", ".join(_SHELLS[shell] for shell in shells), shells[0], line


def facts(problem: Problem) -> list[tuple[str, str]]:
    """What can be said in a word or two, by label."""
    layer = "the one that failed" if problem.code in ANY_LAYER else problem.layer
    move = [("who acts", _OWNERS[problem.owner])] if problem.owner else []
    return [
        ("layer", layer),
        ("severity", _SEVERITIES[problem.severity]),
        *move,
        ("retry", "yes, it may help" if problem.retryable else "no"),
        ("billed", "possibly: the work may have been done, and only the answer lost" if problem.billed else "no"),
    ]


def verify(problem: Problem) -> str:
    """The command that shows whether a fix works."""
    return fill(problem.verify, {})


def looks(problem: Problem, machine: Machine | None = None) -> list[tuple[str, str]]:
    """What clients print, or the machine's client; those that print the same are named together."""
    alike: dict[str, list[str]] = {}
    for client, text in problem.looks_like.items():
        if machine is not None and client not in _PRINTED_BY.get(machine.client, ()):
            continue
        alike.setdefault(text, []).append(client)
    return [(", ".join(clients), text) for text, clients in alike.items()]


def _sentence(text: str) -> str:
    """A hole at its beginning may leave a small letter there."""
    filled = fill(text, {})
    return filled[:1].upper() + filled[1:]


# -- Markdown --------------------------------------------------------------------------------------


def catalogue_markdown(catalogue: Mapping[str, Problem]) -> str:
    """All problems as one document: the contents by chapter, then every page."""
    chapters = [(name, list(problems)) for name, problems in groupby(catalogue.values(), _chapter)]
    lines = [
        "# Problems",
        "",
        "Everything that claudecheck can say is wrong. A code is permanent, and never used for something else.",
        "`claudecheck explain CODE` shows the same page. This file is made from the catalogue by `make docs`.",
    ]
    for name, problems in chapters:
        lines += ["", f"**{name}**", ""]
        lines += [f"- [`{problem.code}`](#{problem.code}): {_sentence(problem.title)}" for problem in problems]
    for name, problems in chapters:
        lines += ["", f"## {name[:1].upper()}{name[1:]}"]
        for problem in problems:
            lines += ["", problem_markdown(problem).rstrip()]
    return "\n".join(lines) + "\n"


def _chapter(problem: Problem) -> str:
    return "the rest" if problem.code in ANY_LAYER else CHAPTERS[problem.layer]


def problem_markdown(problem: Problem) -> str:
    """One page, under a heading of the third level that is the code."""
    return "\n".join(_markdown(problem)) + "\n"


def _markdown(problem: Problem) -> Iterator[str]:
    yield f"### {problem.code}"
    yield ""
    yield f"**{_sentence(problem.title)}**"
    yield ""
    yield _sentence(problem.cause)
    if problem.looks_like:
        yield from ("", "How it looks:", "")
        yield from (f"- {clients}: {_code_span(text)}" for clients, text in looks(problem))
    yield from ("", f"How to tell it apart: {problem.told_apart}")
    yield from ("", "What to do:", "")
    for number, way in enumerate(ways(problem), 1):
        yield f"{number}. {way.headed}"
        for shells, language, line in way.commands:
            yield from ("", f"   {shells}:", f"   ```{language}")
            yield from (f"   {part}" for part in line.split("\n"))
            yield "   ```"
    yield ""
    yield from (f"- {label}: {value}" for label, value in facts(problem))
    yield f"- verify: {_code_span(verify(problem))}"


def _code_span(text: str) -> str:
    """Between more backticks than stand together in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    edge = " " if longest else ""
    return f"{'`' * (longest + 1)}{edge}{text}{edge}{'`' * (longest + 1)}"


# -- terminal --------------------------------------------------------------------------------------


def page_text(problem: Problem, *, width: int, colour: bool, unicode: bool, machine: Machine | None = None) -> str:
    """The page of a problem for a terminal, as a string that ends in a newline."""
    paper = sheet(width, unicode=unicode)
    return printed(_page(problem, paper, machine), paper, colour=colour)


def _page(problem: Problem, paper: Paper, machine: Machine | None = None) -> Iterator[RenderableType]:
    yield paper.text(problem.code, STRONG)
    yield paper.text(_sentence(problem.title), STRONG)
    yield Text()
    yield paper.text(_sentence(problem.cause))
    if shown := looks(problem, machine):
        yield from _heading("How it looks", paper)
        for clients, text in shown:
            yield _indented(paper.text(clients), 2)
            yield _indented(paper.text(text, QUIET), 4)
    yield from _heading("How to tell it apart", paper)
    yield _indented(paper.text(problem.told_apart), 2)
    yield from _heading("What to do", paper)
    for number, way in enumerate(ways(problem, machine), 1):
        yield from _numbered(number, way, paper)
    yield Text()
    told = [*facts(problem), ("verify", verify(problem))]
    yield _grid(12, [(paper.text(label, QUIET), paper.text(value)) for label, value in told])
    if machine is not None:
        yield Text()
        yield paper.text("for this system, shell and client; --all shows every other", QUIET)


def _heading(text: str, paper: Paper) -> Iterator[RenderableType]:
    yield Text()
    yield paper.text(text, STRONG)


def _indented(text: Text, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns))


def _numbered(number: int, way: Way, paper: Paper) -> Iterator[RenderableType]:
    yield _grid(5, [(Text(f"  {number}."), paper.text(way.headed))])
    for shells, _, line in way.commands:
        yield _indented(paper.text(f"{shells}:", QUIET), 5)
        yield from paper.command(line, Text(" " * 7))


def _grid(width: int, rows: list[tuple[Text, Text]]) -> Table:
    """A narrow column of labels beside what they belong to."""
    grid = Table.grid()
    grid.add_column(width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid
