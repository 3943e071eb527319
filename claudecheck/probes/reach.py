"""How far a route gets to one host: names, a connection or a tunnel, a handshake; no request is sent."""

from __future__ import annotations

from claudecheck.observations import Purpose
from claudecheck.probes import connect
from claudecheck.probes.names import resolve
from claudecheck.probes.proxy import tunnel
from claudecheck.probes.tls import handshake
from claudecheck.probes.tls.stream import Stream
from claudecheck.probes.walk import Walk

#: A host that has many addresses and does not answer on three is not reached.
MOST_ADDRESSES = 3


def shake(walk: Walk, host: str = "", port: int = 0, *, address: str = "", limit_s: float) -> bool:
    """Whether the handshake with `host` (the route's own when empty) verified. `limit_s` bounds each step.

    With an `address` the name is not looked up.
    """
    endpoint = walk.route.endpoint
    target, target_port = host or endpoint.host, port or endpoint.port
    stream, reached = _open(walk, target, target_port, address, limit_s)
    if stream is None:
        return False
    seen, secured = handshake.shake(
        walk,
        stream,
        address=reached,
        port=target_port,
        server_name=host or walk.route.sni,
        purpose="control" if host else "api",
        tunnelled=walk.route.proxy is not None,
        limit_s=limit_s,
    )
    (secured or stream).close()
    return seen.ok


def _open(walk: Walk, host: str, port: int, address: str, limit_s: float) -> tuple[Stream | None, str]:
    purpose: Purpose = "api" if host == walk.route.endpoint.host else "control"
    if walk.route.proxy is not None:
        return tunnel.open_tunnel(walk, host, port, purpose=purpose, limit_s=limit_s), ""
    given = resolve.literal(address)
    found = [given] if given else resolve.lookup(walk, host, port, purpose=purpose, limit_s=limit_s)
    for order, one in enumerate(found[:MOST_ADDRESSES]):
        _, sock = connect.connect(
            walk, one.text, port, purpose=purpose, name=host, order=order,
            limit_s=limit_s / 2, max_segment=walk.route.max_segment,
        )  # fmt: skip
        if sock is not None:
            return sock, one.text
    return None, ""
