"""In Kubernetes, a worker tells of itself whether it is idle: where there are to be fewer, idle ones go first.

A ReplicaSet that shrinks ends the pods of least `controller.kubernetes.io/pod-deletion-cost` first. Idle pods have 0,
as those that never said anything; one that encodes has 1. To say so, the pod needs its service account's token, and the
right to patch pods: deploy/kubernetes grants it, and an admission policy narrows it to this annotation of the pod
itself. Without these nothing is told, and it does not matter much: a worker that is stopped hands over what it encodes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from gilfoyle.metrics.passes import RUNNING_PASSES

log = logging.getLogger(__name__)

COST = "controller.kubernetes.io/pod-deletion-cost"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts a pod's own token, its namespace and the certificate of the cluster."""
# Kubernetes asks not to change the cost often: each change is written to etcd.
_EVERY_S = 10.0
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Pod:
    """The pod in which this process runs."""

    url: str
    account: Path

    @classmethod
    def found(cls, account: Path = ACCOUNT) -> Self | None:
        """None: this is no pod, or it has no token."""
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        name = os.environ.get("HOSTNAME", "")
        try:
            namespace = (account / "namespace").read_text().strip()
        except OSError:
            return None
        if not (host and name and (account / "token").exists()):
            return None
        host = f"[{host}]" if ":" in host else host
        return cls(f"https://{host}:{port}/api/v1/namespaces/{namespace}/pods/{name}", account)

    async def tell(self, client: httpx.AsyncClient, cost: int) -> bool:
        """Write the cost. False: this pod may not. Raises httpx.HTTPError if it did not work."""
        # The token is another one every hour.
        headers = {
            "Authorization": f"Bearer {(self.account / 'token').read_text().strip()}",
            "Content-Type": "application/merge-patch+json",
        }
        answer = await client.patch(self.url, headers=headers, json={"metadata": {"annotations": {COST: str(cost)}}})
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return False
        answer.raise_for_status()
        return True


async def keep_pod_cost(pod: Pod | None = None, *, every_s: float = _EVERY_S) -> None:
    """Tell Kubernetes whenever this worker becomes busy or idle, until cancelled. Returns at once where it can't."""
    pod = pod or Pod.found()
    if pod is None:
        return
    trusted = ssl.create_default_context(cafile=str(pod.account / "ca.crt"))
    told = 0
    async with httpx.AsyncClient(verify=trusted, timeout=_TIMEOUT_S, trust_env=False) as client:
        while True:
            cost = int(RUNNING_PASSES.total() > 0)
            if cost != told:
                try:
                    if not await pod.tell(client, cost):
                        log.info("this pod may not say what its end would cost; fewer workers may end busy ones first")
                        return
                    told = cost
                except (httpx.HTTPError, OSError) as error:
                    log.debug("the pod's deletion cost was not written: %s", error)
            await asyncio.sleep(every_s)
