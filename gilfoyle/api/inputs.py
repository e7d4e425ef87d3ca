"""Files that the server fetches itself: what clients say of them, and what they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.reason import Reason
from gilfoyle.catalog import Import, ImportStatus
from gilfoyle.errors import FetchFailed, InvalidRequest
from gilfoyle.media.clip import Clip
from gilfoyle.media.options import EncodingOptions
from gilfoyle.net.connecting import REFUSED
from gilfoyle.net.fetch import Fetcher

_LONGEST_S = 10.0**6


class Input(BaseModel):
    """A file at a URL, or a part of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.INPUT]})

    url: str = Field(
        max_length=2048,
        description="http or https, at a public address or one of `net.allow`. It may hold a signature: it is shown "
        "without its query, and forgotten when the file is there",
    )
    start: float | None = Field(
        None,
        ge=0,
        le=_LONGEST_S,
        strict=True,
        description="where the part of the file begins that is encoded (seconds)",
    )
    end: float | None = Field(
        None, gt=0, le=_LONGEST_S, strict=True, description="where it ends (seconds); null: with the file"
    )

    def clip(self) -> Clip | None:
        """The part of the file that is wanted; None: all of it. Raises InvalidRequest."""
        if self.start is None and self.end is None:
            return None
        start_s = self.start or 0.0
        if self.end is not None and self.end <= start_s:
            raise InvalidRequest(
                "The part of the file must end after it begins.", fields=_at("end", "is not after start")
            )
        return Clip(start_s=start_s, end_s=self.end)


def _one(inputs: list[Input]) -> list[Input]:
    if len(inputs) != 1:
        raise ValueError("must name one file: several can't be put together yet")
    return inputs


Inputs = Annotated[list[Input], AfterValidator(_one), Field(json_schema_extra={"minItems": 1, "maxItems": 1})]
INPUT = "the file, which the server fetches from there; null: it is uploaded"


class InputOut(BaseModel):
    """A file that the server fetches, or has fetched."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.INPUT_SHOWN]})

    url: str = Field(description="without its query, which may be a secret")
    status: ImportStatus
    received_bytes: int = Field(description="that have arrived")
    total_bytes: int | None = Field(description="of the file; null until its server says so")
    error: Reason | None = Field(description="why it could not be fetched")


def input_shown(imported: Import) -> dict[str, Any]:
    """As `InputOut` has it."""
    error = {"code": imported.error_code, "message": imported.error_message or ""} if imported.error_code else None
    return {
        "url": imported.shown_url,
        "status": imported.status,
        "received_bytes": imported.received,
        "total_bytes": imported.total,
        "error": error,
    }


async def wanted(inputs: Sequence[Input], fetcher: Fetcher) -> Import:
    """The import of what was asked for. Raises InvalidRequest (`url_refused`) for what is never fetched."""
    url = inputs[0].url
    try:
        await fetcher.check(url)
    except InvalidRequest as error:
        raise InvalidRequest(
            error.message, code=error.reason, fields=_at("url", error.fields.get("url", ""))
        ) from error
    except FetchFailed as error:
        raise InvalidRequest(
            error.message, code=REFUSED, fields=_at("url", "names a host that is not found")
        ) from error
    return Import(url=url, shown_url=shown(url))


def shown(url: str) -> str:
    """A URL without its query and its fragment."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def clipped(options: EncodingOptions | None, inputs: Sequence[Input]) -> EncodingOptions | None:
    """How the file is encoded, with the part of it that is wanted. Raises InvalidRequest."""
    clip = inputs[0].clip()
    if clip is None:
        return options
    if options is not None and options.clip is not None:
        raise InvalidRequest(
            "The part of the file is said twice: leave out `start` and `end`, or the clip of the encoding.",
            fields=_at("start", "excludes a clip of the encoding"),
        )
    given = options.model_dump(exclude_unset=True) if options is not None else {}
    return EncodingOptions.model_validate({**given, "clip": clip})


def _at(name: str, why: str) -> dict[str, str]:
    return {f"input.0.{name}": why}
