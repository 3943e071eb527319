"""Certificates read and chains judged offline; trust as the user's client would load it."""

from __future__ import annotations

import datetime as dt
import ssl
import sys
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from claudecheck.probes.tls import chain
from claudecheck.probes.tls import stores as trust
from claudecheck.route import Trust
from tests.probe_peers import DAY, HOST, NOW, Issued, issue


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Test Root", ca=True)


def store(name: str, authority: Issued, folder: Path) -> chain.Store:
    return chain.Store(name, cafile=authority.trust(folder).cafile)


# -- facts -----------------------------------------------------------------------------------------


def test_a_certificate_tells_who_it_is_for_from_whom_and_when(root: Issued) -> None:
    leaf = issue(by=root)
    told = chain.facts(leaf.der)
    assert (told.subject, told.issuer) == (f"CN={HOST}", "CN=Test Root")
    assert told.names == [HOST]
    assert told.not_before == (NOW - DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert told.not_after == (NOW + 30 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert told.key == "EC secp256r1"
    assert told.signature == "ecdsa-with-SHA256"
    assert told.serial == f"{leaf.certificate.serial_number:x}"
    assert told.sha256 == leaf.certificate.fingerprint(hashes.SHA256()).hex()
    assert told.pem.encode() == leaf.pem
    assert (told.is_ca, told.self_signed, told.missing, told.issuer_url) == (False, False, [], "")


def test_an_authority_is_told_as_one() -> None:
    told = chain.facts(issue("Root", ca=True, key=rsa.generate_private_key(65537, 2048)).der)
    assert (told.is_ca, told.self_signed, told.key, told.missing) == (True, True, "RSA 2048", [])
    bare = chain.facts(issue("Root", ca=True, critical_constraints=False, key_usage=False, identifiers=False).der)
    assert bare.missing == ["critical basicConstraints", "keyUsage", "subjectKeyIdentifier"]


def test_the_place_of_the_issuer_is_read() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    place = x509.UniformResourceIdentifier("http://ca.example/issuing.crt")
    access = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + DAY).add_extension(access, False)
    told = chain.facts(made.sign(key, None).public_bytes(serialization.Encoding.DER))
    assert told.issuer_url == "http://ca.example/issuing.crt"
    assert told.key == "Ed25519"


@pytest.mark.parametrize("broken", [b"", b"not a certificate", b"\x30\x82\xff\xff" + b"\x00" * 50])
def test_what_is_no_certificate_is_empty_and_no_error(broken: bytes) -> None:
    told = chain.facts(broken)
    assert (told.subject, told.names, told.key) == ("", [], "")
    assert told.sha256
    assert chain.covers(broken, HOST) is False
    [verdict] = chain.judge([broken], [chain.Store("certifi", cafile=certifi.where())])
    assert not verdict.trusted


def test_a_certificate_with_a_broken_part_keeps_the_rest(root: Issued) -> None:
    """Cut in its extensions: OpenSSL and the strict parser disagree on such things, and neither may stop us."""
    der = issue(by=root).der
    spoiled = der.replace(bytes.fromhex("0603551d11"), bytes.fromhex("0603551d13"))  # the names are called constraints
    told = chain.facts(spoiled)
    assert told.subject == f"CN={HOST}"
    assert told.names == []
    assert told.is_ca is False


def test_a_serial_number_that_the_strict_parser_complains_of_is_no_news(root: Issued) -> None:
    leaf = issue(by=root)
    number = leaf.certificate.serial_number
    raw = number.to_bytes(number.bit_length() // 8 + 1, "big")
    negative = leaf.der.replace(raw, bytes([raw[0] | 0x80]) + raw[1:], 1)
    assert negative != leaf.der
    assert chain.facts(negative).subject == f"CN={HOST}"


def test_a_certificate_that_only_openssl_can_read_still_has_its_names_and_dates(
    root: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = issue(by=root)
    whole = chain.facts(leaf.der)
    monkeypatch.setattr(chain, "_load", lambda _: None)
    told = chain.facts(leaf.der)
    for field in ("subject", "issuer", "not_before", "not_after", "serial", "sha256", "pem"):
        assert getattr(told, field) == getattr(whole, field)


def test_names_are_bounded(root: Issued) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName(f"host-{n}.example.test") for n in range(100)])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 64)] * 20)
    made = (
        x509.CertificateBuilder(root.certificate.subject, subject, root.key.public_key(), 1, NOW, NOW + DAY)
        .add_extension(names, critical=False)
        .sign(root.key, hashes.SHA256())
    )
    der = made.public_bytes(serialization.Encoding.DER)
    told = chain.facts(der)
    assert len(told.names) == chain.MOST_NAMES
    assert len(told.subject) == chain.LONGEST_NAME
    assert chain.covers(der, "host-99.example.test")


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("api.example.test", "API.example.test", True),
        ("api.example.test", "api.example.test.", True),
        ("*.example.test", "api.example.test", True),
        ("*.example.test", "example.test", False),
        ("*.example.test", "a.b.example.test", False),
        ("api.example.test", "example.test", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
    ],
)
def test_a_certificate_covers_its_names(name: str, host: str, covered: bool) -> None:
    assert chain.covers(issue(name).der, host) is covered


# -- judgement -------------------------------------------------------------------------------------


def test_a_chain_is_judged_against_each_store_with_and_without_the_strict_flag(root: Issued, tmp_path: Path) -> None:
    other = issue("Other Root", ca=True)
    middle = issue("Middle", by=root, ca=True)
    leaf = issue(by=middle)
    verdicts = chain.judge(
        [leaf.der, middle.der], [store("os", root, tmp_path), store("SSL_CERT_FILE", other, tmp_path)]
    )
    assert [(v.store, v.strict, v.trusted, v.code, v.authorities) for v in verdicts] == [
        ("os", False, True, 0, 1),
        ("os", True, True, 0, 1),
        ("SSL_CERT_FILE", False, False, 20, 1),
        ("SSL_CERT_FILE", True, False, 20, 1),
    ]
    assert verdicts[2].message == "unable to get local issuer certificate"
    assert verdicts[2].depth == 1
    incomplete = chain.judge([leaf.der], [store("os", root, tmp_path)])
    assert [(v.trusted, v.depth) for v in incomplete] == [(False, 0), (False, 0)]


def test_the_strict_flag_alone_refuses_a_malformed_authority(tmp_path: Path) -> None:
    lax = issue("Lax Root", ca=True, key_usage=False)
    plain, strict = chain.judge([issue(by=lax).der], [store("os", lax, tmp_path)])
    assert plain.trusted
    assert (strict.trusted, strict.code) == (False, 92)


def test_a_chain_can_be_judged_at_another_time(root: Issued, tmp_path: Path) -> None:
    expired = issue(by=root, days=(-0.9, -0.5))
    stores = [store("os", root, tmp_path)]
    assert [v.code for v in chain.judge([expired.der], stores)] == [10, 10]
    then = dt.datetime.now(dt.UTC) - 0.7 * DAY
    assert [v.trusted for v in chain.judge([expired.der], stores, then)] == [True, True]


def test_a_certificate_for_another_purpose_is_not_a_servers(root: Issued, tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder(root.certificate.subject, subject, key.public_key(), 7, NOW - DAY, NOW + DAY)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(root.key, hashes.SHA256())
    )
    plain, _ = chain.judge([made.public_bytes(serialization.Encoding.DER)], [store("os", root, tmp_path)])
    assert (plain.trusted, plain.code) == (False, 26)


def test_a_store_that_cannot_be_read_trusts_nothing_and_says_why(root: Issued, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing here")
    paths = [tmp_path / "empty.pem", tmp_path / "missing.pem"]
    verdicts = chain.judge([issue(by=root).der], [chain.Store("x", cafile=str(path)) for path in paths])
    assert [(v.trusted, v.authorities) for v in verdicts] == [(False, 0), (False, 0)]
    assert all("cannot be read" in v.message for v in verdicts)


def test_an_empty_chain_has_no_verdict() -> None:
    assert chain.judge([], [chain.Store("certifi", cafile=certifi.where())]) == []
    assert chain.public_verdict([]) is None


def test_the_store_that_holds_a_root_of_the_missing_issuers_organisation_knows_it(tmp_path: Path) -> None:
    def name(common: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Trust Services")
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    key = ed25519.Ed25519PrivateKey.generate()
    made = x509.CertificateBuilder(name("Root"), name("Root"), key.public_key(), 1, NOW - DAY, NOW + DAY)
    path = tmp_path / "root.pem"
    path.write_bytes(made.sign(key, None).public_bytes(serialization.Encoding.PEM))
    leaf = x509.CertificateBuilder(name("Issuing CA"), name(HOST), key.public_key(), 2, NOW - DAY, NOW + DAY)
    der = leaf.sign(key, None).public_bytes(serialization.Encoding.DER)
    stores = [chain.Store("os", cafile=str(path)), store("other", issue("Other Root", ca=True), tmp_path)]
    verdicts = [v for v in chain.judge([der], stores) if not v.strict]
    assert [(v.store, v.trusted, v.knows_organisation) for v in verdicts] == [
        ("os", False, True), ("other", False, False),
    ]  # fmt: skip


def test_the_stores_of_this_machine_are_the_systems_certifi_and_those_of_variables(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    stores = chain.stores_here(
        {"SSL_CERT_FILE": "/some/file.pem", "SSL_CERT_DIR": "/no/dir", "REQUESTS_CA_BUNDLE": str(folder), "EMPTY": ""},
        cafile="/opt/python/cert.pem",
    )
    assert [(s.name, s.cafile, s.capath) for s in stores] == [
        ("os", "/opt/python/cert.pem", ""),
        ("certifi", certifi.where(), ""),
        ("SSL_CERT_FILE", "/some/file.pem", ""),
        ("SSL_CERT_DIR", "", "/no/dir"),
        ("REQUESTS_CA_BUNDLE", "", str(folder)),
    ]
    assert chain.stores_here({})[0].name == "os"


def test_a_directory_of_hashed_files_is_a_store(root: Issued, tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    name = f"{_subject_hash(root):08x}.0"
    (tmp_path / "certs" / name).write_bytes(root.pem)
    (tmp_path / "certs" / "README").write_text("not hashed")
    plain, _ = chain.judge([issue(by=root).der], [chain.Store("SSL_CERT_DIR", capath=str(tmp_path / "certs"))])
    assert (plain.trusted, plain.authorities) == (True, 1)


def _subject_hash(issued: Issued) -> int:
    from OpenSSL import crypto

    return int(crypto.X509.from_cryptography(issued.certificate).subject_name_hash())


def test_a_store_without_a_file_is_judged_by_its_certificates(root: Issued) -> None:
    plain, _ = chain.judge([issue(by=root).der], [chain.Store("os", certificates=(root.der, b"broken"))])
    assert plain.trusted


def test_a_public_root_is_known_by_its_fingerprint() -> None:
    verdict = chain.public_verdict([b"leaf", _first_public()])
    assert verdict is not None
    assert (verdict.store, verdict.trusted) == ("certifi", True)
    assert verdict.authorities > 50


def _first_public() -> bytes:
    text = Path(certifi.where()).read_text("utf-8")
    begin = text.index("-----BEGIN CERTIFICATE-----")
    end = text.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(text[begin:end])


def test_a_private_root_is_judged_and_not_public(root: Issued) -> None:
    verdict = chain.public_verdict([issue(by=root).der, root.der])
    assert verdict is not None
    assert (verdict.store, verdict.trusted, verdict.code) == ("certifi", False, 19)


# -- trust -----------------------------------------------------------------------------------------


def loaded(found: ssl.SSLContext) -> int:
    return len(found.get_ca_certs())


def test_a_variable_replaces_the_store(root: Issued, tmp_path: Path) -> None:
    found = trust.load(root.trust(tmp_path))
    assert found.error == ""
    assert loaded(found.context) == 1
    assert found.context.verify_mode is ssl.CERT_REQUIRED
    assert found.context.check_hostname


@pytest.mark.parametrize("sort", ["os", "file", "certifi"])
def test_the_strict_flag_is_the_routes_and_not_this_interpreters(sort: str, root: Issued, tmp_path: Path) -> None:
    path = root.trust(tmp_path).cafile
    strict = ssl.VerifyFlags.VERIFY_X509_STRICT
    for wanted in (True, False):
        found = trust.context(Trust(sort=sort, cafile=path, strict=wanted))  # type: ignore[arg-type]
        assert bool(found.verify_flags & strict) is wanted
        assert bool(found.verify_flags & ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN) is wanted
        assert found.verify_flags & ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST


def test_strict_trust_is_what_this_python_makes_by_default(root: Issued, tmp_path: Path) -> None:
    """`create_default_context` is what the SDK calls when a variable names the store."""
    given = root.trust(tmp_path, strict=sys.version_info >= (3, 13))
    theirs = ssl.create_default_context(cafile=given.cafile)
    ours = trust.context(given)
    assert ours.verify_flags == theirs.verify_flags
    assert ours.options == theirs.options
    assert [c["name"] for c in ours.get_ciphers()] == [c["name"] for c in theirs.get_ciphers()]
    assert ours.minimum_version == theirs.minimum_version


def test_certifi_and_the_empty_store_are_what_they_say() -> None:
    assert loaded(trust.context(Trust(sort="certifi"))) > 50
    assert loaded(trust.context(Trust(sort="empty", cafile=certifi.where()))) == 0
    assert loaded(trust.context(Trust(sort="os"))) == 0


def test_a_directory_is_not_joined_by_a_file_and_a_file_not_by_a_directory(root: Issued, tmp_path: Path) -> None:
    path = root.trust(tmp_path).cafile
    assert loaded(trust.context(Trust(sort="directory", cafile=path, capath=str(tmp_path)))) == 0
    assert loaded(trust.context(Trust(sort="file", cafile=path, capath="/no/such"))) == 1
    assert loaded(trust.context(Trust(sort="os", cafile=path, capath="/no/such"))) == 1


@pytest.mark.parametrize("content", [None, b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_store_that_cannot_be_loaded_is_named_and_trusts_nothing(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "store.pem"
    if content is not None:
        path.write_bytes(content)
    found = trust.load(Trust(sort="file", cafile=str(path)))
    assert str(path) in found.error
    assert loaded(found.context) == 0
    assert found.context.verify_mode is ssl.CERT_REQUIRED


def test_the_native_verifier_is_the_librarys_that_the_sdk_uses() -> None:
    truststore = pytest.importorskip("truststore")
    assert type(trust.context(Trust(sort="native"))).__module__ == truststore.SSLContext.__module__


def test_without_that_library_the_default_store_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "truststore", None)
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    found = trust.load(Trust(sort="native"))
    assert found.error == ""
    assert loaded(found.context) > 50
