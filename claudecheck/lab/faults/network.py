"""Faults of names and of the transport. What a name's fault ends in never leads to a connection."""

from __future__ import annotations

from functools import partial

from claudecheck.failures import Stage
from claudecheck.lab.faults.fault import Fault, stops, tells
from claudecheck.lab.parts import API_NAME, Names, Setup

_dns = partial(stops, layer=Stage.DNS)
_tcp = partial(stops, layer=Stage.TCP)


def _names(names: Names) -> Setup:
    return Setup(host=API_NAME, names=names)


_NAMES: tuple[Fault, ...] = (
    _dns("dns-name-not-found", summary="the name does not exist", setup=_names(Names(answer="name-not-found"))),
    _dns("dns-no-address", summary="the name exists and has no address", setup=_names(Names(answer="no-address"))),
    _dns("dns-server-failure", summary="the resolver fails on this name", setup=_names(Names(answer="server-failure"))),
    _dns("dns-refused", summary="the resolver refuses to answer this machine", setup=_names(Names(answer="refused"))),
    _dns("dns-timeout", summary="the resolver never answers", setup=_names(Names(answer="silence"))),
    _dns(
        "dns-timeout-closed",
        problem="dns-timeout",
        summary="nothing listens where the resolver should be",
        setup=_names(Names(listens=False)),
    ),
    _dns(
        "dns-tcp-blocked",
        summary="the answer needs TCP, and TCP to the resolver is refused",
        setup=_names(Names(answer="truncated")),
    ),
    _dns("dns-sinkholed", summary="the resolver answers with 0.0.0.0", setup=_names(Names(answer="sinkhole"))),
    _dns(
        "dns-sinkholed-block-page",
        problem="dns-sinkholed",
        summary="the resolver answers with the address of a block page",
        setup=_names(Names(answer="block-page")),
    ),
    tells(
        "dns-slow",
        Stage.DNS,
        "the resolver takes more than a second for every answer",
        Setup(names=Names(delay_s=1.3)),
    ),
)

_TRANSPORT: tuple[Fault, ...] = (
    _tcp(
        "tcp-refused",
        summary="nothing listens at the API's port",
        setup=Setup(listens={"127.0.0.1": "refuses", "::1": "refuses"}),
    ),
    _tcp(
        "tcp-timeout",
        summary="what is sent to the API's port vanishes",
        setup=Setup(listens={"127.0.0.1": "drops", "::1": "drops"}),
        systems=("Linux",),
    ),
    _tcp(
        "tcp-unreachable",
        summary="no route leads to the API's address",
        # A group's address: Linux answers a TCP connection to one by itself and sends nothing.
        setup=Setup(variables={"ANTHROPIC_BASE_URL": "https://224.0.0.1:{port}"}),
        systems=("Linux",),
    ),
    tells(
        "ipv6-broken",
        Stage.TCP,
        "IPv6 is advertised and what is sent there vanishes; IPv4 works",
        Setup(listens={"127.0.0.1": "open", "::1": "drops"}, names=Names()),
        systems=("Linux",),
        needs="ipv6",
    ),
    tells(
        "ipv4-broken",
        Stage.TCP,
        "what is sent over IPv4 vanishes; IPv6 works",
        Setup(listens={"127.0.0.1": "drops", "::1": "open"}, names=Names()),
        systems=("Linux",),
        needs="localhost-ipv6",
    ),
    tells(
        "address-dead",
        Stage.TCP,
        "the name has two IPv4 addresses, and one of them does not answer",
        Setup(
            listens={"127.0.0.1": "open", "127.0.0.2": "drops"},
            names=Names(addresses=("127.0.0.1", "127.0.0.2")),
        ),
        systems=("Linux",),
    ),
)

FAULTS: tuple[Fault, ...] = (*_NAMES, *_TRANSPORT)
