"""Finds the HTTP status that a line names. Knows no signature: what a status means is theirs to say."""

from __future__ import annotations

import re

_CODE = (
    r"(?:400|401|402|403|404|405|407|408|409|411|413|415|422|426|429|431|451|499|50[0-5]|511|52\d|530)(?![\w%]|[.:]\d)"
)
_NAMES = (
    r"error[ _-]?code|status[ _-]?code|http[ _-]?status|error[ _-]?status|http[ _-]?code|response[ _-]?code"
    r"|status|response|http/\d(?:\.\d)?|http error|https?|api error|provider error|error"
)
_REASONS = (
    r"unauthori[sz]ed|forbidden|not found|bad request|bad gateway|service|too many|gateway time|internal server"
    r"|payment req|proxy auth|request entity|payload too|content too|overloaded|method not|errors?\b|request not"
    r"|request too|request timeout"
)
#: As programs write it: "Error code: 401", "HTTP/1.1 502", "[404]", "529 {", "503 Service Unavailable".
_PROGRAM = re.compile(
    rf"(?<![a-z])(?:{_NAMES})[\"']?\s*(?:is|of|code|status)?\s*[:=]?\s*[\"'(\[<]*\s*(?P<named>{_CODE})"
    rf"|^[^\w\d]*(?P<first>{_CODE})[\])]?(?=[ :;,/\u2014\u2013-]|$)"
    rf"|(?<![\w.:\[=-])(?P<reason>{_CODE})[\"']?,?\s+(?:[{{<]|\(?(?:{_REASONS}))"
)
#: As people write it: "gives 403", "-> 503", "a 401".
_PERSON = re.compile(
    rf"(?:\b(?:an?|the|gives?|got|returns?|returned|answers?|answered|received|with|is)|->|→|=>)\s+(?P<code>{_CODE})"
)


def status_in(text: str, *, prose: bool = True) -> int | None:
    lowered = text.lower()
    found = _PROGRAM.search(lowered) or (_PERSON.search(lowered) if prose else None)
    return int(next(value for value in found.groups() if value)) if found else None
