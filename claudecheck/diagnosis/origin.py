"""Who sent an HTTP answer: the API itself, its edge, a gateway, a proxy or a portal. Pure.

The API puts a request-id on everything it sends; whatever lacks one was sent by something else.
Any status is not "reachable": the headers and the body's shape decide.
"""

from __future__ import annotations

from collections.abc import Mapping

from claudecheck.diagnosis import products
from claudecheck.observations import HttpExchange
from claudecheck.report import AnsweredBy

#: Shapes that only the API, or a gateway that speaks its language, sends.
API_SHAPES = ("model-list", "message", "api-error", "token-count")
_PROXY_HEADERS = ("proxy-authenticate", "proxy-connection", "x-squid-error", "x-zscaler", "x-bluecoat", "x-forti")


def answered_by(seen: HttpExchange, *, official: bool) -> AnsweredBy | None:
    """None when nothing answered."""
    if not seen.status:
        return None
    if from_api(seen, official=official):
        return "api"
    if not official and (seen.shape in API_SHAPES or seen.shape == "other-model-list"):
        return "gateway"
    if is_portal(seen):
        return "portal"
    if any(name.startswith(_PROXY_HEADERS) for name in seen.headers) or (
        "via" in seen.headers and seen.shape == "html"
    ):
        return "proxy"
    server = seen.headers.get("server", "").lower()
    if "squid" in server or "squid" in seen.body.lower()[:1500]:
        return "proxy"
    if official and (server == "cloudflare" or "cf-ray" in seen.headers or seen.error_type == "forbidden"):
        return "edge"
    return "unknown" if official else "gateway"


def edge_location(headers: Mapping[str, str]) -> str:
    """The data centre of the edge that answered, as its `cf-ray` ends: "FRA"; empty when none did."""
    _, dash, location = headers.get("cf-ray", "").rpartition("-")
    return location if dash else ""


def from_api(seen: HttpExchange, *, official: bool) -> bool:
    """The API itself answered: a request-id of its format. A gateway that hands one through counts too."""
    if not seen.request_id:
        return False
    return seen.request_id.startswith("req_") or official


def reached(seen: HttpExchange, *, official: bool) -> bool:
    """Did this exchange reach the API? A gateway's valid answer counts, with or without request-id."""
    if from_api(seen, official=official):
        return True
    return not official and seen.shape in API_SHAPES and seen.status not in (502, 503, 504)


def is_portal(seen: HttpExchange) -> bool:
    if seen.status == 511:
        return True
    if seen.status in (301, 302, 303, 307, 308) and seen.location:
        return products.reads_like_portal(seen.location) or products.reads_like_portal(seen.body)
    if seen.shape != "html":
        return False
    return products.reads_like_portal(seen.body) and not products.inspector([seen.body])
