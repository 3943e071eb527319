"""Node, sending one request as a client on it does: `fetch`, the SDK, or Claude Code's rules. Knows no advice.

The theory. `fetch` and the SDK read the environment themselves, so they are given the request and the
user's variables. Claude Code cannot be asked for one request; a script does as it would: the proxy and
the authorities of the route, with the variables that its settings files leave. Everything goes through
stdin, since arguments can be read by everybody on the machine.

Where NODE_TLS_REJECT_UNAUTHORIZED=0 switches verification off, no credential is sent.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from claudecheck.clients import claude_code, node_fetch
from claudecheck.clients.ca_files import HASHED_NAME
from claudecheck.clients.client import Client, Launcher, NodePackage
from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.failures import Failure
from claudecheck.machine import child
from claudecheck.machine.child import Ended
from claudecheck.observations import HttpExchange, Raised
from claudecheck.probes import system_errors
from claudecheck.probes.api import http
from claudecheck.probes.api.http import Request
from claudecheck.probes.senders import told
from claudecheck.probes.senders.sender import Sender
from claudecheck.probes.walk import Walk
from claudecheck.route import Proxy, Trust

SCRIPT = Path(__file__).parent / "node_script.cjs"
#: Of JSON: a body of the greatest length, in which every byte is escaped.
_LONGEST_LINE = 8 * http.LONGEST_ANSWER
#: Seconds for Node to start, which the script's own limit does not count.
_START_S = 0.5
_FAMILIES = {"any": 0, "ipv4": 4, "ipv6": 6}
#: What Claude Code's own runtime does not read, and what would change the script's ways.
_NODES_OWN = {"NODE_OPTIONS", "NODE_USE_ENV_PROXY", "NODE_USE_SYSTEM_CA"}
_UNVERIFIED = "NODE_TLS_REJECT_UNAUTHORIZED"


class NodeProgram:
    """Node and the environment that it is started in. `sdk` is the folder of an installed SDK."""

    sends_messages = True

    def __init__(self, client: Client, node: Program, snapshot: Snapshot, sdk: Program | None = None) -> None:
        self._runtime = f"Node {node.version}".rstrip()
        self._sdk_name = f"{client.title} {sdk.version} on {self._runtime}" if sdk else ""
        self.finds_credentials = sdk is not None
        self._rules = isinstance(client.found_by, Launcher)
        self.name = f"{client.title}'s rules on {self._runtime}" if self._rules else self._sdk_name or self._runtime
        self._typed = not client.sends_own_credential
        self._sdk = sdk.path if sdk else ""
        self._path = node.path
        self._folder = snapshot.cwd
        whole = _of_claude_code(snapshot) if self._rules else snapshot.variables
        self._variables, self._secret = told.variables(whole)
        # What the SDK finds by itself in these variables; of another route it knows nothing.
        self._own_route = client.plan(snapshot, None).route if sdk else None

    def may_contradict(self, failure: Failure | None) -> bool:  # noqa: ARG002  # it may in everything
        return True

    def end(self) -> None:
        """Every request is a process of its own, which has ended."""

    def exchange(self, walk: Walk, request: Request, limit_s: float) -> HttpExchange:
        """Send it and record what happened, within `limit_s` seconds."""
        started = walk.start()
        limit = walk.deadline.share(limit_s)
        if self._unverified:
            request = replace(request, authenticated=False)
        by = self._way(walk, request)
        # A module that is loaded before the script prints to the same pipe, and may print JSON too.
        mark = secrets.token_hex(8)
        ended = child.run(
            [self._path, str(SCRIPT)],
            json.dumps({**self._command(walk, request, by, limit), "mark": mark}).encode(),
            variables=self._variables,
            folder=self._folder,
            deadline=walk.deadline,
            limit_s=limit,
            longest=_LONGEST_LINE,
        )
        event = event_of(ended.out, mark.encode())
        facts = _told(request, event, limit) if event else _silent(ended, limit)
        if by == "sdk":
            facts |= {"authenticated": True, "auth_header": walk.route.credential.header}
        name = self._sdk_name if (event or {}).get("by", by) == "sdk" else self._runtime
        return http.record(walk, http.as_sent(walk, request, self.name if self._rules else name, **facts), started)

    def _way(self, walk: Walk, request: Request) -> str:
        """The SDK chooses host and credential itself: it is asked only for what the route says too."""
        if self._rules:
            return "rules"
        route, own = walk.route, self._own_route
        known = request.path.partition("?")[0] in ("/v1/models", "/v1/messages") and not request.headers
        sends = request.authenticated and route.may_send_credential and route.credential.sort != "none"
        if own is None or not known or not sends:
            return "fetch"
        same = (route.endpoint, route.credential, route.headers) == (own.endpoint, own.credential, own.headers)
        return "sdk" if same else "fetch"

    def _command(self, walk: Walk, request: Request, by: str, limit_s: float) -> dict[str, Any]:
        route = walk.route
        # A program that calls fetch leaves these two to it; the SDK and Claude Code have their own.
        own = ("accept", "user-agent") if self._typed else ()
        return {
            "by": by,
            "url": route.endpoint.url + request.path,
            "method": request.method,
            "headers": told.headers(walk, request, own=own),
            "body": request.body.decode(),
            "limit_ms": max(int((limit_s - _START_S) * 1000), 100),
            "family": _FAMILIES[route.family],
            "sdk": self._sdk,
            "variables": self._secret if by == "sdk" else {},
            "proxy": self._proxy(route.proxy) if by == "rules" and route.proxy else None,
            "trust": _trust(route.trust),
        }

    @property
    def _unverified(self) -> bool:
        return self._variables.get(_UNVERIFIED) == "0"

    def _proxy(self, proxy: Proxy) -> dict[str, Any]:
        userinfo = f"{proxy.username}:{proxy.password.reveal()}".encode()
        sends = proxy.has_credentials and not (self._unverified and proxy.scheme == "https")
        basic = f"Basic {base64.b64encode(userinfo).decode()}" if sends else ""
        return {"scheme": proxy.scheme, "host": proxy.host, "port": proxy.port, "authorization": basic}


def find(client: Client, snapshot: Snapshot) -> Sender | None:
    """None where Node is not installed. Claude Code is never started: Node does as it would."""
    runtime = snapshot.programs.get(node_fetch.CLIENT.name)
    if runtime is None:
        return None
    package = snapshot.programs.get(client.name) if isinstance(client.found_by, NodePackage) else None
    return NodeProgram(client, runtime, snapshot, package)


def _of_claude_code(snapshot: Snapshot) -> dict[str, str]:
    variables = claude_code.effective(snapshot).variables
    return {name: value for name, value in variables.items() if name not in _NODES_OWN}


def _trust(trust: Trust) -> dict[str, Any]:
    return {
        "own": trust.with_bundled or trust.sort == "bundled",
        "native": trust.sort == "native",
        "files": [path for path in (trust.cafile, trust.extra, *trust.further) if path] + _hashed(trust.capath),
    }


def _hashed(folders: str) -> list[str]:
    """The files of a folder that OpenSSL would look up, since Node reads no folder."""
    found: list[str] = []
    for folder in filter(None, folders.split(os.pathsep)):
        with contextlib.suppress(OSError):
            found += [str(path) for path in Path(folder).iterdir() if HASHED_NAME.fullmatch(path.name)]
    return found


# -- what it said ------------------------------------------------------------------------------------


def event_of(out: bytes, mark: bytes) -> dict[str, Any] | None:
    """The script's line, told by its mark. None when it is not there, or not whole."""
    line = out.rpartition(b"\n" + mark)[2].partition(b"\n")[0] if b"\n" + mark in out else b""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.get("event") == "told" else None


def _told(request: Request, event: dict[str, Any], limit_s: float) -> dict[str, Any]:
    links, status, phase = event.get("chain", []), int(event["status"]), event["phase"]
    chain = [Raised(type=one["type"], message=_words(one), errno=one["errno"], link=one["link"]) for one in links]
    error = " <- ".join(f"{link.type}: {link.message}" for link in chain[:4])
    times = {name: round(ms, 2) for name, ms in event["times"].items()}
    facts: dict[str, Any] = {"url": event["url"], "phases": times, "chain": chain}
    if status:
        body = str(event["body"]).encode("utf-8", "surrogatepass")
        facts |= told.answered(request, status, event["headers"], body) | {"body_bytes": event["bytes"]}
    if event.get("timed_out"):
        # A proxy that hangs up is dialled again and again: the last phase is any of several.
        return facts | told.limit_reached(limit_s) | {"phase": max(times, key=times.__getitem__, default=phase)}
    if event.get("sdk_refused"):
        return facts | {"failure": Failure.MALFORMED, "error": error}
    if status:
        return facts | ({"failure": Failure.CUT, "error": error, "phase": phase} if chain and status < 300 else {})
    failure = failure_of(links, phase)
    if phase == "proxy" and failure is Failure.MALFORMED:
        failure = Failure.NOT_A_PROXY
    if failure in _PROXY_ANSWERS:
        phase = "proxy"  # Node 22 turns to TLS before it tells
    return facts | {"failure": failure, "error": error, "phase": phase}


def _words(link: Mapping[str, Any]) -> str:
    """The message, with the code that Node shows beside it."""
    message, code = str(link["message"]), str(link["code"])
    return message if not code or code in message else f"{message} ({code})"


def _silent(ended: Ended, limit_s: float) -> dict[str, Any]:
    """Node did not get as far as the script's end: an option or a proxy that it refuses, or it hangs."""
    if ended.status is None and ended.started:
        return told.limit_reached(limit_s)
    lines = ended.err.strip().splitlines()
    said = next((line for line in lines if re.match(r"\w*Error\b", line)), "".join(lines[-1:]))
    error = f"Node ended with status {ended.status}: {said}" if ended.started else said
    return {"failure": Failure.CLIENT_REFUSED, "error": error, "phase": "construct"}


# -- why it failed -----------------------------------------------------------------------------------

_CODES: Mapping[str, Failure] = {
    "ENOTFOUND": Failure.NAME_NOT_FOUND,
    "EAI_AGAIN": Failure.TRY_AGAIN,
    "EAI_FAIL": Failure.SERVER_FAILURE,
    "ENODATA": Failure.NO_ADDRESS,
    "EAI_NODATA": Failure.NO_ADDRESS,
    "UND_ERR_CONNECT_TIMEOUT": Failure.TIMED_OUT,
    "UND_ERR_HEADERS_TIMEOUT": Failure.TIMED_OUT,
    "UND_ERR_BODY_TIMEOUT": Failure.TIMED_OUT,
    "UND_ERR_SOCKET": Failure.CLOSED,  # "other side closed"
    "UND_ERR_INVALID_ARG": Failure.CLIENT_REFUSED,
    "UND_ERR_RES_CONTENT_LENGTH_MISMATCH": Failure.CUT,
}
#: Node's names of OpenSSL's verdicts on a certificate. Its messages say the same in OpenSSL's words.
_CERTIFICATE = (
    "CERT_", "SELF_SIGNED", "DEPTH_ZERO", "UNABLE_TO_", "ERR_TLS_CERT", "INVALID_CA", "INVALID_PURPOSE", "PATH_LENGTH",
)  # fmt: skip
_PROXY_ANSWERS = (Failure.PROXY_AUTH_REQUIRED, Failure.PROXY_DENIED, Failure.PROXY_UPSTREAM_FAILED)
_REFUSED = ("ERR_INVALID", "ERR_HTTP_INVALID", "ERR_UNESCAPED", "MODULE_NOT_FOUND", "ERR_REQUIRE")
_BESIDE_THE_POINT = (Failure.UNREACHABLE, Failure.LOCAL_LIMIT)


def failure_of(links: list[dict[str, Any]], phase: str) -> Failure:
    """An error and its causes in the closed vocabulary.

    Of several addresses, one that the machine has no way to says least about the others.
    """
    found = [failure for link in links if (failure := _of_link(link)) is not None]
    telling = [failure for failure in found if failure not in _BESIDE_THE_POINT]
    if telling or found:
        return (telling or found)[0]
    return Failure.CLIENT_REFUSED if phase == "construct" else Failure.UNKNOWN


def _of_link(link: Mapping[str, Any]) -> Failure | None:
    code, message = str(link["code"]), str(link["message"])
    if code in _CODES:
        return _CODES[code]
    if "when HTTP Tunneling" in message or code == "PROXY_REFUSED":
        return told.proxy_failure(message)
    if code.startswith(_CERTIFICATE):
        return told.certificate_failure(f"{message} {code}")
    if code == "EPROTO" or code.startswith("ERR_SSL"):
        return told.tls_failure(f"{message} {code}")
    if code.startswith("HPE_") or link["type"] == "HTTPParserError":
        return Failure.MALFORMED
    if code.startswith(_REFUSED):
        return Failure.CLIENT_REFUSED
    if code == "ECONNRESET" and not link["errno"]:
        return Failure.CLOSED  # an orderly end, of which Node says "socket hang up"
    number = getattr(errno, code, 0)
    return system_errors.of_number(number) if isinstance(number, int) else None
