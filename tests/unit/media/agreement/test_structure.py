"""Playlists against objects, boxes and the catalog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gilfoyle.media.agreement.fragments import Fragment, Init
from gilfoyle.media.agreement.playlists import MediaPlaylist, Offer, PlaylistError, Variant, media_playlist, variants
from gilfoyle.media.agreement.report import Agreement, Finding, Verdict
from gilfoyle.media.agreement.structure import Rendition, structure

MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Default",CHANNELS="2",URI="audio-128k/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=320x180,AUDIO="audio"
180p/index.m3u8
"""
MEDIA = """#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="init.mp4"
#EXTINF:4.000000,
00000.m4s
#EXTINF:2.500000,
00001.m4s
#EXT-X-ENDLIST
"""


def test_a_multivariant_playlist_is_read() -> None:
    audio, video = variants(MASTER)
    assert (audio.name, audio.is_audio) == ("audio-128k", True)
    offer = Offer(("avc1.64001f", "mp4a.40.2"), 900_000, 800_000, "audio")
    assert video == Variant("180p/index.m3u8", (offer,), 320, 180)


def test_a_media_playlist_is_read() -> None:
    found = media_playlist(MEDIA)
    assert found == MediaPlaylist("init.mp4", ("00000.m4s", "00001.m4s"), (4.0, 2.5), 4, True)
    assert found.length == 6.5


@pytest.mark.parametrize(
    "text",
    ["", "hello", "#EXTM3U\n00000.m4s\n", MEDIA.replace("#EXT-X-MAP", "#EXT-X-MIP"), MEDIA.replace("4.000000", "four")],
)
def test_what_no_player_could_follow_is_refused(text: str) -> None:
    with pytest.raises(PlaylistError):
        media_playlist(text)


def test_a_variant_of_which_nothing_is_said_is_refused() -> None:
    with pytest.raises(PlaylistError):
        variants("#EXTM3U\n180p/index.m3u8\n")


def whole() -> list[Rendition]:
    """Video and audio of two segments, all right."""
    audio, video = variants(MASTER)
    sizes = {"index.m3u8": 100, "init.mp4": 700, "00000.m4s": 360_000, "00001.m4s": 210_000}
    small = {"index.m3u8": 100, "init.mp4": 700, "00000.m4s": 50_000, "00001.m4s": 31_250}
    frames = [[Fragment(0, 50, 50), Fragment(50, 50, 50)], [Fragment(100, 62, 62)]]
    beats = [[Fragment(0, 192_000, 187)], [Fragment(192_000, 120_000, 117)]]
    film = replace(media_playlist(MEDIA), durations=(4.0, 2.48))
    return [
        Rendition(audio, media_playlist(MEDIA), small, Init(48_000, "mp4a.40.2", 1024), beats),
        Rendition(video, film, sizes, Init(25, "avc1.64001f", 1), frames),
    ]


CATALOG = {"audio-128k": 81_250, "180p": 570_000}


def faults(renditions: list[Rendition], catalog: dict[str, int] | None = None) -> list[tuple[str, str]]:
    found = structure(renditions, CATALOG if catalog is None else catalog)
    return [(each.check, each.of) for each in found if each.verdict == Verdict.DIFFERS]


def test_what_is_right_agrees() -> None:
    assert faults(whole()) == []


def test_each_thing_that_is_wrong_is_named() -> None:
    audio, film = whole()

    def changed(**what: object) -> list[tuple[str, str]]:
        return faults([audio, replace(film, **what)])  # type: ignore[arg-type]

    assert changed(sizes={**film.sizes, "00002.m4s": 1}) == [("objects", "180p")]
    assert changed(sizes={name: size for name, size in film.sizes.items() if name != "00001.m4s"})[0] == (
        "objects", "180p",
    )  # fmt: skip
    assert changed(playlist=replace(film.playlist, ended=False)) == [("objects", "180p")]
    assert ("durations", "180p") in changed(playlist=replace(film.playlist, durations=(4.1, 2.48)))
    assert changed(playlist=replace(film.playlist, target=3)) == [("durations", "180p")]
    assert changed(segments=[film.segments[0], [Fragment(101, 62, 62)]]) == [("tfdt", "180p")]
    assert changed(init=Init(25, "avc1.640020", 1)) == [("codecs", "180p")]
    (offer,) = film.variant.offers
    for wrong in (replace(offer, bandwidth=700_000), replace(offer, average_bandwidth=500_000)):
        assert changed(variant=replace(film.variant, offers=(wrong,))) == [("bandwidth", "180p")]
    assert changed(broken="00001.m4s is broken.") == [("fragments", "180p")]


def test_the_catalog_is_held_to_the_storage() -> None:
    assert faults(whole(), {**CATALOG, "180p": 1}) == [("objects", "180p")]
    assert faults(whole(), {**CATALOG, "90p": 1}) == [("renditions", "stream")]


def test_renditions_have_one_number_of_frames() -> None:
    audio, film = whole()
    other = replace(film, variant=replace(film.variant, path="90p/index.m3u8"), segments=film.segments[:1])
    assert ("renditions", "stream") in faults([audio, film, other], {**CATALOG, "90p": 570_000})


def test_an_agreement_needs_something_that_agrees() -> None:
    media_id = "0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11"

    def agrees(*verdicts: Verdict) -> bool:
        findings = [Finding(check="frames", of="180p", verdict=verdict) for verdict in verdicts]
        return Agreement(media_id=media_id, encoding=1, findings=findings).agrees  # type: ignore[arg-type]

    assert agrees(Verdict.AGREES, Verdict.NOT_COMPARED)
    assert not agrees(Verdict.AGREES, Verdict.DIFFERS)
    assert not agrees(Verdict.NOT_COMPARED)
    assert not agrees()
