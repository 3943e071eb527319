"""Journals made by hand, for what no network shows at will: a value just below its threshold, two answers at once."""

from __future__ import annotations

from typing import Any

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.questions import Ask, Facts, Question, Target
from claudecheck.diagnosis.third_parties import ThirdParties
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure, Stage
from claudecheck.observations import (
    AnyObservation,
    Certificate,
    Clock,
    End,
    HttpExchange,
    Journal,
    NameLookup,
    RouteChosen,
    RouteView,
    Run,
    TcpConnect,
    TlsHandshake,
    VariationTried,
)
from claudecheck.report import Finding, Report
from claudecheck.route import Proxy, Route

HOST = "api.anthropic.com"
ADDRESS = "160.79.104.10"
GATEWAY = "llm.corp.example"
TODAY = "2026-11-29T12:00:00Z"
STAGES = {one.value: one for one in Stage}


def run(**more: Any) -> Run:
    return Run(**{"version": "0", "started_at": TODAY, "os": "Linux", **more})


def route(**more: Any) -> RouteChosen:
    view = {"client": "python", "host": HOST, "url": f"https://{HOST}", "credential": "api-key", **more}
    return RouteChosen(route=RouteView(**view))


def gateway(**more: Any) -> RouteChosen:
    return route(**{"host": GATEWAY, "url": f"https://{GATEWAY}", "official": False, **more})


def lookup(*addresses: str, **more: Any) -> NameLookup:
    return NameLookup(**{"name": HOST, "addresses": list(addresses or (ADDRESS,)), **more})


def connect(address: str = ADDRESS, **more: Any) -> TcpConnect:
    return TcpConnect(**{"address": address, "port": 443, "duration_ms": 10.0, **more})


def certificate(ends: str = "2027-02-01T00:00:00Z", begins: str = "2026-11-01T00:00:00Z", **more: Any) -> Certificate:
    names = {"subject": f"CN={HOST}", "issuer": "CN=E7,O=Some Authority", "names": [HOST]}
    return Certificate(**{**names, "not_before": begins, "not_after": ends, **more})


def handshake(failure: Failure | None = None, **more: Any) -> TlsHandshake:
    worked = {"version": "TLSv1.3", "verified": True, "bytes_received": 3000} if failure is None else {}
    return TlsHandshake(
        **{"address": ADDRESS, "server_name": HOST, "bytes_sent": 517, "failure": failure, **worked, **more}
    )


def exchange(status: int = 200, **more: Any) -> HttpExchange:
    """The models call; with `stage="messages"` the message."""
    models = more.get("stage", "models") == "models"
    usual: dict[str, Any] = {
        "stage": "models",
        "step": "models" if models else "message",
        "method": "GET" if models else "POST",
        "url": f"https://{HOST}/v1/{'models' if models else 'messages'}",
        "client": "httpx" if models else "sdk",
        "authenticated": True,
        "status": status,
        "failure": None if status == 200 else Failure.STATUS if status else Failure.CLOSED,
    }
    if status == 200:
        usual |= {"shape": "model-list" if models else "message", "request_id": "req_011"}
    return HttpExchange(**usual | more)


def message(status: int = 200, **more: Any) -> HttpExchange:
    return exchange(status, stage="messages", **more)


def refused(kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    """What makes an answer an error of the API."""
    return {"shape": "api-error", "request_id": "req_011", "error_type": kind, "error_message": text, **more}


def clock(offset_s: float) -> Clock:
    return Clock(source="https://control.test", offset_s=offset_s)


def tried(question: Question, *steps: AnyObservation, target: Target | None = None) -> list[AnyObservation]:
    """The question as it is declared, and the steps of its walk."""
    import msgspec

    facts = Facts(
        stage=question.at[0] if question.at else Stage.MODELS,
        route=Route(proxy=Proxy("http", "proxy.test", 3128), known_proxy=Proxy("http", "known.test", 3128)),
        others=ThirdParties(controls=("control.test",), portals=(("http://portal.test/", 204, ""),)),
    )
    ask = questions.put_to(
        question, facts, target or Target(name="other" if target is None and _named(question) else "")
    )
    return [_declared(ask), *(msgspec.structs.replace(step, variation=ask.id) for step in steps)]


def _named(question: Question) -> bool:
    return question.targets is not questions.the_route_itself


def _declared(ask: Ask) -> VariationTried:
    return VariationTried(id=ask.id, stage=ask.stage, changed=ask.changed, before=ask.before, after=ask.after)


def report(*seen: AnyObservation | list[AnyObservation]) -> Report:
    """What a run that saw this comes to. A run, a route and an end are added where they are missing."""
    flat = [one for part in seen for one in (part if isinstance(part, list) else [part])]
    first: list[AnyObservation] = [] if any(isinstance(one, Run) for one in flat) else [run()]
    chosen: list[AnyObservation] = [] if any(isinstance(one, RouteChosen) for one in flat) else [route()]
    last: list[AnyObservation] = [] if any(isinstance(one, End) for one in flat) else [End(at_ms=900.0)]
    return diagnose(Journal((*first, *chosen, *flat, *last)))


def findings(*seen: AnyObservation | list[AnyObservation]) -> list[str]:
    """The codes, each with the first letter of its severity: "e:tls-expired"."""
    return [f"{one.severity[0]}:{one.code}" for one in report(*seen).findings]


def first(*seen: AnyObservation | list[AnyObservation]) -> Finding:
    return report(*seen).findings[0]
