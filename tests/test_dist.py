"""What is built: the same bytes from the same sources, a wheel that works where nothing else is, and its man pages."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import claudecheck
from claudecheck.cli.arguments import Format
from tests import doctor


def copied(place: Path) -> Path:
    """What is tracked, or would be, and nothing else."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=doctor.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source = doctor.ROOT / name
        if source.is_file() and not source.is_symlink():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place / name)
    return place


def build(place: Path, umask: int) -> dict[str, str]:
    """The archives' digests."""
    environment = {**doctor.clean_environment(), "SOURCE_DATE_EPOCH": "1795000000", "PYTHONPATH": str(place)}
    old = os.umask(umask)
    try:
        for words in ([".ci/man_pages.py", "man"], ["-m", "build", "--no-isolation", "--outdir", "dist", "."]):
            subprocess.run([sys.executable, *words], cwd=place, env=environment, capture_output=True, check=True)
    finally:
        os.umask(old)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (place / "dist").iterdir()}


def test_the_version_is_said_once_and_the_same() -> None:
    project = tomllib.loads((doctor.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == claudecheck.__version__


def test_a_man_page_names_every_option_and_groff_reads_it(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, str(doctor.ROOT / ".ci" / "man_pages.py"), str(tmp_path)],
        env={**doctor.clean_environment(), "PYTHONPATH": str(doctor.ROOT)}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    page = (tmp_path / "claudecheck-doctor.1").read_text(encoding="utf-8").replace("\\-", "-")
    shown = doctor.invoke("doctor", "--help").out
    for option in re.findall(r"^ +(--[a-z-]+)", shown, re.MULTILINE):
        assert option in page
    overview = (tmp_path / "claudecheck.1").read_text(encoding="utf-8").replace("\\-", "-")
    assert "claudecheck-run(1)" in overview
    if shutil.which("groff"):
        for path in tmp_path.iterdir():
            read = subprocess.run(
                ["groff", "-Kutf8", "-man", "-Tutf8", "-ww", "-z", str(path)], capture_output=True, check=False
            )
            assert (read.returncode, read.stderr) == (0, b""), path.name


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes_anywhere(tmp_path: Path) -> None:
    places = [copied(tmp_path / name) for name in ("one", "another place")]
    first, second = (build(place, umask) for place, umask in zip(places, (0o022, 0o077), strict=True))
    assert first == second
    assert len(first) == 2


@pytest.mark.slow
def test_what_was_built_works_once_installed(tmp_path: Path) -> None:
    built = doctor.ROOT / "dist"
    if not list(built.glob("*.whl")):
        build(copied(tmp_path / "sources"), 0o022)
        built = tmp_path / "sources" / "dist"
    (wheel,), (sources,) = built.glob("*.whl"), built.glob("*.tar.gz")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "fresh")], check=True)
    python = tmp_path / "fresh" / "bin" / "python"
    for words in ([str(wheel)], ["--no-deps", "--force-reinstall", str(sources)]):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *words], check=True, capture_output=True)
        program = [str(tmp_path / "fresh" / "bin" / "claudecheck")]
        clean = doctor.clean_environment()
        version = subprocess.run([*program, "--version"], capture_output=True, text=True, env=clean, check=True)
        assert version.stdout == f"claudecheck {claudecheck.__version__}\n"
        forms = [f"--output={form}:{tmp_path / form}" for form in Format]
        walked = subprocess.run(
            [*program, "demo", "healthy", *forms],
            capture_output=True, text=True, env=clean, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert walked.returncode == 0, walked.stderr
    share = tmp_path / "fresh" / "share"
    for path in ("man/man1/claudecheck-doctor.1", "zsh/site-functions/_claudecheck"):
        assert (share / path).is_file()
    assert (share / "bash-completion" / "completions" / "claudecheck").is_file()
