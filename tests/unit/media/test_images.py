"""What ffmpeg lists of a frame, read; and the grid on which its frames have their places."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gilfoyle.media.header import is_still, video_stream
from gilfoyle.media.images import Drawn, is_image, is_tiled, pace, probed, read_delays, read_size, shown
from gilfoyle.media.probe import Findings, read
from tests.unit.media.probes import LIMITS, audio_json, found, found_in, video_json

HEAD = "#software: Lavf63.1.102\n#tb 0: 1/100\n#media_type 0: video\n#codec_id 0: gif\n#dimensions 0: 160x120\n"
LINES = "0,          0,          0,       10,     4707, 0xccb9c380\n0, 50, 50, 20, 2317, 0x490502bf, F=0x0\n"


def seconds(*hundredths: int) -> list[Fraction]:
    return [Fraction(number, 100) for number in hundredths]


def test_a_listing() -> None:
    assert read_size(HEAD + LINES) == (160, 120)
    # The next frame ends the one before it.
    assert read_delays(HEAD + LINES) == seconds(50, 20)


@pytest.mark.parametrize("listing", ["", "#tb 0: 1/25\n", "#dimensions 0: 0x0\n"])
def test_a_listing_of_nothing(listing: str) -> None:
    assert (read_size(listing), read_delays(listing)) == (None, [])


@pytest.mark.parametrize(
    ("delays", "rate"),
    [
        (seconds(10, 10, 10), Fraction(10)),
        (seconds(4), Fraction(25)),
        ([Fraction(33, 1000), Fraction(34, 1000), Fraction(33, 1000)], Fraction(30)),  # a constant rate, rounded
        (seconds(50, 10, 10, 100), Fraction(10)),
        (seconds(7, 3, 5), Fraction(100)),
        ([Fraction(17, 1000), Fraction(100, 1000)], Fraction(1000, 17)),  # no grid is as fine as that
        ([Fraction(0), Fraction(0)], Fraction(25)),
    ],
)
def test_the_grid(delays: list[Fraction], rate: Fraction) -> None:
    assert pace(delays) == rate


def gif(*delays: Fraction, codec: str = "gif", name: str = "gif") -> tuple[dict[str, object], Findings]:
    seen = found(video_json(codec_name=codec, width=0, height=0), format_name=name, duration="N/A")
    return probed(seen, Drawn(160, 120, list(delays))), found_in({0: sum(delays, Fraction(0))})


def test_an_animation_is_a_film_on_white() -> None:
    video = read(*gif(*seconds(10, 10)), LIMITS).video
    assert video and (video.width, video.height, video.frame_rate) == (160, 120, 10)
    assert (video.end, video.still, video.transparent) == (Fraction(1, 5), False, True)


@pytest.mark.parametrize(("codec", "transparent"), [("mjpeg", False), ("png", True)])
def test_a_photo_is_a_still(codec: str, transparent: bool) -> None:
    video = read(*gif(Fraction(1, 25), codec=codec, name=f"{codec}_pipe".replace("mjpeg", "jpeg")), LIMITS).video
    assert video and (video.still, video.transparent) == (True, transparent)


def test_a_photo_may_have_more_behind_it() -> None:
    """The map of its highlights; but a recording in M-JPEG is read like a photo, too."""
    photo, one = found(format_name="jpeg_pipe"), Fraction(1, 25)
    assert (shown(photo, [one] * 2), shown(photo, [one] * 50)) == ([one], [one] * 50)
    assert shown(found(format_name="gif"), [one] * 2) == [one] * 2


def test_an_image_that_does_not_say_it_is_srgb() -> None:
    """With the matrix of JPEG, also a large one."""
    seen = found(video_json(codec_name="av1", color_space="unknown"), format_name="mov,mp4", duration="N/A")
    video = read(probed(seen, Drawn(1920, 1080, [Fraction(1, 25)])), found_in({0: Fraction(1, 25)}), LIMITS).video
    assert video
    colour = video.colour
    assert (colour.matrix, colour.primaries, colour.transfer) == ("bt470bg", "bt709", "iec61966-2-1")


def test_what_is_an_image() -> None:
    assert is_image(found(format_name="png_pipe")) and not is_image(found(format_name="h264"))
    one = video_json(nb_frames="1")
    assert not is_still(found(one), one)  # a film of one frame
    item = {key: value for key, value in one.items() if key != "duration"}
    assert is_still(found(item), item)  # HEIF


def test_tiles_are_one_image() -> None:
    tile = video_json(width=512, height=512, nb_frames="1", disposition={"dependent": 1})
    thumbnail = video_json(index=1, width=320, height=240, nb_frames="1", disposition={})
    assert is_tiled(found(tile, tile, thumbnail))
    assert not is_tiled(found(video_json(), audio_json())) and not is_tiled(found(tile, video_json(index=1)))
    assert video_stream(found(tile)) is None
    whole = probed(found(tile, tile, thumbnail), Drawn(1024, 512, [Fraction(1)]))
    video = read(whole, found_in({0: 1}), LIMITS).video
    assert video and (video.width, video.height, video.tiled, video.transparent) == (1024, 512, True, False)
