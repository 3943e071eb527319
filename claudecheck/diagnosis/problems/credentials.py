"""What is wrong before the first packet with who calls, and where: the credential and the base URL."""

import claudecheck.diagnosis.problems.providers as elsewhere
from claudecheck.diagnosis.change import Asked, Change, Copied, Edited, Stripped
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, in_program, look
from claudecheck.diagnosis.problems.spelling import (
    api_error,
    assign,
    bypass,
    connection_error,
    everywhere,
    printed,
    spelled,
    typed_in,
    unset,
)

#: What a network team needs to know; the names and purposes are those of `clients/claude_code_hosts.py`.
_ALLOW = ask(
    "Send this to your network team: outgoing HTTPS (TCP port 443, without inspection where it can be) to api.anthropic.com (the API), platform.claude.com (sign-in, and the renewal of every login), claude.ai and claude.com (the sign-in pages), downloads.claude.ai (updates, plugins and the installer); where connectors are used, mcp-proxy.anthropic.com too"
)
_OIDC = Remedy(
    text="Let the job ask for an OIDC token, and set all variables of the federation",
    commands=spelled(yaml="permissions:\n  id-token: write\n  contents: read"),
    when=("github-actions",),
    place="the workflow file",
)
_GATEWAY = Asked("URL of the gateway (https://host)")
_GATEWAYS_KEY = "a key that a gateway handed out does not work there"
_SET_GATEWAY = Remedy(
    text="If the key was handed out by a gateway or relay, set its address too: without it the key goes to Anthropic",
    change=assign("ANTHROPIC_BASE_URL", _GATEWAY),
    unless=("own-base-url",),
)
_STORE_IN_GITHUB = "Store the key as a secret of the repository (`gh secret set ANTHROPIC_API_KEY`)"
_SETUP_TOKEN = Remedy(
    text="For work without a desktop, make a token that needs no keychain, with `claude setup-token`, and set it here",
    change=assign("CLAUDE_CODE_OAUTH_TOKEN", Asked("the token", secret=True)),
    caution="it is valid for a year: keep it like a password",
)

KEY_MISSING = Problem(
    code="key-missing",
    layer="environment",
    yields_to=("the network",),
    title="No API key or other credential is set for {client}",
    cause="None of the places that {client} looks at holds a credential: no key or token variable, no profile, no federation settings. A variable that is set but empty counts as unset.",
    owner="you",
    fixes=(
        Remedy(
            text="Load the `.env` file of this folder, which holds the key",
            commands=spelled(sh="set -a && . ./.env && set +a"),
            when=("key-in-dotenv",),
        ),
        Remedy(
            text=f"{_STORE_IN_GITHUB}, and hand it to the step",
            commands=spelled(yaml="env:\n  ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}"),
            when=("github-actions",),
            place="the workflow file",
            caution="workflows that a fork starts get an empty text instead of the secret",
        ),
        Remedy(
            text="Store the key as a secret of this CI, and hand it to the job as ANTHROPIC_API_KEY",
            when=("ci",),
            unless=("github-actions",),
            place="the secrets of the CI",
        ),
        Remedy(
            text="Store the key as a secret of the cluster, and hand it to the container",
            commands=spelled(
                yaml="env:\n  - name: ANTHROPIC_API_KEY\n    valueFrom:\n      secretKeyRef: { name: anthropic, key: api-key }"
            ),
            when=("kubernetes",),
            place="the pod's specification",
        ),
        Remedy(
            text="Store the key as a secret of your Codespaces, then start this one again",
            commands=everywhere("gh secret set ANTHROPIC_API_KEY --user --app codespaces"),
            when=("codespaces",),
            tools=("gh",),
            needs=("the key",),
            place="the Codespaces secrets",
        ),
        Remedy(
            text="Create a key at platform.claude.com and give it to this shell; it asks for the key, so that it is in no history",
            change=typed_in("ANTHROPIC_API_KEY"),
            unless=("ci",),
        ),
        in_program(
            "If the key is in a `.env` file, load the file before the client is built",
            python="from dotenv import load_dotenv; load_dotenv(override=True)",
            caution="without `override=True` an empty variable of the shell wins over the file",
            clients=("python",),
        ),
        ask(
            "Start the container with `-e ANTHROPIC_API_KEY`: it sees nothing of the host's environment",
            when=("docker",),
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
    cause="A line break, a space, a quote or a character that is not ASCII is in the value, or it is a placeholder, or part of it is missing. The SDK's own error text prints the whole value, so do not pass that text on.",
    owner="you",
    fixes=(
        Remedy(
            text="Take the line breaks, spaces and quotes out of the value; nothing else of it changes",
            change=assign("{key_variable}", Stripped("{key_variable}")),
            when=("stray-marks",),
        ),
        Remedy(
            text=f"{_STORE_IN_GITHUB} again: the key alone, without quotes and without a line break at its end",
            when=("github-actions",),
            place="the secrets of the repository",
        ),
        Remedy(
            text="Set the key again, without quotes, spaces or a line break; it is asked for, so that it is in no history",
            change=typed_in("{key_variable}"),
            unless=("ci",),
        ),
        in_program(
            "A key that is read from a file brings the file's line break along: strip it",
            python='Anthropic(api_key=open("key.txt").read().strip())',
            clients=("python",),
        ),
        ask(
            "If an error text with the key in it is in a log or a ticket, revoke the key at platform.claude.com and create a new one"
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
            text="Move the OAuth token (`sk-ant-oat…`) to CLAUDE_CODE_OAUTH_TOKEN, where Claude Code reads it",
            change=Change(
                sets=(("CLAUDE_CODE_OAUTH_TOKEN", Copied("{key_variable}")),),
                unsets=("{key_variable}",),
            ),
            when=("oauth-token",),
            clients=("claude-code",),
        ),
        Remedy(
            text="Move the OAuth token (`sk-ant-oat…`) to ANTHROPIC_AUTH_TOKEN",
            change=Change(
                sets=(("ANTHROPIC_AUTH_TOKEN", Copied("{key_variable}")),),
                unsets=("{key_variable}",),
            ),
            when=("oauth-token",),
            clients=("python", "typescript", "node", "curl"),
            caution="the API takes such a token only together with the header `anthropic-beta: oauth-2025-04-20`",
        ),
        Remedy(
            text="Create an API key (it starts with `sk-ant-api03-`) at platform.claude.com and set it",
            change=typed_in("ANTHROPIC_API_KEY"),
        ),
        _SET_GATEWAY,
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
        Remedy(text="To use the API key, unset the token", change=unset("ANTHROPIC_AUTH_TOKEN")),
        Remedy(
            text="To use the token, a profile or a login, unset the key",
            change=unset("ANTHROPIC_API_KEY"),
            caution="take it out of your shell's start-up file and the settings' `env` block as well, or it comes back",
        ),
        look(
            "To try one command without the key, and change nothing else",
            spelled(sh="env -u ANTHROPIC_API_KEY claude"),
            systems=("Linux", "Darwin"),
            tools=("claude",),
            clients=("claude-code",),
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
        _OIDC,
        Remedy(
            text="Make the file readable and writable for you alone",
            commands=spelled(sh="chmod 600 {file}"),
            systems=("Linux", "Darwin"),
            when=("open-to-others",),
        ),
        Remedy(
            text="If ANTHROPIC_PROFILE names a profile that does not exist, unset it",
            change=unset("ANTHROPIC_PROFILE"),
            unless=("open-to-others",),
        ),
        Remedy(text="Log in again with the tool that made the profile", unless=("open-to-others",)),
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
    title="{base_url_source} gives no URL that {client} can use",
    cause="It is empty, has no `http://` or `https://` in front, or is no URL at all; or it is a URL where the name of a region or resource belongs. For the Python SDK an empty value is not the same as unset; for the TypeScript SDK it is.",
    owner="you",
    fixes=(
        Remedy(
            text="Set it to the name alone: the client makes the address of it",
            change=assign("{base_url_variable}", "{suggestion}"),
            when=("suggested", "host-of-a-region"),
        ),
        Remedy(
            text="Set it to the whole address, with its scheme and without a path of the API",
            change=assign("{base_url_variable}", "{suggestion}"),
            when=("suggested",),
            unless=("host-of-a-region",),
        ),
        Remedy(
            text="Write `https://` in front of it",
            change=assign("{base_url_variable}", Edited("{base_url_variable}", "^", "https://")),
            guess=True,
        ),
        Remedy(
            text="Unset it to call Anthropic's own endpoint",
            change=unset("{base_url_variable}"),
            unless=("gateway-key", "host-of-a-region"),
            caution=_GATEWAYS_KEY,
        ),
        Remedy(
            text="Set it to the whole address, with its scheme and without a path of the API",
            change=assign("{base_url_variable}", _GATEWAY),
            unless=("suggested",),
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
            change=assign("{base_url_variable}", "{suggestion}"),
            when=("suggested",),
            caution="libraries that are not Anthropic's may want the `/v1` in a variable of their own: leave that one as it is",
        ),
        Remedy(
            text="Set the base URL without that path",
            change=assign("{base_url_variable}", Edited("{base_url_variable}", "(/v1)?(/messages|/complete)?/*$")),
            unless=("suggested",),
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
    title="{base_url_source} uses plain http: the key is sent unencrypted",
    cause="Everybody on the way to {host} can read the key and change the answers. claudecheck sends no key over plain http to a public address.",
    owner="you",
    fixes=(
        Remedy(text="Use the https address", change=assign("{base_url_variable}", "{suggestion}")),
        Remedy(
            text="If the gateway has no TLS, reach it through SSH, so that plain http stays inside this machine",
            commands=everywhere("ssh -f -N -L 8080:localhost:{port} {host}"),
            change=assign("{base_url_variable}", "http://127.0.0.1:8080"),
            tools=("ssh",),
            unless=("official",),
        ),
        ask("Ask whoever runs {host} for an https address"),
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
            text="Inside a container, name the host machine instead of `localhost`",
            change=assign(
                "{base_url_variable}",
                Edited("{base_url_variable}", "localhost|127[.]0[.]0[.]1", "host.docker.internal"),
            ),
            when=("docker",),
            caution="on Linux the container needs `--add-host=host.docker.internal:host-gateway`",
        ),
        Remedy(text="Start the gateway, or correct the port in the variable"),
        Remedy(
            text="Take this machine off the proxy",
            change=bypass("localhost", "127.0.0.1"),
            when=("proxied",),
        ),
        Remedy(
            text="If the variable is left over from a tool that is gone, unset it",
            change=unset("{base_url_variable}"),
            unless=("gateway-key",),
            guess=True,
            caution="then the key must be one of Anthropic's, not the tool's",
        ),
        look("List the ports on which something listens", spelled(sh="ss -ltn"), systems=("Linux",), tools=("ss",)),
        look("List the ports on which something listens", spelled(sh="netstat -an | grep LISTEN"), systems=("Darwin",)),
        look(
            "List the ports on which something listens",
            spelled(powershell="Get-NetTCPConnection -State Listen"),
            systems=("Windows",),
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
        _OIDC,
        Remedy(text="Sign in again at the vault or provider that the helper asks, then start the client again"),
        look(
            "Run the helper by hand and read its error; this prints how many characters it gives, not the key",
            spelled(sh='sh -c "$(jq -r .apiKeyHelper {file})" | wc -c'),
            systems=("Linux", "Darwin"),
            tools=("jq",),
        ),
        look(
            "Run the command under `apiKeyHelper` in Claude Code's settings by hand: it must print the key alone and end without an error"
        ),
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
                sh='{sudo} chown "$(id -un)" ~/.claude/.credentials.json &&\n  chmod 600 ~/.claude/.credentials.json'
            ),
            systems=("Linux",),
        ),
        _SETUP_TOKEN,
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
        Remedy(text="Log in again from the start", commands=everywhere("claude auth login"), tools=("claude",)),
        Remedy(
            text="Where the browser runs on another machine than the client, copy the code from the page into the terminal: the page cannot call back",
            when=("no-desktop",),
        ),
        _SETUP_TOKEN,
        look(
            "See whether platform.claude.com answers on the route of the API",
            spelled(
                sh="curl -sSI https://platform.claude.com/", powershell="curl.exe -sSI https://platform.claude.com/"
            ),
            tools=("curl",),
        ),
        _ALLOW,
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
        Remedy(
            text="Where updates come another way (a package manager, an image), switch the updater off",
            change=assign("DISABLE_AUTOUPDATER", "1"),
        ),
        _ALLOW,
    ),
    verify="claudecheck doctor --client claude-code --no-message",
    told_apart="The API answers while downloads.claude.ai does not.",
)

PROVIDER_CREDENTIALS = elsewhere.PROVIDER_CREDENTIALS

CUSTOM_HEADERS_INVALID = Problem(
    code="custom-headers-invalid",
    layer="environment",
    title="ANTHROPIC_CUSTOM_HEADERS cannot be sent as written",
    cause="It takes one `Name: Value` a line. A name with a space or another forbidden character, or a value that no header can have, keeps the request from being sent.",
    owner="you",
    fixes=(
        Remedy(
            text="Unset it to send the request without the headers",
            change=unset("ANTHROPIC_CUSTOM_HEADERS"),
            caution="a gateway may need one of them",
        ),
        look(
            "Write one header a line, as in this example",
            spelled(
                sh="export ANTHROPIC_CUSTOM_HEADERS=\"$(printf 'X-Team: a\\nX-Stage: b')\"",
                fish="set -gx ANTHROPIC_CUSTOM_HEADERS (printf 'X-Team: a\\nX-Stage: b' |\n  string collect)",
                powershell='$env:ANTHROPIC_CUSTOM_HEADERS = "X-Team: a`nX-Stage: b"',
            ),
        ),
    ),
    looks_like=connection_error("LocalProtocolError: Illegal header name b'X y'")
    | printed(
        typescript='TypeError: Headers.delete: "X y" is an invalid header name.',
        claude_code="Invalid ANTHROPIC_CUSTOM_HEADERS · Fix the environment variable",
    ),
    told_apart="The request works with the variable unset. An illegal header value that begins with `Bearer` is the key's (`key-malformed`).",
)
