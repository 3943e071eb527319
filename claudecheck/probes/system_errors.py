"""What the operating system's error numbers mean in the closed vocabulary. Opens nothing."""

from __future__ import annotations

import errno
import socket
import ssl

from claudecheck.failures import Failure

#: By POSIX name: `errno` gives the numbers of this platform, Windows' WSA numbers among them.
_FAILURES = {
    "ECONNREFUSED": Failure.REFUSED,
    "ETIMEDOUT": Failure.TIMED_OUT,
    "EHOSTUNREACH": Failure.UNREACHABLE,
    "ENETUNREACH": Failure.UNREACHABLE,
    "EHOSTDOWN": Failure.UNREACHABLE,
    "ENETDOWN": Failure.UNREACHABLE,
    "EAFNOSUPPORT": Failure.UNREACHABLE,
    "EINVAL": Failure.UNREACHABLE,  # Linux: a blackhole route, or a link-local address without its zone
    "EACCES": Failure.PROHIBITED,
    "EPERM": Failure.PROHIBITED,
    "EMFILE": Failure.LOCAL_LIMIT,
    "ENFILE": Failure.LOCAL_LIMIT,
    "ENOBUFS": Failure.LOCAL_LIMIT,
    "ENOMEM": Failure.LOCAL_LIMIT,
    "EADDRNOTAVAIL": Failure.LOCAL_LIMIT,
    "ECONNRESET": Failure.RESET,
    "ECONNABORTED": Failure.RESET,
    "ENETRESET": Failure.RESET,
    "EPIPE": Failure.RESET,
    "ENOTCONN": Failure.RESET,  # reset between connect and the first write
}

#: `getaddrinfo`'s codes on Linux (negative), macOS (small) and Windows (11001 and up): they never collide.
_GAI_FAILURES = {
    **dict.fromkeys((-2, 8, 11001), Failure.NAME_NOT_FOUND),  # EAI_NONAME, WSAHOST_NOT_FOUND
    **dict.fromkeys((-5, 7, 11004), Failure.NO_ADDRESS),  # EAI_NODATA, WSANO_DATA
    **dict.fromkeys((-9, 1), Failure.NO_ADDRESS),  # EAI_ADDRFAMILY
    **dict.fromkeys((-3, 2, 11002), Failure.TRY_AGAIN),  # EAI_AGAIN, WSATRY_AGAIN
    **dict.fromkeys((-4, 4, 11003), Failure.SERVER_FAILURE),  # EAI_FAIL, WSANO_RECOVERY
    **dict.fromkeys((-10, 6), Failure.LOCAL_LIMIT),  # EAI_MEMORY
}


def name_of(error: OSError) -> str:
    """The POSIX name of the number, "ECONNREFUSED", also for WSAECONNREFUSED; empty when there is none."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno or 0, "").removeprefix("WSA")


def of_number(number: int) -> Failure | None:
    """The failure behind an error number of this platform; None when it says nothing of a connection."""
    return _FAILURES.get(errno.errorcode.get(number, "").removeprefix("WSA"))


def failure_of(error: OSError, family: int = socket.AF_INET) -> Failure:
    """The failure behind an OSError of a socket call or of `getaddrinfo`. TLS has reasons of its own."""
    if isinstance(error, socket.gaierror):
        return _GAI_FAILURES.get(error.errno or 0, Failure.UNKNOWN)
    if isinstance(error, ssl.SSLError):
        return Failure.UNKNOWN
    name = name_of(error)
    if name == "EADDRNOTAVAIL" and family == socket.AF_INET6:
        # No IPv6 address to send from (a container, disable_ipv6): not the shortage of ports that it means on IPv4.
        return Failure.UNREACHABLE
    return _FAILURES.get(name, Failure.UNKNOWN)


def is_local_limit(error: BaseException) -> bool:
    """Whether this machine, or a limit set for this process, has nothing more to give: memory, files, threads."""
    if isinstance(error, OSError):
        # EAGAIN where no wait was asked for: no further process may be started.
        return _FAILURES.get(name_of(error)) is Failure.LOCAL_LIMIT or name_of(error) == "EAGAIN"
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "start new thread" in str(error))
