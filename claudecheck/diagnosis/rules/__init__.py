"""The rules: evidence → findings. One file per layer; each rule is a function of the evidence alone.

Rules of this folder
- A rule states a cause only for which it has seen evidence; what two causes fit is said as both.
- The first error that a layer's rules yield is that layer's cause. Warnings may follow.
- No rule opens a socket, reads a clock or knows a renderer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.rules import again, clients, environment, hosts, http, message, names, proxy, transport
from claudecheck.diagnosis.rules import tls as tls_rules
from claudecheck.report import Finding

Rule = Callable[[Evidence], Iterable[Finding]]

#: In the order of the route. `verdict` asks all of them and sorts what they say.
RULES: tuple[Rule, ...] = (
    environment.find,
    names.find,
    transport.find,
    proxy.find,
    tls_rules.find,
    http.find,
    message.find,
    again.find,
    hosts.find,
    clients.find,
)
