"""Worker versioning, by choice: which version of Gilfoyle does what, while two of them run.

With it, Temporal gives work to the version that somebody has promoted, and nothing to any other, without a word
(https://docs.temporal.io/production-deployment/worker-deployments/worker-versioning). So a worker that gets nothing
says why. A workflow goes on in the promoted version, as it would without (`AUTO_UPGRADE`); histories that older
versions recorded are replayed by the tests.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from gilfoyle import __version__
from gilfoyle.config import TemporalSettings

log = logging.getLogger(__name__)

_EVERY_S = 60.0
_RPC_TIMEOUT = timedelta(seconds=5)


def deployment(settings: TemporalSettings) -> WorkerDeploymentConfig | None:
    """What a worker tells Temporal of its version; None: nothing."""
    if not settings.deployment:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment, __version__),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def tell_if_unpromoted(client: Client, settings: TemporalSettings, every_s: float = _EVERY_S) -> None:
    """Say in the log when this version gets no work, and when it does, until cancelled. Returns at once without one."""
    if not settings.deployment:
        return
    promoted: bool | None = None
    while True:
        now = await _is_promoted(client, settings.deployment)
        if now is False and promoted is not False:
            log.warning(
                "Temporal gives no work to version %s of the deployment %s: nobody has promoted it. Run `temporal "
                "worker deployment set-current-version --deployment-name %s --build-id %s --namespace %s`, or leave "
                "temporal.deployment empty.",
                *(__version__, settings.deployment, settings.deployment, __version__, settings.namespace),
            )
        elif now and promoted is False:
            log.info("version %s of the deployment %s gets work now", __version__, settings.deployment)
        promoted = promoted if now is None else now
        await asyncio.sleep(every_s)


async def _is_promoted(client: Client, name: str) -> bool | None:
    """Whether this version gets all work, or some; None: Temporal does not say."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name)
    try:
        told = await client.workflow_service.describe_worker_deployment(request, timeout=_RPC_TIMEOUT)
    except RPCError as error:
        return False if error.status == RPCStatusCode.NOT_FOUND else None
    routing = told.worker_deployment_info.routing_config
    getting = {routing.current_deployment_version.build_id}
    if routing.ramping_version_percentage:
        getting.add(routing.ramping_deployment_version.build_id)
    return __version__ in getting
