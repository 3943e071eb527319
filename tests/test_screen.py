"""The one screen: 24 lines of 80 columns, with what is wrong, one fix and whose move it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.render import verdict
from claudecheck.render.terminal import render_text
from claudecheck.render.untrusted import command_lines
from claudecheck.report import Command, Cure, Finding, Fix, Report, Trial, VariationRow
from tests.network_reports import HEALTHY, TLS_INTERCEPTED
from tests.reports import HOSTILE, REPORTS
from tests.test_render import COLOURS, FRIENDLY, UNTRUSTED, saying

Golden = Callable[[str | Path, str], None]


def screen(report: Report, width: int = 80, *, unicode: bool = True) -> str:
    return render_text(report, width=width, colour=False, unicode=unicode)


def found(report: Report, **changes: object) -> Report:
    """The report with its first finding changed."""
    return replace(report, findings=[replace(report.findings[0], **changes), *report.findings[1:]])


@pytest.mark.parametrize("name", FRIENDLY)
def test_the_screen_looks_as_reviewed(name: str, golden: Golden) -> None:
    pages = [f"-- {width} columns --\n{screen(FRIENDLY[name], width)}" for width in (120, 80, 60)]
    golden(f"{name}.screen", "\n".join([*pages, f"-- 80, ASCII --\n{screen(FRIENDLY[name], unicode=False)}"]))


@pytest.mark.parametrize("name", FRIENDLY)
def test_the_screen_fits_24_lines_and_ends_with_the_exit_code(name: str) -> None:
    lines = screen(FRIENDLY[name]).splitlines()
    assert len(lines) <= 24
    assert all(cell_len(line) <= 80 or line.startswith("    ") for line in lines)  # commands are never folded
    assert lines[-1].endswith(f"exit {FRIENDLY[name].exit_code}")


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_problem_fits_the_screen_with_its_code_and_its_first_fix(code: str) -> None:
    for machine in (Machine(), Machine(container=True), Machine(os="Windows", shell="powershell")):
        finding: Finding = CATALOGUE[code].finding({}, machine=machine, seen=["x"] * 20, ruled_out=["y"] * 9)
        page = screen(replace(TLS_INTERCEPTED, findings=[finding]))
        lines = page.splitlines()
        assert len(lines) <= 24, page
        assert any(line[2:].startswith(f"{code}:") for line in lines)
        typed = [c for fix in finding.fixes[:1] for c in fix.commands if c.shell in ("sh", "powershell")]
        for command in typed:
            assert all(part.strip() in page for part in command_lines(command.line))


def test_what_is_left_out_is_counted() -> None:
    fix = Fix(text="Try that")
    rows = [VariationRow(changed="a", before="b", after="c", outcome="d", reached=False)] * 3
    page = screen(replace(found(TLS_INTERCEPTED, fixes=[fix] * 4), variations=rows))
    assert "claudecheck doctor -v  (3 variations, 3 more fixes)" in page
    assert page.count("Try that") == 1


def test_the_change_that_decided_is_told_in_a_sentence() -> None:
    row = VariationRow(
        changed="segment size", before="the system's", after="536 bytes", outcome="TLSv1.3", reached=True, decided=True
    )
    assert "  With segment size 536 bytes it gets through (TLSv1.3)." in screen(
        replace(TLS_INTERCEPTED, variations=[row])
    )


@pytest.mark.parametrize(
    ("fix", "said"),
    [
        (Fix(text="Do it", commands=[Command(shell="sh", line="true")]), "Do it. Not tried."),
        (Fix(text="Do it", tried=Trial(reached=True, stage="models")), "Do it. Tried just now: it gets through."),
        (Fix(text="Do it", tried=Trial(reached=True, stage="tls")), "Do it. Tried just now: it gets past tls."),
        (
            Fix(text="Do it", tried=Trial(reached=True, stage="tls", by="tls:small-segments")),
            "Do it. Tried just now in an equivalent way: it gets through.",
        ),
        (Fix(text="Ask them", kind="ask"), "Ask them\n"),
    ],
)
def test_a_fix_says_whether_it_was_tried(fix: Fix, said: str) -> None:
    assert said in screen(found(TLS_INTERCEPTED, fixes=[fix]))


def test_a_proved_cure_is_in_the_last_line() -> None:
    cure = Cure(commands=[Command(shell="sh", line="true")], proved=True)
    last = screen(replace(found(TLS_INTERCEPTED, owner="you"), cure=cure)).splitlines()[-1]
    assert last == "did not reach the API · your move, one change mends it · exit 13"
    assert "mends" not in screen(replace(TLS_INTERCEPTED, cure=replace(cure, proved=False)))


def test_a_long_command_is_whole_and_other_things_make_room_for_it() -> None:
    line = " \\\n  ".join(f"step-{number}" for number in range(11))
    page = screen(found(TLS_INTERCEPTED, fixes=[Fix(text="Try", commands=[Command(shell="sh", line=line)])]))
    assert all(part.strip() in page for part in line.split("\n"))
    assert len(page.splitlines()) <= 24


def test_warnings_of_a_run_that_gets_through_are_named_with_the_first_fix() -> None:
    page = screen(REPORTS["ipv6-broken"])
    first = REPORTS["ipv6-broken"].findings[0]
    assert f"! {first.code}:" in page
    assert first.fixes[0].text.split()[0] in page


@given(text=UNTRUSTED, width=st.integers(40, 130), unicode=st.booleans())
def test_no_text_leaves_its_place_on_the_screen(text: str, width: int, unicode: bool) -> None:
    page = screen(saying(text), width, unicode=unicode)
    assert all(line.isprintable() for line in page.split("\n"))
    assert unicode or page.isascii()
    commands = [line.strip() for line in command_lines(text)]
    longest = [line for line in page.split("\n") if cell_len(line) > min(width, 120)]
    assert not unicode or all(line.strip() in commands for line in longest)


@pytest.mark.parametrize("name", REPORTS)
def test_colour_adds_nothing_but_colour_to_the_screen(name: str) -> None:
    coloured = render_text(REPORTS[name], width=80, colour=True, unicode=True)
    assert [line.rstrip() for line in COLOURS.sub("", coloured).splitlines()] == screen(REPORTS[name]).splitlines()


def test_the_word_that_people_look_for_is_in_a_colour_of_its_own() -> None:
    coloured = render_text(TLS_INTERCEPTED, width=80, colour=True, unicode=True)
    (line,) = [line for line in coloured.splitlines() if COLOURS.sub("", line).startswith("  fix ")]
    accent = COLOURS.findall(line)[0]
    assert coloured.count(accent) == 1


def test_rich_reads_no_markup_on_the_screen() -> None:
    assert "[bold red]markup[/]" in screen(HOSTILE, 120)
    assert verdict.command(HEALTHY) == "doctor"
