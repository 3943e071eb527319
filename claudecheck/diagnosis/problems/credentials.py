"""What is wrong before the first packet with who calls, and where: the credential and the base URL."""

import claudecheck.diagnosis.problems.providers as elsewhere
from claudecheck.diagnosis.problems.problem import Problem, Remedy
from claudecheck.diagnosis.problems.spelling import (
    api_error,
    assign,
    connection_error,
    everywhere,
    printed,
    spelled,
    typed_in,
    unset,
)

#: What a network team needs to know; the names and purposes are those of `clients/claude_code_hosts.py`.
_ALLOW = Remedy(
    text="Send this to your network team: outgoing HTTPS (TCP port 443, without inspection where it can be) to api.anthropic.com (the API), platform.claude.com (sign-in, and the renewal of every login), claude.ai and claude.com (the sign-in pages), downloads.claude.ai (updates, plugins and the installer); where connectors are used, mcp-proxy.anthropic.com too"
)
_OIDC_PERMISSION = "permissions:\n  id-token: write\n  contents: read"

KEY_MISSING = Problem(
    code="key-missing",
    layer="environment",
    yields_to=("the network",),
    title="No API key or other credential is set for {client}",
    cause="None of the places that {client} looks at holds a credential: no key or token variable, no profile, no federation settings. A variable that is set but empty counts as unset.",
    owner="you",
    fixes=(
        Remedy(
            text="Store the key as a secret of the repository and hand it to the step",
            commands=spelled(yaml="env:\n  ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}"),
            only_in="ci",
            caution="workflows that a fork starts get an empty text instead of the secret",
        ),
        Remedy(
            text="Hand the variable to the container: it sees nothing of the host's environment",
            commands=everywhere("docker run -e ANTHROPIC_API_KEY IMAGE"),
            only_in="container",
        ),
        Remedy(
            text="Create a key at platform.claude.com and give it to this shell; it asks for the key, so that it stands in no history",
            commands=typed_in("ANTHROPIC_API_KEY"),
        ),
        Remedy(
            text="If the key stands in a `.env` file, load the file before the client is built",
            commands=spelled(python="from dotenv import load_dotenv; load_dotenv(override=True)"),
            caution="without `override=True` an empty variable of the shell wins over the file",
        ),
    ),
    looks_like=printed(
        old='TypeError: "Could not resolve authentication method. Expected one of api_key, auth_token, or credentials to be set. …"',
        new='TypeError: "Could not resolve authentication method. Expected one of api_key, auth_token, or credentials to be set. …"',
        typescript="Error: Could not resolve authentication method. Expected one of apiKey, authToken, credentials, config, or profile to be set. …",
        claude_code="Not logged in · Please run /login",
    ),
    told_apart="The models call goes out without a credential. A 401 with a request-id proves that the route works and that only the key is missing; with a wrong key the problem would be `key-invalid`.",
)

KEY_MALFORMED = Problem(
    code="key-malformed",
    layer="environment",
    confirmed_by=(401,),
    title="{key_variable} holds something that is not a usable key",
    cause="A line break, a blank, a quote or a character that is not ASCII stands in the value, or it is a placeholder, or part of it is missing. The SDK's own error text prints the whole value, so do not pass that text on.",
    owner="you",
    fixes=(
        Remedy(
            text="Store the secret again: the key alone, without quotes and without a newline at its end",
            commands=spelled(sh="tr -d '\\r\\n' < key.txt | gh secret set ANTHROPIC_API_KEY"),
            only_in="ci",
        ),
        Remedy(
            text="Set the key again, without quotes, blanks or a line break; it is asked for, so that it stands in no history",
            commands=typed_in("{key_variable}"),
        ),
        Remedy(
            text="A key that is read from a file brings the file's newline along: strip it",
            commands=spelled(python='Anthropic(api_key=open("key.txt").read().strip())'),
        ),
        Remedy(
            text="If an error text with the key in it stands in a log or a ticket, revoke the key at platform.claude.com and create a new one"
        ),
    ),
    looks_like=printed(
        old="anthropic.APIConnectionError: Connection error. (cause: httpx.LocalProtocolError: Illegal header value b'sk-ant-…\\r\\n'), or UnicodeEncodeError: 'ascii' codec can't encode character '\\u2019'",
        new="anthropic.APIConnectionError: Connection error. (cause: httpx2.LocalProtocolError: Illegal header value b'Bearer sk-ant-…\\r\\n'), or a 401",
        typescript="TypeError: Cannot convert argument to a ByteString because the character at index … has a value of 8217 which is greater than 255.",
        claude_code="Invalid API key · Fix external API key",
    ),
    told_apart="The form of the value decides, before any packet. A value of the right form that the API refuses is `key-invalid`.",
)

KEY_WRONG_KIND = Problem(
    code="key-wrong-kind",
    layer="environment",
    confirmed_by=(401, 403),
    title="{key_variable} holds a credential of the wrong kind",
    cause="Only `sk-ant-api03-` keys call the API from ANTHROPIC_API_KEY. Admin keys manage an organization, `sk-ant-oat…` tokens travel in another header, and a key of another vendor opens nothing here.",
    owner="you",
    fixes=(
        Remedy(
            text="Create an API key (it starts with `sk-ant-api03-`) at platform.claude.com and set it",
            commands=typed_in("ANTHROPIC_API_KEY"),
        ),
        Remedy(
            text="An OAuth token (`sk-ant-oat…`) belongs into ANTHROPIC_AUTH_TOKEN, and for Claude Code into CLAUDE_CODE_OAUTH_TOKEN",
            commands=spelled(
                sh='export ANTHROPIC_AUTH_TOKEN="$ANTHROPIC_API_KEY" &&\n  unset ANTHROPIC_API_KEY',
                fish="set -gx ANTHROPIC_AUTH_TOKEN $ANTHROPIC_API_KEY\nset -e ANTHROPIC_API_KEY",
                powershell="$env:ANTHROPIC_AUTH_TOKEN = $env:ANTHROPIC_API_KEY\nRemove-Item Env:ANTHROPIC_API_KEY",
            ),
            caution="the API takes such a token only together with the header `anthropic-beta: oauth-2025-04-20`",
        ),
        Remedy(
            text="If the key was handed out by a gateway or relay, set its address too: without it the key goes to Anthropic",
            commands=assign("ANTHROPIC_BASE_URL", "https://GATEWAY"),
        ),
    ),
    looks_like=api_error(401, "authentication_error", "invalid x-api-key", "AuthenticationError"),
    told_apart="The first characters of the key decide, before any packet. `key-invalid` is a key of the right kind that the API refuses.",
)

CREDENTIAL_CONFLICT = Problem(
    code="credential-conflict",
    layer="environment",
    confirmed_by=(401, 403),
    severity="warning",
    title="Several credentials are set, and clients pick different ones",
    cause="The SDKs take ANTHROPIC_API_KEY before ANTHROPIC_AUTH_TOKEN, Claude Code takes them the other way round, and the Python SDK before 2.0 sends both. A variable also hides a profile or a login that would have worked.",
    owner="you",
    fixes=(
        Remedy(text="To use the API key, unset the token", commands=unset("ANTHROPIC_AUTH_TOKEN")),
        Remedy(
            text="To use the token, a profile or a login, unset the key",
            commands=unset("ANTHROPIC_API_KEY"),
            caution="take it out of your shell's start-up file and the settings' `env` block as well, or it comes back",
        ),
        Remedy(
            text="To try one command without the key, and change nothing else",
            commands=spelled(sh="env -u ANTHROPIC_API_KEY claude"),
            systems=("Linux", "Darwin"),
        ),
    ),
    looks_like=printed(
        old="anthropic.AuthenticationError: Error code: 401 - … (the other credential was meant)",
        new="a warning in the log that names both variables, then the answer to the API key",
        claude_code="Credit balance is too low (a key without credit hides the subscription's login)",
    ),
    told_apart="Unset one of the two and run again: if the answer changes, the other one was used.",
)

PROFILE_INVALID = Problem(
    code="profile-invalid",
    layer="environment",
    confirmed_by=(401,),
    title="The profile or the federation settings cannot be loaded",
    cause="The file of the profile is missing, is not valid JSON, can be written or read by others, or its login has expired; or one of the federation variables is not set. The SDK then refuses to build the client.",
    owner="you",
    fixes=(
        Remedy(
            text="Let the job ask for an OIDC token, and set all variables of the federation",
            commands=spelled(yaml=_OIDC_PERMISSION),
            only_in="ci",
        ),
        Remedy(
            text="Make the files readable and writable for you alone",
            commands=spelled(
                sh="chmod 700 ~/.config/anthropic &&\n  chmod 600 ~/.config/anthropic/*/*.json",
            ),
            systems=("Linux", "Darwin"),
        ),
        Remedy(
            text="If ANTHROPIC_PROFILE names a profile that does not exist, unset it",
            commands=unset("ANTHROPIC_PROFILE"),
        ),
        Remedy(text="If the login in the profile has expired, log in again with the tool that made the profile"),
    ),
    looks_like=printed(
        old="anthropic.AnthropicError: Config file not found at …/configs/NAME.json (profile 'NAME'). …",
        new="anthropic.CredentialsError: Config file not found at …/configs/NAME.json (profile 'NAME'). …",
        typescript='AnthropicError: ANTHROPIC_PROFILE names the profile "NAME", but …/configs/NAME.json does not exist. …',
        claude_code="Anthropic profile login expired · Re-authenticate your Anthropic profile",
    ),
    told_apart="Set ANTHROPIC_API_KEY for one run: it goes before every profile, so if that works the profile is at fault.",
)

BASE_URL_INVALID = Problem(
    code="base-url-invalid",
    layer="environment",
    title="{base_url_source} is not a URL that {client} can use",
    cause="It is empty, has no `http://` or `https://` in front, or is no URL at all. For the Python SDK an empty value is not the same as unset; for the TypeScript SDK it is.",
    owner="you",
    fixes=(
        Remedy(
            text="Set it to the whole address, with its scheme and without a path of the API",
            commands=assign("ANTHROPIC_BASE_URL", "{suggestion}"),
        ),
        Remedy(
            text="Unset it to call Anthropic's own endpoint",
            commands=unset("ANTHROPIC_BASE_URL"),
            caution="a key that a gateway handed out does not work there",
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=connection_error(
        "UnsupportedProtocol: Request URL is missing an 'http://' or 'https://' protocol.", node="unknown scheme"
    ),
    told_apart="No packet is sent, although the text says “Connection error.”: the cause `UnsupportedProtocol` or `InvalidURL` decides.",
)

BASE_URL_PATH = Problem(
    code="base-url-path",
    layer="environment",
    confirmed_by=(404, 405),
    title="{base_url_source} ends in a path that the SDK adds itself",
    cause="The SDK appends `/v1/messages` to the base URL. A base URL that already ends in `/v1` or `/v1/messages` makes it ask for a path that does not exist.",
    owner="you",
    fixes=(
        Remedy(
            text="Set the base URL without that path",
            commands=assign("ANTHROPIC_BASE_URL", "{suggestion}"),
            caution="libraries that are not Anthropic's may want the `/v1` in a variable of their own: leave that one as it is",
        ),
    ),
    looks_like=printed(
        old="anthropic.NotFoundError: Error code: 404 - … (for …/v1/v1/messages)",
        new="anthropic.NotFoundError: Error code: 404 - … (for …/v1/v1/messages)",
        typescript="NotFoundError: 404 …",
        claude_code="API Error: 404 …",
    ),
    told_apart="The same call without the path in the base URL works. A 404 that names a model is `model-not-available`.",
)

BASE_URL_INSECURE = Problem(
    code="base-url-insecure",
    layer="environment",
    severity="warning",
    title="{base_url_source} uses plain http: the key travels readable",
    cause="Everybody on the way to {host} can read the key and change the answers. claudecheck sends no key over plain http to a public address.",
    owner="you",
    fixes=(
        Remedy(text="Use the https address", commands=assign("ANTHROPIC_BASE_URL", "{suggestion}")),
        Remedy(
            text="If the gateway has no TLS, reach it through SSH, so that plain http stays inside this machine",
            commands=(
                *everywhere("ssh -f -N -L 8080:localhost:{port} {host}"),
                *assign("ANTHROPIC_BASE_URL", "http://127.0.0.1:8080"),
            ),
        ),
        Remedy(text="Ask whoever runs {host} for an https address"),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="The scheme of the base URL decides; it is a warning where the host may be on a private network.",
)

BASE_URL_LOOPBACK = Problem(
    code="base-url-loopback",
    layer="environment",
    names_failure=True,
    title="{base_url_source} names this machine, and nothing answers there",
    cause="The base URL leads to port {port} of this machine, where no program listens. Inside a container, `localhost` is the container and not its host; and where a proxy variable is set, the request may have gone to the proxy.",
    owner="you",
    fixes=(
        Remedy(
            text="Inside a container, name the host machine instead of `localhost`; on Linux the container needs `docker run --add-host=host.docker.internal:host-gateway`",
            commands=assign("ANTHROPIC_BASE_URL", "http://host.docker.internal:{port}"),
            only_in="container",
        ),
        Remedy(
            text="Start the gateway, or correct the port in the variable; this lists the ports on which something listens",
            commands=spelled(
                sh="ss -ltn || netstat -an | grep LISTEN", powershell="Get-NetTCPConnection -State Listen"
            ),
        ),
        Remedy(
            text="If the variable is left over from a tool that is gone, unset it",
            commands=unset("ANTHROPIC_BASE_URL"),
            caution="then the key must be one of Anthropic's, not the tool's",
        ),
        Remedy(
            text="If a proxy variable is set, take this machine off the proxy",
            commands=spelled(
                sh='export NO_PROXY="localhost,127.0.0.1${NO_PROXY:+,$NO_PROXY}"',
                fish='set -gx NO_PROXY "localhost,127.0.0.1,$NO_PROXY"',
                powershell='$env:NO_PROXY = "localhost,127.0.0.1,$env:NO_PROXY"',
            ),
        ),
    ),
    verify="claudecheck doctor --no-message",
    looks_like=connection_error(
        "ConnectError: [Errno 111] Connection refused",
        node="connect ECONNREFUSED 127.0.0.1:…",
        claude_code="API Error: Connection refused — a firewall or proxy may be blocking it (ConnectionRefused)",
        curl="curl: (7) Failed to connect to localhost port … : Couldn't connect to server",
    ),
    told_apart="The address is the machine's own, so no firewall on the way can be at fault. `tcp-refused` is the same refusal by another machine.",
)

KEY_HELPER_FAILED = Problem(
    code="key-helper-failed",
    layer="environment",
    title="The helper that should print a key failed or printed nothing",
    cause="Claude Code runs the command of its `apiKeyHelper` setting and takes what it prints as the key; a CI job may ask for a token in the same way. That command ended with an error, took too long or printed nothing.",
    owner="you",
    fixes=(
        Remedy(
            text="Let the job ask for an OIDC token",
            commands=spelled(yaml=_OIDC_PERMISSION),
            only_in="ci",
        ),
        Remedy(
            text="Run the helper by hand and read its error; this prints how many characters it gives, not the key",
            commands=spelled(sh='sh -c "$(jq -r .apiKeyHelper {file})" | wc -c'),
            systems=("Linux", "Darwin"),
        ),
        Remedy(
            text="Run the command that stands under `apiKeyHelper` in Claude Code's settings by hand: it must print the key alone and end without an error",
            systems=("Windows",),
        ),
        Remedy(text="Sign in again at the vault or provider that the helper asks, then start the client again"),
    ),
    verify="claudecheck doctor --client claude-code --no-message",
    looks_like=printed(claude_code="apiKeyHelper failed: …, or: Your apiKeyHelper script is failing"),
    told_apart="The helper fails by hand too. When it works by hand and the API answers 401, the key that it prints is at fault (`key-invalid`).",
)

CREDENTIAL_STORE_UNREADABLE = Problem(
    code="credential-store-unreadable",
    layer="environment",
    title="The stored login exists and cannot be read from here",
    cause="The login lies in the keychain or in a file of your user. Over SSH, inside tmux, in a background service or as another user the keychain stays locked, or the file may not be read.",
    owner="you",
    fixes=(
        Remedy(
            text="Unlock the keychain for this session",
            commands=spelled(sh="security unlock-keychain ~/Library/Keychains/login.keychain-db"),
            systems=("Darwin",),
        ),
        Remedy(
            text="Make the file yours again, and readable for you alone",
            commands=spelled(
                sh='sudo chown "$(id -un)" ~/.claude/.credentials.json &&\n  chmod 600 ~/.claude/.credentials.json'
            ),
            systems=("Linux",),
        ),
        Remedy(
            text="For work without a desktop, make a token that needs no keychain and set it as CLAUDE_CODE_OAUTH_TOKEN",
            commands=(*everywhere("claude setup-token"), *typed_in("CLAUDE_CODE_OAUTH_TOKEN")),
            caution="it is valid for a year: keep it like a password",
        ),
    ),
    verify="claudecheck routes",
    looks_like=printed(
        claude_code="Not logged in · Please run /login, or: Could not refresh your login: can't save to the Keychain"
    ),
    told_apart="The same client finds its login in a terminal of the desktop session, and not from here.",
)

LOGIN_FAILED = Problem(
    code="login-failed",
    layer="environment",
    names_failure=True,
    title="The login, or its renewal, does not go through",
    cause="One of its three parts failed: the page in the browser, the way back to this machine, or the exchange of the code for a token. The exchange goes to platform.claude.com, which a filter or a VPN rule may treat differently from the API.",
    owner="you",
    fixes=(
        Remedy(
            text="Let platform.claude.com, claude.ai and claude.com take the same way out as the API (proxy, VPN, allow-list); this shows whether the first one answers",
            commands=spelled(
                sh="curl -sSI https://platform.claude.com/", powershell="curl.exe -sSI https://platform.claude.com/"
            ),
        ),
        _ALLOW,
        Remedy(
            text="Where the browser runs on another machine than the client (SSH, WSL, a container), copy the code from the page into the terminal: the page cannot call back"
        ),
        Remedy(text="Log in again from the start", commands=everywhere("claude auth login")),
        Remedy(
            text="For work without a browser, make a token on another machine and set it here as CLAUDE_CODE_OAUTH_TOKEN",
            commands=(*everywhere("claude setup-token"), *typed_in("CLAUDE_CODE_OAUTH_TOKEN")),
            caution="it is valid for a year: keep it like a password",
        ),
    ),
    verify="claudecheck doctor --client claude-code --no-message",
    looks_like=printed(
        claude_code="OAuth error: timeout of 15000ms exceeded, or: Token exchange failed: …, or: Login expired · Please run /login"
    ),
    told_apart="The API answers (a 401 with a request-id is enough) while platform.claude.com does not, or refuses.",
)

UPDATES_BLOCKED = Problem(
    code="updates-blocked",
    layer="environment",
    severity="warning",
    title="Claude Code cannot fetch its updates from here",
    cause="The version that is installed goes on working. Updates, plugins and the installer come from downloads.claude.ai, and this network does not let that host through.",
    owner="network",
    fixes=(
        _ALLOW,
        Remedy(
            text="Where updates come another way (a package manager, an image), switch the updater off",
            commands=assign("DISABLE_AUTOUPDATER", "1"),
        ),
    ),
    verify="claudecheck doctor --client claude-code --no-message",
    told_apart="The API answers while downloads.claude.ai does not.",
)

PROVIDER_CREDENTIALS = elsewhere.PROVIDER_CREDENTIALS

CUSTOM_HEADERS_INVALID = Problem(
    code="custom-headers-invalid",
    layer="environment",
    title="ANTHROPIC_CUSTOM_HEADERS cannot be sent as written",
    cause="It takes one `Name: Value` a line. A name with a blank or another forbidden character, or a value that no header can have, keeps the request from being sent.",
    owner="you",
    fixes=(
        Remedy(
            text="Write one header a line; this sets two",
            commands=spelled(
                sh="export ANTHROPIC_CUSTOM_HEADERS=\"$(printf 'X-Team: a\\nX-Stage: b')\"",
                fish="set -gx ANTHROPIC_CUSTOM_HEADERS (printf 'X-Team: a\\nX-Stage: b' |\n  string collect)",
                powershell='$env:ANTHROPIC_CUSTOM_HEADERS = "X-Team: a`nX-Stage: b"',
            ),
        ),
        Remedy(
            text="Unset it to see whether the request works without the headers",
            commands=unset("ANTHROPIC_CUSTOM_HEADERS"),
            caution="a gateway may need one of them",
        ),
    ),
    looks_like=connection_error("LocalProtocolError: Illegal header name b'X y'")
    | printed(
        typescript='TypeError: Headers.delete: "X y" is an invalid header name.',
        claude_code="Invalid ANTHROPIC_CUSTOM_HEADERS · Fix the environment variable",
    ),
    told_apart="The request works with the variable unset. An illegal header value that begins with `Bearer` is the key's (`key-malformed`).",
)
