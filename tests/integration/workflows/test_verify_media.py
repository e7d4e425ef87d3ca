"""VerifyMedia: on the workers that production runs, beside encodes, and stopped by a deletion."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Media
from gilfoyle.errors import NotFound
from gilfoyle.media.agreement.report import Agreement
from gilfoyle.storage import keys
from gilfoyle.temporal.failures import Reason
from gilfoyle.temporal.messages import verify_media_id
from tests.integration.activities.pipeline import LOWEST
from tests.integration.workflows.service import Handle, Service


async def processed(service: Service, film: Path) -> Media:
    media = await service.accept(film)
    await (await service.process(media, LOWEST)).result()
    return await service.media(media)


async def verify(service: Service, media: Media) -> Handle:
    """Start it as the API does."""
    pipeline = Pipeline(service.parts.client, service.parts.settings)
    await pipeline.start_verifying(media, await service.parts.catalog.medias.renditions(media.id, 1), None)
    return service.parts.client.get_workflow_handle(verify_media_id(media.id, 1), result_type=Agreement)


async def test_a_media_agrees_until_its_storage_is_spoiled(service: Service, film: Path) -> None:
    media = await processed(service, film)
    pipeline = Pipeline(service.parts.client, service.parts.settings)
    with pytest.raises(NotFound):
        await pipeline.verification(media)
    await (await verify(service, media)).result()
    found = await pipeline.verification(media)
    assert isinstance(found, Agreement)
    assert found.agrees, found.findings

    rendition = service.root / keys.rendition_prefix(media.id, 1, "90p")
    shutil.copyfile(rendition / "00002.m4s", rendition / "00003.m4s")
    await (await verify(service, media)).result()
    found = await pipeline.verification(media)
    assert isinstance(found, Agreement)
    assert not found.agrees
    assert {each.check for each in found.findings if each.verdict == "differs"} >= {"tfdt", "objects"}


async def test_why_nothing_could_be_compared_is_kept(service: Service, film: Path) -> None:
    media = await processed(service, film)
    (service.root / keys.source(media.id)).unlink()
    with pytest.raises(WorkflowFailureError):
        await (await verify(service, media)).result()
    found = await Pipeline(service.parts.client, service.parts.settings).verification(media)
    assert isinstance(found, Reason)
    assert found.code == "object_not_found"


async def test_a_deletion_stops_it(service: Service, film: Path) -> None:
    media = await processed(service, film)
    handle = await verify(service, media)
    await (await service.delete(media)).result()
    assert await service.is_gone(media)
    described = await handle.describe()
    assert described.status in {WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.COMPLETED}
