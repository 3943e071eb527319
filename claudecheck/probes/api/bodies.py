"""What the API is asked with a body: the smallest message, and a count of tokens of any size."""

from __future__ import annotations

import json

from claudecheck.probes.api import http


def message_request(model: str, *, stream: bool) -> http.Request:
    body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
    if stream:
        body["stream"] = True
    return http.Request(
        stage="messages",
        step="stream" if stream else "plain-message",
        method="POST",
        path="/v1/messages",
        body=json.dumps(body).encode(),
        model=model,
        expected="event-stream" if stream else "message",
    )


def count_request(model: str, size: int) -> http.Request:
    text = "word " * (size // 5)
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return http.Request(
        stage="messages",
        step="count-tokens",
        method="POST",
        path="/v1/messages/count_tokens",
        body=json.dumps(body).encode(),
        model=model,
        expected="token-count",
    )
