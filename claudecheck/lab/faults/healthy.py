"""Labs in which nothing is wrong, though some are odd: each must come out healthy."""

from __future__ import annotations

import site

from claudecheck.failures import Stage
from claudecheck.lab.faults.fault import Fault, Need
from claudecheck.lab.parts import API_NAME, Api, Names, Proxy, Setup
from claudecheck.report import ExitCode

#: For a route through a proxy: a name that only the proxy can resolve, as in many companies.
BEHIND_PROXY = Names(answer="name-not-found")
#: What a machine needs to sign in without a key (workload identity federation).
FEDERATION: dict[str, str | None] = {
    "ANTHROPIC_API_KEY": None,
    "ANTHROPIC_FEDERATION_RULE_ID": "fdrl_01LabLabLabLabLabLabLab",
    "ANTHROPIC_ORGANIZATION_ID": "5c0ffee5-1ab0-4000-8000-00000000c1ad",
    "ANTHROPIC_IDENTITY_TOKEN": "lab.identity.token",
}
#: A home without any profile of the user's own, and the packages that belong to the real one.
EMPTY_HOME: dict[str, str | None] = {
    "HOME": "{folder}",
    "USERPROFILE": "{folder}",
    "APPDATA": "{folder}",
    "PYTHONUSERBASE": site.getuserbase().replace("{", "{{").replace("}", "}}"),
}


def _healthy(name: str, layer: Stage, summary: str, setup: Setup, *, needs: Need = "") -> Fault:
    return Fault(name, layer, None, ExitCode.HEALTHY, summary, setup, needs=needs)


FAULTS: tuple[Fault, ...] = (
    _healthy("healthy", Stage.MESSAGES, "nothing is wrong", Setup()),
    _healthy(
        "healthy-slow",
        Stage.MESSAGES,
        "every answer takes a second and a half",
        Setup(api=Api(delay_s=1.5)),
    ),
    _healthy(
        "healthy-plain-http",
        Stage.MESSAGES,
        "a gateway on this machine, over plain http://",
        Setup(scheme="http", api=Api(gateway=True)),
    ),
    _healthy(
        "healthy-gateway",
        Stage.MESSAGES,
        "a gateway below a path, with a token of its own and no request-id",
        Setup(
            api=Api(gateway=True, base_path="/anthropic"),
            variables={"ANTHROPIC_API_KEY": None, "ANTHROPIC_AUTH_TOKEN": "{token}"},
        ),
    ),
    _healthy(
        "healthy-federation",
        Stage.MESSAGES,
        "no key: an identity token is exchanged for one that lasts an hour",
        Setup(variables=FEDERATION),
    ),
    _healthy(
        "healthy-no-text",
        Stage.MESSAGES,
        "the one token that was allowed went to thinking: an answer without text",
        Setup(api=Api(text="")),
    ),
    _healthy(
        "healthy-next-model",
        Stage.MESSAGES,
        "the cheapest model is refused to this key, and the next one is not",
        Setup(api=Api(unavailable=("claude-haiku-5-5",))),
    ),
    _healthy(
        "healthy-ipv6",
        Stage.TCP,
        "only IPv6 leads to the API",
        Setup(host="::1", listens={"::1": "open"}),
        needs="ipv6",
    ),
    _healthy(
        "healthy-ipv6-refused",
        Stage.TCP,
        "IPv6 is refused at once, and IPv4 works",
        Setup(listens={"127.0.0.1": "open", "::1": "refuses"}, names=Names()),
        needs="ipv6",
    ),
    _healthy(
        "healthy-ipv6-unanswered",
        Stage.DNS,
        "the resolver fails on IPv6 questions only",
        Setup(names=Names(answer="no-ipv6-answer")),
    ),
    _healthy(
        "healthy-proxy",
        Stage.PROXY,
        "through a proxy, which alone can resolve the API's name",
        Setup(host=API_NAME, names=BEHIND_PROXY, proxy=Proxy()),
    ),
    _healthy(
        "healthy-proxy-auth",
        Stage.PROXY,
        "through a proxy that asks for a name and a password",
        Setup(host=API_NAME, names=BEHIND_PROXY, proxy=Proxy(userinfo="lab:pass-word")),
    ),
    _healthy(
        "healthy-proxy-tls",
        Stage.PROXY,
        "through a proxy that is itself reached over TLS",
        Setup(host=API_NAME, names=BEHIND_PROXY, proxy=Proxy(scheme="https")),
    ),
    _healthy(
        "healthy-socks",
        Stage.PROXY,
        "through a SOCKS5 proxy",
        Setup(host=API_NAME, names=BEHIND_PROXY, proxy=Proxy(scheme="socks5")),
    ),
    _healthy(
        "healthy-no-proxy",
        Stage.PROXY,
        "a proxy that is down, and NO_PROXY takes the API off it",
        Setup(proxy=Proxy(state="refuses"), variables={"NO_PROXY": "localhost,127.0.0.1"}),
    ),
)
