"""What deploy/kubernetes and the chart give: by kustomize, by Helm, and by Go's templates where there is no Helm."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.unit.deploy.compose import DEPLOY, ROOT

KUBERNETES, CHART = DEPLOY / "kubernetes", DEPLOY / "helm" / "gilfoyle"
OVERLAYS = ("external", "all-in-one")
NAMESPACE = "gilfoyle"
KUBECTL, KUSTOMIZE = shutil.which("kubectl"), shutil.which("kustomize")
HELM, GO = shutil.which("helm"), shutil.which("go")

# The sixteen characters in which kustomize writes a hash.
_HASH = "[bcdfghkmt2456789]{10}"
Doc = dict[str, Any]
Objects = dict[tuple[str, str], Doc]
"""By kind and name."""


def values(*, overlay: str = "external", given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The chart's values with those of an overlay and those that are given, merged as Helm does."""
    whole: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    if overlay != "external":
        _merge(whole, yaml.safe_load((CHART / f"values-{overlay}.yaml").read_text()))
    _merge(whole, given or {})
    return whole


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


@functools.cache
def kustomized(overlay: str) -> Objects:
    """The objects of an overlay."""
    return kustomize(KUBERNETES / "overlays" / overlay)


def kustomize(folder: Path) -> Objects:
    """The objects of a folder that kustomize reads."""
    command = [KUSTOMIZE, "build"] if KUSTOMIZE else [KUBECTL, "kustomize"]
    return _objects(_run([*map(str, command), str(folder)]))


def by_go(given: Mapping[str, Any]) -> Objects:
    """The chart's objects by Go's own templates: tests/chart/render.go."""
    return _objects(_run([_renderer(), str(CHART), NAMESPACE], input=json.dumps(given)))


def by_helm(overlay: str = "external", given: Mapping[str, Any] | None = None) -> Objects:
    """The chart's objects by Helm itself, which merges the values, too."""
    files = [] if overlay == "external" else ["--values", str(CHART / f"values-{overlay}.yaml")]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given or {}, file)
        file.flush()
        files += ["--values", file.name]
        return _objects(_run([str(HELM), "template", "gilfoyle", str(CHART), "--namespace", NAMESPACE, *files]))


@functools.cache
def _renderer() -> str:
    program = Path(tempfile.mkdtemp()) / "render"
    environment = os.environ | {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GO111MODULE": "off"}
    _run([str(GO), "build", "-o", str(program), str(ROOT / "tests" / "chart" / "render.go")], env=environment)
    return str(program)


def _run(command: list[str], **how: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **how)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _objects(text: str) -> Objects:
    found: Objects = {}
    for doc in yaml.safe_load_all(text):
        if doc:
            key = doc["kind"], doc["metadata"]["name"]
            assert key not in found, key
            found[key] = doc
    return found


def alike(objects: Objects) -> Objects:
    """Without what only one of the two writes.

    kustomize: the namespace in each object, and a hash in the names of the ConfigMaps that it makes. Helm: when a
    job runs, and a checksum of the settings, for which kustomize has the hash.
    """
    text = json.dumps([*objects.values()])
    for kind, name in objects:
        if kind == "ConfigMap" and (found := re.fullmatch(rf"(.*)-{_HASH}", name)):
            text = text.replace(f'"{name}"', f'"{found[1]}"')
    same: Objects = {}
    for doc in json.loads(text):
        meta = doc["metadata"]
        meta.pop("namespace", None)
        for each in (
            meta,
            doc.get("spec", {}).get("template", {}).get("metadata", {}) if isinstance(doc.get("spec"), dict) else {},
        ):
            notes = {key: value for key, value in (each.pop("annotations", None) or {}).items() if not _of_helm(key)}
            if notes:
                each["annotations"] = notes
        if doc["kind"] == "ConfigMap":
            doc["data"] = {key: _parsed(key, value) for key, value in doc["data"].items()}
        same[doc["kind"], meta["name"]] = doc
    return same


def _of_helm(annotation: str) -> bool:
    return annotation.startswith(("helm.sh/", "checksum/"))


def _parsed(name: str, text: str) -> Any:
    return yaml.safe_load(text) if name == "config.yaml" else text.rstrip("\n")
