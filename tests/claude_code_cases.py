"""Environments in which the real Claude Code is run, and its plan held against what it did.

Each has variables and, below the home, files. {cafile} names the lab's CA certificate; proxy.corp:8081 and :8082
are proxies, gw.corp answers on https, port 4000 of localhost in plain http.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

KEY = "sk-ant-api03-" + "A1b2C3d4-" * 10 + "AA"
OTHER = "sk-ant-api03-" + "Z1b2C3d4-" * 10 + "AA"
TOKEN = "sk-ant-oat01-" + "Z9y8X7w6-" * 10 + "AA"
PLAIN_TOKEN = "gateway-token-0123456789"
A, B = "http://proxy.corp:8081", "http://proxy.corp:8082"
HTTPS, HTTP, ALL, NO = "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"
TRUSTED = {"NODE_EXTRA_CA_CERTS": "{cafile}"}
KEYED = {"ANTHROPIC_API_KEY": KEY}
URL = "ANTHROPIC_BASE_URL"


@dataclass(frozen=True)
class Case:
    name: str
    variables: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


def _settings(**env: str) -> dict[str, str]:
    return {".claude/settings.json": json.dumps({"env": env})}


_PROXIES: tuple[Mapping[str, str], ...] = (
    {},
    {HTTPS: A},
    {"https_proxy": A},
    {"https_proxy": A, HTTPS: B},
    {HTTPS: A, HTTP: B},
    {"http_proxy": A, HTTPS: B},
    {HTTP: A},
    {"http_proxy": A, HTTP: B},
    {"https_proxy": "", HTTPS: B},
    {"https_proxy": "", HTTP: A},
    {ALL: A},
    {"all_proxy": A},
    {"all_proxy": A, ALL: B},
    {ALL: A, HTTPS: B},
    {ALL: "socks5h://proxy.corp:8081"},
    {"all_proxy": "socks5://proxy.corp:8081"},
    {ALL: "proxy.corp:8081"},
    {HTTPS: "proxy.corp:8081"},
    {HTTPS: "127.0.0.1:8081"},
    {HTTPS: "localhost:8081"},
    {HTTPS: "proxy.corp"},
    {HTTPS: "joe:secret@proxy.corp:8081"},
    {HTTPS: "http://joe:secret@proxy.corp:8081"},
    {HTTPS: "http://joe:p%40ss@proxy.corp:8081"},
    {HTTPS: "http://joe@proxy.corp:8081"},
    {HTTPS: "http://joe:@proxy.corp:8081"},
    {HTTPS: "http://joe:p#ss@proxy.corp:8081"},
    {HTTPS: f"{A}/"},
    {HTTPS: f"{A}/path"},
    {HTTPS: "proxy.corp:8081/path"},
    {HTTPS: f" {A}"},
    {HTTPS: f"{A} "},
    {HTTPS: "http://proxy.corp :8081"},
    {HTTPS: f"'{A}'"},
    {HTTPS: "HTTP://proxy.corp:8081"},
    {HTTPS: "http:/proxy.corp:8081"},
    {HTTPS: "http://proxy.corp:port"},
    {HTTPS: "http://proxy.corp:99999"},
    {HTTPS: "socks5://proxy.corp:8081"},
    {HTTPS: "socks5h://proxy.corp:8081"},
    {HTTPS: "ftp://proxy.corp:8081"},
    {HTTPS: "htp://proxy.corp:8081"},
    {HTTPS: "http://"},
    {HTTPS: "[::1]:8081"},
    {HTTPS: "http://[::1]:8081"},
    {HTTPS: "http:proxy.corp:8081"},
    {HTTPS: "proxy.corp:8081/"},
    {HTTPS: "PROXY.corp:8081"},
    {"https_proxy": " ", HTTPS: A},
    {"https_proxy": "proxy.corp", HTTPS: A},
    {ALL: "proxy.corp"},
    {ALL: "http://proxy.corp:port"},
    {ALL: "ftp://proxy.corp:8081"},
)

_BYPASSES: tuple[Mapping[str, str], ...] = (
    *({NO: value} for value in (
        "*", "b.corp,*", "anthropic.com", ".anthropic.com", "*.anthropic.com", "*anthropic.com", "api.anthropic.com",
        "API.Anthropic.COM", "api.anthropic.com.", "hropic.com", "com", ".com", "api.anthropic.com:443",
        ".anthropic.com:443", "anthropic.com:443", "api.anthropic.com:1", "https://api.anthropic.com", "127.0.0.1",
        "127.0.0.0/8", "0.0.0.0/0", "localhost,127.0.0.1", "a.corp b.corp api.anthropic.com", "a.corp, .anthropic.com",
        "a.corp;api.anthropic.com", "xapi.anthropic.com", "api", "", "**",
    )),
    {"no_proxy": "api.anthropic.com"},
    {"no_proxy": "a.corp", NO: "api.anthropic.com"},
    {"no_proxy": "api.anthropic.com", NO: "a.corp"},
    {"no_proxy": "", NO: "api.anthropic.com"},
    {"no_proxy": " ", NO: "api.anthropic.com"},
)  # fmt: skip

_ADDRESSES: tuple[str, ...] = (
    "https://gw.corp",
    "https://gw.corp/",
    "https://gw.corp/base",
    "https://gw.corp/base/",
    "https://gw.corp/v1",
    "https://gw.corp/v1/messages",
    "https://joe:secret@gw.corp",
    "https://joe@gw.corp",
    "https://gw.corp?x=1",
    "https://gw.corp#part",
    "gw.corp",
    "localhost:4000",
    "http://localhost:4000",
    "http://gw.corp",
    "HTTPS://GW.corp",
    "https:gw.corp",
    " https://gw.corp",
    "https://gw.corp ",
    "https://gw.corp\n",
    "'https://gw.corp'",
    "",
    " ",
    "https://",
    "ftp://gw.corp",
    "gw.corp:4000",
    "gw.corp:80",
    "localhost:4000/base",
    "127.0.0.1:4000",
    "http://joe:pw@localhost:4000",
    "http://[::1]:4000",
)

_HELPER = {"apiKeyHelper": f"printf {OTHER}"}


def _with(settings: Mapping[str, object]) -> dict[str, str]:
    return {".claude/settings.json": json.dumps(settings)}


_LOGIN = {
    ".claude/.credentials.json": json.dumps(
        {
            "claudeAiOauth": {
                "accessToken": TOKEN,
                "refreshToken": "sk-ant-ort01-" + "Q" * 90,
                "expiresAt": 4102444800000,
                "scopes": ["user:inference", "user:profile"],
                "subscriptionType": "max",
            }
        }
    )
}
_T, _K, _H = "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_CUSTOM_HEADERS"
_CREDENTIALS: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...] = (
    ({_K: KEY}, {}),
    ({_T: PLAIN_TOKEN}, {}),
    ({_T: TOKEN}, {}),
    ({_K: KEY, _T: PLAIN_TOKEN}, {}),
    ({_K: KEY, _T: TOKEN}, {}),
    ({_K: KEY}, _settings(ANTHROPIC_AUTH_TOKEN=PLAIN_TOKEN)),
    ({_K: KEY}, _settings(ANTHROPIC_API_KEY="")),
    ({_K: KEY}, _settings(ANTHROPIC_API_KEY=OTHER)),
    ({_K: KEY}, {".claude.json": json.dumps({"env": {_K: OTHER}})}),
    ({_K: KEY}, {".claude.json": json.dumps({"env": {URL: "https://gw.corp"}})}),
    ({_K: KEY}, {".claude.json": json.dumps({"env": {URL: "https://x.corp"}})} | _settings(ANTHROPIC_BASE_URL="https://gw.corp")),
    ({_K: KEY + "\n"}, {}),
    ({_K: f" {KEY} "}, {}),
    ({_T: PLAIN_TOKEN + "\n"}, {}),
    ({_K: f'"{KEY}"'}, {}),
    ({_K: "\u2019" + KEY}, {}),
    ({_K: ""}, {}),
    ({}, {}),
    ({_K: "", _T: PLAIN_TOKEN}, {}),
    ({}, _with(_HELPER)),
    ({_K: KEY}, _with(_HELPER)),
    ({_T: PLAIN_TOKEN}, _with(_HELPER)),
    ({_K: KEY, _T: PLAIN_TOKEN}, _with(_HELPER)),
    ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}, {}),
    ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN, _K: KEY}, {}),
    ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN, _T: PLAIN_TOKEN}, {}),
    ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}, _with(_HELPER)),
    ({}, _LOGIN),
    ({_K: KEY}, _LOGIN),
    ({_T: PLAIN_TOKEN}, _LOGIN),
    ({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}, _LOGIN),
    ({}, _LOGIN | _with(_HELPER)),
    ({_K: KEY, _H: "X-Team: blue"}, {}),
    ({_K: KEY, _H: f"Authorization: Bearer {PLAIN_TOKEN}"}, {}),
    ({_K: KEY, _H: f"x-api-key: {OTHER}"}, {}),
    ({_T: PLAIN_TOKEN, _H: "Authorization: Bearer other"}, {}),
    ({_H: f"x-api-key: {OTHER}"}, {}),
    ({_K: KEY, _H: "X-A: 1\nX-B: 2"}, {}),
    ({_K: KEY, _H: "no colon"}, {}),
    ({_K: KEY, "ANTHROPIC_PROFILE": "none"}, {}),
)  # fmt: skip

_TRUSTS: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...] = (
    ({}, {}),
    ({"NODE_EXTRA_CA_CERTS": "{cafile}"}, {}),
    ({"SSL_CERT_FILE": "{cafile}"}, {}),
    ({"SSL_CERT_DIR": "{folder}/hashed"}, {}),
    ({"SSL_CERT_FILE": "/nowhere.pem", "NODE_EXTRA_CA_CERTS": "{cafile}"}, {}),
    ({"SSL_CERT_FILE": "{cafile}", "CLAUDE_CODE_CERT_STORE": "bundled"}, {}),
    ({"SSL_CERT_FILE": "{cafile}", "CLAUDE_CODE_CERT_STORE": "system"}, {}),
    ({"NODE_EXTRA_CA_CERTS": "{cafile}", "CLAUDE_CODE_CERT_STORE": "bundled"}, {}),
    ({}, _settings(SSL_CERT_FILE="{cafile}")),
    ({}, _settings(NODE_EXTRA_CA_CERTS="{cafile}")),
    ({"NODE_TLS_REJECT_UNAUTHORIZED": "0"}, {}),
    ({"REQUESTS_CA_BUNDLE": "{cafile}"}, {}),
    ({"CURL_CA_BUNDLE": "{cafile}"}, {}),
    ({"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_FILE": "{cafile}"}, {}),
)


_ADDRESSES_AND_MORE: tuple[Mapping[str, str], ...] = (
    {_T: PLAIN_TOKEN, URL: "https://joe:secret@gw.corp"},
    {_K: KEY, HTTPS: A, URL: "https://gw.corp"},
    {_K: KEY, HTTPS: A, URL: "http://localhost:4000"},
    {_K: KEY, HTTPS: A, URL: "http://gw.corp"},
    {_K: KEY, HTTP: A, URL: "http://gw.corp"},
    {_K: KEY, HTTP: A, HTTPS: B, URL: "http://gw.corp"},
    {_K: KEY, HTTPS: A, NO: "corp", URL: "https://gw.corp"},
    {_K: KEY, HTTPS: A, NO: "gw.corp:4000", URL: "http://gw.corp:4000"},
    *({_K: KEY, HTTPS: A, NO: no, URL: "http://127.0.0.1:4000"} for no in ("", "127.0.0.0/8", "127.0.0.1")),
)


def cases() -> Iterator[Case]:
    for variables in _PROXIES:
        yield Case(f"proxy {dict(variables)}", {**KEYED, **TRUSTED, **variables})
    for variables in _BYPASSES:
        yield Case(f"bypass {dict(variables)}", {**KEYED, **TRUSTED, HTTPS: A, **variables})
    for env in ({HTTPS: B}, {HTTPS: ""}, {HTTPS: "proxy.corp"}, {NO: "anthropic.com"}):
        yield Case(f"settings {env}", {**KEYED, **TRUSTED, HTTPS: A}, _settings(**env))
    for variables in ({ALL: A, NO: "api.anthropic.com"}, {ALL: A, NO: "a.corp"}):
        yield Case(f"bypass {dict(variables)}", {**KEYED, **TRUSTED, **variables})
    for address in _ADDRESSES:
        yield Case(f"address {address!r}", {**KEYED, **TRUSTED, URL: address})
    for variables in _ADDRESSES_AND_MORE:
        yield Case(f"address {dict(variables)}", {**TRUSTED, **variables})
    for number, (variables, files) in enumerate(_CREDENTIALS):
        yield Case(f"credential {number}", {**TRUSTED, **variables}, files)
    for variables, files in _TRUSTS:
        yield Case(f"trust {dict(variables)} {dict(files)}", {**KEYED, **variables}, files)
