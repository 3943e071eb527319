"""What Linux tells of an open connection: packets that were sent again, bytes that have arrived. Sends nothing."""

from __future__ import annotations

import socket
import struct
import sys

#: Offsets in struct tcp_info, <linux/tcp.h>: tcpi_total_retrans and tcpi_segs_out.
_TOTAL_RETRANS = 100
_BYTES_ACKED = 120
_SEGMENTS_OUT = 136


def sent_again(sock: socket.socket) -> tuple[int, int]:
    """Segments of this connection that were sent again, its SYN included, and all that were sent.

    Zeros where the system does not tell.
    """
    if sys.platform != "linux":
        return 0, 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SEGMENTS_OUT + 4)
        again = struct.unpack_from("=I", info, _TOTAL_RETRANS)[0]
        return int(again), int(struct.unpack_from("=I", info, _SEGMENTS_OUT)[0])
    except (OSError, struct.error):
        return 0, 0


def acknowledged(sock: socket.socket) -> int | None:
    """Bytes that the peer's system has acknowledged on this connection; None where the system does not tell.

    `tcpi_bytes_acked` of <linux/tcp.h>, since Linux 4.1.
    """
    if sys.platform != "linux":
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
        return int(struct.unpack_from("=Q", info, _BYTES_ACKED)[0])
    except (OSError, struct.error):
        return None
