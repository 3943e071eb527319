"""What the tests share: `pytest --update-golden`, which rewrites the outputs that they compare with, and fixtures."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from claudecheck.clients.snapshot import Snapshot
from claudecheck.machine import environment
from tests.listeners import Listeners

# How long an example takes is the machine's load as much as ours. Every day looks at a few examples of each property,
# other ones each time; CI looks at many (`make slow`: --hypothesis-profile=thorough).
hypothesis.settings.register_profile("everyday", deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=300)
hypothesis.settings.load_profile("everyday")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected outputs, for review as a diff")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str | Path, str], None]:
    """Compares a text with a file of `tests/golden`, or of another place when the path is absolute."""

    def compare(name: str | Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            (GOLDEN / name).write_bytes(text.encode())
        assert (GOLDEN / name).read_bytes().decode() == text

    return compare


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """What is started heeds Ctrl-C. A shell has its background jobs ignore it, and every child inherits that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def listeners() -> Iterator[Listeners]:
    """Where clients connect to, for what they really do."""
    with Listeners() as opened:
        yield opened


@pytest.fixture(scope="module")
def empty() -> Snapshot:
    """An environment without anything that decides a route."""
    return environment.read({"HOME": "/nowhere"})
