"""Captions: what people send, and what players are given."""

from __future__ import annotations

import pytest

from gilfoyle.errors import InvalidRequest
from gilfoyle.media.text.webvtt import Cue, parse, render, segments, shifted

SRT = """1
00:00:01,000 --> 00:00:02,500
Hello, <i>world</i>!

2
00:01:00,5 --> 00:01:02,000
Second line
and another
"""


def test_srt() -> None:
    assert parse(SRT.encode()) == [
        Cue(1000, 2500, "Hello, <i>world</i>!"),
        Cue(60_500, 62_000, "Second line\nand another"),
    ]


def test_webvtt_keeps_settings_and_loses_what_is_no_caption() -> None:
    text = """WEBVTT - a title

STYLE
::cue { color: red }

NOTE to myself
do not show

intro
00:01.000 --> 00:02.000 line:0 align:start nonsense:1 position:10%,line-left
<v Fred>Hi <c.yellow>you</c>
"""
    (cue,) = parse(text.encode())
    assert cue == Cue(1000, 2000, "<v Fred>Hi <c.yellow>you</c>", "line:0 align:start position:10%,line-left")


@pytest.mark.parametrize(
    "data",
    [
        SRT.encode("utf-8-sig"),
        SRT.encode("utf-16"),
        SRT.replace("\n", "\r\n").encode(),
        SRT.replace("\n", "\r").encode(),
        SRT.replace("\n\n2\n", "\n2\n").encode(),
        b"\n\n" + SRT.encode(),
    ],
)
def test_any_way_of_writing_it(data: bytes) -> None:
    assert parse(data) == parse(SRT.encode())


def test_what_windows_wrote() -> None:
    assert parse("1\n00:00:01,000 --> 00:00:02,000\nNaïve “café”\n".encode("cp1252"))[0].text == "Naïve “café”"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("&amp; &lt; &nbsp; &#8364; &bogus;", "&amp; &lt; &nbsp; &#8364; &amp;bogus;"),
        ('<font color="red">red</font>', "red"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<b>bold</b> <blink>x", "<b>bold</b> &lt;blink&gt;x"),
        ("one --> two", "one --&gt; two"),
        ("bell\x07 and\x00 nul", "bell and nul"),
        (r"{\i1}tilted{\i0}", "tilted"),
    ],
)
def test_what_would_not_be_shown_is_cleaned(sent: str, shown: str) -> None:
    assert parse(f"1\n00:00:01,000 --> 00:00:02,000\n{sent}\n".encode())[0].text == shown


def test_what_stands_at_the_top_stays_there() -> None:
    (cue,) = parse(b"1\n00:00:01,000 --> 00:00:02,000\n{\\an8}Above\n")
    assert (cue.text, cue.settings) == ("Above", "line:0")


@pytest.mark.parametrize(
    "data", [b"", b"no captions", b"[Script Info]\nTitle: x", bytes(1000), b"WEBVTT\n\n", b"\xff\xfe"]
)
def test_what_holds_none_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(data)
    assert refused.value.reason == "text_unreadable"


def test_cues_are_in_order_and_none_lasts_no_time() -> None:
    cues = parse(
        b"1\n00:00:09,000 --> 00:00:10,000\nlast\n\n2\n00:00:05,000 --> 00:00:05,000\nnever\n\n"
        b"3\n00:00:01,000 --> 00:00:02,000\nfirst\n"
    )
    assert [cue.text for cue in cues] == ["first", "last"]


def test_what_is_written_is_read_again() -> None:
    cues = parse(SRT.encode())
    assert parse(render(cues).encode()) == cues


def test_a_cue_is_in_each_segment_in_which_it_is_shown() -> None:
    found = segments([Cue(1000, 2000, "a"), Cue(59_000, 125_000, "b"), Cue(500_000, 501_000, "late")], 130_000, 60_000)
    assert [[cue.text for cue in _cues(text)] for text in found] == [["a", "b"], ["b"], ["b"]]
    assert all(text.startswith("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n") for text in found)


def test_a_cue_ends_with_the_media_and_with_its_segment() -> None:
    found = segments([Cue(0, 60_000, "a"), Cue(119_000, 999_000, "b")], 120_000, 60_000)
    assert [[(cue.text, cue.end) for cue in _cues(text)] for text in found] == [[("a", 60_000)], [("b", 120_000)]]


def test_a_segment_without_a_cue_is_one_all_the_same() -> None:
    assert len(segments([Cue(0, 1000, "a")], 180_001, 60_000)) == 4


def test_shifted() -> None:
    cues = [Cue(0, 1000, "gone"), Cue(500, 3000, "cut"), Cue(5000, 6000, "later")]
    assert shifted(cues, -2000) == [Cue(0, 1000, "cut"), Cue(3000, 4000, "later")]
    assert shifted(cues, 100)[0] == Cue(100, 1100, "gone")


def _cues(text: str) -> list[Cue]:
    try:
        return parse(text.encode())
    except InvalidRequest:
        return []
