"""`claudecheck` and `python -m claudecheck`: the last handler stands here."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and leave at once: threads that were abandoned inside a native call (a lookup, a
    handshake) must neither hold the process nor meet an interpreter that is being taken down around them.
    """
    code = _run()
    atexit._run_exitfuncs()  # noqa: SLF001  # there is no public one; a child that still runs is ended here
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # the reader has gone, or the stream is closed
            continue
    os._exit(code)


def _run() -> int:
    """The exit code. A bug is said as one, redacted, with exit code 70; Ctrl-C is 130."""
    try:
        from claudecheck.cli.app import app

        app(prog_name="claudecheck")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0  # The reader has seen enough (`| head`). Nothing more can be said, and it is no fault.
    except Exception:  # the handler of last resort: no traceback may show a secret
        import traceback

        from claudecheck.journal import redact
        from claudecheck.machine import environment

        redactor = redact.Redactor(environment.secrets(environment.read(os.environ)))
        sys.stderr.write(redactor.text(traceback.format_exc()))
        sys.stderr.write(
            "\nThis is a bug in claudecheck. `claudecheck explain claudecheck-bug` says how to report it.\n"
        )
        return 70
    return 0


if __name__ == "__main__":
    main()
