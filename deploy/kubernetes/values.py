"""What of the objects is a value of the Helm chart, and which objects are only there if a value says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Where = tuple[str, str, str]
"""Kind, name and the path in it: keys and indexes with slashes between."""


@dataclass(frozen=True)
class Param:
    """A value of the chart. `how`: a function of Helm's that it passes; `toYaml`: it is a block."""

    value: str
    about: str
    where: Sequence[Where]
    how: str = "toYaml"
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """A value that no object holds as it is."""

    value: str
    about: str
    default: Any
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What Helm writes in a place, in its own words."""

    where: Where
    text: str


OURS = ("api", "pipeline", "io", "transcode")
POD = "spec/template/spec"
CONTAINER = f"{POD}/containers/0"
COUNT = {"type": "integer", "minimum": 0}
SOME = {"type": "integer", "minimum": 1}
TEXT = {"type": "string", "minLength": 1}
RULES = {
    "type": "array",
    "items": {"type": "object", "properties": {"to": {"type": "array"}, "ports": {"type": "array"}}},
}
PEERS = {"type": "array", "items": {"type": "object"}}
_MAP = {"type": "object"}


def _deployments(path: str, *names: str) -> list[Where]:
    return [("Deployment", f"gilfoyle-{name}", path) for name in names or OURS]


def _placed(name: str) -> list[Param]:
    """Where the pods of a deployment run, and what they get."""
    return [
        Param(
            f"{name}.resources",
            "what a pod asks for, and may take",
            _deployments(f"{CONTAINER}/resources", name),
            schema=_MAP,
        ),
        Param(
            f"{name}.nodeSelector", "nodes of these labels only", _deployments(f"{POD}/nodeSelector", name), schema=_MAP
        ),
        Param(f"{name}.tolerations", "taints that it bears", _deployments(f"{POD}/tolerations", name), schema=PEERS),
    ]


_KEDA: Where = ("ScaledObject", "gilfoyle-transcode", "spec")
_SCALE = f"{_KEDA[2]}/advanced/horizontalPodAutoscalerConfig/behavior"
JOB: Where = ("Job", "gilfoyle-migrate-0-1-0", "spec")

PARAMS: list[Param | Given] = [
    Param(
        "image",
        "the image of all roles, of the chart's version",
        [*_deployments(f"{CONTAINER}/image"), (*JOB[:2], f"{CONTAINER}/image")],
        "quote",
        TEXT,
    ),
    Param(
        "imagePullPolicy",
        "when a node asks for it anew",
        [*_deployments(f"{CONTAINER}/imagePullPolicy"), (*JOB[:2], f"{CONTAINER}/imagePullPolicy")],
        "quote",
        {"enum": ["IfNotPresent", "Always", "Never"]},
    ),
    Param(
        "imagePullSecrets",
        "[{name: …}], for a registry that asks who you are",
        [*_deployments(f"{POD}/imagePullSecrets", *OURS, "nginx"), (*JOB[:2], f"{POD}/imagePullSecrets")],
        schema={"type": "array", "items": {"type": "object", "required": ["name"]}},
    ),
    Param(
        "secret",
        "a Secret that is there: its keys are variables, GILFOYLE_DATABASE__URL and others that are secret",
        [
            *_deployments(f"{CONTAINER}/envFrom/0/secretRef/name", "api", "pipeline", "io"),
            (*JOB[:2], f"{CONTAINER}/envFrom/0/secretRef/name"),
        ],
        "quote",
        TEXT,
    ),
    Given("config", "config.yaml of all processes, without secrets: docs/configuration.md", None, _MAP),
    Param(
        "api.minReplicas",
        "API processes at least",
        [("HorizontalPodAutoscaler", "gilfoyle-api", "spec/minReplicas")],
        "int",
        SOME,
    ),
    Param(
        "api.maxReplicas", "and at most", [("HorizontalPodAutoscaler", "gilfoyle-api", "spec/maxReplicas")], "int", SOME
    ),
    *_placed("api"),
    Param("pipeline.replicas", "workers for workflows", _deployments("spec/replicas", "pipeline"), "int", SOME),
    *_placed("pipeline"),
    Param(
        "io.minReplicas",
        "workers of the storage at least",
        [("HorizontalPodAutoscaler", "gilfoyle-io", "spec/minReplicas")],
        "int",
        SOME,
    ),
    Param(
        "io.maxReplicas", "and at most", [("HorizontalPodAutoscaler", "gilfoyle-io", "spec/maxReplicas")], "int", SOME
    ),
    *_placed("io"),
    Param(
        "transcode.minReplicas",
        "workers that encode, when there is nothing to encode",
        [(*_KEDA[:2], "spec/minReplicaCount")],
        "int",
        COUNT,
    ),
    Param("transcode.maxReplicas", "and at most", [(*_KEDA[:2], "spec/maxReplicaCount")], "int", SOME),
    Param(
        "transcode.slots",
        "long passes that one encodes at a time; workers.transcode_slots",
        [*_deployments(f"{CONTAINER}/env/2/value", "transcode"), (*_KEDA[:2], "spec/triggers/0/metadata/threshold")],
        "quote",
        SOME,
    ),
    Param(
        "transcode.secret",
        "the same for these: they need what is of the storage and of Temporal, and nothing of the database",
        _deployments(f"{CONTAINER}/envFrom/0/secretRef/name", "transcode"),
        "quote",
        TEXT,
    ),
    Param(
        "transcode.threads",
        "threads of each; workers.threads",
        _deployments(f"{CONTAINER}/env/3/value", "transcode"),
        "quote",
        SOME,
    ),
    Param(
        "transcode.graceSeconds",
        "how long one that is to end may take to store the segment that it makes; spot nodes give 30 s to 2 min",
        _deployments(f"{CONTAINER}/env/1/value", "transcode"),
        "quote",
        SOME,
    ),
    *_placed("transcode"),
    Given(
        "pools",
        "further workers that encode, by their queue, for what a card encodes; what is not said is as in `transcode`:\n"
        "  transcode-nvenc: {slots: 3, resources: {limits: {nvidia.com/gpu: 1}}}",
        {},
        {
            "type": "object",
            "propertyNames": {"pattern": "^transcode-(nvenc|qsv|vaapi|openh264)$"},
            "additionalProperties": {"$ref": "#/properties/transcode"},
        },
    ),
    Param(
        "nginx.image",
        "what stands before the API and keeps segments",
        _deployments(f"{CONTAINER}/image", "nginx"),
        "quote",
        TEXT,
    ),
    Param("nginx.replicas", "how many", _deployments("spec/replicas", "nginx"), "int", SOME),
    *_placed("nginx"),
    Given("ingress.enabled", "reach nginx from outside by an ingress controller", True, {"type": "boolean"}),
    Param("ingress.className", "which controller", [("Ingress", "gilfoyle", "spec/ingressClassName")], "quote", TEXT),
    Param(
        "ingress.annotations", "what it wants to know", [("Ingress", "gilfoyle", "metadata/annotations")], schema=_MAP
    ),
    Param(
        "ingress.host",
        "the name by which viewers reach it",
        [("Ingress", "gilfoyle", "spec/rules/0/host"), ("Ingress", "gilfoyle", "spec/tls/0/hosts/0")],
        "quote",
        TEXT,
    ),
    Param("ingress.tlsSecret", "its certificate", [("Ingress", "gilfoyle", "spec/tls/0/secretName")], "quote", TEXT),
    Given(
        "keda.enabled",
        "as many workers as there is to encode; without KEDA there are transcode.minReplicas",
        True,
        {"type": "boolean"},
    ),
    Given(
        "keda.trigger",
        "how KEDA asks: `prometheus`, or `metrics-api`, the same by HTTP, for what that can log in to",
        "prometheus",
        {"enum": ["prometheus", "metrics-api"]},
    ),
    Param(
        "keda.prometheus",
        "where Prometheus answers",
        [(*_KEDA[:2], "spec/triggers/0/metadata/serverAddress")],
        "quote",
        TEXT,
    ),
    Given(
        "keda.authenticationRef",
        "{name: …} of a TriggerAuthentication, for a Prometheus that asks who you are",
        {},
        _MAP,
    ),
    Given(
        "keda.average",
        "over how long it averages what there is to encode: a longer time costs less, a shorter one is done sooner",
        "3m",
        {"type": "string", "pattern": "^[1-9][0-9]*[sm]$"},
    ),
    Param(
        "keda.pollingInterval",
        "how often it asks while there are none (seconds)",
        [(*_KEDA[:2], "spec/pollingInterval")],
        "int",
        SOME,
    ),
    Param(
        "keda.cooldownPeriod",
        "for how long there is nothing to do before the last one goes (seconds)",
        [(*_KEDA[:2], "spec/cooldownPeriod")],
        "int",
        {"type": "integer", "minimum": 120},
    ),
    Param(
        "keda.scaleUp",
        "how fast more come: scaleUp of a HorizontalPodAutoscaler",
        [(*_KEDA[:2], f"{_SCALE}/scaleUp")],
        schema=_MAP,
    ),
    Param("keda.scaleDown", "and how slowly they go", [(*_KEDA[:2], f"{_SCALE}/scaleDown")], schema=_MAP),
    Given(
        "deletionCost.enabled",
        "workers tell Kubernetes whether they are idle, so that idle ones go first",
        True,
        {"type": "boolean"},
    ),
    Given(
        "clusterWide.enabled",
        "what belongs to no namespace: priority classes, and the policy that guards deletionCost. Once in a cluster",
        True,
        {"type": "boolean"},
    ),
    Given(
        "monitoring.enabled",
        "ServiceMonitor, alerts and dashboards, for the Prometheus operator",
        True,
        {"type": "boolean"},
    ),
    Given("networkPolicy.enabled", "let pods reach what they need, and nothing else", True, {"type": "boolean"}),
    Param(
        "networkPolicy.fromOutside",
        "who reaches nginx",
        [("NetworkPolicy", "gilfoyle-from-outside", "spec/ingress/0/from")],
        schema=PEERS,
    ),
    Param(
        "networkPolicy.metrics",
        "who reads metrics",
        [("NetworkPolicy", "gilfoyle-metrics", "spec/ingress/0/from")],
        schema=PEERS,
    ),
    *(
        Param(f"networkPolicy.{name}", about, [("NetworkPolicy", f"gilfoyle-to-{name}", "spec/egress")], schema=RULES)
        for name, about in (
            ("database", "where PostgreSQL is"),
            ("temporal", "where Temporal is"),
            ("storage", "where the storage is: all that pods which encode reach besides Temporal"),
            ("internet", "what imports and webhooks reach"),
            ("kubernetes", "where the API server is, for deletionCost"),
        )
    ),
    Given(
        "parts.enabled",
        "PostgreSQL, Temporal and SeaweedFS here, once each; their secrets are in the Secret gilfoyle-parts",
        False,
        {"type": "boolean"},
    ),
    Param(
        "parts.postgresSize",
        "the volume of PostgreSQL",
        [("StatefulSet", "gilfoyle-postgres", "spec/volumeClaimTemplates/0/spec/resources/requests/storage")],
        "quote",
        TEXT,
    ),
    Param(
        "parts.objectsSize",
        "the volume of the objects",
        [("StatefulSet", "gilfoyle-objects", "spec/volumeClaimTemplates/0/spec/resources/requests/storage")],
        "quote",
        TEXT,
    ),
]

_PASSES = 'gilfoyle_passes{namespace="{{ .Release.Namespace }}", queue=~"transcode|first", state!="held_back"}'
QUERY = (
    f"clamp_min(avg_over_time(sum({_PASSES})[{{{{ .Values.keda.average }}}}:5s]), "
    f'scalar(sum({_PASSES} unless gilfoyle_passes{{queue=~"transcode.*", state="waiting"}}) or vector(0)))'
)
"""That of components/keda, for the chart."""

_CHECKSUM = '{checksum/config: "{{ toYaml .Values.config | sha256sum }}"}'
WRITTEN = [
    *(Written(("Deployment", f"gilfoyle-{name}", "spec/template/metadata/annotations"), _CHECKSUM) for name in OURS),
    Written(
        ("Deployment", "gilfoyle-nginx", "spec/template/metadata/annotations"),
        '{checksum/config: "{{ .Files.Get "files/default.conf" | sha256sum }}"}',
    ),
    Written(
        ("Deployment", "gilfoyle-transcode", f"{POD}/terminationGracePeriodSeconds"),
        "{{ add .Values.transcode.graceSeconds 20 }}",
    ),
    Written(
        ("Deployment", "gilfoyle-transcode", f"{POD}/automountServiceAccountToken"),
        "{{ .Values.deletionCost.enabled }}",
    ),
    Written(("RoleBinding", "gilfoyle-pod-deletion-cost", "subjects/0/namespace"), "{{ .Release.Namespace }}"),
    Written(
        (*JOB[:2], "metadata/annotations"),
        # A pod of the version before is there when tables change, and none is before there are any.
        '{helm.sh/hook: "post-install,pre-upgrade", helm.sh/hook-delete-policy: before-hook-creation}',
    ),
    Written(
        (*_KEDA[:2], "spec/triggers/0/metadata/query"),
        QUERY,
    ),
]

# Which value of the chart an object is for; the rest is for all.
ONLY_IF = {
    ("components/keda", "*"): "keda.enabled",
    ("components/monitoring", "*"): "monitoring.enabled",
    ("components/ingress", "*"): "ingress.enabled",
    ("components/parts", "NetworkPolicy"): "and .Values.parts.enabled .Values.networkPolicy.enabled",
    ("components/parts", "*"): "parts.enabled",
    ("base", "NetworkPolicy"): "networkPolicy.enabled",
    ("base", "PriorityClass"): "clusterWide.enabled",
    ("base", "Role"): "deletionCost.enabled",
    ("base", "RoleBinding"): "deletionCost.enabled",
    ("base", "ValidatingAdmissionPolicy"): "clusterWide.enabled",
    ("base", "ValidatingAdmissionPolicyBinding"): "clusterWide.enabled",
}
