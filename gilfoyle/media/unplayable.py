"""Streams that are there and can't be played, because they are encrypted or nobody here has a decoder for them.

Such a stream is marked in ffprobe's JSON, under a key of our own. Everything that chooses among the streams
(media/header.py) then passes over it, so that what can be played is; and what is missing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from gilfoyle.media.warnings import MediaWarning

MARK = "unplayable"
"""The key: its value says why."""
Reason = Literal["encrypted", "no_decoder"]

# What MP4 calls an encrypted track: by ISO/IEC 23001-7 (where ffprobe shows the codec's own tag instead, only packets
# tell), by FairPlay, by Audible.
_ENCRYPTED_TAGS = {"encv", "enca", "drms", "drmi", "drmt", "aavd"}
# What ffmpeg's ASF demuxer says of a file under Windows Media DRM or PlayReady.
_ENCRYPTED_FILE_TAGS = {"ASF_Protection_Type", "encryption"}


def codecs_command(ffmpeg: str) -> list[str]:
    """Lists the codecs that are known, and what can be done with each."""
    return [ffmpeg, "-v", "error", "-hide_banner", "-codecs"]


def decodable(listing: str) -> frozenset[str]:
    """The codecs that can be decoded, by their names, of `codecs_command`'s output: lines such as ` DEV.L. h264 …`."""
    lines = listing.partition("-------")[2].splitlines()
    return frozenset(line.split()[1] for line in lines if line.startswith(" D"))


def encrypted_streams(probe: Mapping[str, Any]) -> set[int]:
    """The indexes of the streams that the header says are encrypted."""
    tags = probe.get("format", {}).get("tags", {})
    whole = bool(_ENCRYPTED_FILE_TAGS & set(tags))
    return {
        int(stream["index"])
        for stream in probe.get("streams", [])
        # Matroska's ContentEncryption shows as a tag.
        if whole or stream.get("codec_tag_string") in _ENCRYPTED_TAGS or "enc_key_id" in stream.get("tags", {})
    }


def undecodable_streams(probe: Mapping[str, Any], decoders: Collection[str]) -> set[int]:
    """The indexes of the streams in codecs that are not among `decoders`."""
    return {int(stream["index"]) for stream in probe.get("streams", []) if stream.get("codec_name") not in decoders}


def marked(probe: Mapping[str, Any], reason: Reason, streams: Collection[int]) -> dict[str, Any]:
    """`probe` with a mark on the streams of those indexes; the first reason stays."""
    return {**probe, "streams": [_marked(stream, reason, streams) for stream in probe.get("streams", [])]}


def _marked(stream: Mapping[str, Any], reason: Reason, streams: Collection[int]) -> Mapping[str, Any]:
    return {MARK: reason, **stream} if stream["index"] in streams else stream


def omissions(
    video: Collection[Mapping[str, Any]], audio: Collection[Mapping[str, Any]], *, has_video: bool, has_audio: bool
) -> list[MediaWarning]:
    """What to say of a file with these streams. `has_video`, `has_audio`: one of them plays."""
    no_video, no_audio = bool(video) and not has_video, bool(audio) and not has_audio
    if any(stream.get(MARK) == "encrypted" for stream in [*video, *audio]):
        return [_partly_encrypted(no_video=no_video, no_audio=no_audio)]
    if no_audio:
        text = f"This film plays without its sound, {_why(audio)}."
        return [MediaWarning(code="audio_undecodable", message=text)]
    if no_video:
        text = f"Only the sound of this film plays, without its video, {_why(video)}."
        return [MediaWarning(code="video_undecodable", message=text)]
    return []


def _why(streams: Collection[Mapping[str, Any]]) -> str:
    unknown = [stream for stream in streams if stream.get(MARK) == "no_decoder"]
    return f"for which there is no decoder ({codecs(unknown)})" if unknown else "whose track holds nothing to decode"


def _partly_encrypted(*, no_video: bool, no_audio: bool) -> MediaWarning:
    if no_video:
        text = "Only the sound of this film plays: its video is encrypted (DRM)."
    elif no_audio:
        text = "This film plays without its sound, which is encrypted (DRM)."
    else:
        text = "One of the file's tracks is encrypted (DRM) and is left out."
    return MediaWarning(code="partly_protected", message=f"{text} Send a copy without protection to have it all.")


def codecs(streams: Collection[Mapping[str, Any]]) -> str:
    """What the streams are coded with, for a person."""
    names = {name if (name := stream.get("codec_name")) and name != "unknown" else _tag(stream) for stream in streams}
    return ", ".join(sorted(names))


def _tag(stream: Mapping[str, Any]) -> str:
    """The container's own name for a codec that has no other, where it can be read."""
    tag = str(stream.get("codec_tag_string", "")).strip()
    return tag if tag.isascii() and tag.isalnum() else "unknown"
