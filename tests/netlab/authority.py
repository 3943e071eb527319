"""The lab's certificate authorities: a public one that every client trusts, and those that it may not."""

from __future__ import annotations

import ipaddress
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)

_PEM = serialization.Encoding.PEM


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, and what its server sends along."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        """Leaf, chain and key in one text: nginx, haproxy, stunnel and squid all read that."""
        return "".join(part.public_bytes(_PEM).decode() for part in (self.certificate, *self.chain)) + self.key_pem

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    def save(self, folder: Path, name: str) -> Path:
        path = folder / f"{name}.pem"
        path.write_text(self.pem)
        return path


@dataclass
class Authority:
    """A root and, unless `flat`, the intermediate that signs for it.

    `sloppy` leaves out what strict verification asks of an authority: criticality of the basic
    constraints, key usage and key identifiers.
    """

    root_name: str
    organization: str
    intermediate_name: str = ""
    sloppy: bool = False
    published_at: str = ""  # where the issuing certificate can be fetched, as public authorities say
    server_key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    @property
    def flat(self) -> bool:
        return not self.intermediate_name

    @cached_property
    def root_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65537, 2048)

    @cached_property
    def intermediate_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65537, 2048)

    @cached_property
    def root(self) -> x509.Certificate:
        name = _name(self.root_name, self.organization)
        return self._authority(name, self.root_key, name, self.root_key)

    @cached_property
    def intermediate(self) -> x509.Certificate:
        return self._authority(
            _name(self.intermediate_name, self.organization), self.intermediate_key, self.root.subject, self.root_key
        )

    def _authority(
        self, subject: x509.Name, key: rsa.RSAPrivateKey, issuer: x509.Name, signer: rsa.RSAPrivateKey
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 400 * DAY)
            .not_valid_after(NOW + 3000 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=not self.sloppy)
        )
        if not self.sloppy:
            builder = (
                builder.add_extension(_key_usage(signs_certificates=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            )
        return builder.sign(signer, hashes.SHA256())

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(_PEM).decode()

    @property
    def root_with_key_pem(self) -> str:
        """For inspection products: root certificate and key in one text."""
        return self.root_pem + Issued(self.root, self.root_key).key_pem

    def issue(
        self,
        *names: str,
        valid_from: datetime = NOW - 30 * DAY,
        valid_to: datetime = NOW + 60 * DAY,
        with_chain: bool = True,
        key: rsa.RSAPrivateKey | None = None,
    ) -> Issued:
        """A server certificate for `names` (DNS names or addresses), from the intermediate if there is one."""
        issuer, signer = (self.root, self.root_key) if self.flat else (self.intermediate, self.intermediate_key)
        key = key or self.server_key
        certificate = self._leaf(names, key, issuer.subject, valid_from, valid_to, signer)
        return Issued(certificate, key, () if self.flat or not with_chain else (issuer,))

    def self_signed(self, *names: str) -> Issued:
        """Signed with its own key: no authority stands behind it."""
        key = self.server_key
        subject = _name(names[0], self.organization)
        return Issued(self._leaf(names, key, subject, NOW - 30 * DAY, NOW + 365 * DAY, key), key)

    def _leaf(
        self,
        names: tuple[str, ...],
        key: rsa.RSAPrivateKey,
        issuer: x509.Name,
        valid_from: datetime,
        valid_to: datetime,
        signer: rsa.RSAPrivateKey,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0], self.organization))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid_from)
            .not_valid_after(valid_to)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if self.published_at:
            location = x509.UniformResourceIdentifier(self.published_at)
            description = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, location)
            builder = builder.add_extension(x509.AuthorityInformationAccess([description]), critical=False)
        return builder.sign(signer, hashes.SHA256())


def hashed_name(pem: str) -> str:
    """Under which OpenSSL looks for this authority in a directory."""
    hashed = subprocess.run(
        ["openssl", "x509", "-noout", "-hash"], input=pem, text=True, capture_output=True, timeout=20, check=True
    )
    return f"{hashed.stdout.strip()}.0"


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def weak_key() -> rsa.RSAPrivateKey:
    """Too short for OpenSSL's security level 2, which Python asks for."""
    return rsa.generate_private_key(65537, 1024)


class Authorities:
    """All authorities of one run. Keys are made when first asked for."""

    @cached_property
    def public(self) -> Authority:
        """Stands for the public authorities: in the OS store and in certifi of every client."""
        return Authority(
            "Lab Global Root G2",
            "Lab Public Trust",
            "Lab Public TLS RSA CA 2026",
            published_at="http://pki.lab-public-trust.net/tls-rsa-2026.crt",
        )

    @cached_property
    def corporate(self) -> Authority:
        """A company's own authority, for its internal servers."""
        return Authority("Corp Example Internal Root CA", "Corp Example", "Corp Example Issuing CA 3")

    @cached_property
    def zscaler(self) -> Authority:
        """The root of an inspection product, named as the product names it."""
        return Authority("Zscaler Root CA", "Zscaler Inc.")

    @cached_property
    def mitmproxy(self) -> Authority:
        return Authority("mitmproxy", "mitmproxy")

    @cached_property
    def sloppy(self) -> Authority:
        """Valid for Python 3.12, refused by the strict checks of 3.13."""
        return Authority("Corp Example Legacy Root", "Corp Example", sloppy=True)
