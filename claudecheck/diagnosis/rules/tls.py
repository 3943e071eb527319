"""The handshake: what stopped it, proved by the variation that gets through.

Theory. A handshake can end in four ways that say nothing by themselves: silence, reset, close and
"not trusted". Each has look-alikes, and each pair is told apart by one variable:

- silence or reset: another server name passes → the name is filtered; small segments pass → full-size
  packets vanish; a small ClientHello passes → large ones are dropped; nothing passes → the plain fact.
- not trusted: a device that inspects mints a certificate for whatever name is asked, so the same
  address asked for another name answers with that name and the same issuer. A server does not.
- not valid now: when the clock of another machine disagrees with ours, or certificates of hosts that
  have nothing to do with each other are all invalid at once, it is our clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from claudecheck.diagnosis import dates, products, questions
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.questions import Question
from claudecheck.diagnosis.trust_matrix import (
    clients_told,
    common_name,
    incomplete,
    others_told,
    public_file,
    store_name,
)
from claudecheck.diagnosis.variations import Outcome
from claudecheck.failures import Failure, Stage
from claudecheck.observations import Certificate, HttpExchange, TlsHandshake
from claudecheck.report import Confidence, Finding, Owner, Severity


def find(evidence: Evidence) -> Iterable[Finding]:
    handshake = evidence.handshake()
    if handshake is None or handshake.failure is Failure.CANCELLED or evidence.page_for_a_tunnel is not None:
        return
    if handshake.failure is Failure.TRUST_UNUSABLE and any(c.stops_client for c in evidence.concerns):
        return  # the file that cannot be used is told by the environment's rule
    if handshake.ok:
        inspected = _trusted_interception(evidence, handshake)
        yield from [inspected] if inspected is not None else []
        yield from _expiring(evidence, handshake, inspected=inspected is not None)
    elif handshake.failure in (Failure.EXPIRED, Failure.NOT_YET_VALID):
        yield from _not_valid_now(evidence, handshake)
    elif handshake.chain or not evidence.works_again(questions.SHAKEN_AGAIN):
        yield _failed(evidence, handshake)


def _expiring(evidence: Evidence, handshake: TlsHandshake, *, inspected: bool) -> Iterable[Finding]:
    """Of a gateway, or of what inspects: the official host renews its own in time."""
    if not handshake.chain or (evidence.official and not inspected):
        return
    leaf = handshake.chain[0]
    left = dates.days_left(leaf, dates.moment(evidence).true)
    if left is None:
        return
    yield _finding(
        evidence,
        handshake,
        "certificate-expiring",
        [f"valid until {leaf.not_after[:10]}: {left:.0f} days are left"],
        owner="network" if evidence.official else "gateway",
        values={"count": f"{left:.0f}"},
    )


def _failed(evidence: Evidence, handshake: TlsHandshake) -> Finding:
    match handshake.failure:
        case Failure.TIMED_OUT | Failure.RESET | Failure.CLOSED:
            return _stopped(evidence, handshake)
        case Failure.UNTRUSTED_ISSUER | Failure.SELF_SIGNED:
            return _untrusted(evidence, handshake)
        case Failure.HOSTNAME_MISMATCH:
            return _wrong_name(evidence, handshake)
        case Failure.NOT_TLS:
            told = [f"it answered: {handshake.first_bytes[:120]}"]
            return _finding(evidence, handshake, "tls-not-tls", told, owner=_server_owner(evidence))
        case Failure.VERSION_UNSUPPORTED:
            told = [_alert(handshake)]
            return _finding(evidence, handshake, "tls-version-unsupported", told, owner=_server_owner(evidence))
        case Failure.CLIENT_CERTIFICATE_REQUIRED:
            return _finding(
                evidence, handshake, "tls-client-certificate-required", [_alert(handshake)], owner="gateway"
            )
        case Failure.ALERT:
            told = [_alert(handshake)]
            return _finding(evidence, handshake, "tls-handshake-refused", told, owner=_server_owner(evidence))
        case Failure.WEAK_CERTIFICATE:
            return _finding(evidence, handshake, "tls-weak-certificate", [_weakness(handshake)])
        case Failure.STRICT_CERTIFICATE:
            return _strict(evidence, handshake)
        case Failure.TRUST_UNUSABLE:
            code = "trust-store-empty" if not (evidence.route.cafile or evidence.route.capath) else "ca-file-invalid"
            return _finding(evidence, handshake, code, [handshake.error])
        case _:
            return _finding(evidence, handshake, "unknown", [handshake.error], confidence="low")


def _finding(
    evidence: Evidence,
    handshake: TlsHandshake,
    code: str,
    seen: list[str],
    *,
    confidence: Confidence = "high",
    owner: Owner | None = None,
    ruled_out: list[str] | None = None,
    values: dict[str, str] | None = None,
    severity: Severity | None = None,
) -> Finding:
    leaf = handshake.chain[0] if handshake.chain else None
    filled = {
        "address": handshake.address,
        "alert": handshake.alert,
        "detail": handshake.verify_message or handshake.error,
        "version": handshake.version,
    }
    if not evidence.route.cafile and code in ("tls-intercepted", "tls-untrusted-issuer"):
        filled["cafile"] = public_file(handshake)
    if leaf is not None:
        filled |= {
            "issuer": common_name(leaf.issuer),
            "subject": common_name(leaf.subject),
            "names": ", ".join(leaf.names[:5]) or common_name(leaf.subject),
            "not_before": leaf.not_before[:10],
            "not_after": leaf.not_after[:10],
        }
    return evidence.finding(
        code,
        values={name: value for name, value in {**filled, **(values or {})}.items() if value},
        seen=seen,
        ruled_out=[*(ruled_out or []), *evidence.cleared(Stage.TLS)],
        confidence=confidence,
        severity=severity,
        owner=owner,
        layer="tls" if code == "unknown" else None,
    )


def _alert(handshake: TlsHandshake) -> str:
    return f'the server ended it with the alert "{handshake.alert}"' if handshake.alert else handshake.error


# -- silence, reset, close -------------------------------------------------------------------------


def _stopped(evidence: Evidence, handshake: TlsHandshake) -> Finding:
    if (portal := _portal(evidence)) is not None:
        return portal
    if (local := _all_alike(evidence, handshake)) is not None:
        return local
    silent = handshake.failure is Failure.TIMED_OUT
    how = "silence" if silent else str(handshake.failure)
    seen = [f"{how} after the ClientHello: {handshake.bytes_sent} bytes sent, {handshake.bytes_received} received"]
    names = (
        questions.OTHER_SERVER_NAME,
        questions.NO_SERVER_NAME,
        questions.SMALL_HELLO,
        questions.SMALL_SEGMENTS,
        questions.OLD_TLS,
        questions.TLS_CONTROL,
    )
    tried = {name: evidence.tried(name) for name in names}
    seen += [f"{o.tried.changed} {o.tried.after}: {o.text}" for o in tried.values() if o is not None]
    code, confidence = _which(handshake, tried)
    ruled_out = []
    control = tried[questions.TLS_CONTROL]
    if control is not None and control.reached:
        ruled_out.append(f"TLS in general ({control.tried.after} answers)")
    return _finding(evidence, handshake, code, seen, confidence=confidence, ruled_out=ruled_out)


def _all_alike(evidence: Evidence, handshake: TlsHandshake) -> Finding | None:
    """Every connection opens, to other hosts and to port 80 too, and every one is ended alike at the first byte.
    A filter of the network chooses; what takes everything stands on this machine, or is its only way out.
    """
    if handshake.failure not in (Failure.RESET, Failure.CLOSED) or handshake.bytes_received or evidence.proxied:
        return None
    others = [*evidence.tried_all(questions.TLS_CONTROL), *evidence.tried_all(questions.PORTAL_CHECK)]
    ends = [last for outcome in others if (last := _last_of(outcome)) is not None]
    ports = {"portal" if isinstance(last, HttpExchange) else "tls" for last in ends}
    alike = all(last.failure in (Failure.RESET, Failure.CLOSED) for last in ends)
    if len(ends) < len(others) or len(ports) < 2 or not alike:
        return None
    return _finding(
        evidence,
        handshake,
        "local-interception",
        [
            f"{handshake.failure} after the ClientHello: {handshake.bytes_sent} bytes sent, none received",
            *(f"{one.tried.changed} {one.tried.after}: {one.text}" for one in others),
        ],
        confidence="medium",
    )


def _last_of(outcome: Outcome) -> TlsHandshake | HttpExchange | None:
    """Where the walk ended, when it got as far as a connection that opened."""
    last = outcome.observations[-1] if outcome.observations else None
    return last if isinstance(last, TlsHandshake | HttpExchange) else None


def _which(handshake: TlsHandshake, tried: Mapping[Question, Outcome | None]) -> tuple[str, Confidence]:
    """By the one change that gets further than the client did; of several, by what they mean together."""
    passes = {question: outcome is not None and _further(outcome, handshake) for question, outcome in tried.items()}
    by_name = [passes[questions.OTHER_SERVER_NAME], passes[questions.NO_SERVER_NAME]]
    if passes[questions.SMALL_SEGMENTS] and handshake.failure is Failure.TIMED_OUT:
        # The hello fits one small segment, so a filter would still have read the whole name. Other names
        # may pass as well: what the server says to them is short. What is too large is lost, never reset.
        return questions.SMALL_SEGMENTS.means, "medium" if passes[questions.SMALL_HELLO] else "high"
    if any(by_name):
        return questions.OTHER_SERVER_NAME.means, "high" if all(by_name) or not passes[
            questions.SMALL_HELLO
        ] else "medium"
    if passes[questions.SMALL_HELLO]:
        return questions.SMALL_HELLO.means, "high"
    if passes[questions.OLD_TLS]:
        return questions.OLD_TLS.means, "medium"
    plain = "tls-timeout" if handshake.failure is Failure.TIMED_OUT else "tls-reset"
    varied = [outcome for outcome in tried.values() if outcome is not None]
    return plain, "high" if varied else "medium"


def _further(outcome: Outcome, base: TlsHandshake) -> bool:
    """The other side spoke TLS, whatever it thought of the certificate or the name; where it had spoken to the
    client too, before it fell silent or broke off, only a certificate counts.
    """
    shakes = [step for step in outcome.observations if isinstance(step, TlsHandshake)]
    if any(step.failure in (Failure.TIMED_OUT, Failure.RESET) for step in shakes):
        return False
    if base.bytes_received:
        return outcome.reached
    return any(step.bytes_received > 0 and step.failure is not Failure.NOT_TLS for step in shakes)


# -- not trusted -----------------------------------------------------------------------------------


def _untrusted(evidence: Evidence, handshake: TlsHandshake) -> Finding:
    chain = handshake.chain
    seen = _chain_told(handshake) + _stores_told(handshake)
    product = products.inspector([text for cert in chain for text in (cert.issuer, cert.subject)])
    minted = _minted(evidence, handshake)
    if minted:
        seen.append(minted)
    if (lack := _file_lacks_root(evidence, handshake, inspected=bool(product or minted))) != "":
        variable = evidence.route.trust_source
        return _finding(evidence, handshake, "ca-file-incomplete", [lack, *seen], values={"variable": variable})
    if product or minted:
        return _finding(
            evidence,
            handshake,
            "tls-intercepted",
            seen,
            values={"product": product or common_name(chain[0].issuer if chain else "")},
            confidence="high",
        )
    if (portal := _portal(evidence)) is not None:
        return portal
    if handshake.failure is Failure.SELF_SIGNED:
        return _finding(evidence, handshake, "tls-self-signed", seen, owner=_server_owner(evidence))
    if (why := incomplete(handshake)) != "":
        return _finding(evidence, handshake, "tls-incomplete-chain", [why, *seen], owner=_server_owner(evidence))
    confidence: Confidence = "high" if evidence.tried(questions.OTHER_SERVER_NAME) else "medium"
    return _finding(
        evidence,
        handshake,
        "tls-untrusted-issuer",
        seen,
        confidence=confidence,
        owner=_trust_owner(evidence),
        values={"issuer": common_name(chain[-1].issuer if chain else "")},
    )


def _file_lacks_root(evidence: Evidence, handshake: TlsHandshake, *, inspected: bool) -> str:
    """A variable replaced the whole store, and another store of this machine holds the root.

    Where an inspection product signs, only the public set proves that the file is what is wrong: a
    company puts its root into the OS store too.
    """
    variable = evidence.route.trust_source
    if evidence.route.trust not in ("file", "directory"):
        return ""
    others = [store for store in handshake.stores if store.trusted and not store.strict and store.store != variable]
    others = [store for store in others if store.store == "certifi" or not inspected]
    if not others:
        return ""
    return f"{variable} replaces the whole store; {' and '.join(map(store_name, others))} would trust this chain"


def _server_owner(evidence: Evidence) -> Owner:
    """Who runs the server that showed this certificate."""
    return "network" if evidence.official else "gateway"


def _trust_owner(evidence: Evidence) -> Owner:
    """A gateway with a private authority is trusted by its user; the official host never has one."""
    return "network" if evidence.official else "you"


def _chain_told(handshake: TlsHandshake) -> list[str]:
    if not handshake.chain:
        return [handshake.verify_message or handshake.error]
    last = handshake.chain[-1]
    leaf = handshake.chain[0]
    told = [f'issuer "{common_name(leaf.issuer)}"']
    if len(handshake.chain) > 1 or last.self_signed:
        told.append(f'chain of {len(handshake.chain)} ends at "{common_name(last.issuer)}"')
    else:
        told.append("one certificate was sent, without its issuer")
    told.append(f"OpenSSL: {handshake.verify_message}" if handshake.verify_message else "")
    return [text for text in told if text]


def _stores_told(handshake: TlsHandshake) -> list[str]:
    judged = [store for store in handshake.stores if not store.strict]
    trusts = [store_name(store) for store in judged if store.trusted]
    not_in = [store_name(store) for store in judged if not store.trusted]
    told = [f"trusted by {', '.join(trusts)}"] if trusts else []
    if not_in:
        told.append(f"not trusted by {', '.join(not_in)}")
    return [*clients_told(handshake), *told]


def _minted(evidence: Evidence, handshake: TlsHandshake) -> str:
    """The same address, asked for another name, showed a certificate for that name from the same issuer;
    or a host that has nothing to do with the API is signed by the same issuer.
    """
    if not handshake.chain:
        return ""
    issuer = handshake.chain[0].issuer
    for name in (questions.OTHER_SERVER_NAME, questions.TLS_CONTROL):
        for outcome in evidence.tried_all(name):
            for step in outcome.observations:
                if isinstance(step, TlsHandshake) and _signed_by(issuer, step, handshake.chain[0]):
                    signer = common_name(issuer)
                    return f'asked for {step.server_name}, it shows a certificate for that too, also from "{signer}"'
    return ""


def _signed_by(issuer: str, step: TlsHandshake, ours: Certificate) -> bool:
    """The handshake showed a certificate of the same issuer for a name that ours is not for."""
    if not step.chain or step.chain[0].issuer != issuer:
        return False
    if step.ok and step.purpose == "control":
        return False  # a public authority signs that host and this one: that is what it is for
    return _names_host(step.chain[0], step.server_name) and not _names_host(ours, step.server_name)


def _names_host(certificate: Certificate, host: str) -> bool:
    host = host.lower()
    names = [name.lower() for name in certificate.names] or [common_name(certificate.subject).lower()]
    return any(name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:]) for name in names)


# -- dates, names, strictness ----------------------------------------------------------------------


def _not_valid_now(evidence: Evidence, handshake: TlsHandshake) -> Iterable[Finding]:
    """Judged at the true time: a certificate that is not valid then either is the server's fault, whatever our clock
    says, and the clock is told beside it.
    """
    leaf = handshake.chain[0] if handshake.chain else None
    now = dates.moment(evidence)
    seen = []
    if leaf is not None:
        today = evidence.run.started_at[:10]
        seen.append(f"valid from {leaf.not_before[:10]} to {leaf.not_after[:10]}; this machine says {today}")
    controls = evidence.tried_all(questions.TLS_CONTROL)
    also = [o for o in controls if o.failure in (Failure.EXPIRED, Failure.NOT_YET_VALID) or _dates_wrong(o)]
    still = dates.invalid_at(handshake.chain, now.true) if now.wrong else ""
    if now.wrong and now.offset_s is not None:
        off = f"{dates.span(abs(now.offset_s))} {'ahead' if now.offset_s > 0 else 'behind'}"
        seen.append(f"another machine's clock: ours is {off}")
        yield _finding(
            evidence,
            handshake,
            "tls-clock-wrong",
            [*seen, "the certificate is not valid at that machine's time either" if still else ""],
            values={"offset": off},
            severity="warning" if still else None,
        )
        if not still:
            return
    elif now.offset_s is None and also:
        seen.append(f"{also[0].tried.after} is not valid now either")
        yield _finding(evidence, handshake, "tls-clock-wrong", seen, confidence="medium")
        return
    code = still or ("tls-expired" if handshake.failure is Failure.EXPIRED else "tls-not-yet-valid")
    product = products.inspector([leaf.issuer]) if leaf else ""
    yield _finding(
        evidence,
        handshake,
        code,
        seen + _chain_told(handshake),
        confidence="high" if now.offset_s is not None else "medium",
        owner="network" if product else "anthropic" if evidence.official else "gateway",
    )


def _dates_wrong(outcome: Outcome) -> bool:
    return any(
        isinstance(step, TlsHandshake) and step.failure in (Failure.EXPIRED, Failure.NOT_YET_VALID)
        for step in outcome.observations
    )


def _portal(evidence: Evidence) -> Finding | None:
    """The plain-HTTP check page was answered by something else: a portal holds all traffic."""
    from claudecheck.diagnosis.rules.http import portal_from_check

    return portal_from_check(evidence)


def _wrong_name(evidence: Evidence, handshake: TlsHandshake) -> Finding:
    if (portal := _portal(evidence)) is not None:
        return portal
    leaf = handshake.chain[0] if handshake.chain else None
    names = ", ".join(leaf.names[:5]) if leaf else ""
    owner: Owner = "network" if evidence.official else "you"
    return _finding(
        evidence,
        handshake,
        "tls-hostname-mismatch",
        [f"the certificate is for {names}", *_chain_told(handshake)],
        owner=owner,
    )


def _weakness(handshake: TlsHandshake) -> str:
    leaf = handshake.chain[0] if handshake.chain else None
    return f"{handshake.verify_message}: {leaf.key}, {leaf.signature}" if leaf else handshake.verify_message


def _strict(evidence: Evidence, handshake: TlsHandshake) -> Finding:
    relaxed = [store_name(store) for store in handshake.stores if store.trusted and not store.strict]
    seen = [
        f"OpenSSL: {handshake.verify_message}",
        f"without strict checks trusted by {', '.join(relaxed)}" if relaxed else "",
    ]
    seen += [
        f'"{common_name(cert.subject)}" lacks {", ".join(cert.missing)}' for cert in handshake.chain if cert.missing
    ]
    return _finding(evidence, handshake, "tls-strict-certificate", seen)


def _trusted_interception(evidence: Evidence, handshake: TlsHandshake) -> Finding | None:
    """Inspected and trusted: the official host's chain ends at a root that no public store holds."""
    if not handshake.chain:
        return None
    if handshake.root_is_public is not False:
        return None
    product = products.inspector([text for cert in handshake.chain for text in (cert.issuer, cert.subject)])
    minted = _minted(evidence, handshake) if evidence.official else ""
    if not product and not minted:
        return None
    return _finding(
        evidence,
        handshake,
        "tls-intercepted-trusted",
        [*_chain_told(handshake), minted, *clients_told(handshake), "not in the public set of authorities (certifi)"],
        values={"product": product or common_name(handshake.chain[0].issuer), "others": others_told(handshake)},
    )
