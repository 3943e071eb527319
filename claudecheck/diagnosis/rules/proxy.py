"""Everything up to the tunnel: the proxy's name, its port, its TLS, and what it says to CONNECT."""

from __future__ import annotations

from collections.abc import Iterable

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.failures import Failure, Stage
from claudecheck.observations import Tunnel
from claudecheck.report import Confidence, Finding

#: Authentication schemes that the SDKs can speak.
SPOKEN = ("basic",)
#: What says that the proxy does not do its work, rather than that it refuses to.
_BROKEN = (
    "proxy-name-not-found",
    "proxy-refused",
    "proxy-timeout",
    "proxy-unreachable",
    "proxy-not-a-proxy",
    "proxy-upstream-failed",
)


def find(evidence: Evidence) -> Iterable[Finding]:
    if not evidence.proxied:
        return
    cause = _cause(evidence)
    if cause is None:
        return
    code, seen, values, confidence = cause
    direct = evidence.tried(questions.DIRECT)
    seen += _varied(evidence)
    # A proxy that refuses by policy is not called unneeded: going round it may not be allowed.
    broken = code in _BROKEN
    if broken and direct is not None and direct.reached:
        yield evidence.finding(
            "proxy-unneeded",
            values=values,
            seen=[*seen, "the direct route works"],
            ruled_out=evidence.cleared(Stage.PROXY),
        )
        return
    yield evidence.finding(
        code, values=values, seen=seen, ruled_out=evidence.cleared(Stage.PROXY), confidence=confidence
    )


def _varied(evidence: Evidence) -> list[str]:
    names = [questions.DIRECT, questions.PROXY_CONTROL, questions.WITHOUT_CREDENTIALS]
    names += [questions.PLAIN_PROXY, questions.TLS_PROXY]
    return [f"{o.tried.changed} {o.tried.after}: {o.text}" for name in names for o in evidence.tried_all(name)]


Cause = tuple[str, list[str], dict[str, str], Confidence]


def _cause(evidence: Evidence) -> Cause | None:
    tunnel = evidence.tunnel
    lookup = evidence.lookup("proxy")
    if lookup is not None and not lookup.ok and tunnel is None:
        code = "proxy-name-not-found" if lookup.failure is not Failure.CANCELLED else ""
        return (code, [f"{lookup.name}: {lookup.error}"], {"detail": lookup.error}, "high") if code else None
    connects = [connect for connect in evidence.connects("proxy") if connect.failure is not Failure.CANCELLED]
    if connects and not any(connect.ok for connect in connects):
        return _no_connection(evidence)
    handshake = evidence.handshake("proxy")
    if handshake is not None and not handshake.ok:
        plain = evidence.tried(questions.PLAIN_PROXY)
        hint = "it speaks plain HTTP: write the proxy URL with http://" if plain is not None and plain.reached else ""
        return (
            "proxy-tls-failed",
            [f"TLS to {evidence.route.proxy}: {handshake.error or handshake.failure}", hint],
            {"detail": handshake.error},
            "high",
        )
    if tunnel is None or tunnel.failure is Failure.CANCELLED:
        return None
    if tunnel.ok:
        return _page_for_a_tunnel(evidence, tunnel)
    return _answered(evidence, tunnel)


def _page_for_a_tunnel(evidence: Evidence, tunnel: Tunnel) -> Cause | None:
    """A web server says 200 to any request, and sends its page where TLS should begin. A proxy's 200 has no body."""
    if (page := evidence.page_for_a_tunnel) is None:
        return None
    seen = [f"{tunnel.proxy} to {tunnel.target}: {tunnel.status} {tunnel.reason}, and then a page: {page}"]
    return "proxy-not-a-proxy", seen, {"status": str(tunnel.status)}, "high"


def _no_connection(evidence: Evidence) -> Cause:
    connects = evidence.connects("proxy")
    failures = [connect.failure for connect in connects]
    seen = [f"{c.address} port {c.port}: {c.failure} ({c.errno_name or c.error})" for c in connects[:4]]
    values = {"address": connects[0].address}
    if Failure.REFUSED in failures or Failure.RESET in failures:
        return "proxy-refused", seen, values, "high"
    if Failure.TIMED_OUT in failures:
        return "proxy-timeout", seen, values, "high"
    return "proxy-unreachable", seen, values, "high"


def _answered(evidence: Evidence, tunnel: Tunnel) -> Cause:
    said = f"{tunnel.proxy} to {tunnel.target}: "
    said += f"{tunnel.status} {tunnel.reason}".strip() if tunnel.status else (tunnel.error or str(tunnel.failure))
    schemes = [scheme.split()[0].lower() for scheme in tunnel.schemes if scheme.split()]
    values = {
        "status": f"{tunnel.status} {tunnel.reason}".strip() if tunnel.status else "",
        "schemes": ", ".join(scheme.split()[0] for scheme in tunnel.schemes if scheme.split()),
        "detail": tunnel.error,
    }
    seen = [said]
    match tunnel.failure:
        case Failure.PROXY_AUTH_REQUIRED:
            seen.append(f"it offers {values['schemes']}" if values["schemes"] else "")
            seen.append(_what_became_of_credentials(evidence, tunnel))
            without = evidence.tried(questions.WITHOUT_CREDENTIALS)
            if not tunnel.with_credentials and without is not None and without.reached:
                return "proxy-login-unwanted", seen, values, "high"
            unsupported = bool(schemes) and not any(scheme in SPOKEN for scheme in schemes)
            return ("proxy-auth-unsupported" if unsupported else "proxy-auth-required"), seen, values, "high"
        case Failure.PROXY_DENIED:
            return "proxy-denied", seen, values, "high"
        case Failure.PROXY_UPSTREAM_FAILED:
            return "proxy-upstream-failed", seen, values, "high"
        case Failure.TIMED_OUT:
            if (plain := _speaks_http(evidence)) != "":
                return "proxy-not-a-proxy", [*seen, plain], values, "high"
            over_tls = evidence.tried(questions.TLS_PROXY)
            if over_tls is not None and over_tls.reached:
                return "proxy-tls-failed", [*seen, "it expects TLS: write the proxy URL with https://"], values, "high"
            control = evidence.tried(questions.PROXY_CONTROL)
            if control is not None and control.reached:
                return "proxy-upstream-failed", [*seen, "it opens tunnels to other hosts"], values, "medium"
            return "proxy-timeout", seen, values, "high" if control is not None else "medium"
        case Failure.NOT_A_PROXY if _is_a_proxy(evidence, tunnel):
            seen.append(f"it leads to {tunnel.headers['location']}" if "location" in tunnel.headers else "")
            return "proxy-denied", seen, values, "high"
        case Failure.NOT_A_PROXY | Failure.CLOSED | Failure.RESET:
            seen.append(_speaks_http(evidence))
            over_tls = evidence.tried(questions.TLS_PROXY)
            if over_tls is not None and over_tls.reached:
                return "proxy-tls-failed", [*seen, "it expects TLS: write the proxy URL with https://"], values, "high"
            seen.append(f"first bytes: {tunnel.first_bytes}" if tunnel.first_bytes else "")
            return "proxy-not-a-proxy", seen, values, "high" if tunnel.first_bytes else "medium"
        case _:
            return "unknown", seen, values, "low"


def _what_became_of_credentials(evidence: Evidence, tunnel: Tunnel) -> str:
    if tunnel.with_credentials:
        return "credentials were sent and refused"
    if evidence.route.proxy_has_credentials:
        return "credentials are configured, and the proxy did not ask for them: none were sent"
    return "no credentials are configured"


def _is_a_proxy(evidence: Evidence, tunnel: Tunnel) -> bool:
    """It sends this host elsewhere, as proxies do with hosts that they forbid; others it lets through."""
    control = evidence.tried(questions.PROXY_CONTROL)
    marks = ("via", "x-squid-error", "proxy-connection", "proxy-agent")
    says_so = any(name in tunnel.headers for name in marks)
    return 300 <= tunnel.status < 400 and (says_so or (control is not None and control.reached))


def _speaks_http(evidence: Evidence) -> str:
    """A SOCKS address that answers an HTTP CONNECT."""
    plain = evidence.tried(questions.PLAIN_PROXY)
    if not evidence.route.proxy_scheme.startswith("socks") or plain is None or not plain.reached:
        return ""
    return "it is no SOCKS proxy, it speaks HTTP: write the proxy URL with http://"


def proxy_required(evidence: Evidence, seen: list[str]) -> Finding | None:
    """Direct is blocked, and the proxy that this machine knows opens the way."""
    through = evidence.tried(questions.KNOWN_PROXY)
    if through is None or not through.reached:
        return None
    detection = evidence.detection
    source = detection.system_source if detection else ""
    # An empty variable in lower case hides the one in capitals: only its own name helps.
    named = [
        one.values.get("proxy_variable", "") for one in evidence.concerns if one.kind == "proxy-variables-conflict"
    ]
    name = next((one for one in named if one.lower() != "no_proxy"), "HTTPS_PROXY")
    values = {
        "proxy": through.tried.after,
        "proxy_variable": name,
        "variable": source or "the system's settings",
    }
    bypass = evidence.route.proxy_bypassed_by
    named_here = source.isidentifier() and source.lower() != name.lower()
    return evidence.finding(
        "proxy-required",
        values=values,
        seen=[
            *seen,
            f"through {through.tried.after} ({source}): {through.text}",
            f"NO_PROXY entry {bypass!r} takes {evidence.route.host} off the proxy" if bypass else "",
        ],
        ruled_out=evidence.cleared(Stage.PROXY),
        facts=("known-proxy-variable",) if named_here else (),
    )
