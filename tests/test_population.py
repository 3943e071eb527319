"""Many reports and many walks: grouped by cause, and by what the failing ones share and the others do not."""

from __future__ import annotations

import io
import json
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from claudecheck.cli import merge
from claudecheck.diagnosis.population import Population, decoder
from claudecheck.diagnosis.series import Series
from claudecheck.observations import ResolverConfig
from claudecheck.render import watch as rendered
from claudecheck.render.machine import to_json
from claudecheck.report import Report
from tests import doctor
from tests.network_reports import DNS_NAME_NOT_FOUND, HEALTHY, IPV6_BROKEN, TLS_INTERCEPTED


def met(report: Report, resolver: str, label: str = "") -> Report:
    """The report of a machine with this resolver."""
    seen = [ResolverConfig(nameservers=[resolver]), *report.observations]
    return replace(report, observations=seen, label=label)


def fleet() -> list[Report]:
    """Fifty machines, of which ten share one dead resolver."""
    healthy = [met(HEALTHY, f"10.0.0.{number % 3 + 1}", f"host-{number}") for number in range(40)]
    return [*healthy, *(met(DNS_NAME_NOT_FOUND, "10.0.0.53", f"bad-{number}") for number in range(10))]


def a_line() -> bytes:
    return json.dumps(json.loads(to_json(met(HEALTHY, "10.0.0.1")))).encode()


def merged_of(reports: list[Report]) -> Any:
    population = Population()
    for report in reports:
        population.add(decoder().decode(to_json(report)))
    return population.merged()


def test_the_resolver_that_the_failing_machines_share_is_named_first() -> None:
    merged = merged_of(fleet())
    assert (merged.reports, merged.healthy, merged.failing) == (50, 40, 10)
    (cause,) = merged.causes
    first = cause.shared[0]
    assert (cause.problem, cause.reports) == ("dns-name-not-found", 10)
    assert (first.trait, first.value, first.failing, first.healthy) == ("resolver", "10.0.0.53", 10, 0)


def test_what_every_machine_has_is_no_cause() -> None:
    merged = merged_of([met(HEALTHY, "10.0.0.1")] * 4 + [met(DNS_NAME_NOT_FOUND, "10.0.0.1")] * 4)
    assert "resolver" not in {one.trait for cause in merged.causes for one in cause.shared}


def test_a_warning_does_not_count_against_itself() -> None:
    merged = merged_of([met(IPV6_BROKEN, "10.0.0.9")] * 3 + [met(HEALTHY, "10.0.0.1")] * 5)
    (cause,) = merged.causes
    assert (cause.status, cause.problem) == ("degraded", "ipv6-broken")
    assert ("resolver", "10.0.0.9", 3, 0) in [(o.trait, o.value, o.failing, o.healthy) for o in cause.shared]


def test_failing_causes_come_before_warnings_and_the_frequent_before_the_rare() -> None:
    reports = [IPV6_BROKEN] * 5 + [DNS_NAME_NOT_FOUND] * 2 + [TLS_INTERCEPTED] * 3
    assert [c.problem for c in merged_of(reports).causes] == [
        TLS_INTERCEPTED.problem, DNS_NAME_NOT_FOUND.problem, "ipv6-broken",
    ]  # fmt: skip


def test_merge_reads_files_folders_and_lines_and_passes_over_what_is_no_report(tmp_path: Path) -> None:
    folder = tmp_path / "reports of today"
    folder.mkdir()
    reports = fleet()
    for number, report in enumerate(reports[:20]):
        (folder / f"{number}.json").write_text(to_json(report), encoding="utf-8")
    lines = [json.dumps(json.loads(to_json(report))) for report in reports[20:]]
    (folder / "rest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "notes.json").write_text('{"schema_version": 1}', encoding="utf-8")
    ran = doctor.invoke("merge", str(folder), "--json")
    said = json.loads(ran.out)
    assert (ran.exit_code, said["reports"], said["unreadable"]) == (0, 50, 1)
    assert "notes.json" in ran.err
    assert said["causes"][0]["shared"][0]["value"] == "10.0.0.53"
    page = doctor.invoke("merge", str(folder)).out
    assert "50 reports: 40 healthy, 10 failing" in page
    assert "10 of 10" in page
    table = doctor.invoke("merge", str(folder), "--format", "markdown").out
    assert "| resolver | 10.0.0.53 | 10 of 10 | 0 of 40 |" in table


def test_a_line_that_is_no_report_does_not_lose_those_after_it(tmp_path: Path) -> None:
    kept = a_line()
    log = tmp_path / "all.jsonl"
    log.write_bytes(b"\nstarted\n" + (kept + b"\n") * 3 + b"\n" + kept)
    said = json.loads(doctor.invoke("merge", str(log), "--json").out)
    assert (said["reports"], said["unreadable"]) == (4, 1)


def test_a_file_of_lines_is_read_to_its_end_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = a_line() + b"\n"
    monkeypatch.setattr("claudecheck.diagnosis.archive.LARGEST_REPORT", 2 * len(kept))
    (tmp_path / "all.jsonl").write_bytes(kept * 10)
    assert json.loads(doctor.invoke("merge", str(tmp_path), "--json").out)["reports"] == 10


def test_a_folder_is_searched_without_following_links(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("not on Windows")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.json").write_bytes(a_line())
    (tmp_path / "in" / "again").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "in" / "pipe.json")
    assert json.loads(doctor.invoke("merge", str(tmp_path), "--json").out)["reports"] == 1


def test_nothing_to_merge_is_said_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]", encoding="utf-8")
    for named in (str(tmp_path), str(tmp_path / "gone.json")):
        ran = doctor.invoke("merge", named)
        assert (ran.exit_code, ran.out) == (2, "")
        assert "claudecheck doctor --save FILE" in ran.err


# -- a series ----------------------------------------------------------------------------------------


def series_of(*reports: Report) -> Series:
    series = Series()
    for number, report in enumerate(reports):
        series.add(report, f"2026-11-29T14:{number:02}:00Z")
    return series


def test_a_series_tells_how_many_failed_where_and_when() -> None:
    series = series_of(*[met(HEALTHY, "10.0.0.1")] * 6, *[met(DNS_NAME_NOT_FOUND, "10.0.0.53")] * 3, HEALTHY)
    first, where, *shared = rendered.sentences(series)
    assert (first, where) == ("3 of 10 walks failed", "all at dns: dns-name-not-found")
    assert "resolver 10.0.0.53: 3 of the failing, 0 of the others" in shared
    (episode,) = series.failures()
    assert (episode.ended, episode.walks) == ("2026-11-29T14:08:00Z", 3)
    assert series.first_failure is not None
    assert series.first_failure.problem == "dns-name-not-found"


def test_two_causes_are_two_episodes_with_their_times() -> None:
    series = series_of(HEALTHY, DNS_NAME_NOT_FOUND, TLS_INTERCEPTED, TLS_INTERCEPTED, HEALTHY)
    assert [(e.state.problem, e.walks) for e in series.failures()] == [
        ("dns-name-not-found", 1), (TLS_INTERCEPTED.problem, 2),
    ]  # fmt: skip
    page = rendered.summary_text(series, width=80, colour=False, unicode=True)
    assert "3 of 5 walks failed" in page


def test_only_a_change_is_a_change() -> None:
    series = Series()
    assert [series.add(report, "x") for report in (HEALTHY, HEALTHY, TLS_INTERCEPTED, TLS_INTERCEPTED, HEALTHY)] == [
        True, False, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "unicode"), [(40, False), (80, True), (120, True)])
def test_the_live_view_shows_the_last_walk_and_the_quantiles(width: int, unicode: bool) -> None:
    from rich.console import Console

    series = series_of(*[HEALTHY] * 4, TLS_INTERCEPTED)
    view = rendered.live(series, TLS_INTERCEPTED, width=width, unicode=unicode, note="every 60 s")
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(view)
    page = console.export_text()
    assert "5 walks, 1 failed" in " ".join(page.split())
    assert "p95" in page
    assert unicode or page.isascii()


def test_a_sparkline_is_to_the_scale_of_the_longest() -> None:
    assert rendered.sparkline([1, None, 8], unicode=True) == "▂ █"
    assert rendered.sparkline([], unicode=True) == ""


@pytest.mark.slow
def test_a_series_of_a_hundred_thousand_walks_takes_no_more_memory_than_one_of_a_thousand() -> None:
    series = Series()
    reports = [HEALTHY, DNS_NAME_NOT_FOUND, TLS_INTERCEPTED]
    early = 0
    tracemalloc.start()
    try:
        for number in range(100_000):
            series.add(reports[number % 3], "2026-11-29T14:00:00Z")
            if number == 1000:
                early = tracemalloc.get_traced_memory()[0]
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert late < early * 1.2 + 100_000


def test_reports_that_are_put_together_are_read_one_by_one() -> None:
    """As `cat *.json` does it, with the text that people read, or a line each."""
    printed = to_json(HEALTHY).encode()
    assert b"\n" in printed.strip()
    assert list(merge._reports(io.BytesIO(printed * 3))) == [printed.strip(), printed.strip(), printed]
    assert list(merge._reports(io.BytesIO(b'{"a": 1}\n\n{"a": 2}\n'))) == [b'{"a": 1}\n', b'{"a": 2}\n']
