"""The limits that were set for this process, where they are too tight for what it starts."""

from __future__ import annotations

import sys

#: Below this an interpreter cannot import the SDK: it maps about 300 MB, and has some twenty files open at once.
LEAST_FILES = 32
LEAST_MEMORY = 512 << 20

if sys.platform == "win32":

    def tight() -> str:
        """No shell there sets a limit."""
        return ""

else:
    import resource  # not when it is asked for: a module is the first thing that cannot be loaded then

    def tight() -> str:
        """The limit in the words of the shell, "ulimit -n 16"; empty when none is in the way."""
        files, memory = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS))
        if files != resource.RLIM_INFINITY and files < LEAST_FILES:
            return f"ulimit -n {files}"
        if memory != resource.RLIM_INFINITY and memory < LEAST_MEMORY:
            return f"ulimit -v {memory // 1024}"
        return ""
