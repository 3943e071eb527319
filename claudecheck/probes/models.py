"""The models stage: `GET /v1/models`, free, with the credential that the client would send."""

from __future__ import annotations

from claudecheck.diagnosis.observations import HttpExchange
from claudecheck.probes import http, message
from claudecheck.probes.walk import Walk
from claudecheck.probes.worker import Worker

#: Seconds. The SDK itself would wait 600; who has seen nothing after this long has a problem.
LIMIT_S = 12.0


def authenticate(walk: Walk, worker: Worker | None, limit_s: float = LIMIT_S) -> HttpExchange:
    """Ask for the models. A credential that only the SDK can resolve is sent by the SDK."""
    if walk.route.credential.sort in ("profile", "federation") and worker is not None:
        return message.ask_models(walk, worker, limit_s)
    request = http.Request(stage="models", step="models", path="/v1/models?limit=100")
    return http.exchange(walk, request, limit_s)
