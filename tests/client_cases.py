"""Generated environments that every client is tried in: proxies, NO_PROXY, addresses, credentials, authorities.

Values hold names in braces, which a test fills in: {target} and {a} to {f} are ports of listeners.
"""

import itertools
from collections.abc import Iterator, Mapping

Environment = tuple[Mapping[str, str], str]  # variables and base URL


NAMES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_HTTPS = "https://api.anthropic.com:{target}"
_HTTP = "http://api.anthropic.com:{target}"

#: Beyond which of the variables are set: empty ones, and other spellings.
SPELLINGS: tuple[Mapping[str, str], ...] = (
    {"https_proxy": "", "HTTPS_PROXY": "http://127.0.0.1:{b}"},
    {"https_proxy": "http://127.0.0.1:{a}", "HTTPS_PROXY": ""},
    {"https_proxy": "", "HTTP_PROXY": "http://127.0.0.1:{b}"},
    {"https_proxy": "", "all_proxy": "http://127.0.0.1:{a}"},
    {"http_proxy": "", "HTTP_PROXY": "http://127.0.0.1:{b}"},
    {"all_proxy": "", "ALL_PROXY": "http://127.0.0.1:{b}"},
    {"Https_Proxy": "http://127.0.0.1:{a}"},
    {"SOCKS_PROXY": "socks5://127.0.0.1:{a}"},
    {"HTTP_PROXY": "http://127.0.0.1:{a}", "REQUEST_METHOD": "GET"},
    {"http_proxy": "http://127.0.0.1:{a}", "REQUEST_METHOD": "GET"},
    {"https_proxy": "http://127.0.0.1:{a}", "http_proxy": "ftp://127.0.0.1:{b}"},
    {"https_proxy": "http://127.0.0.1:{a}", "ALL_PROXY": "http://127.0.0.1:port"},
)

#: Of https_proxy, or of http_proxy for an http:// address.
VALUES = (
    "http://127.0.0.1:{a}/",
    "http://127.0.0.1:{a}/path?query",
    "HTTP://127.0.0.1:{a}",
    "http://joe:secret@127.0.0.1:{a}",
    "http://joe:p%40ss@127.0.0.1:{a}",
    "http://joe:p@ss@127.0.0.1:{a}",
    "http://joe:pa#ss@127.0.0.1:{a}",
    "http://joe:@127.0.0.1:{a}",
    "http://joe@127.0.0.1:{a}",
    "joe:secret@127.0.0.1:{a}",
    "127.0.0.1:{a}",
    "localhost:{a}",
    "http://localhost:{a}",
    "http://[::1]:{a}",
    "[::1]:{a}",
    "https://127.0.0.1:{a}",
    "socks://127.0.0.1:{a}",
    "socks4://127.0.0.1:{a}",
    "socks4a://127.0.0.1:{a}",
    "socks5://127.0.0.1:{a}",
    "socks5h://joe:secret@127.0.0.1:{a}",
    "SOCKS5://127.0.0.1:{a}",
    "ftp://127.0.0.1:{a}",
    "http:/127.0.0.1:{a}",
    "http:127.0.0.1:{a}",
    "http://",
    "http://127.0.0.1:port",
    "http://127.0.0.1:99999",
    " http://127.0.0.1:{a}",
    "http://127.0.0.1:{a} ",
    "'http://127.0.0.1:{a}'",
)

BYPASSES = (
    "*",
    "b.corp,*",
    "localhost *",
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
    "https://api.anthropic.com",
    "b.corp,anthropic.com",
    "b.corp, anthropic.com",
    "b.corp anthropic.com",
    "b.corp;anthropic.com",
    " anthropic.com ",
    ",,anthropic.com,",
    "127.0.0.1",
    "127.0.0.1:{target}",
    "127.0.0.0/8",
    "127.0.0.1/32",
    "10.0.0.0/8",
    "127.0.0.0/0",
    "127.",
    "127.*",
    "::1",
    "[::1]",
    "[::1]:{target}",
    "::/0",
    "::1/128",
    "localhost",
    "localhost,127.0.0.1,::1",
)
HOSTS = ("api.anthropic.com", "127.0.0.1", "[::1]", "localhost")

#: NO_PROXY in both spellings, and beside proxies that are not for this scheme.
LISTS: tuple[Mapping[str, str], ...] = (
    {"no_proxy": "", "NO_PROXY": "api.anthropic.com"},
    {"no_proxy": "b.corp", "NO_PROXY": "api.anthropic.com"},
    {"no_proxy": "api.anthropic.com", "NO_PROXY": "b.corp"},
    {"no_proxy": "*", "NO_PROXY": ""},
    {"No_Proxy": "api.anthropic.com"},
)


def generated() -> Iterator[Environment]:
    """Which variables are set, how they are written, and what NO_PROXY says: over 300."""
    for chosen in itertools.product((False, True), repeat=len(NAMES)):
        ports = zip(NAMES, "abcdef", chosen, strict=True)
        variables = {name: f"http://127.0.0.1:{{{port}}}" for name, port, on in ports if on}
        yield from ((variables, url) for url in (_HTTPS, _HTTP))
    yield from itertools.product(SPELLINGS, (_HTTPS, _HTTP))
    for value in VALUES:
        yield {"https_proxy": value}, _HTTPS
        yield {"http_proxy": value}, _HTTP
    for listed, host in itertools.product(BYPASSES, HOSTS):
        if applies(listed, host):
            yield {"https_proxy": "http://127.0.0.1:{a}", "NO_PROXY": listed}, f"https://{host}:{{target}}"
    for lists in LISTS:
        yield {"https_proxy": "http://127.0.0.1:{a}", **lists}, _HTTPS
        yield {"ALL_PROXY": "http://127.0.0.1:{a}", **lists}, _HTTP


def applies(listed: str, host: str) -> bool:
    """A name says nothing about an address; for the rest every pair is tried."""
    return host == HOSTS[0] or "anthropic" not in listed or listed.startswith("http")


# -- what is sent ------------------------------------------------------------------------------------

KEY = "sk-ant-api03-" + "A1b2C3d4-" * 10 + "AA"
TOKEN = "sk-ant-oat01-" + "Z9y8X7w6-" * 10 + "AA"  # nobody's

KEYS = ("", KEY, f" {KEY}\n", KEY + "\u201d", KEY[:30] + "\n" + KEY[30:])
TOKENS = ("", TOKEN)
HEADERS = (
    "",
    "X-Team: a\nX-Cost: b: c",
    "Authorization: Basic abc",
    f"x-api-key: {KEY}",
    f"authorization: Bearer {TOKEN}",
    "anthropic-version: 2023-01-01\nUser-Agent: mine",
    "anthropic-beta: a\nanthropic-beta: b",
    "X Team: a",
    "X-Empty:",
    "nonsense",
)
BASES = (
    "http://127.0.0.1:{target}",
    "http://127.0.0.1:{target}/",
    "http://127.0.0.1:{target}//",
    "http://127.0.0.1:{target}/llm",
    "http://127.0.0.1:{target}/llm/",
    "http://127.0.0.1:{target}/v1",
    "http://127.0.0.1:{target}/llm/?team=a",
    "http://127.0.0.1:{target}/a b/%2f/../c",
    " http://127.0.0.1:{target}/ ",
    "http://127.0.0.1:{target}\n",
    "HTTP://LOCALHOST:{target}",
    "http://[::1]:{target}/llm",
    "http://[0:0::1]:{target}",
    "http:/127.0.0.1:{target}/llm",
    "http:127.0.0.1:{target}",
    "http:\\\\127.0.0.1:{target}",
    "http://joe:pw@127.0.0.1:{target}",
    "http://joe@127.0.0.1:{target}",
    "127.0.0.1:{target}",
    "localhost:{target}",
    "//127.0.0.1:{target}",
    "ftp://127.0.0.1:{target}",
    "http://127.0.0.1:port",
    "http://",
    '"http://127.0.0.1:{target}"',
)


def requests() -> Iterator[Environment]:
    """Credentials and custom headers, each set, empty or absent, and every form of the address."""
    for key, token, headers in itertools.product((None, *KEYS), (None, *TOKENS), HEADERS):
        if headers and (key not in (None, KEY) or token == ""):
            continue
        given = {
            "ANTHROPIC_API_KEY": key,
            "ANTHROPIC_AUTH_TOKEN": token,
            "ANTHROPIC_CUSTOM_HEADERS": headers or None,
        }
        yield {name: value for name, value in given.items() if value is not None}, BASES[0]
    for base in BASES[1:]:
        yield {"ANTHROPIC_API_KEY": KEY}, base


# -- who is believed ---------------------------------------------------------------------------------

#: {root} is a file with the authority of the server, {hashed} a folder with it, {public} a file with others.
STORES: tuple[Mapping[str, str], ...] = (
    {},
    *({name: "{root}"} for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")),
    {"SSL_CERT_FILE": "{public}"},
    {"SSL_CERT_FILE": "/gone"},
    {"SSL_CERT_FILE": ""},
    {"SSL_CERT_DIR": "{hashed}"},
    {"SSL_CERT_DIR": "/gone"},
    {"SSL_CERT_DIR": "/gone:{hashed}"},
    {"SSL_CERT_FILE": "{public}", "SSL_CERT_DIR": "{hashed}"},
    {"SSL_CERT_FILE": "{root}", "SSL_CERT_DIR": "/gone"},
    {"SSL_CERT_FILE": "/gone", "SSL_CERT_DIR": "{hashed}"},
    {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{hashed}"},
    {"CURL_CA_BUNDLE": "{root}", "SSL_CERT_FILE": "{public}"},
    {"CURL_CA_BUNDLE": "{public}", "SSL_CERT_FILE": "{root}"},
    {"CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "{root}"},
    {"CURL_CA_BUNDLE": "{public}", "SSL_CERT_DIR": "{hashed}"},
    {"CURL_CA_BUNDLE": "/gone"},
    {"REQUESTS_CA_BUNDLE": "{public}", "SSL_CERT_FILE": "{root}"},
    {"NODE_EXTRA_CA_CERTS": "{root}", "SSL_CERT_FILE": "{public}"},
    {"NODE_EXTRA_CA_CERTS": "{public}", "SSL_CERT_FILE": "{root}"},
    {"NODE_EXTRA_CA_CERTS": "/gone"},
    {"NODE_OPTIONS": "--use-openssl-ca"},
    {"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_FILE": "{root}"},
    {"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_DIR": "{hashed}"},
    {"NODE_OPTIONS": "--use-openssl-ca", "NODE_EXTRA_CA_CERTS": "{root}"},
    {"NODE_OPTIONS": "--use-system-ca"},
    {"NODE_OPTIONS": "--use-system-ca", "SSL_CERT_FILE": "{root}"},
    {"NODE_OPTIONS": "--use-system-ca", "SSL_CERT_DIR": "{hashed}"},
    {"NODE_OPTIONS": "--use-system-ca", "NODE_EXTRA_CA_CERTS": "{root}"},
    {"NODE_USE_SYSTEM_CA": "1", "SSL_CERT_FILE": "{root}"},
)
