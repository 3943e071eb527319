"""One HTTP request on a route, with a plain client: what came back, from whom, and where it stopped.

httpx sends it, on the route's proxy and with the route's trust, and reads nothing from the
environment. Redirects are recorded, never followed. Knows no advice.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import httpcore
import msgspec

from claudecheck.failures import Failure
from claudecheck.observations import Clock, HttpExchange, Method, Raised, Step
from claudecheck.probes import decoding, side_by_side, system_errors, tcp_info
from claudecheck.probes.api import answer
from claudecheck.probes.api.kept import LARGE_BODY, SlowLineError
from claudecheck.probes.api.library import httpx
from claudecheck.probes.tls import stores as trust
from claudecheck.probes.walk import Walk

LONGEST_ANSWER = 1 << 20
#: What httpcore raises on a connection that was kept; httpx translates the same of its own.
_BROKEN = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)
MOST_ARRIVALS = 200


@dataclass(frozen=True)
class Request:
    """What to send. `headers` go over those of the route; a value of None removes one."""

    stage: Literal["models", "messages"]
    step: Step
    method: Method = "GET"
    path: str = "/v1/models"
    body: bytes = b""
    model: str = ""  # that the body names
    headers: Mapping[str, str | None] | None = None
    authenticated: bool = True
    expected: str = "model-list"  # the shape of the body; empty when any will do
    expected_status: int = 0
    expected_start: str = ""  # of the body, without markup and in lower case
    url: str = ""  # instead of the route's endpoint: never with a credential


class Phases:
    """Follows httpcore's trace: how long each phase took, and in which one it stopped."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self.current = "dns+tcp"
        self._started = time.monotonic()

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        name, _, moment = event.rpartition(".")
        phase = self._phase(name, info)
        if not phase:
            return
        if moment == "started":
            self.current = phase
            self._started = time.monotonic()
        elif moment == "complete":
            took = (time.monotonic() - self._started) * 1000
            self.times[phase] = round(self.times.get(phase, 0.0) + took, 2)

    def _phase(self, name: str, info: dict[str, Any]) -> str:
        operation = name.rpartition(".")[2]
        request = info.get("request")
        if getattr(request, "method", b"") == b"CONNECT":
            return "proxy"
        if "socks" in operation:
            return "proxy"
        return {
            "connect_tcp": "dns+tcp",
            "start_tls": "tls",
            "send_request_headers": "send",
            "send_request_body": "send",
            "receive_response_headers": "wait",
            "receive_response_body": "body",
        }.get(operation, "")


def headers_of(walk: Walk, request: Request) -> list[tuple[bytes, bytes]]:
    """Those that the route's client sends; its custom headers win over its own, as in the SDK.

    In UTF-8, as httpx2 does it: a key with a curly quote is sent, and refused by the API.
    """
    route = walk.route
    headers = {
        "accept": "application/json",
        "anthropic-version": route.api_version,
        "user-agent": route.user_agent or "claudecheck",
    }
    if request.body:
        headers["content-type"] = "application/json"
    if request.url:
        headers.pop("anthropic-version")
    elif route.may_send_credential:
        if request.authenticated:
            headers |= route.credential.headers()
        headers |= {name.lower(): value.reveal() for name, value in route.headers}
    for name, value in (request.headers or {}).items():
        if value is None:
            headers.pop(name, None)
        else:
            headers[name] = value
    return [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers.items()]


def exchange(walk: Walk, request: Request, limit_s: float) -> HttpExchange:
    """Send it and record what happened. Takes at most `limit_s` seconds, whatever blocks."""
    started = walk.start()
    limit = walk.deadline.share(limit_s)
    phases = Phases()
    seen = side_by_side.bounded(lambda: _send(walk, request, limit, phases), limit + 0.25)
    if seen is None:
        seen = as_sent(walk, request, failure=Failure.TIMED_OUT, error=f"no end within {limit:.0f} s")
        if walk.kept is not None:
            walk.kept.close()  # who still listens there for an answer without an end is let go
    seen = msgspec.structs.replace(
        seen, phase="" if seen.status and seen.failure != Failure.CUT else phases.current, phases=dict(phases.times)
    )
    return record(walk, seen, started)


def record(walk: Walk, seen: HttpExchange, started: float) -> HttpExchange:
    """Into the journal, and with it the clock that the answer shows."""
    offset = answer.clock_offset_s(seen.headers)
    if offset is not None:
        walk.record(Clock(source=seen.url, offset_s=round(offset, 1)), walk.start())
    return walk.record(seen, started)


def as_sent(walk: Walk, request: Request, client: str = "httpx", **facts: Any) -> HttpExchange:
    """The request as it goes out on this route, with what is known of its end."""
    route = walk.route
    sends_key = request.authenticated and not request.url and route.may_send_credential
    sent = HttpExchange(
        stage=request.stage,
        step=request.step,
        method=request.method,
        url=request.url or route.endpoint.url + request.path,
        client=client,
        authenticated=sends_key and bool(route.credential.secret),
        auth_header=route.credential.header if sends_key and route.credential.secret else "",
        sent_bytes=len(request.body),
    )
    # The answer names the model only when it is a message.
    return msgspec.structs.replace(sent, **{**facts, "model": facts.get("model") or request.model})


def _send(walk: Walk, request: Request, limit_s: float, phases: Phases) -> HttpExchange:
    """Over the connection that the walk keeps, where there is one; else over a new one."""
    ends = time.monotonic() + limit_s
    over = walk.kept.take() if walk.kept is not None and not request.url else None
    if over is None:
        return _send_over(walk, request, None, ends, phases)
    reused = walk.kept is not None and walk.kept.reused
    seen = _send_over(walk, request, over, ends, phases)
    if not seen.status and (heard := walk.kept.first_bytes if walk.kept is not None else b""):
        return _no_http(seen, heard)
    if reused and not seen.status and seen.failure in (Failure.CLOSED, Failure.RESET):
        return _send_over(walk, request, None, ends, phases)  # closed between two requests, as every peer may
    return seen


def _no_http(seen: HttpExchange, heard: bytes) -> HttpExchange:
    """Something came back and it was no answer: a banner, a page without a head, a head that makes no sense."""
    malformed = seen.failure is Failure.MALFORMED or not heard.startswith(b"HTTP/"[: len(heard)])
    return msgspec.structs.replace(
        seen,
        failure=Failure.MALFORMED if malformed else seen.failure,
        error=seen.error if heard.startswith(b"HTTP/") else f"the answer is not HTTP: {seen.error}",
        body=heard.decode("ascii", "backslashreplace"),
        body_bytes=len(heard),
    )


def _send_over(
    walk: Walk, request: Request, over: httpx.BaseTransport | None, ends: float, phases: Phases
) -> HttpExchange:
    limit_s = max(0.001, ends - time.monotonic())
    try:
        with httpx.Client(
            transport=over or _transport(walk),
            follow_redirects=False,
            trust_env=False,
            headers={"accept-encoding": decoding.OFFERED},
            timeout=httpx.Timeout(limit_s, connect=min(walk.route.connect_timeout_s, limit_s)),
        ) as client:
            url, headers, extensions = _addressed(walk, request, known=over is not None)
            body: bytes | Iterator[bytes] | None = request.body or None
            if over is not None and walk.kept is not None and len(request.body) >= LARGE_BODY:
                body = walk.kept.paced(request.body)
                headers = [*headers, (b"content-length", str(len(request.body)).encode())]
            outgoing = client.build_request(
                request.method,
                url,
                headers=[*headers, *headers_of(walk, request)],
                content=body,
                extensions={"trace": phases, **extensions},
            )
            response = client.send(outgoing, stream=True)
            try:
                return _read(walk, request, response, ends)
            finally:
                response.close()
    except SlowLineError as error:
        return as_sent(walk, request, failure=Failure.CANCELLED, error=str(error))
    except Exception as error:  # whatever the libraries below raise over a peer is this request's failure
        failure, chain = failure_of(error)
        return as_sent(walk, request, failure=failure, error=_told(chain), chain=chain)


def _addressed(walk: Walk, request: Request, *, known: bool) -> tuple[str, list[tuple[bytes, bytes]], dict[str, str]]:
    """Where to: the URL, and what keeps the host's name where the URL has its address.

    `known`: the connection is there, so no address is needed.

    On the direct way the address that answered is known. A second lookup would measure the resolver
    again, which may take 15 s; the certificate is still checked for the host (httpcore's `sni_hostname`).
    """
    endpoint, address = walk.route.endpoint, walk.route.connect_to
    if known or request.url or not address or walk.route.proxy is not None:
        return request.url or endpoint.url + request.path, [], {}
    there = replace(endpoint, host=address)
    return there.url + request.path, [(b"host", endpoint.authority.encode())], {"sni_hostname": endpoint.host}


def _transport(walk: Walk) -> httpx.HTTPTransport:
    route = walk.route
    options: list[tuple[int, int, int]] = []
    if route.max_segment and hasattr(socket, "TCP_MAXSEG"):
        options.append((socket.IPPROTO_TCP, socket.TCP_MAXSEG, route.max_segment))
    local = {"ipv4": "0.0.0.0", "ipv6": "::"}.get(route.family)
    proxy = None
    context = trust.context(route.trust)
    if route.proxy is not None:
        proxy = httpx.Proxy(route.proxy.url, ssl_context=context if route.proxy.scheme == "https" else None)
    return httpx.HTTPTransport(verify=context, proxy=proxy, local_address=local, socket_options=options or None)


def _read(walk: Walk, request: Request, response: httpx.Response, ends: float) -> HttpExchange:
    """The body, bounded in size and time; what was received before a cut is kept."""
    received = bytearray()
    arrivals: list[float] = []
    failure: Failure | None = None
    error, chain = "", list[Raised]()
    started = time.monotonic()
    try:
        for piece in decoding.decoded(response.iter_raw(), response.headers.get("content-encoding", "")):
            received += piece
            if piece and len(arrivals) < MOST_ARRIVALS:
                arrivals.append(round((time.monotonic() - started) * 1000, 1))
            if len(received) >= LONGEST_ANSWER:
                break
            if time.monotonic() > ends:
                failure, error = Failure.TIMED_OUT, "the answer did not end in time"
                break
    except decoding.UndecodableError as raised:
        failure, error = Failure.MALFORMED, str(raised)
    except (httpx.HTTPError, *_BROKEN) as raised:
        kind, chain = failure_of(raised)
        error = _told(chain)
        failure = Failure.TIMED_OUT if kind is Failure.TIMED_OUT else Failure.CUT
    text = answer.text_of(received)
    facts = answer.facts_of(response.status_code, response.headers.multi_items(), text, len(received))
    if failure is None:
        failure = judge_answer(response.status_code, text, facts["shape"], request)
    again, segments = _sent_again(response)
    return as_sent(
        walk,
        request,
        failure=failure,
        error=error,
        chain=chain,
        event_gaps_ms=arrivals,
        segments=segments,
        retransmits=again,
        **facts,
    )


def _sent_again(response: httpx.Response) -> tuple[int, int]:
    stream = response.extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    return tcp_info.sent_again(sock) if isinstance(sock, socket.socket) else (0, 0)


def judge_answer(status: int, body: str, shape: str, request: Request) -> Failure | None:
    """What a complete answer falls short of; None when it is what the request expects."""
    if request.expected_status:
        words = re.sub(r"<[^>]*>", " ", body).strip().lower()
        as_known = status == request.expected_status and words.startswith(request.expected_start)
        return None if as_known else Failure.STATUS
    if not 200 <= status < 300:
        return Failure.STATUS
    return None if not request.expected or shape == request.expected else Failure.MALFORMED


def chain_of(error: BaseException) -> list[Raised]:
    """The exceptions of a chain, outermost first."""
    links: list[Raised] = []
    link = ""
    current: BaseException | None = error
    while current is not None and len(links) < 12:
        kind = type(current)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        number = getattr(current, "errno", None)
        links.append(Raised(type=name, message=str(current), errno=number if isinstance(number, int) else 0, link=link))
        if current.__cause__ is not None:
            current, link = current.__cause__, "cause"
        elif current.__context__ is not None and not current.__suppress_context__:
            current, link = current.__context__, "context"
        else:
            break
    return links


def failure_of(error: BaseException) -> tuple[Failure, list[Raised]]:
    """What a chain of exceptions says in the closed vocabulary."""
    chain = chain_of(error)
    return failure_of_chain(chain), chain


def failure_of_chain(chain: list[Raised]) -> Failure:
    """Judged by type names and texts, so that it serves the chains of every SDK generation.

    The texts were produced on loopback with httpx 0.28, httpx2 2.16 and OpenSSL 3.
    """
    names = " ".join(link.type.rpartition(".")[2] for link in chain)
    text = " ".join(link.message for link in chain)
    if "MemoryError" in names:
        return Failure.LOCAL_LIMIT
    if "Timeout" in names or "timed out" in text:
        return Failure.TIMED_OUT
    if found := _name_failure(names, text):
        return found
    if "ProxyError" in names:
        return _proxy_failure(text)
    if "CERTIFICATE_VERIFY_FAILED" in text or "SSLCertVerificationError" in names:
        return _verify_failure(text)
    if "SSL" in names or "[SSL" in text:
        return _tls_failure(text)
    numbers = [link.errno for link in chain if link.errno] + [
        int(n) for n in re.findall(r"\[(?:Errno|WinError) ([0-9]{1,6})\]", text)
    ]
    if found := next(filter(None, map(system_errors.of_number, numbers)), None):
        return found
    if "incomplete" in text or "without sending complete" in text:
        return Failure.CUT
    if "JSONDecodeError" in names or "APIResponseValidationError" in names:
        return Failure.MALFORMED
    if "RemoteProtocolError" in names:
        return Failure.CLOSED if "disconnected" in text else Failure.MALFORMED
    if "LocalProtocolError" in names or "UnsupportedProtocol" in names or "InvalidURL" in names:
        return Failure.CLIENT_REFUSED
    return Failure.UNKNOWN


def _name_failure(names: str, text: str) -> Failure | None:
    if "gaierror" in names or re.search(r"Name or service not known|nodename nor servname|getaddrinfo failed", text):
        return Failure.NAME_NOT_FOUND
    if "Temporary failure in name resolution" in text:
        return Failure.TRY_AGAIN
    return Failure.NO_ADDRESS if "No address associated with hostname" in text else None


def _proxy_failure(text: str) -> Failure:
    status = re.search(r"\b([1-5]\d\d)\b", text)
    code = int(status[1]) if status else 0
    if code == 407:
        return Failure.PROXY_AUTH_REQUIRED
    if code in (502, 503, 504):
        return Failure.PROXY_UPSTREAM_FAILED
    return Failure.PROXY_DENIED


def _verify_failure(text: str) -> Failure:
    lowered = text.lower()
    for words, failure in (
        ("has expired", Failure.EXPIRED),
        ("not yet valid", Failure.NOT_YET_VALID),
        ("hostname mismatch", Failure.HOSTNAME_MISMATCH),
        ("ip address mismatch", Failure.HOSTNAME_MISMATCH),
        ("self-signed certificate in certificate chain", Failure.UNTRUSTED_ISSUER),
        ("self signed certificate in certificate chain", Failure.UNTRUSTED_ISSUER),
        ("self-signed", Failure.SELF_SIGNED),
        ("self signed", Failure.SELF_SIGNED),
        ("too small", Failure.WEAK_CERTIFICATE),
        ("too weak", Failure.WEAK_CERTIFICATE),
        ("missing authority key", Failure.STRICT_CERTIFICATE),
        ("not marked critical", Failure.STRICT_CERTIFICATE),
        ("key usage extension", Failure.STRICT_CERTIFICATE),
    ):
        if words in lowered:
            return failure
    return Failure.UNTRUSTED_ISSUER


def _tls_failure(text: str) -> Failure:
    if "WRONG_VERSION_NUMBER" in text or "HTTP_REQUEST" in text:
        return Failure.NOT_TLS
    if "UNSUPPORTED_PROTOCOL" in text or "PROTOCOL_VERSION" in text:
        return Failure.VERSION_UNSUPPORTED
    if "EOF" in text:
        return Failure.CLOSED
    # OpenSSL names an alert by the protocol that it came in, with the word ALERT or without.
    return Failure.ALERT if "ALERT" in text or re.search(r"\b(SSLV3|TLSV1|TLSV13)_", text) else Failure.UNKNOWN


def _told(chain: list[Raised]) -> str:
    return " <- ".join(f"{link.type}: {link.message}" for link in chain[:4])
