"""Which questions a failure calls for: facts → ids, without a socket. What they mean is held by the replay."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.questions import QUESTIONS, Facts, asks
from claudecheck.diagnosis.third_parties import NO_THIRD_PARTIES, ThirdParties
from claudecheck.failures import Failure, Stage
from claudecheck.observations import HttpExchange, NameLookup, StoreVerdict, TlsHandshake
from claudecheck.route import Credential, Endpoint, Proxy, Route, Secret

PACKAGE = Path(__file__).parents[1] / "claudecheck"
OTHERS = ThirdParties(
    controls=("one.test", "two.test"), resolvers=("9.9.9.9",), portals=(("http://p.test/", 204, ""),) * 2
)
ROUTE = Route(credential=Credential(sort="api-key", secret=Secret("k")))
GATEWAY = replace(ROUTE, endpoint=Endpoint(host="llm.corp.example", base_path="/anthropic/v1"))
PROXIED = replace(ROUTE, proxy=Proxy("http", "proxy.test", 3128, "user", Secret("p")))
HEADERS = (("x-team", Secret("a")), ("x-trace", Secret("b")))


def called_for(stage: Stage, route: Route = ROUTE, **more: Any) -> list[str]:
    facts = Facts(stage=stage, route=route, others=OTHERS)
    return [ask.id for ask in asks(replace(facts, **more))]


def handshake(failure: Failure | None, **more: Any) -> dict[str, Any]:
    return {"seen": TlsHandshake(address="192.0.2.1", failure=failure, **more)}


def answer(status: int, stage: str = "models", **more: Any) -> dict[str, Any]:
    failure = None if status == 200 else Failure.STATUS
    return {"seen": HttpExchange(**{"stage": stage, "status": status, "failure": failure, **more})}


LOST: dict[str, Any] = {
    "seen": NameLookup(name="x", failure=Failure.NAME_NOT_FOUND),
    "nameservers": ("10.0.0.2",),
    "search": True,
}
FOUND = LOST | {"found": ("192.0.2.1",)}
NAMES = ["tls:other-name", "tls:no-name"]
SHAPES = ["tls:small-hello", "tls:small-segments", "tls:version-1.2"]
PRIVATE_ROOT = handshake(None, stores=[StoreVerdict(store="certifi", trusted=False)])
PUBLIC_ROOT = handshake(None, stores=[StoreVerdict(store="certifi", trusted=True)])
EDGE = {"cf-ray": "8f2a0c1ab0000000-FRA"}
SPOKE: dict[str, Any] = {"shape": "api-error", "request_id": "req_1"}


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        (
            called_for(Stage.DNS, **LOST),
            [
                "dns:nameserver-tcp:10.0.0.2",
                "dns:public:9.9.9.9",
                "dns:https",
                "dns:trailing-dot",
                "dns:other-name:one.test",
            ],
        ),
        (
            called_for(Stage.DNS, **FOUND),
            ["dns:nameserver-tcp:10.0.0.2", "dns:public:9.9.9.9", "dns:https", "dns:trailing-dot"],
        ),
        (
            called_for(Stage.DNS, GATEWAY, **LOST),
            ["dns:nameserver-tcp:10.0.0.2", "dns:trailing-dot", "dns:other-name:one.test"],
        ),
        (called_for(Stage.DNS, replace(ROUTE, resolver="127.0.0.1:53"), **LOST), []),
        (
            called_for(Stage.DNS, replace(ROUTE, known_proxy=PROXIED.proxy, resolver="127.0.0.1:53"), **LOST),
            ["tcp:known-proxy"],
        ),
        (called_for(Stage.DNS, replace(ROUTE, known_proxy=PROXIED.proxy, resolver="127.0.0.1:53"), **FOUND), []),
        (
            called_for(Stage.TCP),
            [
                "tcp:again",
                "tcp:control:one.test:443",
                "tcp:control:two.test:443",
                "tcp:control:one.test:80",
                *["tls:portal:http://p.test/"] * 2,
            ],
        ),
        (called_for(Stage.TCP, others=NO_THIRD_PARTIES), ["tcp:again"]),
        (
            called_for(
                Stage.TCP,
                others=NO_THIRD_PARTIES,
                found=("10.1.1.1",),
                listed=("10.1.1.1",),
                answers=("160.79.104.10",),
            ),
            ["tcp:again", "tcp:resolved-address:160.79.104.10"],
        ),
        (
            called_for(Stage.TCP, others=NO_THIRD_PARTIES, found=("10.1.1.1",), listed=(), answers=("160.79.104.10",)),
            ["tcp:again"],
        ),
        (
            called_for(
                Stage.TCP, others=NO_THIRD_PARTIES, found=("10.1.1.1",), listed=("10.1.1.1",), answers=("10.1.1.1",)
            ),
            ["tcp:again"],
        ),
        *(
            (
                called_for(Stage.TLS, **handshake(failure)),
                [
                    "tls:again",
                    *NAMES,
                    *SHAPES,
                    "tls:control:one.test",
                    "tls:portal:http://p.test/",
                    "models:status-page",
                ],
            )
            for failure in (Failure.TIMED_OUT, Failure.RESET, Failure.CLOSED)
        ),
        (called_for(Stage.TLS, **handshake(Failure.ALERT)), [*NAMES, "tls:control:one.test"]),
        (called_for(Stage.TLS, **handshake(Failure.VERSION_UNSUPPORTED)), [*NAMES, "tls:control:one.test"]),
        (
            called_for(Stage.TLS, **handshake(Failure.EXPIRED)),
            ["tls:control:one.test", "tls:control:two.test", *["tls:portal:http://p.test/"] * 2],
        ),
        (
            called_for(Stage.TLS, **handshake(Failure.UNTRUSTED_ISSUER)),
            ["tls:other-name", "tls:control:one.test", *["tls:portal:http://p.test/"] * 2],
        ),
        (called_for(Stage.TLS, **PRIVATE_ROOT), ["tls:other-name"]),
        (called_for(Stage.TLS, **PUBLIC_ROOT), []),
        (called_for(Stage.TLS, GATEWAY, **PRIVATE_ROOT), []),
        (
            called_for(Stage.PROXY, PROXIED),
            ["proxy:direct", "proxy:control:one.test", "proxy:without-credentials", "proxy:over-tls"],
        ),
        (
            called_for(Stage.PROXY, replace(ROUTE, proxy=Proxy("https", "p", 1))),
            ["proxy:direct", "proxy:control:one.test", "proxy:plain-http"],
        ),
        (
            called_for(Stage.PROXY, replace(ROUTE, proxy=Proxy("socks5", "p", 1))),
            ["proxy:direct", "proxy:control:one.test", "proxy:plain-http"],
        ),
        (called_for(Stage.MODELS, **answer(200)), []),
        (called_for(Stage.MODELS, replace(ROUTE, headers=HEADERS), **answer(200)), []),
        (called_for(Stage.MODELS, replace(ROUTE, headers=HEADERS[:1]), **answer(404)), ["models:no-custom-headers"]),
        (
            called_for(Stage.MODELS, replace(ROUTE, headers=HEADERS), **answer(404)),
            ["models:no-custom-headers", "models:without-header:x-team", "models:without-header:x-trace"],
        ),
        (called_for(Stage.MODELS, **answer(401, **SPOKE)), []),
        (called_for(Stage.MODELS, GATEWAY, **answer(401)), ["models:other-header"]),
        (called_for(Stage.MODELS, GATEWAY, **answer(404)), ["models:base-path"]),
        (called_for(Stage.MODELS, **answer(404)), []),
        *((called_for(Stage.MODELS, **answer(status)), ["models:neutral-agent"]) for status in (403, 406, 429)),
        (called_for(Stage.MODELS, **answer(403, request_id="req_1")), []),
        (called_for(Stage.MODELS, **answer(403, headers=EDGE)), ["models:neutral-agent", "models:exit"]),
        (
            called_for(Stage.MODELS, found=("2607:6bc0::10", "160.79.104.10"), **answer(403, headers=EDGE)),
            ["models:neutral-agent", "models:exit:ipv4", "models:exit:ipv6"],
        ),
        (
            called_for(Stage.MODELS, PROXIED, found=("2607:6bc0::10", "160.79.104.10"), **answer(451, headers=EDGE)),
            ["models:exit"],
        ),
        (called_for(Stage.MODELS, **answer(403, headers=EDGE, **SPOKE)), []),
        (called_for(Stage.MODELS, **answer(0, failure=Failure.CLOSED)), ["models:again", "models:status-page"]),
        (called_for(Stage.MODELS, GATEWAY, **answer(0, failure=Failure.CLOSED)), ["models:again"]),
        (called_for(Stage.MODELS, **answer(0, failure=Failure.TIMED_OUT)), ["models:status-page"]),
        (
            called_for(Stage.MODELS, **answer(0, failure=Failure.CLOSED, client="curl 8")),
            ["models:plain-client", "models:status-page"],
        ),
        (called_for(Stage.MODELS, **answer(529, **SPOKE)), ["models:status-page"]),
        (called_for(Stage.MODELS, GATEWAY, **answer(529, **SPOKE)), ["models:status-page"]),
        (called_for(Stage.MODELS, **answer(502)), ["models:status-page"]),
        (called_for(Stage.MODELS, GATEWAY, **answer(502)), []),
        (called_for(Stage.MODELS, **answer(499, **SPOKE)), []),
        (
            called_for(Stage.MESSAGES, **answer(0, "messages", failure=Failure.CUT)),
            ["models:status-page", "messages:plain-client", "messages:stream"],
        ),
        (
            called_for(Stage.MESSAGES, **answer(403, "messages")),
            ["models:neutral-agent", "messages:plain-client", "messages:stream"],
        ),
        (called_for(Stage.MESSAGES, **answer(0, "messages", failure=Failure.SDK_MISSING)), []),
        (called_for(Stage.MESSAGES, models=("m",), **answer(404, "messages", **SPOKE)), ["messages:other-model"]),
        (called_for(Stage.MESSAGES, models=("m",), **answer(400, "messages", **SPOKE)), []),
        (called_for(Stage.MESSAGES, **answer(200, "messages")), ["messages:stream"]),
        (called_for(Stage.MESSAGES), ["messages:stream"]),  # beside the message
        (called_for(Stage.MESSAGES, replace(ROUTE, credential=Credential()), **answer(200, "messages")), []),
    ],
)
def test_a_failure_calls_for_these_questions_and_no_others(called: list[str], expected: list[str]) -> None:
    assert called == expected


# -- names that nobody else may hear -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("api.anthropic.com", True),
        ("bedrock-runtime.eu-west-1.amazonaws.com", True),
        ("aiplatform.googleapis.com", True),
        ("llm.corp.internal", False),
        ("api.anthropic.com.corp.example", False),
        ("notamazonaws.com", False),
    ],
)
def test_only_a_public_name_is_shown_to_resolvers_that_are_not_this_machines(host: str, public: bool) -> None:
    called = called_for(Stage.DNS, replace(ROUTE, endpoint=Endpoint(host=host)), **LOST)
    assert (
        {"dns:public:9.9.9.9", "dns:https"} <= set(called)
        if public
        else not any("9.9.9.9" in one or one == "dns:https" for one in called)
    )


def test_a_resolver_that_the_user_names_may_hear_a_private_name() -> None:
    others = replace(OTHERS, resolvers_named=True)
    called = called_for(Stage.DNS, GATEWAY, **(LOST | {"others": others}))
    assert "dns:public:9.9.9.9" in called
    assert "dns:https" not in called


# -- the table itself --------------------------------------------------------------------------------


def test_every_id_is_its_own_and_begins_with_a_stage() -> None:
    ids = [question.id for question in QUESTIONS]
    assert len(ids) == len(set(ids))
    assert {one.partition(":")[0] for one in ids} <= {*(stage.value for stage in Stage), "client"}


def test_what_a_question_means_is_a_problem_of_the_catalogue() -> None:
    assert {question.means for question in QUESTIONS} - {""} <= set(CATALOGUE)


def test_no_file_but_the_table_names_an_id() -> None:
    ids = [question.id for question in QUESTIONS]
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "questions.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not [one for one in ids if node.value == one or node.value.startswith(f"{one}:")], path


READERS = ("evidence", "cures")


def test_every_question_is_read_by_its_meaning_or_by_a_rule() -> None:
    read = set()
    for path in [
        *(PACKAGE / "diagnosis" / "rules").glob("*.py"),
        *(PACKAGE / "diagnosis" / f"{one}.py" for one in READERS),
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "questions":
                read.add(node.attr)
            if isinstance(node, ast.Name):
                read.add(node.id)
    names = {name for name, value in vars(questions).items() if isinstance(value, questions.Question)}
    assert names - read - {name for name in names if vars(questions)[name].means} == set()
