"""httpx, without its command line: that brings click, progress bars and a highlighter of source text, and takes
longer to import than all the rest of it.
"""

from __future__ import annotations

import sys
from typing import Any

_COMMAND_LINE = "httpx._main"
_modules: dict[str, Any] = sys.modules
if "httpx" not in _modules:
    _modules[_COMMAND_LINE] = None  # an import of it fails now, and httpx does without, as where click is missing
import httpx as httpx  # noqa: E402, PLC0414  # said again: it is what this module is for

if _modules.get(_COMMAND_LINE, httpx) is None:
    del _modules[_COMMAND_LINE]
