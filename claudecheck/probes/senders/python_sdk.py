"""The Python SDK in the user's interpreter as a sender: what it answers, as an `HttpExchange`."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from claudecheck.failures import Failure
from claudecheck.observations import HttpExchange, Raised
from claudecheck.probes.api import answer, http
from claudecheck.probes.api.http import Request
from claudecheck.probes.senders.worker import Event, Worker
from claudecheck.probes.walk import Walk

#: Seconds for the interpreter to import the SDK: one on a machine with nothing else to do. The run's deadline comes
#: before this: a busy machine makes a run incomplete, and is no fault of the SDK.
LOADING_S = 60.0
#: Credentials that only the SDK resolves: with them it asks for the models too.
_RESOLVED_BY_THE_SDK = ("profile", "federation")
_OF_CERTIFICATES = (Failure.UNTRUSTED_ISSUER, Failure.SELF_SIGNED, Failure.STRICT_CERTIFICATE, Failure.TRUST_UNUSABLE)


class PythonSdk:
    """It sends the message. What is asked before it goes through a plain client, which tells more of the way."""

    name = "sdk"
    finds_credentials = True
    sends_messages = True

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def exchange(self, walk: Walk, request: Request, limit_s: float) -> HttpExchange:
        """Send it and record what happened, within `limit_s` seconds."""
        resolves = walk.route.credential.sort in _RESOLVED_BY_THE_SDK
        if request.step in ("message", "trial") or (request.step == "models" and resolves):
            return self._ask(walk, request, limit_s)
        return http.exchange(walk, request, limit_s)

    def may_contradict(self, failure: Failure | None) -> bool:
        """Of certificates: something in the interpreter may have changed whom its SDK trusts."""
        return failure in _OF_CERTIFICATES

    def end(self) -> None:
        self._worker.end()

    def _ask(self, walk: Walk, request: Request, limit_s: float) -> HttpExchange:
        started = walk.start()
        event = self._start(time.monotonic() + walk.deadline.share(LOADING_S))
        if self._worker.ready:
            started = walk.start()  # the import was not the call's time
            limit = walk.deadline.share(limit_s)
            self._worker.ask(
                do=request.step,
                model=request.model,
                timeout=max(0.5, limit),
                connect=walk.route.connect_timeout_s,
            )
            event = self._worker.wait(limit)
        seen = _exchange(walk, request, event)
        if self._worker.ready:
            seen = msgspec.structs.replace(seen, call_ms=round(walk.start() - started, 1))
        return walk.record(seen, started)

    def _start(self, ends: float) -> Event | None:
        """Until the SDK is imported and its client built, which is not the network's time; else what came instead."""
        self._worker.load()
        event: Event | None = None
        while not self._worker.ready:
            event = self._worker.wait(ends - time.monotonic())
            if event is None or event["event"] not in ("ready", "facts"):
                break
        return event


def _exchange(walk: Walk, request: Request, event: Event | None) -> HttpExchange:
    credential = walk.route.credential
    sends = credential.sort != "none" and request.authenticated
    common: dict[str, Any] = {
        "stage": request.stage,
        "step": request.step,
        "method": request.method,
        "url": walk.route.endpoint.url + request.path,
        "client": PythonSdk.name,
        "authenticated": sends,
        "auth_header": credential.header if sends else "",
        "model": request.model,
    }
    if event is None:
        return HttpExchange(**common, failure=Failure.TIMED_OUT, error="no answer within the time given", phase="wait")
    if event["event"] == "answer":
        return _answered(common, event, request.expected)
    if event["event"] == "unasked":
        return HttpExchange(**common, failure=Failure.CANCELLED, error=event["error"], phase="import")
    chain = [Raised(**link) for link in event.get("chain", [])]
    told = " <- ".join(f"{link.type}: {link.message}" for link in chain[:4])
    if event["event"] == "raised":
        return HttpExchange(**common, chain=chain, failure=http.failure_of_chain(chain), error=told, phase="sdk")
    at = event.get("at", "")
    if at == "missing":
        return HttpExchange(**common, chain=chain, failure=Failure.SDK_MISSING, error=told, phase="import")
    if at == "construct":
        return HttpExchange(**common, chain=chain, failure=Failure.CLIENT_REFUSED, error=told, phase="construct")
    if at in ("import", "facts"):
        # Without the memory or the files that it needs, an SDK that is whole cannot be imported.
        ours = http.failure_of_chain(chain) is Failure.LOCAL_LIMIT
        failure = Failure.LOCAL_LIMIT if ours else Failure.SDK_BROKEN
        return HttpExchange(**common, chain=chain, failure=failure, error=told, phase="import")
    ended = f"the interpreter ended with status {event.get('status')}: {str(event.get('stderr', '')).strip()}"
    return HttpExchange(**common, failure=Failure.SDK_BROKEN, error=ended, phase="import")


def _answered(common: dict[str, Any], event: Event, expected: str) -> HttpExchange:
    facts = answer.facts_of(event["status"], [(name, value) for name, value in event["headers"]], event["body"])
    chain = [Raised(**link) for link in event.get("raised", [])]
    failure: Failure | None = None
    if not 200 <= event["status"] < 300:
        failure = Failure.STATUS
    elif facts["shape"] != expected or chain:
        failure = Failure.MALFORMED
    return HttpExchange(
        **(common | {key: value for key, value in facts.items() if value or key not in common}),
        chain=chain,
        failure=failure,
    )
