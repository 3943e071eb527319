"""One row per stage: what was seen there, in a line. Pure; the findings colour it, the facts word it."""

from __future__ import annotations

from collections.abc import Iterable

from claudecheck.clients import registry
from claudecheck.diagnosis import addresses, origin
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.trust_matrix import common_name
from claudecheck.failures import Failure, LeftOut, Stage
from claudecheck.observations import HttpExchange, Observation, RouteView, TlsHandshake
from claudecheck.report import Finding, StageName, StageRow, StageStatus

DIRECT = (Stage.ENVIRONMENT, Stage.DNS, Stage.TCP, Stage.TLS, Stage.PROXY, Stage.MODELS, Stage.MESSAGES)
PROXIED = (Stage.ENVIRONMENT, Stage.DNS, Stage.TCP, Stage.PROXY, Stage.TLS, Stage.MODELS, Stage.MESSAGES)


def name(stage: Stage) -> StageName:
    """The stage's name with the type that the report gives it."""
    return stage.value


def order(evidence: Evidence) -> tuple[Stage, ...]:
    return PROXIED if evidence.proxied else DIRECT


def steps(evidence: Evidence, stage: Stage) -> list[Observation]:
    """The observations on the client's route that belong to a stage."""
    proxied = evidence.proxied
    match stage:
        case Stage.DNS:
            lookup = evidence.lookup()
            return [lookup] if lookup is not None and not proxied else []
        case Stage.TCP:
            return [] if proxied else list(evidence.connects())
        case Stage.TLS:
            handshake = evidence.handshake()
            return [handshake] if handshake is not None else []
        case Stage.PROXY:
            lookup = evidence.lookup("proxy")
            found: list[Observation] = [lookup] if lookup is not None else []
            found += evidence.connects("proxy")
            found += [h for h in (evidence.handshake("proxy"), evidence.tunnel) if h is not None]
            return found
        case Stage.MODELS:
            return [evidence.models] if evidence.models is not None else []
        case Stage.MESSAGES:
            return [evidence.message] if evidence.message is not None else []
        case _:
            return []


def failed(evidence: Evidence, stage: Stage) -> bool:
    """The stage was walked, and it stopped the client."""
    if stage is Stage.ENVIRONMENT:
        return any(concern.stops_client for concern in evidence.concerns)
    walked = [step for step in steps(evidence, stage) if step.failure is not Failure.CANCELLED]
    if not walked:
        return False
    if stage is Stage.TCP:
        return not any(step.ok for step in walked)
    if stage is Stage.PROXY:
        connects = [c for c in evidence.connects("proxy") if c.failure is not Failure.CANCELLED]
        others = [step for step in walked if step not in connects]
        return (bool(connects) and not any(c.ok for c in connects)) or any(not step.ok for step in others)
    return not walked[-1].ok


_BY_THE_PROXY = "the proxy does this"


def proves_route(evidence: Evidence) -> bool:
    """Asked without a key, the API refused with its request-id: the way there is fine."""
    models = evidence.models
    if models is None or models.authenticated or models.status not in (401, 403):
        return False
    return origin.reached(models, official=evidence.official)


def row(evidence: Evidence, stage: Stage, findings: Iterable[Finding]) -> StageRow:
    ours = [finding for finding in findings if finding.layer == stage]
    walked = steps(evidence, stage)
    start = min((step.at_ms for step in walked), default=0.0)
    end = max((step.at_ms + step.duration_ms for step in walked), default=start)
    status, because = _status(evidence, stage, ours, walked)
    return StageRow(
        name=name(stage),
        status=status,
        summary=_summary(evidence, stage, status, because, ours),
        start_ms=round(start, 1),
        duration_ms=round(end - start, 1),
        skipped_because=because,
        brief=_BY_THE_PROXY if because is LeftOut.PROXY and stage in (Stage.DNS, Stage.TCP) else "",
    )


def _status(
    evidence: Evidence, stage: Stage, ours: list[Finding], walked: list[Observation]
) -> tuple[StageStatus, LeftOut | None]:
    if any(finding.severity == "error" for finding in ours):
        return "fail", None
    if evidence.proxied and stage in (Stage.DNS, Stage.TCP):
        return "skip", LeftOut.PROXY
    warned = any(finding.severity == "warning" for finding in ours)
    if _needless(evidence, stage) and not warned:
        return "skip", LeftOut.ROUTE
    if stage is Stage.ENVIRONMENT:
        return ("warn" if warned else "pass"), None
    if stage is Stage.PROXY and not evidence.proxied:
        return ("warn" if warned else "pass"), None
    if stage in evidence.skipped:
        return "skip", evidence.skipped[stage]
    if not walked or all(step.failure is Failure.CANCELLED for step in walked):
        return "skip", LeftOut.INCOMPLETE
    if stage is Stage.MODELS and proves_route(evidence):
        return "pass", None
    if failed(evidence, stage):
        # The models call failed beside the route: its finding says how much that matters.
        informed = any(finding.severity == "info" for finding in ours)
        return ("pass" if informed and not warned else "warn" if warned else "fail"), None
    return ("warn" if warned else "pass"), None


def _needless(evidence: Evidence, stage: Stage) -> bool:
    """Whether the route has nothing to do at this stage."""
    if stage is Stage.DNS:
        return addresses.parse(evidence.route.host) is not None
    return stage is Stage.TLS and evidence.route.scheme == "http"


def _summary(
    evidence: Evidence, stage: Stage, status: StageStatus, because: LeftOut | None, ours: list[Finding]
) -> str:
    if because is not None:
        return _skip_text(evidence, stage, because)
    match stage:
        case Stage.ENVIRONMENT:
            return ours[0].title if ours and status != "pass" else client_and_credential(evidence.route)
        case Stage.DNS:
            return _dns(evidence) or _title(ours)
        case Stage.TCP:
            return _tcp(evidence) or _title(ours)
        case Stage.TLS:
            return _tls(evidence) or _title(ours)
        case Stage.PROXY:
            return _proxy(evidence, ours)
        case Stage.MODELS:
            return _answer(evidence.models)
        case Stage.MESSAGES:
            return _answer(evidence.message)


def _title(ours: list[Finding]) -> str:
    """Of what was found at a stage without having walked it."""
    return ours[0].title if ours else ""


def _skip_text(evidence: Evidence, stage: Stage, because: LeftOut) -> str:
    if because is LeftOut.PROXY and stage in (Stage.DNS, Stage.TCP):
        return f"{_BY_THE_PROXY}; {_aside(evidence, stage)}"
    if because is LeftOut.ROUTE:
        return "the URL names an address" if stage is Stage.DNS else "plain http: no TLS on this route"
    if because is LeftOut.OPTION:
        return "left out by option"
    if because is LeftOut.LOGIN:
        return "not sent: only the client itself can use this credential"
    if because is LeftOut.PROVIDER:
        what = "its models and their region need" if stage is Stage.MODELS else "a message needs"
        return f"not tested: {what} the credentials of {evidence.route.provider}"
    if because is LeftOut.INCOMPLETE:
        return "not finished: the run was cut"
    return f"not reached: {because} failed"


def _aside(evidence: Evidence, stage: Stage) -> str:
    """The direct result on a proxied route: a side fact, never blamed."""
    if stage is Stage.DNS:
        lookup = evidence.lookup()
        if lookup is None:
            return "not asked directly"
        return f"directly: {', '.join(lookup.addresses[:2])}" if lookup.ok else "the name does not resolve directly"
    connects = evidence.connects()
    good = next((connect for connect in connects if connect.ok), None)
    if good is not None:
        return f"directly: {good.address} answers"
    return "directly: no connection" if connects else "not tried directly"


def client_and_credential(route: RouteView) -> str:
    """Who calls, and with what: the environment in a line, where nothing is wrong with it."""
    client = registry.title(route.client)
    parts = [f"{client} {route.client_version}".strip()]
    if route.credential != "none":
        parts.append(f"{route.credential_kind or route.credential} from {route.credential_source}")
    return ", ".join(parts)


def _dns(evidence: Evidence) -> str:
    lookup = evidence.lookup()
    if lookup is None:
        return ""
    if lookup.ok:
        return ", ".join(lookup.addresses[:3]) + (
            f" and {len(lookup.addresses) - 3} more" if len(lookup.addresses) > 3 else ""
        )
    words = {
        Failure.NAME_NOT_FOUND: f"{lookup.name} is not found",
        Failure.NO_ADDRESS: f"{lookup.name} has no address",
        Failure.TIMED_OUT: f"no answer for {lookup.name}",
        Failure.TRY_AGAIN: f"no usable answer for {lookup.name}",
        Failure.SERVER_FAILURE: f"the resolver failed on {lookup.name}",
    }
    return words.get(lookup.failure or Failure.UNKNOWN, f"{lookup.name}: {lookup.error or lookup.failure}")


def _tcp(evidence: Evidence) -> str:
    connects = evidence.connects()
    if not connects:
        return ""
    good = [connect for connect in connects if connect.ok]
    if not good:
        first = next((c for c in connects if c.failure is not Failure.CANCELLED), connects[0])
        words = {
            Failure.REFUSED: "refused by",
            Failure.TIMED_OUT: "no answer from",
            Failure.UNREACHABLE: "no route to",
            Failure.PROHIBITED: "not allowed to reach",
        }
        return f"{words.get(first.failure or Failure.UNKNOWN, 'cannot connect to')} {first.address} port {first.port}"
    first = good[0]
    other = next((c for c in good if addresses.is_ipv6(c.address) != addresses.is_ipv6(first.address)), None)
    text = f"{first.address} port {first.port}"
    if other is not None:
        text += f", {'IPv6' if addresses.is_ipv6(other.address) else 'IPv4'} also works"
    return text


def _tls(evidence: Evidence) -> str:
    handshake = evidence.handshake()
    if handshake is None:
        return ""
    if handshake.ok:
        issuer = common_name(handshake.chain[0].issuer) if handshake.chain else ""
        return f"{handshake.version}, certificate by {issuer}" if issuer else handshake.version
    return _tls_failed(handshake)


def _tls_failed(handshake: TlsHandshake) -> str:
    chain = handshake.chain
    ends = common_name(chain[-1].issuer) if chain else "?"
    match handshake.failure:
        case Failure.UNTRUSTED_ISSUER:
            return f'chain ends at "{ends}", not trusted'
        case Failure.SELF_SIGNED:
            return f'self-signed certificate "{ends}"'
        case Failure.EXPIRED:
            return f"certificate ended on {chain[0].not_after[:10]}" if chain else "certificate has expired"
        case Failure.NOT_YET_VALID:
            return f"certificate begins on {chain[0].not_before[:10]}" if chain else "certificate is not valid yet"
        case Failure.HOSTNAME_MISMATCH:
            return f"certificate is for {', '.join(chain[0].names[:2])}" if chain else "certificate is for another name"
        case Failure.TIMED_OUT:
            how = "no end" if handshake.bytes_received else "silence"
            return f"{how} after {handshake.bytes_sent} bytes sent, {handshake.bytes_received} received"
        case Failure.RESET:
            return f"reset after {handshake.bytes_sent} bytes sent, {handshake.bytes_received} received"
        case Failure.CLOSED:
            return f"closed after {handshake.bytes_sent} bytes sent, {handshake.bytes_received} received"
        case Failure.NOT_TLS:
            return f"not TLS: {handshake.first_bytes[:40]}"
        case Failure.ALERT | Failure.VERSION_UNSUPPORTED | Failure.CLIENT_CERTIFICATE_REQUIRED if handshake.alert:
            return f'refused with the alert "{handshake.alert}"'
        case _:
            return handshake.verify_message or handshake.error or str(handshake.failure)


def _proxy(evidence: Evidence, ours: list[Finding]) -> str:
    if not evidence.proxied:
        if ours:
            return ours[0].title
        bypass = evidence.route.proxy_bypassed_by
        return f"not used for this host (NO_PROXY: {bypass})" if bypass else "none configured"
    tunnel = evidence.tunnel
    if tunnel is None:
        return ours[0].title if ours else evidence.route.proxy
    if evidence.page_for_a_tunnel is not None:
        return f"{evidence.route.proxy} sent a page where the tunnel should be"
    if tunnel.ok:
        return f"{evidence.route.proxy} opened the tunnel"
    said = f"{tunnel.status} {tunnel.reason}".strip() if tunnel.status else (tunnel.failure or Failure.UNKNOWN).words
    return f"{evidence.route.proxy}: {said}"


def _answer(seen: HttpExchange | None) -> str:
    if seen is None:
        return ""
    if seen.ok:
        if seen.shape == "model-list":
            return f"{seen.status}, {len(seen.models)} models"
        tokens = f"{seen.input_tokens} tokens in, {seen.output_tokens} out"
        return f"{seen.status}, {seen.model}, {tokens}" if seen.model else str(seen.status)
    if seen.status:
        what = seen.error_type or {"html": "an HTML page", "empty": "an empty body"}.get(seen.shape, seen.shape)
        return f"{seen.status} {what}" + (", with request-id" if seen.request_id else ", no request-id")
    # The innermost exception says the most.
    said = f"{seen.chain[-1].type}: {seen.chain[-1].message}" if seen.chain else seen.error
    return said[:80] or (seen.failure or Failure.UNKNOWN).words
