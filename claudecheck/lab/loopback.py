"""Listeners on loopback, the thread that accepts, and one thread for each connection. Knows no protocol.

Everything here ends with `Loopback.close()`, at once and whatever it is doing: the sockets are shut
down under their threads, and the threads are waited for.
"""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import struct
import threading
import traceback
from collections.abc import Callable, Mapping

from claudecheck.lab.parts import PortState

#: Tries to find a port that is free for all addresses and protocols that need the same number.
PORT_TRIES = 50
#: Connections that fill the queue of a listener with room for none: one is enough on Linux 6, and
#: older kernels let one more in.
QUEUE_FILLERS = 4
#: Seconds that an orderly end waits for the other side's, before the socket is closed all the same.
FAREWELL_S = 0.3

#: SO_LINGER with no time to linger: closing sends RST. The structure's members are short on Windows.
RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class ConnectionEndedError(OSError):
    """The other side left before it had said everything."""


class NamedSocket(ssl.SSLSocket):
    """A TLS socket of a server that remembers which name was asked for."""

    server_name = ""


class Connection:
    """One accepted connection, which may turn to TLS on the way."""

    def __init__(self, sock: socket.socket, peer_port: int) -> None:
        self.sock = sock
        self.peer_port = peer_port
        self._received = bytearray()
        self._turning = threading.Lock()
        self._interrupted = False

    @property
    def tls(self) -> bool:
        return isinstance(self.sock, ssl.SSLSocket)

    @property
    def server_name(self) -> str:
        return self.sock.server_name if isinstance(self.sock, NamedSocket) else ""

    def start_tls(self, context: ssl.SSLContext) -> None:
        with self._turning:
            if self._interrupted:
                raise ConnectionEndedError
            self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        # Out of the lock, since it waits for the other side.
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def read_until(self, end: bytes, limit: int = 65536) -> bytes:
        """Up to and with `end`; empty when the other side left before it said anything."""
        while end not in self._received:
            if len(self._received) > limit:
                raise ConnectionEndedError
            data = self.sock.recv(65536)
            if not data and not self._received:
                return b""
            if not data:
                raise ConnectionEndedError
            self._received += data
        return self._take(self._received.index(end) + len(end))

    def read_exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionEndedError
            self._received += data
        return self._take(count)

    def receive(self) -> bytes:
        """What comes next, whatever it is; empty when the other side leaves."""
        return self._take(len(self._received)) or self.sock.recv(65536)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def peek(self, count: int) -> bytes:
        """What has come so far, left where it is; waits for the first byte."""
        return self.sock.recv(count, socket.MSG_PEEK)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hold(self) -> None:
        """Say nothing until the other side leaves."""
        while self.sock.recv(65536):
            continue

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close()

    def finish(self) -> None:
        """An orderly end: all that was sent arrives, which a plain `close` does not promise."""
        self.sock.settimeout(FAREWELL_S)
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.unwrap()
        self.sock.shutdown(socket.SHUT_WR)
        self.hold()

    def interrupt(self) -> None:
        """Called by another thread: ends whatever this connection waits for."""
        with self._turning:
            self._interrupted = True
            try:
                # Not SSLSocket's own, which drops its TLS state under the thread that uses it.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself

    def close(self) -> None:
        self.sock.close()


Serve = Callable[[Connection], None]
AnswerDatagram = Callable[[bytes], bytes | None]


class Loopback:
    """All sockets and threads of one lab. `crashes` holds the traces of handlers that have a bug."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.crashes: list[str] = []
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._connections: set[Connection] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._wake, wake = socket.socketpair()
        self._sockets += [self._wake, wake]
        self._selector.register(wake, selectors.EVENT_READ, None)
        self._acceptor = threading.Thread(target=self._accept, daemon=True, name="lab")

    def start(self) -> None:
        """After the last `listen`."""
        self._acceptor.start()

    def close(self) -> None:
        self.stopping.set()
        self._wake.close()  # the accepting thread sees the end of the pair
        if self._acceptor.ident is not None:
            self._acceptor.join()  # from here on, nobody new comes in
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for connection in connections:
            connection.interrupt()
        for thread in threads:
            thread.join()
        for sock in self._sockets:
            sock.close()
        self._selector.close()

    # -- ports -------------------------------------------------------------------------------------

    def listen(self, serve: Serve, addresses: Mapping[str, PortState]) -> int:
        """One port on all `addresses` (those that this machine has), each in its state."""
        port, bound = _bind_all([(address, socket.SOCK_STREAM) for address in addresses])
        self._sockets += bound.values()
        for (address, _), sock in bound.items():
            if addresses[address] == "open":
                sock.listen(64)
                sock.setblocking(False)
                self._selector.register(sock, selectors.EVENT_READ, serve)
            elif addresses[address] == "drops":
                sock.listen(0)
                self._fill_queue(sock)
        return port

    def listen_for_names(self, serve: Serve, answer: AnswerDatagram, *, stream: bool, datagrams: bool) -> int:
        """One port for UDP and TCP; the one that is left out refuses."""
        kinds = [("127.0.0.1", socket.SOCK_STREAM), ("127.0.0.1", socket.SOCK_DGRAM)]
        port, bound = _bind_all(kinds)
        tcp, udp = (bound[kind] for kind in kinds)
        self._sockets.append(tcp)
        if stream:
            tcp.listen(16)
            tcp.setblocking(False)
            self._selector.register(tcp, selectors.EVENT_READ, serve)
        if not datagrams:
            udp.close()  # the port then answers with ICMP: nothing listens there
            return port
        self._sockets.append(udp)
        udp.setblocking(False)
        self._selector.register(udp, selectors.EVENT_READ, _Datagrams(answer))
        return port

    def _fill_queue(self, listener: socket.socket) -> None:
        for _ in range(QUEUE_FILLERS):
            filler = socket.socket(listener.family, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self._sockets.append(filler)

    # -- threads -----------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self.stopping.is_set():
            for key, _ in self._selector.select():
                if isinstance(key.data, _Datagrams):
                    self._receive(key.fileobj, key.data.answer)
                elif key.data is not None:
                    self._take_in(key.fileobj, key.data)

    def _take_in(self, listener: object, serve: Serve) -> None:
        if not isinstance(listener, socket.socket):
            return
        try:
            sock, peer = listener.accept()
        except OSError:
            return  # it left again before it was accepted
        connection = Connection(sock, peer[1])
        with self._lock:
            self._connections.add(connection)
        self._start(lambda: self._serve(connection, serve))

    def _serve(self, connection: Connection, serve: Serve) -> None:
        try:
            connection.sock.setblocking(True)
            # What was sent before a reset must be on its way, not in a queue that the reset throws away.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(connection)
        except OSError:
            return  # ended by the other side, or by `close`; TLS errors are OSErrors too
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _receive(self, sock: object, answer: AnswerDatagram) -> None:
        if not isinstance(sock, socket.socket):
            return
        try:
            question, sender = sock.recvfrom(65535)
        except OSError:
            return  # Windows reports here that an earlier answer found nobody

        def reply() -> None:
            if (data := answer(question)) is not None and not self.stopping.is_set():
                sock.sendto(data, sender)

        self._start(reply)

    def _start(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except OSError:
                return
            except Exception:
                self.crashes.append(traceback.format_exc())  # a bug of the lab; its tests look here
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True, name="lab")
        with self._lock:
            self._threads.add(thread)
        thread.start()


class _Datagrams:
    """Marks a socket of the selector as one that receives questions."""

    def __init__(self, answer: AnswerDatagram) -> None:
        self.answer = answer


def has_ipv6() -> bool:
    """Whether this machine has `::1`."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


Place = tuple[str, socket.SocketKind]


def _bind_all(places: list[Place]) -> tuple[int, dict[Place, socket.socket]]:
    """One port number that is free at all places; IPv6 is left out where there is none."""
    ipv6 = has_ipv6()
    wanted = [place for place in places if ipv6 or ":" not in place[0]]
    for _ in range(PORT_TRIES):
        bound: dict[Place, socket.socket] = {}
        port = 0
        try:
            for place in wanted:
                bound[place] = _bind(place, port)
                port = bound[place].getsockname()[1]
        except OSError:
            for sock in bound.values():
                sock.close()
            continue
        return port, bound
    raise OSError("no port is free on loopback")


def _bind(place: Place, port: int) -> socket.socket:
    address, kind = place
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        if ":" in address:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
