"""Reading the machine: its platform, the files that variables name, and which texts are secrets."""

import sys
from pathlib import Path

import msgspec
import pytest

from claudecheck.clients import python_sdk, rows
from claudecheck.clients.snapshot import Setting, Snapshot
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.machine import environment, files, platform_facts, reading, surroundings
from claudecheck.observations import Interpreter, Journal, LocalNetwork, Run
from claudecheck.render.terminal import render_text
from tests import sdk_cases, sdk_files

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="the permission bits of POSIX")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="files that only Linux has")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("variables", "shell"),
    [
        ({"SHELL": "/bin/bash"}, "sh"),
        ({"SHELL": "/usr/bin/fish"}, "fish"),
        ({"SHELL": "/bin/zsh", "PSModulePath": "/opt/microsoft/powershell"}, "powershell"),
        ({}, "sh"),
    ],
)
def test_commands_are_written_for_the_shell_that_is_there(variables: dict[str, str], shell: str) -> None:
    assert platform_facts.shell("Linux", variables) == shell


@pytest.mark.parametrize(
    ("variables", "shell"),
    [
        ({"PSMODULEPATH": r"C:\Program Files\WindowsPowerShell\Modules;C:\Windows\system32\Modules"}, "cmd"),
        ({"PSMODULEPATH": r"C:\Users\a\Documents\Modules;C:\Program Files\Modules;C:\Windows\Modules"}, "powershell"),
        ({"MSYSTEM": "MINGW64"}, "sh"),
    ],
)
def test_the_shells_of_windows_are_told_apart(variables: dict[str, str], shell: str) -> None:
    assert platform_facts.shell("Windows", variables) == shell


@LINUX
def test_the_surroundings_are_told_by_their_signs(tmp_path: Path) -> None:
    write(tmp_path / "etc/os-release", 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    write(tmp_path / "proc/version", "Linux version 5.15.90.1-microsoft-standard-WSL2")
    write(tmp_path / ".dockerenv", "")
    variables = {"GITHUB_ACTIONS": "true", "CI": "true", "SSH_CONNECTION": "1 2 3 4", "TERM_PROGRAM": "vscode"}
    run = environment.run_observation(environment.read(variables, root=str(tmp_path)))
    assert (run.os, run.os_release) == ("Linux", "Debian GNU/Linux 12 (bookworm)")
    assert (run.container, run.wsl, run.ssh, run.ci, run.editor) == ("docker", True, True, "github", "vscode")


@LINUX
def test_what_else_has_a_hand_in_the_traffic_is_named_beside_the_verdict(tmp_path: Path) -> None:
    snapshot = environment.read({}, root=str(tmp_path))
    assert surroundings.read(snapshot, root=str(tmp_path)).agents == []
    (tmp_path / "opt/zscaler").mkdir(parents=True)
    seen = surroundings.read(snapshot, root=str(tmp_path))
    assert seen.agents == ["Zscaler"]
    network = LocalNetwork(ipv4_route=True, ipv6_route=False, interfaces=["eth0", "wg0"])
    report = diagnose(Journal((Run(version="0", started_at="2026-11-30T10:00:00Z"), seen, network)))
    told = render_text(report, width=100, colour=False, unicode=True, verbose=True)
    assert "VPN interface wg0" in told
    assert "installed: Zscaler" in told
    assert not any("Zscaler" in finding.cause for finding in report.findings)


@LINUX
def test_a_bare_machine_has_no_signs(tmp_path: Path) -> None:
    run = environment.run_observation(environment.read({"CI": "false"}, root=str(tmp_path)))
    assert (run.container, run.wsl, run.ssh, run.ci, run.editor) == ("", False, False, "", "")


@pytest.mark.parametrize(
    ("variables", "group", "container"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "", "kubernetes"),
        ({}, "12:pids:/kubepods/besteffort/pod1\n", "kubernetes"),
        ({}, "1:name=systemd:/docker/0123\n", "docker"),
        ({"container": "podman"}, "0::/\n", "podman"),
        ({}, "0::/user.slice\n", ""),
    ],
)
def test_containers_are_known(variables: dict[str, str], group: str, container: str, tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", group)
    assert platform_facts.container(variables, tmp_path) == container


@LINUX
def test_proxies_of_other_programs_are_read_from_their_files(tmp_path: Path) -> None:
    write(tmp_path / "etc/environment", 'PATH="/bin"\nhttp_proxy=http://etc:1\nHTTPS_PROXY="http://etc:2"\n')
    write(tmp_path / "home/.gitconfig", "[user]\n  proxy = no\n[http]\n  sslVerify = true\n  proxy = http://git:3\n")
    snapshot = environment.read({"HOME": str(tmp_path / "home")}, root=str(tmp_path))
    assert snapshot.known_proxies == (
        Setting("http://etc:2", "/etc/environment"),
        Setting("http://git:3", "~/.gitconfig"),
    )


@LINUX
def test_gits_proxy_is_the_one_that_git_would_use_for_the_api(tmp_path: Path) -> None:
    near = '[http "https://api.anthropic.com"]\n  proxy = http://near:4\n'
    write(tmp_path / "home/.gitconfig", "[http]\n  proxy = http://far:3\n[include]\n  path = work.inc\n")
    write(tmp_path / "home/work.inc", near)
    write(tmp_path / "etc/gitconfig", '[http "https://github.com"]\n  proxy = http://other:5\n')
    snapshot = environment.read({"HOME": str(tmp_path / "home")}, root=str(tmp_path))
    assert snapshot.known_proxies == (Setting("http://near:4", "~/.gitconfig"),)


@LINUX
def test_proxies_that_editors_are_told_are_read_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(
        home / ".config/Code/User/settings.json",
        '{\n  // "http.proxy": "http://old:1",\n  "http.proxy": "http://joe:hunter22@vs:2",\n  "a": [1,],\n}\n',
    )
    write(
        home / ".vscode-server/data/Machine/settings.json", '{"http.proxySupport": "on", "http.proxy": "http://far:3"}'
    )
    off = '<option name="USE_HTTP_PROXY" value="{}" /><option name="PROXY_HOST" value="jb" />'
    on = off.format("true") + '<option name="PROXY_PORT" value="4" />'
    write(home / ".config/JetBrains/PyCharm2026.2/options/proxy.settings.xml", f"<application>{on}</application>")
    write(home / ".config/JetBrains/IdeaIC2025.1/options/proxy.settings.xml", off.format("false"))
    write(home / ".config/Cursor/User/settings.json", "not json")
    snapshot = environment.read({"HOME": str(home)}, root=str(tmp_path))
    assert snapshot.known_proxies == (
        Setting("http://joe:hunter22@vs:2", "http.proxy in VS Code's settings"),
        Setting("http://far:3", "http.proxy in the settings of VS Code's server"),
        Setting("http://jb:4", "the proxy settings of PyCharm2026.2"),
    )
    assert "hunter22" in environment.secrets(snapshot)
    assert [one.proxy for one in rows.routes(snapshot, None).elsewhere] == [
        "http://[redacted]@vs:2",
        "http://far:3",
        "http://jb:4",
    ]


def test_the_local_network_is_asked_without_a_packet() -> None:
    snapshot = environment.read({})
    seen = environment.local_network(snapshot)
    assert isinstance(seen, LocalNetwork)
    assert (seen.ipv4_route, seen.ipv6_route) == (snapshot.ipv4_route, snapshot.ipv6_route)
    assert "lo" not in seen.interfaces
    run = environment.run_observation(snapshot)
    assert isinstance(run, Run)
    assert run.started_at == seen.clock
    assert run.started_at.endswith("Z")


@LINUX
def test_a_folder_that_was_deleted_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert environment.read({"HOME": "/nowhere"}).cwd == "/"


# -- files -------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_a_fact(tmp_path: Path) -> None:
    assert not files.look("gone", cwd=str(tmp_path)).exists
    assert not files.look("a\0b", cwd=str(tmp_path)).exists


@POSIX
def test_a_files_kind_mode_and_links_are_told(tmp_path: Path) -> None:
    write(tmp_path / "one.json", "{}").chmod(0o640)
    (tmp_path / "link.json").symlink_to(tmp_path / "one.json")
    fact = files.look("link.json", cwd=str(tmp_path), text=True)
    assert (fact.kind, fact.mode, fact.symlink, fact.text, fact.size) == ("file", 0o640, True, "{}", 2)
    assert fact.real_path == str((tmp_path / "one.json").resolve())
    assert files.look(str(tmp_path), cwd="/").kind == "directory"


def test_a_large_file_is_not_read_as_text(tmp_path: Path) -> None:
    write(tmp_path / "large.json", " " * (reading.LARGEST_TEXT + 1))
    assert files.look("large.json", cwd=str(tmp_path), text=True).text is None


@pytest.mark.parametrize(
    ("name", "form", "count", "refused"),
    [
        ("one.pem", "pem", 1, False),
        ("private.pem", "pem", 2, False),
        ("one.der", "der", 0, True),
        ("empty.pem", "empty", 0, True),
        ("notes.pem", "other", 0, True),
        ("broken.pem", "pem", 1, True),
        ("hashed", "directory", 1, False),
    ],
)
def test_certificates_are_counted_and_openssl_is_asked(
    name: str, form: str, count: int, refused: bool, tmp_path: Path
) -> None:
    sdk_files.lay(tmp_path)
    told = files.look(name, cwd=str(tmp_path), authorities=True).authorities
    assert told is not None
    assert (told.form, len(told.fingerprints), bool(told.error)) == (form, count, refused)


def test_a_default_store_without_certificates_stops_the_client(tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    bare = Interpreter(
        path="p",
        chosen_by="own",
        sdk="2.12.0",
        http_stack="httpx2 2.16.2",
        generation=2,
        capath=str(tmp_path / "certs"),
    )
    snapshot = environment.with_store_of(
        environment.read({"ANTHROPIC_API_KEY": sdk_cases.KEY, "HOME": "/nowhere"}), bare
    )
    concern = next(one for one in python_sdk.plan(snapshot, bare).concerns if one.kind == "trust-store-empty")
    assert concern.stops_client
    nothing = msgspec.structs.replace(bare, capath="")
    assert "trust-store-empty" in {one.kind for one in python_sdk.plan(snapshot, nothing).concerns}


def test_an_interpreter_without_the_sdk_is_planned_for_as_the_current_one() -> None:
    told = python_sdk.plan(
        Snapshot(variables={"ANTHROPIC_API_KEY": sdk_cases.KEY}), Interpreter(path="p", chosen_by="own")
    )
    assert [(one.kind, one.stops_client) for one in told.concerns] == [("sdk-missing", False)]
    assert told.route is not None
    assert told.route.credential.header == "authorization"


def test_an_old_generation_is_a_concern_that_stops_nothing() -> None:
    old = Interpreter(path="p", chosen_by="own", sdk="0.125.0", http_stack="httpx 0.28.1", generation=0, cafile="/c")
    told = python_sdk.plan(Snapshot(variables={"ANTHROPIC_API_KEY": sdk_cases.KEY}), old)
    assert [(one.kind, one.stops_client) for one in told.concerns] == [("sdk-outdated", False)]


# -- secrets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("ANTHROPIC_API_KEY", "short", ["short"]),
        ("ANTHROPIC_API_KEY", ' "quoted-key"\n', [' "quoted-key"\n', "quoted-key"]),
        ("CLAUDE_CODE_OAUTH_TOKEN", "oauth", ["oauth"]),
        ("ANTHROPIC_WEBHOOK_SIGNING_KEY", "whsec", ["whsec"]),
        ("AWS_SECRET_ACCESS_KEY", "aws-secret", ["aws-secret"]),
        ("AWS_ACCESS_KEY_ID", "AKIA0123456789ABCDEF", ["AKIA0123456789ABCDEF"]),
        ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-token", ["bedrock-token"]),
        ("OPENAI_API_KEY", "other-vendors-key", ["other-vendors-key"]),
        ("DB_PASSWORD", "correct horse", ["correct horse"]),
        ("GITHUB_TOKEN", "ghs_0123456789", ["ghs_0123456789"]),
        ("ANTHROPIC_CUSTOM_HEADERS", "X-A: one\nX-B: two", ["one", "two"]),
        ("https_proxy", "http://joe:p%40ss@p:1", ["joe:p%40ss", "joe", "p%40ss", "p@ss", "joe:p@ss"]),
        ("HTTPS_PROXY", "http://joe:one#two@p:1", ["joe:one#two", "joe", "one#two", "one", "two"]),
        ("ANTHROPIC_BASE_URL", "https://joe:pw@gw", ["joe:pw", "joe", "pw"]),
        ("DB_PASSWORD", "no", []),
        ("AWS_REGION", "eu-central-1", []),
        ("ANTHROPIC_IDENTITY_TOKEN_FILE", "/var/run/secrets/token", []),
        ("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "3600000", []),
        ("ANTHROPIC_BASE_URL", "https://gateway.corp", []),
        ("EDITOR", "vim-and-friends", []),
    ],
)
def test_the_values_of_credential_kind_are_secrets(name: str, value: str, secrets: list[str]) -> None:
    assert environment.secrets(Snapshot(variables={name: value})) == secrets


def test_tokens_in_profile_files_and_settings_of_the_system_are_secrets(tmp_path: Path) -> None:
    sdk_files.lay(tmp_path)
    variables = {
        "ANTHROPIC_CONFIG_DIR": str(tmp_path / "config"),
        "ANTHROPIC_IDENTITY_TOKEN_FILE": str(tmp_path / "jwt"),
    }
    told = environment.secrets(environment.read(variables))
    assert sdk_files.TOKENS["access_token"] in told
    assert "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl" in told
    snapshot = Snapshot(
        system_proxies={"https": "http://joe:pass@p:1"}, known_proxies=(Setting("http://eve:word@p:1", "git"),)
    )
    assert {"joe", "pass", "eve", "word"} <= set(environment.secrets(snapshot))


def test_a_snapshot_shows_none_of_its_values() -> None:
    snapshot = environment.read({"ANTHROPIC_API_KEY": sdk_cases.KEY, "HTTPS_PROXY": "http://joe:hunter22@p:1"})
    assert sdk_cases.KEY not in repr(snapshot)
    assert "hunter22" not in repr(snapshot)


@pytest.mark.parametrize("case", sdk_cases.ALL, ids=lambda case: case.name)
def test_no_concern_and_no_view_holds_a_secret(case: sdk_cases.Case, tmp_path: Path) -> None:
    """Not even before the journal redacts: keys, tokens and passwords of every case."""
    base = {"HOME": "/nowhere", "ANTHROPIC_API_KEY": sdk_cases.KEY}
    variables = {name: value.replace("{folder}", str(tmp_path)) for name, value in {**base, **case.variables}.items()}
    snapshot = environment.read(variables)
    sdk = Interpreter(path="p", chosen_by="own", sdk="2.12.0", http_stack="httpx2 2.16.2", generation=2)
    told = python_sdk.plan(snapshot, sdk)
    text = msgspec.json.encode([*told.concerns, told.detection, told.route.view() if told.route else None]).decode()
    for secret in (
        sdk_cases.KEY,
        sdk_cases.TOKEN,
        sdk_cases.ADMIN,
        "pa#ss",
        "pa/ss",
        "p@ss",
        "p%40ss",
        "12#34",
        "user:",
    ):
        assert secret not in text


def test_the_ground_of_a_demo_keeps_nothing_of_a_client() -> None:
    kept = {"PATH": "/bin", "HOME": "/root", "LANG": "C"}
    client = {
        "ANTHROPIC_API_KEY": "k",
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "https_proxy": "p",
        "NO_PROXY": "n",
        "SSL_CERT_FILE": "f",
        "REQUESTS_CA_BUNDLE": "f",
        "NODE_EXTRA_CA_CERTS": "f",
        "NODE_TLS_REJECT_UNAUTHORIZED": "0",
        "REQUEST_METHOD": "GET",
    }
    assert environment.without_clients({**kept, **client}) == kept
