"""How one command is spelled in every shell, and one error by every client. Knows no problem."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps

from claudecheck.diagnosis.change import Asked, Change, Copied, Edited, Filed, Listed, Value
from claudecheck.report import Command, Shell

#: Every spelling that some client reads; `all_proxy` is the one that people forget.
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")

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


def assign(variable: str, value: Value, *more: tuple[str, Value]) -> Change:
    """`value` is a text, with holes where it depends on the run, or is taken from another variable."""
    return Change(sets=((variable, value), *more))


def unset(*variables: str) -> Change:
    """Of these, a machine is shown those that are set there."""
    return Change(unsets=variables)


def bypass(*hosts: str) -> Change:
    """Takes hosts off the proxy, in both spellings: clients do not agree on the one that counts."""
    return assign("NO_PROXY", Listed("{no_proxy_variable}", hosts), ("no_proxy", Copied("NO_PROXY")))


def replaced(file: str, *steps: str) -> tuple[Command, ...]:
    """A file of the system, written through: in a container it is a mount, which cannot be replaced or moved over.

    `steps` write its new text to a file of the same name, ending in `.new`, in the home folder.
    """
    new = f"$HOME/{file.rpartition('/')[2].partition('.')[0]}.new"
    return spelled(sh=" &&\n  ".join([*steps, f"{{sudo}} cp {new} {file}"]))


def typed_in(variable: str) -> Change:
    """Asks for the value, so that a secret stands in no history and no process list."""
    return Change(sets=((variable, Asked("the key", secret=True)),))


#: In the home folder: the store of the client and what was added to it.
JOINED = Filed("claude-ca.pem")


def joined(store: str, root: str) -> tuple[Command, ...]:
    """Writes one file that holds a whole store and one more CA certificate. Nothing is written when a part is missing,
    and the file may be one of its own parts: it is written beside and then moved.
    """
    line = f'cat {store} {root} \\\n  > "$HOME/claude-ca.new" &&\n  mv "$HOME/claude-ca.new" "$HOME/claude-ca.pem"'
    return spelled(sh=line, fish=line)


def joined_with_certifi(root: str) -> tuple[Command, ...]:
    """The same with the public CA certificates that certifi brings, on every system."""
    return (
        *joined('"$({python} -m certifi)"', root),
        *spelled(
            powershell="(Get-Content -ErrorAction Stop `\n"
            f"  (& {{python}} -m certifi), {root}) |\n"
            '  Set-Content "$HOME\\claude-ca.pem"'
        ),
    )


def exported(root: str, then: tuple[Command, ...] = ()) -> tuple[Command, ...]:
    """`then` after the CA certificate was written to `root` from the store of this machine that holds it."""
    take = f"{{claudecheck}} trust --export {root}"
    if not then:
        return everywhere(take)
    before = {"sh": " &&\n  ", "fish": " &&\n  "}
    return tuple(Command(shell=one.shell, line=f"{take}{before.get(one.shell, chr(10))}{one.line}") for one in then)


#: Reads a user name and, without showing it, a password; prints both as they are in a URL. It holds no quotes.
_LOGIN = """import getpass, urllib.parse as u
both = input(), getpass.getpass()
print(*(u.quote(one, str()) for one in both), sep=chr(58))"""


def proxy_with_password() -> tuple[Command, ...]:
    """Asks for both, so that they are in no history, and encodes them for a URL."""
    ask = f"{{python}} -c '{_LOGIN}'"
    url = "{proxy_scheme}://$login@{proxy_host}:{proxy_port}"
    say = "echo user name, then password:"
    return spelled(
        sh=f'{say} &&\n  login="$({ask})" &&\n  url={url} &&\n  export {{proxy_variable}}="$url"',
        fish=f"{say} &&\n  set login ({ask}) &&\n  set url {url} &&\n  set -gx {{proxy_variable}} $url",
        powershell="$login = @((Read-Host 'user name'), (Read-Host 'password')) |\n"
        "  ForEach-Object { [uri]::EscapeDataString($_) }\n"
        "Set-Item Env:{proxy_variable} `\n"
        "  {proxy_scheme}://$($login -join ':')@{proxy_host}:{proxy_port}",
    )


def rescheme(wrong: str, right: str) -> Change:
    """Only the scheme is changed: a user name and password in the variable stay where they are."""
    return assign("{proxy_variable}", Edited("{proxy_variable}", f"^{wrong}:", f"{right}:"))


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
