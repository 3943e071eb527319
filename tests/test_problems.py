"""The catalogue keeps its contract, its advice can be pasted, and its pages are fresh and fit a terminal."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import fill_command, written_open
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import HOLES, Remedy, fill
from claudecheck.render.page import catalogue_markdown, page_text, problem_markdown, ways

DOCUMENT = Path(__file__).parent.parent / "docs" / "problems.md"

#: The permanent codes in the order of the catalogue; `w` and `i` as there.
CODES = """
key-missing key-malformed key-wrong-kind credential-conflict:w profile-invalid base-url-invalid base-url-path
base-url-insecure:w base-url-loopback key-helper-failed credential-store-unreadable login-failed
updates-blocked:w provider-credentials custom-headers-invalid proxy-url-invalid proxy-scheme-unsupported
proxy-ignored:w proxy-pac-unused:w proxy-variables-conflict:w no-proxy-invalid ca-file-missing ca-file-invalid
ca-variable-ignored:w trust-store-empty
verification-disabled:w provider-route:w provider-address-unknown sdk-missing sdk-broken sdk-outdated:w no-network

dns-name-not-found dns-no-address dns-server-failure dns-refused dns-timeout dns-tcp-blocked dns-no-resolver
dns-sinkholed dns-hosts-override:w dns-unexpected-address:w dns-slow:w dns-search-domain

tcp-refused tcp-timeout tcp-unreachable tcp-prohibited tcp-local-limit ipv4-broken:w ipv6-broken:w address-dead:w
network-lossy:w network-slow:w

tls-intercepted tls-intercepted-trusted:w tls-untrusted-issuer tls-self-signed ca-file-incomplete tls-incomplete-chain
tls-expired tls-not-yet-valid tls-clock-wrong certificate-expiring:w
tls-hostname-mismatch tls-name-filtered tls-hello-dropped tls-path-mtu
tls-reset local-interception tls-timeout tls-not-tls tls-version-unsupported tls-handshake-refused
tls-client-certificate-required tls-weak-certificate tls-strict-certificate

proxy-name-not-found proxy-refused proxy-timeout proxy-unreachable proxy-auth-required proxy-auth-unsupported
proxy-login-unwanted proxy-denied proxy-upstream-failed proxy-not-a-proxy proxy-tls-failed proxy-unneeded proxy-required

captive-portal block-page not-the-api gateway-error models-not-served:i key-invalid permission-denied
request-forbidden edge-challenge model-not-available request-invalid credit-exhausted organization-disabled
request-too-large rate-limited spend-limit-reached api-error api-timeout api-unavailable api-overloaded
response-timeout response-slow:w response-cut connection-reset response-malformed stream-blocked idle-cut
large-request-dropped user-agent-filtered custom-header-refused beta-header-refused cors-refused header-scheme
sdk-differs
service-incident:i

client-event-loop client-blocking-call client-closed client-forked client-pool-exhausted client-too-many-files
client-long-request client-stream-error client-response-shape client-library-version

policy-broken policy-invalid

intermittent:w prediction-contradicted:w unknown incomplete claudecheck-bug
"""
#: The owners that the catalogue names alone; where it names two, the first.
NETWORK = """
dns-no-address dns-server-failure dns-refused dns-timeout dns-tcp-blocked dns-sinkholed dns-unexpected-address dns-slow
tcp-refused tcp-timeout tcp-unreachable tcp-prohibited ipv4-broken ipv6-broken address-dead network-lossy network-slow
tls-intercepted tls-intercepted-trusted tls-hostname-mismatch tls-name-filtered tls-hello-dropped tls-reset tls-timeout
tls-version-unsupported tls-strict-certificate proxy-auth-unsupported proxy-denied proxy-upstream-failed block-page
edge-challenge response-timeout response-cut connection-reset stream-blocked idle-cut large-request-dropped
user-agent-filtered updates-blocked intermittent
"""
GATEWAY = """
certificate-expiring
tls-self-signed tls-incomplete-chain tls-expired tls-not-yet-valid tls-not-tls tls-handshake-refused
tls-client-certificate-required tls-weak-certificate gateway-error models-not-served response-malformed
beta-header-refused header-scheme
"""
ANTHROPIC = "response-slow api-error api-timeout api-unavailable api-overloaded service-incident"
NOBODY = "prediction-contradicted unknown incomplete claudecheck-bug"

#: A value for every hole; some are hostile, as a file's name or a server's text may be.
VALUES = dict.fromkeys(HOLES, "value") | {
    "python": "/opt/my python/bin/python3",
    "host": "api.anthropic.com",
    "port": "443",
    "cafile": "/etc/ssl/it's; rm -rf $HOME.pem",
    "file": "/tmp/`id`.pem",
    "proxy": "http://proxy.example:3128",
    "proxy_host": "proxy.example",
    "proxy_port": "3128",
    "proxy_variable": "HTTPS_PROXY",
    "variable": "HTTP_PROXY",
    "key_variable": "ANTHROPIC_API_KEY",
    "suggestion": "http://proxy.example:3128",
}
CLIENTS = ("Python 0.x", "Python 1.x / 2.x", "TypeScript", "Claude Code", "curl")

every_problem = pytest.mark.parametrize("problem", CATALOGUE.values(), ids=list(CATALOGUE))


def remedies() -> Iterator[tuple[Problem, Remedy]]:
    for problem in CATALOGUE.values():
        for remedy in problem.fixes:
            yield problem, remedy


def commands(shell: str) -> list[tuple[str, str]]:
    """(code, filled line) of every command of one shell."""
    return [
        (problem.code, fill_command(command.line, VALUES, command.shell))
        for problem, remedy in remedies()
        for command in written_open(remedy)
        if command.shell == shell
    ]


def sentences(problem: Problem) -> list[str]:
    texts = [problem.title, problem.cause, problem.told_apart]
    return texts + [text for remedy in problem.fixes for text in (remedy.text, remedy.caution)]


# -- the contract ----------------------------------------------------------------------------------


def test_the_catalogue_holds_every_code_once_in_its_order() -> None:
    assert list(CATALOGUE) == [code.partition(":")[0] for code in CODES.split()]
    assert all(code == problem.code for code, problem in CATALOGUE.items())


def test_severities_are_those_of_the_catalogue() -> None:
    marks = {"": "error", "w": "warning", "i": "info"}
    expected = {code: marks[mark] for code, _, mark in (entry.partition(":") for entry in CODES.split())}
    assert {code: problem.severity for code, problem in CATALOGUE.items()} == expected


def test_owners_are_those_of_the_catalogue() -> None:
    expected: dict[str, str | None] = dict.fromkeys(CATALOGUE, "you")
    expected |= dict.fromkeys(NETWORK.split(), "network") | dict.fromkeys(GATEWAY.split(), "gateway")
    expected |= dict.fromkeys(ANTHROPIC.split(), "anthropic") | dict.fromkeys(NOBODY.split(), None)
    assert {code: problem.owner for code, problem in CATALOGUE.items()} == expected


def test_codes_are_kebab_case_and_named_like_their_constants() -> None:
    from claudecheck.diagnosis import problems

    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in CATALOGUE)
    constants = {
        name: value
        for chapter in vars(problems).values()
        if getattr(chapter, "__package__", "") == problems.__name__
        for name, value in vars(chapter).items()
        if isinstance(value, Problem)
    }
    assert {name: problem.code for name, problem in constants.items()} == {
        code.upper().replace("-", "_"): code for code in CATALOGUE
    }


def test_layers_agree_with_the_prefixes_of_the_codes() -> None:
    for code, problem in CATALOGUE.items():
        prefix = code.partition("-")[0]
        if prefix in ("dns", "tcp", "tls", "client"):
            assert problem.layer == prefix, code


# -- the texts -------------------------------------------------------------------------------------


@every_problem
def test_a_problem_says_everything_that_a_page_needs(problem: Problem) -> None:
    assert problem.fixes
    assert problem.told_apart.endswith(".")
    assert problem.cause.endswith(".")
    assert problem.cause.count(". ") <= 3
    assert problem.verify
    assert all(remedy.text.strip() for remedy in problem.fixes)
    assert set(problem.looks_like) <= set(CLIENTS)
    assert list(problem.looks_like) == [client for client in CLIENTS if client in problem.looks_like]
    assert all(problem.looks_like.values())


@every_problem
def test_every_hole_is_known_and_stands_where_it_is_filled(problem: Problem) -> None:
    assert problem.holes() <= set(HOLES)
    unfilled = [problem.told_apart, *problem.looks_like.values()]
    assert not [text for text in unfilled if re.search(r"\{[a-z_]+\}", text)]


@every_problem
def test_a_title_is_one_line_that_fits_beside_its_code(problem: Problem) -> None:
    title = fill(problem.title, {})
    assert "\n" not in title
    assert len(title) <= 72
    assert not title.endswith(".")


@every_problem
def test_a_fix_is_a_sentence_without_a_full_stop(problem: Problem) -> None:
    for remedy in problem.fixes:
        assert not remedy.text.endswith((".", " "))
        assert not remedy.caution.endswith(".")
        assert remedy.caution[:1] == "" or not re.match(r"[A-Z][a-z]", remedy.caution), remedy.caution


@every_problem
def test_the_words_are_plain(problem: Problem) -> None:
    for text in sentences(problem):
        assert not re.search(r"\b([Ss]imply|just|[Pp]lease)\b|something went wrong|!", text), text
        assert "  " not in text


@every_problem
def test_codes_that_a_text_refers_to_exist(problem: Problem) -> None:
    for text in sentences(problem):
        for name in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", text):
            if name.split("-")[0] in {code.split("-")[0] for code in CATALOGUE}:
                known = name in CATALOGUE or name in ("proxy-authenticate", "response-shape", "request-id")
                assert known, f"{problem.code} names {name}"


def test_nothing_advises_to_switch_verification_off() -> None:
    forbidden = re.compile(
        r"verify\s*=\s*(False|0)|CERT_NONE|check_hostname\s*=\s*False|_create_unverified|PYTHONHTTPSVERIFY=0"
        r"|NODE_TLS_REJECT_UNAUTHORIZED=|rejectUnauthorized:\s*false|--insecure|CURL_INSECURE|curl\b[^|]* -k\b"
        r"|VERIFY_X509_STRICT|trust-all|SKIP_VERIFY|InsecureSkipVerify|http\.sslVerify",
    )
    for problem in CATALOGUE.values():
        texts = sentences(problem) + [command.line for remedy in problem.fixes for command in written_open(remedy)]
        assert not [text for text in texts if forbidden.search(text)], problem.code


def test_nothing_holds_what_could_be_a_key() -> None:
    shaped = re.compile(r"sk-ant-[a-z]+\d*-\w{4,}")
    for problem in CATALOGUE.values():
        assert not shaped.search(problem_markdown(problem)), problem.code


# -- the commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize("interpreter", ["bash", "dash", "zsh"])
def test_commands_for_sh_are_understood(interpreter: str) -> None:
    _understood(interpreter, commands("sh"))


def test_commands_for_fish_are_understood() -> None:
    _understood("fish", commands("fish"))


def test_where_fish_has_no_spelling_of_its_own_it_understands_the_one_of_sh() -> None:
    own = {"sh", "fish"}
    shared = [
        (problem.code, fill_command(command.line, VALUES, "sh"))
        for problem, remedy in remedies()
        if own & {command.shell for command in written_open(remedy)} == {"sh"}
        for command in written_open(remedy)
        if command.shell == "sh"
    ]
    assert shared
    _understood("fish", shared)


def _understood(interpreter: str, lines: list[tuple[str, str]]) -> None:
    """All at once, each in a block of its own: a shell that only parses tells the number of the line."""
    if shutil.which(interpreter) is None:
        pytest.skip(f"{interpreter} is not installed")
    script = "\n".join(f"# {code}\n{line}" for code, line in lines)
    parsed = subprocess.run([interpreter, "-n"], input=script, text=True, capture_output=True, timeout=20, check=False)
    assert parsed.returncode == 0, parsed.stderr
    assert not parsed.stderr


def test_python_commands_are_understood() -> None:
    lines = commands("python")
    assert lines
    for code, line in lines:
        try:
            compile(_complete(line), code, "exec", flags=0x2000)  # PyCF_ALLOW_TOP_LEVEL_AWAIT
        except SyntaxError as error:
            pytest.fail(f"{code}: {line}\n{error}")


def _complete(line: str) -> str:
    """An excerpt as a program: an ellipsis stands for arguments or a body, and `except` needs its `try`."""
    program = line.replace("(…)", "()").replace("…, ", "").replace("…", "pass")
    if program.startswith("except"):
        return f"try:\n    pass\n{program}"
    return program.replace("async with limit:", "if limit:")


def test_a_shell_gets_all_steps_of_a_way_or_none() -> None:
    """Of a way with several steps the machine's shell must not get only some."""
    for problem, remedy in remedies():
        steps = [command.shell for command in written_open(remedy)]
        if "fish" in steps:
            assert steps.count("fish") == steps.count("sh"), (problem.code, remedy.text)
        if "cmd" in steps:
            assert steps.count("cmd") == steps.count("powershell"), (problem.code, remedy.text)


def test_windows_is_not_left_without_a_command_that_other_systems_get() -> None:
    for problem, remedy in remedies():
        if remedy.kind == "mend" and not remedy.when and (not remedy.systems or "Windows" in remedy.systems):
            steps = {command.shell for command in written_open(remedy)}
            assert "sh" not in steps or "powershell" in steps, (problem.code, remedy.text)


@every_problem
@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows"])
def test_every_system_has_a_way_out(problem: Problem, system: str) -> None:
    assert problem.finding(VALUES, machine=Machine(os=system), seen=[], ruled_out=[]).fixes


def test_holes_are_never_quoted_in_a_command() -> None:
    """What fills them is quoted for the shell; quotes around it would undo that."""
    for problem, remedy in remedies():
        for command in remedy.commands:
            bare = re.sub(r"\$\([^()]*\)", "", command.line)  # inside $( ) quoting starts anew
            quoted = re.findall(r"'[^'\n]*'|\"[^\"\n]*\"", bare)
            assert not [text for text in quoted if re.search(r"\{[a-z_]+\}", text)], (problem.code, command.line)


@pytest.mark.parametrize("shell", ["bash", "dash", "fish"])
def test_a_root_is_joined_with_the_whole_store_even_when_the_file_names_itself(shell: str, tmp_path: Path) -> None:
    (tmp_path / "store.pem").write_text("public\n")
    (tmp_path / "corporate-root.pem").write_text("private\n")
    first = _joined(shell, tmp_path, str(tmp_path / "store.pem"))
    assert first == "public\nprivate\n"
    again = _joined(shell, tmp_path, str(tmp_path / "claude-ca.pem"))
    assert again == "public\nprivate\nprivate\n"


@pytest.mark.parametrize("shell", ["bash", "dash", "fish"])
def test_no_store_is_replaced_when_a_part_is_missing(shell: str, tmp_path: Path) -> None:
    (tmp_path / "corporate-root.pem").write_text("private\n")
    assert _joined(shell, tmp_path, str(tmp_path / "missing.pem")) == ""


def _joined(shell: str, home: Path, store: str) -> str:
    """Runs the first way of `tls-intercepted` on Linux; the text of the file that SSL_CERT_FILE then names."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    machine = Machine(os="Linux", shell="fish" if shell == "fish" else "sh")
    finding = CATALOGUE["tls-intercepted"].finding({"cafile": store}, machine=machine, seen=[], ruled_out=[])
    script = "\n".join(command.line for command in finding.fixes[0].commands)
    done = subprocess.run(
        [shell, "-c", f'{script}\ntest -n "$SSL_CERT_FILE" && cat "$SSL_CERT_FILE"'],
        cwd=home,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "dash", "fish"])
def test_a_password_in_a_proxy_variable_survives_the_change_of_its_scheme(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    machine = Machine(shell="fish" if shell == "fish" else "sh")
    fixes = (
        CATALOGUE["proxy-tls-failed"]
        .finding({"proxy_variable": "HTTPS_PROXY"}, machine=machine, seen=[], ruled_out=[])
        .fixes
    )
    done = subprocess.run(
        [shell, "-c", f"{fixes[0].commands[0].line}\nprintenv HTTPS_PROXY"],
        env={"HTTPS_PROXY": "https://me:p%20w@proxy.example:3128", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout == "http://me:p%20w@proxy.example:3128\n"


# -- the pages -------------------------------------------------------------------------------------


def test_the_document_is_fresh() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == catalogue_markdown(CATALOGUE), "run `make docs`"


def test_the_document_links_every_page_that_it_holds() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert re.findall(r"\]\(#([a-z0-9-]+)\)", text) == list(CATALOGUE)
    assert re.findall(r"^### (.+)$", text, re.MULTILINE) == list(CATALOGUE)


@every_problem
def test_markdown_holds_no_html_and_closes_its_fences(problem: Problem) -> None:
    text = problem_markdown(problem)
    assert text.count("```") % 2 == 0
    prose = re.sub(r"(?s)```.*?```|(`+) ?.*?\1", "", text)
    assert not re.search(r"[<>]", prose), prose


@every_problem
@pytest.mark.parametrize("unicode", [True, False])
def test_a_page_fits_80_columns(problem: Problem, unicode: bool) -> None:
    text = page_text(problem, width=80, colour=False, unicode=unicode)
    assert max(map(len, text.splitlines())) <= 80
    assert unicode or text.isascii()
    flat = " ".join(text.split())
    assert problem.code in flat
    assert fill(problem.fixes[0].text, {})[1:20] in flat


def test_a_page_shows_the_ways_of_all_systems_and_open_holes() -> None:
    page = page_text(CATALOGUE["tls-intercepted"], width=80, colour=False, unicode=True)
    for words in (
        "(Linux)",
        "(macOS)",
        "(Windows)",
        "(in a container)",
        "cat <cafile> corporate-root.pem",
        "PowerShell",
    ):
        assert words in page


def test_the_page_for_a_machine_shows_its_system_shell_and_client_only() -> None:
    problem = CATALOGUE["tls-path-mtu"]
    options = {"width": 80, "colour": False, "unicode": True}
    mac = page_text(problem, machine=Machine(os="Darwin", client="curl"), **options)  # type: ignore[arg-type]
    everywhere = page_text(problem, **options)  # type: ignore[arg-type]
    assert "networksetup" in mac
    assert "netsh" not in mac
    assert "ip link" not in mac
    assert "Python 0.x" not in mac
    assert "--all shows every other" in mac
    for part in ("networksetup", "netsh", "ip link", "Python 0.x"):
        assert part in everywhere


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_page_for_a_machine_is_never_without_something_to_do(code: str) -> None:
    for machine in (Machine(), Machine(os="Windows", shell="powershell"), Machine(os="Darwin", client="claude-code")):
        assert ways(CATALOGUE[code], machine), machine
