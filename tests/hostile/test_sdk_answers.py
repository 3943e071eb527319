"""What the real SDK is answered in the worker: endless, packed a thousandfold, or with a head without an end."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from claudecheck.failures import Failure
from claudecheck.observations import HttpExchange
from claudecheck.probes import message
from claudecheck.probes.senders import python_sdk
from claudecheck.probes.senders.python_sdk import PythonSdk
from claudecheck.probes.senders.worker import Worker
from claudecheck.route import Endpoint, Route
from tests import doctor, probe_peers
from tests.hostile.test_bodies import bomb, packed

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow

Answer = Callable[[socket.socket], None]
MESSAGE = b'{"type":"message","id":"m","role":"assistant","model":"m","content":[],"usage":{"input_tokens":7}}'


@pytest.fixture(scope="module")
def asked() -> Iterator[Callable[[Answer, float], HttpExchange]]:
    """Sends one message through the SDK to a peer that answers so."""
    answers: list[Answer] = []

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        answers[-1](connection)

    with pytest.MonkeyPatch.context() as patched, probe_peers.peer(serve) as port:
        patched.setattr(python_sdk, "LOADING_S", 60.0)  # the machine may be loaded
        variables = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}", "ANTHROPIC_API_KEY": "sk-ant-api03-x"}
        worker = Worker(doctor.PYTHON, "own", {**doctor.clean_environment(), **variables})
        route = Route(endpoint=Endpoint(scheme="http", host="127.0.0.1", port=port), connect_timeout_s=60.0)

        def ask(answer: Answer, limit_s: float = 80.0) -> HttpExchange:
            answers.append(answer)
            return message.send(
                probe_peers.walk(route, seconds=90), PythonSdk(worker), ["m"], automatic=False, limit_s=limit_s
            )

        try:
            yield ask
            status = Path(f"/proc/{worker._child.pid}/status")
            if status.exists():
                peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                assert int(peak.split()[1]) < 200 << 10, peak
        finally:
            worker.end()


def says(data: bytes) -> Answer:
    return lambda connection: connection.sendall(data)


def floods(head: bytes, piece: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return answer


def test_an_ordinary_answer_comes_through_packed_or_not(asked: Callable[..., HttpExchange]) -> None:
    for coding in ("gzip", "deflate"):
        seen = asked(
            says(packed(MESSAGE, coding).replace(b"\r\n\r\n", b"\r\ncontent-type: application/json\r\n\r\n", 1))
        )
        assert (seen.status, seen.failure, seen.input_tokens) == (200, None, 7), (
            seen.error,
            seen.duration_ms,
            seen.phase,
        )


#: Made where they are asked for: packing a bomb takes a second, and collecting the tests must not.
ANSWERS: dict[str, Callable[[], Answer]] = {
    "a body without an end": lambda: floods(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{", b" " * 65536
    ),
    "a bomb": lambda: says(bomb(600)),
    "a bomb in an error": lambda: says(bomb(600).replace(b"200 OK", b"500 Oh")),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_without_an_end_is_cut_in_the_worker_too(
    answer: Callable[[], Answer], asked: Callable[..., HttpExchange]
) -> None:
    seen = asked(answer())
    assert seen.status in (200, 500)
    assert seen.failure is (Failure.MALFORMED if seen.status == 200 else Failure.STATUS)
    assert seen.chain


@pytest.mark.parametrize(
    "answer",
    [
        floods(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n" * 5000),
        floods(b"HTTP/1.1 200 ", b"O" * 65536),
        says(b"SSH-2.0-OpenSSH_9.6\r\n"),
        says(b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n{}"),
    ],
    ids=["headers", "reason", "ssh", "length"],
)
def test_a_head_that_is_none_is_said_as_one(answer: Answer, asked: Callable[..., HttpExchange]) -> None:
    seen = asked(answer)
    assert seen.failure in (Failure.MALFORMED, Failure.CLOSED, Failure.CUT), seen
