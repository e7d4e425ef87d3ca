"""The one node of the cluster: each pod of a Deployment is a process of a simulated worker.

It does what a scheduler and a kubelet do: binds pods to itself, starts their process, says when it works, gives it the
token of the pod's service account, and ends it when the pod is to go, within its grace.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.cluster.client import Client
from bench.cluster.control import DEPLOYMENT, NAMESPACE, Control
from bench.cluster.prometheus import Prometheus
from bench.counters import read
from bench.elastic.activities import Done
from bench.elastic.worker import arguments
from bench.servers.ports import free_ports
from bench.workers import joined
from gilfoyle.pod import COST
from gilfoyle.temporal.routes import TRANSCODE

_NAME = "bench"
_LOOK_S = 0.25
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
_SELECTOR = "app.kubernetes.io/component=transcode"
_TOKEN_S = 3600


@dataclass
class _Pod:
    address: str
    to_end: asyncio.Event = field(default_factory=asyncio.Event)
    works: bool = False


@dataclass
class Node:
    """`run` it as a task. `read_too`: addresses that Prometheus reads beside the pods', by name."""

    control: Control
    client: Client
    prometheus: Prometheus
    environment: Mapping[str, str]
    inits: Path
    speed: float
    read_too: Mapping[str, str]
    done: Done = field(default_factory=Done)
    ready: list[float] = field(default_factory=list)
    """When each pod was ready (`time.time`)."""
    ended: int = 0
    ended_busy: int = 0
    """Pods that were told to end, and those of them that ran a pass at that moment."""
    told: set[str] = field(default_factory=set)
    """Pods that told the API server once that they were busy."""
    _pods: dict[str, _Pod] = field(default_factory=dict)
    _http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=5, trust_env=False))

    @property
    def size(self) -> int:
        """How many pods there are, those that start and end with them."""
        return len(self._pods)

    async def run(self) -> None:
        """Until cancelled. Raises what goes wrong with any pod."""
        await self.client.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": _NAME}})
        self._tell_prometheus()
        async with asyncio.TaskGroup() as living:
            while True:
                found = await self.client.get(_PODS, labelSelector=_SELECTOR, resourceVersion="0")
                for each in found["items"]:
                    self._look(each, living)
                await asyncio.sleep(_LOOK_S)

    async def running(self) -> tuple[int, int]:
        """How many passes their workers run: long ones, and all."""
        told = await asyncio.gather(*(self._passes(each) for each in [*self._pods.values()]))
        return sum(long for long, _ in told), sum(every for _, every in told)

    def _look(self, pod: Mapping[str, Any], living: asyncio.TaskGroup) -> None:
        name, going = pod["metadata"]["name"], "deletionTimestamp" in pod["metadata"]
        if pod["metadata"].get("annotations", {}).get(COST) == "1":
            self.told.add(name)
        if name in self._pods:
            if going:
                self._pods[name].to_end.set()
        elif not going and "nodeName" not in pod["spec"]:
            self._pods[name] = _Pod(f"127.0.0.1:{free_ports(1)[0]}")
            living.create_task(self._live(name, pod))

    async def _live(self, name: str, pod: Mapping[str, Any]) -> None:
        this = self._pods[name]
        target = {"apiVersion": "v1", "kind": "Node", "name": _NAME}
        await self.client.post(
            f"{_PODS}/{name}/binding",
            {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target},
        )
        account = await self._account(name, pod)
        environment = {
            **self.environment,
            "GILFOYLE_METRICS__PORT": this.address.partition(":")[2],
            "HOSTNAME": name,
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self.control.port),
        }
        opening = joined(arguments(slots_of(pod["spec"]), self.speed, self.inits, account), environment)
        worker = await asyncio.to_thread(opening.__enter__)
        try:
            this.works = True
            self.ready.append(time.time())
            self._tell_prometheus()
            await self.client.patch(f"{_PODS}/{name}/status", {"status": _status(pod)})
            await this.to_end.wait()
            self.ended += 1
            self.ended_busy += (await self._passes(this))[1] > 0
        finally:
            await asyncio.to_thread(opening.__exit__, None, None, None)
        did = Done(**worker.told())
        self.done = Done(**{name: value + getattr(did, name) for name, value in asdict(self.done).items()})
        await self.client.delete(f"{_PODS}/{name}", gracePeriodSeconds="0")
        del self._pods[name]
        self._tell_prometheus()

    async def _account(self, name: str, pod: Mapping[str, Any]) -> Path:
        """A folder as Kubernetes mounts it, with a token of this pod."""
        bound = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": pod["metadata"]["uid"]}
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_S, "boundObjectRef": bound},
        }
        made = await self.client.post(f"{_ACCOUNTS}/{pod['spec']['serviceAccountName']}/token", request)
        folder = self.control.folder / name
        folder.mkdir()
        (folder / "token").write_text(made["status"]["token"])
        (folder / "namespace").write_text(NAMESPACE)
        (folder / "ca.crt").write_bytes(self.control.certificates.authority.read_bytes())
        return folder

    def _tell_prometheus(self) -> None:
        """A pod that stops is read until it is gone, as the shipped Service has it."""
        pods = {name: each.address for name, each in self._pods.items() if each.works}
        self.prometheus.read({**self.read_too, **pods})

    async def _passes(self, pod: _Pod) -> tuple[int, int]:
        """Long ones and all; none if it does not say."""
        try:
            told = (await self._http.get(f"http://{pod.address}/metrics")).text
        except httpx.HTTPError:
            return 0, 0
        running = read(told, ["gilfoyle_passes"]).by("queue", "gilfoyle_passes", state="running")
        return int(running.get(TRANSCODE, 0)), int(sum(running.values()))


def slots_of(spec: Mapping[str, Any]) -> int:
    """How many long passes the workers of such a pod do at a time. Pure."""
    (container,) = spec["containers"]
    return next(int(each["value"]) for each in container["env"] if each["name"] == "GILFOYLE_WORKERS__TRANSCODE_SLOTS")


def deployment_path() -> str:
    """Where the API server has the Deployment."""
    return f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{DEPLOYMENT}"


def _status(pod: Mapping[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    (container,) = pod["spec"]["containers"]
    kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    return {
        "phase": "Running",
        "startTime": now,
        "conditions": [{"type": each, "status": "True", "lastTransitionTime": now} for each in kinds],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
        ],
    }
