"""A watched route: the live view in a terminal, a line for every change, and the summary at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from claudecheck.diagnosis.series import Episode, Series, StageSeries, State
from claudecheck.render.paper import BAD, GOOD, ODD, QUIET, STRONG, Paper, colour_of, printed, sheet
from claudecheck.render.verdict import count, milliseconds
from claudecheck.report import Report, StageStatus

_BARS = "▁▂▃▄▅▆▇█"
_BARS_IN_ASCII = "_.-=+*#@"
_SPARKLINE = 24
_MOST_CHANGES = 6
_MOST_EPISODES = 12
_MOST_SHARED = 3


def live(series: Series, report: Report, *, width: int, unicode: bool, note: str) -> Group:
    """The ladder of the last walk, what every stage took, and the last changes. `note` is the line at the bottom."""
    paper = sheet(width, unicode=unicode)
    parts: list[RenderableType] = [_headline(series, report, paper), Text(), _stages(series, report, paper), Text()]
    episodes = list(series.episodes)[-_MOST_CHANGES:]
    parts += [_episode(episode, paper, last=episode is episodes[-1]) for episode in episodes]
    return Group(*parts, Text(), paper.text(note, QUIET))


def change(episode: Episode, jumped_s: float = 0.0) -> str:
    """The line that is printed when the state changes, without a terminal."""
    jump = f" (the clock jumped by {jumped_s:g} s)" if jumped_s else ""
    return f"{_second(episode.began)}  {_words(episode.state)}{jump}"


def summary_text(series: Series, *, width: int, colour: bool, unicode: bool) -> str:
    """What the walks come to, as a string that ends in a newline."""
    paper = sheet(width, unicode=unicode)
    return printed(_summary(series, paper), paper, colour=colour)


def sentences(series: Series) -> list[str]:
    """How many failed, where, and what those share."""
    if not series.failed:
        return [f"{count(series.walks, 'walk')}, and every one got through"]
    told = [f"{series.failed} of {count(series.walks, 'walk')} failed"]
    total = series.failed
    for (layer, problem), number in series.causes.most_common(_MOST_SHARED):
        where = f"at {layer}" if layer else "before the end"
        told.append(f"{'all' if number == total else number} {where}: {problem or 'incomplete'}")
    compared = series.shared() if series.failed < series.walks else []
    shared = [one for one in compared if one.separates >= 0.5][:_MOST_SHARED]
    told += [f"{one.trait} {one.value}: {one.failing} of the failing, {one.healthy} of the others" for one in shared]
    return told


def _summary(series: Series, paper: Paper) -> Iterator[RenderableType]:
    first, *rest = sentences(series)
    yield Text.assemble(("claudecheck watch", STRONG), "   ", paper.text(first, BAD if series.failed else GOOD))
    for sentence in rest:
        yield Text.assemble("  ", paper.text(sentence))
    failures = list(series.failures())
    if failures:
        yield Text()
        for episode in failures[-_MOST_EPISODES:]:
            yield _episode(episode, paper, last=False)
        if (left := len(failures) - _MOST_EPISODES + series.forgotten) > 0:
            yield paper.text(f"and {left} before", QUIET)
    yield Text()
    yield _quantiles(series, paper)


def _headline(series: Series, report: Report, paper: Paper) -> Text:
    state = series.episodes[-1].state
    style = GOOD if state.status == "healthy" else ODD if state.through else BAD
    return Text.assemble(
        ("claudecheck watch", STRONG), "   ", paper.text(report.route.url), "   ",
        paper.text(_words(state), f"{STRONG} {style}"), "   ",
        paper.text(f"{count(series.walks, 'walk')}, {series.failed} failed", QUIET),
    )  # fmt: skip


def _words(state: State) -> str:
    if state.through:
        return "gets through" if state.status == "healthy" else "gets through, with warnings"
    return f"{state.layer or state.status}: {state.problem}" if state.problem else state.status


def _episode(episode: Episode, paper: Paper, *, last: bool) -> Text:
    mark: StageStatus = "pass" if episode.state.status == "healthy" else "warn" if episode.state.through else "fail"
    began = _second(episode.began)
    span = f"since {began}" if last else f"{began} to {_second(episode.ended)}"
    said = f"{span}  {_words(episode.state)}, {count(episode.walks, 'walk')}"
    return Text.assemble("  ", paper.mark(mark), " ", paper.text(said))


def _second(moment: str) -> str:
    """Without the milliseconds of a report's own time."""
    whole, point, _ = moment.partition(".")
    return f"{whole}Z" if point else moment


def _stages(series: Series, report: Report, paper: Paper) -> Table:
    table = _table("stage", "now", "p50", "p95", "p99", "failed", "" if paper.narrow else "last walks")
    for row in report.stages:
        known = series.stages.get(row.name, StageSeries())
        name = Text.assemble(paper.mark(row.status), " ", paper.text(row.name, QUIET if row.status == "skip" else ""))
        cells = [milliseconds(row.duration_ms), *(milliseconds(known.quantile(share)) for share in (0.5, 0.95, 0.99))]
        bars = "" if paper.narrow else sparkline(list(known.recent)[-_SPARKLINE:], unicode=paper.unicode)
        failed = Text(str(known.failed) if known.failed else "", BAD)
        table.add_row(name, *map(Text, cells), failed, Text(bars, colour_of(row.status)))
    return table


def _quantiles(series: Series, paper: Paper) -> Table:
    table = _table("stage", "p50", "p95", "p99", "failed")
    for name, values in series.quantiles().items():
        failed = series.stages[name].failed
        cells = [Text(milliseconds(value)) for value in values]
        table.add_row(paper.text(f"  {name}"), *cells, Text(str(failed) if failed else "", BAD))
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=QUIET)
    for place, name in enumerate(names):
        numbers = bool(place) and name != "last walks"
        title = f"  {name}" if not place else name
        table.add_column(title, justify="right" if numbers else "left", no_wrap=True, overflow="crop")
    return table


def sparkline(values: Sequence[float | None], *, unicode: bool) -> str:
    """A bar a walk, to the scale of the longest; a blank where the stage was not walked."""
    bars = _BARS if unicode else _BARS_IN_ASCII
    longest = max((value for value in values if value), default=0.0)
    if not longest:
        return ""
    return "".join(" " if value is None else bars[min(int(value / longest * 8), 7)] for value in values)
