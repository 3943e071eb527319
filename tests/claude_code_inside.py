"""The real Claude Code, run in environments one after the other, in a network that ends at this machine.

Started as `unshare --net --mount python -m tests.claude_code_inside PROGRAM`: the API, a gateway and two proxies
are listeners on loopback, and no packet can leave. Reads one environment a line from stdin (JSON: "variables",
"files" below the home), writes what its plan says and what was seen: way, target and head of the first message.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claudecheck.clients import claude_code
from claudecheck.clients.trusts import ClientTrust
from claudecheck.journal.deadline import Deadline
from claudecheck.lab.authority import Authority
from claudecheck.machine import environment
from claudecheck.probes.senders import key_helper
from claudecheck.probes.tls import chain
from claudecheck.probes.tls.stores import store_of

HOSTS = ("api.anthropic.com", "platform.claude.com", "gw.corp", "proxy.corp", "localhost")
#: Ports by what stands there. What is said to a proxy is passed on to the API's own ports.
PORTS = {"https": 443, "http": 80, "other": 4000}
PROXIES = {"a": 8081, "b": 8082}
LIMIT_S = 40.0


class Seen:
    """What arrived, for the environment that is tried at the moment."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.ways: dict[int, tuple[str, str]] = {}  # by the local port of a proxy's connection: name, userinfo
        self.message = threading.Event()

    def add(self, request: dict[str, Any]) -> None:
        self.requests.append(request)
        if _is_message(request):
            self.message.set()


def _is_message(request: Mapping[str, Any]) -> bool:
    return request["method"] == "POST" and str(request["target"]).partition("?")[0].endswith("/v1/messages")


seen = Seen()


def _head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
        head += piece
    return head


def _request(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
    pairs = (line.partition(":") for line in lines)
    method, target = (*first.split(" "), "", "")[:2]
    return method, target, {name.lower(): value.strip() for name, _, value in pairs}


def _api(connection: socket.socket, peer: tuple[str, int], tls: ssl.SSLContext | None) -> None:
    connection.settimeout(20)
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        stream = stack.enter_context(tls.wrap_socket(connection, server_side=True) if tls else connection)
        while head := _head(stream):
            method, target, headers = _request(head)
            body = head.partition(b"\r\n\r\n")[2]
            while len(body) < int(headers.get("content-length", "0")) and (piece := stream.recv(65536)):
                body += piece
            via, userinfo = seen.ways.get(peer[1], ("direct", ""))
            seen.add({"via": via, "userinfo": userinfo, "tls": bool(tls), "method": method, "target": target,
                      "headers": headers})  # fmt: skip
            told = b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}'
            status = "401 Unauthorized" if method == "POST" else "404 Not Found"
            kind = "content-type: application/json\r\nrequest-id: req_1"
            stream.sendall(f"HTTP/1.1 {status}\r\n{kind}\r\ncontent-length: {len(told)}\r\n\r\n".encode() + told)


def _proxy(name: str, connection: socket.socket) -> None:
    connection.settimeout(20)
    with contextlib.suppress(OSError), connection:
        head = _head(connection)
        method, target, headers = _request(head)
        userinfo = headers.get("proxy-authorization", "")
        port = int(target.rpartition(":")[2]) if method == "CONNECT" else 80
        with socket.create_connection(("127.0.0.1", port)) as onward:
            seen.ways[onward.getsockname()[1]] = (name, userinfo)
            if method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                onward.sendall(head)
            back = threading.Thread(target=_pump, args=(onward, connection), daemon=True)
            back.start()
            _pump(connection, onward)
            back.join(timeout=20)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


def _listen(port: int, serve: Any, *arguments: Any) -> None:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        listening = socket.create_server((address, port), family=family, backlog=64)
        threading.Thread(target=_accept, args=(listening, serve, arguments), daemon=True).start()


def _accept(listening: socket.socket, serve: Any, arguments: tuple[Any, ...]) -> None:
    while True:
        connection, peer = listening.accept()
        threading.Thread(target=serve, args=(peer, connection, *arguments), daemon=True).start()


def _network(folder: Path) -> Authority:
    """Loopback up, the hosts' names on it, and everybody listening. They are bound over /etc/hosts in here only."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = folder / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in HOSTS))
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.53\n")
    for file, over in ((hosts, "/etc/hosts"), (resolver, "/etc/resolv.conf")):
        subprocess.run(["mount", "--bind", str(file), over], check=True)
    lab = Authority("claudecheck lab root")
    (folder / "ca.pem").write_bytes(lab.pem)
    hashed = subprocess.run(["openssl", "x509", "-hash", "-noout"], input=lab.pem, capture_output=True, check=True)
    (folder / "hashed").mkdir()
    (folder / "hashed" / f"{hashed.stdout.decode().strip()}.0").write_bytes(lab.pem)
    identity = lab.issue((*HOSTS, "127.0.0.1", "::1"))
    (folder / "server.pem").write_bytes(identity.chain + identity.key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "server.pem")
    _listen(PORTS["https"], lambda peer, one: _api(one, peer, tls))
    _listen(PORTS["http"], lambda peer, one: _api(one, peer, None))
    _listen(PORTS["other"], lambda peer, one: _api(one, peer, None))
    for name, port in PROXIES.items():
        _listen(port, lambda _, one, name=name: _proxy(name, one))
    return lab


def _try(program: str, case: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """One run from an empty home; ended once its message has arrived."""
    if sys.platform == "win32":
        raise NotImplementedError
    global seen  # noqa: PLW0603  # one environment at a time
    seen = Seen()
    with tempfile.TemporaryDirectory(dir=folder) as home:
        places = {"{cafile}": str(folder / "ca.pem"), "{home}": home, "{folder}": str(folder)}
        project = Path(home, "project")
        project.mkdir()
        for name, content in case.get("files", {}).items():
            Path(home, name).parent.mkdir(parents=True, exist_ok=True)
            Path(home, name).write_text(_placed(content, places))
        variables = {name: _placed(value, places) for name, value in case["variables"].items()}
        variables = {"PATH": "/usr/bin:/bin", "HOME": home, **variables}
        os.chdir(project)
        planned = _planned(variables, (folder / "ca.pem").read_bytes())
        started = subprocess.Popen(
            [program, "-p", "Hi", "--model", "claude-haiku-5-5"],
            env=variables,
            cwd=project,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        said = threading.Thread(target=lambda: outputs.append(started.stdout.read() if started.stdout else b""))
        outputs: list[bytes] = []
        said.start()
        ends = time.monotonic() + float(case.get("limit_s", LIMIT_S))
        while time.monotonic() < ends and not seen.message.is_set() and started.poll() is None:
            seen.message.wait(0.05)
        status = started.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        said.join(timeout=2)
        os.chdir(folder)
    messages = [one for one in seen.requests if _is_message(one)]
    first = [f"{one['via']} {one['target']}" for one in seen.requests if one not in messages]
    told = b"".join(outputs).decode("utf-8", "replace")[-600:]
    message = messages[0] if messages else None
    return {"planned": planned, "status": status, "message": message, "before": first, "said": told}


def _planned(variables: Mapping[str, str], authority: bytes) -> dict[str, Any]:
    """What the plan says, in the words of what can be seen. No message: `stops` says why."""
    snapshot = environment.read(variables)
    plan = key_helper.resolve(claude_code.plan(snapshot), snapshot, Deadline(20), lambda _: None)
    stops = [one.kind for one in plan.concerns if one.stops_client and one.kind != "base-url-insecure"]
    stops += [one.kind for one in plan.concerns if one.kind == "key-missing"]
    route = plan.route
    if route is None:
        return {"stops": [*stops, "no route"]}
    trusted = store_of(ClientTrust("Claude Code", ("claude-code",), route.trust))
    believes = trusted is not None and chain.pem_blocks(authority)[0] in chain.authorities(trusted)
    if not believes and route.endpoint.scheme == "https" and variables.get("NODE_TLS_REJECT_UNAUTHORIZED") != "0":
        stops.append("tls")
    proxy = route.proxy
    userinfo = f"{proxy.username}:{proxy.password.reveal()}" if proxy and proxy.has_credentials else ""
    headers = {**route.credential.headers(), **{name.lower(): value.reveal() for name, value in route.headers}}
    return {
        "stops": stops,
        "via": next((name for name, port in PROXIES.items() if proxy and proxy.port == port), "direct"),
        "userinfo": f"Basic {base64.b64encode(userinfo.encode()).decode()}" if userinfo else "",
        "tls": route.endpoint.scheme == "https",
        "host": route.endpoint.authority,
        "path": f"{route.endpoint.base_path}/v1/messages",
        "login": route.credential.sort == "login",
        "headers": {**headers, "anthropic-version": route.api_version},
    }


def _placed(text: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def main() -> None:
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        _network(Path(folder))
        for line in sys.stdin:
            sys.stdout.write(json.dumps(_try(program, json.loads(line), Path(folder))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
