"""The shape of every answer: `{"code": "ok", "data", "metadata"}`, or `{"code", "message", "fields"}` for an error."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Envelope(BaseModel, Generic[T]):
    """A success. Each resource names its own below this."""

    code: Literal["ok"] = "ok"
    data: T
    metadata: dict[str, Any] = {}


class PageMetadata(BaseModel):
    """Where a page lies in its list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"total": 134, "offset": 50, "limit": 50}]})

    total: int = Field(description="how many there are in all")
    offset: int = Field(description="how many come before this page")
    limit: int = Field(description="how many this page holds at most")


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    code: Literal["ok"] = "ok"
    data: list[T]
    metadata: PageMetadata


class Problem(BaseModel):
    """An error. Compare `code`; `message` is for people and may change."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "invalid_request",
                    "message": "The request is not valid: title must have at least 1 character.",
                    "fields": {"title": "must have at least 1 character"},
                }
            ]
        }
    )

    code: str = Field(description="stable, such as `not_found`")
    message: str = Field(description="one sentence, in English")
    fields: dict[str, str] | None = Field(None, description="what is wrong, for each part that is")
