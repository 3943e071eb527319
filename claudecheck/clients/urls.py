"""URLs as the SDK's parser reads them: what it refuses, and what it makes of the rest. Pure.

The parser is that of httpx, which httpx2 took over. It follows RFC 3986 loosely: userinfo ends at the
last @, a host may hold nearly anything, a port is whatever `int()` takes. httpx itself opens sockets
and is not imported here; a test holds this file against it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

LONGEST = 65536
_PARTS = re.compile(
    r"(?:(?P<scheme>(?:[a-zA-Z][a-zA-Z0-9+.-]*)?):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?"
)
_AUTHORITY = re.compile(r"(?:(?P<userinfo>.*)@)?(?P<host>\[.*\]|[^:@]*):?(?P<port>.*)")
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_DEFAULT_PORTS = {"ftp": 21, "http": 80, "https": 443, "ws": 80, "wss": 443}
#: What stands unescaped in a host, a path and a query, besides letters, digits and -._~
_HOST_SAFE = "!$&'()*+,;=\"`{}%|\\"
_PATH_SAFE = "!$%&'()*+,/:;=@[\\]^|"
_QUERY_SAFE = _PATH_SAFE + "?`{}"


class UrlError(ValueError):
    """Its text says what the parser objects to, without a piece of the URL: that may be a password."""


@dataclass(frozen=True)
class Url:
    """`host` is as it is sent: lower case, IDNA-encoded, an IPv6 address without brackets."""

    scheme: str
    username: str
    password: str
    host: str
    port: int | None  # None also for the scheme's own
    path: str  # escaped
    query: str | None  # escaped
    fragment: str

    @property
    def shown_host(self) -> str:
        """The host with international names decoded: this is what patterns are compared with."""
        if "xn--" not in self.host or "*" in self.host:
            return self.host
        import idna

        try:
            return idna.decode(self.host)
        except idna.IDNAError:
            return self.host

    @property
    def target(self) -> str:
        """Path and query, as they stand in a request."""
        return (self.path or "/") + ("" if self.query is None else f"?{self.query}")


def parse(text: str) -> Url:
    if len(text) > LONGEST:
        raise UrlError("is too long")
    if any(char.isascii() and not char.isprintable() for char in text):
        raise UrlError("holds a line break or another control character")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise UrlError("holds bytes that are not UTF-8")
    parts = _groups(_PARTS, text)
    authority = _groups(_AUTHORITY, parts["authority"])
    scheme, path, port = parts["scheme"], parts["path"], _port(authority["port"], parts["scheme"])
    host = _host(authority["host"])
    absolute = bool(scheme or authority["userinfo"] or host or port is not None)
    if not absolute and path.startswith(("//", ":")):
        raise UrlError("has no scheme and no host")
    user, _, password = authority["userinfo"].partition(":")
    return Url(
        scheme=scheme.lower(),
        username=unquote(user),
        password=unquote(password),
        host=host,
        port=port,
        path=quote(_without_dots(path) if absolute else path, safe=_PATH_SAFE),
        query=quote(parts["query"], safe=_QUERY_SAFE) if "?" in text.partition("#")[0] else None,
        fragment=parts["fragment"],
    )


def shown(text: str) -> str:
    """What is meant for a URL, without userinfo and query, whatever else is wrong with it."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    before, _, rest = rest.rpartition("@")
    address, query, _ = rest.partition("?")
    return scheme + mark + ("[redacted]@" if before else "") + address + ("?[redacted]" if query else "")


def _groups(form: re.Pattern[str], text: str) -> dict[str, str]:
    told = form.match(text)
    return told.groupdict("") if told else dict.fromkeys(form.groupindex, "")


def _port(text: str, scheme: str) -> int | None:
    try:
        port = int(text) if text else None
    except ValueError:
        raise UrlError("has a port that is not a number") from None
    return None if port == _DEFAULT_PORTS.get(scheme) else port


def _host(text: str) -> str:
    try:
        if _IPV4.fullmatch(text):
            return str(ipaddress.IPv4Address(text))
        if text.startswith("[") and text.endswith("]"):
            ipaddress.IPv6Address(text[1:-1])
            return text[1:-1]
    except ValueError:
        raise UrlError("has an address that is not one") from None
    return quote(text.lower(), safe=_HOST_SAFE) if text.isascii() else _idna(text.lower())


def _idna(name: str) -> str:
    import idna

    try:
        return idna.encode(name).decode("ascii")
    except idna.IDNAError:
        raise UrlError("has characters in the host that no name can have") from None


def _without_dots(path: str) -> str:
    """The segments . and .. resolved (RFC 3986, section 5.2.4)."""
    if not {".", ".."} & set(path.split("/")):
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept not in ([], [""]):
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)
