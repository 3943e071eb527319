"""The messages stage: the smallest message, sent by the user's client where it can be asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from claudecheck.failures import Failure
from claudecheck.observations import HttpExchange, ModelView
from claudecheck.probes.api import bodies
from claudecheck.probes.senders.sender import Sender
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

    The list is newest first, and the newest haiku is the cheapest.
    """
    if named:
        return [named]
    models = [model for model in listed if model.lifecycle in ("", "active") and _MODEL_ID.fullmatch(model.id)]
    haiku = [model.id for model in models if model.line == "haiku" or "haiku" in model.id]
    others = [model.id for model in models if model.id not in haiku]
    chosen = haiku or (list(KNOWN_MODELS) if not others else [*(m for m in KNOWN_MODELS if m in others), *others[-1:]])
    return chosen[:MOST_MODELS]


def send(walk: Walk, sender: Sender, models: list[str], *, automatic: bool, limit_s: float = LIMIT_S) -> HttpExchange:
    """Send the message with the first model; with an automatic choice a 404 tries the next one."""
    seen = HttpExchange(stage="messages", step="message", failure=Failure.UNKNOWN)
    for model in models:
        seen = sender.exchange(walk, replace(bodies.message_request(model, stream=False), step="message"), limit_s)
        if not (automatic and seen.status == 404 and seen.error_type == "not_found_error"):
            break
    return seen
