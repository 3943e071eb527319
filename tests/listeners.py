"""Loopback listeners that note who connects to which of them and what is said first, and then hang up."""

import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

NAMES = ("target", "a", "b", "c", "d", "e", "f")
_MARK = b"\0settle"


@dataclass(frozen=True)
class Seen:
    listener: str
    head: bytes


class Listeners:
    """One port a name, on both loopback addresses."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._seen: queue.Queue[Seen] = queue.Queue()
        self.ports: dict[str, int] = {}
        for name in NAMES:
            for one in _pair():
                self.ports[name] = one.getsockname()[1]
                self._sockets.append(one)
                threading.Thread(target=self._serve, args=(name, one), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._sockets:
            one.shutdown(socket.SHUT_RDWR)
            one.close()

    def first_connection(self, command: Sequence[str], variables: Mapping[str, str], cwd: str = "/") -> Seen | None:
        """Of a program that runs in this environment, and is then ended; None when it ends without one."""
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=dict(variables), cwd=cwd, stdout=quiet, stderr=quiet) as one:
            found: Seen | None = None
            while found is None and one.poll() is None:
                try:
                    found = self._seen.get(timeout=0.01)
                except queue.Empty:
                    continue
            one.kill()
        rest = self._settled()
        return found or (rest[0] if rest else None)

    def during(self, act: Callable[[], object]) -> Seen | None:
        """The first connection that was made while `act` ran."""
        act()
        seen = self._settled()
        return seen[0] if seen else None

    def _settled(self) -> list[Seen]:
        """Every connection so far, once it has been noted: a listener takes one after the other."""
        for listening in self._sockets:
            with socket.create_connection(listening.getsockname()[:2], timeout=10) as mark:
                mark.sendall(_MARK)
                mark.recv(1)
        seen = []
        while not self._seen.empty():
            seen.append(self._seen.get())
        return seen

    def _serve(self, name: str, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                head = _head(connection)
                if head != _MARK:
                    self._seen.put(Seen(name, head))


def _pair() -> tuple[socket.socket, socket.socket]:
    """The same port on both addresses; one that only one of them has free is passed over."""
    while True:
        four = socket.create_server(("127.0.0.1", 0))
        try:
            return four, socket.create_server(("::1", four.getsockname()[1]), family=socket.AF_INET6)
        except OSError:
            four.close()


def _head(connection: socket.socket) -> bytes:
    """To the end of an HTTP request's header, or the first piece of anything else."""
    head = b""
    try:
        while True:
            piece = connection.recv(65536)
            head += piece
            if not piece or not head[:1].isupper() or b"\r\n\r\n" in head:
                return head
    except OSError:
        return head
