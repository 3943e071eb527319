"""A lab: the servers of one fault on loopback, and what the client that is to be diagnosed is told about them.

Knows no probe and no diagnosis. It opens ports on 127.0.0.1 and ::1 only, and connects to nothing
but itself.
"""

from __future__ import annotations

import itertools
import ssl
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from claudecheck.lab.api import ApiEndpoint
from claudecheck.lab.authority import Authorities
from claudecheck.lab.faults import Fault, find
from claudecheck.lab.handshakes import greet, server_context
from claudecheck.lab.http1 import Clock, Request, serve_http
from claudecheck.lab.loopback import Connection, Loopback
from claudecheck.lab.parts import API_NAME, CONTROL_NAME, Answer, CertificateKind
from claudecheck.lab.proxy import TLS_RECORD, ProxyEndpoint
from claudecheck.lab.surroundings import furnish

#: As long as a real one, with its ending, and visibly nobody's.
KEY = "sk-ant-api03-" + "claudecheck-demo-key-that-opens-nothing-" * 2 + "0123456789-00AA"
#: What a gateway of the lab accepts, and what the lab's token endpoint gives out.
TOKEN = "lab-gateway-token-0123456789abcdef"  # noqa: S105  # it opens this lab and nothing else
MINTED = "sk-ant-oat01-" + "claudecheck-demo-token-for-one-lab-only-" * 2 + "0123456789-00AA"
CONTROL_ANSWER = Answer(status=204, content_type="", headers=(("server", "lab control"),))


class Lab:
    """The servers of one fault, as a context manager; everything has ended when it ends.

    `variables`: the environment of the client, to be laid over one without any ANTHROPIC_*, proxy or
    CA variable. `resolver`: "127.0.0.1:port" of the nameserver to ask in place of the system's, or
    empty. `control`: "127.0.0.1:port" of a server (TLS, and plain HTTP) that is fine. `requests`: what
    API, proxy and control were asked, in order. `questions`: (name, type, transport) that the
    nameserver was asked.
    """

    def __init__(self, fault: str | Fault = "healthy") -> None:
        self.fault = find(fault) if isinstance(fault, str) else fault
        self.variables: dict[str, str] = {}
        self.resolver = ""
        self.control = ""
        self.requests: list[Request] = []
        self.questions: list[tuple[str, str, str]] = []
        self._setup = self.fault.setup
        self._clock = Clock(self._setup.clock_ahead_days)
        self._authorities = Authorities()
        self._loopback = Loopback()
        self._upstream_ports: set[int] = set()

    @property
    def crashes(self) -> list[str]:
        """Traces of handlers that have a bug; empty unless the lab itself is at fault."""
        return self._loopback.crashes

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            folder = tempfile.TemporaryDirectory(prefix="claudecheck-lab-", ignore_cleanup_errors=True)
            self._folder = Path(undo.enter_context(folder))
            undo.callback(self._loopback.close)
            self._build()
            self._loopback.start()
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def _build(self) -> None:
        setup = self._setup
        control = self._serve_control()
        port = self._serve_api()
        host = f"[{setup.host}]" if ":" in setup.host else setup.host
        proxy = self._serve_proxy(
            {f"{name}:{control}": control for name in (CONTROL_NAME, "127.0.0.1")}
            | {f"{name}:{port}": port for name in (host, API_NAME, "localhost", "127.0.0.1")},
            port,
        )
        self._serve_names()
        self.control = f"127.0.0.1:{control}"
        holes = {
            "url": f"{setup.scheme}://{host}:{port}{setup.api.base_path}",
            "port": str(port),
            "proxy": f"127.0.0.1:{proxy}",
            "folder": str(self._folder),
            "key": KEY,
            "token": TOKEN,
        }
        self.variables = furnish(setup, self._folder, self._authorities, holes)

    def _context(self, kind: CertificateKind, names: tuple[str, ...], *, mutual: bool = False) -> ssl.SSLContext:
        identity = self._authorities.identity(kind, names)
        return server_context(identity, self._folder, wants_certificate=mutual)

    def _serve_control(self) -> int:
        context = self._context("proper", (CONTROL_NAME, "127.0.0.1", "localhost"))

        def serve(connection: Connection) -> None:
            first = connection.peek(1)
            if self._setup.all_taken:
                connection.receive()
                return connection.finish()
            if first == TLS_RECORD:
                connection.start_tls(context)
            return self._serve_http(connection, lambda _: CONTROL_ANSWER, "control")

        return self._loopback.listen(serve, {"127.0.0.1": "open"})

    def _serve_api(self) -> int:
        setup, stopping = self._setup, self._loopback.stopping
        names = ("localhost", API_NAME, "127.0.0.1", "::1")
        context = self._context(setup.certificate, names, mutual=setup.handshake == "client-certificate")
        endpoint = ApiEndpoint(setup.api, keys=(KEY,), tokens=(TOKEN,), minted=MINTED)
        say_hello = partial(
            greet,
            manner=setup.handshake,
            context=context,
            name=setup.host,
            clock=self._clock,
            stopping=stopping,
            order=itertools.count(),
        )

        def serve(connection: Connection) -> None:
            if setup.scheme == "http" or say_hello(connection):
                self._serve_http(connection, endpoint.respond, "api")

        return self._loopback.listen(serve, setup.listens)

    def _serve_http(self, connection: Connection, respond: Callable[[Request], Answer], server: str) -> None:
        serve_http(
            connection,
            respond,
            self.requests.append,
            self._clock,
            server=server,
            wait=self._loopback.stopping.wait,
            through_proxy=connection.peer_port in self._upstream_ports,
        )

    def _serve_proxy(self, targets: dict[str, int], api_port: int) -> int:
        setup = self._setup.proxy
        if setup is None:
            return 0
        endpoint = ProxyEndpoint(
            setup,
            targets,
            self.requests.append,
            self._clock,
            api_port=api_port,
            upstream_ports=self._upstream_ports,
        )
        speaks_tls = setup.scheme == "https" if setup.tls is None else setup.tls
        context = self._context(setup.certificate, ("127.0.0.1", "localhost")) if speaks_tls else None
        return self._loopback.listen(partial(endpoint.serve, context=context), {"127.0.0.1": setup.state})

    def _serve_names(self) -> None:
        setup = self._setup.names
        if setup is None:
            return
        from claudecheck.lab.names import NameServer  # dnspython takes as long to load as a lab to start

        server = NameServer(setup, host=self._setup.host, wait=self._loopback.stopping.wait)
        self.questions = server.asked
        port = self._loopback.listen_for_names(
            server.serve_stream,
            server.answer_datagram,
            stream=setup.listens and setup.answer != "truncated",
            datagrams=setup.listens,
        )
        self.resolver = f"127.0.0.1:{port}"
