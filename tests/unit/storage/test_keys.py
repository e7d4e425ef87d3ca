from __future__ import annotations

from uuid import UUID

import pytest

from gilfoyle.errors import InvalidRequest
from gilfoyle.storage import keys
from gilfoyle.storage.base import check_key
from gilfoyle.testing.storage_contract import BAD_KEYS

ID = UUID("0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11")


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidRequest):
        check_key(key)


@pytest.mark.parametrize(
    "key",
    [
        keys.source(ID),
        keys.master_playlist(ID, 1),
        f"{keys.rendition_prefix(ID, 2, 'audio-128k')}/{keys.segment_name(99999)}",
        f"{keys.rendition_prefix(ID, 2, '720p')}/{keys.INIT_NAME}",
        "...",
        "a" * 200,
    ],
)
def test_our_own_keys_are_good(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("index", [0, 1, 42, 99999, 123456])
def test_a_segments_name_tells_its_index(index: int) -> None:
    assert keys.segment_index(f"m/1/720p/{keys.segment_name(index)}") == index


@pytest.mark.parametrize("key", ["m/1/720p/init.mp4", "m/1/720p/index.m3u8", "m/00001.m4s/x", "m4s", "a.m4s"])
def test_other_objects_have_no_index(key: str) -> None:
    assert keys.segment_index(key) is None
