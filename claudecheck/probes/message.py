"""The messages stage: the smallest message, sent by the real SDK in the user's interpreter, or by the user's client."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from claudecheck.failures import Failure
from claudecheck.observations import HttpExchange, ModelView, Raised
from claudecheck.probes.api import answer, bodies, http
from claudecheck.probes.senders.client_program import ClientProgram
from claudecheck.probes.senders.worker import Event, Worker
from claudecheck.probes.walk import Walk

#: Seconds to wait for one token. A small model answers in one or two; a cold or far one in ten.
LIMIT_S = 15.0
#: Tried in this order when neither the user nor the list of models names one.
KNOWN_MODELS = ("claude-haiku-5-5", "claude-haiku-4-5")
MOST_MODELS = 3
#: What a peer listed is asked for next, so it must look like a model: a gateway's may have colons and slashes.
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,127}")


def choose_models(named: str | None, listed: Iterable[ModelView]) -> list[str]:
    """The models to try, in order: the one that was named alone, else the active haiku line, else constants.

    The list is newest first, and the newest haiku is the cheapest (facts.md e).
    """
    if named:
        return [named]
    models = [model for model in listed if model.lifecycle in ("", "active") and _MODEL_ID.fullmatch(model.id)]
    haiku = [model.id for model in models if model.line == "haiku" or "haiku" in model.id]
    others = [model.id for model in models if model.id not in haiku]
    chosen = haiku or (list(KNOWN_MODELS) if not others else [*(m for m in KNOWN_MODELS if m in others), *others[-1:]])
    return chosen[:MOST_MODELS]


def send(
    walk: Walk,
    sender: Worker | ClientProgram | None,
    models: list[str],
    *,
    automatic: bool,
    limit_s: float = LIMIT_S,
) -> HttpExchange:
    """Send the message with the first model; with an automatic choice a 404 tries the next one."""
    seen = HttpExchange(stage="messages", step="message", failure=Failure.UNKNOWN)
    for model in models:
        seen = _send(walk, sender, model, limit_s)
        if not (automatic and seen.status == 404 and seen.error_type == "not_found_error"):
            break
    return seen


def _send(walk: Walk, sender: Worker | ClientProgram | None, model: str, limit_s: float) -> HttpExchange:
    if isinstance(sender, Worker):
        return _ask(walk, sender, {"do": "message", "model": model}, limit_s)
    request = replace(bodies.message_request(model, stream=False), step="message")
    return http.exchange(walk, request, limit_s) if sender is None else sender.exchange(walk, request, limit_s)


def ask_models(walk: Walk, worker: Worker, limit_s: float) -> HttpExchange:
    """The models step through the SDK, for credentials that only the SDK resolves."""
    return _ask(walk, worker, {"do": "models"}, limit_s)


def _ask(walk: Walk, worker: Worker, command: dict[str, Any], limit_s: float) -> HttpExchange:
    started = walk.start()
    ends = time.monotonic() + walk.deadline.share(limit_s)
    worker.load()
    worker.ask(**command, timeout=max(0.5, ends - time.monotonic()), connect=walk.route.connect_timeout_s)
    # The events before the answer are those of the import and of the client's construction.
    while True:
        event = worker.wait(ends - time.monotonic())
        if event is None or event["event"] not in ("ready", "facts"):
            break
    return walk.record(_exchange(walk, command, event), started)


def _exchange(walk: Walk, command: dict[str, Any], event: Event | None) -> HttpExchange:
    stage = "models" if command["do"] == "models" else "messages"
    path = "/v1/models?limit=100" if stage == "models" else "/v1/messages"
    common: dict[str, Any] = {
        "stage": stage,
        "step": "models" if stage == "models" else "message",
        "method": "GET" if stage == "models" else "POST",
        "url": walk.route.endpoint.url + path,
        "client": "sdk",
        "authenticated": walk.route.credential.sort != "none",
        "auth_header": walk.route.credential.header if walk.route.credential.sort != "none" else "",
        "model": command.get("model", ""),
    }
    if event is None:
        return HttpExchange(**common, failure=Failure.TIMED_OUT, error="no answer within the time given", phase="wait")
    if event["event"] == "answer":
        return _answered(common, event, "model-list" if stage == "models" else "message")
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
        return HttpExchange(**common, chain=chain, failure=Failure.SDK_BROKEN, error=told, phase="import")
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
