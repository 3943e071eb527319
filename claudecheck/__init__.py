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

#: pyproject.toml names the same.
__version__ = "0.1.0"

TYPE_CHECKING = False  # as in `typing`, whose import would cost fifty times what this one does
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from claudecheck.explanation import Explanation
    from claudecheck.observations import Family
    from claudecheck.render.printed import Report
    from claudecheck.route import ClientName

__all__ = ["Explanation", "Report", "__version__", "adiagnose", "diagnose", "explain"]


def __getattr__(name: str) -> object:
    """The types of the answers, loaded when they are named."""
    if name == "Report":
        from claudecheck.render.printed import Report

        return Report
    if name == "Explanation":
        from claudecheck.explanation import Explanation

        return Explanation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def diagnose(
    *,
    timeout: float = 30.0,
    message: bool = True,
    client: ClientName | None = None,
    family: Family = "any",
    python: str | None = None,
    model: str | None = None,
    local_only: bool = False,
    base_url: str | None = None,
    key_env: str | None = None,
    label: str = "",
    environ: Mapping[str, str] | None = None,
) -> Report:
    """Walk the route of a client in this environment, and say what is wrong with it. Prints nothing.

    `timeout` is in seconds and bounds the whole run. `message=False` leaves out the message and
    its stream, which cost an output token each. `client` is "python" (the default), "typescript", "node", "claude-code"
    or "curl"; `family` keeps to addresses of "ipv4" or "ipv6". `python` is the interpreter whose SDK sends
    the message; by default the one that `claudecheck doctor` would choose. `local_only=True` sends
    nothing to hosts that are not on the route. `base_url` is walked to instead of the environment's; to another host
    the key goes that the variable `key_env` holds, or none. `label` tells
    this report from others. `environ` stands in for `os.environ`.

    Whatever is wrong with the route is in the report. `ValueError`: an option has no such value.
    """
    import os
    from typing import get_args

    from claudecheck.clients.registry import NAMES
    from claudecheck.diagnosis.verdict import diagnose as verdict_of
    from claudecheck.machine import environment
    from claudecheck.observations import Family
    from claudecheck.render.printed import printed
    from claudecheck.run.examine import examine
    from claudecheck.run.options import Options

    if client not in (None, *NAMES) or family not in get_args(Family) or not timeout > 0:
        raise ValueError(f"no such option: client={client!r}, family={family!r}, timeout={timeout!r}")
    options = Options(
        timeout_s=timeout,
        message=message,
        client=client,
        family=family,
        python=python,
        model=model,
        local_only=local_only,
        label=label,
        command="diagnose",
    )
    snapshot = environment.read(os.environ if environ is None else environ)
    if base_url is not None:
        from claudecheck.run.compare import towards

        snapshot = towards(snapshot, base_url, key_env or "")
    return printed(verdict_of(examine(options, snapshot)))


async def adiagnose(**options: Any) -> Report:
    """`diagnose` beside an event loop: the same options and errors. It does not hold up the loop, nor the end of the
    process when the caller has stopped waiting: what a lookup blocks is a daemon thread.
    """
    import asyncio
    import threading

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Report] = loop.create_future()

    def settle(report: Report | None, error: BaseException | None) -> None:
        if answer.done():  # cancelled
            return
        if error is not None:
            answer.set_exception(error)
        elif report is not None:
            answer.set_result(report)

    def walk() -> None:
        try:
            report, error = diagnose(**options), None
        except Exception as raised:  # handed to the one who waits
            report, error = None, raised
        try:
            loop.call_soon_threadsafe(settle, report, error)
        except RuntimeError:  # the loop was closed meanwhile
            return

    threading.Thread(target=walk, name="adiagnose", daemon=True).start()
    return await answer


def explain(source: BaseException | str | bytes) -> Explanation:
    """What an exception (of any generation of the SDK), an error text, a traceback or a log shows. Offline.

    `print` shows its short form. Nothing of the source is echoed unredacted. Prints nothing itself.
    `ValueError` (`claudecheck.explanation.NotTextError`): the bytes are a compressed file. `TypeError`:
    the source is something else; a file's text is read by `claudecheck.explanation.explain_stream`.
    """
    import os

    from claudecheck.explanation import explain as explain_source
    from claudecheck.machine import environment

    if not isinstance(source, BaseException | str | bytes):
        raise TypeError(f"an exception, a str or bytes is explained, not {type(source).__name__}")
    return explain_source(source, secrets=environment.secrets(environment.read(os.environ)))
