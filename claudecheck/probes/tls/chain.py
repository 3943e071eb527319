"""Certificates: their facts, and what OpenSSL says of a chain against the stores of this machine, offline.

Certificates come from strangers: nothing here raises over a broken one.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import functools
import hashlib
import ipaddress
import os
import ssl
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from claudecheck.clients.ca_files import HASHED_NAME, HTTPX2_BUNDLES, PEM_BLOCK
from claudecheck.machine import reading
from claudecheck.observations import Certificate, StoreVerdict

if TYPE_CHECKING:
    from OpenSSL import crypto  # loaded where a chain is judged: not on a healthy run

T = TypeVar("T")

MOST_NAMES = 50
LARGEST_STORE = 16 * 1024 * 1024  # bytes of one file of certificates
LONGEST_NAME = 300
_NOTHING: list[str] = []

# -- facts -----------------------------------------------------------------------------------------


def facts(der: bytes) -> Certificate:
    """What a certificate says of itself; fields that cannot be read stay empty."""
    known = Certificate(
        subject="", issuer="", not_before="", not_after="", sha256=hashlib.sha256(der).hexdigest(), pem=pem_of(der)
    )
    certificate = _load(der)
    if certificate is None:
        return _facts_by_openssl(der, known)
    return msgspec.structs.replace(
        known,
        subject=_or(lambda: certificate.subject.rfc4514_string()[:LONGEST_NAME], ""),
        issuer=_or(lambda: certificate.issuer.rfc4514_string()[:LONGEST_NAME], ""),
        not_before=_or(lambda: _iso(certificate.not_valid_before_utc), ""),
        not_after=_or(lambda: _iso(certificate.not_valid_after_utc), ""),
        names=_or(lambda: _names(certificate)[:MOST_NAMES], _NOTHING),
        serial=_or(lambda: f"{certificate.serial_number:x}", ""),
        key=_or(lambda: _key(certificate), ""),
        signature=_or(lambda: certificate.signature_algorithm_oid._name, ""),  # noqa: SLF001  # its only text form
        is_ca=_or(lambda: _is_ca(certificate), False),
        self_signed=_or(lambda: _self_signed(certificate), False),
        missing=_or(lambda: _missing(certificate), _NOTHING),
        issuer_url=_or(lambda: _issuer_url(certificate), ""),
    )


def pem_of(der: bytes) -> str:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def covers(der: bytes, host: str) -> bool:
    """Whether the certificate is for this host: exact names, and a star for one whole first label (RFC 6125)."""
    certificate = _load(der)
    names = _or(lambda: _names(certificate), _NOTHING) if certificate is not None else _NOTHING
    wanted = host.rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(wanted)) in names
    except ValueError:
        parent = wanted.partition(".")[2]
        return any(name.lower() in (wanted, f"*.{parent}") for name in names)


def _load(der: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():
            # Inspection products do issue serial numbers that RFC 5280 forbids; that is no news for a terminal.
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(der)
    except Exception:  # a parser written against hostile input may fail in any way
        return None


def _or(read: Callable[[], T], otherwise: T) -> T:
    """One field, or what stands for it when this certificate's is broken."""
    try:
        return read()
    except Exception:  # see _load: every field is parsed when it is asked for
        return otherwise


def _iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    names = extension.get_values_for_type(x509.DNSName)
    return [*names, *(str(address) for address in extension.get_values_for_type(x509.IPAddress))]


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def _is_ca(certificate: x509.Certificate) -> bool:
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def _self_signed(certificate: x509.Certificate) -> bool:
    if certificate.issuer != certificate.subject:
        return False
    certificate.verify_directly_issued_by(certificate)
    return True


def _missing(certificate: x509.Certificate) -> list[str]:
    """What X509_V_FLAG_X509_STRICT asks for (check_extensions in OpenSSL's x509_vfy.c) and is not there."""
    found = {extension.oid: extension for extension in certificate.extensions}
    oids = x509.oid.ExtensionOID
    missing: list[str] = []
    constraints = found.get(oids.BASIC_CONSTRAINTS)
    is_ca = constraints is not None and isinstance(constraints.value, x509.BasicConstraints) and constraints.value.ca
    if is_ca and constraints is not None and not constraints.critical:
        missing.append("critical basicConstraints")
    if is_ca and oids.KEY_USAGE not in found:
        missing.append("keyUsage")
    if is_ca and oids.SUBJECT_KEY_IDENTIFIER not in found:
        missing.append("subjectKeyIdentifier")
    if oids.AUTHORITY_KEY_IDENTIFIER not in found and certificate.issuer != certificate.subject:
        missing.append("authorityKeyIdentifier")
    return missing


def _issuer_url(certificate: x509.Certificate) -> str:
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    places = (entry for entry in access if entry.access_method == x509.oid.AuthorityInformationAccessOID.CA_ISSUERS)
    return next((str(entry.access_location.value)[:LONGEST_NAME] for entry in places), "")


def _organisation(name: x509.Name) -> str:
    return next((str(part.value) for part in name.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)), "")


def _facts_by_openssl(der: bytes, known: Certificate) -> Certificate:
    """OpenSSL, which the clients use, reads certificates that a stricter parser refuses."""
    certificate = _load_for_openssl(der)
    if certificate is None:
        return known

    def name_of(name: crypto.X509Name) -> str:
        parts = [f"{key.decode()}={value.decode('utf-8', 'replace')}" for key, value in reversed(name.get_components())]
        return ",".join(parts)[:LONGEST_NAME]

    def moment(value: bytes | None) -> str:
        return _iso(dt.datetime.strptime((value or b"").decode(), "%Y%m%d%H%M%S%z"))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyOpenSSL's advice to use the parser that has just refused
        return msgspec.structs.replace(
            known,
            subject=_or(lambda: name_of(certificate.get_subject()), ""),
            issuer=_or(lambda: name_of(certificate.get_issuer()), ""),
            not_before=_or(lambda: moment(certificate.get_notBefore()), ""),
            not_after=_or(lambda: moment(certificate.get_notAfter()), ""),
            serial=_or(lambda: f"{certificate.get_serial_number():x}", ""),
        )


def _load_for_openssl(der: bytes) -> crypto.X509 | None:
    from OpenSSL import crypto

    try:
        return crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    except Exception:  # see _load
        return None


# -- stores ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Store:
    """One set of authorities: a file, folders parted like PATH, a file on top, and what is no file (DER).

    With `partial` an authority ends the chain also when it is no root: curl's way.
    """

    name: str
    cafile: str = ""
    capath: str = ""
    extra: str = ""
    certificates: tuple[bytes, ...] = ()
    partial: bool = False


def stores_here(variables: Mapping[str, str], *, cafile: str = "", capath: str = "") -> list[Store]:
    """The stores of this machine: the system's, certifi, and those that variables name (name → path).

    `cafile` and `capath` are the system's store as the user's interpreter has it; this one's when both are empty.
    """
    system = Store("os", cafile=cafile, capath=capath) if cafile or capath else system_store()
    named = [
        Store(name, capath=path) if name == "SSL_CERT_DIR" or reading.is_folder(path) else Store(name, cafile=path)
        for name, path in variables.items()
        if path
    ]
    return [system, public_store(), *named]


def public_store() -> Store:
    """The authorities that browsers agree on, as certifi brings them."""
    import certifi

    return Store("certifi", cafile=certifi.where())


def system_store() -> Store:
    """As this interpreter finds it. That of macOS is no file, so OpenSSL's paths stand in."""
    if sys.platform == "win32":
        roots = [der for der, encoding, _ in ssl.enum_certificates("ROOT") if encoding == "x509_asn"]
        return Store("os", certificates=tuple(roots))
    paths = ssl.get_default_verify_paths()
    cafile = paths.openssl_cafile if reading.is_file(paths.openssl_cafile) else ""
    capath = paths.openssl_capath if reading.is_folder(paths.openssl_capath) else ""
    if not cafile and not capath:
        cafile = next((path for path in HTTPX2_BUNDLES if reading.is_file(path)), "")
    return Store("os", cafile=cafile, capath=capath)


def judge(chain: Sequence[bytes], stores: Sequence[Store], at_time: dt.datetime | None = None) -> list[StoreVerdict]:
    """The presented chain (DER, leaf first) against each store, without and with the strict flag.

    Judged by OpenSSL as a TLS client would at `at_time` (now when None), but for the host's name.
    """
    if not chain:
        return []
    certificates = [_load_for_openssl(der) for der in chain]
    missing = _missing_organisation(chain[-1])
    verdicts: list[StoreVerdict] = []
    for store in stores:
        verdicts += _judged_by(store, certificates, missing, at_time)
    return verdicts


def _missing_organisation(last: bytes) -> str:
    """The organisation of the issuer that a chain stops short of; empty when it ends at a root."""
    certificate = _load(last)
    if certificate is None or _or(lambda: _self_signed(certificate), False):
        return ""
    return _or(lambda: _organisation(certificate.issuer), "")


def _judged_by(
    store: Store, chain: Sequence[crypto.X509 | None], organisation: str, at_time: dt.datetime | None
) -> list[StoreVerdict]:
    from OpenSSL import crypto

    held = _held(store)
    plain = StoreVerdict(
        store=store.name,
        path=store.cafile or store.capath,
        authorities=len(held),
        knows_organisation=bool(organisation) and any(organisation == _organisation_of(der) for der in held),
    )
    leaf, *others = chain
    if leaf is None:
        return [msgspec.structs.replace(plain, message="the certificate cannot be read")]
    try:
        opened = _open(store, at_time)
    except (crypto.Error, OSError, ValueError) as error:
        return [msgspec.structs.replace(plain, readable=False, message=f"the store cannot be read: {_told(error)}")]
    intermediates = [certificate for certificate in others if certificate is not None]
    verdicts = []
    for strict in (False, True):
        if strict:
            # As ssl.create_default_context() sets them, together, from Python 3.13 on.
            opened.set_flags(crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN)
        verdict = msgspec.structs.replace(plain, strict=strict)
        try:
            verified = crypto.X509StoreContext(opened, leaf, intermediates).get_verified_chain()
            root = crypto.dump_certificate(crypto.FILETYPE_ASN1, verified[-1])
            verdict = msgspec.structs.replace(verdict, trusted=True, **_end(root, held))
        except crypto.X509StoreContextError as error:
            code, depth, message = error.errors
            verdict = msgspec.structs.replace(verdict, code=code, depth=depth, message=message)
        verdicts.append(verdict)
    return verdicts


def _end(root: bytes, held: Mapping[bytes, str]) -> dict[str, str]:
    known = facts(root)
    return {"root": known.subject, "root_sha256": known.sha256, "file": held.get(root, "")}


def _told(error: Exception) -> str:
    """OpenSSL raises a list of its errors, and tells nothing of a file that is not there."""
    if isinstance(error, OSError | ValueError):
        return str(error)
    entries = error.args[0] if error.args else ()
    return next((reason for *_, reason in entries if reason), "it holds no certificate")


def _open(store: Store, at_time: dt.datetime | None) -> crypto.X509Store:
    from OpenSSL import crypto
    from OpenSSL._util import lib

    opened = crypto.X509Store()
    if at_time is not None:
        opened.set_time(at_time)
    # pyOpenSSL has no name for it; without it a certificate for e-mail would pass for a server's.
    set_purpose: Any = getattr(lib, "X509_STORE_set_purpose", None)
    if set_purpose is not None:
        set_purpose(opened._store, 2)  # noqa: SLF001  # X509_PURPOSE_SSL_SERVER
    for file, folders in ((store.cafile, store.capath), (store.extra, "")):
        if file or folders:
            opened.load_locations(file or None, folders or None)
    if store.partial:
        opened.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    for der in store.certificates:
        certificate = _load_for_openssl(der)
        if certificate is not None:
            opened.add_cert(certificate)
    return opened


def _held(store: Store) -> dict[bytes, str]:
    """All authorities of a store, DER, with the file of each; a folder's are those that OpenSSL can find by their hash.

    A file of its own is named before one that holds many.
    """
    found = dict.fromkeys(store.certificates, "")
    paths = [Path(path) for path in (store.extra, store.cafile) if path]
    folders = [Path(folder) for folder in store.capath.split(os.pathsep) if folder]
    for path in [*(path for folder in folders for path in _hashed(folder)), *paths]:
        for der in pem_blocks(reading.content(path, LARGEST_STORE) or b""):
            found.setdefault(der, str(path))
    return found


def _hashed(folder: Path) -> list[Path]:
    """What the hashed names of a folder stand for, so that people find it."""
    names = [name for name in reading.names_in(folder) if HASHED_NAME.fullmatch(name)]
    return sorted(Path(reading.patiently(partial(os.path.realpath, folder / name), "")) for name in names)


def authorities(store: Store) -> list[bytes]:
    """Every certificate of a store, DER."""
    return list(_held(store))


def pem_blocks(text: bytes) -> list[bytes]:
    """The certificates of a PEM text, DER; a block that is not base64 is left out."""
    found = []
    for block in PEM_BLOCK.findall(text):
        with contextlib.suppress(binascii.Error):
            found.append(base64.b64decode(block))
    return found


def _organisation_of(der: bytes) -> str:
    certificate = _load(der)
    return _or(lambda: _organisation(certificate.subject), "") if certificate is not None else ""


# -- the public authorities ------------------------------------------------------------------------


def public_verdict(verified: Sequence[bytes]) -> StoreVerdict | None:
    """Whether a chain that this client verified (DER, root last) also stands on a public root.

    If not, somebody whom this machine trusts re-signs it. The root's fingerprint decides nearly
    always (2 ms with certifi's file); only one that certifi does not hold as it is costs a judgement.
    """
    if not verified:
        return None
    path, roots = _public_roots()
    if hashlib.sha256(verified[-1]).digest() in roots:
        return StoreVerdict(store="certifi", path=path, trusted=True, authorities=len(roots))
    verdicts = judge(verified, [Store("certifi", cafile=path)])
    return verdicts[0] if verdicts else None


@functools.cache
def _public_roots() -> tuple[str, frozenset[bytes]]:
    """The path of certifi's file and the SHA-256 of every certificate in it."""
    import certifi

    path = certifi.where()
    return path, frozenset(
        hashlib.sha256(der).digest() for der in pem_blocks(reading.content(path, LARGEST_STORE) or b"")
    )
