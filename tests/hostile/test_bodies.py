"""Bodies that unpack into gigabytes, never end, or are not what their header says: bounded while they are decoded."""

import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.failures import Failure
from claudecheck.observations import HttpExchange
from claudecheck.probes import decoding
from claudecheck.probes.api import http
from claudecheck.route import Endpoint, Route
from tests import probe_peers

MODELS = b'{"data":[{"type":"model","id":"claude-haiku-4-5"}],"has_more":false}'
REQUEST = http.Request(stage="models", step="models")


def asked(answer: bytes, *, then: Callable[[socket.socket], None] | None = None, limit_s: float = 5.0) -> HttpExchange:
    """What is recorded of one request that is answered so."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        if then is not None:
            then(connection)

    with probe_peers.peer(serve) as port:
        walk = probe_peers.walk(Route(endpoint=Endpoint(scheme="http", host="127.0.0.1", port=port)))
        return http.exchange(walk, REQUEST, limit_s)


def packed(body: bytes, *codings: str) -> bytes:
    for coding in codings:
        body = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {', '.join(codings)}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@cache
def bomb(megabytes: int) -> bytes:
    """Zeros, packed twice: 1000 MB are a few kB."""
    engine = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = b"\0" * (1 << 20)
    inner = b"".join(engine.compress(zeros) for _ in range(megabytes)) + engine.flush()
    return packed(inner, "gzip").replace(b"content-encoding: gzip", b"content-encoding: gzip, gzip")


def test_a_few_kilobytes_that_unpack_to_gigabytes_take_no_more_than_the_longest_answer() -> None:
    answer = bomb(64)
    assert len(answer) < 10_000
    tracemalloc.start()
    try:
        seen = asked(answer)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (seen.status, seen.failure) == (200, Failure.MALFORMED)
    assert peak < 32 << 20


def test_an_answer_without_an_end_is_read_to_the_bound_and_no_further() -> None:
    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65536)

    seen = asked(b"HTTP/1.1 200 OK\r\n\r\n", then=flood)
    assert (seen.status, seen.failure) == (200, Failure.MALFORMED)
    assert seen.body_bytes < 2 * http.LONGEST_ANSWER


@pytest.mark.parametrize("codings", [("gzip",), ("deflate",), ("gzip", "gzip"), ("deflate", "gzip")])
def test_what_was_offered_is_undone(codings: tuple[str, ...]) -> None:
    seen = asked(packed(MODELS, *codings))
    assert [model.id for model in seen.models] == ["claude-haiku-4-5"]
    assert seen.ok


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: " + b", ".join([b"gzip"] * 6) + b"\r\ncontent-length: 5\r\n\r\nhello",
    ],
    ids=["no gzip at all", "six codings"],
)
def test_what_cannot_be_undone_is_a_malformed_answer(answer: bytes) -> None:
    seen = asked(answer)
    assert (seen.status, seen.failure) == (200, Failure.MALFORMED)
    assert seen.error


def test_a_list_that_is_no_utf_8_is_no_list_and_its_names_are_not_used() -> None:
    body = MODELS.replace(b"haiku", b"ha\xffku")
    seen = asked(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    assert (seen.failure, seen.models) == (Failure.MALFORMED, [])
    assert "\\xff" in seen.body


@given(st.binary(max_size=3000), st.lists(st.sampled_from(["gzip", "deflate"]), max_size=3), st.integers(1, 400))
def test_undoing_is_the_inverse_of_packing_however_the_bytes_arrive(body: bytes, codings: list[str], size: int) -> None:
    data = packed(body, *codings).partition(b"\r\n\r\n")[2]
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert b"".join(decoding.decoded(pieces, ", ".join(codings))) == body


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from(["gzip", "deflate", "gzip, deflate", "br", ""]))
def test_any_bytes_are_undone_or_refused(pieces: list[bytes], codings: str) -> None:
    try:
        list(decoding.decoded(pieces, codings))
    except decoding.UndecodableError:
        return
