"""Looks at files: what they are, who may read them, which certificates they hold. Judges nothing, raises nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import ssl
import stat
from pathlib import Path
from typing import Literal

from claudecheck.clients.ca_files import HASHED_NAME, PEM_BLOCK
from claudecheck.clients.snapshot import Authorities, FileFact, FileKind
from claudecheck.machine import reading

#: Of a folder with configurations no more are read.
_MOST_FILES = 100
LARGEST_BUNDLE = 16 * 1024 * 1024


def look(
    path: str, *, cwd: str, text: bool = False, authorities: bool = False, most: int = 4000, listing: str = ""
) -> FileFact:
    """The facts of one path; relative paths start at `cwd`. Never raises for what it finds.

    Of a directory of authorities, `most` files are read: one tells that it is not empty. `listing` is the ending
    of the names that are listed of a directory.
    """
    stuck = FileFact(path, kind="other", error="it does not answer")
    most = most if authorities else 0
    return reading.patiently(lambda: _look(path, Path(cwd, path), text=text, most=most, listing=listing), stuck)


def _look(path: str, place: Path, *, text: bool, most: int, listing: str) -> FileFact:
    try:
        seen = place.stat()
        symlink = place.is_symlink()
        real_path = os.path.realpath(place)
    except (OSError, ValueError) as error:
        if reading.nothing_left(error):
            raise
        fault = reading.fault_of(error)
        return FileFact(path, kind="other" if fault else "missing", error=fault)
    kind: FileKind = "other"
    if stat.S_ISREG(seen.st_mode):
        kind = "file"
    elif stat.S_ISDIR(seen.st_mode):
        kind = "directory"
    readable = os.access(place, os.R_OK)
    return FileFact(
        path=path,
        kind=kind,
        readable=readable,
        mode=stat.S_IMODE(seen.st_mode),
        symlink=symlink,
        real_path=real_path,
        size=seen.st_size,
        text=_text(place) if text and readable and kind == "file" else None,
        authorities=_authorities(place, kind, most) if most and readable else None,
        entries=tuple(reading.names_in(place, listing)[:_MOST_FILES]) if listing and kind == "directory" else (),
    )


def _text(place: Path) -> str | None:
    content = reading.content(place, reading.LARGEST_TEXT + 1)
    if content is None or len(content) > reading.LARGEST_TEXT:
        return None
    return content.decode("utf-8", "surrogateescape")


def _authorities(place: Path, kind: FileKind, most: int) -> Authorities | None:
    if kind == "directory":
        return _hashed_directory(place, most)
    return _bundle(place) if kind == "file" else None


def _bundle(place: Path) -> Authorities | None:
    content = reading.content(place, LARGEST_BUNDLE)
    if content is None:
        return None
    return Authorities(form=_form(content), fingerprints=fingerprints(content), error=_load_error(place))


def _form(content: bytes) -> Literal["pem", "der", "empty", "other"]:
    if not content.strip():
        return "empty"
    if PEM_BLOCK.search(content):
        return "pem"
    # A DER certificate is one SEQUENCE with a length in two bytes.
    return "der" if content.startswith(b"\x30\x82") else "other"


def _hashed_directory(place: Path, most: int) -> Authorities | None:
    found: set[str] = set()
    hashed = [name for name in reading.names_in(place) if HASHED_NAME.fullmatch(name)]
    for name in hashed[:most]:
        found |= fingerprints(reading.content(place / name, LARGEST_BUNDLE) or b"")
    return Authorities(form="directory", fingerprints=frozenset(found))


def fingerprints(content: bytes) -> frozenset[str]:
    """SHA-256, in hex, of every certificate in a PEM text; a block that is not base64 is left out."""
    found = set()
    for block in PEM_BLOCK.findall(content):
        try:
            found.add(hashlib.sha256(base64.b64decode(b"".join(block.split()), validate=True)).hexdigest())
        except binascii.Error:
            continue
    return frozenset(found)


def _load_error(place: Path) -> str:
    """OpenSSL's verdict, by the call that the clients make."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=place)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        if reading.nothing_left(error):
            raise
        return str(error)
    return ""
