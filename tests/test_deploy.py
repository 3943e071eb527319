"""deploy/: each file is read by the program that it is for, its commands run, and a real Prometheus sees an outage."""

from __future__ import annotations

import importlib
import json
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

import claudecheck
from claudecheck.cli.metrics import Metrics
from claudecheck.lab import Lab
from tests import doctor, network_reports

DEPLOY = doctor.ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SCHEMAS = doctor.ROOT / ".clients" / "checkers" / "kubernetes"
DASHBOARD = json.loads((DEPLOY / "grafana" / "claudecheck.json").read_text(encoding="utf-8"))
HERE = {"VIRTUAL_ENV": sys.prefix}

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="make checkers installs promtool")


def documents(place: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(place.read_text(encoding="utf-8")))


def ran(*words: str | Path, cwd: Path | None = None) -> str:
    """What a program has to say against a file; empty when it accepts it."""
    done = subprocess.run(list(map(str, words)), cwd=cwd, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


# -- Kubernetes --------------------------------------------------------------------------------------


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="make checkers installs the schemas of Kubernetes")
@pytest.mark.parametrize("place", MANIFESTS, ids=lambda place: place.name)
def test_kubernetes_accepts_the_manifest(place: Path) -> None:
    for document in documents(place):
        if not document["apiVersion"].startswith("monitoring.coreos.com/"):
            check_by_kubernetes(document)


def check_by_kubernetes(document: dict[str, Any]) -> None:
    """Against the API's own schema, where no field may be unknown."""
    version = document["apiVersion"].replace("/", "-")
    schema = json.loads((SCHEMAS / f"{document['kind'].lower()}-{version}.json").read_text(encoding="utf-8"))
    referencing = importlib.import_module("referencing")
    definitions = json.loads((SCHEMAS / "_definitions.json").read_text(encoding="utf-8"))
    registry = referencing.Registry().with_resource("_definitions.json", referencing.Resource.from_contents(
        definitions, default_specification=importlib.import_module("referencing.jsonschema").DRAFT202012
    ))  # fmt: skip
    jsonschema.Draft202012Validator(schema, registry=registry).validate(document)


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="make checkers installs the schemas of Kubernetes")
def test_a_misspelled_field_is_noticed() -> None:
    (document,) = documents(DEPLOY / "kubernetes" / "cronjob.yaml")
    document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolici"] = "Never"
    with pytest.raises(jsonschema.ValidationError, match="restartPolici"):
        check_by_kubernetes(document)


def test_the_pod_monitor_finds_the_port_of_the_daemon_set() -> None:
    (daemons,), (monitor,) = (documents(DEPLOY / "kubernetes" / f"{name}.yaml") for name in ("daemonset", "podmonitor"))
    pod = daemons["spec"]["template"]
    assert monitor["kind"] == "PodMonitor"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert monitor["spec"]["jobLabel"] in pod["metadata"]["labels"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (container,) = pod["spec"]["containers"]
    assert endpoint["port"] in [port["name"] for port in container["ports"]]
    assert container["livenessProbe"]["httpGet"]["port"] == endpoint["port"]
    # The fields of an endpoint that the operator's definition has, of those that one would write here.
    known = {"port", "path", "interval", "scrapeTimeout", "scheme", "honorLabels", "relabelings", "metricRelabelings"}
    assert endpoint.keys() <= known


def test_the_operators_rules_are_those_that_promtool_tests() -> None:
    (wrapped,) = documents(DEPLOY / "kubernetes" / "prometheusrule.yaml")
    (plain,) = documents(PROMETHEUS / "rules.yml")
    assert wrapped["kind"] == "PrometheusRule"
    assert wrapped["spec"] == plain


def test_no_container_may_do_more_than_it_needs_and_every_image_is_the_one_that_is_built() -> None:
    pods = [node for place in MANIFESTS for document in documents(place) for node in nested(document, "containers")]
    containers = [one for pod in pods for one in [*pod.get("initContainers", []), *pod["containers"]]]
    ours = [one for one in containers if one["image"].startswith("claudecheck:")]
    assert len(ours) == 3
    for one in ours:
        assert one["securityContext"]["runAsNonRoot"]
        assert one["securityContext"]["readOnlyRootFilesystem"]
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "cpu" not in one["resources"]["limits"]  # throttled, it would measure itself
    written = "".join(place.read_text(encoding="utf-8") for place in DEPLOY.rglob("*") if place.is_file())
    assert set(re.findall(r"\bclaudecheck:(\d+\.[\w.]*)", written)) == {claudecheck.__version__}


def nested(node: Any, key: str) -> Iterator[dict[str, Any]]:
    """Every mapping that has the key."""
    if isinstance(node, dict):
        if key in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from nested(one, key)


# -- Compose, systemd, Prometheus, Grafana -----------------------------------------------------------


def test_the_schema_of_compose_accepts_the_file_and_what_it_mounts_is_there() -> None:
    place = DEPLOY / "compose.yaml"
    assert ran(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", place) == ""
    (document,) = documents(place)
    mounted = [volume.split(":")[0] for one in document["services"].values() for volume in one.get("volumes", [])]
    assert mounted
    assert all((DEPLOY / name).is_file() for name in mounted)
    for config in document["configs"].values():
        assert YAML(typ="safe").load(config["content"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="make checkers installs systemd")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = Path(sys.prefix) / "bin" / "claudecheck"
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text(encoding="utf-8").replace("/usr/local/bin/claudecheck", str(program))
        (tmp_path / unit.name).write_text(text)
    units = [unit for unit in tmp_path.iterdir() if unit.suffix in (".service", ".timer")]
    assert len(units) == 3
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "claudecheck" in line] == []
    assert done.returncode == 0, done.stderr


@needs_promtool
def test_promtool_accepts_the_rules_and_they_fire_as_their_tests_say() -> None:
    assert ran("promtool", "check", "config", "prometheus.yml", cwd=PROMETHEUS) == ""
    assert ran("promtool", "test", "rules", "rules_test.yml", cwd=PROMETHEUS) == ""


def test_every_alert_has_a_test() -> None:
    (rules,), (tests,) = (documents(PROMETHEUS / name) for name in ("rules.yml", "rules_test.yml"))
    tested = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert tested == {rule["alert"] for group in rules["groups"] for rule in group["rules"]}


def queries() -> list[str]:
    """Of the dashboard, as Grafana sends them when nothing is chosen."""
    written = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [query.replace("$job", ".*").replace("$instance", ".*") for query in written]


def test_rules_and_dashboard_speak_of_metrics_that_are_there() -> None:
    metrics = Metrics(60)
    for report in (network_reports.HEALTHY, network_reports.TLS_INTERCEPTED):
        metrics.add(report)
    there = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    there.add("claudecheck_certificate_expiry_timestamp_seconds")  # these reports have no chain
    (rules,) = documents(PROMETHEUS / "rules.yml")
    asked = queries() + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    named = {name for query in asked for name in re.findall(r"\bclaudecheck_\w+", query)}
    assert named
    assert named <= there


def test_the_panels_of_the_dashboard_have_ids_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        x, y, width, height = (panel["gridPos"][name] for name in "xywh")
        cells = {(x + right, y + down) for right in range(width) for down in range(height)}
        assert not cells & taken
        assert x + width <= 24
        taken |= cells
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels)))
    assert used == variables


# -- the commands ------------------------------------------------------------------------------------


def commands() -> list[tuple[str, list[str]]]:
    """Every call of claudecheck in this folder, by its file."""
    found = []
    for place in MANIFESTS:
        for document in documents(place):
            for pod in nested(document, "containers"):
                every = [*pod.get("initContainers", []), *pod["containers"]]
                found += [(place.name, one["args"]) for one in every if "args" in one]
    (compose,) = documents(DEPLOY / "compose.yaml")
    found.append(("compose.yaml", list(compose["services"]["claudecheck"]["command"])))
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        (line,) = re.findall(r"^ExecStart=\S+/claudecheck (.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
        found.append((unit.name, shlex.split(line)))
    (image,) = re.findall(r"^CMD (.*)$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return [*found, ("Dockerfile", json.loads(image))]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "words"), [pytest.param(*one, id=one[0]) for one in commands()])
def test_its_command_runs(file: str, words: list[str], tmp_path: Path) -> None:
    """On loopback, into a folder of the test's, and for one walk."""
    here = [
        word.replace("0.0.0.0:9464", f"127.0.0.1:{free_port()}").replace("127.0.0.1:9464", f"127.0.0.1:{free_port()}")
        for word in words
    ]
    here = [word.replace("$(NODE)", "node-1") for word in here]
    here = [re.sub(r"/var/lib/prometheus/node-exporter|\$\{STATE_DIRECTORY\}", str(tmp_path), word) for word in here]
    if here[0] == "watch" and "--for" not in here:
        here += ["--for", "1s"]
    with Lab("healthy") as lab:
        done = doctor.run(*here, "--local-only", variables={**lab.variables, **HERE})
    assert done.exit_code == 0, done.out + done.err
    assert done.out
    if file.endswith(".service"):
        assert any(place.stat().st_size for place in tmp_path.iterdir())


@pytest.mark.slow
def test_the_init_container_waits_for_the_api_and_then_lets_the_pod_start(tmp_path: Path) -> None:
    (words,) = [words for file, words in commands() if file == "init-container.yaml"]
    log = tmp_path / "walks.jsonl"
    with Lab("healthy") as lab, ExitStack() as opened:
        switch = Switch()
        opened.callback(switch.close)
        port = lab.variables["ANTHROPIC_BASE_URL"].rpartition(":")[2]
        url = lab.variables["ANTHROPIC_BASE_URL"].replace(port, str(switch.port))
        waiting = subprocess.Popen(
            [sys.executable, "-m", "claudecheck", *words, "--every", "1s", "--local-only", "--log", str(log)],
            env=doctor.clean_environment({**lab.variables, **HERE, "ANTHROPIC_BASE_URL": url}), stdout=subprocess.PIPE,
        )  # fmt: skip
        until(lambda: bool(walked(log)))
        switch.target = int(port)
        told, _ = waiting.communicate(timeout=60)
    assert walked(log)[0]["status"] == "failing"
    assert waiting.returncode == 0, told


# -- an outage ---------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Switch:
    """One port that leads to whichever server is chosen; without one, connections are taken and closed."""

    def __init__(self) -> None:
        self.target: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(taken, self.target), daemon=True).start()

    @staticmethod
    def _pass_on(taken: socket.socket, target: int | None) -> None:
        with taken:
            if target is None:
                return
            with socket.create_connection(("127.0.0.1", target)) as onward:
                other = {taken: onward, onward: taken}
                try:
                    while True:
                        for ready in select.select(list(other), [], [], 30)[0]:
                            if not (chunk := ready.recv(65536)):
                                return
                            other[ready].sendall(chunk)
                except OSError:
                    return


class Prometheus:
    """A real one that scrapes `port` every second; an alert waits for two seconds instead of minutes."""

    def __init__(self, folder: Path, port: int) -> None:
        rules = (PROMETHEUS / "rules.yml").read_text(encoding="utf-8")
        (folder / "rules.yml").write_text(re.sub(r"for: \d+[mh]", "for: 2s", rules))
        config = (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
        config = re.sub(r"_interval: \w+", "_interval: 1s", config).replace("127.0.0.1:9464", f"127.0.0.1:{port}")
        (folder / "prometheus.yml").write_text(config)
        self._port = free_port()
        self._log = (folder / "prometheus.log").open("w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn"],
            stdout=self._log, stderr=self._log, cwd=folder,
        )  # fmt: skip

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._log.close()

    def ask(self, path: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def alerts(self) -> dict[str, str]:
        """What fires now: name and description."""
        try:
            found = self.ask("alerts")["alerts"]
        except OSError:  # not up yet
            return {}
        return {
            one["labels"]["alertname"]: one["annotations"]["description"] for one in found if one["state"] == "firing"
        }

    def spans(self, query: str, label: str, since: float) -> dict[str, tuple[float, float]]:
        """For every value of the label, when the first and the last sample was."""
        found = self.ask("query_range", query=query, start=str(since), end=str(time.time()), step="1")["result"]
        return {one["metric"][label]: (one["values"][0][0], one["values"][-1][0]) for one in found}


def until(true: Callable[[], bool], *, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to this in time"
        time.sleep(0.2)


def walked(log: Path) -> list[dict[str, Any]]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [json.loads(line) for line in lines]


@contextmanager
def watching(variables: dict[str, str], port: int, log: Path, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = ["--every", "1s", "--listen", str(port), "--log", str(log), "--local-only", "--python", sys.executable]
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "claudecheck", "watch", *words], env=doctor.clean_environment(variables), stdout=file
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(30)


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="make checkers installs Prometheus")
def test_a_real_prometheus_sees_an_outage_of_two_causes_and_fires(tmp_path: Path) -> None:
    """Healthy; connections closed during TLS; a revoked key; healthy again. The watch and Prometheus tell the same."""
    log, out, port, began = tmp_path / "walks.jsonl", tmp_path / "out.txt", free_port(), time.time()
    with ExitStack() as opened:
        healthy, revoked = (opened.enter_context(Lab(fault)) for fault in ("healthy", "key-invalid"))
        switch = Switch()
        opened.callback(switch.close)
        ports = [int(lab.variables["ANTHROPIC_BASE_URL"].rpartition(":")[2]) for lab in (healthy, revoked)]
        trusted = tmp_path / "trusted.pem"
        trusted.write_bytes(b"".join(Path(lab.variables["SSL_CERT_FILE"]).read_bytes() for lab in (healthy, revoked)))
        url = healthy.variables["ANTHROPIC_BASE_URL"].replace(str(ports[0]), str(switch.port))
        variables = {**healthy.variables, "ANTHROPIC_BASE_URL": url, "SSL_CERT_FILE": str(trusted)}
        switch.target = ports[0]
        prometheus = Prometheus(tmp_path, port)
        opened.callback(prometheus.close)
        process = opened.enter_context(watching(variables, port, log, out))

        def last() -> tuple[str, str]:
            seen = walked(log)
            return (seen[-1]["status"], seen[-1]["problem"] or "") if seen else ("", "")

        until(lambda: last() == ("healthy", ""))
        until(lambda: bool(prometheus.spans("claudecheck_up", "job", began)))
        assert "ClaudeApiUnreachable" not in prometheus.alerts()
        for target, problem in ((None, "tls-reset"), (ports[1], "key-invalid")):
            switch.target = target
            until(lambda: last()[1] == problem)  # noqa: B023  # asked before the next turn
            until(lambda: prometheus.alerts().get("ClaudeApiUnreachable", "").startswith(problem))  # noqa: B023
        switch.target = ports[0]
        until(lambda: last() == ("healthy", ""))
        until(lambda: "ClaudeApiUnreachable" not in prometheus.alerts())
        until(lambda: "ClaudeApiIntermittent" not in prometheus.alerts())  # one outage is none
        seen = prometheus.spans('claudecheck_finding_info{severity="error"}', "code", began)
        answers = [prometheus.ask("query", query=query)["result"] for query in queries()]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 13  # of the first failure
    told = out.read_text(encoding="utf-8")
    for code in ("tls-reset", "key-invalid"):
        times = [moment(one["at"]) for one in walked(log) if one["problem"] == code]
        assert abs(seen[code][0] - times[0]) <= 3
        assert abs(seen[code][1] - times[-1]) <= 6  # until the next walk ended
        assert code in told
    assert set(seen) == {"tls-reset", "key-invalid"}
    # Every panel has something to draw, but the table of findings now that all is well.
    assert [query for query, answer in zip(queries(), answers, strict=True) if not answer] == [
        queries()[5],
        queries()[-1],
    ]


def moment(written: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(written).timestamp()


def test_a_watch_that_stands_still_says_so_to_its_orchestrator(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics(60)
    assert not metrics.stuck
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert metrics.stuck
    metrics.add(network_reports.HEALTHY)
    assert not metrics.stuck
