"""The helper that prints Claude Code's key: when it is run, how, and what is told of it."""

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import pytest

from claudecheck.clients import claude_code
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.journal.deadline import Deadline
from claudecheck.journal.redact import Redactor
from claudecheck.lab import Lab
from claudecheck.lab.lab import KEY
from claudecheck.machine import environment
from claudecheck.observations import Concern
from claudecheck.probes.senders import key_helper
from claudecheck.route import Plan
from claudecheck.run.examine import examine
from claudecheck.run.options import Options
from tests.doctor import clean_environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the helpers are written for /bin/sh")
SECRET = "gateway-token-0123456789"


class Machine:
    """A home and a project with settings; what was told to the redactor is in `hidden`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hidden: list[str] = []

    def lay(self, where: str, settings: Mapping[str, object]) -> None:
        path = self.folder / {"user": "home", "shared": "project", "local": "project", "managed": "etc"}[where]
        path /= {"managed": "claude-code/managed-settings.json", "local": ".claude/settings.local.json"}.get(
            where, ".claude/settings.json"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))

    def resolve(self, seconds: float = 20.0, **variables: str) -> Plan:
        shell = {"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], **variables}
        snapshot = environment.read(shell, root=str(self.folder))
        plan = claude_code.plan(snapshot)

        def hide(values: Iterable[str]) -> None:
            self.hidden += values

        return key_helper.resolve(plan, snapshot, Deadline(seconds), hide)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "project").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return Machine(tmp_path)


def sent(plan: Plan) -> dict[str, str]:
    assert plan.route is not None
    headers = {name.lower(): value.reveal() for name, value in plan.route.headers}
    return {**plan.route.credential.headers(), **headers}


def failure(plan: Plan) -> Concern:
    return next(one for one in plan.concerns if one.kind == "key-helper-failed")


# -- it prints a key ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["user", "managed"])
def test_what_the_helper_prints_is_sent_in_both_headers_and_known_to_the_redactor(where: str, machine: Machine) -> None:
    machine.lay(where, {"apiKeyHelper": f"printf ' {KEY}\\n\\n'"})
    plan = machine.resolve()
    assert sent(plan) == {"x-api-key": KEY, "authorization": f"Bearer {KEY}"}
    assert plan.route is not None
    assert (plan.route.credential.kind, plan.concerns) == ("sk-ant-api03", ())
    assert KEY in machine.hidden


def test_a_header_of_the_users_own_stands_before_the_helpers(machine: Machine) -> None:
    machine.lay("user", {"apiKeyHelper": f"echo {SECRET}"})
    plan = machine.resolve(ANTHROPIC_CUSTOM_HEADERS="Authorization: Basic abc")
    assert sent(plan) == {"x-api-key": SECRET, "authorization": "Basic abc"}


def test_it_runs_in_a_shell_with_the_variables_of_the_users_own_settings(machine: Machine) -> None:
    command = 'test "$VAULT" = mine && test "$SHELL_TOLD" = too && pwd | grep -q project$ && echo $VAULT-key-of-mine'
    machine.lay("user", {"apiKeyHelper": command, "env": {"VAULT": "mine"}})
    machine.lay("shared", {"env": {"VAULT": "stolen", "PATH": "/nowhere"}})
    assert sent(machine.resolve(SHELL_TOLD="too", VAULT="shell"))["x-api-key"] == "mine-key-of-mine"


def test_a_key_in_the_command_itself_stands_in_no_argument(machine: Machine) -> None:
    look = "tr '\\0' ' ' < /proc/$$/cmdline | grep -q gateway-token && echo seen || echo"
    machine.lay("user", {"apiKeyHelper": f"{look} {SECRET}"})
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("no /proc here")
    assert sent(machine.resolve())["x-api-key"] == SECRET


# -- it does not -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        ("echo the vault is sealed >&2; exit 3", "it ended with status 3; its last words: the vault is sealed"),
        ("true", "it ended without an error and printed nothing"),
        ("printf 'first\\nsecond\\n'", "it printed 2 lines or several words, and a key is one word"),
        ("kill -9 $$", "it was ended by signal 9"),
        ("no-such-helper-here", "it ended with status 127"),
        ("yes", "it printed far more than a key"),
        ("echo null", "what it printed is a placeholder"),
        ("echo sk-ant-api03-abc", "what it printed has only 3 characters after sk-ant-api03-"),
    ],
)
def test_a_helper_without_a_key_stops_the_client_and_says_why(command: str, detail: str, machine: Machine) -> None:
    machine.lay("user", {"apiKeyHelper": command})
    plan = machine.resolve()
    concern = failure(plan)
    assert concern.detail.startswith(detail)
    assert concern.stops_client
    assert sent(plan) == {}


def test_with_a_login_behind_it_a_failing_helper_does_not_stop_the_client(machine: Machine) -> None:
    machine.lay("user", {"apiKeyHelper": "false"})
    (machine.folder / "home/.claude/.credentials.json").write_text("{}")
    assert not failure(machine.resolve()).stops_client


def test_a_helper_that_takes_too_long_is_ended_with_everything_that_it_started(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_helper, "LIMIT_S", 0.3)
    mark = machine.folder / "pid"
    machine.lay("user", {"apiKeyHelper": f"echo waiting for the vault >&2; sleep 60 & echo $! > {mark}; wait"})
    concern = failure(machine.resolve())
    assert concern.detail.startswith("it was still running after 0.3 s")
    assert gone(int(mark.read_text()))


def test_a_run_that_ends_first_says_nothing_of_the_helper_and_leaves_nothing_behind(machine: Machine) -> None:
    mark = machine.folder / "pid"
    machine.lay("user", {"apiKeyHelper": f"echo $$ > {mark}; exec sleep 60"})
    plan = machine.resolve(seconds=0.3)
    assert (plan.concerns, sent(plan)) == ((), {})
    assert gone(int(mark.read_text()))


def gone(pid: int) -> bool:
    """Within two seconds; a zombie that nobody has waited for is gone too."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


# -- whose code it is --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["shared", "local"])
def test_a_helper_of_a_project_is_not_run_and_the_report_says_why(where: str, machine: Machine) -> None:
    mark = machine.folder / "ran"
    machine.lay(where, {"apiKeyHelper": f"touch {mark}; echo {SECRET}"})
    plan = machine.resolve()
    assert not mark.exists()
    assert plan.route is not None
    assert plan.route.credential.source.endswith("not run: a project's file may be anybody's")
    assert (sent(plan), plan.concerns) == ({}, ())


def test_a_helper_behind_a_key_fills_the_other_header(machine: Machine) -> None:
    machine.lay("user", {"apiKeyHelper": f"echo {SECRET}"})
    route = machine.resolve(ANTHROPIC_API_KEY=KEY).route
    assert route is not None
    assert (route.credential.source, route.credential.headers()) == ("ANTHROPIC_API_KEY", {"x-api-key": KEY})
    assert [(name, value.reveal()) for name, value in route.headers] == [("Authorization", f"Bearer {SECRET}")]
    assert SECRET in machine.hidden


def test_a_projects_helper_behind_a_key_is_not_run(machine: Machine) -> None:
    mark = machine.folder / "ran"
    machine.lay("shared", {"apiKeyHelper": f"touch {mark}; echo {SECRET}"})
    plan = machine.resolve(ANTHROPIC_API_KEY=KEY)
    assert not mark.exists()
    assert plan.route is not None
    assert plan.route.headers == ()


# -- nothing of it is shown --------------------------------------------------------------------------


@pytest.mark.parametrize("command", [SECRET, f"get-key --token {SECRET}", f"echo {SECRET}; echo {SECRET} >&2; exit 1"])
def test_a_secret_that_the_shell_repeats_in_its_error_is_taken_out(command: str, machine: Machine) -> None:
    machine.lay("user", {"apiKeyHelper": command})
    detail = failure(machine.resolve()).detail
    assert SECRET not in Redactor(machine.hidden).text(detail)


def test_what_is_no_key_is_not_taken_out_of_the_whole_report(machine: Machine) -> None:
    machine.lay("user", {"apiKeyHelper": "echo vault-01.corp.example.com is sealed >&2; echo null; exit 1"})
    assert "vault-01.corp.example.com is sealed" in failure(machine.resolve()).detail
    assert machine.hidden == []


@pytest.mark.parametrize("works", [True, False])
def test_the_whole_report_holds_neither_the_key_nor_the_command(works: bool, machine: Machine) -> None:
    secret = KEY if works else SECRET
    command = f"echo {secret}" if works else f"echo {secret} >&2; exit 1"
    with Lab("healthy") as lab:
        machine.lay("user", {"apiKeyHelper": command})
        told = {**lab.variables, "NODE_EXTRA_CA_CERTS": lab.variables["SSL_CERT_FILE"]}
        told |= {"HOME": str(machine.folder / "home"), "ANTHROPIC_API_KEY": "", "SSL_CERT_FILE": ""}
        options = Options(client="claude-code", message=False, local_only=True)
        report = diagnose(examine(options, environment.read(clean_environment(told)), Deadline(30)))
        asked = [request for request in lab.requests if request.path.startswith("/v1/models")]
    assert secret not in msgspec.json.encode(report).decode()
    assert [secret in str(request.headers) for request in asked] == [works]
    if not works:
        assert (report.problem, report.exit_code, report.reached_api) == ("key-helper-failed", 10, True)
