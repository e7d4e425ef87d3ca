"""Histories of this and of earlier releases replay: a deploy never breaks a workflow that runs.

The committed ones are in `histories/`. If a change of a workflow fails here, guard it with `workflow.patched`; don't
replace a history. To add one for a new path: `RECORD_HISTORIES=1 pytest tests/integration/workflows/test_replay.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Import, Media, Policy, RenditionStatus
from gilfoyle.errors import InvalidRequest
from gilfoyle.temporal.messages import deliver_webhook_id, import_media_id, publish_media_id
from gilfoyle.workflows.delete_media import DeleteMedia
from gilfoyle.workflows.deliver_webhook import DeliverWebhook
from gilfoyle.workflows.import_media import ImportMedia
from gilfoyle.workflows.process_media import ProcessMedia
from gilfoyle.workflows.publish_media import PublishMedia
from gilfoyle.workflows.retry_media import RetryMedia
from gilfoyle.workflows.sweep_storage import SweepStorage
from gilfoyle.workflows.verify_media import VerifyMedia
from tests.integration.activities.pipeline import LOWEST, SMALL
from tests.integration.workflows import test_extract_texts as texts
from tests.integration.workflows.service import Handle, Service, fault
from tests.integration.workflows.test_publish_media import add, publish
from tests.integration.workflows.test_retry import NewService, retry, until_errored
from tests.integration.workflows.test_sweep_storage import sweep
from tests.poison import Poison
from tests.sources import numbered

HISTORIES = Path(__file__).parent / "histories"


async def replay(history: WorkflowHistory) -> None:
    """Raises NondeterminismError if the workflows' code no longer decides as it did."""
    replayer = Replayer(
        workflows=[
            ProcessMedia,
            RetryMedia,
            PublishMedia,
            DeleteMedia,
            SweepStorage,
            VerifyMedia,
            DeliverWebhook,
            ImportMedia,
        ],
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(history)


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_a_committed_history(path: Path) -> None:
    await replay(WorkflowHistory.from_json(path.stem, path.read_text()))


def test_there_are_committed_histories() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} >= {
        "process-ready", "process-errored", "process-retried", "process-texts", "publish", "retry", "delete", "sweep",
        "deliver", "import",
    }  # fmt: skip


async def test_a_history_of_today(service: Service, film: Path, tmp_path: Path) -> None:
    """Of a media that became Ready and was deleted, of one that was refused, and of a sweep beside them."""
    media = await service.accept(film)
    processed = await service.process(media, SMALL)
    await processed.result()
    deleted = await service.delete(media)
    await deleted.result()
    (tmp_path / "text").write_bytes(b"this is not a film\n")
    refused = await service.process(await service.accept(tmp_path / "text"), LOWEST)
    await fault(refused)
    await service.parts.catalog.medias.create("Film", storage="attic")
    swept = await sweep(service)
    await swept.result()
    await replay_all({"process-ready": processed, "delete": deleted, "process-errored": refused, "sweep": swept})


async def test_histories_of_texts(service: Service, tmp_path: Path) -> None:
    """Of a source that has one, and of one that is added once the media is Ready."""
    media = await service.accept(texts.film(tmp_path, "film.mkv"))
    processed = await service.process(media, LOWEST)
    await processed.result()
    await publish(service, await add(service, media, "text-1"))
    published = service.parts.client.get_workflow_handle(publish_media_id(media.id))
    await replay_all({"process-texts": processed, "publish": published})


async def test_a_history_of_deliveries(service: Service) -> None:
    """Of a webhook that nobody receives at."""
    webhook = await service.parts.catalog.webhooks.create("default", url="http://127.0.0.1:1/")
    await service.parts.catalog.medias.create("Film")
    pipeline = Pipeline(service.parts.client, service.parts.settings)
    await pipeline.start_delivering(webhook.id)
    handle = service.parts.client.get_workflow_handle(deliver_webhook_id(webhook.id))
    await handle.result()
    await replay_all({"deliver": handle})


async def test_a_history_of_an_import(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that waits for its server, and then can't be done."""
    pauses = iter([0.01])

    async def run(*_: object) -> float:
        if (pause := next(pauses, None)) is None:
            raise InvalidRequest("It can't be done.")
        return pause

    monkeypatch.setattr("gilfoyle.ingest.importing.Importing.run", run)
    media, wanted = Media(title="Film"), Import(url="http://127.0.0.1:1/", shown_url="http://127.0.0.1:1/")
    await service.parts.catalog.imports.create_media(media, {}, Policy.PUBLIC, wanted)
    await Pipeline(service.parts.client, service.parts.settings).start_importing(wanted)
    handle = service.parts.client.get_workflow_handle(import_media_id(media.id, wanted.id))
    await handle.result()
    assert (await service.media(media)).error_message == "It can't be done."
    await replay_all({"import": handle})


@pytest.mark.slow
async def test_histories_of_retries(new_service: NewService, tmp_path: Path) -> None:
    """One while its media was processed, which failed again, and one when it was Ready."""
    poison = Poison(tmp_path)
    poison.put(180)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(numbered(tmp_path / "film.mp4", "30", 360))
        processed = await service.process(media, SMALL.model_copy(update={"preset": "slow"}))
        await until_errored(service, media, "180p")
        assert await Pipeline(service.parts.client, service.parts.settings).retry_rendition(media, "180p")
        await processed.result()
        assert (await service.renditions(media))["180p"].status == RenditionStatus.ERRORED
        poison.take(180)
        retried = await retry(service, media, "180p")
        await retried.result()
        await replay_all({"process-retried": processed, "retry": retried})


async def replay_all(handles: dict[str, Handle]) -> None:
    for name, handle in handles.items():
        history = await handle.fetch_history()
        await replay(history)
        if os.environ.get("RECORD_HISTORIES"):
            record(name, history)


async def test_a_replay_bites(service: Service, film: Path) -> None:
    """A history in which another activity was scheduled does not replay."""
    handle = await service.delete(await service.accept(film))
    await handle.result()
    told = json.loads((await handle.fetch_history()).to_json().replace('"discard"', '"dispose"'))
    with pytest.raises(Exception, match="Nondeterminism"):
        await replay(WorkflowHistory.from_json("changed", told))


def record(name: str, history: WorkflowHistory) -> None:
    """Keep a history, without the places and the machine it was made on."""
    told = history.to_json_dict()
    for event in told["events"]:
        _forget(event)
    HISTORIES.mkdir(exist_ok=True)
    (HISTORIES / f"{name}.json").write_text(json.dumps(told, separators=(",", ":")) + "\n")


def _forget(node: Any) -> None:
    """Clear who did it, and where in the code it failed: nothing of that is replayed."""
    if isinstance(node, list):
        for each in node:
            _forget(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in {"identity", "stackTrace"}:
                node[key] = ""
            elif key == "cause":
                node[key] = {"message": "left out"}
            elif key == "taskQueue" and "@" in value.get("name", ""):
                value["name"] = "sticky"
            else:
                _forget(value)
