"""`gilfoyle.storage.check` on a real IPFS node, with right settings and wrong ones."""

from __future__ import annotations

from gilfoyle.cli.commands.storage_check import prober
from gilfoyle.config import IpfsSettings, Settings, StorageSettings
from gilfoyle.storage.check import Outcome, check
from tests.integration.storage.checking import fault, note, outcomes
from tests.kubo_node import KuboNode


def ipfs(kubo: KuboNode, **changes: str) -> StorageSettings:
    return StorageSettings(driver="ipfs", ipfs=IpfsSettings(**{"api": kubo.api, **changes}))


async def test_a_kubo_node_passes_every_step(kubo: KuboNode) -> None:
    report = await check(ipfs(kubo, public_gateway=kubo.gateway), probe=prober(Settings()))
    assert report.ok
    assert {*outcomes(report).values()} == {Outcome.OK}, report
    assert note(report, "pin").startswith("bafy")
    assert note(report, "pin") not in kubo.run("pin", "ls", "--type=recursive")
    assert kubo.run("files", "ls", "/gilfoyle") == ""


async def test_an_api_that_is_not_there_is_named(kubo: KuboNode) -> None:
    report = await check(ipfs(kubo, api="http://127.0.0.1:9"))
    assert "is the daemon running" in fault(report, "open")
    assert outcomes(report)["pin"] is Outcome.SKIPPED
