"""What is wrong with the connection to the API's address."""

from claudecheck.diagnosis.change import Listed
from claudecheck.diagnosis.problems.cluster import EGRESS_TO_API
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, in_program, look
from claudecheck.diagnosis.problems.spelling import (
    assign,
    connection_error,
    everywhere,
    printed,
    raised,
    spelled,
    timeout_error,
    unset,
)

_VERIFY = "claudecheck doctor --no-message"
_UNREACHABLE_IN_CLAUDE_CODE = "API Error: No internet route — check your connection or VPN (ENETUNREACH)"

_OPEN = (
    *EGRESS_TO_API,
    ask("Ask your network team to allow connections from this machine to {host}, TCP port {port}"),
    ask("Ask your network team whether programs here must use a proxy, and which", when=("no-proxy-known",)),
)
#: Shared with the handshake, which the same things cut.
VPN = (
    Remedy(text="A VPN is on: disconnect it and try again", when=("vpn",)),
    Remedy(text="If this network is reached through a VPN, connect it", unless=("vpn", "container", "ci")),
)
_ASYNC = in_program(
    "Until then, use an async client (`AsyncAnthropic`): it tries all addresses side by side",
    python="client = anthropic.AsyncAnthropic()",
    clients=("python",),
)
_STATUS = look(
    "See whether an incident is reported",
    everywhere("curl -sS https://status.claude.com/api/v2/status.json"),
    tools=("curl",),
)

TCP_REFUSED = Problem(
    code="tcp-refused",
    layer="tcp",
    title="The connection to {host} port {port} is refused",
    cause="{address} answers that it takes no connection on this port. Nothing listens there, or a firewall on the way answers in its place.",
    owner="network",
    fixes=(
        Remedy(text="Start the gateway, or correct its port in {base_url_source}", when=("own-base-url",)),
        Remedy(
            text="Unset the base URL to call Anthropic's own endpoint",
            change=unset("{base_url_variable}"),
            unless=("gateway-key",),
            guess=True,
            caution="a key that a gateway handed out does not work there",
        ),
        *_OPEN,
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 111] Connection refused",
        node="connect ECONNREFUSED 160.79.104.10:443",
        claude_code="API Error: Connection refused — a firewall or proxy may be blocking it (ConnectionRefused)",
        curl="curl: (7) Failed to connect to api.anthropic.com port 443: Couldn't connect to server",
    ),
    told_apart="The refusal comes back at once; a firewall that drops packets gives silence (`tcp-timeout`). A proxy that refuses gives the same text: the route decides which of the two it is.",
)

TCP_TIMEOUT = Problem(
    code="tcp-timeout",
    layer="tcp",
    title="No answer from {host} port {port}: the packets vanish",
    cause="The first packet of the connection to {address} gets no answer of any kind. A firewall drops it, or there is no way to the internet although there is a network.",
    owner="network",
    fixes=(
        *VPN,
        *_OPEN,
        ask(
            "In a cloud network (a function or a machine in a private subnet), give the subnet a route out: a NAT gateway, and a rule that allows port 443"
        ),
    ),
    verify=_VERIFY,
    looks_like=timeout_error("ConnectTimeout: timed out", curl="curl: (28) Connection timed out after … milliseconds"),
    told_apart="A control host on the same port answers: then only this destination is blocked. It does not answer either: then nothing leaves this network directly.",
)

TCP_UNREACHABLE = Problem(
    code="tcp-unreachable",
    layer="tcp",
    title="There is no route to {host}",
    cause="This machine, or a router near it, knows no route to {address}. Mostly the connection is down, a VPN has taken the routes away, or the container's network has no route out.",
    owner="network",
    fixes=(
        *VPN,
        look(
            "See which routes this machine has: one named `default` must be among them",
            spelled(sh="ip route; ip -6 route"),
            systems=("Linux",),
            tools=("ip",),
        ),
        look(
            "See which routes this machine has: one named `default` must be among them",
            spelled(sh="netstat -rn"),
            systems=("Darwin",),
        ),
        look(
            "See which routes this machine has: one for `0.0.0.0/0` must be among them",
            spelled(powershell="Get-NetRoute -DestinationPrefix 0.0.0.0/0, ::/0"),
            systems=("Windows",),
        ),
        ask("Ask your network team for a route from this machine to {address}"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 101] Network is unreachable",
        node="connect ENETUNREACH 160.79.104.10:443",
        claude_code=_UNREACHABLE_IN_CLAUDE_CODE,
        curl="curl: (7) Failed to connect to api.anthropic.com port 443: Couldn't connect to server",
    ),
    told_apart="The system itself says that there is no way, at once. If it happens for IPv6 addresses only, the problem is `ipv6-broken`.",
)

TCP_PROHIBITED = Problem(
    code="tcp-prohibited",
    layer="tcp",
    title="A firewall forbids the connection to {host} port {port}",
    cause="A router answered that this connection is prohibited, or this machine's own firewall or sandbox did not let it out.",
    owner="network",
    fixes=(
        Remedy(
            text="If this runs in a sandbox (an agent's shell, an app with limited rights), allow {host} in its settings or run it outside"
        ),
        look(
            "See whether a rule of this machine rejects it",
            spelled(sh="{sudo} nft list ruleset | grep -n -e reject -e drop"),
            systems=("Linux",),
            tools=("nft",),
        ),
        *_OPEN,
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 13] Permission denied, or [Errno 113] No route to host",
        node="connect EACCES 160.79.104.10:443, or connect EHOSTUNREACH 160.79.104.10:443",
        claude_code=_UNREACHABLE_IN_CLAUDE_CODE,
        curl="curl: (7) Failed to connect to api.anthropic.com port 443: Couldn't connect to server",
    ),
    told_apart="The refusal names a rule (“permission denied”, “administratively prohibited”), where `tcp-unreachable` only lacks a route.",
)

TCP_LOCAL_LIMIT = Problem(
    code="tcp-local-limit",
    layer="tcp",
    title="This machine has no file descriptor or port left to connect with",
    cause="A limit of this machine is reached: too many open files in this process, or too many connections in the system. The network is not at fault.",
    owner="you",
    fixes=(
        Remedy(
            text="Raise the limit for this shell while the cause is looked for",
            commands=spelled(sh="ulimit -n 4096"),
            systems=("Linux", "Darwin"),
            when=("files-used-up",),
        ),
        in_program(
            "Create one client and use it for all requests; close those that are not needed (`client-too-many-files`)",
            python="client = anthropic.Anthropic()",
            clients=("python",),
        ),
        look(
            "Count the connections by state: many in TIME-WAIT or CLOSE-WAIT point to clients that are not reused",
            spelled(sh="ss -ant | awk '{print $1}' | sort | uniq -c"),
            systems=("Linux",),
            tools=("ss",),
        ),
        look(
            "Count the connections by state: many in TimeWait or CloseWait point to clients that are not reused",
            spelled(powershell="Get-NetTCPConnection | Group-Object State -NoElement"),
            systems=("Windows",),
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 24] Too many open files, or [Errno 99] Cannot assign requested address",
        node="connect EMFILE, or connect EADDRNOTAVAIL",
    ),
    told_apart="A new process on the same machine connects without trouble: then the limit is the process's own.",
)

IPV4_BROKEN = Problem(
    code="ipv4-broken",
    layer="tcp",
    severity="warning",
    title="IPv4 to {host} does not work here; IPv6 does",
    cause="The name has IPv4 addresses and this machine has an IPv4 route, and no packet comes back. Clients that try IPv4 first lose time on every new connection, and those that know only IPv4 do not get through.",
    owner="network",
    fixes=(
        *VPN,
        _ASYNC,
        ask("Ask your network team why IPv4 connections to {addresses} port {port} do not come back"),
    ),
    verify=_VERIFY,
    told_apart="Every address is connected to by itself: all IPv4 addresses fail, an IPv6 address answers.",
)

IPV6_BROKEN = Problem(
    code="ipv6-broken",
    layer="tcp",
    severity="warning",
    title="IPv6 is announced here and does not work; IPv4 does",
    cause="This machine has an IPv6 route, and packets to {addresses} vanish. A synchronous Python client waits 5 s for every dead address on each new connection; an async client and Node move on in about 0.3 s; Claude Code prefers IPv6 and may not fall back.",
    owner="network",
    fixes=(
        Remedy(
            text="Prefer IPv4 on this machine",
            commands=spelled(sh="echo 'precedence ::ffff:0:0/96 100' | {sudo} tee -a /etc/gai.conf"),
            systems=("Linux",),
            caution="it holds for all programs that use the system's resolver",
        ),
        Remedy(
            text="Switch IPv6 off for this connection",
            commands=spelled(sh="networksetup -setv6off Wi-Fi"),
            systems=("Darwin",),
            caution="`networksetup -setv6automatic Wi-Fi` switches it on again",
        ),
        Remedy(
            text="Prefer IPv4 on this machine",
            commands=spelled(powershell="netsh interface ipv6 set prefixpolicy ::ffff:0:0/96 55 4"),
            systems=("Windows",),
            caution="it holds for all programs",
        ),
        in_program(
            "In one Python program, connect from an IPv4 address",
            python='t = httpx2.HTTPTransport(local_address="0.0.0.0")\nclient = Anthropic(http_client=DefaultHttpxClient(transport=t))',
            caution="a transport of your own switches the proxy variables and the TCP keep-alive off; for the SDK 0.x it is `httpx` instead of `httpx2`",
            clients=("python",),
        ),
        ask(
            "Tell your network team that IPv6 is announced and does not work: the router should stop announcing it, or carry it"
        ),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old="each request takes 5 s longer, or anthropic.APITimeoutError (cause: httpx.ConnectTimeout: timed out)",
        new="each request takes 5 s longer, or anthropic.APITimeoutError (cause: httpx2.ConnectTimeout: timed out)",
        claude_code="API Error: Unable to connect to API (ECONNRESET)",
        curl="works, a moment later than it should (it tries both)",
    ),
    told_apart="`curl -4` works and `curl -6` does not.",
)

ADDRESS_DEAD = Problem(
    code="address-dead",
    layer="tcp",
    severity="warning",
    title="One of the addresses of {host} does not answer: {address}",
    cause="The name has several addresses, and not all of them can be reached from here. A synchronous Python client that meets a dead one first waits 5 s on each new connection.",
    owner="network",
    retryable=True,
    fixes=(
        _ASYNC,
        _STATUS,
        ask("Ask your network team whether {address} is blocked; the other addresses of the same name are not"),
    ),
    verify=_VERIFY,
    told_apart="Every address is connected to by itself: one fails, another of the same family answers.",
)

NETWORK_LOSSY = Problem(
    code="network-lossy",
    layer="tcp",
    severity="warning",
    title="Packets get lost on the way to {host}",
    cause="Packets had to be sent again, and equal attempts took very different times. Wi-Fi at the edge of its range, a full line or a broken link does that; long answers then stall.",
    owner="network",
    retryable=True,
    fixes=(
        look("Try a cable, another Wi-Fi or a phone's hotspot: if it is gone there, the local network is at fault"),
        look(
            "Show your network team where the loss begins",
            spelled(sh="mtr --report --tcp --port {port} {host}"),
            systems=("Linux", "Darwin"),
            tools=("mtr",),
        ),
        look(
            "Show your network team where the loss begins",
            spelled(powershell="pathping {host}", cmd="pathping {host}"),
            systems=("Windows",),
        ),
    ),
    verify=_VERIFY,
    looks_like=raised("some requests take seconds longer, some end in anthropic.APITimeoutError"),
    told_apart="Several attempts to the same address differ widely, or the kernel counts packets that it sent again. `network-slow` is slow every time.",
)

NETWORK_SLOW = Problem(
    code="network-slow",
    layer="tcp",
    severity="warning",
    title="Connecting to {host} takes long: {seconds}",
    cause="The way to {address} is slow although nothing is lost. Node gives up an address after 250 ms and tries the next, and the Python SDK gives up a connect after 5 s.",
    owner="network",
    fixes=(
        Remedy(
            text="Allow Node more time for each address",
            change=assign(
                "NODE_OPTIONS", Listed("NODE_OPTIONS", ("--network-family-autoselection-attempt-timeout=2000",), " ")
            ),
            clients=("typescript", "node"),
        ),
        in_program(
            "Allow more time for the connection",
            python="Anthropic(timeout=Timeout(600, connect=20))",
            clients=("python",),
        ),
        *VPN,
        look("Compare with another network (a phone's hotspot)"),
    ),
    verify=_VERIFY,
    told_apart="Every attempt takes about the same time. If single attempts stand out, the problem is `network-lossy`.",
)
