"""One TLS handshake through memory buffers: how far it came, what was sent and received, and the chain shown.

Reasons
- A verification failure is told by OpenSSL's number, or by the number of the platform's verifier.
- An alert is told by its number, which TLS itself shows to a message callback, also when it is encrypted.
- Everything else is told by what came back: nothing, an end, a reset, or bytes that are not TLS.
"""

from __future__ import annotations

import _ssl
import ipaddress
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from claudecheck.diagnosis import products
from claudecheck.failures import Failure
from claudecheck.observations import ClientVerdict, Purpose, TlsHandshake
from claudecheck.probes import side_by_side, system_errors
from claudecheck.probes.tls import chain, hello
from claudecheck.probes.tls import stores as trust
from claudecheck.probes.tls.stream import Stream, TlsStream
from claudecheck.probes.walk import Walk

#: The SDK's connect timeout, which also bounds its handshake.
HANDSHAKE_LIMIT_S = 5.0
LONGEST_EXCERPT = 200
MOST_CERTIFICATES = 10
#: Seconds for the other clients to be found: two programs tell their versions.
CLIENTS_LIMIT_S = 2.0

_VERIFY_FAILURES = {
    # OpenSSL: <openssl/x509_vfy.h>
    **dict.fromkeys((2, 19, 20, 21, 27, 28), Failure.UNTRUSTED_ISSUER),
    # A chain that ends well and does not hold: a signature, a purpose, a name constraint, no authority at all.
    **dict.fromkeys((7, 22, 23, 24, 25, 26, 32, 34, 41, 47, 48, 79), Failure.UNTRUSTED_ISSUER),
    18: Failure.SELF_SIGNED,
    9: Failure.NOT_YET_VALID,
    10: Failure.EXPIRED,
    **dict.fromkeys((62, 63, 64), Failure.HOSTNAME_MISMATCH),
    **dict.fromkeys((66, 67, 68, 76), Failure.WEAK_CERTIFICATE),
    **dict.fromkeys(range(80, 95), Failure.STRICT_CERTIFICATE),
    # macOS: <Security/SecBase.h>
    -67843: Failure.UNTRUSTED_ISSUER,
    -67818: Failure.EXPIRED,
    -67819: Failure.NOT_YET_VALID,
    -67602: Failure.HOSTNAME_MISMATCH,
    # Windows: CERT_E_… of <winerror.h>; "expired" there also means "not yet valid"
    0x800B0109: Failure.UNTRUSTED_ISSUER,
    0x800B010A: Failure.UNTRUSTED_ISSUER,
    0x800B010D: Failure.UNTRUSTED_ISSUER,
    0x800B0101: Failure.EXPIRED,
    0x800B010F: Failure.HOSTNAME_MISMATCH,
}

_CERTIFICATE_FAILURES = frozenset(_VERIFY_FAILURES.values()) | {Failure.TRUST_UNUSABLE}
#: Those in which another client's authorities may come to another end.
_OF_TRUST = (Failure.UNTRUSTED_ISSUER, Failure.SELF_SIGNED, Failure.STRICT_CERTIFICATE, Failure.TRUST_UNUSABLE)

#: Reasons of OpenSSL with which this side gives up on a server that is too old or too weak for it.
_LOCAL_REASONS = {
    "UNSUPPORTED_PROTOCOL": Failure.VERSION_UNSUPPORTED,
    "WRONG_SSL_VERSION": Failure.VERSION_UNSUPPORTED,
    "VERSION_TOO_LOW": Failure.VERSION_UNSUPPORTED,
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": Failure.VERSION_UNSUPPORTED,
    "DH_KEY_TOO_SMALL": Failure.WEAK_CERTIFICATE,
    "EE_KEY_TOO_SMALL": Failure.WEAK_CERTIFICATE,
    "CA_KEY_TOO_SMALL": Failure.WEAK_CERTIFICATE,
    "CA_MD_TOO_WEAK": Failure.WEAK_CERTIFICATE,
}

_ALERTS = {
    **{int(alert): alert.name.removeprefix("ALERT_DESCRIPTION_").lower() for alert in ssl.AlertDescription},
    # RFC 8446 and RFC 7507; the standard library lacks them.
    86: "inappropriate_fallback",
    109: "missing_extension",
    116: "certificate_required",
    120: "no_application_protocol",
}
_CLOSE_NOTIFY = 0
_VERSION_ALERTS = (70, 86)
#: What servers say to a client that showed no certificate when asked for one: by RFC 8446 the last, in fact any.
_NO_CERTIFICATE_ALERTS = (40, 42, 46, 48, 49, 116)
_CERTIFICATE_REQUIRED = 116

_RECORD_TYPES = range(20, 25)
_ALERT_RECORD = 21
_HANDSHAKE_RECORD = 22
_CERTIFICATE_REQUEST = 13


@dataclass
class Heard:
    """What the peer said inside TLS, told by OpenSSL's message callback."""

    alert: int | None = None
    certificate_requested: bool = False

    def listen(self, context: ssl.SSLContext) -> None:
        """The hook is the standard library's own for debugging TLS; without it less is known, nothing breaks."""
        inner = getattr(context, "_ctx", context)  # truststore wraps the context that does the work
        if hasattr(inner, "_msg_callback"):
            inner._msg_callback = self._message  # noqa: SLF001  # there is no public one

    def _message(self, _tls: object, direction: str, _version: int, record: int, kind: int, _data: bytes) -> None:
        if direction != "read":
            return
        if record == _ALERT_RECORD and kind != _CLOSE_NOTIFY:
            self.alert = int(kind)
        elif record == _HANDSHAKE_RECORD and kind == _CERTIFICATE_REQUEST:
            self.certificate_requested = True


@dataclass(frozen=True)
class Outcome:
    failure: Failure | None = None
    error: str = ""
    verify_code: int = 0
    verify_message: str = ""


def shake(
    walk: Walk,
    stream: Stream,
    *,
    address: str,
    port: int,
    server_name: str,
    host: str = "",
    purpose: Purpose = "api",
    tunnelled: bool = False,
    limit_s: float = HANDSHAKE_LIMIT_S,
    stores: Sequence[chain.Store] | None = None,
) -> tuple[TlsHandshake, TlsStream | None]:
    """A handshake with the route's trust, recorded; the stream is None unless the certificate verified.

    `server_name` is what is sent, "" for none. `host` is what the certificate must be for: when empty
    the route's endpoint for the API, and for every other purpose the name that is sent. A chain that
    failed is judged against `stores`, which are the system's and certifi on the client's own route
    when None, and none on a variation; by the clients that they know also one that is trusted and yet
    made on the way. On failure `stream` is closed.
    """
    host = host or (walk.route.endpoint.host if purpose == "api" else server_name)
    shaped = purpose != "proxy"
    facts = TlsHandshake(
        address=address,
        port=port,
        server_name=server_name,
        purpose=purpose,
        tunnelled=tunnelled,
        hello=walk.route.hello if shaped else "normal",
        max_segment=walk.route.max_segment,
        max_version=walk.route.max_tls if shaped else "",
    )
    loaded = trust.load(walk.route.trust)
    if shaped:
        hello.shape(loaded.context, walk.route)
    heard = Heard()
    heard.listen(loaded.context)
    # Python sends the name that it checks, and checks an address without sending it. Where something else
    # is sent, the certificate is checked afterwards.
    checked_by_tls = server_name == host or (not server_name and _is_address(host))
    loaded.context.check_hostname = checked_by_tls
    started = walk.start()
    try:
        tls = TlsStream(stream, loaded.context, host if checked_by_tls else server_name or None)
    except (ValueError, ssl.SSLError) as error:  # a name that cannot be sent: an empty label, one too long
        stream.close()
        refused = msgspec.structs.replace(facts, failure=Failure.HOSTNAME_MISMATCH, error=str(error))
        return walk.record(refused, started), None
    outcome = _attempt(walk, tls, heard, host, limit_s, check_name=not checked_by_tls)
    if loaded.error and (outcome.failure is None or outcome.failure in _CERTIFICATE_FAILURES):
        outcome = Outcome(Failure.TRUST_UNUSABLE, loaded.error)
    ended = walk.start()
    whole = _facts(facts, tls, outcome, heard, _stores(walk, outcome, stores))
    if isinstance(stores, trust.Stores) and _divides_clients(walk, whole):
        told = _clients(_chain(tls, "get_unverified_chain"), stores, walk.deadline.share(CLIENTS_LIMIT_S))
        whole = msgspec.structs.replace(whole, clients=told)
    # Reading and judging the chain is our time, not the network's.
    seen = walk.record(whole, started + (walk.start() - ended))
    if outcome.failure is None:
        return seen, tls
    tls.close()
    return seen, None


def _stores(walk: Walk, outcome: Outcome, stores: Sequence[chain.Store] | None) -> Sequence[chain.Store]:
    if stores is not None:
        return stores
    asked = not walk.variation and outcome.failure in _CERTIFICATE_FAILURES
    return chain.stores_here({}) if asked else ()


def _divides_clients(walk: Walk, seen: TlsHandshake) -> bool:
    """Clients may differ over this chain: it is not trusted, or a device that this client trusts has made it."""
    if not seen.ok:
        return seen.failure in _OF_TRUST
    if not seen.stores or seen.stores[0].trusted:
        return False
    names = [text for certificate in seen.chain for text in (certificate.issuer, certificate.subject)]
    return walk.route.endpoint.official or bool(products.inspector(names))


def _clients(presented: list[bytes], stores: trust.Stores, limit_s: float) -> list[ClientVerdict]:
    """Empty when the clients could not be found in time."""
    return trust.judge_clients(presented, side_by_side.bounded(stores.clients, limit_s) or ())


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _attempt(walk: Walk, tls: TlsStream, heard: Heard, host: str, limit_s: float, *, check_name: bool) -> Outcome:
    limit = walk.deadline.share(limit_s)
    began = time.monotonic()
    tls.settimeout(limit)
    try:
        tls.handshake()
        if heard.certificate_requested and tls.tls.version() == "TLSv1.3":
            # TLS 1.3 is done before the server has seen that there is no certificate: its alert takes a round trip.
            took = time.monotonic() - began
            _await_refusal(tls, min(max(0.2, 2 * took), 1.0, walk.deadline.share(limit_s)))
    except OSError as error:
        return _failed(tls, heard, error, limit)
    except ValueError as error:  # a certificate's text that the platform's verifier or Python cannot read
        return Outcome(Failure.UNKNOWN, str(error))
    presented = _chain(tls, "get_unverified_chain")
    if check_name and presented and not chain.covers(presented[0], host):
        text = f"the certificate is not valid for {host!r}"
        return Outcome(Failure.HOSTNAME_MISMATCH, text, verify_code=62, verify_message="hostname mismatch")
    return Outcome()


def _await_refusal(tls: TlsStream, wait_s: float) -> None:
    """Raises what the server ends the connection with; returns when it does not."""
    tls.settimeout(wait_s)
    try:
        ended = not tls.recv(1)
    except TimeoutError:
        return
    if ended:
        raise ssl.SSLEOFError("closed after the handshake, in which it had asked for a certificate")


def _failed(tls: TlsStream, heard: Heard, error: OSError, limit_s: float) -> Outcome:
    text = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        _say_goodbye(tls)
        code = error.verify_code
        return Outcome(_VERIFY_FAILURES.get(code, Failure.UNKNOWN), text, code, error.verify_message)
    if isinstance(error, TimeoutError):
        text = f"no end of the handshake within {limit_s:.1f} s: {tls.sent} bytes sent, {tls.received} received"
        return Outcome(Failure.TIMED_OUT, text)
    if tls.first_bytes and not _looks_like_tls(tls.first_bytes):
        return Outcome(Failure.NOT_TLS, text)
    if not isinstance(error, ssl.SSLError):
        return Outcome(system_errors.failure_of(error), text)
    if heard.alert is not None:
        return Outcome(_failure_of_alert(heard.alert, heard), text)
    if tls.ended or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Outcome(Failure.CLOSED, f"closed in the handshake: {tls.sent} bytes sent, {tls.received} received")
    _say_goodbye(tls)
    return Outcome(_LOCAL_REASONS.get(error.reason or "", Failure.UNKNOWN), text)


def _say_goodbye(tls: TlsStream) -> None:
    """Send the alert with which OpenSSL gave up, as the client would: the server's log then has a reason."""
    try:
        tls.flush()
    except OSError:
        return


def _failure_of_alert(alert: int, heard: Heard) -> Failure:
    if alert == _CERTIFICATE_REQUIRED or (heard.certificate_requested and alert in _NO_CERTIFICATE_ALERTS):
        return Failure.CLIENT_CERTIFICATE_REQUIRED
    return Failure.VERSION_UNSUPPORTED if alert in _VERSION_ALERTS else Failure.ALERT


def _looks_like_tls(data: bytes) -> bool:
    """A TLS record starts with its type and the major version 3 (RFC 8446, section 5.1)."""
    return data[0] in _RECORD_TYPES and data[1:2] in (b"", b"\x03")


def _chain(tls: TlsStream, which: str) -> list[bytes]:
    """`get_unverified_chain` or `get_verified_chain`, DER, leaf first. Public from Python 3.13 on."""
    public = getattr(tls.tls, which, None)
    if public is not None:
        return list(public())
    certificates = getattr(tls.tls._sslobj, which)() or ()  # type: ignore[attr-defined]  # noqa: SLF001  # see above
    return [certificate.public_bytes(_ssl.ENCODING_DER) for certificate in certificates]


def _facts(
    facts: TlsHandshake, tls: TlsStream, outcome: Outcome, heard: Heard, stores: Sequence[chain.Store]
) -> TlsHandshake:
    presented = _chain(tls, "get_unverified_chain")
    verdicts = []
    if outcome.failure is None and facts.purpose == "api":
        verdict = chain.public_verdict(_chain(tls, "get_verified_chain") or presented)
        verdicts = [verdict] if verdict is not None else []
    elif outcome.failure in _CERTIFICATE_FAILURES:
        verdicts = chain.judge(presented, stores)
    cipher = tls.tls.cipher()
    certificates = [chain.facts(der) for der in presented[:MOST_CERTIFICATES]]
    failure = outcome.failure
    if failure is Failure.UNTRUSTED_ISSUER and certificates and certificates[0].self_signed:
        failure = Failure.SELF_SIGNED  # the verifiers of macOS and Windows have one number for both
    excerpt = tls.first_bytes[:LONGEST_EXCERPT] if outcome.failure is Failure.NOT_TLS else b""
    failed_by_alert = outcome.failure is not None and heard.alert is not None
    return msgspec.structs.replace(
        facts,
        hello_bytes=tls.first_flight,
        bytes_sent=tls.sent,
        bytes_received=tls.received,
        first_bytes=excerpt.decode("ascii", "backslashreplace"),
        alert=_ALERTS.get(heard.alert or 0, str(heard.alert)) if failed_by_alert else "",
        version=tls.tls.version() or "",
        cipher=cipher[0] if cipher else "",
        alpn=tls.tls.selected_alpn_protocol() or "",
        verified=outcome.failure is None,
        verify_code=outcome.verify_code,
        verify_message=outcome.verify_message,
        client_certificate_requested=heard.certificate_requested,
        chain=certificates,
        stores=verdicts,
        failure=failure,
        error=outcome.error,
    )
