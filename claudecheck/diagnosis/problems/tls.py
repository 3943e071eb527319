"""What is wrong with the handshake: who cuts it, why it is refused, and certificates that are too weak."""

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.change import Edited, Filed, Listed
from claudecheck.diagnosis.problems.certificates import CURL_REFUSED, VERIFY_FAILED, ask_its_owner
from claudecheck.diagnosis.problems.cluster import EGRESS_TO_API
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, in_program, look
from claudecheck.diagnosis.problems.spelling import (
    assign,
    connection_error,
    printed,
    spelled,
    timeout_error,
    unset,
    with_python,
)
from claudecheck.diagnosis.problems.tcp import VPN
from claudecheck.report import Command

_VERIFY = "claudecheck doctor --no-message"

#: 1280 bytes is what every IPv6 link must carry, so every tunnel does.
LOWER_MTU = (
    Remedy(
        text="Let this machine send smaller packets",
        commands=spelled(
            sh="{sudo} ip link set mtu 1280 \\\n  dev \"$(ip route show default | awk '{print $5; exit}')\"",
            fish="{sudo} ip link set mtu 1280 \\\n  dev (ip route show default | awk '{print $5; exit}')",
        ),
        systems=("Linux",),
        tools=("ip",),
        unless=("no-network-rights",),
        caution="it holds until the next connect; the lasting cure is at the tunnel or router",
        proved_by=questions.SMALL_SEGMENTS.id,
    ),
    Remedy(
        text="Let this machine send smaller packets",
        commands=spelled(sh="{sudo} networksetup -setMTU Wi-Fi 1280"),
        systems=("Darwin",),
        caution="`networksetup -setMTU Wi-Fi 1500` undoes it; the lasting cure is at the tunnel or router",
        proved_by=questions.SMALL_SEGMENTS.id,
    ),
    Remedy(
        text="Let this machine send smaller packets",
        commands=spelled(
            powershell="netsh interface ipv4 set subinterface Wi-Fi mtu=1280",
            cmd="netsh interface ipv4 set subinterface Wi-Fi mtu=1280",
        ),
        systems=("Windows",),
        caution="`mtu=1500` undoes it; the lasting cure is at the tunnel or router",
        proved_by=questions.SMALL_SEGMENTS.id,
    ),
)
_PROTECTION = Remedy(
    text="If a firewall program or a virus scanner is on, try without its web protection", unless=("container", "ci")
)


def _for_openssl(setting: str) -> tuple[Command, ...]:
    """A file of OpenSSL's settings with this one, which every program of the shell is then told of."""
    return spelled(
        sh=f"printf '%s\\n' 'openssl_conf = o' '[o]' 'ssl_conf = s' \\\n  '[s]' 'system_default = d' '[d]' '{setting}' \\\n  > \"$HOME/claude-openssl.cnf\""
    )


_PAIR = "Ask whoever runs {host} for a client certificate and key"

TLS_NAME_FILTERED = Problem(
    code="tls-name-filtered",
    layer="tls",
    title="Connections that name {host} are cut on the way",
    cause="A filter reads the server name in the ClientHello, and cuts or drops the connection when it is {host}. The same address answers when another name is asked for.",
    owner="network",
    fixes=(
        ask(
            "Ask your network team to allow TLS connections whose server name (SNI) is {host}, port {port}; until then another network (a phone's hotspot) works"
        ),
        ask(
            "Ask your network team whether your company has a proxy or gateway for such services",
            when=("no-proxy-known",),
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 104] Connection reset by peer",
        node="read ECONNRESET",
        claude_code="API Error: Unable to connect to API (ECONNRESET)",
        curl="curl: (35) Recv failure: Connection reset by peer",
    ),
    told_apart="Only the server name was changed, and the handshake got through.",
)

TLS_HELLO_DROPPED = Problem(
    code="tls-hello-dropped",
    layer="tls",
    title="A large ClientHello gets lost on the way",
    cause="New TLS libraries send a ClientHello that needs two packets. An old firewall or filter on the way drops what it cannot read in one packet; a short message gets through.",
    owner="network",
    fixes=(
        Remedy(
            text="Keep OpenSSL from sending the large key share",
            commands=_for_openssl("Groups = X25519:P-256"),
            change=assign("OPENSSL_CONF", Filed("claude-openssl.cnf")),
            systems=("Linux", "Darwin"),
            clients=("python",),
            when=("large-key-share",),
            caution="it replaces the system's OpenSSL settings for what is started from this shell, and gives up the protection against future quantum computers",
            proved_by=questions.SMALL_HELLO.id,
        ),
        Remedy(
            text="Let OpenSSL speak TLS 1.2, whose first message is short",
            commands=_for_openssl("MaxProtocol = TLSv1.2"),
            change=assign("OPENSSL_CONF", Filed("claude-openssl.cnf")),
            systems=("Linux", "Darwin"),
            clients=("python", "curl"),
            caution="it replaces the system's OpenSSL settings for what is started from this shell",
            proved_by=questions.OLD_TLS.id,
        ),
        Remedy(
            text="Let Node speak TLS 1.2, whose first message is short",
            change=assign("NODE_OPTIONS", Listed("NODE_OPTIONS", ("--tls-max-v1.2",), " ")),
            clients=("typescript", "node"),
            proved_by=questions.OLD_TLS.id,
        ),
        ask(
            "Tell your network team: a device drops a ClientHello that spans two TCP segments; its maker has an update for post-quantum key exchange"
        ),
    ),
    verify=_VERIFY,
    looks_like=timeout_error(
        "ConnectTimeout: _ssl.c:989: The handshake operation timed out",
        curl="curl: (28) Connection timed out after … milliseconds",
    ),
    told_apart="Only the size of the ClientHello was changed, and the handshake got through. When full-size packets of any kind vanish, the problem is `tls-path-mtu`.",
)

TLS_PATH_MTU = Problem(
    code="tls-path-mtu",
    layer="tls",
    title="Full-size packets vanish on the way to {host}; small ones pass",
    cause="A part of the way (a VPN, a container's network, WSL, a home router) carries only smaller packets, and the message that would say so is filtered. So the connection opens, and the first full-size packet disappears.",
    owner="you",
    fixes=(
        *LOWER_MTU,
        Remedy(text="Set a smaller MTU in the VPN (1280 fits everywhere), or try without it", when=("vpn",)),
        ask(
            "Give Docker's network the size that the tunnel carries, on the container's host: `{ \"mtu\": 1280 }` in `/etc/docker/daemon.json`",
            when=("docker",),
        ),
        ask("Give the cluster's network the size that its tunnel carries (1280 fits everywhere)", when=("kubernetes",)),
        ask(
            "Ask your network team to let ICMP “fragmentation needed” and “packet too big” through, or to clamp the MSS at the tunnel"
        ),
    ),
    verify=_VERIFY,
    looks_like=timeout_error(
        "ConnectTimeout: _ssl.c:989: The handshake operation timed out",
        curl="curl: (28) Connection timed out after … milliseconds",
    ),
    told_apart="Only the size of the packets was changed (a small TCP segment size), and the handshake got through.",
)

TLS_RESET = Problem(
    code="tls-reset",
    layer="tls",
    title="The connection to {host} is cut in the handshake",
    cause="The TCP connection opens, and ends with a reset or close before the server has shown a certificate. Something on the way, or the server's own front, does not want this connection; no change of the handshake helped.",
    owner="network",
    fixes=(
        *VPN,
        _PROTECTION,
        ask("Ask your network team what cuts TLS connections to {host} ({address}), port {port}"),
        ask("Ask your network team whether programs here must use a proxy, and which", when=("no-proxy-known",)),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 104] Connection reset by peer, or [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol",
        node="read ECONNRESET, or Client network socket disconnected before secure TLS connection was established",
        claude_code="API Error: Unable to connect to API (ECONNRESET)",
        curl="curl: (35) Recv failure: Connection reset by peer",
    ),
    told_apart="Other names, small messages, small packets and TLS 1.2 are cut as well. If one of them gets through, that one names the cause.",
)

LOCAL_INTERCEPTION = Problem(
    code="local-interception",
    layer="tls",
    title="Every connection of this machine is taken and ended by something local",
    cause="Connections to any host and port open at once and end alike at the first byte. A service mesh's sidecar without a rule for {host}, a security agent or a redirect rule does that; the network is not reached.",
    owner="you",
    fixes=(
        Remedy(
            text="Allow {host} in the security agent or firewall program of this machine, or switch its redirection off",
            unless=("kubernetes",),
        ),
        *EGRESS_TO_API[:1],
        look(
            "Look for rules that redirect what leaves this machine",
            spelled(sh="{sudo} nft list ruleset | grep -E 'redirect|dnat|tproxy'"),
            systems=("Linux",),
            tools=("nft",),
        ),
        look(
            "Look for rules that redirect what leaves this machine",
            spelled(sh="{sudo} iptables-save -t nat | grep -E 'REDIRECT|DNAT|TPROXY'"),
            systems=("Linux",),
            tools=("iptables-save",),
        ),
        ask(
            "In a service mesh, allow {host} to be reached from it (Istio: a ServiceEntry, or outboundTrafficPolicy ALLOW_ANY)",
            when=("kubernetes",),
            unless=("mesh",),
        ),
        ask("With a security agent on this machine, ask whoever runs it to let {host} pass"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 104] Connection reset by peer, or [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol",
        node="read ECONNRESET, or Client network socket disconnected before secure TLS connection was established",
        curl="curl: (35) Recv failure: Connection reset by peer",
    ),
    told_apart="Another host, and plain HTTP at port 80, end in the same way. A filter of the network (`tls-reset`, `tls-name-filtered`) lets some of them through.",
)

TLS_TIMEOUT = Problem(
    code="tls-timeout",
    layer="tls",
    title="{host} takes the connection and then stays silent",
    cause="The TCP connection opens, the ClientHello is sent, and nothing comes back. A firewall that opens connections in the server's place does that, and so does a server that is overloaded; no change of the handshake helped.",
    owner="network",
    fixes=(
        *VPN,
        _PROTECTION,
        ask("Ask your network team what holds TLS connections to {host} ({address}), port {port}"),
        ask("Ask your network team whether programs here must use a proxy, and which", when=("no-proxy-known",)),
    ),
    verify=_VERIFY,
    looks_like=timeout_error(
        "ConnectTimeout: _ssl.c:989: The handshake operation timed out",
        curl="curl: (28) Connection timed out after … milliseconds",
    ),
    told_apart="`tcp-timeout` has the text “timed out” without the word handshake. Other names, small messages and small packets get no answer either.",
)

TLS_NOT_TLS = Problem(
    code="tls-not-tls",
    layer="tls",
    title="Port {port} of {host} does not speak TLS",
    cause="What answers there is something else, mostly plain HTTP: the base URL says `https://` and the gateway listens without TLS, or the port belongs to another service.",
    owner="gateway",
    fixes=(
        Remedy(
            text="The gateway is on a private network and speaks plain HTTP: write so in the base URL",
            change=assign("{base_url_variable}", Edited("{base_url_variable}", "^https:", "http:")),
            when=("own-base-url", "private-host"),
            caution="the key is then sent unencrypted",
        ),
        Remedy(text="Correct the port in the base URL", when=("own-base-url",)),
        ask("Ask whoever runs {host} for its https address"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [SSL: WRONG_VERSION_NUMBER] wrong version number",
        node="…:SSL routines:ssl3_get_record:wrong version number:…",
        claude_code="API Error: Unable to connect to API: SSL error (ERR_SSL_WRONG_VERSION_NUMBER)",
        curl="curl: (35) OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number",
    ),
    told_apart="The first bytes that come back are text. An `https://` proxy URL on a plain proxy port prints the same (`proxy-tls-failed`).",
)

TLS_VERSION_UNSUPPORTED = Problem(
    code="tls-version-unsupported",
    layer="tls",
    title="{host} offers only TLS versions that this client refuses",
    cause="One side wants a version that the other does not speak: an old server or middle box that stops at TLS 1.0 or 1.1, or a client that is limited to an old one.",
    owner="network",
    fixes=(ask_its_owner("Ask whoever runs {host}, or the box in front of it, to offer TLS 1.2 and 1.3"),),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version",
        node="…:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:…",
        claude_code="API Error: Unable to connect to API: SSL error (ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION)",
        curl="curl: (35) …:SSL routines::tlsv1 alert protocol version",
    ),
    told_apart="The handshake ends with the alert “protocol version”, or gets through as soon as only the version is changed.",
)

TLS_HANDSHAKE_REFUSED = Problem(
    code="tls-handshake-refused",
    layer="tls",
    title="{host} refused the handshake ({alert})",
    cause="The server, or a box in front of it, ended the handshake with {alert}. It has no certificate for this name, shares no cipher with the client, or does not want this client.",
    owner="gateway",
    fixes=(
        Remedy(
            text="Compare the name in the base URL with the one that the gateway's certificate is made for",
            when=("own-base-url",),
        ),
        ask_its_owner("Give whoever runs {host} the alert and the time: their log says why"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure",
        node="…:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:…",
        claude_code="API Error: Unable to connect to API: SSL error (ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE)",
        curl="curl: (35) …:SSL routines::sslv3 alert handshake failure",
    ),
    told_apart="The server says why it stops, with an alert. A cut without a word is `tls-reset`.",
)

TLS_CLIENT_CERTIFICATE_REQUIRED = Problem(
    code="tls-client-certificate-required",
    layer="tls",
    title="{host} asks for a client certificate",
    cause="The server takes only clients that show a certificate of their own (mutual TLS), and this client shows none. Anthropic's own endpoint does not ask for one, so this is a gateway.",
    owner="gateway",
    fixes=(
        Remedy(
            text=f"{_PAIR}, `client.pem` and `client.key`; Claude Code takes them from variables",
            change=assign(
                "CLAUDE_CODE_CLIENT_CERT",
                Filed("client.pem", at_home=False),
                ("CLAUDE_CODE_CLIENT_KEY", Filed("client.key", at_home=False)),
            ),
            clients=("claude-code",),
            needs=("client.pem", "client.key"),
        ),
        in_program(
            f"{_PAIR}, then hand them to the SDK",
            python='ctx = ssl.create_default_context()\nctx.load_cert_chain("client.pem", "client.key")\nclient = Anthropic(http_client=DefaultHttpxClient(verify=ctx))',
            clients=("python",),
        ),
        in_program(
            f"{_PAIR}, then hand them to the SDK or to `fetch`",
            typescript="const { Agent } = require('undici');\nconst dispatcher = new Agent({ connect: { cert, key } });\nconst client = new Anthropic({ fetchOptions: { dispatcher } });",
            clients=("typescript", "node"),
        ),
        ask(f"{_PAIR}, and name both after `--cert` and `--key`", clients=("curl",)),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ReadError: [SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required",
        node="write ECONNRESET",
        curl="curl: (56) …:SSL routines::tlsv13 alert certificate required",
    ),
    told_apart="The server sends a certificate request, and ends the connection when the answer is empty.",
)

TLS_WEAK_CERTIFICATE = Problem(
    code="tls-weak-certificate",
    layer="tls",
    title="The certificate of {host} is too weak for this client",
    cause="Its key is too short or its signature too old (SHA-1, MD5) for the security level of this machine's OpenSSL. Old gateways and inspection products still make such certificates.",
    owner="gateway",
    fixes=(
        ask_its_owner(
            "Ask whoever made the certificate for one with RSA 2048 or an elliptic curve, signed with SHA-256"
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} EE certificate key too weak, or CA signature digest algorithm too weak",
        node="EE certificate key too weak",
        curl=f"{CURL_REFUSED} EE certificate key too weak",
    ),
    told_apart="The chain leads to a trusted authority, and OpenSSL names the strength as the reason.",
)

TLS_STRICT_CERTIFICATE = Problem(
    code="tls-strict-certificate",
    layer="tls",
    title="The certificate is refused by the strict checks of this Python",
    cause="Python 3.13 and later check certificates more strictly wherever SSL_CERT_FILE or SSL_CERT_DIR is set, and always with the SDK 0.x. A certificate of this chain lacks what the standard asks for (a key identifier, a key usage, a critical mark); other clients overlook that.",
    owner="network",
    fixes=(
        Remedy(
            text="Add the private root to the system's store and unset the variable: from there the SDK 1.x and 2.x check certificates as other clients do",
            change=unset("SSL_CERT_FILE", "SSL_CERT_DIR"),
            unless=("sdk-0",),
            caution="the root must be in the system's store first: see `tls-intercepted`",
            key="not-strict",
        ),
        Remedy(
            text="Upgrade the SDK, or run your program with Python 3.12",
            commands=with_python("-m pip install --upgrade anthropic"),
            unless=("sdk-1",),
            key="not-strict-0",
        ),
        ask(
            "Ask your network team to renew the root and the certificates made from it, with all extensions that RFC 5280 asks for"
        ),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old=f"anthropic.APIConnectionError: Connection error. (cause: httpx.{VERIFY_FAILED} Missing Authority Key Identifier, or Basic Constraints of CA cert not marked critical)",
        new=f"anthropic.APIConnectionError: Connection error. (cause: httpx2.{VERIFY_FAILED} Missing Authority Key Identifier, or CA cert does not include key usage extension)",
    ),
    told_apart="The same chain with the same authorities passes when only the strict flag is off. Adding the root again and again changes nothing: it is there.",
)
