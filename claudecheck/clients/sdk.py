"""Which rules an installed Python SDK follows, by its version and that of its HTTP stack.

The thresholds were read in the wheels of `anthropic` 0.30 to 2.12, `httpx` 0.27 and 0.28, and `httpx2`
2.0 to 2.16. Not every release was opened: a threshold is the first one seen with the new rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from claudecheck.clients.versions import Version, release
from claudecheck.observations import AuthHeader, Interpreter


@dataclass(frozen=True)
class Sdk:
    """Without an installed SDK, the current generation is assumed."""

    generation: int = 2
    version: Version = (2, 0, 0)
    stack: Version = (2, 16)

    @classmethod
    def of(cls, interpreter: Interpreter) -> Sdk:
        if not interpreter.sdk:
            return cls()
        generation = interpreter.generation
        stack = release(interpreter.http_stack.rpartition(" ")[2]) or ((0, 28) if generation == 0 else (2, 16))
        return cls(generation, release(interpreter.sdk) or (generation, 999), stack)

    @property
    def key_header(self) -> AuthHeader:
        """Where an API key goes; a token always goes into Authorization."""
        return "authorization" if self.generation >= 2 else "x-api-key"

    @property
    def api_version(self) -> str:
        return "2026-10-21" if self.generation >= 2 else "2023-06-01"

    @property
    def sends_both_credentials(self) -> bool:
        """ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN go out side by side."""
        return (0, 50) <= self.version < (2,)

    @property
    def sends_empty_key(self) -> bool:
        """An empty ANTHROPIC_API_KEY goes out as an empty X-Api-Key beside the token."""
        return self.sends_both_credentials and not self.empty_is_unset

    @property
    def key_hides_token(self) -> bool:
        """Of the two only the key is looked at, also where it is empty: then the client refuses to send anything."""
        return self.version < (0, 50)

    @property
    def knows_headers_as_written(self) -> bool:
        """A credential in a custom header counts only where it is spelled Authorization or X-Api-Key."""
        return self.generation == 0

    @property
    def has_profiles(self) -> bool:
        """Profiles, federation and ANTHROPIC_CUSTOM_HEADERS came together."""
        return self.version >= (0, 98)

    @property
    def empty_is_unset(self) -> bool:
        """Before, an empty ANTHROPIC_AUTH_TOKEN was sent, as a header without a token."""
        return self.version >= (0, 122)

    @property
    def refuses_writable_profiles(self) -> bool:
        return self.version >= (1, 11)

    @property
    def token_file_modes(self) -> int:
        """The permission bits that a file with a profile's tokens must not have."""
        return 0o077 if self.version >= (1, 6) else 0o074

    @property
    def headers_are_utf8(self) -> bool:
        """Before, a header with anything but ASCII raised UnicodeEncodeError."""
        return self.generation >= 1

    @property
    def matches_networks(self) -> bool:
        """10.0.0.0/8 in NO_PROXY is a network for hosts that are addresses."""
        return self.generation >= 1 and self.stack >= (2, 14)

    @property
    def decodes_patterns(self) -> bool:
        """An encoded international name behind a star, as NO_PROXY=xn--… makes one, raises."""
        return self.generation >= 1 and self.stack >= (2, 8)

    @property
    def reads_certifi(self) -> bool:
        return self.generation == 0 or self.stack < (2, 3)

    @property
    def forgives_missing_ca(self) -> bool:
        """Before 0.28, httpx went on with its own bundle when SSL_CERT_FILE named no file."""
        return self.generation == 0 and self.stack < (0, 28)
