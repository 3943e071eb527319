"""Environments for clients other than Python's. {target}, {a}, {b} and {c} are ports of listeners."""

from collections.abc import Iterator, Mapping

PROXIES: tuple[Mapping[str, str], ...] = (
    {},
    {"https_proxy": "http://127.0.0.1:{a}"},
    {"HTTPS_PROXY": "http://127.0.0.1:{a}"},
    {"https_proxy": "http://127.0.0.1:{a}", "HTTPS_PROXY": "http://127.0.0.1:{b}"},
    {"https_proxy": "", "HTTPS_PROXY": "http://127.0.0.1:{b}"},
    {"https_proxy": "", "HTTP_PROXY": "http://127.0.0.1:{b}"},
    {"http_proxy": "http://127.0.0.1:{a}"},
    {"HTTP_PROXY": "http://127.0.0.1:{a}"},
    {"http_proxy": "http://127.0.0.1:{a}", "HTTPS_PROXY": "http://127.0.0.1:{b}"},
    {"HTTP_PROXY": "http://127.0.0.1:{a}", "http_proxy": "http://127.0.0.1:{b}"},
    {"ALL_PROXY": "http://127.0.0.1:{a}"},
    {"all_proxy": "http://127.0.0.1:{a}"},
    {"all_proxy": "http://127.0.0.1:{a}", "ALL_PROXY": "http://127.0.0.1:{b}"},
    {"ALL_PROXY": "http://127.0.0.1:{a}", "HTTPS_PROXY": "http://127.0.0.1:{b}"},
    {"https_proxy": "", "all_proxy": "http://127.0.0.1:{a}"},
    {"https_proxy": "http://127.0.0.1:{a}/"},
    {"https_proxy": "http://127.0.0.1:{a}/path?query"},
    {"https_proxy": "HTTP://127.0.0.1:{a}"},
    {"https_proxy": "http://joe:secret@127.0.0.1:{a}"},
    {"https_proxy": "http://joe:p%40ss@127.0.0.1:{a}"},
    {"https_proxy": "127.0.0.1:{a}"},
    {"https_proxy": "localhost:{a}"},
    {"https_proxy": "http://localhost:{a}"},
    {"https_proxy": "socks5://127.0.0.1:{a}"},
    {"https_proxy": "ftp://127.0.0.1:{a}"},
    {"https_proxy": "http://127.0.0.1:port"},
    {"https_proxy": "http://127.0.0.1:99999"},
    {"https_proxy": "http://127.0.0.1:{a}", "http_proxy": "ftp://127.0.0.1:{b}"},
    {"SOCKS_PROXY": "socks5://127.0.0.1:{a}"},
    {"https_proxy": "http://127.0.0.1:{a}", "no_proxy": "", "NO_PROXY": "api.anthropic.com"},
    {"https_proxy": "http://127.0.0.1:{a}", "no_proxy": "b.corp", "NO_PROXY": "api.anthropic.com"},
)

BYPASSES = (
    "*",
    "b.corp,*",
    "anthropic.com",
    ".anthropic.com",
    "*.anthropic.com",
    "*anthropic.com",
    "api.anthropic.com",
    "API.Anthropic.COM",
    "api.anthropic.com.",
    "hropic.com",
    "com",
    "api.anthropic.com:{target}",
    "api.anthropic.com:1",
    "b.corp,anthropic.com",
    "b.corp, anthropic.com",
    "b.corp anthropic.com",
    "b.corp;anthropic.com",
    " anthropic.com ",
    "127.0.0.1",
    "127.0.0.0/8",
    "127.0.0.1/32",
    "10.0.0.0/8",
    "127.",
    "::1",
    "[::1]",
    "::/0",
    "localhost",
)
HOSTS = ("api.anthropic.com", "127.0.0.1", "[::1]")


def generated() -> Iterator[tuple[Mapping[str, str], str]]:
    """(variables, base URL): every proxy for both schemes, and every NO_PROXY for every host."""
    for variables in PROXIES:
        for scheme in ("https", "http"):
            yield variables, scheme + "://api.anthropic.com:{target}"
    for listed in BYPASSES:
        for host in HOSTS:
            yield {"https_proxy": "http://127.0.0.1:{a}", "NO_PROXY": listed}, f"https://{host}:{{target}}"
