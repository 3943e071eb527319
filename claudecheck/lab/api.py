"""What the API answers to a request: models, messages (plain and streamed), token counts, errors. Opens no socket."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from claudecheck.lab.answers import EDGE_TRACE, WAF_PAGE, api_error, gateway_json, not_found
from claudecheck.lab.http1 import Request
from claudecheck.lab.parts import Answer, Api

OAUTH_BETA = "oauth-2025-04-20"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Parameters that the API version 2026-10-21 refuses whatever their value.
REFUSED_SINCE_2026 = ("temperature", "top_p", "top_k")

_RATE_LIMITS = (
    ("anthropic-ratelimit-requests-limit", "50"),
    ("anthropic-ratelimit-requests-remaining", "49"),
    ("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:00Z"),
    ("anthropic-ratelimit-tokens-limit", "60000"),
    ("anthropic-ratelimit-tokens-remaining", "60000"),
    ("anthropic-ratelimit-tokens-reset", "2030-01-01T00:00:00Z"),
)


def _capabilities() -> dict[str, Any]:
    yes, no = {"supported": True}, {"supported": False}
    plain = ("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs")
    return dict.fromkeys(plain, yes) | {
        "context_management": {"supported": True, "clear_tool_uses_20250919": yes, "compact_20260112": no},
        "effort": {"supported": True, "low": yes, "medium": yes, "high": yes, "xhigh": no, "max": no},
        "server_tools": {"supported": True, "code_execution": yes, "web_search": yes},
        "thinking": {"supported": True, "types": {"adaptive": yes, "enabled": yes}},
    }


def _model(identifier: str, name: str, created: str, line: str, lifecycle: str = "active") -> dict[str, Any]:
    ended = lifecycle != "active"
    return {
        "type": "model",
        "id": identifier,
        "display_name": name,
        "created_at": created,
        "max_input_tokens": 200000,
        "max_tokens": 64000,
        "capabilities": _capabilities(),
        "lifecycle": lifecycle,
        "line": line,
        "deprecated_at": "2026-06-01T00:00:00Z" if ended else None,
        "retires_at": "2027-06-01T00:00:00Z" if ended else None,
    }


#: Newest first, as the API lists them.
MODELS = (
    _model("claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-07T00:00:00Z", "haiku"),
    _model("claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-02T00:00:00Z", "sonnet"),
    _model("claude-opus-5-5", "Claude Opus 5.5", "2026-08-19T00:00:00Z", "opus"),
    _model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-15T00:00:00Z", "haiku"),
    _model("claude-opus-4-5-20251101", "Claude Opus 4.5", "2025-11-24T00:00:00Z", "opus", "deprecated"),
)
ALIASES = {"claude-haiku-4-5": "claude-haiku-4-5-20251001", "claude-opus-4-5": "claude-opus-4-5-20251101"}


class ApiEndpoint:
    """One API or gateway. `keys` and `tokens` are the credentials that it accepts."""

    def __init__(self, setup: Api, *, keys: tuple[str, ...], tokens: tuple[str, ...], minted: str) -> None:
        self._setup = setup
        self._keys = () if setup.key_revoked else keys
        self._tokens = tokens
        self._minted = minted  # what its token endpoint gives out
        self._cuts = itertools.count()

    def respond(self, request: Request) -> Answer:
        answer = self._respond(request)
        if self._setup.gateway and answer.speaker == "api":
            answer = _as_gateway(answer)
        return replace(answer, delay_s=answer.delay_s or self._setup.delay_s)

    def _respond(self, request: Request) -> Answer:
        setup = self._setup
        if refusal := self._refused_on_sight(request):
            return refusal
        if request.path == "/cdn-cgi/trace" and not setup.gateway:
            return EDGE_TRACE
        if setup.always is not None:
            return setup.always
        path = request.path.removeprefix(setup.base_path)
        if request.method == "POST" and path == "/v1/oauth/token":
            return setup.tokens or self._token(request)
        known = path in ("/v1/messages", "/v1/messages/count_tokens", "/v1/models") or path.startswith("/v1/models/")
        if not known:
            return not_found("Not Found")
        replaced = self._replaced(request, path)
        return replaced or self._unfit(request) or self._serve(request, path)

    def _refused_on_sight(self, request: Request) -> Answer | None:
        """By what stands in front of the API and looks at headers and sizes only."""
        setup = self._setup
        agent = request.headers.get("user-agent", "")
        if setup.refused_agent and setup.refused_agent.lower() in agent.lower():
            return WAF_PAGE
        if setup.refused_header and any(name.startswith(setup.refused_header) for name in request.headers):
            return WAF_PAGE
        if setup.largest_body and request.body_bytes > setup.largest_body:
            return Answer(ending="silence")
        return None

    def _replaced(self, request: Request, path: str) -> Answer | None:
        if path.startswith("/v1/models"):
            return Answer(ending="none") if next(self._cuts) < self._setup.models_cut else self._setup.models
        if path != "/v1/messages":
            return None
        streamed = b'"stream":true' in request.body.replace(b" ", b"")
        return (self._setup.streams if streamed else self._setup.plain_messages) or self._setup.messages

    # -- credentials and versions ------------------------------------------------------------------

    def _unfit(self, request: Request) -> Answer | None:
        """What is wrong with the request before anybody looks at what it asks for."""
        if refusal := self._unauthenticated(request):
            return refusal
        headers = request.headers
        if "origin" in headers and "anthropic-dangerous-direct-browser-access" not in headers:
            return api_error(
                401,
                "authentication_error",
                "CORS requests must set 'anthropic-dangerous-direct-browser-access' header",
            )
        if "anthropic-version" not in headers:
            return api_error(400, "invalid_request_error", "anthropic-version: header is required")
        beta = headers.get("anthropic-beta", "")
        if self._setup.refused_beta and beta:
            message = f"Unexpected value(s) `{beta}` for the `anthropic-beta` header."
            return api_error(400, "invalid_request_error", message)
        return None

    def _unauthenticated(self, request: Request) -> Answer | None:
        read = {name: request.headers[name] for name in self._setup.credential_headers if name in request.headers}
        bearer = read.get("authorization", "").removeprefix("Bearer ")
        if read.get("x-api-key") in self._keys or bearer in (*self._keys, *self._tokens):
            return None
        if bearer == self._minted and OAUTH_BETA in request.headers.get("anthropic-beta", ""):
            return None
        if self._setup.gateway:
            message = "Authentication Error, the key is not known here" if read else "No api key passed in."
            return gateway_json(
                401, {"error": {"message": message, "type": "auth_error", "param": "None", "code": "401"}}
            )
        if "x-api-key" in read:
            return api_error(401, "authentication_error", "invalid x-api-key")
        if "authorization" in read:
            return api_error(401, "authentication_error", "Invalid bearer token")
        return api_error(401, "authentication_error", "x-api-key header is required")

    def _token(self, request: Request) -> Answer:
        asked = _json(request.body)
        if asked is None or asked.get("grant_type") != JWT_BEARER or not asked.get("assertion"):
            return api_error(400, "invalid_request_error", "grant_type: unsupported")
        document = {"access_token": self._minted, "token_type": "Bearer", "expires_in": 3600}
        return Answer(body=json.dumps(document), speaker="api")

    # -- endpoints ---------------------------------------------------------------------------------

    def _serve(self, request: Request, path: str) -> Answer:
        if path.startswith("/v1/models"):
            if request.method not in ("GET", "HEAD"):
                return api_error(405, "invalid_request_error", "Method Not Allowed")
            return _models(request, path)
        if request.method != "POST":
            return api_error(405, "invalid_request_error", "Method Not Allowed")
        asked = _json(request.body)
        if asked is None:
            return api_error(400, "invalid_request_error", "The request body is not valid JSON.")
        counting = path.endswith("/count_tokens")
        if missing := _missing(asked, ("model", "messages") if counting else ("model", "max_tokens", "messages")):
            return api_error(400, "invalid_request_error", f"{missing}: Field required")
        if request.headers["anthropic-version"] >= "2026-10-21":
            for parameter in REFUSED_SINCE_2026:
                if parameter in asked:
                    return api_error(400, "invalid_request_error", f"{parameter}: Extra inputs are not permitted")
        model = str(asked["model"])
        if not self._serves(model):
            return not_found(f"model: {model}")
        tokens = 7 + len(json.dumps(asked["messages"])) // 4
        if counting:
            return Answer(body=json.dumps({"input_tokens": tokens}), speaker="api", headers=_RATE_LIMITS)
        return self._message(asked, model, tokens)

    def _serves(self, model: str) -> bool:
        refused = self._setup.unavailable
        if "*" in refused or model in refused:
            return False
        return self._setup.gateway or any(ALIASES.get(model, model) == known["id"] for known in MODELS)

    def _message(self, asked: dict[str, Any], model: str, tokens: int) -> Answer:
        text = self._setup.text
        content = [{"type": "text", "text": text}] if text else []
        message: dict[str, Any] = {
            "id": "msg_01LabLabLabLabLabLabLab1",
            "type": "message",
            "role": "assistant",
            "model": ALIASES.get(model, model),
            "content": content,
            "stop_reason": "max_tokens" if asked["max_tokens"] == 1 else "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 1,
                "service_tier": "standard",
            },
        }
        if asked.get("stream") is not True:
            return Answer(body=json.dumps(message), speaker="api", headers=_RATE_LIMITS)
        return Answer(
            events=_events(message, text),
            content_type="text/event-stream; charset=utf-8",
            headers=(*_RATE_LIMITS, ("cache-control", "no-cache")),
            speaker="api",
        )


def _models(request: Request, path: str) -> Answer:
    wanted = path.removeprefix("/v1/models").strip("/")
    if wanted:
        for model in MODELS:
            if model["id"] == ALIASES.get(wanted, wanted):
                return Answer(body=json.dumps(model), speaker="api")
        return not_found(f"model: {wanted}")
    query = parse_qs(request.query)
    limit = query.get("limit", ["20"])[0]
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        return api_error(400, "invalid_request_error", "limit: Input should be between 1 and 1000")
    listed = list(MODELS)
    after = query.get("after_id", [""])[0]
    if any(model["id"] == after for model in listed):
        listed = listed[[model["id"] for model in listed].index(after) + 1 :]
    shown = listed[: int(limit)]
    document = {
        "data": shown,
        "has_more": len(shown) < len(listed),
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }
    return Answer(body=json.dumps(document), speaker="api")


def _events(message: dict[str, Any], text: str) -> tuple[str, ...]:
    """The stream of one message, in the order in which the API sends its events."""
    opened = message | {"content": [], "stop_reason": None, "usage": message["usage"] | {"output_tokens": 1}}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": opened}]
    if text:
        events += [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "content_block_stop", "index": 0},
        ]
    events += [
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": message["usage"]["output_tokens"]}},
        {"type": "message_stop"},
    ]
    return tuple(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _missing(asked: dict[str, Any], fields: tuple[str, ...]) -> str:
    return next((field for field in fields if field not in asked), "")


def _as_gateway(answer: Answer) -> Answer:
    """The same answer, without what only the API and its edge send."""
    headers = tuple((name, value) for name, value in answer.headers if not name.startswith("anthropic-"))
    body = answer.body.replace(', "request_id": "{request_id}"', "")
    return replace(answer, speaker="other", body=body, headers=(*headers, ("server", "uvicorn")))
