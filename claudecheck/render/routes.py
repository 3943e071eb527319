"""The table of what every client would do, for a terminal and as JSON. Words nothing but labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from claudecheck.clients.registry import title
from claudecheck.clients.rows import UNUSABLE, Objection, RouteRow, Routes
from claudecheck.render.paper import BAD, QUIET, STRONG, Paper, colour_of, printed, sheet
from claudecheck.report import StageStatus

SCHEMA_VERSION = 1
_TABLE_FROM = 100  # five columns need that much
_LABEL = 10


def routes_json(routes: Routes) -> str:
    told = {"schema_version": SCHEMA_VERSION, **msgspec.to_builtins(routes)}
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def render_routes(routes: Routes, *, width: int, colour: bool, unicode: bool) -> str:
    """The page as a string that ends in a newline; with `colour` it holds ANSI colours, else plain text."""
    paper = sheet(width, unicode=unicode)
    return printed(_page(routes, paper), paper, colour=colour)


def _page(routes: Routes, paper: Paper) -> Iterator[RenderableType]:
    yield Text.assemble(("claudecheck routes", STRONG), "   what each client would do here; nothing was sent")
    yield Text()
    yield from _disagreements(routes.disagreements, _worst(routes.rows), paper)
    yield from _objections(routes.objections, paper)
    yield Text()
    if paper.width >= _TABLE_FROM:
        yield _table(routes.rows, paper)
        yield Text()
    else:
        for row in routes.rows:
            yield from _block(row, paper)
            yield Text()
    yield from _ignored(routes.rows, paper)
    for known in routes.elsewhere:
        yield paper.text(f"{known.proxy} is named in {known.source}, where no client looks")


def _disagreements(told: Sequence[str], worst: StageStatus, paper: Paper) -> Iterator[RenderableType]:
    if not told:
        yield Text.assemble(paper.mark(worst), " ", ("All of them take the same route.", colour_of(worst)))
    for sentence in told:
        yield _beside(paper.mark("warn"), paper.text(sentence))


def _objections(told: Sequence[Objection], paper: Paper) -> Iterator[RenderableType]:
    for one in told:
        place = f"{one.file}:{one.line}: {one.variable}: {one.code} ({', '.join(map(title, one.clients))})"
        yield _beside(paper.mark("warn"), paper.text(place))


def _worst(rows: Sequence[RouteRow]) -> StageStatus:
    """Of the clients that are here: that they agree is no good news when none of them has a key."""
    found = {_status(row) for row in rows if row.installed}
    return next((status for status in ("fail", "warn") if status in found), "pass")


def _beside(mark: Text, text: RenderableType) -> Table:
    """Text that, when it is folded, stays clear of its mark."""
    grid = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_row(mark, text)
    return grid


def _status(row: RouteRow) -> StageStatus:
    if not row.installed:
        return "skip"
    return "fail" if not row.starts else "warn" if row.concerns else "pass"


# -- wide: a row a client ----------------------------------------------------------------------------


def _table(rows: Sequence[RouteRow], paper: Paper) -> Table:
    table = Table(box=None, padding=(0, 2, 1, 0), pad_edge=False, header_style=QUIET)
    table.add_column("  client", no_wrap=True)
    for name, ratio in (("calls", 4), ("with", 4), ("through", 5), ("trusts", 4)):
        table.add_column(name, overflow="fold", ratio=ratio)
    for row in rows:
        cells = [_two_lines(*pair, paper) for pair in _fields(row)]
        table.add_row(_beside(paper.mark(_status(row)), _name(row, paper)), *cells)
    return table


def _name(row: RouteRow, paper: Paper) -> Text:
    below = row.version or ("" if row.installed else "not found")
    name = _two_lines(row.title, below, paper)
    for code in row.concerns:
        name.append("\n").append(paper.text(code, colour_of(_status(row)) if row.installed else QUIET))
    return name


def _two_lines(first: str, second: str, paper: Paper) -> Text:
    shown = paper.text(first, BAD if first == UNUSABLE else "")
    return Text.assemble(shown, "\n", paper.text(second, QUIET), overflow="fold") if second else shown


def _fields(row: RouteRow) -> list[tuple[str, str]]:
    """What it calls, with which credential, through what, and whom it trusts; each with its reason."""
    source = "" if row.endpoint_source == "default" else row.endpoint_source
    address = (row.endpoint.removeprefix("https://") or "not known", row.provider or source)
    if row.provider:
        address = (address[0], f"{row.provider}, {row.endpoint_source}")
    return [address, _credential(row), (row.proxy, row.proxy_why), (row.trust, row.cafile)]


def _credential(row: RouteRow) -> tuple[str, str]:
    if row.provider:
        return "the provider's own", ""
    if row.credential == "none":
        return "no credential", ""
    header = f"in {row.header}" if row.header else ""
    return row.credential_source, " ".join(filter(None, (row.credential_kind, row.credential_fingerprint, header)))


# -- narrow: a block a client ------------------------------------------------------------------------


def _block(row: RouteRow, paper: Paper) -> Iterator[RenderableType]:
    after = row.version or ("" if row.installed else "not found")
    yield Text.assemble(paper.mark(_status(row)), " ", paper.text(row.title, STRONG), " ", paper.text(after, QUIET))
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    labelled = list(zip(("calls", "with", "through", "trusts"), _fields(row), strict=True))
    for label, (first, second) in labelled:
        beside = Text.assemble(paper.text(first), "  ", paper.text(second, QUIET)) if second else paper.text(first)
        grid.add_row(_label(label), beside)
    if row.concerns:
        grid.add_row(_label("concerns"), paper.text(", ".join(row.concerns), colour_of(_status(row))))
    yield grid


def _label(label: str) -> Text:
    return Text("  " + label.ljust(_LABEL), QUIET)


# -- what is set in vain -----------------------------------------------------------------------------


def _ignored(rows: Sequence[RouteRow], paper: Paper) -> Iterator[RenderableType]:
    """A line a variable and remedy, with the clients that share them."""
    sharing: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for one in row.ignored:
            sharing.setdefault((one.variable, one.needs), []).append(row.title)
    if not sharing:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=QUIET)
    for name in ("set, and not read", "by", "instead"):
        table.add_column(name, overflow="fold")
    for (variable, needs), titles in sorted(sharing.items()):
        table.add_row(paper.text(variable), paper.text(", ".join(titles)), paper.text(needs))
    yield table
