"""Limits of requests, as clients meet them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from gilfoyle.config import LimitSettings, Settings
from tests.integration.api.calling import calling
from tests.integration.api.conftest import served


def limited(settings: Settings, **limits: float) -> Settings:
    return settings.model_copy(update={"limits": LimitSettings.model_validate(limits)})


async def test_more_than_the_rate_is_answered_429(settings: Settings) -> None:
    async with calling(limited(settings, requests_per_s=0.01, burst=5)) as client:
        answers = [await client.get("/v1/medias") for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
        refused = answers[-1]
        assert (refused.json()["type"], refused.json()["code"]) == ("too_many_requests", "too_many_requests")
        assert 1 <= int(refused.headers["Retry-After"]) <= 100
        assert (await client.post("/v1/medias", json={"title": "Film"})).status_code == 429
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/stream/x/master.m3u8")).status_code == 404
        other = await client.get("/v1/medias", headers={"X-Forwarded-For": "192.0.2.7"})
        assert other.status_code == 200


async def test_more_at_a_time_is_answered_429(settings: Settings) -> None:
    async with calling(limited(settings, requests_at_once=3)) as client:
        answers = await asyncio.gather(*(client.get("/v1/medias") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200, 429}
        assert (await client.get("/v1/medias")).status_code == 200


async def test_streams_that_are_open_keep_nobody_from_asking(settings: Settings) -> None:
    with served(limited(settings, requests_at_once=2, event_streams_at_once=20)) as url:
        async with httpx.AsyncClient(base_url=url) as client, AsyncExitStack() as stack:
            sse = {"Accept": "text/event-stream"}
            for _ in range(20):
                answer = await stack.enter_async_context(client.stream("GET", "/v1/events", headers=sse))
                assert answer.status_code == 200
            assert (await client.get("/v1/medias")).status_code == 200
            refused = await client.get("/v1/events", headers=sse)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
            assert (await client.get("/v1/events")).status_code == 200


async def test_nothing_is_limited_by_default(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.head("/v1/medias") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("burst", [0, -1, 1.5])
def test_a_burst_is_a_number_of_requests(burst: float) -> None:
    with pytest.raises(ValueError, match="burst"):
        LimitSettings.model_validate({"burst": burst})
