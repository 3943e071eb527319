"""What happens to the exchange itself: it stalls, breaks off, is changed on the way, or refused for its form."""

from claudecheck.diagnosis.change import Change, Copied, Listed, Unheaded
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, in_program, look
from claudecheck.diagnosis.problems.spelling import (
    assign,
    connection_error,
    everywhere,
    printed,
    raised,
    spelled,
    timeout_error,
    unset,
    with_python,
)
from claudecheck.diagnosis.problems.tls import LOWER_MTU

_STREAM = in_program(
    "Stream the answer: then something arrives all the time",
    python="with client.messages.stream(…) as stream:\n    message = stream.get_final_message()",
)
_WITHOUT_VPN = Remedy(
    text="Try without VPN, proxy and the web protection of a virus scanner, one at a time, to find the one that does it",
    unless=("container", "ci"),
    kind="look",
)

RESPONSE_TIMEOUT = Problem(
    code="response-timeout",
    layer="models",
    title="The request was sent, and no answer came in time",
    cause="The connection stands and the request went out, and then nothing came back until the time was over. The answer takes long, or a box on the way lost it.",
    owner="network",
    retryable=True,
    billed=True,
    fixes=(
        _STREAM,
        in_program(
            "If the answer may take that long, allow more time (in seconds)",
            python="client = anthropic.Anthropic(timeout=600)",
            clients=("python",),
        ),
        _WITHOUT_VPN,
        ask("Ask whoever runs {host} why it does not answer", unless=("official",)),
        ask("Tell your network team after how many seconds the answer is given up", when=("official",)),
    ),
    looks_like=timeout_error(
        "ReadTimeout: timed out",
        curl="curl: (28) Operation timed out after … milliseconds with 0 bytes received",
    ),
    told_apart="The cause is `ReadTimeout`; `ConnectTimeout` is an earlier stage. If every failure takes the same round time (60, 120, 300 s), a box on the way has that limit (`idle-cut`).",
)

RESPONSE_SLOW = Problem(
    code="response-slow",
    layer="messages",
    severity="warning",
    title="One token took {seconds}",
    cause="The message got through, and its answer of a single token came late. The API is busy, or a gateway or a proxy on the way holds requests back.",
    owner="anthropic",
    retryable=True,
    fixes=(
        look(
            "See whether it stays so, and at which stage the time goes",
            everywhere("{claudecheck} watch --message --every 10s --for 2m"),
        ),
        ask("Ask whoever runs {host} why it answers late", unless=("official",)),
    ),
    looks_like=raised("every call works, and takes seconds longer than it used to"),
    told_apart="The connection itself is quick. Where each connect takes long, it is `network-slow`; where no answer comes at all, `response-timeout`.",
)

RESPONSE_CUT = Problem(
    code="response-cut",
    layer="models",
    title="The connection broke off before the answer was complete",
    cause="The request was sent, and the connection was reset or closed before the whole answer had come. A proxy, a firewall, a VPN that reconnects or a gateway that restarts does that.",
    owner="network",
    retryable=True,
    billed=True,
    fixes=(
        look(
            "Try again: if it works mostly, the line is unsteady; if it breaks at the same place each time, a box cuts it"
        ),
        _WITHOUT_VPN,
        ask("Tell your network team at which size and after how many seconds it breaks off"),
    ),
    looks_like=connection_error(
        "RemoteProtocolError: peer closed connection without sending complete message body (received 6 bytes, expected 500), or Server disconnected without sending a response.",
        node="other side closed",
        claude_code="API Error: Connection closed before the response finished",
        curl="curl: (18) transfer closed with … bytes remaining to read, or curl: (52) Empty reply from server",
    ),
    told_apart="The stages up to the request worked. If only long answers break, it is `idle-cut`; if only large requests break, `large-request-dropped`.",
)

CONNECTION_RESET = Problem(
    code="connection-reset",
    layer="models",
    title="The connection was reset; the text does not say at which stage",
    cause="Somebody ended the connection by force: a firewall, a filter, a proxy, or the other side. The same words stand for a cut in the handshake, in the request and in the answer.",
    owner="network",
    retryable=True,
    fixes=(
        look("Let the doctor find the stage: it looks at each one by itself", everywhere("{claudecheck} doctor")),
        _WITHOUT_VPN,
    ),
    looks_like=connection_error(
        "ReadError: [Errno 104] Connection reset by peer",
        node="read ECONNRESET",
        claude_code="API Error: Unable to connect to API (ECONNRESET)",
        curl="curl: (56) Recv failure: Connection reset by peer",
    ),
    told_apart="Reset after the first message of the handshake is `tls-reset` or `tls-name-filtered`; after the request was sent it is `response-cut` or `large-request-dropped`.",
)

RESPONSE_MALFORMED = Problem(
    code="response-malformed",
    layer="models",
    title="The answer is broken, or is not what the API sends",
    cause="What came back is empty, unreadable or of another form. A gateway or a proxy on the way changes answers, or makes them up. The SDK may take such an answer for a good one.",
    owner="gateway",
    fixes=(
        Remedy(
            text="Unset the base URL to call Anthropic's own endpoint",
            change=unset("{base_url_variable}"),
            unless=("gateway-key",),
            guess=True,
            caution="with one of Anthropic's keys: a gateway's own key does not work there",
        ),
        _WITHOUT_VPN,
        ask("Ask whoever runs {host} to pass the API's answers on unchanged", unless=("official",)),
        ask("Ask your network team what changes the answers of {host}", when=("official",)),
    ),
    looks_like=raised(
        "json.decoder.JSONDecodeError: …, or no error at all and a message whose fields are None",
        typescript="SyntaxError: … in JSON at position …",
    ),
    told_apart="The status is 200. A page for people in the body is `captive-portal`, `block-page` or `not-the-api`.",
)

STREAM_BLOCKED = Problem(
    code="stream-blocked",
    layer="messages",
    title="Streamed answers do not get through; plain ones do",
    cause="A proxy or gateway on the way collects the stream and passes it on at its end, cuts it, or refuses `text/event-stream`. Programs that show the answer as it is written then hang or fail.",
    owner="network",
    billed=True,
    fixes=(
        in_program(
            "Until it is mended, ask for short answers without streaming",
            python="message = client.messages.create(…, max_tokens=1024)",
            clients=("python",),
        ),
        _WITHOUT_VPN,
        ask(
            "Ask whoever runs the proxy or gateway not to buffer `text/event-stream` (in nginx: `proxy_buffering off`, or the header `X-Accel-Buffering: no` from the last hop)"
        ),
    ),
    looks_like=printed(
        old="httpx.RemoteProtocolError: peer closed connection … (not wrapped by the SDK), or everything at once at the end",
        new="httpx2.RemoteProtocolError: peer closed connection … (not wrapped by the SDK), or everything at once at the end",
        claude_code="API Error: Connection closed before the response finished",
    ),
    told_apart="The same request works without streaming. The arrival times tell a cut from a buffer: with a buffer all events come in one moment.",
)

IDLE_CUT = Problem(
    code="idle-cut",
    layer="messages",
    title="Long answers are cut while the connection is silent",
    cause="A box on the way (a NAT gateway, a load balancer, a proxy, a function's time limit) drops connections on which nothing moves for some time. A plain answer is silent until it is complete; a streamed one is not.",
    owner="network",
    retryable=False,
    billed=True,
    fixes=(
        _STREAM,
        in_program(
            "Do not build the client with a transport of your own: the SDK's keeps the connection alive (TCP keep-alive after 60 s)",
            python="client = anthropic.Anthropic()",
            clients=("python",),
        ),
        ask("Ask your network team, or look in your cloud's settings, for the idle timeout on the way, and raise it"),
    ),
    looks_like=timeout_error("ReadTimeout: timed out", curl="curl: (52) Empty reply from server"),
    told_apart="The plain answer fails after the same number of seconds each time, and the streamed answer to the same request gets through.",
)

LARGE_REQUEST_DROPPED = Problem(
    code="large-request-dropped",
    layer="messages",
    title="Small requests get through, and larger ones do not",
    cause="Something on the way loses or resets larger requests: a part of the way that carries only smaller packets, an inspection box that gives up, or a relay with a limit that it does not tell.",
    owner="network",
    fixes=(
        *LOWER_MTU,
        _WITHOUT_VPN,
        ask(
            "Tell your network team, or whoever runs the gateway, that uploads to {host} fail, and from which size on ({size})"
        ),
    ),
    looks_like=connection_error(
        "WriteError: [Errno 104] Connection reset by peer, or APITimeoutError (cause: WriteTimeout)",
        node="write EPIPE, or read ECONNRESET",
        claude_code="API Error: Unable to connect to API (ECONNRESET)",
    ),
    told_apart="Bodies of growing size are sent for free to `count_tokens`: the first size that fails, and whether smaller packets cure it, name the cause. A 413 is `request-too-large`.",
)

USER_AGENT_FILTERED = Problem(
    code="user-agent-filtered",
    layer="messages",
    title="A filter refuses the SDK's User-Agent and lets others through",
    cause="A web application firewall before {host} decides by the name that the client gives itself. The key is fine: nobody has looked at it.",
    owner="network",
    fixes=(
        Remedy(
            text="Give the client another name",
            change=assign(
                "ANTHROPIC_CUSTOM_HEADERS", Listed("ANTHROPIC_CUSTOM_HEADERS", ("User-Agent: my-app/1.0",), "\n")
            ),
            caution="the filter may be there on purpose",
        ),
        ask("Ask whoever runs the firewall to allow the SDK's User-Agent (`Anthropic/Python …`, `Anthropic/JS …`)"),
    ),
    looks_like=printed(
        old="anthropic.PermissionDeniedError: … Your request was blocked. …",
        new="anthropic.PermissionDeniedError: … Your request was blocked. …",
        typescript="PermissionDeniedError: 403 …",
        curl="works, because curl gives another name",
    ),
    told_apart="Only the User-Agent was changed, and the request got through.",
)

CUSTOM_HEADER_REFUSED = Problem(
    code="custom-header-refused",
    layer="models",
    title="The custom header {header} is refused",
    cause="ANTHROPIC_CUSTOM_HEADERS adds it to every request, and something before {host} refuses requests that carry it: a firewall or the gateway. The same request without it was answered.",
    owner="you",
    fixes=(
        Remedy(
            text="Take {header} out of ANTHROPIC_CUSTOM_HEADERS, and leave the other headers in",
            change=assign("ANTHROPIC_CUSTOM_HEADERS", Unheaded("ANTHROPIC_CUSTOM_HEADERS", "{header}")),
            when=("other-headers",),
        ),
        Remedy(
            text="Send no custom headers at all",
            change=unset("ANTHROPIC_CUSTOM_HEADERS"),
            caution="headers that a gateway needs go with it",
        ),
        ask("If the header is needed, ask whoever runs {host} to allow it"),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=printed(
        old="anthropic.PermissionDeniedError: …",
        new="anthropic.PermissionDeniedError: …",
        typescript="PermissionDeniedError: 403 …",
        claude_code="API Error: 403 …",
        curl="works, because curl does not send it",
    ),
    told_apart="Only that header was left out, and the request got through.",
)

BETA_HEADER_REFUSED = Problem(
    code="beta-header-refused",
    layer="messages",
    title="An `anthropic-beta` value is refused on this route",
    cause="The client asks for a feature in preparation, and the gateway, the provider or this version of the API does not know it.",
    owner="gateway",
    fixes=(
        Remedy(
            text="Let Claude Code leave such values out",
            change=assign("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", "1"),
            clients=("claude-code",),
        ),
        in_program("Leave the value out of `betas=`, `extra_headers=` and ANTHROPIC_CUSTOM_HEADERS"),
        ask("Ask whoever runs the gateway to pass the header on, or to drop values that it does not know"),
    ),
    looks_like=printed(
        old="anthropic.BadRequestError: Error code: 400 - … Unexpected value(s) … for the `anthropic-beta` header …",
        new="anthropic.BadRequestError: Error code: 400 - … Unexpected value(s) … for the `anthropic-beta` header …",
        typescript="BadRequestError: 400 … Unexpected value(s) … for the `anthropic-beta` header …",
        claude_code="API Error: 400 … Unexpected value(s) … for the `anthropic-beta` header …",
    ),
    told_apart="The same request without the header works, or works on the official endpoint.",
)

CORS_REFUSED = Problem(
    code="cors-refused",
    layer="messages",
    title="A browser may not call the API directly like this",
    cause="The page calls the API from the browser without the header that allows it, so the API or the browser refuses. In a browser everybody who opens the page can read the key.",
    owner="you",
    fixes=(
        in_program("Call the API from your server, and let the page call the server: the key then stays there"),
        in_program(
            "Where only you use the page, allow it in the client",
            typescript="new Anthropic({ apiKey, dangerouslyAllowBrowser: true })",
            caution="everybody who can open the page can read the key",
        ),
    ),
    looks_like=printed(
        typescript="AnthropicError: It looks like you're running in a browser-like environment. …, or 401 … CORS requests …"
    ),
    told_apart="The same request from a server or a terminal works with the same key.",
)

HEADER_SCHEME = Problem(
    code="header-scheme",
    layer="models",
    title="The gateway reads the key from another header than the client's",
    cause="The SDK 2.x sends an API key as `Authorization: Bearer`, before that it was `x-api-key`. This gateway reads only the other one, so it sees no key.",
    owner="gateway",
    fixes=(
        Remedy(
            text="Send the key as `x-api-key` too, which this gateway reads",
            change=assign("ANTHROPIC_CUSTOM_HEADERS", Copied("ANTHROPIC_API_KEY", "x-api-key: ")),
            when=("wants-x-api-key",),
            caution="this replaces headers that are set already",
        ),
        Remedy(
            text="Hand the key over as a token: every version sends that as `Authorization`, which this gateway reads",
            change=Change(sets=(("ANTHROPIC_AUTH_TOKEN", Copied("ANTHROPIC_API_KEY")),), unsets=("ANTHROPIC_API_KEY",)),
            when=("wants-authorization",),
        ),
        Remedy(
            text="If the gateway reads only `x-api-key`, send that too",
            change=assign("ANTHROPIC_CUSTOM_HEADERS", Copied("ANTHROPIC_API_KEY", "x-api-key: ")),
            unless=("wants-authorization", "wants-x-api-key"),
            caution="this replaces headers that are set already",
        ),
        Remedy(
            text="If it reads only `Authorization`, hand the key over as a token, which every version sends there",
            change=Change(sets=(("ANTHROPIC_AUTH_TOKEN", Copied("ANTHROPIC_API_KEY")),), unsets=("ANTHROPIC_API_KEY",)),
            unless=("wants-authorization", "wants-x-api-key"),
        ),
        ask("Ask whoever runs {host} to read both headers"),
    ),
    looks_like=printed(
        old="anthropic.AuthenticationError: Error code: 401 - …",
        new="anthropic.AuthenticationError: Error code: 401 - …",
        typescript="AuthenticationError: 401 …",
        claude_code="Invalid API key · Fix external API key",
    ),
    told_apart="Only the header was changed, and the gateway accepted the same key. It often begins with an upgrade of the SDK.",
)

SDK_DIFFERS = Problem(
    code="sdk-differs",
    layer="messages",
    title="A plain HTTP client gets through, and {client} does not",
    cause="Same machine, same route, same key: what differs is the client's own configuration. It may trust other CAs, use another proxy, send other headers or wait less long.",
    owner="you",
    fixes=(
        in_program(
            "Build the client without a transport, HTTP client or timeout of your own, and try again",
            python="client = anthropic.Anthropic()",
            clients=("python",),
        ),
        Remedy(
            text="Install the current SDK",
            commands=with_python("-m pip install --upgrade anthropic"),
            clients=("python",),
        ),
        Remedy(
            text="Let the SDK log what it does: the URL, the headers without the key, and each retry",
            change=assign("ANTHROPIC_LOG", "debug"),
            clients=("python", "typescript"),
            kind="look",
            caution="the log holds your messages",
        ),
        look(
            "Let curl show what it does, step by step",
            spelled(sh="curl -v {url}/v1/models", powershell="curl.exe -v {url}/v1/models"),
            tools=("curl",),
            clients=("curl",),
        ),
        look(
            "Set what Node reads beside what worked: its proxy, its CA certificates, its options",
            everywhere("{claudecheck} routes"),
            clients=("typescript", "node", "claude-code"),
        ),
    ),
    looks_like=raised("anthropic.APIConnectionError: Connection error. (while curl works)", curl="works"),
    told_apart="Only the client was changed, and the request got through.",
)

SERVICE_INCIDENT = Problem(
    code="service-incident",
    layer="models",
    severity="info",
    title="The status page reports an incident for this service now",
    cause="Anthropic reports trouble with this component. It may be the reason for what was found here, and it may have nothing to do with it.",
    owner="anthropic",
    retryable=True,
    fixes=(look("Follow https://status.claude.com, and try again when the incident is over"),),
    told_apart="Read from status.claude.com, which is run apart from the API. It covers Anthropic's own services, not gateways and not the clouds.",
)
