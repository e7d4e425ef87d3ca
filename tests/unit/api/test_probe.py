"""What clients are shown of a file: plain numbers and names, of any release's rows."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from gilfoyle.api.probe import probe_out
from gilfoyle.media.colour import Colour
from gilfoyle.media.info import MediaInfo, TextInfo
from gilfoyle.media.tracks import Role
from tests.unit.media.infos import audio, media, video

HLG = Colour(matrix="bt2020nc", primaries="bt2020", transfer="arib-std-b67")


def shown(info: MediaInfo) -> dict[str, Any]:
    """As it comes back from the catalog."""
    probe = probe_out(info.model_dump(mode="json"))
    assert probe is not None
    return probe.model_dump(mode="json")


def test_a_film_in_plain_numbers() -> None:
    seen = video(frame_rate=Fraction(30000, 1001), end=Fraction(664, 125), rotation=-90, colour=HLG)
    seen = seen.model_copy(update={"codec": "hevc", "pixel_format": "yuv420p10le", "variable": True})
    heard = audio(
        start=Fraction(-1, 10), end=Fraction(5), layout="stereo", language="de", label="Kommentar", role=Role.COMMENTARY
    )
    text = TextInfo(index=2, codec="subrip", language="en", label="English", default=True)
    assert shown(media(seen, heard, bit_rate=5_000_000, texts=[text])) == {
        "container": "mov",
        "duration_s": 5.412,
        "bit_rate": 5_000_000,
        "video": {
            "codec": "hevc",
            "width": 1920,
            "height": 1080,
            "frame_rate": 29.97003,
            "variable_frame_rate": True,
            "interlaced": False,
            "rotation": -90,
            "pixel_format": "yuv420p10le",
            "bit_depth": 10,
            "colour": {
                "primaries": "bt2020",
                "transfer": "arib-std-b67",
                "matrix": "bt2020nc",
                "range": "tv",
                "hdr": "hlg",
            },
        },
        "audio": [
            {
                "codec": "aac",
                "sample_rate": 48000,
                "channels": 2,
                "layout": "stereo",
                "language": "de",
                "title": "Kommentar",
                "role": "commentary",
                "default": True,
            }
        ],
        "text": [{"codec": "subrip", "language": "en", "title": "English", "role": "subtitle", "default": True}],
    }


def test_audio_only() -> None:
    probe = shown(media(None, audio(end=Fraction(1, 3))))
    assert (probe["video"], probe["duration_s"], probe["text"]) == (None, 0.333333, [])


@pytest.mark.parametrize("transfer, kind", [("smpte2084", "pq"), ("arib-std-b67", "hlg"), ("bt709", None)])
def test_the_kind_of_hdr(transfer: str, kind: str | None) -> None:
    assert shown(media(video(colour=Colour(transfer=transfer))))["video"]["colour"]["hdr"] == kind


def test_a_probe_from_before_there_was_colour() -> None:
    stored = media(video()).model_dump(mode="json")
    stored["video"].pop("colour")
    stored["video"]["hdr"] = True
    probe = probe_out(stored)
    assert probe and probe.video and probe.video.colour.hdr == "pq"


def test_nothing_is_known_before_the_probe() -> None:
    assert probe_out(None) is None


@pytest.mark.parametrize("stored", [{}, {"container": "mov"}, {"video": 5, "audio": "none"}])
def test_what_can_not_be_read_is_not_shown(stored: dict[str, Any]) -> None:
    assert probe_out(stored) is None
