"""Another provider than Anthropic's own API: what selects one, which host is then walked, and what is left open."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from claudecheck.clients import claude_code, providers, python_sdk
from claudecheck.clients.snapshot import FileFact
from claudecheck.diagnosis.verdict import diagnose
from claudecheck.failures import Failure
from claudecheck.lab import Lab
from claudecheck.observations import Journal, NameLookup, RouteChosen, RouteView, Run
from claudecheck.route import Plan
from tests.client_plans import API_KEY_ONLY, PROXY, PYTHON, SHOWN, snapshot_of, told, way
from tests.doctor import PYTHON as INTERPRETER
from tests.doctor import Ran, run

#: Real runs side by side: left to CI.
pytestmark = pytest.mark.slow


def selected(variables: Mapping[str, str]) -> Plan:
    return python_sdk.plan_of_selected(snapshot_of(variables), PYTHON)


def host(plan: Plan) -> str:
    return plan.route.endpoint.host if plan.route else ""


STARTED = Run(version="0", started_at="2026-11-21T10:00:00Z")
SWITCHED = {"CLAUDE_CODE_USE_BEDROCK": "1"}
BEDROCK = "bedrock-runtime.eu-west-1.amazonaws.com"
MANTLE = "bedrock-mantle.eu-west-1.api.aws"
REGION = {"AWS_REGION": "eu-west-1"}


# -- what selects a provider -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "expected", "code"),
    [
        ({**SWITCHED, **REGION}, BEDROCK, "bedrock"),
        ({**SWITCHED, **REGION, **API_KEY_ONLY}, BEDROCK, "bedrock"),
        ({**SWITCHED, "AWS_DEFAULT_REGION": "eu-west-1"}, BEDROCK, "bedrock"),
        ({**SWITCHED, "AWS_DEFAULT_REGION": "us-east-1", **REGION}, BEDROCK, "bedrock"),
        ({**REGION, "AWS_BEARER_TOKEN_BEDROCK": "t"}, BEDROCK, "bedrock"),
        ({**REGION, "ANTHROPIC_BEDROCK_BASE_URL": "https://b.corp"}, "b.corp", "bedrock"),
        ({"ANTHROPIC_BEDROCK_MANTLE_BASE_URL": "https://m.corp"}, "m.corp", "mantle"),
        ({**REGION, "CLAUDE_CODE_USE_MANTLE": "yes"}, MANTLE, "mantle"),
        (
            {"ANTHROPIC_VERTEX_PROJECT_ID": "p", "CLOUD_ML_REGION": "us-east5"},
            "us-east5-aiplatform.googleapis.com",
            "vertex",
        ),
        ({"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "us"}, "aiplatform.us.rep.googleapis.com", "vertex"),
        ({"ANTHROPIC_FOUNDRY_RESOURCE": "r"}, "r.services.ai.azure.com", "foundry"),
        ({"ANTHROPIC_FOUNDRY_BASE_URL": "https://f.corp/anthropic"}, "f.corp", "foundry"),
        ({**REGION, "ANTHROPIC_AWS_WORKSPACE_ID": "w"}, "aws-external-anthropic.eu-west-1.api.aws", "aws"),
        ({"ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID": "w"}, "claude.googleapis.com", "google-cloud"),
    ],
)
def test_the_sdk_goes_to_the_provider_that_the_environment_selects(
    variables: Mapping[str, str], expected: str, code: str
) -> None:
    plan = selected(variables)
    assert plan.route is not None
    assert (host(plan), plan.route.provider) == (expected, code)
    assert plan.route.credential.sort == "none"
    assert not plan.route.headers
    assert told(plan) == ("provider-route",)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        REGION,
        {"AWS_PROFILE": "work", "GOOGLE_CLOUD_PROJECT": "p", "CLOUD_ML_REGION": "global"},
        {"ANTHROPIC_GOOGLE_CLOUD_LOCATION": "eu"},
        {"CLAUDE_CODE_USE_BEDROCK": "0", **REGION},
        {"AWS_BEARER_TOKEN_BEDROCK": "t", **REGION, **API_KEY_ONLY},
        {"AWS_BEARER_TOKEN_BEDROCK": "t", **REGION, "ANTHROPIC_AUTH_TOKEN": "gw-token"},
        {"AWS_BEARER_TOKEN_BEDROCK": "t", **REGION, "ANTHROPIC_BASE_URL": "https://api.anthropic.com"},
        {"AWS_BEARER_TOKEN_BEDROCK": "t", **REGION, "ANTHROPIC_CUSTOM_HEADERS": "x-api-key: abc"},
        {"AWS_BEARER_TOKEN_BEDROCK": "t", **REGION, "ANTHROPIC_FOUNDRY_RESOURCE": "r"},
    ],
)
def test_variables_that_only_accompany_a_provider_select_none(variables: Mapping[str, str]) -> None:
    plan = selected(variables)
    assert plan.route is not None
    assert (host(plan), plan.route.provider) == ("api.anthropic.com", "")
    assert "provider-route" not in told(plan)


def test_the_plain_client_does_not_read_the_switch_and_says_so() -> None:
    plan = python_sdk.plan(snapshot_of({**SWITCHED, **REGION, **API_KEY_ONLY}), PYTHON)
    assert (host(plan), told(plan)) == ("api.anthropic.com", ("provider-route",))
    assert plan.route is not None
    assert not plan.route.provider
    assert "does not read it" in plan.concerns[0].detail


def test_a_gateway_takes_the_credentials_and_the_base_url_of_anthropics_own_api() -> None:
    variables = {"CLAUDE_CODE_USE_GATEWAY": "1", "ANTHROPIC_BASE_URL": "https://gw.corp", **API_KEY_ONLY}
    for plan in (selected(variables), claude_code.plan(snapshot_of(variables))):
        assert plan.route is not None
        assert (host(plan), plan.route.provider) == ("gw.corp", "gateway")
        assert plan.route.credential.source == "ANTHROPIC_API_KEY"
        assert told(plan) == ("provider-route",)


# -- an address that is not known --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        (SWITCHED, "AWS_REGION"),
        ({"AWS_BEARER_TOKEN_BEDROCK": "t"}, "AWS_REGION"),
        ({"CLAUDE_CODE_USE_ANTHROPIC_AWS": "1"}, "AWS_REGION"),
        ({"ANTHROPIC_VERTEX_PROJECT_ID": "p"}, "CLOUD_ML_REGION"),
        ({"CLAUDE_CODE_USE_FOUNDRY": "1"}, "ANTHROPIC_FOUNDRY_RESOURCE"),
        (
            {"ANTHROPIC_FOUNDRY_RESOURCE": "r", "ANTHROPIC_FOUNDRY_BASE_URL": "https://f.corp"},
            "ANTHROPIC_FOUNDRY_RESOURCE",
        ),
        ({"CLAUDE_CODE_USE_GATEWAY": "1"}, "ANTHROPIC_BASE_URL"),
    ],
)
def test_without_its_address_there_is_no_route_rather_than_a_wrong_one(
    variables: Mapping[str, str], missing: str
) -> None:
    plan = selected(variables)
    assert plan.route is None
    concern = next(one for one in plan.concerns if one.kind == "provider-address-unknown")
    assert concern.stops_client
    assert concern.values["variable"] == missing


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (SWITCHED, "bedrock-runtime.us-east-1.amazonaws.com"),
        ({"CLAUDE_CODE_USE_VERTEX": "1"}, "us-east5-aiplatform.googleapis.com"),
        ({"CLAUDE_CODE_USE_FOUNDRY": "1"}, ""),
    ],
)
def test_claude_code_has_regions_of_its_own_to_fall_back_to(variables: Mapping[str, str], expected: str) -> None:
    plan = claude_code.plan(snapshot_of(variables))
    assert host(plan) == expected
    assert told(plan) == (("provider-route",) if expected else ("provider-address-unknown",))


def test_the_first_generation_of_the_sdk_fell_back_in_silence() -> None:
    from msgspec.structs import replace as changed

    plan = python_sdk.plan_of_selected(snapshot_of(SWITCHED), changed(PYTHON, sdk="0.125.0", generation=0))
    assert host(plan) == "bedrock-runtime.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("config", "profile", "expected"),
    [
        ("[default]\nregion = eu-west-1\n", "", BEDROCK),
        ("[profile work]\nregion=eu-west-1\n[default]\nregion=us-east-1", "work", BEDROCK),
        ("[profile work]\nregion=eu-west-1\n", "", ""),
        ("[default]\noutput = json\n", "", ""),
        ("not a configuration", "", ""),
    ],
)
def test_bedrocks_region_may_come_from_the_profile_of_the_aws_tools(config: str, profile: str, expected: str) -> None:
    snapshot = snapshot_of({**SWITCHED, "AWS_PROFILE": profile})
    path = providers.config_file(snapshot)
    assert path == f"{snapshot.home}/.aws/config"
    plan = python_sdk.plan_of_selected(
        replace(snapshot, files={path: FileFact(path, "file", readable=True, text=config)}), PYTHON
    )
    assert host(plan) == expected


# -- the rules of the client hold for the provider's host as well ------------------------------------


def test_proxies_and_their_exceptions_are_those_of_the_client() -> None:
    variables = {**SWITCHED, **REGION, "HTTPS_PROXY": PROXY}
    assert way(selected(variables)) == SHOWN
    assert way(selected({**variables, "NO_PROXY": ".amazonaws.com"})) == "direct"
    assert way(selected({**variables, "NO_PROXY": "api.anthropic.com"})) == SHOWN


def test_a_providers_path_is_not_taken_for_one_that_the_sdk_would_append_to() -> None:
    variables = {"CLAUDE_CODE_USE_VERTEX": "1", "ANTHROPIC_VERTEX_BASE_URL": "https://v.corp/v1"}
    assert told(selected({**variables, "CLOUD_ML_REGION": "global"})) == ("provider-route",)
    assert told(claude_code.plan(snapshot_of(variables))) == ("provider-route",)


def test_a_providers_url_that_nothing_can_be_sent_to_is_named_with_its_variable() -> None:
    plan = selected({**SWITCHED, **REGION, "ANTHROPIC_BEDROCK_BASE_URL": "b corp"})
    concern = next(one for one in plan.concerns if one.kind == "base-url-invalid")
    assert (concern.subject, concern.stops_client) == ("ANTHROPIC_BEDROCK_BASE_URL", True)


# -- what is told ------------------------------------------------------------------------------------

TOOLS = {"bedrock": "aws", "mantle": "aws", "aws": "aws", "vertex": "gcloud", "google-cloud": "gcloud", "foundry": "az"}


@pytest.mark.parametrize("provider", providers.PROVIDERS, ids=lambda one: one.code)
def test_the_finding_names_the_host_and_what_was_not_tested(provider: providers.Provider) -> None:
    variables = {
        provider.switch: "1",
        **REGION,
        "CLOUD_ML_REGION": "global",
        "ANTHROPIC_FOUNDRY_RESOURCE": "r",
        "ANTHROPIC_BASE_URL": "https://gw.corp",
    }
    plan = selected(variables)
    assert plan.route is not None
    run = Run(version="0", started_at="2026-11-21T10:00:00Z")
    report = diagnose(Journal((run, *plan.concerns, RouteChosen(route=plan.route.view()))))
    finding = next(one for one in report.findings if one.code == "provider-route")
    # a gateway speaks the API and is asked; of every other provider only the host is reached
    severity = "info" if provider.code == providers.GATEWAY else "warning"
    assert (finding.severity, provider.name in finding.title) == (severity, True)
    assert host(plan) in finding.seen[0]
    tool = TOOLS.get(provider.code)
    assert [text for text in finding.seen if text.startswith("not tested: ")] == (finding.seen[1:] if tool else [])
    named = {command.line.split()[0] for fix in finding.fixes for command in fix.commands}
    assert named == {*({tool} if tool else ()), "unset"}


def test_a_host_of_a_provider_is_not_measured_by_the_addresses_of_the_api() -> None:
    view = RouteView(client="python", url=f"https://{BEDROCK}", host=BEDROCK, official=False, provider="bedrock")
    run = Run(version="0", started_at="2026-11-21T10:00:00Z")
    report = diagnose(Journal((run, RouteChosen(route=view), NameLookup(name=BEDROCK, addresses=["52.94.133.131"]))))
    assert [one.code for one in report.findings if one.layer == "dns"] == []


# -- walked ------------------------------------------------------------------------------------------


def doctor(lab: Lab, variables: Mapping[str, str], *arguments: str) -> Ran:
    """ANTHROPIC_BASE_URL is the lab's too: a walk to the wrong host would stay on this machine, and be seen."""
    told_to = {**lab.variables, "HOME": "/nowhere", **variables}
    return run("doctor", "--json", "--local-only", "--python", INTERPRETER, *arguments, variables=told_to)


def test_the_way_to_the_provider_is_walked_and_nothing_is_asked_there() -> None:
    with Lab("healthy") as lab:
        url = lab.variables["ANTHROPIC_BASE_URL"]
        report = doctor(lab, {**SWITCHED, "ANTHROPIC_BEDROCK_BASE_URL": url}).report
        assert lab.requests == []
    assert (report["status"], report["reached_api"], report["exit_code"]) == ("degraded", None, 0)
    assert (report["route"]["provider"], report["route"]["credential"]) == ("bedrock", "none")
    rows = {row["name"]: (row["status"], row["skipped_because"]) for row in report["stages"]}
    assert rows["tls"] == ("pass", None)
    assert rows["models"] == rows["messages"] == ("skip", "provider")


def test_a_provider_that_cannot_be_reached_fails_like_any_other_host() -> None:
    with Lab("tls-expired") as lab:
        url = lab.variables["ANTHROPIC_BASE_URL"]
        report = doctor(lab, {**SWITCHED, "ANTHROPIC_BEDROCK_BASE_URL": url}).report
    assert (report["problem"], report["exit_code"], report["reached_api"]) == ("tls-expired", 13, False)
    assert "api.anthropic.com" not in str(report["findings"][0])


def test_without_the_providers_address_nothing_is_sent_to_anybody() -> None:
    with Lab("healthy") as lab:
        report = doctor(lab, SWITCHED).report
        assert lab.requests == []
    assert (report["problem"], report["exit_code"]) == ("provider-address-unknown", 10)
    assert {one["op"] for one in report["observations"]}.isdisjoint({"name-lookup", "tcp-connect", "tls-handshake"})


def test_the_client_that_is_named_goes_its_own_way_beside_the_switch() -> None:
    with Lab("healthy") as lab:
        report = doctor(lab, {**SWITCHED, **REGION}, "--client", "python", "--no-message").report
        assert [request.path for request in lab.requests if request.method == "GET"]
    assert (report["status"], report["reached_api"], report["route"]["provider"]) == ("healthy", True, "")
    assert "provider-route" in [finding["code"] for finding in report["findings"]]


# -- values that make no address ---------------------------------------------------------------------

FOUNDRY = "https://res-000.services.ai.azure.com/anthropic"


@pytest.mark.parametrize(
    ("variables", "url", "suggestion"),
    [
        ({"ANTHROPIC_FOUNDRY_RESOURCE": FOUNDRY}, FOUNDRY, "res-000"),
        ({"ANTHROPIC_FOUNDRY_RESOURCE": "res-000.services.ai.azure.com"}, FOUNDRY, "res-000"),
        ({"ANTHROPIC_FOUNDRY_RESOURCE": '"res-000"'}, FOUNDRY, "res-000"),
        ({**SWITCHED, "AWS_REGION": "eu-west-1a"}, f"https://{BEDROCK}", "eu-west-1"),
        ({**SWITCHED, "AWS_REGION": "eu west 1"}, f"https://{BEDROCK}", "eu-west-1"),
        ({**SWITCHED, "AWS_REGION": f"https://{BEDROCK}"}, f"https://{BEDROCK}", "eu-west-1"),
        (
            {"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "us-east5-aiplatform.googleapis.com"},
            "https://us-east5-aiplatform.googleapis.com/v1",
            "us-east5",
        ),
    ],
)
def test_a_value_that_is_no_name_is_refused_and_the_name_in_it_proposed(
    variables: Mapping[str, str], url: str, suggestion: str
) -> None:
    plan = selected(variables)
    refused = next(one for one in plan.concerns if one.kind == "base-url-invalid")
    assert refused.stops_client
    assert refused.subject in variables
    assert refused.values["suggestion"] == suggestion
    assert plan.route is not None
    assert plan.route.endpoint.url == url


@pytest.mark.parametrize("region", ["us-gov-west-1", "ap-southeast-2", "cn-north-1", "mars-north-7"])
def test_a_name_that_could_be_a_region_is_left_to_the_resolver(region: str) -> None:
    assert told(selected({**SWITCHED, "AWS_REGION": region})) == ("provider-route",)


@pytest.mark.parametrize(
    ("variable", "url", "suggestion"),
    [
        ("ANTHROPIC_FOUNDRY_BASE_URL", "https://gw.corp/anthropic/v1/messages", "https://gw.corp/anthropic"),
        ("ANTHROPIC_FOUNDRY_BASE_URL", "https://gw.corp/anthropic/v1/", "https://gw.corp/anthropic"),
        ("ANTHROPIC_FOUNDRY_BASE_URL", "https://gw.corp/anthropic", None),
        ("ANTHROPIC_BEDROCK_BASE_URL", "https://gw.corp/v1/messages", "https://gw.corp"),
        ("ANTHROPIC_VERTEX_BASE_URL", "https://gw.corp/v1/messages", "https://gw.corp/v1"),
        ("ANTHROPIC_VERTEX_BASE_URL", "https://gw.corp/v1", None),
    ],
)
def test_a_providers_base_url_must_not_end_in_what_the_client_adds(
    variable: str, url: str, suggestion: str | None
) -> None:
    found = [one for one in selected({variable: url}).concerns if one.kind == "base-url-path"]
    assert [one.values["suggestion"] for one in found] == ([suggestion] if suggestion else [])


def test_a_resource_given_as_a_url_ends_in_the_name_that_can_be_pasted() -> None:
    plan = selected({"ANTHROPIC_FOUNDRY_RESOURCE": FOUNDRY})
    assert plan.route is not None
    report = diagnose(Journal((STARTED, RouteChosen(route=plan.route.view()), *plan.concerns)))
    assert (report.problem, report.exit_code) == ("base-url-invalid", 10)
    pasted = [[one.line for one in fix.commands] for fix in report.findings[0].fixes]
    assert pasted[0] == ["export ANTHROPIC_FOUNDRY_RESOURCE=res-000"]
    assert not any("unset" in line for commands in pasted for line in commands)


def test_a_region_that_does_not_exist_is_told_by_its_variable() -> None:
    plan = selected({**SWITCHED, "AWS_REGION": "eu-north-7"})
    assert plan.route is not None
    name = plan.route.endpoint.host
    lookup = NameLookup(name=name, failure=Failure.NAME_NOT_FOUND, error="Name or service not known")
    report = diagnose(Journal((STARTED, RouteChosen(route=plan.route.view()), *plan.concerns, lookup)))
    assert (report.problem, report.findings[0].owner) == ("dns-name-not-found", "you")
    first = report.findings[0].fixes[0]
    assert "AWS_REGION" in first.text
    assert [one.line for one in first.commands] == ["export AWS_REGION=RIGHT-NAME"]
    pasted = [one.line for fix in report.findings[0].fixes for one in fix.commands]
    assert not any("ANTHROPIC_BASE_URL" in line for line in pasted)
