"""Environments of the Python SDK, each with the concerns that its current generation raises."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import certifi

KEY = "sk-ant-api03-" + "A1b2C3d4-" * 10 + "AA"
TOKEN = "sk-ant-oat01-" + "Z9y8X7w6-" * 10 + "AA"
ADMIN = "sk-ant-admin01-" + "Q1w2E3r4-" * 10 + "AA"
CLOSED = "http://localhost:9"


@dataclass(frozen=True)
class Case:
    """`concerns` are those that generation 2 raises, in order. `silent`: it fails later than the client says."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    concerns: tuple[str, ...] = ()
    silent: bool = False
    without_key: bool = False


def _key(name: str, value: str, *concerns: str) -> Case:
    return Case(f"key: {name}", {"ANTHROPIC_API_KEY": value}, concerns)


def _base(url: str, *concerns: str, silent: bool = False) -> Case:
    return Case(f"base URL: {url!r}", {"ANTHROPIC_BASE_URL": url}, concerns, silent)


def _proxy(url: str, *concerns: str, silent: bool = False) -> Case:
    return Case(f"HTTPS_PROXY={url!r}", {"HTTPS_PROXY": url}, concerns, silent)


def _no_proxy(value: str, *concerns: str) -> Case:
    return Case(f"NO_PROXY={value!r}", {"HTTPS_PROXY": "http://proxy.corp:3128", "NO_PROXY": value}, concerns)


CREDENTIALS = (
    Case("a key and nothing else"),
    Case("nothing at all", {}, ("key-missing",), without_key=True),
    Case("an empty key", {"ANTHROPIC_API_KEY": ""}, ("key-missing",), without_key=True),
    Case("an empty token beside a key", {"ANTHROPIC_AUTH_TOKEN": ""}),
    Case("a token", {"ANTHROPIC_AUTH_TOKEN": TOKEN}, without_key=True),
    Case("a key and a token", {"ANTHROPIC_AUTH_TOKEN": TOKEN}, ("credential-conflict",)),
    Case("the same text as key and token", {"ANTHROPIC_AUTH_TOKEN": KEY}),
    Case(
        "a gateway's token", {"ANTHROPIC_AUTH_TOKEN": "gw-1", "ANTHROPIC_BASE_URL": "https://gw.corp"}, without_key=True
    ),
    Case("a gateway's key of any form", {"ANTHROPIC_API_KEY": "dummy", "ANTHROPIC_BASE_URL": "https://gw.corp"}),
    _key("trailing newline", KEY + "\n", "key-malformed"),
    _key("trailing blank", KEY + " ", "key-malformed"),
    _key("leading blank", " " + KEY, "key-malformed"),
    _key("blank in the middle", KEY[:40] + " " + KEY[40:], "key-malformed"),
    _key("line break in the middle", KEY[:40] + "\n" + KEY[40:], "key-malformed"),
    _key("tab at the end", KEY + "\t", "key-malformed"),
    _key("control character", KEY[:40] + "\x0b" + KEY[40:], "key-malformed"),
    _key("quotes", f'"{KEY}"', "key-malformed"),
    _key("curly quote", "\u201c" + KEY, "key-malformed"),
    _key("no-width space", KEY + "\u200b", "key-malformed"),
    _key("bytes that are not UTF-8", KEY + "\udcff", "key-malformed"),
    _key("placeholder", "your-api-key", "key-malformed"),
    _key("dots", "sk-ant-...", "key-malformed"),
    _key("a reference", "$ANTHROPIC_API_KEY", "key-malformed"),
    _key("cut off", "sk-ant-api03-AbC", "key-malformed"),
    _key("with its scheme", f"Bearer {KEY}", "key-malformed"),
    _key("an admin key", ADMIN, "key-wrong-kind"),
    _key("an OAuth token", TOKEN, "key-wrong-kind"),
    _key("another vendor's", "sk-proj-" + "x1Y2" * 20, "key-wrong-kind"),
)

BASE_URLS = (
    _base("https://api.anthropic.com"),
    _base("https://api.anthropic.com/"),
    _base("https://API.Anthropic.com:443"),
    _base("https://gateway.corp:8443/anthropic/"),
    _base("https://gateway.corp/v1/account/anthropic"),
    _base("https://api.anthropic.com/v1", "base-url-path"),
    _base("https://api.anthropic.com/v1/messages", "base-url-path"),
    _base("https://api.anthropic.com//", "base-url-path"),
    _base("https://gateway.corp/llm/v1/", "base-url-path"),
    _base("https://gateway.corp/?team=a"),
    _base("https://[2001:db8::1]:8443"),
    _base("https://gäteway.corp"),
    _base("http://localhost:4000"),
    _base("http://127.0.0.1:4000"),
    _base("http://[::1]:4000"),
    _base("http://10.1.2.3:4000", "base-url-insecure"),
    _base("http://litellm:4000", "base-url-insecure"),
    _base("http://203.0.113.9", "base-url-insecure", silent=True),
    _base("http://api.anthropic.com", "base-url-insecure", silent=True),
    _base("https://user:pass@gateway.corp", "credential-conflict"),
    _base("", "base-url-invalid"),
    _base("api.anthropic.com", "base-url-invalid"),
    _base("gateway.corp:8443", "base-url-invalid"),
    _base("127.0.0.1:8443", "base-url-invalid"),
    _base("https://", "base-url-invalid"),
    _base("https:/api.anthropic.com", "base-url-invalid"),
    _base("ftp://api.anthropic.com", "base-url-invalid"),
    _base("https://api.anthropic.com:port", "base-url-invalid"),
    _base("https://api.anthropic.com\n", "base-url-invalid"),
    _base(" https://api.anthropic.com", "base-url-invalid"),
    _base('"https://api.anthropic.com"', "base-url-invalid"),
    _base("https://api.anthropic.com ", "base-url-invalid", silent=True),
    _base("https://${HOST}", "base-url-invalid", silent=True),
    _base("https://api.anthropic.com:99999", "base-url-invalid", silent=True),
    _base("https://300.1.2.3", "base-url-invalid"),
)

PROXIES = (
    _proxy("http://proxy.corp:3128"),
    _proxy("proxy.corp:3128"),
    _proxy("http://proxy.corp"),
    _proxy("https://proxy.corp"),
    _proxy("http://user:p%40ss@proxy.corp:3128"),
    _proxy("http://user:p@ss@proxy.corp:3128"),
    _proxy("user:pass@proxy.corp:3128"),
    _proxy("http://user:@proxy.corp:3128"),
    _proxy("http://[2001:db8::5]:3128"),
    _proxy("socks5://proxy.corp"),
    _proxy("socks5h://user:pass@proxy.corp:1080"),
    _proxy("http://proxy.corp:3128 "),
    _proxy("socks://proxy.corp:1080", "proxy-scheme-unsupported"),
    _proxy("socks4://proxy.corp:1080", "proxy-scheme-unsupported"),
    _proxy("ftp://proxy.corp", "proxy-scheme-unsupported"),
    _proxy("http://proxy.corp:port", "proxy-url-invalid"),
    _proxy("http://user:pa#ss@proxy.corp:3128", "proxy-url-invalid"),
    _proxy("http://user:pa/ss@proxy.corp:3128", "proxy-url-invalid"),
    _proxy("http://user:12#34@proxy.corp:3128", "proxy-url-invalid", silent=True),
    _proxy(" http://proxy.corp:3128", "proxy-url-invalid"),
    _proxy("'http://proxy.corp:3128'", "proxy-url-invalid"),
    _proxy("http://proxy.corp:3128\n", "proxy-url-invalid"),
    _proxy("http:/proxy.corp:3128", "proxy-url-invalid", silent=True),
    _proxy("htp//proxy.corp:3128", "proxy-url-invalid", silent=True),
    _proxy("http://", "proxy-url-invalid", silent=True),
    _proxy("http://proxy.corp:99999", "proxy-url-invalid", silent=True),
    Case("lower case alone", {"https_proxy": "http://lower:1"}),
    Case(
        "lower over upper",
        {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"},
        ("proxy-variables-conflict",),
    ),
    Case("both the same", {"HTTPS_PROXY": "http://one:80/", "https_proxy": "one"}),
    Case(
        "an empty lower one wins", {"HTTPS_PROXY": "http://upper:1", "https_proxy": ""}, ("proxy-variables-conflict",)
    ),
    Case("an empty upper one does not", {"HTTPS_PROXY": "", "https_proxy": "http://lower:1"}),
    Case("mixed case counts as upper", {"Https_Proxy": "http://mixed:1"}),
    Case("ALL_PROXY", {"ALL_PROXY": "http://all:1"}),
    Case("https before all", {"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://secure:1"}),
    Case("HTTP_PROXY only", {"HTTP_PROXY": "http://plain:1"}, ("proxy-variables-conflict",)),
    Case("HTTP_PROXY only, bypassed", {"HTTP_PROXY": "http://plain:1", "NO_PROXY": "anthropic.com"}),
    Case("HTTP_PROXY for an http target", {"HTTP_PROXY": "http://plain:1", "ANTHROPIC_BASE_URL": CLOSED}),
    Case(
        "a script of a web server", {"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET", "ANTHROPIC_BASE_URL": CLOSED}
    ),
    Case("the same in lower case", {"http_proxy": "http://a:1", "REQUEST_METHOD": "GET", "ANTHROPIC_BASE_URL": CLOSED}),
    Case(
        "an unused bad proxy stops it",
        {"HTTPS_PROXY": "http://ok:1", "HTTP_PROXY": "http://a:b"},
        ("proxy-url-invalid",),
    ),
    Case("a bad one that * switches off", {"HTTPS_PROXY": "http://a:b", "NO_PROXY": "*"}),
    Case("SOCKS_PROXY", {"SOCKS_PROXY": "socks5://a:1"}, ("proxy-ignored",)),
    Case("another tool's", {"TRAVIS_APT_PROXY": "http://a:1", "FTP_PROXY": "http://b:1"}),
)

BYPASSES = (
    _no_proxy("*"),
    _no_proxy("localhost,*"),
    _no_proxy("api.anthropic.com"),
    _no_proxy("anthropic.com"),
    _no_proxy(".anthropic.com"),
    _no_proxy("*.anthropic.com", "no-proxy-invalid"),
    _no_proxy("hropic.com"),
    _no_proxy("api.anthropic.com:443"),
    _no_proxy("https://api.anthropic.com"),
    _no_proxy("https://"),
    _no_proxy(" localhost , anthropic.com "),
    _no_proxy("localhost anthropic.com", "no-proxy-invalid"),
    _no_proxy("localhost;anthropic.com", "no-proxy-invalid"),
    _no_proxy("localhost,127.0.0.1,::1"),
    _no_proxy("10.0.0.0/8,192.168.0.0/16"),
    _no_proxy("localhost,[::1]", "no-proxy-invalid"),
    _no_proxy("fe80::/10", "no-proxy-invalid"),
    _no_proxy("localhost ::1", "no-proxy-invalid", "no-proxy-invalid"),
    _no_proxy("firma\u2013intern.de", "no-proxy-invalid"),
    Case("a crash without any proxy", {"no_proxy": "localhost,[::1]"}, ("no-proxy-invalid",)),
    Case("blanks without any proxy", {"NO_PROXY": "localhost 127.0.0.1"}),
    Case("two that agree for this host", {"NO_PROXY": "a.corp", "no_proxy": "b.corp", "HTTPS_PROXY": "p:1"}),
    Case(
        "two that do not",
        {"NO_PROXY": "anthropic.com", "no_proxy": "b.corp", "HTTPS_PROXY": "p:1"},
        ("proxy-variables-conflict",),
    ),
)

HEADERS = (
    Case("two headers", {"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nX-Cost: b: c\n"}),
    Case("another Authorization", {"ANTHROPIC_CUSTOM_HEADERS": "authorization: Basic abc"}, ("credential-conflict",)),
    Case("a key in a header only", {"ANTHROPIC_CUSTOM_HEADERS": f"X-Api-Key: {KEY}"}, without_key=True),
    Case("a token in a header only", {"ANTHROPIC_CUSTOM_HEADERS": f"Authorization: Bearer {TOKEN}"}, without_key=True),
    Case("a line without a colon", {"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nnonsense"}, ("custom-headers-invalid",)),
    Case("JSON", {"ANTHROPIC_CUSTOM_HEADERS": '{"X-Team": "a"}'}, ("custom-headers-invalid",)),
    Case("a blank in the name", {"ANTHROPIC_CUSTOM_HEADERS": "X Team: a"}, ("custom-headers-invalid",)),
    Case("a written line break", {"ANTHROPIC_CUSTOM_HEADERS": r"X-A: 1\nX-B: 2"}, ("custom-headers-invalid",)),
    Case("a control character", {"ANTHROPIC_CUSTOM_HEADERS": "X-A: 1\x0b2"}, ("custom-headers-invalid",)),
    Case("a letter beyond ASCII", {"ANTHROPIC_CUSTOM_HEADERS": "X-A: Zürich"}),
)

TRUST = (
    Case("no variable", {"SSL_CERT_FILE": ""}),
    Case("a file", {"SSL_CERT_FILE": "{folder}/one.pem"}),
    Case("a directory", {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/hashed"}),
    Case("file before directory", {"SSL_CERT_DIR": "{folder}/gone"}),
    Case("a file that is gone", {"SSL_CERT_FILE": "{folder}/gone.pem"}, ("ca-file-missing",)),
    Case("an empty file", {"SSL_CERT_FILE": "{folder}/empty.pem"}, ("ca-file-invalid",)),
    Case("a file of notes", {"SSL_CERT_FILE": "{folder}/notes.pem"}, ("ca-file-invalid",)),
    Case("a DER file", {"SSL_CERT_FILE": "{folder}/one.der"}, ("ca-file-invalid",)),
    Case("a broken block", {"SSL_CERT_FILE": "{folder}/broken.pem"}, ("ca-file-invalid",)),
    Case("a folder as file", {"SSL_CERT_FILE": "{folder}/hashed"}, ("ca-file-invalid",)),
    Case(
        "a folder that is gone",
        {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/gone"},
        ("ca-file-missing",),
        silent=True,
    ),
    Case(
        "a folder without hashes", {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}"}, ("ca-file-invalid",), silent=True
    ),
    Case("requests' bundle is the same", {"REQUESTS_CA_BUNDLE": "{folder}/one.pem"}),
    Case("requests' bundle has more", {"REQUESTS_CA_BUNDLE": "{folder}/private.pem"}, ("ca-variable-ignored",)),
    Case("requests' bundle is public", {"REQUESTS_CA_BUNDLE": certifi.where()}),
    Case("Node verifies nothing", {"NODE_TLS_REJECT_UNAUTHORIZED": "0"}, ("verification-disabled",)),
    Case("Node verifies", {"NODE_TLS_REJECT_UNAUTHORIZED": "1"}),
    Case("Claude Code on Bedrock", {"CLAUDE_CODE_USE_BEDROCK": "1"}, ("provider-route",)),
)

FEDERATION = {
    "ANTHROPIC_FEDERATION_RULE_ID": "fdrl_1",
    "ANTHROPIC_ORGANIZATION_ID": "org_1",
    "ANTHROPIC_BASE_URL": CLOSED,
}


def _profile(name: str, *concerns: str, silent: bool = False, **more: str) -> Case:
    variables = {"ANTHROPIC_CONFIG_DIR": "{folder}/config", "ANTHROPIC_PROFILE": name, **more}
    return Case(f"profile {name} {' '.join(more)}".strip(), variables, concerns, silent, without_key=True)


PROFILES = (
    _profile("good"),
    _profile("good", ANTHROPIC_BASE_URL="https://gw.corp"),
    _profile("refreshed"),
    _profile("elsewhere"),
    _profile("expired", "profile-invalid", silent=True),
    _profile("gone", "profile-invalid"),
    _profile("../up", "profile-invalid"),
    _profile("writable", "profile-invalid"),
    _profile("notes", "profile-invalid"),
    _profile("list", "profile-invalid"),
    _profile("bare", "profile-invalid"),
    _profile("http", "profile-invalid"),
    _profile("odd", "profile-invalid"),
    _profile("outside", "profile-invalid"),
    _profile("no-tokens", "profile-invalid"),
    _profile("open-tokens", "profile-invalid"),
    _profile("linked-tokens", "profile-invalid"),
    _profile("empty-tokens", "profile-invalid"),
    _profile("dated-tokens", "profile-invalid"),
    _profile("no-refresh", "profile-invalid"),
    _profile("exchange", ANTHROPIC_BASE_URL=CLOSED),
    _profile("exchange-gone", "profile-invalid", ANTHROPIC_BASE_URL=CLOSED),
    _profile("exchange-bare", "profile-invalid", ANTHROPIC_BASE_URL=CLOSED),
    Case("a key before a profile", {"ANTHROPIC_PROFILE": "good"}, ("credential-conflict",)),
    Case("the active profile", {"ANTHROPIC_CONFIG_DIR": "{folder}/active"}, without_key=True),
    Case(
        "a folder without profiles", {"ANTHROPIC_CONFIG_DIR": "{folder}/hashed"}, ("profile-invalid",), without_key=True
    ),
    Case("the default profile", {"HOME": "{folder}/home"}, without_key=True),
    Case("a default profile that is broken", {"HOME": "{folder}/broken-home"}, ("key-missing",), without_key=True),
    Case("a token of a workload", {**FEDERATION, "ANTHROPIC_IDENTITY_TOKEN": "eyJ"}, without_key=True),
    Case("an empty one", {**FEDERATION, "ANTHROPIC_IDENTITY_TOKEN": ""}, ("key-missing",), without_key=True),
    Case("its file", {**FEDERATION, "ANTHROPIC_IDENTITY_TOKEN_FILE": "{folder}/jwt"}, without_key=True),
    Case(
        "its file is gone",
        {**FEDERATION, "ANTHROPIC_IDENTITY_TOKEN_FILE": "{folder}/gone"},
        ("profile-invalid",),
        without_key=True,
    ),
    Case(
        "its file is empty",
        {**FEDERATION, "ANTHROPIC_IDENTITY_TOKEN_FILE": "{folder}/empty.pem"},
        ("profile-invalid",),
        without_key=True,
    ),
    Case(
        "its file is a folder",
        {**FEDERATION, "ANTHROPIC_IDENTITY_TOKEN_FILE": "{folder}"},
        ("profile-invalid",),
        without_key=True,
    ),
)

ALL = (*CREDENTIALS, *BASE_URLS, *PROXIES, *BYPASSES, *HEADERS, *TRUST, *PROFILES)
