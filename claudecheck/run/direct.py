"""Beside a proxied route: what the direct way would give. Shown, never blamed; and walked once, not twice.

It is looked at for as long as an answer takes there, and no longer: behind a proxy the direct way is silent more often
than not, and no run waits for that. A question about the direct way goes on from here.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import msgspec

from claudecheck.failures import Failure
from claudecheck.observations import NameLookup, TcpConnect
from claudecheck.probes import connect, side_by_side
from claudecheck.probes.names import resolve
from claudecheck.probes.tls import handshake
from claudecheck.probes.walk import Walk

#: Seconds for a name, and for a connection.
NAME_S, CONNECT_S = 1.0, 0.7


class DirectSide:
    """Begun at once. The first connection is kept for whoever asks, and closed at the end."""

    def __init__(self, walk: Walk) -> None:
        self._walk = replace(walk, route=replace(walk.route, proxy=None))
        self._lock = threading.Lock()
        self._kept: tuple[TcpConnect, socket.socket] | None = None
        self._closed = False
        self._seen: list[TcpConnect] = []
        self._ended = threading.Event()
        side_by_side.Started([self._go])

    def _go(self) -> None:
        try:
            endpoint = self._walk.route.endpoint
            found = resolve.lookup(self._walk, endpoint.host, endpoint.port, limit_s=NAME_S)
            attempts = connect.start_all(self._walk, found, endpoint.port, limit_s=CONNECT_S)
            for _, (seen, sock) in attempts.finished(CONNECT_S + 1.0):
                self._seen.append(seen)
                self._keep(seen, sock)
        finally:
            self._ended.set()

    def _keep(self, seen: TcpConnect, sock: socket.socket | None) -> None:
        with self._lock:
            if sock is not None and self._kept is None and not self._closed:
                self._kept = seen, sock
            elif sock is not None:
                sock.close()

    def wait(self) -> None:
        """To its end, which its own limits set."""
        self._ended.wait(NAME_S + CONNECT_S + 1.0)

    def close(self) -> None:
        with self._lock:
            self._closed, kept, self._kept = True, self._kept, None
        if kept is not None:
            kept[1].close()

    def tells(self, walk: Walk, limit_s: float, *, patient: bool) -> bool:
        """Answer a question about the direct way with what was seen here, and with a handshake where there is a
        connection. False where it has to be walked anew: `patient`, and silence is all that was seen.
        """
        self.wait()
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is None and patient and any(seen.failure is Failure.TIMED_OUT for seen in self._seen):
            return False
        self._repeat(walk)
        if kept is not None:
            seen, sock = kept
            _, stream = handshake.shake(
                walk,
                sock,
                address=seen.address,
                port=seen.port,
                server_name=walk.route.sni,
                limit_s=limit_s,
            )
            (stream or sock).close()
        return True

    def _repeat(self, walk: Walk) -> None:
        """What was seen, as steps of that question."""
        names = [one for one in walk.writer.journal().all(NameLookup) if one.purpose == "api" and not one.transport]
        for name in names:
            walk.writer.write(msgspec.structs.replace(name, variation=walk.variation))
        for seen in self._seen:
            walk.writer.write(msgspec.structs.replace(seen, variation=walk.variation))
