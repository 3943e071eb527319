"""`claudecheck cure`: stdout holds the proved commands alone; evaluated, they mend the shell and are kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from claudecheck.observations import Run
from claudecheck.render.cure import script
from claudecheck.report import Command, Cure, Report
from tests import doctor
from tests.cures.paste import installed, spoken
from tests.network_reports import HEALTHY, TLS_INTERCEPTED

LINES = {
    "sh": "export GREETING='it'\"'\"'s \\1 fine' &&\n  unset HTTPS_PROXY",
    "fish": "set -gx GREETING 'it\\'s \\\\1 fine'\nset -e HTTPS_PROXY",
}
PROFILES = {"sh": ".profile", "bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


def cured(shell: str, *, proved: bool = True, ci: str = "") -> Report:
    command = Command(shell="fish" if shell == "fish" else "sh", line=LINES[spoken(shell)])
    run = msgspec.structs.replace(next(seen for seen in TLS_INTERCEPTED.observations if isinstance(seen, Run)), ci=ci)
    rest = [seen for seen in TLS_INTERCEPTED.observations if not isinstance(seen, Run)]
    return msgspec.structs.replace(
        TLS_INTERCEPTED, cure=Cure(commands=[command], proved=proved), observations=[run, *rest]
    )


def evaluated(shell: str, lines: str, home: Path) -> list[str]:
    then = 'printenv GREETING; printenv HTTPS_PROXY || echo "no proxy"'
    said = subprocess.run(
        [shell, "-c", f'{"source" if shell == "fish" else "."} {home}/cure.sh\n{then}'],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "HTTPS_PROXY": "http://proxy:1", "LANG": "C.UTF-8"},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert said.stderr == ""
    return said.stdout.splitlines()


@pytest.mark.parametrize("shell", installed())
def test_the_shell_that_evaluates_the_cure_is_mended_and_so_is_the_next_one_once(shell: str, tmp_path: Path) -> None:
    lines = script(cured(shell), keep=True)
    (tmp_path / "cure.sh").write_text(lines)
    for _ in range(2):
        assert evaluated(shell, lines, tmp_path) == ["it's \\1 fine", "no proxy"]
    profile = tmp_path / PROFILES[shell]
    assert profile.read_text().count("# claudecheck cure: tls-intercepted") == 1
    (tmp_path / "cure.sh").write_text(profile.read_text())
    assert evaluated(shell, lines, tmp_path) == ["it's \\1 fine", "no proxy"]


def test_without_persist_nothing_is_written_but_the_commands() -> None:
    assert script(cured("sh")) == LINES["sh"] + "\n"


def test_in_a_job_of_github_the_repaired_key_is_kept_as_the_repository_s_secret() -> None:
    report = cured("sh", ci="github")
    assert report.cure is not None
    line = "export ANTHROPIC_API_KEY=\"$(printenv ANTHROPIC_API_KEY | tr -d '\\n')\""
    keyed = msgspec.structs.replace(report, cure=Cure(commands=[Command(shell="sh", line=line)], proved=True))
    assert script(keyed, keep=True).endswith("\nprintenv ANTHROPIC_API_KEY | gh secret set ANTHROPIC_API_KEY\n")


@pytest.mark.parametrize("report", [cured("sh", proved=False), HEALTHY], ids=["unproved", "healthy"])
def test_what_is_not_proved_is_not_printed(report: Report) -> None:
    assert script(report, keep=True) == ""


def test_the_report_goes_to_stderr_and_the_exit_code_is_the_verdict_s_where_nothing_was_proved(tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    broken = doctor.invoke("demo", "dns-name-not-found", "--no-message", "--json", "--python", doctor.PYTHON)
    saved.write_text(broken.out)
    ran = doctor.invoke("cure", "--replay", str(saved))
    assert (ran.out, ran.exit_code) == ("", 11)
    assert "dns-name-not-found" in ran.err
