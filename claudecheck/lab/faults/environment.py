"""Faults of the environment: variables, files and interpreters. The network behind them is fine."""

from __future__ import annotations

from functools import partial

from claudecheck.failures import Stage
from claudecheck.lab.answers import api_error
from claudecheck.lab.faults.fault import Fault, stops, tells
from claudecheck.lab.faults.healthy import EMPTY_HOME, FEDERATION
from claudecheck.lab.parts import Api, Proxy, RootName, Setup

_stops = partial(stops, layer=Stage.ENVIRONMENT)
_tells = partial(tells, layer=Stage.ENVIRONMENT)

_POSIX = ("Linux", "Darwin")

#: Not the lab's key: nobody's, in other formats.
_ADMIN_KEY = "sk-ant-admin01-" + "claudecheck-demo-admin-key-for-no-organization-" * 2 + "-AA"
_OAUTH_TOKEN = "sk-ant-oat01-" + "claudecheck-demo-login-token-for-no-account-" * 2 + "1-AA"
_OTHER_VENDORS_KEY = "sk-proj-" + "claudecheckDemoKeyOfAnotherVendor" * 4

_PROFILE = '{{"authentication": {{"type": "user_oauth"}}, "base_url": "{url}"}}\n'
_SIGNED_IN = '{{"access_token": "{token}", "expires_at": 4102444800}}\n'


def _variables(**variables: str | None) -> Setup:
    return Setup(variables=variables)


_CREDENTIALS: tuple[Fault, ...] = (
    _stops(
        "key-missing",
        summary="no credential is set anywhere",
        setup=_variables(ANTHROPIC_API_KEY=None, **EMPTY_HOME),
    ),
    _stops("key-malformed", summary="the key ends in a newline", setup=_variables(ANTHROPIC_API_KEY="{key}\n")),
    _stops(
        "key-malformed-quotes",
        problem="key-malformed",
        summary="the quotes around the key became a part of it",
        setup=_variables(ANTHROPIC_API_KEY='"{key}"'),
    ),
    _stops(
        "key-malformed-placeholder",
        problem="key-malformed",
        summary="the key is still the example's",
        setup=_variables(ANTHROPIC_API_KEY="sk-ant-api03-your-key-here"),
    ),
    _stops(
        "key-malformed-letter",
        problem="key-malformed",
        summary="a word processor put a curly quote into the key",
        setup=_variables(ANTHROPIC_API_KEY="\u201c{key}"),
    ),
    _stops(
        "key-wrong-kind",
        summary="an admin key stands where the API key belongs",
        setup=_variables(ANTHROPIC_API_KEY=_ADMIN_KEY),
    ),
    _stops(
        "key-wrong-kind-oauth",
        problem="key-wrong-kind",
        summary="a login token stands where the API key belongs",
        setup=_variables(ANTHROPIC_API_KEY=_OAUTH_TOKEN),
    ),
    _stops(
        "key-wrong-kind-vendor",
        problem="key-wrong-kind",
        summary="another vendor's key stands where the API key belongs",
        setup=_variables(ANTHROPIC_API_KEY=_OTHER_VENDORS_KEY),
    ),
    _tells(
        "credential-conflict",
        summary="a key and a token are both set, and clients differ in which one wins",
        setup=Setup(variables={"ANTHROPIC_AUTH_TOKEN": "{token}"}),
    ),
    _stops(
        "profile-invalid",
        summary="a profile is named that does not exist",
        setup=_variables(ANTHROPIC_API_KEY=None, ANTHROPIC_PROFILE="work", ANTHROPIC_CONFIG_DIR="{folder}"),
    ),
    _stops(
        "profile-invalid-permissions",
        problem="profile-invalid",
        summary="the profile's credential file can be read by everyone, so the SDK refuses it",
        setup=Setup(
            variables={"ANTHROPIC_API_KEY": None, "ANTHROPIC_PROFILE": "work", "ANTHROPIC_CONFIG_DIR": "{folder}"},
            files={"configs/work.json": _PROFILE, "credentials/work.json": _SIGNED_IN},
        ),
        systems=_POSIX,
    ),
    _stops(
        "login-failed",
        summary="the identity token is not exchanged: no federation rule accepts it",
        setup=Setup(
            variables=FEDERATION,
            api=Api(tokens=api_error(401, "authentication_error", "Authentication failed")),
        ),
    ),
)

_ENDPOINT: tuple[Fault, ...] = (
    _stops(
        "base-url-invalid",
        summary="the base URL has no https://",
        setup=_variables(ANTHROPIC_BASE_URL="localhost:{port}"),
    ),
    _stops(
        "base-url-invalid-empty",
        problem="base-url-invalid",
        summary="the base URL is set and empty, which is not the same as unset",
        setup=_variables(ANTHROPIC_BASE_URL=""),
    ),
    _stops(
        "base-url-path",
        summary="the base URL ends in /v1, which the SDK adds again",
        setup=_variables(ANTHROPIC_BASE_URL="{url}/v1"),
    ),
    _stops(
        "custom-headers-invalid",
        summary="a custom header's name has a space in it",
        setup=_variables(ANTHROPIC_CUSTOM_HEADERS="X Team: sales"),
    ),
    _tells(
        "provider-route",
        summary="the environment selects Bedrock, and its host is walked instead of the API's",
        setup=_variables(CLAUDE_CODE_USE_BEDROCK="1", ANTHROPIC_BEDROCK_BASE_URL="{url}"),
    ),
)

_PROXY_VARIABLES: tuple[Fault, ...] = (
    _stops(
        "proxy-url-invalid",
        summary="the proxy's port is not a number",
        setup=_variables(HTTPS_PROXY="http://127.0.0.1:port"),
    ),
    _stops(
        "proxy-url-invalid-password",
        problem="proxy-url-invalid",
        summary="the proxy's password has a # that is not escaped",
        setup=_variables(HTTPS_PROXY="http://lab:pass#word@127.0.0.1:3128"),
    ),
    _stops(
        "proxy-scheme-unsupported",
        summary="the proxy's URL begins with socks://, which no client here knows",
        setup=_variables(ALL_PROXY="socks://127.0.0.1:1080"),
    ),
    _stops(
        "no-proxy-invalid",
        summary="NO_PROXY holds an IPv6 network, which crashes the SDK",
        setup=_variables(NO_PROXY="localhost,fe80::/10"),
    ),
    _stops(
        "no-proxy-invalid-brackets",
        problem="no-proxy-invalid",
        summary="NO_PROXY holds [::1] as Docker writes it, which crashes the SDK",
        setup=_variables(NO_PROXY="localhost,127.0.0.1,[::1]"),
    ),
    _tells(
        "proxy-variables-conflict",
        summary="only HTTP_PROXY is set, so this client goes direct where others do not",
        setup=Setup(proxy=Proxy(), variables={"HTTPS_PROXY": None, "HTTP_PROXY": "http://{proxy}"}),
    ),
    _tells(
        "proxy-variables-conflict-case",
        problem="proxy-variables-conflict",
        summary="https_proxy and HTTPS_PROXY name two proxies",
        setup=Setup(proxy=Proxy(), variables={"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://{proxy}"}),
        systems=_POSIX,
    ),
)

#: The store that is in use once the wrong file is out of the way: as with the system's, nothing else is wrong.
_BEHIND: tuple[RootName, ...] = ("lab",)

_TRUST: tuple[Fault, ...] = (
    _stops(
        "ca-file-missing",
        summary="SSL_CERT_FILE names a file that is not there",
        setup=Setup(variables={"SSL_CERT_FILE": "{folder}/gone.pem"}, trust_directory=_BEHIND),
    ),
    _stops(
        "ca-file-invalid",
        summary="SSL_CERT_FILE names a file without a PEM certificate in it",
        setup=Setup(
            variables={"SSL_CERT_FILE": "{folder}/notes.pem"},
            files={"notes.pem": "the certificate is on the file server\n"},
            trust_directory=_BEHIND,
        ),
    ),
    _stops(
        "ca-file-invalid-empty",
        problem="ca-file-invalid",
        summary="SSL_CERT_FILE names an empty file",
        setup=Setup(
            variables={"SSL_CERT_FILE": "{folder}/empty.pem"}, files={"empty.pem": ""}, trust_directory=_BEHIND
        ),
    ),
    _tells(
        "ca-variable-ignored",
        summary="REQUESTS_CA_BUNDLE is set, which the SDK does not read",
        setup=Setup(variables={"REQUESTS_CA_BUNDLE": "{folder}/company.pem"}, other_roots=("company",)),
    ),
    _tells(
        "verification-disabled",
        summary="Node is told not to verify certificates",
        setup=_variables(NODE_TLS_REJECT_UNAUTHORIZED="0"),
    ),
)

_INTERPRETER: tuple[Fault, ...] = (
    _stops(
        "sdk-missing",
        summary="the virtual environment has no SDK in it",
        setup=Setup(interpreter="without-sdk"),
        systems=_POSIX,
    ),
    _stops(
        "sdk-broken",
        summary="the virtual environment has an SDK that cannot be imported",
        setup=Setup(interpreter="broken-sdk"),
        systems=_POSIX,
    ),
)

FAULTS: tuple[Fault, ...] = (*_CREDENTIALS, *_ENDPOINT, *_PROXY_VARIABLES, *_TRUST, *_INTERPRETER)
