"""The journal, asked the questions that rules ask. Pure: nothing here is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, partial

from claudecheck.clients import registry
from claudecheck.diagnosis import addresses, circumstances, cures, questions
from claudecheck.diagnosis.change import Change
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.remedy import Remedy
from claudecheck.diagnosis.questions import Question
from claudecheck.diagnosis.variations import Outcome, outcomes
from claudecheck.failures import Failure, Stage
from claudecheck.observations import (
    Clock,
    Concern,
    Crash,
    End,
    HttpExchange,
    Interpreter,
    Journal,
    LocalNetwork,
    NameLookup,
    ProxyDetection,
    ResolverConfig,
    RouteChosen,
    RouteView,
    Run,
    Skipped,
    Surroundings,
    TcpConnect,
    TlsHandshake,
    Tunnel,
)
from claudecheck.report import Confidence, Finding, Layer, Owner, Severity, Trial


class Evidence:
    """One run's facts by name. Everything is on the client's own route unless it says otherwise."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.run = journal.first(Run) or Run(version="", started_at="")
        self.end = journal.first(End)
        self.interpreter = journal.first(Interpreter)
        self.network = journal.first(LocalNetwork)
        self.detection = journal.first(ProxyDetection)
        chosen = journal.first(RouteChosen)
        self.has_route = chosen is not None
        self.route = chosen.route if chosen else RouteView(client=self.run.client)
        self.concerns = journal.all(Concern)
        self.crashes = journal.all(Crash)  # on the route; one in a variation is that variation's failure
        self.proposals: list[cures.Proposal] = []  # of the findings that were made so far
        self.skipped = {skip.stage: skip.because for skip in journal.all(Skipped) if not skip.host}

    # -- the surroundings

    @property
    def proxied(self) -> bool:
        return bool(self.route.proxy)

    @property
    def meets_this_machine(self) -> bool:
        """The endpoint is on this machine, on purpose: the lab's own."""
        return self.run.demo

    @property
    def official(self) -> bool:
        return self.route.official

    @cached_property
    def machine(self) -> Machine:
        return circumstances.machine(self.journal, self.route, self.outcomes)

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        return outcomes(self.journal)

    def tried(self, question: Question) -> Outcome | None:
        """What became of this question: of the first target for which its walk ended."""
        return next(iter(self.tried_all(question)), None)

    def tried_all(self, question: Question) -> list[Outcome]:
        """The same of all its targets."""
        return [one for variation, one in self.outcomes.items() if question.covers(variation) and one.finished]

    def works_again(self, question: Question) -> bool:
        """What failed worked when the same was tried again: `rules/again.py` tells it, and no other rule."""
        again = self.tried(question)
        return again is not None and again.reached

    # -- names

    def lookups(self, purpose: str = "api") -> list[NameLookup]:
        return [seen for seen in self.journal.all(NameLookup) if seen.purpose == purpose]

    def lookup(self, purpose: str = "api", family: str = "any") -> NameLookup | None:
        """The client's own call; with a route that is held to one family, the question for that."""
        calls = [seen for seen in self.lookups(purpose) if not seen.transport]
        return next((seen for seen in calls if seen.family == family), calls[0] if calls else None)

    def direct_answers(self, purpose: str = "api") -> list[NameLookup]:
        """What nameservers said when they were asked one by one, on the route or in a variation."""
        return [
            seen
            for seen in self.journal.all(NameLookup, variation=None)
            if seen.purpose == purpose and seen.transport and seen.failure is not Failure.CANCELLED
        ]

    @cached_property
    def resolver(self) -> ResolverConfig | None:
        return self.journal.first(ResolverConfig)

    # -- the transport

    def connects(self, purpose: str = "api") -> list[TcpConnect]:
        """One an address: where one was tried again, the last."""
        last = {(seen.address, seen.order): seen for seen in self.journal.all(TcpConnect) if seen.purpose == purpose}
        return sorted(last.values(), key=lambda seen: seen.order)

    def handshake(self, purpose: str = "api") -> TlsHandshake | None:
        """The last one: of several attempts the one that the later stages stand on."""
        seen = [s for s in self.journal.all(TlsHandshake) if s.purpose == purpose]
        return seen[-1] if seen else None

    @cached_property
    def tunnel(self) -> Tunnel | None:
        seen = [s for s in self.journal.all(Tunnel) if s.purpose == "api"]
        return seen[-1] if seen else None

    @cached_property
    def page_for_a_tunnel(self) -> str | None:
        """What a web server sent that had been asked for a tunnel, and had said 200."""
        shaken = self.handshake()
        if self.tunnel is None or not self.tunnel.ok or shaken is None or shaken.failure is not Failure.NOT_TLS:
            return None
        return shaken.first_bytes[:120] if "content-type" in self.tunnel.headers else None

    # -- HTTP

    def exchanges(self, step: str) -> list[HttpExchange]:
        return [seen for seen in self.journal.all(HttpExchange) if seen.step == step]

    @cached_property
    def models(self) -> HttpExchange | None:
        """The last one. Where the first was cut and the same request then got through, that is the route's answer."""
        again = self.tried(questions.AGAIN)
        seen = [*self.exchanges("models"), *(self._answers(again) if again is not None and again.reached else [])]
        return seen[-1] if seen else None

    def _answers(self, outcome: Outcome) -> list[HttpExchange]:
        return [seen for seen in outcome.observations if isinstance(seen, HttpExchange)]

    @cached_property
    def message(self) -> HttpExchange | None:
        seen = self.exchanges("message")
        return seen[-1] if seen else None

    @cached_property
    def trial(self) -> HttpExchange | None:
        """The client itself, run where the walk of its route had failed."""
        return self.journal.first(HttpExchange, variation=questions.TRIAL.id)

    @cached_property
    def clock_offset_s(self) -> float | None:
        """Local minus remote, from the clock with the smallest claim of error; None when none was read."""
        offsets = [clock.offset_s for clock in self.journal.all(Clock, variation=None)]
        return min(offsets, key=abs) if offsets else None

    @property
    def lists_otherwise(self) -> bool:
        """A gateway gave its models in another form, and nothing else was asked of it."""
        seen = self.models
        if seen is None or self.official or self.run.message:
            return False
        return seen.shape == "other-model-list" and 200 <= seen.status < 300

    # -- findings

    @cached_property
    def values(self) -> dict[str, str]:
        """The holes that every text may use."""
        route = self.route
        interpreter = self.interpreter
        values = {
            "host": route.host,
            "port": str(route.port),
            "url": route.url,
            "base_url_source": route.base_url_source if route.base_url_source != "default" else "",
            "client": registry.in_words(route.client),
            "sdk": f"{registry.in_words(route.client)} {route.client_version}".strip(),
            "python": interpreter.path if interpreter else "python3",
            "key_variable": route.credential_variable,
            "cafile": route.cafile,
            "proxy": route.proxy,
            "proxy_host": route.proxy_host,
            "proxy_port": str(route.proxy_port) if route.proxy else "",
            "proxy_variable": route.proxy_variable,
            "proxy_scheme": route.proxy_scheme,
            "no_proxy_variable": "no_proxy" if self.machine.places("no_proxy") else "NO_PROXY",
            "base_url_variable": route.base_url_variable,
            "working_resolver": circumstances.working_resolver(self.journal),
            "true_address": circumstances.true_address(self.journal),
            "namespace": around.namespace if (around := self.journal.first(Surroundings)) else "",
            "resolver": ", ".join(self.resolver.nameservers) if self.resolver else "",
        }
        return {name: value for name, value in values.items() if value}

    def finding(
        self,
        code: str,
        *,
        values: Mapping[str, str] | None = None,
        seen: Iterable[str] = (),
        ruled_out: Iterable[str] = (),
        confidence: Confidence = "high",
        severity: Severity | None = None,
        layer: Layer | None = None,
        owner: Owner | None = None,
        facts: Iterable[Fact] = (),
    ) -> Finding:
        """A problem of the catalogue as found in this run; `facts` are those that only the rule can tell."""
        machine = self.machine.with_facts(facts)
        filled = {**self.values, **(values or {})}
        return CATALOGUE[code].finding(
            filled,
            machine=machine,
            seen=[text for text in seen if text],
            ruled_out=[text for text in ruled_out if text],
            confidence=confidence,
            severity=severity,
            layer=layer,
            owner=owner,
            tried=partial(self._tried, code, layer or CATALOGUE[code].layer),
        )

    def _tried(self, code: str, layer: Layer, remedy: Remedy, change: Change | None) -> Trial | None:
        """What became of a fix in this run. A change that is known as a whole is proposed, so that a run may try it."""
        proved = cures.by_question(self.journal, self.outcomes, remedy.proved_by, layer) if remedy.proved_by else None
        if change is None or remedy.kind != "mend":
            return proved
        self.proposals.append(cures.Proposal(code, layer, change))
        return cures.trial(self.journal, change, code, layer) or proved

    def cleared(self, before: Stage) -> list[str]:
        """What is not at fault, because it was seen working: for `ruled_out`."""
        told: list[str] = []
        lookup = self.lookup()
        if before is not Stage.DNS and lookup is not None and lookup.ok and not self.proxied:
            told.append(f"DNS ({', '.join(lookup.addresses[:2])})")
        if before not in (Stage.DNS, Stage.TCP) and not self.proxied:
            good = next((connect for connect in self.connects() if connect.ok), None)
            if good is not None:
                told.append(f"TCP ({good.address} port {good.port} answers)")
        if (
            self.proxied
            and before not in (Stage.DNS, Stage.TCP, Stage.PROXY)
            and self.tunnel is not None
            and self.tunnel.ok
        ):
            told.append(f"the proxy ({self.route.proxy} opened the tunnel)")
        handshake = self.handshake()
        if before in (Stage.MODELS, Stage.MESSAGES) and handshake is not None and handshake.ok:
            told.append(f"TLS ({handshake.version}, certificate verified)")
        if before is Stage.TLS and (offset := self.clock_offset_s) is not None and abs(offset) < 120:
            told.append(f"the clock ({abs(offset):.0f} s off)")
        if before in (Stage.DNS, Stage.TCP, Stage.TLS, Stage.PROXY) and self.route.credential != "none":
            told.append("the key (never sent)")
        return told


def family_name(address: str) -> str:
    return "IPv6" if addresses.is_ipv6(address) else "IPv4"
