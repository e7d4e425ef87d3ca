"""Webhooks: URLs to which events are sent, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, FastAPI, Header, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gilfoyle.api import examples
from gilfoyle.api.auth import Caller
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.events import EventOut, types_named
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.catalog import Delivery, DeliveryStatus, Webhook
from gilfoyle.errors import FetchFailed, InvalidRequest
from gilfoyle.net.connecting import REFUSED

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


def _type(name: str) -> str:
    if not types_named(name):
        raise ValueError("must be types of events, such as `media.ready` or `media.*`")
    return name


Url = Annotated[str, Field(max_length=2048, description="http or https, at a public address or one of `net.allow`")]
EventTypes = Annotated[
    list[Annotated[str, AfterValidator(_type)]],
    Field(max_length=50, description="only these are sent, such as `media.ready` or `media.*`; empty: all"),
]
Description = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
ShownStatus = Literal["Waiting", "Delivered", "Failed"]
DeliveryId = Annotated[int, Field(ge=0, le=2**63 - 1)]


class WebhookCreate(BaseModel):
    """A receiver of events."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.WEBHOOK_CREATE]})

    url: Url
    types: EventTypes = []
    description: Description = ""
    enabled: bool = True
    project: str | None = Field(None, description="whose events; null: those of the caller's project")


class WebhookEdit(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"enabled": False}]})

    url: Url | None = None
    types: EventTypes | None = None
    description: Description | None = None
    enabled: bool | None = None


class WebhookOut(BaseModel):
    """A receiver of events."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WEBHOOK]})

    id: UUID
    project: str
    url: str
    types: list[str]
    description: str
    enabled: bool
    disabled_reason: str | None = Field(description="why it is not, if nobody has asked for that: it answered 410")
    created_at: datetime
    updated_at: datetime


class WebhookMade(WebhookOut):
    """A receiver of events, with its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WEBHOOK_MADE]})

    secret: str = Field(description="signs what is sent: shown now, and never again")


class AnswerOut(BaseModel):
    """What a receiver answered."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELIVERY["answer"]]})

    status: int
    body: str = Field(description="its first characters, 1000 at most")


class DeliveryOut(BaseModel):
    """An event on its way to a webhook, or what came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELIVERY]})

    id: int
    message_id: str = Field(description="the header `webhook-id`: the same whenever this is sent")
    event: EventOut
    status: ShownStatus
    attempts: int
    created_at: datetime
    tried_at: datetime | None = Field(description="when it was sent last")
    next_try_at: datetime | None = Field(description="not before then; null if it is not tried any more")
    duration_s: float | None = Field(description="how long the last attempt took, in seconds")
    answer: AnswerOut | None = Field(description="of the last attempt; null if there was none")
    error: str | None = Field(description="why the last attempt does not count, as a sentence")


class WebhookEnvelope(Envelope[WebhookOut]):
    """One webhook."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.WEBHOOK)]})


class WebhookMadeEnvelope(Envelope[WebhookMade]):
    """One webhook, with its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.WEBHOOK_MADE)]})


class WebhooksEnvelope(Envelope[list[WebhookOut]]):
    """All webhooks."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.WEBHOOK])]})


class DeliveryEnvelope(Envelope[DeliveryOut]):
    """One delivery."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.DELIVERY)]})


class DeliveriesEnvelope(Envelope[list[DeliveryOut]]):
    """Deliveries, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.DELIVERY])]})


@router.post("", status_code=201, operation_id="createWebhook", summary="Have events sent to a URL")
async def create(
    body: WebhookCreate, caller: Caller, services: Injected, base_url: BaseUrl, response: Response
) -> WebhookMadeEnvelope:
    """From now on events are sent there. The secret is in this answer and nowhere else."""
    project = caller.project_named(body.project)
    await _check(services, body.url)
    webhook = await services.catalog.webhooks.create(project, **body.model_dump(exclude={"project"}))
    response.headers["Location"] = f"{base_url}/v1/webhooks/{webhook.id}"
    return _made(webhook, response)


@router.get("", operation_id="listWebhooks", summary="All webhooks, the oldest first")
async def index(caller: Caller, services: Injected) -> WebhooksEnvelope:
    return WebhooksEnvelope(data=[_shown(each) for each in await services.catalog.webhooks.all(caller.only)])


@router.get("/{webhook_id}", operation_id="getWebhook", summary="One webhook")
async def show(webhook_id: UUID, caller: Caller, services: Injected) -> WebhookEnvelope:
    return WebhookEnvelope(data=_shown(await services.catalog.webhooks.get(webhook_id, caller.only)))


@router.patch("/{webhook_id}", operation_id="editWebhook", summary="Change a webhook, disable or enable it")
async def edit(webhook_id: UUID, body: WebhookEdit, caller: Caller, services: Injected) -> WebhookEnvelope:
    """What waits for it is tried at once. While it is disabled nothing is sent, and what happens then never is."""
    changes: dict[str, Any] = body.model_dump(exclude_unset=True)
    for name in (name for name, value in changes.items() if value is None):
        raise InvalidRequest(f"{name} can't be null.", fields={name: "can't be null"})
    await services.catalog.webhooks.get(webhook_id, caller.only)
    if body.url is not None:
        await _check(services, body.url)
    return WebhookEnvelope(data=_shown(await services.catalog.webhooks.edit(webhook_id, caller.only, **changes)))


@router.delete("/{webhook_id}", status_code=204, operation_id="deleteWebhook", summary="Delete a webhook")
async def delete(webhook_id: UUID, caller: Caller, services: Injected) -> Response:
    """With its log; what waits for it is not sent."""
    await services.catalog.webhooks.delete(webhook_id, caller.only)
    return Response(status_code=204)


@router.post("/{webhook_id}/rotate-secret", operation_id="rotateSecret", summary="Give a webhook another secret")
async def rotate(webhook_id: UUID, caller: Caller, services: Injected, response: Response) -> WebhookMadeEnvelope:
    """For 24 hours what is sent is signed with both, so that a receiver can change over without missing anything."""
    return _made(await services.catalog.webhooks.rotate(webhook_id, caller.only), response)


@router.post("/{webhook_id}/test", status_code=202, operation_id="testWebhook", summary="Send a webhook a test")
async def test(webhook_id: UUID, caller: Caller, services: Injected) -> DeliveryEnvelope:
    """An event of type `webhook.test`, which no filter keeps back. `listDeliveries` shows what comes of it."""
    webhook = await services.catalog.webhooks.get(webhook_id, caller.only)
    return DeliveryEnvelope(data=_delivery(await services.catalog.deliveries.test(webhook)))


@router.get("/{webhook_id}/deliveries", operation_id="listDeliveries", summary="What was sent to a webhook")
async def deliveries(
    webhook_id: UUID,
    caller: Caller,
    services: Injected,
    before: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="only those older than this `id`")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="how many at most")] = 50,
    status: Annotated[ShownStatus | None, Query(description="only those with this status")] = None,
) -> DeliveriesEnvelope:
    """The newest first, and what waits; kept for as long as events are."""
    await services.catalog.webhooks.get(webhook_id, caller.only)
    chosen = DeliveryStatus(status) if status else None
    found = await services.catalog.deliveries.page(webhook_id, before, limit, chosen)
    return DeliveriesEnvelope(data=[_delivery(each) for each in found])


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    operation_id="redeliver",
    summary="Send something to a webhook once more",
)
async def redeliver(webhook_id: UUID, delivery_id: DeliveryId, caller: Caller, services: Injected) -> DeliveryEnvelope:
    """Whatever came of it before, as a delivery of its own, beside the others and in no order."""
    await services.catalog.webhooks.get(webhook_id, caller.only)
    return DeliveryEnvelope(data=_delivery(await services.catalog.deliveries.again(webhook_id, delivery_id)))


def describe(app: FastAPI) -> None:
    """Add what receivers get to the API's description."""
    app.webhooks.add_api_route(
        "event",
        _received,
        methods=["POST"],
        operation_id="receiveEvent",
        summary="Something has happened",
        tags=["webhooks"],
        status_code=204,
        response_class=Response,
        responses={
            "2XX": {"description": "It has arrived."},
            "4XX": {"description": "It is sent again, for three days; 410 disables the webhook."},
            "5XX": {"description": "It is sent again, for three days."},
        },
    )


async def _received(
    body: EventOut,
    webhook_id: Annotated[str, Header(description="the same whenever this is sent")],
    webhook_timestamp: Annotated[int, Header(description="when it was sent, in seconds since 1970")],
    webhook_signature: Annotated[
        str, Header(description="`v1,` and a signature, for each secret, with spaces between")
    ],
) -> None:
    """Sent to each webhook whose filter it passes, in order for each media, at least once.

    Verify the signature before you believe it: docs/webhooks.md.
    """


async def _check(services: Services, url: str) -> None:
    """Raises InvalidRequest if nothing may be sent there, or there is no such host."""
    try:
        await services.fetcher.check(url)
    except FetchFailed as error:
        raise InvalidRequest(error.message, code=REFUSED, fields={"url": "names a host that is not found"}) from error


def _facts(webhook: Webhook) -> dict[str, Any]:
    return webhook.model_dump(include=set(WebhookOut.model_fields))


def _shown(webhook: Webhook) -> WebhookOut:
    return WebhookOut(**_facts(webhook))


def _made(webhook: Webhook, response: Response) -> WebhookMadeEnvelope:
    response.headers["Cache-Control"] = "no-store"
    return WebhookMadeEnvelope(data=WebhookMade(**_facts(webhook), secret=webhook.secret))


def _delivery(delivery: Delivery) -> DeliveryOut:
    answer = None
    if delivery.answer_status is not None:
        answer = AnswerOut(status=delivery.answer_status, body=delivery.answer or "")
    facts = delivery.model_dump(include=set(DeliveryOut.model_fields) - {"answer"})
    return DeliveryOut(**facts, answer=answer)
