"""What is wrong before the first packet with the way out: proxy variables, trust, the SDK, the machine."""

import claudecheck.diagnosis.problems.providers as elsewhere
from claudecheck.diagnosis.change import Asked, Change, Copied, Edited, Encoded, Filed
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, in_program, look
from claudecheck.diagnosis.problems.spelling import (
    JOINED,
    PROXY_VARIABLES,
    assign,
    connection_error,
    everywhere,
    joined_with_certifi,
    printed,
    raised,
    spelled,
    unset,
    with_python,
)
from claudecheck.diagnosis.problems.trusting import CURL, ON_NODE, PYTHON, ROOT, converted

_LEAVES_ELSEWHERE = (
    "without the proxy the request may leave from a region that the API does not serve, and end in a 403"
)
_PROXY_URL = Asked("URL of the proxy (http://host:port)")
_BY_PYTHON, _BY_NODE = ("python", "claude-code", "curl"), ("typescript", "node")

PROXY_URL_INVALID = Problem(
    code="proxy-url-invalid",
    layer="environment",
    title="{proxy_variable} is not a proxy URL that {client} accepts",
    cause="The SDK reads it when the client is built. It stops at a port that is not a number, and at a `#`, `/`, `@` or `:` in the user name or password that is not percent-encoded. The error text then shows a piece of the password.",
    owner="you",
    fixes=(
        Remedy(
            text="Write it in the form `http://host:port`",
            change=assign("{proxy_variable}", "{suggestion}"),
            when=("suggested",),
        ),
        Remedy(
            text="Percent-encode the user name and the password in it",
            change=assign("{proxy_variable}", Encoded("{proxy_variable}")),
            when=("proxy-has-credentials",),
        ),
        Remedy(
            text="Unset the proxy variables: without them this machine reaches {host}",
            change=unset(*PROXY_VARIABLES),
            caution=_LEAVES_ELSEWHERE,
            guess=True,
        ),
        Remedy(
            text="Write it in the form `http://host:port`",
            change=assign("{proxy_variable}", _PROXY_URL),
            unless=("suggested",),
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
            text="Write `socks5h://` where `socks://` is, and install SOCKS support in the Python that runs the SDK",
            commands=with_python("-m pip install socksio"),
            change=assign("{proxy_variable}", Edited("{proxy_variable}", "^socks:", "socks5h:")),
            when=("socks-unknown-scheme", "socks-missing"),
            clients=PYTHON,
        ),
        Remedy(
            text="Install SOCKS support in the Python that runs the SDK",
            commands=with_python("-m pip install socksio"),
            when=("socks-missing",),
            unless=("socks-unknown-scheme",),
            clients=PYTHON,
        ),
        Remedy(
            text="Write `socks5h://` where `socks://` is: it means the same, and the proxy resolves the names",
            change=assign("{proxy_variable}", Edited("{proxy_variable}", "^socks:", "socks5h:")),
            when=("socks-unknown-scheme",),
            unless=("socks-missing",),
            clients=("python", "curl"),
        ),
        Remedy(
            text="Unset the proxy variables: without them this machine reaches {host}",
            change=unset(*PROXY_VARIABLES),
            caution=_LEAVES_ELSEWHERE,
            guess=True,
        ),
        Remedy(
            text="If the proxy program has an HTTP port too, name that, and unset the SOCKS variable in both spellings",
            change=Change(sets=(("HTTPS_PROXY", _PROXY_URL),), unsets=("ALL_PROXY", "all_proxy")),
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
            change=assign("HTTPS_PROXY", "{suggestion}"),
            clients=_BY_PYTHON,
        ),
        Remedy(
            text="Name the proxy, and let Node's `fetch` read it (Node 22.21, 24 and later)",
            change=assign("HTTPS_PROXY", "{suggestion}", ("NODE_USE_ENV_PROXY", "1")),
            clients=_BY_NODE,
        ),
        in_program(
            "Hand the proxy to a client that is built with a transport or an HTTP client of its own",
            python="Anthropic(http_client=DefaultHttpxClient(proxy={suggestion}))",
            clients=PYTHON,
            when=("suggested",),
        ),
        in_program(
            "On an older Node, hand the proxy to the client as a dispatcher",
            typescript="new Anthropic({ fetchOptions:\n  { dispatcher: new ProxyAgent({suggestion}) } })",
            clients=_BY_NODE,
            when=("suggested",),
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
            text="Name the proxy that the file gives for {host}, after the word PROXY",
            change=assign("HTTPS_PROXY", _PROXY_URL),
        ),
        look(
            "Show the proxies that the file names",
            spelled(
                sh="curl -sS {value} | grep PROXY",
                fish="curl -sS {value} | grep PROXY",
                powershell="curl.exe -sS {value} | Select-String PROXY",
                cmd="curl -sS {value} | findstr PROXY",
            ),
            tools=("curl",),
        ),
        ask("Ask your network team which proxy programs should use"),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="The browser gets through and every program does not, or the other way round.",
)

PROXY_VARIABLES_CONFLICT = Problem(
    code="proxy-variables-conflict",
    layer="environment",
    severity="warning",
    title="The proxy variables disagree, so clients take different routes",
    cause="Python takes the lower-case spelling first, curl knows `http_proxy` in lower case only, and for https Claude Code falls back to HTTP_PROXY while the SDKs do not. With these values clients take different routes.",
    owner="you",
    fixes=(
        Remedy(
            text="Give {proxy_variable} the value of {variable}, so that all clients take the same route",
            change=assign("{proxy_variable}", Copied("{variable}")),
        ),
        Remedy(
            text="If {variable} is the one that is out of date, unset it",
            change=unset("{variable}"),
            unless=("direct-fails",),
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
    cause="The Python SDK reads every entry when the client is built, and fails on IPv6 networks (`fe80::/10`) and brackets (`[::1]`), even where no proxy is set. Entries that are separated by spaces count as one name that never matches. Docker, Kubernetes and OrbStack set such values by themselves.",
    owner="you",
    fixes=(
        Remedy(
            text="Keep only entries that the SDK can read, separated by commas, in both spellings",
            change=assign("NO_PROXY", "{suggestion}", ("no_proxy", "{suggestion}")),
            when=("suggested",),
        ),
        Remedy(
            text="No proxy is set, so the variable has no use: unset both spellings",
            change=unset("NO_PROXY", "no_proxy"),
            unless=("proxied",),
        ),
        Remedy(
            text="None of its entries can be kept: unset both spellings",
            change=unset("NO_PROXY", "no_proxy"),
            when=("proxied",),
            unless=("suggested",),
        ),
        ask(
            "Docker copies the value from `noProxy` under `proxies` in `~/.docker/config.json` of the host: correct it there, then start the container again",
            when=("docker",),
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
        Remedy(text="Unset the variable: the client's usual store is used again", change=unset("{variable}")),
        Remedy(
            text="If this network needs the file, correct the path",
            change=assign("{variable}", Asked("path of the CA file")),
            clients=("python", "curl"),
            caution="the file must hold the public CA certificates too, because it replaces the whole store",
        ),
        Remedy(
            text="If this network needs the file, correct the path",
            change=assign("{variable}", Asked("path of the CA file")),
            clients=ON_NODE,
        ),
        Remedy(
            text="To keep the variable, put the file into the image",
            commands=spelled(dockerfile="COPY claude-ca.pem {file}"),
            when=("docker",),
            place="the Dockerfile",
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
        *converted("Convert the certificate, which is in DER form", "{file}"),
        Remedy(
            text="Make the hashed names that OpenSSL looks for in the folder",
            commands=everywhere("openssl rehash {file}"),
            when=("folder",),
            tools=("openssl",),
        ),
        Remedy(text="Unset the variable: the client's usual store is used again", change=unset("{variable}")),
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
            text="Join them with the public CA certificates in one file, and name it in SSL_CERT_FILE; this needs the package certifi",
            commands=joined_with_certifi("{file}"),
            change=assign("SSL_CERT_FILE", JOINED),
            clients=PYTHON,
            caution="SSL_CERT_FILE replaces the whole store, and turns on the strict checks of Python 3.13 and later",
        ),
        Remedy(
            text="Join them with the public CA certificates in one file, and name it in CURL_CA_BUNDLE; this needs the package certifi",
            commands=joined_with_certifi("{file}"),
            change=assign("CURL_CA_BUNDLE", JOINED),
            clients=CURL,
        ),
        Remedy(
            text="Name the file in NODE_EXTRA_CA_CERTS, which adds it to the CA certificates that Node and Claude Code have",
            change=assign("NODE_EXTRA_CA_CERTS", "{file}"),
            clients=ON_NODE,
        ),
        look("If no host that you call needs those certificates, leave everything as it is"),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="Set SSL_CERT_FILE instead: if the certificate then verifies, the variable was the only difference.",
)

TRUST_STORE_EMPTY = Problem(
    code="trust-store-empty",
    layer="environment",
    title="This Python has no CA certificates at all, so it trusts no server",
    cause="The Python SDK 1.x and 2.x use the CA certificates of the operating system, and slim images bring none. The SDK 0.x brought its own, so the same image worked before an upgrade.",
    owner="you",
    fixes=(
        Remedy(
            text="Install the CA certificates of the distribution",
            commands=spelled(
                sh="{sudo} apt-get update && {sudo} apt-get install -y ca-certificates",
                dockerfile="RUN apt-get update && \\\n  apt-get install -y --no-install-recommends ca-certificates",
            ),
            systems=("Linux",),
            tools=("apt-get",),
        ),
        Remedy(
            text="Install the CA certificates of the distribution",
            commands=spelled(
                sh="{sudo} apk add --no-cache ca-certificates", dockerfile="RUN apk add --no-cache ca-certificates"
            ),
            systems=("Linux",),
            tools=("apk",),
        ),
        Remedy(
            text="Install the CA certificates of the distribution",
            commands=spelled(
                sh="{sudo} dnf install -y ca-certificates", dockerfile="RUN dnf install -y ca-certificates"
            ),
            systems=("Linux",),
            tools=("dnf",),
        ),
        Remedy(
            text="Use the public CA certificates that the package certifi brings; this needs no rights of root",
            commands=spelled(
                sh='{ {python} -m certifi >/dev/null ||\n  {python} -m pip install certifi; } &&\n  export SSL_CERT_FILE="$({python} -m certifi)"',
                fish="{python} -m certifi >/dev/null; or {python} -m pip install certifi\nset -gx SSL_CERT_FILE ({python} -m certifi)",
                powershell="& {python} -m pip install certifi\n$env:SSL_CERT_FILE = & {python} -m certifi",
            ),
            clients=PYTHON,
            proved_by="tls:certifi",
        ),
        ask("Ask whoever builds this image to install the package of CA certificates in it", when=("container",)),
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
    cause="Clients that obey it talk to anybody who answers, and hand over the key. Mostly it was set to get past a private CA, which can be trusted properly instead. The Python SDK does not obey it and goes on verifying.",
    owner="you",
    fixes=(
        Remedy(
            text="Unset it, here and in the start-up files and settings that set it",
            change=unset("{variable}"),
            caution="what it was hiding comes back into sight: see `tls-intercepted` and `tls-untrusted-issuer`",
        ),
        Remedy(
            text="Trust the private CA instead: for Node and Claude Code its root is added to the others like this",
            needs=(f"the root certificate, as {ROOT}",),
            change=assign("NODE_EXTRA_CA_CERTS", Filed(ROOT, at_home=False)),
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
        look(
            "Or name the interpreter that your program uses",
            spelled(
                sh="{claudecheck} doctor --python .venv/bin/python",
                powershell="{claudecheck} doctor --python .venv\\Scripts\\python.exe",
                cmd="{claudecheck} doctor --python .venv\\Scripts\\python.exe",
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
        look(
            "See which file is imported: it must be in `site-packages`, not beside your program",
            with_python('-c "import anthropic; print(anthropic.__file__)"'),
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
    cause="It trusts the CA certificates of the package certifi and not those of the system, sends the key as `x-api-key`, and raises the errors of `httpx`. Advice for the current version may not fit it.",
    owner="you",
    fixes=(
        Remedy(
            text="Upgrade it",
            commands=with_python("-m pip install --upgrade anthropic"),
            caution="the key is then sent as `Authorization: Bearer`, which some gateways do not read, and a CA certificate that you added to certifi must go into the system's store",
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
        Remedy(text="Connect Wi-Fi, cable or VPN", unless=("container",)),
        look(
            "See the interfaces and routes",
            spelled(sh="ip addr; ip route"),
            systems=("Linux",),
            tools=("ip",),
        ),
        look(
            "See the interfaces and routes",
            spelled(powershell="Get-NetIPConfiguration"),
            systems=("Windows",),
        ),
        look("See the interfaces and routes", spelled(sh="ifconfig; netstat -rn"), systems=("Darwin",)),
        ask(
            "Start the container with a network, without `--network none`: that leaves only the container itself",
            when=("docker",),
        ),
        ask("In a notebook or a sandbox, switch its internet access on", unless=("docker",)),
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
