"""What a client that is a program of its own told of one request, as an `HttpExchange`. Starts nothing.

The words of certificates and of TLS are OpenSSL's own, whichever program repeats them: they are judged
where those of Python's clients are (`http.failure_of_chain`).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from claudecheck.clients.secrets import withheld
from claudecheck.failures import Failure
from claudecheck.observations import Raised
from claudecheck.probes import system_errors
from claudecheck.probes.api import answer, http
from claudecheck.probes.api.http import Request
from claudecheck.probes.walk import Walk


def variables(whole: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What the program starts with, and what is kept from it because a secret is in it.

    A proxy's URL stays, with its password: curl and Node read it when they start, and from nowhere else.
    """
    kept = {name: value for name, value in withheld(whole).items() if not name.lower().endswith("_proxy")}
    return {name: value for name, value in whole.items() if name not in kept}, kept


def answered(request: Request, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """The facts of an answer that came whole."""
    text = answer.text_of(body)
    facts = answer.facts_of(status, headers, text, len(body))
    return {**facts, "failure": http.judge_answer(status, text, facts["shape"], request)}


def limit_reached(limit_s: float) -> dict[str, Any]:
    return {"failure": Failure.TIMED_OUT, "error": f"no end within {limit_s:.0f} s"}


def headers(walk: Walk, request: Request, *, own: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Those of the route's client, without the `own` ones of the program, which it sends by itself.

    Without a credential there are no custom headers either: one of them may be a credential.
    """
    if not request.authenticated:
        walk = replace(walk, route=replace(walk.route, headers=()))
    sent = [(name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in http.headers_of(walk, request)]
    named = {name.lower() for name in request.headers or ()}
    return [(name, value) for name, value in sent if name in named or name not in own]


# -- failures --------------------------------------------------------------------------------------


def certificate_failure(words: str) -> Failure:
    """Of a certificate that did not verify, as OpenSSL, Node or curl says it."""
    if re.search(r"(?i)altname|subject name|target host|hostname|wrong.principal", words):
        return Failure.HOSTNAME_MISMATCH
    return _judged("ssl.SSLCertVerificationError", words)


#: OpenSSL numbers the alerts that it receives from here on, and not all have the word in their text.
_FIRST_ALERT = 1000


def tls_failure(words: str) -> Failure:
    """Of a handshake: OpenSSL's reason in any spelling, or what the socket under it said."""
    reason = words.upper().replace(" ", "_")
    if "CERTIFICATE_REQUIRED" in reason:
        return Failure.CLIENT_CERTIFICATE_REQUIRED
    if found := system_failure(words):
        return found
    number = re.search(r"ERROR:0A([0-9A-F]{6})", reason)
    if number and int(number[1], 16) > _FIRST_ALERT:
        reason += "_ALERT"
    found = _judged("ssl.SSLError", reason)
    # OpenSSL's way to say that the other side went: no reason and no error of the system.
    return Failure.CLOSED if found is Failure.UNKNOWN and "SSL_ERROR_SYSCALL" in reason else found


def proxy_failure(words: str) -> Failure:
    """Of a proxy's answer to CONNECT; the status is the first number of three digits."""
    return _judged("ProxyError", words)


def _judged(kind: str, words: str) -> Failure:
    return http.failure_of_chain([Raised(type=kind, message=words)])


#: The system's own sentences ("Connection refused"), by what they mean.
_SENTENCES: Mapping[str, Failure] = {
    os.strerror(number): found for number in errno.errorcode if (found := system_errors.of_number(number))
}


def system_failure(words: str) -> Failure | None:
    """The last of the system's sentences in a text: of several addresses the last one tried."""
    place, found = max((words.rfind(sentence), failure) for sentence, failure in _SENTENCES.items())
    return found if place >= 0 else None
