from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from gilfoyle.errors import FetchFailed, TooLarge
from gilfoyle.ingest.remote import AskLater, Changed, Refused, RemoteFile, asked_from, named, validator

CHANGED, LATER = "Sun, 01 Nov 2026 10:00:00 GMT", "Sun, 01 Nov 2026 10:00:01 GMT"


class Note:
    async def begun(self, total: int | None, validator: str | None) -> None:
        raise NotImplementedError

    async def arrived(self, position: int) -> None:
        raise NotImplementedError


def taken(status: int, offset: int = 0, **headers: str) -> RemoteFile:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx2.Response(status, headers=sent, request=httpx2.Request("GET", "http://files.example/a/b.mp4?s=x"))
    return RemoteFile(answer, offset, '"one"', 100, Note())


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"etag": '"a"', "last-modified": CHANGED}, '"a"'),
        ({"etag": 'W/"a"'}, None),
        ({"etag": 'W/"a"', "last-modified": CHANGED, "date": LATER}, CHANGED),
        ({"etag": '""'}, '""'),
        ({"etag": "a"}, None),
        ({"etag": '"a"b"'}, None),
        ({"etag": f'"{"a" * 2000}"'}, None),
        ({"last-modified": CHANGED, "date": CHANGED}, None),
        ({"last-modified": CHANGED}, None),
        ({"last-modified": "yesterday", "date": LATER}, None),
        ({}, None),
    ],
)
def test_what_proves_that_it_is_the_same(headers: dict[str, str], found: str | None) -> None:
    assert validator(httpx2.Headers(headers)) == found


def test_the_rest_is_asked_for_only_with_a_proof() -> None:
    assert asked_from(5, '"a"') == {"Range": "bytes=5-", "If-Range": '"a"'}
    assert asked_from(0, '"a"') == asked_from(5, None) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_range": "bytes 0-99/100"},
        {"content_range": "bytes 51-99/100"},
        {"content_range": "bytes 50-99/*"},
        {"content_range": "bytes 50-100/100"},
        {"content_range": "bytes 50-49/100"},
        {"content_range": "bytes 50-99/101"},
        {"content_range": "lines 50-99/100"},
        {"content_range": "bytes 50-99/100", "etag": '"two"'},
    ],
)
def test_a_part_that_does_not_go_on_is_not_taken(headers: dict[str, str]) -> None:
    with pytest.raises(Changed):
        taken(206, 50, **headers)


def test_a_part_that_goes_on() -> None:
    for more in ({}, {"etag": '"one"'}, {"last_modified": CHANGED}):
        found = taken(206, 50, content_range="bytes 50-99/100", **more)
        assert found.range is not None and (found.range.first, found.range.total) == (50, 100)
    assert taken(200, 50).range is None, "it begins anew"
    with pytest.raises(TooLarge):
        taken(206, 50, content_range="bytes 50-99/100").check(99)


def test_what_is_said_of_a_status() -> None:
    for status, kind in {404: Refused, 300: Refused, 206: Changed, 416: Changed, 500: AskLater, 599: AskLater}.items():
        with pytest.raises(kind) as refused:
            taken(status, 50)
        assert isinstance(refused.value, FetchFailed)
        assert "files.example" in refused.value.message and "s=x" not in refused.value.message


def test_when_to_come_back() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    for said, seconds in {"7": 7, soon: 60, CHANGED: 0, "soon": 0, "-5": 0}.items():
        with pytest.raises(AskLater) as refused:
            taken(503, retry_after=said)
        assert refused.value.after_s == pytest.approx(seconds, abs=2)


def test_names() -> None:
    assert taken(200, content_disposition='attachment; filename="../c.mkv"').file_name == "c.mkv"
    assert taken(200).file_name is None
    assert named("http://files.example/a/b%20c.mp4?x=/y") == "b c.mp4"
    assert named("http://files.example") is None
