"""`claudecheck` and `python -m claudecheck`: the last handler stands here."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. A bug is said as one, redacted, with exit code 70; Ctrl-C is 130."""
    try:
        from claudecheck.cli import app

        app(prog_name="claudecheck")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Nothing more can be said, and it is no fault.
        sys.stderr.close()
        sys.exit(0)
    except Exception:  # the handler of last resort: no traceback may show a secret
        import os
        import traceback

        from claudecheck import environment, redact

        redactor = redact.Redactor(environment.secrets(environment.read(os.environ)))
        sys.stderr.write(redactor.text(traceback.format_exc()))
        sys.stderr.write(
            "\nThis is a bug in claudecheck. `claudecheck explain claudecheck-bug` says how to report it.\n"
        )
        sys.exit(70)


if __name__ == "__main__":
    main()
