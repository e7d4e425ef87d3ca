"""A viewer chooses among audio tracks and captions, in a real browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.e2e.gilfoyle_server import Server, wait_for
from tests.e2e.player import Site, play, seen, until, watched
from tests.sources import FFMPEG, run

SRT = "1\n00:00:01,000 --> 00:00:03,000\nHello\n\n2\n00:00:06,500 --> 00:00:08,000\nGood <i>bye</i>\n"


@pytest.fixture(scope="module")
def trilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds in English, German and French, each a tone of its own."""
    path = tmp_path_factory.mktemp("trilingual") / "film.mkv"
    tones = [part for hertz in (330, 550, 770) for part in ("-f", "lavfi", "-i", f"sine=frequency={hertz}:duration=9")]
    languages = [
        option
        for number, language in enumerate(("eng", "ger", "fre"))
        for option in (f"-metadata:s:a:{number}", f"language={language}")
    ]
    run(
        FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=9", *tones,
        "-map", "0", "-map", "1", "-map", "2", "-map", "3",
        "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", *languages, str(path),
    )  # fmt: skip
    return path


async def test_an_audio_track_is_chosen_while_it_plays(
    server: Server, browser: Browser, web: Site, trilingual: Path
) -> None:
    media = server.stream(trilingual)
    assert [(track["name"], track["language"]) for track in media["tracks"]] == [
        ("video", None),
        ("audio", "en"),
        ("audio-2", "de"),
        ("audio-3", "fr"),
    ]
    page = await play(browser, web, server.url(media["stream_url"]))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await until(page, "video.currentTime > 0.5")
    assert await page.evaluate("hls.audioTracks.map(track => track.lang)") == ["en", "de", "fr"]
    assert await page.evaluate("hls.audioTrack") == 0
    await page.evaluate("hls.audioTrack = 2")
    await until(page, "hls.audioTrack == 2 && video.currentTime > 4.5")
    assert any("/audio-3-128k/00001.m4s" in url for url in asked)
    await until(page, "video.ended")
    assert (await seen(page))["errors"] == []
    await page.close()


@pytest.mark.slow
async def test_an_audio_track_is_chosen_where_there_is_nothing_to_see(
    server: Server, browser: Browser, web: Site, trilingual: Path, tmp_path: Path
) -> None:
    book = tmp_path / "book.mka"
    run(FFMPEG, "-v", "error", "-i", str(trilingual), "-map", "0:a", "-c", "copy", str(book))
    media = server.stream(book, "audio")
    assert [(track["name"], track["language"]) for track in media["tracks"]] == [
        ("audio", "en"),
        ("audio-2", "de"),
        ("audio-3", "fr"),
    ]
    page = await play(browser, web, server.url(media["stream_url"]))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await until(page, "video.currentTime > 0.5")
    assert await page.evaluate("hls.audioTracks.map(track => track.lang)") == ["en", "de", "fr"]
    await page.evaluate("hls.audioTrack = 1")
    await until(page, "hls.audioTrack == 1 && video.currentTime > 3")
    assert any("/audio-2-" in url and url.endswith("00001.m4s") for url in asked)
    await page.evaluate("hls.audioTrack = 0")
    await until(page, "hls.audioTrack == 0 && video.ended")
    assert abs(await page.evaluate("video.duration") - 9) < 0.05
    assert (await seen(page))["errors"] == []
    await page.close()


async def cues(page: Any) -> list[list[Any]]:
    """What of the captions the browser knows by now."""
    found: list[list[Any]] = await page.evaluate(
        "[...video.textTracks].flatMap(t => [...(t.cues || [])].map(c => [c.startTime, c.endTime, c.text]))"
    )
    return found


async def test_captions_that_come_late_are_seen(server: Server, browser: Browser, web: Site, trilingual: Path) -> None:
    media = server.stream(trilingual)
    added = server.http.post(
        f"/v1/medias/{media['id']}/tracks",
        files={"file": ("film.srt", SRT.encode("utf-16"))},
        data={"language": "en", "label": "English", "default": "true"},
    )
    assert added.status_code == 201
    master = server.url(media["stream_url"])
    wait_for(lambda: "TYPE=SUBTITLES" in server.http.get(master).text or None)
    page = await play(browser, web, master)
    await until(page, "hls.subtitleTracks.length == 1 && video.currentTime > 0.5")
    assert await page.evaluate("hls.subtitleTracks[0].name") == "English"
    for _ in range(100):
        if len(await cues(page)) == 2:
            break
        await asyncio.sleep(0.1)
    shown = await cues(page)
    assert [text for _, _, text in shown] == ["Hello", "Good <i>bye</i>"]
    assert [time for cue in shown for time in cue[:2]] == pytest.approx([1.0, 3.0, 6.5, 8.0], abs=0.01)
    assert (await seen(page))["errors"] == []
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(media["watch_url"])
    await watched(page, 1.5)
    assert complaints == []
    await page.close()


def test_ffmpeg_reads_the_captions(server: Server, trilingual: Path) -> None:
    media = server.stream(trilingual)
    server.http.post(f"/v1/medias/{media['id']}/tracks", files={"file": ("a.srt", SRT.encode())}).raise_for_status()
    master = server.url(media["stream_url"])
    wait_for(lambda: "TYPE=SUBTITLES" in server.http.get(master).text or None)
    out = run(FFMPEG, "-v", "error", "-i", master, "-map", "0:s:0", "-f", "srt", "pipe:1").decode()
    assert out.split("\n\n")[0] == "1\n00:00:01,000 --> 00:00:03,000\nHello"
    assert "00:00:06,500 --> 00:00:08,000\nGood <i>bye</i>" in out
