"""The files and variables of the client that is to be diagnosed. Opens no socket."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from claudecheck.lab.authority import Authorities
from claudecheck.lab.parts import RootName, Setup

#: What the broken SDK of a fault raises when it is imported: half of it is another version's.
_BROKEN_SDK = "raise ImportError(\"cannot import name 'Omit' from 'anthropic._types'\")\n"


def furnish(setup: Setup, folder: Path, authorities: Authorities, holes: Mapping[str, str]) -> dict[str, str]:
    """Writes the client's files into `folder`, and returns its variables."""
    for name, text in setup.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format_map(holes), encoding="utf-8")
    told = {"ANTHROPIC_BASE_URL": holes["url"], "ANTHROPIC_API_KEY": holes["key"]}
    told["SSL_CERT_FILE"] = str(_write_roots(folder / "trusted.pem", authorities, setup.trusts))
    if setup.other_roots:
        _write_roots(folder / "company.pem", authorities, setup.other_roots)
    if setup.trust_directory:
        told["SSL_CERT_DIR"] = str(_write_hashed_roots(folder / "trusted", authorities, setup.trust_directory))
    if setup.proxy is not None:
        userinfo = f"{setup.proxy.userinfo}@" if setup.proxy.userinfo else ""
        told["HTTPS_PROXY"] = f"{setup.proxy.scheme}://{userinfo}{holes['proxy']}"
    if setup.interpreter:
        told["VIRTUAL_ENV"] = str(_make_interpreter(folder / "venv", broken=setup.interpreter == "broken-sdk"))
    for name, value in setup.variables.items():
        if value is None:
            told.pop(name, None)
        else:
            told[name] = value.format_map(holes)
    return told


def _write_roots(path: Path, authorities: Authorities, names: tuple[RootName, ...]) -> Path:
    path.write_bytes(b"".join(authorities.root(name) for name in names))
    return path


def _write_hashed_roots(folder: Path, authorities: Authorities, names: tuple[RootName, ...]) -> Path:
    """A directory as `openssl rehash` leaves it: OpenSSL finds an authority by its subject's hash."""
    from OpenSSL import crypto  # only this fault needs it

    folder.mkdir()
    for name in names:
        pem = authorities.root(name)
        subject = crypto.load_certificate(crypto.FILETYPE_PEM, pem).subject_name_hash()
        (folder / f"{subject:08x}.0").write_bytes(pem)
    return folder


def _make_interpreter(folder: Path, *, broken: bool) -> Path:
    """A virtual environment by its definition (PEP 405): this Python, and packages of its own."""
    python = Path(sys.executable).resolve()
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
    (folder / "bin" / "python3").symlink_to(python)
    if broken:
        (packages / "anthropic").mkdir()
        (packages / "anthropic" / "__init__.py").write_text(_BROKEN_SDK)
        (packages / "anthropic" / "_version.py").write_text('__version__ = "2.11.0"\n')
    return folder
