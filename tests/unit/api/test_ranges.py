from __future__ import annotations

import pytest

from gilfoyle.api.ranges import accepts_gzip, byte_range, if_none_match, if_range
from gilfoyle.errors import RangeNotSatisfiable


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-9", (0, 10)),
        ("BYTES=0-9", (0, 10)),
        ("bytes= 0-9 ", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=0-0,5-6", None),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=a-", None),
        ("bytes=1", None),
        ("bytes=1-2-3", None),
        ("bytes=٣-٤", None),
        ("seconds=1-2", None),
        ("bytes=" + "9" * 10_000 + "-", None),
    ],
)
def test_byte_range(header: str | None, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-1", 0)])
def test_unsatisfiable(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable):
        byte_range(header, size)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
    ],
)
def test_if_none_match(header: str | None, expected: bool) -> None:
    assert if_none_match(header, '"a"') is expected


@pytest.mark.parametrize(
    ("header", "expected"), [(None, True), ('"a"', True), ('W/"a"', False), ('"b"', False), ("Wed, 21 Oct 2015", False)]
)
def test_if_range(header: str | None, expected: bool) -> None:
    assert if_range(header, '"a"') is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("gzip;q=nonsense", False),
    ],
)
def test_accepts_gzip(header: str | None, expected: bool) -> None:
    assert accepts_gzip(header) is expected
