"""A line with delay, jitter, loss and a rate, in user space: two TUN devices with a queue between them.

The kernel's own emulator (netem) is not in every kernel. As a script this file opens one device in
each of two namespaces, says "ready", and carries packets until it is ended; the devices go with it.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # as a script it runs without this package
    from tests.netlab.namespace import Namespace
    from tests.netlab.network import Link

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
QUEUE_BYTES = 96 * 1024  # what waits for a slow line at most, as in a home router
READY_LIMIT_S = 5.0


def start_link(here: tuple[Namespace, str], there: tuple[Namespace, str], link: Link, folder: Path) -> None:
    """Lay the line between two devices that do not exist yet, each given as (namespace, name)."""
    from tests.netlab.namespace import LabError

    ends = [[device, f"/run/netns/{namespace.name}"] for namespace, device in (here, there)]
    settings = json.dumps({"ends": ends, "link": vars(link)})
    running = here[0].start(f"link-{here[1]}", [sys.executable, "-I", "-S", __file__, settings], folder)
    limit = time.monotonic() + READY_LIMIT_S
    while "ready" not in running.log.read_text():
        if time.monotonic() > limit or running.process.poll() is not None:
            raise LabError(f"the TUN line did not come up: {running.why()}")
        time.sleep(0.005)


def open_tun(name: str, namespace: str) -> int:
    """A TUN device belongs to the namespace in which its file was opened."""
    if sys.platform == "win32":
        raise NotImplementedError
    with Path(namespace).open() as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


@dataclass
class Direction:
    """Packets of one way: when each leaves the line, and what is waiting."""

    source: int
    target: int
    delay_s: float
    jitter_s: float
    loss: float
    bytes_per_s: float
    chance: random.Random
    free_at: float = 0.0
    waiting: list[tuple[float, int, bytes]] = field(default_factory=list)
    count: int = 0

    def take(self, now: float) -> None:
        """Everything that has arrived at the near end."""
        while True:
            try:
                packet = os.read(self.source, 65535)
            except BlockingIOError:
                return
            self.count += 1
            if self.chance.random() < self.loss:
                continue
            leaves = now
            if self.bytes_per_s:
                if (self.free_at - now) * self.bytes_per_s > QUEUE_BYTES:
                    continue  # the queue is full
                self.free_at = max(self.free_at, now) + len(packet) / self.bytes_per_s
                leaves = self.free_at
            due = leaves + self.delay_s + self.jitter_s * self.chance.random()
            heapq.heappush(self.waiting, (due, self.count, packet))

    def give(self, now: float) -> None:
        """Everything that is due at the far end."""
        while self.waiting and self.waiting[0][0] <= now:
            packet = heapq.heappop(self.waiting)[2]
            try:
                os.write(self.target, packet)
            except OSError:
                continue  # the device is down: a line without a far end loses packets


def carry(directions: list[Direction]) -> None:
    sources = [direction.source for direction in directions]
    while True:
        due = [direction.waiting[0][0] for direction in directions if direction.waiting]
        pause = max(0.0, min(due) - time.monotonic()) if due else None
        select.select(sources, [], [], pause)
        now = time.monotonic()
        for direction in directions:
            direction.take(now)
            direction.give(now)


def main() -> None:
    settings = json.loads(sys.argv[1])
    near, far = (open_tun(name, namespace) for name, namespace in settings["ends"])
    link = settings["link"]
    directions = [
        Direction(
            source=source,
            target=target,
            delay_s=link["delay_ms"] / 1000,
            jitter_s=link["jitter_ms"] / 1000,
            loss=link["loss"],
            bytes_per_s=link["rate_kbit"] * 1000 / 8,
            chance=random.Random(link["seed"] + number),
        )
        for number, (source, target) in enumerate([(near, far), (far, near)])
    ]
    print("ready", flush=True)
    carry(directions)


if __name__ == "__main__":
    main()
