"""The files that the environments of `sdk_cases` name: certificates and profiles, good and bad."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOGIN = {"type": "user_oauth"}
TOKENS = {"access_token": "sk-ant-oat01-" + "profile-token-" * 5, "expires_at": 4102444800}


def lay(folder: Path) -> None:
    _authorities(folder)
    _profiles(folder / "config")
    _write(folder / "active/configs/work.json", {"authentication": LOGIN})
    _write(folder / "active/credentials/work.json", TOKENS, 0o600)
    (folder / "active/active_config").write_text("work\n")
    _write(folder / "home/.config/anthropic/configs/default.json", {"authentication": LOGIN})
    _write(folder / "home/.config/anthropic/credentials/default.json", TOKENS, 0o600)
    _write(folder / "broken-home/.config/anthropic/configs/default.json", [])
    (folder / "jwt").write_text("eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl\n")


def _authorities(folder: Path) -> None:
    one = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----")[0]
    one = one[one.index("-----BEGIN") :] + "-----END CERTIFICATE-----\n"
    (folder / "one.pem").write_text(one)
    (folder / "one.der").write_bytes(base64.b64decode("".join(one.splitlines()[1:-1])))
    (folder / "broken.pem").write_text(one + one.replace("M", "?", 3))
    (folder / "private.pem").write_text(one + private_authority())
    (folder / "empty.pem").write_text("")
    (folder / "notes.pem").write_text("the certificate is on the file server\n")
    (folder / "hashed").mkdir()
    (folder / "hashed/0123abcd.0").write_text(one)


def private_authority() -> str:
    """A company's root that no public store holds, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Company Root")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _profiles(folder: Path) -> None:
    def profile(name: str, authentication: Any = LOGIN, tokens: Any = None, mode: int = 0o600, **more: Any) -> None:
        _write(folder / f"configs/{name}.json", {"authentication": authentication, **more})
        if tokens is not None:
            _write(folder / f"credentials/{name}.json", tokens, mode)

    profile("good", tokens=TOKENS, base_url="https://profile.corp")
    profile("refreshed", {**LOGIN, "client_id": "c"}, {**TOKENS, "refresh_token": "r"})
    profile("elsewhere", {**LOGIN, "credentials_path": str(folder / "own-tokens.json")})
    _write(folder / "own-tokens.json", TOKENS, 0o600)
    profile("expired", tokens={**TOKENS, "expires_at": 1000000000})
    profile("writable", tokens=TOKENS)
    (folder / "configs/writable.json").chmod(0o666)
    (folder / "configs/notes.json").write_text("not JSON")
    _write(folder / "configs/list.json", [])
    _write(folder / "configs/bare.json", {"organization_id": "o"})
    profile("http", tokens=TOKENS, base_url="http://gw.corp")
    profile("odd", {"type": "magic"})
    _write(folder.parent / "outside.json", {"authentication": LOGIN})
    (folder / "configs/outside.json").symlink_to(folder.parent / "outside.json")
    profile("no-tokens")
    profile("open-tokens", tokens=TOKENS, mode=0o644)
    profile("linked-tokens")
    (folder / "credentials/linked-tokens.json").symlink_to(folder / "own-tokens.json")
    profile("empty-tokens", tokens={})
    profile("dated-tokens", tokens={**TOKENS, "expires_at": "2100-01-01"})
    profile("no-refresh", {**LOGIN, "client_id": "c"}, TOKENS)
    exchange = {"type": "oidc_federation", "federation_rule_id": "fdrl_1"}
    token = {"source": "file", "path": str(folder.parent / "jwt")}
    profile("exchange", {**exchange, "identity_token": token}, organization_id="o")
    gone = {"source": "file", "path": str(folder.parent / "gone")}
    profile("exchange-gone", {**exchange, "identity_token": gone}, organization_id="o")
    profile("exchange-bare", {**exchange, "identity_token": token})


def _write(path: Path, content: Any, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    path.chmod(mode)
