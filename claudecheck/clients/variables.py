"""The variables that decide a route, in groups that clients read or leave alone together. Pure."""

from __future__ import annotations

HTTPS = ("HTTPS_PROXY", "https_proxy")
HTTP = ("HTTP_PROXY", "http_proxy")
ALL = ("ALL_PROXY", "all_proxy")
NO = ("NO_PROXY", "no_proxy")
SYSTEM_CA = ("SSL_CERT_FILE", "SSL_CERT_DIR")
REQUESTS = ("REQUESTS_CA_BUNDLE",)
CURL = ("CURL_CA_BUNDLE",)
EXTRA = ("NODE_EXTRA_CA_CERTS",)
KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
OAUTH = ("CLAUDE_CODE_OAUTH_TOKEN",)
HEADERS = ("ANTHROPIC_CUSTOM_HEADERS",)


def each(names: tuple[str, ...], need: str) -> dict[str, str]:
    """By name: what a client that does not read them would take."""
    return dict.fromkeys(names, need)
