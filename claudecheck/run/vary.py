"""Walks what `diagnosis/questions.py` asks: the route with one thing changed, by the same probes.

All that are asked together run side by side within one attempt's time. None sends a credential over a connection
that did not verify, or to a host that is not on the user's route.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.questions import Ask, Facts, Target
from claudecheck.failures import Failure
from claudecheck.observations import HttpExchange, Purpose, VariationTried
from claudecheck.probes import connect, reach, side_by_side
from claudecheck.probes.api import bodies, http
from claudecheck.probes.names import resolve
from claudecheck.probes.proxy import tunnel
from claudecheck.probes.senders.sender import Sender
from claudecheck.probes.walk import Walk
from claudecheck.run import crash
from claudecheck.run.direct import DirectSide

#: Seconds: nameservers are asked twice in that time, a small request is answered, a token is written.
ASK_LIMIT_S, REQUEST_LIMIT_S, MESSAGE_LIMIT_S = 3.0, 8.0, 10.0


@dataclass(frozen=True)
class Walker:
    """Walks questions, and cures. `step_s` is what one step of a walk may take; `client` is the client itself.

    `direct` is the direct way as far as it is walked beside a proxied route; `patient` is whoever waits anyway.
    """

    walk: Walk
    step_s: float
    client: Sender | None = None
    direct: DirectSide | None = None
    patient: bool = False

    def walk_all(self, asks: Sequence[Ask], limit_s: float | None = None, over_kept: Sequence[Ask] = ()) -> None:
        """Declare them, then walk all side by side. What has not ended after `limit_s` seconds is abandoned.

        `over_kept` are those that may use the connection that the walk has open; the others open their own.
        """
        jobs = []
        for ask in asks:
            tried = VariationTried(id=ask.id, stage=ask.stage, changed=ask.changed, before=ask.before, after=ask.after)
            self.walk.record(tried, self.walk.start())
            kept = self.walk.kept if ask in over_kept else None
            walk = replace(self.walk, route=ask.route, variation=ask.id, kept=kept)
            jobs.append(crash.contained(partial(self._walk, walk, ask), walk, ask.stage))
        usual = MESSAGE_LIMIT_S + 1.0 if any(_costs(ask) for ask in asks) else 2 * self.step_s
        side_by_side.run(jobs, self.walk.deadline.share(limit_s or usual))

    def _walk(self, walk: Walk, ask: Ask) -> object:
        target, endpoint = ask.target, walk.route.endpoint
        host, port = target.host or endpoint.host, target.port or endpoint.port
        match ask.by:
            case "nameserver":
                return _ask_nameserver(walk, ask)
            case "lookup":
                return resolve.lookup(walk, host, port, purpose="control", limit_s=self.step_s)
            case "connect":
                return _connect(walk, host, port, self.step_s)
            case "handshake":
                if self._is_told(walk, ask):
                    return None
                return reach.shake(walk, target.host, target.port, address=target.address, limit_s=self.step_s)
            case "tunnel":
                purpose: Purpose = "control" if target.host else "api"
                if opened := tunnel.open_tunnel(walk, host, port, purpose=purpose, limit_s=self.step_s):
                    opened.close()
                return None
            case "page":
                return http.exchange(walk, _page(target), self.step_s)
            case "request":
                return http.exchange(walk, _request(target), self._limit(target))
            case "client":
                trial = http.Request(stage="models", step="trial", path="/v1/models", authenticated=False)
                return self.client.exchange(walk, trial, self.step_s) if self.client is not None else None

    def _is_told(self, walk: Walk, ask: Ask) -> bool:
        """By what stands beside a proxied route anyway."""
        asked = self.direct is not None and ask.id == questions.DIRECT.id and walk.route.endpoint.scheme == "https"
        return asked and self.direct is not None and self.direct.tells(walk, self.step_s, patient=self.patient)

    def _limit(self, target: Target) -> float:
        limits = {"models": REQUEST_LIMIT_S, "exit": self.step_s, "count-tokens": 2 * self.step_s}
        return limits.get(target.send, MESSAGE_LIMIT_S)

    def sizes(self, facts: Facts) -> object:
        """A large body to count_tokens, which is free. Where it does not get through, the sizes below it, and the same
        once more on a connection of its own: it may have been chance.
        """
        *smaller, largest = questions.put(questions.COUNT_TOKENS, facts)
        self.walk_all([largest], limit_s=2 * self.step_s + 1.0, over_kept=[largest])
        seen = self.answer(largest.id)
        if seen is not None and seen.failure is Failure.CANCELLED:
            return None  # a slow line is no fault, and this one is told to be slow
        if seen is None or not seen.status:
            self.walk_all([*smaller, largest], limit_s=2 * self.step_s + 1.0)
        return None

    def answer(self, variation: str) -> HttpExchange | None:
        """The last answer that was recorded under this id."""
        seen = self.walk.writer.journal().all(HttpExchange, variation=variation)
        return seen[-1] if seen else None


def _costs(ask: Ask) -> bool:
    return ask.target.send in ("message", "stream")


def _ask_nameserver(walk: Walk, ask: Ask) -> object:
    from claudecheck.probes.names import nameservers

    server = ask.target.server
    return nameservers.ask_all(
        walk,
        walk.route.endpoint.host,
        [server],
        transport=ask.target.transport,
        configured=ask.target.configured,
        limit_s=ASK_LIMIT_S,
    )


def _connect(walk: Walk, host: str, port: int, limit_s: float) -> object:
    found = resolve.lookup(walk, host, port, purpose="control", limit_s=limit_s)
    return connect.connect_all(
        walk, found[:4], port, purpose="control", name=host, keep_first=False, limit_s=limit_s / 2
    )


def _page(target: Target) -> http.Request:
    """A page with a known answer, or the status page."""
    if not target.status:
        return http.Request(stage="messages", step="status", url=target.url, authenticated=False, expected="json")
    return http.Request(
        stage="models",
        step="portal",
        url=target.url,
        authenticated=False,
        expected="",
        expected_status=target.status,
        expected_start=target.start,
    )


def _request(target: Target) -> http.Request:
    match target.send:
        case "models":
            return http.Request(stage="models", step="models", path="/v1/models?limit=100")
        case "exit":
            return http.Request(
                stage="models", step="exit", path=questions.EDGE_PAGE, authenticated=False, expected="edge-trace"
            )
        case "count-tokens":
            return bodies.count_request(target.model, target.size)
        case "message" | "stream":
            return bodies.message_request(target.model, stream=target.send == "stream")
