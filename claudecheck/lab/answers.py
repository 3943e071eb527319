"""What the API, its edge and the boxes in between say when they refuse: the shapes that people meet.

The API's errors are in its own form (facts: envelope and `error.type` of the SDK's sources). The
pages of proxies, filters, portals and gateways have the headers and the structure of the real ones;
their sentences are ours.
"""

from __future__ import annotations

import json
from typing import Any

from claudecheck.lab.parts import Answer

Headers = tuple[tuple[str, str], ...]

RETRY: Headers = (("x-should-retry", "true"),)
NO_RETRY: Headers = (("x-should-retry", "false"),)


# -- the API itself --------------------------------------------------------------------------------


def api_error(
    status: int, kind: str, message: str, *, details: dict[str, Any] | None = None, headers: Headers = NO_RETRY
) -> Answer:
    error: dict[str, Any] = {"type": kind, "message": message}
    if details is not None:
        error["details"] = details
    document = {"type": "error", "error": error, "request_id": "{request_id}"}
    return Answer(status=status, body=json.dumps(document), headers=headers, speaker="api")


def not_found(what: str) -> Answer:
    return api_error(404, "not_found_error", what)


# -- the API's edge: no request-id -----------------------------------------------------------------

#: Seen by users behind a region or network that the edge does not accept: neither `type` nor
#: `request_id` around the error.
FORBIDDEN = Answer(status=403, body='{"error":{"type":"forbidden","message":"Request not allowed"}}', speaker="edge")


#: What the edge says of where a request came from, on every host behind it.
EDGE_TRACE = Answer(
    body="fl=1ab100\nh=localhost\nip=192.0.2.77\nts=1795000000.000\nvisit_scheme=https\nuag=lab\ncolo=LAB\n"
    "sliver=none\nhttp=http/1.1\nloc=AQ\ntls=TLSv1.3\nsni=plaintext\nwarp=off\ngateway=off\nrbi=off\nkex=X25519\n",
    content_type="text/plain",
    speaker="edge",
)


def _page(title: str, *paragraphs: str, head: str = "", scripts: str = "") -> str:
    text = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><title>{title}</title>{head}</head>\n'
        f"<body>\n<h1>{title}</h1>\n{text}{scripts}</body>\n</html>\n"
    )


EDGE_CHALLENGE = Answer(
    status=403,
    body=_page(
        "Just a moment...",
        "Checking that the connection is secure. Enable JavaScript and cookies to continue.",
        head='<meta name="robots" content="noindex,nofollow"><meta http-equiv="refresh" content="390">',
        scripts='<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script>\n',
    ),
    content_type="text/html; charset=UTF-8",
    headers=(("cf-mitigated", "challenge"), ("cross-origin-opener-policy", "same-origin")),
    speaker="edge",
)
EDGE_BAD_GATEWAY = Answer(
    status=502,
    body=_page("Bad gateway", "Error code 502. The edge reached no origin.", "Cloudflare Ray ID: 8f2a0c1ab0000000"),
    content_type="text/html; charset=UTF-8",
    speaker="edge",
)
EDGE_TOO_LARGE = Answer(
    status=413,
    body="<html>\n<head><title>413 Request Entity Too Large</title></head>\n<body>\n"
    "<center><h1>413 Request Entity Too Large</h1></center>\n<hr><center>cloudflare</center>\n</body>\n</html>\n",
    content_type="text/html",
    speaker="edge",
)


# -- gateways and other servers ------------------------------------------------------------------

_UVICORN: Headers = (("server", "uvicorn"),)
_NGINX: Headers = (("server", "nginx"),)


def gateway_json(status: int, document: Any) -> Answer:
    """As a Python gateway answers: JSON, in a shape that is not the API's."""
    return Answer(status=status, body=json.dumps(document), headers=_UVICORN)


NO_SUCH_ROUTE = gateway_json(404, {"detail": "Not Found"})


def nginx(status: int, words: str) -> Answer:
    title = f"{status} {words}"
    return Answer(
        status=status,
        body=f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
        content_type="text/html",
        headers=_NGINX,
    )


ENVOY_UNAVAILABLE = Answer(
    status=503,
    body="upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
    content_type="text/plain",
    headers=(("server", "envoy"),),
)

#: Of a server that speaks another vendor's dialect.
OTHER_MODELS = gateway_json(
    200,
    {
        "object": "list",
        "data": [{"id": "llama-4-8b", "object": "model", "created": 1790000000, "owned_by": "library"}],
    },
)


# -- portals and filters ---------------------------------------------------------------------------

PORTAL_URL = "http://portal.lab.claudecheck.test/login"

PORTAL_REDIRECT = Answer(
    status=302,
    body=f'<html><body>Sign in to use this network: <a href="{PORTAL_URL}">continue</a></body></html>\n',
    content_type="text/html",
    headers=(("location", PORTAL_URL + "?next=%2F"), ("cache-control", "no-store")),
)
PORTAL_PAGE = Answer(
    body=_page(
        "Guest Wi-Fi sign-in",
        "Welcome. Accept the terms of use to go online.",
        '<form method="post" action="/login"><input name="room"><input type="password" name="password">'
        "<button>Connect</button></form>",
        head='<meta http-equiv="refresh" content="30">',
    ),
    content_type="text/html; charset=utf-8",
    headers=(("cache-control", "no-store"),),
)


def filter_page(status: int) -> Answer:
    """A web filter's page: some filters send it as a success."""
    return Answer(
        status=status,
        body=_page(
            "Web Page Blocked",
            "Access to this site is blocked by your organization's web filter.",
            "Category: Generative AI. Policy: Default-Web. Contact your IT department if you need access.",
        ),
        content_type="text/html; charset=utf-8",
        headers=(("server", "lab web filter"), ("cache-control", "no-cache")),
    )


WAF_PAGE = Answer(
    status=403,
    body=_page("Request Rejected", "The requested URL was rejected. Your support ID is: 1700000000000000001."),
    content_type="text/html; charset=utf-8",
)


# -- proxies' answers to CONNECT ---------------------------------------------------------------------

_SQUID: Headers = (
    ("server", "squid/6.10"),
    ("mime-version", "1.0"),
    ("via", "1.1 proxy.lab.claudecheck.test (squid/6.10)"),
)


def squid(status: int, code: str, sentence: str, *headers: tuple[str, str]) -> Answer:
    """Squid's error page: the code stands in a header and as the body's id."""
    body = (
        "<!DOCTYPE html>\n<html><head><title>ERROR: The requested URL could not be retrieved</title></head>\n"
        f'<body id="{code}"><h1>ERROR</h1><h2>The requested URL could not be retrieved</h2>\n<p>{sentence}</p>\n'
        "<p>Generated by proxy.lab.claudecheck.test (squid/6.10)</p></body></html>\n"
    )
    return Answer(
        status=status,
        body=body,
        content_type="text/html;charset=utf-8",
        headers=(*_SQUID, ("x-squid-error", f"{code} 0"), *headers),
    )


PROXY_BASIC = squid(
    407, "ERR_CACHE_ACCESS_DENIED", "Cache access needs a name and a password.",
    ("proxy-authenticate", 'Basic realm="lab proxy"'),
)  # fmt: skip
PROXY_NTLM = squid(
    407, "ERR_CACHE_ACCESS_DENIED", "Cache access needs a domain login.",
    ("proxy-authenticate", "Negotiate"), ("proxy-authenticate", "NTLM"),
)  # fmt: skip
PROXY_DENIED = squid(403, "ERR_ACCESS_DENIED", "Access control configuration prevents your request.")
PROXY_CANNOT_CONNECT = squid(503, "ERR_CONNECT_FAIL 110", "Connection to the server failed: it timed out.")
PROXY_CANNOT_FORWARD = squid(502, "ERR_CANNOT_FORWARD", "The parent proxy gave no valid answer.")
PROXY_TIMED_OUT = squid(504, "ERR_READ_TIMEOUT", "The server took too long.")
PROXY_BAD_REQUEST = squid(400, "ERR_INVALID_REQ", "The request is not one that HTTP knows.")
PROXY_ONLY_TUNNELS = squid(403, "ERR_ACCESS_DENIED", "This proxy opens tunnels and nothing else.")
