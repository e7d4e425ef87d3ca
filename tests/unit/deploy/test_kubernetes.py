"""deploy/kubernetes and the chart: the same objects, accepted by Kubernetes, and what they name is there."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from deploy.kubernetes import chart
from gilfoyle.api.totals import LEASE_S
from gilfoyle.cli import app
from gilfoyle.cli.commands.worker import Queue
from gilfoyle.config import Settings
from gilfoyle.config.environment import overlay as settings_of
from gilfoyle.temporal.routes import QUEUES
from tests.unit.deploy.compose import SERVICES
from tests.unit.deploy.kubernetes_objects import (
    CHART,
    GO,
    HELM,
    KUBECTL,
    KUBERNETES,
    KUSTOMIZE,
    NAMESPACE,
    OVERLAYS,
    Doc,
    Objects,
    alike,
    by_go,
    by_helm,
    kustomize,
    kustomized,
    values,
)

SCHEMA = yaml.safe_load((CHART / "values.schema.json").read_text())
CUSTOM = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}
"""Kinds that others bring; their definitions are not in Kubernetes."""
needs_kustomize = pytest.mark.skipif(not (KUBECTL or KUSTOMIZE), reason="there is neither kubectl nor kustomize")
needs_go = pytest.mark.skipif(not GO, reason="there is no Go, whose templates the chart is made of")
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool")
needs_helm = pytest.mark.skipif(not HELM, reason="there is no helm")
POOLS = {"pools": {"transcode-nvenc": chart.NVENC}}


def test_what_is_made_is_what_is_here() -> None:
    """`python -m deploy.kubernetes.chart` was run after the last change of the objects."""
    made = chart.files()
    for path, text in made.items():
        assert path.read_text() == text, f"{path}: run `python -m deploy.kubernetes.chart`"
    there = {*(CHART / "templates").iterdir(), *(CHART / "files").iterdir()}
    assert there <= made.keys()


@needs_kustomize
@needs_go
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_chart_and_kustomize_give_the_same(overlay: str) -> None:
    ours, theirs = alike(kustomized(overlay)), alike(by_go(values(overlay=overlay)))
    assert theirs.keys() == ours.keys()
    for key, doc in ours.items():
        assert theirs[key] == doc, key


@needs_helm
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_helm_gives_the_same(overlay: str) -> None:
    assert alike(by_helm(overlay)) == alike(kustomized(overlay))


@needs_helm
def test_helm_refuses_a_value_that_there_is_not() -> None:
    with pytest.raises(AssertionError, match="slot"):
        by_helm(given={"transcode": {"slot": 1}})


@needs_helm
def test_helm_agrees_with_the_templates_of_go() -> None:
    given = POOLS | {"keda": {"trigger": "metrics-api"}, "deletionCost": {"enabled": False}}
    assert alike(by_helm(given=given)) == alike(by_go(values(given=given)))


@needs_kustomize
@needs_go
def test_a_pool_of_cards_is_the_same_in_both(tmp_path: Any) -> None:
    folder = KUBERNETES / "overlays" / "external"
    whole = yaml.safe_load((folder / "kustomization.yaml").read_text())
    here = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, here)
    whole["components"].append("../../components/nvenc")
    (here / "overlays" / "external" / "kustomization.yaml").write_text(yaml.safe_dump(whole))
    ours = alike(kustomize(here / "overlays" / "external"))
    theirs = alike(by_go(values(given=POOLS)))
    assert ("ScaledObject", "gilfoyle-transcode-nvenc") in ours
    assert theirs == ours
    query = ours["ScaledObject", "gilfoyle-transcode-nvenc"]["spec"]["triggers"][0]["metadata"]["query"]
    assert 'queue=~"transcode-nvenc|first-nvenc"' in query


@needs_go
def test_what_is_switched_off_is_not_there() -> None:
    off = ("ingress", "keda", "deletionCost", "clusterWide", "monitoring", "networkPolicy")
    few = by_go(values(given={name: {"enabled": False} for name in off} | {"transcode": {"minReplicas": 3}} | POOLS))
    assert {kind for kind, _ in few} == {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Job", "PodDisruptionBudget", "Service", "ServiceAccount"
    }  # fmt: skip
    for name in ("gilfoyle-transcode", "gilfoyle-transcode-nvenc"):
        spec = few["Deployment", name]["spec"]
        assert spec["replicas"] == 3
        assert spec["template"]["spec"]["automountServiceAccountToken"] is False


@needs_go
def test_those_that_encode_may_have_other_secrets() -> None:
    objects = by_go(values(given={"transcode": {"secret": "few"}} | POOLS))
    named = {
        name: doc["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["secretRef"]["name"]
        for (kind, name), doc in objects.items()
        if kind == "Deployment" and name != "gilfoyle-nginx"
    }
    assert named == {f"gilfoyle-{name}": "gilfoyle" for name in ("api", "pipeline", "io")} | {
        "gilfoyle-transcode": "few",
        "gilfoyle-transcode-nvenc": "few",
    }


@needs_go
def test_prometheus_may_be_asked_by_http_with_a_login() -> None:
    given = {"keda": {"trigger": "metrics-api", "authenticationRef": {"name": "prometheus"}}} | POOLS
    for name in ("transcode", "transcode-nvenc"):
        [trigger] = by_go(values(given=given))["ScaledObject", f"gilfoyle-{name}"]["spec"]["triggers"]
        assert (trigger["type"], trigger["authenticationRef"]) == ("metrics-api", {"name": "prometheus"})
        assert trigger["metadata"]["targetValue"] == ("2" if name == "transcode" else "3")
        address, _, asked = trigger["metadata"]["url"].partition("?query=")
        assert address.endswith("/api/v1/query") and not {*' &#+"[]'} & {*asked}
        direct = by_go(values(given=POOLS))["ScaledObject", f"gilfoyle-{name}"]["spec"]["triggers"][0]["metadata"]
        assert unquote(asked) == direct["query"]


@needs_kustomize
@pytest.mark.parametrize("version", ["1.30", "1.33", "1.37"])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_knows_every_field(overlay: str, version: str) -> None:
    for (kind, name), doc in kustomized(overlay).items():
        if kind not in CUSTOM:
            try:
                kubernetes_validate.validate(doc, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                pytest.fail(f"{kind} {name}: {error.message} at {[*error.path]}")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_values_are_accepted(overlay: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(values(overlay=overlay, given=POOLS), SCHEMA)


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"transcode": {"slot": 2}}, "slot"),
        ({"replicas": 2}, "replicas"),
        ({"transcode": {"slots": "2"}}, "integer"),
        ({"transcode": {"slots": 0}}, "minimum"),
        ({"pools": {"transcode-cuda": {}}}, "transcode-cuda"),
        ({"pools": {"transcode-nvenc": {"slot": 1}}}, "slot"),
        ({"keda": {"cooldownPeriod": 60}}, "minimum"),
        ({"keda": {"trigger": "temporal"}}, "temporal"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, Any], at: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match=at):
        jsonschema.validate(values(given=given), SCHEMA)


def pods(objects: Objects) -> Iterator[tuple[str, Doc]]:
    """Every pod that is made."""
    for (kind, name), doc in objects.items():
        if kind in ("Deployment", "StatefulSet", "Job"):
            yield f"{kind} {name}", doc["spec"]["template"]


@needs_kustomize
def test_pods_are_restricted() -> None:
    """The Pod Security Standards' profile, and a root that can't be written."""
    for where, pod in pods(kustomized("all-in-one")):
        spec = pod["spec"]
        context = spec["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] > 0, where
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}, where
        assert (
            all(volume.keys() & {"configMap", "emptyDir"} for volume in spec["volumes"]) if "volumes" in spec else True
        )
        [container] = spec["containers"]
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True, where
        assert own["capabilities"] == {"drop": ["ALL"]} and not own.get("privileged"), where
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, where
        assert "memory" in container["resources"]["limits"], where
        assert spec.get("automountServiceAccountToken") is (spec.get("serviceAccountName") == "gilfoyle-transcode")


@needs_kustomize
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_settings_are_accepted(overlay: str) -> None:
    objects = alike(kustomized(overlay))
    written = objects["ConfigMap", "gilfoyle"]["data"]["config.yaml"]
    for where, pod in pods(objects):
        [container] = pod["spec"]["containers"]
        if container["image"].startswith("gilfoyle:"):
            given = copy.deepcopy(written)
            environment = {each["name"]: each["value"] for each in container.get("env", [])}
            result = settings_of(given, environment, Settings)
            assert (result.faults, result.strangers) == ([], []), where
            settings = Settings.model_validate(given)
            assert settings.storage.driver == "s3"
            result = CliRunner().invoke(app, [*container["args"], "--help"])
            assert result.exit_code == 0, where
            assert container["env"][0]["value"] == "0.0.0.0" if container["args"] != ["migrate"] else True


@needs_kustomize
def test_there_are_workers_for_each_queue_with_time_to_stop() -> None:
    objects = kustomized("external")
    queues = set()
    for (kind, name), doc in objects.items():
        pod = doc["spec"]["template"]["spec"] if kind == "Deployment" else None
        if pod and pod["containers"][0].get("args", [""])[0] == "worker":
            environment = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
            grace_s = float(environment["GILFOYLE_WORKERS__GRACE_S"])
            assert pod["terminationGracePeriodSeconds"] >= grace_s + 20, name
            queues.add(pod["containers"][0]["args"][2])
            probes = {pod["containers"][0][f"{each}Probe"]["httpGet"]["path"] for each in ("startup", "liveness")}
            assert probes == {"/healthz"}
            assert pod["containers"][0]["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
            assert {each["name"]: each["containerPort"] for each in pod["containers"][0]["ports"]} == {
                "metrics": Settings().metrics.port
            }
    assert queues == {*QUEUES} and queues < {*Queue}


@needs_kustomize
def test_workers_are_as_many_as_there_is_to_encode() -> None:
    objects = kustomized("external")
    spec = objects["ScaledObject", "gilfoyle-transcode"]["spec"]
    [trigger] = spec["triggers"]
    asked = trigger["metadata"]
    environment = objects["Deployment", "gilfoyle-transcode"]["spec"]["template"]["spec"]["containers"][0]["env"]
    slots = {each["name"]: each["value"] for each in environment}["GILFOYLE_WORKERS__TRANSCODE_SLOTS"]
    assert (asked["threshold"], trigger["metricType"]) == (slots, "AverageValue")
    assert "replicas" not in objects["Deployment", "gilfoyle-transcode"]["spec"]
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    # Longer than totals may be missing: api/totals.py.
    assert down["stabilizationWindowSeconds"] > LEASE_S and spec["cooldownPeriod"] >= 300
    assert spec["pollingInterval"] + 5 + 5 <= 20  # and what Prometheus takes to ask, twice


@needs_kustomize
@needs_promtool
@pytest.mark.parametrize(
    ("passes", "at", "wanted"),
    [
        # One film's passes: few at first, all that run at once, and all of them if it lasts.
        ({("transcode", "waiting"): "0x40 12x100"}, "205s", (0.3, 0.4)),
        ({("transcode", "waiting"): "0x40 12x100"}, "390s", (12, 12)),
        ({("transcode", "waiting"): "0x40 12 4x100", ("transcode", "running"): "0x41 8x100"}, "210s", (8, 8)),
        # What a workflow holds back could not run on any worker.
        ({("transcode", "waiting"): "0x200", ("transcode", "held_back"): "0x40 12x100"}, "390s", (0, 0)),
        ({("first", "waiting"): "0x200", ("first", "held_back"): "0x40 12x100"}, "205s", (0, 0)),
        ({("transcode", "running"): "8x200", ("transcode", "held_back"): "100x200"}, "390s", (8, 8)),
        # Viewers wait for these.
        ({("first", "waiting"): "0x40 5x100"}, "205s", (5, 5)),
        ({("first", "waiting"): "0x40 5x3 3x100", ("first", "running"): "0x44 2x100"}, "230s", (5, 5)),
        # Done: fewer and fewer, but not fewer than run.
        ({("transcode", "running"): "12x40 3x100"}, "205s", (11.5, 12)),
        ({("transcode", "running"): "12x40 3x100"}, "600s", (3, 3)),
        # Who tells what waits has died.
        ({("transcode", "waiting"): "6x40 stale", ("transcode", "running"): "4x200"}, "220s", (9, 10)),
        ({("transcode", "waiting"): "0x200", ("transcode", "running"): "0x10 stale"}, "600s", (0, 0)),
    ],
)
def test_how_many_are_wanted(
    passes: dict[tuple[str, str], str], at: str, wanted: tuple[float, float], tmp_path: Path
) -> None:
    """`wanted`: the least and the most, since versions of Prometheus differ in where an average begins."""
    spec = kustomized("external")["ScaledObject", "gilfoyle-transcode"]["spec"]
    [trigger] = spec["triggers"]
    others = {
        'gilfoyle_passes{namespace="other", queue="first", state="waiting"}': "9x200",
        f'gilfoyle_passes{{namespace="{NAMESPACE}", queue="transcode-nvenc", state="running"}}': "9x200",
    }
    series = others | {
        f'gilfoyle_passes{{namespace="{NAMESPACE}", queue="{queue}", state="{state}"}}': values
        for (queue, state), values in passes.items()
    }
    query, (least, most) = trigger["metadata"]["query"], wanted
    yes = [{"labels": "{}", "value": 1}]
    cases = [f"({query}) >= bool {least}", f"({query}) <= bool {most}"]
    test = {
        "interval": "5s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": each, "eval_time": at, "exp_samples": yes} for each in cases],
    }
    file = tmp_path / "query.test.yml"
    file.write_text(json.dumps({"evaluation_interval": "5s", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_kustomize
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_named_is_there(overlay: str) -> None:
    objects = kustomized(overlay)
    given = {"Secret gilfoyle", "Secret gilfoyle-parts", "PriorityClass system-node-critical"}
    for where, pod in pods(objects):
        spec, text = pod["spec"], str(pod)
        for kind, pattern in (
            ("ConfigMap", r"'configMap': \{'name': '([\w.-]+)'"),
            ("Secret", r"'secret(?:Ref|KeyRef)': \{[^}]*'name': '([\w.-]+)'"),
            ("PriorityClass", r"'priorityClassName': '([\w.-]+)'"),
            ("ServiceAccount", r"'serviceAccountName': '([\w.-]+)'"),
        ):
            for name in re.findall(pattern, text):
                assert (kind, name) in objects or f"{kind} {name}" in given, (where, kind, name)
        mounted = {each["name"] for each in spec["containers"][0].get("volumeMounts", [])}
        volumes = {each["name"] for each in spec.get("volumes", [])}
        assert volumes <= mounted <= volumes | {"data"}, where
    labels = [pod["metadata"]["labels"] for _, pod in pods(objects)]
    for (kind, name), doc in objects.items():
        spec = doc.get("spec", {})
        if kind in ("HorizontalPodAutoscaler", "ScaledObject"):
            assert ("Deployment", spec["scaleTargetRef"]["name"]) in objects
        selector = {"Service": spec.get("selector"), "NetworkPolicy": spec.get("podSelector")}.get(kind)
        if kind == "PodDisruptionBudget":
            selector = spec["selector"]
        if selector is not None:
            assert any(_selects(selector, each) for each in labels), (kind, name)
    # Addresses that the settings name are services.
    config = alike(objects)["ConfigMap", "gilfoyle"]["data"]["config.yaml"]
    for host in re.findall(r"gilfoyle-(?:objects|temporal|postgres)", str(config)):
        assert ("Service", host) in objects


def _selects(selector: Doc, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", selector if "matchExpressions" not in selector else {})
    chosen = all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", []))
    return chosen and all(labels.get(key) == value for key, value in wanted.items())


@needs_kustomize
def test_pods_that_encode_reach_the_storage_and_temporal_only() -> None:
    objects = kustomized("all-in-one")
    labels = objects["Deployment", "gilfoyle-transcode"]["spec"]["template"]["metadata"]["labels"]
    reach = {
        name
        for (kind, name), doc in objects.items()
        if kind == "NetworkPolicy"
        and "Egress" in doc["spec"]["policyTypes"]
        and _selects(doc["spec"]["podSelector"], labels)
    }
    assert reach == {
        f"gilfoyle-{name}" for name in ("nothing-else", "names", "to-storage", "to-temporal", "to-kubernetes")
    }


@needs_kustomize
def test_images_are_those_of_compose() -> None:
    ours = {pod["spec"]["containers"][0]["image"] for _, pod in pods(kustomized("all-in-one"))}
    assert ours <= {service["image"] for service in SERVICES.values()}


def test_namespaces_are_one() -> None:
    for overlay in OVERLAYS:
        whole = yaml.safe_load((KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text())
        assert whole["namespace"] == NAMESPACE
