"""Makes the Helm chart of the objects in deploy/kubernetes: run `python -m deploy.kubernetes.chart`.

The objects are written once, as kustomize has them (base, components, overlays). What an installation may want
otherwise is in values.py: a value of the chart stands in that place, and what stands there now is its default. So
values.yaml and values.schema.json come of it, too, and copies of files that neither kustomize nor Helm reads from
elsewhere in the repository.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from deploy.kubernetes.values import ONLY_IF, PARAMS, QUERY, WRITTEN, Param

HERE = Path(__file__).parent
DEPLOY = HERE.parent
CHART = DEPLOY / "helm" / "gilfoyle"
Doc = dict[str, Any]
MADE = "# Made by deploy/kubernetes/chart.py of {}: change that.\n"

_CONFIG_MAPS = {
    "config": ("", "gilfoyle", "gilfoyle", "config.yaml: |\n    {{- toYaml .Values.config | nindent 4 }}"),
    "nginx-config": (
        "",
        "gilfoyle-nginx",
        "gilfoyle",
        'default.conf: |\n    {{- .Files.Get "files/default.conf" | nindent 4 }}',
    ),
    "parts-config": (
        "parts.enabled",
        "gilfoyle-postgres",
        "gilfoyle",
        'databases.sql: |\n    {{- .Files.Get "files/databases.sql" | nindent 4 }}',
    ),
    "parts-dynamic-config": (
        "parts.enabled",
        "gilfoyle-temporal",
        "gilfoyle",
        'temporal-dynamic-config.yaml: |\n    {{- .Files.Get "files/temporal-dynamic-config.yaml" | nindent 4 }}',
    ),
}
COPIES = {
    "deploy/grafana/dashboards/encoding.json": ("components/monitoring/encoding.json",),
    "deploy/grafana/dashboards/overview.json": ("components/monitoring/overview.json",),
    "deploy/grafana/dashboards/storage.json": ("components/monitoring/storage.json",),
    "deploy/docker/databases.sql": ("components/parts/databases.sql",),
    "deploy/temporal-dynamic-config.yaml": ("components/parts/temporal-dynamic-config.yaml",),
    "deploy/kubernetes/base/default.conf": (),
}
"""Files of the repository that kustomize and Helm read only beside what names them."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _long_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _long_text)


def dump(value: Any) -> str:
    """YAML in blocks, keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def documents(path: Path) -> list[Doc]:
    """The objects of a file."""
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def sources() -> Iterator[Path]:
    """Every file of objects, as kustomize has them."""
    for folder in ("base", "components/ingress", "components/keda", "components/monitoring", "components/parts"):
        for path in sorted((HERE / folder).glob("*.yaml")):
            if path.name not in ("kustomization.yaml", "config.yaml", "temporal-dynamic-config.yaml"):
                yield path


def _step(inside: Any, key: str) -> Any:
    return inside[int(key)] if isinstance(inside, list) else inside[key]


def _put(doc: Doc, path: str, value: Any) -> Any:
    """Put a value in its place; returns what was there."""
    *way, last = path.split("/")
    inside: Any = doc
    for key in way:
        inside = _step(inside, key)
    was = inside[int(last)] if isinstance(inside, list) else inside.get(last)
    inside[int(last) if isinstance(inside, list) else last] = value
    return was


def _expression(param: Param) -> str:
    if param.how == "toYaml":
        return f".Values.{param.value}"  # in a block, which is indented as its place is
    return f"{{{{ .Values.{param.value} | {param.how} }}}}"


class Template:
    """One file of the chart, of one file of objects. `defaults` takes what stood in the place of each value."""

    def __init__(self, path: Path, defaults: dict[str, Any]) -> None:
        self._path = path
        self._folder = str(path.parent.relative_to(HERE))
        self._defaults = defaults
        self.docs = documents(path)
        self._marks: list[tuple[str, bool]] = []

    def text(self) -> str:
        """The template."""
        parts = [self._doc(doc) for doc in self.docs]
        return MADE.format(self._path.relative_to(DEPLOY.parent)) + "---\n".join(parts)

    def pools(self) -> str:
        """The same once for each of `pools`: see the value."""
        text = "---\n".join(self._doc(doc) for doc in self.docs)
        text = re.sub(r"\bname: gilfoyle-transcode$", "name: gilfoyle-{{ $name }}", text, flags=re.MULTILINE)
        text = text.replace("component: transcode\n", "component: {{ $name }}\n")
        text = text.replace("        - transcode\n", "        - {{ $name }}\n").replace(
            "          - transcode\n", "          - {{ $name }}\n"
        )
        text = text.replace("transcode|first", '{{ $name }}|{{ $name | replace "transcode" "first" }}')
        text = text.replace("transcode%7Cfirst", '{{ $name }}%7C{{ $name | replace "transcode" "first" }}')
        text = text.replace(".Values.transcode.", "$pool.")
        text = re.sub(r"(?<!\$)\.(Values|Release|Files)\.", r"$.\1.", text)
        return (
            "{{- range $name, $given := .Values.pools }}\n"
            "{{- $pool := mergeOverwrite (deepCopy $.Values.transcode) $given }}\n"
            f"---\n{text}{{{{- end }}}}\n"
        )

    def _doc(self, doc: Doc) -> str:
        self._marks = []
        kind, name = doc["kind"], doc["metadata"]["name"]
        for param in PARAMS:
            if isinstance(param, Param):
                for where in param.where:
                    if where[:2] == (kind, name):
                        was = _put(doc, where[2], self._mark(_expression(param), param.how == "toYaml"))
                        self._note(param, was)
        for written in WRITTEN:
            if written.where[:2] == (kind, name):
                _put(doc, written.where[2], self._mark(written.text, False))
        text = self._unmarked(dump(doc))
        if (kind, name) == ("Deployment", "gilfoyle-transcode"):
            replicas = "replicas: {{ .Values.transcode.minReplicas | int }}"
            replicas = f"{{{{- if not .Values.keda.enabled }}}}\n  {replicas}\n  {{{{- end }}}}"
            text = text.replace("\nspec:\n", f"\nspec:\n  {replicas}\n", 1)
        if kind == "ScaledObject":
            text = _triggers(text)
        condition = ONLY_IF.get((self._folder, kind)) or ONLY_IF.get((self._folder, "*"))
        if condition is None:
            return text
        condition = condition if " " in condition else f".Values.{condition}"
        return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"

    def _note(self, param: Param, was: Any) -> None:
        if param.schema.get("type") == "integer":
            was = int(was)
        known = self._defaults.setdefault(param.value, was)
        assert known == was, f"{param.value} is {known} here and {was} there"

    def _mark(self, text: str, block: bool) -> str:
        self._marks.append((text, block))
        return f"@@{len(self._marks) - 1}@@"

    def _unmarked(self, text: str) -> str:
        def line(found: re.Match[str]) -> str:
            indent, key, number = found[1], found[2], int(found[3])
            expression, block = self._marks[number]
            if not block:
                return f"{indent}{key} {expression}"
            inner = len(indent) + (2 if key.startswith("- ") else 0) + 2
            return f"{indent}{key} {{{{- toYaml {expression} | nindent {inner} }}}}"

        return re.sub(r"^( *)(.*?:|-) '?@@(\d+)@@'?$", line, text, flags=re.MULTILINE)


def _triggers(text: str) -> str:
    """The trigger that is chosen, and how it logs in."""
    head, _, prometheus = text.partition("  triggers:\n")
    return f"""{head}  triggers:
  {{{{- if eq .Values.keda.trigger "prometheus" }}}}
{prometheus.rstrip()}
  {{{{- else }}}}
  - type: metrics-api
    name: passes
    metricType: AverageValue
    metadata:
      url: {{{{ .Values.keda.prometheus }}}}/api/v1/query?query={_in_url(QUERY)}
      valueLocation: data.result.0.value.1
      targetValue: {{{{ .Values.transcode.slots | quote }}}}
      activationTargetValue: "0"
  {{{{- end }}}}
  {{{{- with .Values.keda.authenticationRef }}}}
    authenticationRef: {{{{- toYaml . | nindent 6 }}}}
  {{{{- end }}}}
"""


def _in_url(query: str) -> str:
    """Quoted, but for the chart's expressions."""
    parts = re.split(r"(\{\{.*?\}\})", query)
    return "".join(part if part.startswith("{{") else quote(part, safe="") for part in parts)


def _only_if(condition: str, text: str) -> str:
    return f"{{{{- if .Values.{condition} }}}}\n{text}\n{{{{- end }}}}\n" if condition else f"{text}\n"


def _config_map(name: str, app: str, data: str, label: str = "") -> str:
    labels = f"app.kubernetes.io/name: {app}{label}"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels: {{{labels}}}\ndata:\n  {data}"


def files() -> dict[Path, str]:
    """Everything that is made, by its path."""
    root = DEPLOY.parent
    made: dict[Path, str] = {}
    for source, copies in COPIES.items():
        text = (root / source).read_text()
        for copy in copies:
            made[HERE / copy] = text
        made[CHART / "files" / Path(source).name] = text
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "gilfoyle", "labels": {"app.kubernetes.io/name": "gilfoyle"}},
        "spec": alerts,
    }
    made[HERE / "components" / "monitoring" / "alerts.yaml"] = MADE.format("deploy/prometheus/alerts.yml") + dump(rule)
    made[CHART / "files" / "alerts.yml"] = (DEPLOY / "prometheus" / "alerts.yml").read_text()
    templates = CHART / "templates"
    defaults: dict[str, Any] = {}
    for path in sources():
        if path.name == "alerts.yaml":
            continue
        name = path.name if path.parent.name == "base" else f"{path.parent.name}-{path.name}"
        made[templates / name] = Template(path, defaults).text()
    pools = [Template(HERE / path, {}).pools() for path in ("base/transcode.yaml", "components/keda/transcode.yaml")]
    made[templates / "pools.yaml"] = MADE.format("the same as transcode.yaml and keda-transcode.yaml") + "".join(pools)
    for name, (condition, object_name, app, data) in _CONFIG_MAPS.items():
        made[templates / f"{name}.yaml"] = MADE.format("itself") + _only_if(
            condition, _config_map(object_name, app, data)
        )
    boards = "\n  ".join(
        f'{board}.json: |\n    {{{{- .Files.Get "files/{board}.json" | nindent 4 }}}}'
        for board in ("encoding", "overview", "storage")
    )
    rules = dump({key: value for key, value in rule.items() if key != "spec"})
    made[templates / "monitoring-rules.yaml"] = MADE.format("deploy/prometheus and deploy/grafana") + _only_if(
        "monitoring.enabled",
        f'{rules}spec: {{{{- .Files.Get "files/alerts.yml" | nindent 2 }}}}\n---\n'
        + _config_map("gilfoyle-dashboards", "gilfoyle", boards, ', grafana_dashboard: "1"'),
    )
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    made[CHART / "Chart.yaml"] = MADE.format("pyproject.toml") + dump(
        {
            "apiVersion": "v2",
            "name": "gilfoyle",
            "description": project["description"],
            "type": "application",
            "version": project["version"],
            "appVersion": project["version"],
            "kubeVersion": ">=1.30.0-0",
        }
    )
    defaults["config"] = yaml.safe_load((HERE / "overlays/external/config.yaml").read_text())
    values = {each.value: defaults.get(each.value, getattr(each, "default", None)) for each in PARAMS}
    made[CHART / "values.yaml"] = _values(values)
    made[CHART / "values.schema.json"] = json.dumps(schema(), indent=2) + "\n"
    made[CHART / "values-all-in-one.yaml"] = _all_in_one()
    made |= _nvenc()
    return made


def _nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        inside = found
        *way, last = name.split(".")
        for key in way:
            inside = inside.setdefault(key, {})
        inside[last] = value
    return found


def _values(values: Mapping[str, Any]) -> str:
    """values.yaml: each value with a line about it."""
    about = {each.value: each.about for each in PARAMS}
    lines = [
        MADE.format("the objects in deploy/kubernetes").strip(),
        "# What is not said here is docs/deploy-kubernetes.md. `helm install` holds values to values.schema.json.",
    ]
    section = ""
    for name, value in values.items():
        head, _, last = name.rpartition(".")
        if head != section and head:
            lines += ["", f"{head}:"]
        elif not head:
            lines.append("")
        section = head
        indent = "  " if head else ""
        lines += [f"{indent}# {line}" for line in about[name].split("\n")]
        lines += [f"{indent}{line}" for line in dump({last: value}).rstrip("\n").split("\n")]
    return "\n".join(lines) + "\n"


def schema() -> dict[str, Any]:
    """values.schema.json."""

    def closed(value: dict[str, Any], path: str = "") -> dict[str, Any]:
        properties = {}
        for name, inner in value.items():
            at = f"{path}{name}"
            properties[name] = {"description": about[at], **inner} if at in about else closed(inner, f"{at}.")
        return {"type": "object", "additionalProperties": False, "properties": properties}

    about = {each.value: each.about for each in PARAMS}
    whole = closed(_nested((each.value, dict(each.schema)) for each in PARAMS))
    whole["properties"]["global"] = {"type": "object"}  # Helm's own, for charts in charts
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values of Gilfoyle's chart", **whole}


def _all_in_one() -> str:
    overlay = HERE / "overlays" / "all-in-one"
    policies = {
        doc["metadata"]["name"].removeprefix("gilfoyle-to-"): doc["spec"]["egress"]
        for doc in documents(overlay / "network.yaml")
    }
    config = yaml.safe_load((overlay / "config.yaml").read_text())
    # A value that is null is taken out: those of values.yaml are for a database and a Temporal of somebody else.
    config |= {"database": None}
    config["storage"]["s3"]["region"] = None
    config["temporal"]["namespace"] = None
    return MADE.format("deploy/kubernetes/overlays/all-in-one") + dump(
        {"config": config, "networkPolicy": policies, "parts": {"enabled": True}}
    )


NVENC: dict[str, Any] = {
    "slots": 3,
    "maxReplicas": 4,
    "resources": {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "8Gi", "nvidia.com/gpu": 1}},
}
"""A pool of NVIDIA's cards, as an example: components/nvenc, and `pools` of the chart."""


def _nvenc() -> dict[Path, str]:
    name = "transcode-nvenc"
    docs = [*documents(HERE / "base/transcode.yaml"), *documents(HERE / "components/keda/transcode.yaml")]
    text = "---\n".join(dump(doc) for doc in docs)
    text = re.sub(r"\bname: gilfoyle-transcode$", f"name: gilfoyle-{name}", text, flags=re.MULTILINE)
    text = text.replace("component: transcode\n", f"component: {name}\n").replace("- transcode\n", f"- {name}\n")
    text = text.replace("transcode|first", f"{name}|first-nvenc")
    deployment, disruption, scaled = yaml.safe_load_all(text)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["env"][2]["value"] = str(NVENC["slots"])
    container["resources"] = NVENC["resources"]
    scaled["spec"]["maxReplicaCount"] = NVENC["maxReplicas"]
    scaled["spec"]["triggers"][0]["metadata"]["threshold"] = str(NVENC["slots"])
    about = "# An example of a pool of its own: NVIDIA's cards, for codecs that `encoding.encoders` gives to nvenc.\n"
    head = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [pool.yaml]\n"
    folder = HERE / "components" / "nvenc"
    pool = "---\n".join(dump(doc) for doc in (deployment, disruption, scaled))
    source = "base/transcode.yaml and components/keda/transcode.yaml"
    return {folder / "kustomization.yaml": about + head, folder / "pool.yaml": MADE.format(source) + pool}


def main() -> None:
    """Write what is made, and remove templates that are not made any more."""
    made = files()
    for path in [*(CHART / "templates").glob("*"), *(CHART / "files").glob("*")]:
        if path not in made:
            path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
