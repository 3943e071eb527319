"""The models stage: `GET /v1/models`, free, with the credential that the client would send."""

from __future__ import annotations

from claudecheck.observations import HttpExchange
from claudecheck.probes import message
from claudecheck.probes.api import http
from claudecheck.probes.senders.client_program import ClientProgram
from claudecheck.probes.senders.worker import Worker
from claudecheck.probes.walk import Walk

#: Seconds. The SDK itself would wait 600; who has seen nothing after this long has a problem.
LIMIT_S = 12.0


def authenticate(walk: Walk, sender: Worker | ClientProgram | None, limit_s: float = LIMIT_S) -> HttpExchange:
    """Ask for the models. A client that is a program asks itself; the SDK only with what it alone can resolve."""
    if isinstance(sender, Worker) and walk.route.credential.sort in ("profile", "federation"):
        return message.ask_models(walk, sender, limit_s)
    request = http.Request(stage="models", step="models", path="/v1/models?limit=100")
    if sender is None or isinstance(sender, Worker):
        return http.exchange(walk, request, limit_s)
    return sender.exchange(walk, request, limit_s)
