"""Reads this machine's environment, once, into a `Snapshot`: the only reader of `os.environ`.

No packet is sent. What clients make of it is in `clients/`; which text is a secret is told here,
because here is known where each value came from.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from claudecheck import __version__
from claudecheck.clients import claude_settings, custom_headers, node, profiles, providers, trust
from claudecheck.clients.snapshot import FileFact, Snapshot
from claudecheck.machine import files, platform_facts, programs
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
#: Variables whose value is a credential of this API: secret whatever it looks like.
_OWN_SECRET = re.compile(r"(ANTHROPIC|CLAUDE)\w*_(KEY|TOKEN|SECRET|PASSPHRASE|PASSWORD)$")
#: Others, by the last word of their names. A short value may be a word of the language, and is left.
_OTHER_SECRET = re.compile(
    r"(?i)(^|_)(api_?key|access_?key(_id)?|private_?key|signing_?key|secret_?key|\w*token\w*|\w*secret\w*|\w*password\w*"
    r"|passwd|passphrase|credentials?)$|^AWS_BEARER_TOKEN_\w+$"
)
_NO_SECRET = re.compile(r"(?i)_(file|path|dir|url|uri|host|port|ttl|ttl_ms|id|name|type|limit|count|expiry)$")
_ACCESS_KEY_ID = re.compile(r"(?i)access_?key_id$")
SHORTEST_OTHER_SECRET = 8


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
        shell=platform_facts.shell(name, known),
        container=platform_facts.container(known, base),
        wsl=name == "Linux" and platform_facts.wsl(known, base),
        ssh=platform_facts.ssh(known),
        ci=platform_facts.ci(known),
        editor=platform_facts.editor(known),
        home=home,
        cwd=_place(Path.cwd),
        now=time.time(),
        system_proxies=platform_facts.system_proxies(name),
        known_proxies=platform_facts.known_proxies(name, desktop, home, base),
        pac=platform_facts.proxy_script(name, desktop),
        system_store=_system_store() if name == "Linux" else "",
        interfaces=platform_facts.interfaces(name),
        ipv4_route=platform_facts.has_route("ipv4"),
        ipv6_route=platform_facts.has_route("ipv6"),
    )
    region = _with_text(snapshot, providers.config_file(snapshot))
    looked_at = {fact.path: fact for fact in [*_profile_files(snapshot), *_settings_files(snapshot, base), region]}
    snapshot = replace(snapshot, files=looked_at)
    looked_at |= {fact.path: fact for fact in _authorities(snapshot)}
    foreign = any(snapshot.get(variable) for variable in trust.FOREIGN)
    return replace(snapshot, files=looked_at, public_roots=_public_roots() if foreign else frozenset())


def _place(find: Callable[[], Path]) -> str:
    """A user without an entry in the system's list has no home; a folder that was deleted has no name."""
    try:
        return str(find())
    except (OSError, RuntimeError):
        return "/"


def with_store_of(snapshot: Snapshot, interpreter: Interpreter) -> Snapshot:
    """The snapshot with the facts of the store that this interpreter's SDK loads by default."""
    paths = [path for path in (interpreter.cafile, interpreter.capath) if path and path not in snapshot.files]
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


def _profile_files(snapshot: Snapshot) -> Iterator[FileFact]:
    """The SDK's profiles: the folder, its pointer, every profile's two files and those that they name."""
    folder = profiles.config_dir(snapshot.variables, snapshot.os, snapshot.home)
    yield files.look(folder, cwd=snapshot.cwd)
    yield _with_text(snapshot, f"{folder}/active_config")
    named = [snapshot.get(profiles.TOKEN_FILE)]
    for kind in ("configs", "credentials"):
        for path in sorted(Path(snapshot.cwd, folder, kind).glob("*.json")):
            fact = _with_text(snapshot, f"{folder}/{kind}/{path.name}")
            named += profiles.named_files(fact.text or "") if kind == "configs" else []
            yield fact
    for name in filter(None, named):
        expanded = snapshot.home + name[1:] if name.startswith("~/") else name
        yield replace(_with_text(snapshot, expanded), path=name)


def _settings_files(snapshot: Snapshot, root: Path) -> Iterator[FileFact]:
    """Claude Code's settings with their texts. Of a stored login only that it is there: its tokens are not read."""
    managed = claude_settings.managed_folder(snapshot.os)
    drop_ins = sorted((root / managed.lstrip("/") / claude_settings.DROP_INS).glob("*.json"))
    fixed = claude_settings.paths(snapshot.variables, snapshot.os, snapshot.home, snapshot.cwd)
    for path in [*fixed, *(f"{managed}/{claude_settings.DROP_INS}/{one.name}" for one in drop_ins)]:
        place = str(root / path.lstrip("/")) if path.startswith(managed) else path
        yield replace(_with_text(snapshot, place), path=path)
    yield files.look(claude_settings.login_file(snapshot.variables, snapshot.home), cwd=snapshot.cwd)


def _with_text(snapshot: Snapshot, path: str) -> FileFact:
    return files.look(path, cwd=snapshot.cwd, text=True)


def _authorities(snapshot: Snapshot) -> Iterator[FileFact]:
    """What the variables of this and other clients name as authorities."""
    paths = [snapshot.get(variable) for variable in (trust.FILE, *trust.FOREIGN)]
    paths += [value for name, value in claude_settings.read(snapshot).env.items() if name in (trust.FILE, node.EXTRA)]
    paths += trust.folders(snapshot.get(trust.DIRECTORY), snapshot.os)
    for path in dict.fromkeys(filter(None, paths)):
        yield files.look(path, cwd=snapshot.cwd, authorities=True)


#: Where distributions keep them in one file.
_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def _system_store() -> str:
    return next((path for path in _STORES if Path(path).is_file()), "")


def _public_roots() -> frozenset[str]:
    import certifi

    return files.fingerprints(Path(certifi.where()).read_bytes())


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


# -- secrets -----------------------------------------------------------------------------------------


def secrets(snapshot: Snapshot) -> list[str]:
    """Every value of credential kind that was read, whole and in the pieces that errors show."""
    found: list[str] = []
    texts = {path: fact.text for path, fact in snapshot.files.items() if fact.text}
    # Of every settings file, also of one that another hides: an error may quote it.
    told = [claude_settings.told_variables(claude_settings.parse(text) or {}) for text in texts.values()]
    for variables in (snapshot.variables, *told):
        found += _in_variables(variables)
    for value in (*snapshot.system_proxies.values(), snapshot.pac, *(one.value for one in snapshot.known_proxies)):
        found += _userinfo(value)
    found += profiles.tokens(texts.values())
    found += [text.strip() for path, text in texts.items() if path == snapshot.get(profiles.TOKEN_FILE)]
    return list(dict.fromkeys(filter(None, found)))


def _in_variables(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        if _is_secret(name, value):
            yield from (value, value.strip().strip("\"'`\u2018\u2019\u201c\u201d"))
        elif name.lower().endswith(("_proxy", "_url")):
            yield from _userinfo(value)
    yield from custom_headers.read(variables.get(custom_headers.VARIABLE, "")).values()


def _is_secret(name: str, value: str) -> bool:
    if _OWN_SECRET.search(name):
        return True
    if len(value) < SHORTEST_OTHER_SECRET or (_NO_SECRET.search(name) and not _ACCESS_KEY_ID.search(name)):
        return False
    return _OTHER_SECRET.search(name) is not None


def _userinfo(url: str) -> Iterable[str]:
    """User and password, as written and decoded; also the pieces into which a stray mark breaks them."""
    before, at, _ = url.partition("://")[2].rpartition("@") if "://" in url else url.rpartition("@")
    if not at:
        return []
    user, _, password = before.partition(":")
    whole = [before, user, password, unquote(user), unquote(password), unquote(before)]
    return [*whole, *(piece for piece in re.split(r"[/?#@:]", before) if piece)]
