"""The proxy: refused, silent, asking for a password, forbidding, failing, or not a proxy at all."""

from __future__ import annotations

from tests.netlab.addresses import (
    API4_RANGE,
    OFFICE_PROXY,
    OFFICE_VACANT,
    PROXY_HOST,
    PUBLIC_RESOLVERS,
    default_names,
)
from tests.netlab.changes import behind_proxy, only_the_office_gets_out, proxy_url, to_the_api, use_gateway
from tests.netlab.network import Link, Network
from tests.netlab.proxies import PROXY_USER, Dante, Squid, Tinyproxy
from tests.netlab.resolvers import Unbound
from tests.netlab.scenario import failing, gets_through, scenario
from tests.netlab.web import Haproxy, Middlebox, Nginx, Site, Stunnel

# -- credentials --------------------------------------------------------------------------------------


@scenario(
    "The proxy asks for a password, and none is set",
    component="squid, basic_ncsa_auth",
    expect=failing("proxy", "proxy-auth-required", "you"),
    cannot_be_mended="only the user knows the password",
)
def password_missing(net: Network) -> None:
    behind_proxy(net, Squid(auth="basic"), proxy_url())


@scenario(
    "The proxy asks for a password, and a wrong one is set",
    component="squid, basic_ncsa_auth",
    expect=failing("proxy", "proxy-auth-required", "you"),
    cannot_be_mended="only the user knows the password",
)
def password_wrong(net: Network) -> None:
    behind_proxy(net, Squid(auth="basic"), proxy_url(userinfo=f"{PROXY_USER}:last-years-password"))


@scenario(
    "A small proxy asks for a password, and none is set",
    component="tinyproxy, BasicAuth",
    expect=failing("proxy", "proxy-auth-required", "you"),
    cannot_be_mended="only the user knows the password",
)
def password_missing_tinyproxy(net: Network) -> None:
    behind_proxy(net, Tinyproxy(settings=["BasicAuth anna s3cret"]), proxy_url(8888))


@scenario(
    "The SOCKS proxy asks for a user name, and none is set",
    component="dante, username",
    expect=failing("proxy", "proxy-auth-required", "you"),
    cannot_be_mended="only the user knows the password",
)
def socks_password_missing(net: Network) -> None:
    behind_proxy(net, Dante(method="username"), proxy_url(1080, scheme="socks5"))


@scenario(
    "A user name and a password are set for a SOCKS proxy that takes none",
    component="dante",
    expect=failing("proxy", "proxy-login-unwanted", "you"),
)
def socks_login_unwanted(net: Network) -> None:
    behind_proxy(net, Dante(), proxy_url(1080, scheme="socks5", userinfo=f"{PROXY_USER}:secret"))


@scenario(
    "The proxy accepts NTLM only",
    component="squid, ntlm_fake_auth",
    expect=failing("proxy", "proxy-auth-unsupported", "network"),
)
def ntlm_only(net: Network) -> None:
    behind_proxy(net, Squid(auth="ntlm"), proxy_url())


@scenario(
    "The proxy accepts Kerberos only, and a password is set",
    component="squid, negotiate_kerberos_auth",
    expect=failing("proxy", "proxy-auth-unsupported", "network"),
)
def kerberos_only(net: Network) -> None:
    behind_proxy(net, Squid(auth="negotiate"), proxy_url(userinfo=f"{PROXY_USER}:secret"))


# -- policy and upstream ------------------------------------------------------------------------------


@scenario(
    "The proxy forbids the API's domain",
    component="squid, dstdomain",
    expect=failing("proxy", "proxy-denied", "network"),
)
def denied_by_squid(net: Network) -> None:
    rules = ["acl unwanted dstdomain .anthropic.com", "http_access deny unwanted"]
    behind_proxy(net, Squid(rules=rules), proxy_url())


@scenario(
    "The proxy forbids every host that is not on its list",
    component="tinyproxy, filter",
    expect=failing("proxy", "proxy-denied", "network"),
)
def denied_by_tinyproxy(net: Network) -> None:
    behind_proxy(net, Tinyproxy(denied=[r"^.*corp\.example$"], settings=["FilterDefaultDeny Yes"]), proxy_url(8888))


@scenario(
    "The proxy lets no connection out to port 443",
    component="tinyproxy, ConnectPort",
    expect=failing("proxy", "proxy-denied", "network"),
)
def port_denied(net: Network) -> None:
    behind_proxy(net, Tinyproxy(settings=["ConnectPort 563"]), proxy_url(8888))


@scenario(
    "The SOCKS proxy's rules forbid the API",
    component="dante, socks block",
    expect=failing("proxy", "proxy-denied", "network"),
)
def denied_by_dante(net: Network) -> None:
    rules = f"socks block {{ from: 0.0.0.0/0 to: {API4_RANGE} }}\nsocks block {{ from: 0.0.0.0/0 to: .anthropic.com }}"
    behind_proxy(net, Dante(rules=rules), proxy_url(1080, scheme="socks5"))


@scenario(
    "The proxy's own parent is down",
    component="squid, cache_peer",
    expect=failing("proxy", "proxy-upstream-failed", "network"),
)
def parent_down(net: Network) -> None:
    settings = ["cache_peer 127.0.0.1 parent 3999 0 no-query default", "never_direct allow all"]
    behind_proxy(net, Squid(settings=settings), proxy_url())


@scenario(
    "The proxy cannot resolve the API's name",
    component="squid, unbound",
    expect=failing("proxy", "proxy-upstream-failed", "network"),
)
def proxy_without_dns(net: Network) -> None:
    behind_proxy(
        net,
        Squid(nameserver=OFFICE_VACANT, settings=["dns_timeout 1 second", "dns_retransmit_interval 1 second"]),
        proxy_url(),
    )


@scenario(
    "The proxy's connections to the API are dropped by the firewall behind it",
    component="squid, nftables drop",
    expect=failing("proxy", "proxy-upstream-failed", "network"),
)
def proxy_behind_firewall(net: Network) -> None:
    behind_proxy(net, Squid(), proxy_url())
    net.router.forward.append('iifname "office0" oifname "wan0" tcp dport 443 drop')


@scenario(
    "The proxy waits a minute for the API, which a firewall drops behind it, and other hosts work",
    component="squid, nftables drop",
    expect=failing("proxy", "proxy-upstream-failed", "network"),
)
def proxy_waits(net: Network) -> None:
    behind_proxy(net, Squid(settings=["connect_timeout 60 seconds", "forward_timeout 60 seconds"]), proxy_url())
    net.router.forward += [f'iifname "office0" {rule}' for rule in to_the_api("drop")]


@scenario(
    "The proxy redirects forbidden hosts to a page of the company",
    component="squid, deny_info",
    expect=failing("proxy", "proxy-denied", "network"),
)
def denied_with_redirect(net: Network) -> None:
    rules = [
        "acl unwanted dstdomain .anthropic.com",
        "deny_info 302:http://intranet.corp.example/blocked unwanted",
        "http_access deny unwanted",
    ]
    behind_proxy(net, Squid(rules=rules), proxy_url())


@scenario(
    "A small proxy gets no connection to the API",
    component="tinyproxy, nftables reject",
    expect=failing("proxy", "proxy-upstream-failed", "network"),
)
def tinyproxy_upstream(net: Network) -> None:
    behind_proxy(net, Tinyproxy(), proxy_url(8888))
    net.router.forward.append('iifname "office0" oifname "wan0" tcp dport 443 reject with tcp reset')


@scenario(
    "The SOCKS proxy gets no connection to the API",
    component="dante, nftables reject",
    expect=failing("proxy", "proxy-upstream-failed", "network"),
)
def dante_upstream(net: Network) -> None:
    behind_proxy(net, Dante(), proxy_url(1080, scheme="socks5"))
    net.router.forward.append('iifname "office0" oifname "wan0" tcp dport 443 reject with tcp reset')


# -- the way to the proxy -----------------------------------------------------------------------------


@scenario(
    "Nothing listens on the proxy's port, and there is no other way out",
    component="no daemon: RST",
    expect=failing("proxy", "proxy-refused", "you", "network"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def refused(net: Network) -> None:
    only_the_office_gets_out(net)
    net.client.env["HTTPS_PROXY"] = proxy_url()


@scenario(
    "A proxy of another network is still set, and its address answers nothing",
    component="nftables drop",
    expect=failing("proxy", "proxy-timeout", "you", "network"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def silent_address(net: Network) -> None:
    net.client.env["HTTPS_PROXY"] = proxy_url(host="10.30.0.80")
    net.router.forward.append(f"ip daddr {OFFICE_PROXY} drop")
    only_the_office_gets_out(net)


@scenario(
    "The proxy accepts connections and never answers",
    component="a listener of our own",
    expect=failing("proxy", "proxy-timeout", "you", "network"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def accepts_and_silent(net: Network) -> None:
    behind_proxy(net, Middlebox("silent", port=3128), proxy_url())


@scenario(
    "The proxy's name does not exist",
    component="unbound",
    expect=failing("proxy", "proxy-name-not-found", "you"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def name_not_found(net: Network) -> None:
    only_the_office_gets_out(net)
    net.client.env["HTTPS_PROXY"] = proxy_url(host="old-proxy.corp.example")


@scenario(
    "The proxy's address is vacant",
    component="the kernel: nobody answers ARP",
    expect=failing("proxy", "proxy-unreachable", "you", "network"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def vacant(net: Network) -> None:
    only_the_office_gets_out(net)
    net.client.env["HTTPS_PROXY"] = proxy_url(host=OFFICE_VACANT)


@scenario(
    "The router rejects the way to the proxy",
    component="nftables, ICMP network unreachable",
    expect=failing("proxy", "proxy-unreachable", "you", "network"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def unreachable(net: Network) -> None:
    net.router.forward.append(f"ip daddr {OFFICE_PROXY} reject with icmp type net-unreachable")
    behind_proxy(net, Squid(), proxy_url())


# -- not a proxy --------------------------------------------------------------------------------------


@scenario(
    "The proxy variable points at a web server",
    component="nginx",
    expect=failing("proxy", "proxy-not-a-proxy", "you"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def web_server(net: Network) -> None:
    page = 'return 200 "<html><body>intranet</body></html>";'
    behind_proxy(net, Nginx([Site(page, port=8080)]), proxy_url(8080))


@scenario(
    "The proxy variable points at an SSH server",
    component="a listener of our own, SSH banner",
    expect=failing("proxy", "proxy-not-a-proxy", "you"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def ssh_server(net: Network) -> None:
    behind_proxy(net, Middlebox("banner", port=2222, banner="SSH-2.0-OpenSSH_9.2p1"), proxy_url(2222))


@scenario(
    "The proxy closes every connection without a word",
    component="a listener of our own",
    expect=failing("proxy", "proxy-not-a-proxy", "you"),
    cannot_be_mended="nothing on the machine names a proxy that works",
)
def closes(net: Network) -> None:
    behind_proxy(net, Middlebox("close", port=3128), proxy_url())


@scenario(
    "A SOCKS proxy is set as if it spoke HTTP",
    component="dante",
    expect=failing("proxy", "proxy-not-a-proxy", "you"),
)
def http_to_socks(net: Network) -> None:
    behind_proxy(net, Dante(), proxy_url(1080))


@scenario(
    "An HTTP proxy is set as if it spoke SOCKS",
    component="squid",
    expect=failing("proxy", "proxy-not-a-proxy", "you"),
)
def socks_to_http(net: Network) -> None:
    behind_proxy(net, Squid(), proxy_url(scheme="socks5"))


@scenario(
    "A plain proxy is set with https://",
    component="squid",
    expect=failing("proxy", "proxy-tls-failed", "you"),
)
def tls_to_plain(net: Network) -> None:
    behind_proxy(net, Squid(), proxy_url(scheme="https"))


@scenario(
    "The encrypted proxy's certificate comes from an authority that this machine does not know",
    component="stunnel in front of squid",
    expect=failing("proxy", "proxy-tls-failed", "you", "network"),
    cannot_be_mended="no store of the machine holds the root",
)
def tls_proxy_untrusted(net: Network) -> None:
    certificate = net.authorities.corporate.issue(PROXY_HOST)
    net.office.components.append(Stunnel(certificate, connect="127.0.0.1:3128", port=3129))
    behind_proxy(net, Squid(), proxy_url(3129, scheme="https", host=PROXY_HOST))


@scenario(
    "An encrypted proxy is set with http://",
    component="haproxy with TLS in front of squid",
    expect=failing("proxy", "proxy-tls-failed", "you"),
    cannot_be_mended="the proxy's certificate is for a name that nothing on the machine gives",
)
def plain_to_tls(net: Network) -> None:
    sections = """
listen proxy
    bind :3129 ssl crt @FOLDER@/proxy.pem
    server squid 127.0.0.1:3128
"""
    certificate = net.authorities.public.issue(PROXY_HOST)
    net.office.components.append(Haproxy(sections, ports=[3129], certificates={"proxy": certificate}))
    behind_proxy(net, Squid(), proxy_url(3129))


# -- needed, or not -----------------------------------------------------------------------------------


@scenario(
    "A proxy that is not running is set, and the direct way works",
    component="no daemon: RST",
    expect=failing("proxy", "proxy-unneeded", "you"),
)
def unneeded(net: Network) -> None:
    net.client.env["HTTPS_PROXY"] = proxy_url()


@scenario(
    "A proxy on this machine is set and not running, and the direct way works",
    component="no daemon on 127.0.0.1",
    expect=failing("proxy", "proxy-unneeded", "you"),
)
def unneeded_on_loopback(net: Network) -> None:
    net.client.env["HTTPS_PROXY"] = "http://127.0.0.1:7890"


@scenario(
    "A proxy's name of another network is set, and the direct way works",
    component="unbound",
    expect=failing("proxy", "proxy-unneeded", "you"),
)
def unneeded_name(net: Network) -> None:
    net.client.env["HTTPS_PROXY"] = proxy_url(host="proxy.old-employer.example")


@scenario(
    "The gateway is inside the company, and the proxy for the outside knows no such name",
    component="squid, nginx",
    expect=failing("proxy", "proxy-unneeded", "you"),
)
def unneeded_for_gateway(net: Network) -> None:
    use_gateway(net)
    net.office.components.append(Squid(nameserver="8.8.8.8"))
    net.public_resolver = Unbound(
        names={name: found for name, found in default_names().items() if "corp" not in name},
        addresses=(*PUBLIC_RESOLVERS, "127.0.0.1"),
        https_port=8053,
    )
    net.client.env["HTTPS_PROXY"] = proxy_url()


@scenario(
    "Direct connections are dropped, and NO_PROXY takes the API off the proxy that works",
    component="squid, NO_PROXY",
    expect=failing("proxy", "proxy-required", "you"),
)
def required_no_proxy(net: Network) -> None:
    behind_proxy(net, Squid(), proxy_url())
    net.client.env["NO_PROXY"] = "localhost,.anthropic.com"


@scenario(
    "Direct connections are rejected, and only HTTP_PROXY names the proxy",
    component="tinyproxy, HTTP_PROXY",
    expect=failing("proxy", "proxy-required", "you"),
)
def required_http_only(net: Network) -> None:
    net.office.components.append(Tinyproxy())
    only_the_office_gets_out(net, how="reject with icmpx type admin-prohibited")
    net.client.env["HTTP_PROXY"] = proxy_url(8888)


@scenario(
    "Direct connections are dropped, and /etc/environment names a proxy that this shell did not take over",
    component="squid, /etc/environment",
    expect=failing("proxy", "proxy-required", "you"),
)
def required_system(net: Network) -> None:
    net.office.components.append(Squid())
    only_the_office_gets_out(net)
    net.client.system_environment.append(f'https_proxy="{proxy_url()}"')


@scenario(
    "The proxy is slow to connect, and works",
    component="squid, TUN pair",
    expect=gets_through(),
)
def far_proxy(net: Network) -> None:
    net.office_link = Link(delay_ms=150)
    behind_proxy(net, Squid(), proxy_url())
