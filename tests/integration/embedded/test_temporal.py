"""The embedded Temporal, for real."""

from __future__ import annotations

import os

import httpx
from temporalio.api.workflowservice.v1 import ListNamespacesRequest
from temporalio.client import Client

from gilfoyle.embedded import ports, temporal
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.process import ChildSpec
from tests.integration.embedded.supervision import processes_of, supervising


def free_spec(folder: DataFolder, namespace: str = "default") -> tuple[ChildSpec, str, str]:
    """A server on free ports, its address and the URL of its web UI."""
    with (
        ports.reserve(temporal.HOST, 0, "Temporal", "") as one,
        ports.reserve(temporal.HOST, 0, "its web UI", "") as other,
    ):
        port, ui_port = one.port, other.port
    spec = temporal.spec(folder, port=port, ui_port=ui_port, namespace=namespace, environment=os.environ)
    return spec, f"{temporal.HOST}:{port}", f"http://{temporal.HOST}:{ui_port}"


async def test_it_answers_in_its_namespace_and_shows_its_ui(folder: DataFolder) -> None:
    spec, address, ui = free_spec(folder, "media")
    async with supervising(folder) as (supervisor, _):
        await supervisor.start(spec)
        client = await Client.connect(address, namespace="media")
        namespaces = await client.workflow_service.list_namespaces(ListNamespacesRequest())
        assert {"default", "media"} <= {entry.namespace_info.name for entry in namespaces.namespaces}
        async with httpx.AsyncClient() as http:
            assert (await http.get(ui, follow_redirects=True)).is_success
        assert folder.temporal.exists()
    assert processes_of(folder) == []


async def test_workflows_survive_a_restart_on_other_ports(folder: DataFolder) -> None:
    spec, address, _ = free_spec(folder)
    async with supervising(folder) as (supervisor, _):
        await supervisor.start(spec)
        client = await Client.connect(address)
        await client.start_workflow("Waiting", id="kept", task_queue="nobody")
    spec, address, _ = free_spec(folder)
    async with supervising(folder) as (supervisor, _):
        await supervisor.start(spec)
        client = await Client.connect(address)
        assert (await client.get_workflow_handle("kept").describe()).workflow_type == "Waiting"


async def test_two_run_side_by_side(folder: DataFolder) -> None:
    other = DataFolder(folder.root / "other")
    other.make()
    async with supervising(folder) as (one, _), supervising(other) as (two, _):
        await one.start(free_spec(folder)[0])
        await two.start(free_spec(other)[0])
