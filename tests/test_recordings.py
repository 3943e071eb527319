"""What programs of other systems print, as others have recorded it (tests/recordings/README.md says who)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claudecheck.machine import scutil

FOLDER = Path(__file__).parent / "recordings"


def recorded(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("host", "nameservers"),
    [
        ("api.anthropic.com", ["10.9.0.1", "10.9.0.2"]),  # the VPN asks to be first for every name
        ("llm.corp.example", ["10.9.7.7"]),
        ("corp.example", ["10.9.7.7"]),
        ("notcorp.example", ["10.9.0.1", "10.9.0.2"]),
    ],
)
def test_a_vpn_on_macos_decides_for_its_domains(host: str, nameservers: list[str]) -> None:
    assert scutil.asked_for(host, recorded("scutil-dns-vpn.txt")) == (nameservers, ["home-domain"])


def test_nobody_is_asked_for_names_where_no_resolver_is_reachable() -> None:
    assert scutil.asked_for("api.anthropic.com", recorded("scutil-dns-unreachable.txt")) == ([], [])


def test_a_pac_file_that_is_switched_off_is_none() -> None:
    told = recorded("scutil-proxy-pac.txt")
    assert scutil.proxy_script(told) == "http://wpad.corp.example/wpad.dat"
    assert scutil.proxy_script(told.replace(": 1", ": 0")) == ""


@given(st.text())
def test_any_output_is_read(told: str) -> None:
    scutil.asked_for("a.example", told)
    scutil.asked_for("a.example", f"resolver #1\n{told}\nresolver #2\n  nameserver[0] : {told}\n  order : {told}\n")
    scutil.proxy_script(told)


def test_every_recording_has_a_source() -> None:
    index = recorded("README.md")
    assert all(f"`{path.name}`" in index for path in FOLDER.glob("*.txt"))
