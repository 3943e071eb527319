"""What is wrong before the first packet with the way out: proxy variables, trust, the SDK, the machine."""

import claudecheck.diagnosis.problems.providers as elsewhere
from claudecheck.diagnosis.problems.problem import Problem, Remedy
from claudecheck.diagnosis.problems.spelling import (
    assign,
    connection_error,
    everywhere,
    printed,
    proxy_with_password,
    raised,
    spelled,
    trusted_with_certifi,
    unset,
    with_python,
)
from claudecheck.diagnosis.problems.trusting import CURL, ON_NODE, PYTHON, converted

_LEAVES_ELSEWHERE = (
    "without the proxy the request may leave from a region that the API does not serve, and end in a 403"
)

PROXY_URL_INVALID = Problem(
    code="proxy-url-invalid",
    layer="environment",
    title="{proxy_variable} is not a proxy URL that {client} accepts",
    cause="The SDK reads it when the client is built. It stops at a port that is not a number, and at a `#`, `/`, `@` or `:` in the user name or password that is not percent-encoded. The error text then shows a piece of the password.",
    owner="you",
    fixes=(
        Remedy(
            text="Write it in the form `http://host:port`",
            commands=assign("{proxy_variable}", "{suggestion}"),
        ),
        Remedy(
            text="With a user name and a password, percent-encode both; this asks for the password and encodes it",
            commands=proxy_with_password(),
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=printed(
        old="httpx.InvalidURL: Invalid port: 'p' (when the client is built)",
        new="httpx2.InvalidURL: Invalid port: 'p' (when the client is built)",
        curl="curl: (5) Unsupported proxy syntax in '…'",
    ),
    told_apart="The client cannot be built with the variable set, and can without it. The same `Invalid port` with the colon of an IPv6 address comes from NO_PROXY (`no-proxy-invalid`).",
)

PROXY_SCHEME_UNSUPPORTED = Problem(
    code="proxy-scheme-unsupported",
    layer="environment",
    title="{proxy_variable} uses a scheme that {client} cannot speak",
    cause="For `socks5://` the SDK needs one more package in the Python that runs it, `socks://` is a scheme that it does not know, and Claude Code speaks no SOCKS at all. The client is not even built.",
    owner="you",
    fixes=(
        Remedy(
            text="For `socks5://` and `socks5h://`, install SOCKS support in the Python that runs the SDK",
            commands=with_python("-m pip install socksio"),
        ),
        Remedy(
            text="Write `socks5h://` where `socks://` stands: it means the same, and the proxy resolves the names",
            commands=assign("{proxy_variable}", "{suggestion}"),
        ),
        Remedy(
            text="If the proxy program has an HTTP port too, set HTTPS_PROXY to that, and unset the SOCKS variable in both spellings",
            commands=unset("ALL_PROXY", "all_proxy"),
            caution=_LEAVES_ELSEWHERE,
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=raised(
        "ImportError: Using SOCKS proxy, but the 'socksio' package is not installed. …, or ValueError: Unknown scheme for proxy URL URL('socks://…')"
    ),
    told_apart="It fails when the client is built, before any packet. Unsetting only `http_proxy` and `https_proxy` changes nothing while `all_proxy` is set.",
)

PROXY_IGNORED = Problem(
    code="proxy-ignored",
    layer="environment",
    severity="warning",
    title="A proxy is set that {client} does not use",
    cause="It stands where {client} does not look, or the program brings its own transport, which switches the proxy variables off. Requests go directly to {host}.",
    owner="you",
    fixes=(
        Remedy(
            text="Name the proxy in the variable that every client reads",
            commands=assign("HTTPS_PROXY", "{suggestion}"),
            clients=("python", "claude-code", "curl"),
        ),
        Remedy(
            text="In Python, hand the proxy to a client that is built with a transport or an HTTP client of its own",
            commands=spelled(
                python='Anthropic(http_client=DefaultHttpxClient(proxy="http://PROXY:PORT"))',
            ),
            clients=("python",),
        ),
        Remedy(
            text="Name the proxy, and tell Node's `fetch` to read it (Node 22.21, 24 and later), or hand it a dispatcher",
            clients=("typescript", "node"),
            commands=(
                *assign("HTTPS_PROXY", "{suggestion}"),
                *assign("NODE_USE_ENV_PROXY", "1"),
                *spelled(
                    typescript='new Anthropic({ fetchOptions:\n  { dispatcher: new ProxyAgent("http://PROXY:PORT") } })'
                ),
            ),
        ),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="The connection goes to the API's own address and not to the proxy's. If the direct way is closed as well, the problem is `proxy-required`.",
)

PROXY_PAC_UNUSED = Problem(
    code="proxy-pac-unused",
    layer="environment",
    severity="warning",
    title="The system finds its proxy with a PAC file, which {client} ignores",
    cause="Browsers run that script to choose a proxy for each host. The SDKs, Claude Code and curl do not: they connect directly.",
    owner="you",
    fixes=(
        Remedy(
            text="Find the proxy that the file names for {host} (it stands behind the word PROXY), and set it",
            commands=(
                *spelled(
                    sh="curl -sS {value} | grep PROXY",
                    fish="curl -sS {value} | grep PROXY",
                    powershell="curl.exe -sS {value} | Select-String PROXY",
                    cmd="curl -sS {value} | findstr PROXY",
                ),
                *assign("HTTPS_PROXY", "http://PROXY:PORT"),
            ),
        ),
        Remedy(text="Ask your network team which proxy programs should use"),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="The browser gets through and every program does not, or the other way round.",
)

PROXY_VARIABLES_CONFLICT = Problem(
    code="proxy-variables-conflict",
    layer="environment",
    severity="warning",
    title="The proxy variables disagree, so clients take different ways",
    cause="Python takes the lower-case spelling first, curl knows `http_proxy` in lower case only, and for https Claude Code falls back to HTTP_PROXY while the SDKs do not. With these values each client goes its own way.",
    owner="you",
    fixes=(
        Remedy(
            text="Give {proxy_variable} the value of {variable}, so that all take the same way",
            commands=spelled(
                sh='export {proxy_variable}="$(printenv {variable})"',
                fish="set -gx {proxy_variable} (printenv {variable})",
                powershell="Set-Item Env:{proxy_variable} (Get-Item Env:{variable}).Value",
                cmd="set {proxy_variable}=%{variable}%",
            ),
        ),
        Remedy(
            text="If {variable} is the one that is out of date, unset it",
            commands=unset("{variable}"),
            caution=_LEAVES_ELSEWHERE,
        ),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="Give all spellings the same value: if the clients then agree, this was it.",
)

NO_PROXY_INVALID = Problem(
    code="no-proxy-invalid",
    layer="environment",
    title="An entry in NO_PROXY makes {client} fail, or has no effect",
    cause="The Python SDK reads every entry when the client is built, and fails on IPv6 networks (`fe80::/10`) and brackets (`[::1]`), even where no proxy is set. Entries that are parted by blanks count as one name that never matches. Docker, Kubernetes and OrbStack set such values by themselves.",
    owner="you",
    fixes=(
        Remedy(
            text="Docker copies the value from `noProxy` under `proxies` in `~/.docker/config.json` of the host: correct it there, then start the container again",
            only_in="container",
        ),
        Remedy(
            text="Keep only entries that the SDK can read, parted by commas, in both spellings",
            commands=spelled(
                sh="export NO_PROXY={suggestion} no_proxy={suggestion}",
                fish="set -gx NO_PROXY {suggestion}\nset -gx no_proxy {suggestion}",
                powershell="Set-Item Env:NO_PROXY {suggestion}",
                cmd="set NO_PROXY={suggestion}",
            ),
        ),
        Remedy(
            text="Where no proxy is set the variable has no use: unset both spellings",
            commands=unset("NO_PROXY", "no_proxy"),
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=printed(
        old="httpx.InvalidURL: Invalid port: ':' (when the client is built)",
        new="httpx2.InvalidURL: Invalid port: ':' (when the client is built)",
    ),
    told_apart="The client can be built with NO_PROXY unset. `proxy-url-invalid` raises the same error for the proxy's own URL.",
)

CA_FILE_MISSING = Problem(
    code="ca-file-missing",
    layer="environment",
    title="{variable} names a file that does not exist",
    cause="The SDK loads the file when the client is built, and stops with a `FileNotFoundError` that does not say which file. Conda, old installers and settings copied from another machine leave such variables behind.",
    owner="you",
    fixes=(
        Remedy(
            text="Put the file where the variable says",
            commands=spelled(dockerfile="COPY claude-ca.pem {file}"),
            only_in="container",
        ),
        Remedy(text="Unset the variable: the client's usual store is used again", commands=unset("{variable}")),
        Remedy(
            text="If this network needs the file, correct the path",
            commands=assign("{variable}", "/PATH/TO/ca.pem"),
            clients=("python", "curl"),
            caution="the file must hold the public authorities too, because it replaces the whole store",
        ),
        Remedy(
            text="If this network needs the file, correct the path",
            commands=assign("{variable}", "/PATH/TO/corporate-root.pem"),
            clients=ON_NODE,
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=raised(
        "FileNotFoundError: [Errno 2] No such file or directory (in load_verify_locations)",
        typescript="Warning: Ignoring extra certs from `…`, load failed: error:80000002:system library::No such file or directory",
        curl="curl: (77) error setting certificate file: …",
    ),
    told_apart="The client can be built with the variable unset. A file that exists and cannot be used is `ca-file-invalid`.",
)

CA_FILE_INVALID = Problem(
    code="ca-file-invalid",
    layer="environment",
    title="{variable} names a file that holds no usable certificate",
    cause="It is empty, is not in PEM form, may not be read by this user, or is a folder without the hashed names that OpenSSL looks for. The client cannot be built with it, or trusts nobody.",
    owner="you",
    fixes=(
        Remedy(text="Unset the variable: the client's usual store is used again", commands=unset("{variable}")),
        *converted("If the file is a certificate in DER form (often `.cer` or `.crt`), convert it", "{file}"),
        Remedy(
            text="If it is a folder for SSL_CERT_DIR, make the hashed names",
            commands=everywhere("openssl rehash {file}"),
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=raised(
        "ssl.SSLError: [X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found (when the client is built)",
        curl="curl: (77) error setting certificate file: …",
    ),
    told_apart="The client can be built with the variable unset. If it can be built with it and trusts only some hosts, the problem is `ca-file-incomplete`.",
)

CA_VARIABLE_IGNORED = Problem(
    code="ca-variable-ignored",
    layer="environment",
    severity="warning",
    title="{variable} is set, and {client} does not read it",
    cause="Every client has a variable of its own: requests reads REQUESTS_CA_BUNDLE, curl CURL_CA_BUNDLE, Node NODE_EXTRA_CA_CERTS, and the Python SDK only SSL_CERT_FILE and SSL_CERT_DIR. The certificates in {file} count for nothing here.",
    owner="you",
    fixes=(
        Remedy(
            text="Join them with the public authorities in one file, and name it in SSL_CERT_FILE; this needs the package certifi",
            commands=trusted_with_certifi("{file}"),
            clients=PYTHON,
            caution="SSL_CERT_FILE replaces the whole store, and turns on the strict checks of Python 3.13 and later",
        ),
        Remedy(
            text="Join them with the public authorities in one file, and name it in CURL_CA_BUNDLE; this needs the package certifi",
            commands=trusted_with_certifi("{file}", "CURL_CA_BUNDLE"),
            clients=CURL,
        ),
        Remedy(
            text="Name the file in NODE_EXTRA_CA_CERTS, which adds it to the authorities that Node and Claude Code have",
            commands=assign("NODE_EXTRA_CA_CERTS", "{file}"),
            clients=ON_NODE,
        ),
        Remedy(text="If no host that you call needs those certificates, leave everything as it is"),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="Set SSL_CERT_FILE instead: if the certificate then verifies, the variable was the only difference.",
)

TRUST_STORE_EMPTY = Problem(
    code="trust-store-empty",
    layer="environment",
    title="This Python has no CA certificates at all, so it trusts no server",
    cause="The Python SDK 1.x and 2.x use the authorities of the operating system, and slim images bring none. The SDK 0.x brought its own, so the same image worked before an upgrade.",
    owner="you",
    fixes=(
        Remedy(
            text="Install the certificates of the distribution in the image (the second line is for Alpine)",
            commands=(
                *spelled(
                    dockerfile="RUN apt-get update && \\\n  apt-get install -y --no-install-recommends ca-certificates"
                ),
                *spelled(dockerfile="RUN apk add --no-cache ca-certificates"),
            ),
            only_in="container",
        ),
        Remedy(
            text="Install the certificates of the distribution (Debian and Ubuntu; Alpine: `apk add ca-certificates`; Fedora: `dnf install ca-certificates`)",
            commands=spelled(sh="sudo apt-get update && sudo apt-get install -y ca-certificates"),
            systems=("Linux",),
        ),
        Remedy(
            text="Without root, use the public authorities that the package certifi brings",
            commands=spelled(
                sh='{python} -m pip install certifi &&\n  export SSL_CERT_FILE="$({python} -m certifi)"',
                fish="{python} -m pip install certifi &&\n  set -gx SSL_CERT_FILE ({python} -m certifi)",
                powershell="& {python} -m pip install certifi\n$env:SSL_CERT_FILE = & {python} -m certifi",
            ),
            clients=PYTHON,
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=connection_error(
        "ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate",
        curl="curl: (77) error setting certificate file: /etc/ssl/certs/ca-certificates.crt",
    ),
    told_apart="No certificate of any host verifies, and the file and the folder that this Python looks at are missing or empty. With a filled store the same text means `tls-untrusted-issuer` or `tls-intercepted`.",
)

VERIFICATION_DISABLED = Problem(
    code="verification-disabled",
    layer="environment",
    severity="warning",
    title="{variable} switches the verification of certificates off",
    cause="Clients that obey it talk to anybody who answers, and hand over the key. Mostly it was set to get past a private authority, which can be trusted properly instead. The Python SDK does not obey it and goes on verifying.",
    owner="you",
    fixes=(
        Remedy(
            text="Unset it, here and in the start-up files and settings that set it",
            commands=unset("{variable}"),
            caution="what it was hiding comes back into sight: see `tls-intercepted` and `tls-untrusted-issuer`",
        ),
        Remedy(
            text="Trust the private authority instead: for Node and Claude Code it is added to the others like this",
            commands=spelled(
                sh='export NODE_EXTRA_CA_CERTS="$PWD/corporate-root.pem"',
                fish='set -gx NODE_EXTRA_CA_CERTS "$PWD/corporate-root.pem"',
                powershell='$env:NODE_EXTRA_CA_CERTS = "$PWD\\corporate-root.pem"',
            ),
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=printed(
        typescript="Warning: Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes TLS connections and HTTPS requests insecure by disabling certificate verification."
    ),
    told_apart="The variable is set; what it hides shows only when it is unset.",
)

PROVIDER_ROUTE = elsewhere.PROVIDER_ROUTE
PROVIDER_ADDRESS_UNKNOWN = elsewhere.PROVIDER_ADDRESS_UNKNOWN

SDK_MISSING = Problem(
    code="sdk-missing",
    layer="environment",
    title="The Python at {python} has no Anthropic SDK",
    cause="The package `anthropic` is not installed in this interpreter. It may be installed in another one, or a virtual environment is not active.",
    owner="you",
    fixes=(
        Remedy(text="Install it in this interpreter", commands=with_python("-m pip install anthropic")),
        Remedy(
            text="Or name the interpreter that your program uses",
            commands=spelled(
                sh="claudecheck doctor --python .venv/bin/python",
                powershell="claudecheck doctor --python .venv\\Scripts\\python.exe",
                cmd="claudecheck doctor --python .venv\\Scripts\\python.exe",
            ),
        ),
    ),
    looks_like=raised("ModuleNotFoundError: No module named 'anthropic'"),
    told_apart="All stages up to `models` work without the SDK; only the message needs it.",
)

SDK_BROKEN = Problem(
    code="sdk-broken",
    layer="environment",
    title="The Anthropic SDK is installed, and cannot be imported or built",
    cause="The import or the building of the client ends in an error of its own, mostly because one of the SDK's packages is missing or does not fit its version, or because a file of yours has the name of a package.",
    owner="you",
    fixes=(
        Remedy(
            text="Install the SDK again, together with the packages it needs",
            commands=with_python("-m pip install --upgrade --force-reinstall anthropic"),
            caution="this also replaces versions that your program may have pinned",
        ),
        Remedy(
            text="See which file is imported: it must lie in `site-packages`, not beside your program",
            commands=with_python('-c "import anthropic; print(anthropic.__file__)"'),
        ),
    ),
    looks_like=raised("ImportError: cannot import name …, or TypeError: Client.__init__() got an unexpected keyword …"),
    told_apart="The SDK fails in this interpreter before any packet, and works in a fresh virtual environment.",
)

SDK_OUTDATED = Problem(
    code="sdk-outdated",
    layer="environment",
    severity="warning",
    title="The SDK is from the 0.x series, which works unlike the current one",
    cause="It trusts the authorities of the package certifi and not those of the system, sends the key as `x-api-key`, and raises the errors of `httpx`. Advice for the current version may not fit it.",
    owner="you",
    fixes=(
        Remedy(
            text="Upgrade it",
            commands=with_python("-m pip install --upgrade anthropic"),
            caution="the key then travels as `Authorization: Bearer`, which some gateways do not read, and an authority that you added to certifi must go into the system's store",
        ),
    ),
    told_apart="The version of the package decides; the route itself may be fine.",
)

NO_NETWORK = Problem(
    code="no-network",
    layer="environment",
    names_failure=True,
    title="This machine is not connected to any network",
    cause="No interface is up, and neither an IPv4 nor an IPv6 route leaves this machine. Nothing outside can be reached, whatever the settings of the client.",
    owner="you",
    fixes=(
        Remedy(
            text="Start the container with a network: `--network none` leaves only the container itself",
            commands=spelled(sh="docker run --network bridge IMAGE"),
            only_in="container",
        ),
        Remedy(
            text="Connect Wi-Fi, cable or VPN; this shows the interfaces and routes",
            commands=spelled(
                sh="ip addr; ip route",
                powershell="Get-NetIPConfiguration",
            ),
            systems=("Linux", "Windows"),
        ),
        Remedy(
            text="Connect Wi-Fi, cable or VPN; this shows the interfaces and routes",
            commands=spelled(sh="ifconfig; netstat -rn"),
            systems=("Darwin",),
        ),
        Remedy(text="In a notebook or a sandbox, switch its internet access on"),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=connection_error(
        "ConnectError: [Errno -3] Temporary failure in name resolution",
        node="getaddrinfo EAI_AGAIN api.anthropic.com",
        claude_code="API Error: Can't reach the API server — check your internet or DNS (FailedToOpenSocket)",
        curl="curl: (6) Could not resolve host: api.anthropic.com",
    ),
    told_apart="The kernel has no route to any address. With a route and no answer from a resolver the problem is `dns-timeout`.",
)
