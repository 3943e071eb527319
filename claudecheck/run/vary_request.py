"""Variations of what is asked: the client, the request, its size. The way to the host is `vary.py`'s.

No variation sends a credential to a host that is not on the user's route, and at most three further
messages of one token each are sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from claudecheck.diagnosis import variations as ids
from claudecheck.failures import Failure, Stage
from claudecheck.observations import HttpExchange
from claudecheck.probes.api import bodies, http
from claudecheck.probes.senders.sender import Sender
from claudecheck.probes.walk import Walk
from claudecheck.run.vary import Variation, Variations

NEUTRAL_AGENT = "Mozilla/5.0"
#: Bodies for count_tokens, in bytes: one packet, then sizes that need many.
BODY_SIZES = (1_000, 16_000, 64_000, 256_000)
#: A body is only sent when the measured rate says that it takes less than this.
LONGEST_UPLOAD_S = 4.0
SLOW_FIRST_S = 0.6


def client(vary: Variations, sender: Sender) -> None:
    """The client itself instead of the walk by its rules: it asks without a credential."""
    request = http.Request(stage="models", step="trial", path="/v1/models", authenticated=False)
    trial = Variation(
        ids.TRIAL, "client", "its rules", sender.name,
        partial(sender.exchange, request=request, limit_s=vary.step_s),
    )  # fmt: skip
    vary.run(Stage.MODELS, [trial])


def models(vary: Variations, seen: HttpExchange) -> None:
    """The same request with one header or the path changed."""
    again = http.Request(stage="models", step="models", path="/v1/models?limit=100")
    chosen: list[Variation] = []
    credential = vary.route.credential
    if not vary.route.endpoint.official and credential.secret and seen.status in (400, 401, 403, 407, 500):
        other = "x-api-key" if credential.header == "authorization" else "authorization"
        varied = replace(vary.route, credential=replace(credential, header=other))
        chosen.append(
            Variation(ids.OTHER_HEADER, "header", credential.header, other, partial(_send, request=again), varied)
        )
    if seen.status in (404, 405) and vary.route.endpoint.base_path:
        endpoint = vary.route.endpoint
        corrected = replace(endpoint, base_path=endpoint.base_path.rpartition("/v1")[0])
        varied = replace(vary.route, endpoint=corrected)
        chosen.append(
            Variation(ids.BASE_PATH, "base URL", endpoint.url, corrected.url, partial(_send, request=again), varied)
        )
    if vary.route.headers:
        varied = replace(vary.route, headers=())
        chosen.append(
            Variation(
                ids.NO_CUSTOM_HEADERS, "custom headers", "sent", "not sent", partial(_send, request=again), varied
            )
        )
    if seen.status in (403, 406, 429) and not seen.request_id:
        neutral = replace(vary.route, user_agent=NEUTRAL_AGENT)
        chosen.append(
            Variation(ids.NEUTRAL_AGENT, "User-Agent", vary.route.user_agent, NEUTRAL_AGENT,
                      partial(_send, request=again), neutral)
        )  # fmt: skip
    if not seen.status and seen.failure is not Failure.TIMED_OUT:
        chosen.append(
            Variation(ids.AGAIN, "attempt", "first", "second", partial(_send, request=again))
            if seen.client == "httpx"
            else Variation(ids.PLAIN_MODELS, "client", seen.client, "plain HTTP", partial(_send, request=again))
        )
    vary.run(Stage.MODELS, [*chosen, *_status_page(vary, seen)])


def _status_page(vary: Variations, seen: HttpExchange) -> list[Variation]:
    """The API answered that it is unwell: does its status page say so too?"""
    if not seen.request_id or seen.status < 500 or not vary.options.others.status_page:
        return []
    url = vary.options.others.status_page
    return [
        Variation(
            ids.STATUS_PAGE,
            "page",
            vary.route.endpoint.url,
            url,
            partial(_read_status, url=url, limit_s=vary.step_s),
        )
    ]


def messages(vary: Variations, seen: HttpExchange, others: Sequence[str] = ()) -> None:
    """The message by a plain client, and streamed: at most three more messages of one token each.

    `others` are models that the list names beside the one that was asked.
    """
    if seen.failure in (Failure.SDK_MISSING, Failure.SDK_BROKEN, Failure.CLIENT_REFUSED):
        return
    if seen.request_id and seen.shape == "api-error":
        # The API has said what is wrong: only another model, or its own state, can say more.
        vary.run(Stage.MESSAGES, [*_status_page(vary, seen), *_other_model(seen, others)])
        return
    plain = bodies.message_request(seen.model, stream=False)
    chosen = [
        Variation(ids.PLAIN_CLIENT, "client", seen.sender, "plain HTTP", partial(_send, request=plain, limit_s=10.0)),
        Variation(ids.STREAMED, "answer", "at once", "streamed",
                  partial(_send, request=bodies.message_request(seen.model, stream=True), limit_s=10.0)),
    ]  # fmt: skip
    if seen.status in (403, 406, 429) and not seen.request_id:
        neutral = replace(vary.route, user_agent=NEUTRAL_AGENT)
        chosen.append(
            Variation(ids.NEUTRAL_AGENT, "User-Agent", vary.route.user_agent, NEUTRAL_AGENT,
                      partial(_send, request=plain), neutral)
        )  # fmt: skip
    vary.run(Stage.MESSAGES, chosen, limit_s=11.0)


def _other_model(seen: HttpExchange, others: Sequence[str]) -> list[Variation]:
    """Refused for this model, or for all? Where the answer is about access, another one tells."""
    if seen.status not in (403, 404) or not others:
        return []
    plain = bodies.message_request(others[0], stream=False)
    send = partial(_send, request=plain, limit_s=10.0)
    return [Variation(ids.OTHER_MODEL, "model", seen.model, others[0], send)]


def stream(vary: Variations, seen: HttpExchange) -> None:
    """Something stands between that could hold a stream back: send one more message, streamed."""
    request = bodies.message_request(seen.model, stream=True)
    streamed = Variation(ids.STREAMED, "answer", "at once", "streamed", partial(_send, request=request, limit_s=10.0))
    vary.run(Stage.MESSAGES, [streamed], limit_s=11.0)


def sizes(vary: Variations, model: str) -> object:
    """Bodies of growing size to count_tokens, which is free; ends at the first that does not get through.

    A body is sent only when the rate of the one before says that it is quick, so that a slow line
    is not called a fault.
    """
    predicted = 0.0
    for size in BODY_SIZES:
        if predicted > LONGEST_UPLOAD_S:
            return None
        request = bodies.count_request(model, size)
        varied = Variation(
            f"{ids.COUNT_TOKENS}:{size}", "request size", "small", f"{size // 1000} kB",
            partial(_send, request=request, limit_s=2 * vary.step_s),
        )  # fmt: skip
        started = vary.walk.start()
        vary.run(Stage.MESSAGES, [varied], limit_s=2 * vary.step_s + 1.0)
        took = (vary.walk.start() - started) / 1000
        seen = _last(vary, varied.id)
        if seen is None or not seen.status:
            return None
        # The first is one packet: its time is the way's, not the rate's, unless the line is very slow.
        predicted = took * 4 if size > BODY_SIZES[0] else took * 16 if took > SLOW_FIRST_S else 0.0
    return None


def _last(vary: Variations, variation: str) -> HttpExchange | None:
    seen = vary.walk.writer.journal().all(HttpExchange, variation=variation)
    return seen[-1] if seen else None


def _read_status(walk: Walk, *, url: str, limit_s: float) -> object:
    request = http.Request(stage="messages", step="status", url=url, authenticated=False, expected="json")
    return http.exchange(walk, request, limit_s)


def _send(walk: Walk, *, request: http.Request, limit_s: float = 8.0) -> object:
    return http.exchange(walk, request, limit_s)
