"""A part of a source: all that is encoded of it. Frame-exact: the frames are those that the whole would have had."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gilfoyle.errors import UnsupportedMedia

_LONGEST_S = 10.0**6
# A frame that begins so little before the clip, of its own length, is its first: times are typed with few decimals.
_NEARLY = Fraction(1, 50)


class Clip(BaseModel):
    """From `start_s` to `end_s`, in seconds from the beginning of what the whole file would become."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"start_s": 12.5, "end_s": 42}]}
    )

    start_s: float = Field(
        0, ge=0, le=_LONGEST_S, strict=True, description="where it begins; the first frame shown is the next one"
    )
    end_s: float | None = Field(
        None, gt=0, le=_LONGEST_S, strict=True, description="where it ends; without: with the file"
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError("end_s must be more than start_s")
        return self

    def frames(self, rate: Fraction, whole: int) -> tuple[int, int]:
        """The frames `[first, last)` of the clip, of a source that has `whole` frames at `rate`; at least one.

        Raises UnsupportedMedia if the clip begins after its end.
        """
        first = _place(self.start_s, rate)
        last = whole if self.end_s is None else min(whole, max(_place(self.end_s, rate), first + 1))
        if first >= whole:
            length = float(whole / rate)
            raise UnsupportedMedia(
                f"The clip begins at {self.start_s:g} s, and the file lasts {length:.3f} s: choose an earlier start.",
                code="clip_outside",
            )
        return first, last


def _place(seconds: float, rate: Fraction) -> int:
    """The first frame that begins then or later."""
    return max(0, math.ceil(Fraction(seconds) * rate - _NEARLY))
