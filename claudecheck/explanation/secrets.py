"""Looks for secrets in what is read, and takes them out of what is echoed. Knows no signature."""

from __future__ import annotations

import re
from collections.abc import Iterable

from claudecheck.journal.redact import Redactor

_TOKEN = re.compile(r"[^\s\"'`,;:()\[\]{}<>=@/\\]{8,}")
_USERINFO = re.compile(r"://[^\s/@:\"'<>]*:(?P<password>[^\s/@\"'<>]+)@")
#: A quick look before the redactor's dozen patterns: what it takes out as a key stands beside one of these.
_HINTS = (
    *("sk-", "earer", "BEARER", "asic ", "key", "KEY", "Key", "uthorization", "ookie", "oken", "ecret", "assw", "://"),
    *("AIza", "AKIA", "ASIA", "ABSK", "ya29", "eyJ", "gh", "glpat", "sgp", "xai", "gsk", "pplx", "hf_"),
)
_GONE = "[redacted]"
_MASK = re.compile(r"\*{3,}|x{5,}|\.{3}|…|redacted|<[^>]*>|your[-_ ]|placeholder|example", re.IGNORECASE)


class SecretWatch:
    """`seen` becomes true when a line held a key or a password, not merely a word about one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._own = list(secrets)
        self._redactor = Redactor(self._own)
        self._pieces: set[str] = set()
        self.seen = False

    def hide(self, secrets: Iterable[str]) -> None:
        """More values to take out of what is echoed: credentials that the text itself sets."""
        found = [value for value in secrets if value and not _MASK.search(value)]
        self._own = [*self._own, *found]
        self._redactor = Redactor(self._own)
        self.seen = self.seen or any(_looks_random(value) for value in found)

    def look(self, text: str) -> None:
        if self.seen or not any(hint in text for hint in _HINTS):
            return
        found = _USERINFO.search(text)
        if found and not _MASK.search(found["password"]):
            self.seen = True
            return
        redacted = self._redactor.text(text)
        if redacted != text:
            kept = set(_TOKEN.findall(redacted))
            self.seen = any(_looks_random(token) for token in _TOKEN.findall(text) if token not in kept)

    def piece(self, value: str) -> None:
        """A secret, or a piece of one, that only a signature can recognise: what a URL parser took for a port."""
        if len(value) >= 2 and not _MASK.search(value):
            self._pieces.add(value)
            self.seen = True

    def shown(self, text: str, limit: int) -> str:
        """The text as it may be echoed."""
        for piece in self._pieces:
            # A short piece is a part of many words: it goes where it stands in quotes, as it was recognised.
            text = text.replace(piece, _GONE) if len(piece) > 5 else text.replace(f"'{piece}'", f"'{_GONE}'")
        return self._redactor.clean(text, limit)


def _looks_random(token: str) -> bool:
    if len(token) < 16 or _MASK.search(token) or not token.isascii():
        return False
    return any(char.isdigit() for char in token) and any(char.isalpha() for char in token)
