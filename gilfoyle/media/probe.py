"""ffprobe's JSON and what was found in the file, read into `MediaInfo`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import langcodes

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media import header
from gilfoyle.media.channels import in_one
from gilfoyle.media.colour import read_colour
from gilfoyle.media.images import STILL_RATE, is_transparent
from gilfoyle.media.info import AudioInfo, MediaInfo, TextInfo, VideoInfo
from gilfoyle.media.packets import Measured, tolerance_s
from gilfoyle.media.rate import moving
from gilfoyle.media.refusals import Limits, check_duration, precheck
from gilfoyle.media.shapes import Shape, display_size, is_absurd, largest_that_lasts, pixel_shape
from gilfoyle.media.tracks import Role
from gilfoyle.media.unplayable import omissions
from gilfoyle.media.warnings import MediaWarning

# A stream that ends so much earlier than its header says was cut short; less is rounding (seconds).
_SHORT = Fraction(1)
_LABEL_CHARS = 100
# What ffmpeg reads as text; all else that it calls subtitles is drawn (PGS, DVD, DVB), or is data.
_TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "sami", "subviewer"})


@dataclass(frozen=True)
class Findings:
    """What was found beside the header: the packets of each stream, and the sizes of the video."""

    measured: Mapping[int, Measured]
    shapes: Sequence[Shape] = ()


def read(probe: Mapping[str, Any], found: Findings, limits: Limits) -> MediaInfo:
    """Make MediaInfo of `ffprobe -show_format -show_streams` and what was found in the file.

    Raises UnsupportedMedia, with a reason for a person, for what can never be streamed.
    """
    precheck(probe, limits)
    measured = found.measured
    stream = header.video_stream(probe)
    if stream and int(stream["index"]) not in measured and measured:
        stream = None  # a track that is declared and holds nothing, beside audio
    video = _read_video(stream, probe, found) if stream else None
    tracks = [
        _read_audio(stream, measured, probe) for stream in header.audio_streams(probe) if stream["index"] in measured
    ]
    audio, mixed = in_one(tracks, header.container(probe))
    mended = [stream for stream in (video, *tracks) if stream and stream.shifts]
    info = MediaInfo(
        container=header.container(probe),
        exact_seek=header.container(probe) in header.EXACT and not mended,
        start=header.seconds(probe["format"].get("start_time")),
        bit_rate=int(probe["format"]["bit_rate"]) if probe["format"].get("bit_rate") else None,
        video=video,
        audio=audio,
        texts=[_read_text(stream) for stream in header.texts(probe) if stream.get("codec_name") in _TEXT_CODECS],
    )
    if info.video and max(info.video.width, info.video.height) > 4 * limits.side_px:
        raise UnsupportedMedia("The shape of the video's pixels is absurd.", code="frame_too_large")
    streams = [stream for stream in (info.video, info.main_audio) if stream]
    if not streams:
        raise UnsupportedMedia("The file holds no frames that can be decoded.", code="no_frames")
    check_duration(max(float(stream.end - stream.start) for stream in streams), limits)
    missing = omissions(
        header.every_video_stream(probe),
        header.every_audio_stream(probe),
        has_video=bool(info.video),
        has_audio=bool(info.main_audio),
    )
    return info.model_copy(update={"warnings": [*missing, *_cut_short(probe, info), *mixed, *_texts_left_out(probe)]})


def _read_video(stream: Mapping[str, Any], probe: Mapping[str, Any], found: Findings) -> VideoInfo:
    index = int(stream["index"])
    average, real = header.rate(stream.get("avg_frame_rate")), header.rate(stream.get("r_frame_rate"))
    measured = found.measured.get(index)
    if measured and header.is_raw(probe):
        measured = replace(measured, timeless=True)
    interlaced = stream.get("field_order", "unknown") != "progressive"
    rate = moving(average, real, measured.fastest if measured else None, interlaced=interlaced)
    start = _start(stream, measured, probe) if measured else Fraction(0)
    if measured is None or not rate or (measured.end <= start and not measured.timeless):
        raise UnsupportedMedia(
            "The video stream holds no frames; the file was probably cut short or written wrongly.",
            code="no_frames",
        )
    still = header.is_still(probe, stream)
    variable = rate not in (average, real) or bool(average and real and abs(average - real) > real / 2000)
    reordered = int(stream.get("has_b_frames") or 0)
    width, height, rotation = _display_size(stream, largest_that_lasts(found.shapes, float(measured.end)))
    return VideoInfo(
        index=index,
        codec=str(stream["codec_name"]),
        pixel_format=str(stream.get("pix_fmt", "unknown")),
        width=width,
        height=height,
        frame_rate=STILL_RATE if still else rate,
        variable=variable,
        start=start,
        end=_video_end(measured, rate, known=rate in (average, real)),
        interlaced=stream.get("field_order", "progressive") in {"tt", "bb", "tb", "bt"},
        colour=read_colour(stream),
        rotation=rotation,
        still=still,
        tiled=bool(stream.get("tiled")),
        transparent=is_transparent(probe),
        square=is_absurd(stream),
        reshaped=len({shape.pixel for shape in found.shapes}) > 1,
        shifts=list(measured.shifts),
        timeless=measured.timeless,
        last=measured.last if variable else None,
        reordered=reordered,
        late=reordered / rate if measured.decode_times_only else Fraction(0),
    )


def _video_end(measured: Measured, rate: Fraction, *, known: bool) -> Fraction:
    """When the last frame ends. `known`: the header has the rate; else it has no lengths of frames either."""
    if measured.timeless:
        return measured.packets / rate
    if measured.last is None or (known and measured.end > measured.last):
        return measured.end
    return measured.last + 1 / rate  # it has no length of its own


def _start(stream: Mapping[str, Any], measured: Measured, probe: Mapping[str, Any]) -> Fraction:
    """When a stream begins. Only an index is believed: elsewhere, what comes first may not be decodable."""
    if measured.timeless:
        return Fraction(0)
    said = stream.get("start_time")
    if said is None or (header.container(probe) not in header.EXACT and header.seconds(said) < measured.start):
        return measured.start
    return header.seconds(said)


def _read_audio(stream: Mapping[str, Any], measured: Mapping[int, Measured], probe: Mapping[str, Any]) -> AudioInfo:
    found = measured[int(stream["index"])]
    return AudioInfo(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        channels=int(stream["channels"]),
        sample_rate=int(stream["sample_rate"]),
        layout=_layout(stream.get("channel_layout")),
        tolerance_s=tolerance_s(found.jitter_s),
        packet_s=Fraction(0) if str(stream["codec_name"]).startswith("pcm") else found.packet_s,
        start=_start(stream, found, probe),
        end=found.end,
        language=_language(stream.get("tags", {}).get("language")),
        label=_label(stream.get("tags", {}).get("title")),
        role=_role(stream.get("disposition", {})),
        default=bool(stream.get("disposition", {}).get("default")),
        shifts=list(found.shifts),
    )


def _read_text(stream: Mapping[str, Any]) -> TextInfo:
    tags, ways = stream.get("tags", {}), stream.get("disposition", {})
    role = Role.FORCED if ways.get("forced") else Role.CAPTION if ways.get("hearing_impaired") else Role.SUBTITLE
    return TextInfo(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        language=_language(tags.get("language")),
        label=_label(tags.get("title")),
        role=role,
        default=bool(ways.get("default")) and role != Role.FORCED,
    )


def _texts_left_out(probe: Mapping[str, Any]) -> list[MediaWarning]:
    """What is said of captions that are images, as those of DVDs, Blu-rays and broadcasts are."""
    drawn = [stream for stream in header.texts(probe) if stream.get("codec_name") not in _TEXT_CODECS]
    if not drawn:
        return []
    languages = sorted({_language(stream.get("tags", {}).get("language")) or "unknown" for stream in drawn})
    text = (
        f"The file has subtitles that are images or of an unknown kind ({', '.join(languages)}): they are left out. "
        "Add them as WebVTT or SRT to have them."
    )
    return [MediaWarning(code="subtitles_left_out", message=text)]


def _cut_short(probe: Mapping[str, Any], info: MediaInfo) -> list[MediaWarning]:
    """Whether every stream that is played ends before its own header says so. What is beside them does not count."""
    if header.container(probe) not in header.EXACT:
        return []  # others have no index: what they say of their length is an estimate
    played = [stream for stream in (info.video, info.main_audio) if stream]
    ends = [(header.stream_end(probe, stream.index), stream.end) for stream in played]
    declared = max((said for said, _ in ends if said is not None), default=Fraction(0))
    found = max(end for _, end in ends)
    if found >= declared - _SHORT:
        return []
    start = min(stream.start for stream in played)
    text = (
        f"The file says that it lasts {_seconds(declared - start)}, but what is in it ends after "
        f"{_seconds(found - start)}: it was cut short. It plays as far as it goes; upload the whole file for the rest."
    )
    return [MediaWarning(code="cut_short", message=text)]


def _seconds(length: Fraction) -> str:
    return f"{float(length):.1f} s"


def _layout(name: str | None) -> str | None:
    return None if name in (None, "", "unknown") else name


def _language(tag: str | None) -> str | None:
    """The tag as HLS wants it (RFC 5646); None for `und`, and for what is not a language."""
    if not tag or not langcodes.tag_is_valid(tag) or tag == "und":
        return None
    return langcodes.standardize_tag(tag)


def _label(title: str | None) -> str | None:
    """A stream's title as one line that fits a menu; None if nothing of it can be seen."""
    return " ".join("".join(each if each.isprintable() else " " for each in title or "").split())[:_LABEL_CHARS] or None


def _role(disposition: Mapping[str, Any]) -> Role:
    if disposition.get("comment"):
        return Role.COMMENTARY
    described = disposition.get("visual_impaired") or disposition.get("descriptions")
    return Role.DESCRIPTION if described else Role.MAIN


def _display_size(stream: Mapping[str, Any], lasting: Shape | None) -> tuple[int, int, int]:
    """Width and height in square pixels as a person sees them, and the rotation in degrees.

    `lasting`: the shape that the video has for long enough, where its keyframes were looked at.
    """
    shape = lasting or Shape(0, int(stream["width"]), int(stream["height"]), pixel_shape(stream))
    width, height = display_size(shape.width, shape.height, shape.pixel)
    rotation = next(
        (int(float(data["rotation"])) for data in stream.get("side_data_list", []) if "rotation" in data), 0
    )
    if rotation % 180:
        width, height = height, width
    return width, height, rotation
