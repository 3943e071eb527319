"""Certificate authorities made on the spot: one that a lab's client trusts, and everything that can be wrong.

Knows X.509 and nothing of sockets. Elliptic keys throughout, since they are made in a millisecond.
What is proper here also passes the strict checks of Python 3.13.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from functools import cache, cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from claudecheck.lab.parts import CertificateKind, RootName

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: Days from now. A whole year before and after is left to the authorities, so that only the
#: server's own certificate is ever out of its time.
AUTHORITY_DAYS = (-1500, 3000)
LEAF_DAYS = (-1, 90)
EXPIRED_DAYS = (-102, -12)
EXPIRING_DAYS = (-80, 6)
FUTURE_DAYS = (30, 120)


@dataclass(frozen=True)
class Identity:
    """What a server presents: PEM of its chain, leaf first, and of its key."""

    chain: bytes
    key: bytes


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


class Authority:
    """A root, or an intermediate when `issuer` is given. A sloppy one has only what OpenSSL insists on."""

    def __init__(
        self, common_name: str, organization: str = "", *, issuer: Authority | None = None, sloppy: bool = False
    ) -> None:
        self.issuer = issuer
        self.name = _name(common_name, organization)
        self.key = _key()
        self.sloppy = sloppy
        builder = _begin(self.name, self.key, AUTHORITY_DAYS, issuer=issuer or self)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=not sloppy)
        if not sloppy:
            builder = builder.add_extension(_key_usage(authority=True), critical=True)
        self.certificate = builder.sign((issuer or self).key, hashes.SHA256())
        self.pem = _pem(self.certificate)

    def issue(
        self,
        names: tuple[str, ...],
        *,
        days: tuple[int, int] = LEAF_DAYS,
        key: PrivateKey | None = None,
        with_intermediate: bool = True,
    ) -> Identity:
        """A server's certificate, with the authorities between it and the root."""
        own = key or _key()
        builder = _leaf(_begin(_name(names[0]), own, days, issuer=self), names)
        certificate = builder.sign(self.key, hashes.SHA256())
        chain = _pem(certificate)
        if self.issuer is not None and with_intermediate:
            chain += self.pem
        return Identity(chain=chain, key=_key_pem(own))


def _begin(subject: x509.Name, key: PrivateKey, days: tuple[int, int], *, issuer: Authority) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer.sloppy:
        return builder
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return builder.add_extension(identifier, critical=False)


def _leaf(builder: x509.CertificateBuilder, names: tuple[str, ...]) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _self_signed(names: tuple[str, ...]) -> Identity:
    """As an appliance makes it on its first start: its own issuer, and no authority."""
    authority = Authority(names[0])
    builder = _begin(authority.name, authority.key, LEAF_DAYS, issuer=authority)
    certificate = _leaf(builder, names).sign(authority.key, hashes.SHA256())
    return Identity(chain=_pem(certificate), key=_key_pem(authority.key))


class Authorities:
    """All the authorities of one lab, each made when it is first asked for."""

    @cached_property
    def lab(self) -> Authority:
        return Authority("claudecheck lab root", "claudecheck lab")

    @cached_property
    def private(self) -> Authority:
        return Authority("Example Corp Root CA", "Example Corp")

    @cached_property
    def company(self) -> Authority:
        return Authority("Example Holding Proxy CA 2", "Example Holding")

    @cached_property
    def zscaler(self) -> Authority:
        return Authority("Zscaler Root CA", "Zscaler Inc.")

    @cached_property
    def avast(self) -> Authority:
        return Authority("Avast Web/Mail Shield Root", "Avast Web/Mail Shield")

    @cached_property
    def sloppy(self) -> Authority:
        return Authority("Example Corp Gateway CA", "Example Corp", sloppy=True)

    def root(self, name: RootName) -> bytes:
        """PEM of a root; "public" is the whole bundle of certifi."""
        if name == "public":
            return _public_roots()
        authority: Authority = getattr(self, name)
        return authority.pem

    def identity(self, kind: CertificateKind, names: tuple[str, ...]) -> Identity:
        """A server's certificate for `names`, wrong in the way that `kind` says."""
        if kind == "self-signed":
            return _self_signed(names)
        if kind == "avast":
            return self.avast.issue(names)
        if kind == "sloppy":
            return self.sloppy.issue(names)
        if kind == "zscaler":
            product = Authority("Zscaler Intermediate Root CA (zscaler.net) (t)", "Zscaler Inc.", issuer=self.zscaler)
            return product.issue(names)
        if kind == "private":
            return Authority("Example Corp Issuing CA 1", "Example Corp", issuer=self.private).issue(names)
        issuing = Authority("claudecheck lab issuing CA", "claudecheck lab", issuer=self.lab)
        if kind == "expired":
            return issuing.issue(names, days=EXPIRED_DAYS)
        if kind == "expiring":
            return issuing.issue(names, days=EXPIRING_DAYS)
        if kind == "not-yet-valid":
            return issuing.issue(names, days=FUTURE_DAYS)
        if kind == "other-name":
            return issuing.issue(("parking.example.com", "www.parking.example.com"))
        if kind == "weak-key":
            return issuing.issue(names, key=rsa.generate_private_key(65537, 1024))  # noqa: S505  # weak on purpose
        return issuing.issue(names, with_intermediate=kind != "incomplete")


@cache
def _public_roots() -> bytes:
    import certifi

    return certifi.contents().encode("ascii")
