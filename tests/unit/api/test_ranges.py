from __future__ import annotations

import pytest

from gilfoyle.api.ranges import accepts_gzip, byte_range, if_none_match, if_range, range_of_any_size
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


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=0-", "bytes=5-", "bytes=0-0", "bytes=5-9", "bytes=5-500", "bytes=9-5", "bytes=-", "bytes=a-",
     "bytes=1-2,4-5", "items=0-1", "bytes=99-99", "BYTES=3-"],
)  # fmt: skip
def test_a_range_that_needs_no_size_is_the_same_as_with_it(header: str | None) -> None:
    found = range_of_any_size(header)
    assert found is not None
    start, end = found
    assert (start, 100 if end is None else min(100, end)) == (byte_range(header, 100) or (0, 100))


@pytest.mark.parametrize("header", ["bytes=-5", "bytes=-0"])
def test_a_range_from_the_end_needs_the_size(header: str) -> None:
    assert range_of_any_size(header) is None


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
