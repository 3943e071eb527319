"""Reads this machine's environment, once, into a `Snapshot`: the only reader of `os.environ`.

No packet is sent. What clients make of it, and which of its texts are secret, is in `clients/`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from claudecheck import __version__
from claudecheck.clients import trust
from claudecheck.clients.ca_files import BUNDLES
from claudecheck.clients.registry import clients
from claudecheck.clients.secrets import secrets
from claudecheck.clients.snapshot import FileFact, Snapshot, Wanted
from claudecheck.machine import files, platform_facts, programs, reading
from claudecheck.observations import Interpreter, LocalNetwork, Run

__all__ = [
    "Snapshot",
    "local_network",
    "read",
    "run_observation",
    "secrets",
    "with_programs",
    "with_store_of",
    "without_clients",
]

_CLIENT_VARIABLE = re.compile(
    r"(?i)(ANTHROPIC|CLAUDE|AWS|CLOUD_ML|VERTEX|SSL_CERT)_\w+"
    r"|NODE_(EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED|OPTIONS|USE_ENV_PROXY|USE_SYSTEM_CA)"
    r"|(REQUESTS|CURL)_CA_BUNDLE|PYTHONHTTPSVERIFY|REQUEST_METHOD|SSLKEYLOGFILE|\w+_PROXY"
)


def read(variables: Mapping[str, str] | None = None, *, root: str = "/") -> Snapshot:
    """The environment now. `variables` stand in for `os.environ`; `root` for the file system's (in tests)."""
    known = dict(os.environ if variables is None else variables)
    name, base = platform_facts.system(), Path(root)
    home = known.get("USERPROFILE" if name == "Windows" else "HOME") or _place(Path.home)
    desktop = platform_facts.desktop_settings(name, known)
    snapshot = Snapshot(
        variables=known,
        os=name,
        os_release=platform_facts.release(name, base),
        shell=platform_facts.shell(name, known, platform_facts.shell_program(base)),
        container=platform_facts.container(known, base),
        wsl=name == "Linux" and platform_facts.wsl(known, base),
        ssh=platform_facts.ssh(known),
        ci=platform_facts.ci(known),
        editor=platform_facts.editor(known),
        home=home,
        cwd=_place(Path.cwd),
        now=time.time(),
        system_proxies=platform_facts.system_proxies(name),
        known_proxies=platform_facts.known_proxies(name, desktop, known, home, base),
        pac=platform_facts.proxy_script(name, desktop),
        system_store=_system_store() if name == "Linux" else "",
        interfaces=platform_facts.interfaces(name),
        ipv4_route=platform_facts.has_route("ipv4"),
        ipv6_route=platform_facts.has_route("ipv6"),
    )
    snapshot = replace(snapshot, files=_wanted_files(snapshot, base))
    foreign = any(snapshot.get(variable) for variable in trust.FOREIGN)
    return replace(snapshot, public_roots=_public_roots() if foreign else frozenset())


def _place(find: Callable[[], Path]) -> str:
    """A user without an entry in the system's list has no home; a folder that was deleted has no name."""
    return reading.patiently(lambda: str(find()), "/")


def with_store_of(snapshot: Snapshot, interpreter: Interpreter) -> Snapshot:
    """The snapshot with the facts of the store that this interpreter's SDK loads by default."""
    named = [interpreter.cafile, interpreter.capath]
    if interpreter.ssl_context:
        named += [interpreter.system_cafile, interpreter.system_capath]
    paths = [path for path in dict.fromkeys(named) if path and path not in snapshot.files]
    # Which authorities it holds matters only where another variable names some to compare with.
    most = 4000 if snapshot.public_roots else 1
    facts = {path: files.look(path, cwd=snapshot.cwd, authorities=True, most=most) for path in paths}
    return replace(snapshot, files={**snapshot.files, **facts})


def with_programs(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the other clients that are installed, and the public roots: about 60 ms, most of it Node's."""
    found, roots = programs.installed(snapshot)
    return replace(snapshot, programs=found, bundled_roots=roots, public_roots=_public_roots())


def without_clients(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that decide a client's route: the ground for `demo`."""
    return {name: value for name, value in variables.items() if not _CLIENT_VARIABLE.fullmatch(name)}


# -- files -------------------------------------------------------------------------------------------

#: What a file says may name further ones, and those others: no client's rules need more rounds.
_MOST_ROUNDS = 4


def _wanted_files(snapshot: Snapshot, root: Path) -> dict[str, FileFact]:
    """Every file that a client asks for; each is asked again with what was found, until nothing new is wanted."""
    wanted: dict[str, Wanted] = {}
    found: dict[str, FileFact] = {}
    for _ in range(_MOST_ROUNDS):
        new: dict[str, Wanted] = {}
        for one in (one for client in clients() for one in client.files(snapshot)):
            known = new.get(one.path) or wanted.get(one.path)
            whole = _both(known, one) if known else one
            if whole != known:
                new[one.path] = whole
        if not new:
            break
        wanted |= new
        found |= {path: _look(one, snapshot.cwd, root) for path, one in new.items()}
        snapshot = replace(snapshot, files=found)
    return found


def _both(first: Wanted, second: Wanted) -> Wanted:
    return replace(
        first,
        text=first.text or second.text,
        authorities=first.authorities or second.authorities,
        listing=first.listing or second.listing,
    )


def _look(one: Wanted, cwd: str, root: Path) -> FileFact:
    place = one.place or one.path
    if one.machine_wide:
        place = str(root / place.lstrip("/"))
    fact = files.look(place, cwd=cwd, text=one.text, authorities=one.authorities, listing=one.listing)
    return replace(fact, path=one.path)


def _system_store() -> str:
    return next((path for path in BUNDLES if reading.is_file(path)), "")


def _public_roots() -> frozenset[str]:
    import certifi

    return files.fingerprints(reading.content(certifi.where(), files.LARGEST_BUNDLE) or b"")


# -- observations ------------------------------------------------------------------------------------


def run_observation(snapshot: Snapshot) -> Run:
    """Who runs, and where; the caller adds what was asked for."""
    return Run(
        version=__version__,
        started_at=_iso(snapshot.now),
        os=snapshot.os,
        os_release=snapshot.os_release,
        shell=snapshot.shell,
        container=snapshot.container,
        wsl=snapshot.wsl,
        ssh=snapshot.ssh,
        ci=snapshot.ci,
        editor=snapshot.editor,
    )


def local_network(snapshot: Snapshot) -> LocalNetwork:
    return LocalNetwork(
        ipv4_route=snapshot.ipv4_route,
        ipv6_route=snapshot.ipv6_route,
        interfaces=list(snapshot.interfaces),
        clock=_iso(snapshot.now),
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
