"""What the API itself says: about the model, the request, the account, the limits, and its own failures."""

from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, in_program, look
from claudecheck.diagnosis.problems.spelling import api_error, spelled, typed_in, unset, with_python

_STATUS_PAGE = look(
    "See whether an incident is reported",
    spelled(
        sh="curl -sS https://status.claude.com/api/v2/status.json",
        powershell="curl.exe -sS https://status.claude.com/api/v2/status.json",
    ),
    tools=("curl",),
)
_LIST_MODELS = '"import anthropic as a;print([m.id for m in a.Client().models.list()])"'
_MORE_RETRIES = in_program(
    "Let the SDK try more often; it waits longer each time and obeys `retry-after`",
    python="client = anthropic.Anthropic(max_retries=6)",
    clients=("python",),
)
_SUPPORT = ask("If it stays, give Anthropic's support {request_id}")
_STREAM = in_program(
    "Stream the answer: then it may take as long as it needs",
    python="with client.messages.stream(…) as stream:\n    message = stream.get_final_message()",
)

MODEL_NOT_AVAILABLE = Problem(
    code="model-not-available",
    layer="messages",
    title="The model is not available to this key: {model}",
    cause="The API knows no model of this name for your workspace: it is misspelled, has a provider's prefix, has been retired, or is not enabled for you.",
    owner="you",
    fixes=(
        Remedy(
            text="Leave away what belongs to another provider: `anthropic:` or `anthropic/` in front, `-v1:0` at the end"
        ),
        look(
            "List the models that this key may use, and take one of them",
            spelled(
                sh=f"{{python}} -c \\\n  {_LIST_MODELS}",
                powershell=f"& {{python}} -c `\n  {_LIST_MODELS}",
                cmd=f"{{python}} -c ^\n  {_LIST_MODELS}",
            ),
        ),
        ask("If the list lacks a model that you should have, ask an administrator of the organization"),
    ),
    looks_like=api_error(
        404, "not_found_error", "model: claude-…", "NotFoundError", claude_code="API Error: 404 … model: claude-…"
    ),
    told_apart="Another model gets an answer with the same request. A 404 without the word `model` is the base URL's (`base-url-path`, `not-the-api`).",
)

REQUEST_INVALID = Problem(
    code="request-invalid",
    layer="messages",
    title="The API refuses the request as it is written (400)",
    cause="The request reached the API, and the same request will be refused again. The API's own words, under `seen`, name the part that it does not take.",
    owner="you",
    fixes=(
        in_program(
            "Leave out `temperature`, `top_p` and `top_k`: the API version of the SDK 2.x takes none of them, not even their defaults"
        ),
        Remedy(
            text="If the words name a field that your SDK adds or lacks, upgrade it",
            commands=with_python("-m pip install --upgrade anthropic"),
            clients=("python",),
        ),
        ask(
            "If they name `anthropic-version`, ask the gateway's operator to pass all `anthropic-` headers on",
            unless=("official",),
        ),
    ),
    looks_like=api_error(400, "invalid_request_error", "…", "BadRequestError"),
    told_apart="The smallest message works with the same key and model: then the content is at fault. A 400 that speaks of credit is `credit-exhausted`.",
)

CREDIT_EXHAUSTED = Problem(
    code="credit-exhausted",
    layer="messages",
    title="The organization of this key has no credit left",
    cause="The API knows the key, and the balance behind it is too low. A Claude Pro or Max subscription does not pay for API keys; the two are billed apart.",
    owner="you",
    fixes=(
        Remedy(
            text="If you have a subscription, unset the key: Claude Code takes it before the login",
            change=unset("ANTHROPIC_API_KEY"),
            clients=("claude-code",),
        ),
        Remedy(text="Add credit at https://platform.claude.com/settings/billing"),
        Remedy(
            text="If the balance is not empty, the key belongs to another organization: compare the header `anthropic-organization-id` of the answer with the Console, and use a key of the right one",
            change=typed_in("{key_variable}"),
        ),
    ),
    looks_like=api_error(
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. …",
        "BadRequestError",
        claude_code="Credit balance is too low",
    ),
    told_apart="A 402, or a 400 whose words speak of credit or billing. The models call needs no credit and works.",
)

ORGANIZATION_DISABLED = Problem(
    code="organization-disabled",
    layer="models",
    title="The organization of this key is disabled or on hold",
    cause="The API knows the key, and the account behind it may not be used. No setting of this machine changes that.",
    owner="you",
    fixes=(
        Remedy(
            text="If you meant a subscription or another organization, unset the key of this one",
            change=unset("ANTHROPIC_API_KEY"),
        ),
        ask("Read the mail to the organization's owner, then write to Anthropic's support with {request_id}"),
    ),
    looks_like=api_error(
        400,
        "invalid_request_error",
        "This organization has been disabled.",
        "BadRequestError",
        claude_code="Your ANTHROPIC_API_KEY belongs to a disabled organization · Unset the environment variable to use your subscription instead",
    ),
    told_apart="A key of another organization works on the same route.",
)

REQUEST_TOO_LARGE = Problem(
    code="request-too-large",
    layer="messages",
    title="The request is larger than what the way to the API takes (413)",
    cause="The API takes messages of up to 32 MB; a proxy or gateway on the way may take much less. Sending it again does not help.",
    owner="you",
    fixes=(
        in_program("Send less: upload files with the Files API and name them, shrink images, shorten the history"),
        ask(
            "If the request is far below 32 MB, ask whoever runs the gateway or proxy for a higher limit (in nginx: `client_max_body_size 32m`)"
        ),
    ),
    looks_like=api_error(
        413,
        "request_too_large",
        "Request exceeds the maximum size",
        "ContentTooLargeError",
        raised_before="RequestTooLargeError",
        claude_code="API Error: 413 …",
    ),
    told_apart="The size decides: a short message gets through. JSON comes from Anthropic, a page from a proxy or gateway. A reset instead of an answer is `large-request-dropped`.",
)

RATE_LIMITED = Problem(
    code="rate-limited",
    layer="models",
    title="The rate limit is reached (429); come back in {retry_after}",
    cause="Too many requests or tokens in a short time for the limits of this organization. Other programs with a key of the same organization count too.",
    owner="you",
    retryable=True,
    fixes=(
        Remedy(text="Wait as long as `retry-after` says: {retry_after}"),
        _MORE_RETRIES,
        in_program("Send less at the same time (a semaphore around the calls), or spread batches"),
        ask("Ask for higher limits in the Console under Limits"),
    ),
    looks_like=api_error(
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit …",
        "RateLimitError",
        claude_code="API Error: 429 …",
    ),
    told_apart="`retry-after` is there and short. Without it, and with words about a usage or spend limit, it is `spend-limit-reached`. Without a request-id a gateway limits you, not the API.",
)

SPEND_LIMIT_REACHED = Problem(
    code="spend-limit-reached",
    layer="messages",
    title="A spending limit is reached; waiting some seconds does not help",
    cause="The organization or the workspace has used up what it may spend in this period. The limit is your own, or that of your tier.",
    owner="you",
    fixes=(
        Remedy(text="Raise the limit at https://platform.claude.com/settings/limits, or ask an administrator to"),
        Remedy(
            text="Use a key of a workspace with a limit of its own that is not used up",
            change=typed_in("{key_variable}"),
        ),
        Remedy(text="Wait for the date that the API's words name, and switch retries off until then: they all fail"),
    ),
    looks_like=api_error(
        400,
        "invalid_request_error",
        "You have reached your specified API usage limits. …",
        "BadRequestError",
        claude_code="API Error: 429 You have reached your API usage limits…",
    ),
    told_apart="The words name a usage or spend limit, and no `retry-after` comes with a 429. `rate-limited` is over in seconds or minutes.",
)

API_ERROR = Problem(
    code="api-error",
    layer="models",
    title="The API failed internally (500)",
    cause="The request reached the API, which made a mistake of its own. Your key, network and settings are fine.",
    owner="anthropic",
    retryable=True,
    fixes=(
        Remedy(text="Try again; the SDK does so twice by itself"),
        _STATUS_PAGE,
        _SUPPORT,
    ),
    looks_like=api_error(
        500,
        "api_error",
        "Internal server error",
        "InternalServerError",
        claude_code="API Error: 500 Internal server error",
    ),
    told_apart="A 500 with a request-id. Without one a gateway or proxy wrote it (`gateway-error`).",
)

API_TIMEOUT = Problem(
    code="api-timeout",
    layer="models",
    title="The API gave up on the request, because it took too long (504)",
    cause="The request reached the API, and the answer was not ready in the time that it allows for one that is not streamed.",
    owner="anthropic",
    retryable=True,
    fixes=(
        _STREAM,
        in_program("Ask for less at once: fewer output tokens, or the Message Batches API"),
        _STATUS_PAGE,
    ),
    looks_like=api_error(
        504,
        "timeout_error",
        "Request timed out",
        "GatewayTimeoutError",
        raised_before="InternalServerError",
        claude_code="API Error: 504 Request timed out",
    ),
    told_apart="A 504 with a request-id. Without one, a proxy or gateway gave up first (`gateway-error`).",
)

API_UNAVAILABLE = Problem(
    code="api-unavailable",
    layer="models",
    title="The API is not available for the moment (503)",
    cause="The request reached the API, which cannot serve it now. Your key, network and settings are fine.",
    owner="anthropic",
    retryable=True,
    fixes=(
        Remedy(text="Try again in a minute"),
        _MORE_RETRIES,
        _STATUS_PAGE,
    ),
    looks_like=api_error(
        503,
        "api_error",
        "Service unavailable",
        "ServiceUnavailableError",
        raised_before="InternalServerError",
        claude_code="API Error: 503 Service unavailable",
    ),
    told_apart="A 503 with a request-id. Without one, a proxy or gateway wrote it (`gateway-error`).",
)

API_OVERLOADED = Problem(
    code="api-overloaded",
    layer="models",
    title="The API is overloaded for the moment (529)",
    cause="More people ask than the API can serve now. It is not your rate limit, and your key, network and settings are fine.",
    owner="anthropic",
    retryable=True,
    fixes=(
        Remedy(text="Try again in a minute, or take another model: each has its own capacity"),
        _MORE_RETRIES,
        _STATUS_PAGE,
    ),
    looks_like=api_error(
        529,
        "overloaded_error",
        "Overloaded",
        "OverloadedError",
        claude_code="API Error: Repeated 529 Overloaded errors",
    ),
    told_apart="The status is 529 with `overloaded_error`. Your own limit would be a 429 (`rate-limited`).",
)
