"""How one command is spelled in every shell, and one error by every client. Knows no problem."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps

from claudecheck.report import Command, Shell

#: Every spelling that some client reads; `all_proxy` is the one that people forget.
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")

_LONGEST_LIST = 68  # of names after `unset`, so that the line stays within a page

# -- commands --------------------------------------------------------------------------------------


def spelled(
    *,
    sh: str = "",
    fish: str = "",
    powershell: str = "",
    cmd: str = "",
    dockerfile: str = "",
    yaml: str = "",
    python: str = "",
    typescript: str = "",
) -> tuple[Command, ...]:
    """The same act in several shells. Without a `fish` spelling the one of `sh` is taken to fit."""
    lines: Mapping[Shell, str] = {
        "sh": sh,
        "fish": fish,
        "powershell": powershell,
        "cmd": cmd,
        "dockerfile": dockerfile,
        "yaml": yaml,
        "python": python,
        "typescript": typescript,
    }
    return tuple(Command(shell=shell, line=line) for shell, line in lines.items() if line)


def everywhere(line: str) -> tuple[Command, ...]:
    """A program and its arguments, which every shell reads alike."""
    return spelled(sh=line, fish=line, powershell=line, cmd=line)


def with_python(arguments: str) -> tuple[Command, ...]:
    """The interpreter that runs the SDK; PowerShell runs a quoted path only after an ampersand."""
    line = f"{{python}} {arguments}"
    return spelled(sh=line, fish=line, powershell=f"& {line}", cmd=line)


def assign(variable: str, value: str) -> tuple[Command, ...]:
    """`value` is one hole or one bare word: what it is filled with is quoted for the shell."""
    return spelled(
        sh=f"export {variable}={value}",
        fish=f"set -gx {variable} {value}",
        powershell=f"Set-Item Env:{variable} {value}",
        cmd=f"set {variable}={value}",
    )


def unset(*variables: str) -> tuple[Command, ...]:
    """Windows does not tell the case of variables apart, so one spelling of each is enough there."""
    once = [name for place, name in enumerate(variables) if name.upper() not in variables[:place]]
    listed = ",\n  ".join(f"Env:{name}" for name in once)
    names = " ".join(variables)
    if len(names) > _LONGEST_LIST:
        names = " \\\n  ".join(variables)
    return spelled(
        sh=f"unset {names}",
        fish=f"set -e {names}",
        powershell=f"Remove-Item -ErrorAction Ignore {listed}",
        cmd="\n".join(f"set {name}=" for name in once),
    )


def typed_in(variable: str) -> tuple[Command, ...]:
    """Asks for the value, so that a secret stands in no history and no process list."""
    return spelled(
        sh=f"stty -echo; read -r {variable}; \\\n  stty echo; export {variable}",
        fish=f"read -s -gx {variable}",
        powershell=f"Set-Item Env:{variable} (Read-Host)",
        cmd=f"set /p {variable}=",
    )


def trusted_together(store: str, root: str, variable: str = "SSL_CERT_FILE") -> tuple[Command, ...]:
    """One file that holds a whole store and one more authority. Nothing is set when a part is missing,
    and the file may be one of its own parts: it is written beside and then moved.
    """
    written = (
        f'cat {store} {root} \\\n  > "$HOME/claude-ca.new" &&\n  mv "$HOME/claude-ca.new" "$HOME/claude-ca.pem" &&\n  '
    )
    return spelled(
        sh=f'{written}export {variable}="$HOME/claude-ca.pem"',
        fish=f'{written}set -gx {variable} "$HOME/claude-ca.pem"',
    )


def trusted_with_certifi(root: str, variable: str = "SSL_CERT_FILE") -> tuple[Command, ...]:
    """The same with the public authorities that certifi brings, on every system."""
    return (
        *trusted_together('"$({python} -m certifi)"', root, variable),
        *spelled(
            powershell="(Get-Content -ErrorAction Stop `\n"
            f"  (& {{python}} -m certifi), {root}) |\n"
            '  Set-Content "$HOME\\claude-ca.pem"\n'
            f'if ($?) {{ $env:{variable} = "$HOME\\claude-ca.pem" }}'
        ),
    )


def added_for_node(root: str) -> tuple[Command, ...]:
    """Node and Claude Code trust what this file holds in addition; a running one must be started again."""
    return spelled(
        sh=f'export NODE_EXTRA_CA_CERTS="$PWD/{root}"',
        fish=f'set -gx NODE_EXTRA_CA_CERTS "$PWD/{root}"',
        powershell=f'$env:NODE_EXTRA_CA_CERTS = "$PWD\\{root}"',
    )


def taken_from_a_store(root: str, then: tuple[Command, ...]) -> tuple[Command, ...]:
    """`then` after the authority was written to `root` from the store of this machine that holds it."""
    before = {"sh": " &&\n  ", "fish": " &&\n  "}
    take = f"claudecheck trust --export {root}"
    return tuple(Command(shell=one.shell, line=f"{take}{before.get(one.shell, chr(10))}{one.line}") for one in then)


def proxy_with_password() -> tuple[Command, ...]:
    """Asks for the password, so that it stands in no history, and encodes it for a URL."""
    ask = "({python} -c \\\n  'import getpass as g,urllib.parse as u;print(u.quote(g.getpass(),\"\"))')"
    url = "http://USER:$PASSWORD@{proxy_host}:{proxy_port}"
    return spelled(
        sh=f"PASSWORD=${ask}\nexport {{proxy_variable}}={url}",
        fish=f"set PASSWORD {ask}\nset -gx {{proxy_variable}} {url}",
        powershell='$PASSWORD = [uri]::EscapeDataString((Read-Host "password"))\n'
        f"Set-Item Env:{{proxy_variable}} `\n  {url}",
    )


def proxy_scheme(wrong: str, right: str) -> tuple[Command, ...]:
    """Only the scheme is changed: a user name and password in the variable stay where they are."""
    return spelled(
        sh=f'export {{proxy_variable}}="$(printenv {{proxy_variable}} |\n  sed s,^{wrong}:,{right}:,)"',
        fish=f"set -gx {{proxy_variable}} (printenv {{proxy_variable}} |\n  sed s,^{wrong}:,{right}:,)",
        powershell=f"Set-Item Env:{{proxy_variable}} `\n"
        f"  ((Get-Item Env:{{proxy_variable}}).Value -replace '^{wrong}:', '{right}:')",
    )


# -- what clients print ----------------------------------------------------------------------------


def connection_error(cause: str, *, node: str = "", claude_code: str = "", curl: str = "") -> dict[str, str]:
    """`cause` as the HTTP stack raises it, without the stack's name, which differs between generations."""
    outer = "anthropic.APIConnectionError: Connection error."
    return printed(
        old=f"{outer} (cause: httpx.{cause})",
        new=f"{outer} (cause: httpx2.{cause})",
        typescript=f"APIConnectionError: Connection error. (cause: fetch failed, cause: {node})" if node else "",
        claude_code=claude_code,
        curl=curl,
    )


def timeout_error(cause: str, *, curl: str = "") -> dict[str, str]:
    """All clients say the same for every phase that took too long; only the cause differs."""
    outer = "anthropic.APITimeoutError: Request timed out or interrupted. …"
    return printed(
        old=f"{outer} (cause: httpx.{cause})",
        new=f"{outer} (cause: httpx2.{cause})",
        typescript="APIConnectionTimeoutError: Request timed out.",
        claude_code="Request timed out",
        curl=curl,
    )


def raised(cause: str, *, typescript: str = "", claude_code: str = "", curl: str = "") -> dict[str, str]:
    """The same exception in every generation of the Python SDK, mostly when the client is built."""
    return printed(old=cause, new=cause, typescript=typescript, claude_code=claude_code, curl=curl)


def api_error(
    status: int, kind: str, message: str, raises: str, *, raised_before: str = "", claude_code: str = ""
) -> dict[str, str]:
    """An error body of the API in each client. `raised_before` is the class in the Python SDK 0.x where it differs."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_…"}
    json = dumps(body, ensure_ascii=False, separators=(",", ":"))
    return printed(
        old=f"anthropic.{raised_before or raises}: Error code: {status} - {body}",
        new=f"anthropic.{raises}: Error code: {status} - {body}",
        typescript=f"{raises}: {status} {json}",
        claude_code=claude_code,
        curl=json,
    )


def printed(
    *, old: str = "", new: str = "", typescript: str = "", claude_code: str = "", curl: str = ""
) -> dict[str, str]:
    """By client, in the order in which a page shows them."""
    texts = {
        "Python 0.x": old,
        "Python 1.x / 2.x": new,
        "TypeScript": typescript,
        "Claude Code": claude_code,
        "curl": curl,
    }
    return {client: text for client, text in texts.items() if text}
