"""The shape of the ClientHello: small, or as the client sends it."""

from __future__ import annotations

import ssl

from claudecheck.route import Route

#: SSL_OP_TLSEXT_PADDING of <openssl/ssl.h>, part of OP_ALL: pads a hello of 256 to 511 bytes to 512.
_PAD_TO_512 = 1 << 4


def shape(context: ssl.SSLContext, route: Route) -> None:
    """Shape the hello as the route asks. A normal one is left as this interpreter's OpenSSL makes it."""
    if route.hello == "small":
        # One classical key share and few ciphers: below 300 bytes. With a post-quantum share, as
        # OpenSSL 3.5 sends one, a hello has about 1600.
        context.set_ecdh_curve("X25519")
        context.set_ciphers("ECDHE+AESGCM")
        context.options &= ~_PAD_TO_512
    if route.max_tls == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
