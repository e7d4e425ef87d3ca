"""Frame truth, over HTTP: what is streamed is every frame of the source, once, in order; audio and video together."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from urllib.parse import urljoin

import m3u8
import pytest

from tests.e2e.gilfoyle_server import Server
from tests.sources import FFPROBE, numbered, read_numbers, run, stamps

VARIABLE = "select='not(between(mod(n\\,17)\\,5\\,6))*not(between(n\\,100\\,130))',setpts=PTS+(mod(N\\,3)-1)*0.006/TB"


def _span(url: str) -> tuple[float, float]:
    """When a rendition's first packet is presented, and when its last one ends (seconds); no warning of ffprobe."""
    out = run(FFPROBE, "-v", "warning", "-show_entries", "packet=pts_time,duration_time", "-of", "json", url)
    packets = json.loads(out)["packets"]
    starts = [float(packet["pts_time"]) for packet in packets]
    return min(starts), max(start + float(p["duration_time"]) for start, p in zip(starts, packets, strict=True))


@pytest.mark.parametrize(
    ("name", "rate", "seconds", "size"),
    [
        ("30.mp4", "30", 21, (640, 360)),
        ("2997.mkv", "30000/1001", 21, (640, 360)),
        pytest.param("25.mp4", "25", 13, (1280, 720), marks=pytest.mark.slow),
        ("23976.mp4", "24000/1001", 21, (640, 360)),
        ("60.mp4", "60", 13, (640, 360)),
    ],
)
def test_a_constant_rate(
    server: Server, tmp_path: Path, name: str, rate: str, seconds: int, size: tuple[int, int]
) -> None:
    count = round(seconds * Fraction(rate))
    source = numbered(tmp_path / name, rate, count, size=size)
    _check(server, source, list(range(count)), Fraction(rate), count / Fraction(rate))


def test_a_variable_rate(server: Server, tmp_path: Path) -> None:
    source = numbered(
        tmp_path / "variable.mp4", "30", 630, filters=VARIABLE, options=["-video_track_timescale", "90000"]
    )
    shown, numbers = stamps(source), read_numbers(source, strict=False)
    assert len(shown) == len(numbers) < 630
    media = server.stream(source)
    rate = Fraction(media["renditions"][0]["frame_rate"]).limit_denominator(1001)
    # The grid shows at each of its frames the last source frame that is due, to the nearest with an eighth's bias.
    places = [math.floor((at - shown[0]) * rate + Fraction(5, 8)) for at in shown]
    expected = [
        numbers[max(index for index, place in enumerate(places) if place <= frame)]
        for frame in range(round(media["duration_s"] * rate))
    ]
    assert _frames(server, media) == [expected]


def _check(server: Server, source: Path, expected: list[int], rate: Fraction, duration: Fraction) -> None:
    media = server.stream(source)
    assert all(frames == expected for frames in _frames(server, media))
    master = m3u8.load(server.url(media["stream_url"]))
    playlists = [*master.playlists, *master.media]
    assert len(playlists) == len(media["renditions"])
    for playlist in playlists:
        parsed = m3u8.load(urljoin(server.url(media["stream_url"]), playlist.uri))
        assert parsed.is_endlist
        assert abs(sum(segment.duration for segment in parsed.segments) - float(duration)) <= float(1 / rate)
        assert all(round(segment.duration) <= parsed.target_duration for segment in parsed.segments)
        for uri in [parsed.segment_map[0].absolute_uri, *(segment.absolute_uri for segment in parsed.segments)]:
            assert server.http.head(uri).status_code == 200
        start, end = _span(urljoin(server.url(media["stream_url"]), playlist.uri))
        assert abs(start) < 0.001
        assert abs(end - float(duration)) < 0.03


def _frames(server: Server, media: dict) -> list[list[int]]:  # type: ignore[type-arg]
    names = [rendition["name"] for rendition in media["renditions"] if rendition["kind"] == "video"]
    return [read_numbers(server.url(server.stream_path(media["id"], f"{name}/index.m3u8"))) for name in names]
