"""Misbehaving endpoints on loopback, each wrong in exactly one way: `demo` and the tests use them.

Nothing here leaves this machine or needs the root user, and no other command uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claudecheck.lab.faults import FAULTS, Fault, find

if TYPE_CHECKING:
    from claudecheck.lab.lab import Lab

__all__ = ["FAULTS", "Fault", "Lab", "find"]


def __getattr__(name: str) -> Any:
    """`Lab` is loaded when it is asked for: the list of faults needs no cryptography and no TLS."""
    if name == "Lab":
        from claudecheck.lab.lab import Lab

        return Lab
    raise AttributeError(name)
