"""Buckets: what is let through, what is not, and when it is again."""

from __future__ import annotations

import pytest

from gilfoyle.api import limits
from gilfoyle.api.limits import Buckets
from gilfoyle.config import LimitSettings
from gilfoyle.errors import TooManyRequests


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sent(buckets: Buckets, *names: str, count: int = 1000) -> int:
    """How many of so many requests, one after another, are let through."""
    for number in range(count):
        try:
            buckets.enter([*names])
        except TooManyRequests:
            return number
        buckets.leave([*names])
    return count


def test_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(LimitSettings(requests_per_s=2, burst=10), clock)
    assert sent(buckets, "a") == 10
    with pytest.raises(TooManyRequests) as refused:
        buckets.enter(["a"])
    assert refused.value.retry_after_s == 1
    clock.now += 0.5
    assert sent(buckets, "a") == 1
    clock.now += 3
    assert sent(buckets, "a") == 6
    clock.now += 3600
    assert sent(buckets, "a") == 10


def test_who_is_told_to_wait_is_let_through_then() -> None:
    clock = Clock()
    buckets = Buckets(LimitSettings(requests_per_s=0.1, burst=1), clock)
    buckets.enter(["a"])
    with pytest.raises(TooManyRequests) as refused:
        buckets.enter(["a"])
    clock.now += refused.value.retry_after_s
    buckets.enter(["a"])


def test_key_and_address_have_buckets_of_their_own() -> None:
    buckets = Buckets(LimitSettings(requests_per_s=1, burst=5), Clock())
    assert sent(buckets, "address 1", "key 1") == 5
    assert sent(buckets, "address 2", "key 1") == 0  # the same key from elsewhere
    assert sent(buckets, "address 1", "key 2") == 0  # another key from there
    assert sent(buckets, "address 2", "key 2") == 5  # what was refused did not count


def test_requests_at_a_time() -> None:
    buckets = Buckets(LimitSettings(requests_at_once=2), Clock())
    buckets.enter(["a"])
    buckets.enter(["a"])
    with pytest.raises(TooManyRequests):
        buckets.enter(["a"])
    buckets.enter(["b"])
    buckets.leave(["a"])
    buckets.enter(["a"])


def test_streams_count_apart() -> None:
    buckets = Buckets(LimitSettings(requests_at_once=2, event_streams_at_once=3), Clock())
    for _ in range(3):
        buckets.enter(["a"], stream=True)
    with pytest.raises(TooManyRequests, match="streams of events"):
        buckets.enter(["a"], stream=True)
    buckets.enter(["a"])
    buckets.enter(["a"])
    buckets.leave(["a"], stream=True)
    with pytest.raises(TooManyRequests, match="requests at a time"):
        buckets.enter(["a"])
    buckets.enter(["a"], stream=True)


def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_CLIENTS", 3)
    buckets = Buckets(LimitSettings(requests_per_s=1, burst=1), Clock())
    for name in "abcd":
        buckets.enter([name])
    assert sent(buckets, "a") == 1  # forgotten
    assert sent(buckets, "d") == 0
