"""The shape of every answer: `{"code": "ok", "data", "metadata"}`, or that of an error, a `Problem`."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s
from typing import Any, Generic, Literal, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from gilfoyle.api.compress import unmarked
from gilfoyle.api.ranges import if_none_match
from gilfoyle.errors import PreconditionFailed

T = TypeVar("T")
_ALWAYS = ConfigDict(json_schema_serialization_defaults_required=True)
"""What has a default is in every answer: generated clients need not ask whether it is there."""


class Envelope(BaseModel, Generic[T]):
    """A success. Each resource names its own below this."""

    model_config = _ALWAYS

    code: Literal["ok"] = "ok"
    data: T
    metadata: dict[str, Any] = {}


def answer(data: Any, metadata: Mapping[str, Any] | None = None) -> Response:
    """A success whose data are what they must be: written as they are, without a model in between."""
    return Response(_content(data, metadata), media_type="application/json")


def tagged(request: Request, data: Any) -> Response:
    """As `answer`, with an ETag (RFC 9110, 8.8.3); 304 if the client has it already."""
    content = _content(data, None)
    headers = {"ETag": _tag(content), "Cache-Control": "private, no-cache"}
    if request.method in ("GET", "HEAD") and if_none_match(
        unmarked(request.headers.get("if-none-match", "")), headers["ETag"]
    ):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def require_match(request: Request, data: Any) -> None:
    """Raises PreconditionFailed if the request names other tags in If-Match (RFC 9110, 13.1.1) than these data have."""
    asked = unmarked(request.headers["if-match"].strip())
    if asked != "*" and _tag(_content(data, None)) not in [each.strip() for each in asked.split(",")]:
        raise PreconditionFailed("It has changed since: read it again, and send what its ETag is now in If-Match.")


def _content(data: Any, metadata: Mapping[str, Any] | None) -> bytes:
    return to_json({"code": "ok", "data": data, "metadata": metadata or {}})


def _tag(content: bytes) -> str:
    return f'"{blake2s(content, digest_size=12).hexdigest()}"'


class PageMetadata(BaseModel):
    """Where a page lies in its list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit": 50, "offset": 0, "next_cursor": "WyItY3Jl"}]})

    limit: int = Field(description="how many this page holds at most")
    offset: int = Field(description="how many come before this page, or before the place of its cursor")
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last")
    total: int | None = Field(None, description="how many there are in all, if `total=true` asks; 10,000 at most")
    total_capped: bool | None = Field(None, description="there are more than `total`, and they were not counted")


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    model_config = _ALWAYS

    code: Literal["ok"] = "ok"
    data: list[T]
    metadata: PageMetadata


class Problem(BaseModel):
    """An error. Compare `type` or `code`; `message` is for people and may change."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "invalid_request",
                    "code": "invalid_request",
                    "message": "The request is not valid: title must have at least 1 character.",
                    "fields": {"title": "must have at least 1 character"},
                    "request_id": "5f0c1d2e9a3b4c7d",
                }
            ]
        }
    )

    type: str = Field(description="of what kind it is, such as `not_found`: there are few, and they are stable")
    code: str = Field(description="what it is, such as `not_verified`, or the type once more; stable")
    message: str = Field(description="one sentence, in English")
    fields: dict[str, str] | None = Field(None, description="what is wrong, for each part that is")
    request_id: str | None = Field(None, description="as in `X-Request-Id`, and in the log of the server")
