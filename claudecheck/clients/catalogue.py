"""Every client that claudecheck knows: its name, its plan, and what it makes of variables that it does not read. Pure.

Adding a client is one file with a `plan`, and one line in `CLIENTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from claudecheck.clients import claude_code, claude_settings, curl, node, python_sdk, typescript_sdk
from claudecheck.clients.snapshot import Snapshot
from claudecheck.observations import Interpreter
from claudecheck.route import ClientName, Plan

PlanFunction = Callable[[Snapshot, Interpreter | None], Plan]
_MISSING = Interpreter(path="python3", chosen_by="own")

#: Groups of variables: what an `Ignored` row is made of.
HTTPS = ("HTTPS_PROXY", "https_proxy")
HTTP = ("HTTP_PROXY", "http_proxy")
ALL = ("ALL_PROXY", "all_proxy")
NO = ("NO_PROXY", "no_proxy")
SYSTEM_CA = ("SSL_CERT_FILE", "SSL_CERT_DIR")
REQUESTS = ("REQUESTS_CA_BUNDLE",)
CURL = ("CURL_CA_BUNDLE",)
EXTRA = ("NODE_EXTRA_CA_CERTS",)
CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
HEADERS = ("ANTHROPIC_CUSTOM_HEADERS",)


@dataclass(frozen=True)
class Client:
    """`unread` gives, for each variable or file that this client does not read here, what reading it would take."""

    name: ClientName
    title: str
    program: str  # in `Snapshot.programs`; empty for Python, which the interpreter tells
    plan: PlanFunction
    unread: Callable[[Snapshot], Mapping[str, str]]


def _each(names: tuple[str, ...], need: str) -> dict[str, str]:
    return dict.fromkeys(names, need)


def _python_plan(snapshot: Snapshot, interpreter: Interpreter | None) -> Plan:
    return python_sdk.plan(snapshot, interpreter or _MISSING)


def _is_plain(snapshot: Snapshot) -> bool:
    return snapshot.get("ANTHROPIC_BASE_URL").strip().lower().startswith("http://")


def _python_unread(snapshot: Snapshot) -> dict[str, str]:
    others = (
        _each(HTTPS, "HTTP_PROXY; this one counts for https:// only")
        if _is_plain(snapshot)
        else _each(HTTP, "HTTPS_PROXY; this one counts for http:// only")
    )
    return (
        others
        | _each(REQUESTS + CURL + EXTRA, "name a file with all authorities in SSL_CERT_FILE")
        | _each(CREDENTIALS[2:], "set it as ANTHROPIC_AUTH_TOKEN")
    )


def _node_unread(snapshot: Snapshot) -> dict[str, str]:
    here = node.Node.of(snapshot)
    found = _each(REQUESTS + CURL, "name the file in NODE_EXTRA_CA_CERTS") | _each(
        CREDENTIALS[2:], "set it as ANTHROPIC_AUTH_TOKEN"
    )
    if not {"--use-openssl-ca", "--use-system-ca"} & node.options(snapshot):
        found |= _each(SYSTEM_CA, "NODE_OPTIONS=--use-openssl-ca, or name the file in NODE_EXTRA_CA_CERTS")
    if not node.enabled(snapshot, here):
        found |= _each(HTTPS + HTTP + NO, node.needed(here))
    return found | _each(ALL, f"name it in HTTPS_PROXY, and {node.needed(here)}")


def _fetch_unread(snapshot: Snapshot) -> dict[str, str]:
    return _node_unread(snapshot) | _each(HEADERS + CREDENTIALS[1:], "read it in your own code")


def _claude_code_unread(snapshot: Snapshot) -> dict[str, str]:
    return (
        _each(claude_settings.read(snapshot).unreadable, "write it as a JSON object")
        | _each(REQUESTS + CURL, "name the file in NODE_EXTRA_CA_CERTS")
        | _each(ALL, "name an http:// proxy in HTTPS_PROXY")
    )


def _curl_unread(snapshot: Snapshot) -> dict[str, str]:
    found = _each(EXTRA + REQUESTS, "name the file in CURL_CA_BUNDLE or --cacert")
    if snapshot.get("CURL_CA_BUNDLE"):
        found |= _each(SYSTEM_CA, "unset CURL_CA_BUNDLE, which comes first")
    found |= _each(HTTP[:1], "its name in lower case; in capitals curl never reads it")
    if _is_plain(snapshot):
        return found | _each(HTTPS, "http_proxy; this one counts for https:// only")
    return found | _each(HTTP[1:], "https_proxy; this one counts for http:// only")


CLIENTS: tuple[Client, ...] = (
    Client("python", "Python SDK", "", _python_plan, _python_unread),
    Client("typescript", "TypeScript SDK", "typescript", typescript_sdk.plan, _node_unread),
    Client("node", "Node fetch", "node", typescript_sdk.plan_fetch, _fetch_unread),
    Client("claude-code", "Claude Code", "claude-code", claude_code.plan, _claude_code_unread),
    Client("curl", "curl", "curl", curl.plan, _curl_unread),
)
BY_NAME: Mapping[str, Client] = {client.name: client for client in CLIENTS}
