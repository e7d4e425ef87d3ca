"""How fast a machine is, told from the first passes of a media."""

from __future__ import annotations

from collections.abc import Iterable

from gilfoyle.media.info import VideoInfo
from gilfoyle.media.ladder import VideoRendition

# What decoding costs, as a share of encoding the same pixels: measured on 1080p H.264 of 25 Mbit/s, x264 veryfast.
_DECODE = 0.45
# Shared passes must be that much faster than real time: they do not all run alone, nor is every scene as easy.
_SWIFT = 1.25


def cost(source: VideoInfo, renditions: Iterable[VideoRendition]) -> float:
    """What a pass costs for each second of media, in pixels encoded: one decode, and every rendition."""
    return _DECODE * source.width * source.height + sum(each.width * each.height for each in renditions)


def is_swift(alone_speed: float, source: VideoInfo, ladder: list[VideoRendition]) -> bool:
    """Whether all renditions together are encoded faster than they play.

    `alone_speed` is how many seconds of media the lowest rendition got in a second, all passes at a time together.
    """
    return alone_speed * cost(source, ladder[-1:]) / cost(source, ladder) >= _SWIFT
