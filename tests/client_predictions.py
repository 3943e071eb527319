"""Compares what a client's plan says with what the client was seen to do."""

import base64
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from claudecheck.observations import Interpreter
from claudecheck.route import Plan, Proxy, Route
from tests.client_cases import Environment
from tests.listeners import Listeners, Seen

HERE = Path(__file__).parent
WORKER = HERE.parent / "claudecheck" / "probes" / "senders" / "sdk_script.py"
#: What a client says first to a proxy or server of this scheme: a TLS record, or the version of SOCKS.
_FIRST_BYTE = {"https": b"\x16", "socks4": b"\x04", "socks4a": b"\x04", "socks5": b"\x05", "socks5h": b"\x05"}


class Driver:
    """A client's process that takes one environment after the other."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str] | None = None, cwd: str = "/") -> None:
        self._process = subprocess.Popen(
            command,
            env=dict(variables or {}),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, variables: Mapping[str, str]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(dict(variables)) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate(timeout=10)


def interpreter_of(python: str, variables: Mapping[str, str] | None = None) -> Interpreter:
    """Its facts, told by the worker that the doctor uses."""
    piped = subprocess.PIPE
    with subprocess.Popen([python, str(WORKER)], stdin=piped, stdout=piped, env=dict(variables or {})) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        process.kill()
    known = {name: facts[name] for name in Interpreter.__struct_fields__ if name in facts}
    return Interpreter(path=python, chosen_by="--python", **known)


def placed(environment: Environment, places: Mapping[str, object]) -> dict[str, str]:
    """Its variables with the base URL among them, and with the names in braces filled in."""
    variables, url = environment
    named = {**variables, "ANTHROPIC_BASE_URL": url}
    for name, place in places.items():
        named = {variable: value.replace(f"{{{name}}}", str(place)) for variable, value in named.items()}
    return named


def sends_nothing(plan: Plan) -> bool:
    """By the plan. That claudecheck itself sends no key in plain text to the public is no fact about the client."""
    return any(one.stops_client and one.kind != "base-url-insecure" for one in plan.concerns)


def connects_as_planned(plan: Plan, seen: Seen | None, listeners: Listeners) -> str:
    """What differs between the plan and the first connection; empty when nothing does."""
    if sends_nothing(plan):
        told = [one.kind for one in plan.concerns if one.stops_client]
        return f"sent to {seen.listener}, and the plan says it stops: {told}" if seen else ""
    assert plan.route is not None
    proxy, endpoint = plan.route.proxy, plan.route.endpoint
    port = proxy.port if proxy else endpoint.port
    planned = next((name for name, known in listeners.ports.items() if known == port), "nobody")
    if seen is None or seen.listener != planned:
        return f"connected to {seen.listener if seen else 'nobody'}, and the plan says {planned}"
    scheme = proxy.scheme if proxy else endpoint.scheme
    if scheme in _FIRST_BYTE:
        return "" if seen.head.startswith(_FIRST_BYTE[scheme]) else f"said {seen.head[:20]!r}, not {scheme}"
    if proxy:
        return _proxy_request(seen.head, plan.route, proxy)
    return "" if seen.head[:1].isupper() else f"said {seen.head[:20]!r}, not http"


def _proxy_request(head: bytes, route: Route, proxy: Proxy) -> str:
    first = head.decode("latin-1").partition("\r\n")[0].lower()
    host = route.endpoint.host.lower()
    if f"{host}:{route.endpoint.port}" not in first.replace("]", ""):  # httpcore leaves the brackets of IPv6 out
        return f"asked the proxy for {first!r}"
    scheme, _, given = headers_of(head).get("proxy-authorization", "").partition(" ")
    sent = base64.b64decode(given).decode() if scheme.lower() == "basic" else ""
    planned = f"{proxy.username}:{proxy.password.reveal()}" if proxy.has_credentials else ""
    return "" if sent == planned else f"gave the proxy {sent!r}, and the plan says {planned!r}"


def headers_of(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in _text(head).split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines if name}


def _text(head: bytes) -> str:
    """Python's clients write UTF-8, Node one byte a character."""
    try:
        return head.decode()
    except UnicodeDecodeError:
        return head.decode("latin-1")


def sends_what_was_planned(plan: Plan, seen: Seen | None) -> str:
    """Whether a request arrives, where, and with which credential, version, agent and headers of one's own.

    A connection on which nothing is said is none: Python's clients refuse a header only after they connected.
    """
    stopped = sends_nothing(plan) or any(one.kind == "key-missing" for one in plan.concerns)
    if stopped or not (seen and seen.head):
        told = [one.kind for one in plan.concerns if one.stops_client or one.kind == "key-missing"]
        return (
            "" if stopped != bool(seen and seen.head) else f"sent: {bool(seen and seen.head)}, and the plan says {told}"
        )
    route = plan.route
    assert route is not None
    sent = headers_of(seen.head)
    planned = {
        "anthropic-version": route.api_version,
        "user-agent": route.user_agent,
        **route.credential.headers(),
        **{name.lower(): value.reveal() for name, value in route.headers},
    }
    real = {name: value for name, value in sent.items() if name in {*planned, "authorization", "x-api-key"}}
    if real != planned:
        return f"sent {real}, and the plan says {planned}"
    target = _text(seen.head).split(" ")[1]
    wanted = f"{route.endpoint.base_path}/v1/models"
    # The npm SDK escapes the slashes behind a query.
    return "" if unquote(target) == unquote(wanted) else f"asked for {target}, and the plan says {wanted}"
