"""The only place that knows how to take secrets out of text, and how to make hostile text harmless.

Two kinds of secrets are removed: the values that this process knows (credential variables, proxy
userinfo, custom headers, settings files), wherever they stand and also percent- or base64-encoded;
and whatever has the shape of a credential, known or not. Hosts and URLs stay readable.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

#: A known value shorter than this is a word, not a secret: removing it would shred the report.
SHORTEST_SECRET = 4
LONGEST_TEXT = 2000

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Keys of this and other vendors. The kind stays, so that "wrong kind" can be explained.
    (re.compile(r"\b(sk-ant-[a-z]+\d*)-[\w-]{4,}", re.IGNORECASE), r"\1-[redacted]"),
    (re.compile(r"\b(sk-proj|sk-or-v1|sk|sgp|xai|gsk|pplx|hf)[-_][A-Za-z0-9_-]{16,}"), r"\1-[redacted]"),
    (re.compile(r"\b(AIza|AKIA|ASIA|ABSK|ya29\.)[A-Za-z0-9_\-+/=]{10,}"), r"\1[redacted]"),
    (re.compile(r"\b(ghp|gho|ghs|ghu|github_pat|glpat)[-_][A-Za-z0-9_]{16,}"), r"\1-[redacted]"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "[redacted token]"),
    # Header values, in the spellings of wire, Python and JavaScript.
    (
        re.compile(
            r"(?i)\b(bearer|basic|negotiate|ntlm)(\s+)(?!\[redacted|(?:realm|constraints|auth\w*|access|scheme|credentials?|tokens?|error|keys?)\b)[^\s\"',;\\)}\]]{4,}"
        ),
        r"\1\2[redacted]",
    ),
    (
        re.compile(
            r"(?i)([\"']?\b(?:x-api-key|api[-_]key|authorization|proxy-authorization|cookie|set-cookie"
            r"|access_token|refresh_token|client_secret|password|passwd)[\"']?\s*[:=]\s*(?:b?[\"'])?)"
            r"(?!\[redacted|bearer\b|basic\b|none\b|null\b)([^\s\"',;&}\]]{4,})"
        ),
        r"\1[redacted]",
    ),
    # Userinfo in a URL.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@"), r"\1[redacted]@"),
    # The same with a slash in the password, which should have been escaped; not a port with a path behind it.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:\"'<>\[]+:(?!\d{1,5}(?:/|$))[^\s@\"'<>]+@"), r"\1[redacted]@"),
)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Redactor:
    """Takes the known secrets and whatever is shaped like one out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known: set[str] = set()
        for secret in secrets:
            for value in (secret, secret.strip()):
                if len(value) >= SHORTEST_SECRET:
                    known |= _spellings(value)
        # Longest first, so that a secret which contains another goes as a whole.
        ordered = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub("[redacted]", text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text

    def clean(self, text: str, limit: int = LONGEST_TEXT) -> str:
        """The text without secrets, with control characters escaped, and bounded."""
        text = self.text(text)
        text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
        text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates
        return text if len(text) <= limit else text[: limit - 1] + "…"


def _spellings(value: str) -> set[str]:
    """The ways in which a value can stand in a text: as is, escaped, percent- and base64-encoded."""
    spellings = {value, quote(value, safe=""), quote(value), quote_plus(value)}
    spellings.add(value.encode("unicode_escape").decode())
    raw = value.encode("utf-8", "surrogateescape")
    for offset, mixed in ((0, 0), (1, 2), (2, 3)):
        # Base64 turns three bytes into four characters, so what stands before the value decides which of
        # three texts it becomes. The characters that it shares with its neighbours are left out.
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        core = encoded[mixed : (offset + len(raw)) * 8 // 6]
        if len(core) >= SHORTEST_SECRET + 2:
            spellings |= {core, core.replace("+", "-").replace("/", "_")}
    return {spelling for spelling in spellings if len(spelling) >= SHORTEST_SECRET}
