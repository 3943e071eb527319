"""claudecheck: finds out why a program cannot reach the Claude API, and says what to do.

    import claudecheck

    report = claudecheck.diagnose()  # walks the route, as `claudecheck doctor` does

    try:
        client.messages.create(...)
    except anthropic.APIConnectionError as error:
        print(claudecheck.explain(error))  # offline: what the exception shows

Importing it costs nothing: what a function needs is imported when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claudecheck.diagnosis.report import Report
    from claudecheck.explanation import Explanation

__version__ = "0.1.0"
__all__ = ["__version__", "diagnose", "explain"]


def diagnose(
    *,
    timeout: float = 30.0,
    message: bool = True,
    python: str | None = None,
    model: str | None = None,
    local_only: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Report:
    """Walk the route of the Python SDK in this environment, and say what is wrong with it.

    `timeout` is in seconds and bounds the whole run. `message=False` leaves out the message, which
    costs one output token. `python` is the interpreter whose SDK sends it; by default the one that
    `claudecheck doctor` would choose. `environ` stands in for `os.environ`. Prints nothing.
    """
    import os

    from claudecheck import environment
    from claudecheck.diagnosis.verdict import diagnose as verdict_of
    from claudecheck.examine import examine
    from claudecheck.options import Options

    options = Options(
        timeout_s=timeout, message=message, python=python, model=model, local_only=local_only, command="diagnose"
    )
    return verdict_of(examine(options, environment.read(os.environ if environ is None else environ)))


def explain(source: BaseException | str | bytes) -> Explanation:
    """What an exception (of any generation of the SDK), an error text, a traceback or a log shows. Offline.

    `print` shows its short form. Nothing of the source is echoed unredacted.
    """
    import os

    from claudecheck import environment
    from claudecheck.explanation import explain as explain_source

    return explain_source(source, secrets=environment.secrets(environment.read(os.environ)))
