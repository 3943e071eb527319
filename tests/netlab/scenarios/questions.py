"""One works, the other does not: what `compare`, `trust` and `routes` answer at first sight."""

from __future__ import annotations

from tests.netlab.addresses import OFFICE_GATEWAY, OFFICE_VACANT, VALID_KEY
from tests.netlab.authority import DAY, NOW
from tests.netlab.changes import divert, gateway_site, only_the_office_gets_out, proxy_url, use_gateway
from tests.netlab.network import Network
from tests.netlab.proxies import Mitmproxy, Squid
from tests.netlab.scenario import Question, failing, gets_through, scenario
from tests.netlab.scenarios.clients import inspected
from tests.netlab.scenarios.clients_proxy import nodes_own_roots, settings
from tests.netlab.web import to_api


def proxy_only(net: Network) -> None:
    net.office.components.append(Squid())
    only_the_office_gets_out(net, "reject with icmpx type admin-prohibited")


def for_node_too(net: Network) -> None:
    """A column of another client is Node's: its own roots have to know the lab's public authority."""
    net.client.program = "claude-code"
    nodes_own_roots(net)
    net.client.program = "python"


# -- curl works, Python does not ----------------------------------------------------------------------


@scenario(
    "curl works, Python does not: the company's root is in CURL_CA_BUNDLE",
    component="squid, ssl-bump intercept",
    expect=failing("tls", "tls-intercepted", "network", "you", fix="SSL_CERT_FILE"),
    questions=(
        Question(
            "compare --client curl --no-message",
            r"The client decides: with the Python SDK it fails \(tls-intercepted at tls\), with curl it gets through",
            variable="client",
            fix="export SSL_CERT_FILE=",
            exit_code=13,
        ),
        Question(
            "trust",
            r"^curl \S+ works; Python SDK \S+ and .* do not\.$",
            says=("Zscaler Root CA", "CURL_CA_BUNDLE"),
            fix="export SSL_CERT_FILE=",
        ),
        Question("routes", r"Python SDK trusts the system's store; .* curl trusts CURL_CA_BUNDLE", fix="SSL_CERT_FILE"),
    ),
)
def curl_knows_the_root(net: Network) -> None:
    net.client.files["corp-root.pem"] = inspected(net)
    net.client.env["CURL_CA_BUNDLE"] = "~/corp-root.pem"


@scenario(
    "curl works, Python does not: https_proxy is empty, which switches HTTPS_PROXY off for Python alone",
    component="squid, nftables reject",
    expect=failing("proxy", "proxy-required", "you", "network"),
    questions=(
        Question(
            "compare --client curl --no-message",
            r"The client decides: with the Python SDK it fails \(proxy-required at proxy\), with curl it gets through",
            variable="client",
            fix="export https_proxy=http",
            exit_code=14,
        ),
        Question("routes", r"Python SDK goes direct: .* https_proxy is empty; .* curl go through http://"),
    ),
)
def curl_takes_the_other_spelling(net: Network) -> None:
    proxy_only(net)
    net.client.env |= {"HTTPS_PROXY": proxy_url(), "https_proxy": ""}


# -- Python works, Claude Code does not ---------------------------------------------------------------


def claude_code_fails(where: str, fix: str) -> Question:
    """`compare` puts it beside the Python SDK, which gets through: so the exit code is that of success."""
    sentence = rf"The client decides: with Claude Code it fails \({where}\), with the Python SDK it gets through"
    return Question("compare --client claude-code --no-message", sentence, variable="client", fix=fix)


@scenario(
    "Python works, Claude Code does not: NO_PROXY lists the domain behind a blank",
    component="squid, nftables reject",
    expect=gets_through(),
    questions=(
        claude_code_fails("proxy-required at proxy", "NO_PROXY"),
        Question("routes", r"Python SDK goes through http://.* go direct: NO_PROXY names anthropic.com"),
    ),
)
def claude_code_bypasses_the_proxy(net: Network) -> None:
    proxy_only(net)
    net.client.env |= {"HTTPS_PROXY": proxy_url(), "NO_PROXY": "localhost anthropic.com"}
    for_node_too(net)


@scenario(
    "Python works, Claude Code does not: the company's root is in SSL_CERT_FILE, its store is the bundled one",
    component="squid, ssl-bump intercept",
    expect=gets_through(),
    questions=(
        claude_code_fails("tls-intercepted at tls", "export NODE_EXTRA_CA_CERTS="),
        Question(
            "trust",
            r"^Python SDK \S+ and curl \S+ work; .*Claude Code do not\.$",
            says=("Zscaler Root CA", "SSL_CERT_FILE"),
            fix="export NODE_EXTRA_CA_CERTS=",
        ),
        Question("routes", r"Python SDK and curl trust SSL_CERT_FILE; .* Claude Code trusts its own roots"),
    ),
)
def claude_code_lacks_the_root(net: Network) -> None:
    net.client.files["corp-root.pem"] = inspected(net)
    net.client.env |= {"SSL_CERT_FILE": "~/corp-root.pem", "CLAUDE_CODE_CERT_STORE": "bundled"}
    net.client.claude_code = True


@scenario(
    "Python works, Claude Code does not: its settings name a proxy that is gone",
    component="no daemon: no answer to ARP",
    expect=gets_through(),
    questions=(
        claude_code_fails("proxy-unneeded at proxy", r"HTTPS_PROXY is set in \S+settings\.json"),
        Question(
            "routes", r"curl go direct: .*; Claude Code goes through http://\S+ \(HTTPS_PROXY in \S+settings.json\)"
        ),
    ),
)
def claude_code_has_an_old_proxy(net: Network) -> None:
    net.client.files |= settings(HTTPS_PROXY=proxy_url(host=OFFICE_VACANT))
    for_node_too(net)


@scenario(
    "Python works, Claude Code does not: its settings name a gateway that is gone",
    component="no daemon: RST",
    expect=gets_through(),
    questions=(
        claude_code_fails("tcp-refused at tcp", r"ANTHROPIC_BASE_URL in \S+settings\.json"),
        Question("routes", r"Claude Code calls https://\S+ \(ANTHROPIC_BASE_URL in \S+settings\.json\)"),
    ),
)
def claude_code_has_an_old_gateway(net: Network) -> None:
    net.client.files |= settings(ANTHROPIC_BASE_URL=f"https://{OFFICE_GATEWAY}:8443")
    for_node_too(net)


# -- worked before the SDK upgrade --------------------------------------------------------------------


def old_python(sdk: str, where: str, exit_code: int, fix: str, *options: str) -> Question:
    return Question(
        " ".join(["compare --python old/bin/python", *options]),
        rf"The interpreter decides: with \S+ it fails \({where}\), with old/bin/python it gets through",
        says=(rf"not the same SDK everywhere: \S+ as it is; {sdk} old/bin/python",),
        variable="interpreter",
        fix=fix,
        exit_code=exit_code,
    )


@scenario(
    "It worked before the SDK's upgrade: the company's root was added to certifi",
    component="squid, ssl-bump intercept",
    expect=failing("tls", "tls-intercepted", "network", "you", fix="SSL_CERT_FILE"),
    needs=("python/0.125",),
    questions=(
        old_python(r"0\.125\.0", "tls-intercepted at tls", 13, "export SSL_CERT_FILE=", "--no-message"),
        Question(
            "trust",
            r"No client that was found here trusts this certificate",
            says=(r"Python SDK 0\.x would trust it \(certifi\), so it worked before the upgrade",),
            fix="export SSL_CERT_FILE=",
        ),
    ),
)
def the_old_sdk_read_certifi(net: Network) -> None:
    net.client.links["old"] = "python/0.125"
    net.client.certifi_roots.append(inspected(net))


@scenario(
    "It worked before the SDK's upgrade: the gateway reads the key from x-api-key only",
    component="nginx",
    expect=failing("models", "header-scheme", "gateway", "you"),
    needs=("python/0.75",),
    questions=(
        old_python(r"0\.75\.0", "header-scheme at models", 15, "export ANTHROPIC_CUSTOM_HEADERS="),
        Question("routes", r"Python SDK and TypeScript SDK use the header authorization; Claude Code .* x-api-key"),
    ),
)
def the_old_sdk_sent_the_other_header(net: Network) -> None:
    net.client.links["old"] = "python/0.75"
    missing = 'if ($http_x_api_key = "") { return 401 \'{"detail":"missing x-api-key"}\'; }'
    use_gateway(net, gateway_site(net, location=missing + to_api("gateway only=x-api-key")))


# -- works in the browser, not in the container -------------------------------------------------------


def inspected_network(net: Network) -> None:
    divert(
        net, Mitmproxy(net.authorities.mitmproxy, upstream_roots=net.authorities.public.root_pem), 8080, ipv4_only=True
    )


@scenario(
    "On the host, where the browser works: the company's root is in the system's store",
    component="mitmproxy, transparent",
    expect=gets_through(),
    questions=(Question("trust", r"^Python SDK \S+,? .*curl \S+.* works?;", says=("mitmproxy", "the OS store")),),
)
def the_host_has_the_root(net: Network) -> None:
    inspected_network(net)
    net.client.trusts(net.authorities.mitmproxy.root_pem)


@scenario(
    "It works in the browser, not in the container: the image has the public roots alone",
    component="mitmproxy, transparent",
    expect=failing("tls", "tls-intercepted", "network"),
    questions=(
        Question(
            "trust",
            r"No client that was found here trusts this certificate",
            says=(r"mitmproxy.* is in no store", r"A browser outside this container has its host's store"),
            fix="export SSL_CERT_FILE=",
        ),
        Question(
            "compare --client curl --client claude-code --no-message",
            r"The client does not decide: all fail at tls with tls-intercepted",
            fix=r"cat /\S+ corporate-root\.pem",
            exit_code=13,
        ),
    ),
)
def the_container_lacks_the_root(net: Network) -> None:
    inspected_network(net)
    net.client.env["container"] = "podman"


@scenario(
    "On the host, where the browser works: the proxy is set",
    component="squid, nftables reject",
    expect=gets_through(),
    questions=(
        Question(
            "compare --direct --no-message",
            r"The proxy decides: without a proxy it fails \(\S+ at tcp\), with http://\S+ it gets through",
            variable="proxy",
            fix="^$",
        ),
    ),
)
def the_host_has_the_proxy(net: Network) -> None:
    proxy_only(net)
    net.client.env["HTTPS_PROXY"] = proxy_url()


@scenario(
    "It works in the browser, not in the container: only the host knows the proxy",
    component="squid, nftables reject",
    expect=failing("tcp", "tcp-prohibited", "network", "you"),
    questions=(
        Question(
            f"compare --proxy {proxy_url()} --no-message",
            r"The proxy decides: without a proxy it fails \(tcp-prohibited at tcp\), with http://\S+ it gets through",
            variable="proxy",
            fix="export HTTPS_PROXY=http",
            exit_code=12,
        ),
    ),
)
def the_container_lacks_the_proxy(net: Network) -> None:
    proxy_only(net)
    net.client.env["container"] = "podman"


# -- the gateway fails, the official endpoint works ---------------------------------------------------


def official_works(where: str, exit_code: int, options: str, *, fix: str = "", says: str = "") -> Question:
    return Question(
        f"compare --base-url https://api.anthropic.com {options}",
        rf"The base URL decides: with https://llm\.corp\.example it fails \({where}\), "
        r"with https://api\.anthropic\.com it gets through",
        says=(says,) if says else (),
        variable="base URL",
        fix=fix or "export ANTHROPIC_BASE_URL=https://api.anthropic.com",
        exit_code=exit_code,
    )


@scenario(
    "The gateway fails, the official endpoint works: its backend is down",
    component="nginx, 502",
    expect=failing("models", "gateway-error", "gateway"),
    questions=(
        official_works("gateway-error at models", 15, "--key-env MY_KEY", fix=r'ANTHROPIC_API_KEY="\$\{MY_KEY:\?\}"'),
        official_works("gateway-error at models", 15, "--no-message", says="it answered, and wants a key"),
    ),
)
def the_gateways_backend_is_down(net: Network) -> None:
    use_gateway(net, gateway_site(net, location="proxy_pass http://127.0.0.1:9999;"))
    net.client.env["MY_KEY"] = VALID_KEY


@scenario(
    "The gateway fails, the official endpoint works: its certificate has expired",
    component="nginx",
    expect=failing("tls", "tls-expired", "gateway"),
    questions=(
        official_works("tls-expired at tls", 13, "--key-env MY_KEY", fix=r'ANTHROPIC_API_KEY="\$\{MY_KEY:\?\}"'),
        Question("trust", r"No client takes this certificate, whatever it trusts: .*expired"),
    ),
)
def the_gateways_certificate_has_expired(net: Network) -> None:
    certificate = net.authorities.public.issue("llm.corp.example", valid_from=NOW - 90 * DAY, valid_to=NOW - DAY)
    use_gateway(net, gateway_site(net, certificate=certificate))
    net.client.env["MY_KEY"] = VALID_KEY
