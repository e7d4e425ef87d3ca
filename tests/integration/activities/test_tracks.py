"""Every audio track of a source is a track: in its language, in its place, for players to choose."""

from __future__ import annotations

from pathlib import Path

import m3u8
import pytest

from gilfoyle.media.tracks import Role, TrackKind
from tests.integration.activities.films import DEFAULT, counted, lavfi, make
from tests.integration.activities.pipeline import Pipeline
from tests.integration.activities.test_sync import beeps

SECONDS = 9
IN_PLACE_S = 0.010


@pytest.fixture
def truth(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "truth", DEFAULT)


def beeping(at: float, rate: int = 48_000, layout: str = "stereo") -> list[str]:
    """50 ms of 1 kHz, so long (seconds) after each whole second, on all channels."""
    return lavfi(
        f"aevalsrc=sin(6283.2*t)*lt(mod(t-{at}+1\\,1)\\,0.05):sample_rate={rate}:duration={SECONDS},"
        f"aformat=channel_layouts={layout}"
    )


def film(path: Path, *more: str) -> Path:
    """English in stereo, German in 5.1, an English commentary in mono, and what is told for who can't see it.

    Each beeps at another moment, and has a rate of its own.
    """
    languages = [
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=ger",
        "-metadata:s:a:2",
        "language=eng",
    ]
    titles = ["-metadata:s:a:1", "title=Deutsch  5.1", "-metadata:s:a:2", "title=The director"]
    roles = ["-disposition:a:0", "default", "-disposition:a:2", "comment", "-disposition:a:3", "visual_impaired"]
    return make(
        path,
        *counted(SECONDS),
        *beeping(0.0),
        *beeping(0.2, 44_100, "5.1"),
        *beeping(0.4, 22_050, "mono"),
        *beeping(0.6, 32_000),
        *["-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "4"],
        *["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"],
        *languages,
        *titles,
        *roles,
        *more,
    )


@pytest.mark.parametrize(
    ("name", "codec"),
    [("film.mkv", ["-c:a", "flac"]), ("film.mp4", ["-c:a", "aac"]), ("film.ts", ["-c:a", "mp2", "-ac", "2"])],
)
async def test_each_audio_stream_is_a_track_in_its_place(
    name: str, codec: list[str], truth: Pipeline, tmp_path: Path
) -> None:
    packaged = await truth.process(film(tmp_path / name, *codec))
    assert packaged.playable and packaged.progress == 1
    audio_tracks = [track for track in truth.plan.tracks if track.kind == TrackKind.AUDIO]
    assert [track.name for track in audio_tracks] == ["audio", "audio-2", "audio-3", "audio-4"]
    assert [track.language for track in audio_tracks] == ["en", "de", "en", None]
    assert [track.default for track in audio_tracks] == [True, False, False, False]
    for number, track in enumerate(audio_tracks):
        found = beeps(truth.playlist(f"{track.name}-128k"), "0:a:0")
        wanted = [second + 0.2 * number for second in range(SECONDS)]
        assert found[1:] == pytest.approx(wanted[1:], abs=IN_PLACE_S), track.name


async def test_players_are_told_what_each_is(truth: Pipeline, tmp_path: Path) -> None:
    await truth.process(film(tmp_path / "film.mkv", "-c:a", "flac"))
    master = m3u8.load(str(truth.master))
    assert [(each.name, each.language, each.default, each.autoselect, each.uri) for each in master.media] == [
        ("en", "en", "YES", "YES", "audio-128k/index.m3u8"),
        ("Deutsch 5.1", "de", "NO", "YES", "audio-2-128k/index.m3u8"),
        ("The director", "en", "NO", "NO", "audio-3-128k/index.m3u8"),
        ("Default (description)", None, "NO", "YES", "audio-4-128k/index.m3u8"),
    ]
    assert {playlist.stream_info.audio for playlist in master.playlists} == {"audio"}


async def test_the_default_is_what_the_file_says(truth: Pipeline, tmp_path: Path) -> None:
    source = film(tmp_path / "film.mkv", "-c:a", "flac", "-disposition:a:0", "0", "-disposition:a:1", "default")
    await truth.probe(source)
    assert [(track.language, track.stream) for track in truth.plan.tracks[1:]] == [
        ("de", 2),
        ("en", 1),
        ("en", 3),
        (None, 4),
    ]


async def test_a_commentary_is_no_default(truth: Pipeline, tmp_path: Path) -> None:
    """Though it comes first, where the file names no default."""
    none = [option for number in range(4) for option in (f"-disposition:a:{number}", "comment" if number == 0 else "0")]
    await truth.probe(film(tmp_path / "film.mkv", "-c:a", "flac", *none))
    assert truth.plan.tracks[1].role == Role.MAIN and truth.plan.tracks[1].stream == 2


@pytest.mark.parametrize(("name", "codec"), [("book.mka", "flac"), ("book.m4a", "aac"), ("book.ogg", "libopus")])
async def test_audio_tracks_without_video_are_tracks(name: str, codec: str, truth: Pipeline, tmp_path: Path) -> None:
    languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"]
    inputs = [*beeping(0.0), *beeping(0.2, 44_100), *beeping(0.4, 24_000, "mono")]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-c:a", codec]
    packaged = await truth.process(make(tmp_path / name, *inputs, *maps, *languages))
    assert packaged.playable and packaged.progress == 1
    assert truth.audio == [f"{track}-{kbps}k" for track in ("audio", "audio-2", "audio-3") for kbps in (128, 64)]
    for number, rendition in enumerate(truth.audio):
        found = beeps(truth.playlist(rendition), "0:a:0")
        wanted = [second + 0.2 * (number // 2) for second in range(SECONDS)]
        assert found[1:] == pytest.approx(wanted[1:], abs=IN_PLACE_S), rendition
    master = m3u8.load(str(truth.master))
    assert [str(each.uri).partition("/")[0] for each in master.playlists] == ["audio-128k", "audio-64k"]
    assert [(each.group_id, each.language, each.uri) for each in master.media][:3] == [
        ("audio-128k", "en", None),
        ("audio-128k", "de", "audio-2-128k/index.m3u8"),
        ("audio-128k", None, "audio-3-128k/index.m3u8"),
    ]


async def test_of_audio_tracks_without_video_nothing_is_cut(truth: Pipeline, tmp_path: Path) -> None:
    """The second one begins two seconds before the first, and ends two after it."""
    inputs = ["-itsoffset", "2", *lavfi("aevalsrc=0.5*sin(2*PI*400*t):duration=5"), *beeping(0.0)]
    source = make(tmp_path / "book.mka", *inputs, "-map", "0", "-map", "1", "-c:a", "flac")
    await truth.process(source)
    assert float(truth.plan.grid.duration) == pytest.approx(SECONDS, abs=0.05)
    assert beeps(truth.playlist("audio-2-128k"), "0:a:0")[1:] == pytest.approx(list(range(1, 9)), abs=IN_PLACE_S)
    assert beeps(truth.playlist("audio-128k"), "0:a:0") == pytest.approx([2.0], abs=IN_PLACE_S)


async def test_an_audio_track_that_fails_is_left_out_alone(truth: Pipeline, tmp_path: Path) -> None:
    await truth.probe(film(tmp_path / "film.mkv", "-c:a", "flac"))
    await truth.encode(each for each in truth.plan.passes if each.renditions != ["audio-128k"])
    assert not (await truth.package()).playable
    packaged = await truth.package(failed=["audio-128k"])
    assert packaged.playable
    assert [each.default for each in m3u8.load(str(truth.master)).media] == ["YES", "NO", "NO"]


async def test_an_audio_track_beside_the_others_is_heard_to_its_end(truth: Pipeline, tmp_path: Path) -> None:
    """The second one begins a second before the video and the first audio track, and ends two after them."""
    late, sooner = ["-itsoffset", "1", *counted(6), "-itsoffset", "1", *beeping(0.0)], beeping(0.0)
    source = make(
        tmp_path / "film.mkv",
        *late,
        *sooner,
        *["-map", "0", "-map", "1", "-map", "2", "-t", "9", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac"],
    )
    await truth.process(source)
    assert float(truth.plan.grid.duration) == pytest.approx(9, abs=0.1)
    assert beeps(truth.playlist("audio-2-128k"), "0:a:0")[1:] == pytest.approx(list(range(1, 9)), abs=IN_PLACE_S)


async def test_an_encoding_from_before_there_were_tracks_goes_on(truth: Pipeline, tmp_path: Path) -> None:
    await truth.probe(film(tmp_path / "film.mkv", "-c:a", "flac"))
    kept = truth.plan.model_dump(mode="json", exclude={"tracks"})
    kept["audio"] = [{key: value for key, value in kept["audio"][0].items() if key != "track"}]
    kept["passes"] = [each for each in kept["passes"] if not any("audio-" in name[:6] for name in each["renditions"])]
    truth.plan = type(truth.plan).model_validate(kept)
    assert truth.plan.source_of(truth.plan.audio[0], truth.info) is truth.info.main_audio
    assert truth.plan.tracks == []
