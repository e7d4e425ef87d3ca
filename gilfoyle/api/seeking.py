"""Which medias are meant, as a query of the URL says it: for lists, and for what is done to many at once."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator

from gilfoyle.api import schemas
from gilfoyle.api.auth import Caller
from gilfoyle.api.schemas import Time
from gilfoyle.catalog import MediaFilter, MediaKind, MediaStatus
from gilfoyle.errors import InvalidRequest

ShownStatus = Literal["AwaitingUpload", "Processing", "Ready", "Errored"]
MOST_KEYS = 10
_KEY = re.compile(r"metadata\[(.{1,100})\]", re.DOTALL)
METADATA_PARAMETER: dict[str, Any] = {
    "name": "metadata",
    "in": "query",
    "description": "only those with these values in their metadata: `metadata[season]=2`",
    "style": "deepObject",
    "explode": True,
    "schema": {
        "type": "object",
        "maxProperties": MOST_KEYS,
        "additionalProperties": {"type": "string", "maxLength": 1000},
    },
}
"""In OpenAPI: the filter by metadata, which FastAPI has no word for."""


def _separated(given: Any) -> Any:
    """`a,b&c` as `a&b&c`."""
    return [part for each in given for part in str(each).split(",")] if isinstance(given, list) else given


Statuses = Annotated[list[ShownStatus], BeforeValidator(_separated)]
Tags = Annotated[schemas.Tags, BeforeValidator(_separated)]


async def sought_of(
    request: Request,
    caller: Caller,
    status: Annotated[Statuses | None, Query(description="only those with one of these, with commas between")] = None,
    kind: Annotated[MediaKind | None, Query(description="only those that are this")] = None,
    q: Annotated[
        schemas.Query, Query(description="only those with this in title, description or file name, as it reads")
    ] = "",
    external_id: Annotated[schemas.ExternalId | None, Query(description="only the one that you call so")] = None,
    tags: Annotated[Tags | None, Query(description="only those with all of these, with commas between")] = None,
    project: Annotated[schemas.ProjectId, Query(description="only those of this project")] = "",
    sha256: Annotated[schemas.Sha256, Query(description="only those made of the file with this checksum")] = "",
    created_from: Annotated[Time | None, Query(description="only those made then or later")] = None,
    created_before: Annotated[Time | None, Query(description="only those made before that")] = None,
    updated_from: Annotated[Time | None, Query(description="only those changed then or later")] = None,
    updated_before: Annotated[Time | None, Query(description="only those changed before that")] = None,
) -> MediaFilter:
    """What belongs to no project of the caller is never meant.

    Raises InvalidRequest, and NotFound for a project that the caller can't see.
    """
    return MediaFilter(
        statuses=[MediaStatus(each) for each in status or ()],
        q=q,
        sha256=sha256.lower(),
        project=caller.project_named(project) if project else caller.only or "",
        kind=kind,
        external_id=external_id or "",
        tags=tags or (),
        metadata=_metadata(request),
        created_from=created_from,
        created_before=created_before,
        updated_from=updated_from,
        updated_before=updated_before,
    )


Sought = Annotated[MediaFilter, Depends(sought_of)]
"""The type of a route's parameter that receives which medias are meant."""


def _metadata(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if not name.startswith("metadata["):
            continue
        match = _KEY.fullmatch(name)
        if match is None:
            raise _refused(name, "must name a key of 1 to 100 characters")
        if match[1] in found:
            raise _refused(name, "must be there once")
        if len(value) > 1000 or "\0" in value + name:
            raise _refused(name, "must be a text of at most 1000 characters, without NUL")
        found[match[1]] = value
    if len(found) > MOST_KEYS:
        raise _refused("metadata", f"must name at most {MOST_KEYS} keys")
    return found


def _refused(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"The request is not valid: {name[:100]} {why}.", fields={name[:100]: why})
