"""What was read of this machine, as frozen values. Pure: it reads nothing itself, so `clients/` may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FileKind = Literal["missing", "file", "directory", "other"]


@dataclass(frozen=True)
class Authorities:
    """The certificates in a file, or in a directory of OpenSSL's hashed names.

    `fingerprints` are SHA-256 over the DER form, in hex. `error` is OpenSSL's own text when it
    refuses to load the file.
    """

    form: Literal["pem", "der", "empty", "other", "directory"] = "other"
    fingerprints: frozenset[str] = frozenset()
    error: str = ""


@dataclass(frozen=True)
class FileFact:
    """One file that a variable or a client's rules name. `path` is as it was named."""

    path: str
    kind: FileKind = "missing"
    readable: bool = False
    mode: int = 0  # permission bits
    symlink: bool = False
    real_path: str = ""
    size: int = 0  # bytes
    error: str = ""  # why nothing more can be told of it: the system's own words
    text: str | None = field(default=None, repr=False)  # of small files that hold configuration or a token
    authorities: Authorities | None = None
    entries: tuple[str, ...] = ()  # of a folder that was listed: names

    @property
    def exists(self) -> bool:
        return self.kind != "missing"


@dataclass(frozen=True)
class Wanted:
    """A path that somebody wants to be looked at, and what of it.

    `path` is as it was named, `place` where it lies when that is written otherwise. `listing` is the ending of
    the names wanted of a folder. `machine_wide` marks a path of the system, which tests keep elsewhere.
    """

    path: str
    place: str = ""
    text: bool = False
    authorities: bool = False
    listing: str = ""
    machine_wide: bool = False


@dataclass(frozen=True)
class Setting:
    """A value and where it stands: a variable's name, or the place in words."""

    value: str = field(repr=False)
    source: str
    file: str = ""  # of settings, which sets the variable `source`

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return f"{self.source} in {self.file}" if self.file else self.source


@dataclass(frozen=True)
class Program:
    """A client that is installed here: where, and which version. `version` is empty when it did not tell."""

    path: str
    version: str = ""


@dataclass(frozen=True)
class Snapshot:
    """The environment at one moment. Values of variables and files may be secret: none is in its `repr`."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    os: Literal["Linux", "Darwin", "Windows"] = "Linux"
    os_release: str = ""
    shell: Literal["sh", "fish", "powershell", "cmd"] = "sh"
    container: str = ""
    wsl: bool = False
    ssh: bool = False
    ci: str = ""
    editor: str = ""
    home: str = ""
    cwd: str = ""
    now: float = 0.0  # Unix seconds
    files: Mapping[str, FileFact] = field(default_factory=dict, repr=False)  # by the path as named
    system_proxies: Mapping[str, str] = field(default_factory=dict, repr=False)  # macOS, Windows: by scheme
    known_proxies: tuple[Setting, ...] = field(default=(), repr=False)  # where no Python client looks
    pac: str = ""  # URL of the system's proxy script
    system_store: str = ""  # Linux: the file with the system's authorities
    public_roots: frozenset[str] = field(default=frozenset(), repr=False)  # certifi's, when a comparison needs them
    programs: Mapping[str, Program] = field(default_factory=dict)  # by name, where somebody looked for them
    bundled_roots: str = field(default="", repr=False)  # PEM: those of the installed Node, where somebody asked it
    interfaces: tuple[str, ...] = ()  # up, without loopback
    ipv4_route: bool = False
    ipv6_route: bool = False

    def get(self, name: str) -> str:
        """The variable's value; empty when it is unset."""
        return self.variables.get(name, "")

    def file(self, path: str) -> FileFact:
        """What is known of a path; one that nobody looked at counts as missing."""
        return self.files.get(path, FileFact(path))
