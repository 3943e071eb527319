"""The installed curl, sending one request with the user's variables. Knows no advice.

The theory. curl reads proxies and authorities from the variables by itself, so it is given nothing but
the request. That comes as a configuration on stdin: arguments can be read by everybody on the machine.

A `.curlrc` is left out (`--disable`). It may hold `insecure`, which would let the key out unverified, a
`trace` file, into which the key would be written, and an output of a shape that nobody can read. The
plan does not look at it either, so that plan and trial speak of the same curl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from claudecheck.clients.client import Client
from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.failures import Failure
from claudecheck.machine import child
from claudecheck.machine.child import Ended
from claudecheck.observations import HttpExchange, Raised
from claudecheck.probes.api import http
from claudecheck.probes.api.http import Request
from claudecheck.probes.senders import told
from claudecheck.probes.senders.sender import Sender
from claudecheck.probes.walk import Walk

#: curl sends these by itself, as the documentation's example leaves them to it.
_OWN = ("accept", "user-agent")
#: Told after the answer, cumulative seconds. All are older than any curl that speaks TLS 1.2.
_TIMES = ("time_connect", "time_appconnect", "time_pretransfer", "time_starttransfer", "time_total")
_TOLD = re.compile(rb"\nclaudecheck: ([0-9]{3}) ([0-9]{3})((?: [0-9]{1,9}(?:[.,][0-9]{1,9})?)*)\s*\Z")
_LONGEST_TOLD = 400
_WRITE_OUT = r"\nclaudecheck: " + " ".join(f"%{{{name}}}" for name in ("http_code", "http_connect", *_TIMES))
#: Seconds by which curl's own limit comes before ours: its words are better than none.
_EARLIER_S = 0.1
_HEAD = re.compile(rb"HTTP/[\d.]+ (\d{3})[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")


class CurlProgram:
    """curl and the environment that it is started in."""

    finds_credentials = False
    sends_messages = True

    def __init__(self, program: Program, snapshot: Snapshot) -> None:
        self.name = f"curl {program.version}".rstrip()
        self._path = program.path
        self._variables = _in_english(told.variables(snapshot.variables)[0])
        self._folder = snapshot.cwd

    def may_contradict(self, failure: Failure | None) -> bool:  # noqa: ARG002  # it may in everything
        return True

    def end(self) -> None:
        """Every request is a process of its own, which has ended."""

    def exchange(self, walk: Walk, request: Request, limit_s: float) -> HttpExchange:
        """Send it and record what happened, within `limit_s` seconds."""
        started = walk.start()
        limit = walk.deadline.share(limit_s)
        sent = told.headers(walk, request, own=_OWN)
        # curl would send it as it is: one header would become two.
        broken = next((name for name, value in sent if re.search(r"[\r\n\x00]", value)), "")
        if broken:
            facts = {"failure": Failure.CLIENT_REFUSED, "error": f"a line break in the header {broken}: not sent"}
            return http.record(walk, http.as_sent(walk, request, self.name, **facts), started)
        ended = child.run(
            [self._path, "--disable", "--config", "-"],  # the first counts only in the first place
            "\n".join(_configuration(walk, request, sent, limit)).encode("utf-8", "surrogateescape"),
            variables=self._variables,
            folder=self._folder,
            deadline=walk.deadline,
            limit_s=limit,
            longest=http.LONGEST_ANSWER,
        )
        facts = _facts(walk, request, ended, limit)
        return http.record(walk, http.as_sent(walk, request, self.name, **facts), started)


def find(client: Client, snapshot: Snapshot) -> Sender | None:
    """None where curl is not installed."""
    program = snapshot.programs.get(client.name)
    return CurlProgram(program, snapshot) if program else None


def _in_english(variables: Mapping[str, str]) -> dict[str, str]:
    """The system's sentences are read, so they must not be translated; everything else of a locale stays."""
    kept = {name: value for name, value in variables.items() if name != "LC_ALL"}
    general = {"LANG": variables["LC_ALL"]} if variables.get("LC_ALL") else {}
    return {**kept, **general, "LC_MESSAGES": "C"}


def _configuration(walk: Walk, request: Request, headers: list[tuple[str, str]], limit_s: float) -> Iterator[str]:
    yield f"url = {_quoted(walk.route.endpoint.url + request.path)}"
    yield from ("silent", "show-error", "verbose", "include", "globoff")
    yield f"max-time = {max(limit_s - _EARLIER_S, 0.1):.3f}"
    yield f"write-out = {_quoted(_WRITE_OUT, escaped=True)}"
    if walk.route.family != "any":
        yield walk.route.family
    for name, value in headers:
        yield f"header = {_quoted(f'{name}: {value}' if value else f'{name};')}"
    if request.body:
        yield f"data-binary = {_quoted(request.body.decode('utf-8', 'surrogateescape'))}"
    if request.method != ("POST" if request.body else "GET"):
        yield f"request = {request.method}"


def _quoted(text: str, *, escaped: bool = False) -> str:
    if not escaped:
        text = text.replace("\\", "\\\\")
    return '"' + text.replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") + '"'


# -- what it said ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """`status` is that of the answer, `tunnel` that of a proxy to CONNECT; 0 where there was none."""

    status: int
    tunnel: int
    times: Mapping[str, float]  # by the names of curl, in milliseconds
    received: bytes  # headers and body


def _read(out: bytes) -> _Said:
    told = _TOLD.search(out, max(len(out) - _LONGEST_TOLD, 0))
    if told is None:  # cut off: the last header says what it was
        heads = [int(found[1]) for found in _heads(out)]
        return _Said(heads[-1] if heads else 0, 0, {}, out)
    seconds = (float(one.replace(b",", b".")) for one in told[3].split())  # the locale's comma
    times = {name: s * 1000 for name, s in zip(_TIMES, seconds, strict=False)}
    return _Said(int(told[1]), int(told[2]), times, out[: told.start()])


def _heads(received: bytes) -> list[re.Match[bytes]]:
    """The headers before the body, one after the other: of the proxy, of interim answers, of the answer."""
    found: list[re.Match[bytes]] = []
    while head := _HEAD.match(received, found[-1].end() if found else 0):
        found.append(head)
    return found


def _facts(walk: Walk, request: Request, ended: Ended, limit_s: float) -> dict[str, Any]:
    said = _read(ended.out)
    phases = _phases(said)
    if said.status:
        return {**_answer(request, ended, said, limit_s), "phases": phases}
    if not ended.started:
        return {"failure": Failure.CLIENT_REFUSED, "error": ended.err, "phase": "construct"}
    notes, message = _words(ended.err)
    phase = _stopped_in(walk, said, notes)
    if ended.status in (28, None):
        return {**told.limit_reached(limit_s), "phase": phase, "phases": phases}
    failure = failure_of(ended.status, message, notes)
    if phase == "proxy" and failure in (Failure.MALFORMED, Failure.CLIENT_REFUSED):
        failure = Failure.NOT_A_PROXY
    chain = [Raised(type=f"curl {ended.status}", message=message)]
    return {"failure": failure, "error": message, "chain": chain, "phase": phase, "phases": phases}


def _answer(request: Request, ended: Ended, said: _Said, limit_s: float) -> dict[str, Any]:
    heads = _heads(said.received)
    lines = heads[-1][0].decode("latin-1").splitlines()[1:] if heads else []
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines) if name]
    body = said.received[heads[-1].end() :] if heads else b""
    facts = told.answered(request, said.status, headers, body)
    if ended.status == 0 or len(ended.out) >= http.LONGEST_ANSWER:
        return facts
    _, message = _words(ended.err)
    if ended.status in (28, None):
        return {**facts, **told.limit_reached(limit_s), "phase": "body"}
    return {**facts, "failure": Failure.CUT, "error": message, "phase": "body"}


def _words(err: str) -> tuple[str, str]:
    """(curl's notes, its last word). The headers that it sent are among the rest, which is left where it is."""
    lines = err.splitlines()
    notes = [line[2:].strip() for line in lines if line.startswith("* ")]
    last = [line.removeprefix("curl: ") for line in lines if line.startswith("curl: ")]
    return "\n".join(notes), last[-1] if last else "curl said nothing"


#: What curl notes once it has a connection, whatever comes next.
_CONNECTED = re.compile(r"(?m)^(Connected to|Established connection|allocate connect buffer|ALPN|SOCKS|schannel|TLSv)")


def _stopped_in(walk: Walk, said: _Said, notes: str) -> str:
    """The phase without an end. Of one that failed before the request curl tells no times, so its notes decide."""
    secure, proxy = walk.route.endpoint.scheme == "https", walk.route.proxy
    if said.times.get("time_appconnect" if secure else "time_connect"):
        return "wait"
    if not _CONNECTED.search(notes):
        return "dns+tcp"
    if proxy is not None and proxy.scheme.startswith("socks"):
        return "tls" if "Client hello" in notes else "proxy"
    if proxy is not None and secure and said.tunnel != 200:
        return "proxy"
    return "tls" if secure else "wait"


def _phases(said: _Said) -> dict[str, float]:
    """How long each took. What curl does not tell apart, CONNECT and the handshake behind it, counts as "tls"."""
    times = said.times
    ends = [
        ("dns+tcp", times.get("time_connect", 0.0)),
        ("tls", times.get("time_appconnect", 0.0)),
        ("wait", times.get("time_starttransfer", 0.0)),
        ("body", times.get("time_total", 0.0) if said.status else 0.0),
    ]
    phases: dict[str, float] = {}
    before = 0.0
    for phase, end in ends:
        if end:
            phases[phase] = round(end - before, 2)
            before = end
    return phases


# -- why it failed -----------------------------------------------------------------------------------

#: By exit code, where the words add nothing ("EXIT CODES" of its manual).
_CODES: Mapping[int, Failure] = {
    **dict.fromkeys((1, 8, 16, 61), Failure.MALFORMED),  # HTTP/0.9, a reply or a frame that makes no sense
    **dict.fromkeys((2, 3, 4, 26, 43, 45, 48, 53, 54, 58, 59, 66), Failure.CLIENT_REFUSED),  # before the first packet
    **dict.fromkeys((18, 92), Failure.CUT),
    27: Failure.LOCAL_LIMIT,
    28: Failure.TIMED_OUT,
    52: Failure.CLOSED,
    **dict.fromkeys((77, 82), Failure.TRUST_UNUSABLE),
    **dict.fromkeys((83, 90, 91), Failure.UNTRUSTED_ISSUER),
}


def failure_of(code: int, message: str, notes: str = "") -> Failure:
    """An exit code of curl with its words, in the closed vocabulary. The words were made by 7.88 on loopback."""
    if code in _CODES:
        return _CODES[code]
    match code:
        case 5 | 6:
            waiting = re.search("(?i)timeout while contacting|temporary failure|try again", message)
            return Failure.TRY_AGAIN if waiting else Failure.NAME_NOT_FOUND
        case 7:  # why, only the notes say
            return told.system_failure(f"{message}\n{notes}") or Failure.UNKNOWN
        case 35:
            return told.tls_failure(message)
        case 51 | 60:
            return told.certificate_failure(message)
        case 55 | 56:
            return _on_the_way(message)
        case 97:
            return _socks(message)
        case _:
            return Failure.UNKNOWN


def _on_the_way(message: str) -> Failure:
    """Sending or receiving failed; a proxy's answer to CONNECT is told this way too."""
    if refused := re.search(r"(?:response|HTTP code) (\d{3})", message):
        return told.proxy_failure(refused[1])
    return Failure.CLOSED if "Proxy CONNECT aborted" in message else told.tls_failure(message)


def _socks(message: str) -> Failure:
    """A SOCKS proxy's reply stands in brackets at the end; its numbers are those of RFC 1928."""
    if "resolve host" in message:
        return Failure.NAME_NOT_FOUND
    if re.search("(?i)authenticat|rejected|credential", message):
        return Failure.PROXY_AUTH_REQUIRED
    reply = re.search(r"\(([1-6])\)\W*$", message)
    if reply:
        return Failure.PROXY_DENIED if reply[1] == "2" else Failure.PROXY_UPSTREAM_FAILED
    return told.system_failure(message) or Failure.NOT_A_PROXY
