"""Python's own SSLContext for the time of a run, where a hook of this interpreter has put another in its place.

truststore replaces `ssl.SSLContext` for the whole process. A probe needs the class itself: it sets whom it trusts
and hears every message, and the setters of the replaced class call themselves without end.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_replacing: list[type[ssl.SSLContext]] = []  # one for each run that is under way


@contextmanager
def restored() -> Iterator[None]:
    """Runs side by side share it: the last one to end puts the other class back."""
    with _lock:
        found = _replacing[0] if _replacing else ssl.SSLContext
        _replacing.append(found)
        _put(next((kind for kind in found.__mro__ if kind.__module__ == "ssl"), found))
    try:
        yield
    finally:
        with _lock:
            found = _replacing.pop()
            if not _replacing:
                _put(found)


def _put(kind: type[ssl.SSLContext]) -> None:
    ssl.SSLContext = kind  # type: ignore[misc]
