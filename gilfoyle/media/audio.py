"""ffmpeg's filter graphs that turn any audio of a source into the samples of the media's grid. Pure.

Two graphs, one behind the other. ffmpeg builds a graph anew when what is decoded changes (rate, channels, layout), as
it does at every programme of a broadcast; whatever counts in a graph from its beginning would then begin to count
again. So the first graph counts nothing: it makes all audio 48 kHz with the same channels. The second one,
which sees no change, puts it onto the grid: holes become silence, overlaps are cut, it begins at exactly one sample.
(`first_pts` counts at the rate of what comes in: behind the first graph, that is 48 kHz whatever the source has.)
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gilfoyle.media.info import AudioInfo, Channel
from gilfoyle.media.timeline import SAMPLE_RATE

AUDIO = "audio"
"""The label of what the graphs give."""

# The layouts that ffmpeg mixes down by where their speakers stand (`ffmpeg -layouts`, all but `binaural`).
_MIXED_DOWN = frozenset(
    {
        "mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "3.1", "5.0", "5.0(side)", "4.1",
        "5.1", "5.1(side)", "6.0", "6.0(front)", "3.1.2", "hexagonal", "6.1", "6.1(back)", "6.1(front)", "7.0",
        "7.0(front)", "7.1", "7.1(wide)", "7.1(wide-side)", "5.1.2", "5.1.2(back)", "octagonal", "cube", "5.1.4",
        "7.1.2", "7.1.4", "7.2.3", "9.1.4", "9.1.6", "hexadecagonal", "downmix", "22.2",
    }
)  # fmt: skip
# Of so many channels without a layout ffmpeg takes the usual one; of more it knows none.
_GUESSED = 8
# What encoders take: L R C LFE and two behind, in the order that each codec wants.
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
_SIX = ("FL", "FR", "FC", "LFE", "BL", "BR")


def speakers(audio: AudioInfo) -> int:
    """How many channels an audio track has whose places ffmpeg knows; others become stereo at most."""
    if audio.mono:
        return len(_SIX) if {*_SIX} <= {_place(channel) for channel in audio.mono} else audio.channels
    return audio.channels if _is_placed(audio) else min(audio.channels, 2)


def graphs(audio: AudioInfo, channels: int, origin: Fraction, begin: int, length: int) -> list[str]:
    """The filter graphs that give `length` samples of 48 kHz from sample `begin` of the media on, labelled AUDIO.

    `channels`: 1, 2 or 6; at most `speakers`. `origin`: the media's time 0 on the container's clock (seconds).
    """
    place = _onto_grid(audio, begin, length)
    if not audio.mono:
        return [_even(audio.index, origin, _mixing(audio, channels), channels, "heard"), f"[heard]{place}[{AUDIO}]"]
    numbers = range(len(audio.mono))
    return [
        *(_even(channel.index, origin, [], 1, f"heard-{number}") for number, channel in enumerate(audio.mono)),
        # Said again, since `amerge` finds no form by itself that all of its inputs have.
        "".join(f"[heard-{number}]{place},{_form(1)}[track-{number}];" for number in numbers)
        + "".join(f"[track-{number}]" for number in numbers)
        + f"{_mixed(audio.mono) if channels <= 2 else _placed(audio.mono)}[{AUDIO}]",
    ]


def _placed(channels: Sequence[Channel]) -> str:
    """The filters that make 5.1 of mono tracks, each heard from where it stands."""
    places = [_place(channel) for channel in channels]
    return f"amerge=inputs={len(channels)},pan=5.1|" + "|".join(f"{name}=c{places.index(name)}" for name in _SIX)


def _place(channel: Channel) -> str:
    """In the layout that encoders take, what stands at the side is behind."""
    return {"SL": "BL", "SR": "BR"}.get(channel.position, channel.position)


def _mixed(channels: Sequence[Channel]) -> str:
    """The filters that make two channels of mono ones: each on its sides, as loud as it is.

    Where several together are too loud for the encoder, a limiter takes them back for that moment; it changes nothing
    else (tried: bit by bit).
    """
    sides = [channel.left for channel in channels], [channel.right for channel in channels]
    left, right = map(_sum, sides)
    limited = ",alimiter=level=0:latency=1" if max(map(sum, sides)) > 1 else ""
    return f"amerge=inputs={len(channels)},pan=stereo|c0={left}|c1={right}{limited}"


def _sum(gains: Sequence[float]) -> str:
    return "+".join(f"{gain:g}*c{number}" for number, gain in enumerate(gains) if gain)


def _even(index: int, origin: Fraction, mixing: Sequence[str], channels: int, label: str) -> str:
    """The first graph: one rate, one layout, and times from the media's beginning on, whatever is decoded."""
    filters = [
        f"asetpts=PTS-({float(origin):.6f})/TB",
        *mixing,
        f"aresample={SAMPLE_RATE}",
        _form(channels),
        # Silence after the end for as long as the second graph wants some. (Behind another graph, apad pads nothing.)
        "apad",
    ]
    return f"[0:{index}]{','.join(filters)}[{label}]"


def _form(channels: int) -> str:
    return f"aformat=sample_fmts=fltp:channel_layouts={_LAYOUTS[channels]}"


def _onto_grid(audio: AudioInfo, begin: int, length: int) -> str:
    """The second graph's filters: exactly these samples of the media."""
    place = f"aresample={SAMPLE_RATE}:async=1:first_pts={begin}:min_hard_comp={audio.tolerance_s:.3f}"
    return f"{place},atrim=end_sample={length}"


def _mixing(audio: AudioInfo, channels: int) -> list[str]:
    """How channels become one or two, where ffmpeg does not know it.

    Ambisonics (AmbiX, RFC 8486): its channel 0, W, is what is heard from all around. Channels of which nothing says
    where they stand: each as loud as the others, on both sides.
    """
    if _is_placed(audio):
        return []
    heard = "c0" if (audio.layout or "").startswith("ambisonic") else _evenly(audio.channels)
    if channels == 1:
        return [f"pan=mono|c0={heard}"]
    return [f"pan=stereo|c0={heard}|c1={heard}"]


def _is_placed(audio: AudioInfo) -> bool:
    return audio.layout in _MIXED_DOWN if audio.layout else audio.channels <= _GUESSED


def _evenly(channels: int) -> str:
    return "+".join(f"{1 / channels:.6f}*c{index}" for index in range(channels))
