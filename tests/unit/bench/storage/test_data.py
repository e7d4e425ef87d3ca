"""What is stored has the size it should have, and no block twice."""

from __future__ import annotations

from pathlib import Path

from bench.storage.data import SEGMENT_BYTES, make_object, make_segments, read_pieces

BLOCK = 1 << 18  # IPFS cuts here


def test_no_block_of_an_object_or_of_segments_comes_twice(tmp_path: Path) -> None:
    make_object(tmp_path / "object", (5 << 20) + 3)
    make_segments(tmp_path / "segments", 4)
    files = [tmp_path / "object", *sorted((tmp_path / "segments").iterdir())]
    content = [file.read_bytes() for file in files]
    assert [len(data) for data in content] == [(5 << 20) + 3, *[SEGMENT_BYTES] * 4]
    blocks = [data[start : start + BLOCK] for data in content for start in range(0, len(data), BLOCK)]
    assert len(set(blocks)) == len(blocks) == 21 + 4 * 2
    assert b"".join(read_pieces(files[0])) == content[0]


def test_it_is_other_data_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_object(tmp_path / name, BLOCK)
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()
