"""A TCP listener that is wrong in one way. A script of its own: it runs inside a namespace.

silent   accepts and never answers
banner   sends a line first, as SSH and mail servers do, then waits
close    takes the first bytes and closes
reset    answers the first bytes with a reset
"""

from __future__ import annotations

import socket
import struct
import sys
import threading

LINGER_ZERO = struct.pack("ii", 1, 0)  # close() then sends RST


def serve(connection: socket.socket, behaviour: str, banner: bytes) -> None:
    with connection:
        if behaviour == "banner":
            connection.sendall(banner + b"\r\n")
        received = connection.recv(4096)
        if behaviour == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        while received and behaviour in ("silent", "banner"):
            received = connection.recv(4096)


def main() -> None:
    behaviour, port, banner = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, behaviour, banner), daemon=True).start()


if __name__ == "__main__":
    main()
