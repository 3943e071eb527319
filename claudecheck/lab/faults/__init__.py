"""Everything that can be wrong in a lab, one file per layer, in the order of `demo --list`."""

from __future__ import annotations

from claudecheck.lab.faults.answers import FAULTS as ANSWERS
from claudecheck.lab.faults.environment import FAULTS as ENVIRONMENT
from claudecheck.lab.faults.fault import Fault
from claudecheck.lab.faults.healthy import FAULTS as HEALTHY
from claudecheck.lab.faults.network import FAULTS as NETWORK
from claudecheck.lab.faults.proxy import FAULTS as PROXY
from claudecheck.lab.faults.tls import FAULTS as TLS

__all__ = ["FAULTS", "Fault", "find"]

FAULTS: tuple[Fault, ...] = (*HEALTHY, *ENVIRONMENT, *NETWORK, *TLS, *PROXY, *ANSWERS)

_BY_NAME = {fault.name: fault for fault in FAULTS}


def find(name: str) -> Fault:
    """The fault of that name; KeyError when there is none."""
    return _BY_NAME[name]
