"""The only place that knows how to take secrets out of text, and how to make hostile text harmless.

Two kinds of secrets are removed: the values that this process knows (credential variables, proxy userinfo, custom
headers, settings files), wherever and however spelled they stand; and whatever has the shape of a credential.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from claudecheck.journal import credential_shapes
from claudecheck.journal.credential_shapes import GONE
from claudecheck.journal.known_values import KnownValues

LONGEST_TEXT = 2000
#: What a text is cut to before it is searched: its limit, and so much more. A secret that the cut halves lies in this
#: margin, and is not shown. A character may be spelled with ten ("\U0000002f"); nobody spells a whole file like that.
_MARGIN = 2 * credential_shapes.LONGEST_BEGINNING
_LONGEST_SPELLING, _LONGEST_SPELLED = 10, 4000

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Redactor:
    """Takes the known secrets and whatever is shaped like one out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = set(secrets)
        self._known = KnownValues(values)
        longest = max(map(len, values), default=0)
        self._margin = _MARGIN + _LONGEST_SPELLING * min(longest, _LONGEST_SPELLED) + 2 * longest

    def text(self, text: str) -> str:
        """The text without secrets."""
        return credential_shapes.redacted(self._known.replace(text, GONE))

    def finds_in(self, text: str) -> bool:
        """A known secret, or a key by its shape, is still in a text that was made of redacted parts."""
        return self._known.replace(text, GONE) != text or credential_shapes.holds_a_key(text)

    def clean(self, text: str, limit: int = LONGEST_TEXT) -> str:
        """The text without secrets, with control characters escaped, and bounded."""
        text = self._bounded(text, limit)
        text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
        text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates
        return text if len(text) <= limit else text[: limit - 1] + "…"

    def _bounded(self, text: str, limit: int) -> str:
        """The text without secrets, of at least `limit` characters where it has them, and not much longer."""
        if len(text) <= limit + self._margin:
            return self.text(text)
        shown = self.text(text[: limit + self._margin])
        return shown[: -credential_shapes.LONGEST_BEGINNING] + "…"
