"""What an answer to the models call says, and which answers are not the API's at all.

`judge` serves the message too: the same answer means the same at both stages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from claudecheck.clients.whole_number import whole_number
from claudecheck.diagnosis import origin, products, questions, variations
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.rules.environment import login_failed
from claudecheck.failures import Failure, Stage
from claudecheck.observations import Exit, HttpExchange
from claudecheck.report import Confidence, Finding, Layer, Owner, Severity

_LONGEST_WAIT_S = 7 * 24 * 3600
_FORWARDED_BY_GATEWAY = (502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530)


def find(evidence: Evidence) -> Iterable[Finding]:
    yield from _incident(evidence)
    seen = evidence.models
    if seen is None or seen.ok or seen.failure is Failure.CANCELLED:
        return
    if _no_key_sent(seen) and seen.status in (401, 403) and origin.reached(seen, official=evidence.official):
        return  # the route is proved; the missing key is told by the environment's rule
    if login_failed(seen) or explained(evidence, seen):
        return  # told by the environment's rule
    works = evidence.message is not None and evidence.message.ok
    if works:
        yield _beside_the_route(evidence, seen)
        return
    if (listed := _listed_otherwise(evidence, seen)) is not None:
        yield listed
        return
    for varied in (_refused_header(evidence), _wrong_path(evidence, seen)):
        if varied is not None:
            yield varied
            return
    plain = evidence.tried(questions.PLAIN_MODELS)
    if plain is None or not plain.reached:  # else it is the client: told by its own rule
        yield judge(evidence, seen, "models")


def _listed_otherwise(evidence: Evidence, seen: HttpExchange) -> Finding | None:
    """No message was asked for that would show what this gateway speaks."""
    if not evidence.lists_otherwise:
        return None
    not_proved = "not proved: that it takes a message of the API's form, since none was sent"
    return evidence.finding("models-not-served", seen=[*_seen(seen), not_proved], severity="warning")


def _refused_header(evidence: Evidence) -> Finding | None:
    """Without one custom header, or without all of them, the request gets through."""
    if evidence.models is not None and _by_words(evidence.models):
        return None  # the API itself has said which header, and why
    alone = [outcome for outcome in evidence.tried_all(questions.WITHOUT_HEADER) if outcome.reached]
    together = evidence.tried(questions.NO_CUSTOM_HEADERS)
    if not alone and (together is None or not together.reached):
        return None
    names = [outcome.tried.before for outcome in alone] or evidence.route.custom_headers
    answers = [*alone, *([together] if together is not None else [])]
    return evidence.finding(
        questions.WITHOUT_HEADER.means,
        values={"header": " or ".join(names)},
        seen=[
            *(_seen(evidence.models) if evidence.models is not None else []),
            *(f"{one.tried.changed} {one.tried.before} {one.tried.after}: {one.text}" for one in answers),
        ],
        ruled_out=evidence.cleared(Stage.MODELS),
        confidence="high" if len(names) == 1 else "medium",
        owner="you" if evidence.official else None,
        layer="models",
    )


def _wrong_path(evidence: Evidence, seen: HttpExchange) -> Finding | None:
    """Nothing is served below the path of the base URL, and the API is without it."""
    without = evidence.tried(questions.BASE_PATH)
    if without is None or not without.reached:
        return None
    return evidence.finding(
        questions.BASE_PATH.means,
        values={
            "variable": evidence.route.base_url_source,
            "value": evidence.route.url,
            "suggestion": without.tried.after,
        },
        seen=[*_seen(seen), f"{without.tried.changed} {without.tried.after}: {without.text}"],
        ruled_out=evidence.cleared(Stage.MODELS),
        severity="error",
    )


def _incident(evidence: Evidence) -> Iterable[Finding]:
    """The status page, asked because the API itself said that it is unwell, reports an incident."""
    outcome = evidence.tried(questions.STATUS_PAGE)
    if outcome is None or not outcome.reached:
        return
    for step in outcome.observations:
        if isinstance(step, HttpExchange) and step.incidents:
            told = [f"{step.url}: {incident}" for incident in step.incidents[:3]]
            yield evidence.finding("service-incident", seen=told, severity="info", layer="models")


def explained(evidence: Evidence, seen: HttpExchange) -> bool:
    """A concern of the environment foresaw this very answer: one cause, told once."""
    return any(seen.status in CATALOGUE[concern.kind].confirmed_by for concern in evidence.concerns)


def _no_key_sent(seen: HttpExchange) -> bool:
    return not seen.authenticated and seen.client != "sdk"


def _beside_the_route(evidence: Evidence, seen: HttpExchange) -> Finding:
    """The message works, so the models call was not needed: information, or a warning."""
    told = _seen(seen)
    if not evidence.official and seen.status and seen.status not in _FORWARDED_BY_GATEWAY:
        return evidence.finding("models-not-served", seen=told, severity="info")
    finding = judge(evidence, seen, "models")
    return evidence.finding(
        finding.code, values=values_of(seen), seen=finding.seen, confidence=finding.confidence,
        severity="warning", layer="models", owner=finding.owner,
    )  # fmt: skip


def values_of(seen: HttpExchange) -> dict[str, str]:
    """The holes that an answer fills."""
    limits = [
        f"{name.removeprefix('anthropic-ratelimit-')} {value}"
        for name, value in seen.headers.items()
        if name.startswith("anthropic-ratelimit-") and name.endswith(("-limit", "-remaining"))
    ]
    values = {
        "status": str(seen.status) if seen.status else "",
        "message": seen.error_message[:300],
        "detail": seen.error[:300],
        "request_id": seen.request_id,
        "retry_after": _seconds(seen.headers.get("retry-after", "")),
        "location": seen.location[:200],
        "model": seen.model,
        "limit": ", ".join(limits[:4]),
        "product": products.inspector([seen.body, *seen.headers.values()]),
    }
    return {name: value for name, value in values.items() if value}


def _seconds(value: str) -> str:
    """Seconds, or a date; what is neither, or longer than a week, says nothing."""
    if value.strip().isdigit():
        seconds = whole_number(value.strip(), most=_LONGEST_WAIT_S)
        return f"{seconds} s" if seconds is not None else ""
    return value if len(value) <= len("Mon, 30 Nov 2026 10:00:00 GMT") else ""


def _seen(seen: HttpExchange) -> list[str]:
    if not seen.status:
        sent = f"{seen.method} {seen.url}: {seen.error or seen.failure}"
        came_back = f'what came back: "{seen.body[:100]}"' if seen.body else ""
        return [sent, came_back, f"it stopped in the phase {seen.phase}" if seen.phase else ""]
    first = f"{seen.method} {seen.url}: {seen.status}"
    if seen.error_type:
        first += f" {seen.error_type}"
    told = [first]
    if seen.error_message:
        told.append(f'its own words: "{seen.error_message[:300]}"')
    if not seen.request_id:
        told.append("no request-id: the API did not write this answer")
    else:
        told.append(f"request-id {seen.request_id}")
    if seen.shape in ("html", "text", "empty", "json"):
        kind = {"html": "an HTML page", "text": "plain text", "empty": "nothing", "json": "JSON of another shape"}[
            seen.shape
        ]
        if seen.error and seen.shape == "empty":  # bytes came, and could not be read
            kind = f"unreadable: {seen.error[:200]}"
        told.append(f"the body is {kind}" + (f": {_excerpt(seen.body)}" if seen.body.strip() else ""))
    speakers = [
        f"{name}: {seen.headers[name]}"
        for name in ("server", "via", "cf-ray", "cf-mitigated", "location", "x-deny-reason")
        if name in seen.headers
    ]
    if speakers and not seen.request_id:
        told.append("; ".join(speakers))
    return told


def _excerpt(body: str) -> str:
    title = re.search(r"<title[^>]*>([^<]{1,120})", body, re.IGNORECASE)
    if title:
        return f'"{title[1].strip()}"'
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", body)
    return f'"{" ".join(text.split())[:120]}"'


Verdict = tuple[str, Confidence, Owner | None]


def judge(evidence: Evidence, seen: HttpExchange, layer: Layer) -> Finding:
    """The problem that one failed exchange shows."""
    code, confidence, owner = _verdict(evidence, seen)
    stage = Stage.MODELS if layer == "models" else Stage.MESSAGES
    severity: Severity = "error"
    told = [*_seen(seen), *_where_it_left(evidence)]
    if code == "header-scheme" and (other := evidence.tried(questions.OTHER_HEADER)) is not None:
        told.append(f"with {other.tried.after} instead of {other.tried.before}: {other.text}")
    if (model := evidence.tried(questions.OTHER_MODEL)) is not None:
        told.append(f"the model {model.tried.after} instead of {model.tried.before}: {model.text}")
    return evidence.finding(
        code,
        values=_filled(evidence, seen, code),
        seen=told,
        ruled_out=evidence.cleared(stage),
        confidence=confidence,
        severity=severity,
        layer=own if (own := CATALOGUE[code].layer) in ("tls", "proxy") else layer,
        owner=owner,
    )


def _filled(evidence: Evidence, seen: HttpExchange, code: str) -> dict[str, str]:
    values = values_of(seen)
    if exits := _exits(evidence):
        values["exit"] = " and ".join(one.in_words for one in exits)
    if code == "header-scheme" and (other := evidence.tried(questions.OTHER_HEADER)) is not None:
        values |= {"header": other.tried.after, "value": other.tried.before}
    return values


def _exits(evidence: Evidence) -> list[Exit]:
    """Where the requests left, as the edge of the route's own host sees it: one, or one a family."""
    answers = [step for one in evidence.tried_all(questions.EXIT) for step in one.observations]
    found = [step.leaves for step in answers if isinstance(step, HttpExchange) and step.leaves is not None]
    return list({one.address: one for one in found}.values())


def _where_it_left(evidence: Evidence) -> list[str]:
    exits = _exits(evidence)
    told = [f"the edge sees the request come from {one.in_words}" for one in exits]
    if len({one.country for one in exits}) > 1:
        told.append("IPv4 and IPv6 leave in different countries: the two ways out are not the same")
    return told


def _verdict(evidence: Evidence, seen: HttpExchange) -> Verdict:
    if not seen.status:
        return _no_answer(seen)
    if seen.failure is Failure.CUT:
        return "response-cut", "high", None
    if seen.failure is Failure.TIMED_OUT:
        return "response-timeout", "high", None
    who = origin.answered_by(seen, official=evidence.official)
    for check in (_redirected, _edge, _api_words, _gateway_failed, _page, _other_body):
        verdict = check(evidence, seen, str(who))
        if verdict is not None:
            return verdict
    return "not-the-api", "medium", None


def _no_answer(seen: HttpExchange) -> Verdict:
    match seen.failure:
        case Failure.TIMED_OUT:
            return "response-timeout", "high" if seen.phase in ("wait", "body", "send") else "medium", "network"
        case Failure.RESET | Failure.CLOSED | Failure.CUT:
            return "response-cut", "high" if seen.phase in ("wait", "body", "send") else "medium", None
        case Failure.MALFORMED:
            return "response-malformed", "medium", None
        case Failure.PROXY_AUTH_REQUIRED:
            return "proxy-auth-required", "high", None
        case Failure.PROXY_DENIED:
            return "proxy-denied", "high", None
        case Failure.PROXY_UPSTREAM_FAILED:
            return "proxy-upstream-failed", "high", None
        case Failure.REFUSED | Failure.UNREACHABLE | Failure.NAME_NOT_FOUND | Failure.TRY_AGAIN:
            return "intermittent", "medium", None  # the stages before got through, a moment ago
        case Failure.CLIENT_REFUSED:
            return "custom-headers-invalid", "medium", None
        case Failure.LOCAL_LIMIT:
            return "tcp-local-limit", "medium", "you"
        case _:
            return "unknown", "low", None


def _redirected(evidence: Evidence, seen: HttpExchange, who: str) -> Verdict | None:
    if seen.status == 511:
        return "captive-portal", "high", None
    if seen.status not in (301, 302, 303, 307, 308):
        return None
    if who == "portal":
        return "captive-portal", "high", None
    if products.reads_like_block(seen.location):
        return "block-page", "high", None
    return ("captive-portal", "medium", None) if evidence.official else ("not-the-api", "high", None)


def _edge(evidence: Evidence, seen: HttpExchange, _who: str) -> Verdict | None:
    """In front of the API, or of whatever gateway: refused before anything read the key."""
    if seen.headers.get("cf-mitigated", "").lower() == "challenge" or "just a moment" in seen.body.lower()[:2000]:
        return "edge-challenge", "high", None
    if seen.status == 403 and seen.error_type == "forbidden" and not seen.request_id:
        return "request-forbidden", "high", None
    if seen.status == 413:
        return "request-too-large", "high", None
    agent = evidence.tried(questions.NEUTRAL_AGENT)
    if seen.status in (403, 406, 429) and not seen.request_id and agent is not None and _differs(agent):
        return "user-agent-filtered", "high", None
    return None


def _differs(outcome: variations.Outcome) -> bool:
    """The variation met the API, whatever it said: the request got past what had refused it."""
    return outcome.reached or any(
        isinstance(step, HttpExchange) and (step.request_id or step.shape in origin.API_SHAPES)
        for step in outcome.observations
    )


def _api_words(evidence: Evidence, seen: HttpExchange, who: str) -> Verdict | None:
    """An error in the API's own shape, from the API or from a gateway that speaks it."""
    if seen.shape != "api-error" or (not seen.request_id and evidence.official and seen.error_type == "forbidden"):
        return None
    if seen.status == 401 and not evidence.official:
        other = evidence.tried(questions.OTHER_HEADER)
        if other is not None and _accepted(other):
            return "header-scheme", "high", None
    from_api = who == "api"
    return _by_status(seen, from_api=from_api) or _by_type(seen)


def _accepted(outcome: variations.Outcome) -> bool:
    return any(
        isinstance(step, HttpExchange) and step.status and step.status not in (401, 403)
        for step in outcome.observations
    )


_SPEND = re.compile(r"usage limit|spend(ing)? limit|spend cap|monthly (limit|spend)|specified api usage", re.IGNORECASE)
_CREDIT = re.compile(r"credit balance|billing|payment|purchase credits", re.IGNORECASE)
_DISABLED = re.compile(
    r"organization (has been |is )?(disabled|on hold|suspended)|organization_on_hold|account (has been |is )?disabled",
    re.IGNORECASE,
)
_BETA = re.compile(r"anthropic-beta|beta header|beta feature", re.IGNORECASE)
_SPEND_CODES = ("enforced_spend_limit_reached", "contract_spend_limit_reached")


#: Statuses that mean one thing, whatever the words.
_PLAIN = {
    400: "request-invalid",
    422: "request-invalid",
    401: "key-invalid",
    403: "permission-denied",
    429: "rate-limited",
    500: "api-error",
    503: "api-unavailable",
    504: "api-timeout",
    408: "api-timeout",
    529: "api-overloaded",
}


def _by_words(seen: HttpExchange) -> str:
    """A 400, 402, 403 or 429 says in words what its status does not."""
    words = f"{seen.error_message} {seen.error_code}"
    if seen.error_code in _SPEND_CODES or (seen.status in (400, 429) and _SPEND.search(words)):
        return "spend-limit-reached"
    if seen.status in (400, 401, 403) and _DISABLED.search(words):
        return "organization-disabled"
    if seen.status == 402 or (seen.status in (400, 403) and _CREDIT.search(words)):
        return "credit-exhausted"
    if seen.status in (400, 401, 403) and "cors" in words.lower():
        return "cors-refused"
    return "beta-header-refused" if seen.status == 400 and _BETA.search(words) else ""


def _by_status(seen: HttpExchange, *, from_api: bool) -> Verdict | None:
    if code := _by_words(seen):
        return code, "high", None
    if seen.status == 404:
        named = seen.stage == "messages" or "model" in seen.error_message.lower()
        return ("model-not-available", "high", None) if named else ("not-the-api", "medium", None)
    if not from_api and seen.status in (502, 503, 504):
        return "gateway-error", "high", "gateway"
    if seen.status in _PLAIN:
        server_fault = seen.status == 500 and not from_api
        return _PLAIN[seen.status], "high", "gateway" if server_fault else None
    return None


def _by_type(seen: HttpExchange) -> Verdict | None:
    by_type = {
        "authentication_error": "key-invalid",
        "permission_error": "permission-denied",
        "billing_error": "credit-exhausted",
        "rate_limit_error": "rate-limited",
        "overloaded_error": "api-overloaded",
        "timeout_error": "api-timeout",
        "api_error": "api-error",
        "not_found_error": "model-not-available",
        "invalid_request_error": "request-invalid",
        "request_too_large": "request-too-large",
    }
    code = by_type.get(seen.error_type)
    return (code, "medium", None) if code else ("unknown", "low", None)


def _gateway_failed(evidence: Evidence, seen: HttpExchange, _who: str) -> Verdict | None:
    if seen.status in _FORWARDED_BY_GATEWAY:
        return "gateway-error", "high", "network" if evidence.official else "gateway"
    if seen.status == 429 and not seen.request_id:
        return "rate-limited", "medium", "gateway" if not evidence.official else None
    return None


def _page(evidence: Evidence, seen: HttpExchange, who: str) -> Verdict | None:
    """A page for people where JSON was due: a portal, a filter, or simply another web server."""
    if seen.shape not in ("html", "text"):
        return None
    product = products.inspector([seen.body, *seen.headers.values()])
    if _wants_certificate(evidence, seen):
        return "tls-client-certificate-required", "high", "gateway"
    if who == "portal" and not product:
        return "captive-portal", "high", None
    blocked = products.reads_like_block(seen.body)
    if product or (blocked and (seen.status in (403, 451, 200) or who == "proxy")):
        return "block-page", "high" if product or who == "proxy" or evidence.official else "medium", None
    if who == "proxy" or "x-deny-reason" in seen.headers:
        return "block-page", "medium", None
    return "not-the-api", "high", None if evidence.official else "you"


def _wants_certificate(evidence: Evidence, seen: HttpExchange) -> bool:
    """Asked for in the handshake, and missed in the answer: servers may say it only then."""
    handshake = evidence.handshake()
    asked = handshake is not None and handshake.client_certificate_requested
    return asked and seen.status in (400, 401, 403, 495, 496) and "certificate" in seen.body.lower()


def _other_body(evidence: Evidence, seen: HttpExchange, _who: str) -> Verdict | None:
    if "x-deny-reason" in seen.headers:
        return "block-page", "high", None
    if 200 <= seen.status < 300:
        foreign = seen.shape in ("json", "other-model-list") and bool(seen.body.strip(" \n{}[]"))
        if not evidence.official and foreign:
            return "not-the-api", "medium", "you"
        return "response-malformed", "high", None
    if seen.status == 401:
        other = evidence.tried(questions.OTHER_HEADER)
        if not evidence.official and other is not None and _accepted(other):
            return "header-scheme", "high", None
        return "key-invalid", "medium", None if evidence.official else "gateway"
    if seen.status == 403:
        return ("request-forbidden" if evidence.official else "permission-denied"), "medium", None
    if seen.status in (404, 405):
        return "not-the-api", "high", "you"
    if seen.status >= 500:
        return "gateway-error", "high", "network" if evidence.official else "gateway"
    return None


def _portal_or_block(step: HttpExchange) -> str:
    """Empty when the answer is odd and neither: a proxy that carries no plain HTTP, say."""
    if products.inspector([step.body, *step.headers.values()]):
        return "block-page"
    if origin.is_portal(step) or step.location:
        return "captive-portal"
    return "block-page" if step.shape == "html" and products.reads_like_block(step.body) else ""


def portal_from_check(evidence: Evidence) -> Finding | None:
    """The page that is known to answer 204 or one word was answered by something else."""
    outcome = evidence.tried(questions.PORTAL_CHECK)
    if outcome is None:
        return None
    for step in outcome.observations:
        if isinstance(step, HttpExchange) and step.status and not step.ok:
            code = _portal_or_block(step)
            if not code:
                continue
            handshake = evidence.handshake()
            issuer = (
                f'the certificate shown for {evidence.route.host} is from "{handshake.chain[0].issuer}"'
                if handshake and handshake.chain
                else ""
            )
            return evidence.finding(
                code,
                values=values_of(step),
                seen=[
                    f"{step.url} answered {step.status}, not what it always answers",
                    f"redirect to {step.location}" if step.location else "",
                    issuer,
                ],
                confidence="high" if origin.is_portal(step) or step.location else "medium",
                layer="models",
            )
    return None
