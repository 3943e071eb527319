"""The ladder: the stages of one route in the order in which packets need them. Facts, no judgement.

Each stage hands what it opened to the next one: addresses, then a connected socket or a tunnel, then
a verified TLS stream. The first stage that stops the client ends the climb; what comes after it is
recorded as skipped, with its reason.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from claudecheck.clients.providers import GATEWAY
from claudecheck.diagnosis import addresses, origin, questions
from claudecheck.diagnosis.questions import Facts, Question
from claudecheck.diagnosis.rows import DIRECT, PROXIED
from claudecheck.diagnosis.variations import outcomes
from claudecheck.failures import Failure, LeftOut, Stage
from claudecheck.observations import (
    HttpExchange,
    NameLookup,
    Observation,
    ResolverConfig,
    Skipped,
    TcpConnect,
    TlsHandshake,
)
from claudecheck.probes import connect, message, models, side_by_side
from claudecheck.probes.api.kept import KeptConnection
from claudecheck.probes.names import resolve
from claudecheck.probes.names.resolve import Address
from claudecheck.probes.proxy import tunnel
from claudecheck.probes.senders.python_sdk import LOADING_S
from claudecheck.probes.senders.sender import Sender
from claudecheck.probes.tls import chain, handshake
from claudecheck.probes.tls.stream import Stream
from claudecheck.probes.walk import Walk
from claudecheck.route import Credential, Plan
from claudecheck.run.direct import DirectSide
from claudecheck.run.early import Early
from claudecheck.run.options import Options
from claudecheck.run.vary import Walker

#: Seconds of silence after which a stage is looked at more closely, beside the wait. A name takes longer than a cached
#: answer; a SYN that got lost is sent again after one second; a handshake takes round trips that were measured.
NAME_PATIENCE_S, SYN_PATIENCE_S, LEAST_PATIENCE_S = 1.0, 1.3, 0.7
#: A handshake and a tunnel take two or three round trips, and what answers may be busy.
PATIENT_ROUND_TRIPS = 6
#: How often it is looked whether somebody else knows the name by now.
_POLL_S = 0.05
#: A body of which nothing arrives for so long is kept by something.
_STUCK_S = 1.0
#: What remains of a run must leave this much for variations to be worth starting.
LEAST_FOR_VARIATIONS_S = 0.5

T = TypeVar("T")
Announce = Callable[[Stage, str], None]


class Ladder:
    """`sender` is what sends: the client itself where it is here and can be asked, else a plain client on its route.

    `stores` are the trust stores of this machine that a chain which failed is judged against. `early` is what has
    begun already.
    """

    def __init__(
        self,
        walk: Walk,
        plan: Plan,
        options: Options,
        sender: Sender,
        stores: Sequence[chain.Store],
        announce: Announce,
        early: Early | None = None,
    ) -> None:
        self.walk = walk
        self.stores = stores
        self.options = options
        self.sender = sender
        self.announce = announce
        self.route = walk.route
        self.stopped = any(concern.stops_client for concern in plan.concerns)
        self._early = early
        self._direct: DirectSide | None = None
        self._config: ResolverConfig | None = None
        self._others: side_by_side.Started[object] | None = None
        self._late: side_by_side.Started[list[Address]] | None = None
        self._beside: side_by_side.Started[object] | None = None
        self._asked: set[str] = set()
        self._asking = threading.Lock()

    def climb(self) -> None:
        """Walk the route; where it fails, vary it."""
        if self._left_out(Stage.PROXY if self.route.proxy is not None else Stage.DNS):
            return None
        stream = self._through_proxy() if self.route.proxy is not None else self._directly()
        if stream is None:
            return self._wait_for_others()
        try:
            self._at_the_host(stream)
        finally:
            stream.close()
        return None

    def _left_out(self, stage: Stage) -> bool:
        """Whether the walk shall end before this stage; then it and what comes after it are recorded as left out."""
        order = PROXIED if self.route.proxy is not None else DIRECT
        last, before = self.options.last, self.options.before
        left = (last is not None and order.index(stage) > order.index(last)) or (
            before is not None and order.index(stage) >= order.index(before)
        )
        for later in order[order.index(stage) :] if left else ():
            if later is not Stage.PROXY or self.route.proxy is not None:
                self.walk.writer.write(Skipped(stage=later, because=LeftOut.OPTION))
        return left

    def _at_the_host(self, stream: Stream) -> None:
        """What is asked of the API, over the connection that is open by now."""
        if self.route.endpoint.scheme == "https" or self.route.proxy is None:
            self.walk = replace(self.walk, kept=KeptConnection(stream, self.route.endpoint))
        if self.route.provider not in ("", GATEWAY):
            for stage in (Stage.MODELS, Stage.MESSAGES):
                self.walk.writer.write(Skipped(stage=stage, because=LeftOut.PROVIDER))
            return self._wait_for_others()
        if not self._left_out(Stage.MODELS):
            self._ask_the_api()
        return self._wait_for_others()

    # -- to the host

    def _directly(self) -> Stream | None:
        found = self._names()
        if not found:
            self._fail(Stage.DNS)
            return None
        if self._left_out(Stage.TCP):
            return None
        stream = self._connect(found)
        if stream is None:
            self._fail(Stage.TCP)
            return None
        if self._left_out(Stage.TLS):
            stream.close()
            return None
        if self.route.endpoint.scheme == "http":
            self._stay_with(_peer(self.walk))
            return stream
        return self._tls(stream)

    def _through_proxy(self) -> Stream | None:
        self._direct = DirectSide(self.walk)
        self.announce(Stage.PROXY, self.route.proxy.shown if self.route.proxy else "")
        endpoint = self.route.endpoint
        opening = partial(tunnel.open_tunnel, self.walk, endpoint.host, endpoint.port, limit_s=self.options.step_s)
        stream = self._hedged(opening, self._facts(Stage.PROXY), 3 * self.options.step_s)
        if stream is None:
            self._fail(Stage.PROXY)
            return None
        if self._left_out(Stage.TLS):
            stream.close()
            return None
        if endpoint.scheme == "http":
            return stream
        return self._tls(stream)

    def _names(self) -> list[Address]:
        host, port = self.route.endpoint.host, self.route.endpoint.port
        self.announce(Stage.DNS, host)
        if (address := resolve.literal(host)) is not None:
            return [address]
        started = self.walk.start()
        found = self._look_up(host, port)
        if found and all(addresses.is_private(address.text) for address in found):
            self.route = replace(self.route, plain_inside=True)
        took = max(self.walk.start() - started, self._lookup_took())
        self._read_config(host)
        texts = [address.text for address in found]
        if self._beside is not None or questions.names_need_a_look(self.route, texts, took):
            self.announce(Stage.DNS, "each nameserver")
            if self._beside is None:
                self._look_closer(host, beside=False)
            elif not found:
                self._beside.wait(self.walk.deadline.share(2 * self.options.step_s))
            if self._late is None:
                self._ask(self._facts(Stage.DNS))
        return found

    def _lookup_took(self) -> float:
        """Milliseconds. What was begun early has had its end, in part or whole, before it was waited for."""
        seen = self.walk.writer.journal().all(NameLookup)
        return max((one.duration_ms for one in seen if one.purpose == "api" and not one.transport), default=0.0)

    def _read_config(self, host: str) -> ResolverConfig:
        with self._asking:
            if self._config is None:
                self._config = resolve.read_config(self.walk, host)
            return self._config

    def _look_closer(self, host: str, *, beside: bool) -> object:
        """The lookup failed, is slow or is odd: each nameserver by itself, and what else its silence calls for.

        `beside` the client's own lookup nothing is asked that could mend it: a nameserver that gets its answer
        over TCP has it for the client's next question too.
        """
        self._ask_nameservers(self._read_config(host))
        self._ask(self._facts(Stage.DNS), without=questions.NAMESERVER_TCP.id if beside else "")
        return None

    def _ask_nameservers(self, config: ResolverConfig) -> None:
        if self.route.resolver == "system" and config.nameservers:
            from claudecheck.probes.names import nameservers

            nameservers.ask_all(self.walk, self.route.endpoint.host, config.nameservers)

    def _look_up(self, host: str, port: int) -> list[Address]:
        """The client's own call. One dead or deaf nameserver holds it up for 5 to 15 s, and then it comes back with
        success: the climb goes on as soon as anybody else on this machine's list knows the addresses.
        """
        if self._early is not None:
            asked, waited_s = self._early.lookup, self._early.waited_s
        else:
            asked, waited_s = side_by_side.Started([lambda: resolve.lookup(self.walk, host, port)]), 0.0
        for _, found in asked.finished(max(0.0, NAME_PATIENCE_S - waited_s)):
            return found
        self._beside = side_by_side.Started([partial(self._look_closer, host, beside=True)])
        while self.walk.deadline.remaining() > 0:
            for _, found in asked.finished(_POLL_S):
                return found
            if early := self._answered_apart():
                self._late = asked
                return early
        return []

    def _answered_apart(self) -> list[Address]:
        """By one family of the system's lookup, or by a nameserver that this machine is told to ask."""
        seen = [one for one in self.walk.writer.journal().all(NameLookup) if one.purpose == "api" and one.configured]
        texts = [text for lookup in seen if lookup.ok and lookup.family != "any" for text in lookup.addresses]
        known = [address for text in dict.fromkeys(texts) if (address := resolve.literal(text)) is not None]
        wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(self.route.family)
        return [address for address in known if wanted in (None, address.family)]

    def _connect(self, found: list[Address]) -> Stream | None:
        """Every address side by side. The climb goes on with the first that answers; those that are
        still silent are waited for at the end, so that a dead one costs its verdict, not the run's time.
        """
        port = self.route.endpoint.port
        self.announce(Stage.TCP, f"{found[0].text} port {port}")
        started = self._early.connects(found) if self._early is not None else None
        if started is None:
            name, limit_s = self.route.endpoint.host, self.options.step_s
            started = connect.start_all(self.walk, found, port, name=name, limit_s=limit_s)
        for limit_s in (SYN_PATIENCE_S, self.options.step_s + 1.0):
            for _, (_, sock) in started.finished(limit_s):
                if sock is not None:
                    self._others = connect.close_all(started, self.options.step_s)
                    return sock
            if started.running and limit_s == SYN_PATIENCE_S:
                self._beside = side_by_side.Started([partial(self._ask, self._facts(Stage.TCP))])
        if self._works_again(questions.CONNECTED_AGAIN, self._facts(Stage.TCP)):
            return self._reconnected(found)
        return None

    def _reconnected(self, found: list[Address]) -> Stream | None:
        port, name, limit_s = self.route.endpoint.port, self.route.endpoint.host, self.options.step_s
        return connect.connect_all(self.walk, found, port, name=name, limit_s=limit_s)[1]

    def _tls(self, stream: Stream) -> Stream | None:
        endpoint = self.route.endpoint
        self.announce(Stage.TLS, self.route.sni or endpoint.host)
        shake = partial(
            handshake.shake,
            self.walk,
            address=_peer(self.walk),
            port=endpoint.port,
            server_name=self.route.sni,
            tunnelled=self.route.proxy is not None,
            limit_s=self.options.step_s,
            stores=self.stores,
        )
        silent = TlsHandshake(address=_peer(self.walk), port=endpoint.port, failure=Failure.TIMED_OUT)
        facts = self._facts(Stage.TLS, silent)
        shaken = self._hedged(partial(shake, stream=stream), facts, 3 * self.options.step_s)
        seen, secured = shaken if shaken is not None else (silent, None)
        if not seen.ok and self._works_again(questions.SHAKEN_AGAIN, self._facts(Stage.TLS, seen)):
            again = self._opened_again()
            seen, secured = shake(stream=again) if again is not None else (seen, None)
        if not seen.ok or secured is None:
            self._fail(Stage.TLS, seen)
            return None
        self._ask(self._facts(Stage.TLS, seen))
        self._stay_with(seen.address)
        return secured

    def _opened_again(self) -> Stream | None:
        endpoint, limit_s = self.route.endpoint, self.options.step_s
        if self.route.proxy is not None:
            return tunnel.open_tunnel(self.walk, endpoint.host, endpoint.port, limit_s=limit_s)
        address = _peer(self.walk)
        return connect.connect(self.walk, address, endpoint.port, name=endpoint.host, limit_s=limit_s)[1]

    def _works_again(self, question: Question, facts: Facts) -> bool:
        """The same once more, before anything is changed: then the walk goes on, and says that it had to try twice."""
        if facts.failure is not Failure.TIMED_OUT:
            self._ask_alone(question, facts)
        again = outcomes(self.walk.writer.journal()).get(question.id)
        last = TlsHandshake if question.by == "handshake" else TcpConnect  # it may not have come to its end yet
        return again is not None and again.reached and any(isinstance(step, last) for step in again.observations)

    def _stay_with(self, address: str) -> None:
        """What follows goes to the address that answered."""
        if self.route.proxy is None:
            self.route = replace(self.route, connect_to=address)
            self.walk = replace(self.walk, route=self.route)

    # -- what is seen calls for questions

    def _facts(self, stage: Stage, seen: Observation | None = None, models: Sequence[str] = ()) -> Facts:
        """What is known when a stage may call for questions."""
        journal, config = self.walk.writer.journal(), self._config
        lookups = [one for one in journal.all(NameLookup) if one.purpose == "api"]
        found = next((one.addresses for one in lookups if not one.transport and one.family == "any"), [])
        answers = [text for one in lookups if one.transport for text in one.addresses]
        return Facts(
            stage=stage,
            route=self.route,
            others=self.options.others,
            seen=seen,
            found=tuple(found),
            listed=tuple(config.hosts_entries) if config else (),
            answers=tuple(dict.fromkeys(answers)),
            nameservers=tuple(config.nameservers) if config else (),
            search=bool(config and config.search),
            models=tuple(models),
        )

    def _hedged(self, attempt: Callable[[], T], silence: Facts, limit_s: float) -> T | None:
        """The attempt's result. Where it stays silent, what its silence calls for is asked beside it."""
        patience_s = max(LEAST_PATIENCE_S, PATIENT_ROUND_TRIPS * self._round_trip_s())
        result, self._beside = side_by_side.hedged(
            attempt, patience_s, partial(self._ask, silence, patient=True), limit_s
        )
        return result

    def _ask(self, facts: Facts, *, without: str = "", patient: bool = False) -> None:
        """Ask what they call for, each question once; not the one of the id `without`, which is for later.

        `patient`: beside a wait, where an answer may take as long as that.
        """
        with self._asking:
            asks = [ask for ask in questions.asks(facts) if ask.id not in self._asked]
            asks = [ask for ask in asks if not without or not questions.covers(without, ask.id)]
            self._asked |= {ask.id for ask in asks}
        if asks:
            replace(self._walker(), direct=self._direct, patient=patient).walk_all(asks)

    def _ask_alone(self, question: Question, facts: Facts) -> object:
        """One question, where it is called for and was not asked yet."""
        with self._asking:
            due = question.id not in self._asked and question.asked(facts)
            self._asked |= {question.id} if due else set()
        if due:
            self._walker().walk_all(questions.put(question, facts))
        return None

    def _walker(self) -> Walker:
        return Walker(replace(self.walk, route=self.route), self.options.step_s, self.sender)

    # -- the API

    def _ask_the_api(self) -> None:
        self.announce(Stage.MODELS, self.route.endpoint.host)
        walk = self.walk
        if self.stopped:
            walk = replace(walk, route=replace(self.route, credential=Credential(), headers=()))
        listed = models.authenticate(walk, self.sender, self.options.limit_s(models.LIMIT_S))
        if not listed.ok and not listed.status:
            listed = self._once_more(listed)
        because = self._why_no_message(listed)
        if because is not None:
            self.walk.writer.write(Skipped(stage=Stage.MESSAGES, because=because))
            if because in (LeftOut.MODELS, LeftOut.OPTION) and listed.status and not listed.ok:
                self._ask(self._facts(Stage.MODELS, listed))
            return
        self._message(listed)

    def _once_more(self, listed: HttpExchange) -> HttpExchange:
        """Nothing answered. Where the same request then gets through, the walk goes on with that answer."""
        self._ask(self._facts(Stage.MODELS, listed))
        again = self._walker().answer(questions.AGAIN.id)
        return again if again is not None and again.ok else listed

    def _why_no_message(self, listed: HttpExchange) -> LeftOut | None:
        """None when the message is sent, else what stopped it: a stage or an option."""
        if not self.options.message:
            return LeftOut.OPTION
        if self.stopped or self.route.credential.sort == "none" or not self.route.may_send_credential:
            return LeftOut.ENVIRONMENT
        if not self.sender.sends_messages:
            return LeftOut.ENVIRONMENT
        if not self.sender.finds_credentials and not self.route.credential.secret:
            return LeftOut.LOGIN  # only the client itself can resolve this credential
        if listed.ok:
            return None
        official = self.route.endpoint.official
        refused = official and listed.status == 401 and origin.from_api(listed, official=official)
        if not listed.status or (refused and self.route.credential.sort == "api-key"):
            return LeftOut.MODELS
        return None

    def _message(self, listed: HttpExchange) -> None:
        chosen = message.choose_models(self.options.model, listed.models)
        facts = replace(self._facts(Stage.MESSAGES), model=chosen[0])
        sizes = side_by_side.Started([partial(self._walker().sizes, facts)])
        # Beside the message, so that it costs a token and no time.
        streaming = side_by_side.Started([partial(self._ask_alone, questions.STREAMED, facts)])
        self.announce(Stage.MESSAGES, f"one token from {chosen[0]}")
        # The SDK looks the name up again, and waits as long as it did here.
        limit_s = self.options.limit_s(message.LIMIT_S) + (resolve.PATIENCE_S if self._late is not None else 0.0)
        automatic = self.options.model is None
        seen = message.send(self.walk, self.sender, chosen, automatic=automatic, limit_s=limit_s)
        if not seen.ok:
            if listed.status and not listed.ok:
                self._ask(self._facts(Stage.MODELS, listed))
            known = [model for model in message.choose_models(None, listed.models) if model != seen.model]
            self._ask(self._facts(Stage.MESSAGES, seen, known if listed.models and not automatic else ()))
        else:
            facts = self._facts(Stage.MESSAGES, seen)
            self._ask(facts)
        streaming.wait(self.walk.deadline.remaining())
        if seen.ok:
            self._stream_once_more(facts)
        if seen.ok and self._body_is_moving(sizes):
            return
        sizes.wait(3 * self.options.step_s)

    def _stream_once_more(self, facts: Facts) -> None:
        """One that broke off beside a message that came whole may have done so by chance."""
        streamed = outcomes(self.walk.writer.journal()).get(questions.STREAMED.id)
        broke_off = (Failure.CUT, Failure.RESET, Failure.CLOSED)
        if streamed is not None and streamed.finished and streamed.failure in broke_off:
            self._walker().walk_all(questions.put(questions.STREAMED, facts))

    def _body_is_moving(self, sizes: side_by_side.Started[object]) -> bool:
        """The message has come back: the large body may take one round trip more.

        True when it has ended, and when its bytes still arrive: a slow line is no fault, and is not waited for. Where
        nothing moves and no answer comes, something keeps it.
        """
        reached = self._acknowledged()
        ends = time.monotonic() + _STUCK_S
        for _ in sizes.finished(self._round_trip_s() + 0.02):
            return True
        while reached is not None and time.monotonic() < ends:
            if (self._acknowledged() or 0) > reached:
                return True
            for _ in sizes.finished(_POLL_S):
                return True
        return False

    def _acknowledged(self) -> int | None:
        return self.walk.kept.acknowledged() if self.walk.kept is not None else None

    def _round_trip_s(self) -> float:
        """As the last handshake measured it, which is one of TLS 1.3; on a plain route as the connect did."""
        journal = self.walk.writer.journal()
        shaken = [seen.duration_ms for seen in journal.all(TlsHandshake) if seen.ok and seen.purpose == "api"]
        connected = [seen.duration_ms for seen in journal.all(TcpConnect) if seen.ok]
        return min(shaken or connected, default=0.0) / 1000

    # -- the end of the climb

    def _fail(self, stage: Stage, seen: TlsHandshake | None = None) -> None:
        """Record what is not reached any more, and vary the route at this stage."""
        ladder = (Stage.PROXY, Stage.TLS) if self.route.proxy is not None else (Stage.DNS, Stage.TCP, Stage.TLS)
        after = ladder[ladder.index(stage) + 1 :]
        for skipped in (*after, Stage.MODELS, Stage.MESSAGES):
            self.walk.writer.write(Skipped(stage=skipped, because=LeftOut(stage)))
        if self.walk.deadline.remaining() < LEAST_FOR_VARIATIONS_S:
            return
        self.announce(stage, "the variations")
        trial = side_by_side.Started([partial(self._try_the_client, seen.failure if seen else None)])
        if self._config is not None and questions.file_needs_a_look(self._facts(stage, seen)):
            self._ask_nameservers(self._config)
        if stage is not Stage.DNS:  # names were asked for where they were found odd
            self._ask(self._facts(stage, seen))
        if self._beside is not None:
            self._beside.wait(2 * self.options.step_s)
        trial.wait(self.options.step_s + LOADING_S)

    def _try_the_client(self, failure: Failure | None) -> object:
        """The prediction is that the client fails here. It is run, without a key, to see whether it does."""
        if self.sender.may_contradict(failure):
            facts = replace(self._facts(Stage.MODELS), client=self.sender.name)
            self._walker().walk_all(questions.put(questions.TRIAL, facts))
        return None

    def _wait_for_others(self) -> None:
        """Attempts beside the route that have not ended: each has its own limit."""
        if self._direct is not None:
            self._direct.wait()
            self._direct.close()
        if self._others is not None:
            self._others.wait(self.options.step_s + 1.0)
        if self._late is not None:
            self._late.wait(self.walk.deadline.remaining())


def _peer(walk: Walk) -> str:
    """The address that the stream stands on: the first that answered."""
    purpose = "proxy" if walk.route.proxy is not None else "api"
    for seen in walk.writer.journal().observations:
        if isinstance(seen, TcpConnect) and seen.ok and seen.purpose == purpose and seen.variation == walk.variation:
            return seen.address
    return ""
