"""Profiles and federation: which one the Python SDK would load, and whether it can. Pure.

The token itself is the SDK's business, in its own process; here it is only told whether the files
are there and whether the SDK would accept them. Source: `lib/credentials/` of anthropic 0.98 to 2.12.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from claudecheck.clients.json_text import as_text, parsed, shown
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import FileFact, Snapshot, Wanted

PROFILE = "ANTHROPIC_PROFILE"
CONFIG_DIR = "ANTHROPIC_CONFIG_DIR"
TOKEN_FILE = "ANTHROPIC_IDENTITY_TOKEN_FILE"  # noqa: S105  # a variable's name
FEDERATION = ("ANTHROPIC_FEDERATION_RULE_ID", "ANTHROPIC_ORGANIZATION_ID")
IDENTITY_TOKEN = "ANTHROPIC_IDENTITY_TOKEN"  # noqa: S105  # a variable's name

Json = Mapping[str, Any]


class OpenToOthers(str):
    """The fault of a file's permissions, in words: one command mends it."""

    __slots__ = ()


@dataclass(frozen=True)
class Found:
    """A source that wins, and what is wrong with it. `stops` says that the SDK itself raises."""

    sort: Literal["profile", "federation"]
    source: str  # a variable's name, or the file
    file: str = ""
    base_url: str = ""
    fault: str = ""
    stops: bool = True

    @property
    def facts(self) -> list[str]:
        """Of those on which a fix depends."""
        return ["open-to-others"] if isinstance(self.fault, OpenToOthers) else []


def config_dir(variables: Mapping[str, str], os: str, home: str) -> str:
    if named := variables.get(CONFIG_DIR):
        return named.rstrip("/") or "/"
    if os == "Windows":
        return (variables.get("APPDATA") or f"{home}/AppData/Roaming") + "/Anthropic"
    return f"{home}/.config/anthropic"


def files(snapshot: Snapshot) -> Iterator[Wanted]:
    """The folder, its pointer, every profile's two files and those that they name."""
    folder = config_dir(snapshot.variables, snapshot.os, snapshot.home)
    yield Wanted(folder)
    yield Wanted(f"{folder}/active_config", text=True)
    named = [snapshot.get(TOKEN_FILE)]
    for kind in ("configs", "credentials"):
        inside = f"{folder}/{kind}"
        yield Wanted(inside, listing=".json")
        for path in (f"{inside}/{name}" for name in snapshot.file(inside).entries):
            yield Wanted(path, text=True)
            named += named_files(snapshot.file(path).text or "") if kind == "configs" else []
    for name in filter(None, named):
        yield Wanted(name, place=snapshot.home + name[1:] if name.startswith("~/") else name, text=True)


def named_files(config: str) -> list[str]:
    """The files that a profile's text names besides its own two."""
    told = parsed(config)
    auth = told.get("authentication") if isinstance(told, dict) else None
    if not isinstance(auth, dict):
        return []
    token = auth.get("identity_token")
    paths = [auth.get("credentials_path"), token.get("path") if isinstance(token, dict) else None]
    return [path for path in paths if isinstance(path, str) and path]


def find(snapshot: Snapshot, sdk: Sdk) -> Found | None:
    """Sources 3 to 5 of the SDK's order: the named profile, federation, the active profile."""
    if not sdk.has_profiles:
        return None
    folder = config_dir(snapshot.variables, snapshot.os, snapshot.home)
    pointer = _pointer(snapshot, folder)
    named = bool(snapshot.get(PROFILE))
    # Until 1.x, a configured folder or pointer stood before federation; since 2.0 it stands after it.
    chosen = bool(snapshot.get(CONFIG_DIR)) or bool(pointer)
    if named or (chosen and sdk.generation < 2):
        return _profile(snapshot, sdk, folder, snapshot.get(PROFILE) or pointer or "default")
    if (federation := _federation(snapshot, sdk)) is not None:
        return federation
    name = pointer or "default"
    if chosen:
        return _profile(snapshot, sdk, folder, name)
    if snapshot.file(f"{folder}/configs/{name}.json").kind != "file":
        return None
    found = _profile(snapshot, sdk, folder, name)
    return None if _config_fault(snapshot, sdk, folder, name) else found


def is_configured(snapshot: Snapshot) -> str:
    """What would have been taken, had no key stood before it: the name of its variable or file."""
    if snapshot.get(PROFILE):
        return PROFILE
    if _has_federation(snapshot):
        return FEDERATION[0]
    folder = config_dir(snapshot.variables, snapshot.os, snapshot.home)
    pointer = _pointer(snapshot, folder)
    return f"{folder}/active_config" if pointer and snapshot.file(f"{folder}/configs/{pointer}.json").exists else ""


def _pointer(snapshot: Snapshot, folder: str) -> str:
    return (snapshot.file(f"{folder}/active_config").text or "").strip()


# -- profiles ----------------------------------------------------------------------------------------


def _profile(snapshot: Snapshot, sdk: Sdk, folder: str, name: str) -> Found:
    path = f"{folder}/configs/{name}.json"
    source = PROFILE if snapshot.get(PROFILE) else path
    fault = _config_fault(snapshot, sdk, folder, name)
    if fault:
        return Found("profile", source, path, fault=fault)
    config = parsed(snapshot.file(path).text or "")
    auth = config["authentication"]
    base_url = as_text(config.get("base_url")).rstrip("/")
    own = f"{folder}/credentials/{name}.json"
    credentials = as_text(auth.get("credentials_path")) or own
    if auth.get("type") == "user_oauth":
        fault = _login_fault(snapshot, sdk, auth, credentials)
        if not fault and _has_expired(snapshot, auth, credentials):
            return Found("profile", source, credentials, base_url, "its token has expired", stops=False)
        return Found("profile", source, credentials if fault else path, base_url, fault)
    if auth.get("type") != "oidc_federation":
        return Found(
            "profile", source, path, base_url, f"has the unknown authentication type {shown(auth.get('type'))}"
        )
    token = auth.get("identity_token")
    token_path = token.get("path") if isinstance(token, dict) else None
    fault = _exchange_fault(snapshot, config, auth) or _token_file_fault(
        snapshot, as_text(token_path) or snapshot.get(TOKEN_FILE)
    )
    return Found("profile", source, path, base_url, fault)


def _config_fault(snapshot: Snapshot, sdk: Sdk, folder: str, name: str) -> str:
    """Why the SDK raises when it reads the configuration, at construction."""
    if name != name.strip() or name.startswith(".") or any(mark in name for mark in "/\\\0"):
        return f"{name!r} cannot be the name of a profile"
    file = snapshot.file(f"{folder}/configs/{name}.json")
    if not file.exists:
        return "the profile's file does not exist"
    if file.kind != "file" or not file.readable or file.text is None:
        return "the profile's file cannot be read"
    root = snapshot.file(folder).real_path
    if root and not file.real_path.startswith(root):
        return "the profile's file leads out of the configuration folder (a link)"
    if snapshot.os != "Windows" and sdk.refuses_writable_profiles and file.mode & 0o022:
        return OpenToOthers(f"group or others may write it (mode {file.mode:#o}): chmod go-w")
    config = parsed(file.text)
    if not isinstance(config, dict):
        return "is not a JSON object"
    if not isinstance(config.get("authentication"), dict):
        return 'has no "authentication" object'
    base = (as_text(config.get("base_url")) or snapshot.get("ANTHROPIC_BASE_URL") or "https://").lower()
    if not base.startswith(("https://", "http://localhost", "http://127.0.0.1", "http://[::1]")):
        return "its base URL is not https, and tokens are exchanged over https only"
    return ""


def _login_fault(snapshot: Snapshot, sdk: Sdk, auth: Json, path: str) -> str:
    """Why the SDK raises at the first request: the file with the tokens."""
    file = snapshot.file(path)
    if fault := _unreadable(file, "the file with the profile's tokens"):
        return fault
    if snapshot.os != "Windows":
        if file.symlink:
            return "the file with the profile's tokens is a link, which the SDK refuses"
        if file.mode & sdk.token_file_modes:
            return OpenToOthers(f"others may read the profile's tokens (mode {file.mode:#o}): chmod 600")
    tokens = parsed(file.text or "")
    if not isinstance(tokens, dict):
        return "the file with the profile's tokens is not a JSON object"
    if tokens.get("type") not in (None, "oauth_token"):
        return f"the file with the profile's tokens has the type {shown(tokens.get('type'))}"
    if not tokens.get("access_token"):
        return "the file with the profile's tokens has no access_token"
    if tokens.get("expires_at") is not None and _seconds(tokens["expires_at"]) is None:
        return "expires_at in the file with the profile's tokens is not a number of seconds"
    if auth.get("client_id") and not tokens.get("refresh_token"):
        return "the file with the profile's tokens has no refresh_token"
    return ""


def _has_expired(snapshot: Snapshot, auth: Json, path: str) -> bool:
    """Without a client_id, nobody but the tool that wrote the file can renew the token: it is sent as it is."""
    tokens = parsed(snapshot.file(path).text or "")
    expires = _seconds(tokens.get("expires_at")) if isinstance(tokens, dict) else None
    return not auth.get("client_id") and expires is not None and expires < snapshot.now


def _seconds(value: object) -> int | None:
    try:
        return int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):  # OverflowError: 1e999
        return None


def _exchange_fault(snapshot: Snapshot, config: Json, auth: Json) -> str:
    rule, organization = FEDERATION
    if not (auth.get("federation_rule_id") or snapshot.get(rule)):
        return "names no federation_rule_id"
    return "" if config.get("organization_id") or snapshot.get(organization) else "names no organization_id"


# -- federation --------------------------------------------------------------------------------------


def _has_federation(snapshot: Snapshot) -> bool:
    return all(map(snapshot.get, FEDERATION)) and bool(snapshot.get(TOKEN_FILE) or snapshot.get(IDENTITY_TOKEN))


def _federation(snapshot: Snapshot, sdk: Sdk) -> Found | None:
    # Until 1.x, an empty identity token in a variable counted as one.
    empty = sdk.generation < 2 and IDENTITY_TOKEN in snapshot.variables
    if not all(map(snapshot.get, FEDERATION)) or not (_has_federation(snapshot) or empty):
        return None
    path = snapshot.get(TOKEN_FILE)
    if path:
        return Found("federation", TOKEN_FILE, path, fault=_token_file_fault(snapshot, path))
    return Found("federation", IDENTITY_TOKEN, fault="" if snapshot.get(IDENTITY_TOKEN) else "is empty", stops=False)


def _token_file_fault(snapshot: Snapshot, path: str) -> str:
    if not path:
        return f"no identity token: {TOKEN_FILE} is not set"
    file = snapshot.file(path)
    if fault := _unreadable(file, "the identity token's file"):
        return fault
    return "" if (file.text or "").strip() else "the identity token's file is empty"


def _unreadable(file: FileFact, name: str) -> str:
    if not file.exists:
        return f"{name} does not exist"
    if file.kind == "directory":
        return f"{name} is a folder"
    return "" if file.readable and file.text is not None else f"{name} cannot be read"


def tokens(texts: Iterable[str]) -> list[str]:
    """Every secret in the files with tokens: strings under a name that holds "token" or "secret"."""
    found: list[str] = []
    for text in texts:
        told = parsed(text)
        if isinstance(told, dict):
            found += [v for k, v in told.items() if isinstance(v, str) and ("token" in k or "secret" in k)]
    return found
