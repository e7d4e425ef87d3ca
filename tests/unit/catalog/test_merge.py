"""The examples of RFC 7396, appendix A, and what metadata may be."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.catalog.merge import MOST_LEVELS, checked, merged


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


def test_a_merge_leaves_the_target_as_it_was() -> None:
    target = {"a": {"b": 1}}
    merged(target, {"a": {"b": None}, "c": 2})
    assert target == {"a": {"b": 1}}


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1) if levels > 1 else 1}


@pytest.mark.parametrize(
    "metadata",
    [{}, {"a": "x" * 1000}, {"k" * 100: 1}, {"n": [1, 2.5, True, "é", None]}, {"n": 2**53}, nested(MOST_LEVELS)],
)
def test_what_metadata_may_be(metadata: dict[str, Any]) -> None:
    assert checked(metadata) is metadata


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({str(n): n for n in range(51)}, "50 keys"),
        ({"k" * 101: 1}, "keys of at most 100"),
        ({"a": "x" * 1001}, "values of at most 1000"),
        ({str(n): "é" * 1000 for n in range(20)}, "16384 bytes"),
        ({"list": list(range(9000))}, "16384 bytes"),
        (nested(MOST_LEVELS + 1), "levels"),
        ({"a": [[[[[1]]]]]}, "levels"),
        ({"a": "x\0"}, "NUL"),
        ({"\0": 1}, "NUL"),
        ({"a": ["\ud800"]}, "surrogate"),
        ({"a": float("inf")}, "finite"),
        ({"a": float("nan")}, "finite"),
        ({"a": 2**53 + 1}, r"2\^53"),
    ],
)
def test_what_is_too_much(metadata: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        checked(metadata)
