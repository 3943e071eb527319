"""What is wrong before the first packet: the client's concerns, the interpreter, the machine."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from claudecheck.diagnosis import addresses
from claudecheck.diagnosis.change import REDACTED
from claudecheck.diagnosis.evidence import Evidence
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.facts import WORDS, Fact
from claudecheck.failures import Failure
from claudecheck.observations import Concern, HttpExchange
from claudecheck.report import Finding, Severity

#: The command line of each provider's cloud; a gateway has none.
PROVIDER_TOOLS = {
    "bedrock": "aws",
    "mantle": "aws",
    "aws": "aws",
    "vertex": "gcloud",
    "google-cloud": "gcloud",
    "foundry": "az",
}
_LEFT_OPEN = "whether it serves the model in this region, and the message itself"
NOT_TESTED = {
    "aws": f"not tested: the AWS credentials that sign the request (SigV4) or the bearer token, {_LEFT_OPEN}",
    "gcloud": f"not tested: Google's application default credentials, the project, {_LEFT_OPEN}",
    "az": f"not tested: the Foundry key or the Entra ID token, {_LEFT_OPEN}",
}


def find(evidence: Evidence) -> Iterable[Finding]:
    if (finding := _no_network(evidence)) is not None:
        yield finding
    told = {concern.kind for concern in evidence.concerns}
    for concern in evidence.concerns:
        if concern.kind == "provider-route":
            yield _provider(evidence, concern)
        else:
            yield _concern(evidence, concern)
    yield from _login(evidence)
    yield from _sdk(evidence, told)


def _no_network(evidence: Evidence) -> Finding | None:
    """Only when something failed and nothing could have left this machine."""
    network = evidence.network
    if network is None or network.interfaces or network.ipv4_route or network.ipv6_route:
        return None
    local = evidence.lookup()
    on_loopback = any(connect.ok for connect in [*evidence.connects(), *evidence.connects("proxy")])
    if on_loopback or (local is None and not evidence.connects("proxy")):
        return None
    return evidence.finding(
        "no-network",
        seen=["no network interface is up", "neither an IPv4 nor an IPv6 route leaves this machine"],
    )


def _concern(evidence: Evidence, concern: Concern, severity: Severity | None = None) -> Finding:
    severity = severity or _severity(evidence, concern)
    seen = [f"{concern.subject}: {concern.explained}" if concern.subject and concern.detail else concern.detail]
    values = dict(concern.values)
    if concern.subject:
        values.setdefault("variable", concern.subject)
    if concern.detail:
        values.setdefault("detail", concern.explained)
    return evidence.finding(concern.kind, values=values, seen=seen, severity=severity, facts=_facts(concern))


def _facts(concern: Concern) -> Iterable[Fact]:
    """What the concern itself decides about its fixes."""
    yield from (fact for fact in WORDS if fact in concern.facts)
    value = concern.values.get("value", "")
    if f"{REDACTED}@" in value:
        yield "proxy-has-credentials"
    if value.startswith("socks://"):
        yield "socks-unknown-scheme"


def _provider(evidence: Evidence, concern: Concern) -> Finding:
    """Which provider, which host, and what the walk leaves open: where it is walked at all."""
    untested = evidence.route.provider in PROVIDER_TOOLS  # its host was reached, and nothing was asked there
    finding = _concern(evidence, concern, "warning" if untested else "info")
    tool = PROVIDER_TOOLS.get(evidence.route.provider, "")
    return msgspec.structs.replace(finding, seen=[*finding.seen, *([NOT_TESTED[tool]] if tool else [])])


def _severity(evidence: Evidence, concern: Concern) -> Severity:
    """An error when it stops the client, or when the answer confirms it; else a warning at most."""
    if concern.stops_client:
        return "error"
    usual = CATALOGUE[concern.kind].severity
    if usual == "info":
        return "info"
    if concern.kind in ("sdk-missing", "sdk-broken"):
        return "error" if evidence.run.message else "warning"
    if concern.kind == "key-missing":
        return "error"
    if concern.kind == "base-url-insecure":
        return "warning" if _stays_inside(evidence) else "error"
    statuses = CATALOGUE[concern.kind].confirmed_by
    answers = [seen for seen in (evidence.models, evidence.message) if seen is not None]
    through = evidence.message is not None and evidence.message.ok
    if not through and any(seen.status in statuses for seen in answers):
        return "error"
    return "warning"


def _stays_inside(evidence: Evidence) -> bool:
    """Plain http to an address of this network: the key is readable here, and nowhere else."""
    if evidence.proxied:
        return False
    lookup = evidence.lookup()
    reached = lookup.addresses if lookup is not None else [connect.address for connect in evidence.connects()]
    return bool(reached) and all(addresses.is_private(address) for address in reached)


def _login(evidence: Evidence) -> Iterable[Finding]:
    """The SDK could not get a credential: its own words, from whichever stage met it first."""
    for seen in (evidence.models, evidence.message):
        if seen is not None and login_failed(seen):
            yield evidence.finding("login-failed", values={"detail": seen.error}, seen=[seen.error])
            return


def login_failed(seen: HttpExchange) -> bool:
    """The SDK could not turn its profile or identity token into a credential."""
    words = ("WorkloadIdentityError", "Token exchange failed", "CredentialsError", "lib.credentials")
    return seen.client == "sdk" and not seen.status and any(word in seen.error for word in words)


def _sdk(evidence: Evidence, told: set[str]) -> Iterable[Finding]:
    """An SDK that is missing, cannot be imported, or refuses to be built."""
    interpreter = evidence.interpreter
    if interpreter is not None and interpreter.failure is Failure.SDK_BROKEN and "sdk-broken" not in told:
        yield evidence.finding(
            "sdk-broken",
            values={"detail": interpreter.error, "python": interpreter.path},
            seen=[f"{interpreter.path}: {interpreter.error}"],
            severity="error" if evidence.run.message else "warning",
        )
        return
    message = evidence.message
    if message is None or message.failure not in (Failure.SDK_MISSING, Failure.SDK_BROKEN, Failure.CLIENT_REFUSED):
        return
    if any(concern.stops_client for concern in evidence.concerns):
        return  # the client refused for a reason that is already told
    if message.failure is Failure.SDK_MISSING:
        if "sdk-missing" not in told:
            yield evidence.finding("sdk-missing", seen=[message.error])
        return
    if message.failure is Failure.SDK_BROKEN:
        yield evidence.finding("sdk-broken", values={"detail": message.error}, seen=[message.error])
        return
    yield _refused(evidence)


def _refused(evidence: Evidence) -> Finding:
    """The client raised before its first packet, and no concern foresaw it: its own words decide."""
    message = evidence.message
    error = message.error if message else ""
    for words, code in (
        ("socksio", "proxy-scheme-unsupported"),
        ("Unknown scheme for proxy", "proxy-scheme-unsupported"),
        ("Invalid port", "no-proxy-invalid"),
        ("Illegal header value", "key-malformed"),
        ("Illegal header name", "custom-headers-invalid"),
        ("CredentialsError", "profile-invalid"),
        ("NO_CERTIFICATE_OR_CRL_FOUND", "ca-file-invalid"),
        ("FileNotFoundError", "ca-file-missing"),
        ("missing an 'http://' or 'https://'", "base-url-invalid"),
        ("Could not resolve authentication method", "key-missing"),
        ("UnicodeEncodeError", "key-malformed"),
        ("Retrying.", "profile-invalid"),
    ):
        if words in error:
            return evidence.finding(code, values={"detail": error}, seen=[error], confidence="medium", severity="error")
    return evidence.finding("sdk-broken", values={"detail": error}, seen=[error], confidence="medium")
