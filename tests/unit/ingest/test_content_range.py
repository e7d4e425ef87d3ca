from __future__ import annotations

import pytest

from gilfoyle.errors import InvalidRequest
from gilfoyle.ingest.content_range import ContentRange, parse


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes 0-0/1", ContentRange(0, 1, 1)),
        ("bytes 1000-4999/5000", ContentRange(1000, 5000, 5000)),
        ("Bytes  5-9/*", ContentRange(5, 10, None)),
        (" bytes */5000 ", ContentRange(0, 0, 5000)),
        ("bytes */0", ContentRange(0, 0, 0)),
    ],
)
def test_reads_what_the_body_has(header: str, found: ContentRange) -> None:
    assert parse(header) == found
    assert found.asks is ("*/" in header)


def test_without_one_the_body_has_all() -> None:
    assert parse("") is None


@pytest.mark.parametrize(
    "header",
    [
        "bytes", "bytes 0-4", "bytes=0-4/5", "bytes 4-3/5", "bytes 0-5/5", "bytes -1-4/5", "bytes */*", "bytes 0-/5",
        "items 0-4/5", "bytes 0-4/5, 6-7/8", f"bytes 0-1/{'9' * 20}", "bytes ٠-٤/٥",
    ],
)  # fmt: skip
def test_what_can_not_be_followed_is_refused(header: str) -> None:
    with pytest.raises(InvalidRequest, match="Content-Range must be"):
        parse(header)
