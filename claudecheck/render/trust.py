"""The trust matrix for a terminal and as JSON: the answer, the chain, who trusts it, and the ways out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from claudecheck.diagnosis.trust_matrix import Matrix, Mend, Missing, Stopped, common_name, store_name
from claudecheck.observations import Certificate, ClientVerdict, StoreVerdict
from claudecheck.render.paper import QUIET, STRONG, Paper, printed, sheet
from claudecheck.report import StageStatus

SCHEMA_VERSION = 1
_LABEL = 9


def matrix_json(made: Matrix | Stopped) -> str:
    told = {"schema_version": SCHEMA_VERSION, **msgspec.to_builtins(made)}
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def render_matrix(made: Matrix, *, width: int, colour: bool, unicode: bool) -> str:
    """The page as a string that ends in a newline; with `colour` it holds ANSI colours, else plain text."""
    paper = sheet(width, unicode=unicode)
    return printed(_page(made, paper), paper, colour=colour)


def render_stopped(stopped: Stopped, *, width: int, colour: bool, unicode: bool) -> str:
    """The page when there was no chain to judge."""
    paper = sheet(width, unicode=unicode)
    lines = [
        _title(stopped.url, paper),
        Text(),
        _beside(paper.mark("fail"), paper.text(f"No certificate was shown: the way ends at {stopped.layer}.", STRONG)),
        Padding(paper.text(stopped.error, QUIET), (0, 0, 0, 2)),
        Text(),
        *_field("see why", "claudecheck doctor --no-message", paper),
    ]
    return printed(lines, paper, colour=colour)


def _page(made: Matrix, paper: Paper) -> Iterator[RenderableType]:
    yield _title(made.url, paper)
    yield Text()
    for place, sentence in enumerate(made.answer):
        mark = paper.mark(_overall(made)) if place == 0 else Text(" " * paper.mark("fail").cell_len)
        yield _beside(mark, paper.text(_ended(sentence), "" if place else STRONG))
    yield Text()
    yield from _chain(made.chain, made.missing, paper)
    yield Text()
    yield from _clients(made, paper)
    yield Text()
    yield from _stores(made.stores, paper)
    for mend in made.mends:
        yield Text()
        yield from _mend(mend, paper)


def _title(url: str, paper: Paper) -> Text:
    line = Text.assemble(("claudecheck trust", STRONG), "   ", paper.text(url), overflow="fold")
    note = Text("   one handshake, no request", QUIET)
    return Text.assemble(line, note) if line.cell_len + note.cell_len <= paper.width else line


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


def _overall(made: Matrix) -> StageStatus:
    fails = [one for one in made.clients if one.installed and one.trusted is False]
    if not fails and not made.refused:
        return "pass"
    return "warn" if not made.refused and any(one.installed and one.trusted for one in made.clients) else "fail"


# -- the chain ---------------------------------------------------------------------------------------


def _chain(chain: Sequence[Certificate], missing: Missing | None, paper: Paper) -> Iterator[RenderableType]:
    """What was shown, the server's own certificate first, and what stands above it."""
    table = _table(paper, "the chain", "")
    for certificate in chain:
        lost = missing is not None and missing.sent and certificate.sha256 == missing.sha256
        name = common_name(certificate.subject) or ", ".join(certificate.names[:2])
        until = f"shown, valid until {certificate.not_after[:10]}"
        _row(table, paper, "fail" if lost else "skip", name, until)
    if missing is not None and not missing.sent:
        where = f"not shown; held by {', '.join(missing.stores)}" if missing.stores else "not shown; in no store here"
        _row(table, paper, "fail", common_name(missing.subject), where, *missing.files[:1])
    yield table
    yield from _field("SHA-256", missing.sha256 if missing else "", paper)


def _row(table: Table, paper: Paper, status: StageStatus, name: str, *told: str) -> None:
    lines = Text("\n").join(paper.text(text, QUIET if place else "") for place, text in enumerate(filter(None, told)))
    table.add_row(_beside(paper.mark(status), paper.text(name)), lines)


# -- clients and stores ------------------------------------------------------------------------------


def _clients(made: Matrix, paper: Paper) -> Iterator[RenderableType]:
    if paper.narrow:
        for one in made.clients:
            needs = made.needs.get(one.title, "")
            yield _beside(paper.mark(_status(one)), paper.text(_with_note(one), STRONG if one.installed else ""))
            told = (("trusts", _verdict(one, needs)), ("3.13", _strict(one, needs)), ("needs", needs))
            for label, value in told:
                yield from _field(label, value, paper)
        return
    table = _table(paper, "client", "trusts the chain", "strict (3.13)", "would mend it")
    for one in made.clients:
        style, needs = "" if one.installed else QUIET, made.needs.get(one.title, "")
        table.add_row(
            _beside(paper.mark(_status(one)), _two_lines(one.title, _note(one), style, paper)),
            paper.text(_verdict(one, needs), style),
            paper.text(_strict(one, needs), style),
            paper.text(needs, style),
        )
    yield table


def _status(one: ClientVerdict) -> StageStatus:
    if one.trusted is None:
        return "skip"
    return "pass" if one.trusted else "fail"


def _note(one: ClientVerdict) -> str:
    if one.installed:
        return ""
    return "not found here" if one.clients else "for comparison"


def _with_note(one: ClientVerdict) -> str:
    return f"{one.title} ({_note(one)})" if _note(one) else one.title


def _verdict(one: ClientVerdict, needs: str) -> str:
    if one.trusted is None:
        return "the platform decides"
    if one.trusted:
        return f"yes, by {one.by}"
    return f"no: not in {one.source}" if needs else f"no: {one.message}"


def _strict(one: ClientVerdict, needs: str) -> str:
    if one.passes_strict is None:
        return "not used"
    if needs or (one.trusted is False and not one.code):
        return ""
    return ("passes" if one.passes_strict else "refused") + (", in force" if one.strict else "")


def _stores(stores: Sequence[StoreVerdict], paper: Paper) -> Iterator[RenderableType]:
    strict = {one.store: one.trusted for one in stores if one.strict}
    table = _table(paper, "store", "trusts", "strict", "holds", "where")
    for one in (one for one in stores if not one.strict):
        where = one.path if one.readable else f"{one.path}: {one.message}"
        table.add_row(
            _beside(paper.mark("pass" if one.trusted else "skip"), paper.text(store_name(one))),
            Text("yes" if one.trusted else "no"),
            Text("yes" if strict.get(one.store) else "no"),
            Text(str(one.authorities)),
            paper.text(where, QUIET),
        )
    yield table


# -- the ways out ------------------------------------------------------------------------------------


def _mend(mend: Mend, paper: Paper) -> Iterator[RenderableType]:
    variable = f": {mend.variable}" if mend.variable else ""
    yield Text.assemble("for ", paper.text(", ".join(mend.clients), STRONG), paper.text(variable), overflow="fold")
    yield from _field("fix", mend.fix.text, paper)
    for command in mend.fix.commands:
        yield from paper.command(command.line, Text("    "))
    yield from _field("breaks", mend.breaks, paper)


# -- parts -------------------------------------------------------------------------------------------


def _table(paper: Paper, first: str, *names: str) -> Table:
    table = Table(box=None, padding=(0, 1 if paper.narrow else 2, 0, 0), pad_edge=False, header_style=QUIET)
    table.add_column(" " * (paper.mark("fail").cell_len + 1) + first, overflow="fold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _two_lines(first: str, second: str, style: str, paper: Paper) -> Text:
    shown = paper.text(first, style)
    return Text.assemble(shown, "\n", paper.text(second, QUIET), overflow="fold") if second else shown


def _beside(mark: Text, text: RenderableType) -> Table:
    """Text that, when it is folded, stays clear of its mark."""
    grid = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_row(mark, text)
    return grid


def _field(label: str, value: str, paper: Paper) -> Iterator[RenderableType]:
    if not value:
        return
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text("  " + label.ljust(_LABEL), QUIET), paper.text(value))
    yield grid
