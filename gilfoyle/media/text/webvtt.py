"""Captions and subtitles: SRT and WebVTT in, WebVTT out (W3C WebVTT 1.0), whole or in segments for HLS. Pure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gilfoyle.errors import InvalidRequest

MOST_CUES = 100_000
"""In one file: three a second, for nine hours."""

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(.*)$")
# What WebVTT knows of markup (W3C WebVTT 1.0, 4.2.2); all else would be shown as it is, or hide text.
_TAG = re.compile(r"</?(?:b|i|u|c|v|lang|ruby|rt)(?:\.[^\s<>&]+)*(?:[ \t][^<>]*)?>|<\d{2,}:\d{2}(?::\d{2})?\.\d{3}>")
_ANY_TAG = re.compile(r"<[^<>]*>")
_ENTITY = re.compile(r"&(?:amp|lt|gt|lrm|rlm|nbsp|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")
# What players of SRT take for markup, beside the tags of HTML: `{\an8}` puts a text to the top.
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_TO_THE_TOP = re.compile(r"\{\\an?[789]\}")
_FONT = re.compile(r"</?font\b[^<>]*>", re.IGNORECASE)
# Settings of a cue (4.4); others would be ignored, and ours may be read by parsers that are stricter.
_SETTING = re.compile(r"^(?:vertical|line|position|size|align):[\w.,%-]+$")


@dataclass(frozen=True)
class Cue:
    """A text that is shown from `start` to `end`, in milliseconds. `text` and `settings` as WebVTT has them."""

    start: int
    end: int
    text: str
    settings: str = ""


def parse(data: bytes) -> list[Cue]:
    """The cues of an SRT or WebVTT file, in their order of time, with what would not be shown taken out.

    Raises InvalidRequest, `text_unreadable`, if there is none.
    """
    lines = _decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_webvtt = next((line for line in lines if line.strip()), "").startswith("WEBVTT")
    cues = sorted(_cues(lines, is_webvtt), key=lambda cue: (cue.start, cue.end))
    if not cues:
        raise InvalidRequest(
            "The file holds no captions that can be read: send it as WebVTT or SRT, in UTF-8.", code="text_unreadable"
        )
    if len(cues) > MOST_CUES:
        raise InvalidRequest(f"The file has more than {MOST_CUES} captions.", code="text_unreadable")
    return cues


def render(cues: Sequence[Cue], header: str = "") -> str:
    """A WebVTT file. `header`: lines that follow its first."""
    blocks = [
        f"{_stamp(cue.start)} --> {_stamp(cue.end)}{cue.settings and ' '}{cue.settings}\n{cue.text}" for cue in cues
    ]
    return "\n\n".join([f"WEBVTT{header and chr(10)}{header}", *blocks]) + "\n"


def segments(cues: Sequence[Cue], length_ms: int, segment_ms: int) -> list[str]:
    """A media of that length in WebVTT segments: each has all cues that are shown in its time (RFC 8216, 3.5)."""
    # Times are the media's own, whose zero is that of its timeline.
    header = "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"
    shown = [replace(cue, end=min(cue.end, length_ms)) for cue in cues if cue.start < length_ms]
    parts: list[list[Cue]] = [[] for _ in range(max(1, -(-length_ms // segment_ms)))]
    for cue in shown:
        for index in range(cue.start // segment_ms, (cue.end - 1) // segment_ms + 1):
            parts[index].append(cue)
    return [render(part, header) for part in parts]


def shifted(cues: Sequence[Cue], by_ms: int) -> list[Cue]:
    """The cues that much later; what ends before 0 is gone."""
    moved = (replace(cue, start=max(0, cue.start + by_ms), end=cue.end + by_ms) for cue in cues)
    return [cue for cue in moved if cue.end > cue.start]


def _decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, else what Windows wrote."""
    for mark, charset in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(charset, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _cues(lines: Sequence[str], is_webvtt: bool) -> Iterator[Cue]:
    """What stands below each line of times, up to an empty line; or, in an SRT that has none, to the next number."""
    at = 0
    while at < len(lines):
        timing = _TIMING.match(lines[at])
        at += 1
        if timing is None:
            continue
        begin = at
        while at < len(lines) and lines[at].strip() and not _TIMING.match(lines[at]):
            at += 1
        text = list(lines[begin:at])
        if at < len(lines) and _TIMING.match(lines[at]) and text and text[-1].strip().isdigit():
            text.pop()
        cue = _cue(timing, "\n".join(text), is_webvtt)
        if cue.end > cue.start and cue.text:
            yield cue


def _cue(timing: re.Match[str], text: str, is_webvtt: bool) -> Cue:
    start, end = _milliseconds(timing.groups()[:4]), _milliseconds(timing.groups()[4:8])
    settings = [each for each in timing[9].split() if is_webvtt and _SETTING.match(each)]
    if not is_webvtt:
        if _TO_THE_TOP.search(text):
            settings = ["line:0"]
        text = _FONT.sub("", _OVERRIDE.sub("", text))
    return Cue(start, end, _clean(text), " ".join(settings))


def _clean(text: str) -> str:
    """The text with markup that WebVTT knows; else as it reads. No line of it is empty, or holds an arrow."""
    text = "".join(
        each for each in text if each == "\n" or each.isprintable() or each in "\u200b\u200c\u200d\u200e\u200f"
    )
    pieces, at = [], 0
    for tag in _ANY_TAG.finditer(text):
        pieces += [_escaped(text[at : tag.start()]), tag[0] if _TAG.fullmatch(tag[0]) else _escaped(tag[0])]
        at = tag.end()
    joined = "".join([*pieces, _escaped(text[at:])])
    return "\n".join(line.strip() for line in joined.split("\n") if line.strip())


def _escaped(text: str) -> str:
    """`&` and `<` as text, unless the `&` begins an entity of WebVTT; `>` too, or it could end an arrow."""
    pieces, at = [], 0
    for entity in _ENTITY.finditer(text):
        pieces += [_plain(text[at : entity.start()]), entity[0]]
        at = entity.end()
    return "".join([*pieces, _plain(text[at:])])


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _milliseconds(parts: Sequence[str | None]) -> int:
    hours, minutes, seconds, fraction = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def _stamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{rest:03d}"
