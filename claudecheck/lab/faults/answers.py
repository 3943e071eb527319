"""Faults of the HTTP answer: what the API, its edge, a gateway or a box on the way says, or does not say."""

from __future__ import annotations

from functools import partial

from claudecheck.failures import Stage
from claudecheck.lab.answers import (
    EDGE_BAD_GATEWAY,
    EDGE_CHALLENGE,
    EDGE_TOO_LARGE,
    ENVOY_UNAVAILABLE,
    FORBIDDEN,
    NO_SUCH_ROUTE,
    OTHER_MODELS,
    PORTAL_PAGE,
    PORTAL_REDIRECT,
    RETRY,
    Headers,
    api_error,
    filter_page,
    gateway_json,
    nginx,
)
from claudecheck.lab.faults.fault import Fault, stops, tells
from claudecheck.lab.parts import Answer, Api, Setup

_models = partial(stops, layer=Stage.MODELS)
_messages = partial(stops, layer=Stage.MESSAGES)


def _always(answer: Answer) -> Setup:
    return Setup(api=Api(always=answer))


def _message(answer: Answer) -> Setup:
    return Setup(api=Api(messages=answer))


def _reset_in_seconds(seconds: int) -> Headers:
    return (
        ("retry-after", str(seconds)),
        ("x-should-retry", "true"),
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:00Z"),
    )


# -- something else answers --------------------------------------------------------------------------

_STRANGERS: tuple[Fault, ...] = (
    _models("captive-portal", summary="a Wi-Fi sign-in redirects every request", setup=_always(PORTAL_REDIRECT)),
    _models(
        "captive-portal-page",
        problem="captive-portal",
        summary="a Wi-Fi sign-in page answers every request, as a success",
        setup=_always(PORTAL_PAGE),
    ),
    _models("block-page", summary="a web filter's page answers: 403", setup=_always(filter_page(403))),
    _models(
        "block-page-success",
        problem="block-page",
        summary="a web filter's page answers, as a success",
        setup=_always(filter_page(200)),
    ),
    _models(
        "not-the-api",
        summary="a web server that is not the API answers",
        setup=_always(nginx(404, "Not Found")),
    ),
    _models(
        "not-the-api-json",
        problem="not-the-api",
        summary="another program's JSON answers, without any of the API's paths",
        setup=_always(NO_SUCH_ROUTE),
    ),
    _models(
        "not-the-api-vendor",
        problem="not-the-api",
        summary="a server answers that speaks another vendor's dialect",
        setup=Setup(api=Api(models=OTHER_MODELS, messages=NO_SUCH_ROUTE)),
    ),
    _models(
        "gateway-error",
        summary="a gateway gets no answer from behind it: 502",
        setup=_always(nginx(502, "Bad Gateway")),
    ),
    _models(
        "gateway-error-503",
        problem="gateway-error",
        summary="a gateway has nobody behind it: 503",
        setup=_always(ENVOY_UNAVAILABLE),
    ),
    _models(
        "gateway-error-504",
        problem="gateway-error",
        summary="a gateway waited in vain: 504",
        setup=_always(nginx(504, "Gateway Time-out")),
    ),
    _models(
        "gateway-error-edge",
        problem="gateway-error",
        summary="the edge reaches no API behind it: 502",
        setup=_always(EDGE_BAD_GATEWAY),
    ),
    _models("request-forbidden", summary="the edge does not accept this region or network", setup=_always(FORBIDDEN)),
    _models("edge-challenge", summary="the edge wants a browser to prove itself", setup=_always(EDGE_CHALLENGE)),
    tells(
        "models-not-served",
        Stage.MODELS,
        "the gateway has no list of models; messages work",
        Setup(api=Api(gateway=True, models=NO_SUCH_ROUTE)),
    ),
    _models(
        "header-scheme",
        summary="the gateway reads the key from x-api-key only, and SDK 2.x sends Authorization",
        setup=Setup(api=Api(gateway=True, credential_headers=("x-api-key",))),
        by_variation=True,
    ),
    _models(
        "custom-header-refused",
        summary="a web application firewall refuses one of two headers of ANTHROPIC_CUSTOM_HEADERS",
        setup=Setup(
            variables={"ANTHROPIC_CUSTOM_HEADERS": "X-Team: research\nX-Trace: on"}, api=Api(refused_header="x-trace")
        ),
    ),
    _models(
        "custom-header-refused-alone",
        problem="custom-header-refused",
        summary="a web application firewall refuses the only header of ANTHROPIC_CUSTOM_HEADERS",
        setup=Setup(variables={"ANTHROPIC_CUSTOM_HEADERS": "X-Trace: on"}, api=Api(refused_header="x-trace")),
    ),
    tells(
        "intermittent",
        layer=Stage.MODELS,
        summary="the first request for the models is cut, and everything after it works",
        setup=Setup(api=Api(models_cut=1)),
    ),
    stops(
        "base-url-path-foreign",
        layer=Stage.ENVIRONMENT,
        problem="base-url-path",
        summary="the base URL has a path below which nothing is served",
        setup=Setup(variables={"ANTHROPIC_BASE_URL": "{url}/anthropic"}),
    ),
    _models(
        "user-agent-filtered",
        summary="a web application firewall refuses the SDK's User-Agent",
        setup=Setup(api=Api(refused_agent="anthropic")),
        by_variation=True,
    ),
)

# -- the API refuses -----------------------------------------------------------------------------------

_REFUSALS: tuple[Fault, ...] = (
    _models("key-invalid", summary="the key was revoked", setup=Setup(api=Api(key_revoked=True))),
    _models(
        "permission-denied",
        summary="the key may not do this",
        setup=_always(
            api_error(403, "permission_error", "Your API key does not have permission to use this resource.")
        ),
    ),
    _models(
        "organization-disabled",
        summary="the organization was disabled",
        setup=_always(api_error(400, "invalid_request_error", "This organization has been disabled.")),
    ),
    _models(
        "organization-disabled-hold",
        problem="organization-disabled",
        summary="the organization is on hold",
        setup=_always(
            api_error(
                400,
                "invalid_request_error",
                "This organization is on hold.",
                details={"error_code": "organization_on_hold"},
            )
        ),
    ),
    _models(
        "beta-header-refused",
        summary="the beta that a custom header asks for is not known",
        setup=Setup(
            api=Api(refused_beta=True),
            variables={"ANTHROPIC_CUSTOM_HEADERS": "anthropic-beta: context-9m-2024-01-01"},
        ),
    ),
    _models(
        "cors-refused",
        summary="the request says that it comes from a web page",
        setup=Setup(variables={"ANTHROPIC_CUSTOM_HEADERS": "Origin: https://app.example.com"}),
    ),
    _messages("model-not-available", summary="no model is open to this key", setup=Setup(api=Api(unavailable=("*",)))),
    _messages(
        "request-invalid",
        summary="the API refuses the message as it stands",
        setup=_message(
            api_error(400, "invalid_request_error", "max_tokens: Input should be greater than or equal to 16")
        ),
    ),
    _messages(
        "credit-exhausted",
        summary="the credit balance is too low",
        setup=_message(
            api_error(
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API. "
                "Please go to Plans & Billing to upgrade or purchase credits.",
            )
        ),
    ),
    _messages(
        "credit-exhausted-402",
        problem="credit-exhausted",
        summary="the bill was not paid: 402",
        setup=_message(api_error(402, "billing_error", "Payment is required to continue.")),
    ),
    _messages("request-too-large", summary="the edge finds the request too large: 413", setup=_message(EDGE_TOO_LARGE)),
    _messages(
        "rate-limited",
        summary="too many requests: 429, come back in 37 seconds",
        setup=_message(
            api_error(
                429,
                "rate_limit_error",
                "This request would exceed your organization's rate limit of 50 requests per minute.",
                headers=_reset_in_seconds(37),
            )
        ),
    ),
    _messages(
        "spend-limit-reached",
        summary="the month's limit of the organization's tier is reached: 429",
        setup=_message(
            api_error(
                429,
                "rate_limit_error",
                "Your organization has reached its monthly usage limit.",
                details={"error_code": "enforced_spend_limit_reached"},
            )
        ),
    ),
    _messages(
        "spend-limit-reached-own",
        problem="spend-limit-reached",
        summary="the limit that the organization set for itself is reached: 400",
        setup=_message(
            api_error(
                400,
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain access on 2030-01-01 at 00:00 UTC.",
            )
        ),
    ),
)

# -- the API fails -------------------------------------------------------------------------------------

_FAILURES: tuple[Fault, ...] = (
    _messages(
        "api-error",
        summary="the API has an internal error: 500",
        setup=_message(api_error(500, "api_error", "Internal server error", headers=RETRY)),
    ),
    _messages(
        "api-timeout",
        summary="the API ran out of time: 504",
        setup=_message(api_error(504, "timeout_error", "Request timed out", headers=RETRY)),
    ),
    _messages(
        "api-unavailable",
        summary="the API is not available: 503",
        setup=_message(api_error(503, "api_error", "Service unavailable", headers=RETRY)),
    ),
    _messages(
        "api-overloaded",
        summary="the API is overloaded: 529",
        setup=_message(api_error(529, "overloaded_error", "Overloaded", headers=RETRY)),
    ),
)

# -- the answer does not come, or not whole ------------------------------------------------------------

_SILENT = Answer(ending="silence")
_LONG_LIST = '{"data": [' + '{"type": "model", "id": "claude-haiku-5-5"}, ' * 40 + "], "

_BROKEN: tuple[Fault, ...] = (
    _models("response-timeout", summary="the request is taken, and no answer comes", setup=_always(_SILENT)),
    _messages(
        "response-timeout-message",
        problem="response-timeout",
        summary="the list of models comes, and the message is never answered",
        setup=_message(_SILENT),
    ),
    _models(
        "response-cut",
        summary="the connection ends in the middle of the answer",
        setup=_always(Answer(body=_LONG_LIST, ending="cut", speaker="api")),
    ),
    _models(
        "response-cut-reset",
        problem="response-cut",
        summary="the connection is reset in the middle of the answer",
        setup=_always(Answer(body=_LONG_LIST, ending="reset", speaker="api")),
    ),
    _models(
        "response-cut-early",
        problem="response-cut",
        summary="the connection ends where an answer was due",
        setup=_always(Answer(ending="none")),
    ),
    _messages(
        "response-cut-message",
        problem="response-cut",
        summary="the list of models comes, and the message's answer is cut off",
        setup=_message(Answer(body=_LONG_LIST, ending="cut", speaker="api")),
    ),
    _models("response-malformed", summary="a success whose JSON is empty: {}", setup=_always(gateway_json(200, {}))),
    _models(
        "response-malformed-empty",
        problem="response-malformed",
        summary="a success without a body",
        setup=_always(Answer(content_type="application/json")),
    ),
    _models(
        "response-malformed-json",
        problem="response-malformed",
        summary="a success whose JSON ends in the middle",
        setup=_always(Answer(body=_LONG_LIST)),
    ),
    _messages(
        "response-malformed-message",
        problem="response-malformed",
        summary="the list of models is fine, and the message's answer is {}",
        setup=_message(gateway_json(200, {})),
    ),
    _messages(
        "idle-cut",
        summary="answers that keep still for two seconds are cut off; streamed ones get through",
        setup=Setup(api=Api(plain_messages=Answer(ending="none", delay_s=2.0))),
        by_variation=True,
    ),
    _messages(
        "stream-blocked",
        summary="plain answers get through, streamed ones do not",
        setup=Setup(api=Api(gateway=True, streams=nginx(502, "Bad Gateway"))),
        by_variation=True,
    ),
    _messages(
        "large-request-dropped",
        summary="requests of more than 8 kB are never answered",
        setup=Setup(api=Api(largest_body=8192)),
        by_variation=True,
    ),
    _messages(
        "sdk-differs",
        summary="a web application firewall refuses the headers that only the SDK sends",
        setup=Setup(api=Api(refused_header="x-stainless-")),
        by_variation=True,
    ),
)

FAULTS: tuple[Fault, ...] = (*_STRANGERS, *_REFUSALS, *_FAILURES, *_BROKEN)
