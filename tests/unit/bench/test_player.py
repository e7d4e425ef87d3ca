"""What a player asks for first."""

from __future__ import annotations

from fractions import Fraction

from bench.player import beginning, published_s, renditions, target_s
from gilfoyle.media.hls import AudioEntry, VideoEntry, master_playlist, media_playlist


def video(name: str, size: int) -> VideoEntry:
    return VideoEntry(name, "avc1.64001f", [size], [Fraction(4)], 640, 360, Fraction(30))


AUDIO = AudioEntry("audio-128k", "mp4a.40.2", [64_000], [Fraction(4)], 2, "audio")


def test_the_lowest_variant_and_its_audio() -> None:
    master = master_playlist([video("1080p", 2_500_000), video("360p", 400_000), video("480p", 700_000)], [AUDIO], [])
    assert renditions(master) == ["360p/index.m3u8", "audio-128k/index.m3u8"]


def test_a_silent_film_and_audio_only() -> None:
    assert renditions(master_playlist([video("720p", 10_000)], [], [])) == ["720p/index.m3u8"]
    assert renditions(master_playlist([], [AUDIO], [])) == ["audio-128k/index.m3u8"]


def test_the_init_and_the_first_segment() -> None:
    assert beginning(media_playlist([Fraction(4), Fraction(2)], 4, ended=False)) == ["init.mp4", "00000.m4s"]


def test_nothing_while_no_segment_is_listed() -> None:
    assert beginning(media_playlist([], 4, ended=False)) == []


def test_how_much_is_published_and_whether_it_is_all() -> None:
    growing = media_playlist([Fraction(4), Fraction(5, 2)], 4, ended=False)
    assert (published_s(growing), target_s(growing)) == ((6.5, False), 4)
    assert published_s(media_playlist([Fraction(4)], 4, ended=True)) == (4, True)
