"""The way to a host through a proxy: its name, its port, its TLS, and what it answers to CONNECT or SOCKS.

Gives an open stream to the target. Knows which answer is which failure, and nothing of what to do.
"""

from __future__ import annotations

import base64
import re
import time

import h11
import msgspec

from claudecheck.failures import Failure
from claudecheck.observations import Purpose, Tunnel
from claudecheck.probes import connect, system_errors
from claudecheck.probes.names import resolve
from claudecheck.probes.proxy import socks
from claudecheck.probes.tls import handshake
from claudecheck.probes.tls.stream import CHUNK, Replayed, Stream
from claudecheck.probes.walk import Walk
from claudecheck.route import Proxy

#: A proxy connects to the target before it answers; clients wait for that with their read timeout, far longer.
ANSWER_LIMIT_S = 10.0
LONGEST_HEAD = 100 * 1024  # httpcore's own bound
LONGEST_BODY = 2000
LONGEST_EXCERPT = 200

#: Those that tell who answered and why.
_TELLING = re.compile(
    r"via|server|date|location|retry-after|content-type|proxy-[a-z-]+|www-authenticate|x-[a-z0-9-]+|cf-[a-z-]+|mime-version"
)
#: What a web server says that does not know CONNECT; a proxy has no use for these (RFC 9110, section 9.3.6).
_NO_PROXY_STATUSES = (400, 404, 405, 501)
_SOCKS = ("socks5", "socks5h")


def open_tunnel(
    walk: Walk,
    target_host: str,
    target_port: int,
    *,
    purpose: Purpose = "api",
    with_credentials: bool = True,
    limit_s: float = ANSWER_LIMIT_S,
) -> Stream | None:
    """A stream to the target through the route's proxy, every step recorded; None when one failed.

    An `http://` endpoint is not tunnelled by an HTTP proxy: the stream then ends at the proxy, and the
    request names the whole URL. The caller closes the stream.
    """
    proxy = walk.route.proxy
    if proxy is None:
        raise ValueError("the route has no proxy")
    if not with_credentials:
        proxy = proxy.without_credentials()
    stream = _reach(walk, proxy)
    if stream is None:
        return None
    if proxy.scheme in _SOCKS:
        return _by_socks(walk, stream, proxy, target_host, target_port, purpose, limit_s)
    if purpose == "api" and walk.route.endpoint.scheme == "http":
        return stream
    return _by_connect(walk, stream, proxy, target_host, target_port, purpose, limit_s)


def _reach(walk: Walk, proxy: Proxy) -> Stream | None:
    """A connection to the proxy itself, with TLS when its URL says so."""
    addresses = resolve.lookup(walk, proxy.host, proxy.port, purpose="proxy")
    if not addresses:
        return None
    connects, sock = connect.connect_all(walk, addresses, proxy.port, purpose="proxy", name=proxy.host)
    if sock is None or proxy.scheme != "https":
        return sock
    address = next(seen.address for seen in connects if seen.ok)
    server_name = "" if resolve.literal(proxy.host) else proxy.host
    _, stream = handshake.shake(
        walk, sock, address=address, port=proxy.port, server_name=server_name, host=proxy.host, purpose="proxy"
    )
    return stream


def _facts(proxy: Proxy, host: str, port: int, purpose: Purpose) -> Tunnel:
    scheme = "socks5" if proxy.scheme in _SOCKS else proxy.scheme
    return Tunnel(
        proxy=proxy.shown,
        target=_authority(host, port),
        scheme=scheme,
        purpose=purpose,
        with_credentials=proxy.has_credentials,
    )


def _interrupted(raised: OSError) -> tuple[Failure, str]:
    """What an error of the stream says when an answer was due."""
    if isinstance(raised, TimeoutError):
        return Failure.TIMED_OUT, "the proxy gave no answer in time"
    return system_errors.failure_of(raised), str(raised)


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# -- CONNECT ---------------------------------------------------------------------------------------


class Answer:
    """What came back, read as the client's own library reads it. The first bytes are kept as they came."""

    def __init__(self, connection: h11.Connection) -> None:
        self._connection = connection
        self.first_bytes = b""
        self.bytes_received = 0
        self.headers: list[tuple[str, str]] = []
        self.status = 0
        self.reason = ""
        self.fault = ""  # what the library finds wrong with it
        self.body = b""
        self.whole = False  # the body has ended

    @property
    def is_http(self) -> bool:
        """As far as it has come; the library would wait for the end of a line."""
        return self.first_bytes[:5] == b"HTTP/"[: len(self.first_bytes[:5])]

    @property
    def rest(self) -> bytes:
        """What stands behind an answer that opened the tunnel: it belongs to the target."""
        return bytes(self._connection.trailing_data[0])

    def feed(self, data: bytes) -> bool:
        """Take bytes in; true when the head is complete, or when this is no HTTP."""
        self.bytes_received += len(data)
        self.first_bytes += data[: max(LONGEST_EXCERPT - len(self.first_bytes), 0)]
        if not self.is_http:
            return True
        try:
            self._connection.receive_data(data)
            self._read_events()
        except Exception as error:  # the library also lets through what its own parsing raises
            self.fault = str(error)
        return bool(self.status or self.fault)

    def _read_events(self) -> None:
        while True:
            event = self._connection.next_event()
            match event:
                case h11.Response():
                    self.status = event.status_code
                    self.reason = event.reason.decode("latin-1")
                    self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
                case h11.Data():
                    self.body += bytes(event.data[: LONGEST_BODY - len(self.body)])
                case h11.InformationalResponse():
                    continue
                case h11.EndOfMessage():
                    self.whole = True
                    return
                case _:  # more is needed, or the tunnel is open
                    return


def _by_connect(
    walk: Walk, stream: Stream, proxy: Proxy, host: str, port: int, purpose: Purpose, limit_s: float
) -> Stream | None:
    started = walk.start()
    facts = _facts(proxy, host, port, purpose)
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    answer = Answer(connection)
    end = time.monotonic() + walk.deadline.share(limit_s)
    failure: Failure | None
    try:
        stream.settimeout(max(end - time.monotonic(), 0.001))
        stream.sendall(_request(connection, proxy, host, port))
        ended = not _read_head(stream, answer, end)
        failure = _judge(answer, ended=ended)
        error = _words(answer, failure)
    except h11.LocalProtocolError as raised:
        failure, error = Failure.CLIENT_REFUSED, str(raised)
    except OSError as raised:
        failure, error = _interrupted(raised)
        if answer.bytes_received and not answer.is_http:
            failure = Failure.NOT_A_PROXY
    if failure is None:
        walk.record(_filled(facts, answer), started)
        # Bytes behind the head belong to the target: a page instead of TLS, if a portal answered.
        return Replayed(stream, answer.rest) if answer.rest else stream
    if answer.status:
        _read_body(stream, answer, end)
    stream.close()
    text = answer.body.decode("utf-8", "replace")
    walk.record(msgspec.structs.replace(_filled(facts, answer), failure=failure, error=error, body=text), started)
    return None


def _request(connection: h11.Connection, proxy: Proxy, host: str, port: int) -> bytes:
    """The bytes that httpcore sends, through the same library."""
    target = _authority(host, port).encode("utf-8", "surrogateescape")
    headers = [(b"Host", target), (b"Accept", b"*/*")]
    if proxy.has_credentials:
        pair = f"{proxy.username}:{proxy.password.reveal()}".encode("utf-8", "surrogateescape")
        headers.append((b"Proxy-Authorization", b"Basic " + base64.b64encode(pair)))
    return connection.send(h11.Request(method=b"CONNECT", target=target, headers=headers)) or b""


def _read_head(stream: Stream, answer: Answer, end: float) -> bool:
    """Read until the head is there or cannot come; false when the proxy closed before."""
    while True:
        data = _received(stream, end)
        if not data:
            return False
        if answer.feed(data):
            return True


def _received(stream: Stream, end: float) -> bytes:
    left = end - time.monotonic()
    if left <= 0:  # also when something keeps coming, a byte a second
        raise TimeoutError
    stream.settimeout(left)
    return stream.recv(CHUNK)


def _read_body(stream: Stream, answer: Answer, end: float) -> None:
    """The beginning of the page that explains the refusal; it is not waited for longer than a second."""
    end = min(end, time.monotonic() + 1.0)
    try:
        while len(answer.body) < LONGEST_BODY and not answer.whole and not answer.fault:
            data = _received(stream, end)
            if not data:
                break
            answer.feed(data)
    except OSError:
        return


def _judge(answer: Answer, *, ended: bool) -> Failure | None:
    if not answer.status:
        return Failure.CLOSED if ended and answer.is_http and not answer.fault else Failure.NOT_A_PROXY
    if 200 <= answer.status < 300:
        return None
    if answer.status == 407:
        return Failure.PROXY_AUTH_REQUIRED
    if answer.status < 400 or answer.status in _NO_PROXY_STATUSES:
        return Failure.NOT_A_PROXY
    if answer.status >= 500 and answer.status != 511:
        return Failure.PROXY_UPSTREAM_FAILED
    return Failure.PROXY_DENIED  # 511 as well: a network that wants a sign-in first


def _words(answer: Answer, failure: Failure | None) -> str:
    if failure is None:
        return ""
    if failure is Failure.CLOSED:
        return f"closed without an answer to CONNECT ({answer.bytes_received} bytes received)"
    if not answer.status:
        return f"the answer is not HTTP: {answer.fault}" if answer.fault else "the answer is not HTTP"
    return f"{answer.status} {answer.reason}".strip()


def _filled(facts: Tunnel, answer: Answer) -> Tunnel:
    headers = {name: value for name, value in answer.headers if _TELLING.fullmatch(name)}
    excerpt = b"" if answer.status else answer.first_bytes
    return msgspec.structs.replace(
        facts,
        status=answer.status,
        reason=answer.reason,
        schemes=schemes_of([value for name, value in answer.headers if name == "proxy-authenticate"]),
        headers=headers,
        first_bytes=excerpt.decode("ascii", "backslashreplace"),
        bytes_received=answer.bytes_received,
    )


def schemes_of(challenges: list[str]) -> list[str]:
    """The schemes of Proxy-Authenticate headers, each with one or several challenges (RFC 9110, section 11.6.1)."""
    schemes: list[str] = []
    for challenge in challenges:
        for part in re.sub(r'"(?:[^"\\]|\\.)*"', "", challenge).split(","):
            word = part.strip().partition(" ")[0]
            if word and "=" not in word and word not in schemes:
                schemes.append(word)
    return schemes


# -- SOCKS -----------------------------------------------------------------------------------------


def _by_socks(
    walk: Walk, stream: Stream, proxy: Proxy, host: str, port: int, purpose: Purpose, limit_s: float
) -> Stream | None:
    started = walk.start()
    limit = walk.deadline.share(limit_s)
    reader = socks.Reader(stream, time.monotonic() + limit)
    failure: Failure | None
    signed_in = False
    try:
        stream.settimeout(max(limit, 0.001))
        answer = socks.negotiate(stream, reader, proxy, host, port)
        failure, error, signed_in = answer.failure, answer.error, answer.signed_in
    except EOFError:
        failure, error = Failure.CLOSED, f"closed in the SOCKS dialogue ({len(reader.received)} bytes received)"
    except OSError as raised:
        failure, error = _interrupted(raised)
    excerpt = reader.received[:LONGEST_EXCERPT] if failure is Failure.NOT_A_PROXY else b""
    seen = msgspec.structs.replace(
        _facts(proxy, host, port, purpose),
        with_credentials=signed_in,
        failure=failure,
        error=error,
        first_bytes=excerpt.decode("ascii", "backslashreplace"),
        bytes_received=len(reader.received),
    )
    walk.record(seen, started)
    if failure is not None:
        stream.close()
        return None
    return stream
