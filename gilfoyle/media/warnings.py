"""What is playable but not whole: said beside a media that is Ready, as a code and a sentence.

A warning never keeps a media from being played; what does is an error (gilfoyle/errors.py). docs/api.md lists the
codes.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class MediaWarning(BaseModel):
    """`code` is stable and for programs; `message` is one sentence for a person, and says what to do if that is known.

    Neither ever holds a line of a program's log.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
