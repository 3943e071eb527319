"""Finds the HTTP status that a line names. Knows no signature: what a status means is theirs to say."""

from __future__ import annotations

import re

_CODE = r"(?:40[0-9]|41[0-37]|415|42[1-689]|431|451|499|50[0-5]|511|52\d|530)(?![\w%]|[.:]\d)"
_NAMES = (
    r"error[ _-]?code|status[ _-]?code|http[ _-]?status|error[ _-]?status|http[ _-]?code|response[ _-]?code"
    r"|status|response|http/\d(?:\.\d)?|http error|https?|api error|provider error|error"
)
_REASONS = (
    r"unauthori[sz]ed|forbidden|not found|bad request|bad gateway|service|too many|gateway time|internal server"
    r"|payment req|proxy auth|request entity|payload too|content too|overloaded|method not|errors?\b|request not"
    r"|request too|request timeout|misdirected|length req|not acceptable|gone\b|conflict|precondition|expectation"
    r"|upgrade req|unsupported media|unprocess|request header|unavailable for|not implemented|network auth|i'm a teapot"
)
#: As programs write it: "Error code: 401", "HTTP/1.1 502", "[404]", "529 {", "503 Service Unavailable".
_PROGRAM = re.compile(
    rf"(?<![a-z])(?:{_NAMES})[\"']?\s*(?:is|of|code|status)?\s*[:=]?\s*[\"'(\[<]*\s*(?P<named>{_CODE})"
    rf"|^[^\w\d]*(?P<first>{_CODE})[\])]?(?=[ :;,/\u2014\u2013-]|$)"
    rf"|(?<![\w.:\[=-])(?P<reason>{_CODE})[\"']?,?\s+(?:[{{<]|\(?(?:{_REASONS}))"
)
#: As people write it: "gives 403", "-> 503", "a 401".
_PERSON = re.compile(
    rf"(?:\b(?:an?|the|gives?|got|gets?|returns?|returned|answers?|answered|received|with|is|cloudflare|nginx|upstream)"
    rf"|->|→|=>)\s+(?P<code>{_CODE})|(?<![\w.:\[=-])(?P<after>{_CODE}) (?:from|on|when|html|response|status)\b"
    rf"|[:,;] (?P<last>{_CODE})\.?$|\b(?:calls?|requests?|endpoint|prompts?|uploads?) (?P<each>{_CODE})\b"
)


def status_in(text: str, *, prose: bool = True) -> int | None:
    lowered = text.lower()
    found = _PROGRAM.search(lowered) or (_PERSON.search(lowered) if prose else None)
    return int(next(value for value in found.groups() if value)) if found else None
