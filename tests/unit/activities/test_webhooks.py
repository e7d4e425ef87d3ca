from __future__ import annotations

from email.utils import format_datetime

import pytest

from gilfoyle.activities.webhooks import LONGEST_HOLD_S, asked_pause
from gilfoyle.catalog.models import now
from gilfoyle.net.fetch import Answer


@pytest.mark.parametrize(
    ("status", "header", "pause_s"),
    [
        (429, "120", 120),
        (503, " 5 ", 5),
        (503, "0", 0),
        (503, "9" * 5000, LONGEST_HOLD_S),
        (500, "120", 0),
        (200, "120", 0),
        (429, "soon", 0),
        (429, "-5", 0),
        (429, "1.5", 0),
        (429, "Fri, 01 Jan 2010 00:00:00 GMT", 0),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_HOLD_S),
        (429, "²", 0),
        (429, "", 0),
    ],
)
def test_the_pause_that_a_receiver_asks_for(status: int, header: str, pause_s: float) -> None:
    assert asked_pause(Answer(status, {"retry-after": header}, b"")) == pause_s


def test_without_the_header_it_asks_for_none() -> None:
    assert asked_pause(Answer(503, {}, b"")) == 0


def test_it_may_say_when() -> None:
    soon = now().timestamp() + 90
    header = format_datetime(now().fromtimestamp(soon, now().tzinfo), usegmt=False)
    assert 80 < asked_pause(Answer(503, {"retry-after": header}, b"")) <= 90
