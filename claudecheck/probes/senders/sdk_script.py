"""Runs in the interpreter of the user's program: tells its facts, imports the SDK, sends the message.

A script of its own, for any Python from 3.8 on and any `anthropic` from 0.30 on: it imports nothing
of claudecheck. It reads commands as JSON lines from stdin and writes events as JSON lines to the
stream that was stdout; what the user's own start-up code prints goes to stderr.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # this file's folder: nothing in it may shadow a module of the user's

import json
import os
from typing import Any

_EVENTS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
# What start-up code has printed before may stand in front, without an end of its line.
_MARK = sys.argv[1] if len(sys.argv) > 1 else ""
_EVENTS.write("\n" if _MARK else "")

LONGEST_BODY = 65536
# Bytes after which no answer of the API is still going on, and what this process may still ask the system for.
LONGEST_ANSWER = 1 << 20
ROOM = 512 << 20
# Where httpx2 looks for authorities on Linux when OpenSSL's compiled-in paths hold none
# (httpcore2/_ssl.py, 2.16.2).
WELL_KNOWN_BUNDLES = (
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/ca-bundle.pem",
)


def tell(event: str, **facts: Any) -> None:
    _EVENTS.write(_MARK + json.dumps(dict(facts, event=event)) + "\n")
    _EVENTS.flush()


def version_of(package: str) -> str:
    """The version as its `_version.py` or `__version__.py` says, without importing the package."""
    import importlib.util
    import re

    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    for folder in spec.submodule_search_locations or []:
        for name in ("_version.py", "__version__.py"):
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as source:
                    found = re.search(r"__version__[^=\n]*=\s*[\"']([^\"']+)", source.read())
            except OSError:
                continue
            if found:
                return found.group(1)
    try:
        from importlib.metadata import version

        return version(package)
    except Exception:
        return "unknown"


def uses_certifi(httpx2: str) -> bool:
    """httpx2 went over to the system's store in 2.3."""
    numbers = [int(part) for part in httpx2.split(".")[:2] if part.isdigit()]
    return len(numbers) == 2 and numbers < [2, 3]


def default_trust(generation: int) -> tuple[str, str]:
    """(cafile, capath) that this SDK loads when neither SSL_CERT_FILE nor SSL_CERT_DIR is set."""
    if generation == 0 or uses_certifi(version_of("httpx2")):
        try:
            import certifi

            return certifi.where(), ""
        except ImportError:
            return "", ""
    return system_trust()


def system_trust() -> tuple[str, str]:
    """(cafile, capath) of the system's store, as OpenSSL and httpx2 look for it."""
    import re
    import ssl

    if sys.platform in ("win32", "darwin"):
        return "", ""  # the platform's own verifier
    paths = ssl.get_default_verify_paths()
    cafile = paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else ""
    capath = paths.openssl_capath if os.path.isdir(paths.openssl_capath) else ""
    if capath and not cafile and not any(re.match(r"[0-9a-fA-F]{8}\.\d$", name) for name in os.listdir(capath)):
        capath = ""
    if not cafile and not capath:
        cafile = next(filter(os.path.isfile, WELL_KNOWN_BUNDLES), "")
    return cafile, capath


def replaced_context() -> str:
    """The class that took the place of Python's own SSLContext at start-up: by a .pth file or sitecustomize."""
    import ssl

    kind = ssl.SSLContext
    return "" if kind.__module__ == "ssl" else kind.__module__ + "." + kind.__qualname__


def facts() -> None:
    import importlib.util
    import ssl

    sdk = version_of("anthropic")
    try:
        generation = int(sdk.split(".")[0])
    except ValueError:
        generation = 2 if sdk else 0
    stack = "httpx2" if generation >= 1 else "httpx"
    cafile, capath = default_trust(generation)
    system_cafile, system_capath = system_trust()
    strict = getattr(ssl, "VERIFY_X509_STRICT", 0)
    # What create_default_context() sets: strict since Python 3.13.
    is_strict = sys.version_info >= (3, 13) and bool(strict)
    tell(
        "facts",
        executable=sys.executable or "",
        python=".".join(map(str, sys.version_info[:3])),
        openssl=ssl.OPENSSL_VERSION,
        sdk=sdk,
        generation=generation,
        http_stack=(stack + " " + version_of(stack)) if sdk else "",
        strict_x509=is_strict,
        cafile=cafile,
        capath=capath,
        ssl_context=replaced_context(),
        system_cafile=system_cafile,
        system_capath=system_capath,
        socks=importlib.util.find_spec("socksio") is not None,
    )


def keep_to_one_family() -> None:
    """Where the doctor varies the address family, names have addresses of one family only."""
    import socket

    wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(os.environ.pop("CLAUDECHECK_ADDRESS_FAMILY", ""))
    if wanted is None:
        return
    ask = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, family: int = 0, *others: Any, **named: Any) -> Any:
        return ask(host, port, wanted, *others, **named)

    socket.getaddrinfo = getaddrinfo


def chain_of(error: BaseException | None) -> list[dict[str, Any]]:
    """The exceptions of a chain, outermost first, as data."""
    links: list[dict[str, Any]] = []
    link = ""
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(links) < 12:
        seen.add(id(error))
        kind = type(error)
        number = getattr(error, "errno", None)
        links.append(
            {
                "type": kind.__module__ + "." + kind.__qualname__
                if kind.__module__ != "builtins"
                else kind.__qualname__,
                "message": str(error)[:2000],
                "errno": number if isinstance(number, int) else 0,
                "link": link,
            }
        )
        if error.__cause__ is not None:
            error, link = error.__cause__, "cause"
        elif error.__context__ is not None and not error.__suppress_context__:
            error, link = error.__context__, "context"
        else:
            break
    return links


def answer_of(response: Any, text: str) -> dict[str, Any]:
    return {
        "status": response.status_code,
        "headers": [[name, value] for name, value in response.headers.items()],
        "body": text[:LONGEST_BODY],
    }


class TooLongError(Exception):
    """The answer goes on and on: nothing more of it is read."""

    def __init__(self, response: Any, kept: bytes) -> None:
        super().__init__("the answer has more than %d bytes" % LONGEST_ANSWER)
        self.response = response
        self.text = kept.decode("utf-8", "backslashreplace")


def bound_answers(client: Any) -> None:
    """Every body is counted while it is unpacked and read; the SDK itself would read it to its end."""
    import importlib.util

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "decoding.py")
    spec = importlib.util.spec_from_file_location("claudecheck_decoding", path)
    decoding: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(decoding)  # type: ignore[union-attr]
    name = next(one.__module__.split(".")[0] for one in type(client).__mro__ if one.__module__.startswith("httpx"))
    stack: Any = sys.modules[name]

    class Bounded(stack.SyncByteStream):  # type: ignore[misc]
        def __init__(self, response: Any, codings: str) -> None:
            self._response, self._inner, self._codings = response, response.stream, codings

        def __iter__(self) -> Any:
            kept = bytearray()
            for piece in decoding.decoded(self._inner, self._codings):
                kept += piece
                if len(kept) > LONGEST_ANSWER:
                    raise TooLongError(self._response, bytes(kept))
                yield piece

        def close(self) -> None:
            self._inner.close()

    def bound(response: Any) -> None:
        codings = response.headers.get("content-encoding", "")
        if decoding.undone(codings):
            response.headers.pop("content-encoding", None)
        response.stream = Bounded(response, codings if decoding.undone(codings) else "")

    hooks = client.event_hooks
    client.event_hooks = dict(hooks, response=[bound] + list(hooks.get("response", [])))


def bound_memory() -> None:
    """For what cannot be counted: a coding that only the SDK's own stack undoes."""
    if sys.platform == "win32":
        return
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as statm:
            most = int(statm.read().split()[0]) * resource.getpagesize() + ROOM
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if soft == resource.RLIM_INFINITY or soft > most:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    except (ImportError, OSError, ValueError):
        return  # not on this system


def keyless(client: Any, timeout: Any) -> dict[str, Any]:
    """The list of models, asked for without a credential: by the SDK's own HTTP client, with its proxies and trust."""
    url = client.base_url.copy_with(userinfo=b"")
    response = client._client.get(str(url).rstrip("/") + "/v1/models", timeout=timeout, follow_redirects=False)
    return answer_of(response, response.text)


def send(client: Any, command: dict[str, Any], anthropic: Any) -> None:
    """One request through the SDK: tells the answer's parts, or what was raised."""
    try:
        timeout = anthropic.Timeout(command["timeout"], connect=min(command["connect"], command["timeout"]))
        client = client.with_options(timeout=timeout, max_retries=0)
        client._client.follow_redirects = False
        if command["do"] == "trial":
            tell("answer", **keyless(client, timeout))
            return
        if command["do"] == "models":
            raw = client.models.with_raw_response.list(limit=100)
        else:
            raw = client.messages.with_raw_response.create(
                model=command["model"], max_tokens=1, messages=[{"role": "user", "content": "Hi"}]
            )
        raw.parse()
    except BaseException as error:
        tell_failure(error)
    else:
        tell("answer", **answer_of(raw.http_response, raw.http_response.text))


def tell_failure(error: Any) -> None:
    """An error with an answer in it is an answer; what the SDK raised goes with it."""
    too_long = error
    while too_long is not None and not isinstance(too_long, TooLongError):
        too_long = too_long.__cause__ or too_long.__context__
    if too_long is not None:
        tell("answer", raised=chain_of(error), **answer_of(too_long.response, too_long.text))
        return
    response = getattr(error, "response", None)
    if response is None or not getattr(error, "status_code", None):
        tell("raised", chain=chain_of(error))
        return
    try:
        text = response.text
    except Exception:
        text = str(getattr(error, "body", ""))
    tell("answer", raised=chain_of(error), **answer_of(response, text))


def build() -> tuple[Any, Any] | None:
    """The SDK and a client of it, once asked for; None after telling at which step that failed."""
    step = "facts"
    try:
        facts()
        told = sys.stdin.readline()
        if not told:
            return None  # only the facts were wanted
        os.environ.update(json.loads(told)["variables"])  # those with a secret: nobody else may read them
        keep_to_one_family()
        step = "import"
        import anthropic

        step = "construct"
        client = anthropic.Anthropic()
        bound_answers(client._client)
        bound_memory()
    except BaseException as error:
        if step == "import" and isinstance(error, ImportError) and getattr(error, "name", "") == "anthropic":
            step = "missing"
        tell("broken", at=step, chain=chain_of(error))
        return None
    tell("ready", base_url=str(client.base_url))
    return client, anthropic


def main() -> None:
    built = build()
    if built is None:
        return
    client, anthropic = built
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "stop":
            break
        send(client, command, anthropic)


main()
_EVENTS.flush()
os._exit(0)  # nothing of the user's interpreter, no thread and no atexit hook, may hold the doctor
