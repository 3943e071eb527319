"""Secrets never leave the redactor, in whatever spelling they stand, and words stay readable."""

import base64
import html
import json
import random
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.journal.deadline import Deadline
from claudecheck.journal.journal import JournalWriter
from claudecheck.journal.redact import Redactor
from claudecheck.observations import Certificate, HttpExchange, RouteChosen, RouteView, TlsHandshake

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


SPELLINGS = {
    "JSON with an escaped slash": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "percent in lower case": lambda s: "".join(f"%{b:02x}" for b in s.encode()),
    "percent in upper case": lambda s: "".join(f"%{b:02X}" for b in s.encode()),
    "percent twice": lambda s: quote(quote(s, safe=""), safe=""),
    "percent three times": lambda s: quote(quote(quote(s, safe=""), safe=""), safe=""),
    "percent inside JSON": lambda s: json.dumps(quote(s, safe="")).replace("%", "\\u0025"),
    "hex": lambda s: s.encode().hex(),
    "hex in upper case": lambda s: s.encode().hex().upper(),
    "HTML entities": html.escape,
    "HTML entities by number": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "HTML entities in hex": lambda s: "".join(f"&#x{ord(c):X};" for c in s),
    "upper case": str.upper,
    "lower case": str.lower,
    "unicode escapes": lambda s: "".join(f"\\u{ord(c):04x}" for c in s),
    "byte escapes": lambda s: "".join(f"\\x{ord(c):02x}" for c in s),
    "the repr of bytes": lambda s: repr(s.encode())[2:-1],
    "base64": lambda s: base64.b64encode(b"me:" + s.encode()).decode(),
    "base64, percent-encoded": lambda s: quote(base64.b64encode(b"me:" + s.encode()).decode(), safe=""),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(b"m:" + s.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("secret", [PASSWORD, "planted#pass/word:9d1", "50%25 of <it> & more"])
def test_a_known_secret_is_gone_in_every_usual_spelling(spelling: Callable[[str], str], secret: str) -> None:
    spelled = spelling(secret)
    cleaned = Redactor([secret]).clean(f"answer: {spelled}; end")
    assert spelled[len(spelled) // 3 : -(len(spelled) // 3)] not in cleaned
    assert cleaned.startswith("answer: ")
    assert cleaned.endswith("; end")


def test_a_secret_in_latin_1_is_gone_and_kills_nothing() -> None:
    secret = b"gr\xfc\xdfe-aus-K\xf6ln".decode("utf-8", "surrogateescape")
    told = {secret, "grüße-aus-Köln", "gr%FC%DFe-aus-K%F6ln", repr(b"gr\xfc\xdfe-aus-K\xf6ln")}
    assert {Redactor([secret]).clean(text)[-11:] for text in told} <= {"[redacted]", "[redacted]'"}
    Redactor(["\ud800 of no encoding"]).clean("text")


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("ANTHROPIC_API_KEY=anything docker run", "anything"),
        ("export DB_PASSWORD='hunter22'", "hunter22"),
        ('{"apiKey": "some-value-1"}', "some-value-1"),
        ('{\\"apiKey\\": \\"some-value-1\\"}', "some-value-1"),
        ("curl --proxy-user me:hunter22 https://x.example", "hunter22"),
        ("curl -U me:hunter22 https://x.example", "hunter22"),
        ("tool --api-key=hunter22", "hunter22"),
        ("Invalid port: 'hunter22@proxy:3128'", "hunter22"),
        ("Cookie: theme=dark; session=hunter22", "hunter22"),
        ("http://me:pa@ss@proxy:3128/", "pa"),
        ("http://me:pa/ss@w@proxy:3128/", "ss@w"),
        ("http://a.example/?u=http://me:hunter22@proxy:3128", "hunter22"),
    ],
)
def test_what_stands_where_a_secret_stands_is_taken_for_one(text: str, gone: str) -> None:
    cleaned = Redactor().text(text)
    assert gone not in cleaned
    assert "[redacted]" in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "https://api.anthropic.com:443/v1/messages?beta=true",
        "http://proxy.corp:3128/path@2x.png",
        "input_tokens: 12, max_tokens=1024",
        "ANTHROPIC_API_KEY is not set",
        "sk-ant- keys begin like that",
        "write to support@example.com",
        "https://h.example/~me/@types/node",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert Redactor(["another-value"]).clean(text) == text


@given(st.integers(0, 2600), st.sampled_from([KEY, "opaque-" + "Zq8" * 300]), st.integers(1, 40))
def test_no_cut_leaves_half_a_secret(before: int, secret: str, times: int) -> None:
    text = "x" * before + " " + f"{secret} " * times
    for known in ([secret], [secret, "y" * 5000]):
        assert secret[14:24] not in Redactor(known).clean(text)
        assert secret[14:24] not in Redactor(known).clean(text[: before + len(secret) // 2 + 200])


def test_what_a_peer_chose_to_be_slow_is_redacted_in_no_time() -> None:
    redactor = Redactor([KEY, PASSWORD])
    slow = ["a.", "%41", "eyJ-", "eyJaaaaaaaaaaa.", "sk-ant-", "://a:b", "://a:b/@c", "password   ", "Basic ", "--a-"]
    for piece in [*slow, "'a@b", "-", "&#47;", "\\", "a", KEY, '"cookie":', "\\u0041", "-u ", "sk-"]:
        text = piece * (1_000_000 // len(piece))
        started = time.process_time()
        redactor.clean(text)
        assert time.process_time() - started < 0.5, piece


def test_four_thousand_secrets_and_huge_ones_cost_little() -> None:
    words = random.Random(1)
    keys = [words.randbytes(40).hex() for _ in range(4000)]
    huge = [words.randbytes(50_000).hex() for _ in range(15)]
    text = " ".join(words.randbytes(4).hex() for _ in range(100_000)) + keys[7] + huge[3]
    started = time.process_time()
    cleaned = Redactor([*keys, *huge]).text(text)
    assert time.process_time() - started < 4
    assert keys[7][3:40] not in cleaned
    assert huge[3][100:140] not in cleaned


def test_a_certificate_is_whole_or_withheld() -> None:
    secret = "planted-in-a-certificate-77ab31"
    der = base64.b64encode(b"issuer " + secret.encode()).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----"
    seen = Certificate(subject="", issuer=secret, not_before="", not_after="", sha256="", pem=pem)
    written = [
        JournalWriter(Deadline(1), [known]).write(TlsHandshake(address="", chain=[seen]))
        for known in (secret, "other-secret")
    ]
    assert [one.chain[0].pem for one in written if isinstance(one, TlsHandshake)] == ["", pem]
