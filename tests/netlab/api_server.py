"""The API's own answers, over a Unix socket: what the lab's web servers put TLS and their faults in front of.

A Unix socket is reached from every namespace and from no network. The web server says in the header
`X-Lab` how this answer shall be; the words, separated by spaces, are

    slow=S            wait S seconds before any answer
    slow-message=S    wait S seconds before a plain message; a stream sends a ping every half second instead
    silent            never answer
    silent-message    never answer a message
    cut               announce more than is sent, then close
    cut-stream        close in the middle of a stream
    empty             status 200 with `{}`
    no-models         404 for /v1/models, in a gateway's words
    only=x-api-key    read the key from that header only (or `only=authorization`)
    gateway           the headers of a gateway: neither request-id nor the edge's
    error=NAME        one of ERRORS; `message-error=NAME` for messages only
    no-beta           400 for any `anthropic-beta`
"""

from __future__ import annotations

import json
import secrets
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.netlab.addresses import VALID_KEY

LONGEST_WAIT_S = 60.0
PING_EVERY_S = 0.5

MODELS = {
    "data": [
        {"type": "model", "id": "claude-sonnet-5-5", "display_name": "Claude Sonnet 5.5", "line": "sonnet",
         "lifecycle": "active", "created_at": "2026-10-01T00:00:00Z"},
        {"type": "model", "id": "claude-haiku-5-5", "display_name": "Claude Haiku 5.5", "line": "haiku",
         "lifecycle": "active", "created_at": "2026-10-07T00:00:00Z"},
    ],
    "has_more": False, "first_id": "claude-sonnet-5-5", "last_id": "claude-haiku-5-5",
}  # fmt: skip

#: name: (status, body, whether the API itself says it)
ERRORS: dict[str, tuple[int, str, str, bool]] = {
    "overloaded": (529, "overloaded_error", "Overloaded", True),
    "internal": (500, "api_error", "Internal server error", True),
    "rate-limited": (429, "rate_limit_error", "This request would exceed your organization's rate limit.", True),
    "permission": (403, "permission_error", "Your API key does not have permission to use the resource.", True),
    "forbidden": (403, "forbidden", "Request not allowed", False),
}

CHALLENGE = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>"
    "<script>window._cf_chl_opt={cType:'managed'}</script></body></html>"
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        return "nginx" if self.behaves("gateway") else "cloudflare"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        return

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("content-length") or 0)))

    # -- how to behave ---------------------------------------------------------------------------

    @property
    def words(self) -> dict[str, str]:
        pairs = (word.partition("=") for word in self.headers.get("x-lab", "").split())
        return {name: value for name, _, value in pairs}

    def behaves(self, word: str) -> bool:
        return word in self.words

    @property
    def route(self) -> str:
        return self.path.partition("?")[0]

    def answer(self, body: bytes) -> None:
        words = self.words
        is_message = self.route == "/v1/messages"
        if "silent" in words or ("silent-message" in words and is_message):
            time.sleep(LONGEST_WAIT_S)
            return
        time.sleep(min(float(words.get("slow", 0)), LONGEST_WAIT_S))
        name = words.get("error") or (words.get("message-error") if is_message else None)
        if name == "challenge":
            self.send(403, CHALLENGE, "text/html; charset=UTF-8", speaker="edge", more={"cf-mitigated": "challenge"})
        elif name:
            self.send_error_named(name)
        elif "empty" in words:
            self.send(200, "{}")
        elif refusal := self.refusal():
            self.send(*refusal)
        else:
            self.serve(body)

    def refusal(self) -> tuple[int, str] | None:
        if self.behaves("no-beta") and (beta := self.headers.get("anthropic-beta")):
            return 400, error("invalid_request_error", f"Unexpected value(s) `{beta}` for the `anthropic-beta` header.")
        only = self.words.get("only")
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ") if only != "x-api-key" else ""
        key = self.headers.get("x-api-key", "") if only != "authorization" else ""
        sent = bearer or key
        if not sent:
            return 401, error("authentication_error", "x-api-key header is required")
        if sent != VALID_KEY:
            return 401, error("authentication_error", "invalid x-api-key")
        return None

    # -- the endpoints ---------------------------------------------------------------------------

    def serve(self, body: bytes) -> None:
        if self.route == "/v1/models" and self.command == "GET":
            if self.behaves("no-models"):
                self.send(404, json.dumps({"detail": "Not Found"}), speaker="gateway")
            else:
                self.send(200, json.dumps(MODELS))
        elif self.route == "/v1/messages/count_tokens":
            self.send(200, json.dumps({"input_tokens": len(body) // 4}))
        elif self.route == "/v1/messages":
            self.message(json.loads(body))
        else:
            self.send(404, error("not_found_error", "Not found"))

    def message(self, asked: dict[str, Any]) -> None:
        wait = min(float(self.words.get("slow-message", 0)), LONGEST_WAIT_S)
        message = {
            "id": "msg_" + secrets.token_hex(12), "type": "message", "role": "assistant", "model": asked.get("model"),
            "content": [{"type": "text", "text": "Hi"}], "stop_reason": "max_tokens", "stop_sequence": None,
            "usage": {"input_tokens": 8, "output_tokens": 1},
        }  # fmt: skip
        if asked.get("model") not in {model["id"] for model in MODELS["data"]}:  # type: ignore[attr-defined]  # a list
            self.send(404, error("not_found_error", f"model: {asked.get('model')}"))
        elif asked.get("stream"):
            self.stream(message, wait)
        else:
            time.sleep(wait)
            self.send(200, json.dumps(message))

    def stream(self, message: dict[str, Any], wait: float) -> None:
        self.send_head(200, "text/event-stream; charset=utf-8", "api", {"transfer-encoding": "chunked"})
        self.event("message_start", {"message": message | {"content": [], "stop_reason": None}})
        self.event("ping", {})
        if self.behaves("cut-stream"):
            self.close_connection = True
            return
        for _ in range(int(wait / PING_EVERY_S)):
            time.sleep(PING_EVERY_S)
            self.event("ping", {})
        self.event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        self.event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hi"}})
        self.event("content_block_stop", {"index": 0})
        self.event("message_delta", {"delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 1}})
        self.event("message_stop", {})
        self.wfile.write(b"0\r\n\r\n")

    def event(self, name: str, data: dict[str, Any]) -> None:
        text = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
        self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
        self.wfile.flush()

    # -- sending ---------------------------------------------------------------------------------

    def send_error_named(self, name: str) -> None:
        status, kind, text, by_api = ERRORS[name]
        if by_api:
            more = {"retry-after": "17"} if status == 429 else {}
            self.send(status, error(kind, text), more=more)
        else:
            body = json.dumps({"error": {"type": kind, "message": text}})
            self.send(status, body, speaker="edge")

    def send(
        self,
        status: int,
        body: str,
        content_type: str = "application/json",
        *,
        speaker: str = "api",
        more: dict[str, str] | None = None,
    ) -> None:
        request_id = "req_011C" + secrets.token_hex(10)
        data = body.replace("{request_id}", request_id).encode()
        length = len(data) + (1000 if self.behaves("cut") else 0)
        headers = {"content-length": str(length), **(more or {})}
        self.send_head(status, content_type, speaker, headers, request_id)
        self.wfile.write(data)
        if self.behaves("cut"):
            self.close_connection = True

    def send_head(
        self, status: int, content_type: str, speaker: str, headers: dict[str, str], request_id: str = ""
    ) -> None:
        self.send_response(status)
        headers = {"content-type": content_type, **headers}
        if speaker != "gateway" and not self.behaves("gateway"):
            headers["cf-ray"] = secrets.token_hex(8) + "-FRA"
            if speaker == "api":
                headers["request-id"] = request_id or "req_011C" + secrets.token_hex(10)
                headers["anthropic-organization-id"] = "1ab0c1ad-0000-4000-8000-000000000000"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def error(kind: str, message: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "{request_id}"})


if sys.platform == "win32":  # it has no such sockets, and no namespaces
    _UnixServer = socketserver.BaseServer
else:
    _UnixServer = socketserver.UnixStreamServer


class ApiServer(socketserver.ThreadingMixIn, _UnixServer):
    """One for all scenarios of a run: it keeps no state. A context manager."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, socket: Path) -> None:
        super().__init__(str(socket), Handler)
        socket.chmod(0o777)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left in the middle is what the lab is for."""
