"""A route that will go says so in each of its answers, and in the description."""

from __future__ import annotations

from datetime import date

import pytest

from gilfoyle.api import deprecation, medias
from gilfoyle.api.app import create_app
from gilfoyle.api.deprecation import Deprecation, deprecated
from gilfoyle.config import Settings
from tests.integration.api.calling import calling

SINCE, SUNSET = date(2026, 1, 1), date(2027, 7, 1)


async def test_its_answers_say_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(deprecation._known, medias.index, Deprecation(SINCE, SUNSET, "/v2/medias"))
    async with calling(settings) as client:
        for answer in (
            await client.get("/v1/medias"),
            await client.head("/v1/medias"),
            await client.get("/v1/medias", params={"limit": 0}),
        ):
            assert answer.headers["Deprecation"] == "@1767225600"
            assert answer.headers["Sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
            assert answer.headers["Link"] == (
                '<http://localhost/docs>; rel="deprecation", <http://localhost/v2/medias>; rel="successor-version"'
            )
        assert "Deprecation" not in (await client.post("/v1/medias", json={"title": "Film"})).headers
    described = create_app(settings).openapi()["paths"]["/v1/medias"]
    assert described["get"]["deprecated"] and "deprecated" not in described["post"]
    assert {"Deprecation", "Sunset", "Link"} <= set(described["get"]["responses"]["200"]["headers"])


def test_it_stays_for_a_year_at_least() -> None:
    with pytest.raises(ValueError, match="too soon"):
        deprecated(since=SINCE, sunset=date(2026, 12, 31), instead="/v2/medias")
    assert deprecated(since=SINCE, sunset=date(2027, 1, 1), instead="/v2/medias")
