"""The numbers of a version, as Python, Node, curl and npm packages write it. Pure."""

from __future__ import annotations

Version = tuple[int, ...]


def release(text: str) -> Version:
    """(22, 21, 0) of "v22.21.0-nightly"; empty where there is no version ("unknown")."""
    from packaging.version import InvalidVersion, Version  # ten milliseconds that only an installed client costs

    try:
        return Version(text.partition("-")[0]).release
    except (InvalidVersion, ValueError):  # ValueError: more digits than an integer may have
        return ()
