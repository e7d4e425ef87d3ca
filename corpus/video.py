"""Video of every codec, rate, shape and colour; what changes in it midway; animated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from corpus.case import Case, whole
from corpus.maker import AAC, SIZE, X264, Maker, joined, shown

_SECONDS = tuple(map(float, range(6)))
_VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "500k")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")


def _coded(
    name: str,
    *codec: str,
    audio: Sequence[str] = AAC,
    options: Sequence[str] = (),
    pixels: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    late: float = 0.0,
    beeps: bool = True,
    fast: bool = False,
) -> Case:
    """Six seconds in that codec, in the container that its name says. `late`: as `heard`."""

    def make(maker: Maker, path: Path) -> None:
        maker.film(path, *options, video=codec, audio=audio, pixels=pixels, size=size)

    found = whole(name, make, beeps=beeps, fast=fast)
    return replace(found, beeps=tuple(second + late for second in _SECONDS)) if beeps else found


# What LAME puts before the first sample; AVI has no place to say so.
_LAME_S = 1105 / 48_000
CODECS = [
    _coded("h264.mp4", *X264, fast=True),
    _coded("h264-mono.3g2", *X264),
    _coded("hevc.mp4", *_X265, "-tag:v", "hvc1"),
    _coded("hevc.ts", *_X265, audio=("-c:a", "mp2")),
    _coded("vp8.webm", *_VP8, audio=("-c:a", "libvorbis")),
    _coded("vp9.webm", *_VP9, audio=("-c:a", "libopus")),
    _coded("av1.mkv", "-c:v", "libsvtav1", "-preset", "12", "-crf", "30", audio=("-c:a", "libopus")),
    _coded("mpeg1.mpg", "-c:v", "mpeg1video", "-b:v", "1500k", audio=("-c:a", "mp2"), size=(352, 288)),
    _coded("mpeg2.vob", "-c:v", "mpeg2video", "-bf", "2", "-b:v", "4M", audio=("-c:a", "ac3"), size=(720, 576)),
    _coded("mpeg2.ts", "-c:v", "mpeg2video", "-bf", "2", "-b:v", "4M", audio=("-c:a", "mp2"), size=(720, 576)),
    _coded(
        "mpeg4-b-frames.avi",
        "-c:v",
        "mpeg4",
        "-bf",
        "2",
        "-q:v",
        "3",
        audio=("-c:a", "libmp3lame"),
        late=_LAME_S,
        fast=True,
    ),
    _coded("mpeg4-plain.avi", "-c:v", "mpeg4", "-bf", "0", "-q:v", "3", audio=("-c:a", "pcm_s16le")),
    _coded("h264-b-frames.avi", *X264, audio=("-c:a", "libmp3lame"), late=_LAME_S),
    _coded("mjpeg.avi", "-c:v", "mjpeg", "-q:v", "4", audio=("-c:a", "pcm_s16le"), pixels="yuvj422p"),
    _coded("mjpeg.mov", "-c:v", "mjpeg", "-q:v", "4", audio=("-c:a", "pcm_u8"), pixels="yuvj420p"),
    _coded("sorenson.flv", "-c:v", "flv", "-b:v", "800k", audio=("-c:a", "libmp3lame", "-ar", "44100")),
    _coded("h264.flv", *X264, audio=(*AAC, "-ar", "44100")),
    _coded("wmv2.wmv", "-c:v", "wmv2", "-b:v", "1M", audio=("-c:a", "wmav2"), beeps=False),
    _coded("theora.ogv", "-c:v", "libtheora", "-q:v", "6", audio=("-c:a", "libvorbis")),
    _coded("prores.mov", "-c:v", "prores_ks", "-profile:v", "0", audio=("-c:a", "pcm_s24le"), pixels="yuv422p10le"),
    _coded("dnxhr.mov", "-c:v", "dnxhd", "-profile:v", "dnxhr_lb", audio=("-c:a", "pcm_s16le"), pixels="yuv422p"),
    _coded("ffv1.mkv", "-c:v", "ffv1", audio=("-c:a", "flac"), pixels="yuv444p"),
    _coded("huffyuv.avi", "-c:v", "ffvhuff", audio=("-c:a", "pcm_s16le"), pixels="yuv422p"),
    _coded("raw.avi", "-c:v", "rawvideo", audio=("-c:a", "pcm_s16le"), pixels="bgr24"),
    _coded("qtrle.mov", "-c:v", "qtrle", audio=("-c:a", "pcm_s16be"), pixels="rgb24"),
    _coded("mpeg2.mxf", "-c:v", "mpeg2video", "-b:v", "6M", audio=("-c:a", "pcm_s16le"), size=(720, 576)),
    _coded("h263.3gp", "-c:v", "h263", "-b:v", "500k", audio=(*AAC, "-ar", "44100"), size=(352, 288)),
    _coded("h264.dash.mp4", *X264, options=("-movflags", "+frag_keyframe+empty_moov+default_base_moof")),
    _coded("h264-low-delay.mkv", "-c:v", "libx264", "-tune", "zerolatency", "-preset", "ultrafast"),
    _coded("h264-open-gop.mp4", *X264, "-x264-params", "open-gop=1:bframes=3"),
    _coded("h264-intra-refresh.ts", *X264, "-bf", "0", "-x264-params", "intra-refresh=1:keyint=25"),
]


def _rated(name: str, rate: str, seconds: int, frames: int | None) -> Case:
    """At that rate; `frames` of the stream: as many, but for more than 60 a second and less than 10."""
    count = round(seconds * Fraction(rate))
    return Case(
        f"rate-{name}",
        lambda m, p: m.film(p, rate=rate, seconds=seconds),
        numbers=range(count) if Fraction(rate) <= _FASTEST else None,
        frames=frames,
        length=seconds,
        beeps=tuple(map(float, range(seconds))),
    )


_FASTEST = 60
RATES = [
    _rated("1.mp4", "1", 9, None),
    _rated("5.mkv", "5", 9, None),
    _rated("12.5.mp4", "25/2", 8, 100),
    _rated("15.ts", "15", 6, 90),
    _rated("23.976.mkv", "24000/1001", 6, 144),
    _rated("29.97.ts", "30000/1001", 6, 180),
    _rated("48.mp4", "48", 5, 240),
    _rated("50.ts", "50", 5, 250),
    _rated("59.94.mkv", "60000/1001", 5, 300),
    _rated("60.mov", "60", 5, 300),
    _rated("120.mp4", "120", 5, 300),
    _rated("239.76.mkv", "240000/1001", 5, None),
]


def _stamped(
    maker: Maker, path: Path, *codec: str, stamps: str, count: int, seconds: float, audio: Sequence[str] = AAC
) -> None:
    """Frames at times of their own. `stamps`: the time of frame N in seconds, as an expression."""
    maker.run(
        *maker.numbers(count, "1000"), *maker.beeps(seconds),
        "-vf", f"{shown(SIZE)},settb=1/1000,setpts='({stamps})*1000',format=yuv420p",
        "-fps_mode", "passthrough", "-enc_time_base", "1/1000", *codec, *audio, path,
    )  # fmt: skip


def _variable(
    name: str, stamps: str, count: int, seconds: int, *codec: str, audio: Sequence[str] = AAC, fast: bool = False
) -> Case:
    """All frames are seen, each for as long as its stamp says."""

    def make(maker: Maker, path: Path) -> None:
        _stamped(maker, path, *(codec or X264), stamps=stamps, count=count, seconds=seconds, audio=audio)

    return Case(name, make, numbers=range(count), beeps=tuple(map(float, range(seconds))), fast=fast)


_SLOW_THEN_FAST = "if(lt(N,12),N/2,6+(N-12)/30)"
VARIABLE = [
    # A phone's frames come a few milliseconds early or late: two may fall on one frame of the stream.
    replace(_variable("variable-phone.mp4", "N/30+0.004*sin(N)", 180, 6), numbers=None, length=6),
    _variable("variable-slow-then-fast.mp4", _SLOW_THEN_FAST, 102, 9, fast=True),
    _variable("variable-slow-then-fast.webm", _SLOW_THEN_FAST, 102, 9, *_VP8, audio=("-c:a", "libopus")),
    _variable("variable-fast-then-slow.mkv", "if(lt(N,120),N/60,2+(N-120)/10)", 160, 6),
    _variable("variable-pause.mkv", "N/25+if(gt(N,60),7,0)", 120, 11),
    _variable("variable-first-held.mp4", "if(eq(N,0),0,4+N/25)", 80, 7),
]


def _parts(
    maker: Maker, path: Path, parts: Sequence[tuple[tuple[int, int], Sequence[str], str]], *, suffix: str = ".ts"
) -> None:
    """Two seconds each on one clock: (size, codec, filters)."""
    files = []
    for index, (size, codec, filters) in enumerate(parts):
        file = maker.file(suffix)
        offset = ["-muxdelay", "0", "-output_ts_offset", f"{2 * index + 0.08:.2f}"]
        maker.film(
            file, *offset, seconds=2, first=50 * index, size=size, video=codec, audio=None, filters=filters
        )  # fmt: skip
        files.append(file)
    mute = maker.file(suffix)
    joined(mute, *files)
    audio = maker.audio(maker.file(".mp2"), seconds=2 * len(parts))
    # The first frame is shown two frames after the clock's beginning, and MP2 comes 10 ms late by itself.
    maker.run(
        "-i", mute, "-itsoffset", "0.07", "-i", audio, "-map", "0:v", "-map", "1:a", "-c", "copy", "-copyts", path
    )


def _grown(maker: Maker, path: Path, sizes: Sequence[tuple[int, int]], codec: Sequence[str]) -> None:
    """A VP8 or VP9 stream whose size changes, as WebRTC adapts it: two seconds each."""
    header, body, count = b"", b"", 0
    for index, size in enumerate(sizes):
        file = maker.file(".ivf")
        maker.film(file, seconds=2, first=50 * index, size=size, video=codec, audio=None)
        data = file.read_bytes()
        header, at = header or data[:32], 32
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "little")
            body += length.to_bytes(4, "little") + count.to_bytes(8, "little") + data[at + 12 : at + 12 + length]
            at, count = at + 12 + length, count + 1
    mute = maker.file(".ivf")
    mute.write_bytes(header[:24] + count.to_bytes(4, "little") + header[28:] + body)
    maker.run(
        "-i", mute, *maker.beeps(2 * len(sizes)), "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "libopus", path
    )


_MPEG2 = ("-c:v", "mpeg2video", "-b:v", "4M", "-g", "12")
_TAGGED = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
_FULL = "scale=out_range=pc,format=yuvj420p"
_MAIN = ("-c:v", "libx264", "-preset", "medium", "-profile:v", "main")
Part = tuple[tuple[int, int], Sequence[str], str]


def _midway(name: str, *parts: Part, numbered: bool = True, fast: bool = False) -> Case:
    """Video that changes every two seconds, on one clock."""
    found = whole(name, partial(_parts, parts=parts), 2 * len(parts), fast=fast)
    # Bars make another frame of one whose pixels have another shape, for the judge as for who reads numbers.
    return found if numbered else replace(found, numbers=None, verified=False)


def _adapted(
    name: str, codec: Sequence[str], *sizes: tuple[int, int], numbered: bool = True, fast: bool = False
) -> Case:
    """Video that grows and shrinks as the line allows."""
    found = whole(name, partial(_grown, sizes=sizes, codec=codec), 2 * len(sizes), fast=fast)
    return found if numbered else replace(found, numbers=None)


def _small(codec: Sequence[str], filters: str = "") -> Part:
    return (320, 240), codec, filters


def _large(codec: Sequence[str]) -> Part:
    return (640, 480), codec, ""


def _shape(sar: str) -> Part:
    return (720, 576), _MPEG2, f"setsar={sar}"


MIDWAY = [
    _adapted("size-down-and-up.webm", _VP8, (640, 480), (320, 240), (640, 480), fast=True),
    _adapted("size-grows.webm", _VP9, (160, 120), (320, 240), (640, 480)),
    _adapted("shape-turns.webm", _VP8, (320, 240), (180, 320), (320, 240), numbered=False),
    _midway("size-changes.ts", _large(X264), _small(X264), _large(X264)),
    _midway("pixel-shape-changes.ts", _shape("16/15"), _shape("64/45"), _shape("16/15"), numbered=False),
    _midway("colour-appears.ts", _small(X264), _small((*X264, *_TAGGED))),
    _midway("range-changes.ts", _small(X264), _small((*X264, "-color_range", "pc"), _FULL)),
    _midway("codec-parameters-change.ts", _small(X264), _small(_MAIN)),
    _midway("hevc-size-changes.ts", _large(_X265), _small(_X265)),
]


_BARS = "smptehdbars=s=1280x720:r=25:d=3"


def _colours(maker: Maker, path: Path, *codec: str, source: str = _BARS, filters: str = "null") -> None:
    """Bars of colours, mute."""
    maker.run("-f", "lavfi", "-i", source, "-vf", filters, *codec, path)


def _coloured(name: str, *codec: str, filters: str, source: str = _BARS, fast: bool = False) -> Case:
    """Three seconds that must keep their colours."""
    make = partial(_colours, source=source, filters=filters)
    return Case(name, lambda m, p: make(m, p, *codec), frames=75, length=3, beeps=(), fast=fast)


def _untold(name: str, matrix: str, source: str, *, fast: bool = False) -> Case:
    """Coded by that matrix, and nothing is said of it."""
    untold = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=unknown"
    filters = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p,{untold}"
    return _coloured(name, *X264, filters=filters, source=source, fast=fast)


def _told(name: str, matrix: str, source: str) -> Case:
    """Coded by that matrix, as the file says."""
    tags = ("-colorspace", matrix, "-color_primaries", matrix, "-color_trc", matrix)
    filters = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p"
    return _coloured(name, *X264, *tags, filters=filters, source=source)


def _hdr(maker: Maker, path: Path, params: str, *, matrix: int | None = None) -> None:
    made = maker.file(".mp4")
    maker.run(
        "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=3,format=yuv420p10le", "-c:v", "libx265", "-preset",
        "ultrafast", "-x265-params", f"log-level=none:{params}", "-tag:v", "hvc1", made,
    )  # fmt: skip
    spoiled = [] if matrix is None else ["-bsf:v", f"hevc_metadata=matrix_coefficients={matrix}"]
    maker.run("-i", made, "-c", "copy", *spoiled, path)


def _lit(name: str, params: str, *, matrix: int | None = None, fast: bool = False) -> Case:
    """HDR; `matrix`: what the stream says of its own, whatever it is."""
    return Case(name, partial(_hdr, params=params, matrix=matrix), frames=75, length=3, beeps=(), fast=fast)


_PQ, _HLG = "transfer=smpte2084", "transfer=arib-std-b67"
_WIDE = "colorprim=bt2020:colormatrix=bt2020nc"
_SD_BARS = "smptebars=s=640x480:r=25:d=3"
COLOURS = [
    _coloured("rgb.mkv", "-c:v", "libx264rgb", "-preset", "ultrafast", "-crf", "10", filters="format=rgb24"),
    _coloured("gbr-16.mkv", "-c:v", "ffv1", filters="format=gbrp16le"),
    _coloured("gray.mkv", "-c:v", "ffv1", filters="format=gray"),
    _coloured("gray-h264.mp4", *X264, filters="format=gray"),
    _coloured("full-range.mov", "-c:v", "mjpeg", "-q:v", "3", filters="format=yuvj420p"),
    _coloured("ten-bits.mp4", *X264[:6], filters="format=yuv420p10le"),
    _coloured("four-four-four.mp4", *X264, filters="format=yuv444p"),
    _coloured("twelve-bits.mkv", "-c:v", "ffv1", filters="format=yuv422p12le"),
    _coloured("run-length.mov", "-c:v", "qtrle", filters="format=rgb24"),
    _untold("untold-hd-709.mp4", "bt709", _BARS, fast=True),
    _untold("untold-sd-601.mp4", "bt601", _SD_BARS),
    _told("told-sd-709.mp4", "bt709", _SD_BARS),
    _told("told-hd-601.mp4", "smpte170m", _BARS),
    _lit("hdr-pq.mp4", f"{_PQ}:{_WIDE}"),
    _lit("hdr-pq-untold.mp4", _PQ, fast=True),
    _lit("hdr-hlg.mp4", f"{_HLG}:{_WIDE}"),
    _lit("hdr-hlg-no-matrix.mp4", f"{_HLG}:colorprim=bt2020"),
    _lit("hdr-pq-reserved.mp4", f"{_PQ}:{_WIDE}", matrix=3),
]


def _shaped(name: str, size: tuple[int, int], *options: str, filters: str = "", numbered: bool = True) -> Case:
    """Three seconds of video of an odd size or shape."""
    found = whole(name, lambda m, p: m.film(p, *options, size=size, filters=filters, seconds=3), 3)
    return found if numbered else replace(found, numbers=None)


def _turned(maker: Maker, path: Path, degrees: int) -> None:
    lying = maker.film(maker.file(".mp4"), seconds=3)
    maker.run("-display_rotation:v:0", str(degrees), "-i", lying, "-c", "copy", path)


def _interlaced(maker: Maker, path: Path) -> None:
    maker.run(
        "-f", "lavfi", "-i", "testsrc2=s=720x576:r=50:d=4", *maker.beeps(4), "-vf", "interlace,format=yuv420p",
        "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "6M", "-c:a", "mp2", path,
    )  # fmt: skip


SHAPES = [
    _shaped("odd-size.mkv", (333, 217), "-pix_fmt", "yuv444p"),
    _shaped("upright.mp4", (240, 426)),
    _shaped("wide.mp4", (1280, 96)),
    _shaped("tiny.mp4", (32, 32), numbered=False),
    _shaped("anamorphic.mkv", (720, 576), filters="setsar=64/45"),
    replace(whole("turned-90.mp4", partial(_turned, degrees=90), 3), numbers=None),
    replace(whole("turned-180.mov", partial(_turned, degrees=180), 3), numbers=None),
    replace(whole("interlaced.ts", _interlaced, 4), numbers=None),
]


def _animated(maker: Maker, path: Path, *codec: str, count: int = 20, rate: str = "10") -> None:
    maker.run(*maker.numbers(count, rate), "-vf", shown((256, 128)), *codec, path)


def _slide(maker: Maker, path: Path, *, rate: str) -> None:
    """A still under a song."""
    maker.run(
        *maker.numbers(1, rate, 5), *maker.beeps(9), "-vf", f"{shown(SIZE)},format=yuv420p", "-fps_mode", "passthrough",
        *X264, *AAC, path,
    )  # fmt: skip


def _moving(name: str, *codec: str, count: int = 20, rate: int = 10, fast: bool = False) -> Case:
    """Some frames that follow one another, without audio."""
    make = partial(_animated, count=count, rate=str(rate))
    return Case(name, lambda m, p: make(m, p, *codec), numbers=range(count), length=count / rate, beeps=(), fast=fast)


def _still(name: str, *options: str) -> Case:
    """It becomes a film of five seconds."""
    return Case(name, lambda m, p: _animated(m, p, *options, count=1), numbers=[0], length=5, beeps=())


_NINE = tuple(map(float, range(9)))
_ONE = ("-frames:v", "1", "-update", "1")
MOVING = [
    _moving("animated.gif", fast=True),
    _moving("animated-slow.gif", count=4, rate=1),
    _moving("animated.apng", "-c:v", "apng", "-f", "apng", "-plays", "0"),
    _still("still.gif"),
    _still("still.png", *_ONE),
    _still("still.jpg", *_ONE),
    Case("still-and-song.mp4", partial(_slide, rate="25"), length=9, beeps=_NINE),
    Case("still-and-song.mkv", partial(_slide, rate="1/9"), length=9, beeps=_NINE),
]

VIDEO = [*CODECS, *RATES, *VARIABLE, *MIDWAY, *COLOURS, *SHAPES, *MOVING]
