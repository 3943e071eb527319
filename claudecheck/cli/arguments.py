"""The options that several commands share, with their help. Parses nothing itself."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from claudecheck.clients.registry import NAMES
from claudecheck.failures import Stage


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"
    PROMETHEUS = "prometheus"
    SHORT = "short"


def _client(name: str) -> str:
    if name not in NAMES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, NAMES))}.")
    return name


def _client_names() -> list[str]:
    return list(NAMES)


JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON; the same as --format json.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the report.")]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="FORMAT[:FILE]",
        help="Write the report in this format too: to FILE, or to stdout instead of the text. Repeatable.",
        autocompletion=lambda incomplete: [name for name in Format if name.startswith(incomplete)],
    ),
]
LabelOption = Annotated[str, typer.Option("--label", metavar="NAME", help="Name the report, to tell it from others.")]
PacketOption = Annotated[
    Path | None,
    typer.Option(
        "--packet", metavar="FILE", help="Write the evidence for support or a network team: FILE.md, or FILE.zip."
    ),
]
AskOption = Annotated[bool, typer.Option("--ask", help="Print only the message for whoever has to act.")]
PrivateOption = Annotated[
    bool, typer.Option("--private", help="In --packet and --ask, replace the names of hosts and users by pseudonyms.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show all that was seen, ruled out and varied, and every fix.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing when the client gets through.")]
MessageOption = Annotated[
    bool, typer.Option("--no-message", help="Send no message, and no stream: an output token each.")
]
OnlyOption = Annotated[
    Stage | None,
    typer.Option("--only", metavar="STAGE", help="Stop after this stage; send nothing for those after it."),
]
SkipOption = Annotated[
    Stage | None,
    typer.Option("--skip", metavar="STAGE", help="Stop before this stage; those after it need it."),
]
UrlArgument = Annotated[
    str | None,
    typer.Argument(metavar="[URL]", help="The base URL to walk to, instead of the environment's."),
]
BaseUrlOption = Annotated[str | None, typer.Option("--base-url", metavar="URL", help="The same as URL.")]
KeyNameOption = Annotated[
    str | None,
    typer.Option(
        "--key-env",
        metavar="NAME",
        help="The variable with the key for URL; a host that is not the environment's gets no other key.",
    ),
]
PythonOption = Annotated[
    str | None,
    typer.Option("--python", metavar="PATH", help="The Python whose SDK sends the message; by default the active one."),
]
ClientOption = Annotated[
    str | None,
    typer.Option(
        "--client",
        parser=_client,
        autocompletion=_client_names,
        metavar=f"[{'|'.join(NAMES)}]",
        help="The client whose route is walked; by default the Python SDK.",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="ID", help="The model that the message goes to; by default the newest haiku."),
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="SECONDS", help="Give up after this time, with what is known by then.", min=1.0, max=600.0
    ),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Exit with 1 when there are warnings.")]
LocalOption = Annotated[
    bool, typer.Option("--local-only", help="Send nothing to hosts that are not on the route, not even to compare.")
]
SaveOption = Annotated[
    Path | None, typer.Option("--save", metavar="FILE", help="Also write the report as JSON to this file.")
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="A file that says what the route must be like; by default the project's, if any.",
    ),
]
NoPolicyOption = Annotated[bool, typer.Option("--no-policy", help="Judge the route without the project's policy.")]
ReplayOption = Annotated[
    Path | None, typer.Option("--replay", metavar="FILE", help="Diagnose a saved report again; nothing is sent.")
]
ControlOption = Annotated[
    list[str] | None,
    typer.Option("--control", metavar="HOST", help="A host to compare with, instead of the usual two. Repeatable."),
]
ResolverOption = Annotated[
    list[str] | None,
    typer.Option(
        "--public-resolver", metavar="ADDRESS", help="A resolver to compare with, instead of the usual two. Repeatable."
    ),
]
ProxiesOption = Annotated[
    list[str] | None,
    typer.Option("--proxy", metavar="URL", help="A route through this proxy. Repeatable."),
]
BaseUrlsOption = Annotated[
    list[str] | None,
    typer.Option("--base-url", metavar="URL", help="A route to this address of the API or a gateway. Repeatable."),
]
KeyNamesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key-env",
        metavar="NAME",
        help="The variable with the key for the --base-url in the same place, which gets no other. Repeatable.",
    ),
]
ClientsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--client",
        parser=_client,
        autocompletion=_client_names,
        metavar=f"[{'|'.join(NAMES)}]",
        help="The route of another client. Repeatable.",
    ),
]
PythonsOption = Annotated[
    list[str] | None,
    typer.Option("--python", metavar="PATH", help="A route through the SDK of this Python. Repeatable."),
]
CaFilesOption = Annotated[
    list[str] | None,
    typer.Option("--ca-file", metavar="FILE", help="A route that trusts the certificates in this file. Repeatable."),
]
