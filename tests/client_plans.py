"""What the tests of several clients share: credentials, environments, and a plan in few words."""

from collections.abc import Mapping
from dataclasses import replace

from claudecheck.clients.snapshot import Program, Snapshot
from claudecheck.machine import environment
from claudecheck.observations import Interpreter
from claudecheck.route import Plan

KEY = "sk-ant-api03-" + "A1b2C3d4-" * 10 + "AA"
OTHER = "sk-ant-api03-" + "Z1b2C3d4-" * 10 + "AA"
TOKEN = "sk-ant-oat01-" + "Z9y8X7w6-" * 10 + "AA"
API_KEY_ONLY = {"ANTHROPIC_API_KEY": KEY}
PROXY = "http://joe:hunter22@proxy.corp:8080"
SHOWN = "http://proxy.corp:8080"
PYTHON = Interpreter(path="python3", chosen_by="own", sdk="2.12.0", generation=2, cafile="/etc/ssl/cert.pem")
EMPTY = replace(environment.read({"HOME": "/nowhere"}), files={})  # whatever settings this machine has


def snapshot_of(variables: Mapping[str, str], node: str = "24.21.0", typescript: str = "1.12.0") -> Snapshot:
    programs = {"node": Program("node", node), "typescript": Program("sdk", typescript)}
    return replace(EMPTY, variables=variables, programs=programs)


def told(plan: Plan) -> tuple[str, ...]:
    return tuple(one.kind for one in plan.concerns)


def way(plan: Plan) -> str:
    assert plan.route is not None
    return plan.route.proxy.shown if plan.route.proxy else "direct"


def credential(plan: Plan) -> str:
    assert plan.route is not None
    one = plan.route.credential
    return f"{one.source} {one.header}" if one.sort != "none" else "none"
