"""The content codings of an HTTP body undone piece by piece, so that a few kB cannot unpack into gigabytes.

What is offered, gzip and deflate, is undone; any other coding is left as it came. The worker's script loads this
file into the user's interpreter: any Python from 3.8 on, and nothing of claudecheck.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

OFFERED = "gzip, deflate"
#: As many as curl undoes; each one may multiply by a thousand.
MOST_CODINGS = 5
_PIECE = 1 << 16
_GZIP = zlib.MAX_WBITS | 16
_RAW = -zlib.MAX_WBITS


class UndecodableError(ValueError):
    """The body is not what its Content-Encoding says."""


def decoded(pieces: Iterable[bytes], codings: str) -> Iterator[bytes]:
    """The body behind a Content-Encoding header, in pieces of at most 64 kB. Raises `UndecodableError`."""
    names = _names(codings)
    if len(names) > MOST_CODINGS:
        raise UndecodableError(f"{len(names)} content codings, one inside the other")
    for name in reversed(names):  # the last one was applied last
        if name in ("gzip", "x-gzip"):
            pieces = _inflated(pieces, _GZIP)
        elif name == "deflate":
            pieces = _inflated(pieces, zlib.MAX_WBITS)
        elif name != "identity":
            break
    yield from pieces


def undone(codings: str) -> bool:
    """Whether nothing of the codings is left after `decoded`."""
    return all(name in ("gzip", "x-gzip", "deflate", "identity") for name in _names(codings))


def _names(codings: str) -> list[str]:
    return [name.strip().lower() for name in codings.split(",") if name.strip()]


def _inflated(pieces: Iterable[bytes], form: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(form)
    begun = False
    for piece in pieces:
        left = piece
        while left and not engine.eof:
            try:
                out = engine.decompress(left, _PIECE)
            except zlib.error as error:
                # Some servers send "deflate" without the header that the coding has.
                if begun or form != zlib.MAX_WBITS:
                    raise UndecodableError(str(error)) from error
                engine = zlib.decompressobj(_RAW)
                form = _RAW
                continue
            begun, left = True, engine.unconsumed_tail
            yield out  # also when it is empty: who reads counts the time
    yield engine.flush()
