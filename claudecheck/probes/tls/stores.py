"""What a client would trust, no more and no less: as the TLS context of its route, and as a store to judge by.

Raises nothing.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from claudecheck.clients.snapshot import Snapshot
from claudecheck.clients.trusts import ClientTrust
from claudecheck.observations import ClientVerdict, Interpreter, StoreVerdict
from claudecheck.probes.tls import chain
from claudecheck.route import Trust

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
    for path in (trust.extra, *trust.further):
        try:
            if path:
                found.load_verify_locations(path)
        except (OSError, ValueError) as error:
            return f"{path}: {error}"
    return ""


# -- as a store to judge by --------------------------------------------------------------------------

EXTRA, SYSTEM = "NODE_EXTRA_CA_CERTS", "the system's store"
#: Whose roots these are is told by the client's name.
OWN_ROOTS = "its own roots"


#: Whatever client reads them: a chain is judged against the store that each names.
CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def stores_of(snapshot: Snapshot, interpreter: Interpreter | None) -> list[chain.Store]:
    """The stores of this machine: the system's as the user's interpreter has it, certifi, and those named."""
    named = {name: snapshot.get(name) for name in CA_VARIABLES}
    if interpreter is None or interpreter.generation == 0:  # its default store is certifi, not the system's
        return chain.stores_here(named)
    return chain.stores_here(named, cafile=interpreter.cafile, capath=interpreter.capath)


class Stores(list[chain.Store]):
    """The stores of this machine, and whom its clients trust: asked for only when a chain calls for it."""

    def __init__(self, stores: Iterable[chain.Store], clients: Callable[[], Sequence[ClientTrust]]) -> None:
        super().__init__(stores)
        self.clients = clients


def store_of(client: ClientTrust) -> chain.Store | None:
    """Everything that the client trusts as one store; None where only the platform's verifier can tell (macOS)."""
    trust = client.trust
    store = chain.Store(client.title, cafile=trust.cafile, capath=trust.capath, extra=trust.extra)
    if trust.sort == "native":
        if sys.platform != "win32":
            return None
        store = replace(store, certificates=chain.system_store().certificates)
    if trust.sort == "certifi" and not trust.cafile:
        store = replace(store, cafile=chain.public_store().cafile)
    if trust.sort == "bundled" or trust.with_bundled:
        roots = chain.pem_blocks(trust.bundled.encode()) or chain.authorities(chain.public_store())
        store = replace(store, certificates=(*store.certificates, *roots))
    for path in trust.further:
        held = chain.authorities(chain.Store(path, cafile=path))
        store = replace(store, certificates=(*store.certificates, *held))
    return replace(store, partial=client.partial)


def judge_clients(presented: Sequence[bytes], clients: Sequence[ClientTrust]) -> list[ClientVerdict]:
    """Whether each client would trust this chain (DER, leaf first), and by which part of its trust."""
    return [_judged(presented, client) for client in clients] if presented else []


def _judged(presented: Sequence[bytes], client: ClientTrust) -> ClientVerdict:
    trust = client.trust
    plain = ClientVerdict(
        title=client.title,
        clients=list(client.clients),
        generation=client.generation,
        installed=client.installed,
        source=trust.source or SYSTEM,
        paths=[path for path in (trust.cafile, trust.capath, trust.extra, *trust.further) if path],
        file=trust.cafile,
        strict=trust.strict,
    )
    store = store_of(client)
    if store is None:
        return plain
    default, strict = _both(chain.judge(presented, [store]))
    counted = strict if trust.strict else default
    return msgspec.structs.replace(
        plain,
        trusted=counted.trusted,
        by=_part(trust, counted) if counted.trusted else "",
        code=counted.code,
        message=counted.message,
        passes_strict=strict.trusted if client.strict_later else None,
    )


def _both(verdicts: Sequence[StoreVerdict]) -> tuple[StoreVerdict, StoreVerdict]:
    """Without and with the strict flag; a store that cannot be read is told once."""
    return verdicts[0], verdicts[-1]


def _part(trust: Trust, verdict: StoreVerdict) -> str:
    """The part of a trust that holds the authority at the chain's end."""
    if trust.extra and verdict.file == trust.extra:
        return EXTRA
    if trust.sort == "file" and verdict.file != trust.cafile:
        return SYSTEM  # the folder that curl keeps beside it
    if not verdict.file and (trust.sort == "bundled" or trust.with_bundled):
        return OWN_ROOTS
    return SYSTEM if trust.with_bundled or trust.extra or not trust.source else trust.source
