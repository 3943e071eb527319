"""The handshake: filtered by name or size, cut, silent, refused, or not TLS at all."""

from __future__ import annotations

from tests.netlab.addresses import API4_RANGE, API6_RANGE, API_HOST
from tests.netlab.changes import (
    HAPROXY_GATEWAY,
    ICMP_ERRORS_DROPPED,
    divert,
    gateway_site,
    to_the_api,
    use_gateway,
    use_haproxy_gateway,
)
from tests.netlab.network import Network
from tests.netlab.scenario import failing, scenario
from tests.netlab.web import Haproxy, Middlebox, Nginx, Site, Stunnel

# -- taken as a whole ---------------------------------------------------------------------------------


@scenario(
    "Every connection, to any host, is taken by a box that closes it at the first byte",
    component="nftables redirect, a listener that closes",
    expect=failing("tls", "local-interception", "you", "network"),
)
def all_taken(net: Network) -> None:
    divert(net, Middlebox("close", port=8443), 8443, dport="{ 80, 443 }")


# -- filtered by name or size -------------------------------------------------------------------------


def name_filter(net: Network, target: str) -> None:
    rule = f"-A FORWARD -p tcp --dport 443 -m string --string {API_HOST} --algo bm {target}"
    net.router.iptables.append(rule)
    net.router.ip6tables.append(rule)


@scenario(
    "A filter resets handshakes that name the API",
    component="iptables, string match, reset",
    expect=failing("tls", "tls-name-filtered", "network"),
)
def name_reset(net: Network) -> None:
    name_filter(net, "-j REJECT --reject-with tcp-reset")


@scenario(
    "A filter drops handshakes that name the API",
    component="iptables, string match, drop",
    expect=failing("tls", "tls-name-filtered", "network"),
)
def name_dropped(net: Network) -> None:
    name_filter(net, "-j DROP")


@scenario(
    "A filter drops handshakes that name the API, and its servers take any other name",
    component="nftables, payload match, drop",
    expect=failing("tls", "tls-name-filtered", "network"),
)
def name_dropped_any_other(net: Network) -> None:
    net.api.any_name = True
    name_filter(net, "-j DROP")


@scenario(
    "A filtering proxy on the way ends connections by their server name",
    component="haproxy, req.ssl_sni",
    expect=failing("tls", "tls-name-filtered", "network"),
)
def name_filtered_by_proxy(net: Network) -> None:
    sections = f"""
frontend sni
    bind :::8443 v4v6
    tcp-request inspect-delay 3s
    tcp-request content reject if {{ req.ssl_sni -i {API_HOST} }}
    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    default_backend api
backend api
    server api 160.79.104.10:443
"""
    divert(net, Haproxy(sections, ports=[8443]), 8443)


@scenario(
    "A box drops handshakes whose first message does not fit one segment",
    component="nftables, length match, client MTU 540",
    expect=failing("tls", "tls-hello-dropped", "network"),
)
def split_hello_dropped(net: Network) -> None:
    """OpenSSL 3.0 sends 517 bytes: on a line with small packets they come in two, as larger ones do anywhere."""
    net.client.mtu = 540
    net.client.ipv6 = False
    # 0x16: a handshake record. Its length, in the bytes 3 and 4, says more than this packet holds.
    net.router.forward.append('iifname "lan0" tcp dport 443 @ih,0,8 0x16 @ih,24,16 > 488 drop')


@scenario(
    "An old box drops handshakes whose first packet carries more than 400 bytes",
    component="nftables, length match",
    expect=failing("tls", "tls-hello-dropped", "network"),
)
def large_hello_dropped(net: Network) -> None:
    net.client.ipv6 = False
    # The record's length says how large the hello is, however it is cut into packets.
    net.router.forward.append('iifname "lan0" tcp dport 443 @ih,0,8 0x16 @ih,24,16 > 400 drop')


@scenario(
    "The line's MTU is 1280, and nobody may say so",
    component="kernel, ICMP dropped",
    expect=failing("tls", "tls-path-mtu", "network", "you"),
)
def path_mtu(net: Network) -> None:
    net.wan.mtu = 1280
    for node in (net.router, net.isp):
        node.forward += ICMP_ERRORS_DROPPED
        node.output += ICMP_ERRORS_DROPPED


@scenario(
    "Packets over 1400 bytes vanish in a tunnel",
    component="nftables, length match",
    expect=failing("tls", "tls-path-mtu", "network", "you"),
)
def tunnel_mtu(net: Network) -> None:
    net.isp.forward.append('iifname "up0" meta length > 1400 drop')


# -- cut, silent, or something else -------------------------------------------------------------------


@scenario(
    "Handshakes with the API's addresses are reset, whatever name they carry",
    component="nftables, payload match",
    expect=failing("tls", "tls-reset", "network"),
)
def hello_reset(net: Network) -> None:
    net.router.forward += to_the_api("@ih,0,8 0x16 reject with tcp reset")


@scenario(
    "A box accepts connections to the API and resets them at the first byte",
    component="a listener of our own, nftables redirect",
    expect=failing("tls", "tls-reset", "network"),
)
def box_resets(net: Network) -> None:
    net.client.ipv6 = False
    net.router.components.append(Middlebox("reset", port=8443))
    net.router.prerouting.append(f'iifname "lan0" ip daddr {API4_RANGE} tcp dport 443 redirect to :8443')


@scenario(
    "A box on the way closes connections to the API without a word",
    component="a listener of our own, nftables redirect",
    expect=failing("tls", "tls-reset", "network"),
)
def box_closes(net: Network) -> None:
    net.client.ipv6 = False
    net.router.components.append(Middlebox("close", port=8443))
    net.router.prerouting.append(f'iifname "lan0" ip daddr {API4_RANGE} tcp dport 443 redirect to :8443')


@scenario(
    "The API's answer to the handshake is reset on its way back",
    component="nftables, payload match",
    expect=failing("tls", "tls-reset", "network"),
)
def server_hello_reset(net: Network) -> None:
    net.router.forward += [
        f"ip saddr {API4_RANGE} tcp sport 443 @ih,0,8 0x16 reject with tcp reset",
        f"ip6 saddr {API6_RANGE} tcp sport 443 @ih,0,8 0x16 reject with tcp reset",
        f"ip daddr {API4_RANGE} tcp dport 443 ct original packets > 2 reject with tcp reset",
        f"ip6 daddr {API6_RANGE} tcp dport 443 ct original packets > 2 reject with tcp reset",
    ]


@scenario(
    "A transparent proxy accepts every connection, and nothing comes behind it",
    component="a listener of our own, nftables redirect",
    expect=failing("tls", "tls-timeout", "network"),
)
def accepted_and_silent(net: Network) -> None:
    divert(net, Middlebox("silent", port=8443), 8443)


@scenario(
    "Connections to the API open, and no data gets through",
    component="nftables, drop of data",
    expect=failing("tls", "tls-timeout", "network"),
)
def data_dropped(net: Network) -> None:
    net.router.forward += [
        f"ip daddr {API4_RANGE} tcp dport 443 meta length > 80 drop",
        f"ip6 daddr {API6_RANGE} tcp dport 443 meta length > 100 drop",
    ]


@scenario(
    "The gateway speaks plain HTTP on the port of an https URL",
    component="nginx",
    expect=failing("tls", "tls-not-tls", "gateway", "you"),
)
def plain_http(net: Network) -> None:
    net.office.components.append(Nginx([Site("return 200 ok;", port=8080)]))
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example:8080"


@scenario(
    "Port 443 of the router's own web page answers for the API, in plain HTTP",
    component="nginx, nftables redirect",
    expect=failing("tls", "tls-not-tls", "network"),
)
def plain_http_on_the_way(net: Network) -> None:
    divert(net, Nginx([Site("return 200 ok;", port=8443)]), 8443)


@scenario(
    "An SSH server answers on the gateway's port",
    component="a listener of our own, SSH banner",
    expect=failing("tls", "tls-not-tls", "gateway", "you"),
)
def ssh_banner(net: Network) -> None:
    net.office.components.append(Middlebox("banner", port=443, banner="SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"))
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example"


@scenario(
    "The gateway speaks TLS 1.0 and 1.1 only",
    component="nginx",
    expect=failing("tls", "tls-version-unsupported", "gateway"),
)
def old_tls(net: Network) -> None:
    site = gateway_site(net, settings=["ssl_protocols TLSv1 TLSv1.1;", "ssl_ciphers DEFAULT@SECLEVEL=0;"])
    use_gateway(net, site)


@scenario(
    "An old inspection box on the way speaks TLS 1.1 only",
    component="stunnel",
    expect=failing("tls", "tls-version-unsupported", "network"),
)
def old_box(net: Network) -> None:
    certificate = net.authorities.public.issue(API_HOST)
    options = ["sslVersionMax = TLSv1.1", "ciphers = ALL:@SECLEVEL=0", "securityLevel = 0"]
    divert(net, Stunnel(certificate, connect="@API_SOCKET@", options=options), 443)


@scenario(
    "The gateway refuses the server name with an alert",
    component="nginx, ssl_reject_handshake",
    expect=failing("tls", "tls-handshake-refused", "gateway"),
)
def name_refused(net: Network) -> None:
    net.office.components.append(
        Nginx(
            [
                Site(
                    "return 200;",
                    names=("other.corp.example",),
                    certificate=net.authorities.public.issue("other.corp.example"),
                )
            ],
            http="server { listen 443 ssl default_server; ssl_reject_handshake on; }",
        )
    )
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example"


@scenario(
    "The gateway shares no cipher with this client",
    component="haproxy",
    expect=failing("tls", "tls-handshake-refused", "gateway"),
)
def no_shared_cipher(net: Network) -> None:
    bind = "ssl crt @FOLDER@/gateway.pem ssl-max-ver TLSv1.2 ciphers AES128-SHA:@SECLEVEL=0"
    use_haproxy_gateway(net, HAPROXY_GATEWAY.replace("ssl crt @FOLDER@/gateway.pem", bind))


@scenario(
    "The gateway asks for a client certificate, in TLS 1.3",
    component="haproxy, verify required",
    expect=failing("tls", "tls-client-certificate-required", "gateway"),
)
def mutual_tls(net: Network) -> None:
    sections = HAPROXY_GATEWAY.replace("gateway.pem", "gateway.pem ca-file @FOLDER@/clients.pem verify required")
    use_haproxy_gateway(net, sections, files={"clients.pem": net.authorities.corporate.root_pem})


@scenario(
    "The gateway asks for a client certificate, in TLS 1.2",
    component="stunnel, verifyChain",
    expect=failing("tls", "tls-client-certificate-required", "gateway"),
)
def mutual_tls12(net: Network) -> None:
    options = ["verifyChain = yes", "CAfile = clients.pem", "sslVersionMax = TLSv1.2"]
    net.office.components.append(
        Stunnel(
            net.authorities.public.issue("llm.corp.example"),
            connect="@API_SOCKET@",
            options=options,
            files={"clients.pem": net.authorities.corporate.root_pem},
        )
    )
    net.client.env["ANTHROPIC_BASE_URL"] = "https://llm.corp.example"


@scenario(
    "The gateway asks for a client certificate, and says so in a web page after the handshake",
    component="nginx, ssl_verify_client",
    expect=failing("tls", "tls-client-certificate-required", "gateway"),
)
def mutual_tls_by_page(net: Network) -> None:
    clients = {"clients.pem": net.authorities.corporate.root_pem}
    settings = ["ssl_verify_client on;", "ssl_client_certificate clients.pem;"]
    use_gateway(net, gateway_site(net, settings=settings, files=clients))
