"""The pages that people read: what stands on them, at which widths, and that no text of a report can break them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace
from rich.cells import cell_len

from claudecheck.observations import End
from claudecheck.render import verdict
from claudecheck.render.markdown import short, to_markdown
from claudecheck.render.terminal import render_text
from claudecheck.render.untrusted import command_lines
from claudecheck.report import Billed, Command, Fix, Report, StageRow, VariationRow
from tests.network_reports import HEALTHY, TLS_INTERCEPTED
from tests.reports import HOSTILE, REPORTS

Golden = Callable[[str | Path, str], None]
FRIENDLY = {name: report for name, report in REPORTS.items() if report is not HOSTILE}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

#: Text that somebody else chose: anything at all, with what is dangerous more often than chance would have it.
UNTRUSTED = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            ["\x1b[2J", "\x9b", "[bold]", "[/]", ":bomb:", "\u202e", "\u200f", "\r", "\n", "\t", "字", "`"]
        ),
        st.sampled_from(
            ["|", "<script>", "</td>", "\n\n# x", "![x](y)", "@all", "http://x.example", "\\", "*", "_", "~"]
        ),
    ),
    max_size=8,
).map("".join)


def plain(report: Report, width: int = 80) -> str:
    """The long page: everything that was found."""
    return render_text(report, width=width, colour=False, unicode=True, verbose=True)


def commands(report: Report) -> list[str]:
    """Every command that the page shows, line by line."""
    culprit = verdict.culprit(report)
    fixes = [*(culprit.fixes if culprit else []), *(f.fixes[0] for f in verdict.others(report) if f.fixes)]
    return [line for fix in fixes for command in fix.commands for line in command_lines(command.line)]


def saying(text: str) -> Report:
    """A failing report in which every text that can come from outside is this one."""
    finding = replace(
        TLS_INTERCEPTED.findings[0],
        **dict.fromkeys(("code", "title", "cause", "verify"), text),
        seen=[text] * 3,
        ruled_out=[text, text],
        fixes=[Fix(text=text, commands=[Command(shell="sh", line=text)])],
    )
    return replace(
        TLS_INTERCEPTED,
        started_at=text,
        route=replace(TLS_INTERCEPTED.route, url=text, proxy=text, credential_source=text, provider=text),
        stages=[replace(row, summary=text) for row in TLS_INTERCEPTED.stages],
        findings=[finding, replace(finding, severity="warning"), replace(finding, severity="info")],
        variations=[VariationRow(changed=text, before=text, after=text, outcome=text, reached=True)] * 7,
        observations=[End(cut="deadline", waiting_for=text)],
    )


# -- as they are -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FRIENDLY)
def test_the_terminal_page_looks_as_reviewed_at_every_width(name: str, golden: Golden) -> None:
    pages = [f"-- {width} columns --\n{plain(FRIENDLY[name], width)}" for width in (120, 80, 48)]
    ascii_page = render_text(FRIENDLY[name], width=80, colour=False, unicode=False, verbose=True)
    golden(f"{name}.txt", "\n".join([*pages, f"-- 80 columns, ASCII --\n{ascii_page}"]))


@pytest.mark.parametrize("name", ["healthy", "tls-intercepted", "ipv6-broken"])
def test_the_coloured_page_looks_as_reviewed(name: str, golden: Golden) -> None:
    golden(f"{name}.ansi", render_text(FRIENDLY[name], width=100, colour=True, unicode=True, verbose=True))


@pytest.mark.parametrize("name", FRIENDLY)
def test_the_ticket_and_the_chat_message_look_as_reviewed(name: str, golden: Golden) -> None:
    golden(f"{name}.md", f"{to_markdown(FRIENDLY[name])}\n---\n\n{short(FRIENDLY[name])}")


# -- what must stand on the page -------------------------------------------------------------------


@pytest.mark.parametrize("name", FRIENDLY)
def test_the_last_line_ends_with_the_exit_code(name: str) -> None:
    assert plain(FRIENDLY[name]).rstrip("\n").endswith(f"exit {FRIENDLY[name].exit_code}")


def test_a_healthy_run_is_short_and_says_what_it_cost() -> None:
    page = plain(HEALTHY, 120)
    assert len(page.splitlines()) < 16
    assert "1 message, 8 input and 1 output token\n" in page


@pytest.mark.parametrize("width", [40, 48, 80, 100, 120, 300])
@pytest.mark.parametrize("name", FRIENDLY)
def test_the_stages_stay_a_table_with_named_columns(name: str, width: int) -> None:
    lines = plain(FRIENDLY[name], width).splitlines()
    header = next(line for line in lines if line.split()[:1] == ["stage"])
    assert ("time" in header, header.rstrip().endswith("time")) == (True, width < 100)
    name_at, summary_at = header.index("stage"), header.index("what was seen")
    for row in FRIENDLY[name].stages:
        line = next(line for line in lines if line[name_at:summary_at].strip() == row.name)
        assert line[summary_at:].startswith(row.summary.split()[0][:6])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_url_source": "ANTHROPIC_BASE_URL"}, "https://api.anthropic.com (ANTHROPIC_BASE_URL)"),
        ({"credential": "none"}, "no credential"),
        ({"credential": "profile", "credential_kind": "", "credential_source": "work"}, "profile (work, 3f2a9c01)"),
        ({"proxy": "http://p:1", "proxy_source": "HTTPS_PROXY"}, "proxy http://p:1 (HTTPS_PROXY)"),
        ({"proxy_bypassed_by": ".anthropic.com"}, 'no proxy (NO_PROXY entry ".anthropic.com")'),
        ({"provider": "bedrock"}, "provider bedrock"),
        ({"trust": "file", "cafile": "/ca.pem", "trust_source": "SSL_CERT_FILE"}, "trust /ca.pem (SSL_CERT_FILE)"),
        ({"client": "curl", "client_version": "8.5.0"}, "curl 8.5.0"),
    ],
)
def test_the_header_says_what_decides_the_route(change: dict[str, str], said: str) -> None:
    report = replace(HEALTHY, route=replace(HEALTHY.route, **change))
    assert said in plain(report, 120)
    assert ("/home/ana/app/.venv/bin/python" in plain(report, 120)) == (report.route.client == "python")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reached_api": True, "request_id": "req_1"}, "reached the API (req_1) · your network team's move · exit 13"),
        ({"reached_api": True, "answered_by": "gateway"}, "reached the API through the gateway ·"),
        ({"reached_api": False, "answered_by": "portal"}, "did not reach the API: a sign-in page answered ·"),
        ({"reached_api": None}, "the API was not asked ·"),
    ],
)
def test_the_last_line_says_how_far_the_run_came(change: dict[str, object], said: str) -> None:
    assert said in plain(replace(TLS_INTERCEPTED, **change), 120).splitlines()[-1]


def test_an_owner_is_named_as_people_call_them() -> None:
    moves = {"you": "your move", "gateway": "the gateway operator's move", "anthropic": "Anthropic's move"}
    for owner, move in moves.items():
        finding = replace(TLS_INTERCEPTED.findings[0], owner=owner)
        assert f"· {move} ·" in plain(replace(TLS_INTERCEPTED, findings=[finding]))
    assert "move" not in plain(REPORTS["claudecheck-bug"]).splitlines()[-1]


def test_the_waterfall_shows_the_stages_one_after_the_other() -> None:
    lines = plain(HEALTHY, 120).splitlines()
    starts = [line.index("━") for line in lines if "━" in line]
    assert len(starts) == 6
    assert starts == sorted(starts)
    assert "━" not in plain(HEALTHY, 99)


def test_marks_differ_by_shape_and_have_ascii_twins() -> None:
    report = replace(HEALTHY, stages=[*HEALTHY.stages, *TLS_INTERCEPTED.stages, *REPORTS["ipv6-broken"].stages])
    assert set(re.findall(r"^ {2}(\S) \w", plain(report), re.MULTILINE)) == {"✓", "✗", "!", "·"}
    page = render_text(report, width=80, colour=False, unicode=False, verbose=True)
    assert set(re.findall(r"^ {2}(\S\S) \w", page, re.MULTILINE)) == {"ok", "XX", "!!", "--"}


@pytest.mark.parametrize("name", REPORTS)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    coloured = render_text(REPORTS[name], width=80, colour=True, unicode=True, verbose=True)
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in COLOURS.sub("", coloured).splitlines()] == plain(REPORTS[name]).splitlines()


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_command_is_never_broken(name: str, width: int) -> None:
    lines = [line.strip() for line in plain(REPORTS[name], width).splitlines()]
    for command in commands(REPORTS[name]):
        assert command.strip() in lines


def test_many_variations_show_those_that_got_through_and_one_of_each_other_outcome() -> None:
    rows = [
        VariationRow(changed="address", before="a", after=str(number), outcome="refused", reached=False)
        for number in range(9)
    ]
    rows.append(VariationRow(changed="proxy", before="none", after="p", outcome="TLS 1.3", reached=True))
    page = plain(replace(TLS_INTERCEPTED, variations=rows))
    assert page.count("refused") == 1
    assert "TLS 1.3" in page
    assert "and 8 more that ended like one of these" in page


def test_a_cut_run_says_what_it_was_waiting_for() -> None:
    incomplete = plain(REPORTS["incomplete"], 120)
    assert incomplete.count("while waiting for tls: api.anthropic.com") == 1
    assert "\n! incomplete" in incomplete
    cut = [*TLS_INTERCEPTED.observations[:-1], End(cut="interrupted", waiting_for="tls: varying the route")]
    findings = [*TLS_INTERCEPTED.findings, *REPORTS["incomplete"].findings]
    report = replace(TLS_INTERCEPTED, exit_code=130, findings=findings, observations=cut)
    assert "\ninterrupted, while waiting for tls: varying the route\n" in plain(report)
    assert "incomplete" not in plain(report)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, ""), (0.2, "<1 ms"), (8.6, "9 ms"), (999.4, "999 ms"), (999.6, "1.0 s"), (1240, "1.2 s"), (30_040, "30 s")],
)
def test_times_read_as_people_say_them(value: float, text: str) -> None:
    assert verdict.milliseconds(value) == text


def test_the_cost_agrees_in_number() -> None:
    assert (
        verdict.cost(Billed(messages=3, input_tokens=1, output_tokens=3)) == "3 messages, 1 input and 3 output tokens"
    )
    assert verdict.cost(Billed()) == ""


# -- what no text may do ---------------------------------------------------------------------------


@given(text=UNTRUSTED, width=st.integers(40, 130), unicode=st.booleans())
def test_no_text_leaves_its_place_on_the_terminal_page(text: str, width: int, unicode: bool) -> None:
    report = saying(text)
    page = render_text(report, width=width, colour=False, unicode=unicode, verbose=True)
    assert all(line.isprintable() for line in page.split("\n"))
    assert unicode or page.isascii()
    longest = {line for line in page.split("\n") if cell_len(line) > min(width, 120)}
    spoken = [*commands(report), *command_lines(report.findings[0].verify), f"explain {command_lines(text)[0]}"]
    if unicode:
        assert all(any(line.rstrip().endswith(command.rstrip()) for command in spoken) for line in longest)
    coloured = render_text(report, width=width, colour=True, unicode=unicode, verbose=True)
    assert "\x1b" not in COLOURS.sub("", coloured)


@given(line=st.text(min_size=1, max_size=300).filter(lambda line: line.isprintable() and line.strip()))
def test_a_command_can_be_copied_as_it_is(line: str) -> None:
    fix = Fix(text="Try this", commands=[Command(shell="sh", line=line)])
    report = replace(TLS_INTERCEPTED, findings=[replace(TLS_INTERCEPTED.findings[0], fixes=[fix])])
    assert line.strip() in [shown.strip() for shown in plain(report, 48).split("\n")]


@given(text=UNTRUSTED)
@example(text="\n```\n<script>\n# x")
def test_no_text_becomes_markup_in_markdown(text: str) -> None:
    harmless, hostile = (
        MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(to_markdown(saying(said)))
        for said in ("x", f"x{text}x")
    )
    tags = re.compile(r"<[^>]*>")
    ours = [tag for tag in tags.findall(hostile) if tag not in ("<code>", "</code>")]
    assert ours == [tag for tag in tags.findall(harmless) if tag not in ("<code>", "</code>")]
    prose = re.sub(r"<pre>.*?</pre>|<code>.*?</code>", "", hostile, flags=re.DOTALL)
    assert not re.search(r"@\w|#\w", prose)


def test_a_bar_in_code_does_not_end_the_cell_of_a_table() -> None:
    page = MarkdownIt("gfm-like", {"linkify": False}).render(to_markdown(saying("`a|b` seen")))
    assert page.count("<td>`a|b` seen</td>") == len(TLS_INTERCEPTED.stages) + 4 * 7


@given(text=UNTRUSTED)
def test_a_chat_message_is_one_printable_line(text: str) -> None:
    line, rest = short(saying(text)).split("\n")
    assert line.isprintable()
    assert (len(line) <= 1000, rest) == (True, "")


def test_rich_neither_reads_markup_nor_emoji_in_a_report() -> None:
    page = plain(HOSTILE, 120)
    assert "[bold red]markup[/]" in page
    assert ":warning:" in page


def test_a_value_of_any_length_takes_a_bounded_place() -> None:
    long = StageRow(name="dns", status="pass", summary="x" * 100_000)
    assert len(plain(replace(HEALTHY, stages=[long])).splitlines()) < 20


def test_only_the_terminal_page_loads_rich() -> None:
    code = (
        "import sys, claudecheck.render.machine, claudecheck.render.markdown, claudecheck.cli.progress;"
        "sys.exit('rich' in sys.modules)"
    )
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=30, check=False).returncode == 0
