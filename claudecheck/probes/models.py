"""The models stage: `GET /v1/models`, free, with the credential that the client would send."""

from __future__ import annotations

from claudecheck.observations import HttpExchange
from claudecheck.probes.api import http
from claudecheck.probes.senders.sender import Sender
from claudecheck.probes.walk import Walk

#: Seconds. The SDK itself would wait 600; who has seen nothing after this long has a problem.
LIMIT_S = 12.0


def authenticate(walk: Walk, sender: Sender, limit_s: float = LIMIT_S) -> HttpExchange:
    """Ask for the models, as the client sends."""
    return sender.exchange(walk, http.Request(stage="models", step="models", path="/v1/models?limit=100"), limit_s)
