"""Which texts of an environment are secret: told here, because here is known where each value came from. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from claudecheck.clients import custom_headers
from claudecheck.clients.registry import clients
from claudecheck.clients.snapshot import Snapshot

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


def secrets(snapshot: Snapshot) -> list[str]:
    """Every value of credential kind that was read, whole and in the pieces that errors show."""
    found: list[str] = []
    stored = [client.stored(snapshot) for client in clients()]
    for variables in (snapshot.variables, *(one for part in stored for one in part.variables)):
        found += secrets_in(variables)
    for value in (*snapshot.system_proxies.values(), snapshot.pac, *(one.value for one in snapshot.known_proxies)):
        found += _userinfo(value)
    found += [secret for part in stored for secret in part.secrets]
    return list(dict.fromkeys(filter(None, found)))


def secrets_in(variables: Mapping[str, str]) -> list[str]:
    """Those that stand in variables: what is known without reading a file."""
    return list(filter(None, _in_variables(variables)))


def withheld(variables: Mapping[str, str]) -> dict[str, str]:
    """Those with a secret in them: a child is told them when it runs, since everybody may read what it starts with."""
    return {name: value for name, value in variables.items() if any(_in_variable(name, value))}


def _in_variables(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        yield from _in_variable(name, value)


def _in_variable(name: str, value: str) -> Iterator[str]:
    if _is_secret(name, value):
        yield from (value, value.strip().strip("\"'`\u2018\u2019\u201c\u201d"))
    elif name.lower().endswith(("_proxy", "_url")):
        yield from (*_userinfo(value), *_query_values(value))
    elif name == custom_headers.VARIABLE:
        yield from custom_headers.read(value).values()


def _is_secret(name: str, value: str) -> bool:
    if _OWN_SECRET.search(name):
        return True
    if len(value) < SHORTEST_OTHER_SECRET or (_NO_SECRET.search(name) and not _ACCESS_KEY_ID.search(name)):
        return False
    return _OTHER_SECRET.search(name) is not None


def _query_values(url: str) -> Iterator[str]:
    """A gateway's key may stand in the query or the fragment; a short value may be a word of the language."""
    for part in re.split(r"[?&#]", url)[1:]:
        named = part.partition("=")[2] or part
        for value in {named, unquote(named)}:
            if len(value) >= SHORTEST_OTHER_SECRET:
                yield value


def _userinfo(url: str) -> Iterable[str]:
    """User and password, as written and decoded; also the pieces into which a stray mark breaks them."""
    before, at, _ = url.partition("://")[2].rpartition("@") if "://" in url else url.rpartition("@")
    if not at:
        return []
    user, _, password = before.partition(":")
    whole = [before, user, password, unquote(user), unquote(password), unquote(before)]
    return [*whole, *(piece for piece in re.split(r"[/?#@:]", before) if piece)]
