"""How an object that is made of others is cut into parts."""

from __future__ import annotations

from random import Random

import pytest

from gilfoyle.storage.s3.joining import Cut, cuts


def test_a_part_lies_within_an_object_or_where_some_meet() -> None:
    found = [
        [(cut.name, cut.start, cut.end) for cut in part] for part in cuts([("a", 25), ("b", 0), ("c", 3), ("d", 9)], 10)
    ]
    assert found == [
        [("a", 0, 10)],
        [("a", 10, 20)],
        [("a", 20, 25), ("c", 0, 3), ("d", 0, 2)],
        [("d", 2, 9)],
    ]


@pytest.mark.parametrize("seed", range(20))
def test_all_parts_but_the_last_have_one_size_and_nothing_is_lost(seed: int) -> None:
    rng = Random(seed)
    objects = {f"o{number}": rng.randbytes(rng.randrange(40)) for number in range(rng.randrange(8))}
    parts = [*cuts([(name, len(data)) for name, data in objects.items()], 16)]
    made = [b"".join(objects[cut.name][cut.start : cut.end] for cut in part) for part in parts]
    assert b"".join(made) == b"".join(objects.values())
    assert all(len(part) == 16 for part in made[:-1])
    assert all(0 < len(part) <= 16 for part in made)


@pytest.mark.parametrize(("size", "copied"), [(5 << 20, False), ((5 << 20) + 1, True)])
def test_of_a_small_object_nothing_is_copied(size: int, copied: bool) -> None:
    assert Cut("a", size, 0, 1).can_be_copied == copied
