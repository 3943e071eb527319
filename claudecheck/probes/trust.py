"""The TLS context of a route: what the user's client would trust, no more and no less. Raises nothing."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from claudecheck.clients.route import Trust

#: `ssl.create_default_context` sets these two together from Python 3.13 on.
_STRICT = ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN


@dataclass(frozen=True)
class Loaded:
    """A context, and why its store could not be loaded. It then trusts nothing, which is safe."""

    context: ssl.SSLContext
    error: str = ""


def context(trust: Trust) -> ssl.SSLContext:
    return load(trust).context


def load(trust: Trust) -> Loaded:
    """Verifies chain and name, speaks HTTP/1.1, and holds the authorities of `trust`."""
    found = _native() if trust.sort == "native" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    error = _load_authorities(found, trust)
    # Set as the user's interpreter would, which need not be the one that runs this.
    found.verify_flags = (found.verify_flags & ~_STRICT) | (_STRICT if trust.strict else ssl.VerifyFlags(0))
    found.set_alpn_protocols(["http/1.1"])
    return Loaded(found, error)


def _native() -> ssl.SSLContext:
    """The platform's own verifier, through the library that the SDK's HTTP stack uses for it."""
    try:
        import truststore
    except ImportError:
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        found.load_default_certs()
        return found
    native: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return native


def _load_authorities(found: ssl.SSLContext, trust: Trust) -> str:
    """Why they could not be loaded; empty when they could, or when there are none to load."""
    cafile = trust.cafile
    capath = trust.capath
    if error := _load_further(found, trust):
        return error
    if trust.sort in ("native", "empty", "bundled"):
        return ""
    if trust.sort == "certifi" and not cafile:
        import certifi

        cafile = certifi.where()
    if trust.sort == "directory":
        cafile = ""
    if trust.sort == "file":
        capath = ""
    if not cafile and not capath:
        return ""
    try:
        found.load_verify_locations(cafile or None, capath or None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError is a null byte in the path
        return f"{cafile or capath}: {error}"
    return ""


def _load_further(found: ssl.SSLContext, trust: Trust) -> str:
    """Node's own roots, and the file on top of them. A broken extra file is what Node only warns of."""
    if trust.sort == "bundled" or trust.with_bundled:
        if trust.bundled:
            found.load_verify_locations(cadata=trust.bundled)
        else:
            import certifi

            found.load_verify_locations(certifi.where())
    if trust.extra:
        try:
            found.load_verify_locations(trust.extra)
        except (OSError, ValueError) as error:
            return f"{trust.extra}: {error}"
    return ""
