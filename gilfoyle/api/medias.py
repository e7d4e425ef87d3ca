"""Creating, listing, describing and deleting medias."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from gilfoyle.api.auth import Caller, Principal
from gilfoyle.api.envelope import answer, require_match, tagged
from gilfoyle.api.inputs import wanted
from gilfoyle.api.schemas import (
    MEDIA_PARTS,
    Deleted,
    DeletedEnvelope,
    MediaCreate,
    MediaEdit,
    MediaEnvelope,
    MediaPage,
    MediaPart,
    media_out,
    media_shown,
)
from gilfoyle.api.seeking import METADATA_PARAMETER, Sought
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.catalog import MOST_COUNTED, NEWEST, Media, Paging, Position, Sort
from gilfoyle.catalog.listing import bad_cursor
from gilfoyle.config import Settings
from gilfoyle.errors import InvalidRequest, Unavailable
from gilfoyle.media.options import MOST_RUNGS, EncodingOptions

DELETE_WAIT_S = 10.0
_MAX_OFFSET = 2**53  # what JSON's numbers hold exactly
log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/medias", tags=["medias"])
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "the ETag that the media had: if it has changed since, nothing is done (412)",
    "schema": {"type": "string"},
}
_EDIT_SCHEMA = {"$ref": "#/components/schemas/MediaEdit"}

_INCLUDE = f"what else is shown of each, with commas between: {', '.join(MEDIA_PARTS)}"


@router.get(
    "/{media_id}",
    operation_id="getMedia",
    summary="One media, with its renditions and their progress",
    response_model=MediaEnvelope,
)
async def show(media_id: UUID, request: Request) -> Response:
    # Asked for most of all, so it is the first of the routes, which are tried in their order; and each dependency that
    # FastAPI would solve takes as long as a third of the query.
    services = request.app.state.services
    view = await services.catalog.views.one(media_id)
    return tagged(request, media_shown(view, services.addresses.base_url(request.scope), MEDIA_PARTS))


@router.post("", status_code=201, operation_id="createMedia", summary="Create a media, to upload into or by import")
async def create(
    body: MediaCreate, caller: Caller, services: Injected, base_url: BaseUrl, response: Response
) -> MediaEnvelope:
    """With `input`, the server fetches the file itself: `input` of the answer says how far that is."""
    body = body.with_clip()
    require_ladder(body.encoding, services.settings)
    project = await project_of(caller, body.project, services)
    if body.input:
        media = await _import(body, project, services)
    else:
        where = services.storages.default, project, body.playback_policy
        media = await services.catalog.medias.create(body.title, body.description, *where, **body.given())
    response.headers["Location"] = f"{base_url}/v1/medias/{media.id}"
    return await envelope(services, media.id, base_url)


async def _import(body: MediaCreate, project: str, services: Services) -> Media:
    assert body.input
    fetched = await wanted(body.input, services.fetcher)
    media = Media(title=body.title, description=body.description, storage=services.storages.default, project=project)
    await services.catalog.imports.create_media(media, body.given(), body.playback_policy, fetched)
    await services.pipeline.begin_importing(fetched)
    return media


@router.get(
    "",
    operation_id="listMedias",
    summary="List medias, the newest first",
    response_model=MediaPage,
    openapi_extra={"parameters": [METADATA_PARAMETER]},
)
async def index(
    sought: Sought,
    services: Injected,
    base_url: BaseUrl,
    limit: Annotated[int, Query(ge=1, le=100, description="how many at most")] = 50,
    offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET, description="how many to skip")] = 0,
    cursor: Annotated[str, Query(max_length=4000, description="`next_cursor` of the page before")] = "",
    sort: Annotated[Sort, Query(description="by what, and by id where that is the same; `-`: backwards")] = NEWEST,
    total: Annotated[bool, Query(description="also count all that match, up to 10,000")] = False,
    include: Annotated[list[str] | None, Query(description=_INCLUDE)] = None,
) -> Response:
    """Parts that `include` does not name are absent, and cost nothing; `getMedia` shows all of one media."""
    parts = _parts(include or [])
    found = await services.catalog.views.page(
        sought,
        Paging(limit, offset, _position(cursor, sort), sort),
        renditions=bool(parts & {"renditions", "warnings"}),
        tracks="tracks" in parts,
        probe=bool(parts & {"probe", "warnings"}),
        count=total,
    )
    metadata = {"limit": limit, "offset": offset, "next_cursor": found.next and found.next.cursor()}
    if found.total is not None:
        metadata |= {"total": min(found.total, MOST_COUNTED), "total_capped": found.total > MOST_COUNTED}
    return answer([media_shown(view, base_url, parts) for view in found.views], metadata)


@router.patch(
    "/{media_id}",
    operation_id="editMedia",
    summary="Change what you have said of a media",
    response_model=MediaEnvelope,
    openapi_extra={
        "requestBody": {"content": {"application/merge-patch+json": {"schema": _EDIT_SCHEMA}}},
        "parameters": [_IF_MATCH],
    },
)
async def edit(media_id: UUID, body: MediaEdit, request: Request, services: Injected, base_url: BaseUrl) -> Response:
    """A JSON Merge Patch (RFC 7396), as `application/merge-patch+json` or `application/json`."""
    require_ladder(body.encoding, services.settings)
    seen = await _seen(request, services, media_id, base_url)
    await services.catalog.medias.edit(media_id, seen, **body.changes())
    return tagged(request, media_shown(await services.catalog.views.one(media_id), base_url, MEDIA_PARTS))


@router.delete(
    "/{media_id}",
    status_code=204,
    operation_id="deleteMedia",
    summary="Delete a media",
    openapi_extra={"parameters": [_IF_MATCH]},
)
async def delete(media_id: UUID, request: Request, services: Injected, base_url: BaseUrl) -> Response:
    """Stops what runs for it and removes every object and row. It is gone for clients at once.

    The catalog is changed first: from then on the deletion completes, whatever happens to this process or to Temporal.
    """
    await services.catalog.medias.mark_deleting(media_id, await _seen(request, services, media_id, base_url))
    services.playbacks.forget(media_id)
    try:
        workflow = await services.pipeline.start_deleting(media_id)
        async with asyncio.timeout(DELETE_WAIT_S):
            await workflow.result()
    except TimeoutError:
        log.info("deleting media %s takes longer; it goes on", media_id)
    except Unavailable as error:
        log.warning("the objects of media %s are removed later: %s", media_id, error.message)
    except Exception:
        log.exception("deleting media %s", media_id)
    return Response(status_code=204)


async def _seen(request: Request, services: Services, media_id: UUID, base_url: str) -> datetime | None:
    """If the request has If-Match, when the media that it names was changed last. Raises PreconditionFailed."""
    if "if-match" not in request.headers:
        return None
    view = await services.catalog.views.one(media_id)
    require_match(request, media_shown(view, base_url, MEDIA_PARTS))
    return view.media.updated_at


@router.delete(
    "",
    operation_id="deleteMedias",
    summary="Delete all medias that match",
    openapi_extra={"parameters": [METADATA_PARAMETER]},
)
async def delete_all(
    sought: Sought,
    services: Injected,
    dry_run: Annotated[bool, Query(description="only say how many that would be")] = False,
) -> DeletedEnvelope:
    """At least one filter must be there. Those that match are gone at once; what is stored of them is removed later.

    1,000 at a time, the oldest first: `more` says that others match, so ask again.
    """
    if sought.is_empty:
        raise InvalidRequest("Say by a filter which medias are to be deleted, such as tags=old.", code="no_filter")
    found = await services.catalog.medias.count(sought)
    if dry_run:
        return DeletedEnvelope(data=Deleted(count=min(found, MOST_COUNTED), more=found > MOST_COUNTED, dry_run=True))
    count = await services.catalog.medias.begin_deleting(sought)
    return DeletedEnvelope(data=Deleted(count=count, more=found > count, dry_run=False))


def require_ladder(options: EncodingOptions | None, settings: Settings) -> None:
    """Raises InvalidRequest for options that ask for more rungs than a ladder may have."""
    count = len(options.rungs(settings.encoding)) if options else 0
    if count > MOST_RUNGS:
        raise InvalidRequest(
            f"The ladder would have {count} rungs, and may have {MOST_RUNGS}: name fewer codecs, or fewer rungs.",
            fields={"encoding": f"must be of at most {MOST_RUNGS} rungs of video in all"},
        )


async def project_of(caller: Principal, named: str | None, services: Services) -> str:
    """The project that a new media belongs to. Raises NotFound."""
    project = caller.project_named(named)
    if named:
        await services.catalog.projects.get(project)
    return project


async def envelope(services: Services, media_id: UUID, base_url: str) -> MediaEnvelope:
    """The API's answer for a media. Raises NotFound."""
    return MediaEnvelope(data=media_out(await services.catalog.views.one(media_id), base_url))


def _position(cursor: str, sort: Sort) -> Position | None:
    """Raises InvalidRequest."""
    position = Position.of(cursor) if cursor else None
    if position is not None and position.sort != sort:
        raise bad_cursor(f"is of a list that is sorted by {position.sort}")
    return position


def _parts(include: Sequence[str]) -> set[MediaPart]:
    """The optional parts of each media in a list. Raises InvalidRequest."""
    names = [name.strip() for each in include for name in each.split(",") if name.strip()]
    unknown = next((name for name in names if name not in MEDIA_PARTS), None)
    if unknown is not None:
        known = ", ".join(MEDIA_PARTS)
        raise InvalidRequest(
            f"include can't name {unknown[:100]}: there are {known}.", fields={"include": f"must be of {known}"}
        )
    return {part for part in MEDIA_PARTS if part in names}
