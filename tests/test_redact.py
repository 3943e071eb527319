"""Secrets never leave the redactor, in whatever spelling they stand, and words stay readable."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.journal.redact import Redactor
from claudecheck.observations import HttpExchange, RouteChosen, RouteView

KEY = "sk-ant-api03-Ab1_" + "x7Yz-" * 15 + "AA"
PASSWORD = "p#ss w0rd/+"
secret_text = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)


@pytest.mark.parametrize(
    "text",
    [
        f"Illegal header value b'Bearer {KEY}\\n'",
        f"curl -H 'x-api-key: {KEY}' https://api.anthropic.com",
        f'{{"headers": {{"Authorization": "Bearer {KEY}"}}}}',
        f"https://user:{KEY}@gateway.example/v1",
        f"key={quote(KEY)}&b=1",
    ],
)
def test_a_key_that_nobody_told_us_of_is_known_by_its_shape(text: str) -> None:
    cleaned = Redactor().text(text)
    assert KEY not in cleaned
    assert KEY[20:60] not in cleaned


def test_the_kind_of_a_key_stays_so_that_a_wrong_kind_can_be_explained() -> None:
    assert "sk-ant-admin01" in Redactor().text("sk-ant-admin01-" + "a" * 80)


@given(secret_text, st.text(max_size=40), st.text(max_size=40))
def test_a_known_secret_is_gone_however_it_is_spelled(secret: str, before: str, after: str) -> None:
    spellings = [
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    ]
    redactor = Redactor([secret])
    for spelling in spellings:
        cleaned = redactor.text(f"{before}{spelling}{after}")
        assert secret not in cleaned
        # Base64 shares its last character with what follows; what is left gives nothing away.
        assert spelling.rstrip("=")[2:-1] not in cleaned or len(secret) < 6


@given(st.binary(max_size=8), secret_text, st.binary(max_size=8))
def test_a_secret_inside_a_longer_base64_text_is_gone(before: bytes, secret: str, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    cleaned = Redactor([secret]).text(f"Proxy-Authorization: Other {encoded}")
    at = (len(before) * 8 + 5) // 6
    core = encoded[at : (len(before) + len(secret)) * 8 // 6]
    assert core not in cleaned


def test_a_url_keeps_its_host_and_loses_its_userinfo() -> None:
    assert Redactor().text(f"http://me:{quote(PASSWORD)}@proxy.corp:8080/x") == "http://[redacted]@proxy.corp:8080/x"


def test_control_characters_are_shown_and_not_obeyed() -> None:
    cleaned = Redactor().clean("\x1b]0;owned\x07 ok\u202egnp.exe\r\x00")
    assert cleaned.isprintable()
    assert "\\x1b" in cleaned
    assert "ok" in cleaned


def test_text_of_any_length_is_bounded() -> None:
    assert len(Redactor().clean("x" * 1_000_000)) <= 2000


def test_nothing_unredacted_enters_the_journal() -> None:
    writer = JournalWriter(Deadline(1), [KEY, PASSWORD])
    writer.write(RouteChosen(route=RouteView(client="python", url=f"https://{PASSWORD}@h", custom_headers=[KEY])))
    writer.write(
        HttpExchange(
            stage="models",
            body=f"you sent {KEY}",
            headers={"x-echo": KEY, KEY: "as a name"},
            error=repr(f"Illegal header value b'Bearer {KEY}\n'"),
        )
    )
    import msgspec

    stored = msgspec.json.encode(list(writer.journal().observations)).decode()
    assert KEY not in stored
    assert PASSWORD not in stored
    assert "[redacted]" in stored
    json.loads(stored)
