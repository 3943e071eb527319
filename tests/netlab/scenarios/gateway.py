"""Gateways that fail, refuse, or are something else: the configured base URL is not the API's own."""

from __future__ import annotations

import json

from tests.netlab.changes import (
    HAPROXY_GATEWAY,
    gateway_site,
    use_gateway,
    use_haproxy_gateway,
)
from tests.netlab.network import Network
from tests.netlab.scenario import failing, scenario
from tests.netlab.web import to_api


def gateway(net: Network, location: str = "", behaviour: str = "gateway", settings: tuple[str, ...] = ()) -> None:
    use_gateway(net, gateway_site(net, location=location, behaviour=behaviour, settings=list(settings)))


@scenario(
    "The gateway's backend is down",
    component="nginx, 502",
    expect=failing("models", "gateway-error", "gateway"),
)
def gateway_502(net: Network) -> None:
    gateway(net, "proxy_pass http://127.0.0.1:9999;")


@scenario(
    "The gateway's backend does not answer in time",
    component="nginx, proxy_read_timeout, 504",
    expect=failing("models", "gateway-error", "gateway"),
)
def gateway_504(net: Network) -> None:
    gateway(net, to_api("silent") + "proxy_read_timeout 2s;")


@scenario(
    "The gateway has no server left to send requests to",
    component="haproxy, 503",
    expect=failing("models", "gateway-error", "gateway"),
)
def gateway_503(net: Network) -> None:
    sections = """
frontend gateway
    mode http
    bind :443 ssl crt @FOLDER@/gateway.pem
    default_backend none
backend none
    mode http
    server gone 127.0.0.1:9999 check inter 100 disabled
"""
    use_haproxy_gateway(net, sections)


@scenario(
    "The gateway reads the key from x-api-key only, and the SDK sends Authorization",
    component="nginx",
    expect=failing("models", "header-scheme", "gateway", "you"),
)
def header_scheme(net: Network) -> None:
    gateway(
        net,
        'if ($http_x_api_key = "") { return 401 \'{"detail":"missing x-api-key"}\'; }'
        + to_api("gateway only=x-api-key"),
    )


@scenario(
    "The base URL points at a web site",
    component="nginx",
    expect=failing("models", "not-the-api", "you", "gateway"),
)
def web_site(net: Network) -> None:
    gateway(net, 'return 200 "<html><head><title>Corp wiki</title></head><body>Welcome.</body></html>";')


@scenario(
    "The base URL points at a web server that knows no such path",
    component="nginx, 404",
    expect=failing("models", "not-the-api", "you", "gateway"),
)
def web_server_404(net: Network) -> None:
    gateway(net, "return 404;")


@scenario(
    "The base URL points at another vendor's API",
    component="haproxy",
    expect=failing("models", "not-the-api", "you", "gateway"),
)
def other_vendor(net: Network) -> None:
    body = json.dumps(
        {"error": {"message": "Unknown request URL", "type": "invalid_request_error", "code": "unknown_url"}}
    ).replace('"', '\\"')
    sections = f"""
frontend other
    mode http
    bind :443 ssl crt @FOLDER@/gateway.pem
    http-request return status 404 content-type application/json string "{body}"
"""
    use_haproxy_gateway(net, sections)


@scenario(
    "The gateway answers everything with an empty object",
    component="nginx",
    expect=failing("models", "response-malformed", "gateway", "network"),
)
def empty_object(net: Network) -> None:
    gateway(net, behaviour="gateway empty")


@scenario(
    "The base URL ends in /v1, so that the gateway is asked for /v1/v1",
    component="nginx, 404",
    expect=failing("environment", "base-url-path", "you"),
)
def doubled_path(net: Network) -> None:
    gateway(net)
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example/v1"


@scenario(
    "The base URL names this machine, and nothing listens there",
    component="no daemon on 127.0.0.1",
    expect=failing("environment", "base-url-loopback", "you"),
)
def loopback(net: Network) -> None:
    net.client.env["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:8045"


@scenario(
    "A firewall in front of the gateway refuses the SDK's User-Agent",
    component="nginx",
    expect=failing("models", "user-agent-filtered", "gateway", "network"),
)
def user_agent_filtered(net: Network) -> None:
    gateway(net, 'if ($http_user_agent ~* "(python|anthropic)") { return 403; }' + to_api("gateway"))


@scenario(
    "The gateway refuses the SDK's own headers on messages, and takes a plain client's",
    component="nginx",
    expect=failing("messages", "sdk-differs", "you", "gateway"),
    cannot_be_mended="only another SDK, or the gateway, can change what the SDK sends",
)
def sdk_differs(net: Network) -> None:
    refusal = 'set $asked "$uri $http_x_stainless_lang"; if ($asked ~ "^/v1/messages .+") { return 403; }'
    site = gateway_site(net, settings=[refusal])
    use_gateway(net, site)


@scenario(
    "The gateway refuses the beta header that is set in ANTHROPIC_CUSTOM_HEADERS",
    component="nginx",
    expect=failing("models", "beta-header-refused", "gateway", "you"),
)
def beta_refused(net: Network) -> None:
    gateway(net, behaviour="gateway no-beta")
    net.client.env["ANTHROPIC_CUSTOM_HEADERS"] = "anthropic-beta: my-own-experiment-2026-01-01"


@scenario(
    "The gateway takes bodies of sixty bytes at most",
    component="nginx, client_max_body_size",
    expect=failing("messages", "request-too-large", "you", "gateway"),
    cannot_be_mended="only a shorter request gets through",
)
def body_limit(net: Network) -> None:
    gateway(net, settings=("client_max_body_size 60;",))


@scenario(
    "The gateway refuses to pass streamed answers on",
    component="haproxy, http-response deny",
    expect=failing("messages", "stream-blocked", "network", "gateway"),
)
def stream_refused(net: Network) -> None:
    deny = "    http-response deny status 502 if { res.hdr(content-type) -m beg text/event-stream }\n    server api"
    use_haproxy_gateway(net, HAPROXY_GATEWAY.replace("    server api", deny))


@scenario(
    "The gateway cuts streamed answers after their first event",
    component="nginx, upstream that closes",
    expect=failing("messages", "stream-blocked", "network", "gateway"),
)
def stream_cut(net: Network) -> None:
    gateway(net, behaviour="gateway cut-stream")
