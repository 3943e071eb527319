"""What has the shape of a credential, known or not. Every pattern is linear in the text, however it was chosen:

what a pattern repeats without a bound, it also consumes, so no second start reads it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

GONE = "[redacted]"
#: What shapes need to be found: a text that was cut may hold, in its last so many characters, the beginning of one.
LONGEST_BEGINNING = 1200


class Shape(NamedTuple):
    """Wherever the pattern matches, one of `hints` is in the text (in lower case), and `closer` matches it: two looks
    that are quicker than the pattern.
    """

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    closer: re.Pattern[str] | None = None

    def may_match(self, lowered: str) -> bool:
        seen = any(hint in lowered for hint in self.hints)
        return seen and (self.closer is None or self.closer.search(lowered) is not None)


def redacted(text: str) -> str:
    """The text without what is shaped like a credential. Hosts and URLs stay readable."""
    return _without(_SHAPES, text)


def holds_a_key(text: str) -> bool:
    """A key or a token is in it, whatever is around it. What is only called a password may be a line of code."""
    return _without(_KEYS, text) != text


def _without(shapes: tuple[Shape, ...], text: str) -> str:
    lowered = text.lower()
    for shape in shapes:
        if shape.may_match(lowered):
            text = shape.pattern.sub(shape.replacement, text)
    return text


def _without_token(found: re.Match[str]) -> str:
    """A JSON Web Token has three parts; a file's name that begins alike has not."""
    parts = found[0].split(".")
    return "[redacted token]" if len(parts) >= 3 and len(parts[0]) > 10 and len(parts[1]) >= 8 else found[0]


def _without_userinfo(found: re.Match[str]) -> str:
    """What follows `://`; a URL may hold another one in its path or query."""
    return "://".join(map(_authority_only, found[0].split("://")))


def _authority_only(url: str) -> str:
    """Without what stands before the @. A slash in a password should have been escaped, and often is not: then the @
    comes after it, and what stands behind the colon is no port.
    """
    end = re.search(r"[/\\?#]", url)
    authority = url[: end.start()] if end else url
    if "@" in authority:
        return f"{GONE}@" + url[len(authority.rpartition("@")[0]) + 1 :]
    user, colon, password = authority.partition(":")
    if not (end and colon and user) or user.startswith("[") or re.fullmatch(r"[0-9]{1,5}", password):
        return url
    behind = url[end.start() :]
    at = behind.find("@")
    if at < 0:
        return url
    host = re.split(r"[/\\?#]", behind[at + 1 :], maxsplit=1)[0]  # a password may hold an @ as well
    return f"{GONE}@" + behind[at + 1 + host.rfind("@") + 1 :]


def _shape(
    hints: str, pattern: str, replacement: str | Callable[[re.Match[str]], str] = rf"\1{GONE}", closer: str = ""
) -> Shape:
    return Shape(tuple(hints.split()), re.compile(pattern), replacement, re.compile(closer) if closer else None)


_NAMES_OF_SECRETS = (
    r"(?:x-api-key|(?:api|access|secret|private|signing)[-_]?key|(?:auth|access|refresh|id|session|bearer)[-_]?token"
    r"|(?:proxy-)?authorization|client[-_]?secret|password|passwd|passphrase)"
)
_HINTS_OF_NAMES = "key token authorization secret passw passphrase"

#: Keys of this and other vendors. The kind stays, so that "wrong kind" can be explained.
_KEYS: tuple[Shape, ...] = (
    _shape("sk-ant-", r"(?i)\b(sk-ant-[a-z]{1,20}[0-9]{0,4}-)[\w-]{4,}+"),
    _shape("sk sgp xai gsk pplx hf", r"\b((?:sk-proj|sk-or-v1|sk|sgp|xai|gsk|pplx|hf)[-_])(?!ant-)[A-Za-z0-9_-]{16,}+"),
    _shape("aiza akia asia absk ya29.", r"\b(AIza|AKIA|ASIA|ABSK|ya29\.)[A-Za-z0-9_\-+/=]{10,}+"),
    _shape("gh glpat", r"\b((?:ghp|gho|ghs|ghu|github_pat|glpat)[-_])[A-Za-z0-9_-]{16,}+"),
    _shape("eyj", r"\beyJ[\w.-]{16,}+", _without_token),
)
_SHAPES: tuple[Shape, ...] = (
    *_KEYS,
    # Header values, in the spellings of wire, Python and JavaScript.
    _shape(
        "bearer basic negotiate ntlm",
        r"(?i)\b((?:bearer|basic|negotiate|ntlm)\s++)(?!\[redacted|(?:realm|constraints|auth\w*|access|scheme|credentials?"
        r"|tokens?|error|keys?)\b)[^\s\"',;\\)}\]]{4,}+",
    ),
    _shape(
        _HINTS_OF_NAMES,
        rf"(?i)(\b{_NAMES_OF_SECRETS}\\?[\"']?\s*+[:=]\s*+(?:b?\\?[\"'])?)(?!\[redacted|bearer\b|basic\b|none\b|null\b)"
        r"[^\s\"',;&}\]\\]{4,}+",
        closer=rf"(?:{_HINTS_OF_NAMES.replace(' ', '|')})\w{{0,4}}\\?[\"']?\s*+[:=]",
    ),
    _shape(
        "cookie",
        r"(?i)(\b(?:set-)?cookie\\?[\"']?\s*+[:=]\s*+(?:b?\\?[\"'])?)(?!\[redacted|none\b|null\b)[^\"'\r\n\\]{4,}+",
    ),
    # A variable with its value, as a shell, a Dockerfile or a `.env` has it.
    _shape(
        "key= token= secret= password= passwd= passphrase= pass=",
        r"((?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS)=[\"']?)(?!\[redacted|[$<{])[^\s\"',;&}\]]{4,}+",
    ),
    # The arguments of a program.
    _shape(
        "--",
        r"(?i)((?<![\w-])--[a-z-]{0,30}(?:user|key|token|secret|pass|password)(?:=|\s++)[\"']?)(?!\[redacted|-|[$<{])"
        r"[^\s\"']{4,}+",
    ),
    _shape("-u", r"((?<!\S)-[uU]\s*+[\"']?)(?!\[redacted|-|[$<{])[^\s\"':]*+:[^\s\"']{2,}+"),
    # Userinfo in a URL, and without a scheme, where a program quotes what it could not read.
    _shape("://", r"(?<=://)[^\s\"'<>]++", _without_userinfo),
    _shape("@", r"([\"'])[^\s\"'@<>]++(@[^\s\"'@<>/:]++:[0-9]{1,5}(?=\W))", rf"\1{GONE}\2"),
)
