"""Who wrote each line of a text: the program that failed, its source code, or another program. Knows no signature.

A text that people paste is made of several voices. A frame of a traceback and the source line below it
are code: `asyncio.run(main())` is no evidence for an event loop. What stands below a prompt that started
curl is curl's result: the control experiment, not the failure. Only what the client itself printed, or
what people say about it, is evidence about the client.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from claudecheck.explanation.lines import PREFIX, Hit, Line

#: "client": the program that failed, or a person; "frame" and "source": its code; "command": what was
#: typed; "control": what another program answered; "aside": what Python says while it clears away an
#: object that was never finished: it follows whatever failed, and counts only where nothing else is said.
Speaker = Literal["client", "frame", "source", "command", "control", "aside"]

#: A frame of Python (also without a line number, as `raised.py` writes it), Node, Java, Go, Rust or .NET.
_PYTHON_FRAME = re.compile(r"(?P<indent>[\s|+│]*)File \"[^\"]+\", (?:line \d+|in )")
_OTHER_FRAME = re.compile(
    r"\s*at (?:async |new |file:|node:|/)?\S.*"
    r"(?:[\w>)\]]:\d+(?::\d+)?\)?|<anonymous>\)?|\(native\)|\([\w$]+\.java:\d+\)|in \S+:line \d+)(?: \{)?$"
    r"|\s+/?[\w./@-]+\.(?:go|rs):\d+(?: \+0x[0-9a-f]+)?$"
)
#: Source code as other tools quote it: pytest, rich, IPython, Rust, a caret below a line.
_QUOTED_CODE = re.compile(
    r"\s*(?:│|\|)\s*(?:\u276f\s*|\u2771\s*)?\d+ (?:│|\|)|\s*-{2,}> \d+ |\s*[\^~]+[\s^~]*$|>{3} |\.{3} \s*\S|>       \S"
    r"|\s+(?:async )?(?:def|return|await|raise|with|from|import|const|let|throw) [\w{(*'\"].*[)\]:;}\w]$"
)
#: "Exception ignored in: <function …>", with a traceback of its own that ends in an exception.
_ASIDE = re.compile(r"Exception ignored (?:in|while|from)\b")
_ENDS_ASIDE = re.compile(r"[A-Za-z_][\w.]*(?:: |:?$)")
#: Node shows where an uncaught error was thrown: the file, the line, a caret.
_NODE_PLACE = re.compile(r"(?:file://)?/\S+\.[cm]?[jt]sx?:\d+$")
_CARET = re.compile(r"\s*\^+\s*$")
_LONGEST_QUOTE = 6

_PROMPT = re.compile(
    r"^\s*(?:\([\w.-]+\)\s?)?"
    r"(?:PS(?: [A-Za-z]:[^>]*)?> ?|[A-Za-z]:\\[^>]*>\s?|\[?[\w.-]+@[\w.-]+[:\s][^$#%>]{0,80}[$#%>]\s"
    r"|[\w.~/-]{0,40}\$ |~ % |[\u276f\u279c]\s|bash-[\d.]+[$#] |(?:/\S*|~) [#$%] |\+ )(?P<command>\S.*)"
)
#: These mark a command only before a program that is known: they mark headings, quotes and comments too.
_WEAK_PROMPT = re.compile(r"^\s*[#%>] ?(?P<command>\S.*)")
_CONTROLS = frozenset(
    (  # noqa: SIM905  # words read best as words
        "curl curl.exe wget http https xh openssl nc ncat telnet ping ping6 traceroute tracert tracepath mtr dig "
        "nslookup host getent invoke-webrequest invoke-restmethod iwr irm test-netconnection tnc resolve-dnsname "
        "scutil resolvectl cat type echo env printenv ls dir ip ifconfig ss netstat lsof route gnutls-cli socat aws "
        "gcloud az grpcurl tcpdump tshark"
    ).split()
)
_BEFORE_PROGRAM = re.compile(
    r"^(?:\w+=(?:\"[^\"]*\"|'[^']*'|\S*)\s+|(?:sudo|env|time|command|exec|nohup|winpty)\s+(?:-\S+\s+)*|timeout\s+\S+\s+"
    r"|(?:docker|podman|kubectl|oc) (?:compose )?(?:exec|run)\s"
    r"(?:.*? (?:-- )?(?=(?:curl|wget|openssl|nslookup|dig|nc|python3?|node|claude)\b))|&\s*)"
)
_INLINE_CODE = re.compile(r"(?:node|bun|deno|python3?|python\.exe|ruby|perl|php)\s+(?:eval\s|-\S*[cerp]\b)")
#: People write what came of a command behind it.
_RESULT = re.compile(r"(?:->|→|=>|# ?)\s*(?:HTTP[ /\d.]*)?(?P<status>[1-5]\d\d)\b[^/\d]{0,40}$")
_ANSWER_BODY = re.compile(r"\s*[{<\[]")
#: A clause about what another program got; what it holds is that program's result.
_CLAUSE = re.compile(
    r"\b(?:curl|wget|openssl(?: s_client)?|postman|ping|nslookup|dig|invoke-webrequest|(?:the |my )?browser)\b"
    r"(?![ (]*(?::|\())[^,;.()]{0,60}?"
    r"(?:\b(?:works?|worked|gets?|got|returns?|returned|answers?|answered|gives?|succeeds?|shows?|reports?|connects?"
    r"|resolves?|fine|ok)\b|->|→|=>)[^,;()]*",
    re.IGNORECASE,
)


def attributed(lines: Iterable[Line]) -> Iterator[Line]:
    """The same lines, each without what is no evidence: hits and status of code, and hits of a control's clause."""
    listening = _Listening()
    for line in lines:
        yield _evidence(line, listening.to(line))


def _evidence(line: Line, speaker: Speaker) -> Line:
    if speaker == "source":
        places = tuple(hit for hit in line.hits if hit.signature.code)
        return line._replace(hits=places, status=None)
    if speaker in ("frame", "command"):
        hits = tuple(hit for hit in line.hits if _is_circumstance(hit))
        result = _RESULT.search(line.text) if speaker == "command" else None
        return line._replace(
            hits=hits,
            status=int(result["status"]) if result else None,
            command=speaker == "command",
            control=result is not None,
        )
    return line._replace(control=True) if speaker in ("control", "aside") else _without_clauses(line)


def _is_circumstance(hit: Hit) -> bool:
    """A flag alone: where in a library it was raised, or which variable was set."""
    return not hit.signature.clue and not hit.signature.prose


def _without_clauses(line: Line) -> Line:
    """The line without what another program got, unless there is nothing else in it."""
    spans = [place.span() for place in _CLAUSE.finditer(line.text)] if line.hits or line.status else []
    hits = tuple(hit for hit in line.hits if not any(start <= hit.start and hit.end <= end for start, end in spans))
    if not spans or not any(hit.signature.clue for hit in hits):
        return line
    rest = _CLAUSE.sub(" ", line.text)
    return line._replace(hits=hits, status=line.status if str(line.status) in rest else None)


class _Listening:
    """Follows a text line by line."""

    def __init__(self) -> None:
        self._number = 0
        self._source_indent: int | None = None  # inside a Python frame: what is deeper is source
        self._quoted = 0  # lines that are left of Node's quote
        self._control = False
        self._aside = False
        self._typing = False  # a command that goes on in the next line
        self._blank = False

    def to(self, line: Line) -> Speaker:
        if line.number > self._number + 1:  # lines were left out between: nothing is known
            self._source_indent, self._quoted, self._control, self._typing = None, 0, False, False
            self._aside = False
        self._number = line.number
        stamp = PREFIX.match(line.text)
        text = line.text[stamp.end() :] if stamp else line.text
        speaker = self._code(text) or self._unfinished(text) or self._shell(text)
        self._blank = not text.strip()
        return speaker

    def _code(self, text: str) -> Speaker | None:
        frame = _PYTHON_FRAME.search(text)
        if frame and not frame.start():
            self._source_indent = len(frame["indent"])
            return "frame"
        if self._source_indent is not None:
            indent = len(text) - len(text.lstrip(" |│+"))
            if text.strip(" |│+") and indent > self._source_indent:
                return "source"
            self._source_indent = None
        if _OTHER_FRAME.match(text):
            return "frame"
        if self._quoted:
            self._quoted = 0 if _CARET.match(text) else self._quoted - 1
            return "source"
        if _NODE_PLACE.match(text):
            self._quoted = _LONGEST_QUOTE
            return "frame"
        return "source" if _QUOTED_CODE.match(text) else None

    def _unfinished(self, text: str) -> Speaker | None:
        if _ASIDE.match(text):
            self._aside = True
            return "aside"
        if not self._aside:
            return None
        self._aside = not (_ENDS_ASIDE.match(text) and not text.startswith("Traceback"))
        return "aside"

    def _shell(self, text: str) -> Speaker:
        if self._typing:
            self._typing = text.rstrip().endswith("\\")
            return "command"
        command = _command(text)
        if command is not None:
            self._typing = command.endswith("\\")
            self._control = is_control(command)
            return "command"
        if self._control and self._blank and text.strip() and not _ANSWER_BODY.match(text):
            self._control = False
        return "control" if self._control else "client"


def _command(text: str) -> str | None:
    found = _PROMPT.match(text)
    if found:
        return found["command"].rstrip()
    found = _WEAK_PROMPT.match(text)
    if found and (_program(found["command"]) in _CONTROLS or _INLINE_CODE.match(found["command"])):
        return found["command"].rstrip()
    return None


def is_control(command: str) -> bool:
    """Whether a command line asks by other means than the client: what it prints is a result, not the failure."""
    return _program(command) in _CONTROLS or bool(_INLINE_CODE.match(_bare(command)))


def _bare(command: str) -> str:
    before = None
    while before != command:
        before, command = command, _BEFORE_PROGRAM.sub("", command, count=1)
    return command


def _program(command: str) -> str:
    words = _bare(command).split(maxsplit=1)
    return words[0].rsplit("/", 1)[-1].lower() if words else ""
