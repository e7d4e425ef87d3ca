"""Playlists: RFC 8216's rules and Apple's, read back with a parser of another author."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import m3u8
import pytest

from gilfoyle.media.hls import AudioEntry, VideoEntry, below, master_playlist, media_playlist, text_objects
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.text.webvtt import Cue
from gilfoyle.media.timeline import timeline
from gilfoyle.media.tracks import Role, Track, TrackKind

NTSC = Fraction(30000, 1001)
FOUR = Fraction(4)


def video(name: str, kbps: int, size: tuple[int, int], **changes: Any) -> VideoEntry:
    """Three segments of 4 s at exactly that average bit rate."""
    values: dict[str, Any] = {
        "name": name,
        "codecs": "avc1.64001f",
        "sizes": [kbps * 500] * 3,
        "durations": [FOUR] * 3,
        "width": size[0],
        "height": size[1],
        "frame_rate": NTSC,
    }
    return VideoEntry(**(values | changes))


def track(name: str = "audio", **changes: Any) -> Track:
    values: dict[str, Any] = {"kind": TrackKind.AUDIO, "language": "en", "default": name == "audio"}
    return Track(name=name, **(values | changes))


def audio_entry(name: str = "audio-128k", kbps: int = 128, **changes: Any) -> AudioEntry:
    values: dict[str, Any] = {
        "name": name,
        "codecs": "mp4a.40.2",
        "sizes": [kbps * 500] * 3,
        "durations": [FOUR] * 3,
        "channels": 2,
        "track": "audio",
    }
    return AudioEntry(**(values | changes))


LADDER = [
    video("1080p", 5000, (1920, 1080)),
    video("720p", 2400, (1280, 720)),
    video("480p", 1300, (854, 480)),
    video("360p", 700, (640, 360)),
]


def test_a_whole_media_playlist() -> None:
    grid = timeline(NTSC, 250, EncodingPolicy())
    durations = grid.durations(grid.segments)
    assert media_playlist(durations, grid.target_duration(), ended=True) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:4\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:4.004000,\n"
        "00000.m4s\n"
        "#EXTINF:4.004000,\n"
        "00001.m4s\n"
        "#EXTINF:0.333667,\n"
        "00002.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_a_growing_playlist_is_an_event_without_an_end() -> None:
    text = media_playlist([FOUR, FOUR], 4, ended=False)
    parsed = m3u8.loads(text)
    assert parsed.playlist_type == "event"
    assert not parsed.is_endlist
    assert "ENDLIST" not in text
    assert parsed.start.time_offset == 0


def test_an_event_only_grows() -> None:
    """RFC 8216, 6.2.1: nothing but appended lines, until the type and the end are set."""
    whole = [FOUR] * 5
    texts = [media_playlist(whole[:count], 4, ended=False) for count in range(6)]
    assert all(longer.startswith(shorter) for shorter, longer in itertools.pairwise(texts))


@pytest.mark.parametrize("rate", [NTSC, Fraction(25), Fraction(24000, 1001), Fraction(60), Fraction(17555, 997)])
@pytest.mark.parametrize("gop_s", [0.5, 2, 2.25])
@pytest.mark.parametrize("frames", [1, 100, 1000])
def test_a_parser_reads_what_the_rfc_wants(rate: Fraction, gop_s: float, frames: int) -> None:
    grid = timeline(rate, frames, EncodingPolicy(gop_s=gop_s))
    durations = grid.durations(grid.segments)
    parsed = m3u8.loads(media_playlist(durations, grid.target_duration(), ended=True))
    assert (parsed.version, parsed.media_sequence, parsed.playlist_type) == (7, 0, "vod")
    assert parsed.is_endlist and parsed.is_independent_segments
    assert [item.uri for item in parsed.segment_map] == ["init.mp4"]
    assert [segment.uri for segment in parsed.segments] == [f"{index:05d}.m4s" for index in range(grid.segments)]
    assert parsed.target_duration is not None and parsed.target_duration >= 1
    assert all(int(segment.duration + 0.5) <= parsed.target_duration for segment in parsed.segments)
    assert sum(segment.duration for segment in parsed.segments) == pytest.approx(
        float(grid.duration), abs=1e-6 * frames
    )


def test_a_whole_master_playlist() -> None:
    assert master_playlist(LADDER[2:], [audio_entry()], [track()]) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'URI="audio-128k/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1428002,AVERAGE-BANDWIDTH=1428002,CODECS="avc1.64001f,mp4a.40.2",'
        'RESOLUTION=854x480,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio",CLOSED-CAPTIONS=NONE\n'
        "480p/index.m3u8\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=828002,AVERAGE-BANDWIDTH=828002,CODECS="avc1.64001f,mp4a.40.2",'
        'RESOLUTION=640x360,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio",CLOSED-CAPTIONS=NONE\n'
        "360p/index.m3u8\n"
    )


def variants(text: str) -> list[str]:
    return [str(playlist.uri).partition("/")[0] for playlist in m3u8.loads(text).playlists]


@pytest.mark.parametrize(
    ("ladder", "order"),
    [
        # Nearest to 2 Mbit/s first (Apple's 1.32), then the best down.
        (LADDER, ["720p", "1080p", "480p", "360p"]),
        (list(reversed(LADDER)), ["720p", "1080p", "480p", "360p"]),
        ([LADDER[0], LADDER[2], LADDER[3]], ["480p", "1080p", "360p"]),
        (LADDER[:1], ["1080p"]),
        # Easy scenes cost far less than their rung's bound: what was measured counts.
        ([video("1080p", 1900, (1920, 1080)), video("720p", 900, (1280, 720))], ["1080p", "720p"]),
    ],
)
def test_a_player_starts_near_2_mbit(ladder: Sequence[VideoEntry], order: list[str]) -> None:
    assert variants(master_playlist(ladder, [audio_entry()], [track()])) == order


def test_every_variant_names_what_apple_requires() -> None:
    parsed = m3u8.loads(master_playlist(LADDER, [audio_entry()], [track()]))
    assert parsed.is_variant and parsed.is_independent_segments
    for playlist in parsed.playlists:
        info = playlist.stream_info
        assert info.bandwidth and info.average_bandwidth and info.bandwidth >= info.average_bandwidth
        assert (info.codecs, info.frame_rate, info.video_range) == ("avc1.64001f,mp4a.40.2", 29.97, "SDR")
        assert info.resolution and info.audio == "audio" and info.closed_captions == "NONE"
        assert [item.uri for item in playlist.media] == ["audio-128k/index.m3u8"]


def test_a_silent_video_has_no_audio_group() -> None:
    text = master_playlist(LADDER, [], [])
    parsed = m3u8.loads(text)
    assert "AUDIO" not in text and not parsed.media
    assert {playlist.stream_info.codecs for playlist in parsed.playlists} == {"avc1.64001f"}


def test_an_unknown_language_is_left_out() -> None:
    (media,) = m3u8.loads(master_playlist(LADDER, [audio_entry()], [track(language=None)])).media
    assert (media.language, media.name, media.channels) == (None, "Default", "2")


def test_audio_only_has_a_variant_for_each_quality() -> None:
    text = master_playlist([], [audio_entry("audio-64k", 64), audio_entry()], [track()])
    parsed = m3u8.loads(text)
    assert variants(text) == ["audio-128k", "audio-64k"]
    assert {playlist.stream_info.codecs for playlist in parsed.playlists} == {"mp4a.40.2"}
    assert not any(word in text for word in ("RESOLUTION", "FRAME-RATE", "VIDEO-RANGE", "EXT-X-MEDIA"))


def test_each_audio_track_can_be_chosen() -> None:
    tracks = [
        track(),
        track("audio-2", language="de", label='Deutsch "neu"'),
        track("audio-3", role=Role.COMMENTARY),
        track("audio-4", role=Role.DESCRIPTION, label="Described"),
        track("audio-5"),
    ]
    audio_tracks = [
        audio_entry(f"{each.name}-128k", 192 if each.name == "audio-3" else 128, track=each.name) for each in tracks
    ]
    parsed = m3u8.loads(master_playlist(LADDER[:1], audio_tracks, tracks))
    assert [(each.name, each.language, each.default, each.autoselect) for each in parsed.media] == [
        ("en", "en", "YES", "YES"),
        ("Deutsch 'neu'", "de", "NO", "YES"),
        ("en (commentary)", "en", "NO", "NO"),
        ("Described", "en", "NO", "YES"),
        ("en #2", "en", "NO", "YES"),
    ]
    assert [each.characteristics for each in parsed.media if each.characteristics] == [
        "public.accessibility.describes-video"
    ]
    assert {each.group_id for each in parsed.media} == {"audio"}
    # Whatever is chosen: with the costliest.
    assert parsed.playlists[0].stream_info.bandwidth == LADDER[0].bandwidth + audio_entry("x", 192).bandwidth
    assert parsed.playlists[0].stream_info.codecs == "avc1.64001f,mp4a.40.2"


def test_each_video_is_offered_with_each_codec_of_the_audio() -> None:
    """What one audio track lacks, it has in the group all the same: as what comes nearest (RFC 8216, 4.3.4.2.1)."""
    audio_tracks = [
        audio_entry("audio-96k-opus", 96, codec="opus", codecs="opus"),
        audio_entry(),
        audio_entry("audio-384k-6ch", 384, channels=6),
        audio_entry("audio-2-128k", track="audio-2"),
    ]
    parsed = m3u8.loads(master_playlist(LADDER[:2], audio_tracks, [track(), track("audio-2", language="de")]))
    assert [(each.group_id, each.language, each.channels, each.uri) for each in parsed.media] == [
        ("audio", "en", "2", "audio-128k/index.m3u8"),
        ("audio", "de", "2", "audio-2-128k/index.m3u8"),
        ("audio-surround", "en", "6", "audio-384k-6ch/index.m3u8"),
        ("audio-surround", "de", "2", "audio-2-128k/index.m3u8"),
        ("audio-opus", "en", "2", "audio-96k-opus/index.m3u8"),
        ("audio-opus", "de", "2", "audio-2-128k/index.m3u8"),
    ]
    told = [(each.uri, each.stream_info.audio, each.stream_info.codecs) for each in parsed.playlists]
    assert told == [
        ("720p/index.m3u8", "audio", "avc1.64001f,mp4a.40.2"),
        ("1080p/index.m3u8", "audio", "avc1.64001f,mp4a.40.2"),
        ("720p/index.m3u8", "audio-surround", "avc1.64001f,mp4a.40.2"),
        ("1080p/index.m3u8", "audio-surround", "avc1.64001f,mp4a.40.2"),
        ("720p/index.m3u8", "audio-opus", "avc1.64001f,mp4a.40.2,opus"),
        ("1080p/index.m3u8", "audio-opus", "avc1.64001f,mp4a.40.2,opus"),
    ]
    peaks = [each.stream_info.bandwidth - LADDER[1].bandwidth for each in parsed.playlists[::2]]
    assert peaks == [each.bandwidth for each in (audio_tracks[1], audio_tracks[2], audio_tracks[3])]


def test_audio_tracks_can_be_chosen_without_video() -> None:
    """What is a variant by itself is not fetched beside it: it stands in the group without an address."""
    names = [(name, kbps) for name in ("audio", "audio-2") for kbps in (64, 128)]
    audio_tracks = [audio_entry(f"{name}-{kbps}k", kbps, track=name) for name, kbps in names]
    tracks = [track(), track("audio-2", language="de")]
    parsed = m3u8.loads(master_playlist([], audio_tracks, tracks))
    assert [(each.group_id, each.language, each.default, each.uri) for each in parsed.media] == [
        ("audio-64k", "en", "YES", None),
        ("audio-64k", "de", "NO", "audio-2-64k/index.m3u8"),
        ("audio-128k", "en", "YES", None),
        ("audio-128k", "de", "NO", "audio-2-128k/index.m3u8"),
    ]
    told = [(each.uri, each.stream_info.audio, each.stream_info.bandwidth) for each in parsed.playlists]
    assert told == [
        ("audio-128k/index.m3u8", "audio-128k", audio_tracks[1].bandwidth),
        ("audio-64k/index.m3u8", "audio-64k", audio_tracks[0].bandwidth),
    ]
    assert {each.stream_info.codecs for each in parsed.playlists} == {"mp4a.40.2"}


def test_the_default_is_what_is_heard_without_video() -> None:
    audio_tracks = [
        audio_entry(),
        audio_entry("audio-2-128k", track="audio-2"),
        audio_entry("audio-2-64k", 64, track="audio-2"),
    ]
    tracks = [track(default=False), track("audio-2", default=True)]
    parsed = m3u8.loads(master_playlist([], audio_tracks, tracks))
    assert [each.uri for each in parsed.playlists] == ["audio-2-128k/index.m3u8", "audio-2-64k/index.m3u8"]
    # Of the other there is one form only.
    assert [each.uri for each in parsed.media] == ["audio-128k/index.m3u8", None] * 2


def test_where_the_default_could_not_be_encoded_the_first_is_it() -> None:
    tracks = [track(), track("audio-2", language="de")]
    parsed = m3u8.loads(master_playlist(LADDER[:1], [audio_entry("audio-2-128k", track="audio-2")], tracks))
    assert [(each.language, each.default) for each in parsed.media] == [("de", "YES")]


def test_an_audio_track_that_was_taken_out_is_not_listed() -> None:
    audio_tracks = [audio_entry(), audio_entry("audio-2-128k", 500, track="audio-2")]
    parsed = m3u8.loads(master_playlist(LADDER[:1], audio_tracks, [track()]))
    assert [each.uri for each in parsed.media] == ["audio-128k/index.m3u8"]
    assert parsed.playlists[0].stream_info.bandwidth == LADDER[0].bandwidth + audio_entry().bandwidth


def test_an_encoding_from_before_there_were_tracks_has_its_audio() -> None:
    parsed = m3u8.loads(master_playlist(LADDER[:1], [audio_entry()], []))
    assert [(each.name, each.default) for each in parsed.media] == [("Default", "YES")]


@pytest.mark.parametrize("video", [LADDER[:1], []])
def test_texts_can_be_chosen_with_video_and_without(video: list[VideoEntry]) -> None:
    texts = [
        Track(name="text-1", kind=TrackKind.TEXT, language="en", role=Role.CAPTION, default=True),
        Track(name="text-2", kind=TrackKind.TEXT, language="de", role=Role.FORCED),
    ]
    parsed = m3u8.loads(master_playlist(video, [audio_entry()], [track(), *texts]))
    found = [each for each in parsed.media if each.type == "SUBTITLES"]
    assert [(each.name, each.language, each.default, each.forced, each.uri) for each in found] == [
        ("en", "en", "YES", "NO", "text-1/index.m3u8"),
        ("de (forced)", "de", "NO", "YES", "text-2/index.m3u8"),
    ]
    assert "public.accessibility.transcribes-spoken-dialog" in str(found[0].characteristics)
    assert {playlist.stream_info.subtitles for playlist in parsed.playlists} == {"text"}


def test_the_playlist_of_a_text_is_whole() -> None:
    objects = dict(text_objects([Cue(1000, 2000, "Hello")], Fraction(130)))
    assert list(objects) == ["00000.vtt", "00001.vtt", "00002.vtt", "index.m3u8"]
    parsed = m3u8.loads(objects["index.m3u8"])
    assert parsed.is_endlist and parsed.target_duration == 60
    assert [(each.uri, each.duration) for each in parsed.segments] == [
        ("00000.vtt", 60),
        ("00001.vtt", 60),
        ("00002.vtt", 10),
    ]


@pytest.mark.parametrize(
    ("sizes", "durations", "peak", "average"),
    [
        ([1000, 1000], [4, 4], 2000, 2000),
        ([1000, 3000], [4, 4], 6000, 4000),
        # A tail of a few frames, starting with an IDR, is no peak.
        ([1000, 1000, 500], [4, 4, Fraction(1, 10)], 2469, 2469),
        ([1000, 1500, 200], [4, 4, Fraction(1, 10)], 3000, 2666),
        # A single short segment is all there is.
        ([500], [Fraction(1, 10)], 40_000, 40_000),
    ],
)
def test_bandwidth_is_measured(sizes: list[int], durations: list[Any], peak: int, average: int) -> None:
    entry = video("x", 1, (16, 16), sizes=sizes, durations=[Fraction(each) for each in durations])
    assert (entry.bandwidth, entry.average_bandwidth) == (peak + 1, average + 1)


def test_the_audio_tracks_bandwidth_is_in_every_variant() -> None:
    with_audio, without = (m3u8.loads(master_playlist(LADDER, each, [track()])) for each in ([audio_entry()], []))
    for loud, silent in zip(with_audio.playlists, without.playlists, strict=True):
        assert loud.stream_info.bandwidth == silent.stream_info.bandwidth + audio_entry().bandwidth
        assert (
            loud.stream_info.average_bandwidth == silent.stream_info.average_bandwidth + audio_entry().average_bandwidth
        )


def test_every_uri_is_relative() -> None:
    parsed = m3u8.loads(master_playlist(LADDER, [audio_entry()], [track()]))
    for uri in [*(playlist.uri for playlist in parsed.playlists), *(media.uri for media in parsed.media)]:
        assert uri and not uri.startswith("/") and ":" not in uri and ".." not in uri


def test_a_master_playlist_reads_the_same_one_folder_above() -> None:
    texts = [Track(name="text-1", kind=TrackKind.TEXT, label='called URI="x"')]
    text = master_playlist(LADDER[:2], [audio_entry()], [track(), *texts])
    parsed, moved = m3u8.loads(text), m3u8.loads(below(text, "3"))
    assert [each.uri for each in moved.playlists] == [f"3/{each.uri}" for each in parsed.playlists]
    assert [each.uri for each in moved.media] == [f"3/{each.uri}" for each in parsed.media]
    assert [each.name for each in moved.media] == [each.name for each in parsed.media]
