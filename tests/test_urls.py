"""The parser of URLs agrees with httpx's, which the SDKs use."""

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from claudecheck.clients import urls

PIECES = st.sampled_from(
    [
        *("http", "https", "HTTP", "all", "socks5", "://", ":/", "//", ":", "/", "?", "#", "@", "[", "]", "%"),
        *("user", "p%40ss", "a b", "*", "*.", ".", "..", "x.com", "10.0.0.1", "300.1.1.1", "::1", "fe80::", "/10"),
        *("443", "80", "8080", "port", " ", '"', "{", "<", "\\", "^", "|", "`", "~", "\u00fc", "\u2013", "\n", "+1"),
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join))
@example("https://user:12#34@host:1")
@example("HTTP://host:80")
@example("http://host/a/../b/./c?q=a b#f")
@example("////x")
@example("http://[::1]:8080/")
@example("all://[fe80::/10]")
@example("https://xn--mller-kva.de")
def test_what_httpx_refuses_is_refused_and_what_it_accepts_means_the_same(text: str) -> None:
    try:
        theirs = httpx.URL(text)
    except httpx.InvalidURL:
        with pytest.raises(urls.UrlError):
            urls.parse(text)
        return
    ours = urls.parse(text)
    assert (ours.scheme, ours.username, ours.password) == (theirs.scheme, theirs.username, theirs.password)
    assert (ours.host, ours.port) == (theirs.raw_host.decode(), theirs.port)
    assert ours.target == theirs.raw_path.decode()


def test_a_reason_never_repeats_a_piece_of_the_url() -> None:
    with pytest.raises(urls.UrlError, match=r"^has a port that is not a number$"):
        urls.parse("http://user:secret#word@proxy.corp:3128")
