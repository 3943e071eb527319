"""The name as a program that starts now would look it up, with other resolver options than this process began with.

The C library reads `RES_OPTIONS` once in a process, so what another value would do is seen in a child alone.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping

from claudecheck.failures import Failure
from claudecheck.machine import child
from claudecheck.observations import NameLookup
from claudecheck.probes import system_errors
from claudecheck.probes.names.resolve import Address, literal
from claudecheck.probes.walk import Walk

#: Variables that the C library's resolver reads.
OF_THE_RESOLVER = ("RES_OPTIONS", "LOCALDOMAIN")
_LONGEST_ANSWER = 1 << 14
#: For any Python 3: the address of each answer in the resolver's order, or its error.
_SCRIPT = """import json, socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), 0, socket.SOCK_STREAM)
    print(json.dumps([[one[4][0] for one in found], 0, ""]))
except OSError as error:
    print(json.dumps([[], error.errno, error.strerror]))"""


def lookup(walk: Walk, variables: Mapping[str, str], python: str, limit_s: float) -> list[Address]:
    """The route's host, by a child of that Python, which is given the resolver's variables of `variables`."""
    started, host, port = walk.start(), walk.route.endpoint.host, walk.route.endpoint.port
    told = {name: variables[name] for name in OF_THE_RESOLVER if name in variables}
    ended = child.run(
        [python or sys.executable, "-I", "-S", "-c", _SCRIPT, host, str(port)],
        variables={**child.for_tools(variables), **told},
        deadline=walk.deadline,
        limit_s=walk.deadline.share(limit_s),
        longest=_LONGEST_ANSWER,
    )
    seen = _seen(ended, host)
    walk.record(seen, started)
    return [address for text in seen.addresses if (address := literal(text)) is not None]


def _seen(ended: child.Ended, host: str) -> NameLookup:
    """A child that did not do its work says nothing of the network."""
    if ended.status is None and ended.started:
        return NameLookup(name=host, failure=Failure.TIMED_OUT, error="no answer")
    if ended.status != 0:
        return NameLookup(name=host, failure=Failure.CANCELLED, error=ended.err.strip()[-200:])
    try:
        found, number, error = json.loads(ended.out)
        texts = list(dict.fromkeys(text for text in found if literal(text) is not None))
        failure = None if texts else system_errors.failure_of(socket.gaierror(int(number), str(error)))
        return NameLookup(name=host, addresses=texts, failure=failure, error=str(error))
    except (ValueError, TypeError) as wrong:
        return NameLookup(name=host, failure=Failure.CANCELLED, error=f"its answer cannot be read: {wrong}")
