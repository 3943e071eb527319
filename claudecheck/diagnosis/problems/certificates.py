"""What is wrong with the certificate: who signed it, when it is valid, and for whom."""

from claudecheck.diagnosis.change import Change, Copied
from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask
from claudecheck.diagnosis.problems.spelling import (
    JOINED,
    assign,
    connection_error,
    everywhere,
    joined_with_certifi,
    spelled,
    unset,
    with_python,
)
from claudecheck.diagnosis.problems.trusting import (
    CURL,
    OTHERS_ON_NODE,
    PYTHON,
    ROOT,
    STRICT,
    TRUST_ROOT,
    joined_with_public,
)

_VERIFY = "claudecheck doctor --no-message"
VERIFY_FAILED = "ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed:"
CURL_REFUSED = "curl: (60) SSL certificate problem:"

_SENT = spelled(
    sh="openssl s_client -connect {host}:{port} -servername {host} \\\n  -showcerts < /dev/null",
    powershell="$null | openssl s_client -connect {host}:{port} -servername {host} `\n  -showcerts",
)


def ask_its_owner(text: str, *, when: tuple[Fact, ...] = (), unless: tuple[Fact, ...] = ()) -> Remedy:
    """Whoever runs the server is asked, and shown what it sends."""
    return ask(f"{text}; this shows what it sends", _SENT, tools=("openssl",), when=when, unless=unless)


_CERTIFI = "Join the file with the public CA certificates, and name the result; this needs the package certifi"
_RENEWED = Remedy(
    text="The CA is a public one: renew the store of this machine",
    commands=spelled(sh="{sudo} apt-get update && {sudo} apt-get install -y ca-certificates"),
    systems=("Linux",),
    when=("public-issuer",),
    tools=("apt-get",),
)

TLS_INTERCEPTED = Problem(
    code="tls-intercepted",
    layer="tls",
    title="{product} re-signs HTTPS here, and its root is not trusted",
    cause="A device or program on the route opens the connection to {host} and shows a certificate of its own, signed by {issuer}. Browsers on company machines are set up to trust that CA; {client} is not.",
    owner="network",
    fixes=(
        *TRUST_ROOT,
        ask("Ask your network team not to inspect connections to {host}"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} unable to get local issuer certificate, or self-signed certificate in certificate chain",
        node="unable to get local issuer certificate, or self-signed certificate in certificate chain",
        claude_code="API Error: Unable to connect to API: Self-signed certificate detected, or: SSL certificate verification failed (UNABLE_TO_GET_ISSUER_CERT_LOCALLY)",
        curl=f"{CURL_REFUSED} unable to get local issuer certificate",
    ),
    told_apart="Asked for another name, the same address shows a certificate for that name from the same issuer: it is made on the way. A server's own certificate stays the same (`tls-untrusted-issuer`).",
)

TLS_INTERCEPTED_TRUSTED = Problem(
    code="tls-intercepted-trusted",
    layer="tls",
    severity="warning",
    title="{product} re-signs HTTPS here; this client trusts it",
    cause="The connection works, because {issuer} is in the store that {client} uses. Clients with another store fail here: the Python SDK 0.x and requests (certifi), Node, Java, and everything inside containers.",
    owner="network",
    fixes=(
        Remedy(text="For this client there is nothing to do{others}"),
        OTHERS_ON_NODE,
        Remedy(
            text="For the SDK 0.x, join the root with certifi's CA certificates",
            commands=joined_with_certifi(ROOT),
            change=assign("SSL_CERT_FILE", JOINED),
            caution=STRICT,
        ),
    ),
    verify=_VERIFY,
    told_apart="The chain verifies with the client's store, and not with the public authorities that certifi brings.",
)

TLS_UNTRUSTED_ISSUER = Problem(
    code="tls-untrusted-issuer",
    layer="tls",
    title="The certificate of {host} comes from an unknown CA",
    cause="The chain ends at {issuer}, which is not in the store that {client} uses. It is a private CA, or the store is too old to know a public one.",
    owner="you",
    fixes=(
        _RENEWED,
        Remedy(
            text="The CA is a public one: renew certifi, which the SDK 0.x reads",
            commands=with_python("-m pip install --upgrade certifi"),
            clients=PYTHON,
            when=("sdk-0", "public-issuer"),
        ),
        *TRUST_ROOT,
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} unable to get local issuer certificate",
        node="unable to verify the first certificate",
        claude_code="API Error: Unable to connect to API: SSL certificate verification failed (UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
        curl=f"{CURL_REFUSED} unable to get local issuer certificate",
    ),
    told_apart="The same certificate comes back whatever name is asked for, so it is the server's own and not made on the way (`tls-intercepted`).",
)

TLS_SELF_SIGNED = Problem(
    code="tls-self-signed",
    layer="tls",
    title="{host} shows a certificate that it signed itself",
    cause="Nobody but the server vouches for it. A gateway that was set up with its default certificate does that, and so does a router or portal that answers in place of {host}.",
    owner="gateway",
    fixes=(
        Remedy(
            text="Correct the base URL; unset, it leads to Anthropic's own endpoint",
            change=unset("{base_url_variable}"),
            unless=("gateway-key",),
            guess=True,
            caution="a key that a gateway handed out does not work there",
        ),
        *joined_with_public(
            "If the server is yours, copy its certificate from that machine as `server.pem` and trust it",
            "server.pem",
        ),
        ask("Ask whoever runs {host} for a certificate of a CA, public or your company's own"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} self-signed certificate",
        node="self-signed certificate",
        claude_code="API Error: Unable to connect to API: Self-signed certificate detected",
        curl=f"{CURL_REFUSED} self-signed certificate",
    ),
    told_apart="The chain is one certificate whose issuer is its own subject. A chain of two or more that ends at a private root is `tls-intercepted` or `tls-untrusted-issuer`.",
)

CA_FILE_INCOMPLETE = Problem(
    code="ca-file-incomplete",
    layer="tls",
    title="{variable} replaces the whole store, and lacks the CA needed",
    cause="The variable does not add to the public CA certificates, it takes their place. It names {cafile}, which holds other ones, often only the company's own, and not the one that signed the certificate of {host}.",
    owner="you",
    fixes=(
        Remedy(
            text=_CERTIFI,
            commands=joined_with_certifi("{cafile}"),
            change=assign("SSL_CERT_FILE", JOINED),
            clients=PYTHON,
            proved_by="tls:certifi",
        ),
        Remedy(
            text=_CERTIFI,
            commands=joined_with_certifi("{cafile}"),
            change=assign("CURL_CA_BUNDLE", JOINED),
            clients=CURL,
            proved_by="tls:certifi",
        ),
        Remedy(
            text="Unset the variable: the client's usual store trusts this certificate",
            change=unset("{variable}"),
            caution="hosts that need the CA certificates in the file then fail, unless the system's store holds them too",
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} unable to get local issuer certificate",
        curl=f"{CURL_REFUSED} unable to get local issuer certificate",
    ),
    told_apart="The same chain, judged against the system's store or certifi, is trusted; only the file of the variable does not trust it.",
)

TLS_INCOMPLETE_CHAIN = Problem(
    code="tls-incomplete-chain",
    layer="tls",
    title="{host} leaves out a certificate of its chain",
    cause="The server sends its own certificate without the intermediate one of {issuer}. Browsers fetch what is missing; programs do not.",
    owner="gateway",
    fixes=(
        *joined_with_public(
            "Until the server sends it, get the intermediate certificate from its CA as `intermediate.pem` and trust it",
            "intermediate.pem",
            caution="it must be replaced when the server's certificate is renewed",
        ),
        ask_its_owner(
            "Ask whoever runs {host} to send the full chain (in nginx: `ssl_certificate` with `fullchain.pem`)"
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} unable to get local issuer certificate",
        node="unable to verify the first certificate",
        claude_code="API Error: Unable to connect to API: SSL certificate verification failed (UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
        curl=f"{CURL_REFUSED} unable to get local issuer certificate",
    ),
    told_apart="A browser opens the same address without a warning, and only one certificate is sent, whose issuer is an intermediate of a known authority.",
)

TLS_EXPIRED = Problem(
    code="tls-expired",
    layer="tls",
    title="The certificate of {host} expired on {not_after}",
    cause="It was valid until {not_after}, and this machine's clock is right. This is the server's certificate, not your API key.",
    owner="gateway",
    fixes=(
        ask_its_owner("Ask whoever runs {host} to renew the certificate", unless=("official",)),
        ask(
            "Tell your network team: where a product inspects HTTPS, it is that product's certificate that has expired",
            when=("official",),
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} certificate has expired",
        node="certificate has expired",
        claude_code="API Error: Unable to connect to API: SSL certificate has expired",
        curl=f"{CURL_REFUSED} certificate has expired",
    ),
    told_apart="Another machine's clock agrees with this one. If it does not, the problem is `tls-clock-wrong`.",
)

TLS_NOT_YET_VALID = Problem(
    code="tls-not-yet-valid",
    layer="tls",
    title="The certificate of {host} is not valid before {not_before}",
    cause="That day is still to come, and this machine's clock is right. Whoever made the certificate had a wrong clock, or put it in place too early.",
    owner="gateway",
    fixes=(ask_its_owner("Ask whoever runs {host} to put a valid certificate in place"),),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} certificate is not yet valid",
        node="certificate is not yet valid",
        claude_code="API Error: Unable to connect to API: SSL certificate is not yet valid",
        curl=f"{CURL_REFUSED} certificate is not yet valid",
    ),
    told_apart="Another machine's clock agrees with this one. If it does not, the problem is `tls-clock-wrong`.",
)

TLS_CLOCK_WRONG = Problem(
    code="tls-clock-wrong",
    layer="tls",
    title="The clock of this machine is wrong",
    cause="By this machine's clock the certificate of {host} is not valid, and another clock disagrees with this machine. Certificates can only be checked with the right date.",
    owner="you",
    fixes=(
        Remedy(
            text="The clock of WSL stops while Windows sleeps: set it from the hardware clock",
            commands=spelled(sh="{sudo} hwclock --hctosys"),
            when=("wsl",),
            tools=("hwclock",),
        ),
        Remedy(
            text="Let the system set its clock from the network",
            commands=spelled(sh="{sudo} timedatectl set-ntp true"),
            systems=("Linux",),
            unless=("container", "wsl"),
            tools=("timedatectl",),
        ),
        Remedy(
            text="Let the system set its clock from the network",
            commands=spelled(sh="{sudo} sntp -sS time.apple.com"),
            systems=("Darwin",),
        ),
        Remedy(
            text="Let the system set its clock from the network (as administrator)",
            commands=spelled(
                powershell="Start-Service w32time; w32tm /resync", cmd="net start w32time & w32tm /resync"
            ),
            systems=("Windows",),
        ),
        ask("Set the clock of the container's host: a container has no clock of its own", when=("container",)),
        ask("Ask whoever runs this machine to set its clock", unless=("container",)),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} certificate is not yet valid, or certificate has expired",
        node="certificate is not yet valid, or certificate has expired",
        claude_code="API Error: Unable to connect to API: SSL certificate is not yet valid",
        curl=f"{CURL_REFUSED} certificate is not yet valid",
    ),
    told_apart="The `Date` header of any answer over plain HTTP differs from this machine's clock by more than five minutes.",
)

CERTIFICATE_EXPIRING = Problem(
    code="certificate-expiring",
    layer="tls",
    severity="warning",
    title="The certificate of {host} ends in {count} days",
    cause="It works now and is valid until {not_after}. Certificates that renew themselves are replaced earlier than that, so this one may have been forgotten.",
    owner="gateway",
    fixes=(ask_its_owner("Tell whoever runs {host} that its certificate has to be renewed before {not_after}"),),
    verify=_VERIFY,
    told_apart="The handshake verifies today. On the day after it ends, the same route fails with `tls-expired`.",
)

TLS_HOSTNAME_MISMATCH = Problem(
    code="tls-hostname-mismatch",
    layer="tls",
    title="The certificate is for other names than {host}",
    cause="Whoever answers at {address} has a certificate for {names}. So this is another server: a wrong address, a sign-in page, or a gateway that was named as a proxy.",
    owner="network",
    fixes=(
        Remedy(
            text="If HTTPS_PROXY holds the address of a gateway (LiteLLM or the like), name it as the base URL: a gateway is not a proxy",
            change=Change(sets=(("ANTHROPIC_BASE_URL", Copied("HTTPS_PROXY")),), unsets=("HTTPS_PROXY",)),
            when=("proxied",),
        ),
        Remedy(
            text="Correct the host in the base URL, or unset it to call Anthropic's own endpoint",
            change=unset("{base_url_variable}"),
            unless=("gateway-key",),
            guess=True,
            caution="a key that a gateway handed out does not work there",
        ),
        Remedy(
            text="Open any page in a browser: the sign-in page of a Wi-Fi answers like this, until you have signed in",
            unless=("container", "ci", "own-base-url"),
        ),
        ask(
            "Show your network team that {host} is answered by a server for {names}, and whether another resolver leads elsewhere",
            everywhere("nslookup {host} 1.1.1.1"),
            tools=("nslookup",),
            when=("official",),
        ),
        ask("Show whoever runs {host} that it is answered by a server for {names}", unless=("official",)),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        f"{VERIFY_FAILED} Hostname mismatch, certificate is not valid for 'api.anthropic.com'.",
        node="Hostname/IP does not match certificate's altnames: Host: api.anthropic.com. is not in the cert's altnames: DNS:…",
        claude_code="API Error: Unable to connect to API: SSL certificate hostname mismatch",
        curl="curl: (60) SSL: no alternative certificate subject name matches target host name 'api.anthropic.com'",
    ),
    told_apart="The names in the certificate say who answered. An inspection product would show a certificate for the right name (`tls-intercepted`).",
)
