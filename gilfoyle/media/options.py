"""What one media has encoded otherwise than the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from gilfoyle.media.clip import Clip
from gilfoyle.media.policy import (
    AudioLadder,
    Codec,
    EncodingPolicy,
    EncodingSettings,
    Policy,
    Preset,
    VideoLadder,
    VideoRung,
)

MOST_RUNGS = 12
"""As many rungs of video as a ladder may have."""
EXAMPLE: dict[str, Any] = {"max_height": 720, "codecs": ["h264", "av1"]}


class EncodingOptions(Policy):
    """How a media is encoded; what is left out is as the server's settings have it when the encoding begins."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    video: VideoLadder | None = Field(None, description="the rungs of the ladder")
    audio: AudioLadder | None = Field(None, description="the first goes with video; without video, all of them")
    preset: Preset | None = Field(None, description="slower ones make smaller files")
    max_height: int | None = Field(
        None, ge=16, le=8192, description="higher rungs are left out; at least one always remains"
    )
    codecs: Annotated[list[Codec], Field(min_length=1, max_length=4)] | None = Field(
        None, description="of the video: each of them gets the whole ladder; 12 rungs in all at most"
    )

    clip: Clip | None = Field(None, description="only this part of the file is encoded")

    def rungs(self, policy: EncodingSettings) -> list[VideoRung]:
        """The rungs of the video; they may be more than a ladder may have."""
        rungs: Sequence[VideoRung] = self.video or policy.video
        if self.max_height is not None:
            rungs = _up_to(self.max_height, rungs)
        return _in_codecs(list(dict.fromkeys(self.codecs)), rungs) if self.codecs else list(rungs)

    def applied_to(self, settings: EncodingSettings) -> EncodingPolicy:
        """The policy of the media. Rungs beyond what a ladder may have are left out.

        `settings`: the operator's, or the policy that the media would have without these options. A `clip` that is
        null takes the media's clip away.
        """
        policy = settings if isinstance(settings, EncodingPolicy) else EncodingPolicy.of(settings)
        changes: dict[str, Any] = {"audio": self.audio or policy.audio, "preset": self.preset or policy.preset}
        if "clip" in self.model_fields_set:
            changes["clip"] = self.clip
        return policy.model_copy(update={"video": self.rungs(policy)[:MOST_RUNGS], **changes})


def _up_to(height: int, rungs: Sequence[VideoRung]) -> list[VideoRung]:
    """Where all are higher, the lowest is made lower."""
    fitting = [rung for rung in rungs if rung.height <= height]
    return fitting or [min(rungs, key=lambda rung: rung.height).model_copy(update={"height": height})]


def _in_codecs(codecs: Sequence[Codec], rungs: Sequence[VideoRung]) -> list[VideoRung]:
    """A codec that has rungs of its own keeps them; another gets those of the first rung's codec."""
    pattern = [rung for rung in rungs if rung.codec == rungs[0].codec]
    found: list[VideoRung] = []
    for codec in codecs:
        own = [rung for rung in rungs if rung.codec == codec]
        found += own or [rung.model_copy(update={"codec": codec}) for rung in pattern]
    return found
