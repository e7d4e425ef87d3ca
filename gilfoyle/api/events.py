"""What has happened: as a list to read on from, and as a stream that goes on by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.auth import Caller, Recheck
from gilfoyle.api.event_stream import EventStream, wants_stream
from gilfoyle.api.feed import Feed
from gilfoyle.api.services import Injected, Services
from gilfoyle.catalog import Event, EventFilter, EventType
from gilfoyle.errors import GilfoyleError, InvalidRequest, Unavailable

PING_S = 15.0
"""A stream is never silent for longer (seconds): proxies would close it."""
_RETRY_MS = 3000
_MOST_ID = 2**63 - 1
router = APIRouter(prefix="/v1", tags=["events"])


class EventOut(BaseModel):
    """Something that has happened. What `data` holds depends on `type`: docs/events.md."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EVENT]})

    id: int = Field(description="greater than that of every event before")
    type: str = Field(description="such as `media.ready`; there may be others than today's")
    project: str
    media_id: UUID | None
    data: dict[str, Any]
    created_at: datetime


class EventsMetadata(BaseModel):
    """Where to go on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"after": 1042, "limit": 100}]})

    after: int = Field(description="read on with `after` set to this; the same as before if nothing was found")
    limit: int = Field(description="how many this page holds at most: fewer mean that there are no more yet")


class EventsPage(BaseModel):
    """Events, the oldest first."""

    model_config = ConfigDict(
        json_schema_serialization_defaults_required=True,
        json_schema_extra={
            "examples": [{"code": "ok", "data": [examples.EVENT], "metadata": {"after": 1042, "limit": 100}}]
        },
    )

    code: Literal["ok"] = "ok"
    data: list[EventOut]
    metadata: EventsMetadata


After = Annotated[int | None, Query(ge=0, le=_MOST_ID, description="only what came after the event with this `id`")]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most; a stream has no limit")]
Types = Annotated[
    list[str] | None,
    Query(alias="type", description="only these, with commas between or repeated; `media.*` stands for all of a media"),
]
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="of a stream that goes on: what browsers send; it wins over `after`"),
]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": EventsPage,
        "description": "A page; or with `Accept: text/event-stream` a stream, which goes on by itself.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 1042\ndata: {"id": 1042, "type": "media.ready", …}\n\n',
            }
        },
    }
}


@router.get("/events", operation_id="listEvents", summary="What has happened", responses=_ANSWERS, response_model=None)
async def index(
    request: Request,
    services: Injected,
    caller: Caller,
    recheck: Recheck,
    after: After = None,
    limit: Limit = 100,
    types: Types = None,
    last_event_id: LastEventId = None,
) -> EventsPage | Response:
    """The oldest first. Whoever goes on from the last `id` that was read misses nothing.

    A list begins with the oldest event that is kept, a stream with what happens from now on, unless `after` says where.
    """
    sought = EventFilter(_types(types or []), project=caller.only)
    return await _answer(request, services, sought, _start(after, last_event_id), limit, recheck)


@router.get(
    "/medias/{media_id}/events",
    operation_id="listMediaEvents",
    summary="What has happened to a media",
    responses=_ANSWERS,
    response_model=None,
)
async def of_media(
    media_id: UUID,
    request: Request,
    services: Injected,
    recheck: Recheck,
    after: After = None,
    limit: Limit = 100,
    types: Types = None,
    last_event_id: LastEventId = None,
) -> EventsPage | Response:
    """As `listEvents`. Once the media is deleted, its events are to be found there only."""
    await services.catalog.medias.get(media_id)
    sought = EventFilter(_types(types or []), media_id)
    return await _answer(request, services, sought, _start(after, last_event_id), limit, recheck)


def event_out(event: Event) -> EventOut:
    """As clients see it."""
    return EventOut(**event.model_dump())


async def _answer(
    request: Request,
    services: Services,
    sought: EventFilter,
    after: int | None,
    limit: int,
    recheck: Callable[[], Awaitable[object]],
) -> EventsPage | Response:
    if wants_stream(request.headers.get("accept", "")):
        begin = await services.feed.start() if after is None else after
        return EventStream(_stream(services.feed, begin, sought, recheck))
    found = await services.catalog.events.page(after or 0, limit, sought)
    last = found[-1].id if found else after or 0
    return EventsPage(data=[event_out(event) for event in found], metadata=EventsMetadata(after=last, limit=limit))


async def _stream(
    feed: Feed, after: int, sought: EventFilter, recheck: Callable[[], Awaitable[object]]
) -> AsyncIterator[bytes]:
    """Until the server stops, or the caller's key is not good any more."""
    yield format_sse_event(retry=_RETRY_MS, id=str(after))
    while not feed.closed:
        try:
            await recheck()
            found, after = await feed.read(after, sought)
        except Unavailable:
            found = []
        except GilfoyleError:
            return
        for event in found:
            yield format_sse_event(data_str=event_out(event).model_dump_json(), id=str(event.id))
        if not found:
            await feed.wait(after, PING_S)
            if not feed.is_ahead(after):
                # With its number, so that who comes back need not begin where the last event was that he wanted.
                yield format_sse_event(comment="ping", id=str(after))


def _start(after: int | None, last_event_id: str | None) -> int | None:
    """Where to begin. Raises InvalidRequest."""
    if not last_event_id:
        return after
    if not (last_event_id.isascii() and last_event_id.isdecimal() and int(last_event_id) <= _MOST_ID):
        raise InvalidRequest(
            "Last-Event-ID is the id of no event.", fields={"Last-Event-ID": "must be the id of an event"}
        )
    return int(last_event_id)


def _types(names: Sequence[str]) -> list[str]:
    """The types that are asked for. Raises InvalidRequest."""
    wanted: list[str] = []
    for name in (part.strip() for each in names for part in each.split(",")):
        matching = types_named(name)
        if not matching:
            raise InvalidRequest(
                f"There is no type of events that is called {name[:100]}.",
                fields={"type": "must be of " + ", ".join(EventType)},
            )
        wanted += matching
    return wanted


def types_named(name: str) -> list[str]:
    """The types with a name, or those of `media.*`."""
    of = name.removesuffix("*")
    return [each for each in EventType if each == name or (of.endswith(".") and of != name and each.startswith(of))]
