"""Runs in an interpreter that has `anthropic`: for every environment on stdin one client and one request.

A line of JSON a variable set, a line of JSON back: how it ended. Every name is this machine, so that a
direct connection is seen here and nowhere else.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import sys
from typing import Any

import anthropic

_getaddrinfo = socket.getaddrinfo


def _loopback(host: Any, *rest: Any, **named: Any) -> Any:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        host = "127.0.0.1"
    return _getaddrinfo(host, *rest, **named)


def ask(variables: dict[str, str]) -> dict[str, Any]:
    os.environ.clear()
    os.environ.update(variables)
    try:
        with anthropic.Anthropic(max_retries=0, timeout=5) as client:
            client.get("/v1/models", cast_to=object)
    except anthropic.APIStatusError:
        return {"answered": True}
    except Exception as error:
        causes = [error, error.__cause__]
        return {"answered": False, "error": " <- ".join(type(one).__name__ for one in causes if one)}
    return {"answered": True}


socket.getaddrinfo = _loopback
for line in sys.stdin:
    sys.stdout.write(json.dumps(ask(json.loads(line))) + "\n")
    sys.stdout.flush()
