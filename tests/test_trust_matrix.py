"""Which client trusts a chain: judged offline, held against what curl, Node and the SDK really do, and told."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import certifi
import msgspec
import pytest
from cryptography import x509
from OpenSSL.crypto import X509

from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.clients.trusts import ClientTrust, trusts
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.trust_matrix import Matrix, Stopped, clients_told, incomplete, matrix
from claudecheck.failures import Failure
from claudecheck.journal.deadline import Deadline
from claudecheck.lab import Lab
from claudecheck.machine import environment, files
from claudecheck.observations import ClientVerdict, Interpreter, TlsHandshake
from claudecheck.probes.senders import worker
from claudecheck.probes.tls import chain, handshake
from claudecheck.probes.tls import stores as trust
from claudecheck.render.trust import matrix_json, render_matrix, render_stopped
from claudecheck.report import ExitCode
from claudecheck.route import Endpoint, Route, Trust
from tests import doctor
from tests.doctor import PYTHON, clean_environment
from tests.probe_peers import Issued, issue, peer, speaks_tls, walk

CURL, NODE = shutil.which("curl"), shutil.which("node")
NEW = Interpreter(path="python3", chosen_by="own", sdk="2.12.0", generation=2, http_stack="httpx2 2.16.2")
OLD = Interpreter(path="python3", chosen_by="own", sdk="0.125.0", generation=0, http_stack="httpx 0.28.1")
PROGRAMS = {name: Program(f"/usr/bin/{name}", "9.9.9") for name in ("node", "curl", "claude-code")}


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Corporate Root", ca=True)


@pytest.fixture(scope="module")
def middle(root: Issued) -> Issued:
    return issue("Corporate Issuing", by=root, ca=True)


@pytest.fixture(scope="module")
def shown(middle: Issued) -> list[bytes]:
    """The chain as a server sends it: without its root."""
    return [issue(by=middle).der, middle.der]


def pem(place: Path, *issued: Issued) -> str:
    place.write_bytes(b"".join(one.pem for one in issued))
    return str(place)


def hashed(folder: Path, content: bytes) -> str:
    """A folder with one authority, under the name by which OpenSSL finds it."""
    folder.mkdir()
    number = X509.from_cryptography(x509.load_pem_x509_certificate(content)).subject_name_hash()
    (folder / "corporate.crt").write_bytes(content)
    (folder / f"{number:08x}.0").symlink_to("corporate.crt")
    return str(folder)


def judged(shown: Sequence[bytes], trusted: Trust, **facts: object) -> ClientVerdict:
    client = ClientTrust(title="it", clients=("curl",), trust=trusted, **facts)  # type: ignore[arg-type]
    return trust.judge_clients(shown, [client])[0]


# -- a client's whole trust --------------------------------------------------------------------------


def test_the_parts_of_a_trust_are_judged_together(
    root: Issued, middle: Issued, shown: list[bytes], tmp_path: Path
) -> None:
    """The server leaves the intermediate out, one file holds it, and another one holds the root."""
    leaf = shown[:1]
    both = Trust("os", cafile=pem(tmp_path / "os.pem", root), extra=pem(tmp_path / "extra.pem", middle))
    assert judged(leaf, both).trusted is True
    assert judged(leaf, replace(both, extra="")).trusted is False
    assert judged(leaf, replace(both, cafile="")).trusted is False


def test_the_part_that_holds_the_root_is_named(root: Issued, shown: list[bytes], tmp_path: Path) -> None:
    place = pem(tmp_path / "root.pem", root)
    other = pem(tmp_path / "other.pem", issue("Somebody", ca=True))
    assert judged(shown, Trust("bundled", bundled=root.pem.decode(), source="Node's")).by == "its own roots"
    assert judged(shown, Trust("os", cafile=other, with_bundled=True, extra=place)).by == "NODE_EXTRA_CA_CERTS"
    assert judged(shown, Trust("os", cafile=place, with_bundled=True, extra=other)).by == "the system's store"
    assert judged(shown, Trust("file", cafile=place, source="SSL_CERT_FILE")).by == "SSL_CERT_FILE"


def test_every_folder_that_is_named_counts(root: Issued, shown: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    folder = hashed(tmp_path / "hashed", root.pem)
    several = os.pathsep.join((str(tmp_path / "empty"), folder))
    assert judged(shown, Trust("directory", capath=several, source="SSL_CERT_DIR")).trusted is True
    (plain, _) = chain.judge(shown, [chain.Store("SSL_CERT_DIR", capath=several)])
    assert (plain.authorities, plain.file) == (1, f"{folder}/corporate.crt")
    assert plain.root == "CN=Corporate Root"


def test_an_intermediate_alone_is_enough_for_curl_and_for_nobody_else(
    middle: Issued, shown: list[bytes], tmp_path: Path
) -> None:
    only = Trust("file", cafile=pem(tmp_path / "middle.pem", middle), source="CURL_CA_BUNDLE")
    assert judged(shown, only, partial=True).trusted is True
    assert judged(shown, only).trusted is False


def test_strict_checks_are_told_apart_from_a_lack_of_authority(tmp_path: Path) -> None:
    sloppy = issue("Sloppy Root", ca=True, key_usage=False)
    chain_shown = [issue(by=sloppy).der]
    named = Trust("file", cafile=pem(tmp_path / "sloppy.pem", sloppy), source="SSL_CERT_FILE")
    relaxed = judged(chain_shown, named, strict_later=True)
    assert (relaxed.trusted, relaxed.passes_strict) == (True, False)
    assert judged(chain_shown, replace(named, strict=True), strict_later=True).trusted is False
    assert judged(chain_shown, named).passes_strict is None


def test_a_store_that_is_not_there_trusts_nobody_and_says_so(shown: list[bytes]) -> None:
    told = judged(shown, Trust("file", cafile="/gone.pem", source="SSL_CERT_FILE"))
    assert told.trusted is False
    assert "cannot be read" in told.message


def test_the_keychain_is_not_guessed(shown: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert judged(shown, Trust("native", source="the system's store")).trusted is None


# -- the clients of a machine ------------------------------------------------------------------------


def machine(system: str, interpreter: Interpreter, **variables: str) -> list[ClientTrust]:
    facts = {name: files.look(path, cwd="/", authorities=True) for name, path in variables.items()}
    snapshot = Snapshot(
        variables=variables,
        system_store=system,
        programs=PROGRAMS,
        files={path: facts[name] for name, path in variables.items()},
        bundled_roots=Path(certifi.where()).read_text("utf-8"),
    )
    return trusts(snapshot, msgspec.structs.replace(interpreter, cafile=system if interpreter is NEW else ""))


def seen_by(shown: list[bytes], clients: list[ClientTrust], stores: list[chain.Store]) -> TlsHandshake:
    return TlsHandshake(
        address="127.0.0.1",
        failure=Failure.UNTRUSTED_ISSUER,
        chain=[chain.facts(der) for der in shown],
        stores=chain.judge(shown, stores),
        clients=trust.judge_clients(shown, clients),
    )


def made(seen: TlsHandshake, **facts: object) -> Matrix:
    here = Machine(os="Linux", **facts)  # type: ignore[arg-type]
    return matrix(seen, url="https://api.example.test", machine=here, values={"host": "api.example.test"})


@pytest.fixture
def stores(root: Issued, tmp_path: Path) -> dict[str, str]:
    """With and without the company's root; both hold a root of somebody else."""
    other = issue("Public Root", ca=True)
    return {"with": pem(tmp_path / "with.pem", other, root), "without": pem(tmp_path / "without.pem", other)}


def test_curl_works_and_python_does_not(shown: list[bytes], stores: dict[str, str]) -> None:
    """The company's root is in the system's store, and SSL_CERT_FILE names another one."""
    here = machine(stores["with"], NEW, SSL_CERT_FILE=stores["without"])
    here = [replace(one, trust=Trust("os", cafile=stores["with"])) if "curl" in one.clients else one for one in here]
    found = [chain.Store("os", cafile=stores["with"]), chain.Store("SSL_CERT_FILE", cafile=stores["without"])]
    told = made(seen_by(shown, here, found))
    assert told.answer[0] == (
        "Claude Code 9.9.9 and curl 9.9.9 work; Python SDK 2.12.0 and Node and TypeScript SDK do not."
    )
    assert told.missing is not None
    assert (told.missing.subject, told.missing.stores, told.missing.files) == (
        "CN=Corporate Root",
        ["the OS store"],
        [stores["with"]],
    )
    ways = {mend.variable: mend for mend in told.mends}
    assert ways["SSL_CERT_FILE"].clients == ["Python SDK 2.12.0"]
    (line,) = [command.line for command in ways["SSL_CERT_FILE"].fix.commands]
    assert line.startswith("claudecheck trust --export corporate-root.pem &&\n")
    assert f"cat {stores['without']} corporate-root.pem" in line
    assert "replaces the whole store" in ways["SSL_CERT_FILE"].breaks
    assert "only adds" in ways["NODE_EXTRA_CA_CERTS"].breaks


def test_python_and_claude_code_work_and_node_does_not(shown: list[bytes], stores: dict[str, str]) -> None:
    here = machine(stores["without"], NEW, SSL_CERT_FILE=stores["with"])
    told = made(seen_by(shown, here, [chain.Store("SSL_CERT_FILE", cafile=stores["with"])]))
    assert told.answer[0] == (
        "Python SDK 2.12.0, Claude Code 9.9.9 and curl 9.9.9 work; Node and TypeScript SDK do not."
    )
    assert told.needs["Node and TypeScript SDK"] == "NODE_EXTRA_CA_CERTS"


def test_node_works_and_python_does_not(shown: list[bytes], stores: dict[str, str]) -> None:
    here = machine(stores["without"], NEW, NODE_EXTRA_CA_CERTS=stores["with"])
    verdicts = {one.title: one for one in seen_by(shown, here, []).clients}
    assert verdicts["Node and TypeScript SDK"].by == "NODE_EXTRA_CA_CERTS"
    assert verdicts["Claude Code 9.9.9"].trusted is True
    assert verdicts["Python SDK 2.12.0"].trusted is False


@pytest.mark.parametrize(
    ("interpreter", "certifi_has_it", "sentence"),
    [
        (NEW, True, "Python SDK 0.x would trust it (certifi), so it worked before the upgrade"),
        (NEW, False, "Python SDK 0.x would not trust it (certifi): with it the same call fails here"),
        (OLD, False, "Python SDK 1.x / 2.x would trust it (the system's store), so an upgrade would mend it"),
        (OLD, True, "Python SDK 1.x / 2.x would not trust it (the system's store): an upgrade would break it"),
    ],
)
def test_it_worked_before_the_upgrade_of_the_sdk(
    interpreter: Interpreter,
    certifi_has_it: bool,
    sentence: str,
    shown: list[bytes],
    stores: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The root is either in certifi's file or in the system's: the 0.x reads the one, later ones the other."""
    public = stores["with" if certifi_has_it else "without"]
    monkeypatch.setattr(chain, "public_store", lambda: chain.Store("certifi", cafile=public))
    here = machine(stores["without" if certifi_has_it else "with"], interpreter)
    seen = seen_by(shown, here, [])
    assert sentence in clients_told(seen)
    assert sentence in made(seen).answer


def test_a_browser_outside_the_container_proves_nothing(shown: list[bytes], stores: dict[str, str]) -> None:
    seen = seen_by(shown, machine(stores["without"], NEW), [])
    assert any("outside this container" in sentence for sentence in made(seen, container=True).answer)
    assert not any("container" in sentence for sentence in made(seen).answer)


def test_a_root_that_no_store_holds_is_asked_of_people(shown: list[bytes], stores: dict[str, str]) -> None:
    told = made(seen_by(shown, machine(stores["without"], NEW), [chain.Store("os", cafile=stores["without"])]))
    assert '"Corporate Root" is in no store of this machine.' in told.answer
    for mend in told.mends:
        assert mend.fix.text.startswith("Get the root certificate from your network team")
        assert not any("--export" in command.line for command in mend.fix.commands)


def test_a_chain_that_a_store_trusts_as_it_was_sent_is_complete(
    root: Issued, shown: list[bytes], stores: dict[str, str]
) -> None:
    """Its issuer looks like an intermediate, and yet nothing was left out."""
    issuing = issue("Corporate Issuing Root", ca=True)
    leaf = [issue(by=issuing).der]
    file = Path(stores["with"]).with_name("issuing.pem")
    lone = seen_by(leaf, [], [chain.Store("os", cafile=stores["with"])])
    assert "intermediate" in incomplete(lone)
    assert incomplete(seen_by(leaf, [], [chain.Store("os", cafile=pem(file, issuing))])) == ""
    assert incomplete(seen_by(shown[:1], [], [chain.Store("os", cafile=stores["with"])])) != ""


def test_what_no_store_mends_is_said_instead(root: Issued, stores: dict[str, str]) -> None:
    late = [issue(by=root, days=(-30, -3)).der]
    told = made(seen_by(late, machine(stores["with"], NEW), [chain.Store("os", cafile=stores["with"])]))
    assert told.answer == ["No client takes this certificate, whatever it trusts: certificate has expired."]
    assert told.missing is None
    assert not told.mends


def test_a_root_is_never_joined_with_a_folder(shown: list[bytes], stores: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    here = machine(stores["without"], NEW, SSL_CERT_DIR=str(tmp_path / "empty"))
    told = made(seen_by(shown, here, [chain.public_store(), chain.Store("os", cafile=stores["with"])]))
    (line,) = [one.line for mend in told.mends if mend.variable == "SSL_CERT_FILE" for one in mend.fix.commands]
    assert f"cat {certifi.where()} corporate-root.pem" in line


def test_the_command_that_is_offered_makes_a_store_that_trusts_the_chain(
    root: Issued, shown: list[bytes], stores: dict[str, str], tmp_path: Path
) -> None:
    """The way by people, pasted into a shell: the old authorities are kept, and the chain is trusted."""
    told = made(seen_by(shown, machine(stores["without"], NEW), [chain.Store("os", cafile=stores["without"])]))
    pem(tmp_path / "corporate-root.pem", root)
    (line,) = [one.line for mend in told.mends if mend.variable == "SSL_CERT_FILE" for one in mend.fix.commands]
    subprocess.run(
        ["sh", "-c", line],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        timeout=10,
        check=True,
    )
    joined = Trust("file", cafile=str(tmp_path / "claude-ca.pem"), source="SSL_CERT_FILE")
    assert judged(shown, joined).trusted is True
    kept = chain.authorities(chain.Store("old", cafile=stores["without"]))
    assert set(kept) < set(chain.authorities(chain.Store("new", cafile=joined.cafile)))


# -- the page ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_page_keeps_its_width_and_says_all_without_colour(
    width: int, unicode: bool, shown: list[bytes], stores: dict[str, str]
) -> None:
    found = [chain.Store("os", cafile=stores["with"]), chain.Store("gone", cafile="/gone.pem")]
    told = made(seen_by(shown, machine(stores["without"], NEW), found))
    page = render_matrix(told, width=width, colour=False, unicode=unicode)
    commands = [line for mend in told.mends for command in mend.fix.commands for line in command.line.split("\n")]
    for line in page.splitlines():
        assert len(line) <= width or line.strip() in [command.strip() for command in commands], line
    assert unicode or page.isascii()
    words = " ".join(page.split())
    for said in ("trusts this certificate.", "Corporate Root", "NODE_EXTRA_CA_CERTS", "certifi", "breaks"):
        assert said in words
    assert json.loads(matrix_json(told))["schema_version"] == 1


def test_a_way_that_ends_before_a_certificate_names_its_layer() -> None:
    page = render_stopped(Stopped(url="https://h", layer="dns", error="no"), width=60, colour=False, unicode=True)
    assert "the way ends at dns" in page
    assert "claudecheck doctor" in page


# -- the handshake records it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signer", "host", "believed", "asked"),
    [
        ("Corporate Root", "api.example.test", False, True),
        ("Corporate Root", "api.example.test", True, False),  # a private gateway that this client trusts
        ("Zscaler Root CA", "api.example.test", True, True),
        ("Corporate Root", "api.anthropic.com", True, True),
    ],
)
def test_clients_are_judged_only_where_they_may_differ(
    signer: str, host: str, believed: bool, asked: bool, tmp_path: Path
) -> None:
    authority = issue(signer, ca=True)
    leaf = issue(host, by=authority)
    trusted = authority if believed else issue("Another Root", ca=True)
    calls: list[int] = []

    def clients() -> list[ClientTrust]:
        calls.append(1)
        return [ClientTrust("curl", ("curl",), authority.trust(tmp_path), installed=True)]

    here = trust.Stores([], clients)
    route = Route(endpoint=Endpoint(host=host), trust=trusted.trust(tmp_path))
    context = leaf.server_context(tmp_path)
    with peer(speaks_tls(context)) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        seen, stream = handshake.shake(walk(route), sock, address="127.0.0.1", port=port, server_name=host, stores=here)
        if stream is not None:
            stream.close()
    assert len(calls) == asked
    assert [one.trusted for one in seen.clients] == ([True] if asked else [])


# -- what the doctor makes of it ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_a_complete_chain_that_node_does_not_trust_is_no_incomplete_chain() -> None:
    with Lab("healthy") as lab:
        report = doctor.run("doctor", "--client", "node", "--local-only", "--json", variables=lab.variables).report
    culprit = report["findings"][0]
    assert culprit["code"] == "tls-untrusted-issuer"
    assert any(text.startswith("trusted here by ") and "(SSL_CERT_FILE)" in text for text in culprit["seen"])
    lines = [command["line"] for fix in culprit["fixes"] for command in fix["commands"]]
    assert any("NODE_EXTRA_CA_CERTS" in line for line in lines)
    assert not any("SSL_CERT_FILE" in line or "CURL_CA_BUNDLE" in line for line in lines)


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_inspection_that_this_client_trusts_names_those_that_will_not() -> None:
    with Lab("tls-intercepted-trusted") as lab:
        report = doctor.run(
            "doctor", "--no-message", "--local-only", "--json", "--python", PYTHON, variables=lab.variables
        ).report
    (found,) = [one for one in report["findings"] if one["code"] == "tls-intercepted-trusted"]
    assert "Node and TypeScript SDK" in found["fixes"][0]["text"]
    assert "Node and TypeScript SDK (Node's own roots)" in " ".join(found["seen"])


def test_a_healthy_route_judges_no_client() -> None:
    with Lab("healthy") as lab:
        report = doctor.run(
            "doctor", "--no-message", "--local-only", "--json", "--python", PYTHON, variables=lab.variables
        ).report
    (seen,) = [one for one in report["observations"] if one["op"] == "tls-handshake"]
    assert not seen.get("clients")


OWN = {"python": "SSL_CERT_FILE", "curl": "CURL_CA_BUNDLE"} | dict.fromkeys(
    ("node", "typescript", "claude-code"), "NODE_EXTRA_CA_CERTS"
)
OF_CERTIFICATES = (
    "tls-intercepted",
    "tls-untrusted-issuer",
    "tls-self-signed",
    "tls-incomplete-chain",
    "ca-file-invalid",
    "ca-variable-ignored",
)


@pytest.mark.parametrize("code", OF_CERTIFICATES)
@pytest.mark.parametrize("client", OWN)
@pytest.mark.parametrize("shell", ["sh", "fish", "powershell"])
@pytest.mark.parametrize("container", [False, True])
def test_a_client_is_offered_the_variable_that_it_reads_and_no_other(
    code: str, client: str, shell: str, container: bool
) -> None:
    system = "Windows" if shell == "powershell" else "Linux"
    here = Machine(os=system, shell=shell, client=client, container=container, facts=frozenset({"der-file"}))
    found = CATALOGUE[code].finding({"file": "/tmp/ca.cer"}, machine=here, seen=[], ruled_out=[])
    lines = "\n".join(command.line for fix in found.fixes for command in fix.commands)
    for variable in set(OWN.values()) - {OWN[client]}:
        assert f"{variable}=" not in lines, lines
        assert f"gx {variable} " not in lines, lines
        assert f"env:{variable} " not in lines, lines
    assert OWN[client] in lines or (client == "curl" and shell == "powershell"), lines


# -- held against the real clients -------------------------------------------------------------------

#: Each names the lab's root, the public ones, or the folder with the lab's root.
SETTINGS: tuple[Mapping[str, str], ...] = (
    {},
    {"SSL_CERT_FILE": "{root}"},
    {"SSL_CERT_FILE": "{public}"},
    {"SSL_CERT_FILE": "{middle}"},
    {"SSL_CERT_DIR": "{hashed}"},
    {"SSL_CERT_DIR": "{empty}:{hashed}"},
    {"SSL_CERT_FILE": "{root}", "SSL_CERT_DIR": "{empty}"},
    {"SSL_CERT_FILE": "{public}", "SSL_CERT_DIR": "{hashed}"},
    {"CURL_CA_BUNDLE": "{root}"},
    {"CURL_CA_BUNDLE": "{middle}"},
    {"CURL_CA_BUNDLE": "{public}", "SSL_CERT_FILE": "{root}"},
    {"NODE_EXTRA_CA_CERTS": "{root}"},
    {"NODE_EXTRA_CA_CERTS": "{middle}"},
    {"NODE_EXTRA_CA_CERTS": "/gone.pem"},
    {"NODE_OPTIONS": "--use-openssl-ca"},
    {"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_FILE": "{root}"},
    {"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_DIR": "{empty}:{hashed}"},
    {"NODE_OPTIONS": "--use-openssl-ca", "SSL_CERT_FILE": "{public}", "NODE_EXTRA_CA_CERTS": "{root}"},
)
FETCH = "fetch(process.env.ANTHROPIC_BASE_URL).then(() => process.exit(), () => process.exit(1))"
#: One process for all settings: a variable is read when a client is built.
CALL = """
import anthropic, json, os, sys
told = []
for variables in json.load(sys.stdin):
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"):
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        anthropic.Anthropic(max_retries=0).get("/v1/models", cast_to=object)
        told.append(True)
    except anthropic.APIConnectionError:
        told.append(False)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("healthy") as opened:
        yield opened


@pytest.fixture(scope="module")
def settings(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    folder = tmp_path_factory.mktemp("stores")
    (folder / "empty").mkdir()
    root = Path(lab.variables["SSL_CERT_FILE"]).read_bytes()
    middle = folder / "middle.pem"
    middle.write_text(chain.pem_of(presented(lab)[1]), encoding="ascii")
    places = {
        "root": lab.variables["SSL_CERT_FILE"],
        "public": certifi.where(),
        "middle": str(middle),
        "empty": str(folder / "empty"),
        "hashed": hashed(folder / "hashed", root),
    }
    return [{name: value.format(**places) for name, value in one.items()} for one in SETTINGS]


@pytest.fixture(scope="module")
def programs(lab: Lab) -> Snapshot:
    return environment.with_programs(environment.read(around(lab, {})))


@functools.cache
def presented(lab: Lab) -> list[bytes]:
    address = lab.variables["ANTHROPIC_BASE_URL"].rpartition(":")[2]
    route = Route(endpoint=Endpoint(host="localhost", port=int(address)))
    with socket.create_connection(("127.0.0.1", int(address))) as sock:
        seen, _ = handshake.shake(
            walk(route), sock, address="127.0.0.1", port=int(address), server_name="localhost", stores=()
        )
    return [der for one in seen.chain for der in chain.pem_blocks(one.pem.encode())]


def around(lab: Lab, variables: Mapping[str, str]) -> dict[str, str]:
    without = {name: value for name, value in lab.variables.items() if name != "SSL_CERT_FILE"}
    return {**clean_environment(without), "HOME": "/nowhere", **variables}


def predicted(
    lab: Lab, variables: Mapping[str, str], client: str, known: Snapshot, interpreter: Interpreter | None = None
) -> bool | None:
    read = environment.read(around(lab, variables))
    snapshot = replace(read, programs=known.programs, bundled_roots=known.bundled_roots)
    (one,) = [one for one in trusts(snapshot, interpreter) if client in one.clients]
    return trust.judge_clients(presented(lab), [one])[0].trusted


@pytest.mark.slow
@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_curl_trusts_what_was_predicted(lab: Lab, programs: Snapshot, settings: list[dict[str, str]]) -> None:
    url = lab.variables["ANTHROPIC_BASE_URL"]
    command = [CURL or "curl", "-q", "-s", "-o", os.devnull, "-m", "5", url]
    real = [not subprocess.run(command, env=around(lab, one), timeout=10, check=False).returncode for one in settings]
    assert dict(enumerate(real)) == {place: predicted(lab, one, "curl", programs) for place, one in enumerate(settings)}
    assert {True, False} <= set(real)


@pytest.mark.slow
@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_node_trusts_what_was_predicted(lab: Lab, programs: Snapshot, settings: list[dict[str, str]]) -> None:
    command = [NODE or "node", "-e", FETCH]
    real = [
        not subprocess.run(command, env=around(lab, one), timeout=20, check=False, capture_output=True).returncode
        for one in settings
    ]
    assert dict(enumerate(real)) == {place: predicted(lab, one, "node", programs) for place, one in enumerate(settings)}
    assert {True, False} <= set(real)


@pytest.mark.slow
@pytest.mark.parametrize(
    "python", [PYTHON, *filter(None, os.environ.get("CLAUDECHECK_SDK_PYTHONS", "").split(os.pathsep))]
)
def test_the_python_sdk_trusts_what_was_predicted(
    python: str, lab: Lab, programs: Snapshot, settings: list[dict[str, str]]
) -> None:
    asked = subprocess.run(
        [python, "-c", CALL],
        input=json.dumps(settings),
        env=around(lab, {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    started, interpreter = worker.start(around(lab, {}), python, Deadline(20))
    assert started is not None
    started.end()
    expected = [predicted(lab, one, "python", programs, interpreter) for one in settings]
    assert json.loads(asked.stdout) == expected
    assert {True, False} <= set(expected)


# -- the command -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_exports_the_root_and_with_it_node_works(lab: Lab, tmp_path: Path) -> None:
    place = tmp_path / "corporate-root.pem"
    ran = doctor.run("trust", "--export", str(place), "--python", PYTHON, variables=lab.variables)
    assert ran.exit_code == ExitCode.HEALTHY, ran.err
    assert '"claudecheck lab root", out of ' in ran.out
    assert place.read_bytes() == Path(lab.variables["SSL_CERT_FILE"]).read_bytes()
    if NODE is not None:
        named = around(lab, {"NODE_EXTRA_CA_CERTS": str(place)})
        assert subprocess.run([NODE, "-e", FETCH], env=named, timeout=20, check=False).returncode == 0


@pytest.mark.slow
def test_nothing_is_exported_that_only_the_connection_vouches_for(tmp_path: Path) -> None:
    place = tmp_path / "corporate-root.pem"
    with Lab("tls-intercepted") as opened:
        ran = doctor.run("trust", "--export", str(place), "--python", PYTHON, variables=opened.variables)
    assert ran.exit_code == ExitCode.USAGE
    assert "no store on this machine has the CA certificate" in ran.err
    assert not place.exists()


def test_the_matrix_is_made_of_one_handshake_and_holds_no_key(lab: Lab) -> None:
    before = len(lab.requests)
    ran = doctor.run("trust", "--json", "--python", PYTHON, variables=lab.variables)
    assert ran.exit_code == ExitCode.HEALTHY, ran.err
    told = json.loads(ran.out)
    assert [store["store"] for store in told["stores"] if store["trusted"]] == ["SSL_CERT_FILE"] * 2
    assert [one["trusted"] for one in told["clients"] if "python" in one["clients"]] == [True]
    assert lab.variables["ANTHROPIC_API_KEY"] not in ran.out
    assert len(lab.requests) == before  # a handshake, and no request


@pytest.mark.parametrize(("fault", "layer"), [("tcp-refused", "tcp"), ("tls-reset", "tls"), ("proxy-refused", "proxy")])
def test_without_a_certificate_it_says_where_the_way_ends(fault: str, layer: str) -> None:
    with Lab(fault) as opened:
        ran = doctor.run("trust", "--json", "--timeout", "10", "--python", PYTHON, variables=opened.variables)
    assert json.loads(ran.out)["layer"] == layer
    assert ran.exit_code == ExitCode[layer.upper()]
