"""A change of the environment as a value: what is set, what is unset, and where. Pure; changes nothing itself.

A fix that changes variables *is* such a value: its commands for every shell are written from it, and a run can walk
the environment with it applied to see whether the client then gets through.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """`sets` are (variable, value) pairs, whose values may have holes; `unsets` are names of variables.

    `place` is where the change belongs: "shell", or the file in which the variable is set.
    """

    sets: tuple[tuple[str, str], ...] = ()
    unsets: tuple[str, ...] = ()
    place: str = "shell"

    def applied(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables after the change."""
        return {name: value for name, value in variables.items() if name not in self.unsets} | dict(self.sets)
