"""What is wrong with the handshake: who cuts it, why it is refused, and certificates that are too weak."""

from claudecheck.diagnosis.problems.certificates import CURL_REFUSED, SHOW_CHAIN, VERIFY_FAILED
from claudecheck.diagnosis.problems.problem import Problem, Remedy
from claudecheck.diagnosis.problems.spelling import (
    assign,
    connection_error,
    printed,
    spelled,
    timeout_error,
    unset,
    with_python,
)

_VERIFY = "claudecheck doctor --no-message"

#: 1280 bytes is what every IPv6 link must carry, so every tunnel does.
LOWER_MTU = (
    Remedy(
        text="Let this machine send smaller packets, and try again",
        commands=spelled(
            sh="sudo ip link set mtu 1280 \\\n  dev \"$(ip route show default | awk '{print $5; exit}')\""
        ),
        systems=("Linux",),
        caution="it holds until the next connect; the lasting cure is at the tunnel or router",
    ),
    Remedy(
        text="Let this machine send smaller packets, and try again",
        commands=spelled(sh="sudo networksetup -setMTU Wi-Fi 1280"),
        systems=("Darwin",),
        caution="`networksetup -setMTU Wi-Fi 1500` undoes it; the lasting cure is at the tunnel or router",
    ),
    Remedy(
        text="Let this machine send smaller packets, and try again",
        commands=spelled(
            powershell="netsh interface ipv4 set subinterface Wi-Fi mtu=1280",
            cmd="netsh interface ipv4 set subinterface Wi-Fi mtu=1280",
        ),
        systems=("Windows",),
        caution="`mtu=1500` undoes it; the lasting cure is at the tunnel or router",
    ),
)
TLS_NAME_FILTERED = Problem(
    code="tls-name-filtered",
    layer="tls",
    title="Connections that name {host} are cut on the way",
    cause="A filter reads the server name in the first message of the handshake, and cuts or drops the connection when it is {host}. The same address answers when another name is asked for.",
    owner="network",
    fixes=(
        Remedy(text="Ask your network team to allow TLS connections whose server name (SNI) is {host}, port {port}"),
        Remedy(
            text="If your company has a proxy or gateway for such services, use that",
            commands=assign("HTTPS_PROXY", "http://PROXY:PORT"),
        ),
        Remedy(text="Try another network (a phone's hotspot) to see that machine and key are fine"),
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
    title="A large first message of the handshake gets lost on the way",
    cause="New TLS libraries send a first message (ClientHello) that needs two packets. An old firewall or filter on the way drops what it cannot read in one packet; a short message gets through.",
    owner="network",
    fixes=(
        Remedy(
            text="Tell your network team: a device drops a ClientHello that spans two TCP segments; its maker has an update for post-quantum key exchange"
        ),
        Remedy(
            text="Until then, keep OpenSSL 3.5 and later from sending the large key share",
            commands=spelled(
                sh="printf '%s\\n' 'openssl_conf = o' '[o]' 'ssl_conf = s' \\\n  '[s]' 'system_default = d' '[d]' 'Groups = X25519:P-256' \\\n  > \"$HOME/claude-openssl.cnf\" &&\n  export OPENSSL_CONF=\"$HOME/claude-openssl.cnf\"",
                fish="printf '%s\\n' 'openssl_conf = o' '[o]' 'ssl_conf = s' \\\n  '[s]' 'system_default = d' '[d]' 'Groups = X25519:P-256' \\\n  > \"$HOME/claude-openssl.cnf\" &&\n  set -gx OPENSSL_CONF \"$HOME/claude-openssl.cnf\"",
            ),
            systems=("Linux", "Darwin"),
            caution="it replaces the system's OpenSSL settings for what is started from this shell, and gives up the protection against future quantum computers",
        ),
    ),
    verify=_VERIFY,
    looks_like=timeout_error(
        "ConnectTimeout: _ssl.c:989: The handshake operation timed out",
        curl="curl: (28) Connection timed out after … milliseconds",
    ),
    told_apart="Only the size of the first message was changed, and the handshake got through. When full-size packets of any kind vanish, the problem is `tls-path-mtu`.",
)

TLS_PATH_MTU = Problem(
    code="tls-path-mtu",
    layer="tls",
    title="Full-size packets vanish on the way to {host}; small ones pass",
    cause="A part of the way (a VPN, a container's network, WSL, a home router) carries only smaller packets, and the message that would say so is filtered. So the connection opens, and the first full-size packet disappears.",
    owner="you",
    fixes=(
        Remedy(
            text='Give Docker\'s network the size that the tunnel carries: `{ "mtu": 1280 }` in `/etc/docker/daemon.json` of the host, or a network of its own',
            commands=spelled(
                sh="docker network create \\\n  -o com.docker.network.driver.mtu=1280 smaller\ndocker run --network smaller IMAGE"
            ),
            only_in="container",
        ),
        *LOWER_MTU,
        Remedy(text="If a VPN is on, set a smaller MTU in it (1280 fits everywhere), or try without it"),
        Remedy(
            text="Ask your network team to let ICMP “fragmentation needed” and “packet too big” through, or to clamp the MSS at the tunnel"
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
        Remedy(text="If a VPN, a firewall program or a virus scanner is on, try without its web protection"),
        Remedy(text="If programs here must use a proxy, name it", commands=assign("HTTPS_PROXY", "http://PROXY:PORT")),
        Remedy(text="Ask your network team what cuts TLS connections to {host} ({address}), port {port}"),
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
            text="Look for rules that redirect what leaves this machine",
            commands=spelled(
                sh="sudo iptables-save -t nat | grep -E 'REDIRECT|DNAT|TPROXY'\nsudo nft list ruleset | grep -E 'redirect|dnat|tproxy'"
            ),
            systems=("Linux",),
        ),
        Remedy(
            text="In a service mesh, allow {host} to be reached from it (Istio: a ServiceEntry, or outboundTrafficPolicy ALLOW_ANY)"
        ),
        Remedy(text="With a security agent on this machine, ask whoever runs it to let {host} pass"),
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
    cause="The TCP connection opens, the first message of the handshake is sent, and nothing comes back. A firewall that opens connections in the server's place does that, and so does a server that is overloaded; no change of the handshake helped.",
    owner="network",
    fixes=(
        Remedy(text="If a VPN, a firewall program or a virus scanner is on, try without its web protection"),
        Remedy(text="If programs here must use a proxy, name it", commands=assign("HTTPS_PROXY", "http://PROXY:PORT")),
        Remedy(text="Ask your network team what holds TLS connections to {host} ({address}), port {port}"),
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
            text="If the gateway speaks plain HTTP on purpose and is on this machine or a private network, say so in the base URL",
            commands=assign("ANTHROPIC_BASE_URL", "http://{host}:{port}"),
            caution="the key then travels readable: never do this for a public address",
        ),
        Remedy(text="Otherwise correct the port, or ask whoever runs {host} for its https address"),
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
    fixes=(
        Remedy(text="Ask whoever runs {host}, or the box in front of it, to offer TLS 1.2 and 1.3"),
        SHOW_CHAIN,
        Remedy(
            text="See whether this Python is built with a current OpenSSL (1.1.1 or later)",
            commands=with_python('-c "import ssl; print(ssl.OPENSSL_VERSION)"'),
            clients=("python",),
        ),
    ),
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
        Remedy(text="If {host} is a gateway, compare the name with the one that its certificate is made for"),
        SHOW_CHAIN,
        Remedy(text="Give whoever runs {host} the alert and the time: their log says why"),
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
            text="Ask whoever runs {host} for a client certificate and key, then hand them to the SDK",
            commands=spelled(
                python='ctx = ssl.create_default_context()\nctx.load_cert_chain("client.pem", "client.key")\nclient = Anthropic(http_client=DefaultHttpxClient(verify=ctx))'
            ),
            clients=("python",),
        ),
        Remedy(
            text="Ask whoever runs {host} for a client certificate and key, then hand them to the SDK or to `fetch`",
            commands=spelled(
                typescript="const { Agent } = require('undici');\nconst dispatcher = new Agent({ connect: { cert, key } });\nconst client = new Anthropic({ fetchOptions: { dispatcher } });"
            ),
            clients=("typescript", "node"),
        ),
        Remedy(
            text="Ask whoever runs {host} for a client certificate and key, and name both after `--cert` and `--key`",
            clients=("curl",),
        ),
        Remedy(
            text="Ask whoever runs {host} for a client certificate and key; Claude Code takes them from variables",
            commands=spelled(
                sh='export CLAUDE_CODE_CLIENT_CERT="$PWD/client.pem"\nexport CLAUDE_CODE_CLIENT_KEY="$PWD/client.key"',
                fish='set -gx CLAUDE_CODE_CLIENT_CERT "$PWD/client.pem"\nset -gx CLAUDE_CODE_CLIENT_KEY "$PWD/client.key"',
                powershell='$env:CLAUDE_CODE_CLIENT_CERT = "$PWD\\client.pem"\n$env:CLAUDE_CODE_CLIENT_KEY = "$PWD\\client.key"',
            ),
            clients=("claude-code",),
        ),
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
        Remedy(text="Ask whoever made the certificate for one with RSA 2048 or an elliptic curve, signed with SHA-256"),
        SHOW_CHAIN,
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
            text="With the SDK 1.x or 2.x, add the private root to the system's store and unset the variable: from there the certificates are checked as in other clients",
            commands=unset("SSL_CERT_FILE", "SSL_CERT_DIR"),
            caution="the root must be in the system's store first: see `tls-intercepted`",
        ),
        Remedy(
            text="With the SDK 0.x, run your program with Python 3.12 or upgrade the SDK",
            commands=with_python("-m pip install --upgrade anthropic"),
        ),
        Remedy(
            text="Ask your network team to renew the root and the certificates made from it, with all extensions that RFC 5280 asks for"
        ),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old=f"anthropic.APIConnectionError: Connection error. (cause: httpx.{VERIFY_FAILED} Missing Authority Key Identifier, or Basic Constraints of CA cert not marked critical)",
        new=f"anthropic.APIConnectionError: Connection error. (cause: httpx2.{VERIFY_FAILED} Missing Authority Key Identifier, or CA cert does not include key usage extension)",
    ),
    told_apart="The same chain with the same authorities passes when only the strict flag is off. Adding the root again and again changes nothing: it is there.",
)
