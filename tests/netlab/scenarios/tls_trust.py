"""The certificate: inspected, untrusted, out of date, or for somebody else."""

from __future__ import annotations

from tests.netlab.addresses import API4_RANGE, API_HOST, OFFICE_BLOCK_PAGE
from tests.netlab.authority import DAY, NOW, weak_key
from tests.netlab.changes import (
    another_name,
    behind_proxy,
    divert,
    gateway_site,
    proxy_url,
    use_gateway,
    use_haproxy_gateway,
)
from tests.netlab.network import Network
from tests.netlab.proxies import Mitmproxy, Squid
from tests.netlab.scenario import failing, gets_through, scenario
from tests.netlab.web import Nginx, Site, Stunnel

# -- inspected ----------------------------------------------------------------------------------------


@scenario(
    "HTTPS is inspected on the way, and this machine does not know the inspector",
    component="mitmproxy, transparent",
    expect=failing("tls", "tls-intercepted", "network"),
)
def inspected(net: Network) -> None:
    box = Mitmproxy(net.authorities.mitmproxy, upstream_roots=net.authorities.public.root_pem)
    divert(net, box, 8080, ipv4_only=True)


@scenario(
    "The company's proxy inspects HTTPS, and this machine does not know its root",
    component="squid, ssl-bump",
    expect=failing("tls", "tls-intercepted", "network"),
)
def inspected_by_proxy(net: Network) -> None:
    behind_proxy(net, Squid(bump=net.authorities.zscaler, upstream_roots=net.authorities.public.root_pem), proxy_url())


@scenario(
    "A debugging proxy is set, and its authority was never installed",
    component="mitmproxy, regular",
    expect=failing("tls", "tls-intercepted", "network", "you"),
)
def inspected_by_debugger(net: Network) -> None:
    net.office.components.append(
        Mitmproxy(net.authorities.mitmproxy, mode="regular", upstream_roots=net.authorities.public.root_pem)
    )
    net.client.env["HTTPS_PROXY"] = proxy_url(8080)


@scenario(
    "A transparent proxy inspects HTTPS under a product's root",
    component="squid, ssl-bump intercept",
    expect=failing("tls", "tls-intercepted", "network"),
)
def inspected_transparently(net: Network) -> None:
    box = Squid(
        bump=net.authorities.zscaler,
        upstream_roots=net.authorities.public.root_pem,
        transparent=True,
        settings=["host_verify_strict off"],
    )
    divert(net, box, 3129)


@scenario(
    "The inspector's root is in the system's store, and SSL_CERT_FILE names the public roots only",
    component="mitmproxy, SSL_CERT_FILE",
    expect=failing("tls", "tls-intercepted", "network", "you"),
)
def inspected_and_variable_without_root(net: Network) -> None:
    inspected(net)
    net.client.trusts(net.authorities.mitmproxy.root_pem)
    net.client.files["public.pem"] = net.authorities.public.root_pem
    net.client.env["SSL_CERT_FILE"] = "~/public.pem"


# -- not trusted --------------------------------------------------------------------------------------


@scenario(
    "SSL_CERT_FILE holds the company's authority only, and the API's certificate is a public one",
    component="SSL_CERT_FILE",
    expect=failing("tls", "ca-file-incomplete", "you"),
)
def ca_file_incomplete(net: Network) -> None:
    net.client.files["corp.pem"] = net.authorities.corporate.root_pem
    net.client.env["SSL_CERT_FILE"] = "~/corp.pem"


@scenario(
    "The gateway's certificate comes from an authority that this machine does not know",
    component="nginx",
    expect=failing("tls", "tls-untrusted-issuer", "you", "network"),
    cannot_be_mended="no store of the machine holds the root",
)
def untrusted_gateway(net: Network) -> None:
    use_gateway(net, gateway_site(net, certificate=net.authorities.corporate.issue("llm.corp.example")))


@scenario(
    "The gateway's certificate is signed by itself",
    component="stunnel",
    expect=failing("tls", "tls-self-signed", "gateway"),
)
def self_signed_gateway(net: Network) -> None:
    certificate = net.authorities.corporate.self_signed("llm.corp.example")
    net.office.components.append(Stunnel(certificate, connect="@API_SOCKET@"))
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example"


@scenario(
    "A box on the way answers for the API with a certificate signed by itself",
    component="nginx, nftables dnat",
    expect=failing("tls", "tls-self-signed", "network"),
)
def self_signed_box(net: Network) -> None:
    box = Nginx([Site("return 200;", certificate=net.authorities.corporate.self_signed("fritz.box", API_HOST))])
    divert(net, box, 443)


@scenario(
    "The gateway does not send its intermediate certificate",
    component="nginx",
    expect=failing("tls", "tls-incomplete-chain", "gateway"),
)
def incomplete_chain(net: Network) -> None:
    use_gateway(net, gateway_site(net, certificate=net.authorities.public.issue("llm.corp.example", with_chain=False)))


@scenario(
    "The gateway's key is too short for this client",
    component="nginx, RSA 1024",
    expect=failing("tls", "tls-weak-certificate", "gateway"),
)
def weak_certificate(net: Network) -> None:
    certificate = net.authorities.public.issue("llm.corp.example", key=weak_key())
    site = gateway_site(net, certificate=certificate, settings=["ssl_ciphers DEFAULT@SECLEVEL=0;"])
    use_gateway(net, site)


@scenario(
    "Python 3.13 refuses the company's authority by its strict checks",
    component="nginx, Python 3.13",
    expect=failing("tls", "tls-strict-certificate", "network", "gateway"),
    needs=("3.13",),
)
def strict_certificate(net: Network) -> None:
    use_gateway(net, gateway_site(net, certificate=net.authorities.sloppy.issue("llm.corp.example")))
    net.client.python = "3.13"
    net.client.files["corp.pem"] = net.authorities.sloppy.root_pem
    net.client.env["SSL_CERT_FILE"] = "~/corp.pem"


@scenario(
    "This machine has no public authorities at all",
    component="an empty certificate store",
    expect=failing("environment", "trust-store-empty", "you"),
)
def empty_store(net: Network) -> None:
    net.client.empty_store = True


# -- time and names -----------------------------------------------------------------------------------


@scenario(
    "The gateway's certificate has expired",
    component="nginx",
    expect=failing("tls", "tls-expired", "gateway"),
)
def expired_gateway(net: Network) -> None:
    certificate = net.authorities.public.issue("llm.corp.example", valid_from=NOW - 90 * DAY, valid_to=NOW - DAY)
    use_gateway(net, gateway_site(net, certificate=certificate))


@scenario(
    "The gateway's certificate ends in six days",
    component="nginx",
    expect=gets_through("certificate-expiring"),
)
def expiring_gateway(net: Network) -> None:
    certificate = net.authorities.public.issue("llm.corp.example", valid_from=NOW - 84 * DAY, valid_to=NOW + 6 * DAY)
    use_gateway(net, gateway_site(net, certificate=certificate))


@scenario(
    "The API's certificate has expired",
    component="nginx",
    expect=failing("tls", "tls-expired", "anthropic"),
)
def expired(net: Network) -> None:
    net.api.certificate = net.authorities.public.issue(API_HOST, valid_from=NOW - 90 * DAY, valid_to=NOW - DAY)


@scenario(
    "The gateway's certificate is valid from tomorrow on",
    component="haproxy",
    expect=failing("tls", "tls-not-yet-valid", "gateway"),
)
def not_yet_valid(net: Network) -> None:
    certificate = net.authorities.public.issue("llm.corp.example", valid_from=NOW + DAY, valid_to=NOW + 90 * DAY)
    use_haproxy_gateway(net, certificate=certificate)


@scenario(
    "This machine's clock is three years fast",
    component="libfaketime",
    expect=failing("tls", "tls-clock-wrong", "you"),
    cannot_be_mended="a container has no clock of its own",
)
def clock_fast(net: Network) -> None:
    net.client.clock = "+3y"


@scenario(
    "This machine's clock stands at a day years ago, as after an empty battery",
    component="libfaketime",
    expect=failing("tls", "tls-clock-wrong", "you"),
    cannot_be_mended="a container has no clock of its own",
)
def clock_slow(net: Network) -> None:
    net.client.clock = "-5y"


@scenario(
    "The gateway's certificate is for another name",
    component="nginx",
    expect=failing("tls", "tls-hostname-mismatch", "gateway", "network", "you"),
)
def mismatch_gateway(net: Network) -> None:
    use_gateway(net, gateway_site(net, certificate=another_name(net)))


@scenario(
    "The router sends HTTPS for the API to somebody else's server",
    component="nginx, nftables dnat",
    expect=failing("tls", "tls-hostname-mismatch", "network"),
)
def mismatch_diverted(net: Network) -> None:
    net.office.components.append(Nginx([Site("return 200;", certificate=another_name(net))]))
    net.router.prerouting.append(f'iifname "lan0" ip daddr {API4_RANGE} tcp dport 443 dnat ip to {OFFICE_BLOCK_PAGE}')
    net.client.ipv6 = False
