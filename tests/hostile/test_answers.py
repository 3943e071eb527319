"""Heads and bodies that nobody should send: whatever they are, they become facts that can be stored."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.observations import HttpExchange, ModelView
from claudecheck.probes import message
from claudecheck.probes.api import answer, http
from tests import probe_peers

NUMBER = "9" * 5000
DATES = [
    f"Mon, 01 Jan {NUMBER} 00:00:00 GMT",
    "Mon, 01 Jan 99999999 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 01 Jan 2026 00:00:00 +99999999999",
    "Mon, \u00b2 Jan 2026 00:00:00 GMT",
    ",",
]
MEMBERS = ["data", "type", "id", "error", "message", "usage", "input_tokens", "output_tokens", "content", "components"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


def stored(status: int, headers: list[tuple[str, str]], body: str) -> HttpExchange:
    """As it stands in the journal after it went through JSON."""
    walk = probe_peers.walk()
    request = http.Request(stage="models", step="models")
    http.record(walk, http.as_sent(walk, request, **answer.facts_of(status, headers, body)), walk.start())
    kept = walk.writer.journal().all(HttpExchange)[0]
    return msgspec.json.decode(msgspec.json.encode(kept), type=HttpExchange)


@pytest.mark.parametrize("date", DATES)
def test_a_date_that_is_none_says_nothing_of_the_clock(date: str) -> None:
    offset = answer.clock_offset_s({"date": date})
    assert offset is None or "99" in date or "0001" in date
    stored(200, [("Date", date)], "{}")


@pytest.mark.parametrize("count", [NUMBER, "1e999", "true", "-1", '"7"', "18446744073709551616", "1.5"])
def test_a_count_of_tokens_that_is_none_counts_nothing(count: str) -> None:
    usage = f'"usage":{{"input_tokens":{count},"output_tokens":{count}}}'
    whole = stored(200, [], f'{{"type":"message","content":[],"model":"m",{usage}}}')
    streamed = stored(200, [], f'event: message_start\ndata: {{"type":"message_start",{usage}}}\n')
    assert (whole.input_tokens, whole.output_tokens) == (0, 0)
    assert streamed.input_tokens in (0, 1)


def test_an_id_that_no_model_has_is_shown_and_not_asked_for() -> None:
    listed = [ModelView(id=name) for name in ("haiku\r\nx: y", "claude-haiku \ufffd", "\ud800haiku", "h" * 5000)]
    assert message.choose_models(None, listed) == list(message.KNOWN_MODELS)
    assert message.choose_models(None, [*listed, ModelView(id="claude-haiku-9")]) == ["claude-haiku-9"]


@given(JSON, st.lists(st.tuples(st.sampled_from(["date", "request-id", "Content-Type", "x-a"]), st.text()), max_size=4))
def test_any_json_becomes_facts(document: object, headers: list[tuple[str, str]]) -> None:
    stored(200, headers, json.dumps(document))


@given(st.text())
def test_any_text_becomes_facts(body: str) -> None:
    stored(200, [], body)
    stored(200, [], "data: " + body)


@given(st.text(max_size=200))
def test_any_date_is_one_or_is_none(date: str) -> None:
    answer.clock_offset_s({"date": date})
