"""What is measured on the network lab's lines: real round trips, and faults that wait or answer at once."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.bench.commands import DOCTOR, EXAMINE, ONE_TRY, OURS, PYTHON, SCRIPT, curl
from tests.bench.measured import Line, more, pairs, ratio, slope
from tests.bench.places import There, network
from tests.netlab.addresses import API_HOST, default_names
from tests.netlab.lab import Lab
from tests.netlab.network import Link, Network
from tests.netlab.resolvers import Unbound
from tests.netlab.scenario import Change
from tests.netlab.scenarios import dns, healthy_names, proxy, tcp, tls

ROUND_TRIPS_MS = (0, 50, 100, 200)
#: An SDK script has started, imported and sent its first packet.
_STARTED_S = 1.5

Tell = Callable[[Line], None]


def a_line(round_trip_ms: float) -> Change:
    def change(net: Network) -> None:
        net.wan.link = Link(delay_ms=round_trip_ms / 2)

    return change


# -- healthy, at several round trips ----------------------------------------------------------------


def healthy(lab: Lab, number: int, tell: Tell) -> Iterator[Line]:
    """The doctor and its models step, at each round trip; then how many round trips each takes."""
    points: dict[str, list[tuple[float, float]]] = {}
    for ms in ROUND_TRIPS_MS:
        with network(lab, f"round trip {ms} ms", a_line(ms)) as there:
            whole = pairs(partial(there.seconds, DOCTOR), partial(there.seconds, ONE_TRY), number)
            models = pairs(partial(there.seconds, [*DOCTOR, "--no-message"]), partial(there.seconds, curl()), number)
        yield _told(tell, ratio(f"{ms} ms: doctor : SDK script", whole, 1.05 if ms <= 50 else 1.10))
        yield _told(tell, more(f"{ms} ms: doctor --no-message - curl", models, 0.30 if ms == 0 else None))
        for name, taken in (("doctor", whole), ("no message", models)):
            for side, seconds in zip(("ours", "theirs"), zip(*taken, strict=True), strict=True):
                points.setdefault(f"{name} {side}", []).append((ms / 1000, statistics.median(seconds)))
    for name, other, most in (("doctor", "SDK script", None), ("no message", "curl", 1.1)):
        ours, theirs = slope(points[f"{name} ours"]), slope(points[f"{name} theirs"])
        yield _told(
            tell, Line(f"round trips, {name} : {other}", ours, theirs, ours / theirs if theirs else 0.0, most, "slope")
        )


def _told(tell: Tell, line: Line) -> Line:
    tell(line)
    return line


# -- faults -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    name: str
    change: Change


WAITING = (
    Fault("silence after the ClientHello", tls.name_dropped),
    Fault("a proxy that accepts and is silent", proxy.accepts_and_silent),
    Fault("a dropped SYN", tcp.dropped),
    Fault("a silent resolver", dns.dns_dropped),
)
AT_ONCE = (
    Fault("a name that does not exist", dns.name_not_found),
    Fault("a refused connection", tcp.reset_by_firewall),
    Fault("a proxy that wants a password (407)", proxy.password_missing),
)
SLOW_NAMES = (
    Fault("questions for IPv6 addresses dropped", healthy_names.aaaa_dropped),
    Fault("the first resolver dead", healthy_names.first_resolver_dead),
)


def at_once(lab: Lab, number: int, tell: Tell) -> Iterator[Line]:
    """Against the SDK with its own retries, as a program has them."""
    for fault in AT_ONCE:
        with network(lab, fault.name, fault.change) as there:
            ours, theirs = (partial(there.seconds, command, succeeds=False) for command in (DOCTOR, SCRIPT))
            yield _told(tell, ratio(fault.name, pairs(ours, theirs, number), 0.5))


def slow_names(lab: Lab, number: int, tell: Tell) -> Iterator[Line]:
    for fault in SLOW_NAMES:
        with network(lab, fault.name, fault.change) as there:
            taken = pairs(partial(there.seconds, DOCTOR), partial(there.seconds, ONE_TRY), number, warm=False)
            yield _told(tell, ratio(fault.name, taken, 1.15))


class _Turns:
    """Silence costs no processor: several networks wait at the same time, and only starts take turns."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._ours = threading.Semaphore(2)

    def pair(self, there: There) -> tuple[float, float]:
        with ThreadPoolExecutor(1) as theirs:
            with self._starting:
                waiting = theirs.submit(there.seconds, SCRIPT, succeeds=False)
                time.sleep(_STARTED_S)
            with self._ours:
                ours = there.seconds(DOCTOR, succeeds=False)
            return ours, waiting.result()


def waiting(lab: Lab, number: int, tell: Tell) -> Iterator[Line]:
    """Each pair at the same time: while the SDK waits on its silence, the doctor runs."""
    turns = _Turns()

    def all_pairs(fault: Fault) -> list[tuple[float, float]]:
        with network(lab, fault.name, fault.change) as there, ThreadPoolExecutor(2) as two:
            return list(two.map(lambda _: turns.pair(there), range(number)))

    with ThreadPoolExecutor(len(WAITING)) as faults:
        for fault, taken in zip(WAITING, faults.map(all_pairs, WAITING), strict=True):
            yield _told(tell, ratio(fault.name, taken, 0.35))


# -- many at once -----------------------------------------------------------------------------------


def _dead_addresses(number: int) -> Change:
    def change(net: Network) -> None:
        tcp.dropped(net)
        net.client.ipv6 = False
        addresses = tuple(f"160.79.104.{last}" for last in range(100, 100 + number))
        net.resolver = Unbound(names=default_names() | {API_HOST: addresses})

    return change


def many(lab: Lab, number: int, tell: Tell) -> Iterator[Line]:
    """Sixteen dead addresses against one, eight columns against the slowest of them, cures against none."""
    with (
        network(lab, "sixteen dead addresses", _dead_addresses(16)) as sixteen,
        network(lab, "one dead address", _dead_addresses(1)) as one,
    ):
        both = [partial(there.seconds, DOCTOR, succeeds=False) for there in (sixteen, one)]
        yield _told(tell, ratio("16 dead addresses : 1", pairs(both[0], both[1], number, warm=False), 1.1))
    with network(lab, "eight columns", tls.name_dropped) as there:
        seven = ["--ipv4", "--ipv6", "--python", PYTHON, "--client", "curl", "--client", "typescript"]
        seven += ["--timeout", "5", "--ca-file", "/etc/ssl/certs/ca-certificates.crt"]
        ours, theirs = (
            partial(there.seconds, command, succeeds=False)
            for command in ([*OURS, "compare", *seven], [*OURS, "doctor"])
        )
        taken = pairs(ours, theirs, number, warm=False)
        yield _told(tell, ratio("compare with 8 columns : doctor, all silent", taken, 1.2))
    for fault in (tcp.reset_by_firewall, proxy.refused):
        with network(lab, fault.__name__, fault) as there:
            tried, untried = (partial(there.seconds, [PYTHON, "-c", EXAMINE.format(cures)]) for cures in (True, False))
            yield _told(
                tell,
                more(f"cures tried - none, {fault.__name__.replace('_', ' ')}", pairs(tried, untried, number), 5.0),
            )
