"""Why something could not be done, as clients see it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gilfoyle.api import examples


class Reason(BaseModel):
    """Why a media or a rendition is Errored, or what the server should fetch."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FAULT]})

    code: str
    message: str
