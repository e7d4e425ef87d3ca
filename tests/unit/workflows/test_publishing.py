"""How long publishing rests."""

from __future__ import annotations

import pytest

from gilfoyle.workflows.publishing import rest_s


@pytest.mark.parametrize(("took_s", "expected"), [(0.2, 0), (1.0, 0), (4.0, 12)])
def test_it_rests_after_a_long_one(took_s: float, expected: float) -> None:
    assert rest_s(took_s) == expected
