"""What is wrong with the certificate: who signed it, when it is valid, and for whom."""

from claudecheck.diagnosis.problems.problem import Problem, Remedy
from claudecheck.diagnosis.problems.spelling import (
    connection_error,
    everywhere,
    spelled,
    trusted_with_certifi,
    unset,
    with_python,
)
from claudecheck.diagnosis.problems.trusting import (
    CURL,
    HELD,
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

SHOW_CHAIN = Remedy(
    text="See what the server sends, and show it to whoever runs it",
    commands=spelled(
        sh="openssl s_client -connect {host}:{port} -servername {host} \\\n  -showcerts < /dev/null",
        powershell="$null | openssl s_client -connect {host}:{port} -servername {host} `\n  -showcerts",
    ),
)

TLS_INTERCEPTED = Problem(
    code="tls-intercepted",
    layer="tls",
    title="{product} re-signs HTTPS here, and its root is not trusted",
    cause="A device or program on the way opens the connection to {host} and shows a certificate of its own, signed by {issuer}. Browsers on company machines are set up to trust that authority; {client} is not.",
    owner="network",
    fixes=(
        *TRUST_ROOT,
        Remedy(text="Or ask your network team not to inspect connections to {host}"),
        *HELD,
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
        Remedy(text="For this client there is nothing to do"),
        OTHERS_ON_NODE,
        Remedy(
            text="For the SDK 0.x, join the root with certifi's authorities",
            commands=trusted_with_certifi(ROOT),
            caution=STRICT,
        ),
    ),
    verify=_VERIFY,
    told_apart="The chain verifies with the client's store, and not with the public authorities that certifi brings.",
)

TLS_UNTRUSTED_ISSUER = Problem(
    code="tls-untrusted-issuer",
    layer="tls",
    title="The certificate of {host} comes from an unknown authority",
    cause="The chain ends at {issuer}, which is not in the store that {client} uses. It is a private authority, or the store is too old to know a public one.",
    owner="you",
    fixes=(
        *TRUST_ROOT,
        Remedy(
            text="If the authority is a public one, renew the store",
            commands=spelled(sh="sudo apt-get update && sudo apt-get install -y ca-certificates"),
            systems=("Linux",),
        ),
        Remedy(
            text="With the SDK 0.x, if the authority is a public one, renew certifi",
            commands=with_python("-m pip install --upgrade certifi"),
            clients=PYTHON,
        ),
        *HELD,
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
        Remedy(text="Ask whoever runs {host} for a certificate of an authority, public or your company's own"),
        Remedy(
            text="If {host} is not where you meant to go, correct the base URL", commands=unset("ANTHROPIC_BASE_URL")
        ),
        *joined_with_public(
            "If the server is yours, copy its certificate from that machine as `server.pem` and trust it",
            "server.pem",
        ),
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
    title="{variable} replaces the whole store, and lacks the authority needed",
    cause="The variable does not add to the public authorities, it takes their place. It names {cafile}, which holds other authorities, often only the company's own, and not the one that signed the certificate of {host}.",
    owner="you",
    fixes=(
        Remedy(
            text="Join the file with the public authorities, and name the result; this needs the package certifi",
            commands=trusted_with_certifi("{cafile}"),
            clients=PYTHON,
        ),
        Remedy(
            text="Join the file with the public authorities, and name the result; this needs the package certifi",
            commands=trusted_with_certifi("{cafile}", "CURL_CA_BUNDLE"),
            clients=CURL,
        ),
        Remedy(
            text="Or unset the variable: the client's usual store trusts this certificate",
            commands=unset("{variable}"),
            caution="hosts that need the authorities in the file then fail, unless the system's store holds them too",
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
        Remedy(
            text="Ask whoever runs {host} to send the full chain (in nginx: `ssl_certificate` with `fullchain.pem`)"
        ),
        SHOW_CHAIN,
        *joined_with_public(
            "Until then, get the intermediate certificate from its authority as `intermediate.pem` and trust it",
            "intermediate.pem",
            caution="it must be replaced when the server's certificate is renewed",
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
        Remedy(text="Ask whoever runs {host} to renew the certificate"),
        SHOW_CHAIN,
        Remedy(
            text="If {host} is Anthropic's and an inspection product stands on the way, tell your network team: it is that product's certificate"
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
    fixes=(
        Remedy(text="Ask whoever runs {host} to put a valid certificate in place"),
        SHOW_CHAIN,
    ),
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
            commands=spelled(sh="sudo hwclock --hctosys"),
            only_in="wsl",
        ),
        Remedy(text="A container has its host's clock: set the clock of the host", only_in="container"),
        Remedy(
            text="Let the system set its clock from the network",
            commands=spelled(sh="sudo timedatectl set-ntp true"),
            systems=("Linux",),
        ),
        Remedy(
            text="Let the system set its clock from the network",
            commands=spelled(sh="sudo sntp -sS time.apple.com"),
            systems=("Darwin",),
        ),
        Remedy(
            text="Let the system set its clock from the network (as administrator)",
            commands=spelled(
                powershell="Start-Service w32time; w32tm /resync", cmd="net start w32time & w32tm /resync"
            ),
            systems=("Windows",),
        ),
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
    fixes=(
        Remedy(text="Tell whoever runs {host} that its certificate has to be renewed before {not_after}"),
        SHOW_CHAIN,
    ),
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
            text="Open any page in a browser: the sign-in page of a Wi-Fi answers like this, until you have signed in"
        ),
        Remedy(
            text="Compare the address: if another resolver gives another one, DNS sends you to the wrong place",
            commands=everywhere("nslookup {host} 1.1.1.1"),
        ),
        Remedy(
            text="If HTTPS_PROXY holds the address of a gateway (LiteLLM or the like), it belongs into the base URL: a gateway is not a proxy",
            commands=spelled(
                sh='export ANTHROPIC_BASE_URL="${HTTPS_PROXY:?}" &&\n  unset HTTPS_PROXY',
                fish='test -n "$HTTPS_PROXY" &&\n  set -gx ANTHROPIC_BASE_URL $HTTPS_PROXY &&\n  set -e HTTPS_PROXY',
                powershell="$env:ANTHROPIC_BASE_URL = $env:HTTPS_PROXY\nRemove-Item Env:HTTPS_PROXY",
            ),
        ),
        Remedy(text="Show your network team that {host} is answered by a server for {names}"),
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
