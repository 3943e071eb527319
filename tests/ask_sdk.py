"""Runs in an interpreter that has `anthropic`: what its client really does in each environment.

Reads a JSON list of environments from stdin, writes one JSON object for each to stdout. No request
is sent: the client is built, its mounts are asked, and a request is built. Only a token exchange
connects, so an environment with federation must name a closed port of loopback as its base URL.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
from typing import Any

import anthropic
import h11
from anthropic._models import FinalRequestOptions


def ask(variables: dict[str, str]) -> dict[str, Any]:
    os.environ.clear()
    os.environ.update(variables)
    try:
        client: Any = anthropic.Anthropic()
    except Exception as error:
        return {"built": False, "error": type(error).__name__, "text": str(error)}
    told: dict[str, Any] = {"built": True, "base_url": str(client.base_url)}
    options = FinalRequestOptions(method="get", url="/v1/models")
    url = client._prepare_url(options.url)
    transport = client._client._transport_for_url(url)
    proxy = getattr(transport._pool, "_proxy_url", None)
    told["proxy"] = origin(proxy) if proxy is not None else ""
    told["proxy_authorization"] = any(
        name.lower() == b"proxy-authorization" for name, _ in getattr(transport._pool, "_proxy_headers", [])
    )
    context = transport._pool._ssl_context
    told["strict"] = bool(context.verify_flags & getattr(ssl, "VERIFY_X509_STRICT", 0))
    told.update(request_of(client, options))
    client.close()
    return told


def origin(url: Any) -> str:
    found = url.origin
    return f"{found.scheme.decode()}://{bracketed(found.host.decode())}:{found.port}"


def bracketed(host: str) -> str:
    return "[" + host + "]" if ":" in host else host


def request_of(client: Any, options: FinalRequestOptions) -> dict[str, Any]:
    """The request's address and headers, or what keeps it from being sent."""
    try:
        request = client._build_request(options)
        if client.custom_auth is not None:
            request = next(client.custom_auth.sync_auth_flow(request))
        else:
            flow = client._client._build_request_auth(request).sync_auth_flow(request)
            request = next(flow)
        if request.url.scheme not in ("http", "https") or not request.url.host:
            raise ValueError("UnsupportedProtocol")
        h11.Request(method="GET", target=request.url.raw_path, headers=request.headers.raw)
    except Exception as error:
        if type(error.__cause__).__name__ == "ConnectError":
            return {"sent": True, "exchanges": True}
        return {"sent": False, "error": type(error).__name__, "text": str(error)}
    return {
        "sent": True,
        "exchanges": False,
        "url": str(request.url.copy_with(username=None, password=None)),
        "headers": {name.lower(): value for name, value in request.headers.items()},
    }


for variables in json.load(sys.stdin):
    sys.stdout.write(json.dumps(ask(variables)) + "\n")
