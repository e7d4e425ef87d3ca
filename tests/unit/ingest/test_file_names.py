from __future__ import annotations

import pytest

from gilfoyle.ingest.file_names import clean

KEPT = [
    "film.mp4", "Fïlm 🎬.mp4", "Screen Recording 3.44.08\u202fPM.mov", "東京\u3000夏.mp4", "a\u00a0b.mp4",
    "نمی\u200cخواهم.mp4", "👨\u200d👩\u200d👧.mp4", "❤\ufe0f.mp4", "cafe\u0301.mp4", "שלום\u200f.mp4", "a\u00adb.mp4",
    "🏴\U000e0067\U000e0062\U000e007f.mp4", "\ue000.mp4", "a..b", "100%.mp4", "a=?b?=.mp4", "=?utf-8?B?.mp4", "\u3000x",
    ";'*", "=?nonsense?x?y?=", "a?.mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert clean(name) == name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("C:\\films\\film.mp4", "film.mp4"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\x1b[31m\n\x7f\x85\x9b.mp4", "ab[31m.mp4"),
        ("gpj.\u202e4pm.exe", "gpj.4pm.exe"),
        ("\u2066a\u2069\u202ab\u202c.mp4", "ab.mp4"),
        ("half \ud83d.mp4", "half .mp4"),
        ("folder/", None),
        ("  ", None),
        ("\u3000\u00a0", None),
        ("", None),
        (" film.mp4 ", "film.mp4"),
        ("x" * 300 + ".mp4", "x" * 251 + ".mp4"),
        ("say %22hi%22%0D%0A.mp4", 'say "hi".mp4'),
        ("=?utf-8?B?U2NyZWVuIDMuNDQuMDjigK9QTS5tb3Y=?=", "Screen 3.44.08\u202fPM.mov"),
        ("=?UTF-8?Q?na=C3=AFve_film.mp4?=", "naïve film.mp4"),
        ("=?utf-8?B?5p2x?= =?utf-8?B?5LqsLm1wNA==?=", "東京.mp4"),
        ("=?iso-8859-1?Q?caf=E9.mp4?=", "café.mp4"),
        ("=?gb2312?B?1tDOxC5tcDQ=?=", "中文.mp4"),
        ("=?utf-8?B?Li4vLi4vZXRjL3Bhc3N3ZA==?=", "passwd"),
        ("=?utf-8?Q?a=E2=80=AEb?=", "ab"),
        ("=?utf-7?Q?+2AA-?=", "+2AA-"),
        ("=?unicode_escape?Q?=5Cud800?=", "ud800"),
    ],
)
def test_what_goes_is_what_steers_and_leads_elsewhere(sent: str, kept: str | None) -> None:
    assert clean(sent) == kept
