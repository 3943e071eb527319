"""What the fuzzer begins with, and what it has ever found: every parser takes all of it. `make fuzz` finds more."""

import pytest

from tests.fuzz.parsers import CORPUS, PARSERS


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_takes_its_whole_corpus(name: str) -> None:
    kept = sorted((CORPUS / name).iterdir())
    assert kept, "a parser without a corpus begins from nothing"
    for path in kept:
        PARSERS[name](path.read_bytes())
    PARSERS[name](b"")


def test_no_corpus_is_left_without_its_parser() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(PARSERS)
