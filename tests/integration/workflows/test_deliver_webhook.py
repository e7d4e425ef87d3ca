"""Events on their way to real receivers: each at least once, in order for each media, signed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook as Verifier
from temporalio import workflow
from temporalio.client import Client

from gilfoyle.api import standing
from gilfoyle.api.delivering import deliver, delivering
from gilfoyle.api.feed import Feed
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Catalog, Database, Delivery, Webhook
from gilfoyle.config import NetSettings, Settings, TemporalSettings, WebhookSettings
from gilfoyle.errors import Unavailable
from gilfoyle.temporal import routes
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import deliver_webhook_id
from tests.integration.workflows.service import Service
from tests.integration.workflows.test_lost_histories import workers
from tests.receiver import OK, Receiver

NewService = Callable[..., AbstractAsyncContextManager[Service]]


class Delivering:
    """An installation that delivers, with short pauses."""

    def __init__(self, catalog: Catalog, database: Database, service: Service) -> None:
        self.catalog = catalog
        self.settings: Settings = service.parts.settings.model_copy(
            update={
                "net": NetSettings(allow=["127.0.0.0/8"]),
                "webhooks": WebhookSettings(timeout_s=0.5, retry_after_s=[0.05, 0.1, 0.2], give_up_after_s=60),
            }
        )
        self.service = Service(replace(service.parts, settings=self.settings))
        self.pipeline = Pipeline(service.parts.client, self.settings)
        self.feed = Feed(catalog, database)

    async def webhook(self, receiver: Receiver, *types: str, path: str = "/hook") -> Webhook:
        url = receiver.url.replace("/hook", path)
        return await self.catalog.webhooks.create("default", url=url, types=list(types))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """API and worker."""
        async with self.service.working(), self.feed.following(), delivering(self.catalog, self.pipeline, self.feed):
            yield

    async def log(self, webhook: Webhook) -> list[Delivery]:
        """The oldest first."""
        return [*reversed(await self.catalog.deliveries.page(webhook.id, None, 1000))]

    async def until_sent(self, webhook: Webhook, seconds: float = 60) -> list[Delivery]:
        async with asyncio.timeout(seconds):
            while any(each.status == "Waiting" for each in await self.log(webhook)):
                await asyncio.sleep(0.02)
        return await self.log(webhook)


@pytest.fixture
async def installation(
    new_service: NewService, catalog: Catalog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Delivering]:
    monkeypatch.setattr("gilfoyle.api.delivering.EVERY_S", 0.1)
    async with new_service(working=False) as service:
        yield Delivering(catalog, database, service)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with found.up():
        yield found


async def live(catalog: Catalog, edits: int = 3) -> UUID:
    """A media with some events: it is created, renamed, and deleted."""
    media = await catalog.medias.create("Film")
    for number in range(edits):
        await catalog.medias.edit(media.id, title=f"Film {number}")
    await catalog.medias.mark_deleting(media.id)
    return media.id


LIFE = ["media.created", *["media.updated"] * 3, "media.deleted"]


def in_order(receiver: Receiver, media_id: UUID) -> list[str]:
    """What arrived of a media, each once, when it arrived first; fails if that is not its order."""
    ours = [event for event in receiver.got() if event["media_id"] == str(media_id)]
    first = [*dict.fromkeys(event["id"] for event in ours)]
    assert first == sorted(first)
    types = {event["id"]: event["type"] for event in ours}
    return [types[each] for each in first]


async def test_each_event_signed(installation: Delivering, receiver: Receiver, catalog: Catalog) -> None:
    webhook = await installation.webhook(receiver)
    async with installation.working():
        media_id = await live(catalog)
        log = await installation.until_sent(webhook)
    assert in_order(receiver, media_id) == LIFE
    assert [each.event for each in receiver.received] == [
        event.model_dump(mode="json") | {"created_at": receiver.got()[n]["created_at"]}
        for n, event in enumerate(await catalog.events.page(0, 100))
    ]
    for got in receiver.received:
        assert Verifier(webhook.secret).verify(got.body, got.headers) == got.event
        assert got.headers["webhook-id"] == f"event-{got.event['id']}"
        assert got.headers["content-type"] == "application/json"
        with pytest.raises(Exception, match="signature"):
            Verifier("whsec_" + "A" * 43 + "=").verify(got.body, got.headers)
    assert {(each.status, each.attempts, each.answer_status, each.error) for each in log} == {
        ("Delivered", 1, 204, None)
    }
    assert all(each.duration_s is not None and each.next_try_at is None for each in log)


async def test_only_what_it_wants(installation: Delivering, receiver: Receiver, catalog: Catalog) -> None:
    some = await installation.webhook(receiver, "media.deleted", "rendition.*", path="/some")
    of_medias = await installation.webhook(receiver, "media.*", path="/medias")
    await catalog.projects.create("another", "Another")
    await catalog.webhooks.create("another", url=receiver.url)
    off = await catalog.webhooks.create("default", url=receiver.url, enabled=False)
    async with installation.working():
        await live(catalog)
        for each in (some, of_medias, off):
            await installation.until_sent(each)
    assert [event["type"] for event in receiver.got("/some")] == ["media.deleted"]
    assert [event["type"] for event in receiver.got("/medias")] == LIFE
    assert receiver.got("/hook") == []


async def test_a_receiver_that_fails_gets_each_in_order(
    installation: Delivering, receiver: Receiver, catalog: Catalog
) -> None:
    """Every second answer is 500, for four medias at once."""
    answers = cycle(["500 Oh\n\nout of order", "200 OK"])
    receiver.answer = lambda _: next(answers)
    webhook = await installation.webhook(receiver)
    async with installation.working():
        medias = await asyncio.gather(*(live(catalog) for _ in range(4)))
        log = await installation.until_sent(webhook)
    for media_id in medias:
        assert in_order(receiver, media_id) == LIFE
    assert {each.status for each in log} == {"Delivered"}
    assert len(receiver.received) > len(log)
    ids = {(got.headers["webhook-id"], got.body) for got in receiver.received}
    assert len(ids) == len(log)  # sent again, it is the same


async def test_one_media_that_is_refused_holds_no_other_up(
    installation: Delivering, receiver: Receiver, catalog: Catalog
) -> None:
    refused: list[UUID] = []
    receiver.answer = lambda got: "500 No" if str(refused[0]) == got.event["media_id"] else "204 OK"
    webhook = await installation.webhook(receiver)
    refused.append((await catalog.medias.create("Refused")).id)
    async with installation.working():
        media_id = await live(catalog)
        async with asyncio.timeout(60):
            while len(in_order(receiver, media_id)) < len(LIFE):
                await asyncio.sleep(0.02)
    await catalog.medias.edit(refused[0], title="Again")
    waiting = [each for each in await installation.log(webhook) if each.status == "Waiting"]
    assert [each.event["type"] for each in waiting] == ["media.created", "media.updated"]
    assert waiting[0].attempts > 0 and waiting[1].attempts == 0
    assert (waiting[0].answer_status, waiting[0].error) == (500, "It answered 500.")


async def test_a_receiver_that_is_down_loses_nothing(installation: Delivering, catalog: Catalog) -> None:
    receiver, other = Receiver(), Receiver()
    async with receiver.up():
        webhook = await installation.webhook(receiver)
    async with other.up(), installation.working():
        beside = await installation.webhook(other)
        media_id = await live(catalog)
        await installation.until_sent(beside)  # who is there waits for nobody
        async with asyncio.timeout(30):
            while (await installation.log(webhook))[0].attempts < 2:
                await asyncio.sleep(0.02)
        (first, *_) = await installation.log(webhook)
        assert first.answer_status is None and first.error and "can't be reached" in first.error
        async with receiver.up():
            await installation.until_sent(webhook)
    assert in_order(receiver, media_id) == in_order(other, media_id) == LIFE


async def test_what_waited_is_sent_at_once_when_the_receiver_is_back(
    installation: Delivering, receiver: Receiver, catalog: Catalog, database: Database
) -> None:
    """Others were put off for hours, since it could not be reached; nobody waits that long."""
    webhook = await installation.webhook(receiver)
    medias = [await live(catalog, 0) for _ in range(3)]
    async with database.session() as session:
        await session.execute(text("UPDATE delivery SET attempts = 3, next_try_at = now() + interval '5 h'"))
        first = (await installation.log(webhook))[0].id
        await session.execute(text("UPDATE delivery SET next_try_at = now() WHERE id = :id"), {"id": first})
    async with installation.working():
        await installation.until_sent(webhook)
    assert all(in_order(receiver, each) == ["media.created", "media.deleted"] for each in medias)


async def test_a_slow_receiver_times_out_and_holds_up_nobody(installation: Delivering, catalog: Catalog) -> None:
    slow, fast = Receiver(), Receiver()
    slow.delay_s = 30
    async with slow.up(), fast.up(), installation.working():
        held, free = await installation.webhook(slow), await installation.webhook(fast)
        media_id = await live(catalog)
        await installation.until_sent(free, 5)
        async with asyncio.timeout(30):
            while not (log := await installation.log(held))[0].attempts:
                await asyncio.sleep(0.02)
        assert log[0].error == "127.0.0.1 did not answer in time."
        slow.delay_s = 0
        await installation.until_sent(held)
    assert in_order(slow, media_id) == LIFE


async def test_redirects_are_not_followed(installation: Delivering, receiver: Receiver, catalog: Catalog) -> None:
    moved = True
    receiver.answer = lambda _: f"302 Found\nLocation: {receiver.url}/there" if moved else "200 OK"
    webhook = await installation.webhook(receiver)
    async with installation.working():
        await catalog.medias.create("Film")
        async with asyncio.timeout(30):
            while not (log := await installation.log(webhook))[0].attempts:
                await asyncio.sleep(0.02)
        assert (log[0].status, log[0].answer_status) == ("Waiting", 302)
        assert log[0].error and "redirects to" in log[0].error and "not followed" in log[0].error
        moved = False
        await installation.until_sent(webhook)
    assert {got.path for got in receiver.received} == {"/hook"}


async def test_gone_disables(installation: Delivering, receiver: Receiver, catalog: Catalog) -> None:
    receiver.answer = lambda _: "410 Gone"
    webhook = await installation.webhook(receiver)
    async with installation.working():
        await catalog.medias.create("Film")
        async with asyncio.timeout(30):
            while (found := await catalog.webhooks.get(webhook.id)).enabled:
                await asyncio.sleep(0.02)
        assert found.disabled_reason and "410" in found.disabled_reason
        await catalog.medias.create("Nobody is told of it")
        receiver.answer = lambda _: "200 OK"
        enabled = await catalog.webhooks.edit(webhook.id, enabled=True)
        await installation.until_sent(webhook)
    assert enabled.disabled_reason is None
    assert [event["data"]["title"] for event in receiver.got()] == ["Film", "Film"]


async def test_given_up_after_a_while(installation: Delivering, receiver: Receiver, catalog: Catalog) -> None:
    short = installation.settings.model_copy(
        update={"webhooks": WebhookSettings(timeout_s=0.5, retry_after_s=[0.1], give_up_after_s=0.3)}
    )
    installation.service = Service(replace(installation.service.parts, settings=short))
    receiver.answer = lambda got: "200 OK" if got.event["type"] == "media.deleted" else "500 No\n\n" + "é\0" * 900
    webhook = await installation.webhook(receiver)
    async with installation.working():
        media_id = await live(catalog, 0)
        first, second = await installation.until_sent(webhook)
    assert (first.status, first.error) == ("Failed", "It answered 500.")
    assert first.attempts >= 2 and first.next_try_at is None
    assert first.answer is not None and len(first.answer) <= 1000 and first.answer.startswith("é")
    assert second.status == "Delivered"  # what follows is sent all the same
    assert in_order(receiver, media_id) == ["media.created", "media.deleted"]


async def test_an_address_that_is_not_public_any_more(
    installation: Delivering, receiver: Receiver, catalog: Catalog
) -> None:
    strict = installation.settings.model_copy(update={"net": NetSettings()})
    installation.service = Service(replace(installation.service.parts, settings=strict))
    webhook = await installation.webhook(receiver)
    async with installation.working():
        await catalog.medias.create("Film")
        async with asyncio.timeout(30):
            while not (log := await installation.log(webhook))[0].attempts:
                await asyncio.sleep(0.02)
    assert log[0].error and "not public" in log[0].error
    assert receiver.received == []


async def test_a_secret_is_exchanged(installation: Delivering, receiver: Receiver, catalog: Catalog) -> None:
    webhook = await installation.webhook(receiver)
    rotated = await catalog.webhooks.rotate(webhook.id)
    assert rotated.secret != webhook.secret
    async with installation.working():
        await catalog.medias.create("Film")
        await installation.until_sent(webhook)
    (got,) = receiver.received
    for secret in (webhook.secret, rotated.secret):
        Verifier(secret).verify(got.body, got.headers)


async def test_temporal_was_away(
    installation: Delivering, receiver: Receiver, catalog: Catalog, temporal: Client
) -> None:
    """What happens meanwhile waits in the catalog, as does what Temporal knew and has lost."""
    webhook = await installation.webhook(receiver)
    media_id = await live(catalog)
    away = Pipeline(await connect(TemporalSettings(address="127.0.0.1:1"), lazy=True), installation.settings)
    with pytest.raises(Unavailable):
        await deliver(catalog, away)
    assert await catalog.webhooks.due() == [webhook.id]  # it was due again at once
    await catalog.webhooks.due_again([webhook.id])
    assert await deliver(catalog, installation.pipeline) == 1  # no worker is there
    await temporal.get_workflow_handle(deliver_webhook_id(webhook.id)).terminate()
    assert await deliver(catalog, installation.pipeline) == 0
    await catalog.webhooks.due_again([webhook.id])  # as after a minute
    async with installation.working():
        await installation.until_sent(webhook)
    assert in_order(receiver, media_id) == LIFE


async def test_a_worker_that_dies_while_it_sends(
    installation: Delivering, receiver: Receiver, catalog: Catalog
) -> None:
    """It could not say that it had sent something: that is sent again, under the same id."""
    receiver.delay_s = 0.3
    webhook = await installation.webhook(receiver)
    media_id = await live(catalog, 0)
    async with installation.service.working():
        await deliver(catalog, installation.pipeline)
        async with asyncio.timeout(30):
            while not receiver.received:
                await asyncio.sleep(0.01)
    receiver.delay_s = 0
    async with installation.working():
        await installation.until_sent(webhook)
    assert in_order(receiver, media_id) == ["media.created", "media.deleted"]


async def test_a_webhook_that_is_deleted_meanwhile(
    installation: Delivering, receiver: Receiver, catalog: Catalog
) -> None:
    webhook = await installation.webhook(receiver)
    await catalog.medias.create("Film")
    await deliver(catalog, installation.pipeline)
    await catalog.webhooks.delete(webhook.id)
    async with installation.working():
        handle = installation.service.parts.client.get_workflow_handle(deliver_webhook_id(webhook.id))
        async with asyncio.timeout(30):
            await handle.result()
    assert receiver.received == []


async def test_a_workflow_that_can_not_go_on_is_begun_again(
    installation: Delivering, receiver: Receiver, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = routes.webhook
    first: list[str] = []

    def lost() -> dict[str, Any]:
        """The first run can't be followed beyond this."""
        first[:] = first or [workflow.info().run_id]
        if workflow.info().run_id == first[0]:
            raise RuntimeError("this history is not what happened")
        return options()

    monkeypatch.setattr(routes, "webhook", lost)
    monkeypatch.setattr(standing, "_HOPELESS", 2)  # Temporal waits ever longer between attempts
    webhook = await installation.webhook(receiver)
    handle = installation.service.parts.client.get_workflow_handle(deliver_webhook_id(webhook.id))
    async with workers(installation.service):
        media_id = await live(catalog, 0)
        await deliver(catalog, installation.pipeline)
        async with asyncio.timeout(60):
            while (await handle.describe()).raw_description.pending_workflow_task.attempt < 2:
                await asyncio.sleep(0.2)
        await catalog.webhooks.due_again([webhook.id])  # as after a minute
        await deliver(catalog, installation.pipeline)
        await installation.until_sent(webhook)
    assert in_order(receiver, media_id) == ["media.created", "media.deleted"]


async def test_a_receiver_that_asks_for_a_pause_gets_nothing_meanwhile(
    installation: Delivering, receiver: Receiver, catalog: Catalog
) -> None:
    """Neither what failed nor what happens then; a test ends the pause."""
    webhook = await installation.webhook(receiver)
    receiver.answer = lambda _: "429 Too Many Requests\nRetry-After: 1" if len(receiver.received) == 1 else OK
    first = await live(catalog)
    async with installation.working():
        async with asyncio.timeout(30):
            while not (await catalog.webhooks.get(webhook.id)).is_held:
                await asyncio.sleep(0.01)
        second = await live(catalog)
        await asyncio.sleep(0.5)
        assert len(receiver.received) == 1
        await installation.until_sent(webhook)
        assert in_order(receiver, first) == LIFE and in_order(receiver, second) == LIFE
        assert len(receiver.received) == 2 * len(LIFE) + 1
        receiver.answer = lambda _: "503 Service Unavailable\nRetry-After: 9999999999"
        await catalog.medias.create("Film")
        async with asyncio.timeout(30):
            while not (await catalog.webhooks.get(webhook.id)).is_held:
                await asyncio.sleep(0.01)
        held = (await catalog.webhooks.get(webhook.id)).held_until
        assert held is not None and (held - datetime.now(UTC)).total_seconds() < 3601
        receiver.answer = lambda _: OK
        await catalog.deliveries.test(webhook)
        async with asyncio.timeout(30):
            while receiver.got()[-1]["type"] != "webhook.test":
                await asyncio.sleep(0.01)
