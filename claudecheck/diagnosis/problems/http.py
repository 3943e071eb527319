"""What an answer says that does not come from the API, or that refuses the credential."""

from claudecheck.diagnosis.change import Asked
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, look
from claudecheck.diagnosis.problems.spelling import api_error, assign, printed, spelled, typed_in, unset

_VERIFY = "claudecheck doctor --no-message"
#: A page where JSON was due, as each client shows it. The SDKs raise nothing by themselves.
_PAGE = printed(
    old="AttributeError: 'str' object has no attribute 'content'",
    new="AttributeError: 'str' object has no attribute 'content'",
    typescript="TypeError: Cannot read properties of undefined (reading …)",
    curl="<!DOCTYPE html>…",
)
_REFUSING_PAGE = printed(
    old="anthropic.PermissionDeniedError: <!DOCTYPE html>…",
    new="anthropic.PermissionDeniedError: <!DOCTYPE html>…",
    typescript="PermissionDeniedError: 403 <!DOCTYPE html>…",
    claude_code="API Error: 403 …",
    curl="<!DOCTYPE html>…",
)
#: Shows the address and the country as the host's own edge sees them.
_WHERE_FROM = spelled(
    sh="curl -sS https://{host}/cdn-cgi/trace |\n  grep -E '^(ip|loc)='",
    powershell="curl.exe -sS https://{host}/cdn-cgi/trace |\n  Select-String '^(ip|loc)='",
)

_GATEWAY = Asked("URL of the gateway, before /v1/messages")
_OFFICIAL = Remedy(
    text="Unset the base URL to call Anthropic's own endpoint",
    change=unset("{base_url_variable}"),
    unless=("gateway-key",),
    guess=True,
    caution="a key that a gateway handed out does not work there",
)

CAPTIVE_PORTAL = Problem(
    code="captive-portal",
    layer="models",
    title="A sign-in page answers in place of the API",
    cause="This network wants you to sign in or to accept its terms before it lets anything through. Until then it answers every request itself, often with a redirect to its own page.",
    owner="you",
    fixes=(
        Remedy(
            text="Open a page without https in the browser, and sign in there",
            commands=spelled(sh="open http://captive.apple.com"),
            systems=("Darwin",),
        ),
        Remedy(
            text="Open a page without https in the browser, and sign in there",
            commands=spelled(sh="xdg-open http://captive.apple.com"),
            systems=("Linux",),
            unless=("no-desktop",),
            tools=("xdg-open",),
        ),
        Remedy(
            text="Open a page without https in the browser, and sign in there",
            commands=spelled(
                powershell="Start-Process http://captive.apple.com",
                cmd="start http://captive.apple.com",
            ),
            systems=("Windows",),
        ),
        ask(
            "Sign in from a machine with a browser on the same network, or ask the network's operator to let this machine through"
        ),
    ),
    verify=_VERIFY,
    looks_like=_PAGE,
    told_apart="A page that is known to answer with one word over plain HTTP is answered by the portal too. A filter blocks single hosts only (`block-page`).",
)

BLOCK_PAGE = Problem(
    code="block-page",
    layer="models",
    title="A web filter answers with its block page in place of the API",
    cause="A filter of the company, school, provider or this machine stopped the request to {host}, and wrote the answer itself. The API has not seen the request, so the key is not at fault.",
    owner="network",
    fixes=(
        Remedy(
            text="If the filter runs on this machine (a virus scanner, parental controls, a sandbox), allow {host} in it",
            unless=("container", "ci"),
        ),
        ask(
            "Ask your network team to allow {host}; the page often names the category (“artificial intelligence”) that is blocked"
        ),
    ),
    verify=_VERIFY,
    looks_like=_REFUSING_PAGE,
    told_apart="The body is a page for people, without a request-id. Other hosts answer as usual, so it is no sign-in page (`captive-portal`).",
)

NOT_THE_API = Problem(
    code="not-the-api",
    layer="models",
    title="Something other than the API answers at {url}",
    cause="The answer has neither the API's form nor its request-id. The base URL names another server or another path of the gateway, or a service that speaks another vendor's format.",
    owner="you",
    fixes=(
        Remedy(
            text="Correct the base URL as the gateway's manual says",
            change=assign("{base_url_variable}", _GATEWAY),
            unless=("official",),
        ),
        _OFFICIAL,
        ask("Ask your network team what answers in place of {host}", when=("official",)),
    ),
    verify=_VERIFY,
    looks_like={
        **_PAGE,
        "Python 0.x": "anthropic.NotFoundError: <html>…, or AttributeError: 'str' object has no attribute 'content'",
        "Python 1.x / 2.x": "anthropic.NotFoundError: <html>…, or AttributeError: 'str' object has no attribute 'content'",
    },
    told_apart="The official endpoint answers the same request in the API's form. A 404 in the API's form that names a model is `model-not-available`.",
)

GATEWAY_ERROR = Problem(
    code="gateway-error",
    layer="models",
    title="A gateway or proxy failed on the way to the API ({status})",
    cause="The answer carries no request-id, so the API did not write it. A box in between took the request and could not pass it on, or got no answer in time.",
    owner="gateway",
    retryable=True,
    fixes=(
        Remedy(
            text="Try again in a minute",
        ),
        Remedy(
            text="Unset the base URL to call Anthropic's own endpoint",
            change=unset("{base_url_variable}"),
            unless=("gateway-key",),
            guess=True,
            caution="with one of Anthropic's keys: a gateway's own key does not work there",
        ),
        ask("Give whoever runs {host} the time and the status"),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old="anthropic.InternalServerError: <html><head><title>502 Bad Gateway</title>…",
        new="anthropic.InternalServerError: <html><head><title>502 Bad Gateway</title>…",
        typescript="InternalServerError: 502 <html><head><title>502 Bad Gateway</title>…",
        claude_code="API Error: 502 …",
        curl="<html><head><title>502 Bad Gateway</title>…",
    ),
    told_apart="No request-id, and mostly a page instead of JSON. With a request-id the API itself failed (`api-error`, `api-unavailable`, `api-timeout`).",
)

MODELS_NOT_SERVED = Problem(
    code="models-not-served",
    layer="models",
    severity="info",
    title="The gateway has no list of models in the API's form",
    cause="`GET /v1/models` is not offered by this gateway, or answers in another form. Programs that only send messages do not need it.",
    owner="gateway",
    fixes=(look("There is nothing to do; name the model yourself where a tool wants to list them"),),
    verify="claudecheck doctor",
    told_apart="The message gets its answer through the same gateway with the same credential.",
)

KEY_INVALID = Problem(
    code="key-invalid",
    layer="models",
    title="The API does not accept this credential (401)",
    cause="The request reached the API. The key is unknown, revoked or expired, belongs to another service, or travels in a header that is not read for this kind of key.",
    owner="you",
    fixes=(
        Remedy(
            text="Replace the secret in the repository's settings (`gh secret set ANTHROPIC_API_KEY`); a running job keeps the old one",
            when=("github-actions",),
            place="the secrets of the repository",
        ),
        Remedy(
            text="If the key was handed out by a gateway or relay, set its address too: without it the key goes to Anthropic",
            change=assign("ANTHROPIC_BASE_URL", Asked("URL of the gateway (https://host)")),
            when=("official", "gateway-key"),
        ),
        Remedy(
            text="Create a new key at platform.claude.com and set it; one that was revoked or has expired does not come back",
            change=typed_in("{key_variable}"),
            unless=("ci",),
        ),
        look(
            "See whether it is the key you mean: the number that this prints must begin with the fingerprint in claudecheck's header",
            spelled(sh="printenv {key_variable} | tr -d '\\n' | openssl sha256"),
            systems=("Linux", "Darwin"),
            tools=("openssl",),
        ),
    ),
    looks_like=api_error(
        401,
        "authentication_error",
        "invalid x-api-key",
        "AuthenticationError",
        claude_code="Invalid API key · Fix external API key",
    ),
    told_apart="A 401 with a request-id comes from the API, so the route is fine. A 407 comes from a proxy (`proxy-auth-required`); at a gateway, try the other header (`header-scheme`).",
)

PERMISSION_DENIED = Problem(
    code="permission-denied",
    layer="models",
    title="The key is valid, and may not do this (403)",
    cause="The request reached the API, which knows the key. Its workspace, its role or its scope does not allow this call.",
    owner="you",
    fixes=(
        Remedy(
            text="Use a key of the workspace that may do it, or ask an administrator of the organization to allow it",
            change=typed_in("{key_variable}"),
        ),
        Remedy(
            text="Name the workspace in every request, which a key that is bound to a person needs",
            change=assign("ANTHROPIC_CUSTOM_HEADERS", Asked("anthropic-workspace-id: wrkspc_…")),
            caution="this replaces headers that are set already",
        ),
    ),
    looks_like=api_error(
        403,
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
        "PermissionDeniedError",
        claude_code="API Error: 403 Your API key does not have permission to use the specified resource.",
    ),
    told_apart="`permission_error` with a request-id is the API's own word. `forbidden` without a request-id is `request-forbidden`; a page is `block-page` or `edge-challenge`.",
)

REQUEST_FORBIDDEN = Problem(
    code="request-forbidden",
    layer="models",
    title="The API's edge takes no requests from this network (403)",
    cause="The request left from {exit}: a country or network that is not served, or from which this account may not be used. The answer “Request not allowed” is given before anybody looks at the key.",
    owner="you",
    fixes=(
        Remedy(
            text="Let this client take the same route as the tools that work: a proxy or VPN in a supported country",
            change=assign("HTTPS_PROXY", Asked("URL of the proxy (http://host:port)")),
            unless=("proxied",),
        ),
        look("See from which address and country your requests leave", _WHERE_FROM, tools=("curl",)),
        ask(
            "If the country is supported, write to Anthropic's support with the time and the `cf-ray` of the answer; a new key or login does not help"
        ),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old="anthropic.PermissionDeniedError: Error code: 403 - {'error': {'type': 'forbidden', 'message': 'Request not allowed'}}",
        new="anthropic.PermissionDeniedError: Error code: 403 - {'error': {'type': 'forbidden', 'message': 'Request not allowed'}}",
        typescript='PermissionDeniedError: 403 {"error":{"type":"forbidden","message":"Request not allowed"}}',
        claude_code='API Error: 403 {"error":{"type":"forbidden","message":"Request not allowed"}}',
        curl='{"error":{"type":"forbidden","message":"Request not allowed"}}',
    ),
    told_apart="The type is `forbidden` and there is no request-id. `permission_error` with a request-id is `permission-denied`. Often it appears after a proxy was unset.",
)

EDGE_CHALLENGE = Problem(
    code="edge-challenge",
    layer="models",
    title="A bot check answers in place of the API (403)",
    cause="Cloudflare, which stands before the host, wants a browser to prove that a person is there. It does so for addresses with a bad reputation: shared VPN exits, proxies, data centres.",
    owner="network",
    fixes=(
        Remedy(text="Leave by another address: without the VPN, by another exit, or by your company's proxy"),
        look("See from which address your requests leave", _WHERE_FROM, tools=("curl",)),
        ask("If the address must stay, give Anthropic's support the time and the `cf-ray` of the answer"),
    ),
    verify=_VERIFY,
    looks_like={
        **_REFUSING_PAGE,
        "Python 0.x": "anthropic.PermissionDeniedError: <!DOCTYPE html>…<title>Just a moment...</title>…",
        "Python 1.x / 2.x": "anthropic.PermissionDeniedError: <!DOCTYPE html>…<title>Just a moment...</title>…",
        "Claude Code": "API Error: 403 <!DOCTYPE html>…<title>Just a moment...</title>…",
    },
    told_apart="The header `cf-mitigated: challenge`, or the title “Just a moment...”. From another address the same request gets through.",
)
