"""Faults between the client and the end of its tunnel. Without the proxy, the API's name does not resolve."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from claudecheck.failures import Stage
from claudecheck.lab.answers import (
    PROXY_CANNOT_CONNECT,
    PROXY_CANNOT_FORWARD,
    PROXY_DENIED,
    PROXY_NTLM,
    PROXY_TIMED_OUT,
    nginx,
)
from claudecheck.lab.faults.fault import Fault, stops
from claudecheck.lab.faults.healthy import BEHIND_PROXY
from claudecheck.lab.parts import API_NAME, PROXY_NAME, Proxy, Setup

_stops = partial(stops, layer=Stage.PROXY)


def _behind(proxy: Proxy, **variables: str | None) -> Setup:
    return Setup(host=API_NAME, names=BEHIND_PROXY, proxy=proxy, variables=variables)


_REACHING: tuple[Fault, ...] = (
    _stops(
        "proxy-name-not-found",
        summary="the proxy's name does not exist",
        setup=_behind(Proxy(), HTTPS_PROXY=f"http://{PROXY_NAME}:3128"),
    ),
    _stops("proxy-refused", summary="nothing listens at the proxy's port", setup=_behind(Proxy(state="refuses"))),
    _stops(
        "proxy-timeout",
        summary="the proxy takes the connection and never answers",
        setup=_behind(Proxy(manner="silence")),
    ),
    _stops(
        "proxy-timeout-connect",
        problem="proxy-timeout",
        summary="what is sent to the proxy's port vanishes",
        setup=_behind(Proxy(state="drops")),
        systems=("Linux",),
    ),
    _stops(
        "proxy-unreachable",
        summary="no route leads to the proxy's address",
        # A group's address: Linux answers a TCP connection to one by itself and sends nothing.
        setup=_behind(Proxy(), HTTPS_PROXY="http://224.0.0.1:3128"),
        systems=("Linux",),
    ),
    _stops(
        "proxy-tls-failed",
        summary="the proxy's URL says https://, and the proxy speaks plain HTTP",
        setup=_behind(Proxy(scheme="https", tls=False)),
    ),
    _stops(
        "proxy-tls-failed-certificate",
        problem="proxy-tls-failed",
        summary="the proxy is reached over TLS, with a certificate that is not trusted",
        setup=_behind(Proxy(scheme="https", certificate="self-signed")),
    ),
    _stops(
        "proxy-not-a-proxy", summary="the proxy's port closes every connection", setup=_behind(Proxy(manner="close"))
    ),
    _stops(
        "proxy-not-a-proxy-ssh",
        problem="proxy-not-a-proxy",
        summary="an SSH server listens at the proxy's port",
        setup=_behind(Proxy(manner="ssh")),
    ),
    _stops(
        "proxy-not-a-proxy-web",
        problem="proxy-not-a-proxy",
        summary="a web server listens at the proxy's port",
        setup=_behind(Proxy(answer=nginx(405, "Not Allowed"))),
    ),
)

_ANSWERS: tuple[Fault, ...] = (
    _stops(
        "proxy-auth-required",
        summary="the proxy wants a name and a password, and its URL has none",
        setup=_behind(Proxy(userinfo="lab:pass-word"), HTTPS_PROXY="http://{proxy}"),
    ),
    _stops(
        "proxy-auth-required-wrong",
        problem="proxy-auth-required",
        summary="the proxy does not accept the password in its URL",
        setup=_behind(Proxy(userinfo="lab:pass-word"), HTTPS_PROXY="http://lab:last-years-password@{proxy}"),
    ),
    _stops(
        "proxy-auth-unsupported",
        summary="the proxy accepts NTLM and Kerberos only",
        setup=_behind(Proxy(answer=PROXY_NTLM)),
    ),
    _stops(
        "proxy-denied",
        summary="the proxy's policy forbids this host",
        setup=_behind(Proxy(refusal=PROXY_DENIED)),
    ),
    _stops(
        "proxy-not-a-proxy-page",
        problem="proxy-not-a-proxy",
        summary="the proxy variable points at a web server that answers CONNECT with 200 and its page",
        setup=_behind(Proxy(answer=nginx(200, "Welcome to nginx!"))),
    ),
    _stops(
        "proxy-login-unwanted",
        summary="a user name and a password are set for a SOCKS proxy that takes none",
        setup=_behind(Proxy(scheme="socks5"), HTTPS_PROXY="socks5h://lab:pass-word@{proxy}"),
    ),
    _stops(
        "proxy-denied-socks",
        problem="proxy-denied",
        summary="the SOCKS proxy's rules forbid this host",
        setup=_behind(Proxy(scheme="socks5", socks_refusal=2)),
    ),
    _stops(
        "proxy-upstream-failed",
        summary="the proxy cannot reach the API: 503",
        setup=_behind(Proxy(refusal=PROXY_CANNOT_CONNECT)),
    ),
    _stops(
        "proxy-upstream-failed-502",
        problem="proxy-upstream-failed",
        summary="the proxy's own proxy gives no valid answer: 502",
        setup=_behind(Proxy(refusal=PROXY_CANNOT_FORWARD)),
    ),
    _stops(
        "proxy-upstream-failed-504",
        problem="proxy-upstream-failed",
        summary="the proxy waited for the API in vain: 504",
        setup=_behind(Proxy(refusal=PROXY_TIMED_OUT)),
    ),
    _stops(
        "proxy-upstream-failed-socks",
        problem="proxy-upstream-failed",
        summary="the SOCKS proxy cannot reach the API",
        setup=_behind(Proxy(scheme="socks5", socks_refusal=4)),
    ),
)

_NEED: tuple[Fault, ...] = (
    _stops(
        "proxy-unneeded",
        summary="the proxy is down, and the direct way works",
        setup=Setup(proxy=Proxy(state="refuses")),
        by_variation=True,
    ),
    _stops(
        "proxy-required",
        summary="NO_PROXY takes the API off a proxy that works, and there is no direct way",
        setup=replace(_behind(Proxy()), variables={"NO_PROXY": ".claudecheck.test"}),
        by_variation=True,
    ),
)

FAULTS: tuple[Fault, ...] = (*_REACHING, *_ANSWERS, *_NEED)
