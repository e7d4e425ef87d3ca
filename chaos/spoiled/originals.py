"""What is spoiled: a small file of every container that Gilfoyle opens, and a few that want it to open others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.source import drafted
from corpus.maker import AAC, X264, Maker

CACHE = Path(__file__).parents[1] / "cache"
# A part of the folder's name: whoever changes how they are made raises it.
_RECIPE = 1
_SECONDS = 2.0
_SIZE = (160, 120)
_FRAGMENTS = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")
_MPEG2 = ("-c:v", "mpeg2video", "-bf", "2", "-b:v", "1500k")
_VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "200k")


@dataclass(frozen=True)
class Original:
    """A file that is whole. `container`: what the table calls it."""

    name: str
    container: str
    path: Path
    sent_as: str


def _film(
    *options: str, video: tuple[str, ...] = X264, audio: tuple[str, ...] | None = AAC, size: tuple[int, int] = _SIZE
) -> Callable[[Maker, Path], object]:
    def make(maker: Maker, path: Path) -> None:
        maker.film(path, *options, seconds=_SECONDS, size=size, video=video, audio=audio, audio_rate=44_100)

    return make


def _audio(*options: str) -> Callable[[Maker, Path], object]:
    return lambda maker, path: maker.audio(path, *options, seconds=_SECONDS, rate=44_100)


def _text(text: str) -> Callable[[Maker, Path], object]:
    return lambda _maker, path: path.write_text(text)


_FILMS: dict[str, Callable[[Maker, Path], object]] = {
    "film.mp4": _film(),
    "faststart.mp4": _film("-movflags", "+faststart"),
    "fragmented.mp4": _film(*_FRAGMENTS),
    "film.mov": _film(audio=("-c:a", "pcm_s16le")),
    "film.3gp": _film(),
    "film.mkv": _film(audio=("-c:a", "flac")),
    "film.webm": _film(video=_VP8, audio=("-c:a", "libopus")),
    "film.ts": _film(audio=("-c:a", "mp2")),
    "film.mpg": _film(video=_MPEG2, audio=("-c:a", "mp2"), size=(352, 288)),
    "film.avi": _film(video=("-c:v", "mpeg4", "-bf", "2"), audio=("-c:a", "libmp3lame")),
    "film.flv": _film(),
    "film.wmv": _film(video=("-c:v", "wmv2"), audio=("-c:a", "wmav2")),
    "film.mxf": _film(video=_MPEG2, audio=("-c:a", "pcm_s16le", "-ar", "48000"), size=(720, 576)),
    "film.ogv": _film(video=("-c:v", "libtheora", "-q:v", "5"), audio=("-c:a", "libvorbis")),
    "film.ivf": _film(video=_VP8, audio=None),
    "film.h264": _film(audio=None),
    "film.gif": _film("-f", "gif", video=("-c:v", "gif"), audio=None),
}
_AUDIO_FILES: dict[str, Callable[[Maker, Path], object]] = {
    "audio.m4a": _audio(*AAC),
    "audio.mp3": _audio(),
    "audio.ogg": _audio("-c:a", "libvorbis"),
    "audio.opus": _audio("-c:a", "libopus"),
    "audio.flac": _audio(),
    "audio.wav": _audio(),
    "audio.aiff": _audio(),
    "audio.caf": _audio("-c:a", "pcm_s16be"),
    "audio.w64": _audio(),
    "audio.aac": _audio(),
    "audio.ac3": _audio(),
}
_TRAPS: dict[str, Callable[[Maker, Path], object]] = {
    "list.m3u8": _text("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
    "list.mpd": _text(
        "<MPD><Period><AdaptationSet><BaseURL>http://127.0.0.1:1/</BaseURL></AdaptationSet></Period></MPD>"
    ),
    "list.ffconcat": _text("ffconcat version 1.0\nfile '/etc/passwd'\nduration 4\n"),
    "session.sdp": _text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
}


def make(ffmpeg: str, say: Callable[[str], None]) -> list[Original]:
    """The files, made where they are not there yet. Raises EncodeFailed."""
    folder = CACHE / f"originals-{_RECIPE}"
    found = []
    for kind, makers in (("video", _FILMS), ("audio", _AUDIO_FILES), ("video", _TRAPS)):
        for name, maker in makers.items():
            path = drafted(folder / name, lambda draft, maker=maker: _made(maker, draft, ffmpeg), say)  # type: ignore[misc]
            container = "trap" if makers is _TRAPS else name.partition(".")[2]
            found.append(Original(name, container, path, kind))
    return found


def _made(maker: Callable[[Maker, Path], object], draft: Path, ffmpeg: str) -> None:
    with tempfile.TemporaryDirectory(prefix="gfo-") as folder:
        maker(Maker(Path(folder), ffmpeg), draft)
