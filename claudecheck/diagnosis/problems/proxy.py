"""What is wrong with the proxy on the route: everything up to the tunnel."""

from claudecheck.diagnosis.change import Asked, Change, Copied, Edited
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, in_program
from claudecheck.diagnosis.problems.spelling import (
    PROXY_VARIABLES,
    assign,
    bypass,
    connection_error,
    printed,
    proxy_with_password,
    rescheme,
    spelled,
    timeout_error,
    unset,
)

_VERIFY = "claudecheck doctor --no-message"
_LEAVES_ELSEWHERE = (
    "the request then leaves from another place; if the API does not serve that region, it ends in a 403"
)
_TUNNEL_REFUSED_IN_CLAUDE_CODE = "API Error: Couldn't connect through your proxy (ERR_PROXY_TUNNEL) — the proxy refused the tunnel: check its credentials and that it allows this host"

#: What the user must know of a proxy.
PROXY_URL = Asked("URL of the proxy (http://host:port)")
_CORRECT = Remedy(
    text="Correct the address of the proxy",
    change=assign("{proxy_variable}", PROXY_URL),
    unless=("proxy-from-system",),
)
_WITHOUT = (
    Remedy(
        text="Unset the proxy variables: without them this machine reaches {host}",
        change=unset(*PROXY_VARIABLES),
        when=("direct-works",),
        caution=_LEAVES_ELSEWHERE,
    ),
    Remedy(
        text="If no proxy is needed here, unset the proxy variables",
        change=unset(*PROXY_VARIABLES),
        unless=("direct-works", "direct-fails"),
        caution=_LEAVES_ELSEWHERE,
    ),
)
_START = (
    Remedy(
        text="Inside a container `localhost` is the container itself: name the host machine instead",
        change=assign(
            "{proxy_variable}", Edited("{proxy_variable}", "localhost|127[.]0[.]0[.]1", "host.docker.internal")
        ),
        when=("local-proxy", "docker"),
        guess=True,
        caution="on Linux the container needs `--add-host=host.docker.internal:host-gateway`",
    ),
    Remedy(text="Start the proxy program on this machine", when=("local-proxy",), unless=("container",)),
    Remedy(
        text="If the proxy is a program on this machine, start it",
        unless=("local-proxy", "remote-proxy", "container"),
    ),
)
_CONNECT = Remedy(text="Connect to the company network or VPN that the proxy belongs to", unless=("local-proxy",))

PROXY_NAME_NOT_FOUND = Problem(
    code="proxy-name-not-found",
    layer="proxy",
    title="The name of the proxy does not resolve",
    cause="{proxy_variable} sends every request to {proxy}, and no resolver knows that name here. Such names often exist only inside the company's network or its VPN.",
    owner="you",
    fixes=(
        *_WITHOUT,
        _CONNECT,
        _CORRECT,
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno -2] Name or service not known",
        claude_code="API Error: Can't reach the API server — check your internet or DNS (FailedToOpenSocket)",
        curl="curl: (5) Could not resolve proxy: proxy.example",
    ),
    told_apart="The text is the same as for the API's own name (`dns-name-not-found`). The route decides: with a proxy only the proxy's name is looked up.",
)

PROXY_REFUSED = Problem(
    code="proxy-refused",
    layer="proxy",
    title="The proxy refuses the connection",
    cause="{proxy_variable} sends every request to {proxy}, and nothing listens there: the proxy program is not running, the port is wrong, or the address belongs to another machine.",
    owner="you",
    fixes=(
        *_START,
        *_WITHOUT,
        _CORRECT,
        ask("Ask your network team whether {proxy} is the right proxy for this machine", when=("remote-proxy",)),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 111] Connection refused",
        claude_code="API Error: Connection refused — a firewall or proxy may be blocking it (ConnectionRefused)",
        curl="curl: (7) Failed to connect to 127.0.0.1 port 3128: Couldn't connect to server",
    ),
    told_apart="The text is the same as for the API itself (`tcp-refused`). The route decides: with a proxy only the proxy is connected to.",
)

PROXY_TIMEOUT = Problem(
    code="proxy-timeout",
    layer="proxy",
    title="The proxy does not answer",
    cause="{proxy_variable} sends every request to {proxy}, and nothing comes back from there. The proxy is down, cannot be reached from this network, or hangs.",
    owner="you",
    fixes=(
        *_WITHOUT,
        _CONNECT,
        _CORRECT,
        ask(
            "Ask your network team whether {proxy} is up, and the right proxy for this machine", unless=("local-proxy",)
        ),
    ),
    verify=_VERIFY,
    looks_like=timeout_error(
        "ConnectTimeout: timed out, or ReadTimeout: timed out",
        curl="curl: (28) Connection timed out after … milliseconds",
    ),
    told_apart="The proxy alone is connected to and asked for a tunnel; the API's own address plays no part.",
)

PROXY_UNREACHABLE = Problem(
    code="proxy-unreachable",
    layer="proxy",
    title="There is no route to the proxy",
    cause="{proxy_variable} sends every request to {proxy}, and this machine knows no way there. Mostly the address belongs to a company's network that is not connected now.",
    owner="you",
    fixes=(
        *_WITHOUT,
        _CONNECT,
        _CORRECT,
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 101] Network is unreachable, or [Errno 113] No route to host",
        claude_code="API Error: No internet route — check your connection or VPN (ENETUNREACH)",
        curl="curl: (7) Failed to connect to proxy.example port 3128: Couldn't connect to server",
    ),
    told_apart="The system says at once that there is no way to the proxy; silence would be `proxy-timeout`.",
)

PROXY_AUTH_REQUIRED = Problem(
    code="proxy-auth-required",
    layer="proxy",
    title="The proxy wants a user name and a password (407)",
    cause="{proxy} lets nobody through who does not sign in, and the proxy URL holds no name and password, or wrong ones.",
    owner="you",
    fixes=(
        Remedy(
            text="Put your user name and password for the proxy into its URL; both are asked for and encoded",
            commands=proxy_with_password(),
            needs=("the user name for the proxy", "the password for the proxy"),
            caution="an account that changes its password needs this again",
        ),
        ask(
            "Ask your network team for a route to {host} that needs no sign-in: an exception for the host, or an account for programs"
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ProxyError: 407 Proxy Authentication Required",
        claude_code=_TUNNEL_REFUSED_IN_CLAUDE_CODE,
        curl="curl: (56) CONNECT tunnel failed, response 407",
    ),
    told_apart="The proxy itself answers 407 to CONNECT, before anything reaches the API. A 401 comes from the API (`key-invalid`).",
)

PROXY_AUTH_UNSUPPORTED = Problem(
    code="proxy-auth-unsupported",
    layer="proxy",
    title="The proxy wants a sign-in that the SDKs lack ({schemes})",
    cause="{proxy} answers 407 and offers only ways to sign in such as NTLM or Kerberos. The SDKs and Claude Code can send a name and a password (Basic) and nothing else, so no setting of theirs will help.",
    owner="network",
    fixes=(
        Remedy(
            text="Run a small proxy on this machine that signs in with your system's account, and name it as the proxy",
            commands=spelled(
                sh="{ pipx run --spec px-proxy px --proxy={proxy_host}:{proxy_port} & }",
                fish="begin\n  pipx run --spec px-proxy px --proxy={proxy_host}:{proxy_port} &\nend",
                powershell="Start-Process pipx -ArgumentList run, --spec, px-proxy, px,\n  --proxy={proxy_host}:{proxy_port}",
            ),
            change=assign("{proxy_variable}", "http://127.0.0.1:3128"),
            tools=("pipx",),
            caution="ask first whether your company allows it",
        ),
        ask(
            "Ask your network team for an exception for {host}, for Basic authentication, or for a gateway inside the company"
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ProxyError: 407 Proxy Authentication Required",
        claude_code=_TUNNEL_REFUSED_IN_CLAUDE_CODE,
        curl="curl: (56) CONNECT tunnel failed, response 407",
    ),
    told_apart="`Proxy-Authenticate` in the proxy's answer names Negotiate, NTLM or Kerberos, and not Basic.",
)

PROXY_LOGIN_UNWANTED = Problem(
    code="proxy-login-unwanted",
    layer="proxy",
    title="The SOCKS proxy takes no user name and password, and its URL holds them",
    cause="A client with a user name and a password offers a SOCKS proxy no other way to sign in, and {proxy} accepts only clients that offer none. Nothing was sent to it.",
    owner="you",
    fixes=(
        Remedy(
            text="Take the user name and the password out of the proxy URL",
            change=assign("{proxy_variable}", "{proxy}"),
        ),
        ask("Ask your network team how this proxy is meant to be used"),
    ),
    verify=_VERIFY,
    looks_like=connection_error("ProxyError: No acceptable authentication methods were offered"),
    told_apart="The same proxy opens the tunnel when no user name and password are offered. One that wants them is `proxy-auth-required`.",
)

PROXY_DENIED = Problem(
    code="proxy-denied",
    layer="proxy",
    title="The proxy forbids the way to {host} ({status})",
    cause="{proxy} is there and works, and refuses to open a tunnel to {host}. That is a rule of whoever runs it.",
    owner="network",
    fixes=(
        ask(
            "Ask your network team, or whoever runs this sandbox, to allow CONNECT to {host}, port {port}, or for the proxy that may open it"
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ProxyError: 403 Forbidden",
        claude_code=_TUNNEL_REFUSED_IN_CLAUDE_CODE,
        curl="curl: (56) CONNECT tunnel failed, response 403",
    ),
    told_apart="The proxy opens a tunnel to another host, and not to this one. A 403 from the API would come through the tunnel (`permission-denied`, `request-forbidden`).",
)

PROXY_UPSTREAM_FAILED = Problem(
    code="proxy-upstream-failed",
    layer="proxy",
    title="The proxy itself cannot reach {host} ({status})",
    cause="{proxy} takes the request for a tunnel and cannot open it: its own way to {host} is broken (its DNS, its firewall, or a proxy above it).",
    owner="network",
    retryable=True,
    fixes=(
        Remedy(
            text="Take {host} off the proxy: the direct route works",
            change=bypass("{host}"),
            when=("direct-works",),
            caution=_LEAVES_ELSEWHERE,
        ),
        Remedy(
            text="If the direct route is open here, take {host} off the proxy",
            change=bypass("{host}"),
            unless=("direct-works", "direct-fails"),
            caution=_LEAVES_ELSEWHERE,
        ),
        ask("Tell your network team that {proxy} cannot open tunnels to {host}:{port}, and since when"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ProxyError: 502 Bad Gateway, 503 Service Unavailable or 504 Gateway Timeout",
        claude_code=_TUNNEL_REFUSED_IN_CLAUDE_CODE,
        curl="curl: (56) CONNECT tunnel failed, response 502",
    ),
    told_apart="The status comes in answer to CONNECT, so the proxy wrote it and not the API. A 502 inside the tunnel is `gateway-error`.",
)

PROXY_NOT_A_PROXY = Problem(
    code="proxy-not-a-proxy",
    layer="proxy",
    title="What answers at {proxy} is not a proxy",
    cause="Something listens there and does not answer CONNECT as a proxy does: it closes, speaks another protocol, or is a web server. Often it is the port of another service, or a gateway that belongs in the base URL.",
    owner="you",
    fixes=(
        Remedy(
            text="It speaks HTTP and not SOCKS: write the proxy URL with `http://`",
            change=assign("{proxy_variable}", Edited("{proxy_variable}", "^socks[45]?[ah]?:", "http:")),
            when=("proxy-plain",),
        ),
        *_WITHOUT,
        Remedy(
            text="If it is a gateway (LiteLLM or the like), name it as the base URL, and not as a proxy",
            change=Change(
                sets=(("ANTHROPIC_BASE_URL", "http://{proxy_host}:{proxy_port}"),),
                unsets=("HTTPS_PROXY", "https_proxy"),
            ),
            unless=("proxy-plain", "direct-works"),
            guess=True,
        ),
        Remedy(
            text="If it is a SOCKS proxy, say so in the URL",
            change=assign("{proxy_variable}", Edited("{proxy_variable}", "^https?:", "socks5h:")),
            unless=("proxy-plain", "direct-works"),
            guess=True,
            clients=("python", "curl"),
        ),
        _CORRECT,
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "RemoteProtocolError: Server disconnected without sending a response.",
        curl="curl: (56) Proxy CONNECT aborted",
    ),
    told_apart="A plain CONNECT gets no HTTP answer, over TLS neither. If it does over TLS, the problem is `proxy-tls-failed`.",
)

PROXY_TLS_FAILED = Problem(
    code="proxy-tls-failed",
    layer="proxy",
    title="TLS to the proxy itself fails",
    cause="`https://` in a proxy URL means that the way to the proxy is encrypted, not that https pages go through it. Most proxies speak plain HTTP on their port. A few want TLS, with a certificate that this machine must trust.",
    owner="you",
    fixes=(
        Remedy(
            text="The proxy speaks plain HTTP: write its URL with `http://`",
            change=rescheme("https", "http"),
            when=("proxy-plain",),
        ),
        Remedy(
            text="The proxy wants TLS: write its URL with `https://`",
            change=rescheme("http", "https"),
            when=("proxy-wants-tls",),
        ),
        Remedy(
            text="If the proxy speaks plain HTTP, write its URL with `http://`",
            change=rescheme("https", "http"),
            unless=("proxy-plain", "proxy-wants-tls", "proxy-untrusted"),
        ),
        Remedy(
            text="Trust the CA that signed the proxy's certificate: `claudecheck explain tls-untrusted-issuer` says how",
            when=("proxy-untrusted",),
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [SSL: WRONG_VERSION_NUMBER] wrong version number, or ConnectTimeout: _ssl.c:989: The handshake operation timed out",
        curl="curl: (35) OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number",
    ),
    told_apart="A plain CONNECT to the same port is answered: then only the scheme is wrong. An `https://` base URL on a plain port prints the same (`tls-not-tls`).",
)

PROXY_UNNEEDED = Problem(
    code="proxy-unneeded",
    layer="proxy",
    title="The proxy fails, and the direct way works",
    cause="{proxy_variable} sends every request to {proxy}, which does not work. Without it, this machine reaches {host}. The setting is probably left over from another network or a program that is gone.",
    owner="you",
    fixes=(
        Remedy(
            text="Unset the proxy variables",
            change=unset(*PROXY_VARIABLES),
            caution=_LEAVES_ELSEWHERE,
        ),
        Remedy(
            text="The proxy comes from the system's settings: switch it off there, or take {host} off it",
            change=bypass("{host}"),
            when=("proxy-from-system",),
            caution=_LEAVES_ELSEWHERE,
        ),
        *_START,
    ),
    verify=_VERIFY,
    looks_like=printed(curl="curl: (7) Failed to connect to 127.0.0.1 port 3128: Couldn't connect to server"),
    told_apart="Only the proxy was left out, and the request got through.",
)

PROXY_REQUIRED = Problem(
    code="proxy-required",
    layer="proxy",
    title="{host} can be reached only through a proxy",
    cause="The direct way is blocked. This machine knows a proxy that opens it, {proxy} ({variable}), and {client} does not use it for this host.",
    owner="you",
    fixes=(
        Remedy(
            text="Unset NO_PROXY, which takes {host} off the proxy, or keep only names inside your network in it",
            change=unset("NO_PROXY", "no_proxy"),
            when=("bypassed",),
            caution="names inside your network then go through the proxy too",
        ),
        Remedy(
            text="Name the proxy for this client",
            change=assign("{proxy_variable}", Copied("{variable}")),
            when=("known-proxy-variable",),
            unless=("bypassed",),
            clients=("python", "claude-code", "curl"),
        ),
        Remedy(
            text="Name the proxy for this client",
            change=assign("{proxy_variable}", "{proxy}"),
            unless=("bypassed", "known-proxy-variable"),
            caution="with a user name and a password if it wants them",
            clients=("python", "claude-code", "curl"),
        ),
        Remedy(
            text="Name the proxy, and let Node read it, which Node 22.21, 24 and later do",
            change=assign("HTTPS_PROXY", Copied("{variable}"), ("NODE_USE_ENV_PROXY", "1")),
            when=("known-proxy-variable",),
            unless=("bypassed",),
            clients=("typescript", "node"),
        ),
        Remedy(
            text="Name the proxy, and let Node read it, which Node 22.21, 24 and later do",
            change=assign("HTTPS_PROXY", "{proxy}", ("NODE_USE_ENV_PROXY", "1")),
            unless=("bypassed", "known-proxy-variable"),
            caution="with a user name and a password if it wants them",
            clients=("typescript", "node"),
        ),
        in_program(
            "A Node that does not know NODE_USE_ENV_PROXY (before 22.21) needs the proxy in the program",
            typescript="new Anthropic({ fetchOptions:\n  { dispatcher: new ProxyAgent({proxy}) } })",
            unless=("bypassed",),
            clients=("typescript", "node"),
        ),
    ),
    verify=_VERIFY,
    looks_like=timeout_error("ConnectTimeout: timed out", curl="works, where curl uses the proxy"),
    told_apart="Only the proxy was added, and the request got through. That curl or the browser works proves nothing about a client that goes directly.",
)
