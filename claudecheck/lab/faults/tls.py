"""Faults of the handshake and of certificates. No client that verifies sends a request to any of them."""

from __future__ import annotations

from functools import partial

from claudecheck.failures import Stage
from claudecheck.lab.faults.fault import Fault, stops, tells
from claudecheck.lab.faults.healthy import BEHIND_PROXY
from claudecheck.lab.parts import API_NAME, Handshake, Proxy, RootName, Setup

_tls = partial(stops, layer=Stage.TLS)

#: A store as most people have it: the public roots, and here the lab's.
_WHOLE_STORE: tuple[RootName, ...] = ("public", "lab")


def _manner(handshake: Handshake) -> Setup:
    return Setup(handshake=handshake)


_INSPECTION: tuple[Fault, ...] = (
    _tls(
        "tls-intercepted",
        summary="Zscaler re-signs the certificate, and the client does not trust its root",
        setup=Setup(certificate="zscaler", trusts=_WHOLE_STORE),
    ),
    _tls(
        "tls-intercepted-antivirus",
        problem="tls-intercepted",
        summary="an antivirus program on this machine re-signs the certificate",
        setup=Setup(certificate="avast", trusts=_WHOLE_STORE),
    ),
    _tls(
        "tls-intercepted-proxy",
        problem="tls-intercepted",
        summary="a proxy opens the tunnel and re-signs the certificate in it",
        setup=Setup(certificate="zscaler", trusts=_WHOLE_STORE, host=API_NAME, names=BEHIND_PROXY, proxy=Proxy()),
    ),
    tells(
        "tls-intercepted-trusted",
        Stage.TLS,
        "Zscaler re-signs the certificate, and this client trusts its root",
        Setup(certificate="zscaler", trusts=(*_WHOLE_STORE, "zscaler")),
    ),
)

_CERTIFICATES: tuple[Fault, ...] = (
    _tls(
        "tls-untrusted-issuer",
        summary="the certificate is a company's own, and its root is not known here",
        setup=Setup(certificate="private", trusts=_WHOLE_STORE),
    ),
    _tls(
        "ca-file-incomplete",
        summary="SSL_CERT_FILE replaces the whole store with one company's root",
        setup=Setup(trusts=("company",), trust_directory=("lab",)),
    ),
    _tls(
        "tls-self-signed",
        summary="the server made its certificate itself",
        setup=Setup(certificate="self-signed", trusts=_WHOLE_STORE),
    ),
    _tls(
        "tls-incomplete-chain",
        summary="the server does not send its intermediate certificate",
        setup=Setup(certificate="incomplete"),
    ),
    tells(
        "certificate-expiring",
        Stage.TLS,
        "the gateway's certificate ends in six days",
        Setup(certificate="expiring"),
    ),
    _tls("tls-expired", summary="the certificate ended twelve days ago", setup=Setup(certificate="expired")),
    _tls("tls-not-yet-valid", summary="the certificate begins in a month", setup=Setup(certificate="not-yet-valid")),
    _tls(
        "tls-clock-wrong",
        summary="this machine's clock is behind all others, so the certificate seems to begin in a month",
        setup=Setup(certificate="not-yet-valid", clock_ahead_days=45),
        by_variation=True,
    ),
    _tls("tls-hostname-mismatch", summary="the certificate is for other names", setup=Setup(certificate="other-name")),
    _tls(
        "tls-weak-certificate",
        summary="the server's key is too short: RSA with 1024 bits",
        setup=Setup(certificate="weak-key"),
    ),
    _tls(
        "tls-strict-certificate",
        summary="the company's authority lacks fields that Python 3.13 insists on",
        setup=Setup(certificate="sloppy", trusts=("sloppy",)),
        needs="strict-x509",
    ),
)

_HANDSHAKES: tuple[Fault, ...] = (
    _tls("tls-reset", summary="the connection is reset after the ClientHello", setup=_manner("reset")),
    _tls(
        "tls-reset-close",
        problem="tls-reset",
        summary="the connection is closed after the ClientHello, without a word",
        setup=_manner("close"),
    ),
    _tls(
        "local-interception",
        summary="something on this machine takes every connection, to any host, and ends it",
        setup=Setup(handshake="close", all_taken=True),
        by_variation=True,
    ),
    tells(
        "intermittent-handshake",
        Stage.TLS,
        problem="intermittent",
        summary="the first connection is reset after the ClientHello, and those after it are not",
        setup=_manner("first-reset"),
    ),
    _tls("tls-timeout", summary="nothing answers the ClientHello", setup=_manner("silence")),
    _tls("tls-not-tls", summary="the port speaks plain HTTP", setup=_manner("plain-http")),
    _tls("tls-not-tls-ssh", problem="tls-not-tls", summary="an SSH server listens at the port", setup=_manner("ssh")),
    _tls("tls-version-unsupported", summary="the server knows TLS 1.0 only", setup=_manner("old-version")),
    _tls(
        "tls-version-unsupported-alert",
        problem="tls-version-unsupported",
        summary="the server refuses every version that the client offers",
        setup=_manner("alert-protocol-version"),
    ),
    _tls(
        "tls-handshake-refused",
        summary="the server ends the handshake with an alert",
        setup=_manner("alert-handshake-failure"),
    ),
    _tls(
        "tls-handshake-refused-name",
        problem="tls-handshake-refused",
        summary="the server does not know the name that the client asks for",
        setup=_manner("alert-unrecognized-name"),
    ),
    _tls(
        "tls-client-certificate-required",
        summary="the server wants a certificate of the client",
        setup=_manner("client-certificate"),
    ),
    _tls(
        "unknown",
        summary="the server answers the ClientHello with something that no rule knows",
        setup=_manner("nonsense"),
    ),
    _tls(
        "tls-name-filtered",
        summary="a filter resets every handshake that asks for this name",
        setup=_manner("name-reset"),
        by_variation=True,
    ),
    _tls(
        "tls-name-filtered-silence",
        problem="tls-name-filtered",
        summary="a filter swallows every handshake that asks for this name",
        setup=_manner("name-silence"),
        by_variation=True,
    ),
    _tls(
        "tls-hello-dropped",
        summary="a box on the way swallows large ClientHellos and lets small ones through",
        setup=_manner("large-hello-silence"),
        by_variation=True,
    ),
)

FAULTS: tuple[Fault, ...] = (*_INSPECTION, *_CERTIFICATES, *_HANDSHAKES)
