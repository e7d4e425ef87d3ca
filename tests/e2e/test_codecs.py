"""Ladders of several codecs, in a browser that takes some of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.clips import clip
from tests.e2e.gilfoyle_server import up
from tests.e2e.player import Site, play, seen, until
from tests.sources import FFMPEG, run

LADDER = [{"height": 180, "max_kbps": 500, "codec": codec} for codec in ("h264", "hevc", "av1", "vp9")]


@pytest.mark.slow
async def test_each_codec_that_a_browser_takes_plays(browser: Browser, web: Site, tmp_path: Path) -> None:
    """Chromium decodes all but HEVC by itself; hls.js leaves out what it can't play, and goes from one to another."""
    with up(tmp_path, GILFOYLE_ENCODING__VIDEO=json.dumps(LADDER)) as server:
        media = server.stream(clip("bigbuckbunny.mp4"))
        codecs = {each["name"]: (each["codecs"] or "")[:5] for each in media["renditions"] if each["kind"] == "video"}
        assert codecs == {"180p": "avc1.", "180p-hevc": "hvc1.", "180p-av1": "av01.", "180p-vp9": "vp09."}
        for codec in ("avc1", "av01", "vp09"):
            page = await play(browser, web, server.url(media["stream_url"]))
            await until(page, "video.currentTime > 0")
            level = await page.evaluate("codec => hls.levels.findIndex(l => l.videoCodec.startsWith(codec))", codec)
            assert level >= 0, codec
            await page.evaluate("level => { hls.currentLevel = level; video.currentTime = 0.5; video.play() }", level)
            await until(page, "video.ended")
            assert abs(await page.evaluate("video.duration") - 5.28) < 0.05
            assert (await seen(page))["errors"] == []
            await page.close()


AUDIO = [{"kbps": 96}, {"kbps": 96, "codec": "opus"}, {"kbps": 384, "channels": 6}]
BEEPS = "0.5*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.05)"
# What a browser's own decoder hears of a rendition: when each beep begins, in seconds.
HEARD = """async base => {
  const found = (await (await fetch(base + "index.m3u8")).text()).match(/[0-9]+\\.m4s/g);
  const parts = await Promise.all(["init.mp4", ...found].map(name => fetch(base + name).then(each => each.blob())));
  const audio = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(await new Blob(parts).arrayBuffer());
  const starts = [], samples = audio.getChannelData(0);
  let quiet = 48000;
  for (let at = 0; at < samples.length; at++) {
    if (Math.abs(samples[at]) < 0.15) quiet++;
    else { if (quiet > 12000) starts.push(at / 48000); quiet = 0; }
  }
  return starts;
}"""


@pytest.mark.slow
async def test_what_another_worker_encodes_plays(browser: Browser, web: Site, tmp_path: Path) -> None:
    """`gilfoyle up` works on the queue of what the settings name, as it would on that of a card."""
    ladder = {"GILFOYLE_ENCODING__VIDEO": json.dumps([LADDER[0], LADDER[2]])}
    with up(tmp_path, GILFOYLE_ENCODING__ENCODERS='{"h264": "openh264"}', **ladder) as server:
        media = server.stream(clip("bigbuckbunny.mp4"))
        page = await play(browser, web, server.url(media["stream_url"]))
        level = await page.evaluate("hls.levels.findIndex(l => l.videoCodec.startsWith('avc1'))")
        await page.evaluate("level => { hls.currentLevel = level }", level)
        await until(page, "video.ended")
        assert (await seen(page))["errors"] == []
        await page.close()


async def test_each_audio_track_that_a_browser_takes_plays(browser: Browser, web: Site, tmp_path: Path) -> None:
    """AAC and Opus, stereo and 5.1, in one master playlist; each in its place."""
    film = tmp_path / "film.mkv"
    inputs = [
        part
        for graph in ("testsrc2=size=320x180:rate=25:duration=9", f"aevalsrc={'|'.join([BEEPS] * 6)}:d=9:c=5.1:s=48000")
        for part in ("-f", "lavfi", "-i", graph)
    ]
    run(FFMPEG, "-v", "error", *inputs, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "ac3", str(film))
    settings = {"GILFOYLE_ENCODING__VIDEO": json.dumps(LADDER[:1]), "GILFOYLE_ENCODING__AUDIO": json.dumps(AUDIO)}
    with up(tmp_path, **settings) as server:
        media = server.stream(film)
        codecs = {each["name"]: each["codecs"] for each in media["renditions"] if each["kind"] == "audio"}
        assert codecs == {"audio-96k": "mp4a.40.2", "audio-96k-opus": "opus", "audio-384k-6ch": "mp4a.40.2"}
        for group, name in zip(["audio", "audio-opus", "audio-surround"], codecs, strict=True):
            asked: list[str] = []
            page = await play(browser, web, server.url(media["stream_url"]), asked)
            await until(page, "video.currentTime > 0")
            level = await page.evaluate("group => hls.levels.findIndex(l => l.audioGroups.includes(group))", group)
            assert level >= 0, group
            await page.evaluate("level => { hls.currentLevel = level; video.currentTime = 4.5; video.play() }", level)
            await until(page, "video.ended")
            assert any(f"/{name}/00001.m4s" in url for url in asked) or group == "audio"
            assert abs(await page.evaluate("video.duration") - 9) < 0.05
            heard = await page.evaluate(HEARD, server.url(server.stream_path(media["id"], f"{name}/")))
            assert heard[1:] == pytest.approx(list(range(1, 9)), abs=0.010), name
            assert (await seen(page))["errors"] == []
            await page.close()
