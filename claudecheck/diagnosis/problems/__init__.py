"""The catalogue: everything that claudecheck can say is wrong, one constant each, in order of layer.

A code is permanent: scripts, documents and searches use it. Adding a problem is adding its constant
to a chapter, at the place where it shall stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from claudecheck.diagnosis.problems import (
    api,
    certificates,
    client,
    credentials,
    dns,
    environment,
    http,
    policy,
    proxy,
    response,
    rest,
    tcp,
    tls,
)
from claudecheck.diagnosis.problems.problem import Problem

_CHAPTERS = (
    credentials,
    environment,
    dns,
    tcp,
    certificates,
    tls,
    proxy,
    http,
    api,
    response,
    client,
    policy,
    rest,
)

#: By code, in the order of the chapters and of the constants in each.
CATALOGUE: Mapping[str, Problem] = MappingProxyType(
    {
        problem.code: problem
        for chapter in _CHAPTERS
        for problem in vars(chapter).values()
        if isinstance(problem, Problem)
    }
)
